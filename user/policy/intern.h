/* SPDX-License-Identifier: MIT */
/* Byte strings numbered from 0, equal ones alike: what hash-consing needs. */
#ifndef SBX_INTERN_H
#define SBX_INTERN_H

#include <stddef.h>
#include <stdint.h>

struct sbx_intern_item {
	size_t off;
	uint32_t len, hash;
};

struct sbx_intern {
	struct sbx_intern_item *items;
	size_t n, room;
	uint8_t *pool;
	size_t used, room_pool;
	uint32_t *slots; /* number + 1; 0: free */
	size_t n_slots;
};

/* 1: new, 0: known, -ENOMEM. *id is its number. */
int sbx_intern_add(struct sbx_intern *in, const void *bytes, size_t len, uint32_t *id);
/* Valid until the next addition; aligned for 64-bit words. */
const void *sbx_intern_get(const struct sbx_intern *in, uint32_t id, size_t *len);
void sbx_intern_free(struct sbx_intern *in);

uint64_t sbx_mix(uint64_t x);

/* Makes room for `need` elements of `size` bytes in *(T **)vp. 0 or -ENOMEM. */
int sbx_grow(void *vp, size_t *room, size_t need, size_t size);

#endif
