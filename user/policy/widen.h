/* SPDX-License-Identifier: MIT */
/* Symlinks that would turn a policy against whom it protects. */
#ifndef SBX_WIDEN_H
#define SBX_WIDEN_H

#include "user/policy/automaton.h"

/*
 * Patterns are resolved through symlinks when they are compiled (design 1.3). A sandbox that may
 * write a name which a rule spells out could put a symlink there, and the next time the rule would
 * speak of what that leads to. So a symlink that the policy would have let the sandbox make must
 * not add rights to anything: an error with such a path, found exactly. img: compiled with all of
 * `facts`. Returns 0, -EINVAL (d says why), -ENOMEM.
 */
int sbx_links_widen(const struct sbx_policy *p, const struct sbx_facts *facts,
		    const struct sbx_image *img, struct sbx_diags *d);

#endif
