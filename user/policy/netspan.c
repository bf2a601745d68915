// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/netspan.h"

/*
 * What `internet` leaves out, besides the host's own addresses: everything that IANA lists as
 * special. Documentation and benchmark ranges are left out as well: nobody lives there, but
 * networks sometimes use them as if they were private.
 *
 * Of IPv6 only 2000::/3 is global at all. Within it, and beside it, lie the ranges that carry an
 * IPv4 address inside (6to4, Teredo, NAT64, IPv4-compatible): a gateway would unpack
 * 2002:0a00:0001:: into 10.0.0.1, so they are closed as a whole.
 */
static const struct prefix {
	int family;
	const char *addr;
	unsigned len;
} special[] = {
	{AF_INET, "0.0.0.0", 8},       /* "this network" */
	{AF_INET, "10.0.0.0", 8},      /* private */
	{AF_INET, "100.64.0.0", 10},   /* CGNAT; 100.100.100.200 is a metadata service */
	{AF_INET, "127.0.0.0", 8},     /* loopback */
	{AF_INET, "169.254.0.0", 16},  /* link-local; 169.254.169.254 is the metadata service */
	{AF_INET, "172.16.0.0", 12},   /* private */
	{AF_INET, "192.0.0.0", 24},    /* protocol assignments; 192.0.0.192 is a metadata service */
	{AF_INET, "192.0.2.0", 24},    /* documentation */
	{AF_INET, "192.88.99.0", 24},  /* 6to4 relays */
	{AF_INET, "192.168.0.0", 16},  /* private */
	{AF_INET, "198.18.0.0", 15},   /* benchmarks */
	{AF_INET, "198.51.100.0", 24}, /* documentation */
	{AF_INET, "203.0.113.0", 24},  /* documentation */
	{AF_INET, "168.63.129.16", 32}, /* Azure's wire server: metadata under a public address */
	{AF_INET, "224.0.0.0", 4},	/* multicast */
	{AF_INET, "240.0.0.0", 4},	/* reserved, and broadcast */
	{AF_INET6, "::", 3},		/* loopback, mapped, compatible, NAT64 64:ff9b::/96 */
	{AF_INET6, "2001::", 23},	/* protocol assignments, Teredo 2001::/32 among them */
	{AF_INET6, "2001:db8::", 32},	/* documentation */
	{AF_INET6, "2002::", 16},	/* 6to4 */
	{AF_INET6, "3fff::", 20},	/* documentation */
	{AF_INET6, "4000::", 2},	/* not assigned */
	{AF_INET6, "8000::", 1},	/* not assigned; local fc00::/7 (metadata fd00:ec2::254, */
	/* fd20:ce::254), link-local fe80::/10, multicast ff00::/8 */
};

#define N_SPECIAL (sizeof(special) / sizeof(special[0]))

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

int sbx_spans_add(struct sbx_spans *s, sbx_u128 lo, sbx_u128 hi)
{
	if (s->n == s->room) {
		size_t room = s->room ? s->room * 2 : 32;
		struct sbx_span *v = reallocarray(s->v, room, sizeof(*v));

		if (!v)
			return -ENOMEM;
		s->v = v;
		s->room = room;
	}
	s->v[s->n++] = (struct sbx_span){lo, hi};
	return 0;
}

void sbx_spans_free(struct sbx_spans *s)
{
	free(s->v);
	*s = (struct sbx_spans){0};
}

sbx_u128 sbx_addr_number(int family, const uint8_t *addr)
{
	size_t i, n = family == AF_INET ? 4 : 16;
	sbx_u128 x = 0;

	for (i = 0; i < n; i++)
		x = x << 8 | addr[i];
	return x;
}

void sbx_addr_bytes(int family, sbx_u128 number, uint8_t *addr)
{
	size_t i, n = family == AF_INET ? 4 : 16;

	for (i = n; i-- > 0; number >>= 8)
		addr[i] = (uint8_t)number;
}

sbx_u128 sbx_addr_max(int family)
{
	return family == AF_INET ? (sbx_u128)0xffffffffu : ~(sbx_u128)0;
}

static void loopback(int family, uint8_t *out)
{
	memset(out, 0, family == AF_INET ? 4 : 16);
	if (family == AF_INET)
		out[0] = 127;
	out[family == AF_INET ? 3 : 15] = 1;
}

int sbx_addr_canonical(int dir, int family, const uint8_t *in, uint8_t *out)
{
	if (family == AF_INET6 && !memcmp(in, mapped, sizeof(mapped))) {
		family = AF_INET;
		memmove(out, in + sizeof(mapped), 4);
	} else {
		memmove(out, in, family == AF_INET ? 4 : 16);
	}
	if (dir == SBX_DIR_CONNECT && !sbx_addr_number(family, out))
		loopback(family, out);
	return family;
}

bool sbx_endpoint_is_name(const struct sbx_endpoint *e)
{
	return e->kind == SBX_HOST_DOMAIN;
}

/* --- as spans --- */

static struct sbx_span prefix_span(int family, sbx_u128 base, unsigned len)
{
	unsigned bits = family == AF_INET ? 32 : 128;
	sbx_u128 host = len ? ((sbx_u128)1 << (bits - len)) - 1 : sbx_addr_max(family);

	return (struct sbx_span){base & ~host, (base & ~host) | host};
}

static int by_lo(const void *a, const void *b)
{
	const struct sbx_span *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

/* Appends everything of the family that is in none of `holes` (which are sorted here). */
static int add_complement(struct sbx_spans *holes, int family, struct sbx_spans *out)
{
	sbx_u128 at = 0, max = sbx_addr_max(family);
	size_t i;

	qsort(holes->v, holes->n, sizeof(*holes->v), by_lo);
	for (i = 0; i < holes->n; i++) {
		if (holes->v[i].lo > at && sbx_spans_add(out, at, holes->v[i].lo - 1))
			return -ENOMEM;
		if (holes->v[i].hi == max)
			return 0;
		if (holes->v[i].hi >= at)
			at = holes->v[i].hi + 1;
	}
	return sbx_spans_add(out, at, max);
}

static int add_internet(const struct sbx_facts *facts, int family, struct sbx_spans *out)
{
	struct sbx_spans holes = {0};
	uint8_t a[16];
	size_t i;
	int rc = 0;

	for (i = 0; i < N_SPECIAL && !rc; i++) {
		struct sbx_span s;

		if (special[i].family != family)
			continue;
		inet_pton(family, special[i].addr, a);
		s = prefix_span(family, sbx_addr_number(family, a), special[i].len);
		rc = sbx_spans_add(&holes, s.lo, s.hi);
	}
	for (i = 0; i < facts->n_own && !rc; i++) {
		sbx_u128 own;

		if (sbx_addr_canonical(SBX_DIR_BIND, facts->own[i].family, facts->own[i].addr, a) !=
		    family)
			continue;
		own = sbx_addr_number(family, a);
		rc = sbx_spans_add(&holes, own, own);
	}
	if (!rc)
		rc = add_complement(&holes, family, out);
	sbx_spans_free(&holes);
	return rc;
}

static int add_localhost(int family, struct sbx_spans *out)
{
	if (family == AF_INET6)
		return sbx_spans_add(out, 1, 1);
	return sbx_spans_add(out, 0x7f000000u, 0x7fffffffu);
}

static int add_here(const struct sbx_facts *facts, int family, struct sbx_spans *out)
{
	int rc = add_localhost(family, out);
	uint8_t a[16];
	size_t i;

	for (i = 0; i < facts->n_own && !rc; i++)
		if (sbx_addr_canonical(SBX_DIR_BIND, facts->own[i].family, facts->own[i].addr, a) ==
		    family)
			rc = sbx_spans_add(out, sbx_addr_number(family, a),
					   sbx_addr_number(family, a));
	return rc;
}

static int add_cidr(const struct sbx_endpoint *e, int dir, int family, struct sbx_spans *out)
{
	unsigned len = e->prefix_len, bits = e->family == AF_INET ? 32 : 128;
	uint8_t a[16] = {0};
	struct sbx_span s;
	int of = e->family;

	/* A network within ::ffff:0:0/96 is the IPv4 network that it maps: that is looked up. */
	if (of == AF_INET6 && len >= 96 && !memcmp(e->addr, mapped, sizeof(mapped))) {
		of = AF_INET;
		memcpy(a, e->addr + sizeof(mapped), 4);
		len -= 96;
		bits = 32;
	} else {
		memcpy(a, e->addr, of == AF_INET ? 4 : 16);
	}
	if (of != family)
		return 0;
	if (len == bits)
		sbx_addr_canonical(dir, of, a, a);
	s = prefix_span(of, sbx_addr_number(of, a), len);
	return sbx_spans_add(out, s.lo, s.hi);
}

int sbx_endpoint_spans(const struct sbx_endpoint *e, const struct sbx_facts *facts, int dir,
		       int family, struct sbx_spans *out)
{
	switch (e->kind) {
	case SBX_HOST_CIDR:
		return add_cidr(e, dir, family, out);
	case SBX_HOST_SELF: /* nobody binds to a listener */
		return dir == SBX_DIR_CONNECT ? add_localhost(family, out) : 0;
	case SBX_HOST_LOCALHOST:
		return add_localhost(family, out);
	case SBX_HOST_INTERNET:
		return add_internet(facts, family, out);
	case SBX_HOST_ANY:
		return sbx_spans_add(out, 0, sbx_addr_max(family));
	case SBX_HOST_HERE:
		return add_here(facts, family, out);
	case SBX_HOST_DOMAIN:
		break;
	}
	return 0;
}

int sbx_endpoint_keys(const struct sbx_endpoint *e, const struct sbx_facts *facts, int dir,
		      struct sbx_keys **out, size_t *n)
{
	struct sbx_keys *k = calloc(2 * (e->n_ports + 3), sizeof(*k));
	size_t i, m = 0;
	int proto;

	if (!k)
		return -ENOMEM;
	for (proto = SBX_PROTO_TCP; proto <= SBX_PROTO_UDP; proto++) {
		if (!(e->protos & (proto == SBX_PROTO_TCP ? SBX_PROTO_BIT_TCP : SBX_PROTO_BIT_UDP)))
			continue;
		if (!e->n_ports && !e->ephemeral)
			k[m++] = (struct sbx_keys){SBX_KEY(proto, 0), SBX_KEY(proto, 0xffff)};
		for (i = 0; i < e->n_ports; i++)
			k[m++] = (struct sbx_keys){SBX_KEY(proto, e->ports[i].first),
						   SBX_KEY(proto, e->ports[i].last)};
		if (!e->ephemeral)
			continue;
		k[m++] = (struct sbx_keys){SBX_KEY(proto, facts->ephemeral_first),
					   SBX_KEY(proto, facts->ephemeral_last)};
		/* bind to port 0 is a request for an ephemeral port */
		if (dir == SBX_DIR_BIND)
			k[m++] = (struct sbx_keys){SBX_KEY(proto, 0), SBX_KEY(proto, 0)};
	}
	*out = k;
	*n = m;
	return 0;
}

/* --- as questions ------------------------------------------------------------------------------
 */

static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned len)
{
	if (memcmp(a, b, len / 8))
		return false;
	return !(len % 8) || !((a[len / 8] ^ b[len / 8]) >> (8 - len % 8));
}

bool sbx_addr_special(int family, const uint8_t *addr)
{
	uint8_t a[16];
	size_t i;

	for (i = 0; i < N_SPECIAL; i++) {
		if (special[i].family != family)
			continue;
		inet_pton(family, special[i].addr, a);
		if (bits_equal(a, addr, special[i].len))
			return true;
	}
	return false;
}

static bool is_own(const struct sbx_facts *facts, int family, const uint8_t *addr)
{
	uint8_t a[16];
	size_t i;

	for (i = 0; i < facts->n_own; i++)
		if (sbx_addr_canonical(SBX_DIR_BIND, facts->own[i].family, facts->own[i].addr, a) ==
			    family &&
		    !memcmp(a, addr, family == AF_INET ? 4 : 16))
			return true;
	return false;
}

static bool is_loopback(int family, const uint8_t *addr)
{
	static const uint8_t one[16] = {[15] = 1};

	return family == AF_INET ? addr[0] == 127 : !memcmp(addr, one, 16);
}

static bool in_cidr(const struct sbx_endpoint *e, int dir, int family, const uint8_t *addr)
{
	bool whole = e->prefix_len == (e->family == AF_INET ? 32 : 128);
	uint8_t a[16];

	if (whole)
		return sbx_addr_canonical(dir, e->family, e->addr, a) == family &&
		       !memcmp(a, addr, family == AF_INET ? 4 : 16);
	if (e->family == AF_INET6 && e->prefix_len >= 96 &&
	    !memcmp(e->addr, mapped, sizeof(mapped)))
		return family == AF_INET && bits_equal(e->addr + 12, addr, e->prefix_len - 96);
	return family == e->family && bits_equal(e->addr, addr, e->prefix_len);
}

bool sbx_endpoint_covers(const struct sbx_endpoint *e, const struct sbx_facts *facts, int dir,
			 int family, const uint8_t *addr)
{
	switch (e->kind) {
	case SBX_HOST_CIDR:
		return in_cidr(e, dir, family, addr);
	case SBX_HOST_SELF:
		if (dir != SBX_DIR_CONNECT)
			return false;
		/* fallthrough */
	case SBX_HOST_LOCALHOST:
		return is_loopback(family, addr);
	case SBX_HOST_INTERNET:
		return !sbx_addr_special(family, addr) && !is_own(facts, family, addr);
	case SBX_HOST_ANY:
		return true;
	case SBX_HOST_HERE:
		return is_loopback(family, addr) || is_own(facts, family, addr);
	case SBX_HOST_DOMAIN:
		break;
	}
	return false;
}

bool sbx_endpoint_matches(const struct sbx_endpoint *e, const struct sbx_facts *facts, int dir,
			  int family, const uint8_t *addr, int proto, uint16_t port)
{
	uint8_t a[16];
	size_t i;

	if (!(e->protos & (proto == SBX_PROTO_TCP ? SBX_PROTO_BIT_TCP : SBX_PROTO_BIT_UDP)))
		return false;
	family = sbx_addr_canonical(dir, family, addr, a);
	if (!sbx_endpoint_covers(e, facts, dir, family, a))
		return false;
	if (!e->n_ports && !e->ephemeral)
		return true;
	for (i = 0; i < e->n_ports; i++)
		if (port >= e->ports[i].first && port <= e->ports[i].last)
			return true;
	if (!e->ephemeral)
		return false;
	return (port >= facts->ephemeral_first && port <= facts->ephemeral_last) ||
	       (dir == SBX_DIR_BIND && !port);
}

const struct sbx_endpoint *sbx_endpoints_find(const struct sbx_endpoint *v, size_t n,
					      const struct sbx_facts *facts, int dir, int family,
					      const uint8_t *addr, int proto, uint16_t port)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (sbx_endpoint_matches(&v[i], facts, dir, family, addr, proto, port))
			return &v[i];
	return NULL;
}
