#!/bin/bash
# SPDX-License-Identifier: MIT
# The commands: attach, detach, update, mode, status, events, explain, doctor. What they print, how
# they end, what they leave behind.
. "$(dirname "$0")/lib.sh"
PIN=/sys/fs/bpf/sbx-bpf

two_policies
printf 'version: 1\nfiles: nonsense\n' >"$W/bad.yaml"
c=$CG/cli
mkdir "$c" "$CG/keeper"

# --- nothing loaded ---
before=$(counts)
status "status without sandboxes" 0 "$SBX" status
check "status --json without sandboxes" wants "[]" "$("$SBX" status --json)"
status "events without sandboxes" 0 "$SBX" events
check "bpffs" eval "mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf"
mkdir -p $PIN/v1
check "status tells of another version's sandboxes" says "in $PIN/v1: they are in force" "$SBX" status
rmdir $PIN/v1 $PIN
check "status without another version" wants "" "$("$SBX" status 2>&1 | grep another)"
status "detach of what is not attached" 1 "$SBX" detach --cgroup cli
status "detach --all without sandboxes" 0 "$SBX" detach --all
status "update of what is not attached" 1 "$SBX" update --cgroup cli --policy "$W/a.yaml"
status "mode of what is not attached" 1 "$SBX" mode audit --name nobody
status "an invalid policy is refused" 3 "$SBX" attach --cgroup cli --policy "$W/bad.yaml"
check "and nothing is loaded for it" test ! -e $PIN
status "doctor: this kernel can enforce" 0 "$SBX" doctor
check "doctor --json says so" wants True "$("$SBX" doctor --json | get 'j["can_enforce"] and all(c["state"] != "fail" for c in j["checks"])')"
as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
status "attach without rights" 5 "${as_nobody[@]}" "$SBX" attach --cgroup cli --policy "$W/a.yaml" --user root
status "doctor without rights" 5 "${as_nobody[@]}" "$SBX" doctor

# --- what cannot be attached to ---
for bad in nowhere / "$CG" /tmp ../../tmp "$W/yes"; do
	status "attach to $bad" 1 "$SBX" attach --cgroup "$bad" --policy "$W/a.yaml"
done
check "the root cgroup is named" says "root cgroup" "$SBX" attach --cgroup / --policy "$W/a.yaml"
check "what is no cgroup is named" says "not a cgroup" "$SBX" attach --cgroup /tmp --policy "$W/a.yaml"
check "a failed attach loads nothing" same_counts "$before"
check "nor pinned" test ! -e $PIN

# --- attach ---
umount /sys/fs/bpf # it is mounted when it is needed
"$SBX" events -f --json >"$W/f1" 2>"$W/f1.err" & # before there is anything to follow
f1=$!
start_member "$c"
exec 5<"$W/no"
bash -c 'echo $$ >'"$c"'/cgroup.procs; exec sleep 1000' 5<"$W/no" &
holder=$!
sleep 0.5
exec 5<&-
"$SBX" attach --cgroup cli --policy "$W/a.yaml" --name one --json >"$W/attach" 2>"$W/err"
check "counting counts what is loaded" test "$(counts)" != "$before"
check "attach tells name, id and mode" wants "one enforce True" "$(get 'j["name"], j["mode"], j["id"] > 0' <"$W/attach" | tr -d "(),'")"
check "an open descriptor outside the policy is reported" wants "True" \
	"$(get "any(o['path'] == '$W/no' and o['missing'] == 'read' and o['fd'] == 5 and o['pid'] == $holder for o in j['open'])" <"$W/attach")"
check "what was there is bound" wants denied "$(ask "$W/no")"
check "and works" wants allowed "$(ask "$W/yes")"
check "what comes is bound" wants denied "$(newcomer "$c" "$W/no")"
check "outside is not" cat "$W/no"
status "attach twice" 1 "$SBX" attach --cgroup cli --policy "$W/a.yaml"
check "and says what to do" says "sbx-bpf update" "$SBX" attach --cgroup cli --policy "$W/a.yaml"
status "a name that is taken" 1 "$SBX" attach --cgroup keeper --policy "$W/a.yaml" --name one
status "a name that is none" 2 "$SBX" attach --cgroup keeper --policy "$W/a.yaml" --name ../x
check "status --json" wants "one enforce $c True 1" \
	"$("$SBX" status --json | get 'len(j) == 1 and " ".join(map(str, (j[0]["name"], j[0]["mode"], j[0]["cgroup"], j[0]["denied"] >= 2, j[0]["generation"])))')"
check "status counts the tasks" wants 2 "$("$SBX" status --json | get 'j[0]["tasks"]')"
check "status as a table" says "one " "$SBX" status
status "status without rights" 5 "${as_nobody[@]}" "$SBX" status

# --- events ---
"$SBX" events >"$W/events" 2>&1
for word in "may not read $W/no" "$W/a.yaml:" "it is not for you" "to allow:"; do
	check "events tell: $word" grep -qF "$word" "$W/events"
done
first=$("$SBX" events --json)
check "events consume nothing" wants "$first" "$("$SBX" events --json)"
check "events --json" wants "$W/no denied 1" \
	"$("$SBX" events --json --name one | python3 -c "
import json, sys
ev = [json.loads(l) for l in sys.stdin]
ev = [e for e in ev if e['object'].get('path') == '$W/no']
print(ev[0]['object']['path'], ev[0]['verdict'], len(ev))")"
status "events of nobody" 1 "$SBX" events --name nobody
check "explain asks the sandbox" says "$W/a.yaml:" "$SBX" explain --name one read "$W/no"
status "explain: denied" 1 "$SBX" explain --name one read "$W/no"
status "explain: allowed" 0 "$SBX" explain --name one read "$W/yes"
check "explain --json" wants False "$("$SBX" explain --name one read "$W/no" --json | get 'j["allowed"]')"
"$SBX" events --json --name one >"$W/told"
check "explain --event says what the events say" wants True "$("$SBX" explain --json --event "$W/told" | python3 -c "
import json, sys
told = [e for e in map(json.loads, open('$W/told')) if 'message' in e]
said = [json.loads(l) for l in sys.stdin]
asked = [(t, s) for t, s in zip(told, said, strict=True) if t['rule']]
print(len(asked) > 0 and all(not s['allowed'] and s['event'] == t['message'] and
      s['rule_at'] == f\"{t['rule']['file']}:{t['rule']['line']}\" for t, s in asked))")"
mount --bind "$W" /mnt
check "explain knows the canonical name" wants "$W/no" "$("$SBX" explain --name one read /mnt/no --json | get 'j["object"]')"
umount /mnt

# --- following ---
check "who came first saw it begin" grep -q "may not read $W/no" "$W/f1"
"$SBX" events -f --json --name one >"$W/f2" 2>"$W/f2.err" &
f2=$!
sleep 1
echo x >"$W/later"
ask "$W/later" >/dev/null
for _ in $(seq 50); do
	grep -q "$W/later" "$W/f1" && grep -q "$W/later" "$W/f2" && break
	sleep 0.2
done
check "the first follower sees it" grep -q "$W/later" "$W/f1"
check "the second too" grep -q "$W/later" "$W/f2"
kill -INT $f1
wait $f1
check "SIGINT ends following with 0" wants 0 $?
check "a reader that goes away ends it quietly" timeout 20 bash -c "set -o pipefail; '$SBX' events -f 2>'$W/pipe.err' | head -n 1 >/dev/null; [ ! -s '$W/pipe.err' ]"

# --- mode ---
status "mode audit" 0 "$SBX" mode audit --name one
check "allows" wants allowed "$(ask "$W/no")"
check "and counts" wants True "$("$SBX" status --json | get 'j[0]["mode"] == "audit" and j[0]["audited"] > 0')"
check "events tell of it" says "would be denied" "$SBX" events
check "mode enforce reports what is open" says "$W/no" "$SBX" mode enforce --cgroup cli
check "denies" wants denied "$(ask "$W/no")"
status "no such mode" 2 "$SBX" mode off --name one

# --- update ---
status "update" 0 "$SBX" update --cgroup cli --policy "$W/b.yaml"
check "the new policy is in force" wants "allowed denied" "$(ask "$W/no") $(ask "$W/yes")"
check "generation 2" wants 2 "$("$SBX" status --json | get 'j[0]["generation"]')"
status "update with an invalid policy" 3 "$SBX" update --name one --policy "$W/bad.yaml"
check "says that the old one stays" says "old policy stays" "$SBX" update --name one --policy "$W/bad.yaml"
check "and it does" wants "allowed denied" "$(ask "$W/no") $(ask "$W/yes")"

# --- detach ---
status "a second sandbox" 0 "$SBX" attach --cgroup keeper --policy "$W/a.yaml" --name keeper
status "detach" 0 "$SBX" detach --name one
wait $f2
check "following ends with its sandbox" wants 0 $?
check "and told what was denied until then" grep -q "$W/yes" "$W/f2"
check "everybody is free" wants "allowed allowed" "$(ask "$W/no") $(ask "$W/yes")"
check "the second is still there" wants "['keeper']" "$("$SBX" status --json | get '[s["name"] for s in j]')"

# --- file systems that are not where they were ---
check "without bpffs it was mounted" mountpoint -q /sys/fs/bpf
check "the LSMs are found without securityfs" unshare -m bash -c "umount /sys/kernel/security; '$SBX' doctor"
check "cgroup v2 beside v1 is found" unshare -m bash -c "umount /sys/fs/cgroup && mount -t tmpfs none /sys/fs/cgroup &&
	mkdir /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified &&
	'$SBX' doctor | grep -q 'cgroup v2 at /sys/fs/cgroup/unified' &&
	'$SBX' attach --cgroup cli --policy '$W/a.yaml' && '$SBX' detach --cgroup /sys/fs/cgroup/unified/cli"

# --- records without room ---
mkdir "$W/many"
for i in $(seq 600); do echo x >"$W/many/$i"; done
"$SBX" attach --cgroup cli --policy "$W/a.yaml" --name full >/dev/null 2>&1
bash -c 'echo $$ >'"$c"'/cgroup.procs; for r in 1 2; do for i in $(seq 600); do : <"$0/many/$i"; done; done' "$W" 2>/dev/null
"$SBX" events --json --name full >"$W/full"
check "what found no room is counted exactly" python3 - "$W/full" "$("$SBX" status --json)" <<-'END'
	import json, sys
	lines = [json.loads(l) for l in open(sys.argv[1])]
	s = [s for s in json.loads(sys.argv[2]) if s["name"] == "full"][0]
	lost = [l["lost"] for l in lines if "lost" in l]
	ev = [l for l in lines if "lost" not in l]
	many = [e for e in ev if "/many/" in str(e["object"].get("path"))]
	print(len(ev), "records,", lost, s)
	assert len(ev) == 512 and lost == [s["lost"]]
	assert sum(e["count"] for e in ev) + s["lost"] == s["denied"]
	assert s["lost"] >= 2 * (600 - len(many)) and all(e["count"] == 2 for e in many)
END
check "events say it" says "found no room" "$SBX" events

# --- a cgroup that goes away ---
stop_member
kill $holder
wait $holder 2>/dev/null
for _ in $(seq 50); do rmdir "$c" 2>/dev/null && break; sleep 0.1; done
check "its sandbox is gone with it" wants "['keeper']" "$("$SBX" status --json | get '[s["name"] for s in j]')"
status "detach says that there is none" 1 "$SBX" detach --cgroup cli
status "detach --all" 0 "$SBX" detach --all
check "nothing is left loaded of it" same_counts "$before"
check "nor pinned" test ! -e $PIN

rmdir "$CG/keeper"
rm -rf "$W"
