// SPDX-License-Identifier: MIT
/*
 * With `deny [write] /srv/<any name>/hooks/<all below>`, a symlink /srv/x to a directory of the
 * sandbox's own would hollow out the denial: whoever follows /srv/x/hooks from outside finds what
 * the sandbox put there. No rule tells x from the names beside it, so the rule for those (bpf/
 * path.bpf.c) does not see it. But the denial hangs on how deep x is: /srv/x/y/hooks may be
 * written.
 *
 * A directory d bars symlinks if there are such a path p and a directory g, anywhere below x, that
 * d/x/p may not be written and g/p may. x and g go by names that no rule mentions. With
 * `deny [write] /<any depth>/hooks/<all below>` there are none: a denial of that kind is met deeper
 * down as well. Whether x itself may be written does not count: of the names that have below them
 * what x has, some may be.
 *
 * What a rule opens again by a name of its own does not count either: somebody said that the
 * sandbox may write there, as elsewhere outside of d, and it would bar each symlink in a project to
 * open one file in it. Where nothing below x may be written, x is no directory of the sandbox's,
 * and nothing is hollowed out.
 *
 * This is a search over pairs of states, that of d/x/... and that of g/...; what one search finds
 * out about a pair holds for all that follow.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/barred.h"
#include "user/policy/intern.h"

#define MISSING(right) ((right) << SBX_RIGHT_BITS)
#define MAX_PAIRS      (1u << 21) /* looked at in all: beyond, directories bar symlinks */
#define NOBODY	       0xffffffffu

enum { UNKNOWN, CLEAN, DIRTY };

struct pair {
	uint32_t deep, flat; /* of d/x/..., of g/...; both within a name */
};

struct note {
	uint32_t from;	 /* the pair that it was reached from in the last search */
	uint32_t search; /* number of that */
	uint8_t found;
};

struct search {
	const struct sbx_minimal *m;
	const struct sbx_futures *f;
	struct sbx_intern seen;
	struct note *notes; /* by number in `seen` */
	uint32_t *queue;
	size_t room_notes, room_queue, n_queue, looked_at;
	uint32_t number; /* of this search */
	int rc;
};

static bool writes(const struct sbx_minimal *m, uint32_t s)
{
	return m->states[s].label & SBX_WRITE;
}

/* The pair and all that it was reached through. */
static void dirty(struct search *s, uint32_t id)
{
	for (; id != NOBODY; id = s->notes[id].from)
		s->notes[id].found = DIRTY;
}

/* Notes a pair. true: it leads past a denial. */
static bool meet(struct search *s, uint32_t deep, uint32_t flat, uint32_t from)
{
	struct pair p = {deep, flat};
	struct note *note;
	uint32_t id;
	int added;

	if (deep == flat || !(s->f->here[deep] & MISSING(SBX_WRITE)) ||
	    !(s->f->here[flat] & SBX_WRITE))
		return false;
	added = sbx_intern_add(&s->seen, &p, sizeof(p), &id);
	if (added < 0 || sbx_grow(&s->notes, &s->room_notes, id + 1, sizeof(*s->notes)) ||
	    sbx_grow(&s->queue, &s->room_queue, s->n_queue + 1, sizeof(*s->queue))) {
		s->rc = -ENOMEM;
		return true;
	}
	note = &s->notes[id];
	if (added)
		*note = (struct note){0};
	if (note->found == CLEAN || note->search == s->number)
		return false;
	note->search = s->number;
	note->from = from;
	s->queue[s->n_queue++] = id;
	if (note->found == DIRTY || (!writes(s->m, deep) && writes(s->m, flat)) ||
	    ++s->looked_at > MAX_PAIRS) {
		dirty(s, id);
		return true;
	}
	return false;
}

/* All names that go on from the two. */
static bool go_on(struct search *s, uint32_t deep, uint32_t flat, uint32_t from)
{
	uint32_t a[256], b[256];
	unsigned c, last = 0;

	sbx_minimal_steps(s->m, deep, a);
	sbx_minimal_steps(s->m, flat, b);
	for (c = 1; c < 256; c++) {
		if (c == '/' || (last && a[c] == a[last] && b[c] == b[last]))
			continue; /* most bytes lead to the same states */
		last = c;
		if (meet(s, a[c], b[c], from))
			return true;
	}
	return false;
}

/* From the two states behind a '/'. */
static bool leads_past(struct search *s, uint32_t deep, uint32_t flat)
{
	size_t i;

	s->number++;
	s->n_queue = 0;
	if (go_on(s, deep, flat, NOBODY))
		return true;
	for (i = 0; i < s->n_queue; i++) {
		struct pair p;
		size_t len;

		memcpy(&p, sbx_intern_get(&s->seen, s->queue[i], &len), sizeof(p));
		if (go_on(s, p.deep, p.flat, s->queue[i]) ||
		    go_on(s, sbx_minimal_step(s->m, p.deep, '/'),
			  sbx_minimal_step(s->m, p.flat, '/'), s->queue[i]))
			return true;
	}
	for (i = 0; i < s->n_queue; i++)
		s->notes[s->queue[i]].found = CLEAN;
	return false;
}

/* Of a length that no pattern of question marks is likely to have. */
uint32_t sbx_unmentioned(const struct sbx_minimal *m, uint32_t inside)
{
	static const char name[] = "\1\2\1\2\1\2\1\2\1\2\1\2\1\2\1\2\1\2\1\2\1\2\1";
	const char *c;

	for (c = name; *c; c++)
		inside = sbx_minimal_step(m, inside, *c);
	return inside;
}

/* `inside` is the state behind the directory's '/'. Deeper and deeper, the places where a symlink
 * may lead come to be the same. */
static bool bars_links(struct search *s, uint32_t inside)
{
	uint32_t below = sbx_minimal_step(s->m, sbx_unmentioned(s->m, inside), '/');
	uint32_t last = below, flat;
	unsigned depth;

	if (!(s->f->inside[below] & SBX_WRITE) || !(s->f->inside[below] & MISSING(SBX_WRITE)))
		return false;
	for (depth = 0; depth < SBX_MAX_DEPTH; depth++, last = flat) {
		flat = sbx_minimal_step(s->m, sbx_unmentioned(s->m, last), '/');
		if (flat == last)
			break;
		if (leads_past(s, below, flat))
			return true;
	}
	return false;
}

int sbx_barred_find(const struct sbx_minimal *m, const struct sbx_futures *f, bool *bars)
{
	struct search s = {.m = m, .f = f};
	uint8_t *known = calloc(m->n, 1); /* by the state behind the '/': 1, or 2 if it bars them */
	size_t i;

	s.rc = known ? 0 : -ENOMEM;
	for (i = 0; i < m->n && !s.rc; i++) {
		uint32_t inside = sbx_minimal_step(m, i, '/');

		if (!known[inside])
			known[inside] = 1 + bars_links(&s, inside);
		bars[i] = known[inside] == 2;
	}
	sbx_intern_free(&s.seen);
	free(s.notes);
	free(s.queue);
	free(known);
	return s.rc;
}
