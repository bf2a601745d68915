// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>
#include "user/base/arena.h"

#define BLOCK 16384

struct block {
	struct block *next;
	size_t used, size;
	max_align_t data[];
};

struct sbx_arena {
	struct block *blocks;
};

struct sbx_arena *sbx_arena_new(void)
{
	return calloc(1, sizeof(struct sbx_arena));
}

void *sbx_arena_alloc(struct sbx_arena *a, size_t size)
{
	struct block *b = a->blocks;
	size_t want = (size + 15) & ~(size_t)15;
	void *p;

	if (want < size)
		return NULL;
	if (!b || b->size - b->used < want) {
		size_t room = want > BLOCK ? want : BLOCK;

		b = calloc(1, sizeof(*b) + room);
		if (!b)
			return NULL;
		b->size = room;
		b->next = a->blocks;
		a->blocks = b;
	}
	p = (char *)b->data + b->used;
	b->used += want;
	return p;
}

char *sbx_arena_strndup(struct sbx_arena *a, const char *s, size_t n)
{
	char *copy = sbx_arena_alloc(a, n + 1);

	if (copy)
		memcpy(copy, s, n);
	return copy;
}

char *sbx_arena_strdup(struct sbx_arena *a, const char *s)
{
	return sbx_arena_strndup(a, s, strlen(s));
}

void *sbx_arena_grow(struct sbx_arena *a, void *array, size_t n, size_t size)
{
	void *more;

	if (n && (n & (n - 1))) /* room is always the next power of two */
		return array;
	more = sbx_arena_alloc(a, (n ? n * 2 : 1) * size);
	if (more && n)
		memcpy(more, array, n * size);
	return more;
}

void sbx_arena_free(struct sbx_arena *a)
{
	struct block *b, *next;

	if (!a)
		return;
	for (b = a->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}
