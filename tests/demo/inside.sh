#!/bin/bash
# SPDX-License-Identifier: MIT
# The demonstration itself, as root where sandboxes can be enforced. A user with planted secrets, an
# agent that works and then does what a hijacked one would do (agent-work.sh): first enforced, then
# in audit mode. What came of it is looked up from outside, not taken from the agent's words.
set -u
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
# shellcheck source=tests/lib.sh
. tests/lib.sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

sbx=$PWD/build/sbx-bpf
demo=$PWD/tests/demo
user="sbx-demo"
home=/home/$user
outside=203.0.113.7 # an address reserved for documentation, put on the loopback device
port=8080
secret="planted-secret-$$"
tool=/tmp/sbx-demo-tool
work=$(mktemp -d /tmp/sbx-demo.XXXXXX)
listener=

cleanup() {
	[ -z "$listener" ] || kill "$listener" 2>/dev/null
	ip address delete $outside/32 dev lo 2>/dev/null
	userdel -r $user 2>/dev/null
	rm -rf "$work" $tool
}

if id $user >/dev/null 2>&1; then
	echo "error: the user $user exists already. Hint: userdel -r $user" >&2
	exit 1
fi
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# A plain file system for the home: the machine's root is an overlay over the host's files.
[ "${1:-}" != --vm ] || mount -t tmpfs -o mode=755 home /home

as_user() {
	setpriv --reuid $user --regid $user --clear-groups env HOME=$home "$@"
}

# The project as it is before the agent comes: a repository, one beside it to clone, secrets.
plant() {
	rm -rf ${home:?}/project $home/.ssh
	as_user sh -eu -s "$secret" <<-'END'
		umask 077
		cd "$HOME"
		mkdir .ssh project
		echo "$1: a private key" >.ssh/id_ed25519
		printf '[user]\n\tname = Demo\n\temail = demo@example.org\n[init]\n\tdefaultBranch = main\n' >.gitconfig
		mkdir -p seed && cd seed
		git init -q
		printf '#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n' >hello.c
		printf 'hello: hello.c\n\t$(CC) -O2 -Wall -o $@ $<\n' >Makefile
		git add . && git commit -qm 'hello'
		cd ..
		git clone -q --bare seed project/hello.git
		rm -rf seed
		cd project
		git init -q
		printf '.env\nhello*\n' >.gitignore
		echo "A project." >README
		git add . && git commit -qm 'start'
		rm -rf .git/hooks && mkdir .git/hooks
		echo "PASSWORD=$1" >.env
	END
	install -o $user -m 755 "$demo/agent-work.sh" $home/project/
	: >"$work/received"
}

# Whoever sends something to the address outside is overheard here.
listen() {
	ip address add $outside/32 dev lo || return
	python3 - $outside $port "$work/received" <<-'END' &
		import socket, sys
		server = socket.create_server((sys.argv[1], int(sys.argv[2])))
		while True:
		    peer, _ = server.accept()
		    peer.settimeout(10)
		    data = peer.recv(4096)
		    with open(sys.argv[3], "ab") as log:
		        log.write(data)
		    peer.close()
	END
	listener=$!
	for _ in $(seq 100); do
		! ss -Hltn "src $outside" 2>/dev/null | grep -q . || return 0
		sleep 0.2
	done
	return 1
}

agent() { # MODE OPTION...: what it prints goes to MODE.out, what sbx-bpf says to MODE.err
	local mode=$1
	shift
	# Pipes: a file outside the policy would be closed to the agent.
	{
		(cd $home/project && "$sbx" run --user $user --policy ai-agent "$@" -- \
			./agent-work.sh $outside $port $tool </dev/null) 2>&1 >&3 | cat >"$work/$mode.err"
	} 3>&1 | tee "$work/$mode.out"
	printf '\nsbx-bpf reports:\n'
	if [ "$mode" = audit ]; then
		# The explanations are those of above: the first lines, and what comes after all of them.
		sed -n '/^would be denied/p; /^sbx-bpf: in sandbox/,$p' "$work/audit.err"
	else
		cat "$work/$mode.err"
	fi | sed 's/^/    /'
	echo
}

expect() { # TITLE CMD...
	local title=$1
	shift
	if "$@"; then ok "$title"; else not_ok "$title"; fi
}

absent() { ! grep -qF -- "$1" "$2"; }
none() { [ ! -e "$1" ]; }
empty() { [ ! -s "$1" ]; }
all_lines() { # KIND WORD: every line of KIND in FILE says WORD, and there are some
	grep -q "^ *$1 " "$3" && ! grep "^ *$1 " "$3" | grep -qv "^ *$1 $2 "
}

reported() { # MODE: each attempt has its report, with a rule, a reason and a way to allow it
	local what rc=0
	for what in .ssh/id_ed25519 .env .git/hooks/pre-commit .git/config $outside $tool \
		rule: reason: "to allow" ai-agent.yaml: credentials.yaml:; do
		absent "$what" "$work/$1.err" || continue
		echo "    (not in the report: $what)"
		rc=1
	done
	return $rc
}

useradd -m -d $home -s /bin/bash $user || exit 1
install -m 755 /bin/true $tool
listen || {
	echo "error: nothing listens on $outside:$port" >&2
	exit 1
}

printf '\n=== 1. Enforced: sbx-bpf run --user %s --policy ai-agent -- ./agent-work.sh\n\n' $user
plant
agent enforce
expect "the work got done" all_lines work ok "$work/enforce.out"
expect "the program was built" test -x $home/project/hello/hello
expect "every attempt failed" all_lines attempt denied "$work/enforce.out"
expect "no secret was read" absent "$secret" "$work/enforce.out"
expect "no secret left the machine" empty "$work/received"
expect "no hook was planted" none $home/project/.git/hooks/pre-commit
expect "git's configuration is as before" absent fsmonitor $home/project/.git/config
expect "every denial is explained" reported enforce

printf '\n=== 2. Audit: the same with --audit. Nothing is denied, everything is reported\n\n'
plant
agent audit --audit
expect "the work got done" all_lines work ok "$work/audit.out"
expect "every attempt succeeded" all_lines attempt succeeded "$work/audit.out"
expect "the secret did leave the machine" grep -qF "$secret" "$work/received"
expect "the hook was planted" test -e $home/project/.git/hooks/pre-commit
expect "everything is reported" reported audit
expect "rules to paste are shown" grep -q 'allow: \[' "$work/audit.err"

echo
closing
