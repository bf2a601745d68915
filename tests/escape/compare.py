#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What came of sbx-escape in a sandbox, against what came of it without one.

    compare.py hold NONE SANDBOX [--open CASE]...    nothing escapes, nothing legitimate breaks
    compare.py audit NONE SANDBOX [--but CASE]...    everything escapes that escapes without
    compare.py reported DENIED AUDITED               the events of one are among those of the other

Prints lines of "ok" and "not ok"."""
import json
import re
import sys
from collections import Counter

OUT = ("escaped", "open")
LEAST = 300  # cases that must escape without a sandbox: else the suite itself is out of order


def read(path):
    with open(path) as f:
        run = json.load(f)
    return {f"{c['family']}/{c['case']}": c for c in run["cases"]}


def say(good, what, *details):
    print("ok" if good else "not ok", what)
    for line in details:
        print("  |", line)


def sane(none):
    bad = [
        f"{name}: {c['verdict']} ({c['evidence']}), its twin {c['twin']} ({c['twin_evidence']})"
        for name, c in none.items()
        if c["verdict"] in ("crashed", "timeout", "not run") or c["twin"] in ("broken", "not run")
    ]
    n = sum(c["verdict"] in OUT for c in none.values())
    say(not bad and n >= LEAST, f"without a sandbox {n} attacks escape and every twin works", *bad)


def hold(none, box, may_open):
    sane(none)
    for family in dict.fromkeys(c["family"] for c in box.values()):
        bad, counts = [], Counter()
        for name, c in box.items():
            if c["family"] != family:
                continue
            applies = none[name]["verdict"] in OUT
            fine = c["verdict"] == "held" if applies else c["verdict"] in ("held", "n/a")
            if c["verdict"] == "open" and name in may_open:
                fine = True
            counts["held" if applies else "not applicable"] += 1
            if not fine:
                bad.append(f"{name}: {c['verdict']} ({c['evidence']})")
            if c["twin"] not in ("works", "n/a") and none[name]["twin"] == "works":
                bad.append(f"{name}: its twin {c['twin']} ({c['twin_evidence']})")
        say(not bad, f"{family}: {counts['held']} hold, {counts['not applicable']} not applicable", *bad)


def audit(none, box, held_by_run):
    """A race that is lost says nothing: those are left out."""
    bad = [
        f"{name}: {box[name]['verdict']} ({box[name]['evidence']})"
        for name, c in none.items()
        if name in box and c["verdict"] in OUT and box[name]["verdict"] not in OUT
        and name not in held_by_run and c["family"] != "races"
    ]
    say(not bad, "every attack succeeds in audit mode", *bad)


def events(path):
    found = {}
    with open(path) as f:
        for line in f:
            event = json.loads(line)
            if event["process"]["exe"] == "su":
                continue  # killed as soon as it is root, which is sooner where it becomes so
            if event["why"] == "raced":
                continue  # renames overtook every walk: that comes as it may
            what = dict(event["object"])
            for volatile in ("inode", "device", "pid", "port"):
                what.pop(volatile, None)
            text = json.dumps(what, sort_keys=True)
            text = re.sub(r"sbx-(escape|victim)[.-][A-Za-z0-9]{6}", r"sbx-\1", text)
            text = re.sub(r"/(#|pts/|proc/|t/)\d+", r"/\1N", text)
            text = re.sub(r"escape-\d+", "escape-N", text)
            found[(event["operation"], event["why"], text)] = event
    return found


def reported(denied, audited):
    """Of the same object, later attacks only raise a count: kinds are compared, of which every attack has one."""
    missing = sorted(set(denied) - set(audited))
    say(not missing and denied, f"all {len(denied)} kinds of denials are reported in audit mode",
        *(" ".join(key) for key in missing))


command, first, second, *rest = sys.argv[1:]
if command == "hold":
    hold(read(first), read(second), rest[1::2])
elif command == "audit":
    audit(read(first), read(second), rest[1::2])
else:
    reported(events(first), events(second))
