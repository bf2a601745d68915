#!/bin/bash
# SPDX-License-Identifier: MIT
# The kernel tests over and over, for SOAK_TIME seconds (default 600), as root in a virtual machine:
# races show themselves by repetition, and what leaks adds up. The last line sums up.
set -u
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
# shellcheck source=tests/lib.sh
. tests/lib.sh

round=0
export RACES="${RACES:-4}" LIMIT="${LIMIT:-1200}" # test_cache.sh races that many times as long
section "stress-ng, ten minutes" env T=stress STRESS=100 tests/kernel/all.sh
end=$((SECONDS + ${SOAK_TIME:-600}))
while [ $SECONDS -lt $end ]; do
	round=$((round + 1))
	# Stop at the first round that fails: what it left behind would only blur the next.
	section "round $round" env SBX_SEED=$RANDOM$RANDOM tests/kernel/all.sh || break
	grep -E '^(MemAvailable|Slab|Percpu):' /proc/meminfo | tr -s ' \n' ' '
	echo
done
closing
