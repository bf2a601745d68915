// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/prove.h"
#include "user/policy/search.h"

static const char *const right_names[SBX_RIGHTS] = {"read", "write", "exec", "connect"};

static void list_rights(char *out, size_t size, uint8_t rights)
{
	size_t n = 0;
	int r;

	*out = '\0';
	for (r = 0; r < SBX_RIGHTS; r++)
		if (rights & 1 << r)
			n += snprintf(out + n, size - n, "%s%s", n ? ", " : "", right_names[r]);
}

/* The path as it may be shown: control bytes and what is not ASCII as \xNN. NULL: out of memory. */
static char *printable(const char *path, size_t len)
{
	char *out = malloc(4 * len + 2), *o = out;
	size_t i;

	if (!out)
		return NULL;
	for (i = 0; i < len; i++) {
		uint8_t c = (uint8_t)path[i];

		if (c >= ' ' && c < 0x7f)
			*o++ = (char)c;
		else
			o += sprintf(o, "\\x%02x", c);
	}
	if (!len)
		*o++ = '/';
	*o = '\0';
	return out;
}

static int report_reopening(const struct sbx_policy *p, const struct sbx_query *q,
			    struct sbx_diags *d)
{
	const struct sbx_pos *at = &p->files[q->denier].pos;
	char rights[32], *path = printable(q->path, q->path_len);

	if (!path)
		return -ENOMEM;
	list_rights(rights, sizeof(rights), q->right);
	sbx_diag_add(d, SBX_ERROR, p->files[q->rule].pos,
		     "if that is meant, add override: true to this rule; if not, narrow its path "
		     "or move "
		     "it before the denial",
		     "this allow reopens the denial at %s:%d:%d (%s of %s)",
		     at->file ? at->file : "-", at->line, at->col, rights, path);
	free(path);
	return 0;
}

static void report_unknown(const struct sbx_policy *p, const struct sbx_query *q,
			   struct sbx_diags *d)
{
	char rights[32];

	list_rights(rights, sizeof(rights), q->reopening);
	sbx_diag_add(
		d, SBX_ERROR, p->files[q->rule].pos,
		"add override: true to this rule if it may reopen denials, or give its patterns a "
		"longer literal beginning",
		"cannot tell whether this allow reopens an earlier denial (%s; more than %u "
		"combinations of patterns were looked at)",
		rights, SBX_SEARCH_MAX);
}

/* Rights that one and the same rule takes away are named together. */
static void report_shadow(const struct sbx_policy *p, const struct sbx_query *q,
			  struct sbx_diags *d)
{
	const struct sbx_file_rule *rule = &p->files[q->rule];
	uint8_t left = q->effect;
	char rights[32];
	int r, k;

	for (r = 0; r < SBX_RIGHTS; r++) {
		uint32_t by = q->shadow[r];
		uint8_t same = 0;

		if (!(left & 1 << r))
			continue;
		for (k = r; k < SBX_RIGHTS; k++)
			if ((left & 1 << k) && q->shadow[k] == by)
				same |= 1 << k;
		left &= ~same;
		list_rights(rights, sizeof(rights), same);
		if (by == SBX_NOBODY)
			sbx_diag_add(d, SBX_WARNING, rule->pos,
				     "remove it, or correct its patterns",
				     "this rule matches no path (%s)", rights);
		else if (!sbx_rule_is_narrowed(p, rule->pos, p->files[by].pos))
			sbx_diag_add(d, SBX_WARNING, rule->pos,
				     "remove it, or move it behind the rules that decide instead",
				     "%s never decides (%s; %s:%d:%d does, for one)",
				     same == rule->rights ? "this rule" : "this right of the rule",
				     rights, p->files[by].pos.file ? p->files[by].pos.file : "-",
				     p->files[by].pos.line, p->files[by].pos.col);
	}
}

static int prove_rule(struct sbx_searcher *s, uint32_t rule, struct sbx_diags *d)
{
	const struct sbx_policy *p = s->policy;
	const struct sbx_file_rule *f = &p->files[rule];
	struct sbx_query q = {.rule = rule, .effect = f->rights};
	int r, rc;

	for (r = 0; r < SBX_RIGHTS; r++) {
		q.shadow[r] = SBX_NOBODY;
		if (f->verb == SBX_ALLOW && !f->override && s->last_deny[rule][r])
			q.reopening |= f->rights & 1 << r;
	}
	rc = sbx_search(s, &q);
	if (!rc && q.reopened)
		rc = report_reopening(p, &q, d);
	else if (!rc && q.gave_up && q.reopening)
		report_unknown(p, &q, d);
	if (!rc && q.effect && !q.gave_up)
		report_shadow(p, &q, d);
	free(q.path);
	return rc;
}

int sbx_prove(const struct sbx_product *p, struct sbx_diags *d)
{
	struct sbx_searcher s;
	int rc = sbx_searcher_init(&s, p);
	size_t i;

	for (i = 0; i < s.policy->n_files && !rc; i++)
		rc = prove_rule(&s, i, d);
	sbx_searcher_free(&s);
	return rc;
}
