#!/bin/bash
# SPDX-License-Identifier: MIT
# Labels: set for everybody who is there at attach, inherited, never lost.
. "$(dirname "$0")/lib.sh"
L=$ROOT/build/kernel/labels

policy "$W/labels.yaml" <<EOF
  - allow: [read, write]
    path: ["$W/ok/**", "$CG/**"]
capabilities: [cap_dac_override, cap_sys_admin, cap_setuid, cap_setgid]
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

keep_loaded
# start MODE...: a process of threads that wait for `go`; its output is in $W/out
mkfifo "$W/in"
start() {
	"$L" "$@" "$W/secret" <"$W/in" >"$W/out" &
	pid=$!
	exec 3>"$W/in"
	until grep -q ready "$W/out"; do sleep 0.1; done
}
go() {
	echo go >&3
	exec 3>&-
	wait $pid
}

start threads
check "labels: attach" attach
echo $pid >"$A/cgroup.procs"
go
status "labels: threads from before the move are denied" 0 grep -q "denied 8 through 0" "$W/out"

start threads
echo $pid >"$A/cgroup.procs"
echo $pid >"$O/cgroup.procs"
go
status "labels: threads that never acted inside are denied outside" 0 grep -q "denied 8 through 0" "$W/out"

start headless
echo $pid >"$A/cgroup.procs"
echo $pid >"$O/cgroup.procs"
go
status "labels: a thread whose first thread has ended is denied" 0 grep -q "denied 1 through 0" "$W/out"
start headless
go
status "labels: its twin that was never inside reads" 0 grep -q "denied 0 through 1" "$W/out"

# The same when the process is there before attach.
check "labels: detach" detach
start threads
echo $pid >"$A/cgroup.procs"
check "labels: attach to a cgroup with tasks" attach
go
status "labels: threads from before attach are denied" 0 grep -q "denied 8 through 0" "$W/out"
check "labels: detach" detach
start threads
echo $pid >"$A/cgroup.procs"
check "labels: attach to a cgroup with tasks" attach
echo $pid >"$O/cgroup.procs"
go
status "labels: threads from before attach are denied outside" 0 grep -q "denied 8 through 0" "$W/out"

status "labels: a child cloned into the cgroup is denied" 0 "$L" clone-into "$A" "$W/secret"
mkdir -p "$A/below/deeper"
status "labels: a child cloned into a cgroup below is denied" 0 "$L" clone-into "$A/below/deeper" "$W/secret"
status "labels: a task in a cgroup made later is denied" 1 into "$A/below/deeper" cat "$W/secret"
rmdir "$O"
mkdir "$O"
status "labels: a child cloned out of the cgroup is denied" 0 into "$A" "$L" clone-out "$O" "$W/secret"
rmdir "$O"
mkdir "$O"
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

# Threads that move alone.
T=$CG/sbx-test-threads
mkdir -p "$T"/{in,out,out2}
for c in in out out2; do echo threaded >"$T/$c/cgroup.type"; done
check "labels: attach to a threaded cgroup" "$SBX" attach --cgroup "$T/in" --policy "$W/labels.yaml" --name threads
status "labels: a thread that went in alone is denied when its process goes out" 0 \
	into "$T" "$L" alone "$T/in" "$T/out" "$W/secret"
status "labels: a thread that goes out alone is denied" 0 into "$T" "$L" late "$T/in" "$T/out2" "$W/secret"
status "labels: the twin between cgroups outside reads" 1 into "$T" "$L" late "$T/out" "$T/out2" "$W/secret"
check "labels: detach the threaded one" "$SBX" detach --name threads

check "labels: detach the inner one" "$SBX" detach --name inner
check "labels: detach the outer one" detach
status "labels: free after detach" 0 into "$A" cat "$W/secret"

# What is kept of a task that ended is not taken for its successor at the same address.
B=$CG/sbx-test-first
mkdir "$B"
check "labels: attach what allows it" "$SBX" attach --cgroup "$A" --policy "$W/inner.yaml" --name wide
check "labels: attach what denies it" "$SBX" attach --cgroup "$B" --policy "$W/labels.yaml" --name narrow
"$L" heirs "$A" "$B" "$W/secret" >"$W/out"
status "labels: children are not taken for others that ended ($(cat "$W/out"))" 0 \
	grep -q "twin's read; denied 1500 through 0" "$W/out"
check "labels: detach the first" "$SBX" detach --name narrow
check "labels: detach the second" "$SBX" detach --name wide

# A fork storm while something happens: who saw the flag, which is made afterwards, must be denied.
storm() { # NAME COMMAND: COMMAND runs in the middle of the storm
	local name=$1 cg=$A
	shift
	[ "$1" != back_and_forth ] || cg=$O
	rm -f "$W/flag"
	"$L" storm 3 "$W/flag" "$W/secret" >"$W/out" &
	pid=$!
	echo $pid >"$cg/cgroup.procs"
	sleep 1
	"$@"
	touch "$W/flag"
	[ "$1" != back_and_forth ] || "$@"
	wait $pid
	status "labels: fork storm during $name ($(cat "$W/out"))" 0 grep -q "denied [1-9][0-9]* through 0" "$W/out"
}
back_and_forth() {
	for _ in 1 2 3 4 5; do
		echo $pid >"$A/cgroup.procs"
		echo $pid >"$O/cgroup.procs"
	done
}
storm attach attach
storm update "$SBX" update --cgroup "$A" --policy "$W/labels.yaml"
rmdir "$O"
mkdir "$O"
storm moves back_and_forth
# The reverse: after a detach in the middle of a storm everybody is free.
rm -f "$W/flag"
"$L" storm 2 "$W/flag" "$W/secret" >"$W/out" &
pid=$!
echo $pid >"$A/cgroup.procs"
sleep 1
check "labels: detach in the middle of a storm" detach
touch "$W/flag"
wait $pid
status "labels: fork storm during detach ($(cat "$W/out"))" 0 grep -q "denied 0 through [1-9]" "$W/out"

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
check "labels: a sandbox elsewhere" "$SBX" attach --cgroup "$O" --policy "$W/labels.yaml" --name elsewhere
status "labels: it allows what it allows" 0 into "$O" /bin/bash -c ": <$W/ok/x"
status "labels: but nothing to a task that has eight already" 1 \
	into "$cg" /bin/bash -c "echo \$\$ >$O/cgroup.procs; : <$W/ok/x"
unload labels
rm -rf "$W"
