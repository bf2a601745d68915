// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/cli/assertions.h"
#include "user/cli/common.h"
#include "user/policy/pairs.h"
#include "user/policy/rulestr.h"

static const struct sbx_pos nowhere;

static void report_refuted(const struct sbx_finding *f, struct sbx_diags *d)
{
	bool beside_rules = !f->rights;
	char hint[512];

	snprintf(hint, sizeof(hint), "%s%s%s",
		 beside_rules ? "change the policy, or what is asserted of it"
			      : "change the rule that decides, or add an `except` to the assertion",
		 f->reason ? "; it was asserted because: " : "", f->reason ? f->reason : "");
	if (beside_rules)
		sbx_diag_add(d, SBX_ERROR, f->pos, hint, "refuted: %s (%s)", f->text, f->example);
	else if (f->rule_at)
		sbx_diag_add(d, SBX_ERROR, f->pos, hint, "refuted: %s (%s of %s; %s decides: %s)",
			     f->text, f->rights, f->example, f->rule_at, f->rule_text);
	else
		sbx_diag_add(d, SBX_ERROR, f->pos, hint, "refuted: %s (%s of %s; no rule matches)",
			     f->text, f->rights, f->example);
}

static void report(const struct sbx_findings *all, struct sbx_diags *d)
{
	size_t i;

	for (i = 0; i < all->n; i++) {
		const struct sbx_finding *f = &all->v[i];

		if (f->outcome == SBX_REFUTED)
			report_refuted(f, d);
		else if (f->outcome == SBX_UNPROVED)
			sbx_diag_add(d, SBX_ERROR, f->pos,
				     "give its patterns a longer literal beginning, or split it",
				     "not proved: %s (more than %u combinations of states)",
				     f->text, SBX_PAIRS_MAX);
	}
}

int sbx_assert(const struct sbx_load_request *req, const struct sbx_loaded *l, const char *file,
	       struct sbx_asserted *out, struct sbx_diags *d)
{
	struct sbx_load_opts opts = sbx_load_opts_for(req);
	struct sbx_subject s = {l->policy, &l->facts, &l->compiled.image};
	size_t before = d->errors;
	int r;

	*out = (struct sbx_asserted){.file = file};
	r = sbx_assertions_load(file, &opts, &out->policy, d);
	if (r == -EINVAL)
		return SBX_EXIT_POLICY;
	if (!r)
		r = sbx_assertions_facts(l->policy, out->policy, &out->facts);
	if (!r)
		r = sbx_assertions_prove(&s, out->policy, &out->facts, &out->findings, d);
	if (r) {
		sbx_diag_add(d, SBX_ERROR, nowhere, NULL,
			     "cannot look into the assertions (%s): %s", file, strerror(-r));
		return SBX_EXIT_FAILURE;
	}
	report(&out->findings, d);
	return d->errors > before ? SBX_EXIT_ASSERTION : 0;
}

void sbx_asserted_print(const struct sbx_asserted *a)
{
	const size_t *n = a->findings.count;

	if (!a->policy)
		return;
	fputs("  assertions of ", stdout);
	sbx_put_escaped(stdout, a->policy->file, strlen(a->policy->file));
	printf(": %zu proved", n[SBX_PROVED]);
	if (n[SBX_REFUTED])
		printf(", %zu refuted", n[SBX_REFUTED]);
	if (n[SBX_UNPROVED])
		printf(", %zu not proved", n[SBX_UNPROVED]);
	putchar('\n');
}

json_t *sbx_asserted_json(const struct sbx_asserted *a)
{
	static const char *const outcomes[] = {"proved", "refuted", "not proved"};
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < a->findings.n; i++) {
		const struct sbx_finding *f = &a->findings.v[i];

		json_array_append_new(
			list, json_pack("{s:o, s:i, s:i, s:o, s:s, s:o, s:s?, s:s?, s:s?, s:s?}",
					"file", sbx_json_text(f->pos.file), "line", f->pos.line,
					"column", f->pos.col, "assertion", sbx_json_text(f->text),
					"outcome", outcomes[f->outcome], "reason",
					sbx_json_text(f->reason), "example", f->example, "rights",
					f->rights, "rule_at", f->rule_at, "rule", f->rule_text));
	}
	return list;
}

void sbx_asserted_free(struct sbx_asserted *a)
{
	sbx_findings_free(&a->findings);
	sbx_facts_free(&a->facts);
	sbx_policy_free(a->policy);
	*a = (struct sbx_asserted){0};
}
