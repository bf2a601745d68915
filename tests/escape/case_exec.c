// SPDX-License-Identifier: MIT
/* Mappings and execution: whatever starts a program. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/escape/escape.h"

#define LOADER "/lib64/ld-linux-x86-64.so.2"

/* argv[0] is executed; the mark's name follows what is given. */
static int run_args(struct esc_try *t, const char *a, const char *b)
{
	char below[64], mark[ESC_PATH];
	char *args[] = {(char *)a, (char *)(b ? b : mark), b ? mark : NULL, NULL};
	char *env[] = {"PATH=/usr/bin:/bin", NULL};
	pid_t pid;
	int r;

	snprintf(below, sizeof(below), "project/t/mark-%d", (int)getpid());
	esc_path(t->w, below, mark);
	pid = fork();
	if (!pid) {
		execve(a, args, env);
		_exit(errno);
	}
	r = esc_wait(pid);
	return esc_marked(t) ? 0 : r ? r : -EACCES;
}

static int plain(struct esc_try *t)
{
	return run_args(t, esc_pick(t, "shared/touch", "project/bin/touch"), NULL);
}

static int script(struct esc_try *t)
{
	return run_args(t, esc_pick(t, "shared/script", "project/bin/script"), NULL);
}

static int outside_script(struct esc_try *t)
{
	return run_args(t, esc_pick(t, "outside/d/script", "project/bin/script"), NULL);
}

/* A shell may read what it may not execute: for that there is no right. */
static int shell_reads(struct esc_try *t)
{
	return run_args(t, "/bin/sh", esc_pick(t, "outside/d/script", "project/bin/script"));
}

static int by_loader(struct esc_try *t)
{
	return run_args(t, LOADER, esc_pick(t, "shared/touch", "project/bin/touch"));
}

static int outside_by_loader(struct esc_try *t)
{
	return run_args(t, LOADER, esc_pick(t, "outside/d/touch", "project/bin/touch"));
}

static int interpreter(struct esc_try *t)
{
	char text[ESC_PATH];
	int r;

	snprintf(text, sizeof(text), "#!%s\n", esc_pick(t, "shared/touch", "project/bin/touch"));
	r = esc_scratch("script", text);
	if (!r)
		r = esc_err(chmod("script", 0755));
	return r ? r : run_args(t, "./script", NULL);
}

static int spawned(struct esc_try *t)
{
	char below[64], mark[ESC_PATH];
	const char *path = esc_pick(t, "shared/touch", "project/bin/touch");
	char *args[] = {(char *)path, mark, NULL}, *env[] = {NULL};
	pid_t pid;
	int r;

	snprintf(below, sizeof(below), "project/t/mark-%d", (int)getpid());
	esc_path(t->w, below, mark);
	r = -posix_spawn(&pid, path, NULL, NULL, args, env);
	if (!r)
		r = esc_wait(pid);
	return esc_marked(t) ? 0 : r ? r : -EACCES;
}

static int by_fd(struct esc_try *t)
{
	int fd = open(esc_pick(t, "shared/touch", "project/bin/touch"), O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : esc_run_program(t, fd, "", AT_EMPTY_PATH);
}

static int by_opath(struct esc_try *t)
{
	int fd = open(esc_pick(t, "shared/touch", "project/bin/touch"), O_PATH | O_CLOEXEC);

	return fd < 0 ? -errno : esc_run_program(t, fd, "", AT_EMPTY_PATH);
}

static int copy_to(int fd, const char *path)
{
	char buf[16384];
	int from = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	while (from >= 0 && (n = read(from, buf, sizeof(buf))) > 0)
		if (write(fd, buf, n) != n)
			return -EIO;
	return n < 0 ? -errno : 0;
}

/* Out of memory: no rule about files has a say. */
static int memfd(struct esc_try *t)
{
	int fd = memfd_create("program", 0), r;

	if (t->twin)
		return esc_twin_run(t);
	r = fd < 0 ? -errno : copy_to(fd, esc_pick(t, "shared/touch", ""));
	return r ? r : esc_run_program(t, fd, "", AT_EMPTY_PATH);
}

static int unlinked(struct esc_try *t)
{
	int fd = open("program", O_RDWR | O_CREAT, 0755), r;

	if (t->twin)
		return esc_twin_run(t);
	r = fd < 0 ? -errno : copy_to(fd, esc_pick(t, "shared/touch", ""));
	close(fd);
	fd = open("program", O_RDONLY | O_CLOEXEC);
	if (!r)
		r = esc_err(unlink("program"));
	return r ? r : esc_run_program(t, fd, "", AT_EMPTY_PATH);
}

/* Whether this address may be executed, in the kernel's own words. */
static bool executable(const void *at)
{
	char line[512];
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned long from, to;
	bool is = false;
	char x;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %*c%*c%c", &from, &to, &x) == 3 &&
		    from <= (uintptr_t)at && (uintptr_t)at < to)
			is = x == 'x';
	if (f)
		fclose(f);
	return is;
}

static int mapped(struct esc_try *t, int first, int then)
{
	int fd = open(esc_pick(t, "shared/touch", "project/bin/touch"), O_RDONLY | O_CLOEXEC);
	void *m;
	int r = 0;

	if (fd < 0)
		return -errno;
	m = mmap(NULL, 4096, first, MAP_PRIVATE, fd, 0);
	if (m == MAP_FAILED)
		return -errno;
	if (then != first)
		r = esc_err(mprotect(m, 4096, then));
	if (!r && !executable(m))
		r = -EACCES;
	if (!r)
		esc_prove(t, "mapped code of a file");
	return r;
}

static int map_exec(struct esc_try *t)
{
	return mapped(t, PROT_READ | PROT_EXEC, PROT_READ | PROT_EXEC);
}

static int protect_exec(struct esc_try *t)
{
	return mapped(t, PROT_READ, PROT_READ | PROT_EXEC);
}

/* Whatever is readable becomes executable, without a word of it. */
static int implied_exec(struct esc_try *t)
{
	personality(READ_IMPLIES_EXEC);
	return mapped(t, PROT_READ, PROT_READ);
}

#define LD_SO \
	"known of sandboxes that judge execve alone: the loader opens its argument for reading"

const struct esc_case esc_exec[] = {
	{"plain", "executes a program that may only be read", NULL, plain, .needs = ESC_NOEXEC},
	{"script", "executes a script that may only be read", NULL, script, .needs = ESC_NOEXEC},
	{"outside-script", "executes a script outside", NULL, outside_script},
	{"shell-reads", "lets a shell read a script outside", NULL, shell_reads},
	{"loader", "starts a program that may only be read by ld.so", LD_SO, by_loader,
	 .needs = ESC_NOEXEC},
	{"outside-loader", "starts a program outside by ld.so",
	 "an agent started a denied program so (Ona, March 2026)", outside_by_loader},
	{"interpreter", "names a program that may only be read as an interpreter", NULL,
	 interpreter, .needs = ESC_NOEXEC},
	{"spawn", "starts it by vfork and execve", NULL, spawned, .needs = ESC_NOEXEC},
	{"by-fd", "executes a descriptor for reading", NULL, by_fd, .needs = ESC_NOEXEC},
	{"by-opath", "executes an O_PATH descriptor", NULL, by_opath, .needs = ESC_NOEXEC},
	{"memfd", "executes a copy in memory", "fileless malware: memfd_create and execveat", memfd,
	 .needs = ESC_NOEXEC},
	{"unlinked", "executes a copy that it has unlinked",
	 "KubeArmor and Tetragon match paths: an unlinked file has none", unlinked,
	 .needs = ESC_NOEXEC},
	{"map-exec", "maps a file's code", LD_SO, map_exec, .needs = ESC_NOEXEC},
	{"protect-exec", "makes a file's mapping executable", LD_SO, protect_exec,
	 .needs = ESC_NOEXEC},
	{"implied-exec", "maps a file's code by READ_IMPLIES_EXEC", NULL, implied_exec,
	 .needs = ESC_NOEXEC},
	{0},
};
