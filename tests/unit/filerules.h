/* SPDX-License-Identifier: MIT */
/* Policies for the tests of the automaton, written as lines: "protect rw quiet /a/x /b ! /a/x/y".
 */
#ifndef SBX_TEST_FILERULES_H
#define SBX_TEST_FILERULES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/policy/automaton.h"

struct kit {
	struct sbx_policy p;
	struct sbx_facts f;
	struct sbx_image img;
	struct sbx_automaton_stats st;
	struct sbx_diags d;
};

static inline void kit_pattern(struct sbx_pattern **v, size_t *n, const char *text, int line)
{
	*v = reallocarray(*v, *n + 1, sizeof(**v));
	assert_non_null(*v);
	(*v)[(*n)++] = (struct sbx_pattern){.pos = {.file = "t.yaml", .line = line, .col = 1},
					    .text = strdup(text),
					    .source = strdup(text)};
}

static inline void kit_word(struct sbx_file_rule *r, const char *w, bool *except)
{
	if (!strcmp(w, "allow") || !strcmp(w, "deny") || !strcmp(w, "protect")) {
		r->verb = *w == 'a' ? SBX_ALLOW : *w == 'd' ? SBX_DENY : SBX_PROTECT;
	} else if (!strcmp(w, "override")) {
		r->override = true;
	} else if (!strcmp(w, "quiet")) {
		r->quiet = true;
	} else if (!strcmp(w, "!")) {
		*except = true;
	} else if (*w == '/' || *w == '@') {
		if (*except)
			kit_pattern(&r->except, &r->n_except, w, r->pos.line);
		else
			kit_pattern(&r->paths, &r->n_paths, w, r->pos.line);
	} else {
		r->rights = (strchr(w, 'r') ? SBX_READ : 0) | (strchr(w, 'w') ? SBX_WRITE : 0) |
			    (strchr(w, 'x') ? SBX_EXEC : 0) | (strchr(w, 'c') ? SBX_CONNECT : 0);
	}
}

/* Words are separated by single spaces: patterns hold none. Its line is its number, from 1. */
static inline void kit_rule(struct kit *k, const char *text)
{
	char *copy = strdup(text), *save = NULL, *w;
	struct sbx_file_rule r = {.pos = {.file = "t.yaml", .line = k->p.n_files + 1, .col = 3}};
	bool except = false;

	for (w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		kit_word(&r, w, &except);
	free(copy);
	if (k->p.n_files % 64 == 0)
		k->p.files = reallocarray(k->p.files, k->p.n_files + 64, sizeof(*k->p.files));
	assert_non_null(k->p.files);
	k->p.files[k->p.n_files++] = r;
}

/* Several rules, one a line. */
static inline void kit_rules(struct kit *k, const char *text)
{
	char *copy = strdup(text), *save = NULL, *line;

	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		kit_rule(k, line);
	free(copy);
}

static inline void kit_alias(struct kit *k, const char *from, const char *to)
{
	k->f.aliases = reallocarray(k->f.aliases, k->f.n_aliases + 1, sizeof(*k->f.aliases));
	assert_non_null(k->f.aliases);
	k->f.aliases[k->f.n_aliases++] = (struct sbx_alias){.from = strdup(from), .to = strdup(to)};
}

static inline int kit_compile(struct kit *k)
{
	k->p.file = "t.yaml";
	return sbx_automaton_compile(&k->p, &k->f, &k->img, &k->st, &k->d);
}

static inline uint32_t kit_walk(const struct kit *k, const char *path, size_t len)
{
	return sbx_image_walk(&k->img, sbx_image_hdr(&k->img)->start, path, len);
}

static inline const struct sbx_state *kit_state(const struct kit *k, const char *path)
{
	uint32_t s = kit_walk(k, path, strlen(path));

	assert_int_not_equal(s, SBX_NO_STATE);
	return sbx_image_state(&k->img, s);
}

static inline void kit_patterns_free(struct sbx_pattern *v, size_t n)
{
	while (n-- > 0) {
		free(v[n].text);
		free(v[n].source);
	}
	free(v);
}

static inline void kit_free(struct kit *k)
{
	size_t i;

	for (i = 0; i < k->p.n_files; i++) {
		kit_patterns_free(k->p.files[i].paths, k->p.files[i].n_paths);
		kit_patterns_free(k->p.files[i].except, k->p.files[i].n_except);
	}
	for (i = 0; i < k->f.n_aliases; i++) {
		free(k->f.aliases[i].from);
		free(k->f.aliases[i].to);
	}
	free(k->p.files);
	free(k->f.aliases);
	free(k->img.data);
	sbx_diags_free(&k->d);
	memset(k, 0, sizeof(*k));
}

static inline void kit_print(const struct kit *k)
{
	size_t i, n;

	for (i = 0; i < k->p.n_files; i++) {
		const struct sbx_file_rule *r = &k->p.files[i];

		print_error("  verb %d rights %d%s", r->verb, r->rights, r->quiet ? " quiet" : "");
		for (n = 0; n < r->n_paths; n++)
			print_error(" %s", r->paths[n].text);
		for (n = 0; n < r->n_except; n++)
			print_error(" !%s", r->except[n].text);
		print_error("\n");
	}
	for (i = 0; i < k->f.n_aliases; i++)
		print_error("  %s shows %s\n", k->f.aliases[i].from, k->f.aliases[i].to);
	sbx_diags_print(&k->d, stderr);
}

#endif
