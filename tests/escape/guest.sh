#!/bin/bash
# SPDX-License-Identifier: MIT
# In a virtual machine: the suite in every sandbox, as root and as a user. Results go to /mnt/host.
#
#   guest.sh ADAPTER...        SBX_ESCAPE_CASES: these alone; RACE_MS: how long a race is run
set -u
here=$(dirname "$(readlink -f "$0")")
root=$(readlink -f "$here/../..")
out=/mnt/host
export SBX=$root/build/sbx-bpf

mkdir -p /mnt/escape /dev/mqueue
truncate -s 256M /tmp/escape.img
mkfs.ext4 -q /tmp/escape.img && mount -o loop /tmp/escape.img /mnt/escape || exit 1
chmod 755 /mnt/escape
mountpoint -q /dev/mqueue || mount -t mqueue none /dev/mqueue

# firejail serves neither nobody nor whom it has not been told of.
grep -q ^tess: /etc/passwd || {
	echo "tess:x:4321:4321:Tess:/mnt/escape:/bin/bash" >>/etc/passwd
	echo "tess:x:4321:" >>/etc/group
}
[ ! -d /etc/firejail ] || echo tess >>/etc/firejail/firejail.users

for user in root tess; do
	for adapter in "$@"; do
		start=$SECONDS
		"$root/build/sbx-escape" --quiet --dir /mnt/escape --user $user --race-ms "${RACE_MS:-1000}" \
			${SBX_ESCAPE_CASES:+--case "$SBX_ESCAPE_CASES"} \
			--json "$out/$adapter.$user.json" --log "/tmp/$adapter.$user.log" \
			"$here/adapters/$adapter" >"/tmp/$adapter.$user.out" 2>&1
		rc=$?
		echo "$adapter as $user: $([ $rc -lt 2 ] && echo ran || echo "not run"), $((SECONDS - start)) s"
		[ $rc -lt 2 ] || tail -n 3 "/tmp/$adapter.$user.out" "/tmp/$adapter.$user.log" 2>/dev/null
	done
done
