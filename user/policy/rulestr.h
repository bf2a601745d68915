/* SPDX-License-Identifier: MIT */
/* Rules, paths and peers as text: for messages, for terminals, and as YAML that parses again. */
#ifndef SBX_RULESTR_H
#define SBX_RULESTR_H

#include <stdio.h>
#include "user/policy/policy.h"

/* A text that grows through a stream. Ending it with nothing in it gives NULL. */
struct sbx_text {
	FILE *out;
	char *s;
	size_t len;
};

int sbx_text_begin(struct sbx_text *t);
int sbx_text_end(struct sbx_text *t, char **to); /* 0 or -ENOMEM; *to is owned by the caller */

/*
 * One character of UTF-8: its length, and its code point in *cp. 0: s does not begin with one (then
 * one byte is to be skipped).
 */
size_t sbx_char_decode(const char *s, size_t len, uint32_t *cp);
bool sbx_text_valid(const char *s, size_t len);

/*
 * Writes a name so that it cannot act on the terminal: control characters, the marks that turn
 * the direction of text, and bytes that are no UTF-8 are escaped (\n, \x1b, \u202e), as is the
 * backslash.
 */
void sbx_put_escaped(FILE *out, const char *s, size_t len);
/* A path as rules name it, for people: "/" for "", and "@x" for an abstract socket. Owned. */
char *sbx_path_text(const char *path, size_t len);
/* The same as a double-quoted YAML scalar. Bytes that are no UTF-8 cannot be written in YAML. */
void sbx_put_yaml(FILE *out, const char *s, size_t len);

/* "FILE:LINE", owned by the caller; NULL without a file. */
char *sbx_pos_text(struct sbx_pos pos);

/* 'protect [read, write] "~/.ssh/ **"', owned by the caller. `path` or `to` is the one to show;
 * NULL: the first, and the number of the others. */
char *sbx_file_rule_text(const struct sbx_file_rule *r, const struct sbx_pattern *path);
char *sbx_net_rule_text(const struct sbx_net_rule *r, const struct sbx_endpoint *to);

/* The protect as it would have to be written with one exception more, a YAML scalar: all its lines,
 * as an item of a list. */
void sbx_put_file_rule_with(FILE *out, const struct sbx_file_rule *r, const char *scalar);
void sbx_put_net_rule_with(FILE *out, const struct sbx_net_rule *r, const char *scalar);

const char *sbx_verb_name(enum sbx_verb verb);
/* "read, write" */
void sbx_put_rights(FILE *out, uint8_t rights);
void sbx_put_socket_rights(FILE *out, uint8_t rights);
void sbx_put_net_rights(FILE *out, uint8_t rights);

/* The home that ~ stands for in this policy, or NULL when no pattern begins with ~. Owned by the
 * caller. Read from the patterns, so that it is the home the policy was compiled for. */
char *sbx_policy_home(const struct sbx_policy *p);

/*
 * The pattern that matches exactly this path, as a YAML scalar; below `home` (may be NULL) it
 * begins with ~. *inexact: the path has bytes that YAML cannot hold: each became a class of all
 * such bytes. (A `?` would match every character as well, and reopen what was never denied.)
 */
void sbx_put_yaml_path(FILE *out, const char *home, const char *path, size_t len, const char *glob,
		       bool *inexact);
/* "[2001:db8::1]" */
void sbx_put_host(FILE *out, int family, const uint8_t *addr);
/* "[2001:db8::1]:443/tcp" */
void sbx_put_peer(FILE *out, int family, const uint8_t *addr, int proto, uint16_t port);

#endif
