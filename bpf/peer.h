/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * Peers: an address made canonical, what a sandbox says of it, and what is kept of that.
 *
 * Three ways, each for what the one before does not answer. What was granted to the same sandbox
 * for the same peer before is kept (quick_peer); the tables of its image are searched
 * (net_verdict); and every sandbox of the label is asked, one by one, with a report (judge_peer).
 * Only grants are kept, under the id of the image that gave them: ids are never used again, so
 * nothing expires.
 */
#ifndef SBX_BPF_PEER_H
#define SBX_BPF_PEER_H

#include "self.h"
#include "query.h"

#define AF_UNSPEC  0
#define AF_UNIX	   1
#define AF_INET6   10
#define AF_NETLINK 16

#define SOCK_STREAM    1
#define SOCK_DGRAM     2
#define SOCK_TYPE_MASK 0xf
#define IPPROTO_TCP    6
#define IPPROTO_UDP    17
#define IPPROTO_MPTCP  262

#define LOOPBACK 0x7f000001

static __always_inline __u16 peer_family(struct sbx_peer *p)
{
	return p->what >> SBX_PEER_FAMILY;
}

/* --- the interval tables --- */

#define SBX_SEARCH_STEPS 18 /* more than log2 of the records that fit into a chunk */

/* Where a word of the chunk is. Added to the number, the pointer need not be copied. */
static __always_inline void *table_at(struct sbx_chunk *c, __u32 word)
{
	__u64 at;

	sbx_opaque(word);
	at = (__u64)(word & (SBX_CHUNK_BYTES / 8 - 1)) << 3;
	asm volatile("%0 += %1" : "+r"(at) : "r"(c));
	return (void *)at;
}

static __always_inline __u64 table_word(struct sbx_chunk *c, __u32 word)
{
	return *(__u64 *)table_at(c, word);
}

/*
 * Of the n records at word `at`, the last one that begins at or before the key; the first one
 * begins at 0. Without branches that depend on what is found: the verifier would follow each of
 * them.
 */
static __always_inline __u32 search_word(struct sbx_chunk *c, __u32 at, __u32 n, __u32 key)
{
	__u64 above = ~(__u64)key, below; /* -key - 1 */
	__u32 half, i;

	SBX_UNROLLED
	for (i = 0; i < SBX_SEARCH_STEPS; i++) {
		sbx_opaque(n); /* two ends of a loop, not one that is both */
		if (n <= 1)
			break;
		half = n >> 1;
		below = *(__u32 *)table_at(c, at + half);
		below = (__u64)((__s64)(below + above) >> 63) & half;
		sbx_opaque(below);
		at += below;
		n -= half;
	}
	return at;
}

/* Does the record begin at or before the address? */
static __always_inline bool begins6(struct sbx_chunk *c, __u32 word, __u64 hi, __u64 lo)
{
	__u64 from = table_word(c, word);

	return from == hi ? table_word(c, word + 1) <= lo : from < hi;
}

/* The same of records of three words. (Two words cost more to compare without branches than with.)
 */
static __always_inline __u32 search_v6(struct sbx_chunk *c, __u32 at, __u32 n, __u64 hi, __u64 lo)
{
	__u32 half, to, i;

	SBX_UNROLLED
	for (i = 0; i < SBX_SEARCH_STEPS; i++) {
		sbx_opaque(n); /* two ends of a loop, not one that is both */
		if (n <= 1)
			break;
		half = n >> 1;
		to = at + half * 3;
		if (begins6(c, to, hi, lo))
			at = to;
		n -= half;
	}
	return at;
}

struct table {
	void *image;
	struct sbx_chunk *hdr;
	struct sbx_chunk *chunk; /* the last one that was asked for */
	__u32 no;
};

/* Most of a table is in one chunk. */
static __always_inline struct sbx_chunk *table_chunk(struct table *t, __u32 no)
{
	if (no != t->no) {
		t->no = no;
		t->chunk = bpf_map_lookup_elem(t->image, &no);
	}
	return t->chunk;
}

/* The port set of an address, or -1. */
static __always_inline int find_v4(struct table *t, struct sbx_net_dir *dir, struct sbx_peer *p)
{
	struct sbx_chunk *c = table_chunk(t, dir->v4.chunk);

	if (!c || !dir->v4.count)
		return -1;
	return table_word(c, search_word(c, dir->v4.off / 8, dir->v4.count, p->lo)) >> 32;
}

static __noinline int find_v6(struct table *t, struct sbx_net_dir *dir, struct sbx_peer *p)
{
	struct sbx_sect sect;
	struct sbx_chunk *c;
	__u64 hi, lo;
	int i;

	if (!t || !dir || !p)
		return -1;
	hi = p->hi;
	lo = p->lo;
	sect = dir->v6[0];
	for (i = 1; i < SBX_NET6_SECTS; i++) {
		if (!dir->v6[i].count)
			break;
		c = table_chunk(t, dir->v6[i].chunk);
		if (!c)
			return -1;
		if (begins6(c, dir->v6[i].off / 8, hi, lo))
			sect = dir->v6[i];
	}
	c = table_chunk(t, sect.chunk);
	if (!c || !sect.count)
		return -1;
	return (__u32)table_word(c, search_v6(c, sect.off / 8, sect.count, hi, lo) + 2);
}

/* The forwarder is asked through port 53 alone: another sandbox's names are not for us. */
static __always_inline bool is_forwarder(struct sbx_peer *p)
{
	__u16 port = p->what;

	if (peer_family(p) == AF_INET)
		return p->lo == SBX_FORWARDER4;
	return !p->hi && p->lo == 1 && bpf_map_lookup_elem(&sbx_ports6, &port);
}

/* An address that a name of the policy resolved to: opened for the ports of that name's rules. */
static __always_inline struct sbx_name *name_of(struct sbx_peer *p, __u64 image)
{
	struct sbx_name_key k = {.image = image, .hi = p->hi, .lo = p->lo};

	if (peer_family(p) == AF_INET)
		k.lo |= SBX_NAME_MAPPED;
	return bpf_map_lookup_elem(&sbx_names, &k);
}

SBX_GLOBAL int name_verdict(struct sbx_peer *p, __u64 image)
{
	struct sbx_name *found;
	__u32 key, i;

	if (!p)
		return 0;
	found = name_of(p, image);
	if (!found || found->until_ns <= bpf_ktime_get_boot_ns())
		return 0;
	key = p->what; /* protocol and port */
	if (found->via && key == found->via)
		return SBX_PORT_VIA;
	for (i = 0; i < SBX_NAME_PORTS; i++)
		if (i < found->n && key >= found->ports[i].first && key <= found->ports[i].last)
			return SBX_PORT_ALLOW | SBX_PORT_TIMED;
	return 0;
}

/* What a policy with domains says beyond its table: *verdict is what the table said. */
static __always_inline int domain_verdict(struct sbx_peer *p, __u64 image, int verdict)
{
	int named;

	if ((__u16)p->what == SBX_DNS_PORT)
		return SBX_PORT_DNS; /* whatever the rules say of the server */
	if (verdict & (SBX_PORT_ALLOW | SBX_PORT_SELF | SBX_PORT_VIA))
		return verdict;
	named = name_verdict(p, image);
	return named ? named : verdict;
}

/* What the image in slot `no` says of the peer: SBX_PORT_*, or -1, which denies. *image: its id. */
static __always_inline int table_verdict(__u32 no, struct sbx_peer *p, __u32 dir, __u64 *image)
{
	struct sbx_net_dir *d;
	struct table t = {};
	struct sbx_chunk *c;
	__u32 zero = 0, key, off;
	__u64 pset;
	int set;

	t.image = bpf_map_lookup_elem(&sbx_images, &no);
	t.hdr = t.image ? bpf_map_lookup_elem(t.image, &zero) : NULL;
	if (!t.hdr)
		return -1; /* fail closed */
	t.chunk = t.hdr;   /* no. 0 */
	*image = t.hdr->hdr.image_id;
	d = &t.hdr->hdr.net[dir & (SBX_DIRS - 1)];
	set = peer_family(p) == AF_INET6 ? find_v6(&t, d, p) : find_v4(&t, d, p);
	c = table_chunk(&t, d->psets.chunk);
	if (set < 0 || (__u32)set >= d->psets.count || !c)
		return -1; /* fail closed */
	pset = table_word(c, d->psets.off / 8 + set);
	c = table_chunk(&t, d->ports.chunk);
	if (!c || !(pset >> 32))
		return -1; /* fail closed */
	key = p->what;	   /* protocol and port */
	off = d->ports.off / 8 + (__u32)pset;
	set = table_word(c, search_word(c, off, pset >> 32, key)) >> 32;
	if (dir != SBX_DIR_CONNECT)
		return set;
	if (is_forwarder(p))
		return 0;
	return t.hdr->hdr.flags & SBX_IMG_DOMAINS ? domain_verdict(p, *image, set) : set;
}

SBX_GLOBAL int net_verdict(__u64 id, struct sbx_peer *p, __u32 direction)
{
	__u64 image;

	return p ? table_verdict(SBX_SLOT_OF(id), p, direction, &image) : -1;
}

/* --- what was granted before --- */

static __always_inline struct sbx_grant *grant_entry(struct sbx_peer *p, __u64 image)
{
	struct sbx_grant *grants = (struct sbx_grant *)sbx_grant_words;
	__u32 h = (__u32)p->lo + ((__u32)p->what << 7) + ((__u32)image << 3);

	h = (h * 0x9e3779b1u) >> (32 - SBX_GRANT_CACHE_SHIFT);
	grants += h;
	sbx_opaque(grants); /* as in who_entry() */
	return grants;
}

/* p->what with the direction */
static __always_inline bool grant_kept(struct sbx_peer *p, __u64 image)
{
	struct sbx_grant *e = grant_entry(p, image);
	__u64 version = *(volatile __u64 *)&e->version;

	sbx_barrier();
	if ((version & 1) || e->image != image || e->peer.lo != p->lo || e->peer.hi != p->hi ||
	    e->peer.what != p->what || (e->until && e->until < bpf_jiffies64()))
		return false;
	sbx_barrier();
	return *(volatile __u64 *)&e->version == version;
}

/*
 * Until when what a name opens may be kept, in jiffies, which cost less to read than the clock. How
 * long one lasts is not known here: ten milliseconds at most, so this errs on the short side. They
 * stand still while the machine sleeps, and names expire meanwhile: the clock is asked anew after a
 * hundred of them, so that a name is open for a second at most beyond such an end.
 */
#define JIFFY_NS     10000000
#define JIFFIES_KEPT 100

static __always_inline __u64 keep_until(struct sbx_peer *p, __u64 image)
{
	__u64 now = bpf_ktime_get_boot_ns(), left;
	struct sbx_name *found = name_of(p, image);

	if (!found || found->until_ns <= now)
		return 1; /* past */
	left = (found->until_ns - now) / JIFFY_NS;
	return bpf_jiffies64() + (left < JIFFIES_KEPT ? left : JIFFIES_KEPT);
}

/* Whoever finds the entry taken leaves it alone. */
static __always_inline void grant_keep(struct sbx_peer *p, __u64 image, __u64 until)
{
	struct sbx_grant *e = grant_entry(p, image);
	__u64 version = e->version;

	if ((version & 1) ||
	    __sync_val_compare_and_swap(&e->version, version, version + 1) != version)
		return;
	e->image = image;
	e->until = until;
	e->peer = *p;
	sbx_barrier();
	__sync_fetch_and_add(&e->version, 1);
}

/* Looks the peer up for the one sandbox in that slot, and keeps what it grants. */
SBX_GLOBAL int quick_search(struct sbx_peer *p, __u32 direction, __u32 no)
{
	__u64 image;
	int verdict;

	if (!p)
		return 0;
	verdict = table_verdict(no, p, direction, &image);
	if (verdict < 0 || !(verdict & SBX_PORT_ALLOW))
		return 0;
	grant_keep(p, image, verdict & SBX_PORT_TIMED ? keep_until(p, image) : 0);
	return 1;
}

/*
 * Allowed for sure by the only sandbox, which is in that slot? Whatever is not goes the long way,
 * which also writes the report. p->what gets the direction, and keeps it where the answer is no.
 */
static __always_inline bool quick_peer(struct sbx_slot *slot, struct sbx_peer *p, __u32 direction)
{
	p->what |= (__u64)(direction + 1) << SBX_PEER_DIRECTION;
	if (grant_kept(p, slot->image))
		return true;
	return quick_search(p, direction, SBX_SLOT_OF(slot->id));
}

/* --- the long way: every sandbox, with reports --- */

static __always_inline void report_peer(struct sbx_peer *p)
{
	__u64 hi = __builtin_bswap64(p->hi), lo = __builtin_bswap64(p->lo);
	__u32 four = __builtin_bswap32(p->lo);
	struct sbx_draft *dr = sbx_draft_get();

	if (!dr)
		return;
	dr->ev.family = peer_family(p);
	dr->ev.port = p->what;
	dr->ev.proto = p->what >> SBX_PEER_PROTO & SBX_PROTO_UDP ? IPPROTO_UDP : IPPROTO_TCP;
	dr->ev.socktype = p->what >> SBX_PEER_TYPE & 0xff;
	if (dr->ev.family == AF_INET6) {
		__builtin_memcpy(dr->ev.addr, &hi, 8);
		__builtin_memcpy(dr->ev.addr + 8, &lo, 8);
	} else {
		__builtin_memcpy(dr->ev.addr, &four, 4);
	}
	dr->key.object = (p->hi * 0x9e3779b97f4a7c15ull ^ p->lo) * 0x9e3779b97f4a7c15ull + p->what;
}

static long net_one(__u32 i, struct ask *a)
{
	__u64 id = a->l->id[SBX_EACH(i)];
	struct sbx_peer p = a->sc->peer;
	int verdict, found;
	__u32 mode;

	if (!sbx_alive(id))
		return 0;
	verdict = net_verdict(id, &p, a->dir);
	if (verdict >= 0 && (verdict & SBX_PORT_ALLOW))
		return 0;
	if (verdict >= 0 && (verdict & SBX_PORT_SERVED) && forwarder_serves(a->sc, a->object, id))
		return 0;
	mode = sbx_mode_of(id);
	if (verdict >= 0 && (verdict & SBX_PORT_SELF)) {
		found = self_listens(a->object, peer_family(&p) == AF_INET ? p.lo : 0,
				     (__u16)p.what, id);
		if (found >= 0) {
			a->both = !found;
			a->denied = !found && mode != SBX_MODE_AUDIT;
			return a->denied;
		}
	}
	sbx_report_begin(a->op,
			 verdict < 0		     ? SBX_WHY_INTERNAL
			 : verdict & SBX_PORT_SERVED ? SBX_WHY_NO_FORWARDER
						     : SBX_WHY_POLICY,
			 verdict < 0 ? -1 : (verdict >> SBX_PORT_RULE_SHIFT) - 1);
	report_peer(&p);
	sbx_report_commit(id, mode, verdict >= 0 && (verdict & SBX_PORT_QUIET));
	a->denied = mode != SBX_MODE_AUDIT;
	a->both = 0; /* whoever was asked before, in audit mode: this one denies */
	return a->denied;
}

/* The peer in scratch memory, judged by all sandboxes, from the network namespace `net`. EACCES, as
 * Landlock and SELinux say. */
SBX_GLOBAL int judge_peer(struct sbx_label *l, __u32 op, __u32 direction, __u64 net)
{
	struct ask a = {.sc = sbx_scratch_get(), .l = l, .op = op, .dir = direction, .object = net};

	if (!l || !a.sc)
		return -EACCES; /* fail closed */
	if (l->flags & SBX_LABEL_OVERFLOW)
		return sbx_overflow(l);
	bpf_loop(SBX_MAX_NEST, net_one, &a, 0);
	if (!a.denied)
		return 0;
	return a.both ? -ECONNREFUSED : -EACCES; /* nobody listens there */
}

#endif
