#!/bin/bash
# SPDX-License-Identifier: MIT
# SBX_DENIALS: the file in which a sandbox reads what it was denied itself, and nothing else.
. "$(dirname "$0")/lib.sh"

user=sbx-d
useradd -M -d "$W/home" -s /bin/sh $user
mkdir -p "$W/home/d"
touch "$W/home/d/"{1..200}
echo secret >"$W/home/key"
: >"$W/home/d/"$'a\nb\e[31m'
chown -R $user: "$W/home"
policy "$W/p.yaml" <<-END
	  - allow: [read]
	    path: ["$W/home", "/tmp"]
	  - deny: [read]
	    path: "$W/home/key"
	    reason: "keys stay outside"
	  - allow: [write]
	    path: "/run/**"
	  - allow: [read, write]
	    path: "/dev/tty"
END
# What an outer policy opens does not open what sandboxes are told.
sed 's|"/tmp"|"/tmp", "/run/**"|' "$W/p.yaml" >"$W/wide.yaml"
cat >"$W/lib" <<'END'
told() { # TEXT: the file says so, at once or a moment later
	for _ in $(seq 100); do
		! grep -qF -- "$1" "$SBX_DENIALS" || return 0
		sleep 0.1
	done
	cat "$SBX_DENIALS"
	return 1
}
END

run() { # SCRIPT [USER]
	"$SBX" run --user "${2:-$user}" --policy "$W/p.yaml" -- bash -c "$(cat "$W/lib"); $1" 2>&1 | cat
	return "${PIPESTATUS[0]}" # a file would be closed inside, and that is a denial
}

keep_loaded
check "the variable names a file that is there and says nothing yet" run \
	'test -f "$SBX_DENIALS" && ! grep -v "^#" "$SBX_DENIALS"'
check "a denial is in it, with rule and reason" run \
	"cat $W/home/key || told 'may not read $W/home/key' && told 'reason: keys stay outside' && told 'p.yaml:'"
check "one that comes again is counted" run \
	"for i in 1 2 3; do cat $W/home/key; done; told '3 times'; cat $W/home/key; told 'again:  4 times in all'"
check "names in it are escaped" run \
	"cat $W/home/d/*; cat $W/home/d/\$'a\nb\e[31m'; told 'a\\nb\\x1b[31m' && ! grep -q \$'\e' \"\$SBX_DENIALS\""
check "the latest stay, and it stays small" run \
	"for i in \$(seq 200); do : <$W/home/d/\$i; done 2>/dev/null
	told $W/home/d/200 && ! grep -qF '$W/home/d/1 ' \"\$SBX_DENIALS\" && test \$(stat -c %s \"\$SBX_DENIALS\") -le 65536"
for who in $user root; do
	check "it cannot be changed, replaced or removed ($who)" run '
		touch /run/mine || [ "$(id -u)" != 0 ] || exit
		for c in "chmod 600" "truncate -s 0" "rm -f" "mv -f /run/mine" "touch" "chown 0"; do
			! $c "$SBX_DENIALS" || exit
		done
		! : >>"$SBX_DENIALS" && ! : >"${SBX_DENIALS%/*}/x" && ! mv "$SBX_DENIALS" /run/mine &&
			! mv "${SBX_DENIALS%/*}" /run/x && test -s "$SBX_DENIALS"' $who
done
check "its directory is not listed" run '! ls "${SBX_DENIALS%/*}"'

named_in() { # FILE: what a run has written of its own name
	for _ in $(seq 300); do
		! grep -oE '/run/sbx-bpf-denials/[0-9]+-[A-Za-z0-9]{6}' "$1" || return 0
		sleep 0.2
	done
	return 1
}

# Two at once: the first goes on as long as its input is open.
exec 9> >(run 'echo "$SBX_DENIALS"; read x' >"$W/first")
first=$!
other=$(named_in "$W/first")
check "outside, it is the user's alone" test "$(stat -c %U:%a "$other")" = $user:400
status "another user cannot read it" 1 "${AS_USER[@]}" cat "$other"
check "the user can" setpriv --reuid $user --regid $user --clear-groups cat "$other"
for p in p wide; do
	for who in $user root; do
		status "another sandbox's is closed ($p, $who)" 1 \
			"$SBX" run --user $who --policy "$W/$p.yaml" -- cat "$other"
		check "its own is open ($p, $who)" "$SBX" run --user $who --policy "$W/$p.yaml" -- \
			sh -c 'cat "$SBX_DENIALS"'
	done
done
name=$(others | grep -v keeper | head -n 1)
check "exec names it, too" "$SBX" exec --in "$name" --user $user -- sh -c "test \"\$SBX_DENIALS\" = $other && cat $other"
check "update with another policy" "$SBX" update --name "$name" --policy "$W/wide.yaml"
check "leaves it open" "$SBX" exec --in "$name" --user $user -- sh -c "test \"\$SBX_DENIALS\" = $other && cat $other"
exec 9>&-
wait $first
status "it goes with the sandbox" 1 test -e "$other"
status "and leaves nothing behind" 0 test -z "$(ls /run/sbx-bpf-denials)"
run 'echo "$SBX_DENIALS"; sleep 5 >/dev/null 2>&1 &' >"$W/left"
left=$(named_in "$W/left")
check "with processes that were left, later" sh -c "test -e '$left' && for i in \$(seq 200); do test -e '$left' || exit 0; sleep 0.1; done; exit 1"

check "audit tells, too" "$SBX" run --audit --user $user --policy "$W/p.yaml" -- \
	bash -c "$(cat "$W/lib"); cat $W/home/key && told 'would be denied: '"
mkdir "$CG/denials"
check "attach" "$SBX" attach --cgroup "$CG/denials" --policy "$W/p.yaml" --name attached
check "what is attached has no such file" "$SBX" exec --in attached --user $user -- sh -c 'test -z "${SBX_DENIALS-}"'
unload denials
rmdir "$CG/denials"
rm -rf "$W"
