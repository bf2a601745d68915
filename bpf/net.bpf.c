// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Sockets: which kinds may be made, and which peers may be named (design 1.5).
 *
 * A peer is named by connect, by an address on a message, by TCP fast open, by bind and by listen
 * on an unbound socket. The address is made canonical and looked up in the interval tables of each
 * sandbox's image (include/sbx_image.h). Options and control messages that would change the
 * destination afterwards are refused. What the kernel does for itself (kern) is not judged.
 */
#include "decide.h"

#define AF_UNSPEC  0
#define AF_UNIX	   1
#define AF_INET	   2
#define AF_INET6   10
#define AF_NETLINK 16

#define SOCK_STREAM	 1
#define SOCK_DGRAM	 2
#define SOCK_TYPE_MASK	 0xf
#define IPPROTO_TCP	 6
#define IPPROTO_UDP	 17
#define NETLINK_ROUTE	 0
#define MSG_FASTOPEN	 0x20000000
#define SOL_IP		 0
#define SOL_IPV6	 41
#define IP_OPTIONS	 4
#define IP_RETOPTS	 7
#define IPV6_2292RTHDR	 5
#define IPV6_2292PKTOPTS 6
#define IPV6_FLOWLABEL	 32 /* IPV6_FLOWLABEL_MGR */
#define IPV6_RTHDR	 57
#define SBX_MAX_CMSG	 64
#define SBX_SEARCH_STEPS 18 /* more than log2 of the records that fit into a chunk */

/* --- the interval tables --- */

struct search {
	struct sbx_chunk *chunk;
	struct sbx_scratch *sc;
	__u64 hi, lo; /* the key */
	__u32 off;    /* of the first record, in 8-byte words */
	__u32 kind;   /* 0: struct sbx_net4, 1: struct sbx_net6, 2: struct sbx_port */
};

static __always_inline __u64 search_word(struct search *s, __u32 word)
{
	sbx_opaque(word);
	return s->chunk->dword[word & (SBX_CHUNK_BYTES / 8 - 1)];
}

/* Is the record's start at most the key? */
static __always_inline bool search_below(struct search *s, __u32 record)
{
	__u64 hi;

	if (s->kind != 1)
		return (__u32)search_word(s, s->off + record) <= (__u32)s->lo;
	hi = search_word(s, s->off + record * 3);
	return hi < s->hi || (hi == s->hi && search_word(s, s->off + record * 3 + 1) <= s->lo);
}

static long search_step(__u32 i, struct search *s)
{
	struct sbx_cursor *at = &s->sc->at; /* level, len: lower and upper bound */
	__u32 mid;

	if (at->level + 1 >= at->len)
		return 1;
	mid = at->level + (at->len - at->level) / 2;
	if (search_below(s, mid))
		at->level = mid;
	else
		at->len = mid;
	return 0;
}

/* The last of `count` records whose start is at most the key (the first one starts at 0). */
static __always_inline __u32 search(struct search *s, __u32 byte_off, __u32 count)
{
	s->off = byte_off / 8;
	s->sc->at.level = 0;
	s->sc->at.len = count;
	bpf_loop(SBX_SEARCH_STEPS, search_step, s, 0);
	return s->sc->at.level;
}

static __always_inline int search_addr(struct search *s, struct sbx_net_dir *dir, void *image,
				       bool v6)
{
	struct sbx_sect sect = dir->v4;
	__u32 no, record;
	int i;

	if (v6) {
		sect = dir->v6[0];
		for (i = 1; i < SBX_NET6_SECTS; i++) {
			no = dir->v6[i].chunk;
			if (!dir->v6[i].count)
				break;
			s->chunk = bpf_map_lookup_elem(image, &no);
			s->off = dir->v6[i].off / 8;
			s->kind = 1;
			if (!s->chunk)
				return -1;
			if (search_below(s, 0))
				sect = dir->v6[i];
		}
	}
	s->kind = v6;
	no = sect.chunk;
	s->chunk = bpf_map_lookup_elem(image, &no);
	if (!s->chunk || !sect.count)
		return -1;
	record = search(s, sect.off, sect.count);
	return v6 ? (__u32)search_word(s, s->off + record * 3 + 2)
		  : search_word(s, s->off + record) >> 32;
}

/* What sandbox `id` says of scratch.peer: SBX_PORT_*, or -1, which denies. */
SBX_GLOBAL int net_verdict(__u64 id, __u32 direction)
{
	struct sbx_scratch *sc = sbx_scratch_get();
	__u32 zero = 0, no = SBX_SLOT_OF(id);
	struct search s = {.sc = sc};
	struct sbx_net_dir *dir;
	struct sbx_chunk *hdr;
	__u64 pset;
	void *image;
	int set;

	image = bpf_map_lookup_elem(&sbx_images, &no);
	hdr = image ? bpf_map_lookup_elem(image, &zero) : NULL;
	if (!hdr || !sc)
		return -1; /* fail closed */
	dir = &hdr->hdr.net[direction & (SBX_DIRS - 1)];
	s.hi = sc->peer.hi;
	s.lo = sc->peer.lo;
	set = search_addr(&s, dir, image, sc->peer.family == AF_INET6);
	no = dir->psets.chunk;
	s.chunk = bpf_map_lookup_elem(image, &no);
	if (set < 0 || (__u32)set >= dir->psets.count || !s.chunk)
		return -1; /* fail closed */
	pset = search_word(&s, dir->psets.off / 8 + set);
	no = dir->ports.chunk;
	s.chunk = bpf_map_lookup_elem(image, &no);
	if (!s.chunk || !(pset >> 32))
		return -1; /* fail closed */
	s.kind = 2;
	s.lo = (__u32)sc->peer.proto << 16 | sc->peer.port;
	no = search(&s, dir->ports.off + (__u32)pset * 8, pset >> 32);
	return search_word(&s, s.off + no) >> 32;
}

/* --- verdicts and reports --- */

static __always_inline void report_peer(struct sbx_peer *p)
{
	struct sbx_draft *dr = sbx_draft_get();

	if (!dr)
		return;
	dr->ev.family = p->family;
	dr->ev.port = p->port;
	dr->ev.proto = p->proto == SBX_PROTO_UDP ? IPPROTO_UDP : IPPROTO_TCP;
	dr->ev.socktype = p->type;
	__builtin_memcpy(dr->ev.addr, p->addr, sizeof(p->addr));
	dr->key.object = (p->hi * 0x9e3779b97f4a7c15ull ^ p->lo) * 0x9e3779b97f4a7c15ull +
			 ((__u64)p->family << 32 | (__u32)p->proto << 16 | p->port);
}

static long net_one(__u32 i, struct ask *a)
{
	__u64 id = a->l->id[SBX_EACH(i)];
	__u32 mode;
	int verdict;

	if (!sbx_alive(id))
		return 0;
	verdict = net_verdict(id, a->dir);
	if (verdict >= 0 && (verdict & SBX_PORT_ALLOW))
		return 0;
	mode = sbx_mode_of(id);
	sbx_report_begin(a->op, verdict < 0 ? SBX_WHY_INTERNAL : SBX_WHY_POLICY,
			 verdict < 0 ? -1 : (verdict >> SBX_PORT_RULE_SHIFT) - 1);
	report_peer(&a->sc->peer);
	sbx_report_commit(id, mode, verdict >= 0 && (verdict & SBX_PORT_QUIET));
	a->denied = mode != SBX_MODE_AUDIT;
	return a->denied;
}

/* The peer in scratch memory, judged by all sandboxes. EACCES, as Landlock and SELinux say. */
SBX_GLOBAL int judge_peer(struct sbx_label *l, __u32 op, __u32 direction)
{
	struct ask a = {.sc = sbx_scratch_get(), .l = l, .op = op, .dir = direction};

	if (!l || !a.sc)
		return -EACCES; /* fail closed */
	bpf_loop(SBX_MAX_NEST, net_one, &a, 0);
	return a.denied || (l->flags & SBX_LABEL_OVERFLOW) ? -EACCES : 0;
}

/* --- addresses --- */

union address {
	__u16 family;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static __always_inline void peer_v4(struct sbx_peer *p, const __u8 *a, bool target)
{
	__u32 n = (__u32)a[0] << 24 | a[1] << 16 | a[2] << 8 | a[3];

	if (!n && target) /* connecting to 0.0.0.0 reaches this host */
		n = 0x7f000001;
	p->family = AF_INET;
	p->hi = 0;
	p->lo = n;
	__builtin_memset(p->addr, 0, sizeof(p->addr));
	p->addr[0] = n >> 24;
	p->addr[1] = n >> 16;
	p->addr[2] = n >> 8;
	p->addr[3] = n;
}

static __always_inline void peer_v6(struct sbx_peer *p, const __u8 *a, bool target)
{
	__u64 hi, lo;

	__builtin_memcpy(&hi, a, 8);
	__builtin_memcpy(&lo, a + 8, 8);
	hi = __builtin_bswap64(hi);
	lo = __builtin_bswap64(lo);
	if (!hi && lo >> 32 == 0xffff) { /* ::ffff:a.b.c.d */
		peer_v4(p, a + 12, target);
		return;
	}
	if (!hi && !lo && target) /* connecting to :: reaches this host */
		lo = 1;
	p->family = AF_INET6;
	p->hi = hi;
	p->lo = lo;
	__builtin_memcpy(p->addr, a, 8);
	lo = __builtin_bswap64(lo);
	__builtin_memcpy(p->addr + 8, &lo, 8);
}

/*
 * Reads a socket address that the kernel has copied already. AF_UNSPEC is an IPv4 address to bind()
 * and to sendmsg() on an IPv4 socket. Returns false for what is no IP address.
 */
static __noinline bool peer_read(struct sbx_scratch *sc, const void *addr, int len, bool target)
{
	union address a = {};

	if (!sc || !addr)
		return false;
	if (len > (int)sizeof(a))
		len = sizeof(a);
	if (len < (int)sizeof(a.family))
		return false;
	sbx_opaque(len);
	if (bpf_probe_read_kernel(&a, len & 31, addr))
		return false;
	if (a.family == AF_INET6) {
		peer_v6(&sc->peer, a.in6.sin6_addr, target);
		sc->peer.port = __builtin_bswap16(a.in6.sin6_port);
		return true;
	}
	if (a.family != AF_INET && a.family != AF_UNSPEC)
		return false;
	peer_v4(&sc->peer, a.in.sin_addr, target);
	sc->peer.port = __builtin_bswap16(a.in.sin_port);
	return true;
}

static __always_inline __u16 read_family(const void *addr, int len)
{
	__u16 family = 0xffff;

	if (len >= (int)sizeof(family))
		bpf_probe_read_kernel(&family, sizeof(family), addr);
	return family;
}

/* Judges `addr` as seen from the socket. */
static __always_inline int check_peer(struct sock *sk, const void *addr, int len, __u32 op,
				      __u32 direction)
{
	struct sbx_label *l = sbx_subject();
	struct sbx_scratch *sc;

	if (!l)
		return -EACCES; /* fail closed */
	if (!sbx_bound(l))
		return 0;
	sc = sbx_scratch_get();
	if (!sc)
		return -EACCES; /* fail closed */
	sc->peer.type = sk->sk_type;
	sc->peer.proto = sk->sk_type == SOCK_DGRAM ? SBX_PROTO_UDP : SBX_PROTO_TCP;
	if (!peer_read(sc, addr, len, direction == SBX_DIR_CONNECT))
		return sbx_deny(l, op, SBX_WHY_FAMILY, -1, 0) ? -EACCES : 0;
	return judge_peer(l, op, direction);
}

static __always_inline bool is_ip(__u16 family)
{
	return family == AF_INET || family == AF_INET6;
}

/* --- making sockets --- */

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

static long family_one(__u32 i, struct ask *a)
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
	if (hdr && family == AF_NETLINK && protocol == NETLINK_ROUTE &&
	    (hdr->hdr.families & (1ull << AF_NETLINK)))
		return 0;
	mode = sbx_mode_of(id);
	sbx_report_begin(SBX_OP_SOCKET, SBX_WHY_FAMILY, -1);
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

/* SCTP, DCCP, UDP-Lite, MPTCP (whose subflows go to addresses that the peer announces), ICMP, raw
 * and packet sockets and all other families: EAFNOSUPPORT, as if the kernel had none. */
SEC("lsm/socket_create")
int BPF_PROG(sbx_socket_create, int family, int type, int protocol, int kern, int ret)
{
	struct ask a = {.dir = family, .both = type & SOCK_TYPE_MASK, .rights = protocol};

	if (ret || kern || sbx_outside())
		return ret;
	if (kind_known(family, type & SOCK_TYPE_MASK, protocol))
		return 0;
	a.l = sbx_subject();
	if (!a.l)
		return -EAFNOSUPPORT; /* fail closed */
	if (!sbx_bound(a.l))
		return 0;
	bpf_loop(SBX_MAX_NEST, family_one, &a, 0);
	return a.denied ? -EAFNOSUPPORT : 0;
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

/* --- naming peers --- */

SEC("lsm/socket_connect")
int BPF_PROG(sbx_socket_connect, struct socket *sock, struct sockaddr *address, int addrlen,
	     int ret)
{
	struct sock *sk;
	__u16 family;

	if (ret || sbx_outside())
		return ret;
	sk = sock->sk;
	if (!sk)
		return -EACCES; /* fail closed: never seen */
	family = sk->__sk_common.skc_family;
	if (family == AF_UNIX || family == AF_NETLINK)
		return 0; /* judged by the unix hooks; at creation */
	if (is_ip(family) && read_family(address, addrlen) == AF_UNSPEC)
		return 0; /* lets go of a peer */
	return sbx_verdict(check_peer(sk, address, addrlen, SBX_OP_CONNECT, SBX_DIR_CONNECT));
}

SEC("lsm/socket_bind")
int BPF_PROG(sbx_socket_bind, struct socket *sock, struct sockaddr *address, int addrlen, int ret)
{
	struct sock *sk;
	__u16 family;

	if (ret || sbx_outside())
		return ret;
	sk = sock->sk;
	if (!sk)
		return -EACCES; /* fail closed: never seen */
	family = sk->__sk_common.skc_family;
	if (family == AF_UNIX || family == AF_NETLINK)
		return 0; /* a name in a directory: path_mknod; at creation */
	return sbx_verdict(check_peer(sk, address, addrlen, SBX_OP_BIND, SBX_DIR_BIND));
}

/* listen() on an unbound socket binds it to every address, on a port that the kernel picks. */
SEC("lsm/socket_listen")
int BPF_PROG(sbx_socket_listen, struct socket *sock, int backlog, int ret)
{
	union address any = {};
	struct sock *sk;

	if (ret || sbx_outside())
		return ret;
	sk = sock->sk;
	if (!sk)
		return -EACCES; /* fail closed: never seen */
	any.family = sk->__sk_common.skc_family;
	if (!is_ip(any.family) || sk->__sk_common.skc_num)
		return 0;
	return sbx_verdict(check_peer(sk, &any, sizeof(any), SBX_OP_LISTEN, SBX_DIR_BIND));
}

struct cmsgs {
	__u64 at, end;
	__u32 bad;
	__u32 done;
};

/* struct cmsghdr of the kernel's own copy (____sys_sendmsg) */
static long cmsg_one(__u32 i, struct cmsgs *c)
{
	struct {
		__u64 len;
		__s32 level, type;
	} h;

	if (c->at + sizeof(h) > c->end) {
		c->done = 1;
		return 1;
	}
	if (bpf_probe_read_kernel(&h, sizeof(h), (void *)c->at) || h.len < sizeof(h)) {
		c->done = 1; /* the kernel refuses it, too */
		return 1;
	}
	if ((h.level == SOL_IP && h.type == IP_RETOPTS) ||
	    (h.level == SOL_IPV6 && (h.type == IPV6_RTHDR || h.type == IPV6_2292RTHDR))) {
		c->bad = 1;
		return 1;
	}
	c->at += (h.len + 7) & ~7ull;
	return 0;
}

/* Source routes and routing headers on a single message. More messages than anybody sends are
 * refused: fail closed. */
static __noinline int check_cmsgs(struct msghdr *msg)
{
	struct cmsgs c = {.at = (__u64)msg->msg_control};

	if (!c.at || !msg->msg_controllen)
		return 0;
	c.end = c.at + msg->msg_controllen;
	bpf_loop(SBX_MAX_CMSG, cmsg_one, &c, 0);
	return c.bad || !c.done ? sbx_forbid(SBX_OP_SOCKOPT, IP_RETOPTS) : 0;
}

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

SEC("lsm/socket_sendmsg")
int BPF_PROG(sbx_socket_sendmsg, struct socket *sock, struct msghdr *msg, int size, int ret)
{
	struct sock *sk;
	__u16 family;

	if (ret || sbx_outside())
		return ret;
	sk = sock->sk;
	if (!sk)
		return -EACCES; /* fail closed: never seen */
	family = sk->__sk_common.skc_family;
	if (family == AF_UNIX || family == AF_NETLINK)
		return 0; /* judged by the unix hooks; at creation */
	if (is_ip(family) && msg->msg_controllen) {
		ret = check_cmsgs(msg);
		if (ret)
			return sbx_verdict(ret);
	}
	if (!msg->msg_name)
		return 0;
	if (is_ip(family) && sk->sk_type == SOCK_STREAM && !(msg->msg_flags & MSG_FASTOPEN))
		return 0; /* TCP ignores the name */
	ret = check_peer(sk, msg->msg_name, msg->msg_namelen, SBX_OP_SEND, SBX_DIR_CONNECT);
	if (!ret && is_ip(family) && sends_several())
		ret = sbx_forbid(SBX_OP_SOCKOPT, NR_SENDMMSG);
	return sbx_verdict(ret);
}

SEC("lsm/socket_setsockopt")
int BPF_PROG(sbx_socket_setsockopt, struct socket *sock, int level, int optname, int ret)
{
	if (ret || sbx_outside())
		return ret;
	if ((level == SOL_IP && optname == IP_OPTIONS) ||
	    (level == SOL_IPV6 && (optname == IPV6_RTHDR || optname == IPV6_2292RTHDR ||
				   optname == IPV6_2292PKTOPTS || /* these may hold */
				   optname == IPV6_FLOWLABEL)))	  /* a routing header */
		return sbx_verdict(sbx_forbid(SBX_OP_SOCKOPT, level << 16 | optname));
	return 0;
}
