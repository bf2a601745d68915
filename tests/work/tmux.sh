# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Under `terminals`: windows of a tmux that was started inside.
did "tmux: a session" tmux -f /dev/null new-session -d -x 80 -y 24 'bash --norc'
did "a second window" tmux new-window -d 'bash --norc'
tmux send-keys -t 0 'echo $((6 * 7)) >answer; tty' Enter
did "what is typed is done" until_it grep -qx 42 answer
did "what it shows" until_it sh -c 'tmux capture-pane -p -t 0 | grep -q /dev/pts/'
did "its end" tmux kill-server
