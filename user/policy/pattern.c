// SPDX-License-Identifier: MIT
/*
 * Patterns by themselves: syntax, literal prefix, and the reference matcher.
 *
 * The matcher keeps the set of positions of the path at which the rest of the pattern may go on,
 * and carries it over one element after the other. That is as direct as backtracking, and linear:
 * names are chosen by sandboxed programs, which must not be able to make an explanation expensive.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/glob.h"
#include "user/policy/pattern.h"

struct fault {
	const char *at, *why;
};

static bool check_sequence(const char *p, const char *end, struct fault *f);

static bool refuse(struct fault *f, const char *at, const char *why)
{
	f->at = at;
	f->why = why;
	return false;
}

static bool check_brace(const struct sbx_glob *g, struct fault *f)
{
	const char *p = g->text, *end = g->text + g->len, *alt;
	size_t len, n = 0;

	for (; sbx_glob_alternative(&p, end, &alt, &len); n++)
		if (!check_sequence(alt, alt + len, f))
			return false;
	if (n < 2)
		return refuse(f, g->text - 1,
			      "braces hold alternatives: {a,b} (a literal one is written \\{)");
	return true;
}

/* Elements inside one component, or inside one alternative. */
static bool check_sequence(const char *p, const char *end, struct fault *f)
{
	bool star = false;
	struct sbx_glob g;

	while (p < end) {
		const char *next = sbx_glob_next(p, end, &g);

		if (g.kind == SBX_GLOB_ERROR)
			return refuse(f, next, g.why);
		if (g.kind == SBX_GLOB_STAR && star)
			return refuse(f, p - 1, "** stands alone, as a whole component: /a/**/b");
		if (g.kind == SBX_GLOB_BRACE && !check_brace(&g, f))
			return false;
		star = g.kind == SBX_GLOB_STAR;
		p = next;
	}
	return true;
}

/* The end of the component that begins at p. Slashes inside classes and braces are refused, escaped
 * ones too: the next one in the text ends it. */
static const char *component_end(const char *p, const char *end)
{
	const char *slash = memchr(p, '/', end - p);

	return slash ? slash : end;
}

static bool check_component(const char *p, const char *end, const char *all_end, struct fault *f)
{
	struct sbx_glob g;
	const char *q;

	if (p == end)
		return refuse(f, p - 1,
			      end == all_end ? "a / at the end: /dir is the directory "
					       "itself, /dir/** that and all below it"
					     : "an empty component (//)");
	if ((end - p == 1 && *p == '.') || (end - p == 2 && !memcmp(p, "..", 2)))
		return refuse(f, p,
			      ". and .. are in no canonical name: write the path without them");
	if (sbx_glob_is_globstar(p, end))
		return true;
	/* Read against the whole text, so that a class or brace that runs into a / says so. */
	for (q = p; q < end;) {
		q = sbx_glob_next(q, all_end, &g);
		if (g.kind == SBX_GLOB_ERROR)
			return refuse(f, q, g.why);
	}
	return check_sequence(p, end, f);
}

static bool check_all(const char *pattern, const char *end, struct fault *f)
{
	const char *p = pattern, *e;

	if (*p != '/' && *p != '@')
		return refuse(f, p,
			      "a pattern is absolute: it begins with / (or is a built-in @name)");
	if (end - p > SBX_GLOB_LEN_MAX)
		return refuse(f, p + SBX_GLOB_LEN_MAX, "a pattern is at most 4096 bytes long");
	if (*p == '@' && (p[1] == '\0' || p[1] == '/'))
		return refuse(f, p, "@ needs a name after it");
	if (p[0] == '/' && p[1] == '\0')
		return true;
	if (*p == '/')
		p++;
	for (;; p = e + 1) {
		e = component_end(p, end);
		if (!check_component(p, e, end, f))
			return false;
		if (e == end)
			return true;
	}
}

int sbx_pattern_check(const char *pattern, const char **why, size_t *at)
{
	struct fault f = {0};

	if (check_all(pattern, pattern + strlen(pattern), &f))
		return 0;
	*why = f.why;
	*at = f.at - pattern;
	return -EINVAL;
}

static bool component_is_literal(const char *p, const char *end)
{
	struct sbx_glob g;

	while (p < end) {
		p = sbx_glob_next(p, end, &g);
		if (g.kind != SBX_GLOB_BYTE)
			return false;
	}
	return true;
}

size_t sbx_pattern_literal_prefix(const char *pattern)
{
	const char *end = pattern + strlen(pattern), *p = pattern, *e;

	while (p < end) {
		e = component_end(p + 1, end);
		if (!component_is_literal(p + (*p == '/'), e))
			break;
		p = e;
	}
	return p - pattern;
}

bool sbx_pattern_is_literal(const char *pattern)
{
	return pattern[sbx_pattern_literal_prefix(pattern)] == '\0';
}

char *sbx_pattern_literal(const char *path, size_t len, const char *glob, bool yaml)
{
	static const char any_such[] = "[!\x01-\xf4\x8f\xbf\xbf]";
	char *out = malloc(len * (sizeof(any_such) - 1) + strlen(glob) + 2), *o = out;
	size_t i, n;
	uint32_t cp;

	if (!out)
		return NULL;
	if (!len && !*glob)
		*o++ = '/';
	for (i = 0; i < len; i += n) {
		n = sbx_utf8_unit((const uint8_t *)path + i, len - i, &cp);
		if (cp == SBX_UTF8_INVALID && yaml) {
			o = stpcpy(o, any_such);
			continue;
		}
		if (strchr("\\*?[]{}", path[i]))
			*o++ = '\\';
		memcpy(o, path + i, n);
		o += n;
	}
	strcpy(o, glob);
	return out;
}

char *sbx_pattern_unescape(const char *pattern, size_t n)
{
	char *out = malloc(n + 1);
	size_t i, o = 0;

	if (!out)
		return NULL;
	for (i = 0; i < n; i++) {
		if (pattern[i] == '\\' && i + 1 < n)
			i++;
		out[o++] = pattern[i];
	}
	out[o] = '\0';
	return out;
}

/* --- the reference matcher --- */

struct text {
	const uint8_t *s;
	size_t len;
};

static bool component_ends(const struct text *t, size_t i)
{
	return i == t->len || t->s[i] == '/';
}

static void step_byte(const struct text *t, uint8_t byte, uint8_t *set)
{
	size_t i;

	for (i = t->len; i > 0; i--)
		set[i] = set[i - 1] && t->s[i - 1] == byte;
	set[0] = 0;
}

/* From the end, so that what has moved is not moved again. */
static void step_unit(const struct text *t, const struct sbx_glob *g, uint8_t *set)
{
	size_t i, n;
	uint32_t cp;

	for (i = t->len + 1; i-- > 0;) {
		if (!set[i])
			continue;
		set[i] = 0;
		if (component_ends(t, i))
			continue;
		n = sbx_utf8_unit(t->s + i, t->len - i, &cp);
		if (g->kind == SBX_GLOB_ANY || sbx_glob_class_has(g, cp))
			set[i + n] = 1;
	}
}

static void step_star(const struct text *t, uint8_t *set)
{
	uint32_t cp;
	size_t i;

	for (i = 0; i < t->len; i++)
		if (set[i] && t->s[i] != '/')
			set[i + sbx_utf8_unit(t->s + i, t->len - i, &cp)] = 1;
}

/* Every end of a component from the first one in the set on. */
static void step_globstar(const struct text *t, uint8_t *set)
{
	bool on = false;
	size_t i;

	for (i = 0; i <= t->len; i++) {
		if (set[i] && component_ends(t, i))
			on = true;
		set[i] = on && component_ends(t, i);
	}
}

/* `set` is followed by room for two more sets for each level of braces that may come. */
static void step_sequence(const struct text *t, const char *p, const char *end, uint8_t *set)
{
	uint8_t *old = set + t->len + 1, *each = old + t->len + 1;
	struct sbx_glob g;
	size_t i, len;
	const char *alt, *a;

	while (p < end) {
		p = sbx_glob_next(p, end, &g);
		switch (g.kind) {
		case SBX_GLOB_BYTE:
			step_byte(t, g.byte, set);
			break;
		case SBX_GLOB_ANY:
		case SBX_GLOB_CLASS:
			step_unit(t, &g, set);
			break;
		case SBX_GLOB_STAR:
			step_star(t, set);
			break;
		case SBX_GLOB_BRACE:
			memcpy(old, set, t->len + 1);
			memset(set, 0, t->len + 1);
			for (a = g.text; sbx_glob_alternative(&a, g.text + g.len, &alt, &len);) {
				memcpy(each, old, t->len + 1);
				step_sequence(t, alt, alt + len, each);
				for (i = 0; i <= t->len; i++)
					set[i] |= each[i];
			}
			break;
		default: /* only a checked pattern matches */
			memset(set, 0, t->len + 1);
			return;
		}
	}
}

bool sbx_pattern_match(const char *pattern, const char *path, size_t len)
{
	const char *end = pattern + strlen(pattern), *p = pattern, *e, *why;
	struct text t = {(const uint8_t *)path, len};
	uint8_t *set;
	size_t at;
	bool hit;

	if (!strcmp(pattern, "/"))
		return len == 0;
	if (sbx_pattern_check(pattern, &why, &at))
		return false;
	set = calloc(2 * SBX_GLOB_DEPTH + 3, len + 1);
	if (!set)
		return false;
	set[0] = 1;
	for (; p < end; p = e) {
		bool slash = *p == '/';

		e = component_end(p + slash, end);
		if (slash && sbx_glob_is_globstar(p + 1, e)) {
			step_globstar(&t, set);
			continue;
		}
		if (slash)
			step_byte(&t, '/', set);
		step_sequence(&t, p + slash, e, set);
	}
	hit = set[len];
	free(set);
	return hit;
}
