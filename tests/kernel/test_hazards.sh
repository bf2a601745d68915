#!/bin/bash
# SPDX-License-Identifier: MIT
# What a hostile program tries with files, and what happens around it: on every file system that
# differs, with every capability and as a user, in both modes, in one sandbox and in two.
. "$(dirname "$0")/lib.sh"
A=$CG/sbx-test-hazards
mkdir -p "$A/in"

image() { # FS SIZE: made and mounted at $W/FS
	mkdir "$W/$1"
	truncate -s "$2" "$W/$1.img"
	"mkfs.$1" -q "$W/$1.img" && mount -o loop "$W/$1.img" "$W/$1"
} >"$W/mkfs.log" 2>&1

mkdir "$W/tmpfs" "$W/overlay"
mount -t tmpfs tmpfs "$W/tmpfs"
image ext4 64M
image btrfs 128M

# The tree that every run starts with. Of the overlay, half lies in the lower layer.
t=$W/template
mkdir -p "$t"/{low,ro/{dir,empty},out/{dir,tree},bin,drop,wx,jail} \
	"$t"/ok/{.git/hooks,secret,dir/sub,tree,g/hooks,box/b/hooks,plain/x,plain2,anc/d,lazy,moved,own-new,own-bind,bind,bind2} \
	"$t"/ok/nest/{a/priv,a/pub,c/pub} "$t"/out/{anc,back,bind,move}
for f in ok/{a,b,c,own,.env,empty.env,secret/key,.git/config,.git/hooks/pre,dir/a,dir/sub/a,tree/a,g/hooks/pre,anc/d/f} \
	ok/nest/a/{priv/k,pub/k} ok/nest/c/pub/k ok/{m1,m2,m3,m4,m5,m6,m7,m8,m9,file,bind/below} ok/box/b/hooks/pre \
	ro/{a,b,c,u,v,m1,m2,m3,m4,dir/b} out/{a,b,m1,m2,dir/a,tree/a,file} drop/x; do
	echo "$f" >"$t/$f"
done
for d in bin ok wx drop; do cp /bin/true "$t/$d/true"; done
printf '#!%s\n' "$W/tmpfs/u/bin/true" >"$t/ok/script"
ln -s ../out/a "$t/ok/link-out"
chmod -R a+rwX "$t"
chmod 755 "$t"/{bin,ok,wx,drop}/true "$t/ok/script"
mkdir "$W/ext4/"{lower,upper,work}
cp -a "$t" "$W/ext4/lower/u"
mount -t overlay -o "lowerdir=$W/ext4/lower,upperdir=$W/ext4/upper,workdir=$W/ext4/work" overlay "$W/overlay"
status "hazards: file systems" 0 mountpoint -q "$W/overlay"

subvolumes() { # DIR
	for d in ok out; do
		btrfs -q subvolume create "$1/$d/sub" >"$W/log"
		cp "$t/out/a" "$1/$d/sub/a"
		chmod 777 "$1/$d/sub"
	done
}

fresh() { # FS: the tree anew, with a file system in it that is older than the sandbox
	local u=$W/$1/u
	if [ "$1" = overlay ]; then
		umount -l "$W/overlay"
		rm -rf "$W/ext4/upper" "$W/ext4/work"
		mkdir "$W/ext4/upper" "$W/ext4/work"
		mount -t overlay -o "lowerdir=$W/ext4/lower,upperdir=$W/ext4/upper,workdir=$W/ext4/work" \
			overlay "$W/overlay"
		# What moves below has to lie in the upper layer.
		rm -r "$u"/ok/{anc,plain,nest} "$u/out/dir"
		cp -a "$t"/ok/{anc,plain,nest} "$u/ok/"
		cp -a "$t/out/dir" "$u/out/"
	else
		[ "$1" != btrfs ] || btrfs -q subvolume delete "$u/"{ok/sub,out/sub} "$u"/ok/snap* 2>"$W/log"
		rm -rf "$u"
		cp -a "$t" "$u"
		[ "$1" != btrfs ] || subvolumes "$u"
	fi
	mkdir -p "$u/jail$u/ok"
	echo x >"$u/jail$u/ok/a"
	ln "$u/out/b" "$u/ok/hard"
	for d in lazy moved; do
		mount -t tmpfs $d "$u/ok/$d"
		echo x >"$u/ok/$d/a"
	done
}

policy "$W/hazards.yaml" <<EOF
  - allow: [read]
    path: ["$W/*/u", "$W/*/u/ro/**"]
  - allow: [read, write]
    path: "$W/*/u/ok/**"
  - deny: [write]
    path: ["$W/*/u/ok/.git", "$W/*/u/ok/.git/hooks/**", "$W/*/u/ok/.git/config", "$W/*/u/ok/box/b/hooks/**",
           "$W/*/u/ok/later/hooks/**"]
  - deny: [read, write]
    path: "$W/*/u/ok/nest/a/priv/**"
  - protect: [read, write]
    path: ["/**/.env", "/**/*.key", "$W/*/u/ok/secret/**"]
  - allow: [read, exec]
    path: "$W/*/u/bin/*"
  - allow: [write]
    path: "$W/*/u/drop/*"
  - allow: [read, write, exec]
    path: "$W/*/u/wx/**"
capabilities: [cap_chown, cap_dac_override, cap_dac_read_search, cap_fowner, cap_fsetid, cap_kill, cap_setpcap,
  cap_linux_immutable, cap_net_admin, cap_sys_chroot, cap_sys_ptrace, cap_sys_admin, cap_sys_resource,
  cap_lease, cap_setfcap, cap_checkpoint_restore]
EOF
policy "$W/everything.yaml" <<EOF
  - allow: [read, write, exec]
    path: "/**"
capabilities: [cap_chown, cap_dac_override, cap_dac_read_search, cap_fowner, cap_fsetid, cap_sys_admin,
  cap_setfcap, cap_checkpoint_restore]
EOF

# In audit mode what is denied happens: where one act is in the other's way, test_files.sh has the twin.
script() { # FS [audit]
	local skip
	[ "${2:-}" != audit ] || skip='/^# --- links and renames/,/^# --- creation/d'
	sed "${skip:-};s|@T|$W/$1/u|g" "$ROOT/tests/kernel/hazards.txt"
}

# run_on FS USER CGROUP FEATURE...
run_on() {
	local name="hazards: $1/$2${4:+/$4}"
	script "$1" "$4" | "$ROOT/build/kernel/hazards" "$W/$1/u" "$3" "$2" "$1" "$2" "${@:4}" 2>"$W/err" |
		sed "s|^ok|ok $name:|; s|^not ok|not ok $name:|"
	[ "${PIPESTATUS[1]}" -le 1 ] || {
		not_ok "$name: ended early"
		cat "$W/err"
	}
}

kinds="tmpfs ext4 btrfs overlay"
export UPDATE="'$SBX' update --name hazards --policy '$W/hazards.yaml' >'$W/log' 2>&1"
keep_loaded
before() { # [OPTIONS of attach]: trees anew, and the sandbox
	for k in $kinds; do fresh "$k"; done
	check "hazards: attach" "$SBX" attach --cgroup "$A" --policy "$W/hazards.yaml" --name hazards "$@"
}
after() { # FILE: what was denied
	"$SBX" events --name hazards --json >"$1"
	"$SBX" detach --name hazards >"$W/log" 2>&1
	for k in $kinds; do umount -l "$W/$k/u/ok/lazy" "$W/$k/u/ok/moved" 2>/dev/null; done
}

before
for k in $kinds; do run_on "$k" root "$A" one; done
after "$W/denied"
for why in policy unnamed deep widens hollows others-proc not-in-sandbox; do
	check "hazards: the reason is told: $why" grep -q "\"$why\"" "$W/denied"
done
before
for k in $kinds; do run_on "$k" nobody "$A" one; done
after "$W/denied-user"
before --audit
for k in tmpfs overlay; do run_on "$k" root "$A" audit; done
after "$W/audited"
grep "$W/\(tmpfs\|overlay\)/" "$W/denied" | grep -v 'rename-\|link-to\|hollows\|widens\|/hooks' >"$W/denied-acts"
check "hazards: audit mode reports what was denied" python3 "$ROOT/tests/kernel/events.py" subset \
	"$W/denied-acts" "$W/audited"
# Bound by two sandboxes, which takes the long way every time.
kinds=tmpfs
before
check "hazards: attach a second" "$SBX" attach --cgroup "$A/in" --policy "$W/everything.yaml" --name inner
run_on tmpfs root "$A/in" two
"$SBX" detach --name inner >"$W/log" 2>&1
after "$W/denied-two"

unload hazards
umount -l "$W/overlay" "$W/ext4" "$W/btrfs" "$W/tmpfs"
rmdir "$A/in" "$A"
rm -rf "$W"
