/* SPDX-License-Identifier: MIT */
/* What holds for everything below a state: the rename rule of design 1.3 rests on it. */
#ifndef SBX_PROPS_H
#define SBX_PROPS_H

#include "user/policy/minimal.h"

struct sbx_props {
	uint8_t *any, *all; /* by state */
	uint32_t *cls;
	uint32_t *sibling; /* class of the names in it that no rule mentions */
	bool *bars;	   /* symlinks in it, as a directory: barred.h */
	bool *settled; /* all names that go on from here within the component are of this class */
};

int sbx_props_make(struct sbx_props *out, const struct sbx_minimal *m, const struct sbx_product *p);
void sbx_props_free(struct sbx_props *props);

#endif
