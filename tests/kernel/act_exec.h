/* SPDX-License-Identifier: MIT */
/* Starting programs and mapping their code. Part of act.c, which includes it. */
#ifndef SBX_ACT_EXEC_H
#define SBX_ACT_EXEC_H

static int wait_exec(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? -(WEXITSTATUS(status) & 0x7f) : -ECHILD;
}

static int do_exec(char **a)
{
	pid_t pid = fork();

	if (!pid) {
		int null = open("/dev/null", O_WRONLY);

		if (null >= 0)
			dup2(null, 1);
		execv(a[0], a);
		_exit(errno);
	}
	return wait_exec(pid);
}

static int do_exec_through_ld(char **a)
{
	char *args[] = {"/lib64/ld-linux-x86-64.so.2", a[0], NULL};
	pid_t pid = fork();

	if (!pid) {
		int null = open("/dev/null", O_WRONLY);

		if (null >= 0)
			dup2(null, 2);
		execv(args[0], args);
		_exit(errno);
	}
	return wait_exec(pid) ? -EACCES : 0; /* ld.so says 127 */
}

/* A descriptor, and no name: execveat with an empty path. */
static int exec_fd(int fd, const char *path)
{
	char *none[] = {"x", NULL};
	pid_t pid;

	if (fd < 0)
		return -errno;
	pid = fork();
	if (!pid) {
		if (path)
			execv(path, none);
		else
			syscall(SYS_execveat, fd, "", none, none, AT_EMPTY_PATH);
		_exit(errno);
	}
	close(fd);
	return wait_exec(pid);
}

static int do_exec_unlinked(char **a)
{
	int fd = open(a[0], O_RDONLY);

	return unlink(a[0]) ? -errno : exec_fd(fd, NULL);
}

static int do_exec_by_fd(char **a)
{
	return exec_fd(open(a[0], O_RDONLY), NULL);
}

static int do_exec_by_opath(char **a)
{
	return exec_fd(open(a[0], O_PATH), NULL);
}

static int do_exec_by_proc(char **a)
{
	char path[40];
	int fd = open(a[0], O_RDONLY);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return exec_fd(fd, path);
}

/* For programs that make code: memory with a descriptor, mapped to be executed. */
static int do_map_memfd(char **a)
{
	int fd = memfd_create("x", 0);
	void *m = ftruncate(fd, 4096) ? MAP_FAILED
				      : mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);

	close(fd);
	if (m == MAP_FAILED)
		return -errno;
	munmap(m, 4096);
	return 0;
}

static int do_exec_memfd(char **a)
{
	char buf[65536];
	int src = open(a[0], O_RDONLY), fd;
	ssize_t n;

	if (src < 0)
		return -errno;
	fd = memfd_create("x", 0);
	while ((n = read(src, buf, sizeof(buf))) > 0)
		if (write(fd, buf, n) != n)
			return -EIO;
	close(src);
	return exec_fd(fd, NULL);
}

/* The first page of a file that is opened with `flags`. MAP_FAILED: errno says why. */
static void *mapped(const char *path, int flags, int prot, int how)
{
	int fd = open(path, flags), e;
	void *m;

	if (fd < 0)
		return MAP_FAILED;
	m = mmap(NULL, 4096, prot, how, fd, 0);
	e = errno;
	close(fd);
	errno = e;
	return m;
}

/* May that page become `prot`? It goes either way. */
static int protected(void *m, int prot)
{
	int r;

	if (m == MAP_FAILED)
		return -errno;
	r = result(mprotect(m, 4096, prot));
	munmap(m, 4096);
	return r;
}

static int do_mmap_exec(char **a)
{
	void *m = mapped(a[0], O_RDONLY, PROT_READ | PROT_EXEC, MAP_PRIVATE);

	if (m == MAP_FAILED)
		return -errno;
	munmap(m, 4096);
	return 0;
}

static int do_mprotect_exec(char **a)
{
	return protected(mapped(a[0], O_RDONLY, PROT_READ, MAP_PRIVATE), PROT_READ | PROT_EXEC);
}

static int do_jit(char **a)
{
	void *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED)
		return -errno;
	if (mprotect(m, 4096, PROT_READ | PROT_EXEC))
		return -errno;
	m = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return m == MAP_FAILED ? -errno : 0;
}

#endif
