/* SPDX-License-Identifier: MIT */
/*
 * "The last match wins" as numbers. For each right every rule gets a rank; of the rules that match
 * a path the one with the highest rank decides, and the rank says how (rank % 3 is the verdict).
 * The fewer ranks, the fewer states: a rule ranks just above the earlier ones that may match the
 * same paths with another verdict; rules that agree, or never meet, may share a rank. Rank 0 is "no
 * rule".
 *
 * Ranks compare a rule with tails to any other rule. Two purely literal rules are never compared
 * by rank: the tree of literals knows their order.
 */
#ifndef SBX_ORDER_H
#define SBX_ORDER_H

#include "user/policy/trie.h"

#define SBX_RIGHTS SBX_RIGHT_BITS

enum sbx_order_verdict { SBX_VERDICT_DENY, SBX_VERDICT_ALLOW, SBX_VERDICT_QUIET, SBX_VERDICTS };

struct sbx_rank {
	uint32_t of[SBX_RIGHTS]; /* by the right's bit; 0: denied, or nothing is said of it */
};

struct sbx_order {
	struct sbx_rank *rule;
};

/* 0 or -ENOMEM. */
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

/* rights | quiet << SBX_RIGHT_BITS */
uint8_t sbx_rank_label(struct sbx_rank rank);

#endif
