# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What fails on purpose: each says so in the program's own words, and the reason, with what to do
# instead, is where SBX_DENIALS says.
outside="run such git commands once outside"
refused "git config in the project" "could not write config file" "$outside" git config alias.st status
refused "git remote add in the project" "could not write config file" "$outside" git remote add up https://localhost:8443/git/lib.git
refused "git push -u in the project" "could not write config file" "$outside" \
	sh -c 'git push -qu https://localhost:8443/git/own.git main && git rev-parse "@{u}"'
did "but it has pushed" git ls-remote --exit-code https://localhost:8443/git/own.git main
refused "git submodule add in the project" "Permission denied" "$outside" git submodule add https://localhost:8443/git/part.git part
rm -rf part
refused "a hook of the project" "Permission denied" "$outside" sh -c 'echo x >.git/hooks/pre-commit'
refused "a key" "Permission denied" "credentials stay outside (SSH keys)" cat ~/.ssh/id_ed25519
refused ".env" "Permission denied" "credentials stay outside (.env files" cat .env
refused "sudo" "no new privileges" "" sudo -n true
refused "docker's socket" "onnect" "containers and virtual machines are started outside" \
	curl -sS --max-time 5 --unix-socket /run/docker.sock http://docker/containers/json
