// SPDX-License-Identifier: MIT
/*
 * ${NAME}, ${NAME:-default} and ~. What they stand for is literal text: in a pattern, characters
 * that would be glob syntax are escaped. Where a pattern begins with one, it is a path: absolute,
 * and written as the kernel would write it.
 */
#include <stdio.h>
#include <string.h>
#include "user/policy/parse.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"

enum kind { PLAIN, VALUE, PATTERN }; /* VALUE: as PLAIN, with ~ */

/* One text on its way through substitution. */
struct text {
	struct sbx_parser *p;
	const struct sbx_scope *scope;
	const struct sbx_node *n; /* where it stands */
	enum kind kind;
	char *s; /* SBX_TEXT_MAX bytes */
	size_t len;
	bool too_long;
	bool root;     /* began with a value that is "/": a slash is due */
	bool nothing;  /* a pattern that began with an empty variable */
	bool in_class; /* between [ and ] */
};

static void put(struct text *t, const char *s, size_t n)
{
	if (t->root && !t->len && *s != '/')
		put(t, "/", 1);
	if (n > SBX_TEXT_MAX - t->len) {
		t->too_long = true;
		return;
	}
	memcpy(t->s + t->len, s, n);
	t->len += n;
}

static void put_literal(struct text *t, const char *s, size_t n)
{
	for (; n; s++, n--) {
		if (t->kind == PATTERN && strchr(t->in_class ? "*?[]{},\\-!^" : "*?[]{},\\", *s))
			put(t, "\\", 1);
		put(t, s, 1);
	}
}

/* A path without //, /./ and a slash at the end: `out` has room for it. NULL, or what is wrong. */
static const char *clean_path(const char *path, char *out)
{
	size_t n;

	if (*path != '/')
		return "the value is no absolute path";
	for (; *path; path += n) {
		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (n == 2 && !strncmp(path, "..", 2))
			return "the value is a path with .. in it";
		if (!n || (n == 1 && *path == '.'))
			continue;
		*out++ = '/';
		memcpy(out, path, n);
		out += n;
	}
	*out = 0;
	return NULL;
}

/* The beginning of a pattern. */
static bool put_path(struct text *t, const char *value, const char *name)
{
	char clean[SBX_TEXT_MAX + 1];
	const char *why;

	if (!*value) {
		t->nothing = true;
		return true;
	}
	if (strlen(value) > SBX_TEXT_MAX) {
		t->too_long = true;
		return true;
	}
	why = clean_path(value, clean);
	if (why) {
		sbx_parse_error(t->p, t->n, "a pattern begins with an absolute path without ..",
				"%s (%s = %s)", why, name, value);
		return false;
	}
	t->root = !*clean;
	put_literal(t, clean, strlen(clean));
	return true;
}

/* --- what variables are known --- */

static const char *in_list(char *const *list, const char *name)
{
	const char *found = NULL;
	size_t n = strlen(name);

	for (; list && *list; list++)
		if (!strncmp(*list, name, n) && (*list)[n] == '=')
			found = *list + n + 1; /* the last one counts */
	return found;
}

/* Does the directory hold the whole home, or the whole machine? Nothing would be protected. */
static bool too_wide(struct sbx_parser *p, const struct sbx_node *at, const char *dir)
{
	char clean[SBX_TEXT_MAX + 1], home[SBX_TEXT_MAX + 1] = "";
	size_t n;

	if (strlen(dir) > SBX_TEXT_MAX || clean_path(dir, clean))
		return false; /* reported where it is used */
	if (p->opts->home && strlen(p->opts->home) <= SBX_TEXT_MAX &&
	    clean_path(p->opts->home, home))
		home[0] = 0;
	n = strlen(clean);
	if (n && (strncmp(home, clean, n) || (home[n] && home[n] != '/')))
		return false;
	sbx_parse_error(p, at, "go to the project's own directory, or give --var PWD=DIRECTORY",
			"the project would be %s (%s)",
			n ? "the whole home directory" : "the whole machine", dir);
	return true;
}

/* PWD, tmp and HOME. NULL: it is none of them, or (*failed) an error was reported. */
static const char *builtin(struct text *t, const char *name, bool *failed)
{
	struct sbx_parser *p = t->p;
	bool pwd = !strcmp(name, "PWD");
	const char *value;

	if (!strcmp(name, "HOME"))
		return p->opts->home;
	if (!pwd && strcmp(name, "tmp"))
		return NULL;
	value = in_list(p->opts->vars, name);
	if (!value) {
		value = pwd ? p->opts->pwd : p->opts->tmp;
		p->policy->uses_tmp |= !pwd;
	}
	*failed = !value || (pwd && too_wide(p, t->n, value));
	if (!value)
		sbx_parse_error(p, t->n,
				pwd ? "name the directory: --var PWD=DIRECTORY, or --var of the "
				      "variable that is set to it"
				    : "name a directory: --var tmp=DIRECTORY",
				pwd ? "the working directory is known to `run` only (%s)"
				    : "the private directory is made by `run` only (%s)",
				t->n->text);
	return *failed ? NULL : value;
}

static const char *lookup(struct text *t, const char *name, bool *failed)
{
	const char *value;
	size_t i;

	for (i = t->scope->n; i-- > 0;)
		if (!strcmp(name, t->scope->v[i].name)) {
			*failed = !t->scope->v[i].value;
			return t->scope->v[i].value;
		}
	value = builtin(t, name, failed);
	return value || *failed ? value : in_list(t->p->opts->env, name);
}

/* --- substitution --- */

/* The ${…} that stands at s, cut into a name and a default (NULL: none); its length, 0: an error.
 */
static size_t split_variable(struct text *t, const char *s, char **name, char **dflt)
{
	const char *end = strchr(s, '}');
	char *inner;

	if (!end) {
		sbx_parse_error(t->p, t->n, "write ${NAME}, or \\$ for the character itself",
				"a ${ is not closed (%s)", t->n->text);
		return 0;
	}
	inner = sbx_arena_strndup(t->p->arena, s + 2, end - s - 2);
	if (!inner) {
		t->p->no_memory = true;
		return 0;
	}
	*name = inner;
	*dflt = strstr(inner, ":-");
	if (*dflt) {
		**dflt = 0;
		*dflt += 2;
	}
	if (!*inner || inner[strspn(inner, LETTERS "0123456789")] || (*inner <= '9')) {
		sbx_parse_error(t->p, t->n, "write ${NAME} or ${NAME:-default}",
				"this is no variable (%.*s)", (int)(end - s + 1), s);
		return 0;
	}
	if (*dflt && strstr(*dflt, "${")) {
		sbx_parse_error(t->p, t->n, "put it under `vars:` and name that here",
				"a default names no variables (%.*s)", (int)(end - s + 1), s);
		return 0;
	}
	return end - s + 1;
}

/* One ${…} at s; returns its length, 0 after an error. */
static size_t put_variable(struct text *t, const char *s)
{
	bool failed = false, begins = t->kind == PATTERN && s == t->n->text;
	char *name, *dflt;
	size_t len = split_variable(t, s, &name, &dflt);
	const char *value;

	if (!len)
		return 0;
	value = lookup(t, name, &failed);
	if (failed)
		return 0;
	if (dflt && (!value || !*value))
		value = dflt;
	if (!value || (begins && !*value && !dflt)) {
		sbx_parse_error(t->p, t->n, "define it under `vars:`, or write ${NAME:-default}",
				value ? "the variable is empty (%.*s)"
				      : "there is no variable of that name, here or in the "
					"environment (%.*s)",
				(int)len, s);
		return 0;
	}
	if (begins)
		return put_path(t, value, name) ? len : 0;
	put_literal(t, value, strlen(value));
	return len;
}

/* ~ at the beginning. */
static bool put_home(struct text *t)
{
	const char *s = t->n->text, *home = t->p->opts->home;

	if (s[1] && s[1] != '/') {
		sbx_parse_error(t->p, t->n, "write the directory out: /home/NAME",
				"only ~ and ~/ are known, not the homes of others (%s)", s);
		return false;
	}
	if (!home || !*home) {
		sbx_parse_error(t->p, t->n, "name the user whom the sandbox is for, with --user",
				"it is not known whose home ~ is (%s)", s);
		return false;
	}
	if (t->kind == PATTERN)
		return put_path(t, home, "~");
	put_literal(t, home, strlen(home));
	return true;
}

/* $NAME is no variable. As part of a name it is allowed, but hardly ever meant. */
static void doubt_dollar(struct text *t, const char *s)
{
	size_t n = strspn(s + 1, LETTERS);

	if (n)
		sbx_diag_add(t->p->d, SBX_WARNING, t->n->pos,
			     "write ${NAME} for a variable, \\$ for the character itself",
			     "this is taken as it stands, not as a variable (%.*s)", (int)n + 1, s);
}

/* One character (or escape) as it is written; returns its length. */
static size_t put_written(struct text *t, const char *s)
{
	bool escape = s[0] == '\\' && s[1];

	if (t->kind == PATTERN && escape) {
		put(t, s, 2);
		return 2;
	}
	if (escape && s[1] == '$') { /* elsewhere, a backslash is nothing special */
		put(t, "$", 1);
		return 2;
	}
	if (t->kind == PATTERN && *s == '$')
		doubt_dollar(t, s);
	t->in_class = *s == '[' || (t->in_class && *s != ']');
	put(t, s, 1);
	return 1;
}

static char *expand(struct sbx_parser *p, const struct sbx_scope *scope, const struct sbx_node *n,
		    enum kind kind)
{
	char buf[SBX_TEXT_MAX];
	struct text t = {.p = p, .scope = scope, .n = n, .kind = kind, .s = buf};
	const char *s = n->text;
	size_t used;
	char *out;

	if (kind != PLAIN && *s == '~' && !put_home(&t))
		return NULL;
	s += kind != PLAIN && *s == '~';
	while (*s) {
		used = s[0] == '$' && s[1] == '{' ? put_variable(&t, s) : put_written(&t, s);
		if (!used)
			return NULL;
		s += used;
	}
	if (t.root && !t.len)
		put(&t, "/", 1);
	if (t.too_long) {
		sbx_parse_error(p, n, "shorten it", "the text is longer than %d bytes (%.60s...)",
				SBX_TEXT_MAX, n->text);
		return NULL;
	}
	if (p->expanded > SBX_TEXT_TOTAL)
		return NULL;
	p->expanded += t.len;
	if (p->expanded > SBX_TEXT_TOTAL) {
		sbx_parse_error(p, n, "use shorter values",
				"with its variables the policy is too large (at %.60s)", n->text);
		return NULL;
	}
	out = sbx_arena_strndup(p->arena, t.s, t.nothing ? 0 : t.len);
	p->no_memory |= !out;
	return out;
}

char *sbx_expand(struct sbx_parser *p, const struct sbx_scope *s, const struct sbx_node *n)
{
	return expand(p, s, n, PLAIN);
}

char *sbx_expand_value(struct sbx_parser *p, const struct sbx_scope *s, const struct sbx_node *n)
{
	return expand(p, s, n, VALUE);
}

char *sbx_expand_pattern(struct sbx_parser *p, const struct sbx_scope *s, const struct sbx_node *n)
{
	return expand(p, s, n, PATTERN);
}

/* --- vars: --- */

static bool is_builtin(const char *name)
{
	return !strcmp(name, "PWD") || !strcmp(name, "tmp") || !strcmp(name, "HOME");
}

static void add_var(struct sbx_parser *p, struct sbx_scope *s, const struct sbx_node *key,
		    const struct sbx_node *node, bool main)
{
	const char *name = key->text, *value = main ? in_list(p->opts->vars, name) : NULL;
	struct sbx_var *v;

	if (!*name || *name <= '9' || name[strspn(name, LETTERS "0123456789")] ||
	    is_builtin(name)) {
		sbx_parse_error(p, key, "names are letters, digits and _, and not PWD, tmp or HOME",
				"this name cannot be given to a variable (%s)", name);
		return;
	}
	if (!value && sbx_want_text(p, node, name))
		value = sbx_expand_value(p, s, node);
	if (value && !strcmp(name, "project") && too_wide(p, node, value))
		value = NULL;
	v = SBX_APPEND(p, s->v, s->n);
	if (v)
		*v = (struct sbx_var){.name = name, .value = value};
}

static bool is_var(const struct sbx_scope *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (!strcmp(s->v[i].name, name))
			return true;
	return false;
}

/* Values from the command line that go nowhere: most likely the name is mistyped. */
static void check_overrides(struct sbx_parser *p, const struct sbx_scope *s)
{
	struct sbx_pos pos = {.file = p->policy->file};
	char *const *o;
	char name[64];

	for (o = p->opts->vars; o && *o; o++) {
		size_t n = strcspn(*o, "=");

		snprintf(name, sizeof(name), "%.*s", n < sizeof(name) ? (int)n : 0, *o);
		if (!(*o)[n])
			sbx_diag_add(p->d, SBX_ERROR, pos, "write --var NAME=VALUE",
				     "--var gives no value (%s)", *o);
		else if (!is_var(s, name) && strcmp(name, "PWD") && strcmp(name, "tmp"))
			sbx_diag_add(p->d, SBX_ERROR, pos,
				     "--var is for what stands under `vars:` of the policy itself, "
				     "and for PWD and tmp",
				     "the policy has no variable for this --var (%s)", *o);
	}
}

void sbx_parse_vars(struct sbx_parser *p, struct sbx_scope *s, const struct sbx_node *n, bool main)
{
	size_t i;

	if (n && sbx_want_map(p, n, "`vars`", "write `name: \"value\"` lines below it"))
		for (i = 0; i < n->n; i += 2)
			add_var(p, s, n->child[i], n->child[i + 1], main);
	if (main && !p->opts->assertions) /* they are the policy's, and may be no others' */
		check_overrides(p, s);
}
