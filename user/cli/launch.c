// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "user/cli/environ.h"
#include "user/cli/launch.h"
#include "user/cli/owner.h"

/* What the child tells. The pipe closes when the command is executed. */
enum report {
	NO_USER,   /* value: errno */
	NO_CGROUP, /* errno */
	JOINED,
	CLOSED,	 /* descriptor */
	NO_FDS,	 /* errno */
	NO_EXEC, /* errno */
};

struct message {
	enum report what;
	int value;
};

/* --- the child --- */

static void tell(int out, enum report what, int value)
{
	struct message m = {what, value};

	while (write(out, &m, sizeof(m)) < 0 && errno == EINTR)
		;
}

static int drop_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	int i;

	if (syscall(SYS_capget, &head, data))
		return -errno;
	for (i = 0; i < 2; i++) {
		data[i].permitted &= keep >> (32 * i);
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &head, data))
		return -errno;
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) ? -errno : 0;
}

/* Needs the privileges that it takes away from what will be executed. */
static int drop_bounds(uint64_t keep)
{
	int cap;

	for (cap = 0; cap < 64 && prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		if (!(keep & 1ull << cap) && prctl(PR_CAPBSET_DROP, cap))
			return -errno;
	return 0;
}

static int become(const struct sbx_launch *l, const gid_t *groups, int n)
{
	const struct sbx_person *who = l->who;
	uint64_t keep = who->uid ? 0 : l->caps;
	int r = l->confine ? drop_bounds(keep) : 0;

	if (!r && (setgroups(n, groups) || setresgid(who->gid, who->gid, who->gid) ||
		   setresuid(who->uid, who->uid, who->uid)))
		r = -errno;
	if (!r && l->confine)
		r = drop_capabilities(keep);
	if (!r && l->confine && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		r = -errno;
	/* The caller's session keyring may hold root's keys, and comes with every process. */
	if (!r && syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
		r = -errno;
	/* Until the command is executed, other processes of the user must not take us over. */
	if (!r && prctl(PR_SET_DUMPABLE, 0))
		r = -errno;
	return r;
}

static void tell_closed(int fd, void *arg)
{
	tell(*(int *)arg, CLOSED, fd);
}

/* Socket activation: who is told of sockets is told by number, and that is the command now. */
static char **take_sockets(char **env)
{
	static char mine[32];
	const char *of = sbx_environ_get(env, "LISTEN_PID");
	size_t i;

	for (i = 0; of && atoi(of) == getppid() && env[i]; i++)
		if (!strncmp(env[i], "LISTEN_PID=", 11)) {
			snprintf(mine, sizeof(mine), "LISTEN_PID=%d", getpid());
			env[i] = mine;
		}
	return env;
}

struct start {
	const struct sbx_launch *l;
	const struct sbx_job *j;
	struct sbx_kern *k;
	gid_t *groups;
	int n_groups;
	int procs; /* cgroup.procs */
};

/* From the moment we join until the command is executed, members may look at us, if the policy
 * gives them cap_sys_ptrace: what the caller's environment says is not for them. `env` is a copy of
 * what is. */
static void forget_environment(void)
{
	char **entry;

	for (entry = environ; *entry; entry++)
		explicit_bzero(*entry, strlen(*entry));
	environ = NULL;
}

static void child(const struct start *s, int out) __attribute__((noreturn));

static void child(const struct start *s, int out)
{
	int r = become(s->l, s->groups, s->n_groups);

	if (r) {
		tell(out, NO_USER, -r);
		_exit(SBX_EXIT_RUN);
	}
	/* From the moment we join, whoever is root inside may take us over: nothing that changes
	 * sandboxes may be left in our hands. The parent keeps the lock. */
	sbx_kern_close(s->k);
	forget_environment();
	r = sbx_inherit_let_go(s->l->inherited, s->j->tty_dev);
	if (r) {
		tell(out, NO_FDS, -r);
		_exit(SBX_EXIT_RUN);
	}
	if (write(s->procs, "0", 1) != 1) {
		tell(out, NO_CGROUP, errno);
		_exit(SBX_EXIT_RUN);
	}
	close(s->procs);
	tell(out, JOINED, 0);
	r = sbx_inherit_receive(s->l->inherited, tell_closed, &out);
	if (r) {
		tell(out, NO_FDS, -r);
		_exit(SBX_EXIT_RUN);
	}
	sbx_job_child(s->j);
	environ = take_sockets((char **)s->l->env);
	execvp(s->l->argv[0], s->l->argv);
	tell(out, NO_EXEC, errno);
	_exit(SBX_EXIT_RUN);
}

/* --- the parent --- */

static int find_groups(const struct sbx_person *who, gid_t **groups, int *n)
{
	gid_t *v;
	int max = 65536; /* NGROUPS_MAX */

	v = malloc(max * sizeof(*v));
	if (!v || getgrouplist(who->name, who->gid, v, &max) < 0) {
		free(v);
		return sbx_fail(SBX_EXIT_RUN, NULL, "cannot find the groups of %s", who->name);
	}
	*groups = v;
	*n = max;
	return 0;
}

static void say_closed(int fd)
{
	char link[40], name[4096];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, name, sizeof(name) - 1);
	name[n > 0 ? n : 0] = 0;
	sbx_note("descriptor %d (%s) is closed inside%s: the policy would not open it", fd, name,
		 fd <= 2 ? ", in its place is /dev/null" : "");
}

static bool is_inside(pid_t pid, void *arg)
{
	return sbx_cgroup_holds(arg, pid);
}

/* What came with the command and is armed by somebody to signal who is outside: the kernel asks
 * nobody when it does so (bpf/owner.h), so that is told. */
static void say_signalled(const struct sbx_launch *l)
{
	size_t i;

	for (i = 0; i < l->inherited->n; i++) {
		struct sbx_given g = l->inherited->v[i];
		char *whom;

		if (!g.owner || sbx_owner_within(g.owner, is_inside, (void *)l->cgroup))
			continue;
		whom = sbx_owner_text(g.owner);
		sbx_note("descriptor %d signals %s, outside", g.fd, whom ? whom : "somebody");
		free(whom);
	}
}

static int say_no_exec(const struct sbx_launch *l, int err)
{
	const char *cmd = l->argv[0], *path = sbx_environ_get(l->env, "PATH");

	if (err == ENOENT && !strchr(cmd, '/'))
		return sbx_fail(SBX_EXIT_NOT_FOUND,
				"give its full path, or a PATH: sudo env PATH=\"$PATH\" sbx-bpf …",
				"%s was not found (PATH is %s)", cmd, path ? path : "not set");
	if (err == ENOENT || err == ENOTDIR)
		return sbx_fail(SBX_EXIT_NOT_FOUND, NULL, "%s: %s", cmd, strerror(err));
	return sbx_fail(SBX_EXIT_NOT_EXECUTABLE, NULL, "%s cannot be executed: %s", cmd,
			strerror(err));
}

static int hear(const struct sbx_launch *l, const struct message *m, struct sbx_kern **k)
{
	switch (m->what) {
	case JOINED:
		sbx_kern_close(*k);
		*k = NULL;
		return 0;
	case CLOSED:
		say_closed(m->value);
		sbx_inherit_drop(l->inherited, m->value);
		return 0;
	case NO_USER:
		return sbx_fail(SBX_EXIT_RUN, NULL, "cannot become %s: %s", l->who->name,
				strerror(m->value));
	case NO_CGROUP:
		return sbx_fail(SBX_EXIT_RUN,
				m->value == EBUSY ? "cgroups below it have controllers: a cgroup "
						    "that has such children takes no processes"
						  : NULL,
				"cannot enter the cgroup %s: %s", l->cgroup, strerror(m->value));
	case NO_FDS:
		return sbx_fail(SBX_EXIT_RUN, NULL, "cannot judge the open descriptors: %s",
				strerror(m->value));
	case NO_EXEC:
		return say_no_exec(l, m->value);
	}
	return SBX_EXIT_RUN;
}

static int follow(const struct sbx_launch *l, int in, struct sbx_kern **k, struct sbx_job *j)
{
	struct message m;
	ssize_t n;
	int r = 0;

	do {
		n = read(in, &m, sizeof(m));
		if (n == sizeof(m))
			r = hear(l, &m, k);
	} while (!r && (n > 0 || (n < 0 && errno == EINTR)));
	close(in);
	if (!r && *k) /* it was killed on the way */
		r = sbx_fail(SBX_EXIT_RUN, NULL, "the command could not be started");
	if (r)
		while (waitpid(j->pid, NULL, 0) < 0 && errno == EINTR)
			;
	return r;
}

/* Of the very cgroup that is the sandbox. */
static int open_procs(const struct sbx_launch *l)
{
	int dir = open(l->cgroup, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), fd;
	struct stat st;

	if (dir < 0)
		return -1;
	if (fstat(dir, &st) || st.st_ino != l->cgroup_id) {
		close(dir);
		errno = ESTALE;
		return -1;
	}
	fd = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	close(dir);
	return fd;
}

int sbx_launch(const struct sbx_launch *l, struct sbx_kern **k, struct sbx_job *j)
{
	struct start s = {.l = l, .j = j, .k = *k, .procs = open_procs(l)};
	int pipe[2], r;

	if (s.procs < 0)
		return sbx_fail(SBX_EXIT_RUN, NULL, "cannot enter the cgroup %s: %s", l->cgroup,
				strerror(errno));
	r = find_groups(l->who, &s.groups, &s.n_groups);
	if (!r && pipe2(pipe, O_CLOEXEC))
		r = sbx_fail(SBX_EXIT_RUN, NULL, "no pipe: %s", strerror(errno));
	if (!r) {
		fflush(NULL);
		j->pid = fork();
		if (!j->pid)
			child(&s, pipe[1]);
		close(pipe[1]);
		if (j->pid < 0) {
			close(pipe[0]);
			r = sbx_fail(SBX_EXIT_RUN, NULL, "cannot fork: %s", strerror(errno));
		} else {
			sbx_inherit_hand_over(l->inherited, j->tty_dev);
			r = follow(l, pipe[0], k, j);
			if (!r)
				say_signalled(l);
		}
	}
	free(s.groups);
	close(s.procs);
	return r;
}
