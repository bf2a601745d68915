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
unload tty
rm -rf "$W"
