// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/subset.h"

#define HEAD 2 /* words before the threads: flags, floor */

static bool dominated(struct sbx_rank rank, struct sbx_rank floor)
{
	int r;

	for (r = 0; r < SBX_RIGHTS; r++)
		if (rank.of[r] > floor.of[r])
			return false;
	return true;
}

/* Loops of the NFA stay within a few states: a handful of rounds reaches the fixed point. */
static void find_best(struct sbx_subset *s)
{
	const struct sbx_nfa *nfa = s->nfa;
	bool moved = true;
	uint32_t at;
	size_t i;

	while (moved) {
		moved = false;
		for (i = nfa->n; i-- > 0;) {
			const struct sbx_nfa_state *st = &nfa->states[i];
			struct sbx_rank b = s->best[i];

			for (at = st->tokens; at; at = nfa->links[at - 1].next)
				b = sbx_rank_max(b, s->marks[nfa->links[at - 1].to].rank);
			for (at = st->empty; at; at = nfa->links[at - 1].next)
				b = sbx_rank_max(b, s->best[nfa->links[at - 1].to]);
			for (at = st->edges; at; at = nfa->edges[at - 1].next)
				b = sbx_rank_max(b, s->best[nfa->edges[at - 1].to]);
			if (!dominated(b, s->best[i]))
				moved = true;
			s->best[i] = b;
		}
	}
}

/* Universes whose verdict is their rank alone need no thread: they are the floor. */
static bool is_floor(const struct sbx_subset *s, uint32_t state)
{
	const struct sbx_nfa_state *st = &s->nfa->states[state];

	return st->universe && s->marks && !s->marks[s->nfa->links[st->tokens - 1].to].protect;
}

/* The strongest rule that matches the path that ends in the set being built. */
static struct sbx_rank judge(const struct sbx_subset *s, const uint32_t *threads, size_t n)
{
	const struct sbx_nfa *nfa = s->nfa;
	struct sbx_rank rank = s->floor;
	size_t i, k;
	uint32_t at, ex;

	for (i = 0; i < n; i++)
		for (at = nfa->states[threads[i] >> SBX_GUARD_BITS].tokens; at;
		     at = nfa->links[at - 1].next) {
			const struct sbx_mark *m = &s->marks[nfa->links[at - 1].to];
			bool excepted = m->except;

			for (k = 0; m->protect && !excepted && k < n; k++)
				for (ex = nfa->states[threads[k] >> SBX_GUARD_BITS].tokens; ex;
				     ex = nfa->links[ex - 1].next) {
					const struct sbx_mark *x = &s->marks[nfa->links[ex - 1].to];

					excepted |= x->except && x->protect == m->protect;
				}
			if (!excepted)
				rank = sbx_rank_max(rank, m->rank);
		}
	return rank;
}

static int by_number(const void *va, const void *vb)
{
	uint32_t a = *(const uint32_t *)va, b = *(const uint32_t *)vb;

	return a < b ? -1 : a > b;
}

static void sort(uint32_t *v, size_t n)
{
	size_t i, k;

	if (n > 24) {
		qsort(v, n, sizeof(*v), by_number);
		return;
	}
	for (i = 1; i < n; i++) {
		uint32_t x = v[i];

		for (k = i; k > 0 && v[k - 1] > x; k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
}

static uint32_t fail(struct sbx_subset *s, int err)
{
	s->err = s->err ? s->err : err;
	return 0;
}

/* A new set's row and rank. */
static int make_room(struct sbx_subset *s, uint32_t set)
{
	size_t k = s->nfa->n_classes, i;

	if (sbx_grow(&s->next, &s->room_next, (set + 1) * k, sizeof(*s->next)) ||
	    sbx_grow(&s->rank, &s->room_rank, set + 1, sizeof(*s->rank)))
		return -ENOMEM;
	for (i = 0; i < k; i++)
		s->next[set * k + i] = SBX_SUBSET_NONE;
	return 0;
}

/* The number of the set that has been built. */
static uint32_t finish(struct sbx_subset *s, uint32_t flags)
{
	struct sbx_threads *b = &s->build;
	uint32_t floor = 0, set;
	size_t i, n = 0;
	int rc;

	if (s->err || b->err)
		return fail(s, -ENOMEM);
	if (sbx_grow(&s->words, &s->room_words, HEAD + b->n, sizeof(*s->words)))
		return fail(s, -ENOMEM);
	for (i = 0; s->marks && i < b->n; i++)
		if (is_floor(s, b->v[i] >> SBX_GUARD_BITS))
			s->floor = sbx_rank_max(s->floor, s->best[b->v[i] >> SBX_GUARD_BITS]);
	for (i = 0; i < b->n; i++)
		if (!s->marks || !dominated(s->best[b->v[i] >> SBX_GUARD_BITS], s->floor))
			s->words[HEAD + n++] = b->v[i];
	s->work += b->n + 1;
	sort(s->words + HEAD, n);
	if (sbx_intern_add(&s->floors, &s->floor, sizeof(s->floor), &floor) < 0)
		return fail(s, -ENOMEM);
	s->words[0] = n || floor ? flags : 0;
	s->words[1] = floor;
	rc = sbx_intern_add(&s->sets, s->words, (HEAD + n) * sizeof(*s->words), &set);
	if (rc < 0)
		return fail(s, -ENOMEM);
	if (rc == 0)
		return set;
	if (s->sets.n > s->max_sets || s->sets.used > SBX_SUBSET_BYTES || s->work > s->max_work)
		return fail(s, -E2BIG);
	if (make_room(s, set))
		return fail(s, -ENOMEM);
	if (s->marks)
		s->rank[set] = judge(s, s->words + HEAD, n);
	return set;
}

static const uint32_t *words_of(const struct sbx_subset *s, uint32_t set, size_t *n)
{
	const uint32_t *w = sbx_intern_get(&s->sets, set, n);

	*n /= sizeof(*w);
	return w;
}

static void begin(struct sbx_subset *s, uint32_t floor)
{
	size_t len;

	sbx_threads_clear(&s->build, s->nfa);
	memcpy(&s->floor, sbx_intern_get(&s->floors, floor, &len), sizeof(s->floor));
}

uint32_t sbx_subset_step(struct sbx_subset *s, uint32_t set, uint8_t class)
{
	size_t at = (size_t)set * s->nfa->n_classes + class, n, i;
	uint8_t byte = s->nfa->sample[class];
	const uint32_t *w;
	uint32_t to;

	if (s->err)
		return 0;
	if (s->next[at] != SBX_SUBSET_NONE)
		return s->next[at];
	w = words_of(s, set, &n);
	if (byte == '/' && (w[0] & SBX_SUBSET_SLASH)) {
		s->next[at] = 0; /* no name has an empty component */
		return 0;
	}
	begin(s, w[1]);
	for (i = HEAD; i < n; i++)
		s->work += sbx_threads_step(&s->build, s->nfa, w[i], byte);
	to = finish(s, byte == '/' ? SBX_SUBSET_SLASH : 0);
	s->next[at] = to;
	return to;
}

uint32_t sbx_subset_join(struct sbx_subset *s, uint32_t set, uint32_t node, struct sbx_rank floor,
			 bool slash)
{
	const uint32_t *w;
	size_t n, i;

	if (s->err)
		return 0;
	w = words_of(s, set, &n);
	begin(s, w[1]);
	s->floor = sbx_rank_max(s->floor, floor);
	for (i = HEAD; i < n; i++)
		sbx_threads_add(&s->build, s->nfa, w[i]);
	if (node != SBX_SUBSET_NONE)
		sbx_machine_inject(s->machine, node, &s->build);
	return finish(s, slash ? SBX_SUBSET_SLASH : 0);
}

bool sbx_subset_slash(const struct sbx_subset *s, uint32_t set)
{
	size_t n;

	return words_of(s, set, &n)[0] & SBX_SUBSET_SLASH;
}

const uint32_t *sbx_subset_threads(const struct sbx_subset *s, uint32_t set, size_t *n)
{
	const uint32_t *w = words_of(s, set, n);

	*n -= HEAD;
	return w + HEAD;
}

int sbx_subset_init(struct sbx_subset *s, const struct sbx_machine *m, const struct sbx_mark *marks)
{
	static const struct sbx_rank none;
	uint32_t id;

	memset(s, 0, sizeof(*s));
	s->machine = m;
	s->nfa = &m->nfa;
	s->marks = marks;
	s->max_sets = SBX_SUBSET_MAX;
	s->max_work = SBX_SUBSET_WORK;
	s->best = calloc(m->nfa.n + 1, sizeof(*s->best));
	if (!s->best || sbx_intern_add(&s->floors, &none, sizeof(none), &id) < 0)
		return -ENOMEM;
	if (marks)
		find_best(s);
	begin(s, 0);
	finish(s, 0);
	return s->err;
}

void sbx_subset_free(struct sbx_subset *s)
{
	free(s->best);
	free(s->next);
	free(s->rank);
	free(s->words);
	sbx_intern_free(&s->sets);
	sbx_intern_free(&s->floors);
	sbx_threads_free(&s->build);
	memset(s, 0, sizeof(*s));
}
