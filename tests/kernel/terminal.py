# SPDX-License-Identifier: MIT
"""run at a terminal: a shell with job control on a pty, and somebody who types.

terminal.py SBX POLICY DIR: prints "ok NAME", "not ok NAME", "skip NAME: why" lines.
"""
import fcntl
import os
import pty
import re
import select
import shutil
import struct
import sys
import termios
import time

SBX, POLICY, DIR = sys.argv[1:4]
NOBODY = 65534
PROMPT = "READY> "
PATIENCE = int(os.environ.get("PATIENCE", "90"))


class Terminal:
    """A bash on a pty of its own."""

    def __init__(self, owner):
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.chown(os.ttyname(0), owner, -1)
            os.chdir(DIR)
            env = {"PATH": os.environ["PATH"], "TERM": "xterm", "HOME": DIR, "PS1": PROMPT, "LC_ALL": "C.UTF-8"}
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], env)
        self.seen = ""
        self.resize(24, 80)
        self.expect(PROMPT)

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern, patience=PATIENCE):
        """Everything up to the end of the pattern; AssertionError if it does not come."""
        end = time.monotonic() + patience
        while True:
            m = re.search(pattern, self.seen)
            if m:
                got = self.seen[: m.end()]
                self.seen = self.seen[m.end():]
                return got
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"no {pattern!r} in {self.seen!r}")
            self.seen += os.read(self.fd, 65536).decode(errors="replace")

    def command(self, text, pattern=None):
        """Types a line; waits for the pattern in what comes after its echo, else for the prompt."""
        self.type(text + "\n")
        self.expect(re.escape(text[-20:]) + r"\r*\n")
        return self.expect(pattern or PROMPT)

    def start(self, text):
        """A command that says "up". Shells lose a signal that comes while they fork: a moment more."""
        self.command(text, "up")
        time.sleep(1)

    def status(self):
        self.type("echo st=$?\n")
        got = self.expect(r"st=(\d+)\r")
        self.expect(PROMPT)
        return int(re.search(r"st=(\d+)\r", got).group(1))

    def close(self):
        os.close(self.fd)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return
            time.sleep(0.1)
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)


def foreground(t):
    return os.tcgetpgrp(t.fd)


def settle(t, same=False):
    """Until somebody else than the shell has the terminal."""
    end = time.monotonic() + PATIENCE
    while (foreground(t) == t.pid) != same:
        assert time.monotonic() < end, "the terminal changed no hands"
        time.sleep(0.05)


def ctrl_c(t):
    t.start(f"{RUN} sh -c 'echo up; sleep 1000'")
    t.type("\x03")
    t.expect(PROMPT)
    assert t.status() == 130


def ctrl_c_at_once(t):
    for wait in (0.1, 0.4, 0.8, 1.6):
        t.type(f"{RUN} sleep 1000\n")
        settle(t)
        time.sleep(wait)
        t.type("\x03")
        t.expect(r"\^C[^$]*" + PROMPT)
        assert t.status() == 130
    assert "sbx-run" not in t.command("ls /sys/fs/cgroup")


def ctrl_c_is_the_commands(t):
    t.start(f"{RUN} bash -c 'trap \"echo caught; exit 4\" INT; echo up; while :; do sleep 0.1; done'")
    t.type("\x03")
    t.expect("caught")
    t.expect(PROMPT)
    assert t.status() == 4


def ctrl_backslash(t):
    t.start(f"{RUN} sh -c 'echo up; sleep 1000'")
    t.type("\x1c")
    t.expect(PROMPT)
    assert t.status() == 131


def stop_and_continue(t):
    t.start(f"{RUN} bash -c 'echo up; while read -r x; do echo got-$x; done; exit 6'")
    for word in ("one", "two"):
        t.type("\x1a")
        t.expect("Stopped")
        t.expect(PROMPT)
        t.command("fg", "sbx-bpf")
        t.type(word + "\n")
        t.expect("got-" + word)
    t.type("\x04")
    t.expect(PROMPT)
    assert t.status() == 6


def stop_and_background(t):
    t.start(f"{RUN} bash -c 'echo up; sleep 3; echo over >&2; exit 8'")
    t.type("\x1a")
    t.expect("Stopped")
    t.expect(PROMPT)
    t.command("bg", "sbx-bpf")
    t.expect("over")
    t.type("wait %1; echo st=$?\n")
    t.expect(r"st=(8|127)\r")
    t.expect(PROMPT)


def background_reader(t):
    t.command("set -b")  # tells at once of jobs that stop
    t.command(f"{RUN} cat &", "Stopped")
    t.type("\n")
    t.expect(PROMPT)
    t.command("fg", r"-- cat\r\n")  # the whole line: what is typed is shown at once
    t.type("hello\n")
    t.expect("hello\r\nhello")
    t.type("\x04")
    t.expect(PROMPT)
    assert t.status() == 0


def command_stops_itself(t):
    t.start(f"{RUN} bash -c 'echo up; kill -STOP $$; echo again; exit 3'")
    t.expect("Stopped")
    t.expect(PROMPT)
    t.command("fg", "again")
    t.expect(PROMPT)
    assert t.status() == 3


def script_around(t):
    with open(f"{DIR}/around", "w") as f:
        # exec: dash waits for vfork() with signals held, and its child may stop before it is sleep
        f.write(f"echo begin\n{RUN} sh -c 'echo up; exec sleep 1000'\necho after\n")
    t.start("sh ./around")
    t.type("\x1a")
    t.expect("Stopped")
    t.expect(PROMPT)
    t.command("fg", "around")
    time.sleep(1)
    t.type("\x03")
    assert "after" not in t.expect(PROMPT)
    assert t.status() == 130


def loop_is_interrupted(t):
    t.start(f"while :; do {RUN} sh -c 'echo up; sleep 1000'; done")
    t.type("\x03")
    t.expect(PROMPT)
    assert t.status() == 130


def pipeline(t):
    if not shutil.which("less"):
        return "less is missing"
    t.command(f"{RUN} seq 1 500 | less", r"\n23\r")
    t.type("G")
    t.expect("500")
    t.type("q")
    t.expect(PROMPT)


def window_size(t):
    t.resize(33, 101)
    assert "33 101" in t.command(f"{RUN} stty size", r"\d+ \d+\r")
    t.expect(PROMPT)
    t.start(f"{RUN} bash -c 'trap \"stty size; exit\" WINCH; echo up; while :; do sleep 0.1; done'")
    t.resize(40, 120)
    t.expect("40 120")
    t.expect(PROMPT)


def modes_are_restored(t):
    t.command(f"{RUN} sh -c 'stty raw -echo; kill -KILL $$'", PROMPT)
    t.type("stty -a\n")
    got = t.expect(PROMPT)
    assert {"icanon", "echo", "opost"} <= set(got.split()), got


def shell_inside(t):
    t.command(f"PS1='inside> ' {RUN} bash --norc --noprofile -i", r"inside> |bash-[\d.]+[#$] ")
    inside = r"inside> |bash-[\d.]+[#$] "
    t.type("sleep 1000\n")
    t.expect("sleep 1000\r")
    time.sleep(2)
    t.type("\x1a")
    t.expect("Stopped")
    t.expect(inside)
    t.type("jobs\n")
    t.expect(r"Stopped +sleep 1000")
    t.expect(inside)
    t.type("fg\n")
    t.expect("sleep 1000\r")
    time.sleep(1)
    t.type("\x03")
    t.expect(inside)
    t.type("exit 12\n")
    t.expect(PROMPT)
    assert t.status() == 12
    settle(t, same=True)


def less(t):
    if not shutil.which("less"):
        return "less is missing"
    with open(f"{DIR}/long", "w") as f:
        f.writelines(f"line {i}\n" for i in range(300))
    t.command(f"{RUN} less long", "line 20")
    t.type("/line 250\n")
    t.expect("line 25[0-9]")
    time.sleep(2)  # a stop that comes while it draws is lost on less
    t.type("\x1a")
    t.expect("Stopped")
    t.expect(PROMPT)
    t.command("fg", "line 25[0-9]")
    t.type("q")
    t.expect(PROMPT)
    assert t.status() == 0


def vim(t):
    if not shutil.which("vim"):
        return "vim is missing"
    if os.path.exists(f"{DIR}/text"):
        os.unlink(f"{DIR}/text")
    t.command(f"{RUN} vim -u NONE -i NONE -n text", r"text")
    time.sleep(3)
    t.type("ihello")
    t.expect("hello")
    t.type("\x1b")
    time.sleep(2)
    t.type("\x1a")
    t.expect("Stopped")
    t.expect(PROMPT)
    t.command("fg", "hello")
    time.sleep(1)
    t.type(":s/hello/goodbye/\n:wq\n")
    got = t.expect(PROMPT)
    assert "denied: vim" not in got, got
    assert open(f"{DIR}/text").read() == "goodbye\n"


def tmux(t):
    if not shutil.which("tmux"):
        return "tmux is missing"
    with open(f"{DIR}/tmux.conf", "w") as f:
        f.write("set -g default-shell /bin/sh\n")  # nobody's own is none
    t.command(f"{RUN} tmux -f {DIR}/tmux.conf -S {DIR}/tmux.socket new-session 'echo in-tmux; sleep 2; read x; echo typed-$x; sleep 2'", "in-tmux")
    time.sleep(3)
    t.type("abc\n")
    t.expect("typed-abc")
    t.expect(r"\[exited\]")
    t.expect(PROMPT)
    assert t.status() == 0


TESTS = [ctrl_c, ctrl_c_at_once, ctrl_c_is_the_commands, ctrl_backslash, stop_and_continue, stop_and_background,
         background_reader, command_stops_itself, script_around, loop_is_interrupted, pipeline, window_size,
         modes_are_restored, shell_inside, less, vim, tmux]


AS_USER = [tmux]


def main():
    global RUN, DIR
    only = os.environ.get("ONLY")
    for test, user in [(test, "root") for test in TESTS] + [(test, "nobody") for test in AS_USER]:
        name = f"tty/{user}: " + test.__name__.replace("_", " ")
        if only and only not in name:
            continue
        RUN = f"{SBX} run --policy {POLICY} --user {user} --"
        if user != "root" and not DIR.endswith(user):
            DIR += "/" + user
            os.mkdir(DIR)
            os.chown(DIR, NOBODY, -1)
        t = Terminal(NOBODY if user == "nobody" else 0)
        try:
            why = test(t)
            print(f"skip {name}: {why}" if why else f"ok {name}", flush=True)
        except (AssertionError, OSError) as e:
            print(f"not ok {name}", flush=True)
            for line in f"{type(e).__name__}: {e}".splitlines():
                print("  | " + line, flush=True)
        t.close()


main()
