/* SPDX-License-Identifier: MIT */
/* Operations and ways to name an object: their product is the family "aliases". */
#ifndef SBX_ESCAPE_MATRIX_H
#define SBX_ESCAPE_MATRIX_H

#include <fcntl.h>
#include "tests/escape/escape.h"

/* What a way leads to. */
struct esc_name {
	int dirfd;
	char path[ESC_PATH];
};

enum esc_object { ESC_SECRET_FILE, ESC_FILE, ESC_PROGRAM, ESC_DIR, ESC_ENTRY, ESC_NEW };

struct esc_op {
	const char *name, *does;
	enum esc_object object; /* of the attack; a twin takes another of the same kind */
	int (*fn)(struct esc_try *t, const struct esc_name *n);
	unsigned needs;
};

struct esc_way {
	const char *name, *how;
	int (*fn)(struct esc_try *t, const char *target, struct esc_name *n);
	unsigned cannot;     /* bits of enum esc_object */
	const char *because; /* why not those */
	unsigned needs;
	const char *why;
	void (*undo)(const char *target); /* of what others use after it */
	bool direct_twin; /* what the way takes is forbidden as such: its twin goes straight */
};

extern const struct esc_op esc_ops[];
extern const struct esc_way esc_ways[];

#endif
