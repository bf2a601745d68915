#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs cmocka programs, as many at a time as there are processors (or JOBS), and prints one closing
# line "N passed, N failed, N skipped". A program that dies without a summary counts as one failure:
# a crash must never look like success.
set -u
passed=0 failed=0 skipped=0
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

one() { # PROGRAM: its output and status into $logs
	CMOCKA_MESSAGE_OUTPUT=stdout "$1" >"$logs/${1##*/}" 2>&1
	echo $? >"$logs/${1##*/}.status"
}

count() { # WORD LOG: the tests that ended so; failures are listed a second time at the end
	grep -oE "^\[ +$1 +\] [a-z_0-9]+$" "$2" | sort -u | wc -l
}

export -f one
export logs
printf '%s\0' "$@" | xargs -0 -P "${JOBS:-$(nproc)}" -I{} bash -c 'one "$1"' one {}
for t in "$@"; do
	name=${t##*/}
	log=$logs/$name
	rc=$(cat "$log.status" 2>/dev/null || echo 1)
	p=$(count OK "$log")
	f=$(count FAILED "$log")
	s=$(count SKIPPED "$log")
	if [ "$rc" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
	fi
	[ "$f" -eq 0 ] || cat "$log"
	printf '%-32s %d passed, %d failed, %d skipped\n' "$name" "$p" "$f" "$s"
	sed -n 's/^note: /  /p' "$log"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
