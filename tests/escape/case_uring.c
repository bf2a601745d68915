// SPDX-License-Identifier: MIT
/* The same acts by io_uring: in place and in its worker threads. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include "tests/escape/net.h"
#include "tests/uring.h"

static int ask(struct esc_try *t, struct io_uring_sqe sqe)
{
	int r = uring_do(&sqe);

	return r == -ENOSYS || (r == -EINVAL && t->twin)
		       ? esc_none(t, "the kernel's io_uring has it not")
		       : r;
}

static int done(struct esc_try *t, int r)
{
	if (!r && t->twin)
		esc_prove(t, "did it in its own directory");
	return r;
}

/* A file of the own directory for the twin. */
static const char *object(struct esc_try *t, const char *attack)
{
	if (!t->twin)
		return esc_pick(t, attack, "");
	esc_scratch("own", ESC_OPEN);
	return "own";
}

static int read_by(struct esc_try *t, unsigned flags)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_OPENAT,
				   .flags = flags,
				   .fd = AT_FDCWD,
				   .addr = (uintptr_t)object(t, "outside/d/secret"),
				   .open_flags = O_RDONLY};
	int fd = ask(t, sqe);

	return fd < 0 || fd == ESC_NONE ? fd : esc_saw_fd(t, fd, "an openat of io_uring");
}

static int read_here(struct esc_try *t)
{
	return read_by(t, 0);
}

static int read_worker(struct esc_try *t)
{
	return read_by(t, IOSQE_ASYNC);
}

static int openat2_worker(struct esc_try *t)
{
	struct {
		uint64_t flags, mode, resolve;
	} how = {.flags = O_RDONLY};
	struct io_uring_sqe sqe = {.opcode = IORING_OP_OPENAT2,
				   .flags = IOSQE_ASYNC,
				   .fd = AT_FDCWD,
				   .addr = (uintptr_t)object(t, "outside/d/secret"),
				   .len = sizeof(how),
				   .off = (uintptr_t)&how};
	int fd = ask(t, sqe);

	return fd < 0 || fd == ESC_NONE ? fd : esc_saw_fd(t, fd, "an openat2 of io_uring");
}

static int write_worker(struct esc_try *t)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_OPENAT,
				   .flags = IOSQE_ASYNC,
				   .fd = AT_FDCWD,
				   .addr = (uintptr_t)object(t, "outside/d/file"),
				   .open_flags = O_WRONLY};
	int fd = ask(t, sqe);

	return fd < 0 || fd == ESC_NONE ? fd : done(t, esc_write_fd(fd, "overwritten"));
}

static int path_op(struct esc_try *t, int op, const char *path)
{
	return done(t, ask(t, (struct io_uring_sqe){.opcode = op,
						    .flags = IOSQE_ASYNC,
						    .fd = AT_FDCWD,
						    .addr = (uintptr_t)path,
						    .len = op == IORING_OP_MKDIRAT ? 0777 : 0}));
}

static int unlink_worker(struct esc_try *t)
{
	return path_op(t, IORING_OP_UNLINKAT, object(t, "outside/d/file"));
}

static int mkdir_worker(struct esc_try *t)
{
	return path_op(t, IORING_OP_MKDIRAT, t->twin ? "new" : esc_pick(t, "outside/d/new", ""));
}

static int two_paths(struct esc_try *t, int op, const char *from, const char *to)
{
	struct io_uring_sqe sqe = {.opcode = op,
				   .flags = IOSQE_ASYNC,
				   .fd = AT_FDCWD,
				   .addr = (uintptr_t)from,
				   .len = AT_FDCWD,
				   .addr2 = (uintptr_t)to};

	if (op == IORING_OP_SYMLINKAT)
		sqe.len = 0;
	return ask(t, sqe);
}

static int link_worker(struct esc_try *t)
{
	int r = two_paths(t, IORING_OP_LINKAT, object(t, "outside/d/secret"), "linked"), fd;

	if (r)
		return r;
	fd = open("linked", O_RDONLY | O_CLOEXEC);
	return esc_saw_fd(t, fd, "a link by io_uring");
}

static int rename_worker(struct esc_try *t)
{
	return done(t, two_paths(t, IORING_OP_RENAMEAT, object(t, "outside/d/file"), "moved"));
}

static int symlink_worker(struct esc_try *t)
{
	return done(t, two_paths(t, IORING_OP_SYMLINKAT, "anywhere",
				 t->twin ? "new" : esc_pick(t, "outside/d/new", "")));
}

static int setxattr_worker(struct esc_try *t)
{
	int r = ask(t, (struct io_uring_sqe){.opcode = IORING_OP_SETXATTR,
					     .flags = IOSQE_ASYNC,
					     .addr = (uintptr_t) "user.sbx",
					     .addr2 = (uintptr_t) "x",
					     .addr3 = (uintptr_t)object(t, "shared/file"),
					     .len = 1});

	return r == -EOPNOTSUPP ? esc_none(t, "the file system has no user attributes")
				: done(t, r);
}

static int statx_twin(struct esc_try *t)
{
	struct stat st;

	return done(t, esc_err(stat(".", &st)));
}

static int connect_worker(struct esc_try *t)
{
	struct sockaddr_storage ss;
	socklen_t len = esc_peer(t, AF_INET, SOCK_STREAM, &ss);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	r = ask(t, (struct io_uring_sqe){.opcode = IORING_OP_CONNECT,
					 .flags = IOSQE_ASYNC,
					 .fd = fd,
					 .addr = (uintptr_t)&ss,
					 .off = len});
	if (r == ESC_NONE)
		return r;
	errno = -r;
	return esc_talk(t, fd, r < 0 ? -1 : send(fd, ESC_BYTES, sizeof(ESC_BYTES), MSG_NOSIGNAL));
}

static int sendmsg_worker(struct esc_try *t)
{
	struct sockaddr_storage ss;
	struct iovec iov = {.iov_base = ESC_BYTES, .iov_len = sizeof(ESC_BYTES)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_name = &ss};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	m.msg_namelen = esc_peer(t, AF_INET, SOCK_DGRAM, &ss);
	r = ask(t, (struct io_uring_sqe){.opcode = IORING_OP_SENDMSG,
					 .flags = IOSQE_ASYNC,
					 .fd = fd,
					 .addr = (uintptr_t)&m,
					 .len = 1});
	if (r == ESC_NONE)
		return r;
	errno = -r;
	return esc_talk(t, fd, r < 0 ? -1 : r);
}

static int socket_worker(struct esc_try *t)
{
	int r;

	if (t->twin)
		return connect_worker(t);
	r = ask(t, (struct io_uring_sqe){.opcode = IORING_OP_SOCKET,
					 .flags = IOSQE_ASYNC,
					 .fd = AF_NETLINK,
					 .off = SOCK_RAW,
					 .len = 12 /* NETLINK_NETFILTER */});
	if (r > 1)
		esc_prove(t, "got a socket of a family that is closed");
	return r < 0 || r == ESC_NONE ? r : 0;
}

/* A command of a device's own: what it does no other hook sees. /dev/null's does nothing. */
static int device_command(struct esc_try *t)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), r;

	if (t->twin)
		return read_worker(t);
	r = ask(t, (struct io_uring_sqe){.opcode = IORING_OP_URING_CMD, .fd = fd});
	if (!r)
		esc_prove(t, "gave a device a command");
	return r == -EOPNOTSUPP ? esc_none(t, "the device takes no commands") : r;
}

/* Acts with credentials that were kept, whatever it has become since. */
static int personality(struct esc_try *t)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_NOP};
	struct uring u;
	int r;

	if (t->twin)
		return read_worker(t);
	r = uring_open(&u);
	if (r)
		return r == -ENOSYS ? esc_none(t, "the kernel's io_uring has it not") : r;
	r = syscall(SYS_io_uring_register, u.fd, IORING_REGISTER_PERSONALITY, NULL, 0);
	if (r < 0)
		return -errno;
	sqe.personality = r;
	r = uring_submit(&u, &sqe);
	if (!r)
		esc_prove(t, "acted with credentials that it kept");
	return r;
}

static int sqpoll(struct esc_try *t)
{
	struct io_uring_params p = {.flags = IORING_SETUP_SQPOLL};
	struct uring u = {.p = p};
	struct io_uring_sqe sqe = {.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD};
	int fd;

	if (t->twin)
		return read_here(t);
	u.fd = syscall(SYS_io_uring_setup, 4, &u.p);
	if (u.fd < 0 || uring_map(&u))
		return -errno;
	sqe.addr = (uintptr_t)object(t, "outside/d/secret");
	fd = uring_submit(&u, &sqe);
	return fd < 0 ? fd : esc_saw_fd(t, fd, "a polling thread of the kernel");
}

/* What is registered has no descriptor in the table. */
static int leaked_fixed(struct esc_try *t)
{
	char buf[64];
	struct io_uring_sqe sqe = {.opcode = IORING_OP_READ,
				   .flags = IOSQE_FIXED_FILE,
				   .addr = (uintptr_t)buf,
				   .len = sizeof(buf)};
	struct uring u;
	int fd = t->twin ? open(object(t, ""), O_RDONLY) : ESC_LEAKED_FILE, r = uring_open(&u);

	if (!r)
		r = esc_err(syscall(SYS_io_uring_register, u.fd, IORING_REGISTER_FILES, &fd, 1));
	if (!r)
		r = uring_submit(&u, &sqe);
	if (r > 0)
		esc_saw(t, buf, r, "a registered descriptor");
	return r < 0 ? r : 0;
}

#define CURING "the Curing rootkit: Tetragon and Falco did not see what io_uring did (2025)"

const struct esc_case esc_uring[] = {
	{"read", "opens a secret", CURING, read_here},
	{"read-worker", "opens a secret in a worker thread", CURING, read_worker},
	{"openat2-worker", "opens a secret by openat2", CURING, openat2_worker},
	{"write-worker", "writes a file outside", CURING, write_worker},
	{"unlink-worker", "removes a file outside", CURING, unlink_worker},
	{"mkdir-worker", "makes a directory outside", CURING, mkdir_worker},
	{"link-worker", "links a secret into the project", CURING, link_worker},
	{"rename-worker", "moves a file from outside", CURING, rename_worker},
	{"symlink-worker", "makes a symlink outside", CURING, symlink_worker},
	{"setxattr-worker", "sets an attribute of a read-only file", CURING, setxattr_worker,
	 statx_twin},
	{"connect-worker", "connects", CURING, connect_worker, .needs = ESC_PEERS},
	{"sendmsg-worker", "sends a datagram", CURING, sendmsg_worker,
	 .needs = ESC_PEERS | ESC_UDP},
	{"socket-worker", "gets a socket of a closed family", CURING, socket_worker,
	 .needs = ESC_SURFACE},
	{"command", "gives a device a command", "passes what looks at system calls alone",
	 device_command, .needs = ESC_SURFACE},
	{"personality", "acts with credentials that it kept", NULL, personality,
	 .needs = ESC_SURFACE},
	{"sqpoll", "lets a thread of the kernel open a secret", CURING, sqpoll},
	{"leaked-fixed", "registers a descriptor that was left open", NULL, leaked_fixed},
	{0},
};
