// SPDX-License-Identifier: MIT
/* sbx-bpf exec: one more command in a sandbox that exists. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "user/cli/commands.h"
#include "user/cli/environ.h"
#include "user/cli/launch.h"

static struct {
	const char *in, *user;
} opt;

static const struct sbx_opt opts[] = {
	{"in", 0, SBX_OPT_TEXT, "NAME", "the sandbox", &opt.in, NULL},
	{"user", 0, SBX_OPT_TEXT, "U", "who runs CMD; else who called sudo", &opt.user, NULL},
	{0},
};

struct place {
	struct sbx_slot slot;
	char *cgroup;
	struct sbx_policy *policy;
	struct sbx_facts facts;
};

static void place_free(struct place *p)
{
	free(p->cgroup);
	sbx_facts_free(&p->facts);
	sbx_policy_free(p->policy);
}

/* The environment and the capabilities are as the sandbox's policy says. */
static int find_place(struct sbx_kern *k, struct place *p)
{
	struct sbx_which which = {.name = opt.in};
	uint64_t id;
	int rc = sbx_which_find(k, &which, &id);

	if (rc)
		return rc;
	p->slot = sbx_kern_slots(k)[SBX_SLOT_OF(id)];
	p->cgroup = sbx_kern_cgroup(k, id);
	if (!p->cgroup)
		return sbx_fail(SBX_EXIT_RUN, "`sbx-bpf detach` frees what is left of it",
				"the cgroup of sandbox %s is gone", opt.in);
	rc = sbx_policy_of(k, id, &p->policy, &p->facts);
	return rc ? sbx_fail(SBX_EXIT_RUN, "`sbx-bpf update` stores it anew",
			     "the policy of sandbox %s cannot be read: %s", opt.in, strerror(-rc))
		  : 0;
}

static void no_tick(void *arg)
{
}

/* Those of others in it count, too: who was denied what is for `events` to tell. */
static void say_denied(const struct place *p)
{
	struct sbx_kern *k = NULL;
	struct sbx_slot now;

	if (sbx_open_any(&k) || !k)
		return;
	now = sbx_kern_slots(k)[SBX_SLOT_OF(p->slot.id)];
	if (now.id == p->slot.id && now.denied > p->slot.denied)
		sbx_note("%llu denials in sandbox %s meanwhile: `sbx-bpf events --name %s`",
			 (unsigned long long)(now.denied - p->slot.denied), now.name, now.name);
	sbx_kern_close(k);
}

static int launch(struct sbx_kern **k, const struct place *p, struct sbx_launch *l, int *code)
{
	struct sbx_job job;
	int rc, status;

	l->cgroup = p->cgroup;
	l->cgroup_id = p->slot.cgroup_id;
	l->confine = p->slot.flags & SBX_SLOT_NO_NEW_PRIVS;
	l->caps = p->policy->caps;
	sbx_job_begin(&job);
	rc = sbx_job_cancelled() ? SBX_EXIT_RUN : sbx_launch(l, k, &job);
	if (rc) {
		sbx_job_child(&job);
		return rc;
	}
	status = sbx_job_wait(&job, no_tick, NULL);
	say_denied(p);
	fflush(NULL);
	sbx_job_die_alike(&job, status);
	*code = sbx_job_code(status);
	return 0;
}

static int in_sandbox(struct sbx_launch *l, int *code)
{
	struct sbx_kern *k = NULL;
	struct place p = {0};
	char **env = NULL;
	int rc = sbx_open(SBX_KERN_CHANGE, &k);

	if (!rc)
		rc = find_place(k, &p);
	if (!rc) {
		env = sbx_environ_make(p.policy, l->who, environ);
		rc = env ? 0 : sbx_fail(SBX_EXIT_RUN, NULL, "out of memory");
	}
	l->env = env;
	if (!rc)
		rc = launch(&k, &p, l, code);
	sbx_kern_close(k);
	sbx_environ_free(env);
	place_free(&p);
	return rc;
}

static int run(int n, char **argv)
{
	struct sbx_inherited inherited;
	struct sbx_person who = {0};
	struct sbx_launch l = {.who = &who, .argv = argv, .inherited = &inherited};
	int rc, code = SBX_EXIT_RUN;

	if (!opt.in)
		return sbx_fail(SBX_EXIT_USAGE, "`sbx-bpf status` lists them",
				"in which sandbox? --in NAME is missing");
	rc = sbx_inherit_begin(&inherited);
	if (!rc)
		rc = sbx_person_for_command(opt.user, &who);
	if (!rc)
		rc = in_sandbox(&l, &code);
	sbx_person_free(&who);
	sbx_inherit_end(&inherited);
	if (rc)
		return rc == SBX_EXIT_FAILURE ? SBX_EXIT_RUN : rc;
	return code;
}

const struct sbx_command sbx_cmd_exec = {
	.name = "exec",
	.summary = "run a command inside an existing sandbox",
	.spec = {.usage = "sbx-bpf exec --in NAME [--user U] [--] CMD [ARG]...",
		 .summary = "Runs a command inside an existing sandbox.",
		 .opts = opts,
		 .more = sbx_global_opts,
		 .command = true,
		 .min = 1,
		 .max = SIZE_MAX,
		 .operand = "CMD"},
	.run = run,
};
