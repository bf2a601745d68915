#!/bin/bash
# SPDX-License-Identifier: MIT
# Run a command that tests in one virtual machine per kernel, and add up what came of it.
#
#   matrix.sh [-j N] [--timeout SEC] KERNEL... -- COMMAND ARG...
#
#   -j N             up to N machines at once (default 1)
#   --timeout SEC    for each of them (default 1200)
#
# Each line of output starts with the kernel it comes from. COMMAND closes with the line
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
	sed -n '3,13s/^# \{0,1\}//p' "$0" >&2
	exit 125
}

jobs=1 timeout=1200 kernels=()
while [ $# -gt 0 ]; do
	case "$1" in
	-j | --timeout)
		[[ ${2:-} =~ ^[1-9][0-9]*$ ]] || usage
		case "$1" in -j) jobs=$2 ;; *) timeout=$2 ;; esac
		shift 2
		;;
	--) shift; break ;;
	-*) usage ;;
	*) kernel_known "$1"; kernels+=("$1"); shift ;;
	esac
done
[ ${#kernels[@]} -gt 0 ] && [ $# -gt 0 ] || usage

tmp=$(mktemp -d)
declare -A kernel_of=()
cleanup() {
	local pid
	# Each takes its machine with it.
	for pid in "${!kernel_of[@]}"; do kill "$pid" 2>/dev/null; done
	wait
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# What the command printed and what the runner said are kept apart: the runner speaks last.
start() { # KERNEL COMMAND...
	local kernel=$1 share=$here/../../build/vm/$1
	shift
	mkdir -p "$share"
	# TERM when this script is killed outright: no machine outlives it.
	setpriv --pdeathsig TERM "$here/run.sh" --kernel "$kernel" --timeout "$timeout" --share "$share" \
		-- "$@" </dev/null 2> >(sed -u "s/^/$kernel: /") > >(tee "$tmp/$kernel.out" | sed -u "s/^/$kernel: /") &
	kernel_of[$!]=$kernel
	date +%s >"$tmp/$kernel.start"
}

# The closing line of a machine that has ended, added to the sums.
account() { # KERNEL STATUS
	local kernel=$1 rc=$2 line f=0
	line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$tmp/$kernel.out" | tail -n 1)
	if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
		f=${BASH_REMATCH[2]}
		passed=$((passed + BASH_REMATCH[1]))
		failed=$((failed + f))
		skipped=$((skipped + BASH_REMATCH[3]))
	fi
	printf -- '-- %s: %s, status %d, %d s\n' "$kernel" "${line:-no closing line}" "$rc" \
		$(($(date +%s) - $(<"$tmp/$kernel.start")))
	case $rc in
	0) [ -n "$line" ] || not_ok "$kernel: the command did not close with its sums" ;;
	123) not_ok "$kernel: the kernel warned" ;;
	124) not_ok "$kernel: timeout after $timeout s" ;;
	125) not_ok "$kernel: the machine failed" ;;
	*) [ "$f" -gt 0 ] || not_ok "$kernel: the command ended with status $rc" ;;
	esac
}

# The next machine to end; its output is here when the readers have seen its end.
reap() {
	local pid rc=0
	wait -n -p pid "${!kernel_of[@]}" || rc=$?
	sleep 0.2
	account "${kernel_of[$pid]}" "$rc"
	unset "kernel_of[$pid]"
}

for kernel in "${kernels[@]}"; do
	[ ${#kernel_of[@]} -lt "$jobs" ] || reap
	start "$kernel" "$@"
done
while [ ${#kernel_of[@]} -gt 0 ]; do reap; done
closing
