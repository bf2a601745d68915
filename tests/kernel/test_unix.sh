#!/bin/bash
# SPDX-License-Identifier: MIT
# Unix sockets: rules, names and objects, and sockets that were handed in.
. "$(dirname "$0")/lib.sh"
keep_loaded
mkdir -m 777 "$W/own" "$W/open" "$W/shut"

# Somebody outside who answers at every name, and moves what he bound.
cat >"$W/outside.py" <<'EOF'
import os, select, socket, sys
w = sys.argv[1]
kept = []
def serve(kind, name):
    s = socket.socket(socket.AF_UNIX, kind)
    s.bind(name)
    if name[0] != "\0":
        os.chmod(name, 0o777)
    if kind != socket.SOCK_DGRAM:
        s.listen(64)
    else:
        s.setblocking(False)
    kept.append(s)
for place in "open", "shut":
    serve(socket.SOCK_STREAM, f"{w}/{place}/stream")
    serve(socket.SOCK_DGRAM, f"{w}/{place}/dgram")
    serve(socket.SOCK_SEQPACKET, f"{w}/{place}/seq")
    for n in range(1, 6):
        serve(socket.SOCK_STREAM, f"{w}/{place}/spare{n}")
os.rename(f"{w}/open/spare1", f"{w}/shut/moved-from-open")
os.rename(f"{w}/shut/spare1", f"{w}/open/moved-from-shut")
os.link(f"{w}/shut/stream", f"{w}/open/second-name")
os.symlink(f"{w}/open/stream", f"{w}/shut/symlink")
for name in "sbx-open", "sbx-shut", "sbx-open/deep", "other":
    serve(socket.SOCK_STREAM, "\0" + name)
    serve(socket.SOCK_DGRAM, "\0" + name + ".dgram")
print("ready", flush=True)
wait = select.poll()
wait.register(0)
for s in kept:
    if s.type == socket.SOCK_DGRAM:
        wait.register(s, select.POLLIN)
while True:
    for fd, _ in wait.poll():
        if fd == 0:
            sys.exit()
        os.read(fd, 10)
EOF
mkfifo "$W/ready" "$W/hold"
python3 "$W/outside.py" "$W" <"$W/hold" >"$W/ready" &
server=$!
exec 7>"$W/hold"
read -r said <"$W/ready"
wants ready "$said" || not_ok "unix: the server outside"
chmod 666 "$W/open/"* "$W/shut/"* 2>/dev/null

policy "$W/unix.yaml" <<EOF
  - allow: [read, write]
    path: ["$W/own/**", "$W/open/**", "$W/shut/**"]
unix:
  - allow: [connect]
    path: ["$W/open/**", "@sbx-*", "@sbx-*/**"]
  - deny: [connect]
    path: ["@sbx-shut", "@sbx-shut.dgram", "$W/open/never"]
    reason: "it is shut"
  - deny: [bind]
    path: ["@taken*", "$W/own/taken"]
EOF
for user in root nobody; do
	rm -f "$W/own/"*
	n=2 link=EXDEV
	[ $user = root ] || n=3 link=EPERM # fs.protected_hardlinks
	inside unix "$W/unix.yaml" $user <<-EOF
		ok unix-connect stream $W/open/stream
		ok unix-connect dgram $W/open/dgram
		ok unix-connect seq $W/open/seq
		EACCES unix-connect stream $W/shut/stream
		EACCES unix-connect dgram $W/shut/dgram
		ok race-unix $W/open/dgram $W/shut/dgram
		EACCES unix-connect seq $W/shut/seq
		ok unix-send $W/open/dgram
		EACCES unix-send $W/shut/dgram
		ok unix-sendmmsg $W/open/dgram
		EACCES unix-sendmmsg $W/shut/dgram
		ok uring-unix worker $W/open/stream
		EACCES uring-unix worker $W/shut/stream
		ok uring-unix here $W/open/stream
		EACCES uring-unix here $W/shut/stream
		ok unix-connect stream $W/open/moved-from-shut
		EACCES unix-connect stream $W/shut/moved-from-open
		EACCES unix-connect stream $W/open/second-name
		ok unix-connect stream $W/shut/symlink
		ok unix-unlinked stream $W/open/spare$n
		EACCES unix-unlinked stream $W/shut/spare$n
		EXDEV rename $W/shut/spare4 $W/open/spare4-$user
		ok rename $W/open/spare$((n + 2)) $W/open/renamed-$user
		ok unix-connect stream $W/open/renamed-$user
		$link link $W/shut/spare5 $W/open/linked-$user
		ok unix-connect stream @sbx-open
		EACCES unix-connect stream @sbx-shut
		ok unix-connect stream @sbx-open/deep
		EACCES unix-connect stream @other
		ok unix-send @sbx-open.dgram
		EACCES unix-send @sbx-shut.dgram
		EACCES unix-send @other.dgram
		ok unix-inside $W/own/inside
		ok unix-inside $W/own/never
		ok unix-name stream @mine
		EACCES unix-name stream @taken
		EACCES unix-name dgram @taken-too
		ok unix-name dgram $W/own/mine
		EACCES unix-name stream $W/own/taken
		EACCES unix-name stream /etc/sbx-socket
		ok unix-pair stream
		ok unix-pair dgram
		ok unix-pair seq
	EOF
	if [ $user = root ]; then
		grep -v 'unix-unlinked\|rename\|link\|race' "$W/script" >"$W/script.again"
		mv "$W/script.again" "$W/script"
		grep -v 'linked\|spare' "$W/denied" >"$W/denied.again"
		mv "$W/denied.again" "$W/denied"
		rm -f "$W/own/"*
		audited unix "$W/unix.yaml"
		rm -f /etc/sbx-socket
	fi
done
cp "$W/denied" "$W/unix.denied"
grep uring "$W/script" >"$W/uring"
inside unix/uring "$W/unix.yaml" nobody <"$W/uring"
audited unix/uring "$W/unix.yaml" nobody
mv "$W/unix.denied" "$W/denied"
check "unix: the reason is given" grep -q "it is shut" "$W/denied"

# Without rules nobody is reached, and one's own still are. Sockets that were made before the
# attach, in the cgroup, are the sandbox's own.
policy "$W/none.yaml" <<EOF
  - allow: [read, write]
    path: ["$W/own/**"]
EOF
inside none "$W/none.yaml" nobody <<-EOF
	EACCES unix-connect stream $W/open/stream
	EACCES unix-connect stream @sbx-open
	EACCES unix-send @sbx-open.dgram
	ok unix-name stream @anything
	ok unix-inside $W/own/none
EOF
mkdir "$CG/elder"
mkfifo "$W/elder" "$W/end"
bash -c 'echo $$ >'"$CG"'/elder/cgroup.procs && exec python3 - "$0/own/elder"' "$W" 3<"$W/end" >"$W/elder" <<'EOF' &
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(5)
print("ready", flush=True)
os.read(3, 1)
EOF
elder=$!
exec 6>"$W/end"
read -r said <"$W/elder"
check "unix: attach to a service" "$SBX" attach --cgroup "$CG/elder" --policy "$W/none.yaml" --name elder
echo "ok unix-connect stream $W/own/elder" >"$W/line"
check "unix: its elder sockets are its own" \
	bash -c 'exec 5<"$1"; echo $$ >'"$CG"'/elder/cgroup.procs && exec "$0" <&5' "$ACT" "$W/line"
echo "EACCES unix-connect stream $W/own/elder" >"$W/line"
cp "$W/line" "$W/own/line"
inside elder "$W/none.yaml" root <"$W/line"
exec 6>&-
wait $elder
# And so is what a member makes who has left the cgroup, where he is still bound.
mkdir "$CG/beside"
bash -c 'echo $$ >'"$CG"'/elder/cgroup.procs && exec python3 - "$0/own/left"' "$W" 3<"$W/end" >"$W/elder" <<'EOF' &
import os, socket, sys
print("inside", flush=True)
os.read(3, 1)
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(5)
os.rename(sys.argv[1], sys.argv[1] + ".ready")
os.read(3, 1)
EOF
left=$!
exec 6>"$W/end"
read -r said <"$W/elder"
echo $left >"$CG/beside/cgroup.procs"
echo >&6
until [ -S "$W/own/left.ready" ]; do sleep 0.1; done
echo "ok unix-connect stream $W/own/left.ready" >"$W/line"
check "unix: what a member made elsewhere is its own" \
	bash -c 'exec 5<"$1"; echo $$ >'"$CG"'/elder/cgroup.procs && exec "$0" <&5' "$ACT" "$W/line"
exec 6>&-
wait $left
check "unix: detach" "$SBX" detach --name elder
rmdir "$CG/elder" "$CG/beside"

# Handed in: what is connected works, and reaches nobody else.
modprobe -q sctp
cat >"$W/passing" <<'EOF'
#!/usr/bin/python3
import os, socket, sys
w = os.environ["PASSING"]
def at(fd, s):
    os.dup2(s.fileno(), fd)
    s.detach()
def udp(peer):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if peer:
        s.connect(peer)
    return s
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, 200)
raw.connect(("127.0.0.1", 0))
at(20, udp(("127.0.0.1", 22)))
at(21, udp(None))
at(22, raw)
at(23, socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0))
d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
d.connect(w + "/shut/dgram")
at(24, d)
at(25, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
at(26, socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262))
listening = socket.socket()
listening.bind(("127.0.0.1", 0))
listening.listen()
at(27, socket.create_connection(listening.getsockname()))
at(28, listening.accept()[0])
os.execv(os.environ["REAL"], [os.environ["REAL"]] + sys.argv[1:])
EOF
chmod 755 "$W/passing"
cat >>"$W/unix.yaml" <<EOF
network:
  - allow: [connect]
    to: "localhost:3000"
EOF
REAL=$SBX PASSING=$W
export REAL PASSING
SBX=$W/passing
inside passed "$W/unix.yaml" root <<-EOF
	ok fd-send 20
	ok fd-send 27
	ok fd-send 28
	EACCES fd-connect 27 127.0.0.1 22
	EACCES fd-sendto 20 127.0.0.1 23
	ok fd-sendto 20 127.0.0.1 3000
	EACCES fd-connect 21 127.0.0.1 22
	ok fd-connect 21 127.0.0.1 3000
	EACCES fd-send 22
	EACCES fd-sendto 22 127.0.0.1 3000
	EACCES fd-send 23
	ok fd-unix-sendto 25 $W/open/dgram
	EACCES fd-unix-sendto 25 $W/shut/dgram
	ok fd-send 24
	EACCES fd-unix-sendto 25 @other.dgram
	EACCES fd-connect 26 127.0.0.1 3000
EOF
SBX=$REAL
exec 7>&-
kill $server
wait $server 2>/dev/null
unload unix
rm -rf "$W"
