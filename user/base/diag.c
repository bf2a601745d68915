// SPDX-License-Identifier: MIT
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "user/base/diag.h"
#include "user/base/utf8.h"

static const char *const severity_names[] = {
	[SBX_ERROR] = "error", [SBX_WARNING] = "warning", [SBX_NOTE] = "note"};

static char *copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

void sbx_diag_add(struct sbx_diags *d, enum sbx_severity sev, struct sbx_pos pos, const char *hint,
		  const char *fmt, ...)
{
	struct sbx_diag *more = NULL, *one;
	va_list ap;

	/* Counted even where there are no words: an error must never look like success. */
	d->errors += sev == SBX_ERROR;
	d->warnings += sev == SBX_WARNING;
	if (d->n < SBX_DIAGS_MAX)
		more = realloc(d->v, (d->n + 1) * sizeof(*more));
	if (!more) {
		d->dropped++;
		return;
	}
	d->v = more;
	one = &d->v[d->n++];
	*one = (struct sbx_diag){.severity = sev, .line = pos.line, .col = pos.col};
	va_start(ap, fmt);
	if (vasprintf(&one->what, fmt, ap) < 0)
		one->what = NULL;
	va_end(ap);
	one->file = copy(pos.file);
	one->hint = copy(hint);
}

/* By file, then by place, then as they were found: what was found late is shown where it belongs.
 */
static int order(const void *a, const void *b)
{
	const struct sbx_diag *x = *(const struct sbx_diag *const *)a;
	const struct sbx_diag *y = *(const struct sbx_diag *const *)b;
	int r = strcmp(x->file ? x->file : "", y->file ? y->file : "");

	if (!r)
		r = (x->line > y->line) - (x->line < y->line);
	if (!r)
		r = (x->col > y->col) - (x->col < y->col);
	return r ? r : (x > y) - (x < y);
}

static const struct sbx_diag **sorted(const struct sbx_diags *d)
{
	const struct sbx_diag **v = calloc(d->n ? d->n : 1, sizeof(*v));
	size_t i;

	for (i = 0; v && i < d->n; i++)
		v[i] = &d->v[i];
	if (v)
		qsort(v, d->n, sizeof(*v), order);
	return v;
}

/*
 * Values come from files that may be anybody's: nothing of them may act on the terminal, or look
 * like a message of its own at the beginning of a line.
 */
static void put_safe(FILE *out, const char *s)
{
	size_t left = s ? strlen(s) : 0, n;
	uint32_t cp;

	for (; left; s += n, left -= n) {
		n = sbx_utf8_decode(s, left, &cp);
		if (!n) {
			fprintf(out, "\\x%02x", (unsigned char)*s);
			n = 1;
		} else if (cp == '\n') {
			fputs("\n    ", out);
		} else if (sbx_utf8_is_active(cp)) {
			fprintf(out, cp < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)cp);
		} else {
			fwrite(s, 1, n, out);
		}
	}
}

static void print_one(const struct sbx_diag *d, FILE *out)
{
	if (d->file) {
		put_safe(out, d->file);
		if (d->line)
			fprintf(out, ":%d:%d", d->line, d->col);
		fputs(": ", out);
	}
	fprintf(out, "%s: ", severity_names[d->severity]);
	put_safe(out, d->what ? d->what : "no memory for the words");
	if (d->hint) {
		fputs(". Hint: ", out);
		put_safe(out, d->hint);
	}
	putc('\n', out);
}

void sbx_diags_print(const struct sbx_diags *d, FILE *out)
{
	const struct sbx_diag **v = sorted(d);
	size_t i;

	for (i = 0; i < d->n; i++)
		print_one(v ? v[i] : &d->v[i], out);
	if (d->dropped)
		fprintf(out, "note: %zu more are not shown\n", d->dropped);
	free(v);
}

/* JSON holds UTF-8 only; other bytes are shown as on the terminal. */
static json_t *safe_json(const char *s)
{
	json_t *j = json_string(s);
	char *text = NULL;
	size_t len;
	FILE *out;

	if (j || !s)
		return j;
	out = open_memstream(&text, &len);
	if (!out)
		return NULL;
	put_safe(out, s);
	if (!fclose(out))
		j = json_string(text);
	free(text);
	return j;
}

static json_t *one_json(const struct sbx_diag *d)
{
	json_t *j = json_object();

	json_object_set_new(j, "severity", json_string(severity_names[d->severity]));
	if (d->file)
		json_object_set_new(j, "file", safe_json(d->file));
	if (d->line) {
		json_object_set_new(j, "line", json_integer(d->line));
		json_object_set_new(j, "column", json_integer(d->col));
	}
	json_object_set_new(j, "message", safe_json(d->what ? d->what : ""));
	if (d->hint)
		json_object_set_new(j, "hint", safe_json(d->hint));
	return j;
}

json_t *sbx_diags_json(const struct sbx_diags *d)
{
	const struct sbx_diag **v = sorted(d);
	json_t *all = json_array();
	size_t i;

	for (i = 0; i < d->n; i++)
		json_array_append_new(all, one_json(v ? v[i] : &d->v[i]));
	free(v);
	return all;
}

void sbx_diags_print_json(const struct sbx_diags *d, FILE *out)
{
	json_t *all = sbx_diags_json(d), *one;
	size_t i;

	json_array_foreach(all, i, one)
	{
		json_dumpf(one, out, JSON_COMPACT);
		putc('\n', out);
	}
	json_decref(all);
}

void sbx_diags_free(struct sbx_diags *d)
{
	size_t i;

	for (i = 0; i < d->n; i++) {
		free(d->v[i].file);
		free(d->v[i].what);
		free(d->v[i].hint);
	}
	free(d->v);
	*d = (struct sbx_diags){0};
}
