#!/bin/bash
# SPDX-License-Identifier: MIT
# Other processes and the machine, with the same acts outside as twins.
. "$(dirname "$0")/lib.sh"

policy "$W/tasks.yaml" <<EOF
  - allow: [read, write]
    path: ["$W/**", "/dev/ptmx", "/dev/pts/*"]
capabilities: [cap_dac_override, cap_dac_read_search, cap_setuid, cap_setgid, cap_kill, cap_chown, cap_fowner]
EOF
mkdir "$W/mnt"

sleep 300 &
victim=$!
script=$(
	cat <<-EOF
		EPERM kill $victim
		EPERM ptrace $victim
		EPERM prlimit $victim
		EPERM setprio $victim
		EPERM vmread $victim
		EPERM setown $victim
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
		EPERM perf
		EPERM settime
		EPERM syslog
		EPERM tiocsti
		EPERM uring-sqpoll
		EACCES nsfs
		ok jit
		EACCES exec-memfd /bin/true
	EOF
)
inside tasks "$W/tasks.yaml" root <<<"$script"

twin=$(sed -e 's/^[A-Z|]* \(kill\|ptrace\|prlimit\|setprio\|vmread\|setown\|mount\|fsopen\|chroot\|bpf\|perf\|settime\|syslog\|nsfs\|exec-memfd\|list\|read\)/ok \1/' \
	-e '/tiocsti\|uring\|unshare\|maps$/d' <<<"$script")
"$ACT" <<<"$twin" | sed 's|^ok|ok tasks/outside:|; s|^not ok|not ok tasks/outside:|'
umount "$W/mnt"

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
rm -rf "$W"
