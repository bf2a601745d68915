/* SPDX-License-Identifier: MIT */
/* Faults of a policy that its language shows: an allow that reopens a denial without saying so
 * (error), rules or rights that never decide (warning). Both are exact, with an example. */
#ifndef SBX_PROVE_H
#define SBX_PROVE_H

#include "user/policy/product.h"

/* Adds to d. 0 or -ENOMEM. */
int sbx_prove(const struct sbx_product *p, struct sbx_diags *d);

#endif
