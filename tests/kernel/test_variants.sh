#!/bin/bash
# SPDX-License-Identifier: MIT
# Each shipped policy beside ai-agent (test_policies.sh), as a plain user in a home of its own: what it
# is for works, and what sets it apart is denied, each with a twin that is allowed.
. "$(dirname "$0")/lib.sh"

user=sbx-v
home=/home/$user
mount -t tmpfs -o mode=755 home /home
useradd -m -d $home -s /bin/bash $user
setpriv --reuid $user --regid $user --clear-groups env HOME=$home sh -eu <<-'END'
	cd "$HOME"
	mkdir -p project/.github/workflows project/src project/node_modules .ssh .aws .claude .cache/ms-playwright
	echo key >.ssh/id_ed25519
	echo secret >.aws/credentials
	echo '{}' >.claude.json
	cp /bin/true .cache/ms-playwright/chrome
	printf '[user]\n\tname = U\n\temail = u@example.org\n' >.gitconfig
	cd project
	git init -q
	echo x >README && echo on: push >.github/workflows/ci.yml && echo x >src/x.c
	git add . && git commit -qm start
END

# works POLICY: stdin (bash, in the project) ends well under it. What it says is kept.
works() {
	local rc script
	script=$(cat)
	{
		{
			(cd $home/project && timeout 200 "$SBX" run --user $user --policy "$1" -- /bin/bash -eu -c "
				no() { ! \"\$@\" 2>/dev/null || { echo \"allowed: \$*\"; exit 9; }; }
				no_write() { ! : 2>/dev/null >>\"\$1\" || { echo \"written: \$1\"; exit 9; }; }
				$script" </dev/null 2>&3 3>&-)
			echo $? >"$W/rc"
		} | cat >"$W/out"
	} 3>&1 | cat >"$W/err"
	rc=$(<"$W/rc")
	if [ "$rc" -eq 0 ]; then
		ok "variants: $1"
	else
		not_ok "variants: $1 (status $rc)"
		tail -n 30 "$W/out" "$W/err" | sed 's/^/  | /'
	fi
}

# says NAME WORDS: what was denied last came with these.
says() {
	check "variants: $1" grep -E -- "$2" "$W/err"
}

keep_loaded

works ai-agent-review <<'END'
	git status --short && git log --oneline && grep -q x README && /usr/bin/python3 -c 'import json'
	node -e 'process.exit(0)'
	echo x >"$TMPDIR/notes" && cp -r . "$TMPDIR/copy" && echo x >"$TMPDIR/copy/README"
	no_write README; no_write new; no_write ~/.claude.json; no cat ~/.claude.json
	no cat ~/.aws/credentials; test "$CLAUDE_CONFIG_DIR" = "$TMPDIR/claude"
END
says "a review says why it writes nothing" "this sandbox reviews"

# Somebody else's server, which is there.
/usr/bin/python3 -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 8077)); s.listen(); time.sleep(600)' &
server=$!
until (: 3<>/dev/tcp/127.0.0.1/8077) 2>/dev/null; do sleep 0.2; done
works ai-agent-offline <<'END'
	echo x >new && git add new && git commit -qm new && rm new
	cat >"$TMPDIR/t.py" <<-PY
		import socket
		def refused(kind, to):
		    s = socket.socket(socket.AF_INET, kind)
		    try: s.connect(to)
		    except (PermissionError, ConnectionRefusedError): return
		    raise SystemExit("connected to %s:%d" % to)
		s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
		socket.create_connection(s.getsockname()).close()
		refused(socket.SOCK_STREAM, ("127.0.0.1", 8077)); refused(socket.SOCK_DGRAM, ("127.0.0.1", 53))
		for port in (53, 443):
		    refused(socket.SOCK_STREAM, ("192.0.2.1", port)); refused(socket.SOCK_DGRAM, ("192.0.2.1", port))
	PY
	/usr/bin/python3 "$TMPDIR/t.py"
	node -e 'const h = require("http"); const s = h.createServer((q, r) => r.end()).listen(0, "127.0.0.1", () =>
		h.get({ port: s.address().port, host: "127.0.0.1" }, (r) => { r.resume(); r.on("end", () => process.exit(0)); }))'
END
says "offline says so" "this sandbox is offline"
works ai-agent <<'END'
	: 3<>/dev/tcp/127.0.0.1/8077
END
kill $server

export GITHUB_TOKEN=secret GITHUB_SHA=abc
works ci-runner <<'END'
	test "${GITHUB_TOKEN-none}" = none && test "$GITHUB_SHA" = abc && test "$CI" = true
	git status --short && git describe --always && mkdir -p build && echo x >build/x
	printf 'all:\n\techo built >build/y\n' >Makefile && make -s && /usr/bin/python3 -c 'import json' && node -e 0
	no_write .git/config; no_write .git/hooks/pre-commit; no_write .github/workflows/ci.yml
	no cat ~/.claude.json; no cat ~/.aws/credentials; no ls ~
END
unset GITHUB_TOKEN GITHUB_SHA
says "a CI job is told what later steps would run" "later steps of the pipeline would run it"

works package-install <<'END'
	echo x >node_modules/x && echo '{}' >package-lock.json && cat src/x.c && node -e 0
	no_write src/x.c; no_write Makefile; no_write .git/config; no cat ~/.aws/credentials; no cat ~/.ssh/id_ed25519
	no cat ~/.gitconfig
END
says "an installation that looks for credentials is told apart" "credentials stay outside \(clouds"

works browser <<'END'
	~/.cache/ms-playwright/chrome && echo x >/dev/shm/.org.chromium.Chromium.a && rm /dev/shm/.org.chromium.Chromium.a
	test "$PLAYWRIGHT_BROWSERS_PATH" = ~/.cache/ms-playwright
	no_write ~/.cache/ms-playwright/chrome; no_write /dev/shm/other; no cat ~/.aws/credentials
END

printf 'version: 1\nname: own\ninclude: [ai-agent, agent-state]\n' >$home/own.yaml
works ../own.yaml <<'END'
	mkdir -p "$CLAUDE_CONFIG_DIR" && echo '{}' >"$CLAUDE_CONFIG_DIR/.claude.json" && test "$CODEX_HOME" = ~/.sbx-bpf/codex
	no cat ~/.claude.json; no_write ~/.claude.json; no_write ~/.claude/x; no_write ~/.sbx-bpf/x
END

# --- an agent for keys ---
setpriv --reuid $user --regid $user --clear-groups env HOME=$home sh -eu <<-'END'
	rm ~/.ssh/id_ed25519 && ssh-keygen -q -t ed25519 -N "" -f ~/.ssh/id_ed25519
	echo "# none yet" >~/.ssh/known_hosts
	ssh-agent -a ~/agent.sock >~/agent.env
	SSH_AUTH_SOCK=~/agent.sock ssh-add -q ~/.ssh/id_ed25519
END
printf 'version: 1\nname: with-ssh\ninclude: [ai-agent, ssh-client]\n' >$home/with-ssh.yaml
export SSH_AUTH_SOCK=$home/agent.sock
works ../with-ssh.yaml <<'END'
	ssh-add -L | grep -q ssh-ed25519
	echo data >data && ssh-keygen -q -Y sign -f ~/.ssh/id_ed25519.pub -n file data && test -s data.sig
	cat ~/.ssh/known_hosts; no cat ~/.ssh/id_ed25519; no_write ~/.ssh/known_hosts; no_write ~/.ssh/rc
END
works ai-agent <<'END'
	test "${SSH_AUTH_SOCK-none}" = none
	export SSH_AUTH_SOCK=~/agent.sock
	no ssh-add -L
END
unset SSH_AUTH_SOCK
kill "$(sed -n 's/^SSH_AGENT_PID=\([0-9]*\).*/\1/p' $home/agent.env)"

# --- one who starts containers ---
sock=/run/docker.sock
/usr/bin/python3 -c "import os, socket, time
s = socket.socket(socket.AF_UNIX); s.bind('$sock'); s.listen(); os.chmod('$sock', 0o666); time.sleep(600)" &
server=$!
reach="import socket; socket.socket(socket.AF_UNIX).connect('$sock')"
until /usr/bin/python3 -c "$reach" 2>/dev/null; do sleep 0.2; done
check "variants: docker's socket is there" setpriv --reuid $user --regid $user --clear-groups /usr/bin/python3 -c "$reach"
works ai-agent <<END
	no /usr/bin/python3 -c "$reach"
END
says "docker is refused with a sentence" "who starts one can read every file"
kill $server
rm $sock

status "variants: a name that there is not is answered with those that there are" 0 sh -c "cd $home/project &&
	'$SBX' run --user $user --policy nobody -- true 2>&1 | grep -E '^  ai-agent-review +An AI agent'"

unload variants
umount -l /home
rm -rf "$W"
