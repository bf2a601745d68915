// SPDX-License-Identifier: MIT
/* sbx-bpf mode: enforce or audit, while the processes go on. */
#include <stdlib.h>
#include <string.h>
#include "user/cli/commands.h"
#include "user/cli/fds.h"

static struct {
	struct sbx_which which;
} opt;

static const struct sbx_opt opts[] = {
	{"cgroup", 0, SBX_OPT_TEXT, "PATH", "the sandbox of this cgroup", &opt.which.cgroup, NULL},
	{"name", 0, SBX_OPT_TEXT, "N", "the sandbox of this name", &opt.which.name, NULL},
	{0},
};

/* The policy in force, as it was compiled: what it would not open is reported. */
static json_t *report_open(struct sbx_kern *k, uint64_t id)
{
	struct sbx_policy *p = NULL;
	struct sbx_compiled c = {0};
	struct sbx_facts f = {0};
	struct sbx_diags d = {0};
	char *meta = NULL;
	json_t *open = NULL;

	if (!sbx_kern_meta(k, id, &meta) && !sbx_meta_load(meta, &p, &f) &&
	    !sbx_compile(p, &f, &c, &d))
		open = sbx_fds_report(k, id, &c.image);
	else
		sbx_note("open descriptors could not be looked at: the policy cannot be read");
	sbx_diags_free(&d);
	sbx_compiled_free(&c);
	sbx_facts_free(&f);
	sbx_policy_free(p);
	free(meta);
	return open;
}

static int set(struct sbx_kern *k, int mode)
{
	struct sbx_diags d = {0};
	json_t *open = NULL;
	uint64_t id;
	int r = sbx_which_find(k, &opt.which, &id);

	if (r)
		return r;
	r = sbx_kern_set_mode(k, id, mode, &d);
	if (r)
		return sbx_fail_with(r, &d, "cannot switch the mode");
	sbx_report(&d);
	if (mode == SBX_MODE_ENFORCE)
		open = report_open(k, id);
	if (sbx_globals.json)
		sbx_put_json(stdout, json_pack("{s:s, s:I, s:s, s:o}", "name",
					       sbx_kern_slots(k)[SBX_SLOT_OF(id)].name, "id",
					       (json_int_t)id, "mode", sbx_mode_name(mode), "open",
					       open ? open : json_array()));
	return SBX_EXIT_OK;
}

static int run(int n, char **argv)
{
	struct sbx_kern *k = NULL;
	int mode, r;

	if (!strcmp(argv[0], "enforce"))
		mode = SBX_MODE_ENFORCE;
	else if (!strcmp(argv[0], "audit"))
		mode = SBX_MODE_AUDIT;
	else
		return sbx_fail(SBX_EXIT_USAGE, "it is enforce or audit",
				"there is no such mode (%s)", argv[0]);
	r = sbx_which_check(&opt.which);
	if (!r)
		r = sbx_open(SBX_KERN_CHANGE, &k);
	if (!r)
		r = set(k, mode);
	sbx_kern_close(k);
	return r;
}

const struct sbx_command sbx_cmd_mode = {
	.name = "mode",
	.summary = "switch a sandbox between enforcing and audit",
	.spec = {.usage = "sbx-bpf mode enforce|audit --cgroup PATH | --name N",
		 .summary = "Switches a sandbox between enforcing and audit.",
		 .opts = opts,
		 .more = sbx_global_opts,
		 .min = 1,
		 .max = 1,
		 .operand = "enforce or audit"},
	.run = run,
};
