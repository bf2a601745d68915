// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/alias.h"
#include "user/policy/intern.h"

#define MAX_LINKS 40 /* as the kernel's MAXSYMLINKS */

bool sbx_path_below(const char *path, size_t len, const char *prefix, size_t plen)
{
	return len >= plen && (len == plen || path[plen] == '/') &&
	       (!plen || !memcmp(path, prefix, plen));
}

static char *join(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	char *s = malloc(n + m + 1);

	if (!s)
		return NULL;
	memcpy(s, a, n);
	memcpy(s + n, b, m + 1);
	return s;
}

/* Takes both strings. */
static int add(struct sbx_spellings *s, struct sbx_intern *seen, char *at, char *spelled)
{
	char *key = NULL;
	uint32_t id;
	size_t n;
	int rc = -ENOMEM;

	if (!at || !spelled)
		goto out;
	n = strlen(at) + 1 + strlen(spelled);
	key = malloc(n + 1);
	if (!key)
		goto out;
	memcpy(key, at, strlen(at) + 1);
	memcpy(key + strlen(at) + 1, spelled, strlen(spelled) + 1);
	rc = strcmp(at, spelled) ? sbx_intern_add(seen, key, n, &id) : 0;
	if (rc <= 0)
		goto out;
	rc = s->n >= SBX_ALIAS_MAX ? -E2BIG : sbx_grow(&s->v, &s->room, s->n + 1, sizeof(*s->v));
	if (rc)
		goto out;
	s->v[s->n++] = (struct sbx_spelling){.at = at, .spelled = spelled};
	at = spelled = NULL;
out:
	free(key);
	free(at);
	free(spelled);
	return rc;
}

/* The spelling `s`, spelled once more by the alias: either name may be the longer one. */
static int extend(struct sbx_spellings *out, struct sbx_intern *seen, size_t i,
		  const struct sbx_alias *a)
{
	const struct sbx_spelling *s = &out->v[i];
	size_t ls = strlen(s->spelled), lt = strlen(a->to);

	if (sbx_path_below(s->spelled, ls, a->to, lt))
		return add(out, seen, strdup(s->at), join(a->from, s->spelled + lt));
	if (sbx_path_below(a->to, lt, s->spelled, ls))
		return add(out, seen, join(s->at, a->to + ls), strdup(a->from));
	return 0;
}

int sbx_spellings_make(const struct sbx_facts *facts, struct sbx_spellings *out)
{
	struct sbx_intern seen = {0};
	size_t i, begin = 0, end, depth;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	for (i = 0; !rc && facts && i < facts->n_aliases; i++)
		rc = add(out, &seen, strdup(facts->aliases[i].to), strdup(facts->aliases[i].from));
	for (depth = 1; !rc && depth < SBX_ALIAS_DEPTH && begin < out->n; depth++) {
		end = out->n;
		for (; !rc && begin < end; begin++)
			for (i = 0; !rc && i < facts->n_aliases; i++)
				rc = extend(out, &seen, begin, &facts->aliases[i]);
	}
	sbx_intern_free(&seen);
	if (rc)
		sbx_spellings_free(out);
	return rc;
}

void sbx_spellings_free(struct sbx_spellings *s)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		free(s->v[i].at);
		free(s->v[i].spelled);
	}
	free(s->v);
	memset(s, 0, sizeof(*s));
}

/* The longest alias that the path goes through: the last mount or link on the way. */
static const struct sbx_alias *alias_on(const struct sbx_facts *f, const char *path)
{
	const struct sbx_alias *best = NULL;
	size_t i, n;

	for (i = 0; i < f->n_aliases; i++) {
		n = strlen(f->aliases[i].from);
		if (n && sbx_path_below(path, strlen(path), f->aliases[i].from, n) &&
		    (!best || n > strlen(best->from)))
			best = &f->aliases[i];
	}
	return best;
}

static char *resolve(const struct sbx_facts *facts, const char *path, int *links)
{
	char *now = strdup(path), *next;
	const struct sbx_alias *a;

	for (*links = 0; now && *links < MAX_LINKS && (a = alias_on(facts, now)); ++*links) {
		next = join(a->to, now + strlen(a->from));
		free(now);
		now = next;
	}
	return now;
}

char *sbx_alias_resolve(const struct sbx_facts *facts, const char *path)
{
	int links;

	return resolve(facts, path, &links);
}

int sbx_alias_depth(const struct sbx_facts *facts, const char *path)
{
	int links;
	char *end = resolve(facts, path, &links);

	free(end);
	return end ? links % MAX_LINKS : -ENOMEM;
}
