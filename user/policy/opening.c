// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/opening.h"
#include "user/policy/pairs.h"
#include "user/policy/pattern.h"
#include "user/policy/rulestr.h"

#define EXAMPLES  3
#define KINDS_MAX 50 /* above, they are not counted */

enum { WITH, WITHOUT, ASKED };

/* --- the policy with the line --- */

struct changed {
	struct sbx_policy policy;
	struct sbx_pattern pattern;
	size_t *excepted; /* rules whose exceptions are an array of ours */
	size_t n_excepted;
};

static void changed_free(struct changed *c)
{
	while (c->n_excepted > 0)
		free(c->policy.files[c->excepted[--c->n_excepted]].except);
	free(c->excepted);
	free(c->policy.files);
}

static int add_exception(struct changed *c, size_t rule)
{
	struct sbx_file_rule *r = &c->policy.files[rule];
	struct sbx_pattern *v = calloc(r->n_except + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	if (r->n_except)
		memcpy(v, r->except, r->n_except * sizeof(*v));
	v[r->n_except++] = c->pattern;
	r->except = v;
	c->excepted[c->n_excepted++] = rule;
	return 0;
}

/* To be freed in any case. */
static int change(struct changed *c, const struct sbx_policy *p, uint8_t right,
		  const struct sbx_obstacle *o)
{
	size_t i;
	int rc = 0;

	c->policy = *p;
	c->policy.files = calloc(p->n_files + 2, sizeof(*p->files));
	c->excepted = calloc(o->n_protects + 1, sizeof(*c->excepted));
	if (!c->policy.files || !c->excepted)
		return -ENOMEM;
	if (p->n_files)
		memcpy(c->policy.files, p->files, p->n_files * sizeof(*p->files));
	for (i = 0; i < o->n_protects && !rc; i++)
		rc = add_exception(c, o->protects[i].file - p->files);
	if (!rc && !o->granted)
		c->policy.files[c->policy.n_files++] = (struct sbx_file_rule){.verb = SBX_ALLOW,
									      .rights = right,
									      .override = true,
									      .paths = &c->pattern,
									      .n_paths = 1};
	if (!rc && o->left)
		c->policy.files[c->policy.n_files++] = (struct sbx_file_rule){
			.verb = SBX_PROTECT, .rights = o->left, .paths = &c->pattern, .n_paths = 1};
	return rc;
}

/* --- what it opens --- */

/* wanted: all rights, and the one that was asked for, of the path that it was asked for. */
static uint8_t opened(sbx_pair_states at, uint8_t wanted)
{
	uint8_t gained = at[WITH]->rights & ~at[WITHOUT]->rights & SBX_RIGHTS_ALL;

	return at[ASKED]->rights ? gained & ~(wanted >> SBX_RIGHT_BITS) : gained;
}

static bool nothing_opened(sbx_pair_states at, uint8_t wanted)
{
	return !(at[WITH]->any & ~at[WITHOUT]->all);
}

static int put_example(FILE *out, const struct sbx_pairs *s, size_t n)
{
	char *path = sbx_path_text(s->path, s->len);

	if (!path)
		return -ENOMEM;
	fputs(n ? ", " : "also ", out);
	sbx_put_rights(out, s->shown);
	fprintf(out, " of %s", path);
	free(path);
	return 0;
}

/* Names in directories that rules do not tell apart are of one kind. */
struct kinds {
	struct {
		size_t dir;
		uint8_t shown;
	} v[KINDS_MAX];
	size_t n;
};

static bool is_new(struct kinds *k, const struct sbx_pairs *s)
{
	size_t i;

	for (i = 0; i < k->n; i++)
		if (k->v[i].dir == s->dir && k->v[i].shown == s->shown)
			return false;
	k->v[k->n].dir = s->dir;
	k->v[k->n++].shown = s->shown;
	return true;
}

static int list(FILE *out, struct sbx_pairs *s)
{
	struct kinds k = {.n = 0};
	int rc;

	while ((rc = sbx_pairs_find(s)) > 0 && k.n < KINDS_MAX)
		if (is_new(&k, s) && k.n <= EXAMPLES && put_example(out, s, k.n - 1))
			return -ENOMEM;
	if (rc == -E2BIG)
		fprintf(out, "%sit takes too long to tell what else", k.n ? "; " : "");
	else if (!k.n && !rc)
		fputs("nothing else", out);
	else if (k.n > EXAMPLES)
		fprintf(out, ", and in %zu%s more kinds of places", k.n - EXAMPLES,
			rc > 0 ? " or" : "");
	return rc == -ENOMEM ? rc : 0;
}

static int compile(const struct sbx_policy *p, const struct sbx_facts *facts, struct sbx_image *img)
{
	struct sbx_diags d = {0};
	int rc = sbx_automaton_compile(p, facts, img, NULL, &d);

	sbx_diags_free(&d);
	return rc;
}

/* One rule, for the path that was asked about. */
static int compile_asked(const char *path, size_t len, struct sbx_image *img)
{
	static const struct sbx_facts none;
	struct sbx_pattern exact = {.text = sbx_pattern_literal(path, len, "", false)};
	struct sbx_file_rule rule = {
		.verb = SBX_ALLOW, .rights = SBX_READ, .paths = &exact, .n_paths = 1};
	struct sbx_policy just = {.file = "", .files = &rule, .n_files = 1};
	int rc = exact.text ? compile(&just, &none, img) : -ENOMEM;

	free(exact.text);
	return rc;
}

int sbx_opening_tell(const struct sbx_policy *p, const struct sbx_facts *facts, const char *path,
		     size_t len, uint8_t right, const struct sbx_obstacle *o, char *pattern,
		     char **out)
{
	struct changed c = {.pattern = {.text = pattern, .source = pattern}};
	struct sbx_image img[3] = {{0}};
	struct sbx_pairs s = {.img = {&img[WITH], &img[WITHOUT], &img[ASKED]},
			      .shows = opened,
			      .barren = nothing_opened,
			      .wanted = SBX_RIGHTS_ALL | right << SBX_RIGHT_BITS,
			      .chooser = -1,
			      .builtin = true};
	struct sbx_text t;
	int rc = change(&c, p, right, o);

	if (!rc)
		rc = compile(&c.policy, facts, &img[WITH]);
	if (!rc)
		rc = compile(p, facts, &img[WITHOUT]);
	if (!rc)
		rc = compile_asked(path, len, &img[ASKED]);
	if (!rc && !sbx_text_begin(&t)) {
		rc = list(t.out, &s);
		if (sbx_text_end(&t, out))
			rc = -ENOMEM;
	}
	sbx_pairs_free(&s);
	changed_free(&c);
	free(img[WITH].data);
	free(img[WITHOUT].data);
	free(img[ASKED].data);
	return rc == -EINVAL ? 0 : rc; /* does not compile: then attach says so */
}
