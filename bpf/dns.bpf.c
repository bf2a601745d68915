// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * DNS of sandboxes whose policy names domains goes to the forwarder of sbx-bpfd (design 1.5), and
 * what is for the proxy of a policy to its relay.
 *
 * socket_connect and socket_sendmsg judge first (peer.h, forwarder_serves): they let a query go to
 * port 53 only where these programs will see it, and note the sandbox at the socket. These are
 * attached to the sandbox's cgroup; they send the query to the forwarder, and give the client the
 * address that it asked in place of the forwarder's. Where no socket of the forwarder is found, the
 * query fails: names stop resolving when the daemon is dead.
 */
#include "common.h"

#define AF_INET	    2
#define AF_INET6    10
#define SOCK_STREAM 1
#define PASS	    1
#define FAIL	    0
#define MAPPED	    bpf_htonl(0xffff)

#define bpf_htons(x) __builtin_bswap16(x)
#define bpf_htonl(x) __builtin_bswap32(x)

static __always_inline struct sbx_resolver *resolver_of(struct sbx_asked *a)
{
	__u32 no = SBX_SLOT_OF(a->id);
	struct sbx_resolver *r = bpf_map_lookup_elem(&sbx_resolvers, &no);

	return r && r->id == a->id ? r : NULL;
}

/* Is it the forwarder's? */
static __always_inline bool marked(struct bpf_sock *sk, __u64 id)
{
	__u64 *mark = bpf_sk_storage_get(&sbx_forwarders, sk, 0, 0);

	return mark && *mark == id;
}

/* Does the forwarder listen at that port? Anybody could, once it is dead. */
static __always_inline bool listens(struct bpf_sock_addr *ctx, bool six, bool tcp, __u16 port,
				    __u64 id)
{
	struct bpf_sock_tuple t = {};
	__u32 size = six ? sizeof(t.ipv6) : sizeof(t.ipv4);
	struct bpf_sock *sk;
	bool ours;

	if (!port)
		return false;
	if (six) {
		t.ipv6.daddr[3] = t.ipv6.saddr[3] = bpf_htonl(1);
		t.ipv6.dport = bpf_htons(port);
	} else {
		t.ipv4.daddr = t.ipv4.saddr = bpf_htonl(SBX_FORWARDER4);
		t.ipv4.dport = bpf_htons(port);
	}
	if (tcp)
		sk = bpf_sk_lookup_tcp(ctx, &t, size, BPF_F_CURRENT_NETNS, 0);
	else
		sk = bpf_sk_lookup_udp(ctx, &t, size, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return false;
	ours = marked(sk, id);
	bpf_sk_release(sk);
	return ours;
}

/* The port of the forwarder for this query, or of the relay; 0: nobody listens. */
static __always_inline __u16 forwarder_port(struct bpf_sock_addr *ctx, struct sbx_asked *a,
					    bool six)
{
	struct sbx_resolver *r = resolver_of(a);
	bool via = ctx->user_port != bpf_htons(SBX_DNS_PORT);
	bool tcp = ctx->type == SOCK_STREAM;
	__u16 port;

	if (!r || (via && !tcp))
		return 0;
	if (six)
		port = via   ? r->port[SBX_VIA6]
		       : tcp ? r->port[SBX_DNS_TCP6]
			     : r->port[SBX_DNS_UDP6];
	else
		port = via   ? r->port[SBX_VIA4]
		       : tcp ? r->port[SBX_DNS_TCP4]
			     : r->port[SBX_DNS_UDP4];
	return listens(ctx, six, tcp, port, a->id) ? port : 0;
}

/* Bound to an interface other than lo, it would ask the neighbours (options.h). */
static __always_inline bool by_device(struct bpf_sock_addr *ctx)
{
	return ctx->sk && ctx->sk->bound_dev_if > LO_IFINDEX;
}

/* NULL: not one of ours. */
static __always_inline struct sbx_asked *asked_of(struct bpf_sock_addr *ctx)
{
	struct sbx_asked *a = ctx->sk ? bpf_sk_storage_get(&sbx_asked, ctx->sk, 0, 0) : NULL;
	struct sbx_slot *slot = a ? sbx_slot_get(a->id) : NULL;

	return slot && slot->id == a->id ? a : NULL;
}

/* Datagrams to other ports than name servers'. */
static __always_inline bool is_beside(struct bpf_sock_addr *ctx)
{
	return ctx->type != SOCK_STREAM && ctx->user_port != bpf_htons(SBX_DNS_PORT);
}

/* Is this what was let through to a proxy? A socket of which that was said once connects to nothing
 * else: what it was let through to cannot be told apart any more. */
static __always_inline bool is_proxy(struct bpf_sock_addr *ctx, struct sbx_asked *a,
				     const __u32 addr[4])
{
	__u64 hi = (__u64)bpf_htonl(addr[0]) << 32 | bpf_htonl(addr[1]);
	__u64 lo = (__u64)bpf_htonl(addr[2]) << 32 | bpf_htonl(addr[3]);

	return a->via_hi == hi && a->via_lo == lo && ctx->user_port == bpf_htons(a->via_port);
}

/* Does the forwarder listen at that port? Anybody may send from another one of its address. */
static __always_inline bool is_its_port(struct sbx_asked *a, __u32 port, bool six)
{
	struct sbx_resolver *r = resolver_of(a);

	if (!r)
		return false;
	return port == bpf_htons(r->port[six ? SBX_DNS_UDP6 : SBX_DNS_UDP4]) ||
	       port == bpf_htons(r->port[six ? SBX_DNS_TCP6 : SBX_DNS_TCP4]) ||
	       port == bpf_htons(r->port[six ? SBX_VIA6 : SBX_VIA4]);
}

/* One within the other, the inner one's program runs first: what the outer one's finds then is on
 * its way already. Nobody inside names that address (is_forwarder). */
static __always_inline bool is_redirected(struct bpf_sock_addr *ctx, struct sbx_asked *a,
					  const __u32 addr[4], bool six)
{
	bool ours = six ? !addr[0] && !addr[1] && !addr[2] && addr[3] == bpf_htonl(1)
			: addr[3] == bpf_htonl(SBX_FORWARDER4);

	return ours && is_its_port(a, ctx->user_port, six);
}

/* Returns what the program does. *port: where the forwarder or relay listens; 0: leave the address
 * as it is. */
static __always_inline int redirect(struct bpf_sock_addr *ctx, struct sbx_asked *a,
				    const __u32 addr[4], bool six, __u16 *port)
{
	*port = 0;
	if (!a)
		return PASS;
	if (ctx->user_port != bpf_htons(SBX_DNS_PORT)) {
		if (!a->via_port || is_redirected(ctx, a, addr, six))
			return PASS;
		if (!is_proxy(ctx, a, addr))
			return FAIL; /* fail closed */
	}
	*port = forwarder_port(ctx, a, six);
	if (!*port || by_device(ctx))
		return FAIL; /* fail closed: nobody answers */
	a->server[0] = addr[0];
	a->server[1] = addr[1];
	a->server[2] = addr[2];
	a->server[3] = addr[3];
	a->port = ctx->user_port;
	return PASS;
}

static __always_inline int redirect4(struct bpf_sock_addr *ctx)
{
	__u32 addr[4] = {0, 0, MAPPED, ctx->user_ip4};
	__u16 port;
	int ret;

	if (is_beside(ctx))
		return PASS;
	ret = redirect(ctx, asked_of(ctx), addr, false, &port);
	if (ret == FAIL || !port)
		return ret;
	ctx->user_ip4 = bpf_htonl(SBX_FORWARDER4);
	ctx->user_port = bpf_htons(port);
	return PASS;
}

static __always_inline bool is_mapped(struct bpf_sock_addr *ctx)
{
	return !ctx->user_ip6[0] && !ctx->user_ip6[1] && ctx->user_ip6[2] == MAPPED;
}

static __always_inline int redirect6(struct bpf_sock_addr *ctx)
{
	__u32 addr[4] = {ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]};
	bool mapped = is_mapped(ctx);
	__u16 port;
	int ret;

	if (is_beside(ctx))
		return PASS;
	ret = redirect(ctx, asked_of(ctx), addr, !mapped, &port);
	if (ret == FAIL || !port)
		return ret;
	ctx->user_ip6[0] = 0;
	ctx->user_ip6[1] = 0;
	ctx->user_ip6[2] = mapped ? MAPPED : 0;
	ctx->user_ip6[3] = mapped ? bpf_htonl(SBX_FORWARDER4) : bpf_htonl(1);
	ctx->user_port = bpf_htons(port);
	return PASS;
}

/* What the client is told of whom it talks to. */
static __always_inline int restore4(struct bpf_sock_addr *ctx)
{
	struct sbx_asked *a;

	if (ctx->user_ip4 != bpf_htonl(SBX_FORWARDER4))
		return PASS;
	a = asked_of(ctx);
	if (a && a->server[2] == MAPPED && is_its_port(a, ctx->user_port, false)) {
		ctx->user_ip4 = a->server[3];
		ctx->user_port = a->port;
	}
	return PASS;
}

static __always_inline bool from_forwarder6(struct bpf_sock_addr *ctx, struct sbx_asked *a)
{
	if (is_mapped(ctx))
		return ctx->user_ip6[3] == bpf_htonl(SBX_FORWARDER4) &&
		       is_its_port(a, ctx->user_port, false);
	return !ctx->user_ip6[0] && !ctx->user_ip6[1] && !ctx->user_ip6[2] &&
	       ctx->user_ip6[3] == bpf_htonl(1) && is_its_port(a, ctx->user_port, true);
}

static __always_inline int restore6(struct bpf_sock_addr *ctx)
{
	struct sbx_asked *a = asked_of(ctx);

	if (!a || !from_forwarder6(ctx, a))
		return PASS;
	ctx->user_ip6[0] = a->server[0];
	ctx->user_ip6[1] = a->server[1];
	ctx->user_ip6[2] = a->server[2];
	ctx->user_ip6[3] = a->server[3];
	ctx->user_port = a->port;
	return PASS;
}

SEC("cgroup/connect4")
int sbx_dns_connect4(struct bpf_sock_addr *ctx)
{
	return redirect4(ctx);
}

SEC("cgroup/connect6")
int sbx_dns_connect6(struct bpf_sock_addr *ctx)
{
	return redirect6(ctx);
}

SEC("cgroup/sendmsg4")
int sbx_dns_sendmsg4(struct bpf_sock_addr *ctx)
{
	return redirect4(ctx);
}

SEC("cgroup/sendmsg6")
int sbx_dns_sendmsg6(struct bpf_sock_addr *ctx)
{
	return redirect6(ctx);
}

SEC("cgroup/recvmsg4")
int sbx_dns_recvmsg4(struct bpf_sock_addr *ctx)
{
	return restore4(ctx);
}

SEC("cgroup/recvmsg6")
int sbx_dns_recvmsg6(struct bpf_sock_addr *ctx)
{
	return restore6(ctx);
}

SEC("cgroup/getpeername4")
int sbx_dns_getpeername4(struct bpf_sock_addr *ctx)
{
	return restore4(ctx);
}

SEC("cgroup/getpeername6")
int sbx_dns_getpeername6(struct bpf_sock_addr *ctx)
{
	return restore6(ctx);
}
