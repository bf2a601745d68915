/* SPDX-License-Identifier: MIT */
/*
 * Path patterns (design 1.2): absolute, whole components; `*`, `?` (one UTF-8 character or one
 * invalid byte), `[a-z]`, `[!a-z]`, `{a,b}`, `\` inside a component; `**` zero or more components.
 */
#ifndef SBX_PATTERN_H
#define SBX_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/* Checks syntax. Returns 0; -EINVAL with *why a static sentence ("a range [z-a] is empty") and
 * *at the offset of the fault. `unix_name`: "@name" is accepted. */
int sbx_pattern_check(const char *pattern, const char **why, size_t *at);

/* Length in bytes of the literal prefix, whole components only: "/a/b" of "/a/b/\*.c". */
size_t sbx_pattern_literal_prefix(const char *pattern);
/* true when the pattern has no glob syntax at all (escapes allowed). */
bool sbx_pattern_is_literal(const char *pattern);
/* Copies the first n bytes with escapes removed; the caller frees. NULL: out of memory. */
char *sbx_pattern_unescape(const char *pattern, size_t n);

/*
 * The pattern that matches this path alone, with `glob` behind it; owned by the caller, NULL: out
 * of memory. yaml: as a policy can say it, with a class for each byte that is no UTF-8
 * (sbx_put_yaml_path).
 */
char *sbx_pattern_literal(const char *path, size_t len, const char *glob, bool yaml);

/*
 * The reference matcher: direct, recursive, no automaton. The automaton is tested against it and
 * provenance ("which rule") is found with it. `path` is canonical: "" or "/a/b" (len bytes).
 */
bool sbx_pattern_match(const char *pattern, const char *path, size_t len);

#endif
