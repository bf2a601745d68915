#!/bin/bash
# SPDX-License-Identifier: MIT
# Fetch Debian's kernels into a cache outside git.
#
#   kernels.sh fetch [--refresh] 6.1|6.12|newest|all...
#   kernels.sh list
#
# apt does the work with lists, cache, status and sources of its own, so that the machine's suites
# stay as they are; proxies and credentials are still the machine's. The mirror is the one that the
# machine already uses. A kernel is built up in a temporary directory and renamed when complete.
set -Eeuo pipefail
trap 'echo "kernels.sh: error: line $LINENO failed: $BASH_COMMAND" >&2' ERR
# shellcheck source=lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

# Where a kernel may come from: suites in order of preference.
suites() {
	case "$1" in
	6.1) echo "bookworm" ;;
	6.12) echo "trixie bookworm-backports" ;;
	newest) echo "sid" ;;
	esac
}

# A suite may have moved on to another series: this is what the version must look like.
version_ok() { # KERNEL VERSION
	case "$1" in
	newest) return 0 ;;
	*) [[ $2 == "$1".* ]] ;;
	esac
}

# Modules that no test under emulation loads; they are nine tenths of the whole.
PRUNE="sound drivers/gpu drivers/media drivers/net/ethernet drivers/net/wireless drivers/infiniband
drivers/scsi drivers/staging drivers/iio drivers/hid drivers/input drivers/usb drivers/hwmon
drivers/isdn drivers/ata drivers/message drivers/edac drivers/mmc drivers/nfc drivers/platform
drivers/power drivers/regulator drivers/video drivers/thunderbolt drivers/net/wwan drivers/net/can
drivers/net/fddi drivers/net/usb drivers/net/phy drivers/net/arcnet drivers/net/hamradio
drivers/accel drivers/bluetooth drivers/comedi drivers/soundwire drivers/firewire drivers/mfd
drivers/i2c drivers/spi drivers/mtd drivers/leds drivers/crypto drivers/pinctrl drivers/gpio
net/bluetooth net/mac80211 net/wireless"

# All deb entries of the machine as "URI SUITE", whichever of the two formats they are in.
machine_entries() {
	local d=/etc/apt f
	for f in "$d"/sources.list "$d"/sources.list.d/*.list; do
		[ -r "$f" ] || continue
		# Options in brackets may hold spaces: drop them before splitting.
		sed -n 's/#.*//; s/^[[:space:]]*deb[[:space:]]\{1,\}//; t k; b; :k; s/^\[[^]]*\][[:space:]]*//; p' "$f" |
			awk 'NF >= 2 { print $1, $2 }'
	done
	for f in "$d"/sources.list.d/*.sources; do
		[ -r "$f" ] || continue
		awk '
			function flush(   i, j, n, m, u, s) {
				if (types ~ /(^| )deb( |$)/ && tolower(enabled) != "no") {
					n = split(uris, u, " "); m = split(suites, s, " ")
					for (i = 1; i <= n; i++) for (j = 1; j <= m; j++) print u[i], s[j]
				}
				types = uris = suites = enabled = key = ""
			}
			/^#/ { next }
			/^[[:space:]]*$/ { flush(); next }
			{
				if ($0 !~ /^[[:space:]]/) {
					key = tolower($0); sub(/:.*/, "", key)
					sub(/^[^:]*:[[:space:]]*/, "")
				}
				gsub(/[[:space:]]+/, " ")
				if (key == "types") types = types " " $0
				else if (key == "uris") uris = uris " " $0
				else if (key == "suites") suites = suites " " $0
				else if (key == "enabled") enabled = $0
			}
			END { flush() }' "$f"
	done
}

# The first archive that carries a Debian release; with "security", the first security archive.
machine_mirror() { # archive|security
	machine_entries | awk -v want="$1" '
		BEGIN { names = "^(oldoldstable|oldstable|stable|testing|unstable|sid|bullseye|bookworm|trixie|forky|duke)" }
		want == "archive" && $2 ~ (names "$") { print $1; exit }
		want == "security" && $2 ~ (names "(-security$|/updates$)") { print $1; exit }'
}

keyring() {
	local k
	for k in "${SBX_DEBIAN_KEYRING:-}" /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
		[ ! -r "$k" ] || { printf '%s\n' "$k"; return; }
	done
	die "no keyring of the Debian archive on this machine" \
		"apt-get install debian-archive-keyring, or SBX_DEBIAN_KEYRING=FILE"
}

# Write the private configuration into DIR; later arguments are source lines without options.
apt_setup() { # DIR KEYRING "URI SUITE"...
	local d=$1 key=$2 e
	shift 2
	mkdir -p "$d"/{state/lists/partial,cache/archives/partial,log,none}
	: >"$d/status"
	# -c is read after the machine's own files: what is cleared here stays cleared.
	cat >"$d/apt.conf" <<-EOF
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		#clear APT::Default-Release;
		Dir::State "$d/state";
		Dir::State::Lists "$d/state/lists";
		Dir::State::status "$d/status";
		Dir::Cache "$d/cache";
		Dir::Cache::archives "$d/cache/archives";
		Dir::Log "$d/log";
		Dir::Etc::SourceList "$d/sources.list";
		Dir::Etc::SourceParts "$d/none";
		Dir::Etc::Preferences "$d/none/p";
		Dir::Etc::PreferencesParts "$d/none";
		APT::Architecture "amd64";
		#clear APT::Architectures;
		APT::Architectures { "amd64"; };
		APT::Sandbox::User "$(id -un)";
		APT::Update::Error-Mode "any";
		Acquire::Languages "none";
		Acquire::Retries "3";
		APT::Get::AllowUnauthenticated "false";
		Acquire::AllowInsecureRepositories "false";
	EOF
	for e; do
		printf 'deb [arch=amd64 signed-by=%s] %s main\n' "$key" "$e"
	done >"$d/sources.list"
}

update() { # DIR
	apt-get -c "$1/apt.conf" -qq update >"$1/update.log" 2>&1
}

# Lists of SUITE, with its security suite where that can be had.
update_suite() { # DIR KEYRING SUITE
	local d=$1 key=$2 suite=$3 archive security
	archive=${SBX_DEBIAN_MIRROR:-$(machine_mirror archive)}
	[ -n "$archive" ] || die "no Debian archive in this machine's apt sources" \
		"SBX_DEBIAN_MIRROR=URI of a Debian archive"
	security=$(machine_mirror security)
	if [ -n "$security" ] && [ "$suite" != sid ] && [[ $suite != *-backports ]]; then
		apt_setup "$d" "$key" "$archive $suite" "$security $suite-security"
		! update "$d" || return 0
	fi
	apt_setup "$d" "$key" "$archive $suite"
	update "$d"
}

# A machine's keyring can be older than the suite wanted. Newer archive keyrings are then taken from
# the archive itself, each from a suite whose signature the keyring before it verifies.
newer_keyring() { # DIR KEYRING -> path of the next keyring
	local d=$1 key=$2 s deb new
	for s in bookworm trixie forky sid; do
		rm -rf "$d"
		update_suite "$d" "$key" "$s" || continue
		(cd "$d" && apt-get -c apt.conf -qq download debian-archive-keyring) >/dev/null 2>&1 || continue
		deb=$(echo "$d"/debian-archive-keyring_*.deb)
		dpkg -x "$deb" "$d/keyring"
		for new in "$d"/keyring/usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
			[ -e "$new" ] || continue
			cp "$new" "$d.$s.${new##*.}"
			key="$d.$s.${new##*.}"
			say "trust: archive keyring of $s, verified by the keyring before it"
			break
		done
	done
	printf '%s\n' "$key"
}

# Lists for the first suite that has the series; sets SUITE and KEY.
find_suite() { # KERNEL DIR
	local kernel=$1 d=$2 s v
	KEY=$(keyring)
	for s in $(suites "$kernel"); do
		rm -rf "$d"
		if ! update_suite "$d" "$KEY" "$s"; then
			if grep -q -e NO_PUBKEY -e 'not signed' -e 'EXPKEYSIG' "$d/update.log"; then
				say "the machine's keyring does not know the key of $s: looking for a newer one"
				KEY=$(newer_keyring "$d.key" "$KEY")
				rm -rf "$d"
				update_suite "$d" "$KEY" "$s" || { cat "$d/update.log" >&2; continue; }
			else
				cat "$d/update.log" >&2
				continue
			fi
		fi
		v=$(apt-cache -c "$d/apt.conf" show --no-all-versions linux-image-amd64 2>/dev/null |
			sed -n 's/^Version: //p')
		if [ -n "$v" ] && version_ok "$kernel" "$v"; then
			SUITE=$s
			return 0
		fi
		say "$s has linux-image-amd64 ${v:-nowhere}, not $kernel"
	done
	return 1
}

# The packages that hold the image and its modules: the meta package and what it depends on of the
# linux-image/-binary/-modules/-base families. (Since 7.x vmlinuz, modules and their indexes are
# packages of their own.)
image_packages() { # DIR
	local d=$1 todo=linux-image-amd64 seen=" " p
	while [ -n "${todo// /}" ]; do
		read -r p todo <<<"$todo"
		case "$seen" in *" $p "*) continue ;; esac
		seen="$seen$p "
		[ "$p" = linux-image-amd64 ] || printf '%s\n' "$p"
		todo="$todo $(apt-cache -c "$d/apt.conf" show --no-all-versions "$p" |
			sed -n 's/^\(Pre-\)\{0,1\}Depends: //p' | tr ',|' '\n' | awk '{ print $1 }' |
			sed -n '/^linux-\(image\|binary\|modules\|base\)-[0-9]/p' | tr '\n' ' ')"
	done
}

# The ELF image inside a bzImage: qemu starts it at its PVH entry, which spares the guest some
# seconds of emulated decompression. Offsets are those of Documentation/arch/x86/boot.rst.
extract_vmlinux() { # BZIMAGE OUT
	local setup off len magic
	setup=$(od -An -tu1 -j $((0x1f1)) -N 1 "$1" | tr -d ' ')
	off=$(od -An -tu4 -j $((0x248)) -N 4 "$1" | tr -d ' ')
	len=$(od -An -tu4 -j $((0x24c)) -N 4 "$1" | tr -d ' ')
	off=$((off + (setup + 1) * 512))
	magic=$(od -An -tx1 -j "$off" -N 4 "$1" | tr -d ' ')
	# The last 4 bytes are the unpacked size, no part of the stream.
	payload() { tail -c +$((off + 1)) "$1" | head -c $((len - 4)); }
	case "$magic" in
	fd377a58) payload "$1" | xz -dc >"$2" ;;
	28b52ffd) payload "$1" | zstd -qdc >"$2" ;;
	1f8b*) payload "$1" | gzip -dc >"$2" ;;
	*) return 1 ;;
	esac
	[ "$(head -c 4 "$2" | tail -c 3)" = ELF ]
}

# Modules are kept unpacked: xz under emulation costs more than reading some more over 9p.
unpack_modules() { # DIR RELEASE
	local m=$1/lib/modules/$2 p
	for p in $PRUNE; do rm -rf "${m:?}/kernel/$p"; done
	find "$m" -name '*.ko.xz' -print0 | xargs -0r -P "$(nproc)" -n 32 xz -d
	find "$m" -name '*.ko.zst' -print0 | xargs -0r -P "$(nproc)" -n 32 zstd -qd --rm
	rm -f "$m/build" "$m/source"
	depmod -b "$1" "$2"
}

fetch() { # KERNEL
	local kernel=$1 dst tmp pkgs p img
	dst=$(kernel_dir "$kernel")
	mkdir -p "$SBX_CACHE/kernels"
	exec 8>"$SBX_CACHE/kernels/.$kernel.lock"
	flock 8
	if [ -z "$REFRESH" ] && kernel_cached "$kernel"; then
		say "$kernel is cached: $(paste -sd' ' "$dst/packages")"
		return
	fi
	tmp=$(mktemp -d "$SBX_CACHE/kernels/.$kernel.XXXXXX")
	# shellcheck disable=SC2064
	trap "rm -rf '$tmp'" EXIT
	say "$kernel: reading package lists"
	find_suite "$kernel" "$tmp/apt" || die "no suite of the archive gives kernel $kernel" \
		"is the network up? Does the archive carry $(suites "$kernel")? Otherwise SBX_DEBIAN_MIRROR=URI"
	pkgs=$(image_packages "$tmp/apt")
	[ -n "$pkgs" ] || die "linux-image-amd64 of $SUITE names no image package"
	mkdir -p "$tmp/deb" "$tmp/root" "$tmp/new/lib/modules"
	say "$kernel: downloading ${pkgs//$'\n'/ }"
	# shellcheck disable=SC2086
	(cd "$tmp/deb" && apt-get -c ../apt/apt.conf -qq download $pkgs) ||
		die "downloading $kernel from $SUITE failed" "try again: nothing half-done is kept"
	for p in "$tmp"/deb/*.deb; do dpkg -x "$p" "$tmp/root"; done
	for p in "$tmp"/root/lib/modules "$tmp"/root/usr/lib/modules; do
		[ ! -d "$p" ] || mv "$p"/* "$tmp/new/lib/modules"
	done
	# In /boot, or since 7.x beside the modules.
	img=$(find "$tmp/root" "$tmp/new" -name 'vmlinuz*' -type f)
	[ -r "$img" ] || die "not exactly one vmlinuz in: $pkgs" "the package layout changed: see image_packages"
	p=$(ls "$tmp/new/lib/modules")
	[ -d "$tmp/new/lib/modules/$p/kernel" ] || die "not exactly one set of modules in: $pkgs"
	mv "$img" "$tmp/new/vmlinuz"
	# Nothing here needs the config: it is kept for whoever asks what the kernel can do.
	find "$tmp/root/boot" "$tmp/new/lib/modules/$p" -maxdepth 1 -name 'config*' -type f \
		-exec mv {} "$tmp/new/config" \; 2>/dev/null || true
	extract_vmlinux "$tmp/new/vmlinuz" "$tmp/new/vmlinux" || {
		rm -f "$tmp/new/vmlinux"
		say "$kernel: cannot unpack vmlinuz: it will be booted as it is, some seconds slower"
	}
	unpack_modules "$tmp/new" "$p"
	# shellcheck disable=SC2016
	find "$tmp/deb" -name '*.deb' -exec dpkg-deb -W --showformat '${Package} ${Version}\n' {} \; \
		>"$tmp/new/packages"
	printf 'suite %s, verified with %s\n' "$SUITE" "${KEY/#$tmp*/a newer archive keyring}" >"$tmp/new/source"
	printf '%s\n' "$p" >"$tmp/new/release"
	sync -f "$tmp/new"
	[ ! -e "$dst" ] || mv "$dst" "$tmp/old"
	mv -T "$tmp/new" "$dst"
	rm -rf "$tmp"
	say "$kernel: $p ($(cat "$dst/source"))"
}

list() {
	local k
	for k in $SBX_KERNELS; do
		if kernel_cached "$k"; then
			printf '%-8s %-28s %s\n' "$k" "$(cat "$(kernel_dir "$k")/release")" "$(cat "$(kernel_dir "$k")/source")"
		else
			printf '%-8s not cached\n' "$k"
		fi
	done
}

usage() {
	sed -n '3,6s/^# \{0,1\}//p' "$0" >&2
	exit 125
}

REFRESH=
SUITE=
KEY=
case "${1:-}" in
list) list ;;
fetch)
	shift
	if [ "${1:-}" = --refresh ]; then
		REFRESH=1
		shift
	fi
	[ $# -gt 0 ] || usage
	need apt-get apt
	need dpkg-deb dpkg
	need depmod kmod
	need xz xz-utils
	need zstd zstd
	# shellcheck disable=SC2086 # a list
	[ "$1" != all ] || set -- $SBX_KERNELS
	for k; do kernel_known "$k"; done
	# A subshell each, so that one that cannot be had does not keep the others away.
	rc=0
	for k; do
		# Not "(fetch) || …": that would switch set -e off inside.
		set +e
		(set -e && fetch "$k")
		# shellcheck disable=SC2181
		[ $? -eq 0 ] || rc=125
		set -e
	done
	exit $rc
	;;
*) usage ;;
esac
