# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Under `ssh-client`: the agent outside signs, the key stays where it is.
ssh="ssh -o BatchMode=yes -p 2222 127.0.0.1"
did "the agent lists its key" ssh-add -l
did "ssh with the agent" sh -c "test \"\$($ssh echo works)\" = works"
did "scp" scp -q -O -o BatchMode=yes -P 2222 README 127.0.0.1:copy
did "git over ssh" git clone -q "ssh://127.0.0.1:2222$PWD" by-ssh
