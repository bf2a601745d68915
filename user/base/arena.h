/* SPDX-License-Identifier: MIT */
/* Memory that is freed all at once. Zeroed. */
#ifndef SBX_ARENA_H
#define SBX_ARENA_H

#include <stddef.h>

struct sbx_arena;

struct sbx_arena *sbx_arena_new(void);
void *sbx_arena_alloc(struct sbx_arena *a, size_t size);
char *sbx_arena_strndup(struct sbx_arena *a, const char *s, size_t n);
char *sbx_arena_strdup(struct sbx_arena *a, const char *s);
/* Room for one more element at the end of an array of n: doubles it when it is full. NULL: out of
 * memory, the old array stays. */
void *sbx_arena_grow(struct sbx_arena *a, void *array, size_t n, size_t size);
void sbx_arena_free(struct sbx_arena *a);

#endif
