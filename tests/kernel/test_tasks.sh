#!/bin/bash
# SPDX-License-Identifier: MIT
# Other processes and the machine, with the same acts outside as twins.
. "$(dirname "$0")/lib.sh"

keep_loaded
policy "$W/tasks.yaml" <<EOF
  - allow: [read, write]
    path: ["$W/**", "/dev/ptmx", "/dev/pts/*"]
capabilities: [cap_dac_override, cap_dac_read_search, cap_setuid, cap_setgid, cap_kill, cap_chown, cap_fowner]
EOF
mkdir "$W/mnt"

sleep 300 &
victim=$!
mkdir -p /dev/mqueue
mountpoint -q /dev/mqueue || mount -t mqueue none /dev/mqueue
touch /dev/mqueue/sbx-outside
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
		ok setown-self
		EPERM pidfd-kill $victim
		EPERM pidfd-getfd $victim
		EACCES mq-open /sbx-outside
		EACCES shm-attach $shm
		EACCES shm-find 0x5b0
		EACCES msg-send $msg
		EACCES sem-up $sem
		EACCES shm-remove $shm
		ok ipc-own
		EPERM|EACCES|ENOKEY add-key
		EPERM|EACCES|ENOKEY request-key
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
		EPERM tiocsti
		EPERM|ENOSYS tiocsti-int80
		EPERM uring-sqpoll
		EACCES nsfs
		ok jit
		EACCES exec-memfd /bin/true
	EOF
)
inside tasks "$W/tasks.yaml" root <<<"$script"
audited tasks "$W/tasks.yaml"

twin=$(sed -e 's/^[A-Z|]* \(kill\|ptrace\|prlimit\|setprio\|vmread\|setown\|mount\|fsopen\|chroot\|bpf\|perf\|settime\|syslog\|nsfs\|exec-memfd\|list\|read\|fiosetown\|pidfd-kill\|pidfd-getfd\|msg-send\|sem-up\|open-tree\|add-key\|request-key\|read-keyring\)/ok \1/' \
	-e '/tiocsti\|uring\|unshare\|maps$\|setown-\|shm\|mq-\|umount\|setns/d' <<<"$script")
"$ACT" <<<"$twin" | sed 's|^ok|ok tasks/outside:|; s|^not ok|not ok tasks/outside:|'
while umount "$W/mnt" 2>/dev/null; do :; done
ipcrm -M 0x5b0 2>/dev/null
ipcrm -Q 0x5b1 -S 0x5b2

# Inside one sandbox all of it works.
cat >"$W/inside.sh" <<-'EOF'
	sleep 60 &
	pid=$!
	kill -0 $pid || exit 1
	read -r _ </proc/$pid/environ || [ -r /proc/$pid/environ ] || exit 2
	kill $pid
EOF
check "tasks: signals and /proc inside the sandbox" "$SBX" run --policy "$W/tasks.yaml" --user root -- /bin/bash "$W/inside.sh"
kill $victim
check "tasks: unload" "$SBX" detach --all
rm -rf "$W"
