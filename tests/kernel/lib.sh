# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # variables for those who source this
# For the tests that run as root in the virtual machine. Each prints "ok NAME", "not ok NAME" or
# "skip NAME: why" lines; all.sh counts them.
set -u
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
SBX=${SBX:-$ROOT/build/sbx-bpf}
ACT=$ROOT/build/kernel/act
# shellcheck disable=SC2034 # the tests use it
CG=/sys/fs/cgroup
W=$(mktemp -d /tmp/k.XXXXXX)
chmod 755 "$W"

ok() { echo "ok $*"; }
not_ok() { echo "not ok $*"; }
skip() { echo "skip $*"; }

# check NAME COMMAND...: ok when the command succeeds; its output is shown otherwise.
check() {
	local name=$1 log
	shift
	log=$(mktemp)
	if "$@" >"$log" 2>&1; then
		ok "$name"
	else
		not_ok "$name (status $?)"
		sed 's/^/  | /' "$log"
	fi
	rm -f "$log"
}

# status NAME WANTED COMMAND...: the exit status is the one that is wanted.
status() {
	local name=$1 want=$2 got log
	shift 2
	log=$(mktemp)
	"$@" >"$log" 2>&1
	got=$?
	if [ "$got" = "$want" ]; then
		ok "$name"
	else
		not_ok "$name (status $got, not $want)"
		sed 's/^/  | /' "$log"
	fi
	rm -f "$log"
}

# The rules that every test program needs to run at all; the test's own follow on stdin.
policy() { # FILE
	cat >"$1" <<-EOF
		version: 1
		name: $(basename "$1" .yaml)
		env: {keep: [PATH, HOME, TERM, LANG, "LC_*"]}
		files:
		  - allow: [read, exec]
		    path: ["/usr/**", "/bin/**", "/lib/**", "/lib64/**", "$ROOT/build/**"]
		  - allow: [read]
		    path: ["/", "/etc/**", "/proc/self/**", "/proc/@sandbox/**", "/dev/null", "/dev/zero", "/dev/urandom", "$W"]
		  - allow: [write]
		    path: ["/dev/null", "@tty"]
	EOF
	cat >>"$1"
}

# Loading takes the verifier many seconds in emulation, and the last sandbox that goes unloads: one
# that stays, with nobody in it, spares every command after it the loading. Under all.sh (KEEP=1) it
# stays for the next test, too.
keep_loaded() {
	! others | grep -qx keeper || return 0
	policy "$W/keeper.yaml" </dev/null
	mkdir -p "$CG/sbx-test-keeper"
	check "the programs load" "$SBX" attach --cgroup "$CG/sbx-test-keeper" --policy "$W/keeper.yaml" --name keeper
}

# What the escape suite wants beside files: a file system with handles, attributes and flags in
# $W/ext4, and POSIX queues.
prepare_suite() {
	mkdir "$W/ext4"
	truncate -s 128M "$W/ext4.img"
	mkfs.ext4 -q "$W/ext4.img" && mount -o loop "$W/ext4.img" "$W/ext4"
	chmod 755 "$W/ext4"
	mkdir -p /dev/mqueue
	mountpoint -q /dev/mqueue || mount -t mqueue none /dev/mqueue
}

others() { # the names of all sandboxes
	"$SBX" status --json 2>/dev/null | get '"\n".join(s["name"] for s in j)'
}

# The end of a test that kept them loaded: every sandbox goes, or all but the one that keeps.
unload() { # NAME
	local name
	if [ -z "${KEEP:-}" ]; then
		check "$1: unload" "$SBX" detach --all
		return
	fi
	for name in $(others); do
		[ "$name" = keeper ] || "$SBX" detach --name "$name" >/dev/null 2>&1
	done
	status "$1: nothing but the keeper is left" 0 test "$(others)" = keeper
}

# acts NAME ARGUMENT...: every line of stdin (see act.c) as a test of its own; sbx-bpf run's arguments
acts() {
	local name=$1
	shift
	rm -f "$W/events"
	"$SBX" run "$@" --events "$W/events" -- "$ACT" 2>"$W/err" | sed "s|^ok|ok $name:|; s|^not ok|not ok $name:|"
	if [ "${PIPESTATUS[0]}" -gt 1 ]; then
		not_ok "$name: run failed"
		sed 's/^/  | /' "$W/err"
	fi
}

# inside NAME POLICY USER: the lines of stdin in a sandbox. What was denied is kept.
inside() {
	cat >"$W/script"
	acts "$1/$3" --policy "$2" --user "$3" < <(cat "$W/script") # a file would be closed
	mv "$W/events" "$W/denied"
}

# audited NAME POLICY [USER]: the lines of the last inside, in audit mode. Nothing is denied, and all
# that was denied is reported, in the same words. Each line needs objects of its own, since what was
# denied happens now.
audited() {
	local user=${3:-root} name=$1/audit
	[ "$user" = root ] || name=$1/$user/audit
	grep -v '^ENOENT' "$W/script" | sed 's/^E[A-Z|]*/!EACCES|EPERM|EXDEV|EAFNOSUPPORT/' >"$W/audit"
	acts "$name" --audit --policy "$2" --user "$user" < <(cat "$W/audit")
	check "$name: reports what was denied" python3 "$ROOT/tests/kernel/events.py" subset "$W/denied" "$W/events"
}

# outside NAME [COMMAND...]: the lines of stdin outside of every sandbox, by way of COMMAND
outside() {
	local name=$1
	shift
	"$@" "$ACT" | sed "s|^ok|ok $name/outside:|; s|^not ok|not ok $name/outside:|"
}
AS_USER=(setpriv --reuid 65534 --regid 65534 --clear-groups)

# Every capability, for root inside.
all_capabilities() {
	cat <<-END
		capabilities: [chown, dac_override, dac_read_search, fowner, fsetid, kill, setgid, setuid, setpcap,
		  linux_immutable, net_bind_service, net_broadcast, net_admin, net_raw, ipc_lock, ipc_owner, sys_module,
		  sys_rawio, sys_chroot, sys_ptrace, sys_pacct, sys_admin, sys_boot, sys_nice, sys_resource, sys_time,
		  sys_tty_config, mknod, lease, audit_write, audit_control, setfcap, mac_override, mac_admin, syslog,
		  wake_alarm, block_suspend, audit_read, perfmon, bpf, checkpoint_restore]
	END
}

# --- for the tests of commands ---

counts() { # what the kernel holds
	bpftool -j prog show >"$W/progs" 2>/dev/null
	bpftool -j map show >"$W/maps" 2>/dev/null
	bpftool -j link show >"$W/links" 2>/dev/null
	python3 - "$W" <<-'END'
		import json, sys
		print(*(len(json.load(open(f"{sys.argv[1]}/{n}"))) for n in ("progs", "maps", "links")))
	END
}

same_counts() { # BEFORE: freeing takes the kernel a moment
	local now
	for _ in $(seq 50); do
		now=$(counts)
		[ "$now" != "$1" ] || return 0
		sleep 0.2
	done
	echo "programs, maps, links: $1 before, $now now"
	return 1
}

get() { # EXPRESSION over j, the JSON on stdin
	python3 -c "import json,sys; j=json.load(sys.stdin); print($1)"
}

says() { # TEXT COMMAND...: its output, both streams, has TEXT in it
	local text=$1
	shift
	"$@" >"$W/said" 2>&1
	grep -qF -- "$text" "$W/said" && return
	cat "$W/said"
	return 1
}

# A process that is in the cgroup before anything is attached, and reads files when asked.
start_member() { # CGROUP
	rm -f "$W/ask" "$W/answer"
	mkfifo "$W/ask" "$W/answer"
	bash -c 'echo $$ >'"$1"'/cgroup.procs || exit
		exec 8<>"$0/ask" 9<>"$0/answer"
		while read -r f <&8; do
			if : <"$f"; then echo allowed; else echo denied; fi >&9
		done' "$W" 2>/dev/null &
	member=$!
	exec 8<>"$W/ask" 9<>"$W/answer"
	ask "$W/yes" >/dev/null
}

ask() {
	echo "$1" >&8
	read -r -t 20 answer <&9
	echo "$answer"
}

stop_member() {
	kill "$member" 2>/dev/null
	wait "$member" 2>/dev/null
	exec 8<&- 9<&-
}

newcomer() { # CGROUP FILE: a process that enters now
	bash -c 'echo $$ >'"$1"'/cgroup.procs || exit; if : <"$0"; then echo allowed; else echo denied; fi' \
		"$2" 2>/dev/null
}

wants() { # WANTED GOT
	[ "$1" = "$2" ] && return
	echo "$2, not $1"
	return 1
}

# Two files, and two policies that open one of them each.
two_policies() {
	echo a >"$W/yes"
	echo b >"$W/no"
	policy "$W/a.yaml" <<-END
		  - allow: [read]
		    path: "$W/yes"
		  - deny: [read]
		    path: "$W/no"
		    reason: "it is not for you"
	END
	policy "$W/b.yaml" <<-END
		  - allow: [read]
		    path: "$W/no"
	END
}
