// SPDX-License-Identifier: MIT
/* Any words as a command line, one a line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "user/base/opt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_WORDS 100

static struct {
	bool audit, json;
	const char *policy;
	struct sbx_opt_list vars;
	int color;
} got;

static const char *const colors[] = {"auto", "always", "never", NULL};
static const struct sbx_opt opts[] = {
	{"audit", 'a', SBX_OPT_FLAG, NULL, "report, do not deny", &got.audit, NULL},
	{"policy", 'p', SBX_OPT_TEXT, "P", "the policy", &got.policy, NULL},
	{"var", 'v', SBX_OPT_LIST, "K=V", "a variable", &got.vars, NULL},
	{0},
};
static const struct sbx_opt more[] = {
	{"json", 'j', SBX_OPT_FLAG, NULL, "for machines", &got.json, NULL},
	{"color", 0, SBX_OPT_CHOICE, NULL, "colour", &got.color, colors},
	{0},
};
static const struct sbx_opt_spec spec = {
	.usage = "x\n", .summary = "Does x.", .opts = opts, .more = more, .max = 3};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *argv[MAX_WORDS + 2] = {"x"}, *why, *w;
	int argc = 1, n;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	for (w = text; w && argc <= MAX_WORDS; argc++) {
		argv[argc] = w;
		w = strchr(w, '\n');
		if (w)
			*w++ = 0;
	}
	memset(&got, 0, sizeof(got));
	n = sbx_opt_parse(&spec, argc, argv, &why);
	if (n >= argc || (n < 0) != (why != NULL) || (n >= 0 && argv[n + 1]))
		abort();
	free(why);
	if (n >= 0) {
		n = sbx_opt_count(&spec, n, argv, &why);
		if ((n < 0) != (why != NULL))
			abort();
		free(why);
	}
	free(text);
	return 0;
}
