#!/bin/bash
# SPDX-License-Identifier: MIT
# The unit of sbx-bpfd under systemd, as `make install` puts it there: it says when it is ready, `run`
# starts it, it comes back after a kill, and names end with it. Wants a machine with systemd as its
# first process: tests/vm/run.sh --systemd --kernel 6.12 -- env T=service tests/kernel/all.sh
. "$(dirname "$0")/lib.sh"
if [ ! -d /run/systemd/system ]; then
	not_ok "service: systemd is not process 1 here. Hint: tests/vm/run.sh --systemd"
	exit 1
fi
# What the unit is started after is this machine's whole boot, which would empty /tmp.
systemctl --quiet --runtime mask systemd-tmpfiles-setup.service
SBX=/usr/bin/sbx-bpf
export PATH=$PATH:/usr/sbin:/sbin

# --- a name server, a web server and a proxy, in a network namespace of their own ---
ip netns add far
ip link add near0 type veth peer name far0 netns far
ip addr add 93.184.216.1/24 dev near0
ip link set near0 up
for a in 93.184.216.34 93.184.216.53; do ip -n far addr add $a/24 dev far0; done
ip -n far link set far0 up
ip -n far link set lo up
far() { ip netns exec far "$@"; }
mkdir "$W/www"
echo "it works" >"$W/www/page"
far python3 -m http.server --bind 93.184.216.34 --directory "$W/www" 80 >/dev/null 2>&1 &
far python3 "$ROOT/tests/kernel/proxy.py" 93.184.216.34 3128 "$W/proxy.log" good.example.net=93.184.216.34 &
far dnsmasq --pid-file="$W/dns.pid" --conf-file=/dev/null --no-resolv --no-hosts --user=root \
	--listen-address=93.184.216.53 --bind-interfaces --local-ttl=5 \
	--address=/good.example.net/93.184.216.34 --address=/evil.example.org/93.184.216.34 \
	--address=/proxy.example.net/93.184.216.34 || not_ok "service: dnsmasq"
echo "nameserver 93.184.216.53" >/etc/resolv.conf
policy "$W/names.yaml" <<-END
	network:
	  - allow: [connect]
	    to: "good.example.net:80"
	  - via: "proxy.example.net:3128"
END
in_cg() { # CGROUP COMMAND
	local cg=$1
	shift
	bash -c "echo \$\$ >$cg/cgroup.procs && exec \"\$@\"" - "$@"
}
page() { # CURL-ARGUMENT...
	in_cg "$CG/names" curl -4 -sSf -m 20 -o /dev/null "$@"
}
fails() { ! "$@"; }
good=http://good.example.net/page evil=http://evil.example.org/page

# --- installed ---
check "service: make install" make -s -C "$ROOT" install
check "service: systemd finds nothing wrong with the unit" systemd-analyze --man=no verify sbx-bpfd.service
check "service: daemon-reload" systemctl daemon-reload
keep_loaded
show() { systemctl show -P "$1" sbx-bpfd; }
ours() { # the only daemon is the unit's, which is up
	wants "active running $(pgrep -x sbx-bpfd)" "$(show ActiveState) $(show SubState) $(show MainPID)"
}
check "service: it does not run yet" fails pgrep -x sbx-bpfd
check "service: run starts it" "$SBX" run --user root --policy "$W/names.yaml" -- curl -4 -sSf -m 20 -o /dev/null $good
check "service: as the unit, and nothing beside it" ours
status "service: no other name" 6 "$SBX" run --user root --policy "$W/names.yaml" -- curl -4 -sSf -m 20 -o /dev/null $evil
check "service: systemd does not give up" wants 0 "$(show StartLimitIntervalUSec)"
check "service: it is the kind that says when it is ready" wants notify "$(show Type)"

# --- killed, stopped, started ---
mkdir "$CG/names"
check "service: attach" "$SBX" attach --cgroup "$CG/names" --policy "$W/names.yaml" --name names
check "service: by name" page $good
check "service: by the proxy, too" page -x http://proxy.example.net:3128 $good
check "service: no other name, by the proxy" fails page -x http://proxy.example.net:3128 $evil
back() { # within half a minute, by itself
	local _
	for _ in $(seq 150); do
		[ "$(show MainPID)" = 0 ] || [ "$(show MainPID)" = "$1" ] || ! ours >/dev/null || return 0
		sleep 0.2
	done
	systemctl status --no-pager sbx-bpfd
	return 1
}
for n in 1 2; do
	old=$(show MainPID)
	kill -KILL "$old"
	check "service, kill $n: systemd starts it again" back "$old"
	check "service, kill $n: by name again" page $good
	check "service, kill $n: and no other" fails page $evil
done
for _ in 1 2 3 4 5 6; do
	old=$(show MainPID)
	kill -KILL "$old" && back "$old" >/dev/null || break
done
check "service, killed six times more: it is back" ours
check "service: by the proxy again" page -x http://proxy.example.net:3128 $good
check "service: stop" systemctl stop sbx-bpfd
check "service, stopped: nobody runs" fails pgrep -x sbx-bpfd
check "service, stopped: names do not resolve" fails page $good
check "service, stopped: nor does the proxy answer" fails page -x http://93.184.216.34:3128 $good
check "service: start waits until it is ready" sh -c 'systemctl start sbx-bpfd && exec "$@"' - "$SBX" status --dns
check "service, started: by name" page $good
check "service: update, by way of the unit" "$SBX" update --name names --policy "$W/names.yaml"
check "service: after all that, still the unit" ours

# --- the end ---
# One that was started by hand before the service was.
check "service: stop once more" systemctl stop sbx-bpfd
/usr/sbin/sbx-bpfd --on-demand >/dev/null 2>&1 &
byhand=$!
answers() { page --retry 30 --retry-all-errors --retry-delay 1 $good; }
check "service, by hand: by name" answers
systemctl start --no-block sbx-bpfd
waits() { # and is not started again and again
	local _
	for _ in $(seq 100); do
		[[ $(show StatusText) != *waiting* ]] || break
		sleep 0.2
	done
	wants "activating start" "$(show ActiveState) $(show SubState)"
}
check "service, by hand: the service waits for its end" waits
check "service, by hand: by name still" page $good
kill -KILL $byhand
check "service: and takes over" back 0
check "service, taken over: by name" page $good
check "service: detach" "$SBX" detach --name names
rmdir "$CG/names"
check "service: stopped at the end" systemctl stop sbx-bpfd
unload service
check "service: make uninstall" make -s -C "$ROOT" uninstall
check "service: the unit is gone" test ! -e /usr/lib/systemd/system/sbx-bpfd.service
kill "$(cat "$W/dns.pid")"
ip netns pids far | xargs -r kill
ip netns del far
rm -rf "$W"
