// SPDX-License-Identifier: MIT
/* What came of it: a table to read, JSON, and the list of cases. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include "tests/escape/escape.h"

static void text(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		unsigned char c = *s;

		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			fprintf(f, "\\u%04x", c);
		else
			fputc(c, f);
	}
	fputc('"', f);
}

static void member(FILE *f, const char *key, const char *value, const char *then)
{
	fprintf(f, "\"%s\": ", key);
	text(f, value ? value : "");
	fputs(then, f);
}

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void esc_report_json(const char *file, const struct esc_host_opts *o, const char *described,
		     const struct esc_outcome *out, size_t n)
{
	FILE *f = fopen(file, "we");
	struct utsname u;
	size_t i;
	bool first = true;

	if (!f) {
		perror(file);
		return;
	}
	uname(&u);
	fputc('{', f);
	member(f, "sandbox", base(o->adapter), ", ");
	member(f, "described", described, ", ");
	member(f, "kernel", u.release, ", ");
	member(f, "user", o->user ? o->user : "", ", ");
	fprintf(f, "\"audit\": %s, \"cases\": [", o->audit ? "true" : "false");
	for (i = 0; i < n; i++) {
		if (!*out[i].verdict)
			continue;
		fprintf(f, "%s\n {\"id\": %zu, ", first ? "" : ",", i);
		first = false;
		member(f, "family", out[i].c->family, ", ");
		member(f, "case", out[i].c->name, ", ");
		member(f, "verdict", out[i].verdict, ", ");
		member(f, "evidence", out[i].evidence, ", ");
		member(f, "twin", out[i].twin, ", ");
		member(f, "twin_evidence", out[i].twin_evidence, "}");
	}
	fputs("\n]}\n", f);
	if (fclose(f))
		perror(file);
}

static const char *const verdicts[] = {"held",	  "escaped", "open",   "n/a",
				       "crashed", "timeout", "not run"};

#define VERDICTS (sizeof(verdicts) / sizeof(*verdicts))

static void row(const char *name, const struct esc_outcome *out, size_t n, const char *family)
{
	size_t counts[VERDICTS] = {0}, broken = 0, i, v;

	for (i = 0; i < n; i++) {
		if (!*out[i].verdict || (family && strcmp(family, out[i].c->family)))
			continue;
		for (v = 0; v < VERDICTS; v++)
			counts[v] += !strcmp(out[i].verdict, verdicts[v]);
		broken += !strcmp(out[i].twin, "broken");
	}
	printf("%-12s", name);
	for (v = 0; v < VERDICTS; v++)
		printf(" %8zu", counts[v]);
	printf(" %8zu\n", broken);
}

void esc_report_table(const struct esc_outcome *out, size_t n)
{
	const struct esc_family *f;
	size_t i, v;

	for (i = 0; i < n; i++) {
		if (!*out[i].verdict)
			continue;
		if (strcmp(out[i].verdict, "held") && strcmp(out[i].verdict, "n/a"))
			printf("%s: %s/%s: %s\n    it %s\n", out[i].verdict, out[i].c->family,
			       out[i].c->name, out[i].evidence, out[i].c->tries);
		if (!strcmp(out[i].twin, "broken"))
			printf("broken: the twin of %s/%s: %s\n", out[i].c->family, out[i].c->name,
			       out[i].twin_evidence);
	}
	printf("%-12s", "");
	for (v = 0; v < VERDICTS; v++)
		printf(" %8s", verdicts[v]);
	printf(" %8s\n", "broken");
	for (f = esc_families; f->name; f++)
		row(f->name, out, n, f->name);
	row("all", out, n, NULL);
}

void esc_list(const char *only)
{
	const struct esc_case *c;
	size_t n = esc_all(&c), i;

	for (i = 0; i < n; i++)
		if (esc_chosen(&c[i], only, 1))
			printf("%s/%s: %s%s%s\n", c[i].family, c[i].name, c[i].tries,
			       c[i].why ? ". " : "", c[i].why ? c[i].why : "");
}

static void needs_markdown(unsigned needs)
{
	unsigned need;

	for (need = 1; need < 1U << ESC_NEEDS; need <<= 1)
		if (needs & need)
			printf(" `%s`", esc_need_word(need));
}

static void cases_markdown(const struct esc_case *c)
{
	for (; c && c->name; c++) {
		printf("| %s | %s | %s |", c->name, c->tries, c->why ? c->why : "");
		needs_markdown(c->needs);
		printf(" |\n");
	}
}

void esc_list_markdown(void)
{
	const struct esc_family *f;
	const struct esc_case *c;
	size_t n = esc_all(&c);

	printf("%zu attacks.\n\n", n);
	esc_matrix_markdown();
	for (f = esc_families; f->name; f++) {
		if (!f->cases)
			continue;
		printf("\n### %s: %s\n| case | what it tries | why | needs "
		       "|\n|---|---|---|---|\n",
		       f->name, f->what);
		cases_markdown(f->cases);
		cases_markdown(f->more);
	}
}
