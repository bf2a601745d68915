#!/bin/bash
# SPDX-License-Identifier: MIT
# Root inside with every capability, and a user, against the machine and other processes. What a user
# tries is what he could do outside: there is nobody in his way but us. (Against sbx-bpf: test_self.sh.)
. "$(dirname "$0")/lib.sh"
A=$CG/sbx-test-attacks

mkdir -p "$W"/{ok,mnt,moving,twice} /dev/mqueue
for d in moving twice twice; do mount -t tmpfs none "$W/$d"; done
# As far as these go, everybody may.
for knob in unprivileged_bpf_disabled=0 perf_event_paranoid=-1 dmesg_restrict=0; do
	sysctl -q -w "kernel.$knob"
done
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
	    path: ["$W/ok/**", "/dev/null", "/dev/ptmx", "/dev/pts/*", "/dev/mqueue/sbx-mine"]
	  - deny: [read]
	    path: "$W/secret"
END
all_capabilities >>"$W/ok/policy.yaml"
echo secret >"$W/secret"
echo open >"$W/ok/file"
chmod -R a+rwX "$W/ok"
chmod a+r "$W/secret"
keep_loaded
truncate -s 1M "$W/ok/swap"
mkswap "$W/ok/swap" >/dev/null 2>&1
sleep 600 &
victim=$!
"${AS_USER[@]}" sleep 600 & # whom a user could do all that to
mine=$!
make_queue() { # everybody's
	python3 -c 'import ctypes, os
os.umask(0)
ctypes.CDLL(None).mq_open(b"/sbx-outside", 0o100 | 2, 0o666, None)'
}
make_queue
# Somebody's terminal.
python3 -c 'import os, time
ends = os.openpty()
print(os.ttyname(ends[1]), flush=True)
time.sleep(600)' >"$W/terminal" &
sitter=$!
until read -r terminal <"$W/terminal"; do sleep 0.1; done

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
	EPERM fspick /dev/shm
	EPERM move-mount-call $W/moving $W/mnt
	EPERM quota-sync
	EPERM setns-own
	EPERM mknod-device b $W/ok/blk
	EPERM mknod-device c $W/ok/chr
	EPERM adjtime
	EPERM settime
	EPERM syslog
	EPERM|EACCES perf
	EPERM bpf
	EPERM mount $W/mnt
	EPERM bind-mount $W/ok $W/mnt
	EPERM fsopen
	EPERM unshare-user
	EPERM chroot $W/mnt
	EPERM read /dev/mem
	EPERM read /dev/port
	EPERM read /proc/kcore
	EACCES acct $W/secret
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
	EPERM hangup $terminal
	EPERM hangup-own
	EPERM vhangup native
	EPERM|ENOSYS vhangup int80
	ok hangup-close
	ok mq-create /sbx-mine
	ok mq-unlink /sbx-mine
	ok sethostname
	ok acct $W/ok/file
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
	EPERM pivot-root
	EPERM lazy-umount $W/twice
	EPERM|EINVAL migrate $victim
	EACCES mq-open /sbx-outside
	EACCES mq-unlink /sbx-outside
	EACCES mq-create /sbx-other
	ENOENT stat /dev/mqueue/sbx-other
END
cat "$W/script" >>"$W/twin"
audited attacks "$W/ok/policy.yaml"
rm -f /dev/mqueue/sbx-*
make_queue
while umount "$W/mnt" 2>/dev/null; do :; done
# The same outside, as far as it does no harm: what stopped them was us.
sed -e '/unshare\|^ok /d' \
	-e 's/^E[A-Z|]*/ok/' -e 's/^ok delete-module/ENOENT delete-module/; s/^ok \(f*\)init-module/ENOEXEC \1init-module/' \
	-e 's/^ok \(swapon\|migrate\|process-madvise\|pivot-root\)/!EPERM|EACCES \1/' "$W/twin" >"$W/out"
outside attacks <"$W/out"
while umount "$W/mnt" 2>/dev/null; do :; done
rm -f /dev/mqueue/sbx-*
make_queue
inside attacks "$W/ok/policy.yaml" nobody <<-END
	EPERM unshare-user
	EPERM bpf
	EPERM perf
	EPERM syslog
	EPERM quota-sync
	EPERM kill $mine
	EPERM tgkill $mine
	EPERM pidfd-kill $mine
	EPERM pidfd-getfd $mine
	EPERM ptrace $mine
	EPERM vmread $mine
	EPERM vmwrite $mine
	EPERM kcmp $mine
	EPERM prlimit $mine
	EPERM setprio $mine
	EPERM affinity $mine
	EPERM scheduler $mine
	EPERM ioprio $mine
	EPERM|EINVAL migrate $mine
	EPERM setown $mine
	EPERM uring-cmd
	EPERM uring-sqpoll
	EACCES mq-open /sbx-outside
	EACCES mq-create /sbx-other
	ENOENT stat /dev/mqueue/sbx-other
	EACCES read $W/secret
	ok mq-create /sbx-mine
	ok mq-unlink /sbx-mine
	ok async-self
	ok create $W/ok/newer
	ok unlink $W/ok/newer
END
cp "$W/script" "$W/twin"
audited attacks "$W/ok/policy.yaml" nobody
rm -f /dev/mqueue/sbx-other
sed -e '/^ok /d; s/^E[A-Z|]*/ok/; s/^ok migrate/!EPERM|EACCES migrate/' "$W/twin" | outside attacks/nobody "${AS_USER[@]}"

# --- programs with more rights than their caller ---
mkdir -p "$A"
into() {
	(
		echo $BASHPID >"$A/cgroup.procs"
		exec "$@"
	)
}
check "privileges: attach" "$SBX" attach --cgroup "$A" --policy "$W/ok/policy.yaml" --name attacks
cp /usr/bin/id "$W/ok/id"
privileges() { # USER OWNER KIND...: programs of somebody else's
	local user=$1 id=$W/ok/id-$1 as=() uid=0 what
	cp /usr/bin/id "$id-suid"
	cp /usr/bin/id "$id-sgid"
	cp /usr/bin/id "$id-caps"
	chown "$2:$2" "$id-suid" "$id-sgid"
	chmod 4755 "$id-suid"
	chmod 2755 "$id-sgid"
	python3 -c 'import os, struct, sys
os.setxattr(sys.argv[1], "security.capability", struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0))' "$id-caps"
	shift 2
	[ "$user" = root ] || as=("${AS_USER[@]}") uid=65534
	check "privileges/$user: enforce" "$SBX" mode enforce --name attacks
	for what; do
		status "privileges/$user: $what" 126 into "${as[@]}" sh -c "$id-$what"
		check "privileges/$user/outside: $what" "${as[@]}" "$id-$what"
	done
	check "privileges/$user: the twin without" into "${as[@]}" "$W/ok/id"
	check "privileges/$user: it is said" says "may not gain privileges by executing $id-suid" "$SBX" events --name attacks
	check "privileges/$user: audit" "$SBX" mode audit --name attacks
	for what; do
		check "privileges/$user/audit: $what" into "${as[@]}" "$id-$what"
	done
	"$SBX" run --policy "$W/ok/policy.yaml" --user "$user" -- "$id-suid" 2>"$W/err" | cat >"$W/log"
	check "privileges/$user/run: runs without them" grep -q "^uid=$uid" "$W/log"
	status "privileges/$user/run: without any" 1 grep -q 'euid=' "$W/log"
	check "privileges/$user/run: it is said" grep -q "may not gain privileges by executing $id-suid" "$W/err"
}
privileges root 65534 suid sgid # it has all capabilities
privileges nobody 0 suid sgid caps

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

kill "$victim" "$mine" "$sitter"
umount "$W/moving"
rm -f /dev/mqueue/sbx-* # make mutate comes again in the same machine
unload attacks
rm -rf "$W"
