/* SPDX-License-Identifier: MIT */
/* A minimal automaton in the format of sbx_image.h. */
#ifndef SBX_PACK_H
#define SBX_PACK_H

#include "user/policy/automaton.h"
#include "user/policy/props.h"

/*
 * `start` and `tty` are states of m. Fills the header's start and tty, and chunks. On -E2BIG
 * stats say how far it came. 0, -ENOMEM, -E2BIG; img is written on success only.
 */
int sbx_pack(const struct sbx_minimal *m, const struct sbx_props *props, uint32_t start,
	     uint32_t tty, struct sbx_image *img, struct sbx_automaton_stats *stats);

#endif
