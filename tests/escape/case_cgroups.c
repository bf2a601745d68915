// SPDX-License-Identifier: MIT
/* cgroups, and children that are born elsewhere. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/escape/escape.h"

#define ROOT "/sys/fs/cgroup"

static int read_own(struct esc_try *t)
{
	int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	char buf[64];
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));

	if (n > 0)
		esc_prove(t, "read where it is");
	return esc_err(n);
}

static int secret(struct esc_try *t)
{
	int fd = open(esc_pick(t, "outside/d/secret", ""), O_RDONLY | O_CLOEXEC), r;

	r = esc_saw_fd(t, fd, "from another cgroup");
	close(fd);
	return r;
}

/* A child leaves, and reads then. */
static int leave(struct esc_try *t, const char *file)
{
	pid_t pid = fork();
	int fd, r;

	if (!pid) {
		fd = open(file, O_WRONLY | O_CLOEXEC);
		r = esc_write_fd(fd, "0");
		_exit(r ? -r : -secret(t));
	}
	r = esc_wait(pid);
	return r == -ENOENT ? esc_none(t, "there is no cgroup file system") : r;
}

static int to_root(struct esc_try *t)
{
	return leave(t, ROOT "/cgroup.procs");
}

/* Without the cgroup at all: what binds by cgroup alone no longer does. */
static int new_cgroup(struct esc_try *t)
{
	char dir[64], procs[96];
	int r;

	snprintf(dir, sizeof(dir), ROOT "/sbx-escape-%s", t->w->tag);
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", dir);
	r = esc_err(mkdir(dir, 0755));
	if (!r)
		r = leave(t, procs);
	rmdir(dir);
	return r;
}

static int clone_into(struct esc_try *t)
{
	unsigned long args[11] = {0x200000000 /* INTO_CGROUP */, 0, 0, 0, SIGCHLD};
	int fd = open(ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	pid_t pid;

	if (fd < 0)
		return -errno;
	args[10] = fd;
	pid = syscall(SYS_clone3, args, sizeof(args));
	if (!pid)
		_exit(-secret(t));
	return pid < 0 ? -errno : esc_wait(pid);
}

static int open_for_writing(struct esc_try *t, const char *file)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		esc_prove(t, "%s is open for writing", file);
	return errno == ENOENT && fd < 0 ? esc_none(t, "there is no such file") : esc_err(fd);
}

static int controllers(struct esc_try *t)
{
	return open_for_writing(t, ROOT "/cgroup.subtree_control");
}

static int thread_mode(struct esc_try *t)
{
	char path[ESC_PATH], line[512] = "", *at;
	int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, line, sizeof(line) - 1) <= 0)
		return -errno;
	at = strstr(line, "0::");
	if (!at)
		return esc_none(t, "there is no cgroup of version 2");
	at[strcspn(at, "\n")] = 0;
	snprintf(path, sizeof(path), ROOT "%s/cgroup.procs", at + 3);
	return open_for_writing(t, path);
}

static int release_agent(struct esc_try *t)
{
	return open_for_writing(t, ROOT "/release_agent");
}

/* --- children of unusual birth: none of it is forbidden, none of it leads out --- */

static int double_fork(struct esc_try *t)
{
	pid_t pid = fork();

	if (!pid) {
		setsid();
		pid = fork();
		_exit(pid ? -esc_wait(pid) : -secret(t));
	}
	return esc_wait(pid);
}

static int double_fork_own(struct esc_try *t)
{
	pid_t pid = fork();

	if (!pid) {
		setsid();
		pid = fork();
		_exit(pid ? -esc_wait(pid) : -esc_twin_file(t));
	}
	return esc_wait(pid);
}

static int clone_parent(struct esc_try *t)
{
	unsigned long args[8] = {CLONE_PARENT};
	pid_t pid = fork();

	if (!pid) {
		pid = syscall(SYS_clone3, args, sizeof(args));
		if (!pid)
			_exit(-secret(t));
		_exit(0);
	}
	usleep(50000);
	return esc_wait(pid);
}

static int vforked(struct esc_try *t)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(0);
	return pid < 0 ? -errno : secret(t);
}

/* A command run by an interpreter, with its own session, as a daemon starts. */
static int through_shell(struct esc_try *t)
{
	char command[ESC_PATH + 64], text[64] = "";
	char *args[] = {"/bin/sh", "-c", command, NULL};
	int fd;
	pid_t pid;

	snprintf(command, sizeof(command), "setsid cat '%s' >copy 2>/dev/null",
		 t->twin ? esc_pick(t, "", "project/file") : esc_pick(t, "outside/d/secret", ""));
	pid = fork();
	if (!pid) {
		execv(args[0], args);
		_exit(errno);
	}
	esc_wait(pid);
	fd = open("copy", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text)) < 0)
		return -errno;
	esc_saw(t, text, sizeof(text), "a command that the shell started");
	return t->res->proof ? 0 : -EACCES;
}

#define LEAVING                                                                                  \
	"what is bound by its cgroup alone is free when it leaves (tools that attach by cgroup " \
	"id)"

const struct esc_case esc_cgroups[] = {
	{"root", "moves a child to the root cgroup", LEAVING, to_root, read_own, ESC_ROOT},
	{"new", "moves a child to a cgroup of its own making", LEAVING, new_cgroup, read_own,
	 ESC_ROOT},
	{"clone-into", "bears a child into the root cgroup", LEAVING, clone_into, read_own,
	 ESC_ROOT},
	{"controllers", "opens the root's subtree_control", NULL, controllers, read_own, ESC_ROOT},
	{"procs", "opens its own cgroup.procs, by which others could be drawn in", NULL,
	 thread_mode, read_own, ESC_ROOT},
	{"release-agent", "names the program that a cgroup's end starts", "CVE-2022-0492",
	 release_agent, read_own, ESC_ROOT},
	{"double-fork", "reads in a grandchild of another session", NULL, double_fork,
	 double_fork_own},
	{"clone-parent", "reads in a child of its parent", NULL, clone_parent, double_fork_own},
	{"vfork", "reads while a child shares its memory", NULL, vforked, double_fork_own},
	{"shell", "reads in a program of a shell of another session", NULL, through_shell},
	{0},
};
