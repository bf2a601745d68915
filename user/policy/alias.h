/* SPDX-License-Identifier: MIT */
/*
 * Aliases and their chains. A canonical path `at` + rest can also be spelled `spelled` + rest: a
 * pattern that matches either spelling matches the object.
 */
#ifndef SBX_ALIAS_H
#define SBX_ALIAS_H

#include "user/policy/facts.h"

#define SBX_ALIAS_DEPTH 5    /* aliases that one spelling may go through */
#define SBX_ALIAS_MAX	4096 /* spellings, those of chains included; above: refused */

struct sbx_spelling {
	char *at, *spelled;
};

struct sbx_spellings {
	struct sbx_spelling *v;
	size_t n, room;
};

/* Every chain of at most SBX_ALIAS_DEPTH aliases as one rewriting. 0, -ENOMEM, -E2BIG. */
int sbx_spellings_make(const struct sbx_facts *facts, struct sbx_spellings *out);
void sbx_spellings_free(struct sbx_spellings *s);

/* The canonical name of a path, as far as the aliases tell. Owned by the caller; NULL: no memory.
 */
char *sbx_alias_resolve(const struct sbx_facts *facts, const char *path);
/* How many aliases it goes through: beyond SBX_ALIAS_DEPTH, it is not among the spellings. 0 for
 * those that go in circles, which no object has. -ENOMEM. */
int sbx_alias_depth(const struct sbx_facts *facts, const char *path);

/* Is `prefix` a whole-component prefix of path? "" is one of every path that begins with '/'. */
bool sbx_path_below(const char *path, size_t len, const char *prefix, size_t plen);

#endif
