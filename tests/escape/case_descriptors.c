// SPDX-License-Identifier: MIT
/* Descriptors: left open by mistake, handed in by somebody outside, opened again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/escape/escape.h"

/* The twins' counterpart of a descriptor that was left open: one of their own. */
static int open_own(void)
{
	esc_scratch("own", ESC_OPEN); /* it may be there */
	return open("own", O_RDWR | O_CLOEXEC);
}

static int leaked_file(struct esc_try *t)
{
	return t->twin				     ? open_own()
	       : fcntl(ESC_LEAKED_FILE, F_GETFD) < 0 ? -EBADF
						     : ESC_LEAKED_FILE;
}

static int leaked_read(struct esc_try *t)
{
	char buf[64];
	int fd = leaked_file(t);
	ssize_t n = fd < 0 ? -1 : pread(fd, buf, sizeof(buf), 0);

	if (n > 0)
		esc_saw(t, buf, n, "a descriptor that was left open");
	return fd < 0 ? fd : esc_err(n);
}

static int leaked_write(struct esc_try *t)
{
	int fd = leaked_file(t);

	if (fd < 0)
		return fd;
	if (pwrite(fd, t->twin ? ESC_OPEN : "x", 1, 0) < 0)
		return -errno;
	return t->twin ? leaked_read(t) : 0;
}

static int leaked_chmod(struct esc_try *t)
{
	int fd = leaked_file(t), r = fd < 0 ? fd : esc_err(fchmod(fd, 0640));

	if (!r && t->twin)
		esc_prove(t, "changed its own file");
	return r;
}

static int leaked_reopen(struct esc_try *t)
{
	char name[40];
	int fd = leaked_file(t), r;

	if (fd < 0)
		return fd;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	fd = open(name, O_RDWR | O_CLOEXEC);
	r = esc_saw_fd(t, fd, "a descriptor that was opened again");
	close(fd);
	return r;
}

static int leaked_map(struct esc_try *t)
{
	int fd = leaked_file(t);
	char *m;

	if (fd < 0)
		return fd;
	m = mmap(NULL, 64, PROT_READ, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED)
		return -errno;
	esc_saw(t, m, ESC_SECRET_LEN, "a mapping of a descriptor that was left open");
	return 0;
}

static int leaked_sendfile(struct esc_try *t)
{
	char buf[64];
	off_t from = 0;
	int fd = leaked_file(t), p[2];
	ssize_t n;

	if (fd < 0 || pipe(p))
		return fd < 0 ? fd : -errno;
	n = sendfile(p[1], fd, &from, ESC_SECRET_LEN);
	if (n < 0)
		return -errno;
	n = read(p[0], buf, n ? sizeof(buf) : 0);
	esc_saw(t, buf, n, "sendfile from a descriptor that was left open");
	return 0;
}

static int leaked_exec(struct esc_try *t)
{
	return t->twin ? esc_twin_run(t) : esc_run_program(t, ESC_LEAKED_DIR, "touch", 0);
}

/* The working directory of a process of its own that a mistake put outside. */
static int leaked_chdir(struct esc_try *t)
{
	int fd, r = t->twin ? esc_scratch("secret", ESC_OPEN) : esc_err(fchdir(ESC_LEAKED_DIR));

	if (r)
		return r;
	fd = open("secret", O_RDONLY | O_CLOEXEC);
	r = esc_saw_fd(t, fd, "the directory that was left open");
	close(fd);
	return r;
}

/* --- from somebody outside --- */

static int gift_read(struct esc_try *t)
{
	char buf[64];
	int fd = esc_gift(t, t->twin ? "r project/file" : "r outside/d/secret");
	ssize_t n = fd < 0 ? -1 : pread(fd, buf, sizeof(buf), 0);

	if (n > 0)
		esc_saw(t, buf, n, "a descriptor from outside");
	return fd < 0 ? fd : esc_err(n);
}

static int gift_write(struct esc_try *t)
{
	int fd = esc_gift(t, t->twin ? "w project/file" : "w outside/d/file"), r;

	r = fd < 0 ? fd : esc_write_fd(fd, ESC_OPEN);
	if (!r && t->twin)
		esc_prove(t, "wrote to a descriptor from outside");
	return r;
}

static int gift_readonly_write(struct esc_try *t)
{
	char name[40];
	int fd = esc_gift(t, t->twin ? "r project/file" : "r shared/file"), r;

	if (fd < 0)
		return fd;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	fd = open(name, O_WRONLY | O_CLOEXEC);
	r = esc_write_fd(fd, ESC_OPEN);
	if (!r && t->twin)
		esc_prove(t, "opened a descriptor from outside again");
	return r;
}

static int gift_chmod(struct esc_try *t)
{
	int fd = esc_gift(t, t->twin ? "r project/file" : "r shared/file"), r;

	r = fd < 0 ? fd : esc_err(fchmod(fd, 0640));
	if (!r && t->twin) {
		esc_prove(t, "changed the project's file");
		fchmod(fd, 0666);
	}
	return r;
}

static int gift_exec(struct esc_try *t)
{
	int fd = esc_gift(t, t->twin ? "r project/bin/touch" : "r outside/d/touch");

	return fd < 0 ? fd : esc_run_program(t, fd, "", AT_EMPTY_PATH);
}

static int gift_link(struct esc_try *t)
{
	char name[40];
	int fd = esc_gift(t, t->twin ? "p project/file" : "p outside/d/secret"), r;

	if (fd < 0)
		return fd;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	r = esc_err(linkat(AT_FDCWD, name, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW));
	if (r)
		return r;
	fd = open("linked", O_RDONLY | O_CLOEXEC);
	return esc_saw_fd(t, fd, "a link to a descriptor from outside");
}

static int gift_dir_up(struct esc_try *t)
{
	int fd = esc_gift(t, t->twin ? "p project/bin" : "p outside/d/empty"), in;

	if (fd < 0)
		return fd;
	in = openat(fd, t->twin ? "../file" : "../secret", O_RDONLY | O_CLOEXEC);
	return esc_saw_fd(t, in, "..");
}

static int gift_pidfd(struct esc_try *t)
{
	int fd = t->twin ? open_own() : syscall(SYS_pidfd_open, (int)t->w->victim, 0), got;
	char buf[64];
	ssize_t n;

	if (t->twin || fd < 0)
		return t->twin ? esc_twin_file(t) : -errno;
	got = syscall(SYS_pidfd_getfd, fd, 3, 0);
	n = got < 0 ? -1 : pread(got, buf, sizeof(buf), 0);
	if (n > 0)
		esc_saw(t, buf, n, "a descriptor of the victim");
	return esc_err(n);
}

#define LEAKY  "CVE-2024-21626 (runc): a directory of the host was left open"
#define BROKER "a broker outside hands out what it should not"

const struct esc_case esc_descriptors[] = {
	{"leaked-read", "reads a descriptor that was left open", LEAKY, leaked_read},
	{"leaked-write", "writes a descriptor that was left open", LEAKY, leaked_write},
	{"leaked-chmod", "changes the mode by a descriptor that was left open", LEAKY,
	 leaked_chmod},
	{"leaked-reopen", "opens a descriptor that was left open once more", LEAKY, leaked_reopen},
	{"leaked-map", "maps a descriptor that was left open", LEAKY, leaked_map},
	{"leaked-sendfile", "sends from a descriptor that was left open", LEAKY, leaked_sendfile},
	{"leaked-exec", "executes in a directory that was left open", LEAKY, leaked_exec},
	{"leaked-chdir", "enters a directory that was left open", LEAKY, leaked_chdir},
	{"gift-read", "reads a descriptor that a process outside sends", BROKER, gift_read,
	 .needs = ESC_RECEIVED},
	{"gift-write", "writes a descriptor that a process outside sends", BROKER, gift_write,
	 .needs = ESC_RECEIVED},
	{"gift-upgrade", "opens a received read-only descriptor for writing", BROKER,
	 gift_readonly_write, .needs = ESC_RECEIVED},
	{"gift-chmod", "changes the mode by a received read-only descriptor", BROKER, gift_chmod,
	 .needs = ESC_RECEIVED},
	{"gift-exec", "executes a descriptor that a process outside sends", BROKER, gift_exec,
	 .needs = ESC_RECEIVED},
	{"gift-link", "links a received O_PATH descriptor and reads it", BROKER, gift_link,
	 .needs = ESC_RECEIVED},
	{"gift-dir-up", "goes up from a received directory", BROKER, gift_dir_up,
	 .needs = ESC_RECEIVED},
	{"pidfd-getfd", "takes a descriptor out of a process outside", NULL, gift_pidfd},
	{0},
};
