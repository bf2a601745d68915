#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs in the virtual machine, as root: guest.sh quick|full [CASE...]. Prints one row per figure:
# "row fs rules subject case depth instructions", separated by tabs.
set -Eeuo pipefail
trap 'echo "guest.sh: error: line $LINENO failed: $BASH_COMMAND" >&2' ERR
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
BENCH=$ROOT/build/bench
SBX=$ROOT/build/sbx-bpf
POLICIES=$ROOT/policies
CG=/sys/fs/cgroup/bench
IDLE=/sys/fs/cgroup/idle
W=$(mktemp -d /run/bench.XXXXXX)
TAB=$'\t'
mode=${1:?quick or full}
fs=tmpfs

note() { echo "[$(cut -d' ' -f1 /proc/uptime)] $*" >&2; }

# The tree that every case works in: see bench.h.
populate() {
	mkdir -p /b/p /b/r /b/tmp /b/x/dir0 /b/secret
	touch /b/x/file0 /b/secret/file
	cp "$BENCH/tiny" /b/p/tiny
	(cd /b/r && seq 0 "$1" | xargs mkdir -p)
}

mount_fs() { # FS RULES
	fs=$1
	mkdir -p /b
	case $fs in
	tmpfs) mount -t tmpfs bench /b ;;
	*)
		truncate -s 256M "$W/image"
		"mkfs.$fs" -q "$W/image"
		mount -o loop "$W/image" /b
		;;
	esac
	populate "$2"
	sync -f /b
}

unmount_fs() {
	umount /b
	rm -f "$W/image"
}

# op SUBJECT RULES OPTIONS... -- CASES: the rows of one subject.
op() {
	local subject=$1 rules=$2
	shift 2
	"$BENCH/op" ${CHECK:+--check} --prefix "row$TAB$fs$TAB$rules$TAB$subject$TAB" "$@"
}

none() { op none 0 -- "$@"; }
empty() { "$BENCH/hooks" "$ROOT/build/sbx.bpf.o" "$BENCH/op" ${CHECK:+--check} \
	--prefix "row$TAB$fs${TAB}0${TAB}empty$TAB" "$@"; }

landlock() { # RULES CASES
	local rules=$1
	shift
	op landlock "$rules" --landlock "$rules" --denied /b/secret/file -- "$@"
}

# policy KIND RULES > FILE: one rule for the project, the rest for directories beside it.
policy() {
	local i
	cat <<-EOF_HEAD
		version: 1
		name: $1-$2
		files:
		  - allow: [read, write, exec]
		    path: "/b/p/**"
	EOF_HEAD
	for ((i = 1; i < $2; i++)); do
		if [ "$1" = uniform ]; then
			printf '  - allow: [read]\n    path: "/b/r/%d/**"\n' "$i"
		else
			printf '  - deny: [write]\n    path: "/b/p/**/.name%d"\n' "$i"
		fi
	done
	[ "$1" = uniform ] || printf '  - deny: [write]\n    path: "/b/p/**/.name0"\n'
	printf 'network:\n  - allow: [bind]\n    to: "localhost"\n  - allow: [connect]\n    to: ["localhost:1-65535"'
	for ((i = 1; i < $2; i++)); do
		printf ', "10.%d.%d.0/24:443"' $((i / 250)) $((i % 250))
	done
	printf ']\n'
}

# sandboxed SUBJECT RULES POLICY [OPTIONS of attach] -- CASES
sandboxed() {
	local subject=$1 rules=$2 file=$3
	local -a opts=()
	shift 3
	while [ "$1" != -- ]; do
		opts+=("$1")
		shift
	done
	shift
	mkdir -p "$CG"
	"$SBX" attach --cgroup "$CG" --policy "$file" "${opts[@]}" >"$W/attach.log" 2>&1 || {
		cat "$W/attach.log" >&2
		return 1
	}
	op "$subject" "$rules" --cgroup "$CG" --denied /b/secret/file -- "$@"
	"$SBX" detach --cgroup "$CG" >/dev/null
	rmdir "$CG"
}

generated() { # KIND RULES CASES
	local kind=$1 rules=$2
	shift 2
	policy "$kind" "$rules" >"$W/$kind-$rules.yaml"
	sandboxed "$kind" "$rules" "$W/$kind-$rules.yaml" -- "$@"
}

agent() { sandboxed ai-agent 0 "$POLICIES/ai-agent.yaml" --var project=/b/p --var tmp=/b/tmp -- "$@"; }

# Ours are loaded, and a sandbox is somewhere else: what everybody else pays.
outside() {
	mkdir -p "$IDLE"
	policy uniform 1 >"$W/idle.yaml"
	"$SBX" attach --cgroup "$IDLE" --policy "$W/idle.yaml" >/dev/null
	op outside 0 -- "$@"
}

quick() {
	local opens="open:3 open:8 open:16 open-named:3 open-named:8 open-named:16 open-miss:8"
	mount_fs tmpfs 10
	# shellcheck disable=SC2086 # lists
	{
		note none
		none $opens
		empty $opens
		landlock 1 $opens
		note outside
		outside $opens
		note ai-agent
		agent $opens
		note uniform
		generated uniform 10 $opens
	}
	note ready
}

[ "$(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)" = tsc ] ||
	note "warning: the clock is not the time-stamp counter"
case $mode in
quick) quick ;;
esac
