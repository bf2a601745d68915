/* SPDX-License-Identifier: MIT */
/*
 * The tree of literals and the automaton of tails, run side by side: every state of the policy's
 * automaton is a node of the tree, or a set of threads ("free" state) once no literal can follow.
 * A node behaves like its free state but for the bytes that lead to its children.
 */
#ifndef SBX_PRODUCT_H
#define SBX_PRODUCT_H

#include "user/policy/order.h"
#include "user/policy/subset.h"

struct sbx_product {
	struct sbx_spellings spellings;
	struct sbx_trie trie;
	struct sbx_order order;
	struct sbx_machine machine;
	struct sbx_subset subset;
	struct sbx_mark *marks; /* by token */
	uint32_t *token;	/* by entry */
	uint32_t *free;		/* by node: what it is for bytes without a child */
	uint8_t *label;		/* by node: rights | quiet << SBX_RIGHT_BITS */
	uint32_t *reached;	/* the free states that there are; each has a full row */
	size_t n_reached, room_reached;
};

/* 0, -ENOMEM, -E2BIG. To be freed in any case. */
int sbx_product_build(struct sbx_product *p, const struct sbx_policy *policy,
		      const struct sbx_facts *facts);
void sbx_product_free(struct sbx_product *p);

/* The label of a free state. */
uint8_t sbx_product_label(const struct sbx_product *p, uint32_t set);

#endif
