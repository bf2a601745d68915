#!/bin/bash
# SPDX-License-Identifier: MIT
# Run a command as root under one of Debian's kernels, in qemu's software emulation.
#
#   run.sh --kernel 6.1|6.12|newest [OPTIONS] -- COMMAND ARG...
#
#   --timeout SEC      end the run after SEC seconds (default 600)
#   --smp N, --mem M   processors (default 2), memory (default 2G)
#   --icount           one processor, guest time counts instructions: for figures
#   --append TEXT      more for the kernel's command line
#   --net              a network card behind qemu's user network
#   --share HOSTDIR    HOSTDIR is writable at /mnt/host: the only way for files out of the guest
#   --systemd          with systemd and its bus; COMMAND is a service of it
#   --console FILE     the kernel's console (default: below build/vm/, kept after a failure)
#   --tty              COMMAND has the caller's terminal; Ctrl-] x ends the machine
#   --allow-warnings   do not fail when the kernel warned
#
# The guest sees the host's root read-only below a tmpfs overlay, and starts in the caller's
# directory, with the variables T, PART, LIMIT, SBX_SEED and SOAK_TIME as they are here. stdout and
# stderr of COMMAND arrive here as stdout. Exit status: that of COMMAND; 123 the kernel warned, 124
# timeout, 125 the runner or the boot failed. See README.md.
# shellcheck disable=SC2054 # the commas are qemu's
set -Eeuo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=lib.sh
. "$here/lib.sh"
trap 'say "error: line $LINENO failed: $BASH_COMMAND"; exit 125' ERR

# What the guest needs before it sees the host's root. The rest loads from there when it is used.
BOOT_MODULES="virtio_pci virtio_console 9pnet_virtio 9p overlay"
NET_MODULES="virtio_net"
SLOTS=${SBX_VM_SLOTS:-2}
MSIZE=${SBX_MSIZE:-262144}

usage() {
	sed -n '3,22s/^# \{0,1\}//p' "$0" >&2
	exit 125
}

kernel='' timeout=600 smp=2 mem=2G icount='' append='' net='' share='' console='' allow_warnings='' tty='' systemd=''
while [ $# -gt 0 ]; do
	case "$1" in
	--kernel | --timeout | --smp | --mem | --append | --share | --console)
		[ $# -ge 2 ] || usage
		printf -v "${1#--}" %s "$2"
		shift 2
		;;
	--icount | --net | --tty | --systemd) printf -v "${1#--}" %s 1; shift ;;
	--allow-warnings) allow_warnings=1; shift ;;
	--) shift; break ;;
	*) usage ;;
	esac
done
[ -n "$kernel" ] && [ $# -gt 0 ] || usage
kernel_known "$kernel"
kernel_cached "$kernel" || die "kernel $kernel is not in $SBX_CACHE" "${0%/*}/kernels.sh fetch $kernel"
need qemu-system-x86_64 qemu-system-x86
need cpio cpio
need modprobe kmod
need flock util-linux
busybox=/bin/busybox
[ -z "$systemd" ] || [ -x /lib/systemd/systemd ] || die "no /lib/systemd/systemd" "apt-get install systemd dbus"
[[ $(file -Lb "$busybox" 2>/dev/null) == *static* ]] || die "no static $busybox" "apt-get install busybox-static"

kdir=$(readlink -f "$(kernel_dir "$kernel")")
release=$(<"$kdir/release")

# What runs that were killed outright left behind: the name says whose it was.
for tmp in "${TMPDIR:-/tmp}"/sbx-vm.*; do
	pid=${tmp##*/sbx-vm.}
	pid=${pid%%.*}
	[ ! -O "$tmp" ] || kill -0 "$pid" 2>/dev/null || rm -rf "$tmp"
done
tmp=$(mktemp -d "${TMPDIR:-/tmp}/sbx-vm.$$.XXXXXX")
qemu_pid='' tail_pid='' stty=''
if [ -n "$tty" ]; then
	[ -t 0 ] && [ -t 1 ] || die "--tty: stdin and stdout are no terminal" "leave out --tty"
	stty=$(stty -g)
fi
cleanup() {
	trap - EXIT INT TERM HUP ERR
	[ -z "$qemu_pid" ] || kill -9 "$qemu_pid" 2>/dev/null || :
	[ -z "$tail_pid" ] || kill "$tail_pid" 2>/dev/null || :
	wait 2>/dev/null || :
	[ -z "$stty" ] || stty "$stty" || :
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

modules_of() { # MODULE... -> paths below kdir, in the order of loading
	local m
	for m; do modprobe -C /dev/null -d "$kdir" -S "$release" -D "$m"; done |
		awk -v d="$kdir/" '$1 == "insmod" && !seen[$2]++ { print substr($2, length(d) + 1) }'
}

# The initramfs of the kernel, named by a hash of what goes into it.
initramfs() {
	local list key img d m a
	# shellcheck disable=SC2086
	list=$(modules_of $BOOT_MODULES ${net:+$NET_MODULES})
	key=$( (echo "$list"; cat "$here/init.sh" "$0"; stat -Lc '%s %Y' "$busybox") | sha256sum | cut -c1-16)
	img="$kdir/initramfs-$key.cpio"
	if [ ! -e "$img" ]; then
		d=$tmp/initramfs
		mkdir -p "$d"/{bin,dev,proc,modules}
		cp -L "$busybox" "$d/bin/busybox"
		for a in sh mount mkdir insmod mknod chmod ln rm cp ip hostname uname switch_root poweroff; do
			ln -s busybox "$d/bin/$a"
		done
		: >"$d/modules.list"
		for m in $list; do
			cp "$kdir/$m" "$d/modules/"
			echo "${m##*/}" >>"$d/modules.list"
		done
		install -m 755 "$here/init.sh" "$d/init"
		(cd "$d" && find . | cpio -o -H newc --quiet) >"$tmp/initramfs.cpio"
		rm -rf "$d"
		# Older ones may be in use: only those of last week go.
		find "$kdir" -maxdepth 1 -name 'initramfs-*.cpio' -mtime +7 -delete
		mv "$tmp/initramfs.cpio" "$img.$$"
		mv "$img.$$" "$img"
	fi
	printf '%s\n' "$img"
}

quote() {
	local a
	for a; do printf " '%s'" "${a//\'/\'\\\'\'}"; done
}

# What this run is about goes into a second cpio behind the first; the kernel unpacks both.
job_cpio() {
	local v
	{
		echo "DIR=$(quote "$PWD") KERNEL_DIR=$(quote "$kdir") MSIZE=$MSIZE NET=$net SHARE=${share:+1}" \
			"SYSTEMD=$systemd" |
			sed "s/= '/='/g"
		echo "TREE=$(quote "$(readlink -f "$here/../..")")" | sed "s/= '/='/"
		# stty prints "ROWS COLUMNS"; 0 is a terminal that does not know.
		[ -z "$tty" ] || echo "TTY=$(quote "${TERM:-dumb}") SIZE=$(quote "$(stty size)")" | sed "s/= '/='/g"
		for v in T PART LIMIT SBX_SEED SOAK_TIME; do
			[ -z "${!v:-}" ] || echo "export $v=$(quote "${!v}")" | sed "s/= '/='/"
		done
		echo "set --$(quote "$@")"
	} >"$tmp/job"
	(cd "$tmp" && echo job | cpio -o -H newc --quiet)
}

# At most $SLOTS machines at once; the lock is inherited by qemu, so it lasts as long as the machine.
# Who waits stands in line behind another lock: the kernel hands it on in the order of asking.
take_slot() {
	local i n=0
	mkdir -p "$SBX_CACHE/slots"
	exec 8>>"$SBX_CACHE/slots/queue"
	until flock -n 8; do
		[ $n -gt 0 ] || say "waiting: other machines are in line"
		n=1
		flock 8 & # a shell that waits for a child of this kind heeds signals
		tail_pid=$!
		wait $tail_pid || sleep 1 # somebody ended it: once more
		tail_pid=''
	done
	n=0
	while :; do
		for ((i = 0; i < SLOTS; i++)); do
			exec 9>>"$SBX_CACHE/slots/$i"
			if flock -n 9; then
				exec 8>&-
				return
			fi
		done
		n=$((n + 1))
		[ $n -ne 25 ] || say "waiting: $SLOTS machines are running already"
		sleep 0.2
	done
}

initrd=$(initramfs)
{ cat "$initrd"; job_cpio "$@"; } >"$tmp/initrd"
keep_console=
if [ -n "$console" ]; then
	keep_console=1
else
	console="$here/../../build/vm/console-$kernel-$$.log"
	mkdir -p "${console%/*}"
	console=$(readlink -f "$console")
fi
: >"$console"
: >"$tmp/out"
: >"$tmp/status"

image=$kdir/vmlinux
[ -e "$image" ] || image=$kdir/vmlinuz
# Debian's order has bpf in it already; lsm= is left to --append. Watchdogs are stretched, since an
# emulated processor may stand still for seconds when the host is busy.
cmdline="console=ttyS0 loglevel=${SBX_LOGLEVEL:-6} panic=-1 mitigations=off tsc=reliable no_timer_check"
cmdline+=" watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=180 workqueue.watchdog_thresh=180"
cmdline+=" net.ifnames=0 $append"
args=(
	-nodefaults -no-user-config -display none -no-reboot -monitor none
	-M "${SBX_MACHINE:-q35}" -cpu "${SBX_CPU:-qemu64}" -m "$mem"
	-kernel "$image" -initrd "$tmp/initrd" -append "$cmdline"
	-serial "file:$console"
	-device virtio-serial-pci
	-chardev "file,id=out,path=$tmp/out" -device virtserialport,chardev=out,nr=1
	-chardev "file,id=status,path=$tmp/status" -device virtserialport,chardev=status,nr=2
	-fsdev local,id=root,path=/,security_model=none,readonly=on,multidevs=remap
	-device virtio-9p-pci,fsdev=root,mount_tag=root
)
if [ -n "$icount" ]; then
	args+=(-accel tcg -smp 1 -icount shift=0,sleep=off)
else
	# In turns, which costs the host least. Races want SBX_VM_PARALLEL=1: really at once.
	threads=single
	[ -z "${SBX_VM_PARALLEL:-}" ] || threads=multi
	args+=(-accel "tcg,thread=$threads" -smp "$smp")
fi
[ -z "$net" ] || args+=(-netdev user,id=net -device virtio-net-pci,netdev=net,romfile=)
[ -z "$share" ] || args+=(
	-fsdev "local,id=share,path=$(readlink -f "$share"),security_model=none,multidevs=remap"
	-device virtio-9p-pci,fsdev=share,mount_tag=share
)

if [ -n "$tty" ]; then
	# A multiplexer, for the sake of its way out: Ctrl-] x.
	args+=(-chardev "stdio,id=tty,signal=off,mux=on" -echr 29 -device virtconsole,chardev=tty)
	exec 3<&0 4>&1
else
	exec 3</dev/null 4>"$tmp/qemu.out"
fi

take_slot
# Should this script be killed outright, the kernel ends qemu.
setpriv --pdeathsig KILL qemu-system-x86_64 "${args[@]}" <&3 >&4 2>"$tmp/qemu.log" &
qemu_pid=$!
# A file rather than a pipe: a reader that stops would stop the guest's processor with it.
tail -c +1 -s 0.1 -f --pid=$qemu_pid "$tmp/out" 9>&- &
tail_pid=$!

deadline=$((SECONDS + timeout))
timed_out=
while kill -0 "$qemu_pid" 2>/dev/null; do
	if [ $SECONDS -ge $deadline ]; then
		timed_out=1
		kill -9 "$qemu_pid" 2>/dev/null || :
		break
	fi
	sleep 0.1
done
wait "$qemu_pid" 2>/dev/null || :
qemu_pid=
exec 9>&-
wait "$tail_pid" || :
tail_pid=

read -r what rc <"$tmp/status" || what=none
warnings=$(grep -aE 'BUG:|WARNING:|Oops|KASAN|rcu_.*stall' "$console" | grep -v 'ommand line: ' || :)
console_tail() {
	say "the end of the console ($console):"
	tail -n 30 "$console" >&2
}
if [ -n "$timed_out" ] && [ "$what" != exit ]; then
	console_tail
	say "timeout after $timeout s"
	exit 124
fi
case "$what" in
exit) ;;
fail) die "the guest did not come up: $rc" "its console is in $console" ;;
*)
	cat "$tmp/qemu.log" >&2
	console_tail
	die "the guest ended without a status (kernel panic or boot failure)"
	;;
esac
if [ -n "$warnings" ] && [ -z "$allow_warnings" ]; then
	printf '%s\n' "$warnings" >&2
	say "error: the kernel warned (status of the command: $rc); its console is in $console"
	exit 123
fi
[ -n "$keep_console" ] || [ "$rc" -ne 0 ] || rm -f "$console"
exit "$rc"
