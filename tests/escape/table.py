#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""table.py OUTPUT.json DIRECTORY...: what came of the suite in each sandbox, for each kernel and user.

An attack counts where it escaped without a sandbox, on the same kernel and as the same user."""
import datetime
import json
import os
import sys

OUT = ("escaped", "open")
MATRIX = "aliases"
HEAD = """<!-- SPDX-License-Identifier: MIT -->
# What came of the escape suite

Written by `make escape` on {date}, not by hand; [escape.md](escape.md) says what is tried and how it is judged. Each
cell is *held / applicable*: an attack is applicable where it escapes without a sandbox, on the same kernel and as the
same user, in the same run. *open*: an interface of the kernel that could be closed, no escape by itself; *no setting*: it
escaped, and the sandbox cannot be told (not counted); *broken*: legitimate things that no longer work.

Read with care: the sandboxes were made for different ends. Each had the settings that are listed at the end: what its
documentation recommends for "one project is writable, a few paths in it are not, a few peers may be reached". All but
Landlock and sbx-bpf take root's capabilities away, so that some of what root may do is broken there;
Landlock leaves them, and does not set out to govern what root may do to the machine. bubblewrap and
sandbox-runtime are meant for users, not for root. bubblewrap and firejail have no network here, as they know no single
peers; sandbox-runtime's is behind proxies, to which the suite's own clients do not speak: peers count as
broken in all three. The suite comes with sbx-bpf: who finds a setting unfair may send a better adapter."""


def load(directory):
    runs = {}
    for name in sorted(os.listdir(directory)):
        if name.endswith(".json"):
            with open(os.path.join(directory, name)) as f:
                run = json.load(f)
            runs[run["user"], run["sandbox"]] = run
    return runs


def by_name(run):
    return {(c["family"], c["case"]): c for c in run["cases"]}


def fate(ref, c):
    """Of an attack that applies: what the table counts it as."""
    if c["verdict"] == "n/a":
        return "no setting" if "there is no setting" in c["evidence"] else "held"
    return c["verdict"] if c["verdict"] in ("held", *OUT) else "failed"


def judge(none, box):
    """Per family: what applies, held, escaped, is open, has no setting, went wrong; twins that broke."""
    out = {}
    reference = by_name(none)
    for key, c in by_name(box).items():
        f = out.setdefault(key[0], dict.fromkeys(
            ("applies", "held", "escaped", "open", "no setting", "failed", "broken"), 0))
        ref = reference[key]
        f["broken"] += ref["twin"] == "works" and c["twin"] == "broken"
        if ref["verdict"] in OUT:
            f["applies"] += 1
            f[fate(ref, c)] += 1
    return out


def cell(f):
    text = f"{f['held']}/{f['applies'] - f['no setting']}"
    for what in ("escaped", "open", "failed", "no setting"):
        if f[what]:
            text += f", {f[what]} {what}"
    if f["broken"]:
        text += f"; {f['broken']} broken"
    return text


def total(judged):
    sums = {}
    for f in judged.values():
        for key, n in f.items():
            sums[key] = sums.get(key, 0) + n
    return sums


def table(runs, user):
    none = runs[user, "none"]
    boxes = sorted((b for u, b in runs if u == user and b != "none"), key=lambda b: (b != "sbx-bpf", b))
    judged = {b: judge(none, runs[user, b]) for b in boxes}
    n = len(none["cases"])
    print(f"\n## Linux {none['kernel']}, as {user}\n\n{n} attacks, of which {total(judged[boxes[0]])['applies']} apply.\n")
    print("| |", " | ".join(boxes), "|")
    print("|---|" + "---|" * len(boxes))
    for family in dict.fromkeys(c["family"] for c in none["cases"]):
        print(f"| {family} |", " | ".join(cell(judged[b][family]) for b in boxes), "|")
    print("| **all** |", " | ".join(f"**{cell(total(judged[b]))}**" for b in boxes), "|")
    for box in boxes:
        names(none, runs[user, box], box)
    return judged


def listed(found):
    """{family: cases}: those of the matrix by their number, there are too many."""
    return "; ".join(f"{family}: " + (f"{len(cases)} cells of the matrix" if family == MATRIX and len(cases) > 3
                                      else ", ".join(cases)) for family, cases in found.items())


def names(none, run, box):
    """What escaped and what was broken, by name."""
    reference = by_name(none)
    kinds = {"escaped": {}, "went wrong": {}, "broken": {}}
    for (family, case), c in by_name(run).items():
        ref = reference[family, case]
        if ref["verdict"] in OUT and fate(ref, c) in ("escaped", "failed"):
            kinds["escaped" if c["verdict"] == "escaped" else "went wrong"].setdefault(family, []).append(case)
        if ref["twin"] == "works" and c["twin"] == "broken":
            kinds["broken"].setdefault(family, []).append(case)
    for kind, found in kinds.items():
        if found:
            print(f"\n{box}, {kind}: {listed(found)}.")


def main():
    result = []
    print(HEAD.format(date=datetime.date.today()))
    described = {}
    for directory in sys.argv[2:]:
        runs = load(directory)
        for user in dict.fromkeys(u for u, _ in runs):
            if (user, "none") not in runs:
                sys.exit(f"{directory}: the run without a sandbox as {user} is missing")
            judged = table(runs, user)
            for (u, box), run in runs.items():
                if u == user:
                    result.append({**run, "families": judged.get(box)})
                    described.setdefault(box, []).append((user, run["described"]))
    print("\n## Versions and settings")
    for box, texts in described.items():
        for text in dict.fromkeys(t for _, t in texts):
            users = ", ".join(dict.fromkeys(u for u, t in texts if t == text))
            print(f"\n**{box}**, as {users}:\n\n```\n{text.strip()}\n```")
    with open(sys.argv[1], "w") as f:
        json.dump(result, f, indent=1)


main()
