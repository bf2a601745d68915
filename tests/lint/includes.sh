#!/bin/bash
# SPDX-License-Identifier: MIT
# Arrows point one way: include <- bpf; include <- base <- policy <- event <- kern <- cli, daemon.
# Prints every #include that points against them.
set -u
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1

# FOLDER: the folders whose headers its files may include, besides include/ and its own.
allowed() {
	case "$1" in
	include) echo "vmlinux" ;; # sbx_types.h, for the BPF side
	bpf) echo "vmlinux" ;;
	user/base) echo "" ;;
	user/policy) echo "user/base" ;;
	user/event) echo "user/base user/policy" ;;
	user/net | user/dns) echo "user/base user/policy" ;;
	user/kern) echo "user/base user/policy user/event build" ;;
	user/cli) echo "user/base user/policy user/event user/net user/dns user/kern" ;;
	user/daemon) echo "user/base user/policy user/event user/net user/dns user/kern" ;;
	tests/fuzz) echo "user/base user/policy user/event user/net user/dns user/kern user/cli tests" ;;
	tests/unit) echo "user/base user/policy user/event user/net user/dns user/kern user/cli tests bpf" ;;
	tests/kernel | tests/bench) echo "user/base tests" ;;
	tests/escape) echo "tests" ;;
	*) echo "?" ;;
	esac
}

# Where a quoted #include leads: beside the file, below the root, or on one of the -I paths.
place() { # DIRECTORY NAME
	local d
	for d in "$1" . include bpf vmlinux; do
		if [ -f "$d/$2" ]; then
			d=$(dirname "$d/$2")
			echo "${d#./}"
			return
		fi
	done
	case "$2" in
	sbx.skel.h) echo build ;;
	*) echo "nowhere" ;;
	esac
}

quoted='#[[:space:]]*include[[:space:]]*[<"]([^>"]*)[>"]'
rc=0
complain() {
	echo "$1: includes $2. Hint: $3"
	rc=1
}

while IFS=: read -r file line text; do
	dir=$(dirname "$file")
	[[ $text =~ $quoted ]] || continue
	name=${BASH_REMATCH[1]}
	case "$text" in
	*\<*)
		case "$dir:$name" in
		user/kern:bpf/* | bpf:bpf/* | tests/kernel:bpf/* | tests/bench:bpf/*) ;;
		*:bpf/*) complain "$file:$line" "<$name>" "only user/kern talks to libbpf" ;;
		esac
		continue
		;;
	esac
	to=$(place "$dir" "$name")
	if [ "$to" = "$dir" ] || [ "$to" = include ]; then
		# A command never includes another command.
		case "$dir/$name" in
		user/cli/*cmd_*.h) complain "$file:$line" "$name" "share through common.h" ;;
		esac
		continue
	fi
	case " $(allowed "$dir") " in
	*" $to "*) ;;
	*" ? "*) complain "$file:$line" "$name" "say in tests/lint/includes.sh what $dir may include" ;;
	*) complain "$file:$line" "$name (in $to)" "$dir may include: include $(allowed "$dir")" ;;
	esac
done < <(find include bpf user tests -name '*.[ch]' -exec grep -Hn '^[[:space:]]*#[[:space:]]*include' {} + |
	sed 's/^\.\///')
exit $rc
