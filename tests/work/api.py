# SPDX-License-Identifier: MIT
"""Stands in for the services behind coding agents: Anthropic's Messages API and OpenAI's Responses API, both
streamed. The model is a script: whatever it is told, it asks for the next tool of a list. What the tools
answered is written down, a JSON object a line.

api.py PORT SCRIPT DIARY: SCRIPT is a JSON list of {"do": "write" | "read" | "edit" | "shell", ...}.
"""
import http.server
import json
import sys

PORT, SCRIPT, DIARY = int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
DONE = "All of it is done."


def note(agent, step, answer):
    with open(DIARY, "a", encoding="utf-8") as f:
        f.write(json.dumps({"agent": agent, "step": step, "answer": answer}) + "\n")


# --- Anthropic ---

ANTHROPIC_TOOLS = {
    "write": lambda s: ("Write", {"file_path": s["path"], "content": s["text"]}),
    "read": lambda s: ("Read", {"file_path": s["path"]}),
    "edit": lambda s: ("Edit", {"file_path": s["path"], "old_string": s["old"], "new_string": s["new"]}),
    "shell": lambda s: ("Bash", {"command": s["command"], "description": "A step"}),
}


def anthropic_results(messages):
    """The answers of tools so far, as text."""
    for message in messages:
        for block in message["content"] if isinstance(message["content"], list) else []:
            if block["type"] == "tool_result":
                yield block["content"] if isinstance(block["content"], str) else json.dumps(block["content"])


def anthropic_message(request):
    """(content block, stop reason)"""
    tools = [t["name"] for t in request.get("tools", [])]
    answers = list(anthropic_results(request["messages"]))
    if "Bash" not in tools: # a title for the session, and the like
        return {"type": "text", "text": "ok"}, "end_turn"
    if answers:
        note("claude", len(answers) - 1, answers[-1])
    if len(answers) >= len(SCRIPT):
        return {"type": "text", "text": DONE}, "end_turn"
    step = SCRIPT[len(answers)]
    name, given = ANTHROPIC_TOOLS[step["do"]](step)
    return {"type": "tool_use", "id": f"toolu_{len(answers)}", "name": name, "input": given}, "tool_use"


def anthropic_events(request):
    block, reason = anthropic_message(request)
    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": request["model"], "content": [],
               "stop_reason": None, "stop_sequence": None, "usage": usage}
    if block["type"] == "text":
        empty, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": block["text"]}
    else:
        empty = dict(block, input={})
        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    yield {"type": "message_start", "message": message}
    yield {"type": "content_block_start", "index": 0, "content_block": empty}
    yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    yield {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage}
    yield {"type": "message_stop"}


def anthropic_whole(request):
    block, reason = anthropic_message(request)
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": request["model"], "content": [block],
            "stop_reason": reason, "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}


# --- OpenAI ---


def patch(step):
    if step["do"] == "write":
        lines = [f"*** Add File: {step['path']}", *("+" + line for line in step["text"].splitlines())]
    else:
        lines = [f"*** Update File: {step['path']}", "@@", "-" + step["old"], "+" + step["new"]]
    return "\n".join(["*** Begin Patch", *lines, "*** End Patch"])


# The tool that runs commands has had several names.
OPENAI_SHELLS = {
    "exec_command": lambda command: {"cmd": command, "yield_time_ms": 30000},
    "shell_command": lambda command: {"command": command, "timeout_ms": 60000},
    "shell": lambda command: {"command": ["bash", "-c", command], "timeout_ms": 60000},
}


def openai_text(text):
    return {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


def openai_item(request):
    tools = [t.get("name") for t in request.get("tools", [])]
    answers = [i["output"] for i in request["input"] if i.get("type", "").endswith("_call_output")]
    shell = next((name for name in OPENAI_SHELLS if name in tools), None)
    if not shell: # a title for the session, and the like
        return openai_text("ok")
    n = len(answers)
    if answers:
        note("codex", n - 1, answers[-1] if isinstance(answers[-1], str) else json.dumps(answers[-1]))
    if n >= len(SCRIPT):
        return openai_text(DONE)
    step, call = SCRIPT[n], {"id": f"i_{n}", "call_id": f"c_{n}"}
    if step["do"] in ("write", "edit") and "apply_patch" in tools:
        return {"type": "custom_tool_call", "name": "apply_patch", "input": patch(step), **call}
    if step["do"] in ("write", "edit"):
        command = f"apply_patch <<'EOF'\n{patch(step)}\nEOF"
    else:
        command = step["command"] if step["do"] == "shell" else f"cat {step['path']}"
    return {"type": "function_call", "name": shell, "arguments": json.dumps(OPENAI_SHELLS[shell](command)), **call}


def openai_events(request):
    item = openai_item(request)
    response = {"id": "r", "object": "response", "status": "in_progress", "output": []}
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2,
             "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    yield {"type": "response.created", "response": response}
    yield {"type": "response.output_item.added", "output_index": 0, "item": item}
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}
    yield {"type": "response.completed", "response": dict(response, status="completed", output=[item], usage=usage)}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, body, kind="application/json", status=200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, events):
        text = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events)
        self.reply(text.encode(), "text/event-stream")

    def do_POST(self):
        path = self.path.partition("?")[0]
        request = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"{}")
        if path == "/v1/messages" and request.get("stream"):
            self.stream(anthropic_events(request))
        elif path == "/v1/messages":
            self.reply(json.dumps(anthropic_whole(request)).encode())
        elif path == "/v1/messages/count_tokens":
            self.reply(b'{"input_tokens": 1}')
        elif path == "/v1/responses":
            self.stream(openai_events(request))
        else:
            self.reply(b'{"error": {"type": "not_found_error", "message": "not here"}}', status=404)

    def do_GET(self):
        self.reply(b'{"error": {"type": "not_found_error", "message": "not here"}}', status=404)

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        print(self.command, self.path, *args[1:], file=sys.stderr)


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
