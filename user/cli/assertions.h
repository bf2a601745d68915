/* SPDX-License-Identifier: MIT */
/* A file of assertions against a policy that was read: what `check --assert` does. */
#ifndef SBX_CLI_ASSERTIONS_H
#define SBX_CLI_ASSERTIONS_H

#include "user/cli/load.h"
#include "user/policy/assertion.h"

struct sbx_asserted {
	const char *file; /* as given */
	struct sbx_policy *policy;
	struct sbx_facts facts;
	struct sbx_findings findings;
};

/* What does not hold is an error in d. 0; SBX_EXIT_ASSERTION; SBX_EXIT_POLICY for a file that is
 * none; SBX_EXIT_FAILURE. To be freed in any case. */
int sbx_assert(const struct sbx_load_request *req, const struct sbx_loaded *l, const char *file,
	       struct sbx_asserted *out, struct sbx_diags *d);
void sbx_asserted_print(const struct sbx_asserted *a);
/* An array, one object for each finding. */
json_t *sbx_asserted_json(const struct sbx_asserted *a);
void sbx_asserted_free(struct sbx_asserted *a);

#endif
