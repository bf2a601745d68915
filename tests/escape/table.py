#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""table.py OUTPUT.json DIRECTORY...: what came of the suite in each sandbox, for each kernel and user.

An attack counts where it escaped without a sandbox, on the same kernel and as the same user."""
import json
import os
import sys

OUT = ("escaped", "open")


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


def judge(none, box):
    """Per family: what applies, held, escaped, is open, has no setting, went wrong; twins that broke."""
    out = {}
    reference = by_name(none)
    for key, c in by_name(box).items():
        f = out.setdefault(key[0], dict.fromkeys(
            ("applies", "held", "escaped", "open", "no setting", "failed", "broken"), 0))
        ref = reference[key]
        if ref["twin"] == "works" and c["twin"] == "broken":
            f["broken"] += 1
        if ref["verdict"] not in OUT:
            continue
        f["applies"] += 1
        if c["verdict"] == "n/a":
            f["no setting" if "there is no setting" in c["evidence"] else "held"] += 1
        else:
            f[c["verdict"] if c["verdict"] in f else "failed"] += 1
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
    boxes = [b for u, b in runs if u == user and b != "none"]
    judged = {b: judge(none, runs[user, b]) for b in boxes}
    print(f"\n### Linux {none['kernel']}, as {user}\n")
    print("| |", " | ".join(boxes), "|")
    print("|---|" + "---|" * len(boxes))
    for family in dict.fromkeys(c["family"] for c in none["cases"]):
        print(f"| {family} |", " | ".join(cell(judged[b][family]) for b in boxes), "|")
    print("| **all** |", " | ".join(f"**{cell(total(judged[b]))}**" for b in boxes), "|")
    return judged


def escapes(runs, user):
    none = by_name(runs[user, "none"])
    for (u, box), run in runs.items():
        if u != user or box == "none":
            continue
        names = [f"{c['family']}/{c['case']}" for c in run["cases"]
                 if c["verdict"] == "escaped" and none[c["family"], c["case"]]["verdict"] in OUT]
        if names and len(names) <= 30:
            print(f"\n{box} as {user}, escaped: {', '.join(names)}")


def main():
    result = []
    print("Held / applicable. An attack is applicable where it escapes without a sandbox. *open*: an interface")
    print("of the kernel that could be closed, no escape by itself; *no setting*: the sandbox cannot be told;")
    print("*broken*: legitimate things that no longer work.")
    described = {}
    for directory in sys.argv[2:]:
        runs = load(directory)
        for user in dict.fromkeys(u for u, _ in runs):
            if (user, "none") not in runs:
                sys.exit(f"{directory}: the run without a sandbox as {user} is missing")
            judged = table(runs, user)
            escapes(runs, user)
            for (u, box), run in runs.items():
                if u == user:
                    result.append({**run, "families": judged.get(box)})
                    described[box] = run["described"]
    print("\n### Versions and settings\n")
    for box, text in described.items():
        print(f"- **{box}**: " + "; ".join(line for line in text.splitlines() if line))
    with open(sys.argv[1], "w") as f:
        json.dump(result, f, indent=1)


main()
