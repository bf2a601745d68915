/* SPDX-License-Identifier: MIT */
/* Which name has a file? (design 1.3): from any spelling to the one that policies decide on. */
#ifndef SBX_CANONICAL_H
#define SBX_CANONICAL_H

#include "user/policy/mounts.h"

/*
 * Resolves symlinks as far as the path exists, "." and "..", then names the result as the oldest
 * mount that shows it does. A relative path begins at the working directory. "" is the root.
 * /proc/self stays: it is a built-in name. *out is owned by the caller. 0, -ENOMEM, -ENAMETOOLONG,
 * -ELOOP, or what the working directory cannot be told for. `why`, if not NULL, is told what each
 * step was about, a line each: "/w/x is a symlink to ../real".
 */
int sbx_canonical_path(const struct sbx_mounts *m, const char *path, char **out, FILE *why);

#endif
