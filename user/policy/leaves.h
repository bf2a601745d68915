/* SPDX-License-Identifier: MIT */
/* What can be said of a name by its directory and how it begins (sbx_image.h, LEAVES). */
#ifndef SBX_LEAVES_H
#define SBX_LEAVES_H

#include "user/policy/intern.h"
#include "user/policy/props.h"

struct sbx_leaves {
	const struct sbx_minimal *m;
	const struct sbx_props *props;
	struct sbx_intern known;
	uint16_t *of_inside; /* by the state behind the '/': what was found, plus 1; 0: not asked
				yet */
};

/* 0 or -ENOMEM; to be freed in both cases. */
int sbx_leaves_begin(struct sbx_leaves *l, const struct sbx_minimal *m,
		     const struct sbx_props *props);
/* The state's `leaf`; 0: none, or SBX_LEAF_MAX others are there already. -ENOMEM. */
int sbx_leaves_add(struct sbx_leaves *l, uint32_t state);
void sbx_leaves_write(const struct sbx_leaves *l, struct sbx_leaf *out);
void sbx_leaves_free(struct sbx_leaves *l);

#endif
