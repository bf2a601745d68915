// SPDX-License-Identifier: MIT
/*
 * sbx-bpf selftest: sbx-escape in a sandbox of its own, on this machine. It plants what it tries to
 * get, below /var/tmp; nothing else is touched, and what it asks of the kernel changes nothing
 * where it is granted.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "user/cli/commands.h"
#include "user/cli/load.h"

#define RACE_MS "500"

static struct {
	const char *policy, *user, *cases;
} opt;

static const struct sbx_opt opts[] = {
	{"policy", 'p', SBX_OPT_TEXT, "P", "a file, or a bare name; else one for the test",
	 &opt.policy, NULL},
	{"user", 0, SBX_OPT_TEXT, "U", "who tries; else who called sudo", &opt.user, NULL},
	{"case", 0, SBX_OPT_TEXT, "NAMES", "these alone: families or cases, with commas",
	 &opt.cases, NULL},
	{0},
};

struct programs {
	char sbx[PATH_MAX], escape[PATH_MAX], adapter[PATH_MAX];
};

/* Beside this program; one that was built and not installed uses its own tree. */
static int find_programs(struct programs *p)
{
	ssize_t n = readlink("/proc/self/exe", p->sbx, sizeof(p->sbx) - 1);
	char *slash;
	int dir;

	p->sbx[n < 0 ? 0 : n] = 0;
	slash = strrchr(p->sbx, '/');
	if (!slash)
		return sbx_fail(SBX_EXIT_FAILURE, NULL, "/proc is missing: where is this program?");
	dir = slash - p->sbx;
	snprintf(p->escape, sizeof(p->escape), "%.*s/sbx-escape", dir, p->sbx);
	if (dir >= 6 && !strncmp(slash - 6, "/build", 6))
		snprintf(p->adapter, sizeof(p->adapter), "%.*s/tests/escape/adapters/sbx-bpf",
			 dir - 6, p->sbx);
	else
		snprintf(p->adapter, sizeof(p->adapter), SBX_SHAREDIR "/escape/sbx-bpf");
	if (access(p->escape, X_OK) || access(p->adapter, X_OK))
		return sbx_fail(SBX_EXIT_FAILURE, "`make install` installs them",
				"%s and %s must be there", p->escape, p->adapter);
	return 0;
}

static _Noreturn void become(const struct programs *p, const struct sbx_person *who)
{
	const char *args[12] = {p->escape,
				"--user",
				who->name,
				"--race-ms",
				RACE_MS,
				"--case",
				opt.cases ? opt.cases : ""};
	int n = 7;

	if (sbx_globals.json) {
		args[n++] = "--quiet";
		args[n++] = "--json";
		args[n++] = "/dev/stdout";
	}
	args[n] = p->adapter;
	if (!setenv("SBX", p->sbx, 1) && !setenv("ESC_POLICY", opt.policy ? opt.policy : "", 1))
		execv(p->escape, (char *const *)args);
	_exit(SBX_EXIT_NOT_EXECUTABLE);
}

static int wait_for(pid_t pid)
{
	int status = 0;

	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return sbx_fail(SBX_EXIT_FAILURE, NULL, "cannot start it: %s", strerror(errno));
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return SBX_EXIT_OK;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
		return sbx_fail(SBX_EXIT_FAILURE, NULL, "the sandbox does not hold");
	return sbx_fail(SBX_EXIT_FAILURE, "`sbx-bpf doctor` says whether this kernel can enforce",
			"the test did not run");
}

static int run(int n, char **argv)
{
	struct programs p;
	struct sbx_person who;
	int rc = sbx_person_for_command(opt.user, &who);
	pid_t pid;

	if (rc)
		return rc;
	rc = find_programs(&p);
	if (!rc) {
		fflush(NULL);
		pid = fork();
		if (!pid)
			become(&p, &who);
		rc = wait_for(pid);
	}
	sbx_person_free(&who);
	return rc;
}

const struct sbx_command sbx_cmd_selftest = {
	.name = "selftest",
	.summary = "try to escape from a sandbox on this machine",
	.spec = {.usage = "sbx-bpf selftest [--policy P] [--user U] [--case NAMES]",
		 .summary = "Tries several hundred ways out of a sandbox, and reports.",
		 .opts = opts,
		 .more = sbx_global_opts},
	.run = run,
};
