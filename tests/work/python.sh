# SPDX-License-Identifier: MIT
# shellcheck shell=bash
did "venv" /usr/bin/python3 -m venv v
did "pip install from an index" v/bin/pip install -q --disable-pip-version-check --index-url https://localhost:8443/simple demo
did "what it installed" sh -c 'v/bin/demo | grep -q "demo works"'
did "pip list, pip uninstall" sh -c 'v/bin/pip list --disable-pip-version-check | grep -q demo && v/bin/pip uninstall -qy demo'
cat >t.py <<'END'
import json, multiprocessing, sqlite3, subprocess, sys, tempfile
def f(x): return x * x
if __name__ == "__main__":
    with multiprocessing.Pool(2) as pool: assert pool.map(f, [1, 2]) == [1, 4]
    assert subprocess.check_output([sys.executable, "-c", "print(1)"]) == b"1\n"
    with tempfile.TemporaryDirectory() as d: open(d + "/x", "w").write("x")
END
did "pools, processes, temporary files" v/bin/python t.py
did "unittest" sh -c 'printf "import unittest\nclass T(unittest.TestCase):\n    def test(self): pass\n" >test_x.py && v/bin/python -m unittest -q'
