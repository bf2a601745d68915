#!/bin/bash
# SPDX-License-Identifier: MIT
# The kernel tests over and over, for SOAK_TIME seconds (default 600), as root in a virtual machine:
# races show themselves by repetition, and what leaks adds up. Then the races alone, until MEETINGS
# opens (default 1000000) have met a move; `soak.sh races` begins there. The last line sums up.
set -u
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
# shellcheck source=tests/lib.sh
. tests/lib.sh

said=$(mktemp)
trap 'rm -f "$said"' EXIT

kept() { # COMMAND...: what it says is kept, too
	"$@" | tee -a "$said"
	return "${PIPESTATUS[0]}"
}

# What the races said that they did (test_cache.sh), added up.
sum() { # WORDS that are around the number, as a sed expression
	sed -nE "s/^# .*$1.*/\\1/p" "$said" | awk '{ n += $1 } END { print n + 0 }'
}
met() { sum ' met by ([0-9]+) opens'; }
raced() {
	echo "# races: $(sum ' ([0-9]+) rounds \(opens\)') rounds (opens) so far, of which $(met) met one of $(sum ' ([0-9]+) moves') moves"
}

# Stop at the first round that fails: what it left behind would only blur the next.
round=0
alone=${RACES:-10}
export RACES="${RACES:-4}" LIMIT="${LIMIT:-1200}" # test_cache.sh races that many times as long
if [ "${1:-}" != races ]; then
	section "stress-ng, ten minutes" env T=stress STRESS=100 tests/kernel/all.sh
	end=$((SECONDS + ${SOAK_TIME:-600}))
	while [ $SECONDS -lt $end ]; do
		round=$((round + 1))
		section "round $round" kept env SBX_SEED=$RANDOM$RANDOM tests/kernel/all.sh || break
		grep -E '^(MemAvailable|Slab|Percpu):' /proc/meminfo | tr -s ' \n' ' '
		echo
	done
fi
while [ "$failed" -eq 0 ]; do
	raced
	[ "$(met)" -lt "${MEETINGS:-1000000}" ] || break
	round=$((round + 1))
	section "round $round, races" kept env T=cache RACES="$alone" tests/kernel/all.sh
done
closing
