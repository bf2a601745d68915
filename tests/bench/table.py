#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Rows of guest.sh -> a table per kernel and file system on stdout, and all of them as JSON.

table.py MODE JSON KERNEL=FILE...
"""
import json
import sys

# What is to be reached: (subject, case) -> instructions above the empty programs, for each kernel.
TARGETS = {
    ("ai-agent", "open"): {"6.1": 420, "6.12": 420, "newest": 330},
    ("ai-agent", "open-named"): {"6.1": 620, "6.12": 620, "newest": 650},
    ("nonuniform", "open"): {"6.1": 420, "6.12": 420, "newest": 330},
    ("uniform", "open"): {"6.1": 350, "6.12": 350, "newest": 260},
    ("outside", "open"): {"6.1": 100, "6.12": 60, "newest": 60},
    ("ai-agent", "open-miss"): {"6.1": 4000, "6.12": 4000, "newest": 4000},
    ("uniform", "connect-udp"): {"6.1": 900, "6.12": 900, "newest": 900},
}
# Operations that are large as a whole: at most so many times what they cost without us.
RATIOS = {
    ("ai-agent", "exec"): 1.03,
    ("outside", "exec"): 1.02,
}
SUBJECTS = ["none", "empty", "outside", "uniform", "nonuniform", "ai-agent", "landlock"]


def read(kernel, path):
    """The rows of one kernel; the last of two with the same name wins."""
    rows = {}
    with open(path, encoding="ascii") as f:
        for line in f:
            _, fs, rules, subject, case, depth, count = line.rstrip("\n").split("\t")
            rows[fs, case, int(depth), subject, int(rules)] = int(count)
    return [
        {"kernel": kernel, "fs": fs, "case": case, "depth": depth, "rules": rules,
         "subject": subject, "instructions": n}
        for (fs, case, depth, subject, rules), n in rows.items()
    ]


def complete(rows):
    """Adds what is found by comparing rows. None: not measured."""
    at = {(r["fs"], r["case"], r["depth"], r["subject"], r["rules"]): r["instructions"] for r in rows}
    for r in rows:
        def other(subject, rules):
            return at.get((r["fs"], r["case"], r["depth"], subject, rules))

        none, empty = other("none", 0), other("empty", 0)
        # As many rules as ours where that was measured, else its best.
        landlock = other("landlock", r["rules"]) or other("landlock", 1)
        n = r["instructions"]
        r["over_baseline"] = n - none if none is not None else None
        r["over_empty"] = n - empty if empty is not None else None
        r["landlock_over_baseline"] = (
            landlock - none if landlock is not None and none is not None else None)
        r["ratio"] = round(n / none, 4) if none else None


def verdict(r):
    """What was to be reached, and whether it was; whether Landlock is faster."""
    key = r["subject"], r["case"]
    words = []
    if key in TARGETS and r["over_empty"] is not None:
        goal = TARGETS[key][r["kernel"]]
        words.append(f"<={goal} {'ok' if r['over_empty'] <= goal else 'MISSED'}")
    if key in RATIOS and r["ratio"] is not None:
        words.append(f"x{r['ratio']:.3f} <=x{RATIOS[key]} "
                     f"{'ok' if r['ratio'] <= RATIOS[key] else 'MISSED'}")
    if (r["subject"] not in ("none", "empty", "outside", "landlock")
            and r["landlock_over_baseline"] is not None
            and r["over_baseline"] > r["landlock_over_baseline"]):
        words.append("slower than Landlock")
    return ", ".join(words)


def show(rows):
    """One table per kernel and file system."""
    cases = list(dict.fromkeys(r["case"] for r in rows))
    for kernel, fs in dict.fromkeys((r["kernel"], r["fs"]) for r in rows):
        print(f"\n{kernel}, {fs}: instructions per operation")
        print(f"{'case':15}{'depth':>5} {'subject':11}{'rules':>6}{'total':>9}"
              f"{'over none':>10}{'over empty':>11}{'landlock':>9}  target")
        mine = [r for r in rows if (r["kernel"], r["fs"]) == (kernel, fs)]
        mine.sort(key=lambda r: (cases.index(r["case"]), r["depth"],
                                 SUBJECTS.index(r["subject"]), r["rules"]))
        for r in mine:
            cells = ["-" if r[k] is None else str(r[k])
                     for k in ("over_baseline", "over_empty", "landlock_over_baseline")]
            print(f"{r['case']:15}{r['depth']:5} {r['subject']:11}{r['rules'] or '':>6}"
                  f"{r['instructions']:9}{cells[0]:>10}{cells[1]:>11}{cells[2]:>9}  "
                  f"{verdict(r)}".rstrip())


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    rows = []
    for arg in sys.argv[3:]:
        kernel, path = arg.split("=", 1)
        mine = read(kernel, path)
        complete(mine)
        rows += mine
    with open(sys.argv[2], "w", encoding="ascii") as f:
        json.dump({"mode": sys.argv[1], "unit": "instructions", "rows": rows}, f, indent=1)
        f.write("\n")
    show(rows)
    missed = sum("MISSED" in verdict(r) for r in rows)
    slower = sum("slower" in verdict(r) for r in rows)
    print(f"\n{len(rows)} figures; {missed} targets missed, {slower} slower than Landlock; "
          f"{sys.argv[2]}")


if __name__ == "__main__":
    main()
