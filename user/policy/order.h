/* SPDX-License-Identifier: MIT */
/*
 * "The last match wins" as numbers. For each right every rule gets a rank; of the rules that match
 * a path the one with the highest rank decides, and the rank says how. Neighbours with the same
 * verdict share a rank, since it does not matter which of them decides: the fewer ranks, the fewer
 * states.
 *
 * Ranks compare a rule with tails to any other rule. Two purely literal rules are never compared
 * by rank (the tree of literals knows their order), so that literal rules need no ranks of their
 * own but the ones that tell them from their neighbours with tails. Rank 0 is "no rule": denied.
 */
#ifndef SBX_ORDER_H
#define SBX_ORDER_H

#include "user/policy/trie.h"

#define SBX_RIGHTS 3

enum sbx_order_verdict { SBX_VERDICT_DENY, SBX_VERDICT_ALLOW, SBX_VERDICT_QUIET, SBX_VERDICTS };

struct sbx_rank {
	uint32_t of[SBX_RIGHTS]; /* read, write, exec; 0: the rule does not speak of it */
};

struct sbx_order {
	struct sbx_rank *rule;
	uint8_t *verdict[SBX_RIGHTS]; /* by rank */
	size_t n[SBX_RIGHTS], room[SBX_RIGHTS];
};

int sbx_order_make(struct sbx_order *o, const struct sbx_trie *t);
void sbx_order_free(struct sbx_order *o);

static inline struct sbx_rank sbx_rank_max(struct sbx_rank a, struct sbx_rank b)
{
	int r;

	for (r = 0; r < SBX_RIGHTS; r++)
		if (b.of[r] > a.of[r])
			a.of[r] = b.of[r];
	return a;
}

/* rights | quiet << 3 */
uint8_t sbx_order_label(const struct sbx_order *o, struct sbx_rank rank);

#endif
