#!/bin/bash
# SPDX-License-Identifier: MIT
# Run a command that tests in one virtual machine per kernel, and add up what came of it.
#
#   matrix.sh [-j N] [--parts N] [--timeout SEC] [--systemd] KERNEL... -- COMMAND ARG...
#
#   -j N             up to N machines at once (default 1)
#   --parts N        N machines for each kernel: COMMAND finds 1/N, 2/N, … in PART (default 1)
#   --timeout SEC    for each machine (default 1200)
#   --systemd        with systemd and its bus, as run.sh has it
#
# Each line of output starts with the kernel and the part it comes from. COMMAND closes with the line
# "N passed, N failed, N skipped"; the last line here is the sum of these. One failure more for each
# machine that gave no such line, ended with a status that contradicts it, ran into the time limit,
# or whose kernel warned. What COMMAND writes to /mnt/host is below build/vm/KERNEL.
set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=lib.sh
. "$here/lib.sh"
# shellcheck source=tests/lib.sh
. "$here/../lib.sh"

usage() {
	sed -n '3,15s/^# \{0,1\}//p' "$0" >&2
	exit 125
}

jobs=1 parts=1 timeout=1200 systemd='' kernels=()
while [ $# -gt 0 ]; do
	case "$1" in
	-j | --parts | --timeout)
		[[ ${2:-} =~ ^[1-9][0-9]*$ ]] || usage
		case "$1" in -j) jobs=$2 ;; --parts) parts=$2 ;; *) timeout=$2 ;; esac
		shift 2
		;;
	--systemd) systemd=1; shift ;;
	--) shift; break ;;
	-*) usage ;;
	*) kernel_known "$1"; kernels+=("$1"); shift ;;
	esac
done
[ ${#kernels[@]} -gt 0 ] && [ $# -gt 0 ] || usage

tmp=$(mktemp -d)
declare -A name_of=()
cleanup() {
	local pid
	# Each takes its machine with it.
	for pid in "${!name_of[@]}"; do kill "$pid" 2>/dev/null; done
	wait
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# What the command printed and what the runner said are kept apart: the runner speaks last.
start() { # KERNEL PART COMMAND...
	local kernel=$1 part=$2 name=$1 share=$here/../../build/vm/$1
	shift 2
	[ "$parts" -eq 1 ] || name=$kernel/$part
	mkdir -p "$share"
	mkdir -p "$tmp/$name"
	date +%s >"$tmp/$name/start"
	# TERM when this script is killed outright: no machine outlives it.
	PART=$part/$parts setpriv --pdeathsig TERM "$here/run.sh" --kernel "$kernel" --timeout "$timeout" \
		${systemd:+--systemd} --share "$share" -- "$@" </dev/null 2> >(sed -u "s|^|$name: |") \
		> >(tee "$tmp/$name/out" | sed -u "s|^|$name: |") &
	name_of[$!]=$name
}

# The closing line of a machine that has ended, added to the sums.
account() { # NAME STATUS
	local name=$1 rc=$2 line f=0
	line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$tmp/$name/out" | tail -n 1)
	if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
		f=${BASH_REMATCH[2]}
		passed=$((passed + BASH_REMATCH[1]))
		failed=$((failed + f))
		skipped=$((skipped + BASH_REMATCH[3]))
	fi
	printf -- '-- %s: %s, status %d, %d s\n' "$name" "${line:-no closing line}" "$rc" \
		$(($(date +%s) - $(<"$tmp/$name/start")))
	case $rc in
	0) [ -n "$line" ] || not_ok "$name: the command did not close with its sums" ;;
	123) not_ok "$name: the kernel warned" ;;
	124) not_ok "$name: timeout after $timeout s" ;;
	125) not_ok "$name: the machine failed" ;;
	*) [ "$f" -gt 0 ] || not_ok "$name: the command ended with status $rc" ;;
	esac
}

# The next machine to end; its output is here when the readers have seen its end.
reap() {
	local pid rc=0
	wait -n -p pid "${!name_of[@]}" || rc=$?
	sleep 0.2
	account "${name_of[$pid]}" "$rc"
	unset "name_of[$pid]"
}

for ((part = 1; part <= parts; part++)); do
	for kernel in "${kernels[@]}"; do
		[ ${#name_of[@]} -lt "$jobs" ] || reap
		start "$kernel" "$part" "$@"
	done
done
while [ ${#name_of[@]} -gt 0 ]; do reap; done
closing
