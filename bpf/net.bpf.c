// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Sockets: which kinds may be made, and which peers may be named (design 1.5).
 *
 * A peer is named by connect, by an address on a message, by TCP fast open, by bind and by listen
 * on an unbound socket. The address is made canonical and looked up in the interval tables of each
 * sandbox's image (peer.h). Options and control messages that would change the destination
 * afterwards are refused. What the kernel does for itself (kern, sk_kern_sock) is not judged.
 */
#include "options.h"
#include "peer.h"
#include "sockname.h"

#define NETLINK_ROUTE	      0
#define MSG_FASTOPEN	      0x20000000
#define SOCK_BINDPORT_LOCK    8
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

/*
 * SCTP, DCCP, UDP-Lite, ICMP, raw and packet sockets and all families that the policy does not
 * name: EAFNOSUPPORT, as if the kernel had none. MPTCP, too, where not every address is allowed:
 * its subflows go to addresses that the peer announces.
 */
SEC("lsm/socket_create")
int BPF_PROG(sbx_socket_create, int family, int type, int protocol, int kern, int ret)
{
	struct sbx_label *l;

	if (ret || kern || sbx_outside())
		return ret;
	type &= SOCK_TYPE_MASK;
	if (kind_known(family, type, protocol))
		return 0;
	l = sbx_subject();
	if (!l)
		return -EAFNOSUPPORT; /* fail closed */
	if (!sbx_bound(l))
		return 0;
	return sbx_verdict(judge_kind(l, SBX_OP_SOCKET, family, type, protocol));
}

/* Remembers for unix sockets whose they are. */
SEC("lsm/socket_post_create")
int BPF_PROG(sbx_socket_post_create, struct socket *sock, int family, int type, int protocol,
	     int kern, int ret)
{
	struct sbx_label *l, *mine;
	struct sock *sk;
	int i;

	if (ret || kern || family != AF_UNIX || sbx_outside())
		return ret;
	l = sbx_subject();
	sk = sock->sk;
	if (!l || !sk)
		return -ENOMEM; /* fail closed: without it nobody inside could reach it */
	if (!sbx_bound(l))
		return 0;
	mine = bpf_sk_storage_get(&sbx_sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!mine)
		return -ENOMEM;
	for (i = 0; i < SBX_MAX_NEST; i++)
		mine->id[i] = l->id[i];
	return 0;
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

/* Several bytes of what the verifier knows as an array, behind a typed pointer. */
#define SBX_LOAD(type, from, off) (*(volatile type *)((void *)(from) + (off)))

/* The same where the address is behind a typed pointer: what can be loaded need not be copied. */
static __always_inline bool peer_load(struct sbx_peer *p, struct sockaddr *addr, int len)
{
	__u16 family = addr->sa_family;
	__u64 hi, lo;

	if (family == AF_INET && len >= 8) {
		p->hi = 0;
		p->lo = __builtin_bswap32(SBX_LOAD(__u32, addr, 4));
		p->what |= SBX_WHAT(AF_INET, 0, 0) | __builtin_bswap16(SBX_LOAD(__u16, addr, 2));
		return true;
	}
	if (family != AF_INET6 || len < 24)
		return peer_read(p, addr, len);
	/* struct sockaddr has room for the first half alone */
	if (bpf_probe_read_kernel(&lo, sizeof(lo), (void *)addr + 16))
		return false;
	hi = SBX_LOAD(__u64, addr, 8);
	p->what |= __builtin_bswap16(SBX_LOAD(__u16, addr, 2));
	peer_v6(p, __builtin_bswap64(hi), __builtin_bswap64(lo));
	return true;
}

/* --- naming peers --- */

/* TCP and UDP; everything else that somebody may have been handed goes the long way. */
static __always_inline bool peer_plain(struct sbx_peer *p, struct sock *sk)
{
	__u32 type = sk->sk_type, kind = type << 16 | sk->sk_protocol;

	_Static_assert(SOCK_STREAM >> 1 == SBX_PROTO_TCP && SOCK_DGRAM >> 1 == SBX_PROTO_UDP, "");
	p->what = SBX_WHAT(0, type, type >> 1 & 1);
	return (kind == (SOCK_STREAM << 16 | IPPROTO_TCP) ||
		kind == (SOCK_DGRAM << 16 | IPPROTO_UDP)) &&
	       is_ip(sk->__sk_common.skc_family);
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
		return !ret && sc->query.id ? query_note(sk, sc->query.id) : ret;
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

static long binds_one(__u32 i, struct ask *a)
{
	__u64 id = a->l->id[SBX_EACH(i)];
	__u32 zero = 0, no = SBX_SLOT_OF(id);
	struct sbx_chunk *hdr;
	void *image;

	if (!sbx_alive(id))
		return 0;
	image = bpf_map_lookup_elem(&sbx_images, &no);
	hdr = image ? bpf_map_lookup_elem(image, &zero) : NULL;
	a->denied = !hdr || hdr->hdr.flags & SBX_IMG_UNIX_BINDS;
	return a->denied;
}

/* Unix sockets: a name in a directory is made as a file is (path_mknod), an abstract one can be
 * taken unless rules speak of such. Whom they connect to, the unix hooks judge. */
static __noinline int bind_name(struct sockaddr *address, int len)
{
	struct sbx_label *l = sbx_subject();
	struct ask a = {.l = l};

	if (!l)
		return -EACCES; /* fail closed */
	if (len <= 2 || ((volatile __u8 *)address)[2] || !sbx_bound(l))
		return 0;
	bpf_loop(SBX_MAX_NEST, binds_one, &a, 0);
	if (!a.denied && !(l->flags & SBX_LABEL_OVERFLOW))
		return 0;
	return judge_abstract(l, (void *)address + 2, len - 2, SBX_OP_UNIX_BIND, SBX_WRITE);
}

/* Sockets that are neither TCP nor UDP. */
static __noinline int name_other(struct sock *sk, struct sockaddr *address, int len, __u32 op)
{
	struct sbx_peer p;
	bool read;

	if (sk->__sk_common.skc_family == AF_UNIX)
		return op == SBX_OP_BIND ? bind_name(address, len) : 0;
	peer_plain(&p, sk);
	read = peer_read(&p, address, len);
	return peer_long(sk, read ? &p : NULL, op);
}

/* connect() and bind(). */
static __always_inline int name_peer(struct socket *sock, struct sockaddr *address, int len,
				     __u32 op, __u32 direction)
{
	struct task_struct *t = bpf_get_current_task_btf();
	__u64 cgroup = sbx_task_cgroup(t);
	struct sbx_peer p;
	struct sock *sk;

	if (!sbx_cgroup_marked(cgroup))
		return 0;
	sk = sock->sk;
	if (!sk)
		return -EACCES; /* fail closed: never seen */
	if (!peer_plain(&p, sk))
		return sbx_verdict(name_other(sk, address, len, op));
	if (!peer_load(&p, address, len))
		return sbx_verdict(peer_long(sk, NULL, op));
	if ((p.lo | p.hi) && quick_peer(t, cgroup, &p, direction))
		return 0;
	if (op == SBX_OP_CONNECT && address->sa_family == AF_UNSPEC)
		return 0; /* lets go of a peer */
	return sbx_verdict(peer_long(sk, &p, op));
}

SEC("lsm/socket_connect")
int BPF_PROG(sbx_socket_connect, struct socket *sock, struct sockaddr *address, int addrlen,
	     int ret)
{
	return ret ?: name_peer(sock, address, addrlen, SBX_OP_CONNECT, SBX_DIR_CONNECT);
}

SEC("lsm/socket_bind")
int BPF_PROG(sbx_socket_bind, struct socket *sock, struct sockaddr *address, int addrlen, int ret)
{
	return ret ?: name_peer(sock, address, addrlen, SBX_OP_BIND, SBX_DIR_BIND);
}

/*
 * listen() on an unbound socket binds it, on a port that the kernel picks. A port that came by
 * connecting counts for nothing: another thread may disconnect before the kernel looks.
 */
SEC("lsm/socket_listen")
int BPF_PROG(sbx_socket_listen, struct socket *sock, int backlog, int ret)
{
	struct sbx_peer p = {};
	struct sock *sk;

	if (ret || sbx_outside())
		return ret;
	sk = sock->sk;
	if (!sk)
		return -EACCES; /* fail closed: never seen */
	if (!is_ip(sk->__sk_common.skc_family) ||
	    (BPF_CORE_READ_BITFIELD(sk, sk_userlocks) & SOCK_BINDPORT_LOCK))
		return 0;
	peer_plain(&p, sk);
	if (sk->__sk_common.skc_family == AF_INET)
		peer_v4(&p, __builtin_bswap32(sk->__sk_common.skc_rcv_saddr));
	else
		peer_own6(&p, sk);
	return sbx_verdict(peer_long(sk, &p, SBX_OP_LISTEN));
}

/* --- messages --- */

/*
 * sendmmsg(2) asks us about a destination once: what follows to the same one passes unseen, with
 * its control messages. So several messages with addresses are not sent that way; those of a
 * connected socket, which need none, are.
 */
#define NR_SENDMMSG	  307
#define NR_SENDMMSG_X32	  (0x40000000 + 538)
#define NR_SENDMMSG_I386  345 /* no call of the 64-bit table sends under this or the next number */
#define NR_SOCKETCALL	  102
#define SOCKCALL_SENDMMSG 20

static __noinline bool sends_several(void)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());

	switch (regs->orig_ax) {
	case NR_SENDMMSG:
	case NR_SENDMMSG_X32:
		return (__u32)regs->dx > 1;
	case NR_SENDMMSG_I386:
		return (__u32)regs->dx > 1;
	case NR_SOCKETCALL: /* how many is in memory that can change */
		return (__u32)regs->bx == SOCKCALL_SENDMMSG;
	}
	return false;
}

/* This host, or port 53, which may lead to this host's forwarder. */
static __always_inline bool stays_here(struct sbx_peer *p)
{
	if ((__u16)p->what == SBX_DNS_PORT || !(p->hi | p->lo))
		return true;
	return peer_family(p) == AF_INET ? p->lo >> 24 == LOOPBACK >> 24 : !p->hi && p->lo == 1;
}

/* Everything but the stream of a connection that is there. */
static __always_inline int send_named(struct sock *sk, struct msghdr *msg)
{
	__u16 family = sk->__sk_common.skc_family;
	struct sbx_peer p = {};
	struct task_struct *t = bpf_get_current_task_btf();
	bool plain = peer_plain(&p, sk), read = false, device = false;
	int ret = 0;

	if (family == AF_UNIX || kernels_own(sk))
		return 0; /* judged by the unix hooks */
	if (is_ip(family) && msg->msg_controllen)
		ret = check_cmsgs(msg, &device);
	device &= sk->sk_type == SOCK_DGRAM; /* streams ignore it */
	/* where it is connected to, another thread may change after this */
	if (!ret && device && !msg->msg_name)
		ret = sbx_forbid(SBX_OP_SOCKOPT, SBX_BY_DEVICE);
	if (ret || (plain && !msg->msg_name))
		return ret;
	if (plain && sk->sk_type == SOCK_STREAM && !(msg->msg_flags & MSG_FASTOPEN))
		return 0; /* TCP ignores the name */
	if (msg->msg_name)
		read = peer_read(&p, msg->msg_name, msg->msg_namelen);
	if (device && read && stays_here(&p))
		ret = sbx_forbid(SBX_OP_SOCKOPT, SBX_BY_DEVICE);
	if (ret)
		return ret;
	if (!plain || !read || !(p.lo | p.hi) ||
	    !quick_peer(t, sbx_task_cgroup(t), &p, SBX_DIR_CONNECT))
		ret = peer_long(sk, read ? &p : NULL, SBX_OP_SEND);
	/* the source that a control message gives would be where it goes */
	if (!ret && plain && !(p.lo | p.hi) && msg->msg_controllen)
		ret = sbx_forbid(SBX_OP_SOCKOPT, IP_PKTINFO);
	if (!ret && plain && sends_several())
		ret = sbx_forbid(SBX_OP_SOCKOPT, NR_SENDMMSG);
	return ret;
}

/*
 * Raw and packet sockets reach any peer by what they write: whoever was handed one is judged each
 * time. A connected datagram socket costs no look-up.
 */
static __noinline int check_send(struct socket *sock, struct msghdr *msg)
{
	struct sbx_peer p;
	struct sock *sk = sock->sk;

	if (sk && !msg->msg_name && !msg->msg_controllen && peer_plain(&p, sk))
		return 0;
	if (sbx_outside())
		return 0;
	if (!sk)
		return -EACCES; /* fail closed: never seen */
	return send_named(sk, msg);
}

/* What is sent on a stream that is there costs next to nothing. */
SEC("lsm/socket_sendmsg")
int BPF_PROG(sbx_socket_sendmsg, struct socket *sock, struct msghdr *msg, int size, int ret)
{
	if (sock->type == SOCK_STREAM && !msg->msg_name && !msg->msg_controllen)
		return ret;
	return ret ?: sbx_verdict(check_send(sock, msg));
}

SEC("lsm/socket_setsockopt")
int BPF_PROG(sbx_socket_setsockopt, struct socket *sock, int level, int optname, int ret)
{
	if (ret)
		return ret;
	if (option_misleads(level, optname))
		return sbx_outside()
			       ? 0
			       : sbx_verdict(sbx_forbid(SBX_OP_SOCKOPT, level << 16 | optname));
	return 0;
}
