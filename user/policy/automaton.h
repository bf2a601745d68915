/* SPDX-License-Identifier: MIT */
/* All file rules of a policy as one minimised automaton in the image's format (sbx_image.h). */
#ifndef SBX_AUTOMATON_H
#define SBX_AUTOMATON_H

#include "user/policy/facts.h"
#include "user/policy/policy.h"

/* A growing image: chunks are calloc'ed together, free sections are handed out by the writers. */
struct sbx_image {
	uint8_t *data; /* n_chunks * SBX_CHUNK_BYTES */
	size_t n_chunks;
	size_t used; /* bytes used in the last chunk by the last writer */
};

static inline struct sbx_image_hdr *sbx_image_hdr(const struct sbx_image *img)
{
	return (struct sbx_image_hdr *)img->data;
}

struct sbx_automaton_stats {
	size_t nfa_states, dfa_states, states, transitions, bytes;
};

/*
 * Compiles p->files into img (writes hdr->start and hdr->tty, and the chunks from
 * SBX_IMAGE_HDR_BYTES of chunk 0 on; adds chunks as needed). Semantics: last matching rule decides
 * each right; protect is outside that order; aliases of `facts` make either spelling match.
 * Reports to d: an allow that reopens an earlier deny without `override` (error, with such a
 * path, both rules' positions), rules or rights that can never decide (warning, exact), a policy
 * that does not fit (error, with the figures). Returns 0, -EINVAL (d says why), -ENOMEM.
 */
int sbx_automaton_compile(const struct sbx_policy *p, const struct sbx_facts *facts,
			  struct sbx_image *img, struct sbx_automaton_stats *stats,
			  struct sbx_diags *d);

/* One step / the whole path on a finished image, exactly as the kernel does it. SBX_NO_STATE: an
 * error (denies). */
uint32_t sbx_image_step(const struct sbx_image *img, uint32_t state, uint8_t c);
uint32_t sbx_image_walk(const struct sbx_image *img, uint32_t state, const char *bytes, size_t n);
const struct sbx_state *sbx_image_state(const struct sbx_image *img, uint32_t state);

/*
 * The reference: which rule decides `right` for this canonical path, by trying every pattern
 * (aliases included). Returns the index in p->files, or -1 for none; *granted says the verdict.
 */
int sbx_files_decider(const struct sbx_policy *p, const struct sbx_facts *facts, const char *path,
		      size_t len, uint8_t right, bool *granted);

/* The first of the patterns that matches this path, under any of its names; NULL: none. */
const struct sbx_pattern *sbx_patterns_find(const struct sbx_pattern *v, size_t n,
					    const struct sbx_facts *facts, const char *path,
					    size_t len);

#endif
