// SPDX-License-Identifier: MIT
/*
 * A sweep over the addresses. Between two edges the same pieces cover the address: their ports are
 * painted over each other, and the outcome is remembered by the set of pieces. So a rule with
 * 10,000 networks costs as little as one with two, as long as they have the same ports.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "user/policy/netflat.h"

struct edge {
	sbx_u128 at;
	uint32_t piece;
	bool ends;
};

struct sweep {
	struct sbx_paint paint;
	struct sbx_piece *pieces; /* protects first, weak to strong */
	size_t n_pieces, room_pieces;
	uint32_t *of_endpoint; /* endpoint, in the order of visit -> piece */
	size_t n_endpoints, room_endpoints;
	struct edge *edges;
	size_t n_edges, room_edges;
	uint32_t *active; /* pieces, ascending: the order of painting */
	size_t n_active;
	struct sbx_intern known; /* sets of active pieces */
	uint32_t *outcomes;	 /* set -> port set */
	size_t room_outcomes;
};

static int outcome(struct sweep *s, uint32_t *pset)
{
	uint32_t set;
	int rc;

	if (!sbx_net_work(s->paint.f, s->n_active / 64 + 1))
		return -E2BIG;
	rc = sbx_intern_add(&s->known, s->active, s->n_active * sizeof(*s->active), &set);
	if (!rc) {
		*pset = s->outcomes[set];
		return 0;
	}
	if (rc > 0)
		rc = sbx_net_paint(&s->paint, s->pieces, s->active, s->n_active);
	if (!rc)
		rc = sbx_portmap_intern(&s->paint.map, s->paint.f, pset);
	if (!rc)
		rc = sbx_grow(&s->outcomes, &s->room_outcomes, set + 1, sizeof(*s->outcomes));
	if (!rc)
		s->outcomes[set] = *pset;
	return rc;
}

/* --- the sweep ----------------------------------------------------------------------------------
 */

/* Returns the piece of this rule that has these keys; takes the keys over. */
static int piece_for(struct sweep *s, int rule, bool except, bool self, struct sbx_keys *keys,
		     size_t n, uint32_t *piece)
{
	size_t i;

	for (i = s->n_pieces; i-- > 0;) {
		const struct sbx_piece *p = &s->pieces[i];

		if (p->rule != rule || p->except != except)
			break;
		if (p->self != self || p->n_keys != n || memcmp(p->keys, keys, n * sizeof(*keys)))
			continue;
		free(keys);
		*piece = i;
		return 0;
	}
	if (sbx_grow(&s->pieces, &s->room_pieces, s->n_pieces + 1, sizeof(*s->pieces))) {
		free(keys);
		return -ENOMEM;
	}
	s->pieces[s->n_pieces] = (struct sbx_piece){
		.rule = rule, .except = except, .self = self, .keys = keys, .n_keys = n};
	*piece = s->n_pieces++;
	return 0;
}

static int add_edges(struct sweep *s, const struct sbx_endpoint *e, uint32_t piece)
{
	sbx_u128 max = sbx_addr_max(s->paint.family);
	struct sbx_spans spans = {0};
	size_t i;
	int rc;

	rc = sbx_endpoint_spans(e, s->paint.f->facts, s->paint.f->dir, s->paint.family, &spans);
	if (!rc)
		rc = sbx_grow(&s->edges, &s->room_edges, s->n_edges + 2 * spans.n + 1,
			      sizeof(*s->edges));
	for (i = 0; i < spans.n && !rc; i++) {
		sbx_u128 lo = spans.v[i].lo, hi = spans.v[i].hi;

		/* A connect to 0 is judged as one to the loopback: nothing is looked up there. */
		if (s->paint.f->dir == SBX_DIR_CONNECT && !lo)
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
		rc = sbx_endpoint_keys(&v[i], s->paint.f->facts, s->paint.f->dir, &keys, &n_keys);
		if (!rc)
			rc = sbx_grow(&s->of_endpoint, &s->room_endpoints, s->n_endpoints + 1,
				      sizeof(*s->of_endpoint));
		else
			return rc;
		if (rc) {
			free(keys);
			return rc;
		}
		rc = piece_for(s, rule, except, v[i].kind == SBX_HOST_SELF, keys, n_keys,
			       &s->of_endpoint[s->n_endpoints]);
		s->n_endpoints++;
	}
	return rc;
}

/* Protects first: painting never covers them. */
static int visit_rules(struct sweep *s, bool edges)
{
	const struct sbx_policy *p = s->paint.f->policy;
	int protects, rc = 0;
	size_t i;

	s->n_endpoints = 0;
	for (protects = 1; protects >= 0; protects--)
		for (i = 0; i < p->n_net && !rc; i++) {
			const struct sbx_net_rule *r = &p->net[i];

			if (!(r->rights & (1u << s->paint.f->dir)) ||
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
	struct sbx_piece *p = &s->pieces[e->piece];
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
		memmove(s->active + lo, s->active + lo + 1,
			(s->n_active - lo) * sizeof(*s->active));
	} else {
		memmove(s->active + lo + 1, s->active + lo,
			(s->n_active - lo) * sizeof(*s->active));
		s->active[lo] = e->piece;
		s->n_active++;
	}
}

static int emit(struct sweep *s, sbx_u128 at, uint32_t pset)
{
	struct sbx_net_table *t = s->paint.f->out;

	if (s->paint.family == AF_INET) {
		s->paint.f->full = "IPv4 intervals";
		if (t->n4 && t->v4[t->n4 - 1].pset == pset)
			return 0;
		if (t->n4 >= SBX_CHUNK_BYTES / sizeof(*t->v4))
			return -E2BIG;
		if (sbx_grow(&t->v4, &t->room4, t->n4 + 1, sizeof(*t->v4)))
			return -ENOMEM;
		t->v4[t->n4++] = (struct sbx_net4){(uint32_t)at, pset};
		return 0;
	}
	s->paint.f->full = "IPv6 intervals";
	if (t->n6 && t->v6[t->n6 - 1].pset == pset)
		return 0;
	if (t->n6 >= SBX_NET6_SECTS * (SBX_CHUNK_BYTES / sizeof(*t->v6)))
		return -E2BIG;
	if (sbx_grow(&t->v6, &t->room6, t->n6 + 1, sizeof(*t->v6)))
		return -ENOMEM;
	t->v6[t->n6++] =
		(struct sbx_net6){.hi = (uint64_t)(at >> 64), .lo = (uint64_t)at, .pset = pset};
	return 0;
}

static int sweep_family(struct sweep *s, int family)
{
	sbx_u128 first = s->paint.f->dir == SBX_DIR_CONNECT;
	uint32_t pset;
	size_t i, j = 0;
	int rc;

	s->paint.family = family;
	s->n_edges = s->n_active = 0;
	for (i = 0; i < s->n_pieces; i++)
		s->pieces[i].refs = 0;
	rc = visit_rules(s, true);
	if (rc)
		return rc;
	if (s->n_edges)
		qsort(s->edges, s->n_edges, sizeof(*s->edges), by_address);
	for (s->paint.at = first; !rc; s->paint.at = s->edges[j].at) {
		/* A start and an end of one piece may share an address: refs must not go below 0.
		 */
		for (i = j; i < s->n_edges && s->edges[i].at == s->paint.at; i++)
			if (!s->edges[i].ends)
				apply(s, &s->edges[i]);
		for (; j < i; j++)
			if (s->edges[j].ends)
				apply(s, &s->edges[j]);
		rc = outcome(s, &pset);
		if (!rc)
			rc = emit(s, s->paint.at == first ? 0 : s->paint.at, pset);
		if (j == s->n_edges)
			break;
	}
	return rc;
}

int sbx_net_flatten(struct sbx_flat *f)
{
	struct sweep s = {.paint = {.f = f}};
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
	sbx_portmap_free(&s.paint.map);
	sbx_portmap_free(&s.paint.scratch);
	sbx_intern_free(&s.known);
	free(s.outcomes);
	return rc;
}
