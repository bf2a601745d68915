// SPDX-License-Identifier: MIT
/*
 * "Below" is meant component by component: below /a lie /a/b and /a/b/c, but not /ab. A state is
 * looked at as the end of a name; its names below begin with the '/' that follows.
 *
 * Per state two sums over what can come, as eight bits (rights that occur, rights that are missing
 * somewhere): `inside` over all ways to end the component after one more byte at least, and what
 * lies below those; `here` adds the state itself and what lies below it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/barred.h"
#include "user/policy/props.h"

#define RIGHTS(label) ((label)&SBX_RIGHTS_ALL)

struct sums {
	const struct sbx_minimal *m;
	uint8_t *inside, *here;
	unsigned slash;		  /* class of '/' */
	uint16_t class_size[256]; /* bytes that names can hold */
};

static uint8_t own(const struct sbx_minimal *m, uint32_t s)
{
	uint8_t rights = RIGHTS(m->states[s].label);

	return rights | (~rights & SBX_RIGHTS_ALL) << SBX_RIGHT_BITS;
}

static uint8_t sum_here(const struct sums *u, uint32_t s)
{
	return own(u->m, s) | u->inside[s] | u->inside[sbx_minimal_step(u->m, s, '/')];
}

/* Rows first, which may loop; they lead to rows only. */
static void sum_rows(struct sums *u)
{
	const struct sbx_minimal *m = u->m;
	bool moved = true;
	unsigned c;
	size_t i;

	for (i = 0; i < m->n_rows; i++)
		u->here[i] = own(m, i);
	while (moved) {
		moved = false;
		for (i = m->n_rows; i-- > 0;) {
			const uint32_t *row = m->rows + i * m->n_classes;
			uint8_t in = 0, here;

			for (c = 0; c < m->n_classes; c++)
				if (c != u->slash && u->class_size[c])
					in |= u->here[row[c]];
			/* states whose '/' leads here look at `inside` alone */
			moved |= in != u->inside[i];
			u->inside[i] = in;
			here = sum_here(u, i);
			moved |= here != u->here[i];
			u->here[i] = here;
		}
	}
}

/* The others lead to states before them. */
static void sum_tree(struct sums *u)
{
	const struct sbx_minimal *m = u->m;
	uint16_t covered[256];
	unsigned c;
	uint32_t i;
	size_t s;

	for (s = m->n_rows; s < m->n; s++) {
		const struct sbx_min_state *st = &m->states[s];
		const uint32_t *row = m->rows + (size_t)st->base * m->n_classes;
		uint8_t in = 0;

		memset(covered, 0, sizeof(covered));
		for (i = st->first; i < st->first + st->n; i++) {
			covered[m->class_of[m->exceptions[i].byte]]++;
			if (m->exceptions[i].byte != '/')
				in |= u->here[m->exceptions[i].to];
		}
		for (c = 0; c < m->n_classes; c++)
			if (c != u->slash && covered[c] < u->class_size[c])
				in |= u->here[row[c]];
		u->inside[s] = in;
		u->here[s] = sum_here(u, s);
	}
}

/* By state of m: the state of `plain`, which does not tell quiet denials from others. */
static void translate(uint32_t *to, const struct sbx_minimal *m, const struct sbx_minimal *plain,
		      const struct sbx_product *p)
{
	size_t i;

	for (i = 0; i < p->trie.n; i++)
		to[m->of_node[i]] = plain->of_node[i];
	for (i = 0; i < p->n_reached; i++)
		to[m->of_set[p->reached[i]]] = plain->of_set[p->reached[i]];
}

static bool any_quiet(const struct sbx_minimal *m)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (m->states[i].label & ~SBX_RIGHTS_ALL)
			return true;
	return false;
}

/* Equal rights here, and equal futures behind the '/': see SBX_CLS_BELOW. */
static int number_classes(struct sbx_props *out, const struct sbx_minimal *m,
			  const struct sbx_product *p)
{
	uint32_t *plain_of = calloc(m->n, sizeof(*plain_of));
	struct sbx_minimal plain = {0};
	struct sbx_intern known = {0};
	int rc = plain_of ? 0 : -ENOMEM;
	size_t i;

	for (i = 0; i < m->n && !rc; i++)
		plain_of[i] = i;
	if (!rc && any_quiet(m)) {
		rc = sbx_minimal_build(&plain, p, SBX_RIGHTS_ALL);
		if (!rc)
			translate(plain_of, m, &plain, p);
	}
	for (i = 0; i < m->n && rc >= 0; i++) {
		uint32_t below = plain_of[sbx_minimal_step(m, i, '/')];

		rc = sbx_intern_add(&known, &below, sizeof(below), &below);
		out->cls[i] = below << SBX_CLS_RIGHTS | RIGHTS(m->states[i].label);
	}
	sbx_minimal_free(&plain);
	sbx_intern_free(&known);
	free(plain_of);
	return rc < 0 ? rc : 0;
}

/* What is behind the '/' is the same for most. */
static int find_siblings(struct sbx_props *out, const struct sbx_minimal *m)
{
	uint32_t *known = calloc(m->n, sizeof(*known)); /* by the state behind the '/', plus 1 */
	size_t i;

	for (i = 0; known && i < m->n; i++) {
		uint32_t inside = sbx_minimal_step(m, i, '/');

		if (!known[inside])
			known[inside] = sbx_unmentioned(m, inside) + 1;
		out->sibling[i] = out->cls[known[inside] - 1];
	}
	free(known);
	return known ? 0 : -ENOMEM;
}

static bool settles(const struct sbx_props *out, uint32_t s, uint32_t to)
{
	return out->settled[to] && out->cls[to] == out->cls[s];
}

/* Rows first, which may loop: settled until something speaks against it. */
static void settle_rows(struct sbx_props *out, const struct sums *u)
{
	const struct sbx_minimal *m = u->m;
	bool moved = true;
	unsigned c;
	size_t i;

	for (i = 0; i < m->n_rows; i++)
		out->settled[i] = true;
	while (moved) {
		moved = false;
		for (i = m->n_rows; i-- > 0;)
			for (c = 0; c < m->n_classes && out->settled[i]; c++)
				if (c != u->slash && u->class_size[c] &&
				    !settles(out, i, m->rows[i * m->n_classes + c])) {
					out->settled[i] = false;
					moved = true;
				}
	}
}

/* The others lead to states before them. What their row says of bytes that are exceptions here is
 * counted, too: that errs on the side of reading the name. */
static void settle_tree(struct sbx_props *out, const struct sums *u)
{
	const struct sbx_minimal *m = u->m;
	unsigned c;
	uint32_t i;
	size_t s;

	for (s = m->n_rows; s < m->n; s++) {
		const struct sbx_min_state *st = &m->states[s];
		const uint32_t *row = m->rows + (size_t)st->base * m->n_classes;
		bool settled = true;

		for (i = st->first; i < st->first + st->n; i++)
			if (m->exceptions[i].byte != '/')
				settled &= settles(out, s, m->exceptions[i].to);
		for (c = 0; c < m->n_classes && settled; c++)
			if (c != u->slash && u->class_size[c])
				settled = settles(out, s, row[c]);
		out->settled[s] = settled;
	}
}

int sbx_props_make(struct sbx_props *out, const struct sbx_minimal *m, const struct sbx_product *p)
{
	struct sums u = {.m = m, .slash = m->class_of['/']};
	unsigned b;
	size_t i;
	int rc = -ENOMEM;

	memset(out, 0, sizeof(*out));
	for (b = 1; b < 256; b++)
		u.class_size[m->class_of[b]]++;
	u.inside = calloc(m->n, 1);
	u.here = calloc(m->n, 1);
	out->any = calloc(m->n, 1);
	out->all = calloc(m->n, 1);
	out->cls = calloc(m->n, sizeof(*out->cls));
	out->sibling = calloc(m->n, sizeof(*out->sibling));
	out->bars = calloc(m->n, sizeof(*out->bars));
	out->settled = calloc(m->n, sizeof(*out->settled));
	if (!u.inside || !u.here || !out->any || !out->all || !out->cls || !out->sibling ||
	    !out->bars || !out->settled)
		goto out;
	sum_rows(&u);
	sum_tree(&u);
	for (i = 0; i < m->n; i++) {
		uint8_t sum = own(m, i) | u.inside[sbx_minimal_step(m, i, '/')];

		out->any[i] = sum & SBX_RIGHTS_ALL;
		out->all[i] = ~(sum >> SBX_RIGHT_BITS) & SBX_RIGHTS_ALL;
	}
	rc = sbx_barred_find(m, &(struct sbx_futures){.inside = u.inside, .here = u.here},
			     out->bars);
	if (!rc)
		rc = number_classes(out, m, p);
	if (!rc)
		rc = find_siblings(out, m);
	if (!rc) {
		settle_rows(out, &u);
		settle_tree(out, &u);
	}
out:
	free(u.inside);
	free(u.here);
	if (rc)
		sbx_props_free(out);
	return rc;
}

void sbx_props_free(struct sbx_props *props)
{
	free(props->any);
	free(props->all);
	free(props->cls);
	free(props->sibling);
	free(props->bars);
	free(props->settled);
	memset(props, 0, sizeof(*props));
}
