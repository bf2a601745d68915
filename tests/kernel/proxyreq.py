#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Requests by hand to a proxy: proxyreq.py WHAT HOST PORT... Prints "ok" and "not ok" lines, or
exits 0 when it worked.

`hostile` sends what might pass two requests for one, or one for another, and what just breaks: each
with the status that it must get. Where the status is 200 it is the allowed twin.
"""
import socket
import sys
import time

what, host, port, *args = sys.argv[1:]
GOOD = "http://good.example.net/page"
EVIL = "http://evil.example.org/smuggled"
HOST = "Host: good.example.net"


def ask(data, wait=10.0):
    """All that comes back, and the status of it; 0: nothing, or the connection was reset."""
    s = socket.create_connection((host, int(port)), 10)
    s.settimeout(wait)
    got = b""
    try:
        s.sendall(data)
        while more := s.recv(65536):
            got += more
    except OSError:
        pass
    s.close()
    status = got.split(b" ", 2)[1] if got.startswith(b"HTTP/1.") else b"0"
    return int(status), got


def head(*lines):
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def chunked(size):
    return head(f"POST {GOOD} HTTP/1.1", HOST, "Transfer-Encoding: chunked") + size + b"0\r\n\r\n"


HOSTILE = [
    ("a request", 200, head(f"GET {GOOD} HTTP/1.1", HOST)),
    ("a request of HTTP/1.0 without Host", 200, head(f"GET {GOOD} HTTP/1.0")),
    ("a host in capitals, with its port", 200,
     head("GET http://GOOD.example.net:80/page HTTP/1.1", "Host: good.EXAMPLE.net.")),
    ("another name", 403, head(f"GET {EVIL} HTTP/1.1", "Host: evil.example.org")),
    ("another port", 403, head("GET http://good.example.net:81/ HTTP/1.1", HOST + ":81")),
    ("an address of a rule", 200,
     head("GET http://93.184.216.35/page HTTP/1.1", "Host: 93.184.216.35")),
    ("an address of none", 403,
     head("GET http://93.184.216.66/page HTTP/1.1", "Host: 93.184.216.66")),
    ("an allowed name's address", 403,
     head("GET http://93.184.216.34/page HTTP/1.1", "Host: 93.184.216.34")),
    ("the metadata service", 403,
     head("GET http://169.254.169.254/ HTTP/1.1", "Host: 169.254.169.254")),
    ("the proxy's own loopback", 403, head("GET http://127.0.0.1/ HTTP/1.1", "Host: 127.0.0.1")),
    ("its name", 403, head("GET http://localhost/ HTTP/1.1", "Host: localhost")),
    ("the proxy itself", 403, head("CONNECT proxy.example.net:3128 HTTP/1.1",
                                   "Host: proxy.example.net:3128")),
    ("an address written as a number", 400, head("GET http://2130706433/ HTTP/1.1",
                                                 "Host: 2130706433")),
    ("in hexadecimal", 400, head("GET http://0x7f.1/ HTTP/1.1", "Host: 0x7f.1")),
    ("with leading zeros", 400, head("GET http://0177.0.0.1/ HTTP/1.1", "Host: 0177.0.0.1")),
    ("mapped into IPv6", 403, head("GET http://[::ffff:93.184.216.66]/ HTTP/1.1",
                                   "Host: [::ffff:93.184.216.66]")),
    ("CONNECT to an address", 403, head("CONNECT 93.184.216.66:443 HTTP/1.1",
                                        "Host: 93.184.216.66:443")),
    ("CONNECT without a port", 400, head("CONNECT good.example.net HTTP/1.1", HOST)),
    ("CONNECT to a URL", 400, head(f"CONNECT {GOOD} HTTP/1.1", HOST)),
    ("connect in small letters", 501, head("connect evil.example.org:80 HTTP/1.1",
                                           "Host: evil.example.org:80")),
    ("CONNECT with a body", 400, head("CONNECT good.example.net:80 HTTP/1.1", HOST,
                                      "Content-Length: 4") + b"abcd"),
    ("GET with a body", 400, head(f"GET {GOOD} HTTP/1.1", HOST, "Content-Length: 4") + b"abcd"),
    ("another Host", 400, head(f"GET {GOOD} HTTP/1.1", "Host: evil.example.org")),
    ("two Hosts", 400, head(f"GET {GOOD} HTTP/1.1", HOST, "Host: evil.example.org")),
    ("the same Host twice", 400, head(f"GET {GOOD} HTTP/1.1", HOST, HOST)),
    ("no Host", 400, head(f"GET {GOOD} HTTP/1.1")),
    ("a path alone", 400, head("GET /page HTTP/1.1", HOST)),
    ("https in the clear", 400, head("GET https://good.example.net/page HTTP/1.1", HOST)),
    ("a name before @", 400, head("GET http://good.example.net@evil.example.org/ HTTP/1.1",
                                  "Host: evil.example.org")),
    ("a query without a path", 400, head("GET http://good.example.net?@evil.example.org HTTP/1.1",
                                         HOST)),
    ("a space in the URL", 400, head("GET http://good.example.net/a b HTTP/1.1", HOST)),
    ("a tab in the request", 400, head(f"GET\t{EVIL} {GOOD} HTTP/1.1", HOST)),
    ("HTTP/2", 505, head(f"GET {GOOD} HTTP/2.0", HOST)),
    ("no version", 400, head(f"GET {GOOD}", HOST)),
    ("a bare line feed", 400, head(f"GET {GOOD} HTTP/1.1", HOST + "\nX: y")),
    ("a bare carriage return", 400, head(f"GET {GOOD} HTTP/1.1", HOST + "\rX: y")),
    ("a NUL", 400, head(f"GET {GOOD} HTTP/1.1", HOST, "X: a\0b")),
    ("a folded header", 400, head(f"GET {GOOD} HTTP/1.1", HOST, "X: a", " b")),
    ("a space before the colon", 400, head(f"GET {GOOD} HTTP/1.1", "Host : good.example.net")),
    ("a header without a name", 400, head(f"GET {GOOD} HTTP/1.1", HOST, ": x")),
    ("two lengths", 400, head(f"POST {GOOD} HTTP/1.1", HOST, "Content-Length: 4",
                              "Content-Length: 40") + b"abcd"),
    ("two lengths in one", 400, head(f"POST {GOOD} HTTP/1.1", HOST, "Content-Length: 4, 4")
     + b"abcd"),
    ("a length with a sign", 400, head(f"POST {GOOD} HTTP/1.1", HOST, "Content-Length: +4")
     + b"abcd"),
    ("a length that is too long", 400,
     head(f"POST {GOOD} HTTP/1.1", HOST, "Content-Length: 99999999999999999999") + b"abcd"),
    ("a length and chunks", 400, head(f"POST {GOOD} HTTP/1.1", HOST, "Content-Length: 4",
                                      "Transfer-Encoding: chunked") + b"0\r\n\r\n"),
    ("chunks", 411, chunked(b"")),
    ("chunks under another name", 411, head(f"POST {GOOD} HTTP/1.1", HOST,
                                            "Transfer-Encoding: xchunked") + b"0\r\n\r\n"),
    ("a huge header", 431, head(f"GET {GOOD} HTTP/1.1", HOST, "X: " + "a" * 20000)),
    ("very many headers", 431, head(f"GET {GOOD} HTTP/1.1", HOST, *["X: y"] * 200)),
    ("nothing but line ends", 400, b"\r\n" * 8),
    ("TLS", 400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\n" * 40),
    ("a second request behind the first", 200,
     head(f"GET {GOOD} HTTP/1.1", HOST) + head(f"GET {EVIL} HTTP/1.1", "Host: evil.example.org")),
    ("one behind a body", 405,
     head(f"POST {GOOD} HTTP/1.1", HOST, "Content-Length: 4") + b"abcd"
     + head(f"GET {EVIL} HTTP/1.1", "Host: evil.example.org")),
    ("one for which the connection is to stay open", 200,
     head(f"GET {GOOD} HTTP/1.1", HOST, "Connection: keep-alive", "Proxy-Connection: keep-alive")
     + head(f"GET {EVIL} HTTP/1.1", "Host: evil.example.org")),
    ("a change of protocol", 200, head(f"GET {GOOD} HTTP/1.1", HOST, "Connection: Upgrade",
                                       "Upgrade: websocket")
     + head(f"GET {EVIL} HTTP/1.1", "Host: evil.example.org")),
    ("a tunnel that the proxy refuses", 407,
     head("CONNECT closed.wild.example.com:80 HTTP/1.1", "Host: closed.wild.example.com:80")
     + head(f"GET {EVIL} HTTP/1.1", "Host: evil.example.org")),
]


def hostile():
    for name, want, data in HOSTILE:
        status, got = ask(data)
        print(f"{'ok' if status == want else 'not ok'} {name}: {status}, {want} is wanted")
        if b"smuggled" in got:
            print(f"not ok {name}: got an answer to the second request")


def loris():
    """Heads that never end: each connection is closed within 20 s, and no more than 128 are had."""
    conns = [socket.create_connection((host, int(port)), 10) for _ in range(150)]
    for s in conns:
        s.setblocking(False)
    begun = time.monotonic()
    while conns and time.monotonic() - begun < 20:
        for i, s in enumerate(conns[:]):
            try:
                s.sendall(b"G" if i % 2 else b"GET http://good.example.net/\r\nX: y")
                if not s.recv(1):
                    conns.remove(s)
            except BlockingIOError:
                pass
            except OSError:
                conns.remove(s)
        print(len(conns), "are open still", flush=True)
        time.sleep(0.5)
    return bool(conns)


def alive():
    """Does somebody answer like a proxy?"""
    return ask(head(f"GET {GOOD} HTTP/1.1", HOST), 5)[0] != 200


def peer():
    s = socket.create_connection((host, int(port)), 10)
    print(*s.getpeername()[:2])
    # what has named a proxy once names nothing else
    six = ":" in host
    s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM)
    s.connect((host, int(port)))
    s.connect_ex(("::" if six else "0.0.0.0", 0))
    try:
        s.connect(("::ffff:" + args[0] if six else args[0], int(args[1])))
        return True
    except OSError:
        return False


def fastopen():
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.sendto(head(f"GET {EVIL} HTTP/1.1", "Host: evil.example.org"), 0x20000000, (host, int(port)))
    s.settimeout(5)
    return b" 403 " not in s.recv(100)


def slow():
    """Reads late what is much: all of it arrives."""
    s = socket.create_connection((host, int(port)), 10)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.sendall(head("GET http://good.example.net/large HTTP/1.1", HOST))
    time.sleep(2)
    n = 0
    while more := s.recv(65536):
        n += len(more)
    print(n)
    return n < int(args[0])


sys.exit(globals()[what]() or 0)
