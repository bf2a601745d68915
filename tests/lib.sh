# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Sections and sums for the scripts that run tests. Every part prints as its last line
# "N passed, N failed, N skipped"; one that prints none counts as one failure.

passed=0 failed=0 skipped=0
failed_lines=()

# What failed in a log, with the first of the lines "  | …" that say why. Machines that run at once
# have their lines among each other's: each line begins with its machine.
why_failed() { # TITLE LOG
	awk -v title="$1: " '
		{ who = match($0, /^[^ ]+: /) ? substr($0, 1, RLENGTH) : ""; line = substr($0, length(who) + 1) }
		line ~ /^not ok/ { print title $0; left[who] = 6; next }
		line ~ /^  \| / && left[who]-- > 0 { print title $0; next }
		{ left[who] = 0 }' "$2"
}

# section TITLE CMD...: runs CMD under a heading, adds up its closing line, says how long it took. What
# failed is kept for failures().
section() {
	local title=$1 log rc start=$SECONDS line
	shift
	log=$(mktemp)
	printf '\n== %s\n' "$title"
	"$@" 2>&1 | tee "$log"
	rc=${PIPESTATUS[0]}
	line=$(tail -n 1 "$log")
	mapfile -t -O ${#failed_lines[@]} failed_lines < <(why_failed "$title" "$log")
	rm -f "$log"
	if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
		passed=$((passed + BASH_REMATCH[1]))
		failed=$((failed + BASH_REMATCH[2]))
		skipped=$((skipped + BASH_REMATCH[3]))
		# A status that contradicts the line is a failure too.
		[ "$rc" -eq 0 ] || [ "${BASH_REMATCH[2]}" -gt 0 ] || failed=$((failed + 1))
	else
		echo "(status $rc, without a closing line: counted as one failure)"
		failed_lines+=("$title: status $rc, without a closing line")
		failed=$((failed + 1))
		rc=1
	fi
	printf -- '-- %s: %d s\n' "$title" $((SECONDS - start))
	return "$rc"
}

ok() {
	echo "ok $*"
	passed=$((passed + 1))
}

not_ok() {
	echo "not ok $*"
	failed=$((failed + 1))
}

skip() {
	echo "skip $*"
	skipped=$((skipped + 1))
}

# What failed in all the sections, once more: it stood far above.
failures() {
	[ ${#failed_lines[@]} -eq 0 ] && return
	printf '\n== failed\n'
	printf '%s\n' "${failed_lines[@]}"
}

# The closing line; its status is that of the whole.
closing() {
	printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
