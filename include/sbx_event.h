/* SPDX-License-Identifier: MIT */
/*
 * Denials as the kernel records them. One hash map per sandbox holds one record per (operation,
 * reason, object): repeats only raise `count` and `last_ns`, so counts always arrive and one
 * sandbox cannot take another's room. What does not fit is counted in struct sbx_slot.lost.
 * Readers poll and consume nothing, so any number of them may follow at once.
 */
#ifndef SBX_EVENT_H
#define SBX_EVENT_H

#include "sbx_types.h"
#include "sbx_limits.h"

enum sbx_op {
#define SBX_OP(name, kind, right, verb) SBX_OP_##name,
#include "sbx_ops.def"
#undef SBX_OP
	SBX_OPS
};

enum sbx_why {
#define SBX_WHY(name, text) SBX_WHY_##name,
#include "sbx_why.def"
#undef SBX_WHY
	SBX_WHYS
};

struct sbx_event_key {
	__u16 op;
	__u16 why;
	__u32 mode;   /* audit and enforce are counted apart */
	__u64 object; /* hash of the path, address, … */
};

#define SBX_EVF_PATH_CUT 0x1 /* path is longer than its field */
#define SBX_EVF_QUIET	 0x2 /* the deciding rule says quiet: counted, not shown one by one */

struct sbx_event {
	__u64 count;
	__u64 first_ns; /* CLOCK_BOOTTIME */
	__u64 last_ns;
	__u64 sandbox; /* id */
	__u64 cgroup;
	__u64 ino;
	__u64 seq; /* of the sandbox's events, raised at each change: followers compare it */
	__u32 dev; /* kernel encoding: major << 20 | minor */
	__u32 generation;
	__u32 mode;
	__u32 op;
	__u32 why;
	__u32 flags;
	__u32 pid; /* thread; of the first occurrence, as are the fields below */
	__u32 tgid;
	__u32 ppid;
	__u32 uid;
	__u16 family;
	__u16 port;  /* host order */
	__u16 proto; /* IPPROTO_*; for SOCKET: the protocol argument */
	__u16 socktype;
	__u8 addr[16]; /* network order; IPv4 in the first four bytes */
	__s32 detail;  /* capability, target pid, ioctl, rule index (NET) as op says; -1: none */
	__u32 path_len;
	char comm[16];
	char exe[64];		       /* last component of the executable */
	char path[SBX_EVENT_PATH_MAX]; /* not terminated; path_len bytes */
};

#endif
