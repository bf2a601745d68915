#!/bin/bash
# SPDX-License-Identifier: MIT
# Files: each denial beside its allowed twin, as root and as a user.
. "$(dirname "$0")/lib.sh"

fresh() { # the tree that every run starts with
	rm -rf "$W/t"
	mkdir -p "$W"/t/{ok/.git/hooks,ok/dir/sub,ok/secret,ro/dir,ro/empty,out/dir,bin,drop,wx}
	for f in ok/a ok/b ok/.env ok/.env.example ok/.git/config ok/.git/hooks/pre ok/secret/key \
		ro/a ro/u ro/v ro/dir/b out/a out/dir/a ok/dir/sub/a drop/x; do
		echo "$f" >"$W/t/$f"
	done
	cp /bin/true "$W/t/bin/true"
	cp /bin/true "$W/t/drop/true"
	cp /bin/true "$W/t/ok/true"
	cp /bin/true "$W/t/wx/true"
	for i in bin ok; do
		printf '#!%s\n' "$W/t/bin/true" >"$W/t/$i/script"
		printf '#!%s\n' "$W/t/drop/true" >"$W/t/$i/script-denied"
	done
	ln -s ../out/a "$W/t/ok/link-out"
	ln -s ../ro/a "$W/t/ok/link-ro"
	ln "$W/t/out/a" "$W/t/ok/hard"
	chmod -R a+rwX "$W/t"
	chmod 755 "$W"/t/{bin,drop,ok,wx}/true "$W"/t/{bin,ok}/script*
	echo x >"$W/t/ok/locked"
	chown nobody "$W/t/ok/locked"
	chmod 0 "$W/t/ok/locked"
}

policy "$W/files.yaml" <<EOF
  - allow: [read, write]
    path: "$W/t/ok/**"
  - deny: [write]
    path: ["$W/t/ok/.git", "$W/t/ok/.git/hooks/**", "$W/t/ok/.git/config"]
    reason: "hooks would run outside"
  - protect: [read, write]
    path: ["/**/.env", "/**/.env.*", "$W/t/ok/secret/**"]
    except: ["/**/.env.example"]
  - allow: [read]
    path: ["$W/t", "$W/t/ro/**"]
  - allow: [read, exec]
    path: "$W/t/bin/*"
  - allow: [write]
    path: "$W/t/drop/*"
  - allow: [read, write]
    path: ["$W/t/out/one", "$W/t/out/one.*"]
  - allow: [read, write, exec]
    path: "$W/t/wx/**"
capabilities: []
EOF

# For `audited`: what a user may not do with files of root's, whoever asks, and with his own of mode 0.
as_kernel() { # USER
	[ "$1" = root ] || sed -i -E 's/^E[A-Z|]* (f?chmod|f?chown|utimes|setflags|by-handle)/!ok \1/
		s/^E[A-Z|]* (.*locked)$/!ok \1/' "$W/script"
}

keep_loaded
for user in root nobody; do
	fresh
	inside files "$W/files.yaml" $user <<-EOF
		ok read $W/t/ok/a
		EACCES read $W/t/out/a
		ok rdwr $W/t/ok/a
		EACCES write $W/t/ro/a
		EACCES rdwr $W/t/ro/a
		ok read $W/t/ro/a
		ok write $W/t/drop/x
		EACCES read $W/t/drop/x
		ok list $W/t/ok
		EACCES list $W/t/out
		ok stat $W/t/out/a
		ok chdir $W/t/out
		EACCES read $W/t/ok/link-out
		ok read $W/t/ok/link-ro
		EACCES write $W/t/ok/link-ro
		EACCES read $W/t/ok/../out/a
		ok read $W/t/out/../ok/a
		EACCES through-root $W/t/out/a
		ok through-root $W/t/ok/a
		EACCES opath-reopen $W/t/out/a
		ok opath-reopen $W/t/ok/a
		ok read $W/t/ok/hard
		EACCES trunc $W/t/ro/a
		ok trunc $W/t/ok/b
		EACCES truncate $W/t/ro/a
		ok truncate $W/t/ok/b
		EACCES create $W/t/ro/new
		ENOENT stat $W/t/ro/new
		ok create $W/t/ok/new
		ok create $W/t/out/one.new
		ok rename $W/t/out/one.new $W/t/out/one
		ok unlink $W/t/out/one
		ok symlink x $W/t/out/one
		EACCES create $W/t/out/new
		ENOENT stat $W/t/out/new
		EACCES unlink $W/t/ro/u
		ok unlink $W/t/ok/new
		EACCES mkdir $W/t/ro/d
		ok mkdir $W/t/ok/d
		EACCES rmdir $W/t/ro/empty
		ok rmdir $W/t/ok/d
		EACCES mkfifo $W/t/ro/f
		ok mkfifo $W/t/ok/f
		EACCES symlink x $W/t/ro/l
		ok symlink x $W/t/ok/l
		EACCES chmod $W/t/ro/a
		ok mkdir $W/t/ok/mine
		ok chmod $W/t/ok/mine
		EACCES|EPERM chown $W/t/ro/a
		EACCES|EPERM utimes $W/t/ro/a
		ok utimes $W/t/ok/mine
		EACCES setxattr $W/t/ro/a
		EACCES listxattr $W/t/out/a
		ok listxattr $W/t/ok/a
		EACCES tmpfile $W/t/ro
		ok tmpfile $W/t/ok
		ok tmpfile-link $W/t/ok $W/t/ok/from-tmp
		EACCES|EXDEV|EPERM tmpfile-link $W/t/ok $W/t/ro/from-tmp
		EACCES|EPERM by-handle $W/t/out/a $W/t
		EACCES read $W/t/ok/.env
		ok read $W/t/ok/.env.example
		EACCES create $W/t/ok/dir/.env.local
		EACCES read $W/t/ok/secret/key
		ok read $W/t/ok/.git/config
		EACCES write $W/t/ok/.git/config
		EACCES create $W/t/ok/.git/hooks/post
		EACCES unlink $W/t/ok/.git/hooks/pre
		ok create $W/t/ok/.git/index
		ok exec $W/t/bin/true
		EACCES exec $W/t/drop/true
		EACCES exec $W/t/ok/true
		EACCES mmap-exec $W/t/ok/true
		EACCES mprotect-exec $W/t/ok/true
		ok mmap-exec $W/t/bin/true
		ok mprotect-exec $W/t/bin/true
		ok exec $W/t/bin/script
		EACCES exec $W/t/bin/script-denied
		EACCES exec $W/t/ok/script
		ok exec-through-ld $W/t/bin/true
		EACCES exec-through-ld $W/t/ok/true
		EACCES exec-unlinked $W/t/wx/true
		EACCES|EPERM fchmod $W/t/ro/a
		EACCES|EPERM fchown $W/t/ro/a
		EACCES|EPERM futimens $W/t/ro/a
		EACCES|EPERM fsetxattr $W/t/ro/a
		EACCES|EPERM removexattr $W/t/ro/a
		EACCES reopen-write $W/t/ro/a
		ok reopen-write $W/t/ok/a
		ok reopen-unlinked $W/t/ok/gone
		ok truncate-write $W/t/ok/a
		EACCES|EPERM setflags $W/t/ro/a
		EACCES inotify $W/t/out
		EACCES inotify $W/t/out/a
		ok inotify $W/t/ok
		EACCES uring-read here $W/t/out/a
		EACCES uring-read worker $W/t/out/a
		ok uring-read here $W/t/ok/a
		ok uring-read worker $W/t/ok/a
		EACCES uring-write worker $W/t/ro/a
		EACCES uring-unlink here $W/t/ro/u
		EACCES uring-unlink worker $W/t/ro/v
		EACCES uring-mkdir worker $W/t/ro/um
		ok uring-mkdir worker $W/t/ok/um
		EACCES uring-rename worker $W/t/ro/a $W/t/ok/um/a
		ok uring-rename worker $W/t/ok/um $W/t/ok/um2
		EACCES|EXDEV|EPERM uring-link worker $W/t/out/dir/a $W/t/ok/ul
		EACCES uring-symlink worker x $W/t/ro/us
		EACCES uring-setxattr worker $W/t/ro/dir/b
		EACCES uring-anew-setxattr $W/t/ro/dir/b
		EACCES read $W/t/ok/locked
		EACCES uring-anew-read $W/t/ok/locked
		ok uring-anew-read $W/t/ok/a
	EOF
	fresh
	as_kernel $user
	audited files "$W/files.yaml" $user
done

# Links and renames widen nothing and hollow out no denial.
fresh_moves() {
	fresh
	mkdir -p "$W/t/ok/g/hooks" "$W/t/ok/empty" "$W/t/ok/plain/x"
	echo x >"$W/t/ok/g/hooks/pre"
	for f in 1 2 3 4 5 6; do
		echo $f >"$W/t/ok/m$f"
		echo $f >"$W/t/ro/m$f"
		echo $f >"$W/t/out/m$f"
	done
	chmod -R a+rwX "$W/t"
}
for user in root nobody; do
	fresh_moves
	inside moves "$W/files.yaml" $user <<-EOF
		ok rename $W/t/ok/a $W/t/ok/a2
		ok rename $W/t/ok/a2 $W/t/ok/dir/a
		ok rename $W/t/ok/plain $W/t/ok/plain2
		ok rename $W/t/ok/plain2 $W/t/ok/dir/plain
		EACCES rename $W/t/ro/m1 $W/t/ok/stolen1
		EACCES rename $W/t/out/m1 $W/t/ok/stolen2
		EACCES rename $W/t/ok/m1 $W/t/ro/new1
		EACCES|EXDEV link $W/t/out/a $W/t/ok/stolen3
		EACCES|EXDEV|EPERM link $W/t/ro/a $W/t/ok/stolen4
		EACCES rename $W/t/ok/m2 $W/t/ok/.env.local
		EACCES exchange $W/t/ok/m3 $W/t/ro/m3
		EACCES exchange $W/t/ro/m4 $W/t/ok/m4
		EACCES rename $W/t/ok/.env $W/t/ok/plainenv
		EACCES|EXDEV link $W/t/ok/secret/key $W/t/ok/key
		EACCES|EXDEV exchange $W/t/ok/g $W/t/ok/.git
		EACCES|EXDEV rename $W/t/ok/.git $W/t/ok/moved
		EACCES|EXDEV rename $W/t/ok/g $W/t/ok/.git
		ok create $W/t/ok/own
		ok link $W/t/ok/own $W/t/ok/own2
		ok exchange $W/t/ok/own $W/t/ok/own2
		EACCES|EXDEV link $W/t/ok/b $W/t/bin/evil
		EACCES|EXDEV rename $W/t/ok/true $W/t/bin/evil2
		EACCES|EXDEV rename $W/t/ok/script $W/t/wx/evil
		EACCES|EXDEV link $W/t/ok/m5 $W/t/wx/evil2
		ok rename $W/t/ok/m6 $W/t/ok/empty/m6
		EACCES|EXDEV rename $W/t/ok/secret $W/t/ok/open
	EOF
	fresh_moves
	audited moves "$W/files.yaml" $user
done
fresh_moves
rm -rf "$W/t/ok/.git"
inside moves-nogit "$W/files.yaml" root <<-EOF
	EACCES|EXDEV mkdir $W/t/ok/.git
	EACCES|EXDEV symlink /tmp $W/t/ok/.git
	EACCES|EXDEV create $W/t/ok/.git
	EACCES|EXDEV rename $W/t/ok/g $W/t/ok/.git
EOF

# What is denied may lie far below the directory that is moved, and have a pattern's name.
for far in 'b/x*/s*' '*/x*/s*' '{b,c}*/*/s1' 'b/*1/s1'; do
	rm -rf "$W/t"
	mkdir -p "$W"/t/{far,near}/b/x1
	echo x | tee "$W"/t/{far,near}/b/x1/s1 >/dev/null
	policy "$W/far.yaml" <<-EOF
		  - allow: [read, write]
		    path: "$W/t/**"
		  - deny: [read]
		    path: "$W/t/far/$far"
	EOF
	inside "moves-$far" "$W/far.yaml" root <<-EOF
		EACCES read $W/t/far/b/x1/s1
		EACCES|EXDEV rename $W/t/far $W/t/far2
		EACCES|EXDEV rename $W/t/far/b $W/t/near/b2
		EACCES|EXDEV exchange $W/t/far $W/t/near
		ok rename $W/t/near $W/t/near2
		ok read $W/t/near2/b/x1/s1
	EOF
done

# Every name in the directory stands above something denied, and no rule tells one from the other: any
# of them may be a directory, none a symlink. In app, most can be neither.
policy "$W/any.yaml" <<-EOF
	  - allow: [read, write]
	    path: "$W/t/**"
	  - deny: [write]
	    path: "$W/t/app/*"
	  - allow: [write]
	    path: "$W/t/app/x*"
	    override: true
	  - deny: [write]
	    path: ["$W/t/srv/*/hooks/**", "$W/t/app/*/hooks/**", "/**/.git/hooks/**"]
EOF
for user in root nobody; do
	rm -rf "$W/t"
	mkdir -p "$W"/t/srv/{old/hooks,d1,d2} "$W/t/own/hooks" "$W/t/app"
	ln -s "$W/t/own" "$W/t/l"
	ln -s "$W/t/own" "$W/t/srv/l"
	echo x >"$W/t/srv/f"
	chmod -R a+rwX "$W/t"
	chown -Rh $user "$W/t"
	inside any "$W/any.yaml" $user <<-EOF
		EACCES create $W/t/srv/old/hooks/pre
		EACCES|EXDEV symlink $W/t/own $W/t/srv/new
		EACCES|EXDEV uring-symlink worker $W/t/own $W/t/srv/new
		EACCES|EXDEV rename $W/t/l $W/t/srv/new
		EACCES|EXDEV rename $W/t/srv/l $W/t/srv/new
		EACCES|EXDEV link $W/t/l $W/t/srv/new
		EACCES|EXDEV exchange $W/t/l $W/t/srv/d1
		EACCES|EXDEV exchange $W/t/srv/d1 $W/t/l
		EACCES|EXDEV exchange $W/t/l $W/t/srv/f
		ok mkdir $W/t/srv/new
		ok create $W/t/srv/file
		ok rename $W/t/srv/file $W/t/srv/file2
		ok rename $W/t/srv/d1 $W/t/srv/d3
		ok symlink ../../own $W/t/srv/new/l
		EACCES symlink ../own $W/t/app/new
		EACCES|EXDEV symlink ../own $W/t/app/x1
		EACCES|EXDEV rename $W/t/l $W/t/app/x1
		ok mkdir $W/t/app/x1
		ok symlink ../../own $W/t/app/x1/l
		ok symlink own $W/t/l2
		ok rename $W/t/l2 $W/t/l3
		ok rename $W/t/srv/l $W/t/l4
		ok exchange $W/t/l3 $W/t/own
		ok exchange $W/t/own $W/t/l3
	EOF
done

# What stands above a protected name and is no directory was made outside: it is put above no other.
fresh_above() {
	rm -rf "$W/t"
	mkdir -p "$W"/t/{1,2,3,4,5,6,7,8,9,10}/hooks "$W"/t/{4,7,11}/.git/hooks "$W/t/d"
	echo "gitdir: $W/t/1" | tee "$W"/t/{1,3,10}/.git "$W/t/g" >"$W/t/f"
	echo x >"$W/t/11/.git/hooks/pre"
	ln -s hooks "$W/t/5/.git"
	chown -h nobody "$W/t/5/.git"
	chmod -R a+rwX "$W/t"
}
policy "$W/above.yaml" <<-EOF
	  - allow: [read, write]
	    path: "$W/t/**"
	  - deny: [write]
	    path: "/**/.git/hooks/**"
EOF
for user in root nobody; do
	fresh_above
	inside above "$W/above.yaml" $user <<-EOF
		EACCES|EXDEV rename $W/t/1/.git $W/t/2/.git
		EACCES|EXDEV exchange $W/t/3/.git $W/t/4/.git
		EACCES|EXDEV|EPERM link $W/t/5/.git $W/t/6/.git
		EACCES|EXDEV whiteout $W/t/7/.git $W/t/8/.git
		ok rename $W/t/10/.git $W/t/10/git
		ok rename $W/t/11/.git $W/t/9/.git
		EACCES write $W/t/9/.git/hooks/pre
		ok exchange $W/t/f $W/t/d
		ok whiteout $W/t/g $W/t/g2
	EOF
	fresh_above
	audited above "$W/above.yaml" $user
done

# Descriptors that arrive over a socket.
fresh
cat >"$W/pass.py" <<-'EOF'
	import os, socket, subprocess, sys
	sbx, act, policy, path, want = sys.argv[1:]
	ours, theirs = socket.socketpair()
	fd = os.open(path, os.O_RDONLY)
	socket.send_fds(ours, [b"x"], [fd])
	script = f"{want} recv-fd {theirs.fileno()}\n"
	sys.exit(subprocess.run([sbx, "run", "--policy", policy, "--user", "root", "--", act],
	    input=script, text=True, pass_fds=[theirs.fileno()]).returncode)
EOF
check "files: a descriptor outside the policy does not arrive" \
	python3 "$W/pass.py" "$SBX" "$ACT" "$W/files.yaml" "$W/t/out/a" EACCES
check "files: one inside the policy does" \
	python3 "$W/pass.py" "$SBX" "$ACT" "$W/files.yaml" "$W/t/ok/a" ok

# The kernel's own file systems, which it mounts before anybody else does.
for f in /sys/kernel/security/lsm /sys/kernel/tracing/README /sys/kernel/debug/sleep_time; do
	[ -e $f ] || continue
	"$ACT" <<<"ok read $f" | sed 's|^ok|ok files/outside:|'
	inside kernel-files "$W/files.yaml" root <<<"EACCES read $f"
done
unload files
rm -rf "$W"
