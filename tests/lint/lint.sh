#!/bin/bash
# SPDX-License-Identifier: MIT
# Everything about the sources that a program can check. T=name runs one check.
set -u
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
# shellcheck source=tests/lib.sh
. tests/lib.sh
here=tests/lint

# What is ours: everything but build/.
sources() { # PATTERN...: names as in find -name
	local p args=()
	for p; do args+=(-o -name "$p"); done
	find . \( -name .git -o -path ./build \) -prune -o -type f \( "${args[@]:1}" \) -print |
		sed 's|^\./||' | sort
}

scripts() {
	sources '*.sh'
	grep -l '^#!/bin/bash' tests/escape/adapters/*
	echo .ci/run
}

lint_format() {
	local bad
	sources '*.c' '*.h' | grep -v '^vmlinux/' | xargs clang-format --dry-run -Werror || return
	bad=$(sources '*.go' | xargs gofmt -d)
	[ -z "$bad" ] || {
		echo "$bad"
		return 1
	}
}

lint_cppcheck() {
	# Without -Ibuild: the skeleton holds the whole BPF object, which takes half a minute to read.
	# Unit and kernel tests include files that only exist with their libraries: not worth it.
	find user -name '*.c' -print0 | xargs -0 -r cppcheck --quiet --error-exitcode=1 -j 2 \
		--std=c11 --enable=warning,portability --inline-suppr --suppress=missingIncludeSystem \
		--suppress=checkersReport --max-configs=2 -D__GNUC__ \
		'-DLIBBPF_OPTS(type,name,...)=struct type name={__VA_ARGS__}' -Iinclude -I.
}

lint_includes() { "$here/includes.sh"; }

lint_spdx() {
	local bad
	bad=$(sources '*.c' '*.h' '*.def' '*.sh' '*.py' '*.go' '*.yaml' '*.scd' Makefile run |
		grep -v '^tests/golden/' |
		while read -r f; do
			head -n 3 "$f" | grep -q 'SPDX-License-Identifier: .*MIT' || echo "$f"
		done)
	[ -z "$bad" ] || {
		printf 'without "SPDX-License-Identifier: MIT" in the first three lines:\n%s\n' "$bad"
		return 1
	}
}

lint_length() {
	local bad
	bad=$(sources '*.c' '*.h' '*.def' '*.sh' '*.py' '*.go' '*.yaml' '*.md' Makefile | grep -v '^tests/golden/' |
		xargs wc -l | awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines, more than 600" }')
	[ "$(wc -l <README.md)" -le 120 ] || bad+=$'\n''README.md: more than 120 lines'
	[ -z "$bad" ] || {
		echo "$bad"
		return 1
	}
}

lint_leftovers() {
	local words='TO''DO|FIX''ME|XX''X'
	! sources '*.c' '*.h' '*.def' '*.sh' '*.py' '*.go' '*.md' '*.scd' '*.yaml' | grep -v '^tests/golden/' |
		xargs grep -nE "\\b($words)\\b"
}

lint_man() {
	local f rc=0
	for f in doc/man/*.scd; do
		scdoc <"$f" >/dev/null || {
			echo "$f: scdoc refuses it"
			rc=1
		}
	done
	return $rc
}

lint_shellcheck() {
	# `a= b=` declares, and qemu's options have commas.
	scripts | xargs shellcheck -x -S warning -e SC1007,SC2054
}

lint_python() {
	sources '*.py' | xargs -r python3 -c 'import ast, sys
for name in sys.argv[1:]:
    ast.parse(open(name, encoding="utf-8").read(), name)'
}

# `make escape-list` writes it anew.
lint_attacks() {
	[ -x build/sbx-escape ] || {
		echo "build/sbx-escape is missing: run make tests"
		return 1
	}
	sed '1,/^<!-- generated/d' doc/escape-cases.md | diff - <(build/sbx-escape --list --markdown)
}

# The tests and CI start them by name.
lint_executable() {
	local f rc=0
	while read -r f; do
		if head -n 1 "$f" | grep -q '^#!' && [ ! -x "$f" ]; then
			echo "$f: has a #! line and is not executable"
			rc=1
		fi
	done < <(
		scripts
		sources '*.py'
	)
	return $rc
}

# The shipped policies are read without a complaint, and so is what is asserted of them; they name
# nothing that is not enforced yet.
lint_policies() {
	local f out var rc=0
	[ -x build/sbx-bpf ] || {
		echo "build/sbx-bpf is missing: run make"
		return 1
	}
	for f in policies/*.yaml; do
		var=()
		! grep -q '^  project:' "$f" || var=(--var "project=$PWD")
		if ! out=$(build/sbx-bpf check "${var[@]}" --assert "policies/assert/${f##*/}" "$f" 2>&1) ||
			grep -E 'error:|never decides|cannot enforce' <<<"$out"; then
			printf '%s: %s\n' "$f" "$out"
			rc=1
		fi
	done
	return $rc
}

# Whatever its program is: it may not be built yet, nor its manual page installed.
lint_unit() {
	local dir rc
	dir=$(mktemp -d)
	sed 's|@SBINDIR@/sbx-bpfd|/bin/true|' user/daemon/sbx-bpfd.service.in >"$dir/sbx-bpfd.service"
	systemd-analyze --man=no verify "$dir/sbx-bpfd.service"
	rc=$?
	rm -rf "$dir"
	return $rc
}

checks="format cppcheck includes spdx length leftovers man unit shellcheck python executable policies attacks"
for check in ${T:-$checks}; do
	start=$SECONDS
	if out=$("lint_$check" 2>&1); then
		ok "$check ($((SECONDS - start)) s)"
	else
		printf '%s\n' "$out" | head -n "${LINT_LINES:-40}"
		not_ok "$check"
	fi
done
closing
