/* SPDX-License-Identifier: MIT */
/* What is valid and yet hardly meant. Pure: `check` asks, the kernel does not care. */
#ifndef SBX_ADVISE_H
#define SBX_ADVISE_H

#include "user/policy/facts.h"
#include "user/policy/policy.h"

/*
 * Adds warnings to *d:
 * - an allow that covers a mount showing something from elsewhere, which it allows by that;
 * - a symlink that a pattern goes through and that the policy lets the sandbox replace: the policy
 *   would mean something else the next time;
 * - directories of libraries that can be read but not mapped executable.
 * (Rules that never decide are found by the compiler.) Returns 0 or -ENOMEM.
 */
int sbx_advise(const struct sbx_policy *p, const struct sbx_facts *facts, struct sbx_diags *d);

#endif
