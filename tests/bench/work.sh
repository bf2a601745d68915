#!/bin/bash
# SPDX-License-Identifier: MIT
# work.sh FILE: an archive of what the larger pieces of work need: a git repository of 5,000 files
# whose branches differ in 500, and 50 small C files with a makefile. The same one every time. And beside
# it usr.ext4 and tools.ext4.
set -Eeuo pipefail
trap 'echo "work.sh: error: line $LINENO failed: $BASH_COMMAND" >&2' ERR
out=$(readlink -f "$1")
usr=${out%/*}/usr.ext4 tools=${out%/*}/tools.ext4
[ ! -e "$out" ] || [ ! -e "$usr" ] || [ ! -e "$tools" ] || [ "$0" -nt "$out" ] || exit 0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@localhost GIT_AUTHOR_DATE="2024-01-01 00:00:00 +0000"
export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@localhost GIT_COMMITTER_DATE="$GIT_AUTHOR_DATE"

mkdir "$tmp/repo" "$tmp/build"
cd "$tmp/repo"
git init -q -b one
git config gc.auto 0 # in the background, it would run into tar
for ((d = 0; d < 200; d++)); do
	mkdir -p "src/part$((d / 20))/module$d"
	for ((f = 0; f < 25; f++)); do
		echo "file $f of module $d" >"src/part$((d / 20))/module$d/file$f.c"
	done
done
git add .
git commit -qm one
git checkout -qb two
for f in src/part*/module*/file{0,1}.c; do echo more >>"$f"; done
for f in src/part[0-4]/module*/file2.c; do echo more >>"$f"; done
git commit -qam two
git checkout -q one

cd "$tmp/build"
printf 'OBJ := $(patsubst %%.c,%%.o,$(wildcard *.c))\nprogram: $(OBJ)\n\tcc -o $@ $(OBJ)\n' >Makefile
printf '%%.o: %%.c all.h\n\tcc -O0 -c $< -o $@\n' >>Makefile
for ((f = 0; f < 50; f++)); do
	echo "int function$f(int);" >>all.h
	printf '#include "all.h"\nint function%d(int x)\n{\n\treturn x * %d;\n}\n' $f $f >file$f.c
done
printf '#include "all.h"\nint main(void)\n{\n\treturn function0(0);\n}\n' >main.c

cd "$tmp"
tar -cf "$out.new" repo build
mv "$out.new" "$out"

# The names of /usr on a file system as machines have it. (What the virtual machine shows as its own is
# an overlay over a remote one, of which nothing is kept.)
cp -a --attributes-only /usr/. "$tmp/usr"
chmod -R a+rX "$tmp/usr" # what takes a capability, a sandbox does not see
rm -f "$usr.new"
mke2fs -q -t ext4 -d "$tmp/usr" -N 400000 -E root_owner=0:0 "$usr.new" 512M
mv "$usr.new" "$usr"

# And the programs of the work, with what they load, as /usr: for the same reason.
links() { # FILE...: all names on the way to it
	local f to
	for f; do
		echo "$f"
		while [ -L "$f" ]; do
			to=$(readlink "$f")
			case $to in /*) f=$to ;; *) f=${f%/*}/$to ;; esac
			echo "$f"
		done
	done
}
closure() { # PROGRAM...: and its libraries
	local f libs
	for f; do
		links "$f"
		libs=$(ldd "$f" 2>/dev/null | sed -n 's|^[^/]*\(/[^ ]*\).*|\1|p')
		links $libs
	done
}
{
	for c in bash sh cat cut rm rmdir mkdir touch mktemp awk tar xargs env find git make cc as ld collect2 cc1 \
		python3 mount umount mountpoint; do
		f=$(PATH=/usr/sbin:/usr/bin command -v $c || cc -print-prog-name=$c)
		closure "$(readlink -f "${f%/*}")/${f##*/}"
	done
	closure "${out%/*}/../sbx-bpf" "${out%/*}/op" /usr/lib/python3.*/lib-dynload/*.so
	for f in crt1.o Scrt1.o crti.o crtn.o libc.so libc.so.6 libc_nonshared.a libgcc_s.so.1; do links "$(cc -print-file-name=$f)"; done
	find /usr/lib64 /usr/lib/python3 /usr/lib/python3.* /usr/lib/git-core "$(dirname "$(cc -print-libgcc-file-name)")" \
		-maxdepth 9
} | xargs -d '\n' realpath -s | sed -E 's#^/(s?bin|lib[^/]*)/#/usr/\1/#' | grep '^/usr/' | sort -u >"$tmp/list"
mkdir -p "$tmp/tools"
tar -C / --no-recursion -cf - -T "$tmp/list" | tar -C "$tmp/tools" -xf -
mkdir -p "$tmp/tools/usr/local/src"
rm -f "$tools.new"
mke2fs -q -t ext4 -d "$tmp/tools/usr" -E root_owner=0:0 "$tools.new" 1G
mv "$tools.new" "$tools"
