// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "user/base/opt.h"

#define HELP_COLUMN 26
#define MAX_NAMES   48

/* Flags that were seen, by row: a value given twice is a mistake that would go unnoticed. */
struct seen {
	bool opts[MAX_NAMES], more[MAX_NAMES];
};

static int complain(char **why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int complain(char **why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(why, fmt, ap) < 0)
		*why = NULL;
	va_end(ap);
	return -EINVAL;
}

/* --- words --- */

unsigned sbx_word_distance(const char *a, const char *b)
{
	unsigned row[64], up, left, i, j, la = strlen(a), lb = strlen(b);

	if (la > 63 || lb > 63)
		return 64;
	for (j = 0; j <= lb; j++)
		row[j] = j;
	for (i = 1; i <= la; i++) {
		left = row[0];
		row[0] = i;
		for (j = 1; j <= lb; j++) {
			up = row[j];
			row[j] = left + (a[i - 1] != b[j - 1]);
			if (row[j] > up + 1)
				row[j] = up + 1;
			if (row[j] > row[j - 1] + 1)
				row[j] = row[j - 1] + 1;
			left = up;
		}
	}
	return row[lb];
}

const char *sbx_word_nearest(const char *word, const char *const *words)
{
	unsigned best = 3, d;
	const char *found = NULL;

	for (; *words; words++) {
		d = sbx_word_distance(word, *words);
		/* "did you mean run?" for "up" is no help */
		if (d < best && d < strlen(*words)) {
			best = d;
			found = *words;
		}
	}
	return found;
}

static void join(const char *const *words, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = 0;
	for (; *words && used < size; words++)
		used += snprintf(buf + used, size - used, "%s%s", used ? ", " : "", *words);
}

/* --- parsing --- */

static const struct sbx_opt *find_long(const struct sbx_opt *o, const char *name, size_t n)
{
	for (; o && o->name; o++)
		if (strlen(o->name) == n && !strncmp(o->name, name, n))
			return o;
	return NULL;
}

static const struct sbx_opt *find_letter(const struct sbx_opt *o, char letter)
{
	for (; o && o->name; o++)
		if (o->letter == letter)
			return o;
	return NULL;
}

static int unknown_long(const struct sbx_opt_spec *s, const char *arg, size_t n, char **why)
{
	const struct sbx_opt *tables[] = {s->opts, s->more}, *o;
	const char *names[2 * MAX_NAMES + 1], *near;
	char name[64];
	size_t i, k = 0;

	for (i = 0; i < 2; i++)
		for (o = tables[i]; o && o->name && k < 2 * MAX_NAMES; o++)
			names[k++] = o->name;
	names[k] = NULL;
	snprintf(name, sizeof(name), "%.*s", n < 63 ? (int)n : 63, arg);
	near = sbx_word_nearest(name, names);
	if (near)
		return complain(why, "there is no option --%s. Hint: did you mean --%s?", name,
				near);
	return complain(why, "there is no option --%s. Hint: --help lists them", name);
}

static int set_choice(const struct sbx_opt *o, const char *value, char **why)
{
	const char *near = sbx_word_nearest(value, o->choices);
	char all[256];
	int i;

	for (i = 0; o->choices[i]; i++) {
		if (strcmp(o->choices[i], value))
			continue;
		*(int *)o->to = i;
		return 0;
	}
	join(o->choices, all, sizeof(all));
	return complain(why, "--%s takes one of %s (%s). Hint: %s%s", o->name, all, value,
			near ? "did you mean " : "choose one", near ? near : "");
}

static int set_value(const struct sbx_opt *o, char *value, bool *seen, char **why)
{
	struct sbx_opt_list *list = o->to;

	if (!*value)
		return complain(why, "--%s has an empty value. Hint: give --%s %s", o->name,
				o->name, o->arg);
	if (o->type == SBX_OPT_LIST) {
		if (list->n == SBX_OPT_LIST_MAX)
			return complain(why, "--%s can be given %d times at most. Hint: join some",
					o->name, SBX_OPT_LIST_MAX);
		list->v[list->n++] = value;
		list->v[list->n] = NULL;
		return 0;
	}
	if (*seen)
		return complain(why, "--%s is given twice (%s). Hint: give it once", o->name,
				value);
	*seen = true;
	if (o->type == SBX_OPT_CHOICE)
		return set_choice(o, value, why);
	*(const char **)o->to = value;
	return 0;
}

/* The place where it is noted that an option was given. */
static bool *seen_of(const struct sbx_opt_spec *s, struct seen *seen, const struct sbx_opt *o)
{
	const struct sbx_opt *i;

	for (i = s->opts; i && i->name; i++)
		if (i == o)
			return &seen->opts[i - s->opts];
	return &seen->more[o - s->more];
}

struct cursor {
	const struct sbx_opt_spec *s;
	struct seen seen;
	int argc, i;
	char **argv, **why;
};

/* The value that is the next argument. */
static int take_next(struct cursor *c, const struct sbx_opt *o)
{
	char *value;

	if (c->i + 1 >= c->argc)
		return complain(c->why, "--%s needs a value. Hint: give --%s %s", o->name, o->name,
				o->arg);
	value = c->argv[++c->i];
	/* `--policy --audit`: a value was forgotten, and the next option would be swallowed. */
	if (!strncmp(value, "--", 2))
		return complain(c->why,
				"--%s needs a value, and an option follows (%s). Hint: if that is "
				"the value, write --%s=%s",
				o->name, value, o->name, value);
	return set_value(o, value, seen_of(c->s, &c->seen, o), c->why);
}

static int parse_long(struct cursor *c, char *arg)
{
	char *eq = strchr(arg, '=');
	size_t n = eq ? (size_t)(eq - arg) : strlen(arg);
	const struct sbx_opt *o = find_long(c->s->opts, arg, n);

	if (!o)
		o = find_long(c->s->more, arg, n);
	if (!o)
		return unknown_long(c->s, arg, n, c->why);
	if (o->type == SBX_OPT_FLAG) {
		if (eq)
			return complain(c->why, "--%s takes no value (%s). Hint: write --%s",
					o->name, eq + 1, o->name);
		*(bool *)o->to = true;
		return 0;
	}
	return eq ? set_value(o, eq + 1, seen_of(c->s, &c->seen, o), c->why) : take_next(c, o);
}

static int parse_letters(struct cursor *c, char *arg)
{
	const struct sbx_opt *o;

	for (; *arg; arg++) {
		o = find_letter(c->s->opts, *arg);
		if (!o)
			o = find_letter(c->s->more, *arg);
		if (!o)
			return complain(c->why,
					"there is no option -%c (-%s). Hint: --help lists them",
					*arg, arg);
		if (o->type != SBX_OPT_FLAG)
			return arg[1] ? set_value(o, arg + 1, seen_of(c->s, &c->seen, o), c->why)
				      : take_next(c, o);
		*(bool *)o->to = true;
	}
	return 0;
}

int sbx_opt_count(const struct sbx_opt_spec *s, int n, char **argv, char **why)
{
	*why = NULL;
	if ((size_t)n < s->min)
		return complain(why, "%s is missing. Hint: %.*s",
				s->operand ? s->operand : "an argument",
				(int)strcspn(s->usage, "\n"), s->usage);
	if ((size_t)n > s->max)
		return complain(why, "there is an argument too many (%s). Hint: %.*s",
				argv[1 + s->max], (int)strcspn(s->usage, "\n"), s->usage);
	return 0;
}

int sbx_opt_parse(const struct sbx_opt_spec *s, int argc, char **argv, char **why)
{
	struct cursor c = {.s = s, .argc = argc, .argv = argv, .why = why};
	bool rest = false;
	int n = 0, r = 0;

	*why = NULL;
	for (c.i = 1; c.i < argc && !r; c.i++) {
		char *arg = argv[c.i];

		if (rest || arg[0] != '-' || !arg[1]) {
			argv[++n] = arg; /* n <= c.i: nothing unread is overwritten */
			rest |= s->command;
		} else if (!strcmp(arg, "--")) {
			rest = true;
		} else if (arg[1] == '-') {
			r = parse_long(&c, arg + 2);
		} else {
			r = parse_letters(&c, arg + 1);
		}
	}
	if (r)
		return r;
	argv[n + 1 < argc ? n + 1 : argc] = NULL;
	return n;
}

/* --- help --- */

static void help_row(const struct sbx_opt *o, FILE *out)
{
	char left[80];
	int n;

	n = snprintf(left, sizeof(left), "  %c%c%s --%s", o->letter ? '-' : ' ',
		     o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name);
	if (o->type == SBX_OPT_CHOICE) {
		char all[40];
		size_t i, used = 0;

		for (i = 0; o->choices[i] && used < sizeof(all); i++)
			used += snprintf(all + used, sizeof(all) - used, "%s%s", i ? "|" : "",
					 o->choices[i]);
		n += snprintf(left + n, sizeof(left) - n, "=%s", all);
	} else if (o->type != SBX_OPT_FLAG) {
		n += snprintf(left + n, sizeof(left) - n, " %s", o->arg);
	}
	if (n < HELP_COLUMN)
		fprintf(out, "%-*s%s\n", HELP_COLUMN, left, o->help);
	else
		fprintf(out, "%s\n%*s%s\n", left, HELP_COLUMN, "", o->help);
}

void sbx_opt_help(const struct sbx_opt_spec *s, FILE *out)
{
	const struct sbx_opt *o;

	fprintf(out, "Usage: %s\n\n%s\n", s->usage, s->summary);
	if (s->opts && s->opts->name)
		fputs("\nOptions:\n", out);
	for (o = s->opts; o && o->name; o++)
		help_row(o, out);
	if (s->more && s->more->name)
		fputs("\nOf every command:\n", out);
	for (o = s->more; o && o->name; o++)
		help_row(o, out);
}
