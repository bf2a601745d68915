// SPDX-License-Identifier: MIT
/* sbx-bpf update: another policy for a sandbox, at one stroke. */
#include <stdlib.h>
#include <string.h>
#include "user/cli/bpfd.h"
#include "user/cli/commands.h"
#include "user/cli/fds.h"
#include "user/cli/load.h"
#include "user/policy/domains.h"

static struct {
	struct sbx_which which;
	const char *policy, *user;
	struct sbx_opt_list vars;
} opt;

static const struct sbx_opt opts[] = {
	{"cgroup", 0, SBX_OPT_TEXT, "PATH", "the sandbox of this cgroup", &opt.which.cgroup, NULL},
	{"name", 0, SBX_OPT_TEXT, "N", "the sandbox of this name", &opt.which.name, NULL},
	{"policy", 'p', SBX_OPT_TEXT, "P", "a file, or a bare name", &opt.policy, NULL},
	{"user", 0, SBX_OPT_TEXT, "U", "whose home ~ is; else the caller's", &opt.user, NULL},
	{"var", 0, SBX_OPT_LIST, "K=V", "sets a variable of the policy", &opt.vars, NULL},
	{0},
};

static void print(struct sbx_kern *k, uint64_t id, json_t *open)
{
	const struct sbx_slot *s = &sbx_kern_slots(k)[SBX_SLOT_OF(id)];

	if (sbx_globals.json)
		sbx_put_json(stdout,
			     json_pack("{s:s, s:I, s:i, s:o}", "name", s->name, "id",
				       (json_int_t)id, "generation", s->generation, "open", open));
	else
		printf("%s %llu generation %u\n", s->name, (unsigned long long)id, s->generation);
}

/* What the sandbox is told of its denials stays open to it. */
static int find_denials(char **out)
{
	struct sbx_policy *p = NULL;
	struct sbx_facts facts = {0};
	struct sbx_diags none = {0};
	struct sbx_kern *k = NULL;
	uint64_t id;
	int r;

	sbx_kern_open(SBX_KERN_READ, &k,
		      &none); /* what fails is said when it is opened to change */
	sbx_diags_free(&none);
	r = k ? sbx_which_find(k, &opt.which, &id) : 0;
	/* A policy that cannot be read any more is what update mends. */
	if (!r && k && !sbx_policy_of(k, id, &p, &facts) && p->denials)
		*out = strdup(p->denials);
	sbx_facts_free(&facts);
	sbx_policy_free(p);
	sbx_kern_close(k);
	return r;
}

static int update(struct sbx_kern *k, const struct sbx_loaded *l)
{
	bool names = sbx_policy_names(l->policy);
	struct sbx_diags d = {0};
	uint64_t id;
	int r = sbx_which_find(k, &opt.which, &id);

	if (r)
		return r;
	if (names)
		r = sbx_bpfd_serve(&d); /* is it there at all? */
	if (!r)
		r = sbx_kern_update(k, id, &l->compiled, &d);
	if (r)
		return sbx_fail_with(r, &d, "cannot update, the old policy stays");
	if (names)
		r = sbx_bpfd_serve(&d);
	if (r)
		return sbx_fail_with(r, &d, "the new policy is in force, but no name resolves");
	sbx_report(&d);
	print(k, id, sbx_fds_report(k, id, &l->compiled.image));
	return SBX_EXIT_OK;
}

static int run(int n, char **argv)
{
	struct sbx_load_request req = {.policy = opt.policy, .vars = opt.vars.v, .to_attach = true};
	struct sbx_person who = {0};
	struct sbx_loaded l = {0};
	struct sbx_kern *k = NULL;
	char *denials = NULL;
	int r = sbx_which_check(&opt.which);

	if (!r && !opt.policy)
		r = sbx_fail(SBX_EXIT_USAGE, NULL, "which policy? --policy FILE is missing");
	if (!r)
		r = sbx_person_find(opt.user, &who);
	req.home = who.home;
	if (!r)
		r = find_denials(&denials);
	req.denials = denials;
	if (!r) {
		r = sbx_load(&req, &l);
		if (r)
			sbx_note("nothing was changed: the old policy stays");
	}
	if (!r)
		r = sbx_open(SBX_KERN_CHANGE, &k);
	if (!r)
		r = update(k, &l);
	sbx_kern_close(k);
	sbx_loaded_free(&l);
	sbx_person_free(&who);
	free(denials);
	return r;
}

const struct sbx_command sbx_cmd_update = {
	.name = "update",
	.summary = "replace a sandbox's policy at one stroke",
	.spec = {.usage = "sbx-bpf update --cgroup PATH | --name N --policy FILE [OPTION]...",
		 .summary =
			 "Replaces a sandbox's policy at one stroke; on any error the old stays.",
		 .opts = opts,
		 .more = sbx_global_opts},
	.run = run,
};
