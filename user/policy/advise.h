/* SPDX-License-Identifier: MIT */
/* What is valid and yet hardly meant: `check` asks, the kernel does not care. */
#ifndef SBX_ADVISE_H
#define SBX_ADVISE_H

#include "user/policy/facts.h"
#include "user/policy/policy.h"

/*
 * Adds warnings to *d:
 * - an allow that covers a mount showing something from elsewhere, which it allows by that;
 * - directories of libraries that can be read but not mapped executable.
 * (Rules that never decide are found by the compiler.) Returns 0 or -ENOMEM.
 */
int sbx_advise(const struct sbx_policy *p, const struct sbx_facts *facts, struct sbx_diags *d);

struct sbx_link {
	char *at, *to; /* to: canonical */
};

struct sbx_links {
	struct sbx_link *v;
	size_t n;
};

/* The symlinks of this host in the directories where wildcards of the policy begin. 0, -ENOMEM. */
int sbx_links_gather(const struct sbx_policy *p, struct sbx_links *out);
void sbx_links_free(struct sbx_links *l);
/* Adds a warning per rule whose symlinks lead to what the policy does not allow. 0, -ENOMEM. */
int sbx_advise_links(const struct sbx_policy *p, const struct sbx_facts *facts,
		     const struct sbx_links *links, struct sbx_diags *d);

#endif
