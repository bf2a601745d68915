/* SPDX-License-Identifier: MIT */
/* What there is to choose from, for who named a policy that there is not. */
#ifndef SBX_CLI_SHIPPED_H
#define SBX_CLI_SHIPPED_H

#include "user/cli/load.h"

/* If the request names a policy that no directory has: the policies and bundles that there are, on
 * stderr, a line each. Else nothing. */
void sbx_offer_policies(const struct sbx_load_request *req);

#endif
