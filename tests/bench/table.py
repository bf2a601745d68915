#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Rows of guest.sh -> a table per kernel and file system on stdout, and all of them as JSON.

table.py JSON KERNEL=FILE...
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
    ("uniform", "sendmsg"): {"6.1": 0, "6.12": 0, "newest": 0},
}
# (case, rules of `uniform`) -> instructions above no sandbox.
CONNECTS = ("connect-udp", "connect-v6", "connect-tcp", "connect-tcp6")
ABOVE_NONE = {(c, 10): 400 for c in CONNECTS}
ABOVE_NONE |= {(c, 10000): 900 for c in CONNECTS + ("connect-new", "connect-new6")}
# Operations that are large as a whole: at most so many times what they cost without us.
RATIOS = {
    ("ai-agent", "exec"): 1.03,
    ("outside", "exec"): 1.02,
}
WORK = 1.02  # of no sandbox, for larger pieces of work
SUBJECTS = ["none", "empty", "outside", "ai-agent", "nonuniform", "uniform", "landlock"]
OURS = SUBJECTS[3:6]
FLAT = ("open", "open-named")
# The cases whose cost could depend on the number of rules.
SWEEP = ("open", "open-named", "open-miss", "rename", "connect-udp", "connect-new", "connect-new6", "connect-tcp")


def read(kernel, path):
    """The rows of one kernel; of several with the same name the least counts."""
    rows = {}
    with open(path, encoding="ascii") as f:
        for line in f:
            _, fs, rules, subject, case, depth, count = line.rstrip("\n").split("\t")
            name = fs, case, int(depth), subject, int(rules)
            rows[name] = min(int(count), rows.get(name, int(count)))
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


def slower(r):
    """A sandbox that costs more than Landlock's."""
    return (r["subject"] in OURS and r["landlock_over_baseline"] is not None
            and r["over_baseline"] > r["landlock_over_baseline"])


def over(r):
    """The extra instructions, marked where Landlock has fewer."""
    if r is None:
        return ""
    n = r["over_baseline"]
    return "?" if n is None else f"{n:+}" + ("!" if slower(r) else "")


def show_cases(title, rows):
    """One line per case; the subjects side by side, each with the number of rules nearest to 10."""
    print(f"\n{title}: instructions; `none` as they are, the others on top (! more than Landlock)")
    by = {}
    for r in sorted(rows, key=lambda r: abs(r["rules"] - 10)):
        by.setdefault((r["case"], r["depth"]), {}).setdefault(r["subject"], r)
    order = list(dict.fromkeys(r["case"] for r in rows))
    print(f"{'case':15}{'depth':>5}{'none':>9}" + "".join(f"{s:>11}" for s in SUBJECTS[1:]))
    for (case, depth), have in sorted(by.items(), key=lambda i: (order.index(i[0][0]), i[0][1])):
        none = have["none"]["instructions"] if "none" in have else "?"
        print(f"{case:15}{depth:5}{none:>9}"
              + "".join(f"{over(have.get(s)):>11}" for s in SUBJECTS[1:]))


def show_rules(rows):
    """How the number of rules matters."""
    counts = sorted({r["rules"] for r in rows if r["rules"]})
    if len(counts) < 3:
        return
    print("\nby number of rules, over none:")
    print(f"{'case':15}{'depth':>5} {'subject':11}" + "".join(f"{n:>9}" for n in counts))
    by = {}
    for r in rows:
        if r["rules"] and r["case"] in SWEEP:
            by.setdefault((r["case"], r["depth"], r["subject"]), {})[r["rules"]] = r
    for (case, depth, subject), have in sorted(by.items()):
        print(f"{case:15}{depth:5} {subject:11}"
              + "".join(f"{over(have.get(n)):>9}" for n in counts))


def targets(rows):
    """(subject, case, what was to be reached, the worst that is, whether it was), one by one."""
    by = {}
    for r in rows:
        if r["over_empty"] is not None:
            by.setdefault((r["subject"], r["case"]), []).append(r)
    for (subject, case), have in by.items():
        extra = [r["over_empty"] for r in have]
        if (subject, case) in TARGETS:
            goal = TARGETS[subject, case][have[0]["kernel"]]
            yield subject, case, f"<= {goal} over empty", max(extra), max(extra) <= goal
        for r in have:
            if subject == "uniform" and (case, r["rules"]) in ABOVE_NONE:
                goal, n = ABOVE_NONE[case, r["rules"]], r["over_baseline"]
                yield subject, case, f"<= {goal} over none, {r['rules']} rules", n, n <= goal
        if (subject, case) in RATIOS:
            goal, ratio = RATIOS[subject, case], max(r["ratio"] for r in have)
            yield subject, case, f"<= {goal} of none", ratio, ratio <= goal
        if subject in OURS and case in FLAT and len(have) > 1:
            spread = round((max(extra) - min(extra)) / (max(extra) + min(extra)), 3)
            yield subject, case, "+- 0.05 over depths and rules", spread, spread <= 0.05


def show_targets(rows):
    """What was to be reached; returns how often it was not."""
    missed = 0
    print("\ntargets (the worst of all depths and rules):")
    for subject, case, goal, value, reached in targets(rows):
        missed += not reached
        print(f"  {'ok' if reached else 'MISSED':7}{subject:11}{case:12}{value:>7}  {goal}")
    return missed


def show_work(rows):
    """Larger pieces of work, as ratios of no sandbox; returns how many targets were missed."""
    missed = 0
    subjects = [s for s in SUBJECTS if any(r["subject"] == s for r in rows)]
    print("millions of instructions; ratio to none (! more than Landlock, M target missed)")
    print(f"{'work':15}" + "".join(f"{s:>17}" for s in subjects))
    for case in dict.fromkeys(r["case"] for r in rows):
        have = {r["subject"]: r for r in rows if r["case"] == case}
        line = f"{case:15}"
        for s in subjects:
            r = have[s]
            late = s in ("outside", "ai-agent") and r["ratio"] > WORK
            missed += late
            line += (f"{r['instructions'] / 1e6:>8.1f} {r['ratio']:>5.3f}"
                     f"{'!' if slower(r) else ' '}{'M' if late else ' '} ")
        print(line.rstrip())
    return missed


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    rows = []
    for arg in sys.argv[2:]:
        kernel, path = arg.split("=", 1)
        mine = read(kernel, path)
        complete(mine)
        rows += mine
    with open(sys.argv[1], "w", encoding="ascii") as f:
        json.dump({"unit": "instructions", "rows": rows}, f, indent=1)
        f.write("\n")
    missed = 0
    single = [r for r in rows if r["depth"]]
    for kernel, fs in dict.fromkeys((r["kernel"], r["fs"]) for r in single):
        mine = [r for r in single if (r["kernel"], r["fs"]) == (kernel, fs)]
        show_cases(f"{kernel}, {fs}", mine)
        show_rules(mine)
        missed += show_targets(mine)
    work = [r for r in rows if not r["depth"]]
    for kernel in dict.fromkeys(r["kernel"] for r in work):
        print(f"\n{kernel}: ", end="")
        missed += show_work([r for r in work if r["kernel"] == kernel])
    print(f"\n{len(rows)} figures; {missed} targets missed; "
          f"{sum(map(slower, rows))} figures worse than Landlock's; all in {sys.argv[1]}")


if __name__ == "__main__":
    main()
