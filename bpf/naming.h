/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * Naming peers: by connect, by an address on a message, by TCP fast open, by bind and by listen on
 * an unbound socket. The address is made canonical and looked up in the interval tables of each
 * sandbox's image (peer.h).
 */
#ifndef SBX_BPF_NAMING_H
#define SBX_BPF_NAMING_H

#include "peer.h"

#define SBX_IP_OF(a, b, c, d) ((__u32)(a) << 24 | (b) << 16 | (c) << 8 | (d))

/* --- kinds of sockets --- */

static __always_inline bool is_ip(__u16 family)
{
	return (family | 8) == AF_INET6; /* 2 and 10 */
}

/* The kinds that every policy can speak of, as they are asked for and as they are. */
static __always_inline bool kind_known(int family, int type, int protocol)
{
	if (family == AF_UNIX)
		return true;
	if (!is_ip(family))
		return false;
	if (type == SOCK_STREAM)
		return protocol == 0 || protocol == IPPROTO_TCP;
	return type == SOCK_DGRAM && (protocol == 0 || protocol == IPPROTO_UDP);
}

static __always_inline bool kind_opened(struct sbx_image_hdr *hdr, __u32 family, __u32 type,
					__u32 protocol)
{
	if (is_ip(family))
		return protocol == IPPROTO_MPTCP && type == SOCK_STREAM &&
		       (hdr->flags & SBX_IMG_MPTCP);
	if (family == AF_NETLINK)
		return protocol < 32 && (hdr->netlink >> protocol & 1);
	return family < 64 && (hdr->families >> family & 1);
}

static long kind_one(__u32 i, struct ask *a)
{
	__u64 id = a->l->id[SBX_EACH(i)];
	__u32 zero = 0, no = SBX_SLOT_OF(id), mode;
	__u32 family = a->dir, type = a->both, protocol = a->rights;
	struct sbx_chunk *hdr;
	struct sbx_draft *dr = sbx_draft_get();
	void *image;

	if (!sbx_alive(id))
		return 0;
	image = bpf_map_lookup_elem(&sbx_images, &no);
	hdr = image ? bpf_map_lookup_elem(image, &zero) : NULL;
	if (hdr && kind_opened(&hdr->hdr, family, type, protocol))
		return 0;
	mode = sbx_mode_of(id);
	sbx_report_begin(a->op, SBX_WHY_FAMILY, -1);
	if (dr) {
		dr->ev.family = family;
		dr->ev.socktype = type;
		dr->ev.proto = protocol;
		dr->key.object = (__u64)family << 40 | (__u64)(type & 0xff) << 32 | protocol;
	}
	sbx_report_commit(id, mode, 0);
	a->denied = mode != SBX_MODE_AUDIT;
	return a->denied;
}

/* Is the kind open to every sandbox of the label? */
SBX_GLOBAL int judge_kind(struct sbx_label *l, __u32 op, __u32 family, __u32 type, __u32 protocol)
{
	struct ask a = {.l = l, .op = op, .dir = family, .both = type, .rights = protocol};

	if (!l)
		return -EAFNOSUPPORT; /* fail closed */
	bpf_loop(SBX_MAX_NEST, kind_one, &a, 0);
	return a.denied || (l->flags & SBX_LABEL_OVERFLOW) ? -EAFNOSUPPORT : 0;
}

/* --- addresses --- */

union address {
	__u16 family;
	__u8 byte[28];
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

#define SBX_WHAT(family, type, proto)                                          \
	((__u64)(family) << SBX_PEER_FAMILY | (__u64)(type) << SBX_PEER_TYPE | \
	 (proto) << SBX_PEER_PROTO)

static __always_inline void peer_v4(struct sbx_peer *p, __u32 n)
{
	p->hi = 0;
	p->lo = n;
	p->what = (p->what & (1ull << SBX_PEER_FAMILY) - 1) | SBX_WHAT(AF_INET, 0, 0);
}

static __always_inline void peer_v6(struct sbx_peer *p, __u64 hi, __u64 lo)
{
	p->hi = hi;
	p->lo = lo;
	p->what = (p->what & (1ull << SBX_PEER_FAMILY) - 1) | SBX_WHAT(AF_INET6, 0, 0);
	if (!hi && lo >> 32 == 0xffff) /* ::ffff:a.b.c.d */
		peer_v4(p, lo);
}

/*
 * Reads an address that the kernel has copied already: no other thread can change it. AF_UNSPEC is
 * an IPv4 address to bind() and to sendmsg() on an IPv4 socket. false: it is no IP address.
 */
static __noinline bool peer_read(struct sbx_peer *p, const void *addr, int len)
{
	union address a = {};
	__u64 hi, lo;

	if (!p || !addr || len < (int)sizeof(a.family))
		return false;
	if (len > (int)sizeof(a))
		len = sizeof(a);
	sbx_opaque(len);
	if (bpf_probe_read_kernel(&a, len & 31, addr))
		return false;
	p->what |= __builtin_bswap16(a.in.sin_port); /* in both in one place */
	if (a.family == AF_INET6) {
		__builtin_memcpy(&hi, a.in6.sin6_addr, 8);
		__builtin_memcpy(&lo, a.in6.sin6_addr + 8, 8);
		peer_v6(p, __builtin_bswap64(hi), __builtin_bswap64(lo));
		return true;
	}
	peer_v4(p, SBX_IP_OF(a.byte[4], a.byte[5], a.byte[6], a.byte[7]));
	return a.family == AF_INET || a.family == AF_UNSPEC;
}

/* --- naming peers --- */

/* TCP and UDP; everything else that somebody may have been handed goes the long way. */
static __always_inline bool peer_plain(struct sbx_peer *p, struct sock *sk)
{
	__u32 type = sk->sk_type, kind = type << 16 | sk->sk_protocol;

	_Static_assert(SOCK_STREAM >> 1 == SBX_PROTO_TCP && SOCK_DGRAM >> 1 == SBX_PROTO_UDP, "");
	if (kind == (SOCK_STREAM << 16 | IPPROTO_TCP)) {
		p->what = SBX_WHAT(0, SOCK_STREAM, SBX_PROTO_TCP);
	} else if (kind == (SOCK_DGRAM << 16 | IPPROTO_UDP)) {
		p->what = SBX_WHAT(0, SOCK_DGRAM, SBX_PROTO_UDP);
	} else {
		p->what = SBX_WHAT(0, type, type >> 1 & 1);
		return false;
	}
	return is_ip(sk->__sk_common.skc_family);
}

/* The address that an IPv6 socket is bound to. */
static __always_inline void peer_own6(struct sbx_peer *p, struct sock *sk)
{
	__u32 *a = sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32;

	peer_v6(p, (__u64)__builtin_bswap32(a[0]) << 32 | __builtin_bswap32(a[1]),
		(__u64)__builtin_bswap32(a[2]) << 32 | __builtin_bswap32(a[3]));
}

/*
 * Connecting to 0.0.0.0 or :: reaches this host: by the address that the socket is bound to, or by
 * the loopback address. `p` becomes that. A thread that binds the socket meanwhile makes it another
 * address that it may bind.
 */
static __always_inline void peer_settle(struct sbx_peer *p, struct sock *sk)
{
	__u32 own = __builtin_bswap32(sk->__sk_common.skc_rcv_saddr);
	struct sbx_peer bound = {};

	if (p->lo | p->hi)
		return;
	if (sk->__sk_common.skc_family == AF_INET6)
		peer_own6(&bound, sk);
	if (peer_family(p) == AF_INET)
		peer_v4(p, own ? own : LOOPBACK);
	else if (peer_family(&bound) == AF_INET) /* to ::ffff:a.b.c.d */
		peer_v4(p, LOOPBACK);
	else
		p->lo = 1;
}

static __always_inline bool kernels_own(struct sock *sk)
{
	return BPF_CORE_READ_BITFIELD(sk, sk_kern_sock);
}

/* Bound to :: it answers at every IPv4 address, too. */
static __always_inline bool takes_both(struct sbx_peer *p, struct sock *sk)
{
	return peer_family(p) == AF_INET6 && !(p->hi | p->lo) &&
	       !BPF_CORE_READ_BITFIELD(&sk->__sk_common, skc_ipv6only);
}

/* The peer in sc, for all sandboxes of l. */
static __always_inline int judge_settled(struct sbx_scratch *sc, struct sbx_label *l,
					 struct sock *sk, __u32 op)
{
	struct sbx_peer plain;
	__u64 net = 0;
	bool both;
	int ret;

	if (!sc || !l)
		return -EACCES; /* fail closed */
	if (op == SBX_OP_CONNECT || op == SBX_OP_SEND) {
		bpf_probe_read_kernel(
			&net, sizeof(net),
			(char *)sk + bpf_core_field_offset(struct sock, __sk_common.skc_net.net));
		peer_settle(&sc->peer, sk);
		sc->query.sk = peer_plain(&plain, sk) ? (__u64)sk : 0;
		sc->query.id = sc->query.depth = 0;
		ret = judge_peer(l, op, SBX_DIR_CONNECT, net);
		return !ret && sc->query.id ? query_note(sk, &sc->peer, sc->query.id) : ret;
	}
	both = takes_both(&sc->peer, sk);
	ret = judge_peer(l, op, SBX_DIR_BIND, 0);
	if (ret || !both)
		return ret;
	peer_v4(&sc->peer, 0);
	return judge_peer(l, op, SBX_DIR_BIND, 0);
}

/* `p` is what was read of the address; NULL: nothing that IP knows. */
static __noinline int peer_long(struct sock *sk, struct sbx_peer *p, __u32 op)
{
	struct sbx_label *l = sbx_subject();
	struct sbx_scratch *sc;
	__u32 family;

	if (!l)
		return -EACCES; /* fail closed */
	if (!sbx_bound(l) || kernels_own(sk))
		return 0;
	sc = sbx_scratch_get();
	if (!sc)
		return -EACCES; /* fail closed */
	family = sk->__sk_common.skc_family;
	if (!kind_known(family, sk->sk_type, sk->sk_protocol) &&
	    judge_kind(l, SBX_OP_SOCKET_USE, family, sk->sk_type, sk->sk_protocol))
		return -EACCES;
	if (!is_ip(family))
		return 0; /* opened by the policy, and not judged further */
	if (!p)
		return sbx_deny(l, op, SBX_WHY_FAMILY, -1, 0) ? -EACCES : 0;
	sc->peer = *p;
	return judge_settled(sc, l, sk, op);
}

#endif
