/* SPDX-License-Identifier: MIT */
/* The same acts by way of io_uring: in place, and in its worker threads. Part of act.c. */
#ifndef SBX_ACT_URING_H
#define SBX_ACT_URING_H

#include <sys/prctl.h>
#include "tests/uring.h"

static unsigned uring_flags(const char *how)
{
	return strcmp(how, "worker") ? 0 : IOSQE_ASYNC;
}

static int uring_path(char **a, int op, unsigned flags)
{
	struct io_uring_sqe sqe = {.opcode = op,
				   .flags = uring_flags(a[0]),
				   .fd = AT_FDCWD,
				   .addr = (uintptr_t)a[1],
				   .open_flags = flags};

	return uring_do(&sqe);
}

static int do_uring_read(char **a)
{
	int r = uring_path(a, IORING_OP_OPENAT, O_RDONLY);

	return r < 0 ? r : closed(r);
}

static int do_uring_write(char **a)
{
	int r = uring_path(a, IORING_OP_OPENAT, O_WRONLY);

	return r < 0 ? r : closed(r);
}

static int do_uring_unlink(char **a)
{
	return uring_path(a, IORING_OP_UNLINKAT, 0);
}

static int do_uring_mkdir(char **a)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_MKDIRAT,
				   .flags = uring_flags(a[0]),
				   .fd = AT_FDCWD,
				   .addr = (uintptr_t)a[1],
				   .len = 0755};

	return uring_do(&sqe);
}

static int uring_two(char **a, int op, int fd, int fd2)
{
	struct io_uring_sqe sqe = {.opcode = op,
				   .flags = uring_flags(a[0]),
				   .fd = fd,
				   .addr = (uintptr_t)a[1],
				   .len = fd2,
				   .addr2 = (uintptr_t)a[2]};

	return uring_do(&sqe);
}

static int do_uring_rename(char **a)
{
	return uring_two(a, IORING_OP_RENAMEAT, AT_FDCWD, AT_FDCWD);
}

static int do_uring_link(char **a)
{
	return uring_two(a, IORING_OP_LINKAT, AT_FDCWD, AT_FDCWD);
}

static int do_uring_symlink(char **a)
{
	return uring_two(a, IORING_OP_SYMLINKAT, AT_FDCWD, 0);
}

static int do_uring_setxattr(char **a)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_SETXATTR,
				   .flags = uring_flags(a[0]),
				   .addr = (uintptr_t) "user.sbx",
				   .addr2 = (uintptr_t) "x",
				   .addr3 = (uintptr_t)a[1],
				   .len = 1};

	return uring_do(&sqe);
}

static int do_uring_openat2(char **a)
{
	struct {
		uint64_t flags, mode, resolve;
	} how = {.flags = O_RDONLY};
	struct io_uring_sqe sqe = {.opcode = IORING_OP_OPENAT2,
				   .flags = uring_flags(a[0]),
				   .fd = AT_FDCWD,
				   .addr = (uintptr_t)a[1],
				   .len = sizeof(how),
				   .off = (uintptr_t)&how};
	int r = uring_do(&sqe);

	return r < 0 ? r : closed(r);
}

/* Requests that take a descriptor, which is opened with `flags`. */
static int uring_fd(char **a, struct io_uring_sqe *sqe, int flags)
{
	int r;

	sqe->flags = uring_flags(a[0]);
	sqe->fd = open(a[1], flags);
	if (sqe->fd < 0)
		return -errno;
	r = uring_do(sqe);
	close(sqe->fd);
	return r;
}

static int do_uring_fsetxattr(char **a)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_FSETXATTR,
				   .addr = (uintptr_t) "user.sbx",
				   .addr2 = (uintptr_t) "x",
				   .len = 1};

	return uring_fd(a, &sqe, O_RDONLY);
}

static int do_uring_fallocate(char **a)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_FALLOCATE, .addr = 1};

	return uring_fd(a, &sqe, O_RDWR);
}

static int do_uring_ftruncate(char **a)
{
	struct io_uring_sqe sqe = {.opcode = 55 /* IORING_OP_FTRUNCATE, since 6.9 */, .off = 1};

	return uring_fd(a, &sqe, O_RDWR);
}

static int do_uring_getxattr(char **a)
{
	char value[16];
	struct io_uring_sqe sqe = {.opcode = IORING_OP_GETXATTR,
				   .flags = uring_flags(a[0]),
				   .addr = (uintptr_t) "user.sbx",
				   .addr2 = (uintptr_t)value,
				   .addr3 = (uintptr_t)a[1],
				   .len = sizeof(value)};
	int r = uring_do(&sqe);

	return r >= 0 || r == -ENODATA ? 0 : r;
}

static int do_uring_connect(char **a)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss, a[1], a[2]);
	struct io_uring_sqe sqe = {.opcode = IORING_OP_CONNECT,
				   .flags = uring_flags(a[0]),
				   .addr = (uintptr_t)&ss,
				   .off = len};
	int r;

	sqe.fd = socket(ss.ss_family, SOCK_DGRAM, 0);
	if (sqe.fd < 0)
		return -errno;
	r = uring_do(&sqe);
	errno = -r;
	return answer(sqe.fd, r < 0 ? -1 : 0);
}

static int do_uring_sendmsg(char **a)
{
	struct sockaddr_storage ss;
	struct iovec iov = {.iov_base = "x", .iov_len = 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_name = &ss};
	struct io_uring_sqe sqe = {.opcode = IORING_OP_SENDMSG,
				   .flags = uring_flags(a[0]),
				   .addr = (uintptr_t)&m,
				   .len = 1};
	int r;

	m.msg_namelen = address(&ss, a[1], a[2]);
	sqe.fd = socket(ss.ss_family, SOCK_DGRAM, 0);
	if (sqe.fd < 0)
		return -errno;
	r = uring_do(&sqe);
	errno = -r;
	return answer(sqe.fd, r < 0 ? -1 : 0);
}

static int do_uring_socket(char **a)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_SOCKET,
				   .flags = uring_flags(a[0]),
				   .fd = atoi(a[1]),
				   .off = atoi(a[2]),
				   .len = atoi(a[3])};
	int r = uring_do(&sqe);

	return r < 0 ? r : closed(r);
}

/*
 * A worker thread wears what its maker wore; afterwards the task dresses anew, in the same clothes.
 * The worker puts those on for the request, as the kernel does when it is at work on its own
 * account: that must not be mistaken for it. `op` is tried by a worker that is older.
 */
static int dressed_anew(int (*fn)(struct uring *u, const char *path), const char *path)
{
	struct io_uring_sqe first = {.opcode = IORING_OP_NOP, .flags = IOSQE_ASYNC};
	struct uring u;
	int r = uring_open(&u);

	if (!r)
		r = uring_submit(&u, &first);
	if (!r)
		r = result(prctl(PR_SET_KEEPCAPS, 0));
	if (!r)
		r = fn(&u, path);
	close(u.fd);
	return r;
}

static int anew_setxattr(struct uring *u, const char *path)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_SETXATTR,
				   .flags = IOSQE_ASYNC,
				   .addr = (uintptr_t) "user.sbx",
				   .addr2 = (uintptr_t) "x",
				   .addr3 = (uintptr_t)path,
				   .len = 1};

	return uring_submit(u, &sqe);
}

static int do_uring_anew_setxattr(char **a)
{
	return dressed_anew(anew_setxattr, a[0]);
}

static int anew_read(struct uring *u, const char *path)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_OPENAT,
				   .flags = IOSQE_ASYNC,
				   .fd = AT_FDCWD,
				   .addr = (uintptr_t)path};
	int r = uring_submit(u, &sqe);

	return r < 0 ? r : closed(r);
}

static int do_uring_anew_read(char **a)
{
	return dressed_anew(anew_read, a[0]);
}

static int do_uring_sqpoll(char **a)
{
	struct io_uring_params p = {.flags = IORING_SETUP_SQPOLL};

	return closed(syscall(SYS_io_uring_setup, 4, &p));
}

#endif
