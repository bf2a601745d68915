// SPDX-License-Identifier: MIT
/*
 * Symlinks that patterns with wildcards match. They are no aliases: what a wildcard matches may
 * change at any time. So they are told of, where they lead out of what the policy allows.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/advise.h"
#include "user/policy/automaton.h"
#include "user/policy/pattern.h"

#define MAX_LINKS 4096 /* of one directory: more would only take longer to say the same */

/* There, links are of the kernel's making and depend on who looks. */
static bool in_proc(const char *path)
{
	return !strncmp(path, "/proc", 5) && (!path[5] || path[5] == '/');
}

static bool known(const struct sbx_links *l, const char *dir)
{
	size_t i, n = strlen(dir);

	for (i = 0; i < l->n; i++)
		if (!strncmp(l->v[i].at, dir, n) && strrchr(l->v[i].at, '/') == l->v[i].at + n)
			return true;
	return false;
}

static void link_free(struct sbx_link *link)
{
	free(link->at);
	free(link->to);
}

static int add(struct sbx_links *l, const char *dir, const char *name)
{
	struct sbx_link *more = reallocarray(l->v, l->n + 1, sizeof(*more)), new = {0};

	if (!more)
		return -ENOMEM;
	l->v = more;
	if (asprintf(&new.at, "%s/%s", dir, name) < 0)
		return -ENOMEM;
	new.to = realpath(new.at, NULL);
	if (new.to && !in_proc(new.to))
		l->v[l->n++] = new;
	else
		link_free(&new); /* it leads nowhere, or where the caller may not look */
	return 0;
}

static int look_into(struct sbx_links *l, const char *dir)
{
	DIR *d = opendir(*dir ? dir : "/");
	size_t seen = 0;
	struct dirent *e;
	int rc = 0;

	if (!d)
		return 0;
	while (!rc && seen < MAX_LINKS && (e = readdir(d)))
		if (e->d_type == DT_LNK) {
			seen++;
			rc = add(l, dir, e->d_name);
		}
	closedir(d);
	return rc;
}

int sbx_links_gather(const struct sbx_policy *p, struct sbx_links *out)
{
	struct sbx_links l = {0};
	size_t i, k;
	int rc = 0;

	for (i = 0; i < p->n_files; i++)
		for (k = 0; k < p->files[i].n_paths && p->files[i].verb == SBX_ALLOW && !rc; k++) {
			const char *text = p->files[i].paths[k].text;
			char *dir;

			if (*text != '/' || sbx_pattern_is_literal(text))
				continue;
			dir = sbx_pattern_unescape(text, sbx_pattern_literal_prefix(text));
			if (!dir)
				rc = -ENOMEM;
			else if (!in_proc(dir) && !known(&l, dir))
				rc = look_into(&l, dir);
			free(dir);
		}
	if (rc)
		sbx_links_free(&l);
	else
		*out = l;
	return rc;
}

void sbx_links_free(struct sbx_links *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		link_free(&l->v[i]);
	free(l->v);
	*l = (struct sbx_links){0};
}

/* --- what leads out --- */

struct lead {
	size_t n;
	const struct sbx_link *first;
	uint8_t rights; /* that are lost on the way */
};

/* What the link's name has and its target lacks; *rule: who gave it. */
static uint8_t lost(const struct sbx_policy *p, const struct sbx_facts *f,
		    const struct sbx_link *link, int *rule)
{
	uint8_t right, rights = 0;
	bool here, there;
	int r;

	for (right = SBX_READ; right <= SBX_EXEC; right <<= 1) {
		if (right == SBX_WRITE)
			continue; /* a link does not make what it leads to writable: rarely meant */
		r = sbx_files_decider(p, f, link->at, strlen(link->at), right, &here);
		sbx_files_decider(p, f, link->to, strlen(link->to), right, &there);
		if (!here || there)
			continue;
		rights |= right;
		*rule = r;
	}
	return rights;
}

static void tell(const struct sbx_policy *p, size_t rule, const struct lead *lead,
		 struct sbx_diags *d)
{
	const char *what = lead->rights == SBX_EXEC ? "executed" : "read";

	sbx_diag_add(
		d, SBX_WARNING, p->files[rule].pos,
		"allow what they lead to, where it is needed: a symlink opens nothing",
		"%zu of the symlinks that this rule matches lead%s to what cannot be %s (%s leads "
		"to %s)",
		lead->n, lead->n == 1 ? "s" : "", what, lead->first->at, lead->first->to);
}

int sbx_advise_links(const struct sbx_policy *p, const struct sbx_facts *facts,
		     const struct sbx_links *links, struct sbx_diags *d)
{
	struct lead *leads = calloc(p->n_files + 1, sizeof(*leads));
	uint8_t rights;
	size_t i;
	int rule;

	if (!leads)
		return -ENOMEM;
	for (i = 0; i < links->n; i++) {
		rights = lost(p, facts, &links->v[i], &rule);
		if (!rights)
			continue;
		if (!leads[rule].n++)
			leads[rule].first = &links->v[i];
		leads[rule].rights |= rights;
	}
	for (i = 0; i < p->n_files; i++)
		if (leads[i].n)
			tell(p, i, &leads[i], d);
	free(leads);
	return 0;
}
