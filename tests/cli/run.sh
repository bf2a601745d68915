#!/bin/bash
# SPDX-License-Identifier: MIT
# The command line where no sandbox is needed: usage, check, explain, doctor, and what the commands
# that enforce say on a kernel that cannot. Needs neither root nor a capable kernel.
set -u
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
# shellcheck source=tests/lib.sh
. tests/lib.sh
SBX=$PWD/build/sbx-bpf
W=$(mktemp -d)
chmod 755 "$W"
trap 'rm -rf "$W"' EXIT

# ends NAME STATUS WORDS COMMAND...: the exit status, and both streams together have the words.
ends() {
	local name=$1 want=$2 words=$3 rc
	shift 3
	timeout 60 "$@" >"$W/said" 2>&1 </dev/null
	rc=$?
	if [ $rc -ne "$want" ]; then
		not_ok "$name: status $rc, not $want: $(head -n 3 "$W/said")"
	elif ! grep -qF -- "$words" "$W/said"; then
		not_ok "$name: \"$words\" is not in: $(head -n 5 "$W/said")"
	else
		ok "$name"
	fi
}

# is NAME WANTED GOT
is() {
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1: $3, not $2"; fi
}

# json EXPRESSION COMMAND...: over j, the JSON on the command's stdout.
json() {
	local expression=$1
	shift
	"$@" 2>/dev/null | python3 -c "import json,sys; j=json.load(sys.stdin); print($expression)" 2>&1
}

# --- usage ---
COMMANDS="run attach detach exec update mode status events check explain doctor selftest"
ends "no command" 2 "command" "$SBX"
ends "an unknown command" 2 "did you mean \`sbx-bpf status\`" "$SBX" statsu
ends "--version" 0 "sbx-bpf 0." "$SBX" --version
ends "--help" 0 "Commands:" "$SBX" --help
for c in $COMMANDS; do
	ends "$c --help" 0 "sbx-bpf $c" "$SBX" "$c" --help
	ends "$c with an unknown option" 2 "--nonsense" "$SBX" "$c" --nonsense
	ends "--help lists $c" 0 "  $c " "$SBX" --help
	ends "the manual has $c" 0 "*$c*" cat doc/man/sbx-bpf.1.scd
done
ends "attach without a cgroup" 2 "--cgroup" "$SBX" attach --policy git
ends "attach without a policy" 2 "--policy" "$SBX" attach --cgroup x
ends "attach under a name that is none" 2 "cannot be a sandbox's name" \
	"$SBX" attach --cgroup x --policy git --name a/b
ends "attach for nobody's home" 2 "no such user" "$SBX" attach --cgroup x --policy git --user no-such-user
ends "detach of nothing in particular" 2 "--name" "$SBX" detach
ends "detach of too much" 2 "--all" "$SBX" detach --all --name x
ends "update of nothing in particular" 2 "--name" "$SBX" update --policy git
ends "update of two at once" 2 "either" "$SBX" update --policy git --name x --cgroup y
ends "mode without a mode" 2 "enforce or audit" "$SBX" mode --name x
ends "an unknown mode" 2 "no such mode (off)" "$SBX" mode off --name x
ends "check of nothing" 2 "FILE" "$SBX" check
ends "explain of nothing" 2 "access" "$SBX" explain --policy git
ends "explain without a policy" 2 "--policy" "$SBX" explain read /etc
ends "explain of an unknown access" 2 "no such access (open)" "$SBX" explain --policy git open /etc
ends "status takes no operand" 2 "x" "$SBX" status x

# --- what cannot be opened, and the hooks that cannot be left out ---
printf 'version: 1\ncapabilities: [cap_chown, sys_boot]\n' >"$W/caps.yaml"
ends "check: a capability that no sandbox honours" 0 "no sandbox honours this capability (sys_boot)" "$SBX" check "$W/caps.yaml"
printf 'version: 1\nname: own\nfiles:\n  - allow: [read, write]\n    path: "/**"\n' >"$W/own.yaml"
ends "explain: the lock stays outside" 1 "(built in)" "$SBX" explain --policy "$W/own.yaml" read /run/sbx-bpf/lock
ends "explain: so do policies" 1 "policies are made outside" "$SBX" explain --policy "$W/own.yaml" write /etc/sbx-bpf/policies/x.yaml
ends "explain: and the policy itself" 1 "(built in)" "$SBX" explain --policy "$W/own.yaml" write "$W/own.yaml"
ends "explain: it may be read" 0 "allowed" "$SBX" explain --policy "$W/own.yaml" read "$W/own.yaml"
ends "explain: no policy opens its sockets" 1 "no policy opens this" "$SBX" explain --policy "$W/own.yaml" connect /run/sbx-bpf/daemon
is "check: rules that nobody wrote are not counted" "  1 file rules, 0 network rules" "$("$SBX" check "$W/own.yaml" | sed -n 2p)"

# --- check ---
cat >"$W/good.yaml" <<-END
	version: 1
	name: good
	vars: {where: "/srv"}
	files:
	  - allow: [read, exec]
	    path: ["$W/link/**", "/usr/**"]
	  - deny: [read]
	    path: "$W/link/secret"
	    reason: "it is secret"
	  - protect: [write]
	    path: "\${where}/**"
	network:
	  - allow: [connect]
	    to: ["10.0.0.0/8:443/tcp", "[2001:db8::/32]:53/udp", "localhost:3000-3999"]
	  - allow: [bind]
	    to: "localhost:8000"
	unix:
	  - allow: [connect]
	    path: ["$W/link/*.sock", "@bus-*"]
	  - deny: [connect]
	    path: "@bus-9"
	    reason: "it is another's"
END
mkdir "$W/real"
ln -s real "$W/link"
cat >"$W/domain.yaml" <<-END
	version: 1
	network:
	  - allow: [connect]
	    to: "api.example.org:443"
END
printf 'version: 1\nfiles:\n  - alow: [read]\n    path: relative\n' >"$W/bad.yaml"
ends "check: valid" 0 "good.yaml: valid: good, mode enforce" "$SBX" check "$W/good.yaml"
ends "check: sizes" 0 "states" "$SBX" check "$W/good.yaml"
ends "check: what a symlink became" 0 "$W/link/** is $W/real/** here" "$SBX" check "$W/good.yaml"
ends "check: invalid" 3 "bad.yaml:3:5: error: " "$SBX" check "$W/bad.yaml"
ends "check: one bad among good ones" 3 "good.yaml: valid" "$SBX" check "$W/bad.yaml" "$W/good.yaml"
ends "check: domains" 0 "valid" "$SBX" check "$W/domain.yaml"
printf 'version: 1\nprocess:\n  - deny: [signal]\n' >"$W/later.yaml"
ends "check: what cannot be enforced is named" 0 "process rules that deny" "$SBX" check "$W/later.yaml"
ends "check: --var of an unknown variable" 3 "nothing" "$SBX" check --var nothing=1 "$W/good.yaml"
ends "check: --var" 0 "valid" "$SBX" check --var where=/opt "$W/good.yaml"
ends "check: where no project can be" 0 "valid" bash -c "cd / && $SBX check ai-agent"
ends "check: at home" 0 "valid" bash -c "cd ~ && $SBX check ai-agent"
is "check --json" "True good enforce 3 2 True True" \
	"$(json '*[j[k] for k in ("valid", "name", "mode", "file_rules", "network_rules")], j["states"] > 0, any(n["here"].endswith("/real/**") for n in j["names"])' "$SBX" check --json "$W/good.yaml" | tr -d "(),'")"
is "check --json of a bad one" "False error 3" \
	"$(json 'j["valid"], j["diagnostics"][0]["severity"], j["diagnostics"][0]["line"]' "$SBX" check --json "$W/bad.yaml" | tr -d "(),'")"

# --- check --assert ---
cat >"$W/true.yaml" <<-END
	version: 1
	vars: {where: "/nowhere"}
	files:
	  - never: [write]
	    path: ["/etc/**", "\${where}/**", "$W/link/**"]
	  - always: [read, exec]
	    path: "/usr/**"
	network:
	  - never: [connect]
	    to: "169.254.169.254"
	env: {never: ["AWS_*"]}
	exec-anonymous: deny
END
cat >"$W/untrue.yaml" <<-END
	version: 1
	files:
	  - never: [read]
	    path: ["$W/link/secret", "$W/link/s*"]
	    reason: "nobody reads here"
	network:
	  - never: [connect]
	    to: "10.0.0.0/8:1-1000"
END
a=("$SBX" check --assert "$W/true.yaml")
ends "check --assert: what holds" 0 "assertions of $W/true.yaml: 5 proved" "${a[@]}" "$W/good.yaml"
ends "check --assert: what does not, and where" 7 "untrue.yaml:4:" "$SBX" check --assert "$W/untrue.yaml" "$W/good.yaml"
ends "check --assert: the example" 7 "(read of $W/real/s; $W/good.yaml:5 decides: allow [read, exec] \"$W/link/**\")" \
	"$SBX" check --assert "$W/untrue.yaml" "$W/good.yaml"
ends "check --assert: the peer" 7 "(connect of 10.0.0.0:443/tcp; $W/good.yaml:13 decides: " "$SBX" check --assert "$W/untrue.yaml" "$W/good.yaml"
ends "check --assert: why it was asserted" 7 "nobody reads here" "$SBX" check --assert "$W/untrue.yaml" "$W/good.yaml"
is "check --assert: how many" 1 "$("$SBX" check --assert "$W/true.yaml" --assert "$W/untrue.yaml" "$W/good.yaml" 2>/dev/null | grep -c 'untrue.yaml: 0 proved, 2 refuted')"
ends "check --assert: several files" 7 "$W/true.yaml: 5 proved" "${a[@]}" --assert "$W/untrue.yaml" "$W/good.yaml"
ends "check --assert: a variable of the policy" 0 "5 proved" "${a[@]}" --var where=/srv "$W/good.yaml"
ends "check --assert: no such file" 3 "the policy cannot be opened" "$SBX" check --assert ./none.yaml "$W/good.yaml"
ends "check --assert: no such name" 3 "there are no assertions of that name (none)" "$SBX" check --assert none "$W/good.yaml"
ends "check --assert: a policy is none" 3 "no such key (allow)" "$SBX" check --assert "$W/good.yaml" "$W/good.yaml"
ends "check --assert: an invalid policy" 3 "bad.yaml:3:5" "${a[@]}" "$W/bad.yaml"
ends "check --assert: by its bare name" 0 "proved" "$SBX" check --assert git git
is "check --assert --json" "7 5 proved 2 refuted 10.0.0.0:443/tcp connect 13" \
	"$("$SBX" check --json --assert "$W/true.yaml" --assert "$W/untrue.yaml" "$W/good.yaml" 2>/dev/null >"$W/json"; echo $?) $(python3 -c '
import json, sys
found = json.load(open(sys.argv[1]))["assertions"]
for outcome in "proved", "refuted":
    print(sum(f["outcome"] == outcome for f in found), outcome, end=" ")
last = found[-1]
print(last["example"], last["rights"], last["rule_at"].split(":")[-1])' "$W/json")"

# --- explain ---
x=("$SBX" explain --policy "$W/good.yaml")
ends "explain: allowed" 0 "allowed: read $W/real/a" "${x[@]}" read "$W/real/a"
ends "explain: denied by a rule, with reason" 1 "it is secret" "${x[@]}" read "$W/real/secret"
ends "explain: the deciding rule" 1 "good.yaml:7" "${x[@]}" read "$W/link/secret"
ends "explain: the canonical name" 1 "$W/real/secret" "${x[@]}" read "$W/link/../link/secret"
ends "explain: a relative path" 1 "$W/real/secret" bash -c "cd '$W/link' && '$SBX' explain --policy '$W/good.yaml' read ./secret"
ends "explain: no rule" 1 "no rule matches" "${x[@]}" write /etc/passwd
ends "explain: what would allow it" 1 "- allow: [write]" "${x[@]}" write /etc/passwd
ends "explain: the root" 1 "denied: read /" "${x[@]}" read /
ends "explain: what does not exist yet" 0 "$W/real/not/yet" "${x[@]}" read "$W/link/not/yet"
ends "explain: a process of the sandbox" 0 "/proc/@sandbox/stat" "$SBX" explain --policy base read /proc/1/stat
ends "explain: connect" 0 "allowed: connect 10.1.2.3:443/tcp" "${x[@]}" connect 10.1.2.3:443
ends "explain: another port" 1 "denied: connect 10.1.2.3:80/tcp" "${x[@]}" connect 10.1.2.3:80
ends "explain: UDP" 0 "allowed: connect [2001:db8::1]:53/udp" "${x[@]}" connect "[2001:db8::1]:53/udp"
ends "explain: TCP there" 1 "denied" "${x[@]}" connect "[2001:db8::1]:53/tcp"
ends "explain: localhost" 0 "allowed" "${x[@]}" connect localhost:3000
ends "explain: a mapped address is the address" 0 "allowed" "${x[@]}" connect "[::ffff:10.1.2.3]:443"
ends "explain: bind" 0 "allowed" "${x[@]}" bind localhost:8000
ends "explain: bind elsewhere" 1 "denied" "${x[@]}" bind 0.0.0.0:8000
ends "explain: why that is its name" 1 "$W/link is a symlink to real" "${x[@]}" read "$W/link/secret"
ends "explain: what nearly matched" 1 "nearby: $W/good.yaml:5  allow [read, exec] \"$W/link/**\": matches, and is overruled" "${x[@]}" read "$W/link/secret"
ends "explain: what lacks the right" 1 "matches, without this right" "${x[@]}" write "$W/link/x"
ends "explain: what else it would open" 1 "opens:  nothing else" "${x[@]}" write /srv/a/b
ends "explain: and the broader line" 1 "wider:  also exec of /srv/a, exec of /srv/a/a" "${x[@]}" exec /srv/a/b
ends "explain: an exception, merged" 1 "except: [\"/srv/a/b\"]" "${x[@]}" write /srv/a/b
is "explain --json: all of that" "nothing else|also exec of /srv/a, exec of /srv/a/a|names something similar|$W/link is a symlink to real" \
	"$(json '"|".join((j["opens"], j["wider_opens"]))' "${x[@]}" --json exec /srv/a/b)|$(json 'j["nearby"][0]["how"]' "${x[@]}" --json read /usrr/x)|$(json 'j["name_because"].strip()' "${x[@]}" --json read "$W/link/x")"
ends "explain: its other names" 0 "also:   $W/link/a is another name of it" "${x[@]}" read "$W/real/a"
is "explain --json: its other names" "['$W/link/a']" "$(json 'j["other_names"]' "${x[@]}" --json read "$W/real/a")"
ends "explain: several, and one is denied" 1 "allowed: connect 10.1.2.3:443/tcp" "${x[@]}" read "$W/link/secret" connect 10.1.2.3:443
ends "explain: several, all of them allowed" 0 "allowed: exec $W/real/b" "${x[@]}" read "$W/real/a" exec "$W/link/b"
ends "explain: one without an object" 2 "an access has no object (exec)" "${x[@]}" read /etc exec
is "explain --brief" "denied: write /etc/passwd allowed: connect @bus-1" "$("${x[@]}" --brief write /etc/passwd connect @bus-1 | paste -sd' ')"
is "explain --json of several" 2 "$("${x[@]}" --json read /etc read /usr | wc -l)"
ends "explain: abstract names may be bound where no rule says otherwise" 0 "allowed: bind @any" "${x[@]}" bind @any
ends "explain: a unix socket" 0 "allowed: connect $W/real/a.sock" "${x[@]}" connect "$W/link/a.sock"
ends "explain: another unix socket" 1 "nearby: $W/good.yaml:" "${x[@]}" connect "$W/real/a.socket"
ends "explain: what would allow it" 1 "unix:" "${x[@]}" connect /run/x.sock
ends "explain: an abstract name" 0 "allowed: connect @bus-1" "${x[@]}" connect @bus-1
ends "explain: a denied one" 1 "it is another's" "${x[@]}" connect @bus-9
ends "explain: binding a unix socket is writing" 1 "- allow: [write]" "${x[@]}" bind /run/x.sock
# Events as `events --json` writes them.
cat >"$W/events" <<-END
	{"sandbox": "s", "why": "policy", "message": "cat (pid 8) may not read it", "right": "read", "object": {"path": "$W/real/secret", "cut": false}}
	{"sandbox": "s", "why": "policy", "message": "cat may not write it", "right": "write", "object": {"path": "/proc/812/mem"}}
	{"sandbox": "s", "why": "policy", "message": "nc may not connect", "right": "connect", "object": {"family": "inet6", "protocol": "udp", "address": "2001:db8::1", "port": 53}}
	{"sandbox": "s", "why": "policy", "message": "nc may not connect", "right": "connect", "object": {"path": "@bus-9"}}

	{"sandbox": "s", "sandbox_id": 1, "lost": 3}
	{"sandbox": "s", "why": "unnamed", "explanation": "it has no name", "message": "cat \\u001b[31m may not", "right": "read", "object": {"path": "", "cut": false}}
	{"sandbox": "s", "events": [{"why": "policy", "message": "sh may not exec", "right": "exec", "object": {"path_hex": "2f6f70742fff", "path": "/opt/\\\\xff"}}]}
END
e=("${x[@]}" --event "$W/events")
ends "explain --event: the verdict" 1 "denied: read $W/real/secret" "${e[@]}"
ends "explain --event: its own words" 1 "event:  cat (pid 8) may not read it" "${e[@]}"
ends "explain --event: the rule" 1 "good.yaml:7  deny [read]" "${e[@]}"
ends "explain --event: a process" 1 "denied: write /proc/@sandbox/mem" "${e[@]}"
ends "explain --event: a peer, which is allowed" 1 "allowed: connect [2001:db8::1]:53/udp" "${e[@]}"
ends "explain --event: an abstract socket" 1 "it is another's" "${e[@]}"
ends "explain --event: what rules have no say in" 1 "reason: it has no name" "${e[@]}"
ends "explain --event: in words that are safe to print" 1 'cat \x1b[31m may not' "${e[@]}"
ends "explain --event: of a list, by its bytes" 1 'denied: exec /opt/\xff' "${e[@]}"
is "explain --event -" "6" "$("${x[@]}" --brief --event - <"$W/events" 2>/dev/null | wc -l)"
is "explain --event --json" "6 cat (pid 8) may not read it False" \
	"$("${e[@]}" --json 2>/dev/null | python3 -c 'import json,sys; j=[json.loads(l) for l in sys.stdin]; print(len(j), j[0]["event"], j[0]["allowed"])')"
is "explain --event: nothing was denied" 0 "$("${x[@]}" --event /dev/null; echo $?)"
ends "explain --event: and an operand" 2 "takes the place" "${e[@]}" read /etc
ends "explain --event: no file" 1 "cannot open" "${x[@]}" --event "$W/none"
for line in '{' '[]' '{"message": "x"}' '{"message": "x", "why": "policy", "right": "read", "object": {"path": "x"}}' \
	'{"message": "x", "why": "policy", "right": "open", "object": {"path": "/x"}}' \
	'{"message": "x", "why": "policy", "right": "read", "object": {"path": "/x", "path_hex": "2f00"}}' \
	'{"message": "x", "why": "policy", "right": "write", "object": {"address": "192.0.2.1", "port": 1, "protocol": "tcp"}}' \
	'{"message": "x", "why": "policy", "right": "connect", "object": {"address": "x", "port": 1, "protocol": "tcp"}}' \
	'{"message": "x", "why": "policy", "right": "connect", "object": {"address": "::1", "port": 70000, "protocol": "tcp"}}'; do
	echo "$line" >"$W/line"
	ends "explain --event: no event: $line" 1 "sbx-bpf: " "${x[@]}" --event "$W/line"
done
for peer in 10.1.2.3 10.1.2.3: 10.1.2.3:x 10.1.2.3:70000 10.1.2.3:-1 2001:db8::1:53 "[10.1.2.3]:5" \
	"[2001:db8::1]53" 10.1.2.3:53/sctp example:443 "[example.org]:443" "" ":"; do
	ends "explain: no address: \"$peer\"" 2 "not an address" "${x[@]}" connect "$peer"
done
ends "explain: a name that a rule allows" 0 "allowed: connect api.example.org:443/tcp" \
	"$SBX" explain --policy "$W/domain.yaml" connect API.Example.org:443
ends "explain: the same at another port" 1 'to: "api.example.org:80/tcp"' \
	"$SBX" explain --policy "$W/domain.yaml" connect api.example.org:80
ends "explain: a name that none allows" 1 "no rule matches" \
	"$SBX" explain --policy "$W/domain.yaml" connect tracker.example.net:443
ends "explain: names cannot be bound to" 2 "not an address" \
	"$SBX" explain --policy "$W/domain.yaml" bind api.example.org:443
ends "explain: a name where the internet is open" 0 'internet:443' \
	"$SBX" explain --policy ai-agent connect tracker.example.net:443
ends "explain: an invalid policy" 3 "error" "$SBX" explain --policy "$W/bad.yaml" read /etc
is "explain --json" "True False good.yaml:7" \
	"$(json 'j["object"] == "'"$W"'/real/secret", j["allowed"], j["rule_at"].split("/")[-1]' "${x[@]}" --json read "$W/link/secret" | tr -d "(),'")"
is "what is printed cannot act on the terminal" 0 \
	"$("${x[@]}" read "$W/$(printf 'a\033[31m')" | grep -c $'\x1b')"
ends "but is shown" 1 'a\x1b[31m' "${x[@]}" read "$W/$(printf 'a\033[31m')"

# --- doctor, and the commands that would enforce ---
"$SBX" doctor >"$W/doctor" 2>&1
can=$?
is "doctor --json says the same" "$([ $can = 0 ] && echo True || echo False)" \
	"$(json 'j["can_enforce"]' "$SBX" doctor --json)"
is "every failed check has a remedy" "True" \
	"$(json 'all(c["remedy"] for c in j["checks"] if c["state"] == "fail")' "$SBX" doctor --json)"
case $can in
0) skip "a kernel that cannot enforce: this one can" ;;
4 | 5)
	for c in "attach --cgroup x --policy $W/good.yaml" "update --name x --policy $W/good.yaml" \
		"mode enforce --name x" "run --policy $W/good.yaml --user root -- true"; do
		# shellcheck disable=SC2086 # words
		ends "${c%% *} where nothing can be enforced" $can "error: " "$SBX" $c
	done
	ends "an invalid policy comes first" 3 "error: " "$SBX" attach --cgroup x --policy "$W/bad.yaml"
	;;
*) not_ok "doctor ended with status $can" ;;
esac
if [ "$(id -u)" = 0 ]; then
	user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	ends "check without rights" 0 "valid" "${user[@]}" "$SBX" check "$W/good.yaml"
	ends "explain without rights" 0 "allowed" "${user[@]}" "$SBX" explain --policy "$W/good.yaml" read "$W/real/a"
	ends "doctor without rights" 5 "run it with sudo" "${user[@]}" "$SBX" doctor
	ends "attach without rights" 5 "run it with sudo" "${user[@]}" "$SBX" attach --cgroup x --policy "$W/good.yaml"
else
	skip "without rights: this is not root, the other tests were that"
fi

# --- output ---
ends "output that cannot be written" 1 "cannot write the output" bash -c "'$SBX' check '$W/good.yaml' >/dev/full"
is "colour only when asked for" 0 "$("${x[@]}" read /etc/x | grep -c $'\x1b')"
is "--color=always" 1 "$("${x[@]}" --color=always read /etc/x | grep -c $'\x1b\[1;31m')"
is "NO_COLOR" 0 "$(NO_COLOR=1 script -qc "$SBX explain --policy $W/good.yaml read /etc/x" /dev/null </dev/null | grep -c $'\x1b\[1;31m')"

# --- sbx-escape: what it finds without a sandbox, and that a comparison with it fails ---
ESCAPE=$PWD/build/sbx-escape
ends "sbx-escape without an adapter" 2 "usage" "$ESCAPE"
ends "sbx-escape lists what it tries" 0 "sockets/fastopen: " "$ESCAPE" --list
ends "sbx-escape sees what escapes" 1 "escaped: unix/stream: reached outside" \
	"$ESCAPE" --json "$W/none.json" --case read-direct,write-direct,unix/stream tests/escape/adapters/none
is "sbx-escape proves what it says" "escaped works" \
	"$(json "j['cases'][0]['verdict'] + ' ' + j['cases'][0]['twin']" cat "$W/none.json")"
ends "no sandbox does not hold" 0 "not ok aliases: 2 hold" \
	tests/escape/compare.py hold "$W/none.json" "$W/none.json"

closing
