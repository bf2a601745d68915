// SPDX-License-Identifier: MIT
/*
 * Without aliases the answer is exact: patterns are compared component by component (components of
 * two patterns by running them side by side, once for each pair of texts). An alias replaces the
 * beginning of a path by another name and keeps the last component, unless the path is the alias's
 * very end: so with aliases the last components decide, and patterns that match such an end are
 * taken to overlap.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/glob.h"
#include "user/policy/overlap.h"
#include "user/policy/pattern.h"

#define PATTERNS_MAX 2048   /* and components: their pairs are what costs */
#define ENDS_MAX     100000 /* patterns times ends of aliases that are tried */

/* --- components --- */

static int add_component(struct sbx_overlap *o, const char *p, size_t len, uint32_t *id)
{
	char tail[SBX_GLOB_LEN_MAX + 2];
	int rc = sbx_intern_add(&o->texts, p, len, id);

	if (rc <= 0)
		return rc;
	if (sbx_grow(&o->root, &o->room_root, o->texts.n, sizeof(*o->root)))
		return -ENOMEM;
	tail[0] = '/';
	memcpy(tail + 1, p, len);
	tail[len + 1] = '\0';
	o->root[*id] = sbx_nfa_state(&o->nfa);
	sbx_nfa_tail(&o->nfa, o->root[*id], tail, 0);
	return o->nfa.err;
}

static int add_pattern(struct sbx_overlap *o, const char *text)
{
	const char *end = text + strlen(text), *p, *e;
	int rc = 0;

	if (sbx_grow(&o->pattern, &o->room_patterns, o->n_patterns + 2, sizeof(*o->pattern)))
		return -ENOMEM;
	o->pattern[o->n_patterns++] = o->n_parts;
	for (p = text; p < end && strcmp(text, "/") && !rc; p = e) {
		uint32_t id = SBX_OVERLAP_STAR;

		p += *p == '/';
		e = memchr(p, '/', end - p);
		e = e ? e : end;
		if (!sbx_glob_is_globstar(p, e))
			rc = add_component(o, p, e - p, &id);
		if (!rc)
			rc = sbx_grow(&o->parts, &o->room_parts, o->n_parts + 1, sizeof(*o->parts));
		if (!rc)
			o->parts[o->n_parts++] = id;
	}
	o->pattern[o->n_patterns] = o->n_parts;
	return rc;
}

/* The literal bytes that every match begins with, and ends with. */
static void literal_ends(const char *p, size_t len, uint8_t *head, size_t *n_head, uint8_t *tail,
			 size_t *n_tail)
{
	const char *end = p + len;
	struct sbx_glob g;
	bool only = true;

	*n_head = *n_tail = 0;
	while (p < end) {
		p = sbx_glob_next(p, end, &g);
		if (g.kind != SBX_GLOB_BYTE) {
			only = false;
			*n_tail = 0;
			continue;
		}
		if (only)
			head[(*n_head)++] = g.byte;
		tail[(*n_tail)++] = g.byte;
	}
}

/* A quick no for most pairs. */
static bool ends_differ(const struct sbx_overlap *o, uint32_t a, uint32_t b)
{
	uint8_t ha[SBX_GLOB_LEN_MAX], ta[SBX_GLOB_LEN_MAX], hb[SBX_GLOB_LEN_MAX],
		tb[SBX_GLOB_LEN_MAX];
	size_t nha, nta, nhb, ntb, len, i;
	const char *text = sbx_intern_get(&o->texts, a, &len);

	literal_ends(text, len, ha, &nha, ta, &nta);
	text = sbx_intern_get(&o->texts, b, &len);
	literal_ends(text, len, hb, &nhb, tb, &ntb);
	for (i = 0; i < nha && i < nhb; i++)
		if (ha[i] != hb[i])
			return true;
	for (i = 1; i <= nta && i <= ntb; i++)
		if (ta[nta - i] != tb[ntb - i])
			return true;
	return false;
}

/* Two threads side by side; pairs that were met are numbered. */
struct pairs {
	struct sbx_overlap *o;
	struct sbx_intern met;
	struct sbx_threads a, b;
	bool hit;
	int err;
};

static void meet(struct pairs *p)
{
	const struct sbx_nfa *nfa = &p->o->nfa;
	size_t i, k;
	uint32_t id;

	for (i = 0; i < p->a.n && !p->err; i++)
		for (k = 0; k < p->b.n && !p->err; k++) {
			uint32_t pair[2] = {p->a.v[i], p->b.v[k]};

			if (sbx_intern_add(&p->met, pair, sizeof(pair), &id) < 0)
				p->err = -ENOMEM;
			p->hit |= nfa->states[pair[0] >> SBX_GUARD_BITS].tokens &&
				  nfa->states[pair[1] >> SBX_GUARD_BITS].tokens;
		}
}

static bool components_meet(struct sbx_overlap *o, uint32_t a, uint32_t b)
{
	struct pairs p = {.o = o};
	unsigned c;
	size_t i, len;
	bool yes;

	sbx_threads_clear(&p.a, &o->nfa);
	sbx_threads_clear(&p.b, &o->nfa);
	sbx_threads_add(&p.a, &o->nfa, o->root[a] << SBX_GUARD_BITS);
	sbx_threads_add(&p.b, &o->nfa, o->root[b] << SBX_GUARD_BITS);
	meet(&p);
	for (i = 0; i < p.met.n && !p.hit && !p.err; i++)
		for (c = 0; c < o->nfa.n_classes && !p.hit; c++) {
			uint32_t pair[2];

			memcpy(pair, sbx_intern_get(&p.met, i, &len), sizeof(pair));
			sbx_threads_clear(&p.a, &o->nfa);
			sbx_threads_step(&p.a, &o->nfa, pair[0], o->nfa.sample[c]);
			if (!p.a.n)
				continue;
			sbx_threads_clear(&p.b, &o->nfa);
			sbx_threads_step(&p.b, &o->nfa, pair[1], o->nfa.sample[c]);
			meet(&p);
		}
	yes = p.hit || p.err || p.a.err || p.b.err;
	sbx_intern_free(&p.met);
	sbx_threads_free(&p.a);
	sbx_threads_free(&p.b);
	return yes;
}

static bool components_overlap(struct sbx_overlap *o, uint32_t a, uint32_t b)
{
	uint8_t *memo;

	if (a == SBX_OVERLAP_STAR || b == SBX_OVERLAP_STAR)
		return true;
	if (a == b)
		return true;
	memo = &o->memo[(size_t)a * o->texts.n + b];
	if (!*memo) {
		*memo = !ends_differ(o, a, b) && components_meet(o, a, b) ? 2 : 1;
		o->memo[(size_t)b * o->texts.n + a] = *memo;
	}
	return *memo == 2;
}

/* --- patterns --- */

/* row[k]: what has been read of a can be the first k components of b. */
static bool paths_overlap(struct sbx_overlap *o, const uint32_t *a, size_t na, const uint32_t *b,
			  size_t nb)
{
	bool row[SBX_GLOB_LEN_MAX + 2] = {true}, above, diagonal;
	size_t i, k;

	for (k = 0; k < nb; k++)
		row[k + 1] = row[k] && b[k] == SBX_OVERLAP_STAR;
	for (i = 0; i < na; i++) {
		diagonal = row[0];
		row[0] = row[0] && a[i] == SBX_OVERLAP_STAR;
		for (k = 0; k < nb; k++) {
			above = row[k + 1];
			if (a[i] == SBX_OVERLAP_STAR || b[k] == SBX_OVERLAP_STAR)
				row[k + 1] = (a[i] == SBX_OVERLAP_STAR && (above || row[k])) ||
					     (b[k] == SBX_OVERLAP_STAR && (above || row[k])) ||
					     diagonal;
			else
				row[k + 1] = diagonal && components_overlap(o, a[i], b[k]);
			diagonal = above;
		}
	}
	return row[nb];
}

static bool patterns_overlap(struct sbx_overlap *o, size_t a, size_t b)
{
	const uint32_t *pa = o->parts + o->pattern[a], *pb = o->parts + o->pattern[b];
	size_t na = o->pattern[a + 1] - o->pattern[a], nb = o->pattern[b + 1] - o->pattern[b];

	if (!o->aliases)
		return paths_overlap(o, pa, na, pb, nb);
	if ((o->touchy[a] && o->touchy[b]) || !na || !nb)
		return true;
	return components_overlap(o, pa[na - 1], pb[nb - 1]);
}

bool sbx_rules_overlap(struct sbx_overlap *o, uint32_t a, uint32_t b)
{
	size_t i, k;

	if (o->unknown)
		return true;
	for (i = o->rule[a]; i < o->rule[a + 1]; i++)
		for (k = o->rule[b]; k < o->rule[b + 1]; k++)
			if (patterns_overlap(o, i, k))
				return true;
	return false;
}

/* --- all of a policy --- */

static bool at_an_end(const struct sbx_spellings *s, const char *pattern)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (sbx_pattern_match(pattern, s->v[i].at, strlen(s->v[i].at)) ||
		    sbx_pattern_match(pattern, s->v[i].spelled, strlen(s->v[i].spelled)))
			return true;
	return false;
}

static int find_touchy(struct sbx_overlap *o, const struct sbx_spellings *s)
{
	size_t i, k, n = 0;

	o->touchy = calloc(o->n_patterns + 1, sizeof(*o->touchy));
	if (!o->touchy)
		return -ENOMEM;
	for (i = 0; i < o->policy->n_files; i++)
		for (k = 0; n < o->rule[i + 1]; k++, n++)
			o->touchy[n] = o->n_patterns * s->n > ENDS_MAX ||
				       at_an_end(s, o->policy->files[i].paths[k].text);
	return 0;
}

int sbx_overlap_init(struct sbx_overlap *o, const struct sbx_trie *t, const bool *wanted)
{
	const struct sbx_policy *p = t->policy;
	size_t i, k;
	int rc = 0;

	memset(o, 0, sizeof(*o));
	o->policy = p;
	o->aliases = t->spellings->n > 0;
	o->rule = calloc(p->n_files + 2, sizeof(*o->rule));
	if (!o->rule)
		return -ENOMEM;
	sbx_nfa_state(&o->nfa);
	for (i = 0; i < p->n_files && !rc && !o->unknown; i++) {
		for (k = 0; wanted[i] && k < p->files[i].n_paths && !rc; k++)
			rc = add_pattern(o, p->files[i].paths[k].text);
		o->rule[i + 1] = o->n_patterns;
		o->unknown = o->n_patterns > PATTERNS_MAX || o->texts.n > PATTERNS_MAX;
	}
	if (rc || o->unknown)
		return rc;
	sbx_nfa_classes(&o->nfa);
	o->memo = calloc(o->texts.n * o->texts.n + 1, 1);
	return o->memo ? find_touchy(o, t->spellings) : -ENOMEM;
}

void sbx_overlap_free(struct sbx_overlap *o)
{
	sbx_nfa_free(&o->nfa);
	sbx_intern_free(&o->texts);
	free(o->root);
	free(o->memo);
	free(o->parts);
	free(o->pattern);
	free(o->rule);
	free(o->touchy);
	memset(o, 0, sizeof(*o));
}
