#!/bin/bash
# SPDX-License-Identifier: MIT
# Instructions per operation, on each kernel: a table here, and build/bench.json.
#
#   run.sh [--quick] [--check] [--cases "open:8 stat"] [--kernel K | KERNEL...]
#
#   --quick   opens only, on tmpfs: about a minute per kernel
#   --check   measure twice, and fail where the two differ
#   --cases   these cases only, with every subject of the full run
#   --macro   larger pieces of work, too: ten minutes more per kernel
#   --only-macro   these alone
#
# What is measured, and how: README.md.
set -Eeuo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
cd "$here/../.."
B=build/bench

mode=full macro='' check='' cases='' kernels=()
while [ $# -gt 0 ]; do
	case $1 in
	--quick) mode=quick ;;
	--macro) macro=macro ;;
	--only-macro) mode='' macro=macro ;;
	--check) check=1 ;;
	--cases)
		cases=${2:?--cases needs a list}
		shift
		;;
	--kernel)
		kernels+=("${2:?--kernel needs a name}")
		shift
		;;
	-*)
		sed -n '3,14s/^# \{0,1\}//p' "$0" >&2
		exit 2
		;;
	*) kernels+=("$1") ;;
	esac
	shift
done
[ ${#kernels[@]} -gt 0 ] || kernels=(6.1 6.12 newest)

tests/vm/kernels.sh fetch "${kernels[@]}" 2>&1 | grep -v "is cached" >&2 || :
mkdir -p $B
[ -z "$macro" ] || tests/bench/work.sh $B/work.tar
rc=0 files=()

# Words of the guest (progress, errors) are for the reader at once; rows are for the table.
measure() { # KERNEL MODE [CASE...]
	local out=$B/$2-$1.tsv mem=2G
	[ "$2" != macro ] || mem=3G # all that find visits has to stay in memory
	if tests/vm/run.sh --kernel "$1" --icount --mem $mem --timeout "${TIMEOUT:-3600}" -- \
		env CHECK=$check tests/bench/guest.sh "${@:2}" |
		awk -v out="$out.new" '/^row\t/ { print > out; next } { print > "/dev/stderr" }'; then
		mv "$out.new" "$out"
		files+=("$1=$out")
	else
		echo "run.sh: error: measuring ($2) on $1 failed" >&2
		rc=1
	fi
}

for k in "${kernels[@]}"; do
	# shellcheck disable=SC2086 # a list
	[ -z "$mode" ] || measure "$k" "$mode" $cases
	[ -z "$macro" ] || measure "$k" macro
done
[ ${#files[@]} -eq 0 ] || tests/bench/table.py build/bench.json "${files[@]}" || rc=1
exit $rc
