// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/order.h"
#include "user/policy/overlap.h"

/* Pairs of a literal rule and one with tails that are looked at; beyond, all are taken to meet. */
#define PAIRS_MAX 5000000u

/* One right, from the weakest rule to the strongest. */
struct line {
	struct sbx_order *o;
	const struct sbx_trie *trie;
	struct sbx_overlap *overlap;
	const bool *tails;  /* by rule */
	uint32_t *strength; /* rules that speak of the right: plain ones, then protects */
	size_t n, n_tails;
	size_t *first; /* by rule: its entries in by_rule */
	uint32_t *by_rule;
	int right;
};

static uint32_t verdict_of(const struct sbx_file_rule *r)
{
	if (r->verb == SBX_ALLOW)
		return SBX_VERDICT_ALLOW;
	return r->quiet ? SBX_VERDICT_QUIET : SBX_VERDICT_DENY;
}

/* The lowest rank of this verdict that is at least `least`. */
static uint32_t rank_from(uint32_t least, uint32_t verdict)
{
	return least + (verdict + SBX_VERDICTS - least % SBX_VERDICTS) % SBX_VERDICTS;
}

/* One literal prefix lies within the other: otherwise the patterns cannot meet. */
static bool prefixes_meet(const struct line *l, uint32_t a, uint32_t b)
{
	size_t i, k;

	for (i = l->first[a]; i < l->first[a + 1]; i++)
		for (k = l->first[b]; k < l->first[b + 1]; k++) {
			const struct sbx_entry *x = &l->trie->entries[l->by_rule[i]];
			const struct sbx_entry *y = &l->trie->entries[l->by_rule[k]];

			if (sbx_path_below(x->lit, x->len, y->lit, y->len) ||
			    sbx_path_below(y->lit, y->len, x->lit, x->len))
				return true;
		}
	return false;
}

static bool may_meet(const struct line *l, uint32_t a, uint32_t b)
{
	if (l->tails[a] && l->tails[b])
		return sbx_rules_overlap(l->overlap, a, b);
	if (l->trie->spellings->n || l->n * l->n_tails > PAIRS_MAX)
		return true;
	return prefixes_meet(l, a, b);
}

/* Above every weaker rule with another verdict, unless both are literal or they never meet. Those
 * that would not raise it are not even compared. */
static void rank_rule(struct line *l, size_t at, const uint32_t *others, size_t n)
{
	const struct sbx_policy *p = l->trie->policy;
	uint32_t rule = l->strength[at], verdict = verdict_of(&p->files[rule]), rank;
	size_t i;

	rank = rank_from(0, verdict);
	for (i = n; i-- > 0;) {
		uint32_t other = others[i], theirs = l->o->rule[other].of[l->right];

		if (theirs >= rank && theirs % SBX_VERDICTS != verdict && may_meet(l, rule, other))
			rank = rank_from(theirs + 1, verdict);
	}
	l->o->rule[rule].of[l->right] = rank;
}

static int rank_all(struct line *l)
{
	const struct sbx_policy *p = l->trie->policy;
	uint32_t *tails = calloc(p->n_files + 1, sizeof(*tails));
	size_t i, n = 0;

	if (!tails)
		return -ENOMEM;
	l->n = l->n_tails = 0;
	for (i = 0; i < 2 * p->n_files; i++) {
		uint32_t rule = i % p->n_files;
		bool protect = p->files[rule].verb == SBX_PROTECT;

		if (protect == (i >= p->n_files) && (p->files[rule].rights & 1 << l->right)) {
			l->strength[l->n++] = rule;
			l->n_tails += l->tails[rule];
		}
	}
	for (i = 0; i < l->n; i++) {
		uint32_t rule = l->strength[i];

		if (l->tails[rule]) {
			rank_rule(l, i, l->strength, i);
			tails[n++] = rule;
		} else {
			rank_rule(l, i, tails, n);
		}
	}
	free(tails);
	return 0;
}

static int list_entries(struct line *l, bool *tails)
{
	const struct sbx_trie *t = l->trie;
	size_t n = t->policy->n_files, i;

	l->first = calloc(n + 2, sizeof(*l->first));
	l->by_rule = calloc(t->n_entries + 1, sizeof(*l->by_rule));
	l->strength = calloc(n + 1, sizeof(*l->strength));
	if (!l->first || !l->by_rule || !l->strength)
		return -ENOMEM;
	for (i = 0; i < t->n_entries; i++) {
		tails[t->entries[i].rule] |= t->entries[i].kind == SBX_ENTRY_TAIL;
		l->first[t->entries[i].rule + 2]++;
	}
	for (i = 2; i < n + 2; i++)
		l->first[i] += l->first[i - 1];
	for (i = 0; i < t->n_entries; i++)
		l->by_rule[l->first[t->entries[i].rule + 1]++] = i;
	return 0;
}

int sbx_order_make(struct sbx_order *o, const struct sbx_trie *t)
{
	size_t n = t->policy->n_files;
	bool *tails = calloc(n + 1, sizeof(*tails));
	struct sbx_overlap overlap = {0};
	struct line l = {.o = o, .trie = t, .overlap = &overlap, .tails = tails};
	int rc = -ENOMEM;

	o->rule = calloc(n + 1, sizeof(*o->rule));
	if (o->rule && tails)
		rc = list_entries(&l, tails);
	if (!rc)
		rc = sbx_overlap_init(&overlap, t, tails);
	for (l.right = 0; l.right < SBX_RIGHTS && !rc && n; l.right++)
		rc = rank_all(&l);
	sbx_overlap_free(&overlap);
	free(l.first);
	free(l.by_rule);
	free(l.strength);
	free(tails);
	return rc;
}

uint8_t sbx_rank_label(struct sbx_rank rank)
{
	uint8_t label = 0;
	int r;

	for (r = 0; r < SBX_RIGHTS; r++) {
		if (rank.of[r] % SBX_VERDICTS == SBX_VERDICT_ALLOW)
			label |= 1 << r;
		if (rank.of[r] % SBX_VERDICTS == SBX_VERDICT_QUIET)
			label |= 1 << (r + SBX_RIGHT_BITS);
	}
	return label;
}

void sbx_order_free(struct sbx_order *o)
{
	free(o->rule);
	memset(o, 0, sizeof(*o));
}
