#!/bin/bash
# SPDX-License-Identifier: MIT
# The programs load, and the verifier is not near its limit with any of them. The figures go to
# build/vm/KERNEL/verifier.txt when the machine was started by matrix.sh.
. "$(dirname "$0")/lib.sh"

limit=200000 # a fifth of what the verifier is ready to look at
policy "$W/load.yaml" </dev/null
mkdir "$CG/load"
check "load: attach" "$SBX" attach --cgroup "$CG/load" --policy "$W/load.yaml" --name load
check "load: the verifier's figures" sh -c "'$ROOT/build/kernel/progs' >'$W/progs'"
sort -rn "$W/progs" -o "$W/progs"
[ ! -d /mnt/host ] || cp "$W/progs" /mnt/host/verifier.txt
worst=$(head -n 1 "$W/progs")
check "load: no program above $limit (worst: $(awk '{print $4, $1}' <<<"$worst"))" \
	awk -v limit=$limit '$1 > limit { print; bad = 1 } END { exit bad || !NR }' "$W/progs"
check "load: detach" "$SBX" detach --name load
check "load: nothing is left" sh -c "! '$ROOT/build/kernel/progs'"
rmdir "$CG/load"
rm -rf "$W"
