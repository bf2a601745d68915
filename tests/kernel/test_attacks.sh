#!/bin/bash
# SPDX-License-Identifier: MIT
# Root inside with every capability, and a user, against the machine and against sbx-bpf itself; and
# what a process got hold of before it was bound.
. "$(dirname "$0")/lib.sh"
A=$CG/sbx-test-attacks

cat >"$W/caps" <<-END
	capabilities: [chown, dac_override, dac_read_search, fowner, fsetid, kill, setgid, setuid, setpcap,
	  linux_immutable, net_bind_service, net_broadcast, net_admin, net_raw, ipc_lock, ipc_owner, sys_module,
	  sys_rawio, sys_chroot, sys_ptrace, sys_pacct, sys_admin, sys_boot, sys_nice, sys_resource, sys_time,
	  sys_tty_config, mknod, lease, audit_write, audit_control, setfcap, mac_override, mac_admin, syslog,
	  wake_alarm, block_suspend, audit_read, perfmon, bpf, checkpoint_restore]
END
mkdir -p "$W"/{ok,mnt,exec} /dev/mqueue
mountpoint -q /dev/mqueue || mount -t mqueue none /dev/mqueue
modprobe binfmt_misc 2>/dev/null
mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
# Everything can be read and much executed; nothing is opened for writing but one directory.
cat >"$W/ok/policy.yaml" <<-END
	version: 1
	name: attacks
	files:
	  - allow: [read, exec]
	    path: "/**"
	  - allow: [write]
	    path: ["$W/ok/**", "/dev/null", "/dev/ptmx", "/dev/mqueue/sbx-mine"]
	  - deny: [read]
	    path: "$W/secret"
END
cat "$W/caps" >>"$W/ok/policy.yaml"
echo secret >"$W/secret"
echo open >"$W/ok/file"
chmod -R a+rwX "$W/ok"
chmod a+r "$W/secret"
keep_loaded
pins=$(echo /sys/fs/bpf/sbx-bpf/v*)
truncate -s 1M "$W/ok/swap"
mkswap "$W/ok/swap" >/dev/null 2>&1
sleep 600 &
victim=$!
python3 - <<-'END'
	import ctypes
	ctypes.CDLL(None).mq_open(b"/sbx-outside", 0o100 | 2, 0o666, None)
END

# --- the machine, and other processes ---
inside attacks "$W/ok/policy.yaml" root <<-END
	EPERM reboot
	EPERM kexec
	EPERM delete-module
	EPERM init-module
	EPERM finit-module $W/ok/file
	EPERM iopl
	EPERM mount-setattr /dev/mqueue
	EPERM open-tree $W
	EPERM setns-own
	EPERM mknod-device b $W/ok/blk
	EPERM mknod-device c $W/ok/chr
	EPERM adjtime
	EPERM settime
	EPERM syslog
	EPERM|EACCES perf
	EPERM bpf
	EPERM mount $W/mnt
	EPERM unshare-user
	EPERM chroot $W/mnt
	EPERM read /dev/mem
	EPERM read /dev/port
	EPERM read /proc/kcore
	EACCES write /proc/sysrq-trigger
	EACCES write /proc/sys/kernel/core_pattern
	EACCES write /proc/sys/kernel/modprobe
	EACCES write /proc/sys/fs/binfmt_misc/register
	EACCES write /sys/power/state
	EACCES write /sys/kernel/tracing/kprobe_events
	EACCES write /sys/kernel/debug/clear_warn_once
	EACCES write /sys/kernel/kexec_crash_size
	EPERM kill $victim
	EPERM tgkill $victim
	EPERM pidfd-kill $victim
	EPERM pidfd-getfd $victim
	EPERM ptrace $victim
	EPERM vmread $victim
	EPERM vmwrite $victim
	EPERM|EACCES process-madvise $victim
	EPERM kcmp $victim
	EPERM prlimit $victim
	EPERM setprio $victim
	EPERM affinity $victim
	EPERM scheduler $victim
	EPERM ioprio $victim
	EPERM uring-cmd
	EPERM uring-sqpoll
	ok mq-create /sbx-mine
	ok mq-unlink /sbx-mine
	ok sethostname
	ok async-self
	ok create $W/ok/new
	ok chown $W/ok/new
	ok unlink $W/ok/new
END
audited attacks "$W/ok/policy.yaml"
cp "$W/script" "$W/twin"
# What would not be harmless, or not twice.
inside attacks "$W/ok/policy.yaml" root <<-END
	EPERM swapon $W/ok/swap
	EPERM|EINVAL migrate $victim
	EACCES mq-open /sbx-outside
	EACCES mq-unlink /sbx-outside
	EACCES mq-create /sbx-other
END
cat "$W/script" >>"$W/twin"
while umount "$W/mnt" 2>/dev/null; do :; done
# The same outside, as far as it does no harm: what stopped them was us.
sed -e '/unshare\|sqpoll\|^ok /d' \
	-e 's/^E[A-Z|]*/ok/' -e 's/^ok delete-module/ENOENT delete-module/; s/^ok \(f*\)init-module/ENOEXEC \1init-module/' \
	-e 's/^ok \(swapon\|migrate\|process-madvise\)/!EPERM|EACCES \1/' "$W/twin" >"$W/out"
"$ACT" <"$W/out" | sed 's|^ok|ok attacks/outside:|; s|^not ok|not ok attacks/outside:|'
while umount "$W/mnt" 2>/dev/null; do :; done

# --- sbx-bpf itself ---
sed "s|^	||" >"$W/self" <<-END
	EPERM bpf-by-id prog
	EPERM bpf-by-id map
	EPERM bpf-by-id link
	EPERM|EACCES bpf-get $pins/sbx_slots
	EPERM|EACCES bpf-get $pins/link_sbx_file_open
	EACCES list /sys/fs/bpf
	EACCES unlink $pins/link_sbx_file_open
	EACCES rename $pins/ready $pins/x
	EACCES|EXDEV link $pins/ready $pins/x
	EACCES chmod $pins/ready
	EACCES chown $pins/ready
	EACCES mkdir /sys/fs/bpf/x
	EACCES rmdir $pins
	EPERM mount /sys/fs/bpf
	EPERM|EINVAL lazy-umount /sys/fs/bpf
	EACCES write $CG/sbx-test-keeper/cgroup.procs
	EACCES write $CG/sbx-test-keeper/cgroup.kill
	EACCES write $CG/sbx-test-keeper/cgroup.freeze
	EACCES write $CG/cgroup.procs
	EACCES write $CG/cgroup.subtree_control
	EACCES rmdir $CG/sbx-test-keeper
	EACCES mkdir $CG/sbx-x
	EACCES read /run/sbx-bpf/lock
	EACCES list /run/sbx-bpf
	EACCES unlink /run/sbx-bpf/lock
	EACCES write $W/ok/policy.yaml
	EACCES unlink $W/ok/policy.yaml
	EACCES|EXDEV rename $W/ok/policy.yaml $W/ok/other.yaml
	EACCES|EXDEV rename $W/ok/file $W/ok/policy.yaml
END
for user in root nobody; do
	if [ $user = root ]; then
		cat "$W/self"
	else # whoever is no root meets the kernel's own checks first
		sed 's/^E[A-Z|]*/EACCES|EPERM|EXDEV|EINVAL/' "$W/self"
	fi >"$W/self.$user"
	inside self "$W/ok/policy.yaml" $user <"$W/self.$user"
done
printf 'ok bpf-by-id %s\n' prog map link >"$W/twin"
cat >>"$W/twin" <<-END
	ok bpf-get $pins/sbx_slots
	ok list /sys/fs/bpf
	ok chmod $pins/ready
	ok read /run/sbx-bpf/lock
	ok write $CG/sbx-test-keeper/cgroup.kill
	ok mkdir $CG/sbx-x
	ok rmdir $CG/sbx-x
END
"$ACT" <"$W/twin" | sed 's|^ok|ok self/outside:|; s|^not ok|not ok self/outside:|'
status "self: it still binds" 1 "$SBX" run --policy "$W/ok/policy.yaml" --user root -- cat "$W/secret"
check "self: the pins are all there" test -e "$pins/link_sbx_file_open" -a -e "$pins/ready"

# --- what was there before ---
# act in a cgroup, told line by line; attach comes in between.
mkfifo "$W/lines"
member() { # NAME USER SETUP-LINES REPORTED < LINES
	"$SBX" detach --name attacks >/dev/null 2>&1
	mkdir -p "$A"
	: >"$W/held.out"
	(
		echo $BASHPID >"$A/cgroup.procs"
		exec setpriv --reuid "$2" --clear-groups "$ACT" <"$W/lines" >"$W/held.out" 7<"$W/secret" 8<"$W/ok/file"
	) &
	member=$!
	exec 9>"$W/lines"
	echo "$3" >&9
	until [ "$(grep -c . "$W/held.out")" -ge "$(grep -c . <<<"$3")" ]; do sleep 0.1; done
	check "$1: attach" "$SBX" attach --cgroup "$A" --policy "$W/ok/policy.yaml" --name attacks
	"$SBX" mode enforce --name attacks >"$W/log" 2>&1 # which reports what is open, as attach does
	check "$1: what is held is told" grep -q "$4" "$W/log"
	cat >&9
	exec 9>&-
	wait "$member"
	sed "s|^ok|ok $1:|; s|^not ok|not ok $1:|" "$W/held.out"
}
for user in 0 65534; do
	member "held/$user" $user "$(printf '%s\n' 'ok keep-ring' 'ok keep-personality' \
		"ok keep-file $W/ok/file" "ok kept-read $W/secret" "ok keep-owner $$" \
		"ok keep-owned $W/ok/file $$" "ok keep-owned $W/ok $$")" "files registered with a ring of io_uring" <<-END
		EACCES kept-read $W/secret
		ok kept-read $W/ok/file
		EPERM|EACCES|EINVAL kept-personality-read $W/secret
		ok kept-file
		EPERM kept-setsig
		EPERM kept-async
		EPERM kept-fioasync
		EPERM kept-lease
		EPERM kept-notify
		ok async-self
		ok notify-self $W/ok
	END
	member "sqpoll/$user" $user "$(printf '%s\n' 'ok keep-sqpoll' "ok kept-read $W/secret")" "keeps open what the policy would not open: $W/secret" <<-END
		EACCES kept-read $W/secret
		ok kept-read $W/ok/file
	END
done
"$SBX" detach --name attacks >/dev/null 2>&1
printf '%s\n' 'ok keep-ring' 'ok keep-personality' "ok kept-personality-read $W/secret" "ok keep-owner $$" \
	'ok kept-setsig' 'ok kept-async' 'ok kept-fioasync' "ok keep-owned $W/ok/file $$" 'ok kept-lease' \
	"ok keep-owned $W/ok $$" 'ok kept-notify' 'ok uring-cmd' |
	"$ACT" | sed 's|^ok|ok held/outside:|; s|^not ok|not ok held/outside:|'

# A tracer from before goes on: it is told of.
"$SBX" detach --name attacks >/dev/null 2>&1
strace -o /dev/null -p "$victim" >/dev/null 2>&1 &
tracer=$!
until grep -q "TracerPid:.$tracer" /proc/$victim/status; do sleep 0.1; done
echo $tracer >"$A/cgroup.procs"
check "tracer: it is told of" says "goes on tracing process $victim, which is outside" \
	"$SBX" attach --cgroup "$A" --policy "$W/ok/policy.yaml" --name attacks
kill $tracer
"$SBX" detach --name attacks >/dev/null 2>&1

# --- descriptors that others hold: by pidfd_getfd, and a ring over a socket ---
mkdir -p "$A"
(
	echo $BASHPID >"$A/cgroup.procs"
	exec sleep 600 7<"$W/secret" 8<"$W/ok/file"
) &
holder=$!
until grep -q sleep /proc/$holder/comm; do sleep 0.1; done
check "fds: attach" "$SBX" attach --cgroup "$A" --policy "$W/ok/policy.yaml" --name attacks
into() {
	(
		echo $BASHPID >"$A/cgroup.procs"
		exec "$@"
	)
}
into "$ACT" <<-END | sed 's|^ok|ok fds:|; s|^not ok|not ok fds:|'
	EACCES pidfd-getfd-of $holder 7
	ok pidfd-getfd-of $holder 8
	ok ptrace $holder
	ok kcmp $holder
	ok affinity $holder
	ok prlimit $holder
END
python3 - "$A" "$ACT" <<-'END' | sed 's|^ok|ok fds:|; s|^not ok|not ok fds:|'
	import ctypes, os, socket, subprocess, sys
	libc = ctypes.CDLL(None, use_errno=True)
	ring = libc.syscall(425, 4, (ctypes.c_char * 120)())
	a, b = socket.socketpair()
	try:
	    socket.send_fds(a, [b"x"], [ring])
	except OSError: # the kernel does not pass rings on at all
	    socket.send_fds(a, [b"x"], [os.pidfd_open(os.getpid())])
	    print("ok rings are not passed on by this kernel")
	    sys.exit()
	def join():
	    open(sys.argv[1] + "/cgroup.procs", "w").write("0")
	subprocess.run([sys.argv[2]], input=f"EACCES recv-fd {b.fileno()}\n", text=True, pass_fds=[b.fileno()], preexec_fn=join)
END

# --- programs with more rights than their caller ---
cp /usr/bin/id "$W/ok/id"
cp /usr/bin/id "$W/ok/id-suid" && chmod 4755 "$W/ok/id-suid"
cp /usr/bin/id "$W/ok/id-sgid" && chmod 2755 "$W/ok/id-sgid"
cp /usr/bin/id "$W/ok/id-caps" && chmod 755 "$W/ok/id-caps"
python3 -c 'import os, struct, sys
os.setxattr(sys.argv[1], "security.capability", struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0))' "$W/ok/id-caps"
as_user() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
for what in suid sgid caps; do
	status "privileges/attach: $what" 126 into setpriv --reuid 65534 --regid 65534 --clear-groups sh -c "$W/ok/id-$what"
	check "privileges/outside: $what" as_user "$W/ok/id-$what"
done
check "privileges/attach: the twin without" into setpriv --reuid 65534 --regid 65534 --clear-groups "$W/ok/id"
check "privileges/attach: it is said" says "may not gain privileges by executing $W/ok/id-suid" "$SBX" events --name attacks
check "privileges/audit" "$SBX" mode audit --name attacks
check "privileges/audit: allowed" into setpriv --reuid 65534 --regid 65534 --clear-groups "$W/ok/id-suid"
"$SBX" run --policy "$W/ok/policy.yaml" --user nobody -- "$W/ok/id-suid" 2>"$W/err" | cat >"$W/log"
check "privileges/run: runs without them" grep -q 'uid=65534' "$W/log"
status "privileges/run: without any" 1 grep -q 'euid=0' "$W/log"
check "privileges/run: it is said" grep -q "may not gain privileges by executing $W/ok/id-suid" "$W/err"
kill "$holder"

# --- a labelled task goes where nobody is bound ---
check "moves: enforce again" "$SBX" mode enforce --name attacks
rm -f "$W/flag"
"$ROOT/build/kernel/labels" spin "$W/flag" "$W/secret" >"$W/spin" &
spinner=$!
until grep -q ready "$W/spin"; do sleep 0.1; done
echo $spinner >"$A/cgroup.procs"
kill -USR1 $spinner
for i in $(seq 30); do
	mkdir "$CG/sbx-move-$i"
	echo $spinner >"$CG/sbx-move-$i/cgroup.procs"
	[ "$i" -eq 1 ] || rmdir "$CG/sbx-move-$((i - 1))"
done
touch "$W/flag"
wait $spinner
status "moves: never unbound on the way ($(tail -1 "$W/spin"))" 0 grep -q 'denied [1-9][0-9]* through 0' "$W/spin"
rmdir "$CG/sbx-move-30"

kill "$victim"
rm -f /dev/mqueue/sbx-* # make mutate comes again in the same machine
unload attacks
rm -rf "$W"
