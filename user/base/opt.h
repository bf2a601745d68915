/* SPDX-License-Identifier: MIT */
/*
 * Command-line options as tables: a row says what an option is called, what it takes, where its
 * value goes and what --help says of it. Parsing, messages and help come from the same rows.
 */
#ifndef SBX_OPT_H
#define SBX_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum sbx_opt_type {
	SBX_OPT_FLAG,	/* bool *: set to true */
	SBX_OPT_TEXT,	/* const char **: points into argv; may be given once, not empty */
	SBX_OPT_LIST,	/* struct sbx_opt_list *: as TEXT, any number of times */
	SBX_OPT_CHOICE, /* int *: index into `choices` */
};

#define SBX_OPT_LIST_MAX 64

/* NULL-terminated, in the order given. */
struct sbx_opt_list {
	char *v[SBX_OPT_LIST_MAX + 1];
	size_t n;
};

/* A table ends with a row without a name. */
struct sbx_opt {
	const char *name; /* "policy": --policy */
	char letter;	  /* 'p': -p; 0: none */
	enum sbx_opt_type type;
	const char *arg; /* what --help calls the value: "PATH" */
	const char *help;
	void *to;
	const char *const *choices; /* NULL-terminated */
};

struct sbx_opt_spec {
	const char *usage; /* "sbx-bpf run [OPTION]... [--] CMD [ARG]...", lines end with \n */
	const char *summary;
	const struct sbx_opt *opts;
	const struct sbx_opt *more; /* a second table, those of every command; may be NULL */
	bool command;	     /* options end at the first operand: the rest belongs to a command */
	size_t min, max;     /* operands */
	const char *operand; /* what is missing when there are too few: "CMD" */
};

/*
 * Parses argv[1…argc-1]. Operands are moved to argv[1…n], argv[n + 1] becomes NULL. Returns n, or
 * -EINVAL with what is wrong and a hint in *why (owned by the caller; NULL: out of memory).
 */
int sbx_opt_parse(const struct sbx_opt_spec *s, int argc, char **argv, char **why);
/* Too few or too many operands: apart, since --help asks for none. 0 or -EINVAL, as above. */
int sbx_opt_count(const struct sbx_opt_spec *s, int n, char **argv, char **why);
void sbx_opt_help(const struct sbx_opt_spec *s, FILE *out);

/* How many letters have to change to make one word of the other: for "did you mean". */
unsigned sbx_word_distance(const char *a, const char *b);
/* The nearest of the words if it is near enough for a typing error, or NULL. */
const char *sbx_word_nearest(const char *word, const char *const *words);

#endif
