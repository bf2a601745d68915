/* SPDX-License-Identifier: MIT */
/*
 * The parts of patterns behind their literal prefix ("tails"), as one nondeterministic automaton
 * over bytes. Tails that begin alike share states; each ends in a token that stands for its rule.
 *
 * `?` and classes take one character, or one byte that starts none. Whether a byte starts a
 * character is known only when the next ones have come. So after such a byte a thread goes on in
 * both ways, one of them under a *guard*: the condition that the following bytes do not complete a
 * character after all. A thread is (state << SBX_GUARD_BITS | guard).
 */
#ifndef SBX_NFA_H
#define SBX_NFA_H

#include <stdbool.h>
#include "user/policy/intern.h"

#define SBX_GUARD_BITS 3
#define SBX_GUARD_MASK 7u
#define SBX_NFA_MAX    (1u << 20) /* states: far above what fits into an image */

struct sbx_nfa_edge {
	uint32_t to, next; /* next: index + 1 in edges, 0: the last */
	uint8_t lo, hi, guard;
};

struct sbx_nfa_link {
	uint32_t to, next;
};

struct sbx_nfa_state {
	uint32_t edges, empty, tokens; /* index + 1 in edges, links, links */
	bool universe;		       /* loops on every byte: "/dir/" and all that can follow */
};

struct sbx_nfa {
	struct sbx_nfa_state *states;
	size_t n, room;
	struct sbx_nfa_edge *edges;
	size_t n_edges, room_edges;
	struct sbx_nfa_link *links; /* empty moves and tokens */
	size_t n_links, room_links;
	struct sbx_intern memo; /* (state, element) -> memo_to */
	uint32_t *memo_to;
	size_t room_memo;
	uint8_t class_of[256]; /* bytes that no edge tells apart; set by sbx_nfa_classes */
	uint8_t sample[256];   /* a byte of each class, a readable one if there is any */
	unsigned n_classes;
	int err; /* sticky: -ENOMEM, -E2BIG */
};

uint32_t sbx_nfa_state(struct sbx_nfa *nfa);
/* From `root` on, `tail` leads to the token. Tails of one root are merged. */
void sbx_nfa_tail(struct sbx_nfa *nfa, uint32_t root, const char *tail, uint32_t token);
/* A path that ends in `state` matches the token's rule. */
void sbx_nfa_token(struct sbx_nfa *nfa, uint32_t state, uint32_t token);
/* A move without a byte. */
void sbx_nfa_empty(struct sbx_nfa *nfa, uint32_t from, uint32_t to);
/* Makes states that behave alike one: class[old state] is the new one. Nothing is to be added
 * afterwards. 0 or -ENOMEM. */
int sbx_nfa_merge(struct sbx_nfa *nfa, uint32_t *class);
/* Fills class_of, sample, n_classes; after the last change. */
void sbx_nfa_classes(struct sbx_nfa *nfa);
void sbx_nfa_free(struct sbx_nfa *nfa);

/* A set of threads under construction. */
struct sbx_threads {
	uint32_t *v;
	size_t n, room;
	uint32_t *mark; /* per thread: == stamp when it is in v */
	size_t n_mark;
	uint32_t stamp;
	int err;
};

void sbx_threads_clear(struct sbx_threads *t, const struct sbx_nfa *nfa);
/* Adds a thread and all that it reaches by empty moves. */
void sbx_threads_add(struct sbx_threads *t, const struct sbx_nfa *nfa, uint32_t thread);
/* Adds what `thread` becomes after `byte`. Returns the edges looked at. */
size_t sbx_threads_step(struct sbx_threads *t, const struct sbx_nfa *nfa, uint32_t thread,
			uint8_t byte);
void sbx_threads_free(struct sbx_threads *t);

/* --- nfachar.c --- */

/* Edges from `from` to `to` for every unit of the class; text NULL: for every unit. */
void sbx_nfa_units(struct sbx_nfa *nfa, uint32_t from, uint32_t to, const char *text, size_t len,
		   bool negated);
void sbx_nfa_edge(struct sbx_nfa *nfa, uint32_t from, uint32_t to, uint8_t lo, uint8_t hi,
		  uint8_t guard);
/* The guard after `byte`; SBX_GUARD_FAILED: the thread dies. */
#define SBX_GUARD_FAILED 0xff
uint8_t sbx_guard_step(uint8_t guard, uint8_t byte);

#endif
