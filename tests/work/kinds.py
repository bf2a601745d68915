# SPDX-License-Identifier: MIT
"""Which kinds of denial a session left that were not quiet, and whether a policy's header explains them.

kinds.py EVENTS TABLE POLICIES: EVENTS is what `run --events` wrote. A kind is a program, a right, and the
rule that decided (where none did: the object). TABLE has lines "REGEX<TAB>FILE<TAB>WORDS": a denial whose
message matches is explained by these words in the header of that policy. Prints the kinds; fails where
there are five or more, or one that is not explained.
"""
import json
import re
import sys

MANY = 5


def header(path):
    lines = []
    with open(path, encoding="utf-8") as f:
        for line in f:
            if not line.startswith("#"):
                break
            lines.append(line.lstrip("#").strip())
    return " ".join(lines)


def explained(message, table, policies):
    for regex, file, words in table:
        if re.search(regex, message):
            return words in header(f"{policies}/{file}")
    return False


def main(events, table, policies):
    with open(table, encoding="utf-8") as f:
        table = [line.rstrip("\n").split("\t") for line in f if line.strip() and not line.startswith("#")]
    kinds = {}
    with open(events, encoding="utf-8") as f:
        for line in f:
            ev = json.loads(line)
            if ev["quiet"]:
                continue
            rule = ev["rule"] or {}
            what = rule.get("text") or json.dumps(ev["object"].get("path", ev["object"]))
            program = re.sub(r" \(pid.*", "", ev["message"])
            kinds[program, ev["right"] or ev["operation"], what] = ev["message"]
    bad = len(kinds) >= MANY
    for kind, message in sorted(kinds.items()):
        good = explained(message, table, policies)
        bad |= not good
        print("explained:" if good else "not explained:", *kind, f"({message})")
    return bad


sys.exit(main(*sys.argv[1:4]))
