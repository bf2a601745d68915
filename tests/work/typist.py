# SPDX-License-Identifier: MIT
"""A command at a terminal, and somebody who types.

typist.py SCRIPT COMMAND...: SCRIPT is a JSON list of [PATTERN, TEXT]: when the pattern is seen, the text is
typed. Ends with the command's status; 124 where a pattern did not come for PATIENCE seconds.
"""
import json
import os
import pty
import re
import select
import sys
import termios
import time

PATIENCE = int(os.environ.get("PATIENCE", "90"))


def main(script, command):
    pid, fd = pty.fork()
    if not pid:
        os.environ["TERM"] = "xterm"
        termios.tcsetwinsize(0, (24, 80))
        os.execvp(command[0], command)
    steps, seen, end = json.loads(script), "", time.monotonic() + PATIENCE
    while True:
        while steps and re.search(steps[0][0], seen):
            os.write(fd, steps.pop(0)[1].encode())
            seen, end = "", time.monotonic() + PATIENCE
        if time.monotonic() > end:
            print(f"no {steps[:1]!r} in {seen!r}")
            os.kill(pid, 15)
            return 124
        if not select.select([fd], [], [], 1)[0]:
            continue
        try:
            seen += os.read(fd, 65536).decode(errors="replace")
        except OSError: # the terminal is closed
            break
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status or steps:
        print(f"status {status}, {steps!r} not typed, after {seen!r}")
    return status or (1 if steps else 0)


sys.exit(main(sys.argv[1], sys.argv[2:]))
