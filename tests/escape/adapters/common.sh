# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the adapters share. An adapter is called in two ways:
#
#   NAME describe    prints "version: …", "settings: …" and, where there is no setting for something,
#                    "lacks: …" (words of sbx-escape --list --markdown); fails where it cannot run
#   NAME run CMD…    runs CMD in the sandbox, as $ESC_UID
#
# $ESC_DIR/project may be read, written and executed but for what deny_write, deny_new and deny_all say;
# $ESC_DIR/shared may be read, and nothing in it executed; programs of the system may be executed; of
# the rest of $ESC_DIR nothing may be had. Where a sandbox knows patterns, deny_write and deny_file have some
# instead of what they name in deploy and release: see sbx-bpf. The peers 127.0.0.1 and ::1 at $ESC_TCP4,
# $ESC_TCP6, $ESC_UDP4, $ESC_UDP6 may be reached, and the unix sockets in the project.
set -eu
project=$ESC_DIR/project
# shellcheck disable=SC2034 # the adapters use them
deny_write=("$project/.git/hooks" "$project/.git/config" "$project/release/eu/web/a-prod/run.sh")
# shellcheck disable=SC2034
deny_file=("$project/.env" "$project/deploy/eu/web/a-prod/secret.key")
# shellcheck disable=SC2034
deny_new=$project/.mcp.json # which is not there yet
# shellcheck disable=SC2034
deny_all=("${deny_file[@]}" "$ESC_DIR/outside" "$ESC_DIR/home")

# as_user CMD…: without capabilities where the user has none.
as_user() {
	if [ "$(id -u)" = "$ESC_UID" ]; then
		exec "$@"
	else
		exec setpriv --reuid "$ESC_UID" --regid "$ESC_GID" --clear-groups --inh-caps=-all "$@"
	fi
}

fail() {
	echo "$*"
	exit 1
}
