#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""policies/schema.json and schema-assertions.json say what the parser says.

Good files are valid, bad ones are not unless what is wrong with them is beyond a schema, and
the words of the schema are those that the parser knows: it is asked with words that nobody knows,
and names the known ones in its hints. Prints "ok NAME" and "not ok NAME: why" lines.
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

import jsonschema
import yaml

SBX = "build/sbx-bpf"
SCHEMA = json.load(open("policies/schema.json", encoding="utf-8"))
DEFS = SCHEMA["$defs"]
ASSERTED = json.load(open("policies/schema-assertions.json", encoding="utf-8"))
POLICIES = jsonschema.Draft202012Validator(SCHEMA)


def joined():
    """The schema of assertions with the one in it that it refers to."""
    def moved(schema, start):
        text = json.dumps(schema).replace(f'"$ref": "{start}', '"$ref": "#/$defs/policy/')
        return json.loads(text)
    whole = moved(ASSERTED, "schema.json#/")
    whole["$defs"]["policy"] = moved(SCHEMA, "#/")
    return whole


ASSERTIONS = jsonschema.Draft202012Validator(joined())

# What a schema cannot know: other files, variables, what a text means in the end, the order of
# rules. Whatever else is bad must be refused by the schema, too.
BEYOND = {
    "include-cycle", "include-missing", "include-self", "include-suffix",  # other files
    "vars-dotdot", "vars-environment", "vars-project-home", "vars-relative",  # values
    "vars-syntax", "vars-unknown",
    "pattern-glob", "pattern-long", "net-cidr-host-bits",  # what a text says in the end
    "yaml-anchor", "yaml-duplicate-in-rule", "yaml-duplicate-key", "yaml-merge-key",  # YAML's own
}
BEYOND_ASSERTED = {"include"}  # a file that there is not


def report(name, why):
    print(f"not ok {name}: {why}" if why else f"ok {name}")


def documents(name):
    with open(name, encoding="utf-8") as f:
        return [json.load(f)] if name.endswith(".json") else list(yaml.safe_load_all(f))


def first_error(validator, document):
    for error in validator.iter_errors(document):
        return f"{error.json_path}: {error.message}"
    return None


def good(validator, *patterns):
    for name in sorted(sum(map(glob.glob, patterns), [])):
        report(f"{name} is valid", first_error(validator, documents(name)[0]))


def bad(validator, pattern, beyond):
    for name in sorted(glob.glob(pattern)):
        short = os.path.basename(name)[: -len(".yaml")]
        try:
            found = documents(name)
        except yaml.YAMLError:
            continue  # not even YAML
        refused = len(found) != 1 or first_error(validator, found[0]) is not None
        if short in beyond:
            report(f"{name} is beyond a schema",
                   "the schema refuses it: take it off the list" if refused else None)
        else:
            report(f"{name} is not valid", None if refused else "the schema accepts it")


def check(text, *asserted):
    """The messages about a policy, or (asserted of a policy) assertions: [(line, message)]."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as f:
        f.write(text)
        f.flush()
        args = ["--assert", f.name, *asserted] if asserted else [f.name]
        run = subprocess.run([SBX, "check", *args], capture_output=True, text=True, check=False)
    found = re.findall(r"^\S*?:(\d+):\d+: (.*)$", run.stderr, re.M)
    return [(int(line), message) for line, message in found]


def known(text, line, *asserted):
    """The words that the parser names for a word nobody knows, at that line."""
    for at, message in check(text, *asserted):
        words = re.search(r"Hint: known here: (.*)$", message)
        if at == line and words:
            return set(words.group(1).split(", "))
    return None


def words():
    rule = "version: 1\n{}:\n  - qqqqqqqqq: 1\n"
    right = "version: 1\n{}:\n  - allow: qqqqqqqqq\n"
    sections = {"files": ("file-rule", "file-right"), "network": ("net-rule", "socket-right"),
                "unix": ("unix-rule", "socket-right"), "process": ("process-rule", "process-right")}
    env = SCHEMA["properties"]["env"]["properties"]
    cases = [
        ("keys", "version: 1\nqqqqqqqqq: 1\n", 2, SCHEMA["properties"]),
        ("keys of env", "version: 1\nenv: {qqqqqqqqq: 1}\n", 2, env),
        ("modes", "version: 1\nmode: qqqqqqqqq\n", 2, SCHEMA["properties"]["mode"]["enum"]),
        ("values of exec-anonymous", "version: 1\nexec-anonymous: qqqqqqqqq\n", 2,
         SCHEMA["properties"]["exec-anonymous"]["enum"]),
    ]
    for section, (keys, rights) in sections.items():
        cases.append((f"keys of {section}", rule.format(section), 3, DEFS[keys]["properties"]))
        cases.append((f"rights of {section}", right.format(section), 3, DEFS[rights]["enum"]))
    for name, text, line, expected in cases:
        got = known(text, line)
        report(f"{name} are the same",
               None if got == set(expected) else f"parser {got}, schema {set(expected)}")


def asserted_words():
    rule = "version: 1\n{}:\n  - qqqqqqqqq: 1\n"
    cases = [("keys", "version: 1\nqqqqqqqqq: 1\n", 2, ASSERTED["properties"]),
             ("keys of env", "version: 1\nenv: {qqqqqqqqq: 1}\n", 2,
              ASSERTED["properties"]["env"]["properties"])]
    for section, keys in {"files": "file-rule", "network": "net-rule", "unix": "unix-rule"}.items():
        cases.append((f"keys of {section}", rule.format(section), 3,
                      ASSERTED["$defs"][keys]["properties"]))
    for name, text, line, expected in cases:
        got = known(text, line, "policies/tls.yaml")
        report(f"assertions: {name} are the same",
               None if got == set(expected) else f"parser {got}, schema {set(expected)}")


def names():
    """Families and capabilities are too many for hints: the tables themselves are read."""
    source = ""
    for name in ("user/policy/grants.c", "user/base/caps.c"):
        with open(name, encoding="utf-8") as f:
            source += f.read()
    families = set(re.findall(r'\{"([a-z0-9-]+)", AF_\w+, (?:OPEN|LATER)\}', source))
    caps = set(re.findall(r'"cap_([a-z_]+)"', source))
    report("families are the same", None if families == set(DEFS["family"]["enum"]) else
           f"they differ in {families ^ set(DEFS['family']['enum'])}")
    pattern = DEFS["capability"]["pattern"]
    same = all(re.search(pattern, p + c) and re.search(pattern, (p + c).upper())
               for c in caps for p in ("", "cap_"))
    listed = set(re.findall(r"[a-z_]+", pattern.split("(cap_)?(")[1].split(")")[0]))
    report("capabilities are the same", None if same and listed == caps else
           f"they differ in {listed ^ caps}")


for one in ("schema", "schema-assertions"):
    jsonschema.Draft202012Validator.check_schema(ASSERTED if one != "schema" else SCHEMA)
    report(f"policies/{one}.json is a schema", None)
good(POLICIES, "policies/*.yaml", "tests/golden/policy/*")
bad(POLICIES, "tests/golden/bad/*.yaml", BEYOND)
words()
good(ASSERTIONS, "policies/assert/*.yaml")
bad(ASSERTIONS, "tests/golden/bad-assert/*.yaml", BEYOND_ASSERTED)
asserted_words()
names()
sys.exit(0)
