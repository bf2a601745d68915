#!/bin/bash
# SPDX-License-Identifier: MIT
# Policies through the program as it is installed: bad ones end with status 3 and say why, large
# ones stay within their limits, and the schema says what the parser says.
set -u
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
# shellcheck source=tests/lib.sh
. tests/lib.sh
SBX=build/sbx-bpf
W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT

# expect STATUS WORDS ARGUMENT...: check ends like that, and stderr has the words.
expect() {
	local status=$1 words=$2 rc
	shift 2
	timeout 20 $SBX check "$@" >"$W/out" 2>"$W/err"
	rc=$?
	[ $rc -eq "$status" ] || echo "status $rc, not $status: $(head -n 3 "$W/err")"
	grep -qF -- "$words" "$W/err" || echo "\"$words\" is not in: $(head -n 3 "$W/err")"
}

# verdict NAME COMMAND...: ok when the command says nothing.
verdict() {
	local name=$1 out
	shift
	out=$("$@")
	if [ -z "$out" ]; then
		ok "$name"
	else
		not_ok "$name: $out"
	fi
}

bad_files() {
	local f n=0
	for f in tests/golden/bad/*.yaml; do
		out=$(cd tests/golden/bad && REL=srv/x UP=/srv/../x timeout 20 ../../../$SBX check \
			"./${f##*/}" 2>&1 >/dev/null)
		rc=$?
		n=$((n + 1))
		[ $rc -eq 3 ] || echo "$f: status $rc"
		[[ $out == *": error: "*"Hint: "* ]] || echo "$f: no error with a hint: $out"
	done
	[ $n -ge 60 ] || echo "only $n files"
}

no_files() { # what a path can be besides a policy
	mkfifo "$W/fifo"
	expect 3 "No such file" ./none.yaml
	expect 3 "there is no policy of that name (none)" none
	expect 3 "not a regular file" "$W/fifo"
	expect 3 "not a regular file" /dev/zero
	expect 3 "not a regular file" "$W"
	expect 3 "there is no policy of that name ()" ""
	expect 2 "is missing"
}

readme() { # what the README shows is a policy
	sed -n '/^```yaml/,/^```/{/^```/!p}' README.md >"$W/readme.yaml"
	[ "$(wc -l <"$W/readme.yaml")" -gt 10 ] || echo "there is none"
	mkdir -p "$W/project"
	local sbx=$PWD/$SBX
	(cd "$W/project" && "$sbx" check --assert base ../readme.yaml) 2>&1 | grep -E 'error|warning'
	grep -q 'reporter' "$W/readme.yaml" || echo "it has no name"
}

# Every shipped policy has assertions, all of which are proved on this host: wherever the project is.
asserted() {
	local f n=0 where
	for f in policies/*.yaml; do
		for where in "$W/project" ~/project; do
			out=$(SSH_AUTH_SOCK=/run/user/1000/keyring/ssh timeout 60 $SBX check --var "PWD=$where" \
				--assert "policies/assert/${f##*/}" "$f" 2>&1) || echo "$f in $where: status $?: $(grep error: <<<"$out" | head -n 3)"
			grep -qE 'assertions of .*: [1-9][0-9]* proved$' <<<"$out" || echo "$f: $out"
		done
		n=$((n + 1))
	done
	for f in policies/assert/*.yaml; do
		[ -e "policies/${f##*/}" ] || grep -qE "^include: .*\b$(basename "$f" .yaml)\b" policies/assert/*.yaml ||
			echo "$f: assertions without a policy"
	done
	[ $n -ge 26 ] || echo "only $n"
}

# A protection that is dropped is noticed, with what it protected.
dropped() {
	mkdir -p "$W/less"
	cp policies/*.yaml "$W/less"
	sed -i "s|\"\${project}/.git/hooks/\*\*\", ||" "$W/less/ai-agent.yaml"
	expect 7 "refuted: never [write] \"\${project}/.git/hooks/**\" (write of $W/project/.git/hooks; $W/less/ai-agent.yaml:" \
		--var "PWD=$W/project" --assert policies/assert/ai-agent.yaml "$W/less/ai-agent.yaml"
	grep -q 'error: refuted' "$W/err" && [ "$(grep -c 'error:' "$W/err")" = 1 ] ||
		echo "$(grep -c error: "$W/err") errors"
}

# The manual page has the line of each, and so has the answer to a name that there is not.
listed() {
	local f name what
	expect 3 "policies:" nobody
	for f in policies/*.yaml; do
		name=$(basename "$f" .yaml)
		what=$(sed -n 's/^description: "\(.*\)"$/\1/p' "$f")
		grep -qE "^  $name +" "$W/err" && grep -qF "  $what" "$W/err" || echo "$name is not offered"
		grep -A 1 -xF "*$name*" doc/man/sbx-bpf-policy.5.scd | grep -qxF $'\t'"$what" ||
			echo "$name: sbx-bpf-policy(5) does not say: $what"
	done
	awk '/^bundles/ { b = 1 } $1 == "ai-agent-review" && !b { n++ } $1 == "base" && b { n++ }
		END { exit n != 2 }' "$W/err" || echo "policies and bundles are not told apart"
	expect 3 "No such file" ./nobody.yaml
	! grep -q '^policies:' "$W/err" || echo "a file is missing, and names are offered"
}

# Each says in its head what users want to know before they use it.
headed() {
	local f words
	for f in policies/*.yaml; do
		for words in "Allows:" "For:" "Does not stop:" "A normal session leaves"; do
			sed '/^version:/q' "$f" | grep -qF "# $words" || echo "$f: no \"$words\" in its head"
		done
	done
}

# asked STATUS POLICY ACCESS OBJECT: what explain says of it, where the project is $W/project.
asked() {
	local rc
	(cd "$W/project" && timeout 20 "$OLDPWD/$SBX" explain --brief --policy "$2" "$3" "$4") >"$W/out" 2>&1
	rc=$?
	[ $rc -eq "$1" ] || echo "$2: $3 $4: status $rc, not $1: $(head -n 2 "$W/out")"
}

# No policy opens what every user would lose, whatever else it is for; those for work open work.
explained() {
	local f what n=0
	for f in "$PWD"/policies/*.yaml; do
		for what in "read ~/.aws/credentials" "read ~/.ssh/id_ed25519" "write ~/.ssh/rc" "write ~/.bashrc" \
			"write ~/.local/bin/x" "write ~/.config/systemd/user/x.service" "connect 169.254.169.254:80" \
			"connect /run/docker.sock" "read /etc/shadow" "exec /tmp/x"; do
			# shellcheck disable=SC2086,SC2088 # two words, and ~ is for explain
			asked 1 "$f" ${what/\~/$HOME}
		done
		grep -q '^include:' "$f" || continue
		n=$((n + 1))
		asked 0 "$f" exec /usr/bin/env
		asked 0 "$f" read "$W/project/src/x.c"
		asked 0 "$f" write "/tmp/sbx-bpf.XXXXXX/x"
		asked 1 "$f" write "$W/project/.git/hooks/pre-commit"
	done
	[ $n -ge 7 ] || echo "only $n policies"
	# What resolvers do for every name is denied by a rule that is quiet.
	for what in 0 9; do
		$SBX explain --policy "$PWD/policies/ai-agent.yaml" connect "93.184.216.34:$what/udp" >"$W/out" 2>&1
		grep -q "dns.yaml.*:$what/udp" "$W/out" || echo "port $what: $(head -n 2 "$W/out")"
	done
}

# Who includes a policy and denies more makes its rules moot on purpose; within one file it is a mistake.
narrowed() {
	cat >"$W/wide.yaml" <<-'END'
		version: 1
		files:
		  - {allow: [read, write], path: /srv/**}
		network:
		  - {allow: [connect], to: "10.0.0.0/8:443"}
	END
	cat >"$W/narrow.yaml" <<-'END'
		version: 1
		include: [./wide.yaml]
		files:
		  - {deny: [read, write], path: /srv/**}
		network:
		  - {deny: [connect], to: any}
	END
	out=$($SBX check "$W/narrow.yaml" 2>&1) || echo "refused: $out"
	[[ $out != *"never decides"* ]] || echo "it is called a mistake: $out"
	grep '/srv' "$W/narrow.yaml" >"$W/rule"
	sed -i "/allow: .read/r $W/rule" "$W/wide.yaml"
	sed -i 's|/srv/|/srv/x/|' "$W/narrow.yaml"
	expect 0 "this rule never decides (read, write; $W/wide.yaml:4:5 does" "$W/narrow.yaml"
}

large_file() {
	yes '# a comment' | head -c 10485760 >"$W/large.yaml"
	expect 3 "the file is too large (more than 4194304 bytes)" "$W/large.yaml"
}

many_rules() {
	awk 'BEGIN { print "version: 1\nfiles:"; for (i = 0; i < 100000; i++)
		print "- {allow: read, path: /srv/" i "}" }' >"$W/many.yaml"
	expect 3 ":65538:3: error: too many rules (more than 65535)" "$W/many.yaml"
	[ "$(wc -l <"$W/err")" -eq 1 ] || echo "it is said $(wc -l <"$W/err") times"
}

# Design: 10,000 literal rules and 200 globs in 2 s and 16 MB. $1: bytes of each path beyond that.
sized() {
	awk -v tail="$1" 'BEGIN {
		srand(7)
		print "version: 1\nfiles:"
		for (i = 0; i < 10000; i++) {
			path = sprintf("/srv/%06x/data/config", rand() * 2 ^ 24)
			for (n = 0; n < tail; n++)
				path = path sprintf("%c", 97 + rand() * 26)
			printf "- {allow: read, path: \"%s\"}\n", path
		}
		for (i = 0; i < 200; i++) {
			path = i % 4 == 0 ? "/**/*.e" i : i % 4 == 1 ? "/home/*/x" i "/**" : \
				i % 4 == 2 ? "/**/.env" i "*" : "/a/{b" i ",c}/**/d?"
			verb = i % 8 < 4 ? "deny: [read, write]" : "allow: read, override: true"
			printf "- {%s, path: \"%s\"}\n", verb, path
		}
	}' >"$W/sized.yaml"
}

within_limits() {
	local kib seconds
	sized 0
	TIMEFORMAT=%U
	seconds=$({ time timeout 20 $SBX check "$W/sized.yaml" >"$W/out" 2>&1; } 2>&1) ||
		echo "refused: $(head -n 2 "$W/out")"
	kib=$(sed -n 's/.* \([0-9]*\) KiB of kernel memory/\1/p' "$W/out")
	echo "10,000 literal rules and 200 globs: $seconds s, ${kib:-?} KiB" >"$W/figures"
	[ "${kib:-99999}" -le 16384 ] || echo "${kib:-no} KiB"
	awk -v s="$seconds" 'BEGIN { exit s > 2 }' || echo "$seconds s"
}

does_not_fit() {
	local words="10200 rules need more than 16384 KiB of kernel memory for"
	sized 80
	expect 3 "$words" "$W/sized.yaml"
	sized 150
	expect 3 "do not fit" "$W/sized.yaml"
	grep -qE 'do not fit \([0-9]+ .* [0-9]+' "$W/err" || echo "no figures: $(cat "$W/err")"
}

schema() {
	local line
	while read -r line; do
		case "$line" in
		"ok "*) passed=$((passed + 1)) ;;
		*) not_ok "${line#not ok }" ;;
		esac
	done < <(python3 tests/policy/schema.py 2>&1)
}

verdict "every bad policy ends with status 3, an error and a hint" bad_files
verdict "what is no policy file is refused" no_files
verdict "the README's policy holds" readme
verdict "what is asserted of the shipped policies is proved" asserted
verdict "a protection that is dropped is noticed" dropped
verdict "every policy is listed with its line" listed
verdict "every policy says in its head what it does not stop, and what it leaves" headed
verdict "explain says of each policy what it closes and opens" explained
verdict "a policy may narrow what it includes" narrowed
verdict "10 MB are refused" large_file
verdict "100,000 rules are refused, and that is said once" many_rules
verdict "10,000 literal rules and 200 globs compile in 2 s into 16 MB" within_limits
cat "$W/figures"
verdict "what does not fit is refused with its figures" does_not_fit
schema
closing
