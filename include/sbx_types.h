/* SPDX-License-Identifier: MIT */
/* Fixed-width types under the kernel's names, for BPF programs and user space alike. */
#ifndef SBX_TYPES_H
#define SBX_TYPES_H

#ifdef __bpf__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif

#endif
