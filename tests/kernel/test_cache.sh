#!/bin/bash
# SPDX-License-Identifier: MIT
# What the kernel side keeps of directories and tasks never grants what it should not: every way to
# make it stale, on the file systems that it is kept for. RACES=N makes the races N times as long.
. "$(dirname "$0")/lib.sh"
R=$ROOT/build/kernel/races
A=$CG/sbx-test-cache
O=$CG/sbx-test-cache-other
mkdir -p "$A/in" "$O"

for_s() { echo $(($1 * ${RACES:-1})); }

image() { # FS SIZE OPTIONS: made and mounted at $W/FS
	mkdir "$W/$1"
	truncate -s "$2" "$W/$1.img"
	"mkfs.$1" -q "${@:3}" "$W/$1.img" && mount -o loop "$W/$1.img" "$W/$1"
} >"$W/mkfs.log" 2>&1

mkdir "$W/tmpfs" "$W/overlay" "$W/bound"
mount -t tmpfs tmpfs "$W/tmpfs"
kinds="tmpfs"
declare -A user=([tmpfs]=root [ext4]=nobody [overlay]=nobody [btrfs]=root)
if image ext4 64M -O ^metadata_csum; then # so that generations can be set
	kinds="$kinds ext4"
	mkdir "$W/ext4/"{lower,upper,work}
	mount -t overlay -o "lowerdir=$W/ext4/lower,upperdir=$W/ext4/upper,workdir=$W/ext4/work" \
		overlay "$W/overlay" && kinds="$kinds overlay"
fi
image btrfs 128M && kinds="$kinds btrfs"
status "cache: file systems ($kinds)" 0 test "$kinds" = "tmpfs ext4 overlay btrfs"
for k in $kinds; do
	mkdir "$W/$k/ok" "$W/$k/secret"
done

keep_loaded
policy "$W/b.yaml" </dev/null
policy "$W/a.yaml" <<EOF
  - allow: [read]
    path: ["$W/*/ok/**", "$W/*/*/ok/**"]
  - allow: [read, write]
    path: ["$W/*/ok/rw/**"]
  - deny: [read]
    path: ["$W/*/ok/any/*.key/**", "$W/*/ok/lit/.hidden*", "$W/*/ok/lit/secret-*", "$W/*/ok/lit/?secret"]
  - deny: [read]
    path: ["$W/*/ok/few/{q,qr,qrs,qrst,qrstu}", "$W/*/ok/few/wxyz*"]
EOF

# --- names: the first open keeps, the others use what was kept ---

long=$(printf 'l%.0s' $(seq 200))
exact=$(printf 'e%.0s' $(seq 26)) # with `.key`: 30; one more: 31, the longest that is kept; 32
lines() { # DIR
	local n d=$1
	for n in a.key "$exact.key" "$exact.x.key" "${exact}xx.key" "$long.key" $'\xff\xfe.key' .key; do
		echo "EACCES read $d/any/$n"
		echo "ok read $d/any/${n}s"
	done
	for n in .hidden .hidden2 "secret-$long" secret-a $'\xffsecret' äsecret; do
		echo "EACCES read $d/lit/$n"
	done
	for n in plain "$long" .hid s secre $'\xff\xffsecret' secret ääsecret; do
		echo "ok read $d/lit/$n"
	done
	for n in q qr qrs qrst qrstu wxyz wxyzz "wxyz$long"; do
		echo "EACCES read $d/few/$n"
	done
	for n in p qq qrr qrss qrstt qrstuu wxy w "wxy$long" "$long"; do
		echo "ok read $d/few/$n"
	done
	echo "ok read $d/lit/null"
	echo "EACCES read ${d%/ok}/secret/null"
	echo "ok read $d/plain"
	echo "EACCES read ${d%/ok}/secret/plain"
	echo "EACCES write $d/plain"
	echo "ok write $d/rw/a"
	case $d in
	*/overlay/*) ;; # before 6.3 it has none
	*) printf '%s\n' "ok tmpfile $d/rw" "EACCES tmpfile $d/lit" ;;
	esac
}
for k in $kinds; do
	mkdir "$W/$k/ok/"{any,few,lit,rw}
	mknod "$W/$k/ok/lit/null" c 1 3
	mknod "$W/$k/secret/null" c 1 3
	lines "$W/$k/ok" | while read -r _ op path; do
		[ "$op" = tmpfile ] || [ -e "$path" ] || echo x >"$path"
	done
	chmod -R a+rwX "$W/$k/ok" "$W/$k/secret"
	for _ in 1 2; do lines "$W/$k/ok"; done | inside "cache: names on $k" "$W/a.yaml" "${user[$k]}"
done

# --- objects with a name of their own, in a file system whose root is not shown ---

mkdir "$W/whole" "$W/bound/"{ok,secret}
: >"$W/single"
: >"$W/tmpfs/ok/one"
truncate -s 16M "$W/whole.img"
mkfs.ext4 -q "$W/whole.img" && mount -o loop "$W/whole.img" "$W/whole"
mkdir "$W/whole/"{t,u}
for f in t/f t/g u/h u/i; do echo x >"$W/whole/$f"; done
mount --bind "$W/whole/t/f" "$W/single"
mount --bind "$W/whole/u/h" "$W/tmpfs/ok/one"
mount --bind "$W/whole/t" "$W/bound/ok"
mount --bind "$W/whole/u" "$W/bound/secret"
umount "$W/whole"
for _ in 1 2; do
	cat <<-EOF
		ok read $W/bound/ok/g
		EACCES read $W/bound/ok/f
		EACCES read $W/bound/secret/i
		ok read $W/bound/secret/h
		ok read $W/tmpfs/ok/one
		EACCES read $W/single
	EOF
done | inside "cache: single files" "$W/a.yaml" nobody

# --- changes while opens run ---

watch() { # FILE: watched from within $A/in
	rm -f "$W/ctl"
	"$R" watch "$1" "$W/ctl" "$A/in" >"$W/watch" 2>&1 &
	watcher=$!
	until [ -s "$W/ctl" ]; do sleep 0.1; done
}
then_() { "$R" expect "$W/ctl" "$1"; } # allow|deny|any|end
change() { # WANTED COMMAND...
	then_ any
	"${@:2}" >"$W/log" 2>&1 || { not_ok "cache: ${*:2}"; cat "$W/log"; }
	then_ "$1"
}
watched() { # NAME
	local rc
	then_ end
	wait "$watcher"
	rc=$?
	status "cache: $1: $(cat "$W/watch")" 0 test $rc = 0
}

echo x >"$W/tmpfs/ok/w"
watch "$W/tmpfs/ok/w"
change allow "$SBX" attach --cgroup "$A" --policy "$W/a.yaml" --name one
change deny "$SBX" update --name one --policy "$W/b.yaml"
change allow "$SBX" mode audit --name one
change deny "$SBX" mode enforce --name one
change allow "$SBX" update --name one --policy "$W/a.yaml"
change deny "$SBX" attach --cgroup "$A/in" --policy "$W/b.yaml" --name two
change allow "$SBX" detach --name two
change allow "$SBX" detach --name one
change deny "$SBX" attach --cgroup "$A" --policy "$W/b.yaml" --name one
change allow "$SBX" detach --name one
watched "update, mode, attach, detach"

mkdir "$W/tmpfs/ok/over" "$W/tmpfs/ok/deep" "$W/tmpfs/ok/deep/er"
echo x >"$W/tmpfs/ok/over/w"
over() { mount -t tmpfs tmpfs "$W/tmpfs/ok/over" && echo x >"$W/tmpfs/ok/over/w"; }
check "cache: attach" "$SBX" attach --cgroup "$A" --policy "$W/a.yaml" --name one
watch "$W/tmpfs/ok/over/w"
change allow true
change deny over
change allow umount -l "$W/tmpfs/ok/over"
watched "a mount over the directory"

# --- races ---

race() { # NAME COMMAND...: says what it did, too, which soak.sh adds up
	local said rc
	said=$("$R" "${@:2}" 2>&1)
	rc=$?
	echo "# $1: $said"
	status "cache: $1: $said" 0 test $rc = 0
}
# Renames against opens: 20 s of each, on all file systems together.
for k in $kinds; do
	race "swap on $k as ${user[$k]}" swap "$W/$k" "$(for_s 5)" "$A" "${user[$k]}"
	race "torn names on $k as ${user[$k]}" torn "$W/$k" "$(for_s 5)" "$A" "${user[$k]}"
	race "reuse on $k" reuse "$W/$k" "$(for_s 1)" "$A"
done

mkdir "$W/btrfs/two"
btrfs -q subvolume create "$W/btrfs/two/ok" >"$W/log" 2>&1
for i in $(seq 0 149); do
	mkdir "$W/btrfs/two/ok/x$i"
	echo x >"$W/btrfs/two/ok/x$i/f"
done
btrfs -q subvolume snapshot "$W/btrfs/two/ok" "$W/btrfs/two/secret" >"$W/log" 2>&1
race "a directory and its snapshot" evict "$W/btrfs/two" "$(for_s 6)" "$A"
# Through an overlay, whose inodes alone go: those below are held.
mkdir "$W/through" "$W/btrfs/"{upper,work}
mount -t overlay -o "lowerdir=$W/btrfs/two,upperdir=$W/btrfs/upper,workdir=$W/btrfs/work" overlay "$W/through"
python3 -c 'import glob, os, sys, time
held = [os.open(d, os.O_PATH) for d in glob.glob(sys.argv[1] + "/*/x*")]
print(len(held), flush=True)
time.sleep(600)' "$W/btrfs/two" >"$W/held" &
holder=$!
until read -r _ <"$W/held"; do sleep 0.1; done
check "cache: update, with the overlay" "$SBX" update --name one --policy "$W/a.yaml"
race "a directory and its snapshot, through an overlay" evict "$W/through" "$(for_s 3)" "$A"
kill "$holder"
wait "$holder" 2>/dev/null
umount "$W/through"

check "cache: attach another" "$SBX" attach --cgroup "$O" --policy "$W/b.yaml" --name other
race "a process that was elsewhere" moved "$W/tmpfs/ok/w" "$(for_s 4)" "$A" "$O"
check "cache: detach" "$SBX" detach --name other
policy "$W/c.yaml" <<EOF
  - allow: [read]
    path: "$W/tmpfs/secret/**"
EOF
echo x >"$W/tmpfs/secret/w"
check "cache: attach the opposite" "$SBX" attach --cgroup "$O" --policy "$W/c.yaml" --name other
race "fork storms in two sandboxes" pair "$W/tmpfs/ok/w" "$W/tmpfs/secret/w" "$(for_s 4)" "$A" "$O"

unload cache
umount "$W/bound/secret" "$W/bound/ok" "$W/tmpfs/ok/one" "$W/single" "$W/overlay" \
	"$W/ext4" "$W/btrfs" "$W/tmpfs"
rmdir "$A/in" "$A" "$O"
rm -rf "$W"
