// SPDX-License-Identifier: MIT
#include <string.h>
#include "user/policy/glob.h"

size_t sbx_utf8_unit(const uint8_t *s, size_t n, uint32_t *cp)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = s[0] < 0x80   ? 1
		     : s[0] < 0xc2 ? 0
		     : s[0] < 0xe0 ? 2
		     : s[0] < 0xf0 ? 3
		     : s[0] < 0xf5 ? 4
				   : 0;
	uint32_t c;
	size_t i;

	*cp = SBX_UTF8_INVALID;
	if (len == 1)
		*cp = s[0];
	if (len < 2 || len > n)
		return 1;
	c = s[0] & (0xff >> (len + 1));
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 1;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 1;
	*cp = c;
	return len;
}

bool sbx_glob_is_globstar(const char *p, const char *end)
{
	return end - p >= 2 && p[0] == '*' && p[1] == '*' && (p + 2 == end || p[2] == '/');
}

static const char *fail(struct sbx_glob *g, const char *at, const char *why)
{
	g->kind = SBX_GLOB_ERROR;
	g->why = why;
	return at;
}

/* One member of a class: a character, perhaps escaped. NULL: not UTF-8, or nothing there. */
static const char *class_char(const char *p, const char *end, uint32_t *cp)
{
	if (p < end && *p == '\\')
		p++;
	if (p >= end)
		return NULL;
	p += sbx_utf8_unit((const uint8_t *)p, end - p, cp);
	return *cp == SBX_UTF8_INVALID ? NULL : p;
}

static const char *class_range(const char *p, const char *end, uint32_t *lo, uint32_t *hi)
{
	p = class_char(p, end, lo);
	*hi = *lo;
	if (p && end - p >= 2 && *p == '-')
		p = class_char(p + 1, end, hi);
	return p;
}

bool sbx_glob_range(const char **p, const char *end, uint32_t *lo, uint32_t *hi)
{
	if (!*p || *p >= end)
		return false;
	*p = class_range(*p, end, lo, hi);
	return *p != NULL;
}

bool sbx_glob_class_has(const struct sbx_glob *g, uint32_t cp)
{
	const char *p = g->text;
	uint32_t lo, hi;

	while (sbx_glob_range(&p, g->text + g->len, &lo, &hi))
		if (cp >= lo && cp <= hi && cp != SBX_UTF8_INVALID)
			return !g->negated;
	return g->negated;
}

static const char *read_class(const char *p, const char *end, struct sbx_glob *g)
{
	const char *open = p++, *q;
	uint32_t lo, hi;

	if (p < end && *p == '^')
		return fail(g, p, "a class that excludes is written [!...], not [^...]");
	g->negated = p < end && *p == '!';
	p += g->negated;
	for (q = p; q < end && *q != ']'; q++) {
		if (*q == '/')
			return fail(g, q, "a class [...] stays inside one component: no / in it");
		if (*q == '[' && q + 1 < end && q[1] == ':')
			return fail(g, q, "named classes such as [:alpha:] are not known");
		if (*q == '\\' && ++q == end)
			break;
	}
	if (q == end)
		return fail(g, open, "the class that begins here has no ]");
	if (q == p)
		return fail(g, open, "a class [] is empty (a ] in it is written \\])");
	g->kind = SBX_GLOB_CLASS;
	g->text = p;
	g->len = q - p;
	while (p < q) {
		const char *next = class_range(p, q, &lo, &hi);

		if (!next)
			return fail(g, p, "a class holds characters in UTF-8 only");
		if (lo > hi)
			return fail(g, p, "a range [z-a] is empty");
		p = next;
	}
	return q + 1;
}

/* Where the brace that opens at p closes; NULL with *at at the fault. */
static const char *brace_end(const char *p, const char *end, const char **at, const char **why)
{
	struct sbx_glob g;
	const char *open = p;
	unsigned depth = 0;

	while (p < end) {
		if (*p == '{' && ++depth > SBX_GLOB_DEPTH) {
			*why = "braces are nested too deeply";
			*at = p;
			return NULL;
		}
		if (*p == '}' && --depth == 0)
			return p;
		if (*p == '/')
			break;
		if (*p == '{' || *p == '}') {
			p++;
			continue;
		}
		*at = sbx_glob_next(p, end, &g);
		if (g.kind == SBX_GLOB_ERROR) {
			*why = g.why;
			return NULL;
		}
		p = *at;
	}
	*why = p < end ? "braces stay inside one component: no / in them"
		       : "the brace that opens here is not closed";
	*at = p < end ? p : open;
	return NULL;
}

static const char *read_brace(const char *p, const char *end, struct sbx_glob *g)
{
	const char *why, *at, *close = brace_end(p, end, &at, &why);

	if (!close)
		return fail(g, at, why);
	g->kind = SBX_GLOB_BRACE;
	g->text = p + 1;
	g->len = close - p - 1;
	return close + 1;
}

const char *sbx_glob_next(const char *p, const char *end, struct sbx_glob *g)
{
	memset(g, 0, sizeof(*g));
	if (p == end)
		return p;
	switch (*p) {
	case '/':
		g->kind = SBX_GLOB_SLASH;
		return p + 1;
	case '*':
		g->kind = SBX_GLOB_STAR;
		return p + 1;
	case '?':
		g->kind = SBX_GLOB_ANY;
		return p + 1;
	case '[':
		return read_class(p, end, g);
	case '{':
		return read_brace(p, end, g);
	case '}':
		return fail(g, p, "a } without its { (a literal one is written \\})");
	case '\\':
		if (p + 1 == end || p[1] == '/')
			return fail(g, p, "a \\ with nothing to escape (a literal one is \\\\)");
		p++;
	}
	g->kind = SBX_GLOB_BYTE;
	g->byte = (uint8_t)*p;
	return p + 1;
}

bool sbx_glob_alternative(const char **p, const char *end, const char **alt, size_t *len)
{
	const char *q = *p;
	struct sbx_glob g;

	if (!q)
		return false;
	*alt = q;
	while (q < end && *q != ',') {
		q = sbx_glob_next(q, end, &g);
		if (g.kind == SBX_GLOB_ERROR)
			q = end;
	}
	*len = q - *alt;
	*p = q < end ? q + 1 : NULL;
	return true;
}
