// SPDX-License-Identifier: MIT
/*
 * sbx-bpf run: a command in a sandbox of its own.
 *
 * In this order: who and what (no rights used), ${tmp}, the policy, the programs; then, under the
 * loader's lock, the cgroup, the sandbox, and the command into it. Whatever fails on the way takes
 * back what was made. Killed at any point we leave either nothing, or an empty cgroup and sandbox
 * that the next loader removes, or the command in its sandbox.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include "user/cli/bpfd.h"
#include "user/cli/commands.h"
#include "user/cli/denials.h"
#include "user/cli/environ.h"
#include "user/cli/launch.h"
#include "user/cli/leftovers.h"
#include "user/cli/mountwatch.h"
#include "user/policy/domains.h"

#define DEFAULT_POLICY "ai-agent"
/* How long what the command leaves may take to die with it. */
#define GRACE_MS 200

static struct {
	const char *policy, *user, *events;
	struct sbx_opt_list vars;
	bool audit;
} opt;

static const struct sbx_opt opts[] = {
	{"policy", 'p', SBX_OPT_TEXT, "P", "a file, or a bare name (" DEFAULT_POLICY ")",
	 &opt.policy, NULL},
	{"audit", 0, SBX_OPT_FLAG, NULL, "report, do not deny; rules to paste come at the end",
	 &opt.audit, NULL},
	{"user", 0, SBX_OPT_TEXT, "U", "who runs CMD; else who called sudo", &opt.user, NULL},
	{"var", 0, SBX_OPT_LIST, "K=V", "sets a variable of the policy", &opt.vars, NULL},
	{"events", 0, SBX_OPT_TEXT, "FILE|FD", "denials as JSON Lines, as they happen", &opt.events,
	 NULL},
	{0},
};

struct run {
	char **argv;
	struct sbx_inherited inherited;
	struct sbx_person who;
	struct sbx_loaded loaded;
	struct sbx_ending ending; /* id 0: nothing is attached */
	struct sbx_denials denials;
	struct sbx_mountwatch mounts;
	struct sbx_job job;
	char **env;
	int mode;
	int code; /* the command's */
};

/* --- before anything is made --- */

/* As the one who called: what a command planted must not make us write elsewhere. */
static int open_as_caller(const char *file)
{
	const char *sudo = getenv("SUDO_UID"), *group = getenv("SUDO_GID");
	int fd, err;

	if (sudo && group && (setegid(atoi(group)) || seteuid(atoi(sudo))))
		return -1;
	fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
	err = errno;
	if (seteuid(0) || setegid(0))
		abort();
	errno = err;
	return fd;
}

static int open_events(struct run *r)
{
	bool number = opt.events && !opt.events[strspn(opt.events, "0123456789")];
	int fd;

	if (!opt.events) {
		r->denials.live = isatty(STDERR_FILENO) || sbx_globals.json ? NULL : stderr;
		return 0;
	}
	fd = number ? atoi(opt.events) : open_as_caller(opt.events);
	r->denials.live = fd < 0 ? NULL : fdopen(fd, "a");
	r->denials.json = true;
	if (!r->denials.live)
		return sbx_fail(SBX_EXIT_USAGE,
				number ? "as in: sbx-bpf run --events 3 3>FILE …" : NULL,
				"cannot write events to %s: %s", opt.events, strerror(errno));
	if (fd > 2)
		sbx_inherit_take(&r->inherited, fd);
	return 0;
}

static int load(struct run *r)
{
	struct sbx_load_request req = {.policy = opt.policy ? opt.policy : DEFAULT_POLICY,
				       .home = r->who.home,
				       .tmp = r->ending.tmp.path,
				       .denials = r->ending.denials,
				       .vars = opt.vars.v,
				       .to_attach = true};
	char *pwd = getcwd(NULL, 0);
	int rc;

	req.pwd = pwd;
	rc = pwd ? sbx_load(&req, &r->loaded)
		 : sbx_fail(SBX_EXIT_RUN, "cd to one that exists",
			    "the current directory has no name: %s", strerror(errno));
	free(pwd);
	if (rc)
		return rc;
	if (!r->loaded.policy->uses_tmp)
		sbx_tmpdir_remove(&r->ending.tmp);
	r->mode = opt.audit ? SBX_MODE_AUDIT : r->loaded.policy->mode;
	r->env = sbx_environ_make(r->loaded.policy, &r->who, environ);
	return r->env ? 0 : sbx_fail(SBX_EXIT_RUN, NULL, "out of memory");
}

static void warn_of_exfiltration(const struct sbx_policy *p)
{
	bool open;

	if (!sbx_policy_opens_internet(p, &open) && open)
		sbx_note("the policy allows connections to the internet. What may be read can be "
			 "sent");
}

/* --- the sandbox --- */

/* linux/major.h: UNIX98_PTY_SLAVE_MAJOR and UNIX98_PTY_MAJOR_COUNT */
static bool is_pty(dev_t dev)
{
	return major(dev) >= 136 && major(dev) < 144;
}

static int attach(struct run *r, struct sbx_kern *k)
{
	struct sbx_attach_opts o = {
		.cgroup = r->ending.cgroup, .mode = r->mode, .serve = sbx_bpfd_serve};
	struct sbx_diags d = {0};
	char name[SBX_NAME_LEN];
	int rc;

	sbx_free_name(k, r->loaded.policy->name, name, sizeof(name));
	rc = sbx_cgroup_create(name, r->ending.cgroup, sizeof(r->ending.cgroup), &d);
	if (rc) {
		*r->ending.cgroup = 0;
		return sbx_fail_with(rc, &d, "cannot make a cgroup");
	}
	o.name = name;
	o.flags = SBX_SLOT_EPHEMERAL | (r->mode == SBX_MODE_ENFORCE ? SBX_SLOT_NO_NEW_PRIVS : 0);
	if (r->job.tty >= 0) {
		o.tty_dev = major(r->job.tty_dev) << 20 | minor(r->job.tty_dev);
		/* A /dev/tty1 may have several inodes. Of pseudo-terminals there may be as many
		 * with this number as there are devpts instances. */
		o.tty_ino = is_pty(r->job.tty_dev) ? r->job.tty_ino : 0;
	}
	rc = sbx_kern_attach(k, &r->loaded.compiled, &o, &r->ending.id, &d);
	if (rc)
		return sbx_fail_with(rc, &d, "cannot attach");
	sbx_report(&d);
	return 0;
}

static int start(struct run *r)
{
	struct sbx_launch l = {.who = &r->who,
			       .argv = r->argv,
			       .env = r->env,
			       .cgroup = r->ending.cgroup,
			       .confine = r->mode == SBX_MODE_ENFORCE,
			       .caps = r->loaded.policy->caps,
			       .inherited = &r->inherited};
	struct sbx_kern *k = NULL;
	int rc;

	sbx_mountwatch_open(&r->mounts); /* before the mounts of today are named */
	rc = sbx_open(SBX_KERN_LOAD, &k);
	if (rc)
		return rc;
	rc = attach(r, k);
	if (!rc)
		rc = sbx_denials_open(&r->denials, r->ending.id);
	if (!rc && sbx_job_cancelled())
		rc = SBX_EXIT_RUN;
	if (!rc) {
		l.cgroup_id = sbx_kern_slots(k)[SBX_SLOT_OF(r->ending.id)].cgroup_id;
		rc = sbx_launch(&l, &k, &r->job);
	}
	sbx_kern_close(k);
	return rc;
}

/* --- the end --- */

static void say_left(json_t *left)
{
	size_t n = json_array_size(left), i;
	char names[160] = "";

	for (i = 0; i < n && strlen(names) < sizeof(names) - 40; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s (%lld)",
			 i ? ", " : "",
			 json_string_value(json_object_get(json_array_get(left, i), "name")),
			 json_integer_value(json_object_get(json_array_get(left, i), "pid")));
	sbx_note("%zu process%s still run%s in the sandbox: %s%s", n, n == 1 ? "" : "es",
		 n == 1 ? "s" : "", names, i < n ? ", …" : "");
}

/* Returns the processes that are left: the sandbox goes on for them. */
static json_t *end_sandbox(struct run *r)
{
	json_t *left;

	if (*r->ending.cgroup && sbx_ending_empty(&r->ending, GRACE_MS) &&
	    sbx_ending_finish(&r->ending))
		return json_array();
	left = sbx_ending_left(&r->ending);
	sbx_ending_later(&r->ending);
	return left;
}

static int report(struct run *r, int status)
{
	int code = sbx_job_code(status);
	json_t *left, *sum = NULL;

	if (sbx_globals.json)
		sum = sbx_denials_json(&r->denials);
	else
		sbx_denials_sum_up(&r->denials);
	left = end_sandbox(r);
	if (sum) {
		json_object_set_new(sum, "status", json_integer(code));
		json_object_set(sum, "left", left);
		sbx_put_json(stderr, sum);
	} else if (json_array_size(left)) {
		say_left(left);
	}
	json_decref(left);
	return code;
}

static void tick(void *arg)
{
	struct run *r = arg;

	sbx_denials_tick(&r->denials);
	sbx_mountwatch_tick(&r->mounts);
}

static int run_it(struct run *r)
{
	int rc = start(r), status;

	if (rc) {
		if (*r->ending.cgroup) {
			sbx_denials_sum_up(&r->denials);
			json_decref(end_sandbox(r));
		}
		return rc;
	}
	status = sbx_job_wait(&r->job, tick, r);
	sbx_mountwatch_close(&r->mounts);
	r->code = report(r, status);
	fflush(NULL);
	sbx_job_die_alike(&r->job, status);
	return 0;
}

static int run(int n, char **argv)
{
	struct run r = {.argv = argv};
	int rc = sbx_inherit_begin(&r.inherited);

	if (!rc)
		rc = sbx_person_for_command(opt.user, &r.who);
	if (!rc)
		rc = open_events(&r);
	sbx_job_begin(&r.job); /* from here on there is something to be removed again */
	if (!rc)
		rc = sbx_tmpdir_make(&r.who, &r.ending.tmp);
	if (!rc)
		rc = sbx_recent_make(&r.who, &r.denials.recent);
	strcpy(r.ending.denials, r.denials.recent.path);
	if (!rc)
		rc = load(&r);
	if (!rc) {
		if (!sbx_globals.json)
			warn_of_exfiltration(r.loaded.policy);
		rc = run_it(&r);
	}
	if (!*r.ending.cgroup) {
		sbx_recent_remove(r.ending.denials);
		sbx_tmpdir_remove(&r.ending.tmp);
	}
	if (rc)
		sbx_job_child(&r.job); /* a signal that cancelled us has its effect now */
	sbx_denials_close(&r.denials);
	sbx_environ_free(r.env);
	sbx_loaded_free(&r.loaded);
	sbx_person_free(&r.who);
	sbx_inherit_end(&r.inherited);
	if (rc)
		return rc == SBX_EXIT_FAILURE ? SBX_EXIT_RUN : rc;
	return r.code;
}

const struct sbx_command sbx_cmd_run = {
	.name = "run",
	.summary = "run a command in a sandbox of its own",
	.spec = {.usage = "sbx-bpf run [OPTION]... [--] CMD [ARG]...",
		 .summary = "Runs a command in a sandbox of its own.",
		 .opts = opts,
		 .more = sbx_global_opts,
		 .command = true,
		 .min = 1,
		 .max = SIZE_MAX,
		 .operand = "CMD"},
	.run = run,
};
