#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian packages that building and testing need and that are missing, after saying so.
# SBX_NO_INSTALL=1: only lists them, and exits 1 when there are any. Fast when nothing is missing.
set -eu

packages='
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
libcmocka-dev       unit tests
libclang-rt-dev     sanitizers and libFuzzer of clang
clang-format        lint: layout of C
cppcheck            lint: faults in C
shellcheck          lint: scripts
scdoc               manual pages
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
python3             tests and demo
python3-venv        tests: what the bundle python allows
python3-yaml        tests: policies against their schema
python3-jsonschema  tests: policies against their schema
git                 tests and demo
make                tests and demo: builds inside a sandbox
passwd              demo: a user for the agent
vim                 tests: full-screen programs
less                tests: full-screen programs
tmux                tests: terminals within terminals
sudo                tests: what it says inside a sandbox
iputils-ping        tests: what it says inside a sandbox
gdb                 tests: a debugger inside a sandbox
strace              tests: a tracer inside a sandbox
'

installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' 2>/dev/null | sed -n 's/^ii  *//p' | tr '\n' ' ')
missing=$(echo "$packages" | while read -r name what; do
	case " $installed" in
	*" $name "*) ;;
	*) [ -z "$name" ] || echo "$name $what" ;;
	esac
done)
[ -n "$missing" ] || exit 0

echo "Debian packages that are missing:"
echo "$missing" | while read -r name what; do printf '  %-19s %s\n' "$name" "$what"; done
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

as_root=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || {
		echo "error: installing needs root, and there is no sudo." \
			"Hint: as root, run: apt-get install $*" >&2
		exit 1
	}
	# Asks for a password only where somebody can answer.
	as_root=sudo
	[ -t 0 ] || as_root='sudo -n'
fi
apt() {
	# shellcheck disable=SC2086 # "sudo -n" is two words
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends "$@"
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "Installing them with apt-get: this takes some minutes."
# Lists may be missing or too old to download from: then they are fetched first.
apt install "$@" >"$log" 2>&1 && exit 0
apt update >>"$log" 2>&1 && apt install "$@" >>"$log" 2>&1 && exit 0
tail -n 20 "$log" >&2
echo "error: apt-get could not install them (its last words are above)." \
	"Hint: mend that, or run: apt-get update && apt-get install $*" >&2
exit 1
