// SPDX-License-Identifier: MIT
/*
 * A search over the combinations of states. With them goes how far the last component has come:
 * "", "." and ".." are no names, so no path ends there or goes on with a slash.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/pairs.h"
#include "user/policy/search.h"

/* What the last component is so far. A built-in name has none: all of its bytes are alike. */
enum { EMPTY, DOT, DOTS, NAME, BUILTIN };

struct key {
	uint32_t at[SBX_PAIRS_IMAGES];
	uint32_t component;
};

struct sbx_pair {
	struct key key;
	uint32_t from; /* index of the pair that it was reached from */
	uint8_t byte;
};

static void states(const struct sbx_pairs *s, const struct key *k, const struct sbx_state **at)
{
	int i;

	for (i = 0; i < SBX_PAIRS_IMAGES; i++)
		at[i] = s->img[i] ? sbx_image_state(s->img[i], k->at[i]) : NULL;
}

static int push(struct sbx_pairs *s, const struct key *k, uint32_t from, uint8_t byte)
{
	uint32_t id;
	int rc = sbx_intern_add(&s->seen, k, sizeof(*k), &id);

	if (rc <= 0)
		return rc;
	if (s->n >= SBX_PAIRS_MAX)
		return -E2BIG;
	rc = sbx_grow(&s->v, &s->room, s->n + 1, sizeof(*s->v));
	if (rc)
		return rc;
	s->v[s->n++] = (struct sbx_pair){*k, from, byte};
	return 0;
}

static uint32_t component_after(uint32_t component, uint8_t c)
{
	if (component == BUILTIN)
		return BUILTIN;
	if (c == '/')
		return EMPTY;
	return c != '.' || component == NAME || component == DOTS ? NAME : component + 1;
}

static void step(const struct sbx_pairs *s, const struct key *from, uint8_t c, struct key *to)
{
	int i;

	memset(to, 0, sizeof(*to)); /* compared as bytes */
	for (i = 0; i < SBX_PAIRS_IMAGES && s->img[i]; i++)
		to->at[i] = sbx_image_step(s->img[i], from->at[i], c);
	to->component = component_after(from->component, c);
}

/* The rest of the component, whatever it is, and all below: nothing is chosen there. */
static bool exhausted(const struct sbx_pairs *s, const struct key *k, sbx_pair_states at)
{
	return s->chooser >= 0 && !at[s->chooser]->any && k->at[s->chooser] & SBX_STATE_LOOPS &&
	       k->component != BUILTIN;
}

static int expand(struct sbx_pairs *s, size_t i, sbx_pair_states at)
{
	struct key k = s->v[i].key, to, last = {.component = ~0u};
	bool below = k.component >= NAME && !s->barren(at, s->wanted);
	size_t c;
	int rc = 0;

	if (exhausted(s, &k, at))
		return 0;
	for (c = 0; c < sizeof(s->bytes) && !rc; c++) {
		if (s->bytes[c] == '/' && !below && k.component != BUILTIN)
			continue;
		step(s, &k, s->bytes[c], &to);
		if (!memcmp(&to, &last, sizeof(to)))
			continue; /* most bytes lead to the same states */
		last = to;
		rc = push(s, &to, i, s->bytes[c]);
	}
	return rc;
}

/* The first byte of a path is a slash; "" is the root. */
static int expand_root(struct sbx_pairs *s)
{
	struct key k = s->v[0].key, to;
	int rc;

	step(s, &k, '/', &to);
	rc = push(s, &to, 0, '/');
	if (rc || !s->builtin)
		return rc;
	step(s, &k, '@', &to);
	to.component = BUILTIN;
	return push(s, &to, 0, '@');
}

static int spell(struct sbx_pairs *s, size_t i)
{
	size_t len = 0, k;

	for (k = i; k && s->v[k].byte != '/';)
		k = s->v[k].from;
	s->dir = k;
	for (k = i; k; k = s->v[k].from)
		len++;
	s->path = malloc(len + 1);
	if (!s->path)
		return -ENOMEM;
	s->len = len;
	s->path[len] = 0;
	for (k = i; k; k = s->v[k].from)
		s->path[--len] = s->v[k].byte;
	return 1;
}

static int begin(struct sbx_pairs *s)
{
	struct key start = {.component = NAME};
	int i;

	sbx_readable_bytes(s->bytes);
	for (i = 0; i < SBX_PAIRS_IMAGES && s->img[i]; i++)
		start.at[i] = sbx_image_hdr(s->img[i])->start;
	return push(s, &start, 0, 0);
}

int sbx_pairs_find(struct sbx_pairs *s)
{
	const struct sbx_state *at[SBX_PAIRS_IMAGES];
	int rc = s->n ? 0 : begin(s);
	size_t i;

	free(s->path);
	s->path = NULL;
	while (s->next < s->n && !rc) {
		i = s->next++;
		states(s, &s->v[i].key, at);
		s->shown = s->v[i].key.component >= NAME ? s->shows(at, s->wanted) : 0;
		rc = i ? expand(s, i, at) : expand_root(s);
		s->full |= rc == -E2BIG;
		if (s->shown && rc != -ENOMEM)
			return spell(s, i);
	}
	return s->full ? -E2BIG : rc;
}

void sbx_pairs_free(struct sbx_pairs *s)
{
	sbx_intern_free(&s->seen);
	free(s->v);
	free(s->path);
	s->v = NULL;
	s->path = NULL;
	s->n = s->room = s->next = 0;
}
