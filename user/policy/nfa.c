// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/glob.h"
#include "user/policy/nfa.h"

#define KEY_MAX (SBX_GLOB_LEN_MAX + 8)

uint32_t sbx_nfa_state(struct sbx_nfa *nfa)
{
	if (nfa->n >= SBX_NFA_MAX) {
		nfa->err = nfa->err ? nfa->err : -E2BIG;
		return 0;
	}
	if (sbx_grow(&nfa->states, &nfa->room, nfa->n + 1, sizeof(*nfa->states))) {
		nfa->err = -ENOMEM;
		return 0;
	}
	nfa->states[nfa->n] = (struct sbx_nfa_state){0};
	return nfa->n++;
}

void sbx_nfa_edge(struct sbx_nfa *nfa, uint32_t from, uint32_t to, uint8_t lo, uint8_t hi,
		  uint8_t guard)
{
	if (nfa->err ||
	    sbx_grow(&nfa->edges, &nfa->room_edges, nfa->n_edges + 1, sizeof(*nfa->edges))) {
		nfa->err = nfa->err ? nfa->err : -ENOMEM;
		return;
	}
	nfa->edges[nfa->n_edges++] = (struct sbx_nfa_edge){
		.to = to, .next = nfa->states[from].edges, .lo = lo, .hi = hi, .guard = guard};
	nfa->states[from].edges = nfa->n_edges;
}

static uint32_t add_link(struct sbx_nfa *nfa, uint32_t head, uint32_t to)
{
	uint32_t at;

	for (at = head; at; at = nfa->links[at - 1].next)
		if (nfa->links[at - 1].to == to)
			return head;
	if (nfa->err ||
	    sbx_grow(&nfa->links, &nfa->room_links, nfa->n_links + 1, sizeof(*nfa->links))) {
		nfa->err = nfa->err ? nfa->err : -ENOMEM;
		return head;
	}
	nfa->links[nfa->n_links++] = (struct sbx_nfa_link){.to = to, .next = head};
	return nfa->n_links;
}

void sbx_nfa_empty(struct sbx_nfa *nfa, uint32_t from, uint32_t to)
{
	uint32_t head;

	if (nfa->err || from == to)
		return;
	head = add_link(nfa, nfa->states[from].empty, to);
	nfa->states[from].empty = head;
}

void sbx_nfa_token(struct sbx_nfa *nfa, uint32_t state, uint32_t token)
{
	uint32_t head;

	if (nfa->err)
		return;
	head = add_link(nfa, nfa->states[state].tokens, token);
	nfa->states[state].tokens = head;
}

/* The state that element (kind, text) leads to from `at`; *is_new: it has to be connected. */
static uint32_t child(struct sbx_nfa *nfa, uint32_t at, char kind, const char *text, size_t len,
		      bool *is_new)
{
	uint8_t key[KEY_MAX];
	uint32_t id, s;
	int rc;

	*is_new = false;
	if (nfa->err)
		return 0;
	memcpy(key, &at, sizeof(at));
	key[4] = (uint8_t)kind;
	if (len)
		memcpy(key + 5, text, len);
	rc = sbx_intern_add(&nfa->memo, key, 5 + len, &id);
	if (rc < 0 || sbx_grow(&nfa->memo_to, &nfa->room_memo, nfa->memo.n, sizeof(uint32_t))) {
		nfa->err = -ENOMEM;
		return 0;
	}
	if (rc == 0)
		return nfa->memo_to[id];
	s = sbx_nfa_state(nfa);
	nfa->memo_to[id] = s;
	*is_new = true;
	return s;
}

static uint32_t add_byte(struct sbx_nfa *nfa, uint32_t at, uint8_t byte)
{
	bool is_new;
	uint32_t s = child(nfa, at, 'c', (const char *)&byte, 1, &is_new);

	if (is_new)
		sbx_nfa_edge(nfa, at, s, byte, byte, 0);
	return s;
}

/* Every byte of a component. */
static void add_inside(struct sbx_nfa *nfa, uint32_t from, uint32_t to)
{
	sbx_nfa_edge(nfa, from, to, 1, '/' - 1, 0);
	sbx_nfa_edge(nfa, from, to, '/' + 1, 0xff, 0);
}

/*
 * A run of `*` and `?`: the single ones first, which says the same and is simpler. The `*` may go
 * byte by byte where a character cannot begin within another one behind it; else by characters.
 */
static uint32_t add_run(struct sbx_nfa *nfa, uint32_t at, const char **pp, const char *end)
{
	struct sbx_glob g = {0};
	const char *p = *pp, *next;
	bool star = false, is_new, bytes;
	uint32_t s;

	for (; p < end; p = next) {
		next = sbx_glob_next(p, end, &g);
		if (g.kind != SBX_GLOB_ANY && g.kind != SBX_GLOB_STAR)
			break;
		star |= g.kind == SBX_GLOB_STAR;
		if (g.kind == SBX_GLOB_ANY) {
			s = child(nfa, at, '?', NULL, 0, &is_new);
			if (is_new)
				sbx_nfa_units(nfa, at, s, "", 0, true);
			at = s;
		}
	}
	*pp = p;
	if (!star)
		return at;
	bytes = p == end || (g.kind == SBX_GLOB_BYTE && (g.byte < 0x80 || g.byte > 0xbf));
	s = child(nfa, at, bytes ? '*' : 'u', NULL, 0, &is_new);
	if (is_new) {
		sbx_nfa_empty(nfa, at, s);
		if (bytes)
			add_inside(nfa, s, s);
		else
			sbx_nfa_units(nfa, s, s, "", 0, true);
	}
	return s;
}

/* Elements of one component, or of one alternative, from `at` on. */
static uint32_t add_sequence(struct sbx_nfa *nfa, uint32_t at, const char *p, const char *end)
{
	struct sbx_glob g;
	const char *next, *a, *alt;
	bool is_new;
	size_t len;
	uint32_t s;

	while (p < end && !nfa->err) {
		next = sbx_glob_next(p, end, &g);
		switch (g.kind) {
		case SBX_GLOB_BYTE:
			at = add_byte(nfa, at, g.byte);
			break;
		case SBX_GLOB_CLASS:
			s = child(nfa, at, g.negated ? '!' : '[', g.text, g.len, &is_new);
			if (is_new)
				sbx_nfa_units(nfa, at, s, g.text, g.len, g.negated);
			at = s;
			break;
		case SBX_GLOB_BRACE:
			s = child(nfa, at, '{', g.text, g.len, &is_new);
			for (a = g.text;
			     is_new && sbx_glob_alternative(&a, g.text + g.len, &alt, &len);)
				sbx_nfa_empty(nfa, add_sequence(nfa, at, alt, alt + len), s);
			at = s;
			break;
		default:
			at = add_run(nfa, at, &p, end);
			continue;
		}
		p = next;
	}
	return at;
}

/* A globstar within: any number of components. */
static uint32_t add_globstar(struct sbx_nfa *nfa, uint32_t at)
{
	bool is_new;
	uint32_t s = child(nfa, at, 'g', NULL, 0, &is_new), slash, inside;

	if (!is_new)
		return s;
	slash = sbx_nfa_state(nfa);
	inside = sbx_nfa_state(nfa);
	sbx_nfa_empty(nfa, at, s);
	sbx_nfa_edge(nfa, s, slash, '/', '/', 0);
	add_inside(nfa, slash, inside);
	add_inside(nfa, inside, inside);
	sbx_nfa_empty(nfa, inside, s);
	return s;
}

/* A globstar at the end: this directory and everything below. */
static void add_universe(struct sbx_nfa *nfa, uint32_t at, uint32_t token)
{
	bool is_new;
	uint32_t s;

	sbx_nfa_token(nfa, at, token);
	s = child(nfa, token, 'U', NULL, 0, &is_new);
	if (is_new && !nfa->err) {
		nfa->states[s].universe = true;
		sbx_nfa_edge(nfa, s, s, 0, 0xff, 0);
		sbx_nfa_token(nfa, s, token);
	}
	sbx_nfa_edge(nfa, at, s, '/', '/', 0);
}

void sbx_nfa_tail(struct sbx_nfa *nfa, uint32_t root, const char *tail, uint32_t token)
{
	const char *end = tail + strlen(tail), *p, *e;
	uint32_t at = root;

	for (p = tail; p < end && !nfa->err; p = e) {
		e = memchr(p + 1, '/', end - p - 1);
		e = e ? e : end;
		if (*p != '/' || !sbx_glob_is_globstar(p + 1, e)) {
			if (*p == '/')
				at = add_byte(nfa, at, *p++);
			at = add_sequence(nfa, at, p, e);
			continue;
		}
		while (e + 3 <= end && sbx_glob_is_globstar(e + 1, end))
			e += 3;
		if (e == end) {
			add_universe(nfa, at, token);
			return;
		}
		at = add_globstar(nfa, at);
	}
	sbx_nfa_token(nfa, at, token);
}

/* Bytes are of one class when every range that occurs has all or none of them. */
static void refine(struct sbx_nfa *nfa, uint8_t lo, uint8_t hi)
{
	uint16_t inside[256];
	unsigned b, n = nfa->n_classes;
	bool outside[256] = {0};

	memset(inside, 0xff, sizeof(inside));
	for (b = 0; b < 256; b++)
		if (b < lo || b > hi)
			outside[nfa->class_of[b]] = true;
	for (b = lo; b <= hi; b++) {
		uint8_t c = nfa->class_of[b];

		if (!outside[c])
			continue;
		if (inside[c] == 0xffff)
			inside[c] = n++;
		nfa->class_of[b] = inside[c];
	}
	nfa->n_classes = n;
}

void sbx_nfa_classes(struct sbx_nfa *nfa)
{
	static const uint8_t edges_of_guards[] = {0x80, 0x90, 0xa0, 0xc0};
	static const char likely[] =
		"9876543210ZYXWVUTSRQPONMLKJIHGFEDCBAzyxwvutsrqponmlkjihgfedcba";
	uint8_t seen[256][32] = {{0}};
	size_t i;
	unsigned b;

	memset(nfa->class_of, 0, sizeof(nfa->class_of));
	nfa->n_classes = 1;
	refine(nfa, '/', '/');
	for (i = 0; i < sizeof(edges_of_guards); i++)
		refine(nfa, edges_of_guards[i], 0xff);
	for (i = 0; i < nfa->n_edges; i++) {
		const struct sbx_nfa_edge *e = &nfa->edges[i];

		if (seen[e->lo][e->hi / 8] >> (e->hi % 8) & 1)
			continue;
		seen[e->lo][e->hi / 8] |= 1 << (e->hi % 8);
		refine(nfa, e->lo, e->hi);
	}
	/* No name holds a NUL: it goes wherever another byte goes. */
	for (b = 255; b > 0 && nfa->class_of[b] != nfa->class_of[0]; b--)
		;
	if (b == 0) {
		uint8_t hole = nfa->class_of[0];

		nfa->n_classes--;
		for (b = 1; b < 256; b++)
			if (nfa->class_of[b] == nfa->n_classes)
				nfa->class_of[b] = hole;
		nfa->class_of[0] = nfa->class_of[1];
	}
	for (b = 255; b > 0; b--)
		nfa->sample[nfa->class_of[b]] = b;
	for (i = 0; i < sizeof(likely) - 1; i++)
		nfa->sample[nfa->class_of[(uint8_t)likely[i]]] = likely[i];
}

void sbx_nfa_free(struct sbx_nfa *nfa)
{
	free(nfa->states);
	free(nfa->edges);
	free(nfa->links);
	free(nfa->memo_to);
	sbx_intern_free(&nfa->memo);
	memset(nfa, 0, sizeof(*nfa));
}

/* --- threads --- */

void sbx_threads_clear(struct sbx_threads *t, const struct sbx_nfa *nfa)
{
	size_t need = nfa->n << SBX_GUARD_BITS, old = t->n_mark;

	t->n = 0;
	if (need > old && sbx_grow(&t->mark, &t->n_mark, need, sizeof(*t->mark)))
		t->err = -ENOMEM;
	else if (need > old)
		memset(t->mark + old, 0, (t->n_mark - old) * sizeof(*t->mark));
	t->stamp++; /* 2^32 sets are beyond every limit on work */
}

static void push(struct sbx_threads *t, uint32_t thread)
{
	if (t->err || t->mark[thread] == t->stamp)
		return;
	if (sbx_grow(&t->v, &t->room, t->n + 1, sizeof(*t->v))) {
		t->err = -ENOMEM;
		return;
	}
	t->mark[thread] = t->stamp;
	t->v[t->n++] = thread;
}

void sbx_threads_add(struct sbx_threads *t, const struct sbx_nfa *nfa, uint32_t thread)
{
	size_t i = t->n;
	uint32_t at;

	push(t, thread);
	for (; i < t->n; i++)
		for (at = nfa->states[t->v[i] >> SBX_GUARD_BITS].empty; at;
		     at = nfa->links[at - 1].next)
			push(t,
			     nfa->links[at - 1].to << SBX_GUARD_BITS | (t->v[i] & SBX_GUARD_MASK));
}

size_t sbx_threads_step(struct sbx_threads *t, const struct sbx_nfa *nfa, uint32_t thread,
			uint8_t byte)
{
	uint8_t guard = sbx_guard_step(thread & SBX_GUARD_MASK, byte);
	uint32_t at;
	size_t n = 1;

	if (guard == SBX_GUARD_FAILED)
		return n;
	for (at = nfa->states[thread >> SBX_GUARD_BITS].edges; at; n++) {
		const struct sbx_nfa_edge *e = &nfa->edges[at - 1];

		at = e->next;
		if (byte >= e->lo && byte <= e->hi)
			sbx_threads_add(t, nfa, e->to << SBX_GUARD_BITS | (guard | e->guard));
	}
	return n;
}

void sbx_threads_free(struct sbx_threads *t)
{
	free(t->v);
	free(t->mark);
	memset(t, 0, sizeof(*t));
}
