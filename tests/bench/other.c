// SPDX-License-Identifier: MIT
/* Changes made elsewhere in the file system, by a process that no sandbox binds. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"

static int to[2], from[2];
static pid_t pid;

static void swap_names(const char *root, const char *kind, unsigned n)
{
	char a[BENCH_PATH], b[BENCH_PATH];

	snprintf(a, sizeof(a), "%s/x/%s%u", root, kind, n % 2);
	snprintf(b, sizeof(b), "%s/x/%s%u", root, kind, (n + 1) % 2);
	must(rename(a, b), a);
}

static void serve(const char *root)
{
	unsigned dirs = 0, files = 0;
	char what;

	while (read(to[0], &what, 1) == 1) {
		if (what == 'd')
			swap_names(root, "dir", dirs++);
		else
			swap_names(root, "file", files++);
		if (write(from[1], &what, 1) != 1)
			break;
	}
	/* Names as they were found, for the next one. */
	if (dirs % 2)
		swap_names(root, "dir", dirs);
	if (files % 2)
		swap_names(root, "file", files);
	_exit(0);
}

void other_start(const char *root)
{
	must(pipe(to), "pipe");
	must(pipe(from), "pipe");
	pid = must(fork(), "fork");
	if (!pid) {
		close(to[1]);
		close(from[0]);
		serve(root);
	}
	close(to[0]);
	close(from[1]);
}

void other_do(char what)
{
	if (write(to[1], &what, 1) != 1 || read(from[0], &what, 1) != 1)
		die("the helper is gone");
}

void other_stop(void)
{
	close(to[1]);
	waitpid(pid, NULL, 0);
}
