// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "user/base/bpfd.h"
#include "user/cli/bpfd.h"
#include "user/kern/kern.h"

#define PATIENCE_S 10
#define UNIT	   "sbx-bpfd.service"

static const struct sbx_pos nowhere;

/* --- asking --------------------------------------------------------------------------------------
 */

static int say(struct sbx_diags *d, const char *hint, const char *what)
{
	sbx_diag_add(d, SBX_ERROR, nowhere, hint, "%s", what);
	return -EHOSTUNREACH;
}

static int no_answer(struct sbx_diags *d)
{
	return say(d, "see what it says: `journalctl -u " UNIT "`", "sbx-bpfd does not answer");
}

int sbx_bpfd_ask(const char *request, char *reply, size_t size)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = SBX_BPFD_SOCKET};
	struct timeval patience = {.tv_sec = PATIENCE_S};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	ssize_t n = -1;
	int r;

	if (fd < 0)
		return -errno;
	/* Of a daemon that hangs, others may wait already: then connect() does. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (struct sockaddr *)&a, sizeof(a)) &&
	    send(fd, request, strlen(request), MSG_NOSIGNAL) >= 0)
		n = recv(fd, reply, size - 1, 0);
	r = n < 0 ? -errno : 0;
	close(fd);
	if (r == -EAGAIN)
		return r;
	if (n <= 0)
		return -ENOENT; /* or it has just ended */
	reply[n] = 0;
	return 0;
}

/* -ENOENT: nobody is there. */
static int ask(struct sbx_diags *d)
{
	char reply[SBX_BPFD_MAX];
	int r = sbx_bpfd_ask(SBX_BPFD_SYNC, reply, sizeof(reply));

	if (r)
		return r == -EAGAIN ? no_answer(d) : r;
	return strcmp(reply, SBX_BPFD_OK) ? say(d, NULL, reply) : 0;
}

/* --- starting ------------------------------------------------------------------------------------
 */

static int run(char *const *argv)
{
	extern char **environ;
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ))
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

/* Where the service manager knows it, it is a service. */
static bool start_unit(void)
{
	char *const argv[] = {"systemctl", "--quiet", "start", UNIT, NULL};

	return !access("/run/systemd/system", F_OK) &&
	       (!access("/etc/systemd/system/" UNIT, F_OK) ||
		!access(SBX_UNITDIR "/" UNIT, F_OK)) &&
	       !run(argv);
}

/* Beside a program that was built and not installed, or where it was installed. */
static const char *find_program(void)
{
	static char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("sbx-bpfd"));
	char *slash;

	if (n > 0) {
		path[n] = 0;
		slash = strrchr(path, '/');
		strcpy(slash + 1, "sbx-bpfd");
		if (!access(path, X_OK))
			return path;
	}
	return SBX_SBINDIR "/sbx-bpfd";
}

/*
 * Not in our cgroup, which may be a sandbox's tomorrow or ends with the session, and with nothing
 * of ours open.
 */
static void become_daemon(const char *program)
{
	char *const argv[] = {(char *)program, "--on-demand", NULL};
	char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	char top[256];
	int null = open("/dev/null", O_RDWR);

	if (setsid() < 0 || null < 0 || sbx_cgroup_mount(top, sizeof(top)) ||
	    sbx_cgroup_move_self(top) || chdir("/"))
		_exit(1);
	umask(077);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	closefrom(3);
	execve(program, argv, env);
	_exit(1);
}

static bool start_program(void)
{
	const char *program = find_program();
	int status;
	pid_t pid;

	if (access(program, X_OK))
		return false;
	pid = fork();
	if (!pid) {
		pid = fork();
		if (!pid)
			become_daemon(program);
		_exit(pid < 0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

int sbx_bpfd_serve(struct sbx_diags *d)
{
	static const struct timespec pause = {.tv_nsec = 20000000};
	int r = ask(d), i;

	if (r != -ENOENT)
		return r;
	if (!start_unit() && !start_program())
		return say(
			d, "start it: `systemctl start " UNIT "`, or sbx-bpfd as root",
			"the policy names domains, which sbx-bpfd resolves: it does not run, and "
			"could not be started");
	for (i = 0; r == -ENOENT && i < PATIENCE_S * 50; i++) {
		nanosleep(&pause, NULL);
		r = ask(d);
	}
	if (r == -ENOENT)
		return say(d, "run sbx-bpfd as root to see why",
			   "the policy names domains, which sbx-bpfd resolves: it was started, and "
			   "has ended");
	return r;
}
