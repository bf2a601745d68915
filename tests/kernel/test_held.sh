#!/bin/bash
# SPDX-License-Identifier: MIT
# What a process got hold of before it was bound, what others hold, and members among themselves: root
# inside with every capability, and a user; enforcing, and in audit mode.
. "$(dirname "$0")/lib.sh"
A=$CG/sbx-test-held
mkdir -p "$W/ok" "$A"
cat >"$W/held.yaml" <<-END
	version: 1
	name: held
	files:
	  - allow: [read, exec]
	    path: "/**"
	  - allow: [write]
	    path: ["$W/ok/**", "/dev/null"]
	  - deny: [read]
	    path: "$W/secret"
END
all_capabilities >>"$W/held.yaml"
echo secret >"$W/secret"
echo open >"$W/ok/file"
chmod -R a+rwX "$W/ok"
chmod a+r "$W/secret"
chown 65534 "$W/ok/file" # leases are for owners
keep_loaded
group=$(ps -o pgid= $$ | tr -d ' ')
attach() { # MODE: what it says of what is held is in $W/said
	local audit=()
	[ "$1" = enforce ] || audit=(--audit)
	"$SBX" attach "${audit[@]}" --cgroup "$A" --policy "$W/held.yaml" --name held >"$W/log" 2>"$W/said" || {
		cat "$W/said"
		return 1
	}
}
detach() { "$SBX" detach --name held >/dev/null 2>&1; }
into() {
	(
		echo $BASHPID >"$A/cgroup.procs"
		exec "$@"
	)
}

# --- what was there before ---
# act in a cgroup, told line by line; attach comes in between. Each line of REPORTED is what attach
# says, and a switch to enforcing; "!" before it: what they do not say.
mkfifo "$W/lines"
tells() { # REPORTED FILE
	local text
	while read -r text; do
		case $text in
		!*) ! grep -qF -- "${text#!}" "$2" ;;
		*) grep -qF -- "$text" "$2" ;;
		esac || {
			echo "$text"
			cat "$2"
			return 1
		}
	done <<<"$1"
}
member() { # NAME USER MODE SETUP-LINES REPORTED < LINES
	local name=$1/$2/$3
	detach
	: >"$W/held.out"
	(
		echo $BASHPID >"$A/cgroup.procs"
		exec setpriv --reuid "$2" --clear-groups "$ACT" <"$W/lines" >"$W/held.out" 7<"$W/secret" 8<"$W/ok/file"
	) &
	member=$!
	exec 9>"$W/lines"
	echo "$4" >&9
	until [ "$(grep -c . "$W/held.out")" -ge "$(grep -c . <<<"$4")" ]; do sleep 0.1; done
	check "$name: attach" attach "$3"
	check "$name: attach tells what is held" tells "$5" "$W/said"
	if [ "$3" = enforce ]; then
		"$SBX" mode enforce --name held >"$W/log" 2>&1
		check "$name: so does the switch to enforcing" tells "$5" "$W/log"
		cat >&9
	else
		sed 's/^E[A-Z|]*/ok/' >&9
	fi
	exec 9>&-
	wait "$member"
	sed "s|^ok|ok $name:|; s|^not ok|not ok $name:|" "$W/held.out"
}
held="files registered with a ring of io_uring
keeps open what the policy would not open: $W/secret, read (descriptor 7)
keeps open what signals process $$, outside
keeps open what signals process group $group, outside
!would not open: $W/ok/file"
for user in 0 65534; do
	for mode in enforce audit; do
		member held $user $mode "$(printf '%s\n' 'ok keep-ring' 'ok keep-personality' \
			"ok keep-file $W/ok/file" "ok kept-read $W/secret" "ok keep-owner $$" \
			"ok keep-owned $W/ok/file $$" "ok keep-owned $W/ok -$group")" "$held" <<-END
			EACCES kept-read $W/secret
			ok kept-read $W/ok/file
			EPERM kept-personality-read $W/secret
			EPERM kept-personality-read $W/ok/file
			ok kept-file
			EPERM kept-setsig
			EPERM kept-async
			EPERM kept-fioasync
			EPERM kept-lease
			EPERM kept-notify
			ok async-self
			ok notify-self $W/ok
		END
		member sqpoll $user $mode "$(printf '%s\n' 'ok keep-sqpoll' "ok kept-read $W/secret" 'ok keep-owner-self')" \
			"keeps open what the policy would not open: $W/secret
!signals" <<-END
			EACCES kept-read $W/secret
			ok kept-read $W/ok/file
			ok kept-setsig
		END
	done
done
detach
printf '%s\n' 'ok keep-ring' 'ok keep-personality' "ok kept-personality-read $W/secret" "ok keep-owner $$" \
	'ok kept-setsig' 'ok kept-async' 'ok kept-fioasync' "ok keep-owned $W/ok/file $$" 'ok kept-lease' \
	"ok keep-owned $W/ok -$group" 'ok kept-notify' 'ok uring-cmd' | outside held

# What comes with a command and signals somebody outside is told by run and by exec, too; not what it
# did not get, nor what signals members.
cat >"$W/given.py" <<-'END'
	import fcntl, os, re, subprocess, sys
	member, want, act, secret, file, *command = sys.argv[1:]
	def owned(fd, owner):
	    fcntl.fcntl(fd, fcntl.F_SETOWN, owner)
	    return fd
	fds = {"process": owned(os.pipe()[0], os.getpid()), "group": owned(os.pipe()[0], -os.getpgrp()),
	       "secret": owned(os.open(secret, os.O_RDONLY), os.getpid()),
	       "file": owned(os.open(file, os.O_RDONLY), os.getpid()), "nobody": os.pipe()[0]}
	armed = ["process", "group", "file"]
	lines = "".join(f"{want} given-setsig {fds[n]}\n" for n in armed) + f"ok given-setsig {fds['nobody']}\n"
	if member:
	    fds["member"] = owned(os.pipe()[0], int(member))
	    lines += f"ok given-setsig {fds['member']}\n"
	p = subprocess.run(command + ["--", act], input=lines, text=True, capture_output=True, pass_fds=fds.values())
	for name, fd in fds.items():
	    print("".join(f"{line}\n" for line in p.stdout.splitlines() if line.endswith(f"setsig {fd}")).replace(str(fd), name), end="")
	told = [n for n in fds if re.search(rf"descriptor {fds[n]} signals process( group)? \d+, outside", p.stderr)]
	kept = [n for n in fds if n in armed + ["secret"] * (want == "ok")]
	closed = f"descriptor {fds['secret']} (" in p.stderr
	print("ok told" if told == kept and closed == (want != "ok") else f"not ok told of {told}, not {kept}; closed {closed}\n{p.stderr}")
END
given() { # NAME WANT MEMBER COMMAND...
	python3 "$W/given.py" "$3" "$2" "$ACT" "$W/secret" "$W/ok/file" "${@:4}" |
		sed "s|^ok|ok $1:|; s|^not ok|not ok $1:|"
}
(
	echo $BASHPID >"$A/cgroup.procs"
	exec sleep 600
) &
inside_one=$!
until grep -q sleep /proc/$inside_one/comm; do sleep 0.1; done
for user in root nobody; do
	for mode in enforce audit; do
		want=EPERM audit=()
		[ $mode = enforce ] || want=ok audit=(--audit)
		given "given/run/$user/$mode" $want '' "$SBX" run "${audit[@]}" --policy "$W/held.yaml" --user $user
		check "given/exec/$user/$mode: attach" attach $mode
		given "given/exec/$user/$mode" $want $inside_one "$SBX" exec --in held --user $user
		detach
	done
done
kill $inside_one

# A tracer from before goes on: it is told of.
sleep 600 &
victim=$!
strace -o /dev/null -p "$victim" >/dev/null 2>&1 &
tracer=$!
until grep -q "TracerPid:.$tracer" /proc/$victim/status; do sleep 0.1; done
echo $tracer >"$A/cgroup.procs"
check "tracer: attach" attach enforce
check "tracer: it is told of" tells "goes on tracing process $victim, which is outside" "$W/said"
kill $tracer
detach

# Who asks to be traced by a parent who was moved in gives himself into the sandbox.
cat >"$W/traceme.py" <<-'END'
	import ctypes, os, sys
	procs, user, want = os.open(sys.argv[1] + "/cgroup.procs", os.O_WRONLY), sys.argv[2], sys.argv[3]
	if user != "root":
	    os.setgroups([])
	    os.setresgid(65534, 65534, 65534)
	    os.setresuid(65534, 65534, 65534)
	libc = ctypes.CDLL(None, use_errno=True)
	def child(r):
	    os.read(r, 1)
	    os._exit(ctypes.get_errno() if libc.ptrace(0, 0, 0, 0) else 0)
	def ask(move):
	    r, w = os.pipe()
	    pid = os.fork()
	    if not pid:
	        child(r)
	    if move:
	        os.write(procs, b"0")
	    os.write(w, b"x")
	    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
	got = ask(False), ask(True)
	sys.exit(0 if got == (0, int(want)) else f"outside {got[0]}, moved in {got[1]}")
END
for user in root nobody; do
	check "traceme/$user: attach" attach enforce
	check "traceme/$user: denied" python3 "$W/traceme.py" "$A" $user 1
	detach
	check "traceme/$user/audit: attach" attach audit
	check "traceme/$user/audit: allowed, as outside" python3 "$W/traceme.py" "$A" $user 0
	check "traceme/$user/audit: reported" says "trace" "$SBX" events --name held
	detach
done

# --- descriptors that others hold, and members among themselves ---
members() { # USER MODE
	local as=("${AS_USER[@]}") want=EACCES name=members/$1/$2
	[ "$1" != root ] || as=()
	local keys='EPERM|EACCES' join='EPERM|EACCES'
	[ "$2" = enforce ] || want=ok keys='ENOENT|ENOKEY' join=ok
	detach
	(
		echo $BASHPID >"$A/cgroup.procs"
		exec "${as[@]}" sleep 600 7<"$W/secret" 8<"$W/ok/file"
	) &
	holder=$!
	until grep -q sleep /proc/$holder/comm; do sleep 0.1; done
	check "$name: attach" attach "$2"
	for act in kill tgkill pidfd-kill pidfd-getfd ptrace vmread vmwrite kcmp affinity prlimit setprio \
		scheduler ioprio setown; do
		echo "ok $act $holder"
	done >"$W/among"
	[ "$1" != root ] || echo "!EPERM|EACCES process-madvise $holder" >>"$W/among"
	cat >>"$W/among" <<-END
		$keys request-new-key
		$join join-session
		$want pidfd-getfd-of $holder 7
		ok pidfd-getfd-of $holder 8
		ok read /proc/$holder/environ
		ok list /proc/$holder/fd
		ok ipc-own
		ok async-self
		ok async-member
		ok async-group
		ok userfault
	END
	into "${as[@]}" "$ACT" <"$W/among" | sed "s|^ok|ok $name:|; s|^not ok|not ok $name:|"
	# Memory that an object of the sandbox had is an outsider's object's now.
	install -m 666 /dev/null "$W/objects"
	act_into() { into "${as[@]}" "$ACT" <<<"$1" | sed "s|^ok|ok $name:|; s|^not ok|not ok $name:|"; }
	act_into "ok ipc-churn"
	sleep 0.5 # until it is free
	outside "$name" "${as[@]}" <<<"ok ipc-make $W/objects"
	act_into "$want ipc-reach $W/objects"
	outside "$name" "${as[@]}" <<<"ok ipc-remove $W/objects"
	python3 "$W/pass.py" "$A" "$ACT" "$1" $want "$W/secret" "$W/ok/file" | sed "s|^ok|ok $name:|; s|^not ok|not ok $name:|"
	kill "$holder"
}
# What others send: a ring, and a userfaultfd, which reach the memory of whoever made them; files.
cat >"$W/pass.py" <<-'END'
	import ctypes, os, socket, subprocess, sys
	cgroup, act, user, want, secret, file = sys.argv[1:]
	libc = ctypes.CDLL(None, use_errno=True)
	def join():
	    open(cgroup + "/cgroup.procs", "w").write("0")
	    if user != "root":
	        os.setgroups([])
	        os.setresgid(65534, 65534, 65534)
	        os.setresuid(65534, 65534, 65534)
	def send(what, fd, want=want):
	    a, b = socket.socketpair()
	    try:
	        socket.send_fds(a, [b"x"], [fd])
	    except OSError: # the kernel does not pass rings on at all
	        socket.send_fds(a, [b"x"], [os.pidfd_open(os.getpid())])
	        print(f"ok {what} is not passed on by this kernel")
	        return
	    subprocess.run([act], input=f"{want} recv-fd {b.fileno()}\n", text=True, pass_fds=[b.fileno()], preexec_fn=join)
	send("a ring", libc.syscall(425, 4, (ctypes.c_char * 120)()))
	send("a userfaultfd", libc.syscall(323, 1))
	send("a file", os.open(secret, os.O_RDONLY))
	send("a file that it may open", os.open(file, os.O_RDONLY), "ok")
END
for user in root nobody; do
	for mode in enforce audit; do members $user $mode; done
done
detach
for act in async-self async-member async-group setown-own-group userfault "userfault-read $W/secret"; do
	echo "ok $act"
done | outside members

# A name that comes while the kernel reads it is judged as it came.
inside userfault "$W/held.yaml" root <<-END
	ok userfault
	ok userfault-read $W/ok/file
	EACCES userfault-read $W/secret
	EPERM setown-own-group
END
audited userfault "$W/held.yaml"
inside userfault "$W/held.yaml" nobody <<-END
	ok userfault
	EPERM setown-own-group
END
audited userfault "$W/held.yaml" nobody

kill "$victim"
unload held
rmdir "$A"
rm -rf "$W"
