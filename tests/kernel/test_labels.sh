#!/bin/bash
# SPDX-License-Identifier: MIT
# Labels: set for everybody who is there at attach, inherited, never lost.
. "$(dirname "$0")/lib.sh"
L=$ROOT/build/kernel/labels

policy "$W/labels.yaml" <<EOF
  - allow: [read, write]
    path: ["$W/ok/**", "$CG/**"]
capabilities: [cap_dac_override, cap_sys_admin]
EOF
mkdir "$W/ok"
echo secret >"$W/secret"
A=$CG/sbx-test-a
O=$CG/sbx-test-outside
mkdir -p "$A" "$O"

attach() { "$SBX" attach --cgroup "$A" --policy "$W/labels.yaml" --name labels >"$W/log" 2>&1; }
detach() { "$SBX" detach --name labels >"$W/log" 2>&1; }
into() { # CGROUP COMMAND...
	local cg=$1
	shift
	(
		echo $BASHPID >"$cg/cgroup.procs"
		exec "$@"
	)
}

# Threads that existed when their process was moved, and were never moved themselves.
mkfifo "$W/in"
"$L" threads "$W/secret" <"$W/in" >"$W/out" &
pid=$!
exec 3>"$W/in"
until grep -q ready "$W/out"; do sleep 0.1; done
check "labels: attach" attach
echo $pid >"$A/cgroup.procs"
echo go >&3
exec 3>&-
wait $pid
status "labels: threads from before the move are denied" 0 grep -q "denied 8 through 0" "$W/out"

# The same when the process is there before attach.
check "labels: detach" detach
"$L" threads "$W/secret" <"$W/in" >"$W/out" &
pid=$!
exec 3>"$W/in"
until grep -q ready "$W/out"; do sleep 0.1; done
echo $pid >"$A/cgroup.procs"
check "labels: attach to a cgroup with tasks" attach
echo go >&3
exec 3>&-
wait $pid
status "labels: threads from before attach are denied" 0 grep -q "denied 8 through 0" "$W/out"

status "labels: a child cloned into the cgroup is denied" 0 "$L" clone-into "$A" "$W/secret"
mkdir -p "$A/below/deeper"
status "labels: a child cloned into a cgroup below is denied" 0 "$L" clone-into "$A/below/deeper" "$W/secret"
status "labels: a task in a cgroup made later is denied" 1 into "$A/below/deeper" cat "$W/secret"
status "labels: leaving the cgroup does not leave the sandbox" 0 into "$A" "$L" leave "$O" "$W/secret"
status "labels: the twin outside reads" 0 into "$O" cat "$W/secret"

# Nested sandboxes intersect.
policy "$W/inner.yaml" <<-EOF
	  - allow: [read]
	    path: "$W/**"
EOF
mkdir -p "$A/inner"
check "labels: a sandbox inside the sandbox" "$SBX" attach --cgroup "$A/inner" --policy "$W/inner.yaml" --name inner
echo x >"$W/ok/x"
status "labels: what the outer one denies stays denied" 1 into "$A/inner" cat "$W/secret"
status "labels: what both allow is allowed" 0 into "$A/inner" cat "$W/ok/x"
status "labels: what the inner one denies is denied" 1 into "$A/inner" /bin/bash -c "echo y >$W/ok/x"
status "labels: the twin in the outer one writes" 0 into "$A" /bin/bash -c "echo y >$W/ok/x"
check "labels: detach the inner one" "$SBX" detach --name inner
check "labels: detach the outer one" detach
status "labels: free after detach" 0 into "$A" cat "$W/secret"

# A fork storm while attach happens: who saw the flag, which is made after attach, must be denied.
storm() { # NAME COMMAND: COMMAND runs in the middle of the storm, then the flag is made
	local name=$1
	shift
	rm -f "$W/flag"
	"$L" storm 8 "$W/flag" "$W/secret" >"$W/out" &
	pid=$!
	echo $pid >"$A/cgroup.procs"
	sleep 2
	"$@"
	touch "$W/flag"
	wait $pid
	status "labels: fork storm during $name ($(cat "$W/out"))" 0 grep -q "denied [1-9][0-9]* through 0" "$W/out"
}
storm attach attach
storm update "$SBX" update --cgroup "$A" --policy "$W/labels.yaml"
"$SBX" detach --all >/dev/null 2>&1

# Eight sandboxes fit on a task, a ninth does not.
cg=$A
for i in 1 2 3 4 5 6 7 8; do
	cg=$cg/n$i
	mkdir -p "$cg"
	"$SBX" attach --cgroup "$cg" --policy "$W/labels.yaml" --name "n$i" >"$W/log" 2>&1 || not_ok "labels: sandbox $i of 8"
done
status "labels: eight sandboxes on a task" 0 into "$cg" cat "$W/ok/x"
mkdir -p "$cg/n9"
sleep 60 &
pid=$!
echo $pid >"$cg/n9/cgroup.procs"
status "labels: a ninth is refused where it would bind a task" 1 "$SBX" attach --cgroup "$cg/n9" --policy "$W/labels.yaml" --name n9
kill $pid
check "labels: detach all" "$SBX" detach --all
rm -rf "$W"
