/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * Who listens at a loopback address? `self` as a network target opens the ports at which the
 * sandbox's own processes listen, and only while they do.
 *
 * The kernel's table of listeners is read as a connecting socket's first packet will: the chain of
 * the address and that of the wildcard. Every listener in them on that port must have been made in
 * the sandbox's cgroup, whatever its address: then it does not matter which one the kernel picks.
 * Where nobody listens the connection is refused here as it would be there, so that nobody else
 * can take the port between our look and the packet. The chains may change while they are read; a
 * listener that comes that late is not seen, as it would not be if it came after the look.
 */
#ifndef SBX_BPF_SELF_H
#define SBX_BPF_SELF_H

#include "decide.h"

#define SBX_MAX_LISTENERS 256 /* in one chain */
#define JHASH_INITVAL	  0xdeadbeef

static __always_inline __u32 rol32(__u32 v, int n)
{
	return v << n | v >> (32 - n);
}

static __always_inline __u32 jhash_final(__u32 a, __u32 b, __u32 c)
{
	c ^= b;
	c -= rol32(b, 14);
	a ^= c;
	a -= rol32(c, 11);
	b ^= a;
	b -= rol32(a, 25);
	c ^= b;
	c -= rol32(b, 16);
	a ^= c;
	a -= rol32(c, 4);
	b ^= a;
	b -= rol32(a, 14);
	c ^= b;
	c -= rol32(b, 24);
	return c;
}

/* linux/jhash.h: jhash_1word(), and jhash2() of ::1 */
static __always_inline __u32 hash_v4(__u32 word, __u32 salt)
{
	__u32 init = salt + JHASH_INITVAL + 4;

	return jhash_final(word + init, init, init);
}

static __always_inline __u32 hash_one(__u32 salt)
{
	__u32 a = JHASH_INITVAL + 16 + salt, b = a, c = a;

	a -= c; /* the first three words are zero */
	a ^= rol32(c, 4);
	c += b;
	b -= a;
	b ^= rol32(a, 6);
	a += c;
	c -= b;
	c ^= rol32(b, 8);
	b += a;
	a -= c;
	a ^= rol32(c, 16);
	c += b;
	b -= a;
	b ^= rol32(a, 19);
	a += c;
	c -= b;
	c ^= rol32(b, 4);
	b += a;
	return jhash_final(a + __builtin_bswap32(1), b, c);
}

/* How deep the cgroup is, from 1, if the socket was made in it; else 0. */
static __always_inline __u32 made_in(__u64 sk, __u64 cgroup)
{
	__u64 cgrp = 0;
	int level = 0;
	struct member m = {.cgroup = cgroup};

	if (bpf_probe_read_kernel(
		    &cgrp, sizeof(cgrp),
		    (void *)(sk + bpf_core_field_offset(struct sock, sk_cgrp_data.cgroup))) ||
	    bpf_probe_read_kernel(&level, sizeof(level),
				  (void *)(cgrp + bpf_core_field_offset(struct cgroup, level))))
		return 0;
	m.base = cgrp + bpf_core_field_offset(struct cgroup, ancestors);
	bpf_loop((level + 1) & (SBX_MAX_CGROUP_LEVEL - 1), member_level, &m, 0);
	return m.found;
}

static long listener_one(__u32 i, struct ask *a)
{
	struct sbx_listeners *l = &a->sc->listeners;
	__u64 sk = l->node - bpf_core_field_offset(struct sock_common, skc_nulls_node), net = 0;
	__u16 port = 0;

	if (l->node & 1) /* the end */
		return 1;
	if (bpf_probe_read_kernel(
		    &port, sizeof(port),
		    (void *)(sk + bpf_core_field_offset(struct sock_common, skc_num))) ||
	    bpf_probe_read_kernel(
		    &net, sizeof(net),
		    (void *)(sk + bpf_core_field_offset(struct sock_common, skc_net.net))) ||
	    bpf_probe_read_kernel(&l->node, sizeof(l->node), (void *)l->node)) {
		l->others = 1; /* fail closed */
		return 1;
	}
	if (port != l->port || net != l->net)
		return 0;
	if (made_in(sk, l->cgroup))
		l->own = 1;
	else
		l->others = 1;
	return 0;
}

static __always_inline void listeners_in(struct ask *a, __u64 table, __u32 bucket)
{
	struct sbx_listeners *l = &a->sc->listeners;
	__u64 at = table + (__u64)bucket * bpf_core_type_size(struct inet_listen_hashbucket) +
		   bpf_core_field_offset(struct inet_listen_hashbucket, nulls_head);

	if (bpf_probe_read_kernel(&l->node, sizeof(l->node), (void *)at))
		l->others = 1; /* fail closed */
	else
		bpf_loop(SBX_MAX_LISTENERS, listener_one, a, 0);
	if (!(l->node & 1))
		l->others = 1; /* fail closed: there are more */
}

/*
 * `net` is the network namespace, `address` 0 for ::1, else IPv4. 1: one's own listen at the port,
 * and nobody else. 0: nobody does. Negative: somebody else does, or it cannot be told.
 */
SBX_GLOBAL int self_listens(__u64 net, __u32 address, __u32 port, __u64 id)
{
	struct ask a = {.sc = sbx_scratch_get()};
	struct sbx_listeners *l;
	struct sbx_slot *slot = sbx_slot_get(id);
	__u32 salt = 0, mask = 0, hash;
	__u64 info = 0, table = 0;

	if (!a.sc || slot->id != id ||
	    !bpf_core_field_exists(struct inet_listen_hashbucket, nulls_head))
		return -1; /* fail closed */
	l = &a.sc->listeners;
	l->net = net;
	l->port = port;
	l->cgroup = slot->cgroup_id;
	l->own = l->others = 0;
	if (bpf_probe_read_kernel(&salt, sizeof(salt),
				  (void *)(net + bpf_core_field_offset(struct net, hash_mix))) ||
	    bpf_probe_read_kernel(
		    &info, sizeof(info),
		    (void *)(net +
			     bpf_core_field_offset(struct net, ipv4.tcp_death_row.hashinfo))) ||
	    bpf_probe_read_kernel(
		    &mask, sizeof(mask),
		    (void *)(info + bpf_core_field_offset(struct inet_hashinfo, lhash2_mask))) ||
	    bpf_probe_read_kernel(
		    &table, sizeof(table),
		    (void *)(info + bpf_core_field_offset(struct inet_hashinfo, lhash2))))
		return -1; /* fail closed */
	hash = address ? hash_v4(__builtin_bswap32(address), salt) : hash_one(salt);
	listeners_in(&a, table, (hash ^ port) & mask);
	listeners_in(&a, table, (hash_v4(0, salt) ^ port) & mask);
	return l->others ? -1 : l->own != 0;
}

#endif
