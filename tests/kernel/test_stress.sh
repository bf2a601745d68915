#!/bin/bash
# SPDX-License-Identifier: MIT
# stress-ng in a sandbox, on all processors, while others are beside it: some classes at a time, each for
# STRESS seconds (30). What the kernel says meanwhile is looked at after each, so that a warning has a
# name; tests/vm/run.sh looks at all of it again.
. "$(dirname "$0")/lib.sh"
command -v stress-ng >/dev/null || {
	not_ok "stress: stress-ng is not installed (tests/setup.sh)"
	exit 1
}
classes=("fork exec kill" "clone ptrace chdir" "rename link mmap" "sock io-uring")
mkdir "$W/ok"
chmod 1777 "$W/ok"
echo secret >"$W/secret"
echo open >"$W/open"
policy "$W/stress.yaml" <<-EOF
	  - allow: [read, write]
	    path: "$W/ok/**"
	  - allow: [read, write]
	    path: ["/proc/self/**", "/proc/@sandbox/**"]
	  - allow: [read]
	    path: ["/sys/devices/system/**", "/proc/sys/**", "/proc/*"]
	network:
	  - allow: [connect]
	    to: localhost
	  - allow: [bind] # sock binds to every address
	    to: any
EOF
policy "$W/beside.yaml" <<-EOF
	  - allow: [read]
	    path: "$W/open"
EOF
keep_loaded
S=$CG/sbx-test-stress
B=$CG/sbx-test-beside
mkdir "$S" "$B"
check "stress: attach" "$SBX" attach --cgroup "$S" --policy "$W/stress.yaml" --name stress
check "stress: attach beside it" "$SBX" attach --cgroup "$B" --policy "$W/beside.yaml" --name beside

# Tries until $W/flag is there: the secret and the open file. Counts both.
try=$(
	cat <<-'EOF'
	n=0 secret=0 open=0
	while [ ! -e "$1/flag" ]; do
		n=$((n + 1))
		{ : <"$1/secret"; } 2>/dev/null && secret=$((secret + 1))
		{ : <"$1/open"; } 2>/dev/null && open=$((open + 1))
		sleep 0.1
	done
	echo $n $secret $open
	EOF
)
in_cgroup() { # CGROUP COMMAND...
	(
		[ -z "$1" ] || echo $BASHPID >"$1/cgroup.procs"
		shift
		exec "$@"
	)
}
# As a user, since as root exec refuses to run; where it writes, since io-uring does not find its file
# with --temp-path, and ends.
stress() { # SECONDS ARGUMENT...
	rm -f "$W/ok/figures"
	in_cgroup "$S" timeout -k 10 $(($1 + 90)) setpriv --reuid 65534 --regid 65534 --clear-groups \
		env -C "$W/ok" stress-ng --oomable --quiet --metrics --yaml "$W/ok/figures" --timeout "$@" \
		--clone-max 64 --chdir-dirs 64 --mmap-bytes 4M >"$W/log" 2>&1
}
did() { # CLASS SECONDS: it got something done all the time
	grep -A6 "stressor: $1\$" "$W/ok/figures" | awk -v all="$2" '/bogo-ops: [1-9]/ { n++ }
		/wall-clock-time:/ { n += $2 >= all - 1 } END { exit n != 2 }' && return
	cat "$W/log" "$W/ok/figures"
	return 1
}
for who in "$S" "$B" ''; do
	in_cgroup "$who" bash -c "$try" try "$W" >"$W/tried${who##*/}" &
done

warnings() { dmesg | grep -aE 'BUG:|WARNING:|Oops|KASAN|rcu_.*stall' | grep -v 'ommand line: '; }
before=$(warnings)
quiet() { wants "$before" "$(warnings)"; }
for group in "${classes[@]}"; do
	# shellcheck disable=SC2046,SC2086 # words
	stress "${STRESS:-30}" $(printf -- '--%s 2 ' $group)
	status "stress: $group: nothing fails" 0 test $? = 0
	for c in $group; do
		check "stress: $c for ${STRESS:-30} s" did "$c" "${STRESS:-30}"
	done
	check "stress: $group: the kernel does not warn" quiet
done
touch "$W/flag"
wait # for those who try
read -r n secret open <"$W/triedsbx-test-stress"
check "stress: inside nothing got through in $n tries" test "$n" -gt 20 -a "$secret" = 0 -a "$open" = 0
read -r n secret open <"$W/triedsbx-test-beside"
check "stress: the sandbox beside it is as it was in $n tries" test "$n" -gt 20 -a "$secret" = 0 -a "$open" = "$n"
read -r n secret open <"$W/tried"
check "stress: outside nobody is bound in $n tries" test "$n" -gt 20 -a "$secret" = "$n" -a "$open" = "$n"

# Who carries a label now? Nobody: all ended.
check "stress: no label is left" test "$("$SBX" status --json | get '[s["tasks"] for s in j]')" = "[0, 0, 0]"
check "stress: detach" "$SBX" detach --all
rm -rf "$W"
