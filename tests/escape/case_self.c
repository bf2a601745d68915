// SPDX-License-Identifier: MIT
/* The sandbox itself: what it was made from, and who made it. */
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/escape/escape.h"

/* Twins: the legitimate counterpart, in one's own directory. */
static int settings_change(struct esc_try *t)
{
	int fd;

	if (t->twin)
		return esc_twin_file(t);
	fd = open(esc_pick(t, "policy.yaml", ""), O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? esc_none(t, "the sandbox has no settings there") : -errno;
	esc_prove(t, "opened the sandbox's settings for writing");
	close(fd);
	return 0;
}

static int settings_replace(struct esc_try *t)
{
	int r;

	if (t->twin)
		return esc_twin_file(t);
	if (access(esc_pick(t, "policy.yaml", ""), F_OK))
		return esc_none(t, "the sandbox has no settings there");
	r = esc_err(link(esc_pick(t, "policy.yaml", ""), "policy"));
	if (!r)
		esc_prove(t, "got another name for the sandbox's settings");
	return r;
}

#define NOT_SEEN "its parent cannot be seen, or is inside as well"

/* The process that made the sandbox: getppid() is the suite's own runner. */
static int above_it(pid_t *pid)
{
	char path[64], line[256] = "";
	int fd;
	bool found;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)getppid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	*pid = 0;
	found = fd >= 0 && read(fd, line, sizeof(line) - 1) > 0 &&
		sscanf(line, "%*d (%*[^)]) %*c %d", pid) == 1 && *pid;
	close(fd);
	return found ? 0 : -ESRCH;
}

/* Which stays outside. */
static int parent_signal(struct esc_try *t)
{
	pid_t above;
	int r;

	if (t->twin)
		return esc_twin_child(t);
	r = above_it(&above);
	if (r || esc_own_ns(t, "pid"))
		return esc_none(t, NOT_SEEN);
	r = esc_err(kill(above, 0));
	if (!r)
		esc_prove(t, "may signal the process that made the sandbox");
	return r;
}

static int parent_trace(struct esc_try *t)
{
	pid_t above;
	int r;

	if (t->twin)
		return esc_twin_child(t);
	r = above_it(&above);
	if (r || esc_own_ns(t, "pid"))
		return esc_none(t, NOT_SEEN);
	r = esc_err(ptrace(PTRACE_SEIZE, above, NULL, NULL));
	if (!r)
		esc_prove(t, "traces the process that made the sandbox");
	return r;
}

static int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int object_by_id(struct esc_try *t, int next, int get, const char *what)
{
	union bpf_attr a = {0};
	int fd;

	if (t->twin)
		return esc_twin_file(t);
	if (bpf(next, &a))
		return errno == ENOENT ? esc_none(t, "nothing is loaded") : -errno;
	a.start_id = a.next_id;
	a.next_id = 0;
	fd = bpf(get, &a);
	if (fd >= 0)
		esc_prove(t, "got a BPF %s of somebody outside", what);
	return esc_err(fd);
}

static int map_by_id(struct esc_try *t)
{
	return object_by_id(t, BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID, "map");
}

static int link_by_id(struct esc_try *t)
{
	return object_by_id(t, BPF_LINK_GET_NEXT_ID, BPF_LINK_GET_FD_BY_ID, "link");
}

static int pins_list(struct esc_try *t)
{
	DIR *d;

	if (t->twin)
		return esc_twin_file(t);
	d = opendir("/sys/fs/bpf");
	if (!d)
		return errno == ENOENT ? esc_none(t, "there is no bpf file system") : -errno;
	esc_prove(t, "listed what is pinned");
	closedir(d);
	return 0;
}

static int pins_make(struct esc_try *t)
{
	int r;

	if (t->twin)
		return esc_twin_file(t);
	r = esc_err(mkdir("/sys/fs/bpf/sbx-escape", 0700));
	if (!r) {
		rmdir("/sys/fs/bpf/sbx-escape");
		esc_prove(t, "made a directory among the pins");
	}
	return r == -ENOENT ? esc_none(t, "there is no bpf file system") : r;
}

/* The effective user of a process, from its status. */
static int effective(pid_t pid)
{
	char path[64], buf[1024] = "", *at;
	int fd, uid = -1;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, buf, sizeof(buf) - 1) > 0 && (at = strstr(buf, "Uid:")))
		sscanf(at, "Uid: %*d %d", &uid);
	if (fd >= 0)
		close(fd);
	return uid;
}

/* su, while it waits for a password that nobody types: as whom? */
static int new_privileges(struct esc_try *t)
{
	int p[2], i, r = 0;
	pid_t pid;

	if (t->twin)
		return esc_twin_run(t);
	if (!t->w->uid)
		return esc_none(t, "it is root");
	pid = pipe(p) ? -1 : fork();
	if (!pid) {
		dup2(p[0], 0);
		execl("/bin/su", "su", "-c", "true", NULL);
		_exit(errno);
	}
	for (i = 0; pid > 0 && i < 40 && !t->res->proof && waitpid(pid, &r, WNOHANG) != pid; i++) {
		usleep(10000);
		if (!effective(pid))
			esc_prove(t, "runs a program as root");
	}
	kill(pid, SIGKILL);
	return t->res->proof ? 0 : -EPERM;
}

static int no_new_privs_off(struct esc_try *t)
{
	int r;

	if (t->twin)
		return esc_twin_file(t);
	if (!prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))
		return esc_none(t, "the sandbox does not set no_new_privs");
	prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0);
	r = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	if (!r)
		esc_prove(t, "took no_new_privs back");
	return r ? -EINVAL : 0;
}

static int many_children(struct esc_try *t)
{
	int i, fd, r = -EACCES;
	pid_t pid;

	/* Does the binding follow to the last of a long line? */
	for (i = 0; i < 64; i++) {
		pid = fork();
		if (pid)
			return esc_wait(pid);
	}
	fd = open(t->twin ? esc_pick(t, "", "project/file") : esc_pick(t, "outside/d/secret", ""),
		  O_RDONLY | O_CLOEXEC);
	r = esc_saw_fd(t, fd, "in the 64th generation");
	_exit(r ? -r : 0);
}

#define RUNC "CVE-2019-5736 (runc overwritten from inside), CVE-2022-0185"
#define SELF "AppArmor, KubeArmor and Tetragon can be unloaded by whoever reaches their interface"

const struct esc_case esc_self[] = {
	{"settings", "changes the sandbox's settings", RUNC, settings_change},
	{"settings-link", "links the sandbox's settings into the project", NULL, settings_replace},
	{"parent-signal", "signals the process that made the sandbox", NULL, parent_signal},
	{"parent-trace", "traces the process that made the sandbox", NULL, parent_trace},
	{"map-by-id", "gets BPF maps by number", SELF, map_by_id, NULL, ESC_ROOT},
	{"link-by-id", "gets BPF links by number", SELF, link_by_id, NULL, ESC_ROOT},
	{"pins", "lists what is pinned", SELF, pins_list, NULL, ESC_ROOT | ESC_SURFACE},
	{"pins-make", "makes a directory among the pins", SELF, pins_make, NULL, ESC_ROOT},
	{"set-user-id", "starts a program that is root's (su)", NULL, new_privileges},
	{"no-new-privs", "takes no_new_privs back", NULL, no_new_privs_off},
	{"generations", "reads in the 64th generation", NULL, many_children},
	{0},
};
