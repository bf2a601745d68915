#!/bin/bash
# SPDX-License-Identifier: MIT
# Chromium under the policy `browser`, as an agent drives it: without a window. It shows what a page's
# script made of the page and draws it; a page cannot make it read keys or reach what is not open. all.sh
# runs it by its name alone (`make browser` installs chromium).
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/work/outside.sh
. "$ROOT/tests/work/outside.sh"

command -v chromium >/dev/null || {
	not_ok "browser: there is no chromium: tests/setup.sh browser"
	exit 1
}
export PATIENCE=400 # it starts slowly in emulation
chromium=(chromium --headless --no-sandbox --disable-gpu "--virtual-time-budget=5000")

# looked_at NAME ARGUMENT...: chromium inside; what it says is in $W/NAME.out.
looked_at() {
	local name=$1
	shift
	run_in browser "$name" "${chromium[@]}" "$@" >"$W/$name.out"
}

# shows NAME TEXT, and the opposite
shows() { check "browser: $1: it shows: $2" sh -c "tail -n 20 '$W/$1.out'; grep -q '$2' '$W/$1.out'"; }
hides() { check "browser: $1: it does not show: $2" sh -c "cat '$W/$1.out'; ! grep -q '$2' '$W/$1.out'"; }

# denied NAME TEXT: it was refused this, which is then left out of what a session leaves.
denied() {
	check "browser: $1: the policy refuses: $2" sh -c "cat '$W/$1.jsonl'; grep -q 'may not $2' '$W/$1.jsonl'"
	sed -i "\|may not $2|d" "$W/$1.jsonl"
}

trap 'kill $(jobs -p) 2>/dev/null' EXIT
make_home
mkdir "$W/pages"
echo forty-two >"$W/pages/data"
cat >"$W/pages/index.html" <<-'END'
	<!doctype html><title>t</title><p id=p>as it came</p><script>
	fetch("/data").then(r => r.text()).then(t => { p.textContent = "the script got " + t; });
	</script>
END
cat >"$W/pages/bad.html" <<-'END'
	<!doctype html><title>t</title><p id=p>as it came</p><script>
	fetch("http://203.0.113.9:8080/").then(() => { p.textContent = "reached"; }, () => { p.textContent = "not reached"; });
	</script>
END
keep_loaded
python3 -m http.server -b 127.0.0.1 -d "$W/pages" 8126 >/dev/null 2>&1 &
until curl -sf http://localhost:8126/ >/dev/null; do sleep 0.2; done

echo "# $(chromium --version --no-sandbox 2>/dev/null)"
start=$SECONDS
looked_at page --dump-dom http://localhost:8126/
shows page "the script got forty-two"
leaves page
looked_at picture --screenshot=picture.png http://localhost:8126/
check "browser: a picture is drawn into the project" sh -c "head -c 4 $project/picture.png | grep -q PNG"
leaves picture
looked_at file --dump-dom file://$project/README
shows file hello
looked_at key --dump-dom file://$home/.ssh/id_ed25519
hides key "PRIVATE KEY"
denied key "read $home/.ssh/id_ed25519"
leaves key
looked_at bad --dump-dom http://localhost:8126/bad.html
shows bad "not reached"
denied bad "connect to 203.0.113.9:8080"
leaves bad
echo "# chromium: $((SECONDS - start)) s"
[ ! -d /mnt/host ] || cp "$W"/*.jsonl /mnt/host/
# shellcheck disable=SC2046 # a list
kill $(jobs -p) 2>/dev/null
wait
unload browser
umount -l /home
userdel $user
rm -rf "$W"
