// SPDX-License-Identifier: MIT
/*
 * States with the same tokens and the same moves to the same states are one (the coarsest
 * bisimulation): "/x1/" + "**" + "/a" and "/x2/" + "**" + "/a" end alike, and sets of threads
 * need not tell them apart.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/nfa.h"

#define STATES_MAX 200000 /* beyond, merging costs more than it saves */
#define ROUNDS_MAX 400

/* What a state does, in terms of the classes of the last round. */
struct signature {
	uint64_t *v;
	size_t n, room;
};

static int by_value(const void *va, const void *vb)
{
	uint64_t a = *(const uint64_t *)va, b = *(const uint64_t *)vb;

	return a < b ? -1 : a > b;
}

static int push(struct signature *s, uint64_t kind, uint64_t lo, uint64_t hi, uint64_t rest)
{
	if (sbx_grow(&s->v, &s->room, s->n + 1, sizeof(*s->v)))
		return -ENOMEM;
	s->v[s->n++] = kind << 60 | lo << 52 | hi << 44 | rest;
	return 0;
}

static int describe(struct signature *s, const struct sbx_nfa *nfa, uint32_t state,
		    const uint32_t *class)
{
	const struct sbx_nfa_state *st = &nfa->states[state];
	size_t i, n = 1;
	uint32_t at;
	int rc;

	s->n = 0;
	rc = push(s, 0, st->universe, 0, class[state]);
	for (at = st->tokens; at && !rc; at = nfa->links[at - 1].next)
		rc = push(s, 1, 0, 0, nfa->links[at - 1].to);
	for (at = st->empty; at && !rc; at = nfa->links[at - 1].next)
		rc = push(s, 2, 0, 0, class[nfa->links[at - 1].to]);
	for (at = st->edges; at && !rc; at = nfa->edges[at - 1].next) {
		const struct sbx_nfa_edge *e = &nfa->edges[at - 1];

		rc = push(s, 3, e->lo, e->hi, (uint64_t)e->guard << 32 | class[e->to]);
	}
	if (rc)
		return rc;
	qsort(s->v, s->n, sizeof(*s->v), by_value);
	for (i = 1; i < s->n; i++)
		if (s->v[i] != s->v[n - 1])
			s->v[n++] = s->v[i];
	s->n = n;
	return 0;
}

/* One round of refinement: 1 when some class was split, 0 when all is stable. */
static int refine(const struct sbx_nfa *nfa, uint32_t *class, uint32_t *next, size_t *n_classes)
{
	struct signature s = {0};
	struct sbx_intern known = {0};
	size_t i, n;
	int rc = 0;

	for (i = 0; i < nfa->n && rc >= 0; i++) {
		rc = describe(&s, nfa, i, class);
		if (!rc)
			rc = sbx_intern_add(&known, s.v, s.n * sizeof(*s.v), &next[i]);
	}
	n = known.n;
	sbx_intern_free(&known);
	free(s.v);
	if (rc < 0)
		return rc;
	memcpy(class, next, nfa->n * sizeof(*class));
	rc = n > *n_classes;
	*n_classes = n;
	return rc;
}

/* Rebuilds the automaton with one state for each class. */
static int rebuild(struct sbx_nfa *nfa, const uint32_t *class, size_t n_classes)
{
	struct sbx_nfa out = {0};
	bool *done = calloc(n_classes, sizeof(*done));
	uint32_t at;
	size_t i;

	for (i = 0; i < n_classes && done; i++)
		sbx_nfa_state(&out);
	for (i = 0; i < nfa->n && done && !out.err; i++) {
		const struct sbx_nfa_state *st = &nfa->states[i];
		uint32_t c = class[i];

		if (done[c])
			continue;
		done[c] = true;
		out.states[c].universe = st->universe;
		for (at = st->tokens; at; at = nfa->links[at - 1].next)
			sbx_nfa_token(&out, c, nfa->links[at - 1].to);
		for (at = st->empty; at; at = nfa->links[at - 1].next)
			sbx_nfa_empty(&out, c, class[nfa->links[at - 1].to]);
		for (at = st->edges; at; at = nfa->edges[at - 1].next)
			sbx_nfa_edge(&out, c, class[nfa->edges[at - 1].to], nfa -> edges[at - 1].lo,
				     nfa->edges[at - 1].hi, nfa->edges[at - 1].guard);
	}
	if (!done || out.err) {
		sbx_nfa_free(&out);
		free(done);
		return -ENOMEM;
	}
	free(done);
	sbx_nfa_free(nfa);
	*nfa = out;
	return 0;
}

int sbx_nfa_merge(struct sbx_nfa *nfa, uint32_t *class)
{
	uint32_t *next = calloc(nfa->n + 1, sizeof(*next));
	size_t i, n_classes = 1, rounds;
	int rc = next ? 1 : -ENOMEM;

	memset(class, 0, nfa->n * sizeof(*class));
	for (rounds = 0; rc > 0 && nfa->n <= STATES_MAX && rounds < ROUNDS_MAX; rounds++)
		rc = refine(nfa, class, next, &n_classes);
	free(next);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return rebuild(nfa, class, n_classes);
	for (i = 0; i < nfa->n; i++)
		class[i] = i; /* not stable: nothing may be merged */
	return 0;
}
