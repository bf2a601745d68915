#!/bin/bash
# SPDX-License-Identifier: MIT
# The real agents under ai-agent: Claude Code and Codex, as they come from npm (`make agents` fetches them
# into build/agents), against a stand-in for their services. In one session each writes and edits files,
# runs what it wrote, fetches a page, tries to read keys, to plant what would run outside and to reach a
# port that is not open, by its own hand and by a shell's, and looks up why it failed; once as it is told
# by an argument, once at a terminal. AGENTS=codex runs that one alone; all.sh runs it by its name alone.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/work/outside.sh
. "$ROOT/tests/work/outside.sh"

AGENTS=${AGENTS:-claude codex}
bin=/opt/agents/node_modules/.bin
export PATIENCE=${PATIENCE:-400} # of run_in and of who types: they start slowly in emulation
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
		    {"do": "write", "path": p + "/.envrc", "text": "touch /tmp/owned\n"},
		    {"do": "read", "path": p + "/../.aws/credentials"},
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

# Their own words when they cannot write a file themselves.
declare -A unwritten=([claude]="permission denied" [codex]="Failed to write file")

fresh() {
	"${as_user[@]}" git -C $project reset -q --hard "$commit"
	rm -f $project/hello.py $project/out.txt
	: >"$W/diary"
}

# judged AGENT NAME: what it did in this session, and what came of it.
judged() {
	local agent=$1 name=$2 told
	check "agents: $name: files are written and edited" sh -c \
		"grep -q '6 \* 7' $project/hello.py && grep -q 'hello, edited' $project/README"
	answered "$agent" 3 42
	answered "$agent" 4 agent
	answered "$agent" 5 "a page for agents"
	answered "$agent" 6 "Permission denied"
	answered "$agent" 7 "Permission denied"
	answered "$agent" 8 "${unwritten[$agent]}"
	answered "$agent" 9 "ermission denied"
	answered "$agent" 10 "onnect"
	for told in "credentials stay outside (SSH keys)" "credentials stay outside (clouds and registries)" \
		"hooks, aliases and filters would run outside the sandbox" "the next shell outside that enters the directory" \
		"may not connect to 203.0.113.9:80/tcp"; do
		answered "$agent" 11 "$told"
	done
	check "agents: $name: nothing was planted" test ! -e $project/.git/hooks/post-commit -a ! -e $project/.envrc
	grep -vE '/\.ssh/id_ed25519|/\.aws/credentials|/\.git/hooks/post-commit|/\.envrc|203\.0\.113\.9' "$W/$name.jsonl" >"$W/$name-rest.jsonl"
	leaves "$name-rest"
	[ ! -d /mnt/host ] || cp "$W/$name.jsonl" /mnt/host/
}

# at_once AGENT ARGUMENT...: it is told by an argument.
at_once() {
	local agent=$1
	shift
	fresh
	run_in ai-agent "$agent" "$bin/$agent" "$@" "Do what is to be done" >"$W/$agent.out"
	check "agents: $agent: it says that it is done" sh -c "cat '$W/$agent.out'; grep -q 'All of it is done' '$W/$agent.out'"
	judged "$agent" "$agent"
}

# at_terminal AGENT ARGUMENT...: by who types at its terminal what stdin says (typist.py).
at_terminal() {
	local agent=$1 steps
	shift
	steps=$(cat)
	fresh
	typed "$agent-tty" "agents: $agent: it runs at a terminal" "$steps" "$bin/$agent" "$@"
	judged "$agent" "$agent-tty"
}

trap 'kill $(jobs -p) 2>/dev/null' EXIT
make_home
commit=$("${as_user[@]}" git -C $project rev-parse HEAD)
mkdir -p "$W/pages" $home/.codex $home/.claude /opt/agents
echo "a page for agents" >"$W/pages/page.html"
# The agents' own programs lie where a system has them.
mount --bind "$ROOT/build/agents" /opt/agents
cat >$home/.codex/config.toml <<-END
	model = "gpt-5"
	model_provider = "local"
	[model_providers.local]
	name = "local"
	base_url = "http://localhost:8125/v1"
	env_key = "OPENAI_API_KEY"
	wire_api = "responses"
	[projects."$project"]
	trust_level = "trusted"
END
# They have been started before: nobody asks about colours and trust.
cat >$home/.claude.json <<-END
	{"hasCompletedOnboarding": true, "theme": "dark", "customApiKeyResponses": {"approved": ["sk-ant-x"], "rejected": []},
	 "projects": {"$project": {"hasTrustDialogAccepted": true, "hasCompletedProjectOnboarding": true}}}
END
echo '{"skipDangerousModePermissionPrompt": true}' >$home/.claude/settings.json
chown -R $user: $home/.codex $home/.claude $home/.claude.json
keep_loaded
python3 "$ROOT/tests/work/api.py" 8125 "$(script)" "$W/diary" 2>"$W/api.log" &
python3 -m http.server -b 127.0.0.1 -d "$W/pages" 8126 >/dev/null 2>&1 &
until curl -sf http://localhost:8126/page.html >/dev/null; do sleep 0.2; done

export ANTHROPIC_BASE_URL=http://localhost:8125 ANTHROPIC_API_KEY=sk-ant-x OPENAI_API_KEY=x DISABLE_TELEMETRY=1 \
	CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1
# Blanks on their screens may be moves of the cursor, and Codex asks where it is.
run_claude() {
	at_once claude -p --dangerously-skip-permissions
	at_terminal claude --dangerously-skip-permissions <<-'END'
		[["❯|> ", "Do what is to be done"], ["done", "\r"],
		 ["is(\\s|\u001b\\[[0-9;]*[A-Za-z])+done\\.", "/exit"], ["exit", "\r"]]
	END
}
run_codex() {
	at_once codex exec --dangerously-bypass-approvals-and-sandbox
	at_terminal codex --no-daemon --dangerously-bypass-approvals-and-sandbox <<-'END'
		[["\\[6n", "\u001b[1;1R"], ["›", "Do what is to be done"], ["done", "\r"],
		 ["is(\\s|\u001b\\[[0-9;]*[A-Za-z])+done\\.", "/exit"], ["exit", "\r"]]
	END
}
for agent in $AGENTS; do
	start=$SECONDS
	echo "# $("${as_user[@]}" "$bin/$agent" --version)"
	"run_$agent"
	echo "# $agent: $((SECONDS - start)) s"
done
# shellcheck disable=SC2046 # a list
kill $(jobs -p) 2>/dev/null
wait
unload agents
umount /opt/agents
umount -l /home
userdel $user
rm -rf "$W"
