// SPDX-License-Identifier: MIT
/* Nodes of YAML as what policies are made of: texts, and lists of texts. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "user/base/opt.h"
#include "user/policy/parse.h"

#define DIGITS "0123456789"

void *sbx_append(struct sbx_parser *p, void *array, size_t *n, size_t size)
{
	void **slot = array, *more = sbx_arena_grow(p->arena, *slot, *n, size), *one;

	if (!more) {
		p->no_memory = true;
		return NULL;
	}
	*slot = more;
	one = (char *)more + (*n)++ * size;
	memset(one, 0, size); /* a removed element may have been there */
	return one;
}

/* Values are as long as their authors like; a message shows how they begin. */
static void shorten(char *text)
{
	size_t n = strlen(text), keep = 400;

	if (n <= keep + sizeof("...)"))
		return;
	while (keep && ((unsigned char)text[keep] & 0xc0) == 0x80) /* not inside a character */
		keep--;
	strcpy(text + keep, "...)");
}

void sbx_parse_error(struct sbx_parser *p, const struct sbx_node *n, const char *hint,
		     const char *fmt, ...)
{
	char *text;
	va_list ap;

	if (n->bad)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text)
		shorten(text);
	else
		p->no_memory = true;
	sbx_diag_add(p->d, SBX_ERROR, n->pos, hint, "%s", text ? text : fmt);
	free(text);
}

void sbx_unsupported(struct sbx_parser *p, struct sbx_pos pos, const char *fmt, ...)
{
	struct sbx_unsupported *u = SBX_APPEND(p, p->policy->unsupported, p->policy->n_unsupported);
	char text[1024];
	va_list ap;

	if (!u)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	u->pos = pos;
	u->what = sbx_arena_strdup(p->arena, text);
	if (!u->what)
		p->no_memory = true;
}

static bool is_number(const char *s)
{
	size_t whole, fraction = 0;

	s += *s == '-' || *s == '+';
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'o') && s[2])
		return !s[2 + strspn(s + 2, DIGITS "abcdefABCDEF")];
	whole = strspn(s, DIGITS);
	s += whole;
	if (*s == '.') {
		fraction = strspn(s + 1, DIGITS);
		s += 1 + fraction;
	}
	if (!whole && !fraction)
		return false;
	if (*s == 'e' || *s == 'E') {
		s += 1 + (s[1] == '-' || s[1] == '+');
		if (!*s)
			return false;
		s += strspn(s, DIGITS);
	}
	return !*s;
}

/* What some YAML readers take for something else than text when it is not quoted; NULL: a text. */
static const char *other_type(const struct sbx_node *n)
{
	static const struct {
		const char *word, *type;
	} words[] = {{"true", "a boolean"}, {"false", "a boolean"}, {"yes", "a boolean"},
		     {"no", "a boolean"},   {"on", "a boolean"},    {"off", "a boolean"},
		     {"null", "null"},	    {"~", "null"},	    {".inf", "a number"},
		     {".nan", "a number"},  {"-.inf", "a number"},  {"", "nothing"}};
	size_t i;

	if (!n->plain)
		return NULL;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcasecmp(n->text, words[i].word))
			return words[i].type;
	return is_number(n->text) ? "a number" : NULL;
}

static const char *type_name(const struct sbx_node *n)
{
	return n->type == SBX_LIST ? "a list" : "a mapping";
}

const char *sbx_want_text(struct sbx_parser *p, const struct sbx_node *n, const char *key)
{
	const char *type;

	if (n->bad)
		return NULL;
	if (n->type != SBX_SCALAR) {
		sbx_parse_error(p, n, "quote a text that contains { or [, as in \"/a/{b,c}\"",
				"`%s` wants a text (this is %s)", key, type_name(n));
		return NULL;
	}
	type = other_type(n);
	if (type) {
		sbx_parse_error(p, n, *n->text ? "quote it" : "write a value",
				"`%s` wants a text, to YAML this is %s (%s)", key, type, n->text);
		return NULL;
	}
	return n->text;
}

bool sbx_want_map(struct sbx_parser *p, const struct sbx_node *n, const char *who, const char *hint)
{
	if (n->type == SBX_MAP)
		return true;
	sbx_parse_error(p, n, hint, "%s wants a mapping (%s)", who,
			n->type == SBX_LIST ? "this is a list"
			: *n->text	    ? n->text
					    : "nothing is here");
	return false;
}

void sbx_each(struct sbx_parser *p, const struct sbx_node *n, const char *key,
	      void (*fn)(struct sbx_parser *p, const struct sbx_node *item, void *arg), void *arg)
{
	size_t i;

	if (n->type != SBX_LIST) {
		if (sbx_want_text(p, n, key))
			fn(p, n, arg);
		return;
	}
	for (i = 0; i < n->n; i++)
		if (sbx_want_text(p, n->child[i], key))
			fn(p, n->child[i], arg);
}

void sbx_refuse_empty(struct sbx_parser *p, const struct sbx_node *n, const char *key,
		      const char *hint)
{
	if (n->type == SBX_LIST && !n->n)
		sbx_parse_error(p, n, hint, "the list is empty (%s: [])", key);
}

void sbx_unknown_word(struct sbx_parser *p, const struct sbx_node *n, const char *what,
		      const char *const *list, const char *see)
{
	const char *near = sbx_word_nearest(n->text, list);
	char hint[256];
	size_t used;

	if (near) {
		snprintf(hint, sizeof(hint), "did you mean %s?", near);
		see = hint;
	} else if (!see) {
		used = snprintf(hint, sizeof(hint), "known here: ");
		for (; *list && used < sizeof(hint); list++)
			used += snprintf(hint + used, sizeof(hint) - used, "%s%s", *list,
					 list[1] ? ", " : "");
		see = hint;
	}
	sbx_parse_error(p, n, see, "%s (%s)", what, n->text);
}
