#!/bin/bash
# SPDX-License-Identifier: MIT
# The real agents under ai-agent: Claude Code and Codex, as they come from npm (`make agents` fetches them
# into build/agents), against a stand-in for their services. In one session each writes and edits files,
# runs what it wrote, fetches a page, tries to read a key, to plant a hook and to reach a port that is not
# open, and looks up why it failed. all.sh runs it by its name alone.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/work/outside.sh
. "$ROOT/tests/work/outside.sh"

modules=/opt/agents/node_modules
PATIENCE=900 # of run_in: they start slowly in emulation
[ -d "$ROOT/build/agents/node_modules" ] || {
	not_ok "agents: there are none in build/agents: make agents"
	exit 1
}

# What the model asks for, step by step.
script() {
	python3 - "$project" <<-'END'
		import json, sys
		p = sys.argv[1]
		shell = lambda command: {"do": "shell", "command": command}
		print(json.dumps([
		    {"do": "write", "path": p + "/hello.py", "text": "print(6 * 7)\n"},
		    {"do": "read", "path": p + "/README"},
		    {"do": "edit", "path": p + "/README", "old": "hello", "new": "hello, edited"},
		    shell("python3 hello.py >out.txt && cat out.txt"),
		    shell("git add hello.py README && git commit -qm agent && git log --oneline"),
		    shell("curl -sS http://localhost:8126/page.html"),
		    shell("cat ~/.ssh/id_ed25519"),
		    shell("echo 'touch /tmp/owned' >.git/hooks/post-commit"),
		    shell("curl -sS --max-time 5 http://203.0.113.9/"),
		    shell("sleep 2; cat \"$SBX_DENIALS\""),
		]))
	END
}

# answered AGENT STEP TEXT: the tool's answer to this step has the text in it.
answered() {
	check "agents: $1: step $2 ends with: $3" python3 - "$W/diary" "$@" <<-'END'
		import json, sys
		diary, agent, step, text = sys.argv[1:]
		found = [e["answer"] for e in map(json.loads, open(diary)) if (e["agent"], e["step"]) == (agent, int(step))]
		if not any(text in a for a in found):
		    sys.exit(f"{found}")
	END
}

session_of() { # AGENT COMMAND...
	local agent=$1
	shift
	"${as_user[@]}" git -C $project reset -q --hard "$start"
	rm -f $project/hello.py $project/out.txt
	run_in ai-agent "$agent" "$@" >"$W/$agent.out"
	check "agents: $agent: it says that it is done" sh -c "cat '$W/$agent.out'; grep -q 'All of it is done' '$W/$agent.out'"
	check "agents: $agent: files are written and edited" sh -c \
		"grep -q '6 \* 7' $project/hello.py && grep -q 'hello, edited' $project/README"
	answered "$agent" 3 42
	answered "$agent" 4 agent
	answered "$agent" 5 "a page for agents"
	answered "$agent" 6 "Permission denied"
	answered "$agent" 7 "Permission denied"
	answered "$agent" 8 "onnect"
	answered "$agent" 9 "credentials stay outside (SSH keys)"
	answered "$agent" 9 "would run outside the sandbox"
	answered "$agent" 9 "may not connect to 203.0.113.9:80/tcp"
	check "agents: $agent: no hook was planted" test ! -e $project/.git/hooks/post-commit
	grep -vE '/\.ssh/id_ed25519|/\.git/hooks/post-commit|203\.0\.113\.9' "$W/$agent.jsonl" >"$W/$agent-rest.jsonl"
	leaves "$agent-rest"
	[ ! -d /mnt/host ] || cp "$W/$agent.jsonl" /mnt/host/
}

trap 'kill $(jobs -p) 2>/dev/null' EXIT
make_home
start=$("${as_user[@]}" git -C $project rev-parse HEAD)
mkdir -p "$W/pages" $home/.codex /opt/agents
echo "a page for agents" >"$W/pages/page.html"
# The agents' own programs lie where a system has them.
mount --bind "$ROOT/build/agents" /opt/agents
cat >$home/.codex/config.toml <<-'END'
	model = "gpt-5"
	model_provider = "local"
	[model_providers.local]
	name = "local"
	base_url = "http://localhost:8125/v1"
	env_key = "OPENAI_API_KEY"
	wire_api = "responses"
END
chown -R $user: $home/.codex
keep_loaded
python3 "$ROOT/tests/work/api.py" 8125 "$(script)" "$W/diary" 2>"$W/api.log" &
python3 -m http.server -b 127.0.0.1 -d "$W/pages" 8126 >/dev/null 2>&1 &
until curl -sf http://localhost:8126/page.html >/dev/null; do sleep 0.2; done

export ANTHROPIC_BASE_URL=http://localhost:8125 ANTHROPIC_API_KEY=sk-ant-x OPENAI_API_KEY=x DISABLE_TELEMETRY=1 \
	CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1
claude=$modules/@anthropic-ai/claude-code-linux-x64/claude
codex=$modules/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex
echo "# $("$claude" --version), $("$codex" --version)"
session_of claude "$claude" -p "Do what is to be done" --dangerously-skip-permissions
session_of codex "$codex" exec --dangerously-bypass-approvals-and-sandbox "Do what is to be done"
# shellcheck disable=SC2046 # a list
kill $(jobs -p) 2>/dev/null
wait
unload agents
umount /opt/agents
umount -l /home
userdel $user
rm -rf "$W"
