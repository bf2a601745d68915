#!/bin/bash
# SPDX-License-Identifier: MIT
# Domains: a name server and web servers at public addresses, in a network namespace of their own.
# What a name opens, what it does not, and the ways around the forwarder.
. "$(dirname "$0")/lib.sh"
keep_loaded
export PATH=$PATH:/usr/sbin:/sbin
ip link set lo up
ip netns add far
ip link add near0 type veth peer name far0 netns far
ip addr add 93.184.216.1/24 dev near0
ip addr add 2606:2800:220:1::1/64 dev near0 nodad
ip link set near0 up
for a in 34 35 66 53; do
	ip -n far addr add 93.184.216.$a/24 dev far0
	ip -n far addr add 2606:2800:220:1::$a/64 dev far0 nodad
done
ip -n far link set far0 up
ip -n far link set lo up
far() { ip netns exec far "$@"; }

# --- who answers there ---
mkdir "$W/www" "$W/far"
mkdir -m 777 "$W/rw"
echo "it works" >"$W/www/page"
chmod -R a+rX "$W/www"
git init -q --bare "$W/www/repo.git"
tree=$(git -C "$W/www/repo.git" hash-object -w -t tree /dev/null)
commit=$(git -C "$W/www/repo.git" -c user.name=t -c user.email=t@t commit-tree -m t "$tree")
git -C "$W/www/repo.git" update-ref HEAD "$commit"
git -C "$W/www/repo.git" update-server-info
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$W/far/key" -out "$W/ca.pem" -days 2 \
	-subj /CN=good.example.net -addext subjectAltName=DNS:good.example.net 2>/dev/null
cat >"$W/nginx.conf" <<END
pid $W/far/nginx.pid;
error_log $W/far/nginx.log;
worker_processes 1;
user root;
events {}
http {
	access_log off; client_header_timeout 900;
	client_body_temp_path $W/far; proxy_temp_path $W/far; fastcgi_temp_path $W/far;
	uwsgi_temp_path $W/far; scgi_temp_path $W/far;
	ssl_certificate $W/ca.pem; ssl_certificate_key $W/far/key;
	server { listen 80; listen 81; listen [::]:80; listen 443 ssl; root $W/www; }
}
END
NGINX=$(command -v nginx || echo "$ROOT/build/programs/usr/sbin/nginx")
far "$NGINX" -e "$W/far/nginx.err" -c "$W/nginx.conf" || not_ok "domains: nginx"
far dnsmasq --pid-file="$W/far/dns.pid" --conf-file=/dev/null --no-resolv --no-hosts --user=root \
	--listen-address=93.184.216.53,2606:2800:220:1::53 --bind-interfaces --local-ttl=5 --log-queries \
	--log-facility="$W/far/dns.log" \
	--address=/good.example.net/93.184.216.34 --address=/good.example.net/2606:2800:220:1::34 \
	--address=/other.example.net/93.184.216.34 \
	--address=/below.wild.example.com/93.184.216.35 --address=/wild.example.com/93.184.216.35 \
	--address=/no.wild.example.com/93.184.216.35 \
	--address=/telemetry.example.net/93.184.216.34 \
	--address=/evil.example.org/93.184.216.66 --address=/private.example.net/10.0.0.1 \
	--address=/meta.example.net/169.254.169.254 --address=/loop.example.net/127.0.0.1 \
	$(seq -f '--host-record=many.example.net,93.184.217.%g' 120) \
	--host-record=cname.example.org,93.184.216.35 --cname=alias.example.net,cname.example.org \
	--txt-record=good.example.net,hello || not_ok "domains: dnsmasq"
echo "nameserver 93.184.216.53" >/etc/resolv.conf
check "domains: the servers are there" curl -sSf --retry 5 --retry-connrefused -o /dev/null http://good.example.net/page

asked() { # NAME: has the server been asked for it?
	grep -qF "query[" "$W/far/dns.log" && grep -qF " $1 from" "$W/far/dns.log"
}

# --- inside ---
cat >"$W/do.py" <<'END'
# do.py WHAT...: small clients. Exits 0 when it worked, 1 when it was denied.
import socket, struct, sys
what, *args = sys.argv[1:]
def query(name, kind=1):
    return struct.pack(">6H", 77, 0x100, 1, 0, 0, 0) + b"".join(
        bytes([len(p)]) + p.encode() for p in name.split(".")) + struct.pack(">BHH", 0, kind, 1)
def answers(reply): # IPv4 addresses in it; the rcode when there are none
    n = struct.unpack(">6H", reply[:12])
    return reply[-4:] if n[3] else n[1] & 15
try:
    if what == "connect": # ADDRESS PORT
        socket.create_connection((args[0], int(args[1])), 5).close()
    elif what == "udp": # ADDRESS PORT NAME: an unconnected socket, as musl's; who answered
        f = socket.AF_INET6 if ":" in args[0] else socket.AF_INET
        s = socket.socket(f, socket.SOCK_DGRAM)
        s.settimeout(5)
        s.sendto(query(args[2]), (args[0], int(args[1])))
        reply, peer = s.recvfrom(512)
        print(peer[0], peer[1], answers(reply))
    elif what == "connected": # ADDRESS NAME: and whom it believes to talk to
        f = socket.AF_INET6 if ":" in args[0] else socket.AF_INET
        s = socket.socket(f, socket.SOCK_DGRAM)
        s.settimeout(5)
        s.connect((args[0], 53))
        s.send(query(args[1]))
        print(s.getpeername()[0], s.getpeername()[1], answers(s.recv(512)))
    elif what == "mapped": # ADDRESS NAME: an IPv6 socket to an IPv4 server
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        s.settimeout(5)
        s.sendto(query(args[1]), ("::ffff:" + args[0], 53))
        reply, peer = s.recvfrom(512)
        print(peer[0], peer[1], answers(reply))
    elif what == "tcp": # ADDRESS NAME
        s = socket.create_connection((args[0], 53), 5)
        q = query(args[1])
        s.sendall(struct.pack(">H", len(q)) + q)
        print(s.getpeername()[0], answers(s.recv(512)[2:]))
    elif what == "fastopen": # ADDRESS NAME
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        q = query(args[1])
        s.sendto(struct.pack(">H", len(q)) + q, 0x20000000, (args[0], 53))
        s.settimeout(5)
        print(answers(s.recv(512)[2:]))
    elif what == "device": # ADDRESS NAME: through an interface, to the neighbours
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(5)
        s.connect((args[0], 53))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"near0")
        s.send(query(args[1]))
    elif what == "answers": # ADDRESS NAME FILE: who answers now, and who writes to us then
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(10)
        s.sendto(query(args[1]), (args[0], 53))
        print(s.recvfrom(512)[1][1], flush=True)
        open(args[2], "w").write(str(s.getsockname()[1]))
        print(s.recvfrom(512)[1][0], flush=True)
    elif what == "forwarder": # every port of the forwarder's addresses, directly
        for family, address in (socket.AF_INET, "127.83.66.88"), (socket.AF_INET6, "::1"):
            for port in map(int, args):
                s = socket.socket(family, socket.SOCK_DGRAM)
                s.settimeout(2)
                try:
                    s.sendto(query("good.example.net"), (address, port))
                    s.recv(512)
                    print("answered at", address, port)
                    sys.exit(0)
                except OSError:
                    pass
        sys.exit(1)
    elif what == "flood": # SUFFIX N: so many names below it; how many were answered
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(10)
        s.connect(("93.184.216.53", 53))
        n = 0
        for i in range(int(args[1])):
            s.send(query("x%d.%s" % (i, args[0])))
            n += isinstance(answers(s.recv(512)), bytes)
        print("answered", n)
    elif what == "keep": # ADDRESS PORT: a connection that is held while names expire
        s = socket.create_connection((args[0], int(args[1])), 5)
        print("connected", flush=True)
        sys.stdin.readline()
        s.sendall(b"GET /page HTTP/1.0\r\n\r\n")
        sys.exit(b"it works" not in s.makefile("rb").read())
except OSError as e:
    print(e)
    sys.exit(1)
END
cat >"$W/do.sh" <<'END'
# do.sh: "ok" and "not ok" lines. In audit mode what is denied is done.
cd "$HOME" || exit
t() { # NAME 0|1 COMMAND: it succeeds, or it does not
	want=$2 name=$1
	[ -z "$AUDIT" ] || want=0
	shift 2
	timeout 60 "$@" >out 2>&1
	got=$?
	[ $got = 0 ] || got=1
	if [ $got = $want ]; then echo "ok $name"; else echo "not ok $name: $got"; sed 's/^/  | /' out; fi
}
says() { # NAME PATTERN COMMAND: what it prints
	name=$1 pattern=$2
	shift 2
	timeout 60 "$@" >out 2>&1
	if grep -qE "$pattern" out; then echo "ok $name"; else echo "not ok $name"; sed 's/^/  | /' out; fi
}
do="python3 $DO"
ns=93.184.216.53
t "an address that no name led to" 1 $do connect 93.184.216.34 80
t "curl, by name" 0 curl -4 -sSf http://good.example.net/page
t "curl, by name over IPv6" 0 curl -6 -sSf http://good.example.net/page
t "and by the address from now on" 0 $do connect 93.184.216.34 80
t "but not at another port" 1 $do connect 93.184.216.34 81
t "nor at another address" 1 $do connect 93.184.216.35 80
t "https" 0 curl -4 -sSf --cacert "$CA" https://good.example.net/page
t "git over https" 0 git -c http.sslCAInfo="$CA" clone -q https://good.example.net/repo.git "clone$AUDIT"
t "python" 0 python3 -c 'import urllib.request as u; u.urlopen("http://good.example.net/page")'
t "a name of the policy in capitals" 0 curl -4 -sSf http://GOOD.example.NET/page
t "a name that is not in it" 1 curl -4 -sSf -m 20 http://evil.example.org/page
t "a name beside it at the same address" 1 curl -4 -sSf -m 20 http://other.example.net:80/page
t "a name below it" 1 curl -4 -sSf -m 20 http://a.good.example.net/page
t "below the wildcard" 0 curl -4 -sSf http://below.wild.example.com/page
t "the wildcard's own name" 1 curl -4 -sSf -m 20 http://wild.example.com:81/page
t "a name that a rule denies below it" 1 curl -4 -sSf -m 20 http://no.wild.example.com/page
t "a name that a quiet rule denies" 1 curl -4 -sSf -m 20 http://telemetry.example.net/page
t "an alias of a name elsewhere" 0 curl -4 -sSf http://alias.example.net/page
says "UDP without connect: who answers" "^$ns 53 b'" $do udp $ns 53 good.example.net
says "UDP with connect: who answers" "^$ns 53 b'" $do connected $ns good.example.net
says "UDP of an IPv6 socket to IPv4" "^::ffff:$ns 53 b'" $do mapped $ns good.example.net
says "UDP to a server's IPv6 address" "^2606:2800:220:1::53 53 b'" $do udp 2606:2800:220:1::53 53 good.example.net
says "the same with connect" "^2606:2800:220:1::53 53 b'" $do connected 2606:2800:220:1::53 good.example.net
says "TCP: who answers" "^$ns b'" $do tcp $ns good.example.net
says "TCP to an IPv6 address" "^2606:2800:220:1::53 b'" $do tcp 2606:2800:220:1::53 good.example.net
says "TCP fast open" "b'" $do fastopen $ns good.example.net
says "a server that is not there answers, too" "^192.0.2.99 53 b'" $do udp 192.0.2.99 53 good.example.net
says "dig" "93.184.216.34" dig +tries=1 +time=5 good.example.net
says "dig for text" "hello" dig +tries=1 +time=5 txt good.example.net
says "dig for HTTPS records: none" "status: NOERROR" dig +tries=1 +time=5 type65 good.example.net
says "Go's resolver" "^1 .93.184.216.34" "$GO" udp good.example.net
t "Go's, and a connection" 0 "$GO" get good.example.net:80
says "Go's, below a wildcard" "^1 .93.184.216.35" "$GO" udp below.wild.example.com
says "Go's, over TCP" "^1 .93.184.216.34" "$GO" tcp good.example.net
says "Go's, what does not fit into a datagram" "^120 .*93.184.217.120" "$GO" udp many.example.net
t "Go's, a name that is not in it" 1 "$GO" udp evil.example.org
t "Go's, the same over TCP" 1 "$GO" tcp evil.example.org
t "Go's, and no connection" 1 "$GO" get evil.example.org:80
t "c-ares, in node" 0 node -e '
	const dns = require("dns")
	dns.resolve4("good.example.net", (e, a) => {
		if (e || a[0] != "93.184.216.34") process.exit(1)
		dns.resolve4("evil.example.org", (e) => process.exit((process.env.AUDIT ? !e : e?.code == "EREFUSED") ? 0 : 1))
	})'
says "a static program of musl" "93.184.216.34" "$MUSL" good.example.net
[ -n "$AUDIT" ] || says "a refusal is one" "status: REFUSED" dig +tries=1 +time=5 evil.example.org
[ -n "$AUDIT" ] || { # done, these would wait for answers
	t "a name of a private address" 1 getent ahostsv4 private.example.net
	t "a name of the metadata service" 1 getent ahostsv4 meta.example.net
	t "a name of this host, which the policy lists" 0 getent ahostsv4 loop.example.net
	t "a query through an interface" 1 $do device $ns good.example.net
	t "the forwarder itself, by its ports" 1 $do forwarder $PORTS
	t "DNS over TLS" 1 $do connect $ns 853
	t "a name server at another port" 1 $do udp $ns 54 good.example.net
	t "systemd-resolved's socket" 1 python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("/run/systemd/resolve/io.systemd.Resolve")'
}
END
cat >"$W/resolve.c" <<'END'
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
int main(int argc, char **argv)
{
	struct addrinfo hints = {.ai_family = AF_INET}, *a;
	char text[64];

	if (getaddrinfo(argv[1], "80", &hints, &a))
		return 1;
	puts(inet_ntop(AF_INET, &((struct sockaddr_in *)a->ai_addr)->sin_addr, text, sizeof(text)));
	return 0;
}
END
check "domains: a program of musl" musl-gcc -static -O1 -o "$W/musl" "$W/resolve.c"
mkdir -p /run/systemd/resolve
python3 -c 'import os, socket
s = socket.socket(socket.AF_UNIX)
s.bind("/run/systemd/resolve/io.systemd.Resolve")
os.chmod("/run/systemd/resolve/io.systemd.Resolve", 0o666)
s.listen()
import time; time.sleep(3000)' &
resolved=$!

files() {
	cat <<-END
		  - allow: [read, exec]
		    path: ["$W/www/**", "$W/do.*", "$W/ca.pem", "$W/musl", "$W/rw/**", "/proc/**"]
		  - allow: [write]
		    path: ["$W/rw/**", "/proc/self/task/*/comm"]
		unix:
		  - allow: [connect]
		    path: "/run/**"
	END
}
policy "$W/names.yaml" < <(files; cat <<-END
	network:
	  - allow: [connect]
	    to: ["good.example.net:80,443", "alias.example.net:80", "private.example.net:80",
	         "meta.example.net:80", "many.example.net:80", "loop.example.net:80", "localhost"]
	  - allow: [connect]
	    to: "*.wild.example.com:80"
	  - deny: [connect]
	    to: "no.wild.example.com"
	    reason: "it is not for you"
	  - deny: [connect]
	    to: "telemetry.example.net"
	    quiet: true
	  - allow: [bind]
	    to: ["0.0.0.0:0", "[::]:0"] # dig
END
)
in_cg() { # CGROUP COMMAND
	local cg=$1
	shift
	bash -c "echo \$\$ >$cg/cgroup.procs && exec \"\$@\"" - "$@"
}
do="python3 $W/do.py"
page() { # CGROUP [NAME]
	in_cg "$1" curl -4 -sSf -m 10 -o /dev/null "http://${2:-good.example.net}/page"
}
fails() { ! "$@"; }
ports() { # that the daemon listens at
	ss -Hlnu "sport != 53" 2>/dev/null | awk '$4 ~ /^(127\.83\.66\.88|\[::1\]):/ { sub(/.*:/, "", $4); print $4 }' | tr '\n' ' '
}
# Opened now, looked at when it has expired.
mkdir "$CG/early" "$CG/outside"
check "domains: attach early" "$SBX" attach --cgroup "$CG/early" --policy "$W/names.yaml" --name early
check "domains, early: by name" page "$CG/early"
opened=$SECONDS
coproc KEEPER { in_cg "$CG/early" $do keep 93.184.216.34 80; }
keeper=$KEEPER_PID to_keeper=${KEEPER[1]}
read -r said <&"${KEEPER[0]}"
check "domains, early: a connection is held" test "$said" = connected

for user in nobody root audit; do
	mkdir -m 700 "$W/rw/$user"
	as=$user audit=''
	case $user in
	nobody) chown -R nobody "$W/rw/$user" ;;
	audit) as=root audit=--audit ;;
	esac
	"$SBX" run $audit --policy "$W/names.yaml" --user $as --events "$W/events" -- \
		env AUDIT=$audit HOME="$W/rw/$user" DO="$W/do.py" CA="$W/ca.pem" MUSL="$W/musl" GO="$ROOT/build/kernel/gonames" \
		PORTS="$(ports)" GIT_CONFIG_NOSYSTEM=1 sh "$W/do.sh" </dev/null 2>"$W/err" |
		sed -uE "s/^(ok|not ok) /\\1 domains, $user: /"
	[ "${PIPESTATUS[0]}" = 0 ] || sed 's/^/  | /' "$W/err"
	check "domains, $user: an event names the name" grep -qF 'may not resolve evil.example.org' "$W/events"
	check "domains, $user: quietly where the rule is quiet" \
		sh -c "grep -F 'may not resolve telemetry' '$W/events' | grep -qF '\"quiet\":true' && ! grep -F 'may not resolve telemetry' '$W/events' | grep -qvF '\"quiet\":true'"
	check "domains, $user: and who asked" grep -qE 'curl \(pid [0-9]+\) may not resolve evil' "$W/events"
	check "domains, $user: and which rule denied a name" \
		grep -qE 'no.wild.example.com.*it is not for you' "$W/events"
	check "domains, $user: and what would allow it" grep -qE 'evil.example.org:443' "$W/events"
	case $user in
	audit) check "domains, audit: the name was asked for" asked evil.example.org ;;
	*) check "domains, $user: the server was never asked for it" sh -c "! grep -F ' evil.example.org from' '$W/far/dns.log'" ;;
	esac
done

# --- attach: update, other cgroups, the daemon's death ---
mkdir "$CG/names" "$CG/names/below"
check "domains: attach" "$SBX" attach --cgroup "$CG/names" --policy "$W/names.yaml" --name names
check "domains, attach: by name" page "$CG/names"
check "domains, attach: in a cgroup below" page "$CG/names/below"
check "domains, attach: no other name" fails page "$CG/names" evil.example.org
check "domains, attach: nor its address" fails in_cg "$CG/names" $do connect 93.184.216.66 80
check "domains, attach: which name it was asked by" \
	says "no allowed name resolves to it; last asked by this sandbox: evil.example.org, refused" \
	"$SBX" explain --name names connect 93.184.216.66:80
# A socket made outside is not redirected: the query must not leave.
check "domains, attach: a socket made before" in_cg "$CG/outside" python3 -c '
import os, socket, sys
sys.path.insert(0, os.path.dirname(sys.argv[2]))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
open(sys.argv[1] + "/cgroup.procs", "w").write("0")
try:
    s.connect(("93.184.216.53", 53))
    sys.exit(1)
except PermissionError:
    pass
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("93.184.216.53", 53))' "$CG/names" "$W/do.py"
coproc LEAVER { in_cg "$CG/names" python3 -c '
import signal, socket, sys
signal.signal(signal.SIGUSR1, lambda *a: None)
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("93.184.216.53", 53))
print(__import__("os").getpid(), flush=True)
signal.pause()
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("93.184.216.53", 53))
except PermissionError:
    sys.exit(0)
sys.exit(1)'; }
leaver=$LEAVER_PID
read -r pid <&"${LEAVER[0]}"
echo "$pid" >"$CG/outside/cgroup.procs"
kill -USR1 "$pid"
check "domains, attach: a task that has left the cgroup" wait "$leaver"
check "domains, attach: another network namespace" fails in_cg "$CG/names" \
	ip netns exec far python3 "$W/do.py" udp 93.184.216.53 53 good.example.net
check "domains, attach: outside nothing changes" page "$CG/outside" evil.example.org
policy "$W/elsewhere.yaml" < <(files; cat <<-END
	network:
	  - allow: [connect]
	    to: ["localhost", "evil.example.org:80"]
END
)
mkdir "$CG/elsewhere"
check "domains: a second sandbox" "$SBX" attach --cgroup "$CG/elsewhere" --policy "$W/elsewhere.yaml" --name elsewhere
check "domains: its name" page "$CG/elsewhere" evil.example.org
check "domains: not the other's" fails page "$CG/elsewhere"
check "domains: nor its address" fails in_cg "$CG/elsewhere" $do connect 93.184.216.34 80
served=$(ports)
# shellcheck disable=SC2086 # words
check "domains: nor its forwarder" fails in_cg "$CG/elsewhere" $do forwarder $served
port6=$(ss -Hlnu "sport != 53" | sed -n 's/.*\[::1\]:\([0-9]*\).*/\1/p' | head -n 1)
check "domains: explain knows its port of ::1" says "sbx-bpfd answers there" \
	"$SBX" explain --name names connect "[::1]:$port6/udp"
check "domains: and that others are what the rules say" says "allowed" "$SBX" explain --name names connect "[::1]:9/tcp"
policy "$W/plain.yaml" < <(files; cat <<-END
	network:
	  - allow: [connect]
	    to: localhost
END
)
mkdir "$CG/plain"
check "domains: a sandbox without names" "$SBX" attach --cgroup "$CG/plain" --policy "$W/plain.yaml" --name plain
# shellcheck disable=SC2086 # words
check "domains, no names: no forwarder, either" fails in_cg "$CG/plain" $do forwarder $served
python3 -m http.server --bind 127.83.66.87 8087 >/dev/null 2>&1 &
beside=$!
check "domains, no names: other servers at localhost" in_cg "$CG/plain" curl -sS --retry 9 --retry-connrefused -o /dev/null http://127.83.66.87:8087/
kill "$beside"
check "domains: detach plain" "$SBX" detach --name plain
rmdir "$CG/plain"
check "domains: status lists what is open" says "good.example.net" "$SBX" status --dns
check "domains: with the address" grep -q "93.184.216.34" "$W/said"
check "domains: update" "$SBX" update --name names --policy "$W/elsewhere.yaml"
check "domains, update: the new name" page "$CG/names" evil.example.org
check "domains, update: status says what was closed" says "the policy was replaced" "$SBX" status --dns
check "domains, update: not the old one" fails page "$CG/names"
check "domains, update: nor its address" fails in_cg "$CG/names" $do connect 93.184.216.34 80
check "domains: update back" "$SBX" update --name names --policy "$W/names.yaml"
check "domains, back: by name" page "$CG/names"

# Somebody else at the forwarder's address is not taken for a server.
in_cg "$CG/names" $do answers 93.184.216.53 good.example.net "$W/rw/port" >"$W/answers" 2>&1 &
client=$!
for _ in $(seq 50); do [ -s "$W/rw/port" ] || sleep 0.1; done
python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.83.66.88", 0))
s.sendto(b"forged", ("127.0.0.1", int(sys.argv[1])))' "$(cat "$W/rw/port")"
wait "$client"
check "domains: who answers, and who is not taken for it" says "53 127.83.66.88" tr '\n' ' ' <"$W/answers"

# --- one inside the other, the inner one attached first ---
policy "$W/around.yaml" < <(files; cat <<-END
	network:
	  - allow: [connect]
	    to: ["alias.example.net:80", "evil.example.org:80"]
	  - allow: [bind]
	    to: ["0.0.0.0:0", "[::]:0"]
END
)
resolves() { # CGROUP NAME
	in_cg "$1" dig +tries=1 +time=5 "$2" | grep -q "status: NOERROR"
}
mkdir -p "$CG/around/within"
check "domains: attach within" "$SBX" attach --cgroup "$CG/around/within" --policy "$W/names.yaml" --name within
check "domains: attach around it" "$SBX" attach --cgroup "$CG/around" --policy "$W/around.yaml" --name around
check "domains, within: a name of both" resolves "$CG/around/within" alias.example.net
check "domains, within: and connect to it" page "$CG/around/within" alias.example.net
check "domains, within: not one of the outer alone" fails resolves "$CG/around/within" evil.example.org
check "domains, within: nor of the inner alone" fails resolves "$CG/around/within" good.example.net
check "domains, around: one of the outer" resolves "$CG/around" evil.example.org
check "domains, within: audit" "$SBX" mode audit --cgroup "$CG/around/within"
check "domains, within, audited: not what the outer refuses" fails resolves "$CG/around/within" cname.example.org
check "domains, within, audited: what it allows" resolves "$CG/around/within" evil.example.org
check "domains, within, audited: the server was not asked" fails asked cname.example.org

# --- nothing is left where names were ---
policy "$W/nameless.yaml" < <(files)
redirecting() { bpftool cgroup show "$1" | grep -q sbx_dns; }
check "domains: queries are redirected" redirecting "$CG/around"
check "domains: update to a policy without names" "$SBX" update --name around --policy "$W/nameless.yaml"
check "domains: detach around" "$SBX" detach --name around
check "domains: no program is left" fails redirecting "$CG/around"
check "domains: detach within" "$SBX" detach --name within
rmdir "$CG/around/within" "$CG/around"

# --- more names below a wildcard than anybody needs ---
check "domains: names below a wildcard are rationed" sh -c "$(declare -f in_cg); in_cg $CG/names $do flood wild.example.com 90 | tee $W/flood; n=\$(sed -n 's/answered //p' $W/flood); [ \$n -ge 20 ] && [ \$n -lt 80 ]"

# --- a daemon that hangs, and for which many wait ---
mkdir "$CG/late"
pkill -STOP -x sbx-bpfd
python3 -c 'import socket, sys, time
waiting = []
for i in range(64):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.setblocking(False)
    try:
        s.connect("/run/sbx-bpf/bpfd.sock")
    except BlockingIOError:
        break
    waiting.append(s)
open(sys.argv[1], "w").close()
time.sleep(60)' "$W/waiting" &
crowd=$!
for _ in $(seq 50); do [ -e "$W/waiting" ] || sleep 0.1; done
status "domains: attach gives up" 6 timeout 30 "$SBX" attach --cgroup "$CG/late" --policy "$W/names.yaml" --name late
pkill -CONT -x sbx-bpfd
kill "$crowd"
check "domains: attach when it goes on" "$SBX" attach --cgroup "$CG/late" --policy "$W/names.yaml" --name late
check "domains: and a name resolves" resolves "$CG/late" good.example.net
check "domains: detach late" "$SBX" detach --name late
rmdir "$CG/late"

# --- the daemon's death ---
served=$(ports)
pkill -KILL -x sbx-bpfd
check "domains, daemon killed: names do not resolve" fails page "$CG/names"
check "domains, daemon killed: what is open stays so" in_cg "$CG/names" $do connect 93.184.216.34 80
check "domains, daemon killed: what is not does not" fails in_cg "$CG/names" $do connect 93.184.216.66 80
# Somebody else at its ports gets nothing.
python3 -c 'import select, socket, sys
mine = []
for p in map(int, sys.argv[2:]):
    for f, a in (socket.AF_INET, "127.83.66.88"), (socket.AF_INET6, "::1"):
        mine.append(socket.socket(f, socket.SOCK_DGRAM))
        mine[-1].bind((a, p))
open(sys.argv[1], "w").close()
sys.exit(bool(select.select(mine, [], [], 30)[0]))' "$W/thief" $served &
thief=$!
for _ in $(seq 50); do [ -e "$W/thief" ] || sleep 0.1; done
check "domains, daemon killed: somebody listens in its place" test -e "$W/thief"
check "domains, daemon killed: queries do not go to others" fails in_cg "$CG/names" $do connected 93.184.216.53 good.example.net
kill "$thief"
status "domains, daemon killed: nor did any" 143 wait "$thief"
check "domains: a new daemon takes over" "$SBX" update --name names --policy "$W/names.yaml"
check "domains, taken over: by name" page "$CG/names"
check "domains, taken over: the other sandbox, too" page "$CG/elsewhere" evil.example.org

# --- what expires ---
left=$((100 - (SECONDS - opened)))
[ "$left" -le 0 ] || sleep "$left"
check "domains, expired: the address is closed" fails in_cg "$CG/early" $do connect 93.184.216.34 80
echo >&"$to_keeper"
check "domains, expired: a connection goes on" wait "$keeper"
check "domains, expired: the name opens it again" page "$CG/early"

# --- the end ---
for s in names elsewhere early; do check "domains: detach $s" "$SBX" detach --name $s; done
check "domains, detached: nothing is redirected" page "$CG/names" evil.example.org
rmdir "$CG/names/below" "$CG/names" "$CG/elsewhere" "$CG/early" "$CG/outside"
pkill -x sbx-bpfd
kill "$resolved" "$(cat "$W/far/nginx.pid")" "$(cat "$W/far/dns.pid")"
ip netns pids far | xargs -r kill
ip netns del far
unload domains
rm -rf "$W"
