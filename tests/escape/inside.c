// SPDX-License-Identifier: MIT
/*
 * What runs in the sandbox: each try in a child of its own, in a directory of its own, with a time
 * limit. A child that crashes or hangs is told of as such.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "tests/escape/escape.h"

#define LIMIT_MS 15000

static struct esc_result *result; /* shared with the child */
static int to_host = -1, from_host = -1;

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int enter_scratch(const struct esc_world *w, size_t id, bool twin)
{
	char below[64], dir[ESC_PATH];

	snprintf(below, sizeof(below), "project/t/%zu%s", id, twin ? "-twin" : "");
	esc_path(w, below, dir);
	return mkdir(dir, 0777) || chdir(dir) ? -errno : 0;
}

static _Noreturn void child(const struct esc_world *w, const struct esc_case *c, size_t id,
			    bool twin)
{
	struct esc_try t = {.w = w, .c = c, .res = result, .twin = twin};
	esc_fn *fn = twin && c->twin ? c->twin : c->attack;
	char name[16];

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(name, sizeof(name), "esc-%zu", id);
	prctl(PR_SET_NAME, name); /* by which the sandbox's reports are found again */
	signal(SIGTTOU, SIG_IGN); /* it is in the background of its terminal */
	umask(0);
	close(to_host);
	close(from_host);
	result->err = enter_scratch(w, id, twin);
	if (result->err)
		snprintf(result->note, sizeof(result->note), "no scratch directory");
	else
		result->err = fn(&t);
	_exit(0);
}

/* The child's status, or -1 after the time limit. What it leaves behind goes with it. */
static int wait_child(pid_t pid)
{
	long end = now_ms() + LIMIT_MS;
	struct timespec tick = {.tv_nsec = 100000000};
	sigset_t set;
	int status = -1;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	while (now_ms() < end) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			break;
		status = -1;
		sigtimedwait(&set, NULL, &tick);
	}
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return status;
}

static int tell(size_t id, bool twin, int status)
{
	char line[ESC_NOTE + 80], ack;
	int n = snprintf(line, sizeof(line), "%zu %d %d %d %d %s\n", id, twin, status, result->err,
			 result->proof, result->note);

	return write(to_host, line, n) == n && read(from_host, &ack, 1) == 1 ? 0 : -EPIPE;
}

static int try_one(const char *world_file, const struct esc_case *c, size_t id, bool twin)
{
	struct esc_world w;
	pid_t pid;
	int rc = esc_world_read(&w, world_file); /* the victim may be another by now */

	if (rc)
		return rc;
	memset(result, 0, sizeof(*result));
	pid = fork();
	if (!pid)
		child(&w, c, id, twin);
	if (pid < 0)
		return -errno;
	return tell(id, twin, wait_child(pid));
}

static int open_fifos(const struct esc_world *w)
{
	char path[ESC_PATH];

	esc_path(w, "project/.to-host", path);
	to_host = open(path, O_WRONLY | O_CLOEXEC);
	esc_path(w, "project/.from-host", path);
	from_host = open(path, O_RDONLY | O_CLOEXEC);
	return to_host < 0 || from_host < 0 ? -errno : 0;
}

int esc_inside(const char *world_file)
{
	const struct esc_case *cases;
	struct esc_world w;
	size_t n = esc_all(&cases), i;
	sigset_t set;
	int rc = esc_world_read(&w, world_file);

	if (!rc)
		rc = open_fifos(&w);
	if (rc) {
		fprintf(stderr, "sbx-escape: inside: %s: %s\n", world_file, strerror(-rc));
		return 1;
	}
	result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (result == MAP_FAILED)
		return 1;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGUSR1, SIG_IGN); /* in another PID namespace the victim's number may be ours */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (i = 0; i < n && !rc; i++) {
		if (!esc_chosen(&cases[i], w.only, w.thin) || (cases[i].needs & ESC_ROOT && w.uid))
			continue;
		rc = try_one(world_file, &cases[i], i, false);
		if (!rc && !w.no_twins)
			rc = try_one(world_file, &cases[i], i, true);
	}
	if (rc)
		fprintf(stderr, "sbx-escape: inside: %s\n", strerror(-rc));
	return rc ? 1 : 0;
}
