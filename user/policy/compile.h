/* SPDX-License-Identifier: MIT */
/* Policy + facts -> image and meta blob: the whole compilation, a pure function. */
#ifndef SBX_COMPILE_H
#define SBX_COMPILE_H

#include <jansson.h>
#include "user/policy/automaton.h"

struct sbx_compiled {
	struct sbx_image image;
	char *meta; /* JSON text; see sbx_meta_load */
	struct sbx_automaton_stats stats;
};

/* Returns 0, -EINVAL with every error in d, -ENOMEM; *out is written only on success. */
int sbx_compile(const struct sbx_policy *p, const struct sbx_facts *facts, struct sbx_compiled *out,
		struct sbx_diags *d);
void sbx_compiled_free(struct sbx_compiled *c);

/*
 * The meta blob travels with the image through the kernel: policy (rules with positions, reasons,
 * patterns) and facts (aliases), so that an event can be explained after the files have changed
 * or gone. Loading gives back a policy and facts fit for sbx_files_decider and sbx_net_decider.
 */
char *sbx_meta_dump(const struct sbx_policy *p, const struct sbx_facts *facts);
int sbx_meta_load(const char *json, struct sbx_policy **p, struct sbx_facts *facts);

#endif
