// SPDX-License-Identifier: MIT
/*
 * A sweep over the addresses. Each (rule, set of ports) is a *piece*; endpoints of one rule with
 * the same ports are one piece, so a rule with 10,000 networks costs as little as one with two. Between
 * two edges the pieces that cover the address are the same: they are painted over each other, weak
 * to strong, and the outcome is remembered by the set of pieces.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "user/policy/netflat.h"

struct piece {
	int rule;
	bool except; /* takes away from a protect */
	struct sbx_keys *keys;
	size_t n_keys;
	uint32_t refs; /* endpoints of it that cover the address of the sweep */
};

struct edge {
	sbx_u128 at;
	uint32_t piece;
	bool ends;
};

/* An outcome: the set of pieces begins at pool[first]. */
struct outcome {
	uint32_t first, n, pset;
};

struct sweep {
	struct sbx_flat *f;
	int family;
	sbx_u128 at;
	struct piece *pieces; /* weak rules last within the protects, then the others */
	size_t n_pieces, room_pieces;
	uint32_t *of_endpoint; /* endpoint, in the order of visit -> piece */
	size_t n_endpoints, room_endpoints;
	struct edge *edges;
	size_t n_edges, room_edges;
	uint32_t *active; /* pieces, ascending: the order of painting */
	size_t n_active;
	struct sbx_portmap map, scratch;
	uint32_t *pool;
	size_t n_pool, room_pool;
	struct outcome *outcomes;
	size_t n_outcomes, room_outcomes;
	uint32_t *hash; /* of outcomes: index + 1 */
	size_t hash_size;
};

static int grow(void *vp, size_t *room, size_t need, size_t size)
{
	size_t n = *room ? *room : 64;
	void *v;

	if (need <= *room)
		return 0;
	while (n < need)
		n *= 2;
	memcpy(&v, vp, sizeof(v));
	v = reallocarray(v, n, size);
	if (!v)
		return -ENOMEM;
	memcpy(vp, &v, sizeof(v));
	*room = n;
	return 0;
}

static const struct sbx_net_rule *rule_of(const struct sweep *s, int rule)
{
	return &s->f->policy->net[rule];
}

static bool work(struct sweep *s, size_t amount)
{
	s->f->full = "overlaps between rules";
	s->f->work += amount;
	return s->f->work <= SBX_FLAT_WORK;
}

/* --- painting ---------------------------------------------------------------------------------- */

static void note_meeting(struct sweep *s, int rule, int under, uint32_t key)
{
	const struct sbx_net_rule *r = rule_of(s, rule);
	struct sbx_net_notes *notes = s->f->notes;
	struct sbx_net_clash *c = &notes->clash[rule];

	if (under < 0 || under == rule)
		return;
	notes->shadow[under * SBX_DIRS + s->f->dir] = rule;
	if (r->verb != SBX_ALLOW || r->override || c->seen || rule_of(s, under)->verb != SBX_DENY)
		return;
	*c = (struct sbx_net_clash){.seen = true, .deny = under, .dir = s->f->dir,
				    .family = s->family, .key = key};
	sbx_addr_bytes(s->family, s->at, c->addr);
}

static bool is_protect(const struct sweep *s, int rule)
{
	return rule >= 0 && rule_of(s, rule)->verb == SBX_PROTECT;
}

/* Paints where no protect holds. */
static int paint_ordinary(struct sweep *s, int rule, struct sbx_keys k)
{
	struct sbx_portmap *m = &s->map;
	struct sbx_keys run = {k.lo, k.lo};
	bool open = false;
	size_t i;

	for (i = sbx_portmap_find(m, k.lo); i < m->n && m->v[i].start <= k.hi; i++) {
		uint32_t from = m->v[i].start > k.lo ? m->v[i].start : k.lo;

		if (is_protect(s, m->v[i].rule)) {
			s->f->notes->shadow[rule * SBX_DIRS + s->f->dir] = m->v[i].rule;
			if (open && sbx_portmap_set(m, (struct sbx_keys){run.lo, from - 1}, rule))
				return -ENOMEM;
			if (open)
				i = sbx_portmap_find(m, from); /* set() has moved it */
			open = false;
			continue;
		}
		note_meeting(s, rule, m->v[i].rule, from);
		if (!open)
			run.lo = from;
		open = true;
	}
	return open ? sbx_portmap_set(m, (struct sbx_keys){run.lo, k.hi}, rule) : 0;
}

/* Paints the protect whose pieces are active[i…end): its endpoints without its exceptions. */
static int paint_protect(struct sweep *s, size_t i, size_t end)
{
	int rule = s->pieces[s->active[i]].rule, rc;
	size_t k;

	rc = sbx_portmap_clear(&s->scratch);
	for (; i < end && !rc; i++) {
		const struct piece *p = &s->pieces[s->active[i]];

		for (k = 0; k < p->n_keys && !rc; k++)
			rc = sbx_portmap_set(&s->scratch, p->keys[k], p->except ? SBX_NO_RULE : rule);
	}
	for (k = 0; k < s->scratch.n && !rc; k++) {
		uint32_t lo = s->scratch.v[k].start;
		uint32_t hi = k + 1 < s->scratch.n ? s->scratch.v[k + 1].start - 1 : SBX_KEY_MAX;
		size_t j = sbx_portmap_find(&s->map, lo);

		if (s->scratch.v[k].rule != rule)
			continue;
		for (; j < s->map.n && s->map.v[j].start <= hi; j++)
			note_meeting(s, rule, s->map.v[j].rule, lo);
		rc = sbx_portmap_set(&s->map, (struct sbx_keys){lo, hi}, rule);
	}
	return rc;
}

/* The ports of the active pieces, in s->map. */
static int paint(struct sweep *s)
{
	int rc = sbx_portmap_clear(&s->map);
	size_t i, end, k;

	for (i = 0; i < s->n_active && !rc; i = end) {
		const struct piece *p = &s->pieces[s->active[i]];

		for (end = i + 1; end < s->n_active; end++)
			if (s->pieces[s->active[end]].rule != p->rule)
				break;
		if (!work(s, (end - i) * (1 + s->map.n / 64)))
			return -E2BIG;
		if (is_protect(s, p->rule)) {
			rc = paint_protect(s, i, end);
			continue;
		}
		for (; i < end && !rc; i++) {
			p = &s->pieces[s->active[i]];
			for (k = 0; k < p->n_keys && !rc; k++)
				rc = paint_ordinary(s, p->rule, p->keys[k]);
		}
	}
	for (i = 0; i < s->map.n && !rc; i++)
		if (s->map.v[i].rule >= 0)
			s->f->notes->decides[s->map.v[i].rule] |= 1u << s->f->dir;
	return rc;
}

/* --- outcomes, by set of pieces ---------------------------------------------------------------- */

static uint64_t hash_set(const uint32_t *v, size_t n)
{
	uint64_t h = n + 1;
	size_t i;

	for (i = 0; i < n; i++) {
		h = (h ^ v[i]) * 0xff51afd7ed558ccdull;
		h ^= h >> 32;
	}
	return h;
}

static int rehash(struct sweep *s)
{
	size_t size = s->hash_size ? s->hash_size * 2 : 256, i, at;
	uint32_t *hash = calloc(size, sizeof(*hash));

	if (!hash)
		return -ENOMEM;
	for (i = 0; i < s->n_outcomes; i++) {
		at = hash_set(s->pool + s->outcomes[i].first, s->outcomes[i].n) & (size - 1);
		while (hash[at])
			at = (at + 1) & (size - 1);
		hash[at] = i + 1;
	}
	free(s->hash);
	s->hash = hash;
	s->hash_size = size;
	return 0;
}

static int outcome(struct sweep *s, uint32_t *pset)
{
	size_t at;
	int rc;

	if (!work(s, s->n_active / 64 + 1))
		return -E2BIG;
	if ((s->n_outcomes + 1) * 2 > s->hash_size && rehash(s))
		return -ENOMEM;
	at = hash_set(s->active, s->n_active) & (s->hash_size - 1);
	for (; s->hash[at]; at = (at + 1) & (s->hash_size - 1)) {
		const struct outcome *o = &s->outcomes[s->hash[at] - 1];

		if (o->n == s->n_active &&
		    !memcmp(s->pool + o->first, s->active, o->n * sizeof(*s->active))) {
			*pset = o->pset;
			return 0;
		}
	}
	rc = paint(s);
	if (!rc)
		rc = sbx_portmap_intern(&s->map, s->f, pset);
	if (rc)
		return rc;
	if (grow(&s->pool, &s->room_pool, s->n_pool + s->n_active + 1, sizeof(*s->pool)) ||
	    grow(&s->outcomes, &s->room_outcomes, s->n_outcomes + 1, sizeof(*s->outcomes)))
		return -ENOMEM;
	memcpy(s->pool + s->n_pool, s->active, s->n_active * sizeof(*s->active));
	s->outcomes[s->n_outcomes++] = (struct outcome){s->n_pool, s->n_active, *pset};
	s->n_pool += s->n_active;
	s->hash[at] = s->n_outcomes;
	return 0;
}

/* --- the sweep ---------------------------------------------------------------------------------- */

/* Returns the piece of this rule that has these keys; takes the keys over. */
static int piece_for(struct sweep *s, int rule, bool except, struct sbx_keys *keys, size_t n,
		     uint32_t *piece)
{
	size_t i;

	for (i = s->n_pieces; i-- > 0;) {
		const struct piece *p = &s->pieces[i];

		if (p->rule != rule || p->except != except)
			break;
		if (p->n_keys != n || memcmp(p->keys, keys, n * sizeof(*keys)))
			continue;
		free(keys);
		*piece = i;
		return 0;
	}
	if (grow(&s->pieces, &s->room_pieces, s->n_pieces + 1, sizeof(*s->pieces))) {
		free(keys);
		return -ENOMEM;
	}
	s->pieces[s->n_pieces] =
		(struct piece){.rule = rule, .except = except, .keys = keys, .n_keys = n};
	*piece = s->n_pieces++;
	return 0;
}

static int add_edges(struct sweep *s, const struct sbx_endpoint *e, uint32_t piece)
{
	sbx_u128 max = sbx_addr_max(s->family);
	struct sbx_spans spans = {0};
	size_t i;
	int rc;

	rc = sbx_endpoint_spans(e, s->f->facts, s->f->dir, s->family, &spans);
	if (!rc)
		rc = grow(&s->edges, &s->room_edges, s->n_edges + 2 * spans.n + 1,
			  sizeof(*s->edges));
	for (i = 0; i < spans.n && !rc; i++) {
		sbx_u128 lo = spans.v[i].lo, hi = spans.v[i].hi;

		/* A connect to 0 is judged as one to the loopback: nothing is looked up there. */
		if (s->f->dir == SBX_DIR_CONNECT && !lo)
			lo = 1;
		if (lo > hi)
			continue;
		s->edges[s->n_edges++] = (struct edge){lo, piece, false};
		if (hi < max)
			s->edges[s->n_edges++] = (struct edge){hi + 1, piece, true};
	}
	sbx_spans_free(&spans);
	return rc;
}

/* One visit of the endpoints finds their pieces, the following ones add edges. */
static int visit(struct sweep *s, const struct sbx_endpoint *v, size_t n, int rule, bool except,
		 bool edges)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < n && !rc; i++) {
		struct sbx_keys *keys;
		size_t n_keys;

		if (edges) {
			rc = add_edges(s, &v[i], s->of_endpoint[s->n_endpoints++]);
			continue;
		}
		rc = sbx_endpoint_keys(&v[i], s->f->facts, s->f->dir, &keys, &n_keys);
		if (!rc)
			rc = grow(&s->of_endpoint, &s->room_endpoints, s->n_endpoints + 1,
				  sizeof(*s->of_endpoint));
		else
			return rc;
		if (rc) {
			free(keys);
			return rc;
		}
		rc = piece_for(s, rule, except, keys, n_keys, &s->of_endpoint[s->n_endpoints]);
		s->n_endpoints++;
	}
	return rc;
}

/* Protects first: painting never covers them. */
static int visit_rules(struct sweep *s, bool edges)
{
	const struct sbx_policy *p = s->f->policy;
	int protects, rc = 0;
	size_t i;

	s->n_endpoints = 0;
	for (protects = 1; protects >= 0; protects--)
		for (i = 0; i < p->n_net && !rc; i++) {
			const struct sbx_net_rule *r = &p->net[i];

			if (!(r->rights & (1u << s->f->dir)) ||
			    (r->verb == SBX_PROTECT) != protects)
				continue;
			rc = visit(s, r->to, r->n_to, i, false, edges);
			if (!rc)
				rc = visit(s, r->except, r->n_except, i, true, edges);
		}
	return rc;
}

static int by_address(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

static void apply(struct sweep *s, const struct edge *e)
{
	struct piece *p = &s->pieces[e->piece];
	size_t lo = 0, hi = s->n_active;

	if (e->ends ? --p->refs : p->refs++)
		return;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (s->active[mid] < e->piece)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (e->ends) {
		s->n_active--;
		memmove(s->active + lo, s->active + lo + 1, (s->n_active - lo) * sizeof(*s->active));
	} else {
		memmove(s->active + lo + 1, s->active + lo, (s->n_active - lo) * sizeof(*s->active));
		s->active[lo] = e->piece;
		s->n_active++;
	}
}

static int emit(struct sweep *s, sbx_u128 at, uint32_t pset)
{
	struct sbx_net_table *t = s->f->out;

	if (s->family == AF_INET) {
		s->f->full = "IPv4 intervals";
		if (t->n4 && t->v4[t->n4 - 1].pset == pset)
			return 0;
		if (t->n4 >= SBX_CHUNK_BYTES / sizeof(*t->v4))
			return -E2BIG;
		if (grow(&t->v4, &t->room4, t->n4 + 1, sizeof(*t->v4)))
			return -ENOMEM;
		t->v4[t->n4++] = (struct sbx_net4){(uint32_t)at, pset};
		return 0;
	}
	s->f->full = "IPv6 intervals";
	if (t->n6 && t->v6[t->n6 - 1].pset == pset)
		return 0;
	if (t->n6 >= SBX_NET6_SECTS * (SBX_CHUNK_BYTES / sizeof(*t->v6)))
		return -E2BIG;
	if (grow(&t->v6, &t->room6, t->n6 + 1, sizeof(*t->v6)))
		return -ENOMEM;
	t->v6[t->n6++] = (struct sbx_net6){
		.hi = (uint64_t)(at >> 64), .lo = (uint64_t)at, .pset = pset};
	return 0;
}

static int sweep_family(struct sweep *s, int family)
{
	sbx_u128 first = s->f->dir == SBX_DIR_CONNECT;
	uint32_t pset;
	size_t i, j = 0;
	int rc;

	s->family = family;
	s->n_edges = s->n_active = 0;
	for (i = 0; i < s->n_pieces; i++)
		s->pieces[i].refs = 0;
	rc = visit_rules(s, true);
	if (rc)
		return rc;
	if (s->n_edges)
		qsort(s->edges, s->n_edges, sizeof(*s->edges), by_address);
	for (s->at = first; !rc; s->at = s->edges[j].at) {
		/* A start and an end of one piece may share an address: refs must not go below 0. */
		for (i = j; i < s->n_edges && s->edges[i].at == s->at; i++)
			if (!s->edges[i].ends)
				apply(s, &s->edges[i]);
		for (; j < i; j++)
			if (s->edges[j].ends)
				apply(s, &s->edges[j]);
		rc = outcome(s, &pset);
		if (!rc)
			rc = emit(s, s->at == first ? 0 : s->at, pset);
		if (j == s->n_edges)
			break;
	}
	return rc;
}

int sbx_net_flatten(struct sbx_flat *f)
{
	struct sweep s = {.f = f};
	size_t i;
	int rc;

	f->work = 0;
	rc = visit_rules(&s, false);
	if (!rc) {
		s.active = calloc(s.n_pieces + 1, sizeof(*s.active));
		rc = s.active ? 0 : -ENOMEM;
	}
	if (!rc)
		rc = sweep_family(&s, AF_INET);
	if (!rc)
		rc = sweep_family(&s, AF_INET6);
	for (i = 0; i < s.n_pieces; i++)
		free(s.pieces[i].keys);
	free(s.pieces);
	free(s.of_endpoint);
	free(s.edges);
	free(s.active);
	sbx_portmap_free(&s.map);
	sbx_portmap_free(&s.scratch);
	free(s.pool);
	free(s.outcomes);
	free(s.hash);
	return rc;
}
