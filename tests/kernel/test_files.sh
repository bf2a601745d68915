#!/bin/bash
# SPDX-License-Identifier: MIT
# Files: each denial beside its allowed twin, as root and as a user.
. "$(dirname "$0")/lib.sh"

fresh() { # the tree that every run starts with
	rm -rf "$W/t"
	mkdir -p "$W"/t/{ok/.git/hooks,ok/dir/sub,ok/secret,ro/dir,out/dir,bin,drop}
	for f in ok/a ok/b ok/.env ok/.env.example ok/.git/config ok/.git/hooks/pre ok/secret/key \
		ro/a ro/dir/b out/a out/dir/a ok/dir/sub/a drop/x; do
		echo "$f" >"$W/t/$f"
	done
	cp /bin/true "$W/t/bin/true"
	cp /bin/true "$W/t/drop/true"
	cp /bin/true "$W/t/ok/true"
	ln -s ../out/a "$W/t/ok/link-out"
	ln -s ../ro/a "$W/t/ok/link-ro"
	ln "$W/t/out/a" "$W/t/ok/hard"
	chmod -R a+rwX "$W/t"
	chmod 755 "$W"/t/{bin,drop,ok}/true
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
EOF

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
		EACCES unlink $W/t/ro/a
		ok unlink $W/t/ok/new
		EACCES mkdir $W/t/ro/d
		ok mkdir $W/t/ok/d
		EACCES rmdir $W/t/ro/dir
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
	EOF
done

# Links and renames widen nothing and hollow out no denial.
for user in root nobody; do
	fresh
	mkdir -p "$W/t/ok/g/hooks" "$W/t/ok/empty" "$W/t/ok/plain/x"
	echo x >"$W/t/ok/g/hooks/pre"
	chmod -R a+rwX "$W/t"
	inside moves "$W/files.yaml" $user <<-EOF
		ok rename $W/t/ok/a $W/t/ok/a2
		ok rename $W/t/ok/a2 $W/t/ok/dir/a
		ok rename $W/t/ok/plain $W/t/ok/plain2
		ok rename $W/t/ok/plain2 $W/t/ok/dir/plain
		EACCES rename $W/t/ro/a $W/t/ok/stolen
		EACCES rename $W/t/out/a $W/t/ok/stolen
		EACCES rename $W/t/ok/b $W/t/ro/b
		EACCES rename $W/t/ok/b $W/t/ok/.env
		EACCES rename $W/t/ok/.env $W/t/ok/plainenv
		EACCES exchange $W/t/ok/b $W/t/ro/a
		EACCES|EXDEV rename $W/t/ok/.git $W/t/ok/moved
		EACCES|EXDEV rename $W/t/ok/g $W/t/ok/.git
		EACCES|EXDEV exchange $W/t/ok/g $W/t/ok/.git
		EACCES|EXDEV link $W/t/out/a $W/t/ok/stolen
		EACCES|EXDEV|EPERM link $W/t/ro/a $W/t/ok/stolen
		ok create $W/t/ok/own
		ok link $W/t/ok/own $W/t/ok/own2
		ok exchange $W/t/ok/own $W/t/ok/own2
		EACCES|EXDEV link $W/t/ok/b $W/t/bin/evil
		EACCES|EXDEV rename $W/t/ok/true $W/t/bin/evil
		EACCES|EXDEV rename $W/t/ok/secret $W/t/ok/open
	EOF
done
rm -rf "$W/t/ok/.git"
inside moves-nogit "$W/files.yaml" root <<-EOF
	EACCES|EXDEV mkdir $W/t/ok/.git
	EACCES|EXDEV symlink /tmp $W/t/ok/.git
	EACCES|EXDEV create $W/t/ok/.git
	EACCES|EXDEV rename $W/t/ok/g $W/t/ok/.git
EOF
rm -rf "$W"
