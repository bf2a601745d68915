// SPDX-License-Identifier: MIT
/*
 * First the free states, which may loop, are minimised for themselves. Nodes of the tree lead to
 * their children and to free states only: from the leaves up, a node is merged with any state that
 * has the same label and the same successors. Together that is exact.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/minimal.h"

uint32_t sbx_minimal_step(const struct sbx_minimal *m, uint32_t state, uint8_t byte)
{
	const struct sbx_min_state *s = &m->states[state];
	uint32_t i;

	for (i = s->first; i < s->first + s->n; i++)
		if (m->exceptions[i].byte == byte)
			return m->exceptions[i].to;
	return m->rows[(size_t)s->base * m->n_classes + m->class_of[byte]];
}

void sbx_minimal_steps(const struct sbx_minimal *m, uint32_t state, uint32_t to[256])
{
	const struct sbx_min_state *s = &m->states[state];
	unsigned b;
	uint32_t i;

	for (b = 1; b < 256; b++)
		to[b] = m->rows[(size_t)s->base * m->n_classes + m->class_of[b]];
	for (i = s->first; i < s->first + s->n; i++)
		to[m->exceptions[i].byte] = m->exceptions[i].to;
}

static int add_state(struct sbx_minimal *m, struct sbx_min_state s)
{
	if (sbx_grow(&m->states, &m->room, m->n + 1, sizeof(*m->states)))
		return -ENOMEM;
	m->states[m->n++] = s;
	return 0;
}

/* Rows in terms of blocks, one for each. */
static int write_rows(struct sbx_minimal *m, const struct sbx_product *p, const uint32_t *dense,
		      const uint32_t *block, uint8_t mask)
{
	unsigned k = m->n_classes, c;
	uint32_t b, *member = calloc(m->n_rows, sizeof(*member));
	size_t i;
	int rc = 0;

	m->rows = calloc(m->n_rows * k, sizeof(*m->rows));
	if (!m->rows || !member)
		rc = -ENOMEM;
	for (i = 0; i < p->n_reached && !rc; i++) {
		m->of_set[p->reached[i]] = block[i];
		member[block[i]] = i;
	}
	for (b = 0; b < m->n_rows && !rc; b++) {
		uint32_t set = p->reached[member[b]];

		for (c = 0; c < k; c++)
			m->rows[(size_t)b * k + c] =
				block[dense[p->subset.next[(size_t)set * k + c]]];
		rc = add_state(m, (struct sbx_min_state){
					  .base = b, .label = sbx_product_label(p, set) & mask});
	}
	free(member);
	return rc;
}

static int minimise_free(struct sbx_minimal *m, const struct sbx_product *p, uint8_t mask)
{
	unsigned k = m->n_classes, c;
	size_t n = p->n_reached, i, n_blocks = 0;
	uint32_t *dense = calloc(p->subset.sets.n, sizeof(*dense));
	uint32_t *next = calloc(n * k, sizeof(*next));
	uint32_t *block = calloc(n, sizeof(*block));
	uint32_t of_label[256] = {0};
	int rc = dense && next && block ? 0 : -ENOMEM;

	for (i = 0; i < n && !rc; i++)
		dense[p->reached[i]] = i;
	for (i = 0; i < n && !rc; i++) {
		uint8_t label = sbx_product_label(p, p->reached[i]) & mask;

		if (!of_label[label])
			of_label[label] = ++n_blocks;
		block[i] = of_label[label] - 1;
		for (c = 0; c < k; c++)
			next[i * k + c] = dense[p->subset.next[(size_t)p->reached[i] * k + c]];
	}
	if (!rc)
		rc = sbx_partition_refine(n, k, next, block, &n_blocks);
	m->n_rows = n_blocks;
	if (!rc)
		rc = write_rows(m, p, dense, block, mask);
	free(dense);
	free(next);
	free(block);
	return rc;
}

/* --- the tree --- */

/* States by label and successors. The hash is a sum over bytes: exceptions are corrections. */
struct merger {
	struct sbx_minimal *m;
	uint64_t *row_hash;
	uint32_t *slots; /* state + 1 */
	uint32_t *hash;	 /* by state */
	size_t n_slots;
};

static uint64_t part(unsigned byte, uint32_t to)
{
	return sbx_mix((uint64_t)byte << 32 | to);
}

static uint32_t row_step(const struct sbx_minimal *m, uint32_t base, unsigned byte)
{
	return m->rows[(size_t)base * m->n_classes + m->class_of[byte]];
}

static void expand(const struct sbx_minimal *m, const struct sbx_min_state *s, uint32_t *out)
{
	unsigned b;
	uint32_t i;

	for (b = 1; b < 256; b++)
		out[b] = row_step(m, s->base, b);
	for (i = s->first; i < s->first + s->n; i++)
		out[m->exceptions[i].byte] = m->exceptions[i].to;
}

static bool same(const struct sbx_minimal *m, const struct sbx_min_state *a,
		 const struct sbx_min_state *b)
{
	uint32_t ra[256], rb[256];

	if (a->label != b->label)
		return false;
	expand(m, a, ra);
	expand(m, b, rb);
	return !memcmp(ra + 1, rb + 1, 255 * sizeof(*ra));
}

static uint32_t hash_state(const struct merger *g, const struct sbx_min_state *s)
{
	uint64_t h = g->row_hash[s->base];
	uint32_t i;

	for (i = s->first; i < s->first + s->n; i++) {
		const struct sbx_exception *e = &g->m->exceptions[i];

		h += part(e->byte, e->to) - part(e->byte, row_step(g->m, s->base, e->byte));
	}
	return (uint32_t)sbx_mix(h + s->label);
}

static void put(struct merger *g, uint32_t hash, uint32_t state)
{
	size_t at;

	for (at = hash & (g->n_slots - 1); g->slots[at]; at = (at + 1) & (g->n_slots - 1))
		;
	g->slots[at] = state + 1;
	g->hash[state] = hash;
}

/* The state that is like `s`, added if there is none. */
static int merge(struct merger *g, const struct sbx_min_state *s, uint32_t *out)
{
	uint32_t h = hash_state(g, s);
	size_t at;

	for (at = h & (g->n_slots - 1); g->slots[at]; at = (at + 1) & (g->n_slots - 1)) {
		uint32_t other = g->slots[at] - 1;

		if (g->hash[other] != h || !same(g->m, &g->m->states[other], s))
			continue;
		g->m->n_exceptions = s->first;
		*out = other;
		return 0;
	}
	*out = g->m->n;
	if (add_state(g->m, *s))
		return -ENOMEM;
	g->slots[at] = *out + 1;
	g->hash[*out] = h;
	return 0;
}

static int merge_node(struct merger *g, const struct sbx_product *p, uint32_t node, uint8_t mask)
{
	struct sbx_minimal *m = g->m;
	struct sbx_min_state s = {.base = m->of_set[p->free[node]],
				  .first = m->n_exceptions,
				  .label = p->label[node] & mask};
	uint32_t c;

	for (c = p->trie.nodes[node].child; c; c = p->trie.nodes[c].sibling) {
		uint8_t byte = p->trie.nodes[c].byte;

		if (m->of_node[c] == row_step(m, s.base, byte))
			continue;
		if (sbx_grow(&m->exceptions, &m->room_exceptions, m->n_exceptions + 1,
			     sizeof(*m->exceptions)))
			return -ENOMEM;
		m->exceptions[m->n_exceptions++] =
			(struct sbx_exception){.to = m->of_node[c], .byte = byte};
		s.n++;
	}
	return merge(g, &s, &m->of_node[node]);
}

static int merge_tree(struct sbx_minimal *m, const struct sbx_product *p, uint8_t mask)
{
	struct merger g = {.m = m, .n_slots = 256};
	unsigned b;
	size_t i;
	int rc = 0;

	while (g.n_slots < 2 * (m->n + p->trie.n))
		g.n_slots *= 2;
	g.slots = calloc(g.n_slots, sizeof(*g.slots));
	g.hash = calloc(m->n + p->trie.n, sizeof(*g.hash));
	g.row_hash = calloc(m->n_rows, sizeof(*g.row_hash));
	if (!g.slots || !g.hash || !g.row_hash)
		rc = -ENOMEM;
	for (i = 0; i < m->n_rows && !rc; i++) {
		for (b = 1; b < 256; b++)
			g.row_hash[i] += part(b, row_step(m, i, b));
		put(&g, hash_state(&g, &m->states[i]), i);
	}
	for (i = p->trie.n; i-- > 0 && !rc;)
		rc = merge_node(&g, p, i, mask);
	free(g.slots);
	free(g.hash);
	free(g.row_hash);
	return rc;
}

int sbx_minimal_build(struct sbx_minimal *m, const struct sbx_product *p, uint8_t mask)
{
	int rc;

	memset(m, 0, sizeof(*m));
	m->n_classes = p->machine.nfa.n_classes;
	memcpy(m->class_of, p->machine.nfa.class_of, sizeof(m->class_of));
	m->of_node = calloc(p->trie.n, sizeof(*m->of_node));
	m->of_set = calloc(p->subset.sets.n, sizeof(*m->of_set));
	if (!m->of_node || !m->of_set)
		return -ENOMEM;
	rc = minimise_free(m, p, mask);
	return rc ? rc : merge_tree(m, p, mask);
}

void sbx_minimal_free(struct sbx_minimal *m)
{
	free(m->rows);
	free(m->states);
	free(m->exceptions);
	free(m->of_node);
	free(m->of_set);
	memset(m, 0, sizeof(*m));
}
