#!/bin/bash
# SPDX-License-Identifier: MIT
# The network: every way to name a peer, with its allowed twin.
. "$(dirname "$0")/lib.sh"
ip link add dummy0 type dummy 2>/dev/null || modprobe dummy
ip link add dummy0 type dummy 2>/dev/null
ip addr add 203.0.113.1/24 dev dummy0
ip -6 addr add 2001:db8::1/64 dev dummy0 nodad
ip link set dummy0 up
echo 0 65534 >/proc/sys/net/ipv4/ping_group_range

keep_loaded
policy "$W/net.yaml" <<EOF
  - allow: [read, write]
    path: "$W/**"
network:
  - allow: [connect]
    to: ["203.0.113.5:443", "10.20.0.0/16:5432", "[2001:db8::/32]:443", "localhost:3000-3999", "203.0.113.53:53/udp",
         "[::1]:7000", "224.0.0.251:5353/udp", "255.255.255.255:67/udp", "[fe80::1]:443", "[ff02::fb]:5353/udp"]
  - deny: [connect]
    to: "10.20.30.0/24:5432"
  - deny: [connect]
    to: "localhost:3998"
  - allow: [bind]
    to: ["localhost:0", "localhost:3000-3999", "203.0.113.1:0", "[::]:8080"]
EOF

mkdir -m 777 "$W/root" "$W/nobody"
for user in root nobody; do
	inside net "$W/net.yaml" $user <<-EOF
		ok connect 203.0.113.5 443
		EACCES connect 203.0.113.5 80
		EACCES connect 203.0.113.6 443
		ok connect 10.20.1.1 5432
		EACCES connect 10.20.30.1 5432
		EACCES connect 10.21.0.0 5432
		EACCES connect 10.19.255.255 5432
		ok connect 2001:db8::5 443
		EACCES connect 2001:db9::5 443
		ok connect ::ffff:203.0.113.5 443
		EACCES connect ::ffff:203.0.113.6 443
		ok connect 127.0.0.1 3000
		ok connect 127.9.9.9 3999
		EACCES connect 127.0.0.1 22
		ok connect ::1 3500
		EACCES connect ::1 22
		ok connect 0.0.0.0 3000
		EACCES connect 0.0.0.0 22
		EACCES connect :: 22
		ok connect :: 3000
		ok udp-connect 203.0.113.53 53
		EACCES connect 203.0.113.53 53
		ok sendto 203.0.113.53 53
		EACCES sendto 203.0.113.54 53
		ok sendto-unspec 203.0.113.53 53
		EACCES sendto-unspec 203.0.113.54 53
		ok sendmmsg 203.0.113.53 53
		EACCES sendmmsg 203.0.113.54 53
		EACCES fastopen 203.0.113.6 443
		ok fastopen 203.0.113.5 443
		ok bind 127.0.0.1 3000
		ok bind 127.0.0.1 0
		EACCES bind 127.0.0.1 4000
		EACCES bind 0.0.0.0 3000
		EACCES bind 203.0.113.1 3000
		EACCES bind :: 3000
		ok bind ::1 3000
		EACCES listen-unbound
		ok socket 2 1 0
		ok socket 2 2 17
		ok socket 10 1 6
		ok socket 1 1 0
		EAFNOSUPPORT socket 2 1 262
		EAFNOSUPPORT socket 2 3 1
		EAFNOSUPPORT socket 2 2 1
		EAFNOSUPPORT socket 2 1 132
		EAFNOSUPPORT socket 2 2 136
		EAFNOSUPPORT socket 16 3 0
		EAFNOSUPPORT socket 16 3 15
		EAFNOSUPPORT socket 17 3 0
		EAFNOSUPPORT socket 38 5 0
		EAFNOSUPPORT socket 40 1 0
		EPERM ip-options
		ok unix-inside $W/$user/inside.sock
		EPERM send-route 203.0.113.53 53
		EPERM sendmmsg-route 203.0.113.53 53
		ok sendmmsg-connected 203.0.113.53 53
		EACCES connected-sendto 203.0.113.53 53 203.0.113.54 53
		EACCES reconnect 203.0.113.53 53 203.0.113.54 53
		EACCES fastopen-connect 203.0.113.6 443
		ok fastopen-connect 203.0.113.5 443
		EACCES sendto-mixed 203.0.113.54 53
		ok sendto-mixed 203.0.113.53 53
		EACCES sendto-mixed ::ffff:203.0.113.54 53
		EACCES listen6-unbound
		EPERM option 41 57 24
		EPERM option 41 5 24
		EPERM option 41 6 64
		ok option 41 26 4
		EPERM option 1 25 4
		EPERM option 1 62 4
		ok option 1 2 4
		EPERM option 0 50 4
		EPERM option 41 76 4
		EPERM option 41 50 20
		EPERM device-send named dummy0 127.0.0.1 3000
		ok device-send named lo 127.0.0.1 3000
		EPERM device-send named dummy0 203.0.113.53 53
		ok device-send named dummy0 203.0.113.5 443
		EPERM device-send connected dummy0 203.0.113.5 443
		ok device-send connected lo 127.0.0.1 3000
		EACCES uring-connect here 203.0.113.54 53
		EACCES uring-connect worker 203.0.113.54 53
		ok uring-connect worker 203.0.113.53 53
		EACCES uring-sendmsg worker 203.0.113.54 53
		ok uring-sendmsg worker 203.0.113.53 53
		EAFNOSUPPORT uring-socket worker 16 3 15
		EACCES uring-sendzc worker 203.0.113.54 53
		ok uring-sendzc worker 203.0.113.53 53
		EACCES|EINVAL uring-bind worker 127.0.0.1 4000
		ok|EINVAL uring-bind worker 127.0.0.1 3002
		ok bound-connect 127.0.0.1 0.0.0.0 3000
		EACCES bound-connect 203.0.113.1 0.0.0.0 3000
		ok connect :: 7000
		EACCES bound-connect ::ffff:127.0.0.1 :: 7000
		ok bound-connect ::ffff:127.0.0.1 :: 3500
		EPERM pktinfo-send 203.0.113.1 0.0.0.0 3000
		ok pktinfo-send 203.0.113.1 203.0.113.53 53
		EACCES bind :: 8080
		ok bind-only6 :: 8080
		EACCES broadcast 203.0.113.255 53
		ok broadcast 255.255.255.255 67
		EACCES sendto 224.0.0.1 5353
		ok sendto 224.0.0.251 5353
		EACCES sendto ff02::1%dummy0 5353
		ok sendto ff02::fb%dummy0 5353
		EACCES connect fe80::2%dummy0 443
		ok connect fe80::1%dummy0 443
		EACCES udp-connect 203.0.113.53 0
		EACCES connect 2001:DB9:0:0::0:5 443
	EOF
	[ $user != root ] || audited net "$W/net.yaml"
done
cp "$W/denied" "$W/net.denied"
grep uring "$W/script" >"$W/uring"
inside net/uring "$W/net.yaml" nobody <"$W/uring"
audited net/uring "$W/net.yaml" nobody
mv "$W/net.denied" "$W/denied"
check "net: addresses in their canonical form" grep -qF 'may not connect to [2001:db9::5]:443/tcp' "$W/denied"
# A thread that changes the address meanwhile.
inside race "$W/net.yaml" nobody <<-EOF
	ok race-connect 127.0.0.1 3000 3998
	ok race-connect ::1 3000 3998
	ok race-sendto 127.0.0.1 3001 3998
	ok race-sendto ::1 3001 3998
	ok race-bind 127.0.0.1 3000 4000
EOF

# What else rules can say of a peer: `internet`, lists and ranges of ports, `ephemeral`, protect and override.
ip addr add 45.0.0.1/32 dev dummy0
policy "$W/rules.yaml" <<EOF
  - allow: [read, write]
    path: "$W/**"
network:
  - protect: [connect]
    to: ["1.0.0.0/8", "[2606::/16]:443"]
    except: "1.1.1.1:443"
    reason: "not for you"
  - allow: [connect]
    to: ["internet:443,8443", "10.1.0.0/16:ephemeral/udp", "10.2.0.0/16:80,8000-8099"]
  - deny: [connect]
    to: "9.9.0.0/16:443"
  - allow: [connect]
    to: "9.9.9.9:443"
    override: true
  - allow: [bind]
    to: "localhost:ephemeral"
EOF
for user in root nobody; do
	inside rules "$W/rules.yaml" $user <<-EOF
		ok connect 8.8.8.8 443
		ok connect 8.8.8.8 8443
		EACCES connect 8.8.8.8 80
		ok connect ::ffff:8.8.8.8 443
		ok connect 2a00::1 443
		EACCES connect 192.168.1.1 443
		EACCES connect ::ffff:192.168.1.1 443
		EACCES connect 172.31.0.1 443
		EACCES connect 100.64.0.1 443
		EACCES connect 169.254.169.254 443
		EACCES connect 127.0.0.1 443
		EACCES udp-connect 224.0.0.1 443
		EACCES connect fd00::1 443
		EACCES connect fe80::1%dummy0 443
		EACCES connect 64:ff9b::7f00:1 443
		EACCES connect 2002:7f00:1::1 443
		EACCES connect 45.0.0.1 443
		ok connect 45.0.0.2 443
		EACCES connect 1.2.3.4 443
		ok connect 1.1.1.1 443
		EACCES connect 1.1.1.1 8443
		EACCES connect 2606::1 443
		ok connect 2606::1 8443
		EACCES connect 9.9.1.1 443
		ok connect 9.9.9.9 443
		ok udp-connect 10.1.2.3 40000
		EACCES connect 10.1.2.3 40000
		EACCES udp-connect 10.1.2.3 1000
		ok connect 10.2.0.1 80
		EACCES connect 10.2.0.1 81
		ok udp-connect 10.2.0.1 8050
		EACCES udp-connect 10.2.0.1 8100
		ok bind 127.0.0.1 40001
		EACCES bind 127.0.0.1 2000
	EOF
	[ $user != root ] || audited rules "$W/rules.yaml"
done
check "rules: the reason of a protect" grep -qF "not for you" "$W/denied"
check "rules: and which way it went" grep -qE "may not .*bind.* 127.0.0.1:2000/tcp" "$W/denied"

# Ten thousand networks, half of them IPv6, with ports: against trying each (netmany.py).
python3 "$ROOT/tests/kernel/netmany.py" "$W/networks" "$W/questions"
policy "$W/many.yaml" <"$W/networks"
inside many "$W/many.yaml" nobody <"$W/questions"

# One's own listeners, and those of somebody outside.
policy "$W/self.yaml" <<EOF
  - allow: [read, write]
    path: "$W/**"
network:
  - allow: [connect]
    to: "localhost:4000"
  - deny: [connect]
    to: "localhost:5450"
  - allow: [connect]
    to: ["self:1-5449", "self:5451-65535"]
  - allow: [bind]
    to: ["localhost:1-65535", "0.0.0.0:1-65535", "[::]:1-65535"]
EOF
cat >"$W/listen.py" <<'EOF'
import os, socket
kept = []
for family, host, port in ((2, "127.0.0.1", 4000), (2, "127.0.0.1", 5432), (2, "0.0.0.0", 5433), (10, "::", 5434),
                           (2, "127.0.0.1", 5440), (2, "127.0.0.2", 5441)):
    s = socket.socket(family)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind((host, port))
    s.listen(64)
    kept.append(s)
print("ready", flush=True)
os.read(0, 1)
EOF
mkfifo "$W/ready" "$W/hold"
python3 "$W/listen.py" <"$W/hold" >"$W/ready" &
server=$!
exec 7>"$W/hold"
read -r said <"$W/ready"
wants ready "$said" || not_ok "net: the listeners outside"
for user in root nobody; do
	shared=$([ $user = root ] && echo EACCES || echo EBADE) # another user cannot share it
	inside self "$W/self.yaml" $user <<-EOF
		ok reach tcp 127.0.0.1 4000
		EACCES reach tcp 127.0.0.1 5432
		EACCES reach tcp 127.0.0.1 5433
		EACCES reach tcp ::1 5434
		EACCES reach tcp 127.0.0.1 5434
		ECONNREFUSED reach tcp 127.0.0.1 5435
		ok self-reach 127.0.0.1 5436 127.0.0.1
		ok self-reach 127.0.0.1 5436 0.0.0.0
		ok self-reach 0.0.0.0 5437 127.0.0.1
		ok self-reach 0.0.0.0 5437 127.9.9.9
		ok self-reach ::1 5438 ::1
		ok self-reach :: 5439 ::1
		ok self-reach :: 5439 127.0.0.1
		ok self-reach ::ffff:127.0.0.1 5442 127.0.0.1
		$shared self-reach 127.0.0.1 5440 127.0.0.1
		ok self-reach 127.0.0.1 5441 127.0.0.1
		EACCES self-reach 127.0.0.1 5441 127.0.0.2
		EACCES self-reach 127.0.0.1 5450 127.0.0.1
		EACCES sendto 127.0.0.1 5436
		EACCES connect 203.0.113.1 5436
	EOF
	[ $user != root ] || audited self "$W/self.yaml"
done
exec 7>&-
wait $server
rm "$W/ready" "$W/hold"

# Families and protocols that the policy opens by name. MPTCP goes with every address.
modprobe -q af_alg
modprobe -q vsock
sed 's/^network:/families: [netlink-route, netlink-sock-diag, alg, vsock]\nnetwork:/' "$W/net.yaml" >"$W/families.yaml"
cat >>"$W/families.yaml" <<EOF
  - allow: [connect]
    to: "any:1-65535/tcp"
    override: true
EOF
for user in root nobody; do
	inside families "$W/families.yaml" $user <<-EOF
		ok socket 16 3 0
		ok socket 16 3 4
		EAFNOSUPPORT socket 16 3 15
		EAFNOSUPPORT socket 16 3 12
		ok socket 38 5 0
		ok socket 40 1 0
		EAFNOSUPPORT socket 17 3 0
		EAFNOSUPPORT socket 31 3 1
		EAFNOSUPPORT socket 2 6 33
		EAFNOSUPPORT socket 2 5 132
		EAFNOSUPPORT socket 10 2 136
		EAFNOSUPPORT socket 10 3 58
		ok netlink-get
		EPERM netlink-set
		ok socket 2 1 262
		ok socket 10 1 262
		EAFNOSUPPORT socket 2 2 262
		ok connect 203.0.113.6 443
	EOF
done
unload net
rm -rf "$W"
