#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash
# The guest's pid 1, run by busybox; it is executed twice.
#
# From the initramfs ("boot"): load what mounting needs, put a tmpfs over the host's root, switch to
# it. In the new root ("job"): run the command, write its status to the second virtio port, power off.
#
# pid 1 has to be the one that switches: kernel threads share its fs_struct, and request_module()
# would otherwise look for modprobe in an empty initramfs.

OUT=/dev/vport0p1
STATUS=/dev/vport0p2

fail() {
	echo "sbx-init: $*" >/dev/console
	[ ! -c $STATUS ] || echo "fail $*" >$STATUS
	poweroff -f
}

try() {
	"$@" || fail "failed: $*"
}

# Nodes of modules that load when they are opened; udev would make them.
static_nodes() { # RELEASE
	local name node kind
	while read -r name node kind; do
		case "$name" in '#'*) continue ;; esac
		[ ! -e "/new/dev/$node" ] || continue
		case "$node" in */*) mkdir -p "/new/dev/${node%/*}" ;; esac
		set -- "${kind%%[0-9]*}" "${kind#?}"
		mknod -m 600 "/new/dev/$node" "$1" "${2%:*}" "${2#*:}"
	done <"/lower$KERNEL_DIR/lib/modules/$1/modules.devname"
	chmod 666 /new/dev/fuse /new/dev/net/tun 2>/dev/null
}

# A tree below what the guest mounts anew: over the host's, as everything else.
uncover() { # DIR
	case "$1" in
	/tmp/* | /run/* | /dev/*)
		[ -d "/lower$1" ] && [ ! -d "/new$1" ] || return
		mkdir -p "/new$1" "/rw/trees$1/upper" "/rw/trees$1/work"
		try mount -t overlay -o "lowerdir=/lower$1,upperdir=/rw/trees$1/upper,workdir=/rw/trees$1/work" \
			tree "/new$1"
		;;
	esac
}

boot() {
	local m rel d
	mount -t devtmpfs -o mode=755 dev /dev
	mount -t proc proc /proc
	while read -r m; do
		# Some are built in with some kernels: their absence shows at the mounts below.
		insmod "/modules/$m" || echo "sbx-init: cannot load $m" >/dev/console
	done </modules.list
	. /job
	mkdir /lower /rw /new
	try mount -t 9p -o "ro,trans=virtio,version=9p2000.L,cache=loose,msize=$MSIZE" root /lower
	try mount -t tmpfs -o size=75%,mode=755 rw /rw
	mkdir /rw/upper /rw/work
	try mount -t overlay -o lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work root /new

	mount --move /dev /new/dev
	mount --move /proc /new/proc
	try mount -t sysfs sys /new/sys
	mkdir -p /new/dev/pts /new/dev/shm
	try mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /new/dev/pts
	try mount -t tmpfs -o mode=1777,nosuid,nodev shm /new/dev/shm
	try mount -t tmpfs -o mode=755,nosuid,nodev run /new/run
	try mount -t tmpfs -o mode=1777 tmp /new/tmp
	uncover "$TREE"
	uncover "$DIR"
	try mount -t cgroup2 cgroup2 /new/sys/fs/cgroup
	try mount -t bpf -o mode=700 bpf /new/sys/fs/bpf
	try mount -t securityfs securityfs /new/sys/kernel/security
	try mount -t debugfs debugfs /new/sys/kernel/debug
	mount -t tracefs tracefs /new/sys/kernel/tracing
	ln -s /proc/self/fd /new/dev/fd
	ln -s /proc/self/fd/0 /new/dev/stdin
	ln -s /proc/self/fd/1 /new/dev/stdout
	ln -s /proc/self/fd/2 /new/dev/stderr

	rel=$(uname -r)
	mkdir -p /new/lib/modules
	rm -rf "/new/lib/modules/$rel"
	case "$KERNEL_DIR" in
	/tmp/* | /run/* | /dev/*)
		# Hidden by the guest's own mounts above.
		mkdir "/new/lib/modules/$rel"
		mount --bind "/lower$KERNEL_DIR/lib/modules/$rel" "/new/lib/modules/$rel"
		;;
	*) ln -s "$KERNEL_DIR/lib/modules/$rel" "/new/lib/modules/$rel" ;;
	esac
	static_nodes "$rel"

	hostname sbx-vm
	ip link set lo up
	if [ -n "$NET" ]; then
		# What qemu's user network hands out by DHCP is fixed: no need to ask.
		ip addr add 10.0.2.15/24 dev eth0
		ip link set eth0 up
		ip route add default via 10.0.2.2
		rm -f /new/etc/resolv.conf
		echo "nameserver 10.0.2.3" >/new/etc/resolv.conf
	fi
	if [ -n "$SHARE" ]; then
		mkdir -p /new/mnt/host
		# No cache: what the guest wrote is with the host when write(2) returns.
		try mount -t 9p -o "trans=virtio,version=9p2000.L,cache=none,msize=$MSIZE" share /new/mnt/host
	fi

	d=/new/run/sbx-vm
	mkdir -m 700 $d
	cp /bin/busybox /init /job $d
	exec switch_root /new /run/sbx-vm/busybox sh /run/sbx-vm/init job
}

# Everything else that still runs holds the output open: end it, so that the end is seen.
end_others() { # PID...
	local p
	for p in /proc/[0-9]*; do
		p=${p#/proc/}
		case " 1 $* " in *" $p "*) ;; *) kill -9 "$p" 2>/dev/null ;; esac
	done
}

# systemd as process 1 instead, with its bus and nothing else: it starts the job as a service.
start_systemd() {
	local units=/run/systemd/system unit
	mkdir -p $units/dbus.socket.d $units/dbus.service.d
	for unit in dbus.socket dbus.service; do
		printf '[Unit]\nDefaultDependencies=no\n' >$units/$unit.d/vm.conf
	done
	cat >$units/sbx-vm.service <<-END
		[Unit]
		DefaultDependencies=no
		Requires=dbus.socket
		After=dbus.socket
		[Service]
		Type=oneshot
		ExecStart=/run/sbx-vm/busybox sh /run/sbx-vm/init job
		TimeoutStartSec=infinity
		LimitMEMLOCK=infinity
		TasksMax=infinity
		StandardOutput=null
	END
	exec /lib/systemd/systemd --system --unit=sbx-vm.service
}

# shellcheck disable=SC2120 # the job file sets "$@"
job() {
	local b=/run/sbx-vm/busybox reader rc n
	mount() { $b mount "$@"; }
	poweroff() { $b poweroff "$@"; }
	export HOME=/root USER=root LOGNAME=root LANG=C.UTF-8 TERM=dumb
	export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	. /run/sbx-vm/job
	[ -z "$SYSTEMD" ] || [ $$ -ne 1 ] || start_systemd
	cd "$DIR" || fail "the guest has no directory $DIR (its /dev, /proc and /sys are its own)"
	# shellcheck disable=SC3045 # busybox has it
	ulimit -l unlimited
	if [ -n "$TTY" ]; then
		export TERM="$TTY"
		# Job control needs a controlling terminal: cttyhack's work, without its guesses.
		$b setsid -c /bin/sh -c "stty rows ${SIZE% *} cols ${SIZE#* } sane; "'exec "$@"' sh "$@" </dev/hvc0 >/dev/hvc0 2>&1
		rc=$?
	else
		# A pipe in between: a port can be opened once only, and programs reopen /dev/stderr.
		$b mkfifo /run/sbx-vm/out
		$b cat </run/sbx-vm/out >$OUT &
		reader=$!
		# In the foreground: a shell has SIGINT ignored in what it starts with "&". By way of the
		# host's shell: busybox would prefer its own applets to the host's programs.
		$b setsid /bin/sh -c 'exec "$@"' "$1" "$@" </dev/null >/run/sbx-vm/out 2>&1
		rc=$?
		n=0
		while kill -0 $reader 2>/dev/null && [ $n -lt 100 ]; do
			[ $n -ne 10 ] || end_others $reader
			$b usleep 20000
			n=$((n + 1))
		done
	fi
	echo "exit $rc" >$STATUS
	poweroff -f
}

case "$1" in
job) job ;;
*) boot ;;
esac
# Not reached: the end of pid 1 is a panic, which the runner reports.
