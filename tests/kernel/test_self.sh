#!/bin/bash
# SPDX-License-Identifier: MIT
# sbx-bpf against what it binds: root inside with every capability, and a user for whom all modes are
# open. Its objects in the kernel, their pins, the cgroups of sandboxes, its files, sbx-bpfd. In audit
# mode all of it happens and is reported: hence to what is there for this alone. Outside it works.
. "$(dirname "$0")/lib.sh"
B=$CG/sbx-test-beside
N=$CG/sbx-test-names
E=$CG/sbx-test-empty

mkdir -p "$W/ok" "$B" "$N"
# Everything is open, as far as rules can open it, but cgroups: a rule that opens those does.
cat >"$W/ok/policy.yaml" <<-END
	version: 1
	name: self
	files:
	  - allow: [read, write, exec]
	    path: "/**"
	  - deny: [write]
	    path: "$CG/**"
	  - deny: [read]
	    path: "$W/secret"
	unix:
	  - allow: [connect]
	    path: "/**"
END
all_capabilities >>"$W/ok/policy.yaml"
policy "$W/names.yaml" <<-END
	network:
	  - allow: [connect]
	    to: "name.example.net:443"
END
echo secret >"$W/secret"
echo open >"$W/ok/file"
chmod -R a+rwX "$W/ok"
chmod a+r "$W/secret"
sysctl -q -w kernel.unprivileged_bpf_disabled=0
keep_loaded
pins=$(echo /sys/fs/bpf/sbx-bpf/v*)
check "self: attach beside it" "$SBX" attach --cgroup "$B" --policy "$W/names.yaml" --name beside
check "self: attach with names" "$SBX" attach --cgroup "$N" --policy "$W/names.yaml" --name names
bpfd=$(pgrep -x sbx-bpfd) || not_ok "self: sbx-bpfd does not run"
(
	echo $BASHPID >"$B/cgroup.procs"
	exec sleep 600
) &
sleeper=$!
run_dir=/run/sbx-bpf

# What may break: pins, files and a cgroup that nothing needs, anew for each run, all of the user's.
spares() { # USER
	rm -rf "$pins"/spare* "$run_dir"/spare*
	mkdir -p "$pins/spare" "$pins/spare-rmdir"
	for n in unlink rename link mode; do
		bpftool map create "$pins/spare-$n" type array key 4 value 4 entries 1 name spare
		touch "$run_dir/spare-$n"
	done
	mkdir "$run_dir/spare-rmdir"
	[ -d "$E" ] || mkdir "$E"
	"$SBX" detach --name empty >/dev/null 2>&1 # it has no cgroup any more
	"$SBX" attach --cgroup "$E" --policy "$W/names.yaml" --name empty >/dev/null 2>"$W/err" ||
		not_ok "self: attach to an empty cgroup: $(cat "$W/err")"
	rmdir "$CG/sbx-x" "$B/below" 2>/dev/null
	chmod 777 /sys/fs/bpf{,/sbx-bpf} "$pins" "$run_dir" "$CG" "$B"
	chmod 666 "$pins"/[!s]* "$pins"/s[!p]* "$run_dir"/{lock,bpfd.lock,bpfd.sock} "$CG"/cgroup.{procs,subtree_control} \
		"$B"/cgroup.{procs,threads,kill,freeze,subtree_control}
	chown "$1" "$pins"/spare* "$run_dir"/spare* "$E"
}
tidy() {
	rm -rf "$pins"/spare* "$run_dir"/spare*
	chmod 755 "$CG" "$B"
	chmod 600 "$pins"/* "$run_dir"/{lock,bpfd.lock,bpfd.sock}
	chmod 700 "$pins" /sys/fs/bpf{/sbx-bpf,} "$run_dir"
}

# --- files: pins, cgroups, what lies in /run, the policy ---
cat >"$W/files" <<-END
	EPERM|EACCES bpf-get $pins/sbx_slots
	EPERM|EACCES bpf-get $pins/link_sbx_file_open
	EACCES list /sys/fs/bpf
	EACCES list $pins
	EACCES unlink $pins/spare-unlink
	EACCES rename $pins/spare-rename $pins/spare-renamed
	EACCES|EXDEV link $pins/spare-link $pins/spare-linked
	EACCES symlink nowhere $pins/spare-symlink
	EACCES mkdir $pins/spare/x
	EACCES rmdir $pins/spare-rmdir
	EACCES chmod $pins/spare-mode
	EACCES chown $pins/spare-mode
	EACCES write $B/cgroup.procs
	EACCES write $B/cgroup.threads
	EACCES write $B/cgroup.kill
	EACCES write $B/cgroup.freeze
	EACCES write $B/cgroup.subtree_control
	EACCES write $CG/cgroup.procs
	EACCES write $CG/cgroup.subtree_control
	EACCES mkdir $CG/sbx-x
	EACCES mkdir $B/below
	EACCES rmdir $E
	EACCES list $run_dir
	EACCES read $run_dir/lock
	EACCES write $run_dir/bpfd.lock
	EACCES unlink $run_dir/spare-unlink
	EACCES rename $run_dir/spare-rename $run_dir/spare-renamed
	EACCES|EXDEV link $run_dir/spare-link $run_dir/spare-linked
	EACCES create $run_dir/spare-new
	EACCES rmdir $run_dir/spare-rmdir
	EACCES chmod $run_dir/spare-mode
	EACCES chown $run_dir/spare-mode
	EACCES unix-connect seq $run_dir/bpfd.sock
	EACCES write $W/ok/policy.yaml
	ok read $W/ok/file
	ok write $W/ok/file
	ok list $CG
	ok read $B/cgroup.procs
END
# What only root can try.
cat >"$W/roots" <<-END
	EPERM bpf-by-id prog
	EPERM bpf-by-id map
	EPERM bpf-by-id link
	EPERM mount /sys/fs/bpf
	EPERM|EINVAL lazy-umount /sys/fs/bpf
END
{
	for act in kill tgkill pidfd-kill pidfd-getfd ptrace vmread vmwrite kcmp prlimit setprio affinity scheduler ioprio; do
		echo "EPERM $act $bpfd"
	done
	for fd in /proc/"$bpfd"/fd/*; do echo "EPERM pidfd-getfd-of $bpfd ${fd##*/}"; done
	cat <<-END
		EPERM|EACCES process-madvise $bpfd
		EPERM setown $bpfd
		EACCES list /proc/$bpfd/fd
		EACCES list /proc/$bpfd/task
		EACCES read /proc/$bpfd/environ
		EACCES read /proc/$bpfd/maps
		EACCES rdwr /proc/$bpfd/mem
		EACCES write /proc/$bpfd/oom_score_adj
		EPERM kill $sleeper
		EPERM ptrace $sleeper
	END
} >>"$W/roots"
lines() { # USER
	cat "$W/files"
	[ "$1" != root ] || cat "$W/roots"
}
for user in root nobody; do
	spares $user
	inside self "$W/ok/policy.yaml" $user < <(lines $user)
	audited self "$W/ok/policy.yaml" $user
	spares $user
	as=(env)
	[ $user = root ] || as=("${AS_USER[@]}")
	lines $user | sed 's/^E[A-Z|]*/!EPERM|EACCES|EXDEV/' | outside self/$user "${as[@]}"
done
spares root
# What cannot be had back is tried where it is denied: the real ones.
cat >"$W/real" <<-END
	EACCES unlink $pins/link_sbx_file_open
	EACCES rename $pins/ready $pins/x
	EACCES rename $pins/spare-rename $pins/ready
	EACCES chmod $pins/ready
	EACCES chown $pins/ready
	EACCES rmdir $pins
	EACCES rmdir $CG/sbx-test-keeper
	EACCES unlink $run_dir/lock
	EACCES unlink $run_dir/bpfd.lock
	EACCES unlink $run_dir/bpfd.sock
	EACCES rename $run_dir/bpfd.sock $run_dir/x
	EACCES chmod $run_dir/bpfd.sock
	EACCES unlink $W/ok/policy.yaml
	EACCES|EXDEV rename $W/ok/policy.yaml $W/ok/other.yaml
	EACCES|EXDEV rename $W/ok/file $W/ok/policy.yaml
END
for user in root nobody; do inside self/real "$W/ok/policy.yaml" $user <"$W/real"; done
tidy

# --- it is all there, and the administrator's ---
status "self: it still binds" 1 "$SBX" run --policy "$W/ok/policy.yaml" --user root -- cat "$W/secret"
check "self: the pins are all there" test -e "$pins/link_sbx_file_open" -a -e "$pins/ready"
check "self: the sleeper lives, and is bound" sh -c "kill -0 $sleeper && grep -q sbx-test-beside /proc/$sleeper/cgroup"
check "self: the daemon is the same" test "$(pgrep -x sbx-bpfd)" = "$bpfd"
check "self: and answers the administrator" "$SBX" update --name names --policy "$W/names.yaml"
check "self: who can end it" sh -c "kill $bpfd && for i in \$(seq 100); do [ -e /proc/$bpfd ] || exit 0; sleep 0.1; done; exit 1"
check "self: and start it again" "$SBX" update --name names --policy "$W/names.yaml"
kill "$sleeper" && wait "$sleeper" 2>/dev/null
for name in beside names empty; do check "self: detach $name" "$SBX" detach --name $name; done
pkill -x sbx-bpfd
rmdir "$B" "$N" "$E"
unload self
rm -rf "$W"
