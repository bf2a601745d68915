#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random policies and accesses for test_explain.sh: tries.py DIRECTORY SEED POLICIES ACCESSES

Makes a tree in DIRECTORY/t with names of it elsewhere, and for each policy N.rules (what follows
the rules that programs need) and N.tries, lines of "read NAME", "write NAME" or "exec NAME".
"""
import os
import random
import sys

W, SEED, POLICIES, ACCESSES = sys.argv[1], *map(int, sys.argv[2:])
random.seed(SEED)
DIRS, FILES = ("a", "b", "c"), ("k", "kk", "x.o", ".env")
GLOBS = ("a", "b", "c", "a", "b", "*", "**", "**", "[!a]", "?", "{a,c}", "k*", "x.?", ".env", "*.o")
# Other names of parts of the tree; test_explain.sh makes the mounts.
LINKS = {f"{W}/link": f"{W}/t/a/b", f"{W}/far": f"{W}/link/c", f"{W}/t/c/up": "../b"}
MOUNTS = {f"{W}/mount": f"{W}/t/b", f"{W}/again": f"{W}/t/b/a"}


def tree(top, depth):
    os.mkdir(top)
    found = [(top, True)]
    for name in FILES:
        with open(f"{top}/{name}", "w", encoding="ascii") as f:
            f.write("no program\n")
        os.chmod(f"{top}/{name}", 0o777)
        found.append((f"{top}/{name}", False))
    for name in DIRS if depth else ():
        found += tree(f"{top}/{name}", depth - 1)
    return found


def pattern():
    """Never a symlink itself: a policy that lets it be written and speaks of it is refused."""
    top = random.choice((f"{W}/t",) * 6 + (*MOUNTS, f"{W}/link", f"{W}/far"))
    top += "/" + random.choice(DIRS) if top in LINKS else ""
    return top + "".join("/" + random.choice(GLOBS) for _ in range(random.randint(0, 3)))


def quoted(patterns):
    return "[" + ", ".join(f'"{p}"' for p in patterns) + "]"


def rule():
    verb = random.choice(("allow", "allow", "allow", "deny", "protect"))
    rights = random.sample(("read", "write", "exec"), random.randint(1, 3))
    lines = [f"  - {verb}: [{', '.join(rights)}]",
             f"    path: {quoted(pattern() for _ in range(random.randint(1, 2)))}"]
    if verb == "allow":
        lines.append("    override: true")
    if verb == "protect" and random.random() < 0.6:
        lines.append(f"    except: {quoted([pattern()])}")
    return lines


def spelled(path):
    """The path, or one of its other names."""
    names = [path]
    for other, what in {**LINKS, **MOUNTS}.items():
        what = os.path.realpath(what if what.startswith("/") else f"{os.path.dirname(other)}/{what}")
        if path == what or path.startswith(what + "/"):
            names.append(other + path[len(what):])
    return random.choice(names)


def access(objects):
    path, directory = random.choice(objects)
    right = random.choice(("read", "write") if directory else ("read", "write", "exec"))
    name = spelled(path)
    if random.random() < 0.1:
        parent, leaf = name.rsplit("/", 1)
        name = f"{parent}/../{os.path.basename(os.path.realpath(parent))}/{leaf}" if (
            os.path.realpath(parent) == parent) else f"{parent}/./{leaf}"
    return f"{right} {name}"


def main():
    objects = tree(f"{W}/t", 3)
    for name, target in LINKS.items():
        os.symlink(target, name)
    for name in MOUNTS:
        os.mkdir(name)
    for n in range(POLICIES):
        with open(f"{W}/{n}.rules", "w", encoding="ascii") as f:
            # what the last rules say is seen through most of them
            for lines in [rule() for _ in range(random.randint(4, 12))]:
                f.write("\n".join(lines) + "\n")
        with open(f"{W}/{n}.tries", "w", encoding="ascii") as f:
            for _ in range(ACCESSES // POLICIES):
                f.write(access(objects) + "\n")


main()
