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
asked=("${@:2}")
fs=

# Where the stack and the heap lie changes the number of page tables that fork copies.
echo 0 >/proc/sys/kernel/randomize_va_space

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
	! mountpoint -q /b || umount /b
	case $fs in
	tmpfs) mount -t tmpfs bench /b ;;
	*)
		truncate -s 256M "$W/$fs"
		"mkfs.$fs" -qF "$W/$fs"
		mount -o loop "$W/$fs" /b
		;;
	esac
	populate "$2"
	sync -f /b
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

# policy KIND RULES > FILE: one rule for the project, the others beside it (uniform) or about names
# below it (nonuniform); as many of addresses.
policy() {
	awk -v kind="$1" -v n="$2" 'BEGIN {
		printf "version: 1\nname: %s-%d\nfiles:\n", kind, n
		print "  - allow: [read, write, exec]\n    path: \"/b/p/**\""
		for (i = 1; i < n && kind == "uniform"; i++)
			printf "  - allow: [read]\n    path: \"/b/r/%d/**\"\n", i
		for (i = 0; i < n && kind == "nonuniform"; i++) # open-named, .env0, begins like them
			printf "  - deny: [read, write]\n    path: \"/b/p/**/.envy%d\"\n", i
		print "network:\n  - allow: [bind]\n    to: localhost\n  - allow: [connect]"
		printf "    to: [\"localhost:1-65535\", \"[2a00:1::/64]:443\""
		for (i = 2; i < n; i++)
			printf i % 2 ? ", \"10.%d.%d.0/24:443\"" : ", \"[fd00:%x:%x::/48]:443\"", i / 250, i % 250
		print "]"
	}'
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
	if [ -d "$IDLE" ]; then # another file system
		op outside 0 -- "$@"
		return
	fi
	mkdir "$IDLE"
	policy uniform 1 >"$W/idle.yaml"
	"$SBX" attach --cgroup "$IDLE" --policy "$W/idle.yaml" >/dev/null
	op outside 0 -- "$@"
}

OPENS="open:3 open:8 open:16"
NAMED="open-named:3 open-named:8 open-named:16"
STALE="open-miss:8 open-cold:8 open-filechurn:8 open-dirchurn:8"
FILES="stat:8 rename:8 rename-dir:8 unlink:8 create-unlink:8"
TASKS="exec fork kill capable"
NET="connect-udp connect-new connect-v6 connect-new6 connect-tcp connect-tcp6 bind sendto sendmsg accept"

# run SUBJECT [RULES] CASES...: with the cases that were asked for, if any were.
run() {
	local -a args=("$@")
	note "$fs $1 ${2%%[!0-9]*}"
	if [ ${#asked[@]} -gt 0 ]; then
		args=("$1")
		case $2 in [0-9]*) args+=("$2") ;; esac
		args+=("${asked[@]}")
	fi
	"${args[@]}"
}

uniform() { generated uniform "$@"; }
nonuniform() { generated nonuniform "$@"; }

# shellcheck disable=SC2086 # lists
quick() {
	mount_fs tmpfs 10
	run none $OPENS $NAMED open-miss:8
	run empty $OPENS $NAMED open-miss:8
	run landlock 1 $OPENS $NAMED open-miss:8
	run outside $OPENS
	run agent $OPENS $NAMED open-miss:8
	run uniform 10 $OPENS
}

# What does not need us comes first: the programs stay in the kernel once they are loaded.
# shellcheck disable=SC2086 # lists
full() {
	local files="$OPENS $NAMED $STALE $FILES" n
	local all="$files $TASKS $NET"

	mount_fs ext4 10
	run none $files
	run empty $files
	run landlock 1 $files
	mount_fs tmpfs 10000
	run none $all
	run empty $all
	for n in 1 10 100 1000 10000; do
		run landlock $n $all
	done

	run outside $all
	run agent $all
	for n in 1 10 100 1000 10000; do
		run uniform $n $all
	done
	for n in 1 10 100 1000 10000; do
		run nonuniform $n $OPENS $NAMED open-miss:8
	done
	mount_fs ext4 10
	run outside $files
	run agent $files
	run uniform 10 $files
}

# The larger pieces of work, each by itself, three times: what the processes spent. OP: the rows'
# subject and how the process is bound.
work() { # OP ARGS...
	local round
	for round in 1 2 3; do
		[ "$2" != warm ] || [ $round = 1 ] || break
		work_once "$@"
	done
}

work_once() { # OP ARGS...
	local bound=("$@") storm
	storm="import json, http.client, email.mime.text, asyncio, unittest, xml.dom.minidom, sqlite3, argparse,"
	storm+=" logging.handlers, multiprocessing, concurrent.futures, ctypes, decimal, tarfile, zipfile"
	export TMPDIR=/b/tmp GIT_CONFIG_GLOBAL=/dev/null GIT_OPTIONAL_LOCKS=1
	cd /b/p/repo
	# Entries as old as the index would be read again, or not, as it happens.
	git ls-files -z | xargs -0 touch -d 2020-01-01 && git update-index -q --refresh
	"${bound[@]}" --run git-status -- git status --porcelain
	"${bound[@]}" --run git-checkout -- git checkout -q two
	git checkout -q one
	cd /b/p/build
	[ "$2" != warm ] || make -s file0.o
	[ "$2" = warm ] || "${bound[@]}" --run make -- make -s
	rm -f ./*.o program
	"${bound[@]}" --run python -- /usr/bin/python3 -B -c "$storm"
	"${bound[@]}" --run find -- find /usr/local/src -name no-such-name
	cd "$ROOT"
}

macro() {
	mount_fs tmpfs 10
	note "warming up"
	tar -C /b/p -xf "$BENCH/work.tar" --no-same-owner
	mkdir /b/etc
	cp -a /etc/. /b/etc
	mount --bind /b/etc /etc # as /usr: what the machine shows is not kept
	mount -o loop,ro "$BENCH/tools.ext4" /usr
	mount -o loop,ro "$BENCH/usr.ext4" /usr/local/src # not in PATH
	work op warm 0 >/dev/null
	note "none"
	work op none 0
	note "landlock"
	work op landlock 1 --landlock 1 --system --denied /b/secret/file
	note "outside"
	outside open:8 >/dev/null # loads them
	work op outside 0
	note "ai-agent"
	mkdir -p "$CG"
	"$SBX" attach --cgroup "$CG" --policy "$POLICIES/ai-agent.yaml" \
		--var project=/b/p --var tmp=/b/tmp >/dev/null
	work op ai-agent 0 --cgroup "$CG" --denied /b/secret/file
	"$SBX" events --cgroup "$CG" >&2
}

[ "$(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)" = tsc ] ||
	note "warning: the clock is not the time-stamp counter"
"$mode"
note "ready"
