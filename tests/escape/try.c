// SPDX-License-Identifier: MIT
/* What cases are made of. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/escape/escape.h"

int esc_err(long r)
{
	return r < 0 ? -errno : 0;
}

int esc_none(struct esc_try *t, const char *why)
{
	snprintf(t->res->note, sizeof(t->res->note), "%s", why);
	return ESC_NONE;
}

void esc_prove(struct esc_try *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->res->note, sizeof(t->res->note), fmt, ap);
	va_end(ap);
	t->res->proof = true;
}

/* In what an attack got there must be a planted secret; in what a twin got, what is open. */
bool esc_saw(struct esc_try *t, const void *data, size_t n, const char *where)
{
	const char *p = data, *end = p + n, *mark = t->twin ? ESC_OPEN : ESC_SECRET;
	size_t i;

	for (; (p = memmem(p, end - p, mark, strlen(mark))); p++) {
		if (t->twin) {
			esc_prove(t, "read %s", where);
			return true;
		}
		for (i = 0; end - p >= ESC_SECRET_LEN && i < t->w->secrets; i++)
			if (esc_fingerprint(p, ESC_SECRET_LEN) == t->w->secret[i]) {
				esc_prove(t, "read a secret of outside: %s", where);
				return true;
			}
	}
	return false;
}

int esc_saw_fd(struct esc_try *t, int fd, const char *where)
{
	char buf[4096];
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));

	if (n < 0)
		return -errno;
	esc_saw(t, buf, n, where);
	return 0;
}

const char *esc_pick(struct esc_try *t, const char *attack, const char *twin)
{
	static char paths[4][ESC_PATH];
	static unsigned n;
	char *out = paths[n++ % 4];

	esc_path(t->w, t->twin ? twin : attack, out);
	return out;
}

int esc_write_fd(int fd, const char *what)
{
	return fd < 0 ? -errno : esc_err(write(fd, what, strlen(what)));
}

int esc_wait(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

static int map_id(const char *file, unsigned id)
{
	char line[32];
	int fd = open(file, O_WRONLY), r;

	snprintf(line, sizeof(line), "0 %u 1", id);
	r = esc_write_fd(fd, line);
	close(fd);
	return r;
}

/* In a user namespace of its own, as the one it was. */
static int enter_userns(long flags)
{
	unsigned uid = getuid(), gid = getgid();
	int fd, r = esc_err(syscall(SYS_unshare, flags | CLONE_NEWUSER));

	if (r)
		return r;
	fd = open("/proc/self/setgroups", O_WRONLY);
	esc_write_fd(fd, "deny");
	close(fd);
	r = map_id("/proc/self/uid_map", uid);
	if (!r)
		r = map_id("/proc/self/gid_map", gid);
	return r;
}

/* Namespaces, by way of a user namespace for whoever may not without. */
int esc_enter_ns(long flags)
{
	int r = flags & CLONE_NEWUSER ? -EPERM : esc_err(syscall(SYS_unshare, flags));

	if (r)
		r = enter_userns(flags);
	if (!r && flags & CLONE_NEWNS)
		r = esc_err(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	return r;
}

bool esc_own_ns(const struct esc_try *t, const char *kind)
{
	long own = esc_namespace(kind);

	return own && own != (strcmp(kind, "pid") ? t->w->net_ns : t->w->pid_ns);
}

int esc_scratch(const char *name, const char *content)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666), r;

	r = esc_write_fd(fd, content);
	if (fd >= 0)
		close(fd);
	return r;
}

/*
 * A descriptor from somebody outside. What: "r ", "w " or "p " and a path below the world; or "4 "
 * or "6 " and a port, which it then connects to.
 */
int esc_gift(struct esc_try *t, const char *what)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char byte, space[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = space,
			   .msg_controllen = sizeof(space)};
	struct cmsghdr *c;
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = -EACCES;

	snprintf(un.sun_path, sizeof(un.sun_path), "%.80s/project/.gift", t->w->dir);
	if (s < 0 || connect(s, (void *)&un, sizeof(un)) || send(s, what, strlen(what), 0) < 0 ||
	    recvmsg(s, &m, 0) < 0) {
		fd = -errno;
	} else {
		c = CMSG_FIRSTHDR(&m);
		if (c && c->cmsg_type == SCM_RIGHTS)
			memcpy(&fd, CMSG_DATA(c), sizeof(fd));
		else if (!c && !m.msg_flags)
			fd = -EPIPE; /* nothing was sent */
	}
	close(s);
	return fd;
}

/* The mark of this try: a name that no other try has. */
static void mark_name(struct esc_try *t, char *out)
{
	char below[64];

	snprintf(below, sizeof(below), "project/t/mark-%d", (int)getpid());
	esc_path(t->w, below, out);
}

bool esc_marked(struct esc_try *t)
{
	char mark[ESC_PATH];

	mark_name(t, mark);
	if (access(mark, F_OK))
		return false;
	esc_prove(t, "%s",
		  t->twin ? "the program ran" : "a forbidden program ran and left its mark");
	return true;
}

/* A program that leaves the mark. Returns 0 when it did. */
int esc_run_program(struct esc_try *t, int dirfd, const char *path, int flags)
{
	char mark[ESC_PATH];
	char *args[] = {(char *)path, mark, NULL}, *env[] = {"PATH=/usr/bin:/bin", NULL};
	pid_t pid;
	int r;

	mark_name(t, mark);
	pid = fork();
	if (!pid) {
		syscall(SYS_execveat, dirfd, path, args, env, flags);
		_exit(errno);
	}
	r = esc_wait(pid);
	return esc_marked(t) ? 0 : r ? r : -EACCES;
}

/* --- twins that many share --- */

/* A file of the project is written and read. */
int esc_twin_file(struct esc_try *t)
{
	int r = esc_scratch("twin", ESC_OPEN), fd;

	if (r)
		return r;
	fd = open("twin", O_RDONLY | O_CLOEXEC);
	r = esc_saw_fd(t, fd, "a file of its own");
	close(fd);
	return r;
}

/* A child of its own is signalled. */
int esc_twin_child(struct esc_try *t)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		pause();
		_exit(0);
	}
	if (pid < 0 || kill(pid, SIGKILL) || waitpid(pid, &status, 0) != pid)
		return -errno;
	if (WIFSIGNALED(status))
		esc_prove(t, "signalled a child of its own");
	return 0;
}

int esc_twin_run(struct esc_try *t)
{
	const char *path = esc_pick(t, "project/bin/touch", "project/bin/touch");

	return esc_run_program(t, AT_FDCWD, path, 0);
}
