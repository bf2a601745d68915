#!/bin/bash
# SPDX-License-Identifier: MIT
# The escape suite (tests/escape) against sbx-bpf: as root and as a user, and in audit mode. What
# escapes without a sandbox must be held in one; what a sandbox allows must work.
. "$(dirname "$0")/lib.sh"
E=$ROOT/tests/escape
export SBX

prepare_suite
keep_loaded

try() { # NAME ADAPTER USER ARGUMENT...
	local name=$1 adapter=$2 user=$3 rc start=$SECONDS
	shift 3
	"$ROOT/build/sbx-escape" --quiet --dir "$W/ext4" --user "$user" --race-ms "${RACE_MS:-100}" \
		--json "$W/$name.json" --log "$W/$name.log" "$@" "$E/adapters/$adapter" >"$W/$name.out" 2>&1
	rc=$?
	echo "# $name: $((SECONDS - start)) s"
	[ $rc -lt 2 ] && return
	not_ok "$name ended with status $rc"
	tail -n 5 "$W/$name.out" "$W/$name.log" | sed 's/^/  | /'
}

compare() { # NAME ARGUMENT...
	local name=$1
	shift
	"$E/compare.py" "$@" | sed "s|^ok|ok $name:|; s|^not ok|not ok $name:|"
}

# `make escape` runs all of the matrix. Whoever asks, names are the same: fewer are enough once more.
declare -A thin=([root]=4 [nobody]=8)
for user in root nobody; do
	try "none.$user" none $user --thin "${thin[$user]}"
	ESC_EVENTS=$W/$user.events try "held.$user" sbx-bpf $user --thin "${thin[$user]}"
	# Faults of the kernel's own are for whoever has CAP_SYS_PTRACE, which the adapter's policy gives.
	compare "escape/$user" hold "$W/none.$user.json" "$W/held.$user.json" --open kernel/userfaultfd
done
for user in root nobody; do
	ESC_EVENTS=$W/audit.$user.events try "audit.$user" sbx-bpf $user --audit --thin "${thin[$user]}" --no-twins
	# `run` gives a session keyring of its own, without the user's keys in it, in audit mode too.
	compare "escape/audit/$user" audit "$W/none.$user.json" "$W/audit.$user.json" --but ipc/key-read \
		--but ipc/key-search --but ipc/key-request
	compare "escape/audit/$user" reported "$W/$user.events" "$W/audit.$user.events"
done

# The command that does it on a user's machine, with a policy that is not the suite's own.
check "selftest: ai-agent holds" "$SBX" selftest --user nobody --policy ai-agent \
	--case descriptors,renames,metadata,unix,delayed
policy "$W/keeper.yaml" </dev/null
sed 's/^files:/files:\n  - allow: [read]\n    path: "\/**"/' "$W/keeper.yaml" >"$W/loose.yaml"
status "selftest: a policy that opens too much does not" 1 "$SBX" selftest --user nobody --policy "$W/loose.yaml" \
	--case direct,renames
umount "$W/ext4"
unload escape
