// SPDX-License-Identifier: MIT
/* sbx-bpf check: does a policy hold, and what became of it? Needs neither root nor a kernel. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "user/cli/commands.h"
#include "user/cli/load.h"

static struct {
	const char *user;
	struct sbx_opt_list vars;
} opt;

static const struct sbx_opt opts[] = {
	{"user", 0, SBX_OPT_TEXT, "U", "whose home ~ is; else the caller's", &opt.user, NULL},
	{"var", 0, SBX_OPT_LIST, "K=V", "sets a variable of the policy", &opt.vars, NULL},
	{0},
};

static void print(const char *file, const struct sbx_loaded *l)
{
	const struct sbx_policy *p = l->policy;
	size_t i;

	printf("%s: valid: %zu file rules, %zu network rules; %zu states, %zu transitions, %zu KiB "
	       "of kernel memory\n",
	       file, p->n_files, p->n_net, l->compiled.stats.states, l->compiled.stats.transitions,
	       l->compiled.image.n_chunks * SBX_CHUNK_BYTES / 1024);
	for (i = 0; i < l->facts.n_aliases; i++)
		if (l->facts.aliases[i].symlink)
			printf("  %s is a symlink to %s\n", l->facts.aliases[i].from,
			       l->facts.aliases[i].to);
}

static json_t *one_json(const char *file, const struct sbx_loaded *l)
{
	const struct sbx_policy *p = l->policy;
	json_t *links = json_array();
	size_t i;

	for (i = 0; i < l->facts.n_aliases; i++)
		if (l->facts.aliases[i].symlink)
			json_array_append_new(links, json_pack("{s:s, s:s}", "from",
							       l->facts.aliases[i].from, "to",
							       l->facts.aliases[i].to));
	return json_pack("{s:s, s:b, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "file", file,
			 "valid", 1, "name", p->name, "mode", sbx_mode_name(p->mode), "file_rules",
			 (json_int_t)p->n_files, "network_rules", (json_int_t)p->n_net, "states",
			 (json_int_t)l->compiled.stats.states, "transitions",
			 (json_int_t)l->compiled.stats.transitions, "kernel_bytes",
			 (json_int_t)(l->compiled.image.n_chunks * SBX_CHUNK_BYTES), "symlinks",
			 links);
}

static int check(const char *file, const struct sbx_person *who)
{
	struct sbx_load_request req = {.policy = file,
				       .home = who->home,
				       .pwd = getenv("PWD"),
				       .tmp = "/tmp/sbx-bpf",
				       .vars = opt.vars.v};
	struct sbx_loaded l;
	int r = sbx_load(&req, &l);

	if (r) {
		if (sbx_globals.json)
			sbx_put_json(stdout, json_pack("{s:s, s:b}", "file", file, "valid", 0));
		return r;
	}
	if (sbx_globals.json)
		sbx_put_json(stdout, one_json(file, &l));
	else
		print(file, &l);
	sbx_loaded_free(&l);
	return 0;
}

static int run(int n, char **argv)
{
	struct sbx_person who = {0};
	int r = sbx_person_find(opt.user, &who), i, one;

	if (r)
		return r;
	for (i = 0; i < n; i++) {
		one = check(argv[i], &who);
		r = r ? r : one;
	}
	sbx_person_free(&who);
	return r;
}

const struct sbx_command sbx_cmd_check = {
	.name = "check",
	.summary = "read and compile policies without attaching them",
	.spec = {.usage = "sbx-bpf check [OPTION]... FILE...",
		 .summary = "Reads and compiles policies without attaching them.",
		 .opts = opts,
		 .more = sbx_global_opts,
		 .min = 1,
		 .max = SIZE_MAX,
		 .operand = "FILE"},
	.run = run,
};
