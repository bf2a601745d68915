#!/bin/bash
# SPDX-License-Identifier: MIT
# Records: the right program, path and rule; every denial counted, exactly.
. "$(dirname "$0")/lib.sh"

policy "$W/events.yaml" <<EOF
  - allow: [read, write]
    path: "$W/ok/**"
  - deny: [read]
    path: "$W/quiet/**"
    quiet: true
EOF
mkdir -p "$W"/{ok,no,quiet}
echo x >"$W/no/one"
echo x >"$W/quiet/one"
for i in $(seq 700); do echo >"$W/no/f$i"; done
keep_loaded
A=$CG/sbx-test-events
mkdir -p "$A"
attach() { "$SBX" attach --cgroup "$A" --policy "$W/events.yaml" --name events "$@" >"$W/log" 2>&1; }
detach() { "$SBX" detach --name events >"$W/log" 2>&1; }
status_json() { "$SBX" status --json | get "next(s for s in j if s['name'] == 'events')['$1']"; }
events() { # EXPRESSION over v, the list of events
	"$SBX" events --json --name events | python3 -c "
import json, sys
v = [json.loads(line) for line in sys.stdin]
v = [e for e in v if 'operation' in e]
print($1)"
}
tries() { # TIMES FILE: opens it in vain, from the cgroup
	(
		echo $BASHPID >"$A/cgroup.procs"
		for ((i = 0; i < $1; i++)); do : <"$2"; done 2>/dev/null
	)
}

check "events: attach" attach
tries 3 "$W/no/one"
check "events: three denials of one file are one record" wants 3 "$(events "[e['count'] for e in v if e['object'].get('path') == '$W/no/one'][0]")"
check "events: the program is named" wants bash "$(events "v[0]['process']['exe']")"
check "events: the file is named by device and inode" \
	wants "$(stat -c '%Hd:%Ld %i' "$W/no/one")" "$(events "v[0]['object']['device'], v[0]['object']['inode']" | tr -d "(),'")"
check "events: nothing was lost" wants 0 "$(status_json lost)"
check "events: denied says the same" wants 3 "$(status_json denied)"

# Four at once.
for _ in 1 2 3 4; do tries 250 "$W/no/one" & done
wait
check "events: a thousand denials at once are counted" wants 1003 "$(events "sum(e['count'] for e in v)")"
check "events: and by the sandbox" wants 1003 "$(status_json denied)"

tries 5 "$W/quiet/one"
check "events: quiet ones are counted" wants "5 1008" "$(status_json quiet) $(status_json denied)"

# More files than there are records.
for _ in 1 2; do
	(
		echo $BASHPID >"$A/cgroup.procs"
		for i in $(seq 700); do : <"$W/no/f$i"; done 2>/dev/null
	) &
done
wait
check "events: what found no record is counted as lost" \
	wants $((1008 + 1400)) "$(($(events "sum(e['count'] for e in v)") + $(status_json lost)))"
check "events: something was" test "$(status_json lost)" -gt 0
check "events: denied has them all" wants $((1008 + 1400)) "$(status_json denied)"

check "events: audit" "$SBX" mode audit --name events
tries 2 "$W/no/one"
check "events: audited is counted apart" wants 2 "$(status_json audited)"
check "events: detach" detach

# A full table is one sandbox's own.
check "events: attach again" attach
tries 2 "$W/no/one"
check "events: a new sandbox begins with none" wants "2 0" "$(status_json denied) $(status_json lost)"
check "events: detach again" detach
rmdir "$A"
unload events
rm -rf "$W"
