// SPDX-License-Identifier: MIT
/*
 * An assertion about files is compiled like a policy of its own: an allow for its patterns, a deny
 * for its exceptions. Walked beside the policy's automaton (pairs.c), it says which paths the
 * assertion speaks of. `always` leaves out what lies below symlinks and later mounts: there are no
 * objects of such names.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/assertion.h"
#include "user/policy/pairs.h"
#include "user/policy/pattern.h"
#include "user/policy/rulestr.h"

/* Images of an assertion; seen by the searches in this order. */
enum { POLICY, CHOSEN, SHADOWED };

static bool chosen(sbx_pair_states at)
{
	return at[CHOSEN]->rights && !(at[SHADOWED] && at[SHADOWED]->rights);
}

static uint8_t never_shows(sbx_pair_states at, uint8_t wanted)
{
	return chosen(at) ? at[POLICY]->rights & wanted : 0;
}

static bool never_barren(sbx_pair_states at, uint8_t wanted)
{
	return !at[CHOSEN]->any || !(at[POLICY]->any & wanted);
}

static uint8_t always_shows(sbx_pair_states at, uint8_t wanted)
{
	return chosen(at) ? wanted & ~at[POLICY]->rights : 0;
}

static bool always_barren(sbx_pair_states at, uint8_t wanted)
{
	return !at[CHOSEN]->any || !(wanted & ~at[POLICY]->all);
}

static uint8_t both_shows(sbx_pair_states at, uint8_t wanted)
{
	return chosen(at) && !(wanted & ~at[POLICY]->rights) ? wanted : 0;
}

static bool both_barren(sbx_pair_states at, uint8_t wanted)
{
	return !at[CHOSEN]->any || wanted & ~at[POLICY]->any;
}

static const struct {
	uint8_t (*shows)(sbx_pair_states at, uint8_t wanted);
	bool (*barren)(sbx_pair_states at, uint8_t wanted);
} searches[] = {
	[SBX_NEVER] = {never_shows, never_barren},
	[SBX_ALWAYS] = {always_shows, always_barren},
	[SBX_NEVER_BOTH] = {both_shows, both_barren},
};

struct prover {
	const struct sbx_subject *s;
	const struct sbx_facts *facts; /* of the assertions */
	struct sbx_image shadowed;     /* no data: there are no aliases */
	struct sbx_image binds;	       /* the policy, with what it lets bind abstract names */
	struct sbx_findings *out;
	struct sbx_diags *d;
};

/* Those of `n` patterns that no exception names. -EINVAL: too entangled. */
static int compile_chosen(const struct prover *p, const struct sbx_file_rule *r,
			  struct sbx_pattern *paths, size_t n, struct sbx_image *img,
			  struct sbx_diags *d)
{
	struct sbx_file_rule rules[2] = {{.pos = r->pos,
					  .verb = SBX_ALLOW,
					  .rights = r->rights,
					  .paths = paths,
					  .n_paths = n},
					 {.pos = r->pos,
					  .verb = SBX_DENY,
					  .rights = r->rights,
					  .paths = r->except,
					  .n_paths = r->n_except}};
	struct sbx_policy just = {.file = (char *)r->pos.file, .files = rules};

	just.n_files = r->n_except ? 2 : 1;
	return sbx_automaton_compile(&just, p->facts, img, NULL, d);
}

static int search_for(const struct prover *p, const struct sbx_file_rule *r,
		      const struct sbx_image *img, const struct sbx_image *shadowed, uint8_t wanted,
		      struct sbx_pairs *s)
{
	const struct sbx_image *policy = r->socket && p->binds.data ? &p->binds : p->s->image;

	*s = (struct sbx_pairs){.img = {policy, img, shadowed},
				.shows = searches[r->verb].shows,
				.barren = searches[r->verb].barren,
				.wanted = wanted,
				.chooser = CHOSEN,
				.builtin = true};
	return sbx_pairs_find(s);
}

/*
 * 1: refuted, with s->path and s->shown; 0, -E2BIG, -ENOMEM. To be freed in any case. What may
 * never be may not be under names either that do not exist while a symlink is there; but those that
 * do are better examples.
 */
static int search(const struct prover *p, const struct sbx_file_rule *r,
		  const struct sbx_image *img, uint8_t wanted, struct sbx_pairs *s)
{
	const struct sbx_image *shadowed = p->shadowed.data ? &p->shadowed : NULL;
	int rc = search_for(p, r, img, shadowed, wanted, s);

	if (rc || !shadowed || r->verb == SBX_ALWAYS)
		return rc;
	sbx_pairs_free(s);
	return search_for(p, r, img, NULL, wanted, s);
}

static char *rights_text(const struct sbx_file_rule *r, uint8_t rights)
{
	struct sbx_text t;
	char *s = NULL;

	if (sbx_text_begin(&t))
		return NULL;
	if (r->socket)
		sbx_put_socket_rights(t.out, rights);
	else
		sbx_put_rights(t.out, rights);
	sbx_text_end(&t, &s);
	return s;
}

static int report_path(struct prover *p, const struct sbx_file_rule *r,
		       const struct sbx_pattern *pat, const struct sbx_pairs *s)
{
	struct sbx_finding *f = sbx_findings_add(p->out, SBX_REFUTED, pat->pos,
						 sbx_file_rule_text(r, pat), r->reason);
	uint8_t right = s->shown & -s->shown;
	bool granted;
	int rule;

	if (!f)
		return -ENOMEM;
	f->example = sbx_path_text(s->path, s->len);
	f->rights = rights_text(r, s->shown);
	rule = sbx_files_decider(p->s->policy, p->s->facts, s->path, s->len, right, &granted);
	if (rule >= 0) {
		const struct sbx_file_rule *by = &p->s->policy->files[rule];

		f->rule_at = sbx_pos_text(by->pos);
		f->rule_text =
			sbx_file_rule_text(by, sbx_patterns_find(by->paths, by->n_paths,
								 p->s->facts, s->path, s->len));
	}
	return f->example && f->rights ? 0 : -ENOMEM;
}

/* Which rights of this pattern do not hold? */
static int try_pattern(struct prover *p, const struct sbx_file_rule *r, struct sbx_pattern *pat)
{
	struct sbx_diags unsaid = {0}; /* was said of all patterns together */
	struct sbx_image img = {0};
	uint8_t wanted = r->rights;
	int rc = compile_chosen(p, r, pat, 1, &img, &unsaid), found = 0;

	while (!rc && wanted) {
		struct sbx_pairs s;

		found = search(p, r, &img, wanted, &s);
		if (found > 0) {
			wanted &= ~s.shown;
			rc = report_path(p, r, pat, &s);
		} else {
			rc = found;
			wanted = 0;
		}
		sbx_pairs_free(&s);
	}
	if (rc == -E2BIG || rc == -EINVAL)
		rc = sbx_findings_add(p->out, SBX_UNPROVED, pat->pos, sbx_file_rule_text(r, pat),
				      r->reason)
			     ? 0
			     : -ENOMEM;
	sbx_diags_free(&unsaid);
	free(img.data);
	return rc;
}

/* Warnings about the assertion: patterns or exceptions that match nothing. */
static void pass_on(const struct sbx_diags *from, struct sbx_diags *to)
{
	size_t i;

	for (i = 0; i < from->n; i++) {
		const struct sbx_diag *one = &from->v[i];
		struct sbx_pos pos = {one->file, one->line, one->col};

		sbx_diag_add(to, one->severity, pos, one->hint, "%s", one->what);
	}
}

/* All patterns together: 1 where they do not hold, or where it takes too long to tell. */
static int try_together(struct prover *p, const struct sbx_file_rule *r)
{
	struct sbx_image img = {0};
	struct sbx_diags said = {0};
	struct sbx_pairs s = {0};
	int rc = compile_chosen(p, r, r->paths, r->n_paths, &img, &said);

	if (!rc) {
		pass_on(&said, p->d);
		rc = search(p, r, &img, r->rights, &s);
	}
	sbx_pairs_free(&s);
	sbx_diags_free(&said);
	free(img.data);
	return rc == -ENOMEM ? rc : rc != 0;
}

static int prove_files(struct prover *p, const struct sbx_file_rule *r)
{
	size_t before = p->out->n, i;
	int rc = try_together(p, r);

	if (rc > 0)
		for (i = 0, rc = 0; i < r->n_paths && !rc; i++)
			rc = try_pattern(p, r, &r->paths[i]);
	if (!rc && p->out->n == before &&
	    !sbx_findings_add(p->out, SBX_PROVED, r->pos, sbx_file_rule_text(r, NULL), r->reason))
		rc = -ENOMEM;
	return rc;
}

static int compile_shadowed(struct prover *p)
{
	static const struct sbx_facts none;
	size_t n = p->facts->n_aliases, i;
	struct sbx_pattern *v = calloc(n + 1, sizeof(*v));
	struct sbx_file_rule rule = {
		.verb = SBX_ALLOW, .rights = SBX_READ, .paths = v, .n_paths = n};
	struct sbx_policy just = {.file = "", .files = &rule, .n_files = 1};
	struct sbx_diags d = {0};
	int rc = v ? 0 : -ENOMEM;

	for (i = 0; i < n && !rc; i++) {
		const char *from = p->facts->aliases[i].from;

		v[i].text = sbx_pattern_literal(from, strlen(from), "/**", false);
		rc = v[i].text ? 0 : -ENOMEM;
	}
	if (!rc && n)
		rc = sbx_automaton_compile(&just, &none, &p->shadowed, NULL, &d);
	for (i = 0; v && i < n; i++)
		free(v[i].text);
	free(v);
	sbx_diags_free(&d);
	return rc == -EINVAL ? 0 : rc; /* then more must be proved than is needed */
}

/* Abstract names may be bound where no rule says otherwise: the image of a policy that has no such
 * rule does not say so. */
static int compile_binds(struct prover *p)
{
	static struct sbx_pattern all = {.text = SBX_ABSTRACT "**"};
	const struct sbx_policy *policy = p->s->policy;
	struct sbx_policy more = *policy;
	struct sbx_diags d = {0};
	int rc;

	more.files = calloc(policy->n_files + 1, sizeof(*more.files));
	if (!more.files)
		return -ENOMEM;
	if (policy->n_files)
		memcpy(more.files, policy->files, policy->n_files * sizeof(*more.files));
	more.files[more.n_files++] = (struct sbx_file_rule){
		.verb = SBX_ALLOW, .rights = SBX_WRITE, .paths = &all, .n_paths = 1};
	rc = sbx_automaton_compile(&more, p->s->facts, &p->binds, NULL, &d);
	free(more.files);
	sbx_diags_free(&d);
	return rc;
}

int sbx_assert_files(const struct sbx_subject *s, const struct sbx_policy *asserted,
		     const struct sbx_facts *facts, struct sbx_findings *out, struct sbx_diags *d)
{
	struct prover p = {.s = s, .facts = facts, .out = out, .d = d};
	int rc = compile_shadowed(&p);
	size_t i;

	if (!rc && asserted->unix_binds && !s->policy->unix_binds)
		rc = compile_binds(&p);
	for (i = 0; i < asserted->n_files && !rc; i++)
		rc = prove_files(&p, &asserted->files[i]);
	free(p.shadowed.data);
	free(p.binds.data);
	return rc;
}
