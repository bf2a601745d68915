/* SPDX-License-Identifier: MIT */
/* Many paths as few patterns: a tree of components whose crowded directories become globs. */
#ifndef SBX_MERGE_H
#define SBX_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Siblings from which on a directory is opened as a whole. Fewer are listed one by one. */
#define SBX_MERGE_SIBLINGS 4

struct sbx_path_use {
	char *path; /* owned by the list */
	size_t len;
	uint8_t rights;
	bool override; /* a deny is in the way */
	uint64_t count;
};

struct sbx_paths {
	struct sbx_path_use *v;
	size_t n, room;
};

int sbx_paths_add(struct sbx_paths *p, const char *path, size_t len, uint8_t rights, bool override,
		  uint64_t count);
/* Sorts; one entry per (path, override), with all its rights. Directories precede what is in them.
 */
void sbx_paths_unite(struct sbx_paths *p);
void sbx_paths_free(struct sbx_paths *p);

/* May this directory be opened as a whole? */
typedef bool sbx_may_widen(void *arg, const char *dir, size_t len);
/* One pattern: path, then "", "/ *" or "/ **"; names is how many paths it stands for. */
typedef void sbx_merged(void *arg, const char *path, size_t len, const char *glob, uint64_t count,
			size_t names);

/* Calls `emit` for the patterns that cover the entries with these rights and this flag. */
int sbx_paths_merge(const struct sbx_paths *p, uint8_t rights, bool override,
		    sbx_may_widen *may_widen, sbx_merged *emit, void *arg);

#endif
