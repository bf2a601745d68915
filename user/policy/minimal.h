/* SPDX-License-Identifier: MIT */
/* The smallest automaton that says the same as a product. */
#ifndef SBX_MINIMAL_H
#define SBX_MINIMAL_H

#include "user/policy/product.h"

/* A state behaves like row `base` but for its exceptions. */
struct sbx_min_state {
	uint32_t base, first, n; /* exceptions [first, first + n) */
	uint8_t label;
};

struct sbx_exception {
	uint32_t to;
	uint8_t byte;
};

struct sbx_minimal {
	unsigned n_classes;
	uint8_t class_of[256];
	uint32_t *rows; /* [base * n_classes + class] */
	size_t n_rows;	/* state i < n_rows has row i and no exceptions */
	struct sbx_min_state *states;
	size_t n, room;
	struct sbx_exception *exceptions;
	size_t n_exceptions, room_exceptions;
	uint32_t *of_node; /* product's node -> state */
	uint32_t *of_set;  /* product's free state -> state; only of those reached */
};

/* States are told apart by the bits of their labels in `mask`. 0 or -ENOMEM. */
int sbx_minimal_build(struct sbx_minimal *m, const struct sbx_product *p, uint8_t mask);
void sbx_minimal_free(struct sbx_minimal *m);

uint32_t sbx_minimal_step(const struct sbx_minimal *m, uint32_t state, uint8_t byte);
/* By byte, from 1: where it leads. */
void sbx_minimal_steps(const struct sbx_minimal *m, uint32_t state, uint32_t to[256]);

/*
 * Refines a partition of n states with `next`[state * k + symbol] until states of one block have
 * the same future (Hopcroft). block: in and out, numbered from 0 without holes. 0 or -ENOMEM.
 */
int sbx_partition_refine(size_t n, unsigned k, const uint32_t *next, uint32_t *block,
			 size_t *n_blocks);

#endif
