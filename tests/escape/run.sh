#!/bin/bash
# SPDX-License-Identifier: MIT
# The escape suite in every sandbox that there is an adapter for, in a virtual machine for each kernel.
#
#   run.sh [KERNEL...]         ADAPTERS="none sbx-bpf": these alone (none always runs)
#
# Writes build/escape.json, and build/escape.md, which it prints.
set -eu
cd "$(dirname "$(readlink -f "$0")")/../.."
[ $# -gt 0 ] || set -- 6.12
read -r -a adapters <<<"${ADAPTERS:-none sbx-bpf landlock bubblewrap firejail systemd-run sandbox-runtime}"

dirs=()
for kernel; do
	dir=build/escape/$kernel
	rm -rf "$dir"
	mkdir -p "$dir"
	echo "== kernel $kernel"
	tests/vm/run.sh --systemd --kernel "$kernel" --timeout 5400 --share "$dir" -- \
		env RACE_MS="${RACE_MS:-1000}" SBX_ESCAPE_CASES="${SBX_ESCAPE_CASES:-}" \
		tests/escape/guest.sh "${adapters[@]}"
	dirs+=("$dir")
done
tests/escape/table.py build/escape.json "${dirs[@]}" | tee build/escape.md
