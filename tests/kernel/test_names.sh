#!/bin/bash
# SPDX-License-Identifier: MIT
# A decision is about the object: other names of it change nothing, and a name that only looks right
# does not either.
. "$(dirname "$0")/lib.sh"

mkdir -p "$W"/{ok/dir,ok/bind,ok/tmp,ok/later,ok/ovl,ro,out,alias,low,up,work,jail,mine}
for f in ok/a ok/dir/a ok/later/below ro/file ro/a out/a low/a; do echo $f >"$W/$f"; done
chmod -R a+rwX "$W"
policy "$W/names.yaml" <<EOF
  - allow: [read, write]
    path: ["$W/ok/**", "$W/alias2/**"]
  - allow: [read]
    path: ["$W/ro/**", "/proc/self/**"]
  - protect: [read, write]
    path: "/**/.env"
capabilities: [cap_dac_override, cap_sys_admin, cap_sys_chroot]
EOF
keep_loaded
A=$CG/sbx-test-names
mkdir -p "$A" "$W/alias2"
attach() { "$SBX" attach --cgroup "$A" --policy "$W/names.yaml" --name names >"$W/log" 2>&1; }
detach() { "$SBX" detach --name names >"$W/log" 2>&1; }
here() { # NAME [COMMAND...]: the lines of stdin in the cgroup, by way of COMMAND
	local name=$1
	shift
	(
		echo $BASHPID >"$A/cgroup.procs"
		exec "$@" "$ACT"
	) | sed "s|^ok|ok $name:|; s|^not ok|not ok $name:|"
}

# A file system on which directories can ignore case.
truncate -s 16M "$W/image"
mkdir "$W/ok/fold"
mkfs.ext4 -q -O casefold "$W/image" 2>"$W/log" || not_ok "names: mkfs.ext4"
modprobe -q loop
mount -o loop "$W/image" "$W/ok/fold" || not_ok "names: mount of a casefold file system"
mkdir "$W"/ok/fold/{plain,any}
chattr +F "$W/ok/fold/any"
for d in plain any; do echo x | tee "$W/ok/fold/$d/.env" >"$W/ok/fold/$d/a"; done
chmod -R a+rwX "$W/ok/fold"

# Mounts that are older than the sandbox.
mount --bind "$W/out" "$W/ok/bind"
mount --bind "$W/ok" "$W/alias"
mount --bind "$W/out" "$W/alias2"
mount --bind "$W/ok/a" "$W/ro/file"
mount -t tmpfs none "$W/ok/tmp"
echo x >"$W/ok/tmp/a"
mount -t overlay none -o "lowerdir=$W/low,upperdir=$W/up,workdir=$W/work" "$W/ok/ovl"
check "names: attach" attach
here names <<-EOF
	ok read $W/ok/a
	ok read $W/alias/a
	ok write $W/alias/dir/a
	ok write $W/ro/file
	EACCES write $W/ro/a
	ok read $W/ok/tmp/a
	ok create $W/ok/tmp/new
	ok read $W/ok/ovl/a
	ok write $W/ok/ovl/a
	ok create $W/ok/ovl/new
	ok unlink $W/ok/ovl/new
	ok mkdir $W/ok/ovl/new
	ok rmdir $W/ok/ovl/new
	EACCES read $W/low/a
	EACCES read $W/up/a
	ok read $W/alias2/a
	ok read $W/ok/bind/a
	ok read $W/ok/fold/plain/a
	EACCES read $W/ok/fold/plain/.env
	ENOENT read $W/ok/fold/plain/.ENV
	EACCES read $W/ok/fold/any/.env
	EACCES read $W/ok/fold/any/.ENV
	EACCES read $W/ok/fold/any/a
	ok create $W/ok/fold/plain/new
	EACCES create $W/ok/fold/any/new
EOF
check "names: detach" detach
# Rules speak of the mounts that there are when they are compiled: without them, out is closed.
umount "$W/alias2" "$W/ok/bind"
check "names: attach again" attach
here names <<-EOF
	EACCES read $W/out/a
	ok list $W/ok
EOF

# Mounts that are made afterwards, by the host.
mount --bind "$W/out" "$W/ok/later"
here "names, bound later" <<-EOF
	EACCES read $W/ok/later/a
	EACCES write $W/ok/later/a
	EACCES create $W/ok/later/new
EOF
umount "$W/ok/later"
here "names, unbound" <<<"ok read $W/ok/later/below"
mount --bind "$W/ok/dir" "$W/out"
here "names, bound over the closed one" <<<"ok read $W/out/a"
umount "$W/out"
# A file system that goes is forgotten, or the next one at its place in memory would have its name.
known() { bpftool -j map dump pinned "$(echo /sys/fs/bpf/sbx-bpf/v*/sbx_sbs)" | get 'len(j)'; }
check "names: update, with nothing new" "$SBX" update --name names --policy "$W/names.yaml"
before=$(known)
mount -t tmpfs none "$W/ok/later"
echo x >"$W/ok/later/a"
here "names, a new file system" <<-EOF
	EACCES read $W/ok/later/a
	EACCES create $W/ok/later/new
EOF
check "names: update" "$SBX" update --name names --policy "$W/names.yaml"
here "names, after an update" <<<"ok read $W/ok/later/a"
status "names: a file system more is known" 0 test "$(known)" = $((before + 1))
umount "$W/ok/later"
forgotten() {
	local i
	for ((i = 0; i < 50; i++)); do
		[ "$(known)" != "$before" ] || return 0
		sleep 0.1
	done
	wants "$before" "$(known)"
}
check "names: and no more when it went" forgotten
here "names, after it went" <<<"ok read $W/ok/later/below"

# While `run` waits for its command, it tells of new mounts.
cat >"$W/wait.sh" <<-'EOF'
	until [ -e "$1/ok/go" ]; do sleep 0.2; done
	for ((i = 0; i < 50; i++)); do
		if : <"$1/ok/later/a"; then exit 0; fi 2>/dev/null
		sleep 0.2
	done
	exit 1
EOF
"$SBX" run --policy "$W/names.yaml" --user root -- /bin/bash -c "$(cat "$W/wait.sh")" wait "$W" 2>"$W/log" &
pid=$!
sleep 2
mount -t tmpfs none "$W/ok/later"
echo x >"$W/ok/later/a"
touch "$W/ok/go"
wait $pid
status "names: a file system mounted during \`run\` is named" 0 test $? = 0
umount "$W/ok/later"

# Namespaces and roots of somebody's own, made before the sandbox was entered.
cat >"$W/own-mounts.sh" <<-'EOF'
	mount -t tmpfs none "$W/mine" && echo x >"$W/mine/a"
	mount --bind "$W/mine" "$W/ok/dir"
	mount --bind "$W/out" "$W/ok/tmp"
	echo $$ >"$A/cgroup.procs" && exec "$ACT"
EOF
export W A ACT
unshare -m bash "$W/own-mounts.sh" <<-EOF | sed 's|^ok|ok names, own mounts:|; s|^not ok|not ok names, own mounts:|'
	EACCES read $W/ok/dir/a
	EACCES create $W/ok/dir/new
	EACCES read $W/ok/tmp/a
	EACCES read $W/mine/a
	ok read $W/ok/a
EOF
mkdir -p "$W/jail$W/ok"
echo x >"$W/jail$W/ok/a"
cat >"$W/jail.py" <<-'EOF'
	import os, sys
	top, path, cgroup = sys.argv[1:]
	if top != "/":
	    os.chroot(top)
	    os.chdir("/")
	os.write(int(cgroup), str(os.getpid()).encode())
	try:
	    os.open(path, os.O_RDONLY)
	    print("read")
	except PermissionError:
	    print("denied")
EOF
status "names: a lookalike in a root of its own is denied" 0 \
	sh -c "python3 '$W/jail.py' '$W/jail' '$W/ok/a' 3 3>'$A/cgroup.procs' | grep -x denied"
status "names: its twin in the real root is read" 0 \
	sh -c "python3 '$W/jail.py' / '$W/ok/a' 3 3>'$A/cgroup.procs' | grep -x read"

# A directory that moves takes its names along, for those who stand in it, too.
mkdir -p "$W/ok/moving" "$W/out/moved"
echo x >"$W/ok/moving/a"
(
	echo $BASHPID >"$A/cgroup.procs"
	cd "$W/ok/moving" || exit
	echo ready
	read -r _ && if : <a; then echo read; else echo denied; fi 2>/dev/null
	read -r _ && if : <a; then echo read; else echo denied; fi 2>/dev/null
) < <(
	sleep 1
	echo
	sleep 1
	mv "$W/ok/moving" "$W/out/moved/"
	echo
	sleep 1
) >"$W/moved"
status "names: a working directory is judged where it is" 0 grep -qx denied "$W/moved"
status "names: and was judged where it was" 0 grep -qx read "$W/moved"

check "names: detach at the end" detach
umount "$W/ok/fold" "$W/ok/ovl" "$W/ok/tmp" "$W/ro/file" "$W/alias"
unload names
rm -rf "$W"
