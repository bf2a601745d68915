/* SPDX-License-Identifier: MIT */
/* Files and their names. Part of act.c, which includes it. */
#ifndef SBX_ACT_FILES_H
#define SBX_ACT_FILES_H

static int do_read(char **a)
{
	char c;
	int fd = open(a[0], O_RDONLY), r;

	if (fd < 0)
		return -errno;
	r = read(fd, &c, 1) < 0 && errno != EISDIR ? -errno : 0;
	close(fd);
	return r;
}

static int do_write(char **a)
{
	return closed(open(a[0], O_WRONLY));
}

static int do_rdwr(char **a)
{
	return closed(open(a[0], O_RDWR));
}

static int do_create(char **a)
{
	return closed(open(a[0], O_WRONLY | O_CREAT | O_EXCL, 0644));
}

static int do_trunc(char **a)
{
	return closed(open(a[0], O_RDONLY | O_TRUNC));
}

static int do_truncate(char **a)
{
	return result(truncate(a[0], 1));
}

static int do_unlink(char **a)
{
	return result(unlink(a[0]));
}

static int do_rmdir(char **a)
{
	return result(rmdir(a[0]));
}

static int do_mkdir(char **a)
{
	return result(mkdir(a[0], 0755));
}

static int do_mkfifo(char **a)
{
	return result(mknod(a[0], S_IFIFO | 0644, 0));
}

static int do_symlink(char **a)
{
	return result(symlink(a[0], a[1]));
}

static int do_link(char **a)
{
	return result(link(a[0], a[1]));
}

static int do_rename(char **a)
{
	return result(rename(a[0], a[1]));
}

static int do_exchange(char **a)
{
	return result(syscall(SYS_renameat2, AT_FDCWD, a[0], AT_FDCWD, a[1], RENAME_EXCHANGE));
}

static int do_chmod(char **a)
{
	return result(chmod(a[0], 0640));
}

static int do_chown(char **a)
{
	return result(chown(a[0], getuid(), -1));
}

static int do_utimes(char **a)
{
	struct timespec t[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	return result(utimensat(AT_FDCWD, a[0], t, 0));
}

static int do_setxattr(char **a)
{
	return result(setxattr(a[0], "user.sbx", "x", 1, 0));
}

static int do_listxattr(char **a)
{
	return result(listxattr(a[0], NULL, 0));
}

static int do_list(char **a)
{
	DIR *d = opendir(a[0]);

	if (!d)
		return -errno;
	closedir(d);
	return 0;
}

static int do_stat(char **a)
{
	struct stat st;

	return result(stat(a[0], &st));
}

static int do_chdir(char **a)
{
	int here = open(".", O_PATH), r = result(chdir(a[0]));

	if (here >= 0 && (fchdir(here) || close(here)))
		return -errno;
	return r;
}

/* O_PATH asks for nothing; the descriptor must not be a way to more. */
static int do_opath_reopen(char **a)
{
	char name[64];
	int fd = open(a[0], O_PATH), r;

	if (fd < 0)
		return -errno;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	r = closed(open(name, O_RDONLY));
	close(fd);
	return r;
}

static int do_tmpfile(char **a)
{
	return closed(open(a[0], O_TMPFILE | O_RDWR, 0600));
}

static int do_tmpfile_link(char **a)
{
	char name[64];
	int fd = open(a[0], O_TMPFILE | O_RDWR, 0600), r;

	if (fd < 0)
		return -errno;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	r = result(linkat(AT_FDCWD, name, AT_FDCWD, a[1], AT_SYMLINK_FOLLOW));
	close(fd);
	return r;
}

static int do_by_handle(char **a)
{
	struct {
		struct file_handle h;
		char space[128];
	} f = {.h.handle_bytes = 128};
	int id, mnt, r;

	if (name_to_handle_at(AT_FDCWD, a[0], &f.h, &id, 0))
		return -errno;
	mnt = open(a[1], O_RDONLY | O_DIRECTORY);
	r = closed(open_by_handle_at(mnt, &f.h, O_RDONLY));
	close(mnt);
	return r;
}

static int do_ioctl_setflags(char **a)
{
	int fd = open(a[0], O_RDONLY), flags = 0, r;

	if (fd < 0)
		return -errno;
	r = result(ioctl(fd, FS_IOC_GETFLAGS, &flags));
	if (!r)
		r = result(ioctl(fd, FS_IOC_SETFLAGS, &flags));
	close(fd);
	return r;
}

/* --- by a descriptor that was opened for reading --- */

static int by_fd(const char *path, int (*fn)(int fd))
{
	int fd = open(path, O_RDONLY), r;

	if (fd < 0)
		return -errno;
	r = fn(fd);
	close(fd);
	return r;
}

static int chmod_fd(int fd)
{
	return result(fchmod(fd, 0640));
}

static int do_fchmod(char **a)
{
	return by_fd(a[0], chmod_fd);
}

static int chown_fd(int fd)
{
	return result(fchown(fd, getuid(), -1));
}

static int do_fchown(char **a)
{
	return by_fd(a[0], chown_fd);
}

static int utimens_fd(int fd)
{
	return result(futimens(fd, NULL));
}

static int do_futimens(char **a)
{
	return by_fd(a[0], utimens_fd);
}

static int setxattr_fd(int fd)
{
	return result(fsetxattr(fd, "user.sbx", "x", 1, 0));
}

static int do_fsetxattr(char **a)
{
	return by_fd(a[0], setxattr_fd);
}

static int do_removexattr(char **a)
{
	return result(removexattr(a[0], "user.sbx"));
}

static int reopen(int fd, int flags)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return closed(open(name, flags));
}

static int reopen_write_fd(int fd)
{
	return reopen(fd, O_WRONLY);
}

static int do_reopen_write(char **a)
{
	return by_fd(a[0], reopen_write_fd);
}

/* An unlinked file keeps the rights of its last name. */
static int do_reopen_unlinked(char **a)
{
	int fd = open(a[0], O_RDWR | O_CREAT | O_EXCL, 0644), r;

	if (fd < 0)
		return -errno;
	r = result(unlink(a[0]));
	if (!r)
		r = reopen(fd, O_RDWR);
	close(fd);
	return r;
}

static int do_truncate_write(char **a)
{
	int fd = open(a[0], O_WRONLY), r;

	if (fd < 0)
		return -errno;
	r = result(ftruncate(fd, 1));
	close(fd);
	return r;
}

static int do_through_root(char **a)
{
	char name[4096];

	snprintf(name, sizeof(name), "/proc/self/root%s", a[0]);
	return closed(open(name, O_RDONLY));
}

#endif
