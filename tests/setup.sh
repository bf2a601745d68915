#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian packages that building and testing need and that are missing, after saying so.
# SBX_NO_INSTALL=1: only lists them, and exits 1 when there are any. Fast when nothing is missing.
# `setup.sh build`: only those that building needs; `setup.sh escape`: the other sandboxes as well that
# `make escape` looks at; `setup.sh browser`: what `make browser` drives.
set -eu

building='
gcc                 compiles the loader
libc6-dev           the C library
clang               compiles the BPF programs, and the parsers for fuzzing
llvm                strips the BPF objects
bpftool             links BPF objects, makes the skeleton
libbpf-dev          loads BPF programs
libelf-dev          needed by libbpf
zlib1g-dev          needed by libbpf
libyaml-dev         reads policies
libjansson-dev      writes JSON
libldns-dev         reads and writes DNS messages
libsystemd-dev      tells the service manager that sbx-bpfd is ready
scdoc               manual pages
'
packages="$building
libcmocka-dev       unit tests
libclang-rt-dev     sanitizers and libFuzzer of clang
clang-format        lint: layout of C
cppcheck            lint: faults in C
shellcheck          lint: scripts
systemd             lint and tests: the unit
qemu-system-x86     virtual machines for the kernel tests
busybox-static      the first program in a virtual machine
cpio                packs its initial file system
kmod                finds the modules of a kernel
file                checks that busybox is static
xz-utils            unpacks modules
zstd                unpacks modules
binutils            takes kernel packages apart
util-linux          flock, setpriv, script
e2fsprogs           tests: ext4 images
btrfs-progs         tests: btrfs images
iproute2            tests and demo: addresses
procps              tests: processes
curl                tests: its client
bind9-dnsutils      tests: dig
dnsmasq-base        tests: a name server
tinyproxy-bin       tests: a proxy, without a service
dbus                tests: systemd in a virtual machine
musl-tools          tests: a program with another C library
openssl             tests: certificates
iperf3              tests: streams and datagrams
openssh-client      tests: ssh
dropbear-bin        tests: its server, without a service
nodejs              tests: its clients, servers and channels
python3             tests and demo
python3-venv        tests: what the bundle python allows
python3-yaml        tests: policies against their schema
python3-jsonschema  tests: policies against their schema
git                 tests and demo
make                tests and demo: builds inside a sandbox
passwd              demo: a user for the agent
vim                 tests: full-screen programs
nano                tests: full-screen programs
g++                 tests: native modules of node
cmake               tests: a build inside a sandbox
sqlite3             tests: a database inside a sandbox
golang-go           tests: a program with a resolver of its own, and work in Go
less                tests: full-screen programs
tmux                tests: terminals within terminals
sudo                tests: what it says inside a sandbox
iputils-ping        tests: what it says inside a sandbox
stress-ng           tests: load inside a sandbox
gdb                 tests: a debugger inside a sandbox
strace              tests: a tracer inside a sandbox
"
what=${1:-}
# Other builds of node bring it along, and conflict with Debian's.
command -v npm >/dev/null || packages="$packages
npm                 tests: packages of node
"
[ "$what" != build ] || packages=$building
[ "$what" != browser ] || packages="$packages
chromium            browser: the browser
fonts-dejavu-core   browser: letters
"
[ "$what" != escape ] || packages="$packages
bubblewrap          escape: another sandbox
firejail            escape: another sandbox
socat               escape: sandbox-runtime needs it
ripgrep             escape: sandbox-runtime needs it
"

installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' 2>/dev/null | sed -n 's/^ii  *//p' | tr '\n' ' ')
missing=$(echo "$packages" | while read -r name use; do
	case " $installed" in
	*" $name "*) ;;
	*) [ -z "$name" ] || echo "$name $use" ;;
	esac
done)
apt() {
	# shellcheck disable=SC2086 # "sudo -n" is two words
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends "$@"
}
as_root=
[ "$(id -u)" -eq 0 ] || as_root=sudo
# Asks for a password only where somebody can answer.
[ -z "$as_root" ] || [ -t 0 ] || as_root='sudo -n'

# nginx comes with a service, which nobody has asked for: only its program is taken.
programs=$(dirname "$0")/../build/programs
take_nginx() {
	[ ! -x "$programs/usr/sbin/nginx" ] && [ ! -x /usr/sbin/nginx ] || return 0
	mkdir -p "$programs"
	(
		cd "$programs"
		{ apt-get -q download nginx || { apt update && apt-get -q download nginx; }; } >apt.log 2>&1 &&
			dpkg -x nginx_*.deb .
	) || {
		tail -n 5 "$programs/apt.log" >&2
		echo "error: nginx could not be downloaded. Hint: mend that, or install it" >&2
		return 1
	}
}
if [ -z "$missing" ]; then
	[ -n "${SBX_NO_INSTALL:-}" ] || [ "$what" = build ] || take_nginx
	exit
fi

echo "Debian packages that are missing:"
echo "$missing" | while read -r name use; do printf '  %-19s %s\n' "$name" "$use"; done
# shellcheck disable=SC2046 # a list of names
set -- $(echo "$missing" | cut -d' ' -f1)
if [ -n "${SBX_NO_INSTALL:-}" ]; then
	echo "Hint: apt-get install $*" >&2
	exit 1
fi
if ! command -v apt-get >/dev/null; then
	echo "error: there is no apt-get here. Hint: install the equivalents of these packages" >&2
	exit 1
fi

if [ -n "$as_root" ] && ! command -v sudo >/dev/null; then
	echo "error: installing needs root, and there is no sudo." \
		"Hint: as root, run: apt-get install $*" >&2
	exit 1
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "Installing them with apt-get: this takes some minutes."
# Lists may be missing or too old to download from: then they are fetched first.
if apt install "$@" >"$log" 2>&1 || { apt update >>"$log" 2>&1 && apt install "$@" >>"$log" 2>&1; }; then
	[ "$what" = build ] || take_nginx
	exit
fi
tail -n 20 "$log" >&2
echo "error: apt-get could not install them (its last words are above)." \
	"Hint: mend that, or run: apt-get update && apt-get install $*" >&2
exit 1
