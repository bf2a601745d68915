// SPDX-License-Identifier: MIT
/*
 * The reference: tries every rule on every spelling of the path. It shares nothing with the
 * automaton but the syntax of patterns, and is what the automaton is tested against.
 */
#include <stdlib.h>
#include <string.h>
#include "user/policy/alias.h"
#include "user/policy/automaton.h"
#include "user/policy/intern.h"
#include "user/policy/pattern.h"

/* The path under every name that aliases give it; the canonical one comes first. */
struct names {
	char **v;
	size_t *len;
	size_t n, room, room_len;
};

static bool known(const struct names *names, const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		if (names->len[i] == len && !memcmp(names->v[i], s, len))
			return true;
	return false;
}

/* Head and tail are joined. */
static bool add(struct names *names, const char *head, const char *tail, size_t tail_len)
{
	size_t n = strlen(head);
	char *s = malloc(n + tail_len + 1);

	if (!s)
		return false;
	memcpy(s, head, n);
	memcpy(s + n, tail, tail_len);
	s[n + tail_len] = '\0';
	if (known(names, s, n + tail_len)) {
		free(s);
		return true;
	}
	if (sbx_grow(&names->v, &names->room, names->n + 1, sizeof(*names->v)) ||
	    sbx_grow(&names->len, &names->room_len, names->n + 1, sizeof(*names->len))) {
		free(s);
		return false;
	}
	names->len[names->n] = n + tail_len;
	names->v[names->n++] = s;
	return true;
}

static bool collect(struct names *names, const struct sbx_facts *facts)
{
	size_t begin = 0, end, depth, i, n;

	for (depth = 0; depth < SBX_ALIAS_DEPTH && begin < names->n; depth++)
		for (end = names->n; begin < end; begin++)
			for (i = 0; i < facts->n_aliases; i++) {
				const struct sbx_alias *a = &facts->aliases[i];

				n = strlen(a->to);
				if (sbx_path_below(names->v[begin], names->len[begin], a->to, n) &&
				    !add(names, a->from, names->v[begin] + n,
					 names->len[begin] - n))
					return false;
				if (names->n > SBX_ALIAS_MAX) /* such a policy is refused */
					return true;
			}
	return true;
}

static const struct sbx_pattern *find(const struct sbx_pattern *v, size_t n,
				      const struct names *names)
{
	size_t i, k;

	for (i = 0; i < n; i++)
		for (k = 0; k < names->n; k++)
			if (sbx_pattern_match(v[i].text, names->v[k], names->len[k]))
				return &v[i];
	return NULL;
}

static int decide(const struct sbx_policy *p, const struct names *names, uint8_t right,
		  bool protects)
{
	size_t i;

	for (i = p->n_files; i-- > 0;) {
		const struct sbx_file_rule *r = &p->files[i];

		if ((r->verb == SBX_PROTECT) == protects && (r->rights & right) &&
		    find(r->paths, r->n_paths, names) && !find(r->except, r->n_except, names))
			return (int)i;
	}
	return -1;
}

static void names_free(struct names *names)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
	free(names->len);
}

const struct sbx_pattern *sbx_patterns_find(const struct sbx_pattern *v, size_t n,
					    const struct sbx_facts *facts, const char *path,
					    size_t len)
{
	const struct sbx_pattern *found = NULL;
	struct names names = {0};

	if (add(&names, "", path, len) && (!facts || collect(&names, facts)))
		found = find(v, n, &names);
	names_free(&names);
	return found;
}

int sbx_files_decider(const struct sbx_policy *p, const struct sbx_facts *facts, const char *path,
		      size_t len, uint8_t right, bool *granted)
{
	struct names names = {0};
	int rule = -1;

	*granted = false;
	if (add(&names, "", path, len) && (!facts || collect(&names, facts))) {
		rule = decide(p, &names, right, true);
		if (rule < 0)
			rule = decide(p, &names, right, false);
		*granted = rule >= 0 && p->files[rule].verb == SBX_ALLOW;
	}
	names_free(&names);
	return rule;
}
