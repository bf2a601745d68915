#!/bin/bash
# SPDX-License-Identifier: MIT
# Other processes and the machine, with the same acts outside as twins.
. "$(dirname "$0")/lib.sh"

keep_loaded
policy "$W/tasks.yaml" <<EOF
  - allow: [read, write]
    path: ["$W/**", "/dev/ptmx", "/dev/pts/*", "/dev/tty"]
  - deny: [read, write]
    path: "$W/secret"
  - allow: [exec]
    path: "$W/bin/**"
  - allow: [read, write]
    path: "/proc/@sandbox/**"
  - allow: [write]
    path: "/sys/devices/virtual/misc/test_firmware/trigger_request"
capabilities: [cap_dac_override, cap_dac_read_search, cap_setuid, cap_setgid, cap_kill, cap_chown, cap_fowner]
EOF
mkdir "$W/mnt"

sleep 300 &
victim=$!
mkdir -p /dev/mqueue
mountpoint -q /dev/mqueue || mount -t mqueue none /dev/mqueue
touch /dev/mqueue/sbx-outside
chmod 666 /dev/mqueue/sbx-outside
"${AS_USER[@]}" sleep 300 &
mine=$!
read -r shm msg sem < <(python3 -c '
import ctypes
c = ctypes.CDLL(None)
print(c.shmget(0x5b0, 4096, 0o1666), c.msgget(0x5b1, 0o1666), c.semget(0x5b2, 1, 0o1666))')
script=$(
	cat <<-EOF
		EPERM kill $victim
		EPERM ptrace $victim
		EPERM prlimit $victim
		EPERM setprio $victim
		EPERM vmread $victim
		EPERM setown $victim
		EPERM setown -$victim
		EPERM setown-ex $victim
		EPERM fiosetown $victim
		EPERM setown-own-group
		ok setown-self
		ok async-member
		ok async-group
		ok userfault
		EPERM pidfd-kill $victim
		EPERM pidfd-getfd $victim
		EACCES mq-open /sbx-outside
		EACCES shm-attach $shm
		EACCES shm-find 0x5b0
		EACCES msg-send $msg
		EACCES sem-up $sem
		ok ipc-own
		EPERM|EACCES|ENOKEY add-key
		EPERM|EACCES|ENOKEY request-key
		EPERM|EACCES request-new-key
		EPERM|EACCES|ENOKEY read-keyring
		EPERM lazy-umount /dev/mqueue
		EPERM open-tree $W
		EPERM setns
		EACCES read /proc/$victim/environ
		EACCES read /proc/1/maps
		EACCES list /proc/$victim/fd
		ok read /proc/self/environ
		ok read /proc/self/maps
		EPERM mount $W/mnt
		EPERM fsopen
		EPERM unshare-user
		EPERM chroot $W/mnt
		EPERM bpf
		EPERM|EACCES perf
		EPERM settime
		EPERM syslog
		EPERM tty sti native /dev/ptmx
		EPERM|ENOSYS tty sti int80 /dev/ptmx
		EPERM uring-sqpoll
		EACCES nsfs
		ok jit
		EACCES exec-memfd /bin/true
	EOF
)
inside tasks "$W/tasks.yaml" root <<<"$script"
audited tasks "$W/tasks.yaml"

twin=$(sed -e 's/^[A-Z|]* \(kill\|ptrace\|prlimit\|setprio\|vmread\|setown\|mount\|fsopen\|chroot\|bpf\|perf\|settime\|syslog\|nsfs\|exec-memfd\|list\|read\|fiosetown\|pidfd-kill\|pidfd-getfd\|msg-send\|sem-up\|open-tree\|add-key\|request-key\|read-keyring\)/ok \1/' \
	-e '/ tty \|uring\|unshare\|maps$\|setown-\|shm\|mq-\|umount\|setns/d' <<<"$script")
keys='s/^\(ok\|E[A-Z|]*\) request-new-key/ENOENT|ENOKEY request-new-key/' # there is no helper
sed "$keys" <<<"$twin" | outside tasks
while umount "$W/mnt" 2>/dev/null; do :; done
# What a user could do outside.
shm=$(python3 -c 'import ctypes; print(ctypes.CDLL(None).shmget(0x5b0, 4096, 0o1666))')
inside tasks "$W/tasks.yaml" nobody <<-EOF
	EPERM kill $mine
	EPERM ptrace $mine
	EPERM prlimit $mine
	EPERM setprio $mine
	EPERM vmread $mine
	EPERM setown $mine
	EPERM setown-ex $mine
	EPERM fiosetown $mine
	EPERM setown-own-group
	EPERM pidfd-kill $mine
	EPERM pidfd-getfd $mine
	EACCES mq-open /sbx-outside
	EACCES shm-attach $shm
	EACCES shm-find 0x5b0
	EACCES msg-send $msg
	EACCES sem-up $sem
	EPERM|EACCES|ENOKEY add-key
	EPERM|EACCES|ENOKEY request-key
	EPERM|EACCES request-new-key
	EPERM|EACCES|ENOKEY read-keyring
	EACCES read /proc/$mine/environ
	EACCES read /proc/$mine/maps
	EACCES list /proc/$mine/fd
	EPERM unshare-user
	EACCES nsfs
	EACCES exec-memfd /bin/true
	ok setown-self
	ok async-member
	ok async-group
	ok userfault
	ok ipc-own
	ok read /proc/self/environ
	ok read /proc/self/maps
	ok jit
EOF
cp "$W/script" "$W/twin"
audited tasks "$W/tasks.yaml" nobody
sed -e 's/^E[A-Z|]*/ok/' -e "$keys" "$W/twin" | outside tasks/nobody "${AS_USER[@]}"
ipcrm -M 0x5b0 2>/dev/null
# Objects that their owner could remove, were he outside.
removals() { # COMMAND...: makes them
	"$@" python3 -c '
import ctypes
c = ctypes.CDLL(None)
print("EACCES shm-remove", c.shmget(0, 4096, 0o1666))
print("EACCES msg-remove", c.msgget(0, 0o1666))
print("EACCES sem-remove", c.semget(0, 1, 0o1666))'
}
for user in root nobody; do
	as=(env)
	[ $user = root ] || as=("${AS_USER[@]}")
	removals "${as[@]}" >"$W/lines"
	inside removed "$W/tasks.yaml" $user <"$W/lines"
	audited removed "$W/tasks.yaml" $user
	removals "${as[@]}" | sed 's/^EACCES/ok/' | outside removed/$user "${as[@]}"
done
ipcrm -Q 0x5b1 -S 0x5b2

# Inside one sandbox all of it works.
cat >"$W/inside.sh" <<-'EOF'
	sleep 60 &
	pid=$!
	kill -0 $pid || exit 1
	read -r _ </proc/$pid/environ || [ -r /proc/$pid/environ ] || exit 2
	kill $pid
EOF
# Real ones: a tracer, a debugger, job control.
mkdir -m 1777 "$W/tmp"
for user in root nobody; do
	run_as() { "$SBX" run --policy "$W/tasks.yaml" --user "$user" -- "$@" </dev/null 2>&1 | cat; }
	check "tasks/$user: signals and /proc inside the sandbox" "$SBX" run --policy "$W/tasks.yaml" --user "$user" -- /bin/bash "$W/inside.sh"
	run_as strace -f -o "$W/tmp/strace.$user" sh -c '/bin/true; kill -CHLD $$' >"$W/log"
	check "programs/$user: strace" grep -q 'execve("/bin/true"' "$W/tmp/strace.$user"
	run_as bash -mc 'sleep 60 & kill -STOP %1; jobs -s; kill -CONT %1; kill %1; wait; echo ended' >"$W/log"
	check "programs/$user: job control" grep -q '^ended' "$W/log"
	run_as gdb -nx -q -batch -ex run -ex 'print 6 * 7' --args /bin/true >"$W/log"
	check "programs/$user: gdb runs a program" grep -q 'exited normally' "$W/log"
	run_as sh -c 'sleep 60 & gdb -nx -q -batch -p $! -ex "print 6 * 7" -ex detach; kill $!' >"$W/log"
	check "programs/$user: gdb attaches to one" grep -q '= 42' "$W/log"
done

# What people try and miss: it is said what stopped them.
check "sentences: sudo" says "may not gain privileges by executing $(readlink -f "$(command -v sudo)")" \
	"$SBX" run --policy "$W/tasks.yaml" --user nobody -- sudo -n true
check "sentences: ping" says "may not create a socket of this kind: family inet, type" \
	"$SBX" run --policy "$W/tasks.yaml" --user nobody -- ping -c 1 127.0.0.1
python3 -c 'import socket, time
s = socket.socket(socket.AF_UNIX); s.bind("/run/docker.sock"); s.listen(); time.sleep(600)' &
docker=$!
until [ -S /run/docker.sock ]; do sleep 0.1; done
chmod 666 /run/docker.sock
check "sentences: docker" says "may not connect to the unix socket /run/docker.sock" \
	"$SBX" run --policy "$W/tasks.yaml" --user nobody -- python3 -c 'import socket
socket.socket(socket.AF_UNIX).connect("/run/docker.sock")'
check "sentences: mount" says "may not mount, unmount or change mounts" \
	"$SBX" run --policy "$W/tasks.yaml" --user root -- mount -t tmpfs none "$W/mnt"
kill $docker
rm -f /run/docker.sock

# What the kernel does on somebody's account: a helper for core dumps works, outside; interpreters
# that it finds by itself are judged; firmware is read for a device that is opened.
echo secret >"$W/secret"
chmod a+r "$W/secret"
printf '#!/bin/bash\n{ cat /proc/self/cgroup %s; } >%s; wc -c >>%s\n' "$W/secret" "$W/core.out" "$W/core.out" >"$W/core.sh"
chmod 755 "$W/core.sh"
echo "|$W/core.sh" >/proc/sys/kernel/core_pattern
core_dump() { # NAME USER [--audit]
	rm -f "$W/core.out"
	"$SBX" run --policy "$W/tasks.yaml" --user "$2" "${@:3}" -- bash -c 'ulimit -c unlimited; sh -c "kill -SEGV \$\$"' >"$W/log" 2>&1
	for _ in $(seq 50); do
		[ "$(grep -c . "$W/core.out" 2>/dev/null)" = 3 ] || sleep 0.2
	done
	check "$1: a core dump's helper is outside, and gets it" sh -c "grep -q '^secret' $W/core.out && grep -q '[0-9][0-9][0-9]' $W/core.out"
	check "$1: it is in no sandbox's cgroup" sh -c "head -1 $W/core.out | grep -qv sbx"
}
for user in root nobody; do
	core_dump helpers/$user $user
	core_dump helpers/$user/audit $user --audit
done
echo core >/proc/sys/kernel/core_pattern
mkdir -p "$W"/{bin,nobin} /lib/firmware
cp /bin/true "$W/nobin/true"
for t in SBXA SBXB SBXC; do
	printf '%s\n' $t >"$W/bin/$t"
	chmod 755 "$W/bin/$t"
done
modprobe binfmt_misc 2>/dev/null
mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
for how in "SBXA:M::SBXA::/bin/true:" "SBXB:M::SBXB::$W/nobin/true:" "SBXC:M::SBXC::$W/nobin/true:F"; do
	echo ":$how" >/proc/sys/fs/binfmt_misc/register
done
printf 'ok exec %s\nEACCES exec %s\nEACCES exec %s\n' "$W/bin/SBXA" "$W/bin/SBXB" "$W/bin/SBXC" >"$W/lines"
for user in root nobody; do
	inside binfmt "$W/tasks.yaml" $user <"$W/lines"
	audited binfmt "$W/tasks.yaml" $user
done
for t in SBXA SBXB SBXC; do echo -1 >/proc/sys/fs/binfmt_misc/$t; done
# A module that is asked for: by what is executed and nobody knows how.
printf '\1\2\3\4nobody knows this' >"$W/bin/odd"
chmod 755 "$W/bin/odd"
printf '#!/bin/sh\necho "$@" >>%s\n' "$W/modules" >"$W/modprobe.sh"
chmod 755 "$W/modprobe.sh"
modprobe=$(cat /proc/sys/kernel/modprobe)
echo "$W/modprobe.sh" >/proc/sys/kernel/modprobe
for user in root nobody; do inside modules "$W/tasks.yaml" $user <<<"ENOEXEC exec $W/bin/odd"; done
status "helpers: no module is asked for inside" 1 test -e "$W/modules"
# By an option of a socket every kernel asks; by an exec only the older ones.
sed 's/^capabilities: \[/&cap_net_admin, /' "$W/tasks.yaml" >"$W/net.yaml"
inside modules "$W/net.yaml" root <<<"ENOENT congestion sbxnone"
status "helpers: no module is asked for inside by a socket" 1 test -e "$W/modules"
acts modules/audit --audit --policy "$W/net.yaml" --user root < <(echo "ENOENT congestion sbxnone")
check "helpers: one is in audit mode, as outside" grep -q tcp_sbxnone "$W/modules"
rm -f "$W/modules"
outside modules <<<"ENOENT congestion sbxnone"
check "helpers: and outside" grep -q tcp_sbxnone "$W/modules"
echo "$modprobe" >/proc/sys/kernel/modprobe
# Who makes a key that nobody has: a program of root's, outside.
printf '#!/bin/sh\necho "$@" >>%s\nexit 1\n' "$W/keys" >"$W/request-key"
chmod 755 "$W/request-key"
[ ! -e /sbin/request-key ] || mv /sbin/request-key "$W/request-key.old"
cp "$W/request-key" /sbin/request-key
for user in root nobody; do
	as=(env)
	[ $user = root ] || as=("${AS_USER[@]}")
	acts keys/$user --policy "$W/tasks.yaml" --user $user < <(echo "EPERM|EACCES request-key-named sbx:$user")
	status "helpers/$user: nobody is asked for a key inside" 1 test -e "$W/keys"
	acts keys/$user/audit --audit --policy "$W/tasks.yaml" --user $user < <(echo "!EPERM|EACCES request-key-named sbx:$user-audit")
	check "helpers/$user: somebody is in audit mode, as outside" grep -q create "$W/keys"
	rm -f "$W/keys"
	outside keys/$user "${as[@]}" <<<"!EPERM|EACCES request-key-named sbx:$user-outside"
	check "helpers/$user: and outside" grep -q create "$W/keys"
	rm -f "$W/keys"
done
rm -f /sbin/request-key
[ ! -e "$W/request-key.old" ] || mv "$W/request-key.old" /sbin/request-key
echo firmware >/lib/firmware/sbx-test.bin
modprobe test_firmware
sed 's|/trigger_request|/reset|' "$W/tasks.yaml" >"$W/other.yaml"
trigger=/sys/devices/virtual/misc/test_firmware/trigger_request
check "helpers: firmware, outside" sh -c "printf sbx-test.bin >$trigger"
chmod 666 $trigger
firmware() { # ARGUMENT...: of `run`
	"$SBX" run "$@" -- sh -c "printf sbx-test.bin >$trigger"
}
for user in root nobody; do
	check "helpers/$user: firmware, for a device that is opened" firmware --policy "$W/tasks.yaml" --user $user
	check "helpers/$user/audit: the same" firmware --audit --policy "$W/tasks.yaml" --user $user
	status "helpers/$user: none for one that is not" 2 firmware --policy "$W/other.yaml" --user $user
	check "helpers/$user/audit: and that is reported" says "may not write $(readlink -f $trigger)" \
		firmware --audit --policy "$W/other.yaml" --user $user
done
kill $victim $mine
unload tasks
rm -rf "$W"
