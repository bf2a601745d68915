/* SPDX-License-Identifier: MIT */
/* In which directories a symlink, by whatever name, would lead past a denial: design 1.3. */
#ifndef SBX_BARRED_H
#define SBX_BARRED_H

#include "user/policy/minimal.h"

/* By state, what can come (props.c): rights that occur, and << SBX_RIGHT_BITS those that are
 * missing somewhere. */
struct sbx_futures {
	const uint8_t *inside; /* in names that go on from here, and below those */
	const uint8_t *here;   /* that, the state itself, and below it */
};

/* A name that no rule mentions, from the state behind the '/' of its directory. */
uint32_t sbx_unmentioned(const struct sbx_minimal *m, uint32_t inside);

/* bars: by state; in: all false. 0 or -ENOMEM. */
int sbx_barred_find(const struct sbx_minimal *m, const struct sbx_futures *f, bool *bars);

#endif
