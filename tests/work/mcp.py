# SPDX-License-Identifier: MIT
"""A server that speaks the Model Context Protocol, and somebody who asks it.

mcp.py serve-stdio | serve-http PORT | ask-stdio | ask-http URL
"""
import http.server
import json
import subprocess
import sys
import urllib.request

VERSION = "2025-03-26"


def answer(request):
    """The answer to one request; None to a notification."""
    if "id" not in request:
        return None
    results = {
        "initialize": {"protocolVersion": VERSION, "capabilities": {"tools": {}}, "serverInfo": {"name": "t", "version": "1"}},
        "tools/list": {"tools": [{"name": "add", "inputSchema": {"type": "object"}}]},
    }
    if request["method"] == "tools/call":
        given = request["params"]["arguments"]
        result = {"content": [{"type": "text", "text": str(given["a"] + given["b"])}]}
    else:
        result = results[request["method"]]
    return {"jsonrpc": "2.0", "id": request["id"], "result": result}


def serve_stdio():
    for line in sys.stdin:
        reply = answer(json.loads(line))
        if reply:
            print(json.dumps(reply), flush=True)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        reply = answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        body = json.dumps(reply).encode() if reply else b""
        self.send_response(200 if reply else 202)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def talk(send):
    """One session; `send` gives the answer to a message, or None."""
    start = {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}
    first = send({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": start})
    assert first["result"]["serverInfo"]["name"] == "t"
    assert send({"jsonrpc": "2.0", "method": "notifications/initialized"}) is None
    tools = send({"jsonrpc": "2.0", "id": 2, "method": "tools/list"})
    assert tools["result"]["tools"][0]["name"] == "add"
    call = {"name": "add", "arguments": {"a": 40, "b": 2}}
    got = send({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": call})
    assert got["result"]["content"][0]["text"] == "42"


def ask_stdio():
    with subprocess.Popen([sys.executable, __file__, "serve-stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p:

        def send(message):
            p.stdin.write(json.dumps(message) + "\n")
            p.stdin.flush()
            return json.loads(p.stdout.readline()) if "id" in message else None

        talk(send)
        p.stdin.close()


def ask_http(url):
    def send(message):
        request = urllib.request.Request(url, json.dumps(message).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as r:
            body = r.read()
        return json.loads(body) if body else None

    talk(send)


if sys.argv[1] == "serve-stdio":
    serve_stdio()
elif sys.argv[1] == "serve-http":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
elif sys.argv[1] == "ask-stdio":
    ask_stdio()
else:
    ask_http(sys.argv[2])
