// SPDX-License-Identifier: MIT
/* The automaton of a finished image, stepped exactly as the kernel steps it. */
#include "user/policy/automaton.h"

static const uint8_t *chunk_of(const struct sbx_image *img, uint32_t state)
{
	size_t chunk = (state & SBX_STATE_CHUNK) >> SBX_STATE_BITS;

	return chunk < img->n_chunks ? img->data + chunk * SBX_CHUNK_BYTES : NULL;
}

static const struct sbx_trans *trans_of(const struct sbx_image *img, uint32_t state, uint8_t c)
{
	const uint8_t *chunk = chunk_of(img, state);
	uint32_t base = state & SBX_STATE_BASE_MASK;

	return chunk && base < SBX_TRANS_PER_CHUNK - 255
		       ? (const struct sbx_trans *)chunk + base + c
		       : NULL;
}

const struct sbx_state *sbx_image_state(const struct sbx_image *img, uint32_t state)
{
	const struct sbx_trans *t = trans_of(img, state, 0);

	return t && t->owner & SBX_TRANS_DEFAULT ? (const struct sbx_state *)chunk_of(img, state) +
							   (t->owner & SBX_RECORD_MASK)
						 : NULL;
}

uint32_t sbx_image_step(const struct sbx_image *img, uint32_t state, uint8_t c)
{
	unsigned hop;

	for (hop = 0; hop < SBX_MAX_HOPS; hop++) {
		const struct sbx_trans *t = trans_of(img, state, c), *z = trans_of(img, state, 0);

		if (!t)
			return SBX_NO_STATE;
		if (t->owner == state)
			return t->next;
		if (!(state & SBX_STATE_CHAINS))
			return z->next;
		state = z->next;
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
