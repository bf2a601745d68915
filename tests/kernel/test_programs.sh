#!/bin/bash
# SPDX-License-Identifier: MIT
# What may be executed, by every way to do it; what capabilities are honoured; and in which words one
# is told of what is denied. As root and as a user, enforcing and in audit mode, and outside.
. "$(dirname "$0")/lib.sh"
A=$CG/sbx-test-programs
mkdir -p "$A" "$W"/{bin,nobin,wx}
keep_loaded
policy "$W/programs.yaml" <<-END
	  - allow: [read, exec]
	    path: "$W/bin/**"
	  - allow: [read]
	    path: ["$W/nobin/**", "/usr/**", "$W/lines"]
	  - allow: [read, write, exec]
	    path: "$W/wx/**"
END
{
	sed 's/^files:/exec-anonymous: allow\nfiles:/' "$W/programs.yaml"
	echo "capabilities: [chown, setuid, setgid]"
} >"$W/anonymous.yaml"

# --- exec ---
# Interpreters of interpreters; programs with a loader of their own. What is not in bin may be read.
loader=$(readlink -f /lib64/ld-linux-x86-64.so.2)
for d in bin nobin; do
	cp /bin/true "$W/$d/true"
	cp "$loader" "$W/$d/ld"
	printf '#!%s\n' "$W/bin/true" >"$W/$d/script"
	printf '#!%s\n' "$W/$d/true" >"$W/bin/script-$d"
	printf '#!%s\n' "$W/bin/script-$d" >"$W/bin/chain-$d"
	printf '#!%s\n' "$W/$d/script" >"$W/bin/onto-$d"
	python3 - /bin/true "$W/bin/elf-$d" "$W/$d/ld" <<-'PY'
		import sys
		old, new = b"/lib64/ld-linux-x86-64.so.2\0", sys.argv[3].encode()
		image = open(sys.argv[1], "rb").read()
		assert image.count(old) == 1 and len(new) < len(old)
		open(sys.argv[2], "wb").write(image.replace(old, new.ljust(len(old), b"\0")))
	PY
done
chmod -R a+rwX,a+x "$W"/{bin,nobin,wx}
cat >"$W/exec" <<-END
	ok exec $W/bin/true
	EACCES exec $W/nobin/true
	ok exec $W/bin/script-bin
	EACCES exec $W/bin/script-nobin
	EACCES exec $W/nobin/script
	ok exec $W/bin/chain-bin
	EACCES exec $W/bin/chain-nobin
	ok exec $W/bin/onto-bin
	EACCES exec $W/bin/onto-nobin
	ok exec $W/bin/elf-bin
	EACCES exec $W/bin/elf-nobin
	ok exec-through-ld $W/bin/true
	EACCES exec-through-ld $W/nobin/true
	ok exec-by-fd $W/bin/true
	EACCES exec-by-fd $W/nobin/true
	ok exec-by-opath $W/bin/true
	EACCES exec-by-opath $W/nobin/true
	EACCES exec-by-proc $W/nobin/true
	ok exec-by-proc $W/bin/true
	EACCES exec-memfd $W/bin/true
	EACCES exec-unlinked $W/wx/true
	ok mmap-exec $W/bin/true
	EACCES mmap-exec $W/nobin/true
	ok mprotect-exec $W/bin/true
	EACCES mprotect-exec $W/nobin/true
	ok map-memfd
	ok jit
END
again() { install -m 777 /bin/true "$W/wx/true"; }
for user in root nobody; do
	again
	inside exec "$W/programs.yaml" $user <"$W/exec"
	again
	audited exec "$W/programs.yaml" $user
	again
	as=(env)
	[ $user = root ] || as=("${AS_USER[@]}")
	sed 's/^E[A-Z]*/ok/' "$W/exec" | outside exec/$user "${as[@]}"
	again
	acts "exec/anonymous/$user" --policy "$W/anonymous.yaml" --user $user < <(printf 'ok %s\n' "exec-memfd $W/bin/true" "exec-unlinked $W/wx/true")
done

# --- capabilities: root of a cgroup has them all, and may use those that the policy lists ---
into() {
	(
		echo $BASHPID >"$A/cgroup.procs"
		exec "$@"
	)
}
cat >"$W/lines" <<-END
	ok chown $W/wx/true
	EPERM sethostname
	EPERM adjtime
	EPERM iopl
	EPERM mknod-device c $W/wx/chr
END
in_cgroup() { # NAME < LINES
	into "$ACT" | sed "s|^ok|ok $1:|; s|^not ok|not ok $1:|"
}
again
check "capabilities: attach" "$SBX" attach --cgroup "$A" --policy "$W/anonymous.yaml" --name programs
in_cgroup capabilities <"$W/lines"
for cap in cap_sys_admin cap_sys_rawio cap_mknod; do
	check "capabilities: $cap is named" says "may not use a capability: $cap" "$SBX" events --name programs
done
check "capabilities: the clock is named" says "may not set the clock" "$SBX" events --name programs
check "capabilities: audit" "$SBX" mode audit --name programs
sed 's/^E[A-Z]*/ok/' "$W/lines" | in_cgroup capabilities/audit
check "capabilities: audit is said" says "would be denied: act" "$SBX" events --name programs
check "capabilities: detach" "$SBX" detach --name programs
rm -f "$W/wx/chr"
sed 's/^E[A-Z]*/ok/' "$W/lines" | outside capabilities

# --- in words ---
cat >"$W/everything.yaml" <<-END
	version: 1
	name: everything
	files:
	  - allow: [read, write, exec]
	    path: "/**"
END
all_capabilities >>"$W/everything.yaml"
setsid sleep 600 & # a signal to whom is in one's own group is not told of by name
victim=$!
"${AS_USER[@]}" setsid sleep 600 &
mine=$!
# worded USER: of each line, "ACT: SENTENCE", the sentence is told where the act is denied
worded() {
	local act as=("${AS_USER[@]}")
	[ "$1" != root ] || as=()
	check "words/$1: attach" "$SBX" attach --cgroup "$A" --policy "$W/everything.yaml" --name programs
	sed 's/: .*//; s/^/!ok /' "$W/words" >"$W/lines"
	into "${as[@]}" "$ACT" <"$W/lines" | sed "s|^ok|ok words/$1:|; s|^not ok|not ok words/$1:|"
	"$SBX" events --name programs >"$W/log" 2>&1
	while IFS= read -r act; do
		check "words/$1: ${act%%: *}" says "may not ${act#*: }" cat "$W/log"
	done <"$W/words"
	check "words/$1: detach" "$SBX" detach --name programs
}
cat >"$W/words" <<-END
	fsopen: mount, unmount or change mounts
	chroot $W: chroot to
	setns-own: enter another namespace
	init-module: load kernel code
	settime: set the clock
	swapon $W/none: change what the machine swaps to
	reboot: use a capability: cap_sys_boot
	iopl: use a capability: cap_sys_rawio
	kill $victim: send a signal to process $victim
	setprio $victim: change limits or scheduling of process $victim
END
cat >"$W/common" <<-END
	unshare-user: create a user namespace
	bpf: use bpf()
	perf: use perf_event_open
	syslog: read the kernel log
	quota-sync: change quotas
	add-key: use keys of others
	uring-sqpoll: use this io_uring feature
	setown-own-group: send a signal to others by owning a descriptor
	exec-memfd /bin/true: execute
	socket 16 3 15: create a socket of this kind: family netlink
END
sysctl -q -w kernel.unprivileged_bpf_disabled=0 kernel.perf_event_paranoid=-1 kernel.dmesg_restrict=0
cat "$W/common" >>"$W/words"
worded root
{
	cat "$W/common"
	cat <<-END
		kill $mine: send a signal to process $mine
		ptrace $mine: trace or inspect the process $mine
		setprio $mine: change limits or scheduling of process $mine
	END
} >"$W/words"
worded nobody

kill "$victim" "$mine"
rmdir "$A"
unload programs
rm -rf "$W"
