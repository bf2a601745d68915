// SPDX-License-Identifier: MIT
/* sbx-bpf detach: an act of the administrator; frees every process of a sandbox. */
#include <stdlib.h>
#include "user/cli/commands.h"

static struct {
	struct sbx_which which;
	bool all;
} opt;

static const struct sbx_opt opts[] = {
	{"cgroup", 0, SBX_OPT_TEXT, "PATH", "the sandbox of this cgroup", &opt.which.cgroup, NULL},
	{"name", 0, SBX_OPT_TEXT, "N", "the sandbox of this name", &opt.which.name, NULL},
	{"all", 0, SBX_OPT_FLAG, NULL, "every sandbox", &opt.all, NULL},
	{0},
};

/* Names are gone with the sandbox: what was detached is told from the list taken before. */
static int detach_one(struct sbx_kern *k, const struct sbx_sandbox_info *s, json_t *done)
{
	int r = sbx_detach(k, s->slot.id);

	if (r)
		return r;
	if (sbx_globals.json)
		json_array_append_new(done, json_pack("{s:s, s:I}", "name", s->slot.name, "id",
						      (json_int_t)s->slot.id));
	else
		printf("%s %llu\n", s->slot.name, (unsigned long long)s->slot.id);
	return 0;
}

static int detach(struct sbx_kern *k)
{
	struct sbx_sandbox_info *v = NULL;
	json_t *done = json_array();
	size_t n = 0, i;
	uint64_t id = 0;
	int r = opt.all ? 0 : sbx_which_find(k, &opt.which, &id);

	if (!r && sbx_kern_list(k, &v, &n))
		r = sbx_fail(SBX_EXIT_FAILURE, NULL, "cannot list the sandboxes");
	for (i = 0; i < n && !r; i++)
		if (opt.all || v[i].slot.id == id)
			r = detach_one(k, &v[i], done);
	if (opt.all && !n)
		sbx_tidy(k);
	if (!r && sbx_globals.json)
		sbx_put_json(stdout, json_pack("{s:O}", "detached", done));
	sbx_kern_list_free(v, n);
	json_decref(done);
	return r;
}

/* Nothing is changed where nothing is loaded, be the kernel as it may. */
static int open_loaded(struct sbx_kern **k)
{
	int r = sbx_open_any(k);

	if (!r && !*k && !opt.all)
		return sbx_fail(SBX_EXIT_FAILURE, NULL,
				"nothing is attached there: there are no sandboxes");
	if (!r && !*k)
		sbx_note("there are no sandboxes");
	if (r || !*k)
		return r;
	sbx_kern_close(*k);
	*k = NULL;
	return sbx_open(SBX_KERN_CHANGE, k);
}

static int run(int n, char **argv)
{
	struct sbx_kern *k = NULL;
	int r = 0;

	if (opt.all && (opt.which.cgroup || opt.which.name))
		return sbx_fail(SBX_EXIT_USAGE, "give one of them",
				"--all leaves nothing for --cgroup and --name to choose");
	if (!opt.all)
		r = sbx_which_check(&opt.which);
	if (!r)
		r = open_loaded(&k);
	if (!r && k)
		r = detach(k);
	else if (!r && sbx_globals.json)
		sbx_put_json(stdout, json_pack("{s:[]}", "detached"));
	sbx_kern_close(k);
	return r;
}

const struct sbx_command sbx_cmd_detach = {
	.name = "detach",
	.summary = "end a sandbox and free all its processes",
	.spec = {.usage = "sbx-bpf detach --cgroup PATH | --name N | --all",
		 .summary = "Ends a sandbox and frees all its processes.",
		 .opts = opts,
		 .more = sbx_global_opts},
	.run = run,
};
