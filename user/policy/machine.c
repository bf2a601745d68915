// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/machine.h"

/* A group as bytes: its tails and tokens, without repetitions (entries are sorted by rule, so equal
 * ones need not be neighbours). */
struct recipe {
	uint8_t *v;
	size_t n, room;
};

static int describe(struct recipe *r, const struct sbx_trie *t, const struct sbx_group *g,
		    const uint32_t *token)
{
	uint32_t i;

	r->n = 0;
	for (i = g->first; i < g->first + g->n; i++) {
		size_t len = strlen(t->entries[i].tail) + 1;

		if (sbx_grow(&r->v, &r->room, r->n + len + 4, 1))
			return -ENOMEM;
		memcpy(r->v + r->n, &token[i], 4);
		memcpy(r->v + r->n + 4, t->entries[i].tail, len);
		r->n += len + 4;
	}
	return 0;
}

static int build_groups(struct sbx_machine *m, const uint32_t *token)
{
	const struct sbx_trie *t = m->trie;
	struct sbx_intern known = {0};
	struct recipe r = {0};
	uint32_t *roots = NULL, id;
	size_t g, i, room = 0;
	int rc = 0;

	for (g = 0; g < t->n_groups && !rc; g++) {
		rc = describe(&r, t, &t->groups[g], token);
		if (rc)
			break;
		rc = sbx_intern_add(&known, r.v, r.n, &id);
		if (rc < 0)
			break;
		if (rc > 0) {
			rc = sbx_grow(&roots, &room, known.n, sizeof(*roots));
			if (rc)
				break;
			roots[id] = sbx_nfa_state(&m->nfa);
			for (i = t->groups[g].first; i < t->groups[g].first + t->groups[g].n; i++)
				sbx_nfa_tail(&m->nfa, roots[id], t->entries[i].tail, token[i]);
			rc = m->nfa.err;
		}
		m->root[g] = roots[id];
	}
	free(roots);
	free(r.v);
	sbx_intern_free(&known);
	return rc;
}

/* Runs the tails that begin above the end of a spelling along it: *a is what is alive at its end.
 */
static void run(const struct sbx_machine *m, const char *spelled, struct sbx_threads *a,
		struct sbx_threads *b)
{
	size_t i, k, len = strlen(spelled);
	long g;

	sbx_threads_clear(a, &m->nfa);
	for (i = 0; i < len && !a->err; i++) {
		struct sbx_threads swap;

		if (spelled[i] == '/') {
			g = sbx_trie_group(m->trie, spelled, i);
			if (g >= 0)
				sbx_threads_add(a, &m->nfa, m->root[g] << SBX_GUARD_BITS);
		}
		sbx_threads_clear(b, &m->nfa);
		for (k = 0; k < a->n; k++)
			sbx_threads_step(b, &m->nfa, a->v[k], (uint8_t)spelled[i]);
		swap = *a;
		*a = *b;
		*b = swap;
	}
}

/*
 * A state that goes on as the threads do, at the end of the path or with a '/': an alias stands for
 * whole components. Their guards are satisfied there.
 */
static uint32_t go_on(struct sbx_nfa *nfa, const struct sbx_threads *t)
{
	uint32_t s = sbx_nfa_state(nfa), at;
	size_t i;

	for (i = 0; i < t->n && !nfa->err; i++) {
		const struct sbx_nfa_state *from = &nfa->states[t->v[i] >> SBX_GUARD_BITS];

		for (at = from->tokens; at; at = nfa->links[at - 1].next)
			sbx_nfa_token(nfa, s, nfa->links[at - 1].to);
		for (at = from->edges; at; at = nfa->edges[at - 1].next)
			if (nfa->edges[at - 1].lo <= '/' && nfa->edges[at - 1].hi >= '/')
				sbx_nfa_edge(nfa, s, nfa->edges[at - 1].to, '/', '/', 0);
	}
	return s;
}

static int by_number(const void *va, const void *vb)
{
	uint32_t a = *(const uint32_t *)va, b = *(const uint32_t *)vb;

	return a < b ? -1 : a > b;
}

/* Spellings that leave the same threads alive share a state. */
static int derive_all(struct sbx_machine *m)
{
	const struct sbx_spellings *s = m->trie->spellings;
	struct sbx_threads a = {0}, b = {0};
	struct sbx_intern known = {0};
	uint32_t *states = NULL, id;
	size_t i, room = 0;
	int rc = 0;

	for (i = 0; i < s->n && m->trie->n_groups && rc >= 0; i++) {
		run(m, s->v[i].spelled, &a, &b);
		rc = a.err ? a.err : b.err;
		if (rc || !a.n)
			continue;
		qsort(a.v, a.n, sizeof(*a.v), by_number);
		rc = sbx_intern_add(&known, a.v, a.n * sizeof(*a.v), &id);
		if (rc > 0 && sbx_grow(&states, &room, known.n, sizeof(*states)))
			rc = -ENOMEM;
		if (rc > 0)
			states[id] = go_on(&m->nfa, &a);
		if (rc >= 0)
			m->derived[i] = states[id];
		if (m->nfa.err)
			rc = m->nfa.err;
	}
	free(states);
	sbx_intern_free(&known);
	sbx_threads_free(&a);
	sbx_threads_free(&b);
	return rc < 0 ? rc : 0;
}

/* State 0, where nothing starts, keeps its number: it is the first of its class. */
static int merge(struct sbx_machine *m)
{
	uint32_t *class = calloc(m->nfa.n, sizeof(*class));
	size_t i;
	int rc = class ? sbx_nfa_merge(&m->nfa, class) : -ENOMEM;

	for (i = 0; i < m->trie->n_groups && !rc; i++)
		m->root[i] = class[m->root[i]];
	for (i = 0; i < m->trie->spellings->n && !rc; i++)
		m->derived[i] = class[m->derived[i]];
	free(class);
	return rc;
}

int sbx_machine_build(struct sbx_machine *m, const struct sbx_trie *t, const uint32_t *token)
{
	int rc;

	memset(m, 0, sizeof(*m));
	m->trie = t;
	m->root = calloc(t->n_groups + 1, sizeof(*m->root));
	m->derived = calloc(t->spellings->n + 1, sizeof(*m->derived));
	if (!m->root || !m->derived)
		return -ENOMEM;
	sbx_nfa_state(&m->nfa); /* state 0 is where failures point: nothing starts there */
	rc = build_groups(m, token);
	if (!rc)
		rc = derive_all(m);
	if (!rc)
		rc = merge(m);
	if (!rc)
		sbx_nfa_classes(&m->nfa);
	return rc;
}

void sbx_machine_inject(const struct sbx_machine *m, uint32_t node, struct sbx_threads *out)
{
	const struct sbx_trie *t = m->trie;
	uint32_t i;

	for (i = t->nodes[node].injects; i; i = t->injects[i - 1].next) {
		const struct sbx_tinject *in = &t->injects[i - 1];
		uint32_t state = in->derived ? m->derived[in->index] : m->root[in->index];

		if (state)
			sbx_threads_add(out, &m->nfa, state << SBX_GUARD_BITS);
	}
}

void sbx_machine_free(struct sbx_machine *m)
{
	free(m->root);
	free(m->derived);
	sbx_nfa_free(&m->nfa);
	memset(m, 0, sizeof(*m));
}
