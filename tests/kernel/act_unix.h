/* SPDX-License-Identifier: MIT */
/* Unix sockets, and sockets that were handed in. Part of act.c, which includes it. */
#ifndef SBX_ACT_UNIX_H
#define SBX_ACT_UNIX_H

static int unix_type(const char *name)
{
	return !strcmp(name, "dgram") ? SOCK_DGRAM
	       : !strcmp(name, "seq") ? SOCK_SEQPACKET
				      : SOCK_STREAM;
}

/* "@x" is abstract. */
static socklen_t unix_name(struct sockaddr_un *un, const char *name)
{
	*un = (struct sockaddr_un){.sun_family = AF_UNIX};
	strncpy(un->sun_path, name, sizeof(un->sun_path) - 1);
	if (un->sun_path[0] == '@')
		un->sun_path[0] = 0;
	return sizeof(un->sun_family) + strlen(name);
}

/* As it is, without forgiving a refused connection: somebody listens. */
static int close_with(int fd, long r)
{
	int e = errno;

	close(fd);
	return r < 0 ? -e : 0;
}

static int do_unix_connect(char **a)
{
	struct sockaddr_un un;
	socklen_t len = unix_name(&un, a[1]);
	int fd = socket(AF_UNIX, unix_type(a[0]), 0);

	return close_with(fd, connect(fd, (void *)&un, len));
}

static int do_unix_send(char **a)
{
	struct sockaddr_un un;
	socklen_t len = unix_name(&un, a[0]);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	return close_with(fd, sendto(fd, "x", 1, 0, (void *)&un, len));
}

static int do_unix_sendmmsg(char **a)
{
	struct sockaddr_un un;
	struct iovec iov = {.iov_base = "x", .iov_len = 1};
	struct mmsghdr m[2] = {{.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1, .msg_name = &un}}};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	m[0].msg_hdr.msg_namelen = unix_name(&un, a[0]);
	m[1] = m[0];
	return close_with(fd, sendmmsg(fd, m, 2, 0));
}

static int do_unix_name(char **a)
{
	struct sockaddr_un un;
	socklen_t len = unix_name(&un, a[1]);
	int fd = socket(AF_UNIX, unix_type(a[0]), 0);

	return close_with(fd, bind(fd, (void *)&un, len));
}

static int do_unix_pair(char **a)
{
	int fd[2];
	char c;

	if (socketpair(AF_UNIX, unix_type(a[0]), 0, fd))
		return -errno;
	if (write(fd[0], "x", 1) != 1 || read(fd[1], &c, 1) != 1)
		return -errno;
	close(fd[0]);
	return closed(fd[1]);
}

/* Its name is gone before it is connected to. */
static int do_unix_unlinked(char **a)
{
	int at = open(a[1], O_PATH | O_CLOEXEC), fd = socket(AF_UNIX, unix_type(a[0]), 0), r;
	struct sockaddr_un un;
	char name[64];
	socklen_t len;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", at);
	len = unix_name(&un, name);
	r = at < 0 ? -1 : unlink(a[1]);
	if (!r)
		r = connect(fd, (void *)&un, len);
	r = close_with(fd, r);
	close(at);
	return r;
}

static int do_uring_unix(char **a)
{
	struct sockaddr_un un;
	struct io_uring_sqe sqe = {.opcode = IORING_OP_CONNECT,
				   .flags = uring_flags(a[0]),
				   .addr = (uintptr_t)&un,
				   .off = unix_name(&un, a[1])};
	int r;

	sqe.fd = socket(AF_UNIX, SOCK_STREAM, 0);
	r = uring_do(&sqe);
	close(sqe.fd);
	return r;
}

/* io_uring's own ways to name a peer; a kernel that lacks one answers EINVAL. */
#define URING_OP_SEND_ZC 47
#define URING_OP_BIND	 56

static int do_uring_sendzc(char **a)
{
	struct sockaddr_storage ss;
	struct io_uring_sqe sqe = {.opcode = URING_OP_SEND_ZC,
				   .flags = uring_flags(a[0]),
				   .addr = (uintptr_t) "x",
				   .len = 1};
	int r;

	sqe.addr_len = address(&ss, a[1], a[2]);
	sqe.addr2 = (uintptr_t)&ss;
	sqe.fd = socket(ss.ss_family, SOCK_DGRAM, 0);
	r = uring_do(&sqe);
	errno = -r;
	return answer(sqe.fd, r < 0 ? -1 : 0);
}

static int do_uring_bind(char **a)
{
	struct sockaddr_storage ss;
	struct io_uring_sqe sqe = {
		.opcode = URING_OP_BIND, .flags = uring_flags(a[0]), .addr = (uintptr_t)&ss};
	int r;

	sqe.addr2 = address(&ss, a[1], a[2]);
	sqe.fd = socket(ss.ss_family, SOCK_STREAM, 0);
	r = uring_do(&sqe);
	close(sqe.fd);
	return r;
}

/* --- descriptors that were open at the start --- */

static int do_fd_connect(char **a)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss, a[1], a[2]);

	return answer(dup(atoi(a[0])), connect(atoi(a[0]), (void *)&ss, len));
}

static int do_fd_sendto(char **a)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss, a[1], a[2]);

	return answer(dup(atoi(a[0])), sendto(atoi(a[0]), "x", 1, 0, (void *)&ss, len));
}

static int do_fd_send(char **a)
{
	return answer(dup(atoi(a[0])), send(atoi(a[0]), "x", 1, MSG_NOSIGNAL));
}

static int do_fd_unix_sendto(char **a)
{
	struct sockaddr_un un;
	socklen_t len = unix_name(&un, a[1]);

	return result(sendto(atoi(a[0]), "x", 1, 0, (void *)&un, len));
}

#endif
