// SPDX-License-Identifier: MIT
/*
 * 1. Which symlinks could the sandbox have made? Those whose name it may write, as bpf/path.bpf.c
 *    judges a new symlink, by the policy without them.
 * 2. Do they matter? The automata with and without them are walked side by side; the first path
 *    that gains a right by them is the error.
 * 3. The same for each of the others: its name may be opened by a link that is the administrator's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/alias.h"
#include "user/policy/pairs.h"
#include "user/policy/rulestr.h"
#include "user/policy/widen.h"

/* The states of the link itself and of its directory. */
static int states_of(const struct sbx_facts *f, const struct sbx_image *img, const char *link,
		     const struct sbx_state **at, const struct sbx_state **in)
{
	char *dir = strndup(link, strrchr(link, '/') - link), *real;
	uint32_t parent;

	real = dir ? sbx_alias_resolve(f, dir) : NULL;
	free(dir);
	if (!real)
		return -ENOMEM;
	parent = sbx_image_walk(img, sbx_image_hdr(img)->start, real, strlen(real));
	free(real);
	link = strrchr(link, '/');
	*at = sbx_image_state(img, sbx_image_walk(img, parent, link, strlen(link)));
	*in = sbx_image_state(img, parent);
	return *at && *in ? 0 : -EINVAL;
}

/* 1: the sandbox may put a symlink there; 0, -errno. */
static int may_make(const struct sbx_facts *f, const struct sbx_image *img, const char *link)
{
	const struct sbx_state *at, *in;
	int rc = states_of(f, img, link, &at, &in);

	if (rc)
		return rc;
	return at->rights & SBX_WRITE &&
	       (at->all & SBX_WRITE ||
		(SBX_CLS_BELOW(at->cls) == SBX_CLS_BELOW(in->sibling) && !in->bars_links));
}

/* --- the policy without some of its symlinks --- */

struct without {
	struct sbx_facts facts; /* borrows the aliases' texts */
	struct sbx_image img;
};

static int leave_out(const struct sbx_facts *f, const bool *left, struct without *w)
{
	size_t i;

	free(w->facts.aliases);
	w->facts = *f;
	w->facts.n_aliases = 0;
	w->facts.aliases = calloc(f->n_aliases + 1, sizeof(*f->aliases));
	for (i = 0; w->facts.aliases && i < f->n_aliases; i++)
		if (!left[i])
			w->facts.aliases[w->facts.n_aliases++] = f->aliases[i];
	return w->facts.aliases ? 0 : -ENOMEM;
}

static int compile_without(const struct sbx_policy *p, const struct sbx_facts *f, const bool *left,
			   struct without *w)
{
	struct sbx_automaton_stats stats;
	struct sbx_diags d = {0};
	int rc = leave_out(f, left, w);

	if (rc)
		return rc;
	free(w->img.data);
	w->img = (struct sbx_image){0};
	rc = sbx_automaton_compile(p, &w->facts, &w->img, &stats, &d);
	sbx_diags_free(&d);
	return rc;
}

/* A first look, since compiling once more takes its time: is the link's name writable at all? */
static int may_write(const struct sbx_policy *p, const struct sbx_facts *all,
		     const struct sbx_facts *f, const char *link)
{
	const char *name = strrchr(link, '/');
	char *dir = strndup(link, name - link), *real, *path = NULL;
	bool granted;

	real = dir ? sbx_alias_resolve(all, dir) : NULL;
	free(dir);
	if (!real || asprintf(&path, "%s%s", real, name) < 0)
		path = NULL;
	free(real);
	if (!path)
		return -ENOMEM;
	sbx_files_decider(p, f, path, strlen(path), SBX_WRITE, &granted);
	free(path);
	return granted;
}

/* Marks those that the sandbox may have made; w is the policy without them in the end. */
static int find_doubtful(const struct sbx_policy *p, const struct sbx_facts *f, bool *doubtful,
			 size_t *n, struct without *w)
{
	static const struct sbx_facts none;
	size_t i, all = 0;
	int rc = 0;

	*n = 0;
	for (i = 0; i < f->n_aliases; i++) {
		if (!f->aliases[i].symlink)
			continue;
		rc = may_write(p, f, f, f->aliases[i].from);
		if (!rc)
			rc = may_write(p, f, &none, f->aliases[i].from);
		if (rc < 0)
			return rc;
		doubtful[i] = rc;
		all += doubtful[i];
	}
	if (!all)
		return 0;
	rc = compile_without(p, f, doubtful, w);
	for (i = 0; i < f->n_aliases && !rc; i++) {
		if (!doubtful[i])
			continue;
		rc = may_make(f, &w->img, f->aliases[i].from);
		doubtful[i] = rc > 0;
		*n += doubtful[i];
		rc = rc < 0 ? rc : 0;
	}
	return !rc && *n && *n < all ? compile_without(p, f, doubtful, w) : rc;
}

/* --- side by side: with them, and without --- */

/* The rights that the path gains. */
static uint8_t gained(sbx_pair_states at, uint8_t wanted)
{
	return at[0]->rights & ~at[1]->rights & wanted;
}

/* Whatever is granted below is granted everywhere without. */
static bool barren(sbx_pair_states at, uint8_t wanted)
{
	return !(at[0]->any & ~at[1]->all & wanted);
}

/* --- what is said --- */

/* The link behind the gain: the one whose target the path is, or is below. */
static const struct sbx_alias *culprit(const struct sbx_facts *f, const bool *doubtful,
				       const char *path)
{
	const struct sbx_alias *any = NULL;
	size_t i;

	for (i = 0; i < f->n_aliases; i++) {
		const struct sbx_alias *a = &f->aliases[i];

		if (!doubtful[i])
			continue;
		any = a;
		if (path && sbx_path_below(path, strlen(path), a->to, strlen(a->to)))
			return a;
	}
	return any;
}

static void report(const struct sbx_policy *p, const struct sbx_facts *f, const bool *doubtful,
		   const char *path, uint8_t rights, struct sbx_diags *d)
{
	const struct sbx_alias *a = culprit(f, doubtful, path);
	struct sbx_pos pos = {.file = p->file};
	uint8_t right = rights & -rights;
	char *names = NULL;
	struct sbx_text t;
	bool granted;
	int rule = -1;

	if (path)
		rule = sbx_files_decider(p, f, path, strlen(path), right, &granted);
	if (!sbx_text_begin(&t)) {
		sbx_put_rights(t.out, rights);
		sbx_text_end(&t, &names);
	}
	sbx_diag_add(d, SBX_ERROR, rule < 0 ? pos : p->files[rule].pos,
		     "find out who made it; then remove it, or write the path that it leads to, or "
		     "deny writing the link before this rule is used",
		     "a symlink that the sandbox may have made would widen the policy (%s leads to "
		     "%s: %s of %s)",
		     a->from, *a->to ? a->to : "/", names ? names : "more",
		     path && *path ? path : "/");
	free(names);
}

/* What the doubtful ones add; w is the policy without them. What cannot be found out is refused. */
static int compare(const struct sbx_policy *p, const struct sbx_facts *f,
		   const struct sbx_image *img, const bool *doubtful, const struct without *w,
		   struct sbx_diags *d)
{
	struct sbx_pairs s = {.img = {img, &w->img},
			      .shows = gained,
			      .barren = barren,
			      .wanted = SBX_RIGHTS_ALL,
			      .chooser = -1};
	int rc = sbx_pairs_find(&s);

	if (rc > 0 || rc == -E2BIG) {
		report(p, f, doubtful, s.path, s.shown, d);
		rc = -EINVAL;
	}
	sbx_pairs_free(&s);
	return rc;
}

/* Could it have made this one where those of `left` were not, it among them, and does it matter? */
static int try_one(const struct sbx_policy *p, const struct sbx_facts *f,
		   const struct sbx_image *img, const bool *left, size_t i, struct without *w,
		   struct sbx_diags *d)
{
	int rc = leave_out(f, left, w);

	if (!rc)
		rc = may_write(p, f, &w->facts, f->aliases[i].from);
	if (rc > 0) {
		rc = compile_without(p, f, left, w);
		rc = rc ? rc : may_make(f, &w->img, f->aliases[i].from);
	}
	return rc > 0 ? compare(p, f, img, left, w, d) : rc;
}

/* Those whose names others open, which may be the administrator's: some of the doubtful ones, too.
 */
static int try_others(const struct sbx_policy *p, const struct sbx_facts *f,
		      const struct sbx_image *img, bool *doubtful, struct without *w,
		      struct sbx_diags *d)
{
	bool *alone = calloc(f->n_aliases + 1, sizeof(*alone));
	int rc = alone ? 0 : -ENOMEM;
	size_t i;

	for (i = 0; i < f->n_aliases && !rc; i++) {
		if (!f->aliases[i].symlink || doubtful[i])
			continue;
		doubtful[i] = alone[i] = true;
		rc = try_one(p, f, img, alone, i, w, d);
		if (!rc)
			rc = try_one(p, f, img, doubtful, i, w, d);
		alone[i] = false;
		doubtful[i] = rc != 0; /* then it is named */
	}
	free(alone);
	return rc;
}

int sbx_links_widen(const struct sbx_policy *p, const struct sbx_facts *facts,
		    const struct sbx_image *img, struct sbx_diags *d)
{
	bool *doubtful = calloc(facts->n_aliases + 1, sizeof(*doubtful));
	struct without w = {0};
	size_t errors = d->errors, n = 0;
	int rc = doubtful ? find_doubtful(p, facts, doubtful, &n, &w) : -ENOMEM;

	if (!rc && n)
		rc = compare(p, facts, img, doubtful, &w, d);
	if (!rc)
		rc = try_others(p, facts, img, doubtful, &w, d);
	if (rc == -EINVAL && d->errors == errors) /* it does not compile without them */
		report(p, facts, doubtful, NULL, 0, d);
	free(w.facts.aliases);
	free(w.img.data);
	free(doubtful);
	return rc;
}
