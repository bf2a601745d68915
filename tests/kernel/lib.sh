# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # variables for those who source this
# For the tests that run as root in the virtual machine. Each prints "ok NAME", "not ok NAME" or
# "skip NAME: why" lines; all.sh counts them.
set -u
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
SBX=$ROOT/build/sbx-bpf
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

# inside NAME POLICY USER: every line of stdin (see act.c) as a test of its own, in a sandbox.
inside() {
	"$SBX" run --policy "$2" --user "$3" -- "$ACT" 2>"$W/err" | sed "s|^ok|ok $1/$3:|; s|^not ok|not ok $1/$3:|"
	if [ "${PIPESTATUS[0]}" -gt 1 ]; then
		not_ok "$1/$3: run failed"
		sed 's/^/  | /' "$W/err"
	fi
}
