// SPDX-License-Identifier: MIT
/* What is done to an object that has been named. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "tests/escape/matrix.h"

static int open_name(const struct esc_name *n, int flags)
{
	return openat(n->dirfd, n->path, flags | O_CLOEXEC, 0666);
}

static int op_read(struct esc_try *t, const struct esc_name *n)
{
	int fd = open_name(n, O_RDONLY), r = esc_saw_fd(t, fd, t->c->way->how);

	close(fd);
	return r;
}

static int op_map(struct esc_try *t, const struct esc_name *n)
{
	int fd = open_name(n, O_RDONLY);
	char *m;

	if (fd < 0)
		return -errno;
	m = mmap(NULL, 64, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (m == MAP_FAILED)
		return -errno;
	esc_saw(t, m, ESC_SECRET_LEN, "a mapping");
	return 0;
}

static int op_list(struct esc_try *t, const struct esc_name *n)
{
	int fd = open_name(n, O_RDONLY | O_DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d)
		return -errno;
	while ((e = readdir(d)))
		if (!strcmp(e->d_name, "empty"))
			esc_prove(t, "listed the directory");
	closedir(d);
	return 0;
}

/* Of a twin's object the change is looked at here; that of an attack's the host sees. */
static int changed(struct esc_try *t, int r)
{
	if (!r && t->twin)
		esc_prove(t, "changed it");
	return r;
}

static int op_write(struct esc_try *t, const struct esc_name *n)
{
	int fd = open_name(n, O_WRONLY), r = esc_write_fd(fd, "overwritten");

	close(fd);
	return changed(t, r);
}

static int op_append(struct esc_try *t, const struct esc_name *n)
{
	int fd = open_name(n, O_WRONLY | O_APPEND), r = esc_write_fd(fd, "appended");

	close(fd);
	return changed(t, r);
}

static int op_map_write(struct esc_try *t, const struct esc_name *n)
{
	int fd = open_name(n, O_RDWR);
	char *m;

	if (fd < 0)
		return -errno;
	m = mmap(NULL, 64, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (m == MAP_FAILED)
		return -errno;
	m[0] = '#';
	return changed(t, esc_err(msync(m, 64, MS_SYNC)));
}

/* truncate(2) knows no directory descriptor. */
static int stand(const struct esc_name *n)
{
	return n->dirfd == AT_FDCWD ? 0 : esc_err(fchdir(n->dirfd));
}

static int op_truncate(struct esc_try *t, const struct esc_name *n)
{
	int r = stand(n);

	return changed(t, r ? r : esc_err(truncate(n->path, 1)));
}

static int op_open_trunc(struct esc_try *t, const struct esc_name *n)
{
	int fd = open_name(n, O_RDONLY | O_TRUNC), r = esc_err(fd);

	close(fd);
	return changed(t, r);
}

static int op_chmod(struct esc_try *t, const struct esc_name *n)
{
	return changed(t, esc_err(fchmodat(n->dirfd, n->path, 0640, 0)));
}

static int op_chown(struct esc_try *t, const struct esc_name *n)
{
	return changed(t, esc_err(fchownat(n->dirfd, n->path, 4, getgid(), 0)));
}

static int op_utimes(struct esc_try *t, const struct esc_name *n)
{
	struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	return changed(t, esc_err(utimensat(n->dirfd, n->path, times, 0)));
}

static int op_setxattr(struct esc_try *t, const struct esc_name *n)
{
	int r = stand(n);

	if (!r)
		r = esc_err(setxattr(n->path, "user.sbx", "x", 1, 0));
	return r == -EOPNOTSUPP ? esc_none(t, "the file system has no user attributes")
				: changed(t, r);
}

static int op_setflags(struct esc_try *t, const struct esc_name *n)
{
	int fd = open_name(n, O_RDONLY), flags, r;

	if (fd < 0)
		return -errno;
	r = esc_err(ioctl(fd, FS_IOC_GETFLAGS, &flags));
	flags ^= FS_NODUMP_FL;
	if (!r)
		r = esc_err(ioctl(fd, FS_IOC_SETFLAGS, &flags));
	close(fd);
	return r == -ENOTTY ? esc_none(t, "the file system has no flags") : changed(t, r);
}

static int op_exec(struct esc_try *t, const struct esc_name *n)
{
	return esc_run_program(t, n->dirfd, n->path, 0);
}

static int op_unlink(struct esc_try *t, const struct esc_name *n)
{
	return changed(t, esc_err(unlinkat(n->dirfd, n->path, 0)));
}

static int op_rename(struct esc_try *t, const struct esc_name *n)
{
	return changed(t, esc_err(renameat(n->dirfd, n->path, AT_FDCWD, "../moved-away")));
}

static int op_create(struct esc_try *t, const struct esc_name *n)
{
	int fd = open_name(n, O_WRONLY | O_CREAT | O_EXCL), r = esc_err(fd);

	close(fd);
	return changed(t, r);
}

static int op_mkdir(struct esc_try *t, const struct esc_name *n)
{
	return changed(t, esc_err(mkdirat(n->dirfd, n->path, 0777)));
}

static int op_symlink(struct esc_try *t, const struct esc_name *n)
{
	return changed(t, esc_err(symlinkat("anywhere", n->dirfd, n->path)));
}

static int op_mkfifo(struct esc_try *t, const struct esc_name *n)
{
	return changed(t, esc_err(mkfifoat(n->dirfd, n->path, 0666)));
}

const struct esc_op esc_ops[] = {
	{"read", "reads a secret", ESC_SECRET_FILE, op_read},
	{"map", "maps a secret", ESC_SECRET_FILE, op_map},
	{"list", "lists a directory", ESC_DIR, op_list},
	{"write", "writes", ESC_FILE, op_write},
	{"append", "appends", ESC_FILE, op_append},
	{"map-write", "writes through a mapping", ESC_FILE, op_map_write},
	{"truncate", "truncates", ESC_FILE, op_truncate},
	{"open-trunc", "truncates by opening for reading", ESC_FILE, op_open_trunc},
	{"chmod", "changes the mode", ESC_FILE, op_chmod},
	{"chown", "changes the owner", ESC_FILE, op_chown, ESC_ROOT},
	{"utimes", "changes the times", ESC_FILE, op_utimes},
	{"setxattr", "sets an attribute", ESC_FILE, op_setxattr},
	{"setflags", "sets inode flags", ESC_FILE, op_setflags},
	{"exec", "executes", ESC_PROGRAM, op_exec},
	{"unlink", "removes", ESC_ENTRY, op_unlink},
	{"rename", "moves away", ESC_ENTRY, op_rename},
	{"create", "creates a file", ESC_NEW, op_create},
	{"mkdir", "creates a directory", ESC_NEW, op_mkdir},
	{"symlink", "creates a symlink", ESC_NEW, op_symlink},
	{"mkfifo", "creates a FIFO", ESC_NEW, op_mkfifo},
	{0},
};
