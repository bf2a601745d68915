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

/*
 * Runs the tails that begin above the end of a spelling along it. What is alive at its end goes on
 * behind the alias. A guard is dropped there: what follows is a '/' or nothing.
 */
static int derive(struct sbx_machine *m, const char *spelled, struct sbx_threads *a,
		  struct sbx_threads *b)
{
	size_t i, k, len = strlen(spelled);
	long g;

	sbx_threads_clear(a, &m->nfa);
	for (i = 0; i < len; i++) {
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
	if (a->err || b->err ||
	    sbx_grow(&m->derived, &m->room_derived, m->n_derived + a->n + 1, sizeof(*m->derived)))
		return -ENOMEM;
	for (k = 0; k < a->n; k++)
		m->derived[m->n_derived++] = a->v[k] & ~SBX_GUARD_MASK;
	return 0;
}

static int derive_all(struct sbx_machine *m)
{
	const struct sbx_spellings *s = &m->trie->spellings;
	struct sbx_threads a = {0}, b = {0};
	size_t i;
	int rc = 0;

	for (i = 0; i < s->n && !rc; i++) {
		m->derived_at[i] = m->n_derived;
		if (m->trie->n_groups)
			rc = derive(m, s->v[i].spelled, &a, &b);
	}
	m->derived_at[s->n] = m->n_derived;
	sbx_threads_free(&a);
	sbx_threads_free(&b);
	return rc;
}

int sbx_machine_build(struct sbx_machine *m, const struct sbx_trie *t, const uint32_t *token)
{
	int rc;

	memset(m, 0, sizeof(*m));
	m->trie = t;
	m->root = calloc(t->n_groups + 1, sizeof(*m->root));
	m->derived_at = calloc(t->spellings.n + 1, sizeof(*m->derived_at));
	if (!m->root || !m->derived_at)
		return -ENOMEM;
	sbx_nfa_state(&m->nfa); /* state 0 is where failures point: nothing starts there */
	rc = build_groups(m, token);
	if (!rc)
		rc = derive_all(m);
	if (!rc)
		sbx_nfa_classes(&m->nfa);
	return rc;
}

void sbx_machine_inject(const struct sbx_machine *m, uint32_t node, struct sbx_threads *out)
{
	const struct sbx_trie *t = m->trie;
	uint32_t i;
	size_t k;

	for (i = t->nodes[node].injects; i; i = t->injects[i - 1].next) {
		uint32_t index = t->injects[i - 1].index;

		if (!t->injects[i - 1].derived) {
			sbx_threads_add(out, &m->nfa, m->root[index] << SBX_GUARD_BITS);
			continue;
		}
		for (k = m->derived_at[index]; k < m->derived_at[index + 1]; k++)
			sbx_threads_add(out, &m->nfa, m->derived[k]);
	}
}

void sbx_machine_free(struct sbx_machine *m)
{
	free(m->root);
	free(m->derived);
	free(m->derived_at);
	sbx_nfa_free(&m->nfa);
	memset(m, 0, sizeof(*m));
}
