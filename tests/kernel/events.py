#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""events.py subset DENIED AUDITED: is every denial of one run reported by the other, in audit mode?

Both files are what `sbx-bpf run --events` wrote: one JSON object a line."""
import json
import re
import sys


def read(path, mode):
    found = {}
    with open(path) as lines:
        for line in lines:
            event = json.loads(line)
            assert event["mode"] == mode, line
            what = dict(event["object"])
            for volatile in ("inode", "device", "pid"):
                what.pop(volatile, None)
            if "path" in what:  # of O_TMPFILE: the inode's number
                what["path"] = re.sub(r"/#\d+$", "/#", what["path"])
            key = (event["operation"], event["why"], json.dumps(what, sort_keys=True))
            found[key] = event
    return found


denied, audited = read(sys.argv[2], "enforce"), read(sys.argv[3], "audit")
missing = sorted(set(denied) - set(audited))
for key in missing:
    print("not reported in audit mode:", *key)
print(len(denied), "denials,", len(audited), "reports")
sys.exit(bool(missing) or not denied)
