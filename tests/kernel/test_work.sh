#!/bin/bash
# SPDX-License-Identifier: MIT
# Real work under the shipped policies, as a plain user in a home of its own: what each tool does is a
# line. A normal session of a tool leaves fewer than five kinds of denials, and the header of the policy
# explains each; a planted package stands out from them. WORK="git node" does these sessions alone, PART=1/2
# every second; all.sh runs it by its name alone. What was denied is written to build/vm/KERNEL/work-1.txt.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/work/outside.sh
. "$ROOT/tests/work/outside.sh"

WORK=${WORK:-git python c node tty planted install mcp server ssh editor refused tmux rust sqlite go}
part=${PART:-1/1}

# Servers outside: git, packages, MCP, ssh, and docker's socket, which anybody may open.
make_world() {
	local name
	mkdir -p "$W/git" /usr/local/share/ca-certificates
	for name in lib part own; do
		git init -q --bare -b main "$W/git/$name.git"
		git -C "$W/git/$name.git" config http.receivepack true
		(
			cd "$project" && export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
			[ $name = own ] || git push -q "$W/git/$name.git" main
		)
	done
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/key.pem" -out $cert \
		-days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
	export GIT_SSL_CAINFO=$cert SSL_CERT_FILE=$cert CURL_CA_BUNDLE=$cert REQUESTS_CA_BUNDLE=$cert NODE_EXTRA_CA_CERTS=$cert
	python3 "$ROOT/tests/work/world.py" $cert "$W/key.pem" "$W/git" &
	python3 "$ROOT/tests/work/mcp.py" serve-http 8124 &
	python3 - <<-'END' &
		import os, socket, signal
		s = socket.socket(socket.AF_UNIX)
		s.bind("/run/docker.sock")
		os.chmod("/run/docker.sock", 0o666)
		s.listen()
		signal.pause()
	END
	for _ in $(seq 100); do
		! curl -sf https://localhost:8443/simple/demo/ >/dev/null || [ ! -S /run/docker.sock ] || return 0
		sleep 0.2
	done
	not_ok "work: the servers outside"
}

# session NAME [POLICY]: tests/work/NAME.sh inside; its lines, named.
session() {
	local name=$1
	rm -f "$W/$name.jsonl"
	run_in "${2:-ai-agent}" "$name" bash -c '. .work/lib.sh; . .work/$0.sh; exit 0' "$name" |
		sed "s/^ok /ok work: $name: /; s/^not ok /not ok work: $name: /; s/^skip /skip work: $name: /"
	leaves "$name"
}

# include NAME BUNDLE: a policy of ai-agent and the bundle
include() {
	printf 'version: 1\nname: %s\ninclude: [ai-agent, %s]\n' "$1" "$2" >"$W/$1.yaml"
}

work_git() { session git; }
work_c() { session c; }
work_python() { session python; }
work_sqlite() { session sqlite; }
work_editor() { session editor; }
work_mcp() { session mcp; }

work_node() { session node; }

# Nothing of this is noise: both gates closed, each with its reason, neither by a quiet rule.
work_planted() {
	run_in ai-agent planted bash -c '. .work/lib.sh; . .work/$0.sh; exit 0' planted |
		sed 's/^ok /ok work: planted: /; s/^not ok /not ok work: planted: /'
	python3 "$ROOT/tests/work/kinds.py" "$W/planted.jsonl" "$ROOT/tests/work/noise.txt" "$ROOT/policies" >"$W/kinds"
	check "work: planted: it stands out, at both gates and by nothing else" sh -c "cat '$W/kinds'
		grep -q 'not explained: .* read .*/\.aws/credentials' '$W/kinds' &&
		grep -q 'not explained: .* connect .*203.0.113.9:80' '$W/kinds' && test \$(grep -c . '$W/kinds') -eq 2"
	check "work: planted: reasons come with it" python3 - "$W/planted.jsonl" <<-'END'
		import json, sys
		found = {e["right"]: e for e in map(json.loads, open(sys.argv[1])) if not e["quiet"]}
		assert "credentials" in found["read"]["rule"]["reason"], found["read"]
		assert found["connect"]["suggestion"], found["connect"]
	END
}

# With a registry of one's own, as a company would add it; who owns the project has named it there.
work_install() {
	cat >"$W/install.yaml" <<-'END'
		version: 1
		name: install
		include: [package-install]
		network:
		  - allow: [connect]
		    to: "localhost:8443"
	END
	mkdir -p $project/app
	printf '{"name":"app","version":"1.0.0","scripts":{"t":"tool"}}\n' >$project/app/package.json
	printf 'registry=https://localhost:8443/npm/\naudit=false\nfund=false\nfetch-retries=0\ncafile=%s\n' $cert >$project/app/.npmrc
	echo "// mine" >$project/app/source.js
	chown -R $user: $project/app
	run_in "$W/install.yaml" install bash -c '. .work/lib.sh; . .work/$0.sh; exit 0' install |
		sed 's/^ok /ok work: install: /; s/^not ok /not ok work: install: /'
	check "work: install: the source is as it was" sh -c "[ \"\$(cat $project/app/source.js)\" = '// mine' ]"
	grep -vE '/source\.js|/hooks/post-commit|/\.aws/credentials|203\.0\.113\.9' "$W/install.jsonl" >"$W/install-rest.jsonl"
	leaves install-rest
	rm -rf $project/app
}

# The browser is out here.
work_server() {
	session server >"$W/server.out" 2>&1 &
	local job=$! port=
	for _ in $(seq 300); do
		! curl -sf "http://localhost:3000/README?from-outside" | grep -q hello || break
		sleep 0.2
	done
	for _ in $(seq 300); do
		[ ! -e $project/port ] || port=$(<$project/port)
		[ -z "$port" ] || break
		sleep 0.2
	done
	check "work: server: the browser ends up at the callback" sh -c \
		"curl -sf 'http://localhost:$port/?code=secret-code' | grep -q 'close this window'"
	wait $job
	cat "$W/server.out"
}

work_tty() {
	typed tty "work: tty: nano writes a note" '[["Exit", "from nano"], ["from nano", "\u000f"], ["Name to Write", "\r"], ["Wrote", "\u0018"]]' \
		nano note
	typed tty "work: tty: vim changes it" '[["from nano", "Goand vim\u001b:wq\r"]]' vim note
	check "work: tty: both saved" sh -c "grep -q 'from nano' $project/note && grep -q 'and vim' $project/note"
	# exec: dash waits for vfork() with signals held, and its child may stop before it is sleep
	typed tty "work: tty: a shell with jobs" '[["\\$ ", "sh -c \"echo go; exec sleep 100\"\r"], ["go\r", "\u001a"], ["Stopped", "kill -9 %1; sleep 1; exit 0\r"]]' \
		bash --norc -i
	leaves tty
}

work_tmux() {
	include tmux terminals
	session tmux "$W/tmux.yaml"
}

work_ssh() {
	local p
	if [ ! -e "$ROOT/policies/ssh-client.yaml" ]; then
		not_ok "work: ssh: there is no bundle ssh-client"
		return
	fi
	dropbearkey -t ed25519 -f "$W/host" >/dev/null 2>&1
	dropbear -s -E -r "$W/host" -P "$W/dropbear.pid" -p 127.0.0.1:2222 2>"$W/dropbear.log"
	ssh-keyscan -p 2222 127.0.0.1 2>/dev/null >$home/.ssh/known_hosts
	"${as_user[@]}" ssh-agent -D -a $home/agent >/dev/null &
	p=$!
	export SSH_AUTH_SOCK=$home/agent
	"${as_user[@]}" sh -c 'until ssh-add -q ~/.ssh/id_ed25519 2>/dev/null; do sleep 0.2; done'
	include ssh ssh-client
	session ssh "$W/ssh.yaml"
	unset SSH_AUTH_SOCK
	kill $p "$(<"$W/dropbear.pid")"
}

# Toolchains that would take minutes to install: where they are.
work_rust() {
	local t=
	for t in /root/.rustup/toolchains/stable-*; do [ ! -x "$t/bin/cargo" ] || break; done
	if [ ! -x "$t/bin/cargo" ]; then
		skip "work: rust: cargo is not installed"
		return
	fi
	mkdir -p /opt/rust && mount --bind "$t" /opt/rust
	session rust
	umount /opt/rust
}

work_go() { session go; }

work_refused() {
	run_in ai-agent refused bash -c '. .work/lib.sh; . .work/$0.sh; exit 0' refused |
		sed 's/^ok /ok work: refused: /; s/^not ok /not ok work: refused: /'
}

trap 'kill $(jobs -p) 2>/dev/null' EXIT
make_home
keep_loaded
make_world
n=0
for w in $WORK; do
	n=$((n + 1))
	[ $(((n - ${part%/*}) % ${part#*/})) -eq 0 ] || continue
	start=$SECONDS
	"work_$w"
	echo "# $w: $((SECONDS - start)) s"
done
[ ! -d /mnt/host ] || cat "$W"/*.jsonl >"/mnt/host/work-${part%/*}.txt"
# shellcheck disable=SC2046 # a list
kill $(jobs -p) 2>/dev/null
wait
unload work
rm -f /run/docker.sock
umount -l /home
userdel $user
rm -rf "$W"
