/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * Options and control messages that send packets to another place than the address says.
 *
 * Source routes and routing headers name it. An interface does where the address is this host's:
 * through another one than `lo`, what is for 127.0.0.1 or ::1 is sent to the neighbours, and so
 * would be a query that was redirected to the forwarder.
 */
#ifndef SBX_BPF_OPTIONS_H
#define SBX_BPF_OPTIONS_H

#include "decide.h"

#define SOL_IP		 0
#define SOL_SOCKET	 1
#define SOL_IPV6	 41
#define SO_BINDTODEVICE	 25
#define SO_BINDTOIFINDEX 62
#define IP_OPTIONS	 4
#define IP_RETOPTS	 7
#define IP_PKTINFO	 8
#define IP_UNICAST_IF	 50
#define IPV6_2292PKTINFO 2
#define IPV6_2292RTHDR	 5
#define IPV6_2292PKTOPTS 6
#define IPV6_FLOWLABEL	 32 /* IPV6_FLOWLABEL_MGR */
#define IPV6_PKTINFO	 50
#define IPV6_RTHDR	 57
#define IPV6_UNICAST_IF	 76
#define SBX_MAX_CMSG	 64

#define SBX_BY_DEVICE (SOL_IPV6 << 16 | IPV6_PKTINFO) /* in events: of both families */

static __always_inline bool option_misleads(int level, int optname)
{
	switch (level) {
	case SOL_SOCKET:
		return optname == SO_BINDTODEVICE || optname == SO_BINDTOIFINDEX;
	case SOL_IP:
		return optname == IP_OPTIONS || optname == IP_UNICAST_IF;
	case SOL_IPV6:
		return optname == IPV6_RTHDR || optname == IPV6_2292RTHDR ||
		       optname == IPV6_2292PKTOPTS || /* these may hold */
		       optname == IPV6_FLOWLABEL ||   /* a routing header */
		       optname == IPV6_PKTINFO || optname == IPV6_UNICAST_IF;
	}
	return false;
}

struct cmsgs {
	__u64 at, end;
	__u32 bad;
	__u32 device; /* one names an interface */
	__u32 done;
};

static __always_inline bool is_route(int level, int type)
{
	return (level == SOL_IP && type == IP_RETOPTS) ||
	       (level == SOL_IPV6 && (type == IPV6_RTHDR || type == IPV6_2292RTHDR));
}

/* Where the index of an interface is in the message; ~0: it has none. */
static __always_inline __u32 ifindex_at(int level, int type)
{
	if (level == SOL_IP && type == IP_PKTINFO)
		return 0; /* struct in_pktinfo */
	if (level == SOL_IPV6 && (type == IPV6_PKTINFO || type == IPV6_2292PKTINFO))
		return 16; /* struct in6_pktinfo */
	return ~0u;
}

/* struct cmsghdr of the kernel's own copy (____sys_sendmsg) */
static long cmsg_one(__u32 i, struct cmsgs *c)
{
	struct {
		__u64 len;
		__s32 level, type;
	} h;
	__u32 off, ifindex = 0;

	if (c->at + sizeof(h) > c->end) {
		c->done = 1;
		return 1;
	}
	if (bpf_probe_read_kernel(&h, sizeof(h), (void *)c->at) || h.len < sizeof(h)) {
		c->done = 1; /* the kernel refuses it, too */
		return 1;
	}
	off = ifindex_at(h.level, h.type);
	if (is_route(h.level, h.type) ||
	    (off != ~0u &&
	     bpf_probe_read_kernel(&ifindex, sizeof(ifindex), (void *)(c->at + sizeof(h) + off)))) {
		c->bad = 1;
		return 1;
	}
	if (ifindex && ifindex != LO_IFINDEX)
		c->device = 1;
	c->at += (h.len + 7) & ~7ull;
	return 0;
}

/* Source routes and routing headers on a single message are refused, and more messages than anybody
 * sends: fail closed. *device: one names an interface. */
static __noinline int check_cmsgs(struct msghdr *msg, bool *device)
{
	struct cmsgs c = {.at = (__u64)msg->msg_control};

	if (!c.at || !msg->msg_controllen)
		return 0;
	c.end = c.at + msg->msg_controllen;
	bpf_loop(SBX_MAX_CMSG, cmsg_one, &c, 0);
	*device = c.device;
	return c.bad || !c.done ? sbx_forbid(SBX_OP_SOCKOPT, IP_RETOPTS) : 0;
}

#endif
