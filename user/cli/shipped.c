// SPDX-License-Identifier: MIT
/*
 * The policies of the directories, each with its description. A bundle is to be included and gives
 * no working sandbox by itself: it includes nothing, whereas every policy begins with others.
 */
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "user/cli/common.h"
#include "user/cli/shipped.h"
#include "user/policy/rulestr.h"

struct offer {
	char *name, *description;
	bool bundle;
};

struct offers {
	struct offer *v;
	size_t n;
};

static bool is_known(const struct offers *o, const char *name)
{
	size_t i;

	for (i = 0; i < o->n && strcmp(o->v[i].name, name); i++)
		;
	return i < o->n;
}

/* One file. What cannot be read is named without a description: `check` says why. */
static void add_file(struct offers *o, const struct sbx_load_opts *opts, const char *path)
{
	const char *base = strrchr(path, '/') + 1;
	struct sbx_diags unsaid = {0};
	struct sbx_policy *p = NULL;
	struct offer one = {.name = strndup(base, strlen(base) - strlen(".yaml"))}, *more;

	more = one.name && !is_known(o, one.name) ? realloc(o->v, (o->n + 1) * sizeof(*o->v))
						  : NULL;
	if (!more) {
		free(one.name);
		return;
	}
	o->v = more;
	if (!sbx_policy_load(path, opts, &p, &unsaid)) {
		one.bundle = p->n_sources == 1;
		one.description = p->description ? strdup(p->description) : NULL;
		sbx_policy_free(p);
	}
	sbx_diags_free(&unsaid);
	o->v[o->n++] = one;
}

/* As bare names are looked up: what an earlier directory has hides that of a later one. */
static struct offers gather(const struct sbx_load_request *req)
{
	struct sbx_load_opts opts = sbx_load_opts_for(req);
	struct offers o = {0};
	const char *const *dir;
	char pattern[PATH_MAX];
	size_t i;
	glob_t g;

	opts.own = false;
	opts.vars = NULL; /* they are for the policy that was meant */
	for (dir = opts.dirs; *dir; dir++) {
		if (snprintf(pattern, sizeof(pattern), "%s/*.yaml", *dir) >= (int)sizeof(pattern) ||
		    glob(pattern, 0, NULL, &g))
			continue;
		for (i = 0; i < g.gl_pathc; i++)
			add_file(&o, &opts, g.gl_pathv[i]);
		globfree(&g);
	}
	return o;
}

static void print(const struct offers *o, bool bundles, const char *title)
{
	size_t i, width = 0, len;

	for (i = 0; i < o->n; i++) {
		len = strlen(o->v[i].name);
		width = len > width ? len : width;
	}
	fprintf(stderr, "%s:\n", title);
	for (i = 0; i < o->n; i++) {
		const struct offer *one = &o->v[i];
		const char *text = one->description ? one->description : "";

		if (one->bundle != bundles)
			continue;
		fputs("  ", stderr);
		sbx_put_escaped(stderr, one->name, strlen(one->name));
		fprintf(stderr, "%*s  ", (int)(width - strlen(one->name)), "");
		sbx_put_escaped(stderr, text, strlen(text));
		fputc('\n', stderr);
	}
}

static bool is_missing(const char *name)
{
	const char *const *dir;
	char path[PATH_MAX];
	bool found = strchr(name, '/') != NULL;

	for (dir = sbx_policy_dirs(); *dir && !found; dir++) {
		int n = snprintf(path, sizeof(path), "%s/%s.yaml", *dir, name);

		found = n < (int)sizeof(path) && !access(path, F_OK);
	}
	return !found;
}

void sbx_offer_policies(const struct sbx_load_request *req)
{
	struct offers o;
	size_t i;

	if (sbx_globals.json || !is_missing(req->policy))
		return;
	o = gather(req);
	print(&o, false, "policies");
	print(&o, true, "bundles, for `include:` in a policy of your own");
	for (i = 0; i < o.n; i++) {
		free(o.v[i].name);
		free(o.v[i].description);
	}
	free(o.v);
}
