#!/bin/bash
# SPDX-License-Identifier: MIT
# Is each hook needed? Takes off one after the other (unhook.c) and attacks a sandbox: by the families of
# the escape suite that are likeliest to lead somewhere; where they do not, by the kernel tests; then by
# all of the suite as root and as a user.
#
#   make mutate HOOKS="file_open task_kill" KERNEL=6.12      T=tasks: with this test alone
#
# Ends with status 1 where a hook was missed by nobody.
. "$(dirname "$0")/lib.sh"
PINS=/sys/fs/bpf/sbx-bpf

# "HOOK PROGRAM" lines, as the programs are compiled.
programs() {
	readelf -sSW "$ROOT/build/sbx.bpf.o" 2>/dev/null | awk '
		/^ *\[ *[0-9]+\]/ { sub(/^ *\[ */, ""); sub(/\]/, ""); section[$1] = $2 }
		$4 == "FUNC" && $5 == "GLOBAL" && section[$7] ~ /^[?]?(lsm|tp_btf|fentry|fexit)\// {
			hook = section[$7]
			sub(/^[?]/, "", hook)
			sub(/^lsm\//, "", hook)
			print hook, $8
		}' | sort
}

# Nothing can show the absence of these (label.bpf.c): a cgroup without a mark is looked at when
# somebody enters it; and a task would have to act in the few instructions between its move and the
# tracepoint behind it. They are tried when they are named.
spared='tp_btf/cgroup_mkdir fentry/cgroup_attach_task'

families_of() { # HOOK: of the escape suite, the likeliest
	case $1 in
	bprm_* | mmap_file | file_mprotect) echo exec ;;
	file_ioctl*) echo terminals,metadata ;;
	file_receive) echo descriptors ;;
	file_fcntl) echo processes,descriptors ;;
	file_open) echo delayed,renames ;;
	path_rename | path_link) echo renames,delayed ;;
	path_notify) echo kernel,metadata ;;
	sb_* | move_mount | userns_create | path_chroot) echo mounts ;;
	inode_create | inode_unlink) echo ipc ;; # queues
	path_* | inode_*) echo metadata,aliases ;;
	unix_*) echo unix,asking ;;
	socket_*) echo sockets,dns ;;
	msg_* | sem_* | shm_* | ipc_* | key_*) echo ipc ;;
	uring_*) echo uring ;;
	tp_btf/* | fentry/* | task_alloc) echo cgroups,self ;;
	task_* | ptrace_*) echo processes ;;
	fexit/*) echo races,renames ;;
	*) echo kernel,proc ;;
	esac
}

scripts_of() { # HOOK: kernel tests, the likeliest first
	case $1 in
	inode_create | inode_unlink) echo attacks tasks ;; # queues
	inode_free_security | sb_delete | fexit/*) echo names cache ;;
	bprm_creds_from_file | path_chroot) echo attacks tasks ;;
	file_fcntl | ptrace_traceme | shm_free_* | msg_queue_free_* | sem_free_*) echo held tasks ;;
	file_ioctl*) echo tty tasks files ;;
	file_* | path_* | inode_* | mmap_file | bprm_*) echo files hazards attacks ;;
	socket_* | unix_*) echo net unix attacks ;;
	tp_btf/* | fentry/* | task_alloc) echo labels attacks ;;
	shm_* | msg_* | sem_* | ipc_* | key_* | kernel_module_request) echo tasks held ;;
	*) echo attacks held tasks self ;;
	esac
}

# suite USER CASES: does the escape suite find nothing? (What it is not to find: see test_escape.sh.)
suite() {
	"$ROOT/build/sbx-escape" --dir "$W/ext4" --user "$1" --race-ms 100 --thin 4 --case "$2!userfaultfd" \
		--log "$W/log" "$ROOT/tests/escape/adapters/sbx-bpf" >"$W/out" 2>&1
}

found() {
	[ $? -eq 1 ] && grep -m1 -E '^(escaped|open|broken|crashed|timeout)' "$W/out"
}

# attack HOOK BY: it is off now. Which attack leads somewhere?
attack() {
	local t
	case $2 in
	families) suite root "$(families_of "$1"),"; found ;;
	suite)
		suite root '!races,'
		found && return
		suite nobody '!races,'
		found
		;;
	scripts)
		for t in ${T:-$(scripts_of "$1")}; do
			T=$t "$ROOT/tests/kernel/all.sh" >"$W/out" 2>&1 ||
				{ echo "test_$t: $(grep -m1 '^not ok' "$W/out")"; return 0; }
			rm -f /dev/mqueue/sbx-*
		done
		return 1
		;;
	esac
}

if [ "${1:-}" = --attack ]; then # what unhook runs
	W=$MUTATE_W
	attack "$2" "$3"
	exit
fi

prepare_suite
export SBX MUTATE_W=$W
wanted=" $* "
keep_loaded
for user in root nobody; do
	suite $user '!races,' && continue
	not_ok "the suite finds something although no hook is missing"
	cat "$W/out"
	exit 1
done

# The quick ways for all hooks first, then the others for those that are left.
hooks=()
passed=0
for hook in $(programs | cut -d' ' -f1 | uniq); do
	if [ $# -eq 0 ]; then
		[[ " $spared " == *" $hook "* ]] || hooks+=("$hook")
	elif [[ $wanted == *" $hook "* ]]; then
		hooks+=("$hook")
	fi
done
steps='families scripts suite'
[ -z "${T:-}" ] || steps=scripts
for by in $steps; do
	left=()
	for hook in "${hooks[@]}"; do
		others | grep -qx keeper || keep_loaded
		pins=() start=$SECONDS
		for program in $(programs | sed -n "s|^$hook ||p"); do
			for pin in "$PINS"/v*/link_"$program"; do [ ! -e "$pin" ] || pins+=("$pin"); done
		done
		if [ ${#pins[@]} -eq 0 ]; then
			skip "$hook: this kernel has it not"
		elif what=$("$ROOT/build/kernel/unhook" "${pins[@]}" -- bash "$0" --attack "$hook" $by); then
			ok "$hook is missed ($((SECONDS - start)) s): $what"
			passed=$((passed + 1))
		else
			left+=("$hook")
		fi
	done
	hooks=("${left[@]}")
done
for hook in "${hooks[@]}"; do not_ok "nobody misses $hook"; done
echo "$passed passed, ${#hooks[@]} failed, 0 skipped"
[ ${#hooks[@]} -eq 0 ] && [ $passed -gt 0 ]
