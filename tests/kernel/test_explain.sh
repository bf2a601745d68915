#!/bin/bash
# SPDX-License-Identifier: MIT
# `explain` says what the kernel does: random accesses under random policies, by names of all kinds,
# are tried in a sandbox and asked about. SBX_SEED=n repeats or varies a run.
. "$(dirname "$0")/lib.sh"

SEED=${SBX_SEED:-20250601}
POLICIES=8
ACCESSES=10400
echo "SBX_SEED=$SEED"
python3 "$ROOT/tests/kernel/tries.py" "$W" "$SEED" $POLICIES $ACCESSES || not_ok "explain: the policies are made"
mount --bind "$W/t/b" "$W/mount"
mount --bind "$W/t/b/a" "$W/again"
keep_loaded
A=$CG/sbx-test-explain
mkdir -p "$A"
rm -f "$W/all"

for n in $(seq 0 $((POLICIES - 1))); do
	policy "$W/p$n.yaml" <"$W/$n.rules"
	if [ "$n" = 0 ]; then
		check "explain: attach" "$SBX" attach --cgroup "$A" --policy "$W/p$n.yaml" --name explain
	else
		check "explain: policy $n" "$SBX" update --name explain --policy "$W/p$n.yaml"
	fi
	(
		echo $BASHPID >"$A/cgroup.procs"
		exec "$ROOT/build/kernel/tries"
	) < <(cat "$W/$n.tries") | cat >"$W/$n.kernel"
	xargs -a "$W/$n.tries" -s 2000000 "$SBX" explain --brief --policy "$W/p$n.yaml" >"$W/$n.said" 2>"$W/$n.err"
	cut -d: -f1 "$W/$n.said" | paste -d' ' - "$W/$n.kernel" "$W/$n.tries" >>"$W/all"
done
# A line of it: what explain says, what the kernel did, and the access.
check "explain: every access was tried and asked about" test "$(wc -l <"$W/all")" = $ACCESSES
awk '$1 != $2' "$W/all" >"$W/differ"
check "explain: the same answer as the kernel's for $ACCESSES random accesses" diff /dev/null <(head -n 20 "$W/differ")
for word in allowed denied; do
	for right in read write exec; do
		check "explain: some were $word: $right" test "$(grep -c "^$word $word $right" "$W/all")" -ge $((ACCESSES / 50))
	done
done
check "explain: by other names, too" test "$(grep -cE " $W/(link|far|mount|again|t/c/up)/" "$W/all")" -ge $((ACCESSES / 20))
check "explain: detach" "$SBX" detach --name explain
rmdir "$A"
umount "$W/mount" "$W/again"
unload explain
