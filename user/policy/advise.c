// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/advise.h"
#include "user/policy/alias.h"
#include "user/policy/automaton.h"
#include "user/policy/pattern.h"

/* "" is the root. */
static const char *shown(const char *path)
{
	return *path ? path : "/";
}

/* --- mounts --- */

/* Does the pattern match the directory or an (unusual) name in it? */
static bool reaches(const struct sbx_pattern *pat, const char *dir)
{
	char *child = NULL;
	bool yes = sbx_pattern_match(pat->text, dir, strlen(dir));

	if (!yes && asprintf(&child, "%s/\1", dir) >= 0)
		yes = sbx_pattern_match(pat->text, child, strlen(child));
	free(child);
	return yes;
}

/* A pattern that names the mount itself knows what it does. 1: names it, 0: not, -ENOMEM. */
static int names(const struct sbx_pattern *pat, const char *dir)
{
	char *prefix = sbx_pattern_unescape(pat->text, sbx_pattern_literal_prefix(pat->text));
	int yes;

	if (!prefix)
		return -ENOMEM;
	yes = sbx_path_below(prefix, strlen(prefix), dir, strlen(dir));
	free(prefix);
	return yes;
}

static int look_at_mount(const struct sbx_pattern *pat, const struct sbx_alias *a,
			 struct sbx_diags *d)
{
	int named;

	if (a->symlink || !reaches(pat, a->from) || reaches(pat, a->to))
		return 0;
	named = names(pat, a->from);
	if (named)
		return named < 0 ? named : 0;
	sbx_diag_add(d, SBX_WARNING, pat->pos,
		     "if that is not meant, deny what is there, or name the directories one by one",
		     "the pattern covers a mount of something else, which it allows, too (%s: %s "
		     "shows %s)",
		     pat->source, shown(a->from), shown(a->to));
	return 0;
}

static int look_at_mounts(const struct sbx_policy *p, const struct sbx_facts *f,
			  struct sbx_diags *d)
{
	size_t i, k, m;
	int rc = 0;

	for (i = 0; i < p->n_files; i++)
		for (k = 0; k < p->files[i].n_paths && p->files[i].verb == SBX_ALLOW; k++)
			for (m = 0; m < f->n_aliases && !rc; m++)
				rc = look_at_mount(&p->files[i].paths[k], &f->aliases[m], d);
	return rc;
}

/* --- libraries --- */

/* A library that is nobody's, in the directories where loaders look. */
static const char *const libraries[] = {
	"/lib/\1.so",
	"/lib64/\1.so",
	"/usr/lib/\1.so",
	"/usr/lib64/\1.so",
	"/usr/lib/x86_64-linux-gnu/\1.so",
	"/usr/lib/aarch64-linux-gnu/\1.so",
	"/usr/local/lib/\1.so",
	"/usr/lib/python3/dist-packages/\1.so",
};

static int look_at_library(const struct sbx_policy *p, const struct sbx_facts *f, const char *path,
			   int *said, struct sbx_diags *d)
{
	char *name = sbx_alias_resolve(f, path);
	bool read, exec;
	int rule;

	if (!name)
		return -ENOMEM;
	sbx_files_decider(p, f, name, strlen(name), SBX_EXEC, &exec);
	rule = sbx_files_decider(p, f, name, strlen(name), SBX_READ, &read);
	free(name);
	if (!read || exec || rule == *said)
		return 0;
	*said = rule;
	sbx_diag_add(d, SBX_WARNING, p->files[rule].pos,
		     "add exec: the loader and dlopen() map libraries executable",
		     "libraries can be read but not loaded (%.*s)",
		     (int)(strrchr(path, '/') - path), path);
	return 0;
}

/* A policy that lets nothing be executed is no complete one. */
static bool executes(const struct sbx_policy *p)
{
	size_t i;

	for (i = 0; i < p->n_files; i++)
		if (p->files[i].verb == SBX_ALLOW && p->files[i].rights & SBX_EXEC)
			return true;
	return false;
}

int sbx_advise(const struct sbx_policy *p, const struct sbx_facts *facts, struct sbx_diags *d)
{
	int rc = look_at_mounts(p, facts, d), said = -1;
	size_t i;

	for (i = 0; i < sizeof(libraries) / sizeof(libraries[0]) && executes(p) && !rc; i++)
		rc = look_at_library(p, facts, libraries[i], &said, d);
	return rc;
}
