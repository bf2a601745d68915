// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/intern.h"

int sbx_grow(void *vp, size_t *room, size_t need, size_t size)
{
	size_t n = *room ? *room : 64;
	void *old, *v;

	if (need <= *room)
		return 0;
	while (n < need)
		n *= 2;
	memcpy(&old, vp, sizeof(old));
	v = reallocarray(old, n, size);
	if (!v)
		return -ENOMEM; /* the caller still has the old one */
	memcpy(vp, &v, sizeof(v));
	*room = n;
	return 0;
}

uint64_t sbx_mix(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93u;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93u;
	return x ^ x >> 32;
}

static uint32_t hash_of(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t h = len, w;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&w, p, 8);
		h = (h ^ w) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	w = 0;
	if (len)
		memcpy(&w, p, len);
	return (uint32_t)sbx_mix(h ^ w);
}

static int rehash(struct sbx_intern *in)
{
	size_t n = in->n_slots ? 2 * in->n_slots : 256, i, at;
	uint32_t *slots = calloc(n, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (i = 0; i < in->n; i++) {
		for (at = in->items[i].hash & (n - 1); slots[at]; at = (at + 1) & (n - 1))
			;
		slots[at] = i + 1;
	}
	free(in->slots);
	in->slots = slots;
	in->n_slots = n;
	return 0;
}

int sbx_intern_add(struct sbx_intern *in, const void *bytes, size_t len, uint32_t *id)
{
	uint32_t hash = hash_of(bytes, len);
	size_t at, padded = (len + 7) & ~(size_t)7;
	struct sbx_intern_item *it;

	if (2 * (in->n + 1) > in->n_slots && rehash(in))
		return -ENOMEM;
	for (at = hash & (in->n_slots - 1); in->slots[at]; at = (at + 1) & (in->n_slots - 1)) {
		it = &in->items[in->slots[at] - 1];
		if (it->hash != hash || it->len != len ||
		    (len && memcmp(in->pool + it->off, bytes, len)))
			continue;
		*id = in->slots[at] - 1;
		return 0;
	}
	if (sbx_grow(&in->items, &in->room, in->n + 1, sizeof(*in->items)) ||
	    sbx_grow(&in->pool, &in->room_pool, in->used + padded + 8, 1))
		return -ENOMEM;
	if (len)
		memcpy(in->pool + in->used, bytes, len);
	in->items[in->n] =
		(struct sbx_intern_item){.off = in->used, .len = (uint32_t)len, .hash = hash};
	in->used += padded;
	*id = in->n++;
	in->slots[at] = *id + 1;
	return 1;
}

const void *sbx_intern_get(const struct sbx_intern *in, uint32_t id, size_t *len)
{
	*len = in->items[id].len;
	return in->pool + in->items[id].off;
}

void sbx_intern_free(struct sbx_intern *in)
{
	free(in->items);
	free(in->pool);
	free(in->slots);
	memset(in, 0, sizeof(*in));
}
