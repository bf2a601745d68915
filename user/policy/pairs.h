/* SPDX-License-Identifier: MIT */
/*
 * Automata of finished images walked side by side, shortest paths first: the first path on which
 * their states show something. What is found is exact, for all paths that there can be.
 */
#ifndef SBX_PAIRS_H
#define SBX_PAIRS_H

#include "user/policy/automaton.h"
#include "user/policy/intern.h"

#define SBX_PAIRS_IMAGES 3
#define SBX_PAIRS_MAX	 (1u << 19) /* combinations of states that are looked at */

/* States that one path leads to, one of each image. */
typedef const struct sbx_state *const sbx_pair_states[SBX_PAIRS_IMAGES];

struct sbx_pairs {
	/* --- to be set --- */
	const struct sbx_image *img[SBX_PAIRS_IMAGES]; /* those that are not used: NULL, last */
	/* What is to be seen of the path that leads to these states; 0: nothing. */
	uint8_t (*shows)(sbx_pair_states at, uint8_t wanted);
	/* Nothing will be seen of what lies below these states. */
	bool (*barren)(sbx_pair_states at, uint8_t wanted);
	uint8_t wanted;
	/* Where all rights of this image are 0, nothing is to be seen; -1: there is none such. */
	int chooser;
	bool builtin; /* names that begin with '@' count, too */
	/* --- found --- */
	char *path; /* not escaped; owned */
	size_t len;
	uint8_t shown;
	size_t dir; /* a number for the states of the directory that it is in */
	/* --- private --- */
	struct sbx_intern seen;
	struct sbx_pair *v;
	size_t n, room, next;
	bool full; /* some combinations were left out */
	uint8_t bytes[255];
};

/* 1: found; 0: there is no such path; -E2BIG: cannot tell; -ENOMEM. To be freed in any case. Called
 * again, it finds the next, which leads to other states. */
int sbx_pairs_find(struct sbx_pairs *s);
void sbx_pairs_free(struct sbx_pairs *s);

#endif
