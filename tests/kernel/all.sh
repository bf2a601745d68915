#!/bin/bash
# SPDX-License-Identifier: MIT
# All kernel tests, as root in a virtual machine: tests/vm/run.sh --kernel K -- tests/kernel/all.sh
# T=name or T='@(this|that)' runs these; PART=2/3 every third, beginning with the second. What takes
# minutes and what is about the commands and policies more than about kernels runs by its name alone
# (test.sh: $on_one). The last line sums up.
set -u
here=$(cd "$(dirname "$0")" && pwd)
passed=0 failed=0 skipped=0
part=${PART:-1/1}
n=0

# Those first that want to find nothing loaded: the others keep the programs for each other.
tests() {
	local t
	[ -z "${T:-}" ] || for t in cli killed run; do echo "$here/test_$t.sh"; done
	echo "$here/test_load.sh"
	for t in "$here"/test_*.sh; do
		case $t in
		*_cli.sh | *_killed.sh | *_load.sh | *_run.sh) ;;
		*_stress.sh | *_denials.sh | *_policies.sh | *_proxy.sh | *_service.sh | *_variants.sh | *_work.sh | *_agents.sh | *_browser.sh)
			[ -z "${T:-}" ] || echo "$t"
			;;
		*) echo "$t" ;;
		esac
	done
}

for t in $(tests); do
	[[ $t = */test_${T:-*}.sh ]] || continue
	n=$((n + 1))
	# test_work.sh deals its sessions to the parts itself.
	[[ $t = *_work.sh ]] || [ $(((n - ${part%/*}) % ${part#*/})) -eq 0 ] || continue
	name=$(basename "$t" .sh)
	start=$SECONDS
	p=0 f=0 s=0
	log=$(mktemp)
	KEEP=1 timeout -k 10 "${LIMIT:-600}" bash "$t" >"$log" 2>&1
	rc=$?
	while IFS= read -r line; do
		case $line in
		"ok "*) p=$((p + 1)) ;;
		"not ok "*) f=$((f + 1)) ;;
		"skip "*) s=$((s + 1)) ;;
		esac
	done <"$log"
	if [ "$rc" -ne 0 ] && [ "$f" -eq 0 ]; then
		echo "not ok $name ended with status $rc" >>"$log"
		f=1
	elif [ $((p + f)) -eq 0 ]; then
		echo "not ok $name tested nothing" >>"$log"
		f=1
	fi
	if [ "$f" -gt 0 ]; then
		grep -v '^ok ' "$log"
	else
		grep -E '^(skip|#) ' "$log"
	fi
	rm -f "$log"
	echo "$name: $p passed, $f failed, $s skipped ($((SECONDS - start)) s)"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
