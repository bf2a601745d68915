// SPDX-License-Identifier: MIT
/* sbx-bpf attach: a policy for a cgroup and everything that is in it or will be. */
#include <stdlib.h>
#include "user/cli/bpfd.h"
#include "user/cli/commands.h"
#include "user/cli/fds.h"
#include "user/cli/load.h"

static struct {
	const char *cgroup, *policy, *name, *user;
	struct sbx_opt_list vars;
	bool audit;
} opt;

static const struct sbx_opt opts[] = {
	{"cgroup", 0, SBX_OPT_TEXT, "PATH", "the cgroup, absolute or below the cgroup2 mount",
	 &opt.cgroup, NULL},
	{"policy", 'p', SBX_OPT_TEXT, "P", "a file, or a bare name", &opt.policy, NULL},
	{"audit", 0, SBX_OPT_FLAG, NULL, "report, do not deny", &opt.audit, NULL},
	{"name", 0, SBX_OPT_TEXT, "N", "the sandbox's name; else it is made from the policy's",
	 &opt.name, NULL},
	{"user", 0, SBX_OPT_TEXT, "U", "whose home ~ is; else the caller's", &opt.user, NULL},
	{"var", 0, SBX_OPT_LIST, "K=V", "sets a variable of the policy", &opt.vars, NULL},
	{0},
};

static void print(const char *name, uint64_t id, int mode, json_t *open)
{
	if (sbx_globals.json)
		sbx_put_json(stdout, json_pack("{s:s, s:I, s:s, s:o, s:o}", "name", name, "id",
					       (json_int_t)id, "mode", sbx_mode_name(mode),
					       "cgroup", sbx_json_text(opt.cgroup), "open", open));
	else
		printf("%s %llu\n", name, (unsigned long long)id);
}

static int attach(struct sbx_kern *k, const struct sbx_loaded *l)
{
	struct sbx_attach_opts o = {
		.cgroup = opt.cgroup, .name = opt.name, .serve = sbx_bpfd_serve};
	struct sbx_diags d = {0};
	char name[SBX_NAME_LEN];
	uint64_t id;
	int r;

	o.mode = opt.audit ? SBX_MODE_AUDIT : l->policy->mode;
	if (!o.name) {
		sbx_free_name(k, l->policy->name, name, sizeof(name));
		o.name = name;
	}
	r = sbx_kern_attach(k, &l->compiled, &o, &id, &d);
	if (r)
		return sbx_fail_with(r, &d, "cannot attach");
	sbx_report(&d);
	print(o.name, id, o.mode, sbx_fds_report(k, id, &l->compiled.image));
	return SBX_EXIT_OK;
}

static int check_options(void)
{
	if (!opt.cgroup)
		return sbx_fail(SBX_EXIT_USAGE, "`sbx-bpf run` makes a cgroup of its own",
				"which cgroup? --cgroup PATH is missing");
	if (!opt.policy)
		return sbx_fail(SBX_EXIT_USAGE, "`--policy ai-agent` is a ready-made one",
				"which policy? --policy FILE is missing");
	return opt.name ? sbx_name_check(opt.name) : 0;
}

/* Before everything is loaded for nothing; what the kernel lacks comes first all the same. */
static int check_cgroup(void)
{
	struct sbx_diags d = {0}, kernel = {0};
	int r = sbx_cgroup_check(opt.cgroup, &d), capable;

	if (!r)
		return 0;
	capable = sbx_kern_capable(&kernel);
	if (!capable)
		return sbx_fail_with(r, &d, "cannot attach");
	sbx_diags_free(&d);
	return sbx_fail_with(capable, &kernel, "cannot attach");
}

static int run(int n, char **argv)
{
	struct sbx_load_request req = {.policy = opt.policy, .vars = opt.vars.v, .to_attach = true};
	struct sbx_person who = {0};
	struct sbx_loaded l = {0};
	struct sbx_kern *k = NULL;
	int r = check_options();

	if (!r)
		r = sbx_person_find(opt.user, &who);
	req.home = who.home;
	if (!r)
		r = sbx_load(&req, &l);
	if (!r)
		r = check_cgroup();
	if (!r)
		r = sbx_open(SBX_KERN_LOAD, &k);
	if (!r) {
		r = attach(k, &l);
		sbx_tidy(k);
	}
	sbx_kern_close(k);
	sbx_loaded_free(&l);
	sbx_person_free(&who);
	return r;
}

const struct sbx_command sbx_cmd_attach = {
	.name = "attach",
	.summary = "attach a policy to an existing cgroup and all processes in it",
	.spec = {.usage = "sbx-bpf attach --cgroup PATH --policy FILE [OPTION]...",
		 .summary =
			 "Attaches a policy to a cgroup: its processes and all it will ever have.",
		 .opts = opts,
		 .more = sbx_global_opts},
	.run = run,
};
