// SPDX-License-Identifier: MIT
/*
 * In most directories rules tell few names apart: `.env` below a project, nothing at all in
 * /usr/lib. For each directory: which first bytes begin such a name, and what holds for all others.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/leaves.h"

#define NO_LEAF 1 /* in of_inside */

int sbx_leaves_begin(struct sbx_leaves *l, const struct sbx_minimal *m,
		     const struct sbx_props *props)
{
	*l = (struct sbx_leaves){.m = m, .props = props};
	l->of_inside = calloc(m->n, sizeof(*l->of_inside));
	return l->of_inside ? 0 : -ENOMEM;
}

/* By byte: the state that a name beginning with it leads to from `s`. */
static void successors(const struct sbx_minimal *m, uint32_t s, uint32_t *to)
{
	const struct sbx_min_state *st = &m->states[s];
	unsigned b;
	uint32_t i;

	for (b = 1; b < 256; b++)
		to[b] = m->rows[(size_t)st->base * m->n_classes + m->class_of[b]];
	for (i = st->first; i < st->first + st->n; i++)
		to[m->exceptions[i].byte] = m->exceptions[i].to;
}

/* The names that no rule mentions are like the one that begins with byte 1. */
static bool describe(const struct sbx_leaves *l, uint32_t inside, struct sbx_leaf *leaf)
{
	const struct sbx_props *props = l->props;
	uint32_t to[256], like;
	unsigned b;

	memset(leaf, 0, sizeof(*leaf));
	successors(l->m, inside, to);
	like = to[1];
	if (!props->settled[like])
		return false;
	for (b = 1; b < 256; b++)
		if (b != '/' && (!props->settled[to[b]] || props->cls[to[b]] != props->cls[like]))
			leaf->bits[b / 64] |= 1ull << (b % 64);
	leaf->bits[0] |= 1; /* byte 0 stands for a name that cannot be read */
	leaf->cls = props->cls[like];
	leaf->rights = l->m->states[like].label & SBX_RIGHTS_ALL;
	leaf->any = props->any[like];
	leaf->all = props->all[like];
	return true;
}

int sbx_leaves_add(struct sbx_leaves *l, uint32_t state)
{
	uint32_t inside = sbx_minimal_step(l->m, state, '/'), id;
	uint16_t *found = &l->of_inside[inside];
	struct sbx_leaf leaf;

	if (*found)
		return *found - NO_LEAF;
	if (l->known.n == SBX_LEAF_MAX)
		return 0;
	*found = NO_LEAF;
	if (!describe(l, inside, &leaf))
		return 0;
	if (sbx_intern_add(&l->known, &leaf, sizeof(leaf), &id) < 0)
		return -ENOMEM;
	*found = NO_LEAF + id + 1;
	return id + 1;
}

void sbx_leaves_write(const struct sbx_leaves *l, struct sbx_leaf *out)
{
	size_t i, len;

	for (i = 0; i < l->known.n; i++)
		memcpy(&out[i], sbx_intern_get(&l->known, i, &len), sizeof(*out));
}

void sbx_leaves_free(struct sbx_leaves *l)
{
	sbx_intern_free(&l->known);
	free(l->of_inside);
	*l = (struct sbx_leaves){0};
}
