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

# All but those whose absence nothing can show: without the first two the loader keeps no directories
# (start_cache), and a cgroup without a mark is looked at when somebody enters it (label.bpf.c).
spared='fexit/__d_move|inode_free_security|tp_btf/cgroup_mkdir'
all_hooks() {
	readelf -SW "$here/../../build/sbx.bpf.o" | grep -oE ' [?]?(lsm|tp_btf|fentry|fexit)/[a-z0-9_]+' |
		sed 's|^ [?]*||; s|^lsm/||' | sort -u | grep -vxE "$spared"
}

tests_of() { # HOOK: the likeliest first
	case $1 in
	inode_create | inode_unlink) echo attacks tasks ;; # queues
	inode_free_security | sb_delete | fexit/*) echo names cache ;;
	file_fcntl) echo held tasks ;;
	file_ioctl*) echo tty tasks files ;;
	file_* | path_* | inode_* | mmap_file | bprm_*) echo files hazards attacks escape ;;
	socket_* | unix_*) echo net unix attacks escape ;;
	tp_btf/* | fentry/* | task_alloc) echo labels attacks ;;
	shm_* | msg_* | sem_* | ipc_* | key_* | kernel_module_request) echo tasks held ;;
	*) echo attacks held tasks escape ;;
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
