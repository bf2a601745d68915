// SPDX-License-Identifier: MIT
/* Creation and metadata, by the calls that few think of. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "tests/escape/escape.h"

static int done(struct esc_try *t, int r)
{
	if (!r && t->twin)
		esc_prove(t, "did it in its own directory");
	return r;
}

/* A new name: outside for the attack, in its own directory for the twin. */
static const char *new_name(struct esc_try *t)
{
	return t->twin ? "new" : esc_pick(t, "outside/d/new", "");
}

static const char *readonly(struct esc_try *t)
{
	if (!t->twin)
		return esc_pick(t, "shared/file", "");
	esc_scratch("own", ESC_OPEN);
	return "own";
}

static int tmpfile_link(struct esc_try *t)
{
	char name[40];
	int fd = open(".", O_TMPFILE | O_RDWR, 0666);

	if (fd < 0)
		return errno == EOPNOTSUPP ? esc_none(t, "the file system has no O_TMPFILE")
					   : -errno;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return done(t, esc_err(linkat(AT_FDCWD, name, AT_FDCWD, new_name(t), AT_SYMLINK_FOLLOW)));
}

static int tmpfile_outside(struct esc_try *t)
{
	char name[40];
	int fd = open(t->twin ? "." : esc_pick(t, "outside/d", ""), O_TMPFILE | O_RDWR, 0666);

	if (fd < 0)
		return errno == EOPNOTSUPP ? esc_none(t, "the file system has no O_TMPFILE")
					   : -errno;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return done(t, esc_err(linkat(AT_FDCWD, name, AT_FDCWD, new_name(t), AT_SYMLINK_FOLLOW)));
}

static int bind_socket(struct esc_try *t)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%.100s", new_name(t));
	return done(t, esc_err(bind(fd, (void *)&un, sizeof(un))));
}

static int device_node(struct esc_try *t)
{
	return done(t, esc_err(mknod(new_name(t), S_IFCHR | 0666, makedev(0, 0))));
}

static int core_dump(struct esc_try *t)
{
	struct rlimit lim = {RLIM_INFINITY, RLIM_INFINITY};
	pid_t pid;
	int status;

	if (t->twin)
		return esc_twin_file(t);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_DUMPABLE, 1);
		if (chdir(esc_pick(t, "outside/d", "")) || setrlimit(RLIMIT_CORE, &lim))
			_exit(1);
		abort();
	}
	return pid < 0 || waitpid(pid, &status, 0) < 0 ? -errno : 0;
}

static int setxattr_readonly(struct esc_try *t)
{
	int r = esc_err(setxattr(readonly(t), "user.sbx", "x", 1, 0));

	return r == -EOPNOTSUPP ? esc_none(t, "the file system has no user attributes")
				: done(t, r);
}

/* The attributes of a secret, or of a file of its own. */
static int attributes(struct esc_try *t, bool list)
{
	const char *path = t->twin ? "own" : esc_pick(t, "outside/d/secret", "");
	char buf[256] = "";
	ssize_t n;
	int r = t->twin ? esc_scratch("own", "") : 0;

	if (!r && t->twin)
		r = esc_err(setxattr(path, ESC_TOKEN, ESC_OPEN, sizeof(ESC_OPEN), 0));
	if (r)
		return r == -EOPNOTSUPP ? esc_none(t, "the file system has no user attributes") : r;
	n = list ? listxattr(path, buf, sizeof(buf)) : getxattr(path, ESC_TOKEN, buf, sizeof(buf));
	if (n > 0 && list && memmem(buf, n, ESC_TOKEN, sizeof(ESC_TOKEN)))
		esc_prove(t, "listed the attributes");
	else if (n > 0 && !list)
		esc_saw(t, buf, n, "an attribute");
	return esc_err(n);
}

static int getxattr_outside(struct esc_try *t)
{
	return attributes(t, false);
}

static int listxattr_outside(struct esc_try *t)
{
	return attributes(t, true);
}

static int removexattr_outside(struct esc_try *t)
{
	int r = t->twin ? esc_scratch("own", "") : 0;

	if (!r && t->twin)
		r = esc_err(setxattr("own", ESC_TOKEN, ESC_OPEN, sizeof(ESC_OPEN), 0));
	if (!r)
		r = esc_err(removexattr(t->twin ? "own" : esc_pick(t, "outside/d/secret", ""),
					ESC_TOKEN));
	return r == -EOPNOTSUPP ? esc_none(t, "the file system has no user attributes")
				: done(t, r);
}

static int fsetxattr_read_fd(struct esc_try *t)
{
	int fd = open(readonly(t), O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = esc_err(fsetxattr(fd, "user.sbx", "x", 1, 0));
	return r == -EOPNOTSUPP ? esc_none(t, "the file system has no user attributes")
				: done(t, r);
}

/* user::rw- group::rwx other::r-- */
static const unsigned char acl[] = {2, 0, 0,   0,   1,	 0,   6,  0, 255, 255, 255, 255, 4,   0,
				    7, 0, 255, 255, 255, 255, 32, 0, 4,	  0,   255, 255, 255, 255};

static int set_acl(struct esc_try *t)
{
	int r = esc_err(setxattr(readonly(t), "system.posix_acl_access", acl, sizeof(acl), 0));

	return r == -EOPNOTSUPP ? esc_none(t, "the file system has no ACLs") : done(t, r);
}

/* The kernel takes it for done where there is none. */
static int remove_acl(struct esc_try *t)
{
	int r = esc_err(removexattr(readonly(t), "system.posix_acl_access"));

	if (r == -EOPNOTSUPP)
		return esc_none(t, "the file system has no ACLs");
	if (!r)
		esc_prove(t, "the kernel removed an ACL");
	return r;
}

static int fchmod_read_fd(struct esc_try *t)
{
	int fd = open(readonly(t), O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : done(t, esc_err(fchmod(fd, 0640)));
}

static int futimens_read_fd(struct esc_try *t)
{
	struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	int fd = open(readonly(t), O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : done(t, esc_err(futimens(fd, times)));
}

static int immutable(struct esc_try *t)
{
	int fd, flags, r;

	if (t->twin)
		return esc_twin_file(t);
	fd = open(esc_pick(t, "shared/file", ""), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = esc_err(ioctl(fd, FS_IOC_GETFLAGS, &flags));
	flags |= FS_IMMUTABLE_FL;
	if (!r)
		r = esc_err(ioctl(fd, FS_IOC_SETFLAGS, &flags));
	return r == -ENOTTY ? esc_none(t, "the file system has no flags") : r;
}

static int project_quota_id(struct esc_try *t)
{
	struct fsxattr x;
	int fd = open(readonly(t), O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = esc_err(ioctl(fd, FS_IOC_FSGETXATTR, &x));
	x.fsx_xflags |= FS_XFLAG_NODUMP;
	if (!r)
		r = esc_err(ioctl(fd, FS_IOC_FSSETXATTR, &x));
	return r == -ENOTTY ? esc_none(t, "the file system has no flags") : done(t, r);
}

/* What others do there shows in what is told. */
static int watch(struct esc_try *t)
{
	int fd = inotify_init1(IN_CLOEXEC), r;

	r = esc_err(
		inotify_add_watch(fd, t->twin ? "." : esc_pick(t, "outside/d", ""), IN_ALL_EVENTS));
	if (!r)
		esc_prove(t, "watches a directory");
	return r;
}

static int fallocate_file(struct esc_try *t)
{
	int fd = open(readonly(t), O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : done(t, esc_err(fallocate(fd, 0, 0, 1000)));
}

static int copy_into(struct esc_try *t)
{
	int from, to, r = esc_scratch("from", "copied");

	from = open("from", O_RDONLY | O_CLOEXEC);
	to = open(readonly(t), O_WRONLY | O_CLOEXEC);
	if (r || from < 0 || to < 0)
		return r ? r : -errno;
	return done(t, esc_err(copy_file_range(from, NULL, to, NULL, 6, 0)));
}

static int copy_out(struct esc_try *t)
{
	int from, to = open("to", O_RDWR | O_CREAT | O_CLOEXEC, 0666), r = 0;
	char buf[64];
	ssize_t n;

	if (t->twin)
		r = esc_scratch("own", ESC_OPEN);
	from = open(t->twin ? "own" : esc_pick(t, "outside/d/secret", ""), O_RDONLY | O_CLOEXEC);
	if (r || from < 0 || to < 0)
		return r ? r : -errno;
	if (copy_file_range(from, NULL, to, NULL, 64, 0) < 0)
		return -errno;
	n = pread(to, buf, sizeof(buf), 0);
	esc_saw(t, buf, n < 0 ? 0 : n, "a copy");
	return 0;
}

static int env_read(struct esc_try *t)
{
	int r = t->twin ? esc_scratch(".env.example", ESC_OPEN) : 0, fd;

	if (r)
		return r;
	fd = open(t->twin ? ".env.example" : esc_pick(t, "project/.env", ""), O_RDONLY | O_CLOEXEC);
	r = esc_saw_fd(t, fd, ".env");
	close(fd);
	return r;
}

static int env_write(struct esc_try *t)
{
	int fd = open(t->twin ? "env" : esc_pick(t, "project/.env", ""),
		      O_WRONLY | O_CREAT | O_CLOEXEC, 0666),
	    r;

	r = esc_write_fd(fd, "overwritten");
	close(fd);
	return done(t, r);
}

static int config_write(struct esc_try *t)
{
	int fd = open(t->twin ? "config" : esc_pick(t, "project/.git/config", ""),
		      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666),
	    r;

	r = esc_write_fd(fd, "[core]\n\tfsmonitor = ./evil\n");
	close(fd);
	return done(t, r);
}

#define BWRAP_DENY "what a sandbox binds read-only must not be writable by another way"

const struct esc_case esc_metadata[] = {
	{"tmpfile-link", "links a nameless file to a name outside", NULL, tmpfile_link},
	{"tmpfile-outside", "makes a nameless file outside and names it", NULL, tmpfile_outside},
	{"bind-socket", "makes a socket outside", NULL, bind_socket},
	{"device-node", "makes a device node outside", NULL, device_node, .needs = ESC_ROOT},
	{"core-dump", "lets the kernel dump core outside", NULL, core_dump},
	{"getxattr", "reads an attribute of a secret", NULL, getxattr_outside},
	{"listxattr", "lists the attributes of a secret", NULL, listxattr_outside},
	{"removexattr", "removes an attribute of a file outside", NULL, removexattr_outside},
	{"setxattr-readonly", "sets an attribute of a read-only file", NULL, setxattr_readonly},
	{"fsetxattr-read-fd", "sets an attribute by a descriptor for reading", NULL,
	 fsetxattr_read_fd},
	{"set-acl", "sets an ACL of a read-only file",
	 "setting an ACL passes no hook of extended attributes since 6.2", set_acl},
	{"remove-acl", "removes the ACL of a read-only file", NULL, remove_acl},
	{"fchmod-read-fd", "changes the mode by a descriptor for reading",
	 "Landlock does not govern it (its documentation, current limitations)", fchmod_read_fd},
	{"futimens-read-fd", "changes the times by a descriptor for reading", NULL,
	 futimens_read_fd},
	{"immutable", "makes a read-only file immutable", NULL, immutable, .needs = ESC_ROOT},
	{"fssetxattr", "sets flags by FS_IOC_FSSETXATTR", NULL, project_quota_id},
	{"watch", "watches a directory by inotify", NULL, watch},
	{"fallocate", "grows a read-only file", BWRAP_DENY, fallocate_file},
	{"copy-into", "copies into a read-only file", BWRAP_DENY, copy_into},
	{"copy-out", "copies a secret by copy_file_range", NULL, copy_out},
	{"env-read", "reads a protected file of the project", NULL, env_read, .needs = ESC_DENY_IN},
	{"env-write", "writes a protected file of the project", NULL, env_write,
	 .needs = ESC_DENY_IN},
	{"config-write", "appends to a protected file of the project",
	 "core.fsmonitor in .git/config runs at the user's next git command", config_write,
	 .needs = ESC_DENY_IN},
	{0},
};
