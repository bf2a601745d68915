#!/bin/bash
# SPDX-License-Identifier: MIT
# fuzz.sh SECONDS BINARY...: shares the time among the fuzzers. What they learn is kept in
# build/corpus, what kills them in build/crash-*; seeds are in tests/fuzz/seeds and tests/golden.
set -u
cd "$(dirname "$(readlink -f "$0")")/.." || exit 1
# shellcheck source=tests/lib.sh
. tests/lib.sh
[ $# -ge 2 ] || {
	echo "usage: $0 SECONDS BINARY..." >&2
	exit 2
}
seconds=$1
shift
each=$((seconds / $#))
[ "$each" -gt 0 ] || each=1
for bin; do
	name=${bin##*/}
	corpus=build/corpus/$name
	mkdir -p "$corpus"
	seeds=()
	for dir in "tests/fuzz/seeds/$name" "tests/golden/$name"; do
		[ ! -d "$dir" ] || seeds+=("$dir")
	done
	case "$name" in
	policy) seeds+=(policies tests/golden/bad) ;;
	assertion) seeds+=(policies/assert tests/golden/bad-assert) ;;
	esac
	log=build/fuzz-$name.log
	if "$bin" -max_total_time="$each" -timeout=30 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="build/crash-$name-" "$corpus" "${seeds[@]}" >"$log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
		ok "$name: ${runs:-?} runs in $each s"
	else
		tail -n 40 "$log"
		not_ok "$name: see $log and build/crash-$name-*"
	fi
done
closing
