/* SPDX-License-Identifier: MIT */
/* A world small enough to try all of it: random patterns of a few names, and every path. */
#ifndef SBX_TEST_SMALLPATHS_H
#define SBX_TEST_SMALLPATHS_H

#include "tests/unit/filerules.h"
#include "tests/unit/random.h"

static inline void append_pattern(char *out, size_t depth)
{
	static const char *const globs[] = {"a",  "b",	  "c", "a",	"b", "*",
					    "**", "[!a]", "?", "{a,c}", "a*"};

	while (depth-- > 0) {
		strcat(out, "/");
		strcat(out, globs[pick(sizeof(globs) / sizeof(*globs))]);
	}
}

static inline void append_name(char *out, size_t depth)
{
	while (depth-- > 0)
		sprintf(out + strlen(out), "/%c", (char)('a' + pick(3)));
}

/* Every path of at most four names: three that rules mention, and another. */
#define NAMES 4
#define PATHS 341 /* 1 + 4 + 16 + 64 + 256 */

static inline void nth_path(char *out, size_t n)
{
	static const char *const all[NAMES] = {"a", "b", "c", "ab"};

	for (*out = 0; n > 0; n = (n - 1) / NAMES) {
		strcat(out, "/");
		strcat(out, all[(n - 1) % NAMES]);
	}
}

/* By every rule itself. */
static inline uint8_t rights_of(const struct kit *k, const struct sbx_facts *f, const char *path)
{
	uint8_t rights = 0, right;
	bool granted;

	for (right = SBX_READ; right <= SBX_EXEC; right <<= 1) {
		sbx_files_decider(&k->p, f, path, strlen(path), right, &granted);
		rights |= granted ? right : 0;
	}
	return rights;
}

#endif
