#!/bin/bash
# SPDX-License-Identifier: MIT
# Instructions per operation, on each kernel: a table here, and build/bench.json.
#
#   run.sh [--quick] [--check] [--cases "open:8 stat"] [--kernel K | KERNEL...]
#
#   --quick   opens only, on tmpfs: about a minute per kernel
#   --macro   larger pieces of work instead: ten minutes per kernel
#   --check   measure twice, and fail where the two differ
#   --cases   these cases only, with every subject of the full run
#
# What is measured, and how: README.md.
set -Eeuo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
cd "$here/../.."
B=build/bench

mode=full check='' cases='' kernels=()
while [ $# -gt 0 ]; do
	case $1 in
	--quick) mode=quick ;;
	--macro) mode=macro ;;
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
		sed -n '3,12s/^# \{0,1\}//p' "$0" >&2
		exit 2
		;;
	*) kernels+=("$1") ;;
	esac
	shift
done
[ ${#kernels[@]} -gt 0 ] || kernels=(6.1 6.12 newest)

tests/vm/kernels.sh fetch "${kernels[@]}" 2>&1 | grep -v "is cached" >&2 || :
mkdir -p $B
[ $mode != macro ] || tests/bench/work.sh $B/work.tar
rc=0 files=()
for k in "${kernels[@]}"; do
	out=$B/rows-$k.tsv
	# Words of the guest (progress, errors) are for the reader at once; rows are for the table.
	if tests/vm/run.sh --kernel "$k" --icount --timeout "${TIMEOUT:-3600}" -- \
		env CHECK=$check tests/bench/guest.sh $mode $cases |
		awk -v out="$out.new" '/^row\t/ { print > out; next } { print > "/dev/stderr" }'; then
		mv "$out.new" "$out"
		files+=("$k=$out")
	else
		echo "run.sh: error: measuring on $k failed" >&2
		rc=1
	fi
done
[ ${#files[@]} -eq 0 ] || tests/bench/table.py "$mode" build/bench.json "${files[@]}" || rc=1
exit $rc
