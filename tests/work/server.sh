# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A development server that a browser outside reaches, and the callback of a login at a port that the
# kernel picks. Ports and answers go by files: the browser is the script outside.
/usr/bin/python3 -m http.server -b 127.0.0.1 3000 >log 2>&1 &
server=$!
did "a server on localhost:3000" until_it curl -sf http://localhost:3000/README
cat >login.py <<'END'
import http.server, os, urllib.parse
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        q = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        self.server.code = q.get("code", [""])[0]
        self.send_response(200); self.end_headers(); self.wfile.write(b"you may close this window\n")
    def log_message(self, *a): pass
s = http.server.HTTPServer(("127.0.0.1", 0), H)
open("port.new", "w").write(str(s.server_port)); os.rename("port.new", "port")
s.timeout = 100
s.handle_request()
raise SystemExit(s.code != "secret-code")
END
did "a login calls back at a port of the kernel's choice" /usr/bin/python3 login.py
did "the server was reached from outside" until_it grep -q from-outside log
kill $server
