/* SPDX-License-Identifier: MIT */
/*
 * Searches the paths that one rule matches for one that shows something, shortest first. The states
 * of a search say where the path is in the rule's own patterns, in the tree of all literals, and
 * which tails of all rules are alive: all there is to know of what can follow.
 */
#ifndef SBX_SEARCH_H
#define SBX_SEARCH_H

#include "user/policy/product.h"

#define SBX_SEARCH_MAX	 20000	 /* states of one search */
#define SBX_SEARCH_TOTAL 2000000 /* states of all searches of a policy */
#define SBX_NOBODY	 0xffffffffu

/* What is asked of one rule, by bits of rights; and what has been found. */
struct sbx_query {
	uint32_t rule;
	uint8_t effect;	   /* is there a path on which it decides? Found ones are cleared */
	uint8_t reopening; /* is there a path that it takes from a deny? Found ones are cleared */
	uint8_t reopened;  /* those found; the first with its example: */
	uint8_t right;
	uint32_t denier;
	char *path; /* owned by the caller; not escaped */
	size_t path_len;
	uint32_t shadow[SBX_RIGHTS]; /* a rule that decides instead; SBX_NOBODY: none was met */
	bool gave_up;		     /* what has not been found may exist */
};

struct sbx_searcher {
	const struct sbx_product *p;
	const struct sbx_policy *policy;
	struct sbx_machine machine; /* tokens: rule * 2 + except */
	struct sbx_subset subset;   /* exact */
	uint32_t *glob;		    /* by node of the tree: the set there */
	uint32_t *trees; /* by node: the nearest '/' at or above it behind a tree rule; 0 */
	uint32_t (*deny_below)[SBX_RIGHTS]; /* by node: first plain deny in its part of the tree */
	uint32_t (*deny_state)[SBX_RIGHTS]; /* by NFA state: first plain deny that it leads to */
	uint32_t (*last_deny)[SBX_RIGHTS];  /* by rule: last plain deny before it, + 1 */
	uint8_t bytes[255];		    /* readable ones first */
	size_t visited;
};

/* 0, -ENOMEM, -E2BIG. To be freed in any case. */
int sbx_searcher_init(struct sbx_searcher *s, const struct sbx_product *p);
void sbx_searcher_free(struct sbx_searcher *s);

/* All bytes but 0, in the order of searches: examples are read by people. */
void sbx_readable_bytes(uint8_t *bytes);

/* 0 or -ENOMEM. */
int sbx_search(struct sbx_searcher *s, struct sbx_query *q);

#endif
