// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "user/cli/common.h"
#include "user/cli/leftovers.h"

/* cgroup.events has POLLPRI whenever "populated" changes. 0: it is empty, or gone. */
static int populated(int fd)
{
	char text[256];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 0;
	text[n] = 0;
	return strstr(text, "populated 1") != NULL;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

bool sbx_ending_empty(const struct sbx_ending *e, int ms)
{
	int64_t end = now_ms() + ms;
	char path[4200];
	struct pollfd p = {.events = POLLPRI};
	int left;

	snprintf(path, sizeof(path), "%s/cgroup.events", e->cgroup);
	p.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (p.fd < 0)
		return true;
	while ((left = populated(p.fd))) {
		int wait = ms < 0 ? -1 : (int)(end - now_ms());

		if (ms >= 0 && wait <= 0)
			break;
		poll(&p, 1, wait);
	}
	close(p.fd);
	return !left;
}

struct names {
	json_t *list;
	pid_t last;
};

static int add_name(pid_t tgid, pid_t pid, void *arg)
{
	struct names *names = arg;
	char path[64], name[32] = "";
	FILE *f;

	if (tgid != pid)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/comm", tgid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fgets(name, sizeof(name), f))
		name[strcspn(name, "\n")] = 0;
	fclose(f);
	json_array_append_new(names->list,
			      json_pack("{s:i, s:o}", "pid", tgid, "name", sbx_json_text(name)));
	return 0;
}

json_t *sbx_ending_left(const struct sbx_ending *e)
{
	struct names names = {.list = json_array()};
	struct sbx_kern *k = NULL;

	if (e->id && !sbx_open_any(&k) && k)
		sbx_kern_tasks(k, e->id, add_name, &names);
	sbx_kern_close(k);
	return names.list;
}

static int count_one(pid_t tgid, pid_t pid, void *arg)
{
	++*(int *)arg;
	return 0;
}

/*
 * Somebody may have detached it meanwhile: then there is nothing of it to free. The programs stay
 * loaded for the next run, which would have to wait for the verifier otherwise.
 */
bool sbx_ending_finish(struct sbx_ending *e)
{
	struct sbx_diags none = {0};
	struct sbx_kern *k = NULL;
	int tasks = 0, r;

	r = sbx_kern_open(SBX_KERN_CHANGE, &k, &none);
	sbx_cgroup_remove(e->cgroup);
	if (!r && e->id)
		r = sbx_kern_tasks(k, e->id, count_one, &tasks);
	if (!r && e->id && !tasks)
		sbx_kern_detach(k, e->id, &none); /* -ENOENT: the sweep was quicker */
	sbx_diags_free(&none);
	if (!tasks)
		sbx_recent_remove(e->denials);
	if (!r)
		sbx_recent_sweep(k);
	sbx_kern_close(k);
	if (tasks)
		return false;
	if (sbx_tmpdir_remove(&e->tmp))
		sbx_note("%s could not be removed altogether", e->tmp.path);
	return true;
}

/* In a process of its own: outside the sandbox, without a terminal, holding nothing of ours. */
static void wait_and_finish(struct sbx_ending *e, int null)
{
	const struct timespec second = {.tv_sec = 1};
	int fd;

	setsid();
	for (fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	if (close_range(3, ~0u, 0) || chdir("/"))
		_exit(1);
	prctl(PR_SET_NAME, "sbx-bpf: end");
	sbx_ending_empty(e, -1);
	while (!sbx_ending_finish(e))
		nanosleep(&second, NULL); /* some were moved out of the cgroup */
	_exit(0);
}

void sbx_ending_later(struct sbx_ending *e)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid;

	if (null < 0)
		return;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		if (!fork())
			wait_and_finish(e, null);
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(null);
}
