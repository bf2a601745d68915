#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A proxy as companies have one: proxy.py ADDRESS PORT LOG NAME=ADDRESS...

It does whatever it is asked, keeps connections open for further requests where nobody asks it not
to, and writes each head that it reads into LOG as one line: what arrives here has passed. What
follows a head is logged as well where it takes it for a request of its own. `closed.*` is refused
with 407, and read on: whoever takes that for a tunnel shows it.
"""
import socket
import sys
import threading

address, port, log, *names = sys.argv[1:]
NAMES = dict(n.split("=") for n in names)
out = open(log, "a", buffering=1, encoding="latin-1")


def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
        b.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def head_of(c, have):
    while b"\r\n\r\n" not in have:
        data = c.recv(65536)
        if not data:
            if have:
                out.write("RAW " + repr(have) + "\n")
            return None, b""
        have += data
    head, rest = have.split(b"\r\n\r\n", 1)
    out.write(" | ".join(head.decode("latin-1").split("\r\n")) + "\n")
    return head.decode("latin-1").split("\r\n"), rest


def target(text, port):
    host, _, given = text.rpartition(":") if ":" in text.split("]")[-1] else (text, "", port)
    return NAMES.get(host, host.strip("[]")), int(given)


def one(c, lines, rest):
    """Serves a request; what is left for the next one, None: that was the last."""
    method, url, _ = lines[0].split(" ")
    if method == "CONNECT":
        if url.startswith("closed."):
            c.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 3\r\n"
                      b"Proxy-Authenticate: Basic\r\nProxy-Connection: keep-alive\r\n\r\nno\n")
            return rest
        far = socket.create_connection(target(url, "443"), 10)
        c.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        far.sendall(rest)
        t = threading.Thread(target=pump, args=(far, c), daemon=True)
        t.start()
        pump(c, far)
        t.join()
        return None
    host, _, path = url[len("http://"):].partition("/")
    far = socket.create_connection(target(host, "80"), 10)
    keep = [h for h in lines[1:] if not h.lower().startswith(("connection:", "proxy-"))]
    far.sendall("\r\n".join([f"{method} /{path} HTTP/1.0", *keep, "", ""]).encode("latin-1") + rest)
    if method == "POST":
        out.write("BODY " + repr(rest) + "\n")
    while data := far.recv(65536):
        c.sendall(data)
    return None if "Connection: close" in lines else b""


def serve(c):
    rest = b""
    try:
        while rest is not None:
            lines, rest = head_of(c, rest)
            if lines is None:
                break
            rest = one(c, lines, rest)
    except (OSError, ValueError) as e:
        out.write(f"# {e}\n")
    c.close()


server = socket.create_server((address, int(port)), backlog=512,
                              family=socket.AF_INET6 if ":" in address else socket.AF_INET)
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
