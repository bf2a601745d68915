// SPDX-License-Identifier: MIT
/* Any bytes as a policy: a policy or messages, never both, never neither. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "user/policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *const env[] = {"A=/a", "B=b*", "EMPTY=", NULL};
	static char *const vars[] = {"tmp=/var/t", NULL};
	/* No directories: what is included does not depend on the machine. */
	static const struct sbx_load_opts opts = {
		.home = "/home/u", .pwd = "/home/u/work", .env = env, .vars = vars};
	struct sbx_policy *p = NULL;
	struct sbx_diags d = {0};
	static FILE *nowhere;
	int r;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	r = sbx_policy_parse("fuzz.yaml", (const char *)data, size, &opts, &p, &d);
	if ((r == 0) != (p != NULL) || (r != 0) != (d.errors != 0))
		abort();
	if (nowhere) {
		sbx_diags_print(&d, nowhere);
		sbx_diags_print_json(&d, nowhere);
	}
	sbx_diags_free(&d);
	sbx_policy_free(p);
	return 0;
}
