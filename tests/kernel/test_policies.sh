#!/bin/bash
# SPDX-License-Identifier: MIT
# Real programs under the policy ai-agent, as a plain user in a home of its own: what the bundles are
# for works, and nothing is denied on the way but what the list below expects. What was denied is
# written to build/vm/KERNEL/policies.txt when the machine was started by matrix.sh.
. "$(dirname "$0")/lib.sh"

user=sbx-p
home=/home/$user
mount -t tmpfs -o mode=755 home /home
useradd -m -d $home -s /bin/bash $user
setpriv --reuid $user --regid $user --clear-groups env HOME=$home sh -eu <<-'END'
	cd "$HOME"
	mkdir -p project .ssh
	echo key >.ssh/id_ed25519
	printf '[user]\n\tname = U\n\temail = u@example.org\n[init]\n\tdefaultBranch = main\n' >.gitconfig
	git init -q project
	cd project
	echo 'PASSWORD=x' >.env
	printf '.env\n' >.gitignore
	echo hello >README
	git add . && git commit -qm start
	git clone -q --bare . ../seed
	mv ../seed hello.git
	git -C hello.git update-server-info
END
: >"$W/denied"

# works NAME SCRIPT: SCRIPT (bash, in the project) ends well; what it was denied is collected.
works() {
	local rc
	# Pipes: files outside the policy would be closed inside. What the script leaves would hold them.
	{
		{
			(cd $home/project && timeout 300 "$SBX" run --user $user --policy ai-agent -- \
				/bin/bash -eu -c "trap 'kill \$(jobs -p) 2>/dev/null || :' EXIT; $2" </dev/null 2>&3 3>&-)
			echo $? >"$W/rc"
		} | cat >"$W/out"
	} 3>&1 | cat >"$W/err"
	rc=$(<"$W/rc")
	sed -n "s/^denied: /$1: /p" "$W/err" >>"$W/denied"
	if [ $rc -eq 0 ]; then
		ok "policies: $1"
	else
		not_ok "policies: $1 (status $rc)"
		tail -n 40 "$W/out" "$W/err" | sed 's/^/  | /'
	fi
}

keep_loaded

# A signal that reaches bash's child before it has become sleep can be lost in bash: hence the loop.
works "everyday commands" '
	id && date && uname -a && hostname && getent passwd root
	ls -la / . /etc >/dev/null && df . && ps aux && env | sort | head -n 3
	find . -name "*.c" && grep -r hello README && sed -i s/hello/hallo/ README && diff README README
	tar cf t.tar README && tar tf t.tar && gzip t.tar && rm t.tar.gz
	mkdir -p d/e && mv d f && cp -a f g && ln -s README l && rm -r f g l
	echo x >"$TMPDIR/x" && mktemp && test ! -e "$TMPDIR/y" && nproc && cat /proc/meminfo >/dev/null
	sort /etc/passwd | awk -F: "{ print \$1 }" | xargs -n 1 echo | tail -n 1
	sleep 30 & until grep -q sleep /proc/$!/comm; do :; done; kill $! && ! wait $!'
works "git" '
	git clone -q hello.git work && cd work && git switch -qc topic && echo x >>README
	git add -p </dev/null || true
	git commit -qam change && git log --stat && git diff main && git stash list && git status --short
	git merge -q main && git rebase -q main && git tag v1 && git worktree add -q ../tree main
	git push -q origin topic && git gc -q && git fsck && git config core.x y && git submodule status
	git worktree remove ../tree && git init -q sub && rmdir sub/.git/refs/tags && rm -rf sub
	cd .. && git status --short && git add README && git commit -qm "In the project"
	git checkout -qb topic && echo more >>README && git stash -q && git stash pop -q && git checkout -q README
	git checkout -q main && git gc -q && git fsck'
works "git over http" '
	/usr/bin/python3 -m http.server -b 127.0.0.1 8123 >log 2>&1 & p=$!
	for i in $(seq 100); do ! curl -sf http://127.0.0.1:8123/ >/dev/null || break; sleep 0.2; done
	git clone -q http://localhost:8123/hello.git over-http; kill $p; test -e over-http/README'
works "gcc, make, ar" '
	mkdir -p c && cd c
	printf "int twice(int x) { return 2 * x; }\n" >twice.c
	printf "#include <stdio.h>\nint twice(int);\nint main(void) { return printf(\"%%d\\\\n\", twice(21)) < 0; }\n" >main.c
	printf "all: main\nmain: main.o libtwice.a\n\t\$(CC) -o \$@ \$^\nlibtwice.a: twice.o\n\tar rcs \$@ \$^\nlibtwice.so: twice.c\n\t\$(CC) -shared -fPIC -o \$@ \$<\nclean:\n\trm -f *.o *.a main\n" >Makefile
	make -j2 all libtwice.so && ./main && make clean'
works "gdb" '
	cd c && make main CFLAGS=-g && gdb -q -nx -batch -ex "break main" -ex run -ex bt -ex c ./main | grep -q "exited normally"'
works "python" '
	cat >t.py <<-END
		import ctypes, json, multiprocessing, os, socket, sqlite3, subprocess, tempfile, threading
		import http.server, urllib.request
		def f(x): return x * x
		if __name__ == "__main__":
		    with multiprocessing.Pool(2) as pool: assert pool.map(f, [1, 2]) == [1, 4]
		    db = sqlite3.connect("t.db"); db.execute("create table t (x)"); db.commit()
		    with tempfile.TemporaryDirectory() as d: open(d + "/x", "w").write("x")
		    assert subprocess.check_output(["echo", "x"]) == b"x\n"
		    s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
		    threading.Thread(target=s.serve_forever, daemon=True).start()
		    assert b"README" in urllib.request.urlopen("http://localhost:%d/" % s.server_port).read()
		    ctypes.CDLL("c/libtwice.so").twice(2)
	END
	/usr/bin/python3 t.py'
works "python: venv and pip" '
	/usr/bin/python3 -m venv v && v/bin/python -c "import json" && v/bin/pip --version
	mkdir -p pkg && printf "from setuptools import setup\nsetup(name=\"pkg\", py_modules=[])\n" >pkg/setup.py
	v/bin/pip list'
works "tls" '
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem \
		-days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
	cat >s.py <<-END
		import http.server, ssl
		s = http.server.HTTPServer(("127.0.0.1", 8443), http.server.SimpleHTTPRequestHandler)
		c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain("cert.pem", "key.pem")
		s.socket = c.wrap_socket(s.socket, server_side=True); s.serve_forever()
	END
	/usr/bin/python3 s.py 2>log & p=$!
	for i in $(seq 100); do ! curl -sk https://localhost:8443/ >/dev/null || break; sleep 0.2; done
	curl -sS --cacert cert.pem https://localhost:8443/README; rc=$?; kill $p
	! curl -sS https://localhost:8443/ 2>/dev/null
	exit $rc'
works "what is written beside and renamed over" '
	vim -es -c "set backupcopy=no writebackup backup" -c "normal Gosaved" -c wq README && grep -q ^saved README && rm README~
	/usr/bin/python3 -c "import os; open(\".README.tmp\", \"w\").write(\"new\\n\"); os.replace(\".README.tmp\", \"README\")"
	perl -i.bak -pe "s/new/newer/" README && mv -f README.bak README && git checkout -q README
	mkdir -p node_modules/.dep-a1/lib node_modules/dep && echo 1 >node_modules/.dep-a1/lib/x && echo 0 >node_modules/dep/x
	mv node_modules/dep node_modules/.dep-old && mv node_modules/.dep-a1 node_modules/dep && rm -r node_modules/.dep-old
	mkdir -p node_modules/.bin && ln -s ../dep/lib/x node_modules/.bin/x.tmp && mv -T node_modules/.bin/x.tmp node_modules/.bin/x
	/usr/bin/python3 -c "
import ctypes
if ctypes.CDLL(None).renameat2(-100, b\"node_modules/dep\", -100, b\"node_modules/.bin\", 2): raise SystemExit(1)"
	mkdir -p node_modules/@scope && mv node_modules/dep node_modules/@scope/dep && rm -r node_modules
	umask 077 && install -m 755 README tool && cp --reflink=auto tool tool.2 && mv tool.2 tool && rm tool'
works "editors and pagers" '
	vim -es -c "normal Gohello" -c wq README && grep -q ^hello README
	less README >/dev/null && man --version && bash -lc true && bash -ic true'
if command -v node >/dev/null; then
	works "node" '
		cat >t.js <<-END
			const http = require("http"), fs = require("fs"), cp = require("child_process");
			const { Worker, isMainThread } = require("worker_threads");
			if (isMainThread) {
			  fs.writeFileSync("n.txt", "x"); fs.watch(".").close();
			  if (cp.execSync("echo x").toString() !== "x\n") process.exit(2);
			  new Worker(__filename).on("exit", () => {
			    const s = http.createServer((q, r) => r.end("hi")).listen(0, "127.0.0.1", () =>
			      http.get({ port: s.address().port, host: "localhost" }, (r) => { r.resume(); r.on("end", () => process.exit(0)); }));
			  });
			}
		END
		node t.js'
else
	skip "policies: node: it is not installed"
fi
works "npm" '
	mkdir -p app dep && cd dep && printf "{\"name\":\"dep\",\"version\":\"1.0.0\",\"bin\":\"d.js\"}" >package.json
	printf "#!/usr/bin/env node\nconsole.log(1)\n" >d.js && cd ../app
	printf "{\"name\":\"app\",\"version\":\"1.0.0\",\"scripts\":{\"t\":\"dep\"}}" >package.json
	npm install --no-audit --no-fund ../dep && npm run t'

# The README's first policy, and its command.
sed -n '/^```yaml/,/^```/p' "$ROOT/README.md" | sed '/^```/d' >$home/project/reporter.yaml
(cd $home/project && mkdir reports && echo data >data && chown $user reports &&
	echo 'open("reports/r", "w").write(open("data").read())' >report.py)
check "policies: the README's example is valid" "$SBX" check $home/project/reporter.yaml
check "policies: the README's example works" sh -c "cd $home/project &&
	'$SBX' run --user $user --policy ./reporter.yaml -- python3 report.py && grep -q data reports/r"
status "policies: the README's example protects .env" 1 sh -c "cd $home/project &&
	'$SBX' run --user $user --policy ./reporter.yaml -- cat .env"

# What is denied on the way, and right.
expected=(
	'ps \(pid [0-9]+\) may not read /proc/1/stat' # processes outside
	'git \(pid [0-9]+\) may not remove .*/project/\.git$' # git stash tries all directories above what it removed
)
printf '%s\n' "${expected[@]}" >"$W/expected"
grep -vEf "$W/expected" "$W/denied" >"$W/rest"
[ ! -d /mnt/host ] || cp "$W/denied" /mnt/host/policies.txt
check "policies: what is denied on the way was noticed" grep -qEf "$W/expected" "$W/denied"
check "policies: nothing else was denied" sh -c "cat '$W/rest'; [ ! -s '$W/rest' ]"
unload policies
umount -l /home
rm -rf "$W"
