// SPDX-License-Identifier: MIT
/* The automaton of a finished image, stepped exactly as the kernel steps it. */
#include "user/policy/automaton.h"

static const uint8_t *chunk_of(const struct sbx_image *img, uint32_t state)
{
	size_t chunk = state >> SBX_STATE_BITS;

	return chunk < img->n_chunks ? img->data + chunk * SBX_CHUNK_BYTES : NULL;
}

const struct sbx_state *sbx_image_state(const struct sbx_image *img, uint32_t state)
{
	const uint8_t *chunk = chunk_of(img, state);

	return chunk ? (const struct sbx_state *)chunk + (state & SBX_STATE_INDEX_MASK) : NULL;
}

uint32_t sbx_image_step(const struct sbx_image *img, uint32_t state, uint8_t c)
{
	unsigned hop;

	for (hop = 0; hop < SBX_MAX_HOPS; hop++) {
		const struct sbx_state *s = sbx_image_state(img, state);
		const struct sbx_trans *t;

		if (!s || s->base >= SBX_TRANS_PER_CHUNK - 255)
			return SBX_NO_STATE;
		t = (const struct sbx_trans *)chunk_of(img, state) + s->base + c;
		if (t->owner == state)
			return t->next;
		if (!(s->flags & SBX_STATE_CHAIN))
			return s->dflt;
		state = s->dflt;
	}
	return SBX_NO_STATE;
}

uint32_t sbx_image_walk(const struct sbx_image *img, uint32_t state, const char *bytes, size_t n)
{
	size_t i;

	for (i = 0; i < n && state != SBX_NO_STATE; i++)
		state = sbx_image_step(img, state, (uint8_t)bytes[i]);
	return state;
}
