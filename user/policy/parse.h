/* SPDX-License-Identifier: MIT */
/*
 * What the parser's files share. A policy goes through load.c (files), yaml.c (tree), parse.c
 * (keys), vars.c (substitution), rules.c, addr.c and grants.c (values); node.c has the helpers.
 */
#ifndef SBX_PARSE_H
#define SBX_PARSE_H

#include <sys/types.h>
#include "user/policy/policy.h"
#include "user/policy/yaml.h"

#define SBX_MAX_INCLUDES 64
/* A text after substitution: twice a path. Bounds variables that name each other over and over. */
#define SBX_TEXT_MAX 8192
/* All of them together: a short name for a long value can be written very often. */
#define SBX_TEXT_TOTAL (16u << 20)

struct sbx_var {
	const char *name, *value; /* value NULL: its error was reported */
};

/* The variables of one file. */
struct sbx_scope {
	struct sbx_var *v;
	size_t n;
};

struct sbx_parser {
	struct sbx_arena *arena;
	struct sbx_policy *policy;
	const struct sbx_load_opts *opts;
	struct sbx_diags *d;
	bool no_memory;
	bool caps_given; /* by some file: the default does not apply */
	bool full;	 /* there are too many rules, and it has been said */
	size_t expanded; /* bytes of texts after substitution */
	/* files being read (of policy->sources), outermost first */
	size_t chain[SBX_MAX_INCLUDES + 1];
	size_t depth;
	struct sbx_file_id { /* of policy->sources, in the same order */
		dev_t dev;
		ino_t ino;
	} ids[SBX_MAX_INCLUDES + 1];
};

/* parse.c: one file's text; name, mode and description count in the outermost only. */
void sbx_parse_text(struct sbx_parser *p, const char *file, const char *text, size_t len,
		    bool main);
/* [a-z0-9][a-z0-9._-]{0,47} */
bool sbx_is_policy_name(const char *s);

/* own.c: the rules that every policy ends with */
void sbx_parse_own(struct sbx_parser *p);
/* Those of p->policy->unix_rules from `from` on become file rules, behind those there are. */
void sbx_join_unix_rules(struct sbx_parser *p, size_t from);

/* load.c: an include of the file `from` */
void sbx_parse_include(struct sbx_parser *p, const struct sbx_node *n, const char *from);

/* rules.c: one item of a rules section */
typedef void sbx_rule_parser(struct sbx_parser *p, const struct sbx_scope *s,
			     const struct sbx_node *n);
sbx_rule_parser sbx_parse_file_rule, sbx_parse_net_rule, sbx_parse_unix_rule,
	sbx_parse_process_rule;

/* grants.c: what programs get beside rules */
void sbx_parse_env(struct sbx_parser *p, const struct sbx_scope *s, const struct sbx_node *n);
void sbx_parse_families(struct sbx_parser *p, const struct sbx_node *n);
void sbx_parse_capabilities(struct sbx_parser *p, const struct sbx_node *n);

/* vars.c */
void sbx_parse_vars(struct sbx_parser *p, struct sbx_scope *s, const struct sbx_node *n, bool main);
/*
 * Substitutes ${…}, and ~ at the beginning (not in `sbx_expand`). NULL: an error was reported. "":
 * all of it came from empty variables; a pattern that *begins* with an empty variable is "", too,
 * so that "${X:-}/ **" never means the whole machine.
 */
char *sbx_expand(struct sbx_parser *p, const struct sbx_scope *s, const struct sbx_node *n);
char *sbx_expand_value(struct sbx_parser *p, const struct sbx_scope *s, const struct sbx_node *n);
char *sbx_expand_pattern(struct sbx_parser *p, const struct sbx_scope *s, const struct sbx_node *n);

/* via.c: `- via: "host:port"`, an item of `network:` */
bool sbx_is_via(const struct sbx_node *n);
sbx_rule_parser sbx_parse_via;

/* addr.c: "host[:ports][/tcp|udp]". False: an error was reported. */
bool sbx_parse_endpoint(struct sbx_parser *p, const struct sbx_node *n, const char *text,
			struct sbx_endpoint *out);

/* --- node.c --- */

/* An error at a node, unless that node is known to be bad. hint may be NULL. */
void sbx_parse_error(struct sbx_parser *p, const struct sbx_node *n, const char *hint,
		     const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void sbx_unsupported(struct sbx_parser *p, struct sbx_pos pos, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The scalar's text, or NULL with an error that says what was wanted. */
const char *sbx_want_text(struct sbx_parser *p, const struct sbx_node *n, const char *key);
/* True when it is a mapping; else an error that says what wants one, with this hint. */
bool sbx_want_map(struct sbx_parser *p, const struct sbx_node *n, const char *who,
		  const char *hint);
/* Calls fn for the texts of a list, or for a single one. */
void sbx_each(struct sbx_parser *p, const struct sbx_node *n, const char *key,
	      void (*fn)(struct sbx_parser *p, const struct sbx_node *item, void *arg), void *arg);
/* What a list must not be: an error that names the key and this hint. */
void sbx_refuse_empty(struct sbx_parser *p, const struct sbx_node *n, const char *key,
		      const char *hint);
/* `what` (the word), and a hint: the word of the NULL-terminated list that is meant, or where to
 * look for one (NULL: the list itself). */
void sbx_unknown_word(struct sbx_parser *p, const struct sbx_node *n, const char *what,
		      const char *const *list, const char *see);
/* Adds a zeroed element to an arena array; NULL: out of memory (noted). */
void *sbx_append(struct sbx_parser *p, void *array, size_t *n, size_t size);
#define SBX_APPEND(p, array, n) \
	((typeof(array))sbx_append(p, (void *)&(array), &(n), sizeof(*(array))))

#endif
