// SPDX-License-Identifier: MIT
/*
 * Rules painted over each other. The order is that of the policy, so that what is painted over is
 * what decided before: that is where a deny is seen to be reopened. Protects come first, and
 * nothing is painted over them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/netflat.h"

bool sbx_net_work(struct sbx_flat *f, size_t amount)
{
	f->full = "overlaps between rules";
	f->work += amount;
	return f->work <= SBX_FLAT_WORK;
}

static const struct sbx_net_rule *rule_of(const struct sbx_paint *x, int by)
{
	return &x->f->policy->net[SBX_RULE_OF(by)];
}

/* Whatever somebody else's listeners do: `self` says less, and leaves it alone. */
static bool is_open(const struct sbx_paint *x, int by)
{
	return by >= 0 && !(by & SBX_BY_SELF) && rule_of(x, by)->verb == SBX_ALLOW;
}

static void note_meeting(struct sbx_paint *x, int rule, int under, uint32_t key)
{
	const struct sbx_net_rule *r = rule_of(x, rule);
	struct sbx_net_notes *notes = x->f->notes;
	struct sbx_net_clash *c = &notes->clash[SBX_RULE_OF(rule)];

	under = SBX_RULE_OF(under);
	rule = SBX_RULE_OF(rule);
	if (under < 0 || under == rule)
		return;
	notes->shadow[under * SBX_DIRS + x->f->dir] = rule;
	if (r->verb != SBX_ALLOW || r->override || c->seen || rule_of(x, under)->verb != SBX_DENY)
		return;
	*c = (struct sbx_net_clash){
		.seen = true, .deny = under, .dir = x->f->dir, .family = x->family, .key = key};
	sbx_addr_bytes(x->family, x->at, c->addr);
}

static bool is_protect(const struct sbx_paint *x, int rule)
{
	return rule >= 0 && rule_of(x, rule)->verb == SBX_PROTECT;
}

/* Paints where no protect holds; `self` not over what is open to everybody. */
static int paint_ordinary(struct sbx_paint *x, int rule, struct sbx_keys k)
{
	struct sbx_portmap *m = &x->map;
	struct sbx_keys run = {k.lo, k.lo};
	bool open = false;
	size_t i;

	for (i = sbx_portmap_find(m, k.lo); i < m->n && m->v[i].start <= k.hi; i++) {
		uint32_t from = m->v[i].start > k.lo ? m->v[i].start : k.lo;

		if (is_protect(x, m->v[i].rule) ||
		    ((rule & SBX_BY_SELF) && is_open(x, m->v[i].rule))) {
			x->f->notes->shadow[SBX_RULE_OF(rule) * SBX_DIRS + x->f->dir] =
				m->v[i].rule;
			if (open && sbx_portmap_set(m, (struct sbx_keys){run.lo, from - 1}, rule))
				return -ENOMEM;
			if (open)
				i = sbx_portmap_find(m, from); /* set() has moved it */
			open = false;
			continue;
		}
		note_meeting(x, rule, m->v[i].rule, from);
		if (!open)
			run.lo = from;
		open = true;
	}
	return open ? sbx_portmap_set(m, (struct sbx_keys){run.lo, k.hi}, rule) : 0;
}

/* Paints the protect whose pieces are active[0…n): its endpoints without its exceptions. */
static int paint_protect(struct sbx_paint *x, const struct sbx_piece *pieces,
			 const uint32_t *active, size_t n)
{
	int rule = pieces[active[0]].rule, rc;
	size_t i, k;

	rc = sbx_portmap_clear(&x->scratch);
	for (i = 0; i < n && !rc; i++) {
		const struct sbx_piece *p = &pieces[active[i]];

		for (k = 0; k < p->n_keys && !rc; k++)
			rc = sbx_portmap_set(&x->scratch, p->keys[k],
					     p->except ? SBX_NO_RULE : rule);
	}
	for (k = 0; k < x->scratch.n && !rc; k++) {
		uint32_t lo = x->scratch.v[k].start;
		uint32_t hi = k + 1 < x->scratch.n ? x->scratch.v[k + 1].start - 1 : SBX_KEY_MAX;
		size_t j = sbx_portmap_find(&x->map, lo);

		if (x->scratch.v[k].rule != rule)
			continue;
		for (; j < x->map.n && x->map.v[j].start <= hi; j++)
			note_meeting(x, rule, x->map.v[j].rule, lo);
		rc = sbx_portmap_set(&x->map, (struct sbx_keys){lo, hi}, rule);
	}
	return rc;
}

/* The ports of the active pieces, in x->map. */
int sbx_net_paint(struct sbx_paint *x, const struct sbx_piece *pieces, const uint32_t *active,
		  size_t n)
{
	int rc = sbx_portmap_clear(&x->map);
	size_t i, end, k;

	for (i = 0; i < n && !rc; i = end) {
		const struct sbx_piece *p = &pieces[active[i]];

		for (end = i + 1; end < n; end++)
			if (pieces[active[end]].rule != p->rule)
				break;
		if (!sbx_net_work(x->f, (end - i) * (1 + x->map.n / 64)))
			return -E2BIG;
		if (is_protect(x, p->rule)) {
			rc = paint_protect(x, pieces, active + i, end - i);
			continue;
		}
		for (; i < end && !rc; i++) {
			p = &pieces[active[i]];
			for (k = 0; k < p->n_keys && !rc; k++)
				rc = paint_ordinary(x, p->rule | (p->self ? SBX_BY_SELF : 0),
						    p->keys[k]);
		}
	}
	for (i = 0; i < x->map.n && !rc; i++)
		if (x->map.v[i].rule >= 0)
			x->f->notes->decides[SBX_RULE_OF(x->map.v[i].rule)] |= 1u << x->f->dir;
	return rc;
}
