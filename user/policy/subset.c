// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/subset.h"

#define HEAD 3 /* words before the threads: flags, floor, label of a free set */

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

static bool crosses(const struct sbx_subset *s, uint32_t state)
{
	const struct sbx_nfa *nfa = s->nfa;
	bool yes = s->traits[state] & SBX_CROSSES;
	uint32_t at;

	for (at = nfa->states[state].empty; at && !yes; at = nfa->links[at - 1].next)
		yes = s->traits[nfa->links[at - 1].to] & SBX_CROSSES;
	for (at = nfa->states[state].edges; at && !yes; at = nfa->edges[at - 1].next) {
		const struct sbx_nfa_edge *e = &nfa->edges[at - 1];

		yes = (e->lo <= '/' && e->hi >= '/') || (s->traits[e->to] & SBX_CROSSES);
	}
	return yes;
}

/* The rest of the component, whatever it is, matches a rule whose verdict is its rank alone. */
static bool fills(const struct sbx_subset *s, uint32_t state)
{
	const struct sbx_nfa *nfa = s->nfa;
	bool loop[2] = {false, false};
	uint32_t at;

	for (at = nfa->states[state].edges; at; at = nfa->edges[at - 1].next) {
		const struct sbx_nfa_edge *e = &nfa->edges[at - 1];

		if (e->to != state || e->guard)
			continue;
		loop[0] |= e->lo <= 1 && e->hi >= '/' - 1;
		loop[1] |= e->lo <= '/' + 1 && e->hi == 0xff;
	}
	for (at = nfa->states[state].tokens; at && loop[0] && loop[1]; at = nfa->links[at - 1].next)
		if (!s->marks[nfa->links[at - 1].to].protect)
			return true;
	return false;
}

static void find_traits(struct sbx_subset *s)
{
	bool moved = true;
	size_t i;

	while (moved) {
		moved = false;
		for (i = s->nfa->n; i-- > 0;)
			if (!(s->traits[i] & SBX_CROSSES) && crosses(s, i)) {
				s->traits[i] |= SBX_CROSSES;
				moved = true;
			}
	}
	for (i = 0; i < s->nfa->n; i++) {
		if (s->marks && fills(s, i))
			s->traits[i] |= SBX_FILLS;
		if (!s->nfa->states[i].edges)
			s->traits[i] |= SBX_ENDS;
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

/* What of the component is decided already: as the floor, but up to the next '/' only. */
static struct sbx_rank local_floor(const struct sbx_subset *s)
{
	struct sbx_rank rank = s->floor;
	size_t i;
	uint32_t at;

	for (i = 0; i < s->build.n; i++) {
		uint32_t state = s->build.v[i] >> SBX_GUARD_BITS;

		if (!(s->traits[state] & SBX_FILLS) || (s->build.v[i] & SBX_GUARD_MASK))
			continue;
		for (at = s->nfa->states[state].tokens; at; at = s->nfa->links[at - 1].next) {
			const struct sbx_mark *m = &s->marks[s->nfa->links[at - 1].to];

			if (!m->protect)
				rank = sbx_rank_max(rank, m->rank);
		}
	}
	return rank;
}

/*
 * Drops the threads that cannot change a verdict any more: those below the floor; those that end
 * with the component, below the local floor (the strongest that fills it stays: nothing lies above
 * it there); and, in free sets, those that end here, which the label tells.
 */
static size_t select_threads(struct sbx_subset *s, bool free_set)
{
	struct sbx_rank local = local_floor(s);
	size_t i, n = 0;

	for (i = 0; i < s->build.n; i++) {
		uint32_t state = s->build.v[i] >> SBX_GUARD_BITS;
		uint8_t traits = s->traits[state];

		if (dominated(s->best[state], s->floor) ||
		    (!(traits & (SBX_CROSSES | SBX_FILLS)) && dominated(s->best[state], local)) ||
		    (free_set && (traits & SBX_ENDS)))
			continue;
		s->words[HEAD + n++] = s->build.v[i];
	}
	return n;
}

static void raise_floor(struct sbx_subset *s)
{
	size_t i;

	for (i = 0; i < s->build.n; i++)
		if (is_floor(s, s->build.v[i] >> SBX_GUARD_BITS))
			s->floor = sbx_rank_max(s->floor, s->best[s->build.v[i] >> SBX_GUARD_BITS]);
}

/* The number of the set that has been built. */
static uint32_t finish(struct sbx_subset *s, uint32_t flags)
{
	struct sbx_threads *b = &s->build;
	struct sbx_rank rank = {{0}};
	uint32_t floor = 0, set;
	size_t n = b->n;
	int rc;

	if (s->err || b->err || sbx_grow(&s->words, &s->room_words, HEAD + n, sizeof(*s->words)))
		return fail(s, -ENOMEM);
	s->work += n + 1;
	s->words[2] = 0;
	if (s->marks) {
		raise_floor(s);
		rank = judge(s, b->v, n);
		if ((flags & SBX_SUBSET_FREE) && !(flags & SBX_SUBSET_SLASH))
			s->words[2] = sbx_rank_label(rank);
		n = select_threads(s, flags & SBX_SUBSET_FREE);
	} else if (n) {
		memcpy(s->words + HEAD, b->v, n * sizeof(*b->v));
	}
	sort(s->words + HEAD, n);
	if (sbx_intern_add(&s->floors, &s->floor, sizeof(s->floor), &floor) < 0)
		return fail(s, -ENOMEM);
	s->words[0] = n || floor || s->words[2] ? flags : flags & SBX_SUBSET_FREE;
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
	s->rank[set] = rank;
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
		to = w[0] & SBX_SUBSET_FREE ? SBX_SUBSET_DEAD : 0;
		s->next[at] = to; /* no name has an empty component */
		return to;
	}
	begin(s, w[1]);
	for (i = HEAD; i < n; i++)
		s->work += sbx_threads_step(&s->build, s->nfa, w[i], byte);
	to = finish(s, (w[0] & SBX_SUBSET_FREE) | (byte == '/' ? SBX_SUBSET_SLASH : 0));
	s->next[at] = to;
	return to;
}

uint32_t sbx_subset_join(struct sbx_subset *s, uint32_t set, uint32_t node, struct sbx_rank floor,
			 uint32_t flags)
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
	return finish(s, flags);
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
	s->traits = calloc(m->nfa.n + 1, sizeof(*s->traits));
	if (!s->best || !s->traits || sbx_intern_add(&s->floors, &none, sizeof(none), &id) < 0)
		return -ENOMEM;
	if (marks)
		find_best(s);
	find_traits(s);
	begin(s, 0);
	finish(s, 0);
	begin(s, 0);
	finish(s, SBX_SUBSET_FREE);
	return s->err;
}

void sbx_subset_free(struct sbx_subset *s)
{
	free(s->best);
	free(s->traits);
	free(s->next);
	free(s->rank);
	free(s->words);
	sbx_intern_free(&s->sets);
	sbx_intern_free(&s->floors);
	sbx_threads_free(&s->build);
	memset(s, 0, sizeof(*s));
}
