/* SPDX-License-Identifier: MIT */
/*
 * Sets of threads, numbered, and the steps between them: the deterministic automaton of a machine,
 * made as far as it is asked for.
 *
 * A set holds what can still matter. Its *floor* is the strongest rule that matches here and
 * everywhere below; threads that lead to weaker rules only are dropped. Set 0 is the empty one:
 * denied, here and below.
 *
 * Without an order (`exact`) nothing is dropped and there is no floor: the tokens then say which
 * rules match, not only how the path is judged.
 */
#ifndef SBX_SUBSET_H
#define SBX_SUBSET_H

#include "user/policy/machine.h"

/* Limits that stop an explosion within seconds. */
#define SBX_SUBSET_MAX	 (1u << 18)
#define SBX_SUBSET_BYTES (256u << 20)
#define SBX_SUBSET_WORK	 200000000u

/* What a token says when there is an order. */
struct sbx_mark {
	struct sbx_rank rank;
	uint32_t protect; /* rule + 1 of a protect with exceptions; 0: the rank is all */
	bool except;
};

struct sbx_subset {
	const struct sbx_machine *machine;
	const struct sbx_nfa *nfa;
	const struct sbx_mark *marks; /* by token; NULL: exact */
	uint8_t *traits;	      /* per NFA state: SBX_CROSSES, ... */
	struct sbx_rank *best;	      /* per NFA state: the strongest ranks it leads to */
	struct sbx_intern sets;	      /* flags, floor, threads in order */
	struct sbx_intern floors;     /* struct sbx_rank */
	uint32_t *next; /* [set * n_classes + class]; SBX_SUBSET_NONE: not yet known */
	size_t room_next;
	struct sbx_rank *rank; /* per set: of the path that ends here */
	size_t room_rank;
	struct sbx_threads build;
	struct sbx_rank floor; /* of the set being built */
	uint32_t *words;
	size_t room_words;
	uint64_t work;
	size_t max_sets;
	uint64_t max_work;
	int err; /* sticky: -ENOMEM, -E2BIG */
};

#define SBX_SUBSET_NONE	 0xffffffffu
#define SBX_SUBSET_SLASH 1u /* flag: a '/' was read last, the path is not complete */
#define SBX_SUBSET_FREE	 2u /* flag: no literal rule can follow; ranks do not matter */
#define SBX_SUBSET_DEAD	 1u /* the free set that is empty and denies all; 0 is the other one */

#define SBX_CROSSES 1 /* leads to other components */
#define SBX_FILLS   2 /* matches whatever the rest of the component is */
#define SBX_ENDS    4 /* leads nowhere */

int sbx_subset_init(struct sbx_subset *s, const struct sbx_machine *m,
		    const struct sbx_mark *marks);
void sbx_subset_free(struct sbx_subset *s);

/* After one byte of the class. */
uint32_t sbx_subset_step(struct sbx_subset *s, uint32_t set, uint8_t class);
/* The set, with what starts at `node` of the trie (SBX_SUBSET_NONE: nothing), above this floor.
 * flags: SBX_SUBSET_SLASH, SBX_SUBSET_FREE; they are kept by the steps that follow. */
uint32_t sbx_subset_join(struct sbx_subset *s, uint32_t set, uint32_t node, struct sbx_rank floor,
			 uint32_t flags);

bool sbx_subset_slash(const struct sbx_subset *s, uint32_t set);
/* The threads of a set. Valid until the next new set. */
const uint32_t *sbx_subset_threads(const struct sbx_subset *s, uint32_t set, size_t *n);

#endif
