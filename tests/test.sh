#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs a tier of tests: quick (no virtual machine), all, work, soak. The last line is the sum of everything.
set -u
cd "$(dirname "$(readlink -f "$0")")/.." || exit 1
# shellcheck source=tests/lib.sh
. tests/lib.sh

KERNELS=${KERNELS:-6.1 6.12 newest}
# Kernel tests of the commands and the policies: much the same on every kernel, and slow in emulation.
on_one='@(cli|killed|run|denials|policies|proxy|variants|work)'
JOBS=${JOBS:-$(nproc)}
machines=$((JOBS + 1)) # at once: each waits now and then

quietly() { # its output only when it fails
	local log rc
	log=$(mktemp)
	"$@" >"$log" 2>&1
	rc=$?
	[ $rc -eq 0 ] || cat "$log"
	rm -f "$log"
	return $rc
}

build() {
	if quietly make --no-print-directory -s -j"$JOBS" tests; then
		ok "everything compiles without warnings"
	else
		not_ok "the build fails"
	fi
	closing
}

fuzz() {
	quietly make --no-print-directory -s -j"$JOBS" tests
	make --no-print-directory -s fuzz FUZZ_TIME="$1"
}

matrix() { # MACHINES PARTS SECONDS CMD...: for each kernel, so many machines at once; SYSTEMD=1: with it
	local machines=$1 parts=$2 limit=$3
	shift 3
	# shellcheck disable=SC2086 # a list
	if ! quietly tests/vm/kernels.sh fetch $KERNELS; then
		not_ok "the kernels cannot be fetched"
		closing
		return
	fi
	# shellcheck disable=SC2086
	SBX_VM_SLOTS=${SBX_VM_SLOTS:-$machines} tests/vm/matrix.sh -j "$machines" --parts "$parts" --timeout "$limit" ${SYSTEMD:+--systemd} $KERNELS -- "$@"
}

random() { # the random unit tests with seeds of their own, for so many seconds
	local end=$((SECONDS + $1)) seed t
	while [ $SECONDS -lt "$end" ]; do
		seed=$RANDOM$RANDOM
		for t in build/unit/test_*_random; do
			if quietly env SBX_SEED=$seed "$t"; then
				passed=$((passed + 1))
			else
				not_ok "${t##*/} with SBX_SEED=$seed"
			fi
		done
	done
	closing
}

# In a subshell, with sums of its own: section() reads the closing line.
part() {
	(
		# shellcheck disable=SC2034 # lib.sh uses them
		passed=0 failed=0 skipped=0
		"$@"
	)
}

quick() {
	section "build" part build || return # nothing else would mean anything
	section "lint" tests/lint/lint.sh
	section "unit tests" make --no-print-directory -s unit
	section "policies" tests/policy/run.sh
	section "command line" tests/cli/run.sh
	section "fuzzing" part fuzz "${FUZZ_TIME:-30}"
}

case "${1:-all}" in
quick)
	quick
	;;
all)
	quick || :
	if [ -x build/sbx-bpf ]; then
		# Three machines for each of three kernels: about half an hour. The limit is for a machine
		# that hangs.
		section "kernels: $KERNELS" part matrix $machines 3 1500 tests/kernel/all.sh
		# By the clock, whoever else runs: all at once.
		T=stress LIMIT=800 section "stress: $KERNELS" part matrix 3 1 850 tests/kernel/all.sh
		case " $KERNELS " in *" 6.12 "*) one=6.12 ;; *) one=${KERNELS##* } ;; esac
		T=$on_one KERNELS=$one LIMIT=800 section "commands and policies: $one" part matrix $machines 3 1500 tests/kernel/all.sh
		T=service KERNELS=$one SYSTEMD=1 section "sbx-bpfd under systemd: $one" part matrix 1 1 400 tests/kernel/all.sh
		section "demo" tests/demo/demo.sh
	fi
	;;
work)
	[ -z "${WORK:-}" ] || on_one=work
	T=$on_one LIMIT=1700 section "commands and policies: $KERNELS" part matrix $machines 1 2400 env WORK="${WORK:-}" tests/kernel/all.sh
	;;
soak)
	if section "build" part build; then
		if [ "${SOAK:-}" != races ]; then
			section "random tests" part random 600
			section "fuzzing" part fuzz 600
		fi
		export SBX_VM_PARALLEL="${SBX_VM_PARALLEL-1}" # races: two processors that run at once
		# Two machines of two processors: a round takes an hour and more, and a million opens that
		# meet a move as long again. The limit is for one that hangs.
		section "kernels: $KERNELS" part matrix 2 1 21600 env MEETINGS="${MEETINGS:-}" tests/kernel/soak.sh "${SOAK:-}"
	fi
	;;
*)
	echo "usage: $0 quick|all|work|soak" >&2
	exit 2
	;;
esac

failures
printf '\n== sum: %d s\n' "$SECONDS"
closing
