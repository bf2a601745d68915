// SPDX-License-Identifier: MIT
/* Assertions as a whole; assertfile.c and assertnet.c prove those about files and peers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/assertion.h"
#include "user/policy/domains.h"
#include "user/policy/intern.h"
#include "user/policy/netset.h"

/* --- findings --- */

struct sbx_finding *sbx_findings_add(struct sbx_findings *f, enum sbx_outcome outcome,
				     struct sbx_pos pos, char *text, const char *reason)
{
	if (!text || sbx_grow(&f->v, &f->room, f->n + 1, sizeof(*f->v))) {
		free(text);
		return NULL;
	}
	f->count[outcome]++;
	f->v[f->n] = (struct sbx_finding){
		.outcome = outcome, .pos = pos, .text = text, .reason = reason};
	return &f->v[f->n++];
}

void sbx_findings_free(struct sbx_findings *f)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		free(f->v[i].text);
		free(f->v[i].example);
		free(f->v[i].rights);
		free(f->v[i].rule_at);
		free(f->v[i].rule_text);
	}
	free(f->v);
	*f = (struct sbx_findings){0};
}

/* --- beside rules --- */

/* Can one name be both? Each is a name, or the beginning of names. */
static bool names_meet(const char *a, const char *b)
{
	size_t na = strcspn(a, "*"), nb = strcspn(b, "*"), n = na < nb ? na : nb;

	if (strncmp(a, b, n))
		return false;
	return (na <= n || b[nb]) && (nb <= n || a[na]);
}

/* The variable that is passed on, and is not to be. */
static const char *passed_on(const struct sbx_policy *p, const char *never)
{
	size_t i;

	for (i = 0; i < p->n_env_keep; i++)
		if (names_meet(p->env_keep[i], never))
			return p->env_keep[i];
	return NULL;
}

/* What the policy gives beyond the bound, in its own words; NULL: nothing. */
static const char *beyond(const struct sbx_policy *p, const struct sbx_bound *b)
{
	switch (b->kind) {
	case SBX_BOUND_MODE:
		return p->mode > b->mode ? "mode: audit" : NULL;
	case SBX_BOUND_EXEC:
		return p->exec_anonymous && !b->exec_anonymous ? "exec-anonymous: allow" : NULL;
	case SBX_BOUND_FAMILIES:
		return p->families & ~b->families || p->netlink & ~b->netlink ? "families" : NULL;
	case SBX_BOUND_CAPS:
		return p->caps & ~b->caps ? "capabilities" : NULL;
	case SBX_BOUND_ENV:
		return passed_on(p, b->env);
	case SBX_BOUND_NONE:
		break;
	}
	return NULL;
}

static int prove_bound(const struct sbx_policy *p, const struct sbx_bound *b,
		       struct sbx_findings *out)
{
	static const char *const what[] = {
		[SBX_BOUND_MODE] = "at most this mode",
		[SBX_BOUND_EXEC] = "at most this exec-anonymous",
		[SBX_BOUND_FAMILIES] = "at most these families",
		[SBX_BOUND_CAPS] = "at most these capabilities",
	};
	const char *more = beyond(p, b);
	struct sbx_finding *f;
	char *text;

	if (b->kind != SBX_BOUND_ENV)
		text = strdup(what[b->kind]);
	else if (asprintf(&text, "never keep %s", b->env) < 0)
		text = NULL;
	f = sbx_findings_add(out, more ? SBX_REFUTED : SBX_PROVED, b->pos, text, NULL);
	if (!f)
		return -ENOMEM;
	if (more)
		f->example = strdup(more);
	return more && !f->example ? -ENOMEM : 0;
}

/* --- all of them --- */

/*
 * A name may lead to any address of the internet. So what is never allowed is proved of the policy
 * that opens all of them for its names, and what is always allowed of the one that opens none.
 */
static int prove_net(const struct sbx_subject *s, const struct sbx_policy *asserted,
		     struct sbx_findings *out)
{
	struct sbx_image image = {0};
	struct sbx_policy_view most;
	struct sbx_subject opened = {&most.p, s->facts, &image};
	struct sbx_diags unsaid = {0};
	size_t i;
	int rc = sbx_names_anywhere(s->policy, &most);

	if (rc)
		return rc;
	rc = sbx_netset_compile(&most.p, s->facts, &image, &unsaid);
	for (i = 0; i < asserted->n_net && !rc; i++)
		rc = sbx_assert_net(asserted->net[i].verb == SBX_NEVER ? &opened : s,
				    &asserted->net[i], out);
	sbx_diags_free(&unsaid);
	sbx_policy_view_free(&most);
	free(image.data);
	return rc;
}

int sbx_assertions_prove(const struct sbx_subject *s, const struct sbx_policy *asserted,
			 const struct sbx_facts *facts, struct sbx_findings *out,
			 struct sbx_diags *d)
{
	int rc = sbx_assert_files(s, asserted, facts, out, d);
	size_t i;

	if (!rc)
		rc = prove_net(s, asserted, out);
	for (i = 0; i < asserted->n_bounds && !rc; i++)
		rc = prove_bound(s->policy, &asserted->bounds[i], out);
	return rc;
}

/* --- files of assertions --- */

/* Where a name leads, its owner decides. */
static void refuse_names(const struct sbx_endpoint *e, size_t n, struct sbx_diags *d)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (sbx_endpoint_is_name(&e[i]))
			sbx_diag_add(d, SBX_ERROR, e[i].pos, "assert something of addresses",
				     "nothing can be proved of a name (%s)", e[i].source);
}

/* Of what is not enforced nothing holds. */
static int refuse_unsupported(struct sbx_policy **p, struct sbx_diags *d)
{
	size_t i;

	size_t before = d->errors;

	for (i = 0; i < (*p)->n_unsupported; i++)
		sbx_diag_add(d, SBX_ERROR, (*p)->unsupported[i].pos, "take it out",
			     "this version enforces no such thing, and so proves nothing (%s)",
			     (*p)->unsupported[i].what);
	for (i = 0; i < (*p)->n_net; i++) {
		refuse_names((*p)->net[i].to, (*p)->net[i].n_to, d);
		refuse_names((*p)->net[i].except, (*p)->net[i].n_except, d);
	}
	if (d->errors == before)
		return 0;
	sbx_policy_free(*p);
	*p = NULL;
	return -EINVAL;
}

int sbx_assertions_load(const char *file_or_name, const struct sbx_load_opts *opts,
			struct sbx_policy **out, struct sbx_diags *d)
{
	struct sbx_load_opts o = *opts;
	int rc;

	o.assertions = true;
	o.own = false;
	rc = sbx_policy_load(file_or_name, &o, out, d);
	return rc ? rc : refuse_unsupported(out, d);
}

int sbx_assertions_parse(const char *name, const char *text, size_t len,
			 const struct sbx_load_opts *opts, struct sbx_policy **out,
			 struct sbx_diags *d)
{
	struct sbx_load_opts o = *opts;
	int rc;

	o.assertions = true;
	rc = sbx_policy_parse(name, text, len, &o, out, d);
	return rc ? rc : refuse_unsupported(out, d);
}

int sbx_assertions_facts(const struct sbx_policy *policy, const struct sbx_policy *asserted,
			 struct sbx_facts *out)
{
	size_t n = policy->n_files, more = asserted->n_files;
	struct sbx_policy both = {.n_files = n + more};
	int rc;

	both.files = calloc(n + more + 1, sizeof(*both.files));
	if (!both.files)
		return -ENOMEM;
	if (n)
		memcpy(both.files, policy->files, n * sizeof(*both.files));
	if (more)
		memcpy(both.files + n, asserted->files, more * sizeof(*both.files));
	rc = sbx_facts_gather(&both, out);
	free(both.files);
	return rc;
}
