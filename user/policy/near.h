/* SPDX-License-Identifier: MIT */
/* Rules that nearly decided: those that were overruled, that lack the right, or that name something
 * close to what was asked about. */
#ifndef SBX_NEAR_H
#define SBX_NEAR_H

#include "user/policy/explain.h"

/* e: decided already. Fills e->near, best first. 0 or -ENOMEM. */
int sbx_near_files(const struct sbx_policy *p, const struct sbx_facts *facts, const char *path,
		   size_t len, uint8_t right, struct sbx_explanation *e);
/* addr, family: as they are judged. */
int sbx_near_net(const struct sbx_policy *p, const struct sbx_facts *facts, int dir, int family,
		 const uint8_t *addr, int proto, uint16_t port, struct sbx_explanation *e);

#endif
