/* SPDX-License-Identifier: MIT */
/*
 * Can two rules match the same path? Asked of rules with tails, to find out which of them have to
 * be told apart at all. "Yes" may be wrong, "no" never is.
 */
#ifndef SBX_OVERLAP_H
#define SBX_OVERLAP_H

#include "user/policy/trie.h"

struct sbx_overlap {
	const struct sbx_policy *policy;
	struct sbx_nfa nfa;	 /* components, one root each */
	struct sbx_intern texts; /* of components */
	uint32_t *root;		 /* by component */
	size_t room_root;
	uint8_t *memo;	 /* [component * n + component]: 0 unknown, 1 no, 2 yes */
	uint32_t *parts; /* components of all patterns; SBX_OVERLAP_STAR: a globstar */
	size_t n_parts, room_parts;
	size_t *pattern; /* where each pattern's components begin, and the end */
	size_t n_patterns, room_patterns;
	size_t *rule;	       /* where each rule's patterns begin, and the end */
	bool *touchy;	       /* by pattern: matches a place where names change by aliases */
	bool aliases, unknown; /* unknown: too large, every answer is yes */
};

#define SBX_OVERLAP_STAR 0xffffffffu

/* For the rules that `wanted` marks. 0 or -ENOMEM. To be freed in any case. */
int sbx_overlap_init(struct sbx_overlap *o, const struct sbx_trie *t, const bool *wanted);
void sbx_overlap_free(struct sbx_overlap *o);

/* Both rules were wanted. */
bool sbx_rules_overlap(struct sbx_overlap *o, uint32_t a, uint32_t b);

#endif
