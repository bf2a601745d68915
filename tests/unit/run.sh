#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs cmocka programs and prints one closing line "N passed, N failed, N skipped".
# A program that dies without a summary counts as one failure: a crash must never look like success.
set -u
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for t in "$@"; do
	CMOCKA_MESSAGE_OUTPUT=stdout "$t" >"$log" 2>&1
	rc=$?
	p=$(grep -c '^\[       OK \]' "$log")
	f=$(grep -c '^\[  FAILED  \] [a-z_0-9]*$' "$log")
	s=$(grep -c '^\[  SKIPPED \] [a-z_0-9]*$' "$log")
	if [ "$rc" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
	fi
	[ "$rc" -eq 0 ] && [ "$f" -eq 0 ] || cat "$log"
	sed -n 's/^note: /  /p' "$log"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	printf '%-32s %d passed, %d failed, %d skipped\n' "$(basename "$t")" "$p" "$f" "$s"
done
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
