// SPDX-License-Identifier: MIT
/*
 * /proc does not tell the owner of a descriptor: a copy of it does. Making one needs what a tracer
 * needs, and lasts for the one question.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "user/cli/owner.h"

#define PIDFD_THREAD O_EXCL /* linux/pidfd.h, since 6.9 */

static int copy_of(pid_t pid, int fd)
{
	int task = syscall(SYS_pidfd_open, pid, 0), copy, e;

	if (task < 0 && errno != ESRCH)
		task = syscall(SYS_pidfd_open, pid, PIDFD_THREAD);
	if (task < 0)
		return -errno;
	copy = syscall(SYS_pidfd_getfd, task, fd, 0);
	e = errno;
	close(task);
	return copy < 0 ? -e : copy;
}

pid_t sbx_owner_of_own(int fd)
{
	struct f_owner_ex who;

	if (fcntl(fd, F_GETOWN_EX, &who)) /* O_PATH: it has none */
		return 0;
	return who.type == F_OWNER_PGRP ? -who.pid : who.pid;
}

bool sbx_owner_of(pid_t pid, int fd, pid_t *owner)
{
	int copy = copy_of(pid, fd);

	*owner = 0;
	if (copy < 0)
		return copy == -ESRCH || copy == -EBADF;
	*owner = sbx_owner_of_own(copy);
	close(copy);
	return true;
}

bool sbx_owner_within(pid_t owner, bool (*inside)(pid_t pid, void *arg), void *arg)
{
	struct dirent *e;
	bool all = true;
	DIR *dir;

	if (owner > 0)
		return inside(owner, arg);
	dir = opendir("/proc");
	if (!dir)
		return false;
	while (all && (e = readdir(dir))) {
		pid_t pid = atoi(e->d_name);

		all = pid <= 0 || getpgid(pid) != -owner || inside(pid, arg);
	}
	closedir(dir);
	return all;
}

char *sbx_owner_text(pid_t owner)
{
	char *text;

	return asprintf(&text, "process %s%d", owner < 0 ? "group " : "", abs(owner)) < 0 ? NULL
											  : text;
}
