# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the scripts of this folder share: names, the cache, diagnostics.

# The matrix of design.md 2. "newest" follows sid; fetch --refresh moves it on.
SBX_KERNELS="6.1 6.12 newest"
SBX_CACHE="${SBX_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sbx-bpf}"

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# The runner's own failures are 125, so that no status of a command is mistaken for one.
die() {
	say "error: $1"
	[ $# -lt 2 ] || say "hint: $2"
	exit 125
}

need() { # TOOL PACKAGE
	command -v "$1" >/dev/null || die "$1 is missing" "apt-get install $2"
}

kernel_known() {
	case " $SBX_KERNELS " in
	*" $1 "*) ;;
	*) die "no such kernel: $1" "one of: $SBX_KERNELS" ;;
	esac
}

kernel_dir() { printf '%s/kernels/%s\n' "$SBX_CACHE" "$1"; }

# A directory appears under its final name by one rename, when complete; its presence is enough.
kernel_cached() { [ -e "$(kernel_dir "$1")/release" ]; }
