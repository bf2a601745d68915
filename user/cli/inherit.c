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

static int add(struct sbx_inherited *f, int fd)
{
	int *more = realloc(f->v, (f->n + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	f->v = more;
	f->v[f->n++] = fd;
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
		r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, f->pair) ? -errno : 0;
	if (!r)
		return 0;
	sbx_inherit_end(f);
	return sbx_fail(SBX_EXIT_RUN, "are /proc and /dev mounted?",
			"cannot look at the open descriptors: %s", strerror(-r));
}

void sbx_inherit_take(struct sbx_inherited *f, int fd)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->v[i] == fd)
			f->v[i--] = f->v[--f->n];
	fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static bool is_terminal(int fd, dev_t tty_dev)
{
	struct stat st;

	return tty_dev && !fstat(fd, &st) && S_ISCHR(st.st_mode) && st.st_rdev == tty_dev;
}

/* 1: it arrived, 0: it did not. */
static int send_to_self(const int pair[2], int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} u = {0};
	char byte = 0;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = u.room,
			   .msg_controllen = sizeof(u.room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int copy;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(pair[0], &m, MSG_NOSIGNAL) != 1)
		return errno == EINVAL ? 0 : -errno; /* io_uring: not to be passed on at all */
	memset(&u, 0, sizeof(u));
	m.msg_controllen = sizeof(u.room);
	if (recvmsg(pair[1], &m, MSG_CMSG_CLOEXEC) != 1)
		return -errno;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len < CMSG_LEN(sizeof(int)))
		return 0;
	memcpy(&copy, CMSG_DATA(c), sizeof(copy));
	close(copy);
	return 1;
}

int sbx_inherit_judge(const struct sbx_inherited *f, dev_t tty_dev,
		      void (*closed)(int fd, void *arg), void *arg)
{
	size_t i;
	int r;

	for (i = 0; i < f->n; i++) {
		if (is_terminal(f->v[i], tty_dev))
			continue;
		r = send_to_self(f->pair, f->v[i]);
		if (r < 0)
			return r;
		if (r)
			continue;
		closed(f->v[i], arg);
		if (f->v[i] > 2)
			close(f->v[i]);
		else if (dup2(f->null, f->v[i]) < 0)
			return -errno;
	}
	return 0;
}

void sbx_inherit_end(struct sbx_inherited *f)
{
	free(f->v);
	if (f->null >= 0)
		close(f->null);
	if (f->pair[0] >= 0) {
		close(f->pair[0]);
		close(f->pair[1]);
	}
	*f = (struct sbx_inherited){.null = -1, .pair = {-1, -1}};
}
