// SPDX-License-Identifier: MIT
/*
 * unhook PIN... -- COMMAND ARG...: takes the programs whose links are pinned there off their hooks,
 * runs COMMAND, and puts them back. For mutate.sh: loading all of them anew, less one, takes half a
 * minute. Status: that of COMMAND; 125 where this failed.
 */
#include <bpf/bpf.h>
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST	16
#define FAILED	125
#define WAIT_MS 10000

static struct off {
	const char *pin;
	int prog;
	unsigned id; /* of the link */
} off[MOST];
static size_t n;

static void take_off(const char *pin)
{
	struct bpf_link_info info = {0};
	__u32 size = sizeof(info);
	int link = bpf_obj_get(pin);

	if (n == MOST || link < 0 || bpf_obj_get_info_by_fd(link, &info, &size))
		err(FAILED, "%s", pin);
	off[n].prog = bpf_prog_get_fd_by_id(info.prog_id);
	if (off[n].prog < 0 || unlink(pin))
		err(FAILED, "%s", pin);
	off[n].pin = pin;
	off[n++].id = info.id;
	close(link);
}

/* The kernel lets go of a link in its own time. */
static void await(unsigned id)
{
	int i, fd = 0;

	for (i = 0; i < WAIT_MS && fd >= 0; i++) {
		fd = bpf_link_get_fd_by_id(id);
		if (fd < 0)
			break;
		close(fd);
		usleep(1000);
	}
	if (fd >= 0 || errno != ENOENT)
		errx(FAILED, "link %u stays", id);
}

static void put_back(const struct off *o)
{
	int link = bpf_raw_tracepoint_open(NULL, o->prog);

	if (link < 0 || bpf_obj_pin(link, o->pin))
		err(FAILED, "%s", o->pin);
	close(link);
}

static int run(char **command)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		execvp(*command, command);
		err(127, "%s", *command);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		err(FAILED, "%s", *command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	size_t i;
	int at, status;

	for (at = 1; at < argc && strcmp(argv[at], "--"); at++)
		;
	if (at + 1 >= argc)
		errx(FAILED, "usage: unhook PIN... -- COMMAND ARG...");
	for (i = 1; i < (size_t)at; i++)
		take_off(argv[i]);
	for (i = 0; i < n; i++)
		await(off[i].id);
	status = run(argv + at + 1);
	for (i = 0; i < n; i++)
		put_back(&off[i]);
	return status;
}
