#!/bin/bash
# SPDX-License-Identifier: MIT
# Is each hook needed? Leaves out one after the other (build/mutant/sbx-bpf, see user/kern/load.c)
# and runs the kernel tests that are most likely to notice, until one does.
#
#   make mutate HOOKS="file_open task_kill" KERNEL=6.12      T=tasks: with this test alone
#
# Ends with status 1 where a hook was missed by nobody.
set -u
here=$(cd "$(dirname "$0")" && pwd)
export SBX="$here/../../build/mutant/sbx-bpf"

all_hooks() {
	grep -hoE 'SEC\("[?]?(lsm|tp_btf|fentry|fexit)/[a-z0-9_]+' "$here"/../../bpf/*.c |
		sed 's|^SEC("[?]*||; s|^lsm/||' | sort -u
	# those that macros make: SBX_FORBID_HOOK(sb_mount, …
	grep -hoE '^SBX_[A-Z]+_HOOK\([a-z_]+' "$here"/../../bpf/*.c | sed 's|.*(||' | sort -u
	printf '%s\n' shm_shmctl msg_queue_msgctl sem_semctl
}

tests_of() { # HOOK: the likeliest first
	case $1 in
	file_* | path_* | inode_* | mmap_file | bprm_*) echo files attacks tasks escape ;;
	socket_* | unix_* | sctp_*) echo net attacks tasks escape ;;
	tp_btf/* | fentry/* | task_alloc) echo labels tasks ;;
	sb_delete | fexit/*) echo names cache ;;
	*) echo tasks attacks files escape ;;
	esac
}

missed=0 n=0
hooks=("$@")
[ $# -gt 0 ] || mapfile -t hooks < <(all_hooks)
for hook in "${hooks[@]}"; do
	n=$((n + 1))
	by=''
	for t in ${T:-$(tests_of "$hook")}; do
		"$here/../../build/sbx-bpf" detach --all >/dev/null 2>&1
		rm -f /dev/mqueue/sbx-*
		if ! T=$t SBX_LEAVE_OUT=$hook "$here/all.sh" >/tmp/mutant.log 2>&1; then
			by=$t
			break
		fi
	done
	if [ -n "$by" ]; then
		echo "ok $hook is missed by test_$by ($(grep -m1 '^not ok' /tmp/mutant.log))"
	else
		echo "not ok nobody misses $hook"
		missed=$((missed + 1))
	fi
done
echo "$((n - missed)) passed, $missed failed, 0 skipped"
[ "$missed" -eq 0 ]
