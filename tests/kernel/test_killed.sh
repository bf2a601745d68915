#!/bin/bash
# SPDX-License-Identifier: MIT
# attach, update and detach, killed at any moment: they leave a whole sandbox or none, the old policy
# or the new one, for the processes that were there and for those that come.
. "$(dirname "$0")/lib.sh"
ROUNDS=$((5 * ${RACES:-1})) # of each command
c=$CG/killed
mkdir "$c" "$CG/keeper"
two_policies
before=$(counts)

now_ms() { echo $(($(date +%s%N) / 1000000)); }

killed() { # MS COMMAND...: killed after so many milliseconds
	local ms=$1
	shift
	"$SBX" "$@" >/dev/null 2>&1 &
	local pid=$!
	sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
}

lasts() { # COMMAND...: its time in ms; the moments of the kill are drawn from it
	local start
	start=$(now_ms)
	"$SBX" "$@" >/dev/null 2>&1
	echo $(($(now_ms) - start))
}

there() { "$SBX" status 2>/dev/null | grep -q '^k ' && echo True || echo False; }

# Whole or absent, for those who were there and those who come.
whole_or_absent() {
	local is
	is=$(there)
	case "$is $(ask "$W/no") $(ask "$W/yes") $(newcomer "$c" "$W/no") $(newcomer "$c" "$W/yes")" in
	"True denied allowed denied allowed" | "False allowed allowed allowed allowed")
		eval "seen_$is=\$((seen_$is + 1))"
		return 0
		;;
	esac
	echo "half: status says $is, a: $(ask "$W/no") $(ask "$W/yes") $(newcomer "$c" "$W/no")"
	return 1
}

attach_k=(attach --cgroup killed --policy "$W/a.yaml" --name k)
# shellcheck disable=SC2034
seen_True=0 seen_False=0
start_member "$c"
t_load=$(lasts attach --cgroup keeper --policy "$W/a.yaml" --name keeper)
t_attach=$(lasts "${attach_k[@]}")
t_update=$(lasts update --name k --policy "$W/a.yaml")
t_detach=$(lasts detach --name k)
bad=0
for _ in $(seq "$ROUNDS"); do
	killed $((RANDOM % (t_attach + 1))) "${attach_k[@]}"
	whole_or_absent || bad=$((bad + 1))
	[ "$(there)" = True ] || "$SBX" "${attach_k[@]}" >/dev/null 2>&1 || bad=$((bad + 1))
	killed $((RANDOM % (t_detach + 1))) detach --name k
	whole_or_absent || bad=$((bad + 1))
	"$SBX" detach --name k >/dev/null 2>&1
done
check "attach and detach, killed: whole or absent ($seen_True, $seen_False times)" wants 0 $bad
bad=0
"$SBX" "${attach_k[@]}" >/dev/null 2>&1
for i in $(seq "$ROUNDS"); do
	p=$((i % 2))
	[ $p = 1 ] && file=$W/b.yaml || file=$W/a.yaml
	killed $((RANDOM % (t_update + 1))) update --name k --policy "$file"
	case "$(ask "$W/no") $(ask "$W/yes")" in
	"denied allowed" | "allowed denied") ;;
	*) bad=$((bad + 1)) ;;
	esac
done
check "update, killed: the old policy or the new one" wants 0 $bad
t_unload=$(now_ms)
status "after all this, detach --all" 0 "$SBX" detach --all
t_unload=$(($(now_ms) - t_unload))
check "leaves nothing" same_counts "$before"

# While the programs themselves are loaded.
bad=0
for _ in $(seq "$((2 * ${RACES:-1}))"); do
	killed $((RANDOM % (t_load + 1))) "${attach_k[@]}"
	whole_or_absent || bad=$((bad + 1))
done
[ "$(there)" = True ] || "$SBX" "${attach_k[@]}" >/dev/null 2>&1 || bad=$((bad + 1))
killed $((RANDOM % (t_unload + 1))) detach --name k
whole_or_absent || bad=$((bad + 1))
check "killed while it loads: whole or absent" wants 0 $bad
"$SBX" "${attach_k[@]}" >/dev/null 2>&1
status "what was left over is swept up" 0 "$SBX" detach --all
check "and leaves nothing" same_counts "$before"
check "no cgroup either" wants "" "$(ls -d "$CG"/sbx-bpf.* 2>/dev/null)"
stop_member
rmdir "$c" "$CG/keeper"
rm -rf "$W"
