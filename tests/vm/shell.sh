#!/bin/bash
# SPDX-License-Identifier: MIT
# A root shell under one of Debian's kernels, in the directory it is called from, with the built
# tree in sight: shell.sh [--kernel 6.1|6.12|newest] [OPTIONS OF run.sh]
#
# "exit" ends the machine; Ctrl-] x ends one that hangs. Changes to files go when it ends.
set -eu
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=lib.sh
. "$here/lib.sh"

kernel=6.12 options=()
while [ $# -gt 0 ]; do
	case "$1" in
	--kernel)
		kernel=${2:?--kernel needs a name}
		shift 2
		;;
	*) options+=("$1"); shift ;;
	esac
done
kernel_known "$kernel"
kernel_cached "$kernel" || "$here/kernels.sh" fetch "$kernel"
build=$(readlink -f "$here/../../build")
say "booting $kernel; 'exit' ends it, Ctrl-] x if it hangs"
exec "$here/run.sh" --kernel "$kernel" --tty --net --allow-warnings --timeout 604800 "${options[@]}" -- \
	env "PATH=$build:$PATH" "PS1=$kernel:\\w\\\$ " /bin/bash --norc -i
