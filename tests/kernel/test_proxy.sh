#!/bin/bash
# SPDX-License-Identifier: MIT
# A policy's proxy (`via:`): what passes through sbx-bpfd's relay, what does not, and the ways around
# it. The proxy and the servers behind it are in a network namespace of their own.
. "$(dirname "$0")/lib.sh"
keep_loaded
export PATH=$PATH:/usr/sbin:/sbin
here=$ROOT/tests/kernel
ip link set lo up
ip netns add office
ip link add near1 type veth peer name far1 netns office
ip addr add 93.184.216.1/24 dev near1
ip addr add 10.77.0.2/24 dev near1
ip link set near1 up
for a in 93.184.216.34 93.184.216.35 93.184.216.66 93.184.216.53 10.77.0.1; do
	ip -n office addr add $a/24 dev far1
done
ip addr add fd77::2/64 dev near1 nodad
ip -n office addr add fd77::1/64 dev far1 nodad
ip -n office link set far1 up
ip -n office link set lo up
office() { ip netns exec office "$@"; }

mkdir "$W/www" "$W/far"
mkdir -m 777 "$W/rw"
echo "it works" >"$W/www/page"
echo "smuggled" >"$W/www/smuggled"
head -c 3000000 /dev/zero >"$W/www/large"
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
	access_log off;
	client_body_temp_path $W/far; proxy_temp_path $W/far; fastcgi_temp_path $W/far;
	uwsgi_temp_path $W/far; scgi_temp_path $W/far;
	ssl_certificate $W/ca.pem; ssl_certificate_key $W/far/key;
	server { listen 80; listen 81; listen 443 ssl; root $W/www; }
}
END
NGINX=$(command -v nginx || echo "$ROOT/build/programs/usr/sbin/nginx")
office "$NGINX" -e "$W/far/nginx.err" -c "$W/nginx.conf" || not_ok "proxy: nginx"
office dnsmasq --pid-file="$W/far/dns.pid" --conf-file=/dev/null --no-resolv --no-hosts --user=root \
	--listen-address=93.184.216.53 --bind-interfaces --local-ttl=5 \
	--address=/proxy.example.net/10.77.0.1 || not_ok "proxy: dnsmasq"
echo "nameserver 93.184.216.53" >/etc/resolv.conf
names="good.example.net=93.184.216.34 evil.example.org=93.184.216.66
	a.wild.example.com=93.184.216.35 no.wild.example.com=93.184.216.35"
# shellcheck disable=SC2086 # words
office python3 "$here/proxy.py" 10.77.0.1 3128 "$W/far/proxy.log" $names &
# shellcheck disable=SC2086
python3 "$here/proxy.py" 0.0.0.0 3129 "$W/far/local.log" $names &
# shellcheck disable=SC2086
python3 "$here/proxy.py" ::1 3131 "$W/far/six.log" $names &
python3 -m http.server --bind 127.0.0.1 3130 --directory "$W/www" >/dev/null 2>&1 &
# A stock one, whose names are in a file of its own network, and who wants to know who asks.
mkdir -p /etc/netns/office
printf '%s\n' '93.184.216.34 good.example.net' '93.184.216.66 evil.example.org' >/etc/netns/office/hosts
printf '%s\n' 'User root' 'Port 8888' 'Listen 10.77.0.1' 'Listen fd77::1' 'Timeout 600' 'MaxClients 50' \
	'LogLevel Info' "LogFile \"$W/far/tiny.log\"" 'BasicAuth us er' 'ConnectPort 80' 'ConnectPort 443' >"$W/tiny.conf"
office tinyproxy -d -c "$W/tiny.conf" >"$W/far/tiny.out" 2>&1 &
P=http://proxy.example.net:3128
check "proxy: it is there" curl -sSf --retry 9 --retry-connrefused -x "$P" -o /dev/null http://evil.example.org/page
check "proxy: the one of this host, too" curl -sSf --retry 9 --retry-connrefused -x http://127.0.0.1:3129 \
	-o /dev/null http://evil.example.org/page

arrived() { # TEXT: was the proxy asked for it?
	grep -aqF -- "$1" "$W/far/proxy.log"
}
fails() { ! "$@"; }
in_cg() { # CGROUP COMMAND
	local cg=$1
	shift
	bash -c "echo \$\$ >$cg/cgroup.procs && exec \"\$@\"" - "$@"
}
rules() {
	cat <<-END
		  - allow: [read, exec]
		    path: ["$W/ca.pem", "$here/**", "$W/rw/**", "/proc/**"]
		  - allow: [write]
		    path: "$W/rw/**"
		network:
		  - allow: [connect]
		    to: ["good.example.net:80,443", "*.wild.example.com:80,443", "93.184.216.35:80", "localhost"]
		  - deny: [connect]
		    to: "no.wild.example.com"
		    reason: "it is not for you"
	END
}
policy "$W/proxy.yaml" < <(rules; echo '  - via: "proxy.example.net:3128"')
policy "$W/local.yaml" < <(rules; echo '  - via: "localhost:3129"')
policy "$W/none.yaml" < <(rules)
policy "$W/tiny.yaml" < <(rules; echo '  - via: "proxy.example.net:8888"')
policy "$W/six.yaml" < <(rules; echo '  - via: "[fd77::1]:8888"')
policy "$W/six-here.yaml" < <(rules; echo '  - via: "[::1]:3131"')

# --- programs that know proxies ---
cat >"$W/do.sh" <<'END'
cd "$HOME" || exit
export http_proxy=$P https_proxy=$P
t() { # NAME 0|1 COMMAND: it succeeds, or it does not
	want=$2 name=$1
	[ -z "$AUDIT" ] || want=0
	shift 2
	timeout 60 "$@" >out 2>&1
	got=$?
	[ $got = 0 ] || got=1
	if [ $got = $want ]; then echo "ok $name"; else echo "not ok $name: $got"; sed 's/^/  | /' out; fi
}
t "curl" 0 curl -sSf http://good.example.net/page
t "curl, https" 0 curl -sSf --cacert "$CA" https://good.example.net/page
t "curl, a tunnel to port 80" 0 curl -sSfp http://good.example.net/page
t "git over https" 0 git -c http.sslCAInfo="$CA" clone -q https://good.example.net/repo.git "clone$AUDIT"
t "python" 0 python3 -c 'import urllib.request as u; u.urlopen("http://good.example.net/page")'
t "below the wildcard" 0 curl -sSf http://a.wild.example.com/page
t "an address that a rule names" 0 curl -sSf http://93.184.216.35/page
t "a name that is not in the policy" 1 curl -sSf http://evil.example.org/page
t "a tunnel to it" 1 curl -sSfp http://evil.example.org/page
t "a name that a rule denies" 1 curl -sSf http://no.wild.example.com/page
t "another port" 1 curl -sSf http://good.example.net:81/page
t "a tunnel to an address" 1 curl -sSfp http://93.184.216.66/page
END
: >"$W/far/proxy.log"
for user in nobody audit; do
	mkdir -m 700 "$W/rw/$user"
	as=nobody audit=''
	[ $user = nobody ] || audit=--audit
	chown nobody "$W/rw/$user"
	"$SBX" run $audit --policy "$W/proxy.yaml" --user $as --events "$W/events" -- \
		env AUDIT=$audit HOME="$W/rw/$user" P="$P" CA="$W/ca.pem" GIT_CONFIG_NOSYSTEM=1 \
		sh -s < <(cat "$W/do.sh") 2>"$W/err" | sed -uE "s/^(ok|not ok) /\\1 proxy, $user: /"
	[ "${PIPESTATUS[0]}" = 0 ] || not_ok "proxy, $user: run failed: $(cat "$W/err")"
	check "proxy, $user: an event names what was asked for" \
		grep -qE 'curl \(pid [0-9]+\) may not ask the proxy for evil.example.org:80' "$W/events"
	check "proxy, $user: and which rule denied it" grep -qE 'no.wild.example.com:80.*it is not for you' "$W/events"
	check "proxy, $user: and what would allow it" grep -qF 'evil.example.org:80/tcp\"' "$W/events"
	[ $user = audit ] || check "proxy: what was refused did not arrive" fails arrived evil.example.org/page\ HTTP/1.1
	: >"$W/far/proxy.log"
done

# --- hostile clients ---
mkdir "$CG/via" "$CG/other" "$CG/outside"
check "proxy: attach" "$SBX" attach --cgroup "$CG/via" --policy "$W/proxy.yaml" --name via
req() { # WHAT HOST PORT...
	in_cg "$CG/via" python3 "$here/proxyreq.py" "$@"
}
proxy=10.77.0.1
resolve() { in_cg "$CG/via" getent ahostsv4 proxy.example.net >/dev/null; }
check "proxy: its address by itself leads nowhere" fails req alive $proxy 3128
check "proxy: its name resolves" resolve
req loris $proxy 3128 >"$W/loris" 2>&1 &
loris=$!
for _ in $(seq 100); do grep -q "^128 are open" "$W/loris" || sleep 0.1; done
check "proxy: a sandbox has 128 connections of 150" grep -q "^128 are open" "$W/loris"
wait $loris
status "proxy: heads that never end: all are closed" 0 grep -q "^0 are open" "$W/loris"
check "proxy: and others are served then" req alive $proxy 3128
: >"$W/far/proxy.log"
req hostile $proxy 3128 | sed -uE "s/^(ok|not ok) /\\1 proxy, hostile: /"
check "proxy, hostile: nothing else arrived" fails grep -aE 'evil|smuggled|RAW|localhost|93.184.216.66|169.254' "$W/far/proxy.log"
check "proxy, hostile: of a body its length" grep -aqF "BODY b'abcd'" "$W/far/proxy.log"
check "proxy: its name again" resolve
check "proxy: whom clients believe to talk to, and where else a socket leads" says "$proxy 3128" \
	req peer $proxy 3128 93.184.216.35 80
check "proxy: TCP fast open" req fastopen $proxy 3128
check "proxy: all arrives at who reads late" req slow $proxy 3128 3000000
check "proxy: not by datagrams" fails in_cg "$CG/via" python3 -c "
import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('$proxy', 3128))"
check "proxy: its name once more" resolve # by now it may have expired
check "proxy: an IPv6 socket to IPv4" req alive ::ffff:$proxy 3128
check "proxy: explain" says "relayed: connect proxy.example.net:3128/tcp" \
	"$SBX" explain --name via connect proxy.example.net:3128

# --- who else can reach the relay ---
relays() { ss -Hlnt | awk '$4 ~ /^127\.83\.66\.88:/ { sub(/.*:/, "", $4); print $4 }'; }
reached() { # COMMAND...: an answer from one of the relay's ports
	local port
	for port in $(relays); do ! "$@" python3 "$here/proxyreq.py" alive 127.83.66.88 "$port" || return 0; done
	return 1
}
check "proxy: a second sandbox" "$SBX" attach --cgroup "$CG/other" --policy "$W/none.yaml" --name other
check "proxy: not by its address for the sandbox itself" fails reached in_cg "$CG/via"
check "proxy: nor for another one" fails reached in_cg "$CG/other"
check "proxy: nor for who is outside" fails reached env
check "proxy: a policy without one does not reach it" fails in_cg "$CG/other" python3 "$here/proxyreq.py" alive $proxy 3128

# --- a proxy on this host, and localhost open besides ---
check "proxy: another policy" "$SBX" update --name via --policy "$W/local.yaml"
check "proxy, local: not the old one" fails req alive $proxy 3128
for a in 127.0.0.1 127.0.0.2 10.77.0.2 93.184.216.1 0.0.0.0; do
	: >"$W/far/local.log"
	[ $a = 0.0.0.0 ] || check "proxy, local: by $a" req alive $a 3129
	in_cg "$CG/via" curl -sSf -x http://$a:3129 -o /dev/null http://evil.example.org/page 2>/dev/null
	check "proxy, local: by $a, no other name" fails grep -aq evil "$W/far/local.log"
done
check "proxy, local: what else listens here is open" in_cg "$CG/via" curl -sSf -o /dev/null http://127.0.0.1:3130/page
check "proxy: back" "$SBX" update --name via --policy "$W/proxy.yaml"
check "proxy, back: its name" resolve
check "proxy, back: it serves" req alive $proxy 3128

# --- tinyproxy ---
tiny() { # PROXY CURL-ARGUMENT...
	in_cg "$CG/via" curl -sSf -m 30 -x "http://$1" "${@:2}"
}
met() { grep -aqF -- "$1" "$W/far/tiny.log"; }
check "proxy, tinyproxy: it is there" curl -sSf -m 30 -x http://us:er@proxy.example.net:8888 -o /dev/null http://evil.example.org/page
: >"$W/far/tiny.log"
check "proxy, tinyproxy: its policy" "$SBX" update --name via --policy "$W/tiny.yaml"
check "proxy, tinyproxy: its name" resolve
T=us:er@proxy.example.net:8888
check "proxy, tinyproxy: a request" says "it works" tiny $T http://good.example.net/page
check "proxy, tinyproxy: a tunnel" says "it works" tiny $T --cacert "$W/ca.pem" https://good.example.net/page
check "proxy, tinyproxy: all of what is large" wants 3000000 \
	"$(tiny $T -o /dev/null -w '%{size_download}' --cacert "$W/ca.pem" https://good.example.net/large)"
check "proxy, tinyproxy: and not in a tunnel" wants 3000000 \
	"$(tiny $T -o /dev/null -w '%{size_download}' http://good.example.net/large)"
check "proxy, tinyproxy: whom it does not know, it refuses itself" says "407" \
	tiny proxy.example.net:8888 -I http://good.example.net/page
check "proxy, tinyproxy: of a tunnel, too" says "407" tiny proxy.example.net:8888 -p http://good.example.net/page
check "proxy, tinyproxy: another name" says "403" tiny $T http://evil.example.org/page
check "proxy, tinyproxy: a tunnel to it" says "403" tiny $T -p http://evil.example.org/page
check "proxy, tinyproxy: by its address" says "403" tiny us:er@10.77.0.1:8888 http://evil.example.org/page
check "proxy, tinyproxy: the other proxy beside it" fails req alive $proxy 3128
check "proxy, tinyproxy: it knows what it was asked" met "good.example.net"
check "proxy, tinyproxy: nothing else arrived" fails met "evil"

# --- proxies that are named by an IPv6 address ---
check "proxy, IPv6: its policy" "$SBX" update --name via --policy "$W/six.yaml"
check "proxy, IPv6: a request" says "it works" tiny "us:er@[fd77::1]:8888" http://good.example.net/page
check "proxy, IPv6: a tunnel" says "it works" tiny "us:er@[fd77::1]:8888" -p http://good.example.net/page
check "proxy, IPv6: another name" says "403" tiny "us:er@[fd77::1]:8888" http://evil.example.org/page
check "proxy, IPv6: not by its other address" fails tiny us:er@10.77.0.1:8888 http://good.example.net/page
check "proxy, IPv6: whom clients believe to talk to" says "fd77::1 8888" req peer fd77::1 8888 93.184.216.35 80
check "proxy, IPv6: nothing else arrived" fails met "evil"
check "proxy, ::1: its policy" "$SBX" update --name via --policy "$W/six-here.yaml"
check "proxy, ::1: a request" says "it works" tiny "[::1]:3131" http://good.example.net/page
for a in "[::1]" "[::]" "[0:0::1]" 0.0.0.0 localhost; do
	fails tiny "$a:3131" http://evil.example.org/page >/dev/null 2>&1 || not_ok "proxy, ::1: by $a, another name"
done
check "proxy, ::1: that has arrived" grep -aq good "$W/far/six.log"
check "proxy, ::1: nothing else, however it is called" fails grep -aq evil "$W/far/six.log"
check "proxy, ::1: what else listens here is open" in_cg "$CG/via" curl -sSf -o /dev/null http://127.0.0.1:3130/page
check "proxy: back again" "$SBX" update --name via --policy "$W/proxy.yaml"

# --- one within the other ---
rules_within() { # ACCESS BEYOND IT
	cat <<-END
		  - allow: [read]
		    path: ["$here/**", "/proc/**"]
		network:
		  - allow: [connect]
		    to: ["good.example.net:80", "evil.example.org:80"]
		  $*
	END
}
policy "$W/within.yaml" < <(rules_within '- via: "proxy.example.net:3128"')
policy "$W/within-open.yaml" < <(rules_within '- {allow: [connect], to: "10.77.0.1:3128"}')
policy "$W/within-none.yaml" < <(rules_within '- {deny: [connect], to: "10.77.0.1", reason: "not from in here"}')
mkdir "$CG/via/within"
ask_within() { in_cg "$CG/via/within" curl -sSf -m 30 -x $P "$@"; }
check "proxy, within: attach" "$SBX" attach --cgroup "$CG/via/within" --policy "$W/within.yaml" --name within
check "proxy, within: a name of both" says "it works" ask_within http://good.example.net/page
: >"$W/far/proxy.log"
check "proxy, within: one of the inner alone" says "403" ask_within http://evil.example.org/page
check "proxy, within: one of the outer alone" says "403" ask_within http://a.wild.example.com/page
check "proxy, within: nothing of that arrived" test ! -s "$W/far/proxy.log"
check "proxy, around: one of the outer" says "it works" in_cg "$CG/via" curl -sSf -m 30 -x $P http://a.wild.example.com/page
check "proxy, within: audit" "$SBX" mode audit --cgroup "$CG/via/within"
check "proxy, within, audited: one of the outer" says "it works" ask_within http://a.wild.example.com/page
check "proxy, within, audited: not what the outer refuses" says "403" ask_within http://evil.example.org/page
check "proxy, within: enforce" "$SBX" mode enforce --cgroup "$CG/via/within"
check "proxy, within: without one, open by address" "$SBX" update --name within --policy "$W/within-open.yaml"
direct_within() { in_cg "$CG/via/within" curl -sSf -m 30 -x http://$proxy:3128 "$@"; }
check "proxy, within, open: a name of the outer" says "it works" direct_within http://a.wild.example.com/page
check "proxy, within, open: no other" says "403" direct_within http://evil.example.org/page
check "proxy, within: without one" "$SBX" update --name within --policy "$W/within-none.yaml"
check "proxy, within, without one: the outer's is closed to it" fails ask_within http://good.example.net/page
check "proxy, around: and open to the others" says "it works" in_cg "$CG/via" curl -sSf -m 30 -x $P http://good.example.net/page
check "proxy, within: detach" "$SBX" detach --name within
rmdir "$CG/via/within"

# --- the daemon's death ---
check "proxy, before: its name" resolve
: >"$W/far/proxy.log"
pkill -KILL -x sbx-bpfd
check "proxy, daemon killed: nothing passes" fails req alive $proxy 3128
check "proxy, daemon killed: nothing arrived" test ! -s "$W/far/proxy.log"
check "proxy, daemon killed: other addresses stay open" in_cg "$CG/via" curl -sSf -o /dev/null http://93.184.216.35/page
check "proxy: a new daemon takes over" "$SBX" update --name other --policy "$W/none.yaml"
check "proxy, taken over: it serves" req alive $proxy 3128

# --- the end ---
check "proxy: detach" "$SBX" detach --name via
check "proxy: detach the other" "$SBX" detach --name other
rmdir "$CG/via" "$CG/other" "$CG/outside"
pkill -x sbx-bpfd
kill "$(cat "$W/far/nginx.pid")" "$(cat "$W/far/dns.pid")"
jobs -p | xargs -r kill 2>/dev/null
ip netns pids office | xargs -r kill
ip netns del office
unload proxy
rm -rf "$W"
