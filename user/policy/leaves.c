// SPDX-License-Identifier: MIT
/*
 * In most directories rules tell few names apart: `.env` below a project, nothing at all in
 * /usr/lib. For each directory: how such a name begins, and what holds for all others.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/leaves.h"

#define NO_LEAF 1 /* in of_inside */

/* States that names lead to within SBX_LEAF_HEAD bytes. (With `*.pem` there is one behind each.) */
#define MAX_NODES 256

int sbx_leaves_begin(struct sbx_leaves *l, const struct sbx_minimal *m,
		     const struct sbx_props *props)
{
	*l = (struct sbx_leaves){.m = m, .props = props};
	l->of_inside = calloc(m->n, sizeof(*l->of_inside));
	return l->of_inside ? 0 : -ENOMEM;
}

struct search {
	const struct sbx_leaves *l;
	struct sbx_leaf *leaf;
	uint32_t cls; /* of the names that no rule mentions */
	unsigned nodes;
};

static void set(__u64 *words, unsigned bit)
{
	words[bit / 64] |= 1ull << (bit % 64);
}

/* Notes the heads of names that are told apart and begin with the n bytes of `head`, which lead to
 * `state`. Where they are too many to be noted, all names pass. */
static void find_heads(struct search *s, uint32_t state, uint32_t head, unsigned n)
{
	const struct sbx_props *props = s->l->props;
	uint32_t to[256], next;
	unsigned b;

	if (++s->nodes > MAX_NODES) {
		memset(s->leaf->heads, ~0, sizeof(s->leaf->heads));
		return;
	}
	sbx_minimal_steps(s->l->m, state, to);
	for (b = 1; b < 256; b++) {
		bool ends = props->cls[to[b]] != s->cls; /* a name that is no more than this */

		if (b == '/' || (props->settled[to[b]] && !ends))
			continue;
		next = head | b << 8 * n;
		if (!n)
			set(s->leaf->bits, b);
		if (n + 1 == SBX_LEAF_HEAD || (n + 2 == SBX_LEAF_HEAD && ends))
			set(s->leaf->heads, SBX_LEAF_HASH(next));
		if (n + 1 < SBX_LEAF_HEAD && s->nodes <= MAX_NODES)
			find_heads(s, to[b], next, n + 1);
	}
}

/* The names that no rule mentions are like the one that begins with byte 1. */
static bool describe(const struct sbx_leaves *l, uint32_t inside, bool bars, struct sbx_leaf *leaf)
{
	const struct sbx_props *props = l->props;
	struct search s = {.l = l, .leaf = leaf};
	uint32_t like;

	memset(leaf, 0, sizeof(*leaf));
	like = sbx_minimal_step(l->m, inside, 1);
	if (!props->settled[like])
		return false;
	s.cls = props->cls[like];
	find_heads(&s, inside, 0, 0);
	leaf->bits[0] |= 1; /* 0 stands for a name that cannot be read */
	leaf->heads[0] |= 1;
	leaf->cls = props->cls[like];
	leaf->rights = l->m->states[like].label & SBX_RIGHTS_ALL;
	leaf->any = props->any[like];
	leaf->all = props->all[like];
	leaf->bars_links = bars;
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
	if (!describe(l, inside, l->props->bars[state], &leaf))
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
