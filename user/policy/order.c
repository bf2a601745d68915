// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/order.h"

static int verdict_of(const struct sbx_file_rule *r)
{
	if (r->verb == SBX_ALLOW)
		return SBX_VERDICT_ALLOW;
	return r->quiet ? SBX_VERDICT_QUIET : SBX_VERDICT_DENY;
}

static int new_rank(struct sbx_order *o, int r, int verdict, uint32_t *rank)
{
	if (sbx_grow(&o->verdict[r], &o->room[r], o->n[r] + 1, 1))
		return -ENOMEM;
	*rank = o->n[r];
	o->verdict[r][o->n[r]++] = (uint8_t)verdict;
	return 0;
}

/* One right: `last` is the rank of the last rule with tails, `gap` those of literal rules since. */
struct line {
	struct sbx_order *o;
	int right;
	uint32_t last, gap[SBX_VERDICTS]; /* gap 0: none yet */
};

static int rank_literal(struct line *l, int v, uint32_t *rank)
{
	int rc = 0;

	if (l->o->verdict[l->right][l->last] == v) {
		*rank = l->last;
		return 0;
	}
	if (!l->gap[v])
		rc = new_rank(l->o, l->right, v, &l->gap[v]);
	*rank = l->gap[v];
	return rc;
}

static int rank_tail(struct line *l, int v, uint32_t *rank)
{
	bool same = l->gap[v] || l->o->verdict[l->right][l->last] == v;
	int other, rc = 0;

	for (other = 0; other < SBX_VERDICTS; other++)
		if (other != v && l->gap[other])
			same = false;
	if (!same)
		rc = new_rank(l->o, l->right, v, &l->last);
	else if (l->gap[v])
		l->last = l->gap[v];
	memset(l->gap, 0, sizeof(l->gap));
	*rank = l->last;
	return rc;
}

static int rank_rules(struct line *l, const struct sbx_policy *p, const bool *tails, bool protects)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < p->n_files && !rc; i++) {
		const struct sbx_file_rule *r = &p->files[i];
		uint32_t *rank = &l->o->rule[i].of[l->right];

		if (!(r->rights & 1 << l->right) || (r->verb == SBX_PROTECT) != protects)
			continue;
		rc = tails[i] ? rank_tail(l, verdict_of(r), rank)
			      : rank_literal(l, verdict_of(r), rank);
	}
	return rc;
}

int sbx_order_make(struct sbx_order *o, const struct sbx_trie *t)
{
	const struct sbx_policy *p = t->policy;
	bool *tails = calloc(p->n_files + 1, sizeof(*tails));
	int r, rc = 0;
	size_t i;

	memset(o, 0, sizeof(*o));
	o->rule = calloc(p->n_files + 1, sizeof(*o->rule));
	if (!tails || !o->rule)
		rc = -ENOMEM;
	for (i = 0; i < t->n_entries && !rc; i++)
		tails[t->entries[i].rule] |= t->entries[i].kind == SBX_ENTRY_TAIL;
	for (r = 0; r < SBX_RIGHTS && !rc; r++) {
		struct line l = {.o = o, .right = r};

		rc = new_rank(o, r, SBX_VERDICT_DENY, &l.last);
		if (!rc)
			rc = rank_rules(&l, p, tails, false);
		if (!rc)
			rc = rank_rules(&l, p, tails, true);
	}
	free(tails);
	return rc;
}

uint8_t sbx_order_label(const struct sbx_order *o, struct sbx_rank rank)
{
	uint8_t label = 0;
	int r;

	for (r = 0; r < SBX_RIGHTS; r++) {
		uint8_t v = o->verdict[r][rank.of[r]];

		if (v == SBX_VERDICT_ALLOW)
			label |= 1 << r;
		if (v == SBX_VERDICT_QUIET)
			label |= 8 << r;
	}
	return label;
}

void sbx_order_free(struct sbx_order *o)
{
	int r;

	free(o->rule);
	for (r = 0; r < SBX_RIGHTS; r++)
		free(o->verdict[r]);
	memset(o, 0, sizeof(*o));
}
