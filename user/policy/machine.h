/* SPDX-License-Identifier: MIT */
/* The tails of a trie as one NFA, and where in the trie its threads start. */
#ifndef SBX_MACHINE_H
#define SBX_MACHINE_H

#include "user/policy/order.h"

struct sbx_machine {
	const struct sbx_trie *trie;
	struct sbx_nfa nfa;
	uint32_t *root;	   /* per group */
	uint32_t *derived; /* per spelling: what goes on behind it; 0: nothing */
};

/* `token` names each entry; entries with equal tails and tokens are one. Equal groups are shared.
 * 0, -ENOMEM, -E2BIG. */
int sbx_machine_build(struct sbx_machine *m, const struct sbx_trie *t, const uint32_t *token);
void sbx_machine_free(struct sbx_machine *m);

/* Adds the threads that start at a node of the trie. */
void sbx_machine_inject(const struct sbx_machine *m, uint32_t node, struct sbx_threads *out);

#endif
