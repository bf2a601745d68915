/* SPDX-License-Identifier: MIT */
/* What a line that is proposed would allow besides what was asked for. */
#ifndef SBX_OPENING_H
#define SBX_OPENING_H

#include "user/policy/facts.h"
#include "user/policy/suggest.h"

/*
 * The policy is compiled with an exception for `pattern` in every protect of o, and with an allow
 * for it where one is needed, and compared with what it was: for all paths that there can be. *out:
 * "nothing else", or "also read of /a, read of /b, and in 3 more kinds of places", safe to print;
 * owned. 0 or -ENOMEM.
 */
int sbx_opening_tell(const struct sbx_policy *p, const struct sbx_facts *facts, const char *path,
		     size_t len, uint8_t right, const struct sbx_obstacle *o, char *pattern,
		     char **out);

#endif
