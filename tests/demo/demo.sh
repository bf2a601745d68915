#!/bin/bash
# SPDX-License-Identifier: MIT
# The demonstration: here, if this kernel can enforce and we are root; else in a virtual machine.
set -eu
cd "$(dirname "$(readlink -f "$0")")/../.."
kernel=${KERNEL:-6.12}

rc=0
build/sbx-bpf doctor >/dev/null 2>&1 || rc=$?
if [ $rc -eq 0 ] && [ "$(id -u)" -eq 0 ]; then
	echo "This kernel ($(uname -r)) can enforce: the demonstration runs here. It adds a user and an"
	echo "address for its time and takes them away again."
	exec tests/demo/inside.sh
fi
case $rc in
0 | 5) why="being root is needed to show it here" ;;
*) why="this one cannot enforce ('build/sbx-bpf doctor' says why)" ;;
esac
echo "A virtual machine with Debian's kernel $kernel is started, since $why."
# shellcheck source=tests/vm/lib.sh
. tests/vm/lib.sh
kernel_known "$kernel"
kernel_cached "$kernel" || tests/vm/kernels.sh fetch "$kernel"
exec tests/vm/run.sh --kernel "$kernel" --timeout 600 -- tests/demo/inside.sh --vm
