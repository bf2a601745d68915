// SPDX-License-Identifier: MIT
/*
 * Lines of patterns, then a line that is a path: the automaton and the reference must agree. A line
 * that begins with ! denies, others allow; odd lines speak of reading, even ones of all rights.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/automaton.h"
#include "user/policy/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_RULES 6
/* What becomes entangled is refused, but finding that out takes seconds. */
#define MAX_BYTES 160
#define MAX_WILD  10

struct world {
	struct sbx_file_rule rules[MAX_RULES];
	struct sbx_pattern patterns[MAX_RULES];
	struct sbx_policy p;
};

/* As the parser would refuse it: then there is nothing to compare. */
static bool add(struct world *w, char *line)
{
	struct sbx_file_rule *r = &w->rules[w->p.n_files];
	struct sbx_pattern *pat = &w->patterns[w->p.n_files];
	const char *why;
	size_t at;

	if (w->p.n_files == MAX_RULES)
		return false;
	r->verb = *line == '!' ? SBX_DENY : SBX_ALLOW;
	r->override = r->verb == SBX_ALLOW;
	r->rights = w->p.n_files % 2 ? SBX_RIGHTS_ALL : SBX_READ;
	pat->text = pat->source = line + (*line == '!');
	if (sbx_pattern_check(pat->text, &why, &at))
		return false;
	r->paths = pat;
	r->n_paths = 1;
	w->p.n_files++;
	return true;
}

static bool wild(const uint8_t *data, size_t size)
{
	size_t i, n = 0;

	for (i = 0; i < size; i++)
		n += data[i] == '?' || data[i] == '*' || data[i] == '[';
	return n > MAX_WILD;
}

static void compare(struct world *w, const char *path)
{
	static const struct sbx_facts none;
	struct sbx_automaton_stats stats;
	struct sbx_image img = {0};
	struct sbx_diags d = {0};
	bool granted;
	uint32_t s;
	int right;

	if (!sbx_automaton_compile(&w->p, &none, &img, &stats, &d)) {
		s = sbx_image_walk(&img, sbx_image_hdr(&img)->start, path, strlen(path));
		if (s == SBX_NO_STATE)
			abort();
		for (right = SBX_READ; right <= SBX_EXEC; right <<= 1) {
			sbx_files_decider(&w->p, &none, path, strlen(path), right, &granted);
			if (granted != !!(sbx_image_state(&img, s)->rights & right))
				abort();
		}
	}
	free(img.data);
	sbx_diags_free(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = {.p = {.file = "f.yaml"}};
	char text[MAX_BYTES], *line = text, *next;

	if (size >= sizeof(text) || memchr(data, 0, size) || wild(data, size))
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	w.p.files = w.rules;
	while ((next = strchr(line, '\n'))) {
		*next = 0;
		if (!add(&w, line))
			return 0;
		line = next + 1;
	}
	/* a canonical path, or the root */
	if (*line && (*line != '/' || strstr(line, "//") || line[strlen(line) - 1] == '/'))
		return 0;
	compare(&w, line);
	return 0;
}
