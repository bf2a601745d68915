/* SPDX-License-Identifier: MIT */
/* The syntax of patterns, one element at a time: shared by the checker, the reference matcher and
 * the automaton, so that they cannot disagree on what an element is. */
#ifndef SBX_GLOB_H
#define SBX_GLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SBX_GLOB_DEPTH	 8    /* braces within braces */
#define SBX_GLOB_LEN_MAX 4096 /* bytes of a pattern: PATH_MAX */

enum sbx_glob_kind {
	SBX_GLOB_END,
	SBX_GLOB_SLASH,
	SBX_GLOB_BYTE,	/* this byte */
	SBX_GLOB_ANY,	/* ? */
	SBX_GLOB_STAR,	/* * */
	SBX_GLOB_CLASS, /* text: what stands between [ or [! and ] */
	SBX_GLOB_BRACE, /* text: what stands between { and } */
	SBX_GLOB_ERROR, /* why; the returned pointer is at the fault */
};

struct sbx_glob {
	enum sbx_glob_kind kind;
	uint8_t byte;
	bool negated;
	const char *text;
	size_t len;
	const char *why;
};

/* Reads the element at p; returns where the next one begins. */
const char *sbx_glob_next(const char *p, const char *end, struct sbx_glob *g);

/* The next alternative of a brace's text: [*alt, *alt + *len). *p starts at the text and is NULL
 * after the last one. The text must be free of errors. */
bool sbx_glob_alternative(const char **p, const char *end, const char **alt, size_t *len);

/* The next range of a class's text; false at its end. The text must be free of errors. */
bool sbx_glob_range(const char **p, const char *end, uint32_t *lo, uint32_t *hi);

/* Is the code point (SBX_UTF8_INVALID: an invalid byte) in the class? */
bool sbx_glob_class_has(const struct sbx_glob *g, uint32_t cp);

#define SBX_UTF8_INVALID 0xffffffffu

/* Names are read as UTF-8 characters; a byte that starts none is a unit by itself. Returns the
 * length of the unit at s (n >= 1 bytes are there). */
size_t sbx_utf8_unit(const uint8_t *s, size_t n, uint32_t *cp);

/* A component that is exactly "**" at p, followed by '/' or the end. */
bool sbx_glob_is_globstar(const char *p, const char *end);

#endif
