#!/bin/bash
# SPDX-License-Identifier: MIT
# run at a terminal: terminal.py types.
. "$(dirname "$0")/lib.sh"

policy "$W/tty.yaml" <<END
  - allow: [read, write]
    path: ["$W/**", "/dev/tty", "/dev/ptmx", "/dev/pts/**", "@tty"]
  - allow: [read]
    path: ["/dev", "/proc/**", "/var/lib/**", "/run/utmp"]
capabilities: []
END
keep_loaded
python3 "$ROOT/tests/kernel/terminal.py" "$SBX" "$W/tty.yaml" "$W"

# Typing for whoever sits there, and taking the console: by native and by 32-bit calls, and only the
# terminal that was given opens. In audit mode all of that happens, and is reported; outside it works.
# (Pairs that are made inside: tmux, above.)
policy "$W/own.yaml" <<END
  - allow: [read]
    path: ["$W/lines"]
  - allow: [read, write]
    path: ["/dev/tty", "/dev/tty1", "@tty"]
END
all_capabilities >>"$W/own.yaml"
[ ! -e /proc/sys/dev/tty/legacy_tiocsti ] || echo 1 >/proc/sys/dev/tty/legacy_tiocsti
# sits USER NAME [-c DEVICE]: the lines of stdin at a terminal: in a sandbox, in audit mode, outside
sits() {
	local user=$1 name=$2 uid=0 at as=()
	[ "$user" = root ] || uid=65534 as=("${AS_USER[@]}")
	at=("$ROOT/build/kernel/terminal" "$uid" "$W" "${@:3}")
	cat >"$W/lines"
	at_one() { # NAME COMMAND...
		"${at[@]}" "${@:2}" sh -c "'$ACT' <'$W/lines'" 2>"$W/err" | sed "s|^ok|ok $1:|; s|^not ok|not ok $1:|"
		[ "${PIPESTATUS[0]}" = 0 ] || not_ok "$1: $(cat "$W/err")"
	}
	at_one "$name" "$SBX" run --policy "$W/own.yaml" --user "$user" --events "$W/denied" --
	sed -i 's/^E[A-Z|]*/!EACCES|EPERM/' "$W/lines"
	at_one "$name/audit" "$SBX" run --audit --policy "$W/own.yaml" --user "$user" --events "$W/events" --
	check "$name/audit: reports what was denied" python3 "$ROOT/tests/kernel/events.py" subset "$W/denied" "$W/events"
	at_one "$name/outside" env "${as[@]}"
	rm -f "$W/denied" "$W/events"
}
both() { # KIND DEVICE: by either door
	printf "EPERM tty $1 %s $2\n" native int80
}
for user in root nobody; do
	{
		both sti "$W/own"
		both setd "$W/own"
		both sti /dev/tty
		if [ $user = root ]; then
			both cons "$W/own"
			both linux /dev/tty1
			for kind in keys texts accents scancode; do both $kind /dev/tty1; done
			echo "EACCES rdwr /dev/console"
		fi
		cat <<-END
			EACCES rdwr $W/other
				EACCES write $W/other
			ok rdwr $W/own
			ok rdwr /dev/tty
		END
	} | sits $user "terminals/$user"
done
# A user at the console is whom these obey.
{
	both linux "$W/own"
	both sti "$W/own"
	echo "ok rdwr $W/own"
} | sits nobody terminals/console -c /dev/tty1
unload tty
rm -rf "$W"
