// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "user/cli/common.h"
#include "user/cli/inherit.h"
#include "user/cli/owner.h"

static int add(struct sbx_inherited *f, int fd)
{
	struct sbx_given *more = realloc(f->v, (f->n + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	f->v = more;
	f->v[f->n++] = (struct sbx_given){fd, sbx_owner_of_own(fd)};
	return 0;
}

/* Whatever is open and would survive an exec was given to us: all of ours is O_CLOEXEC. */
static int find(struct sbx_inherited *f, const bool had[3])
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;
	int fd, flags, r = 0;

	if (!dir)
		return -errno;
	while (!r && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		fd = atoi(e->d_name);
		flags = fcntl(fd, F_GETFD);
		if (flags >= 0 && !(flags & FD_CLOEXEC) && (fd > 2 || had[fd]))
			r = add(f, fd);
	}
	closedir(dir);
	return r;
}

static int fill_standard(bool had[3])
{
	static const char *const names[] = {"input", "output", "error"};
	int fd, i;

	for (i = 0; i < 3; i++)
		had[i] = fcntl(i, F_GETFD) >= 0;
	for (i = 0; i < 3; i++) {
		if (had[i])
			continue;
		fd = open("/dev/null", O_RDWR | O_NOCTTY); /* the lowest free number */
		if (fd != i)
			return fd < 0 ? -errno : -EPROTO;
	}
	for (i = 0; i < 3; i++)
		if (!had[i])
			sbx_note("standard %s was closed: it is /dev/null now", names[i]);
	return 0;
}

int sbx_inherit_begin(struct sbx_inherited *f)
{
	bool had[3];
	int r = fill_standard(had);

	*f = (struct sbx_inherited){.null = -1, .pair = {-1, -1}};
	if (!r)
		r = find(f, had);
	if (!r) {
		f->null = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
		r = f->null < 0 ? -errno : 0;
	}
	if (!r)
		r = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, f->pair) ? -errno : 0;
	if (!r)
		return 0;
	sbx_inherit_end(f);
	return sbx_fail(SBX_EXIT_RUN, "are /proc and /dev mounted?",
			"cannot look at the open descriptors: %s", strerror(-r));
}

void sbx_inherit_drop(struct sbx_inherited *f, int fd)
{
	size_t i, n = 0;

	for (i = 0; i < f->n; i++)
		if (f->v[i].fd != fd)
			f->v[n++] = f->v[i];
	f->n = n;
}

void sbx_inherit_take(struct sbx_inherited *f, int fd)
{
	sbx_inherit_drop(f, fd);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static bool is_terminal(int fd, dev_t tty_dev)
{
	struct stat st;

	return tty_dev && !fstat(fd, &st) && S_ISCHR(st.st_mode) && st.st_rdev == tty_dev;
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int sbx_inherit_let_go(struct sbx_inherited *f, dev_t tty_dev)
{
	size_t i, n = 0;

	close_end(&f->pair[0]);
	for (i = 0; i < f->n; i++)
		if (!is_terminal(f->v[i].fd, tty_dev))
			f->v[n++] = f->v[i];
	f->n = n;
	for (i = 0; i < f->n; i++)
		if (f->v[i].fd > 2)
			close(f->v[i].fd);
		else if (dup2(f->null, f->v[i].fd) < 0)
			return -errno;
	return 0;
}

union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

/* The number, and the descriptor with it. */
static bool send_fd(int to, int fd, bool with)
{
	union control u = {0};
	struct iovec iov = {.iov_base = &fd, .iov_len = sizeof(fd)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (with) {
		m.msg_control = u.room;
		m.msg_controllen = sizeof(u.room);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	return sendmsg(to, &m, MSG_NOSIGNAL) == sizeof(fd);
}

/* io_uring is not to be passed on at all: then the number comes alone. Whatever else fails shows
 * at the other end. */
void sbx_inherit_hand_over(struct sbx_inherited *f, dev_t tty_dev)
{
	size_t i;
	int fd;

	close_end(&f->pair[1]);
	for (i = 0; i < f->n; i++) {
		fd = f->v[i].fd;
		if (!is_terminal(fd, tty_dev) && !send_fd(f->pair[0], fd, true) &&
		    (errno != EINVAL || !send_fd(f->pair[0], fd, false)))
			break;
	}
	close_end(&f->pair[0]);
}

/* 1: it arrived and has its number, 0: it did not. */
static int receive_fd(int from, int want)
{
	union control u = {0};
	int fd = -1, got = -1, r;
	struct iovec iov = {.iov_base = &fd, .iov_len = sizeof(fd)};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = u.room,
			   .msg_controllen = sizeof(u.room)};
	struct cmsghdr *c;
	ssize_t n = recvmsg(from, &m, 0);

	if (n != sizeof(fd) || fd != want)
		return n < 0 ? -errno : -EPIPE;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len < CMSG_LEN(sizeof(int)))
		return 0;
	memcpy(&got, CMSG_DATA(c), sizeof(got));
	if (got == want)
		return 1;
	r = dup2(got, want) == want; /* not beyond the limit of descriptors */
	close(got);
	return r;
}

/* All of it first: who hands over may wait for us. */
int sbx_inherit_receive(struct sbx_inherited *f, void (*closed)(int fd, void *arg), void *arg)
{
	size_t i, n = 0;
	int r;

	for (i = 0; i < f->n; i++) {
		r = receive_fd(f->pair[1], f->v[i].fd);
		if (r < 0)
			return r;
		if (!r)
			f->v[n++] = f->v[i];
	}
	for (i = 0; i < n; i++)
		closed(f->v[i].fd, arg);
	close_end(&f->pair[1]);
	return 0;
}

void sbx_inherit_end(struct sbx_inherited *f)
{
	free(f->v);
	if (f->null >= 0)
		close(f->null);
	close_end(&f->pair[0]);
	close_end(&f->pair[1]);
	*f = (struct sbx_inherited){.null = -1, .pair = {-1, -1}};
}
