// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>
#include "user/cli/mountwatch.h"
#include "user/kern/kern.h"

void sbx_mountwatch_open(struct sbx_mountwatch *w)
{
	w->fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
}

/* What fails stays unnamed, that is: closed. The next loader names it. */
static void name_mounts(void)
{
	struct sbx_diags d = {0};
	struct sbx_kern *k;

	if (sbx_kern_open(SBX_KERN_CHANGE, &k, &d))
		return;
	sbx_kern_name_mounts(k, &d);
	sbx_kern_close(k);
}

/* A grandchild: the lock may be held for seconds, and the terminal must not wait for that. */
static void name_mounts_apart(void)
{
	pid_t pid = fork();

	if (!pid) {
		if (!fork())
			name_mounts();
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

void sbx_mountwatch_tick(struct sbx_mountwatch *w)
{
	struct pollfd p = {.fd = w->fd, .events = POLLPRI};

	if (w->fd >= 0 && poll(&p, 1, 0) > 0 && p.revents & (POLLPRI | POLLERR))
		name_mounts_apart();
}

void sbx_mountwatch_close(struct sbx_mountwatch *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}
