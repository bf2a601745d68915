# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# In a clone below the project all of git works, also what writes its configuration.
did "clone over https" git clone -q https://localhost:8443/git/lib.git clone
cd clone || exit
did "commit" sh -c 'git switch -qc topic && echo topic >topic && git add topic && git commit -qm topic'
did "commit on another branch" sh -c 'git switch -q main && echo more >>README && git commit -qam more && git switch -q topic'
did "rebase" sh -c 'git rebase -q main && grep -q more README'
did "add a submodule" git submodule --quiet add https://localhost:8443/git/part.git part
did "commit it" git commit -qm part
did "a linked worktree" sh -c 'git worktree add -q ../tree main && git -C ../tree status && git worktree remove ../tree'
did "push -u" git push -qu origin topic
did "which knows its upstream" test "$(git rev-parse --abbrev-ref '@{u}')" = origin/topic
did "fetch and pull" sh -c 'git fetch -q && git pull -q'
did "clone with submodules" git clone -q --recurse-submodules -b topic https://localhost:8443/git/lib.git ../again
did "hooks from a template" sh -c 'mkdir -p ../t/hooks && printf "#!/bin/sh\ntouch ran\n" >../t/hooks/post-commit &&
	chmod +x ../t/hooks/post-commit && git init -q --template=../t ../made && cd ../made && git commit -q --allow-empty -m x && test -e ran'
cd ..
did "commit in the project" sh -c 'echo a >a && git add a && git commit -qm a'
did "branch, merge, rebase in the project" sh -c 'git checkout -qb side && echo b >b && git add b && git commit -qm b &&
	git checkout -q main && git merge -q side && git rebase -q HEAD~1 && git branch -d side'
did "stash in the project" sh -c 'echo c >>a && git stash -q && git stash pop -q && git checkout -q a'
did "log, blame, bisect in the project" sh -c 'git log --stat && git blame a && git bisect start HEAD HEAD~1 && git bisect reset'
