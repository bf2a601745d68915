#!/bin/bash
# SPDX-License-Identifier: MIT
# run and exec: whom they run a command as, what it gets, what it leaves, what they answer.
. "$(dirname "$0")/lib.sh"
cd "$W" || exit 1
unset SUDO_UID SUDO_GID SUDO_USER

grep -q ^tess: /etc/passwd || {
	echo "tess:x:4321:4321:Tess:$W/home:/bin/bash" >>/etc/passwd
	printf 'tess:x:4321:\nhelpers:x:4322:tess\n' >>/etc/group
}
sed -i "s|^tess:.*|tess:x:4321:4321:Tess:$W/home:/bin/bash|" /etc/passwd
mkdir -p "$W"/{home,ok,ro,shut}
chown tess:tess "$W/home" "$W/ok"
echo open >"$W/ok/file"
echo readable >"$W/ro/file"
echo secret >"$W/shut/file"
chmod -R a+rwX "$W/ok" "$W/ro" "$W/shut"

policy "$W/run.yaml" <<END
  - allow: [read, write]
    path: ["$W/ok/**", "\${tmp}/**"]
  - allow: [read]
    path: ["$W/ro/**", "/proc/sys/**", "/proc/filesystems"]
  - allow: [write] # standard output and error are judged as well
    path: ["$W/log", "$W/err"]
  - deny: [exec]
    path: "/usr/bin/mawk"
END
sed -i 's|^env:.*|env: {keep: [PATH, HOME, USER, LOGNAME, SHELL, "LC_*", IDX, "LISTEN_*", MAKEFLAGS], set: {TMPDIR: "${tmp}", FIXED: "a b"}}|' "$W/run.yaml"
run() { "$SBX" run --policy "$W/run.yaml" --user tess "$@"; }

# has NAME PATTERN FILE, hasnt NAME PATTERN FILE
has() { check "$1" grep -q -e "$2" "$3" || cat "$3"; }
hasnt() {
	if grep -q -e "$2" "$3"; then
		not_ok "$1"
		sed 's/^/  | /' "$3"
	else
		ok "$1"
	fi
}
is() { # NAME WANTED GOT
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1: '$3', not '$2'"; fi
}
gone() { # no sandbox and no cgroup of a run is left
	[ "$(others)" = keeper ] && ! ls -d "$CG"/sbx-run-* >/dev/null 2>&1
}
wait_for() { # SECONDS COMMAND...
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}

# --- exit codes ---
status "run: status 0" 0 run -- true
keep_loaded
status "run: status 1" 1 run -- false
status "run: status 77" 77 run -- sh -c 'exit 77'
status "run: killed by SIGTERM" 143 run -- sh -c 'kill -TERM $$'
status "run: killed by SIGKILL" 137 run -- sh -c 'kill -KILL $$'
status "run: not found" 127 run -- no-such-command
status "run: not found by path" 127 run -- "$W/ok/no-such"
status "run: not executable" 126 run -- "$W/ok/file"
status "run: not executable by the policy" 126 run -- mawk 1
status "run: the twin is executable outside" 0 mawk 'BEGIN { exit 0 }'
status "run: no command" 2 run
status "run: unknown option" 2 run --no-such-option true
status "run: no such user" 2 "$SBX" run --policy "$W/run.yaml" --user no-such-user -- true
status "run: root has to be meant" 2 "$SBX" run --policy "$W/run.yaml" -- true
status "run: no such policy" 3 "$SBX" run --policy "$W/none.yaml" --user tess -- true
sed 's/^files:/nonsense: 1\nfiles:/' "$W/run.yaml" >"$W/bad.yaml"
status "run: invalid policy" 3 "$SBX" run --policy "$W/bad.yaml" --user tess -- touch "$W/ok/ran"
sed '$a process:\n  - deny: [signal]\n    to: self' "$W/run.yaml" >"$W/later.yaml"
status "run: what cannot be enforced is refused, not weakened" 3 "$SBX" run --policy "$W/later.yaml" --user tess -- touch "$W/ok/ran"
status "run: no rights" 5 setpriv --reuid 4321 --regid 4321 --clear-groups "$SBX" run --policy "$W/run.yaml" -- touch "$W/ok/ran"
status "exec: no rights" 5 setpriv --reuid 4321 --regid 4321 --clear-groups "$SBX" exec --in x -- touch "$W/ok/ran"
status "run: nothing ran where it failed" 1 test -e "$W/ok/ran"
check "run: nothing is left of all that" gone

# --- who ---
is "run: user" "4321 4321 4321 4322" "$(run -- sh -c 'echo $(id -u) $(id -g) $(id -G)' 2>/dev/null)"
is "run: sudo's user" 4321 "$(SUDO_UID=4321 SUDO_GID=4321 "$SBX" run --policy "$W/run.yaml" -- id -u 2>/dev/null)"
is "run: --user before sudo's" 65534 "$(SUDO_UID=4321 "$SBX" run --policy "$W/run.yaml" --user nobody -- id -u 2>/dev/null)"
status "run: sudo of root is root, too" 2 env SUDO_UID=0 "$SBX" run --policy "$W/run.yaml" -- true
is "run: root where it is meant" 0 "$("$SBX" run --policy "$W/run.yaml" --user root -- id -u 2>/dev/null)"
caps() { grep -E '^(Cap|NoNewPrivs)' /proc/self/status | tr -s '\t\n' ' '; }
none=0000000000000000
all="CapInh: $none CapPrm: $none CapEff: $none CapBnd: $none CapAmb: $none NoNewPrivs: 1 "
show='grep -E "^(Cap|NoNewPrivs)" /proc/self/status | tr -s "\t\n" " "'
is "run: no privileges" "$all" "$(run -- sh -c "$show" 2>/dev/null)"
sed '$a capabilities: []' "$W/run.yaml" >"$W/nocaps.yaml"
is "run: none for root where the policy says so" "$all" "$("$SBX" run --policy "$W/nocaps.yaml" --user root -- sh -c "$show" 2>/dev/null)"
is "run: the default ones for root" "CapPrm:00000000000005ffCapBnd:00000000000005ff" \
	"$("$SBX" run --policy "$W/run.yaml" --user root -- sh -c 'grep -E "^Cap(Prm|Bnd)" /proc/self/status' 2>/dev/null | tr -d '\t\n')"
sed '$a capabilities: [cap_chown]' "$W/run.yaml" >"$W/caps.yaml"
is "run: those of the policy for root" "CapPrm:0000000000000001CapBnd:0000000000000001" \
	"$("$SBX" run --policy "$W/caps.yaml" --user root -- sh -c 'grep -E "^Cap(Prm|Bnd)" /proc/self/status' 2>/dev/null | tr -d '\t\n')"
is "run: none of them for others" "$all" "$("$SBX" run --policy "$W/caps.yaml" --user tess -- sh -c "$show" 2>/dev/null)"
is "run: --audit leaves set-user-ID programs alone" "NoNewPrivs:0" \
	"$(run --audit -- grep ^NoNewPrivs /proc/self/status 2>/dev/null | tr -d '\t')"

# --- the environment, ${tmp} ---
env -i PATH="$PATH" HOME=/root USER=root SECRET=1 LC_ALL=C LCX=1 "$SBX" run --policy "$W/run.yaml" --user tess -- env 2>/dev/null |
	sed -E 's|/tmp/sbx-run-[A-Za-z0-9]*|TMP|; s|^(SBX_DENIALS)=/run/sbx-bpf-denials/[0-9]+-[A-Za-z0-9]{6}$|\1=FILE|' | sort >"$W/env"
printf '%s\n' "FIXED=a b" "HOME=$W/home" LC_ALL=C LOGNAME=tess "PATH=$PATH" SBX_DENIALS=FILE SHELL=/bin/bash TMPDIR=TMP USER=tess | sort >"$W/want"
check "run: the environment is what the policy keeps and sets" diff "$W/want" "$W/env"
run -- sh -c '
	echo $TMPDIR; stat -c "%a %U" $TMPDIR
	mkdir -p $TMPDIR/a/b $TMPDIR/closed/in; touch $TMPDIR/a/b/f $TMPDIR/closed/in/f
	ln -s '"$W/ok"' $TMPDIR/link; ln -s '"$W/ok/file"' $TMPDIR/a/link
	chmod 0 $TMPDIR/closed/in $TMPDIR/closed $TMPDIR' >"$W/log" 2>"$W/err"
has "run: \${tmp} is private" "^700 tess$" "$W/log"
tmp=$(head -1 "$W/log")
status "run: \${tmp} is removed" 1 test -e "$tmp"
check "run: what links in it point to is not" test -e "$W/ok/file"
run -- sh -c 'mv $TMPDIR $TMPDIR.mine; ln -s '"$W/ok"' $TMPDIR; echo $TMPDIR' >"$W/log" 2>/dev/null
check "run: \${tmp} turned into a link" test -e "$W/ok/file"
rm -rf /tmp/sbx-run-*

# --- descriptors ---
run -- sh -c 'cat <&3; cat <&4; cat <&5; ls /proc/self/fd >&1; echo more >&6; echo more >&7' \
	3<"$W/ro/file" 4<"$W/shut/file" 5< <(echo piped) 6>>"$W/ok/file" 7>>"$W/ro/file" 8<"$W/shut" \
	2>"$W/err" | cat >"$W/log"
has "run: a file the policy opens stays" '^readable$' "$W/log"
hasnt "run: one that it does not is closed" '^secret$' "$W/log"
has "run: a pipe stays" '^piped$' "$W/log"
check "run: open for writing stays" grep -q more "$W/ok/file"
status "run: open for writing where only reading is allowed is closed" 1 grep -q more "$W/ro/file"
hasnt "run: a directory is judged, too" '^8$' "$W/log"
run -- true 2>"$W/err" 4<"$W/shut/file" 7>>"$W/ro/file" 8<"$W/shut"
has "run: closed ones are listed" "descriptor 4 ($W/shut/file) is closed" "$W/err"
has "run: closed ones are listed, by writing" "descriptor 7 ($W/ro/file) is closed" "$W/err"
has "run: closed ones are listed, directories" "descriptor 8 ($W/shut) is closed" "$W/err"
run -- sh -c 'cat; ls -l /proc/self/fd/0' <"$W/shut/file" 2>"$W/err" | cat >"$W/log"
hasnt "run: standard input is judged" secret "$W/log"
has "run: in its place is /dev/null" "-> /dev/null" "$W/log"
is "run: standard input that is allowed" readable "$(run -- cat <"$W/ro/file" 2>/dev/null)"
run -- sh -c 'ls -l /proc/self/fd' <&- 2>"$W/err" | cat >"$W/log"
has "run: without standard input there is /dev/null" "0 -> /dev/null" "$W/log"
has "run: and that is said" "standard input was closed" "$W/err"
python3 - "$SBX" "$W/run.yaml" <<-'END' >"$W/log" 2>&1
	import os, socket, subprocess, sys
	a, b = socket.socketpair()
	e = os.eventfd(7)
	os.set_inheritable(e, True)
	m = os.memfd_create("x", 0)
	os.write(m, b"memory")
	code = f"import os; os.write({b.fileno()}, b'hello %d ' % os.eventfd_read({e}) + os.pread({m}, 9, 0))"
	subprocess.run([sys.argv[1], "run", "--policy", sys.argv[2], "--user", "tess", "--", "/usr/bin/perl", "-e",
		f"open(S, '>&=', {b.fileno()}); open(E, '<&=', {e}); sysread(E, $n, 8); open(M, '<&=', {m}); sysseek(M, 0, 0); sysread(M, $t, 9);"
		f"syswrite(S, 'hello '.unpack('Q', $n).' '.$t)"], pass_fds=(b.fileno(), e, m), check=True)
	print(a.recv(99))
END
has "run: sockets, eventfds and memfds stay" "hello 7 memory" "$W/log"
python3 - "$SBX" "$W/run.yaml" <<-'END' >"$W/log" 2>&1
	import ctypes, os, subprocess, sys
	fd = ctypes.CDLL(None).syscall(323, 1)
	subprocess.run([sys.argv[1], "run", "--policy", sys.argv[2], "--user", "tess", "--", "true"], pass_fds=(fd,), check=True)
END
has "run: a userfaultfd of somebody outside is closed" "(anon_inode:\[userfaultfd\]) is closed" "$W/log"

# Socket activation: the sockets are the command's, and so is the number that says whose they are.
python3 - "$SBX" "$W/run.yaml" <<-'END' >"$W/log" 2>&1
	import os, socket, sys
	s = socket.create_server(("127.0.0.1", 0))
	if not os.fork():
	    os.dup2(s.fileno(), 3)
	    os.set_inheritable(3, True)
	    os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
	    os.execv(sys.argv[1], [sys.argv[1], "run", "--policy", sys.argv[2], "--user", "tess", "--", "/usr/bin/perl", "-e",
	        "open(L, '+<&=', 3); accept(C, L); syswrite(C, $ENV{LISTEN_PID} == $$ ? 'activated' : 'not ours')"])
	print(socket.create_connection(s.getsockname(), 60).recv(99))
	os.wait()
END
has "run: socket activation" "activated" "$W/log"
printf 'all:\n\t+@%s run --policy %s --user tess -- make -f %s/inner.mk\n' "$SBX" "$W/run.yaml" "$W/ro" >"$W/outer.mk"
printf 'all: a b\na b:\n\t@echo made $@\n' >"$W/ro/inner.mk"
make -j2 -f "$W/outer.mk" 2>&1 | cat >"$W/log"
has "run: make's job server" 'made b' "$W/log"
hasnt "run: it is the one that make was given" 'jobserver' "$W/log"
# Node's channel: between processes inside, and from outside to the command.
cat >"$W/ro/channel.js" <<-'END'
	const child = require("child_process");
	if (process.argv[2] === "child") {
	    process.on("message", m => process.send(m + " back", () => process.disconnect()));
	} else {
	    const [cmd, ...args] = process.argv.slice(2);
	    const c = cmd ? child.spawn(cmd, args, { stdio: ["ignore", "ignore", "inherit", "ipc"] })
	        : child.fork(__filename, ["child"]);
	    c.on("message", m => console.log("heard:", m));
	    c.send("there and");
	}
END
{
	sed 's/LISTEN_\*"/&, "NODE_CHANNEL_*"/' "$W/run.yaml"
	cat <<-END
		  - allow: [read]
		    path: ["/proc/**", "/sys/fs/cgroup/**", "/sys/devices/system/**"]
	END
} >"$W/node.yaml"
for user in tess root; do
	"$SBX" run --policy "$W/node.yaml" --user $user -- node "$W/ro/channel.js" 2>"$W/err" | cat >"$W/log"
	has "run/$user: node's channel inside" 'heard: there and back' "$W/log"
	node "$W/ro/channel.js" "$SBX" run --policy "$W/node.yaml" --user $user -- node "$W/ro/channel.js" child 2>"$W/err" | cat >"$W/log"
	has "run/$user: node's channel from outside" 'heard: there and back' "$W/log"
done

# --- denials ---
run -- cat "$W/shut/file" 2>"$W/err" | cat >/dev/null
has "run: the summary names the file" "may not read $W/shut/file" "$W/err"
has "run: the summary counts" "in sandbox run 1 access was denied" "$W/err"
run --events "$W/events" -- sh -c "cat $W/shut/file; cat $W/shut/file" 2>/dev/null | cat
check "run: --events FILE" python3 -c '
import json, sys
e = [json.loads(l) for l in open(sys.argv[1])]
assert e[-1]["object"]["path"].endswith("shut/file") and e[-1]["count"] == 2, e' "$W/events"
run --events 9 -- sh -c "cat $W/shut/file; ls /proc/self/fd | grep -c '^9\$'" 9>"$W/events" 2>"$W/err" | cat >"$W/log"
has "run: --events FD" "shut/file" "$W/events"
has "run: that descriptor is not the command's" '^0$' "$W/log"
run --json -- sh -c "cat $W/shut/file 2>/dev/null; exit 3" >/dev/null 2>"$W/err"
check "run: --json" python3 -c '
import json, sys
j = json.loads(open(sys.argv[1]).read().splitlines()[-1])
assert j["status"] == 3 and j["denied"] == 1 and j["lost"] == 0 and j["left"] == [], j
assert j["events"][0]["object"]["path"].endswith("shut/file"), j' "$W/err"
run --audit -- cat "$W/shut/file" 2>"$W/err" | cat >"$W/log"
has "run: --audit allows" '^secret$' "$W/log"
has "run: --audit reports" "would be denied: cat .* may not read $W/shut/file" "$W/err"
{
	cat "$W/run.yaml"
	sed -n '/ready to paste/,$p' "$W/err" | grep -E '^ ' | grep -v '^ *#'
} >"$W/learned.yaml"
is "run: the rules that --audit gives allow it" secret \
	"$("$SBX" run --policy "$W/learned.yaml" --user tess -- cat "$W/shut/file" 2>/dev/null)"
sed '$a network:\n  - allow: [connect]\n    to: "internet:443"' "$W/run.yaml" >"$W/internet.yaml"
"$SBX" run --policy "$W/internet.yaml" --user tess -- true 2>"$W/err"
is "run: says once that data can leave" 1 "$(grep -c 'What may be read can be sent' "$W/err")"
run -- true >/dev/null 2>"$W/err"
is "run: says nothing where there is nothing to say" "" "$(cat "$W/err")"

# --- signals ---
"$SBX" run --policy "$W/run.yaml" --user tess -- bash -c 'trap "exit 9" TERM; touch '"$W/ok/ready"'; while :; do sleep 0.1; done' 2>/dev/null &
pid=$!
wait_for 60 test -e "$W/ok/ready"
kill -TERM $pid
wait $pid
is "run: SIGTERM is passed on" 9 $?
rm -f "$W/ok/ready"
check "run: nothing is left of all that" gone

# --- what is left ---
run -- sh -c 'touch $TMPDIR/f; (while [ ! -e '"$W/ok/stop"' ]; do sleep 0.2; done; cat '"$W/shut/file"' >'"$W/ok/stolen"'; ls $TMPDIR >'"$W/ok/tmp"') >/dev/null 2>&1 &' 2>"$W/err"
has "run: says what is left" "still run.* in the sandbox: .*sh (" "$W/err"
check "run: the sandbox stays for it" sh -c "'$SBX' status | grep -q '^run '"
is "exec: joins" "4321 $W/home a b" "$("$SBX" exec --in run --user tess -- sh -c 'echo $(id -u) $HOME $FIXED' 2>/dev/null)"
status "exec: status" 5 "$SBX" exec --in run --user tess -- sh -c 'exit 5'
status "exec: is bound" 1 "$SBX" exec --in run --user tess -- cat "$W/shut/file"
is "exec: reads what is allowed" readable "$("$SBX" exec --in run --user tess -- cat "$W/ro/file" 2>/dev/null)"
is "exec: no privileges" "$all" "$("$SBX" exec --in run --user tess -- sh -c "$show" 2>/dev/null)"
status "exec: not found" 127 "$SBX" exec --in run --user tess -- no-such-command
status "exec: not executable" 126 "$SBX" exec --in run --user tess -- mawk 1
status "exec: root has to be meant" 2 "$SBX" exec --in run -- true
status "exec: no name" 2 "$SBX" exec -- true
status "exec: no such sandbox" 125 "$SBX" exec --in no-such --user tess -- true
"$SBX" exec --in run --user tess -- sh -c 'cat <&4' 4<"$W/shut/file" 2>"$W/err" | cat >"$W/log"
hasnt "exec: descriptors are judged" secret "$W/log"
has "exec: says that there were denials" "denials in sandbox run meanwhile" "$W/err"
touch "$W/ok/stop"
check "run: the sandbox goes when it is empty" wait_for 60 gone
status "run: what was left was bound" 1 grep -q secret "$W/ok/stolen"
check "run: and had its \${tmp}" grep -q '^f$' "$W/ok/tmp"
check "run: which is gone" wait_for 20 sh -c '! ls -d /tmp/sbx-run-*'
rm -f "$W/ok/stop" "$W/ok/stolen"

# On its way in: a member with cap_sys_ptrace watches, while many descriptors are judged.
{
	cat "$W/run.yaml"
	printf '  - allow: [read]\n    path: "/proc"\ncapabilities: [sys_ptrace]\n'
} >"$W/spy.yaml"
cat >"$W/ro/spy.py" <<-'END'
	import os, sys, time
	seen, met, held, end = set(), set(), set(), time.time() + 120
	open(sys.argv[1] + "/ready", "w")
	while not os.path.exists(sys.argv[1] + "/stop") and time.time() < end:
	    for pid in filter(str.isdigit, os.listdir("/proc")):
	        try:
	            name = open(f"/proc/{pid}/comm").read().strip()
	            text = open(f"/proc/{pid}/environ", "rb").read()
	            if name == "sbx-bpf":
	                met.add(pid)
	                fds = f"/proc/{pid}/fd/"
	                held |= {pid for fd in os.listdir(fds) if os.readlink(fds + fd).endswith("/shut/file")}
	        except OSError:
	            continue
	        if b"HUSH=" in text:
	            seen.add(pid)
	print("met", len(met), "seen", len(seen), "held", len(held))
END
"$SBX" run --policy "$W/spy.yaml" --user root -- python3 "$W/ro/spy.py" "$W/ok" 2>/dev/null | cat >"$W/log" &
spy=$!
wait_for 60 test -e "$W/ok/ready"
for _ in 1 2 3; do
	HUSH=secret python3 - "$SBX" "$W/shut/file" <<-'END' >/dev/null 2>&1
		import os, subprocess, sys
		fds = [os.dup(0) for _ in range(800)] + [os.open(sys.argv[2], os.O_RDONLY)]
		subprocess.run([sys.argv[1], "exec", "--in", "run", "--user", "root", "--", "/bin/true"], pass_fds=fds, check=True)
	END
	is "exec: works with many descriptors" 0 $?
done
touch "$W/ok/stop"
wait $spy
has "exec: a member meets the one that comes" 'met [1-9]' "$W/log"
has "exec: and sees nothing of the caller's environment" 'seen 0' "$W/log"
has "exec: nor a descriptor that the policy would not open" 'held 0' "$W/log"
rm -f "$W/ok/stop" "$W/ok/ready"
check "run: nothing is left of that" wait_for 60 gone

# The process that waits for the end may be killed: the next command does its work.
run -- sh -c '(while [ ! -e '"$W/ok/stop"' ]; do sleep 0.2; done) >/dev/null 2>&1 &' 2>/dev/null
check "run: somebody waits for the end" pkill -KILL -x "sbx-bpf: end"
touch "$W/ok/stop"
sleep 2
check "run: killed, the sandbox stays" sh -c "'$SBX' status | grep -q '^run '"
status "run: the next run works" 0 run -- true
check "run: and removes it" gone
rm -f "$W/ok/stop"

# --- kill -9 of run ---
"$SBX" run --policy "$W/run.yaml" --user tess -- sh -c 'touch '"$W/ok/ready"'; while [ ! -e '"$W/ok/stop"' ]; do sleep 0.2; done; cat '"$W/shut/file"' >'"$W/ok/stolen"'; touch '"$W/ok/done"'' 2>/dev/null &
pid=$!
wait_for 60 test -e "$W/ok/ready"
kill -KILL $pid
wait $pid 2>/dev/null
check "kill -9: the sandbox stays" sh -c "'$SBX' status | grep -q '^run '"
touch "$W/ok/stop"
check "kill -9: the command goes on" wait_for 60 test -e "$W/ok/done"
status "kill -9: and is bound" 1 grep -q secret "$W/ok/stolen"
status "kill -9: the next run works" 0 run -- true
check "kill -9: and removes what was left" gone
# At other moments, most of them before the command is in: nothing may be half there.
for ms in 20 60 120 200 300 450 600 900; do
	rm -f "$W/ok/ran"
	"$SBX" run --policy "$W/run.yaml" --user tess -- sh -c "cat $W/shut/file >$W/ok/stolen; touch $W/ok/ran" 2>/dev/null &
	pid=$!
	sleep "$(printf '0.%03d' $ms)"
	kill -KILL $pid 2>/dev/null
	wait $pid 2>/dev/null
done
sleep 2
status "kill -9 at any moment: never unbound" 1 grep -q secret "$W/ok/stolen"
status "kill -9 at any moment: the next run works" 0 run -- true
check "kill -9 at any moment: nothing is left" gone
status "kill -9 at any moment: no file of denials is left" 0 test -z "$(ls /run/sbx-bpf-denials)"
rm -rf /tmp/sbx-run-*

unload run
rm -rf "$W"
