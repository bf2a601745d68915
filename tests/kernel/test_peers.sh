#!/bin/bash
# SPDX-License-Identifier: MIT
# Real programs and real peers: servers in a network namespace of their own, clients and servers
# inside. Of each server two ports are up, one that the policy opens and one that it does not.
. "$(dirname "$0")/lib.sh"
keep_loaded
export PATH=$PATH:/usr/sbin:/sbin
ip netns add far
ip link add near0 type veth peer name far0 netns far
ip addr add 10.9.0.1/24 dev near0
ip link set near0 up
ip -n far addr add 10.9.0.2/24 dev far0
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
cat >"$W/nginx.conf" <<EOF
pid $W/far/nginx.pid;
error_log $W/far/nginx.log;
worker_processes 1;
user root;
events {}
http {
	access_log off;
	client_body_temp_path $W/far; proxy_temp_path $W/far; fastcgi_temp_path $W/far;
	uwsgi_temp_path $W/far; scgi_temp_path $W/far;
	server { listen 10.9.0.2:80; listen 10.9.0.2:81; root $W/www; }
}
EOF
NGINX=$(command -v nginx || echo "$ROOT/build/programs/usr/sbin/nginx")
far "$NGINX" -e "$W/far/nginx.err" -c "$W/nginx.conf" || not_ok "peers: nginx"
cat >"$W/far/names.py" <<'EOF'
# Answers every question on two ports with 192.0.2.7.
import select, socket
socks = []
for port in 53, 54:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("10.9.0.2", port))
    socks.append(s)
while True:
    for s in select.select(socks, [], [])[0]:
        q, peer = s.recvfrom(512)
        end = q.index(b"\0", 12) + 5
        s.sendto(q[:2] + b"\x84\0\0\1\0\1\0\0\0\0" + q[12:end] + b"\xc0\x0c\0\1\0\1\0\0\0\5\0\4\xc0\0\2\7", peer)
EOF
far python3 "$W/far/names.py" &
far iperf3 -s -p 5201 -D
far iperf3 -s -p 5202 -D
ssh-keygen -q -t ed25519 -N '' -f "$W/far/key"
dropbearkey -t ed25519 -f "$W/far/host" >/dev/null 2>&1
mkdir -p /root/.ssh
chmod 700 /root /root/.ssh
cp "$W/far/key.pub" /root/.ssh/authorized_keys
chmod 600 /root/.ssh/authorized_keys
far dropbear -s -E -r "$W/far/host" -P "$W/far/dropbear.pid" -p 10.9.0.2:22 -p 10.9.0.2:23 \
	2>"$W/far/dropbear.log" || not_ok "peers: dropbear"

# --- what is done inside ---
cat >"$W/do.sh" <<'EOF'
# do.sh USER RW KEY: "ok" and "not ok" lines. In audit mode what is denied is done.
cd "$2" || exit
export HOME=$2 GIT_CONFIG_NOSYSTEM=1 TMPDIR=$2
t() { # NAME 0|1 COMMAND: it succeeds, or it does not
	want=$2 name=$1
	[ -z "$AUDIT" ] || want=0
	shift 2
	timeout 30 "$@" >out 2>&1
	got=$?
	[ $got = 0 ] || got=1
	if [ $got = $want ]; then echo "ok $name"; else echo "not ok $name: $got"; sed 's/^/  | /' out; fi
}
client() {
	t "curl" 0 curl -sSf -o page http://10.9.0.2/page
	t "curl, a port that is not open" 1 curl -sSf -m 5 http://10.9.0.2:81/page
	t "dig" 0 sh -c 'dig +short +tries=1 +time=5 @10.9.0.2 x.example | grep -qx 192.0.2.7'
	t "dig, a port that is not open" 1 sh -c 'dig +short +tries=1 +time=2 -p 54 @10.9.0.2 x.example | grep -qx 192.0.2.7'
}
more() {
	t "git over http" 0 git clone -q http://10.9.0.2/repo.git a
	t "git, a port that is not open" 1 git clone -q http://10.9.0.2:81/repo.git b
	t "iperf3" 0 iperf3 -c 10.9.0.2 -p 5201 -n 100K
	t "iperf3, datagrams" 0 iperf3 -u -c 10.9.0.2 -p 5201 -n 20K
	t "iperf3, a port that is not open" 1 iperf3 -c 10.9.0.2 -p 5202 -n 100K
	ssh="ssh -F none -i $KEY -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o BatchMode=yes root@10.9.0.2"
	t "ssh" 0 $ssh true
	t "ssh, a port that is not open" 1 $ssh -p 23 true
	python3 -c 'import socketserver, sys
class H(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"hello")
socketserver.TCPServer.allow_reuse_address = True
s = socketserver.TCPServer(("127.0.0.1", 3000), H)
print("ready", flush=True)
s.handle_request()' >ready &
	until [ -s ready ]; do sleep 0.1; done
	t "python's socketserver inside" 0 python3 -c 'import socket, sys
s = socket.create_connection(("localhost", 3000))
sys.exit(s.recv(9) != b"hello")'
	t "python, a port that is not open" 1 python3 -c 'import socketserver; socketserver.TCPServer(("127.0.0.1", 4000), None)'
	for port in 3002 4002; do
		mkdir -p tmp
		printf 'user root; pid %s/n.pid; error_log %s/n.log; daemon on; events {} http { access_log off; client_body_temp_path %s/tmp; proxy_temp_path %s/tmp; fastcgi_temp_path %s/tmp; uwsgi_temp_path %s/tmp; scgi_temp_path %s/tmp; server { listen 127.0.0.1:%s; root %s; } }' \
			"$HOME" "$HOME" "$HOME" "$HOME" "$HOME" "$HOME" "$HOME" $port "$HOME" >n.conf
		t "nginx inside, port $port" $((port > 4000)) "$WEB" -e "$HOME/n.err" -c "$HOME/n.conf"
		[ $port != 3002 ] || t "curl of nginx inside" 0 curl -sSf http://localhost:3002/page
		[ ! -s n.pid ] || kill "$(cat n.pid)"
	done
}
in_node() { # takes longest to start
	t "node" 0 node -e 'fetch("http://10.9.0.2/page").then(r => r.text()).then(x => process.exit(x === "it works\n" ? 0 : 1))'
	t "node, a port that is not open" 1 node -e 'require("net").connect(81, "10.9.0.2").on("error", e => process.exit(1)).on("connect", () => process.exit(0))'
	t "a server and a client in node" 0 node -e 'const h = require("http");
h.createServer((q, r) => r.end("x")).listen(3001, "127.0.0.1", async () => { const r = await fetch("http://127.0.0.1:3001/"); process.exit((await r.text()) === "x" ? 0 : 1); })'
	t "node, listening where it may not" 1 node -e 'require("net").createServer().on("error", () => process.exit(1)).listen(4001, () => process.exit(0))'
}
client
more
[ -z "$NODE" ] || in_node
EOF
policy "$W/peers.yaml" <<EOF
  - allow: [read]
    path: ["$W/www/**", "$W/do.sh", "/sys/devices/system/**", "/sys/fs/cgroup/**", "/proc/**", "$W/rw/**"]
  - allow: [write]
    path: "$W/rw/**"
network:
  - allow: [connect]
    to: ["10.9.0.2:22,80,5201/tcp", "10.9.0.2:53,5201/udp", "localhost:3000-3999"]
  - allow: [bind]
    to: ["localhost:3000-3999", "0.0.0.0:0/udp"] # dig binds before it asks
capabilities: [chown, setgid, setuid] # nginx, as root
EOF
for user in nobody root audit; do
	mkdir -m 700 "$W/rw/$user"
	cp "$W/far/key" "$W/rw/$user/key"
	as=$user node='' audit=''
	case $user in
	nobody)
		chown -R nobody "$W/rw/$user"
		node=1
		;;
	audit) as=root audit=--audit ;;
	esac
	"$SBX" run $audit --policy "$W/peers.yaml" --user $as --events "$W/events" -- \
		env WEB="$NGINX" AUDIT=$audit NODE=$node KEY="$W/rw/$user/key" sh "$W/do.sh" $user "$W/rw/$user" \
		</dev/null 2>"$W/err" | sed -uE "s/^(ok|not ok) /\\1 peers, $user: /"
	[ "${PIPESTATUS[0]}" = 0 ] || sed 's/^/  | /' "$W/err"
	check "peers, $user: the events name protocol, address and port" \
		grep -qF 'connect to 10.9.0.2:81/tcp' "$W/events"
	check "peers, $user: and the nearest rule" grep -qE 'nearest: .*peers.yaml:[0-9]* allows' "$W/events"
	check "peers, $user: of datagrams, too" grep -qF "10.9.0.2:54/udp" "$W/events"
done
sed 's/^/# /' "$W/far/dropbear.log"
kill "$(cat "$W/far/nginx.pid")"
ip netns pids far | xargs -r kill
ip netns del far
unload peers
rm -rf "$W"
