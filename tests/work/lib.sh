# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# For what works inside a sandbox: each step is a line, "ok WHAT" or "not ok WHAT".
set -u

# did WHAT COMMAND...: the command succeeds.
did() {
	local what=$1 rc
	shift
	"$@" >"$TMPDIR/said" 2>&1
	rc=$?
	if [ $rc -eq 0 ]; then
		echo "ok $what"
	else
		echo "not ok $what (status $rc)"
		tail -n 25 "$TMPDIR/said" | sed 's/^/  | /'
	fi
	return $rc
}

# told TEXT: what we were denied says so, at once or a moment later.
told() {
	local _
	for _ in $(seq 50); do
		! grep -qF -- "$1" "$SBX_DENIALS" || return 0
		sleep 0.2
	done
	return 1
}

# told_anew TEXT OLD: the same, and it is not what was there before.
told_anew() {
	local _
	for _ in $(seq 50); do
		[ "$(<"$SBX_DENIALS")" = "$2" ] || break
		sleep 0.2
	done
	[ "$(<"$SBX_DENIALS")" != "$2" ] && told "$1"
}

# refused WHAT SENTENCE REASON COMMAND...: the command fails with that sentence of its own, and the
# sandbox is told why ("": it is not the policy that refuses).
refused() {
	local what=$1 sentence=$2 reason=$3 before
	shift 3
	before=$(<"$SBX_DENIALS")
	if "$@" >"$TMPDIR/said" 2>&1; then
		echo "not ok $what: it was not refused"
	elif ! grep -qF -- "$sentence" "$TMPDIR/said"; then
		echo "not ok $what: it does not say: $sentence"
	elif [ -n "$reason" ] && ! told_anew "$reason" "$before"; then
		echo "not ok $what: the sandbox is not told: $reason"
		cat "$SBX_DENIALS" >>"$TMPDIR/said"
	else
		echo "ok $what: refused"
		return
	fi
	sed 's/^/  | /' "$TMPDIR/said"
}

# until_it COMMAND...: it succeeds at last.
until_it() {
	local _
	for _ in $(seq 150); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.2
	done
	return 1
}
