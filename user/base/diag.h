/* SPDX-License-Identifier: MIT */
/*
 * A list of diagnostics with positions: "file:line:col: error: what (the value). Hint: remedy".
 * Library code adds; the command prints them all, sorted by file and line.
 */
#ifndef SBX_DIAG_H
#define SBX_DIAG_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

/* Words are kept for that many; the others are counted. */
#define SBX_DIAGS_MAX 1000

struct sbx_pos {
	/* Interned by the list's owner: lives as long as the policy; NULL: none. */
	const char *file;
	int line; /* from 1; 0: none */
	int col;
};

enum sbx_severity { SBX_ERROR, SBX_WARNING, SBX_NOTE };

struct sbx_diag {
	enum sbx_severity severity;
	char *file; /* owned copy; NULL: none */
	int line, col;
	char *what; /* owned */
	char *hint; /* owned; NULL: none */
};

struct sbx_diags {
	struct sbx_diag *v;
	size_t n;
	size_t errors;
	size_t warnings;
	size_t dropped; /* beyond SBX_DIAGS_MAX, or without memory: counted above */
};

/* Adds one; hint may be NULL. `fmt` is what is wrong, with the value in parentheses. */
void sbx_diag_add(struct sbx_diags *d, enum sbx_severity sev, struct sbx_pos pos, const char *hint,
		  const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void sbx_diags_print(const struct sbx_diags *d, FILE *out);
/* The same as one JSON object per line: severity, file, line, column, message, hint. */
void sbx_diags_print_json(const struct sbx_diags *d, FILE *out);
/* The same as an array. */
json_t *sbx_diags_json(const struct sbx_diags *d);
void sbx_diags_free(struct sbx_diags *d);

#endif
