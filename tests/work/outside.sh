# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2206 # for those who source this; no names with spaces
# For the tests of work under shipped policies, after lib.sh: a user with a home and a project, and what
# a session leaves.
user=sbx-w
home=/home/$user
project=$home/project
cert=/usr/local/share/ca-certificates/work.pem
as_user=(setpriv --reuid $user --regid $user --clear-groups env "HOME=$home")

make_home() {
	mount -t tmpfs -o mode=755 home /home
	useradd -m -d $home -s /bin/bash $user
	"${as_user[@]}" sh -eu -s "$ROOT" <<-'END'
		cd "$HOME"
		mkdir -p project .ssh .aws
		chmod 700 .ssh
		ssh-keygen -q -t ed25519 -N '' -f .ssh/id_ed25519
		cp .ssh/id_ed25519.pub .ssh/authorized_keys
		printf '[default]\naws_secret_access_key = planted\n' >.aws/credentials
		printf '[user]\n\tname = U\n\temail = u@example.org\n[init]\n\tdefaultBranch = main\n' >.gitconfig
		git init -q project
		cd project
		echo 'PASSWORD=x' >.env
		printf '.env\n.work\n' >.gitignore
		echo hello >README
		git add . && git commit -qm start
		mkdir .work
		cp "$1"/tests/work/*.sh "$1"/tests/work/mcp.py .work
	END
}

# run_in POLICY NAME COMMAND...: in the project, with pipes, since files would be closed inside.
run_in() {
	local policy=$1 name=$2
	shift 2
	{ (cd $project && timeout "${PATIENCE:-300}" "$SBX" run --user $user --policy "$policy" --events "$W/$name.jsonl" -- "$@" \
		</dev/null 2>&3 3>&-); } 3>&1 | cat
	[ "${PIPESTATUS[0]}" -eq 0 ] || echo "not ok run ended with status ${PIPESTATUS[0]}"
}

# typed NAME WHAT STEPS COMMAND...: under ai-agent at a terminal, where somebody types these steps.
typed() {
	local name=$1 what=$2 steps=$3
	shift 3
	check "$what" sh -c "cd $project && exec \"\$@\"" sh python3 "$ROOT/tests/work/typist.py" "$steps" \
		"$SBX" run --user $user --policy ai-agent --events "$W/$name.jsonl" -- "$@"
}

# leaves NAME: few kinds of denials, each explained.
leaves() {
	check "work: $1: what it leaves is little, and explained" \
		python3 "$ROOT/tests/work/kinds.py" "$W/$1.jsonl" "$ROOT/tests/work/noise.txt" "$ROOT/policies"
}
