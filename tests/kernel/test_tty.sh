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

# Typing for whoever sits there, and taking the console: by native and by 32-bit calls. Only the
# terminal that was given opens. (Pairs that are made inside: tmux, above.)
policy "$W/own.yaml" <<END
  - allow: [read]
    path: ["$W/lines"]
  - allow: [read, write]
    path: ["/dev/tty", "/dev/tty1", "@tty"]
END
all_capabilities >>"$W/own.yaml"
[ ! -e /proc/sys/dev/tty/legacy_tiocsti ] || echo 1 >/proc/sys/dev/tty/legacy_tiocsti
# at_terminal USER NAME COMMAND...: $W/template, at a terminal of its own (OWN), with another of the
# same user's beside it (OTHER)
cat >"$W/at.py" <<-'END'
	import os, pty, subprocess, sys, threading
	user, where, *command = sys.argv[1:]
	uid = 0 if user == "root" else 65534
	def pair():
	    ptm, pts = pty.openpty()
	    os.fchown(pts, uid, -1)
	    return ptm, pts, os.ttyname(pts)
	(ptm, pts, own), (_, _, other) = pair(), pair()
	with open(where + "/template") as f, open(where + "/lines", "w") as out:
	    out.write(f.read().replace("OWN", own).replace("OTHER", other))
	def take():
	    import fcntl, termios
	    os.setsid()
	    fcntl.ioctl(pts, termios.TIOCSCTTY, 0)
	def drain(): # a change of discipline waits for what was typed to be read
	    while os.read(ptm, 99):
	        pass
	threading.Thread(target=drain, daemon=True).start()
	p = subprocess.Popen(command, stdin=pts, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=take)
	said, err = p.communicate(timeout=100)
	os.write(1, said if said else err)
END
at_terminal() { # the lines of stdin
	local user=$1 name=$2
	shift 2
	cat >"$W/template"
	python3 "$W/at.py" "$user" "$W" "$@" -- sh -c "'$ACT' <'$W/lines'" |
		sed "s|^ok|ok $name:|; s|^not ok|not ok $name:|"
}
tty_lines() { # USER
	local kind how kinds=(sti setd)
	[ "$1" != root ] || kinds+=(linux cons)
	for kind in "${kinds[@]}"; do
		for how in native int80; do
			echo "EPERM tty $kind $how OWN" | sed '/linux/s|OWN|/dev/tty1|'
		done
	done
	cat <<-END
		EPERM tty sti native /dev/tty
		EACCES rdwr OTHER
		EACCES read OTHER
		ok rdwr OWN
		ok rdwr /dev/tty
	END
}
for user in root nobody; do
	tty_lines $user | at_terminal $user "terminals/$user" "$SBX" run --policy "$W/own.yaml" --user $user
	as=(env)
	[ $user = root ] || as=("${AS_USER[@]}")
	at_terminal $user "terminals/$user/outside" "${as[@]}" <<<"ok rdwr OTHER"
done
unload tty
rm -rf "$W"
