/* SPDX-License-Identifier: MIT */
/* Roundabout ways to objects. Part of act.c. */
#ifndef SBX_ACT_HAZARDS_H
#define SBX_ACT_HAZARDS_H

#include <sys/fanotify.h>
#include <sys/personality.h>
#include <sys/sysmacros.h>

/* A descriptor that stays from one act to the next: held, or received. */
static int held = -1;

static int hold(int fd)
{
	if (held >= 0)
		close(held);
	held = fd;
	return fd < 0 ? -errno : 0;
}

static int do_hold(char **a)
{
	return hold(open(a[0], O_PATH | O_NOFOLLOW));
}

static int do_hold_read(char **a)
{
	return hold(open(a[0], O_RDONLY));
}

static const char *held_path(void)
{
	static char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", held);
	return name;
}

static int do_held_read(char **a)
{
	return closed(open(held_path(), O_RDONLY));
}

static int do_held_write(char **a)
{
	return closed(open(held_path(), O_WRONLY));
}

static int do_at_read(char **a)
{
	return closed(openat(held, a[0], O_RDONLY));
}

static int do_at_create(char **a)
{
	return closed(openat(held, a[0], O_WRONLY | O_CREAT | O_EXCL, 0644));
}

static int do_at_mkdir(char **a)
{
	return result(mkdirat(held, a[0], 0755));
}

/* Needs CAP_DAC_READ_SEARCH. */
static int do_held_link(char **a)
{
	return result(linkat(held, "", AT_FDCWD, a[0], AT_EMPTY_PATH));
}

static int do_held_proc_link(char **a)
{
	return result(linkat(AT_FDCWD, held_path(), AT_FDCWD, a[0], AT_SYMLINK_FOLLOW));
}

static int do_held_chmod(char **a)
{
	return result(syscall(452 /* fchmodat2, since 6.6 */, held, "", 0640, AT_EMPTY_PATH));
}

static int do_held_proc_chmod(char **a)
{
	return result(chmod(held_path(), 0640));
}

static int do_held_chown(char **a)
{
	return result(fchownat(held, "", getuid(), -1, AT_EMPTY_PATH));
}

static int do_held_utimes(char **a)
{
	return result(utimensat(held, "", NULL, AT_EMPTY_PATH));
}

static int do_held_setxattr(char **a)
{
	return result(setxattr(held_path(), "user.sbx", "x", 1, 0));
}

static int do_held_truncate(char **a)
{
	return result(truncate(held_path(), 1));
}

static int do_held_exec(char **a)
{
	char *none[] = {"x", NULL};
	pid_t pid = fork();

	if (!pid) {
		syscall(SYS_execveat, held, "", none, none, AT_EMPTY_PATH);
		_exit(errno);
	}
	return wait_exec(pid);
}

/* --- open, in unusual ways --- */

/* Neither for reading nor for writing: enough for ioctl. */
static int do_open_3(char **a)
{
	return closed(open(a[0], O_ACCMODE | O_NONBLOCK | O_NOCTTY));
}

static int do_read_or_create(char **a)
{
	return closed(open(a[0], O_RDONLY | O_CREAT, 0644));
}

static int do_append(char **a)
{
	return closed(open(a[0], O_WRONLY | O_APPEND));
}

/* The program's own mapping, by the name that the kernel gives it. */
static int do_map_files_write(char **a)
{
	char name[64], *m = mapped(a[0], O_RDONLY, PROT_READ, MAP_PRIVATE);
	int r;

	if (m == MAP_FAILED)
		return -errno;
	snprintf(name, sizeof(name), "/proc/self/map_files/%lx-%lx", (long)m, (long)m + 4096);
	r = closed(open(name, O_WRONLY));
	munmap(m, 4096);
	return r;
}

/* A shared mapping of what was opened for reading does not become writable. */
static int do_map_write(char **a)
{
	return protected(mapped(a[0], O_RDONLY, PROT_READ, MAP_SHARED), PROT_READ | PROT_WRITE);
}

static int do_map_rdwr(char **a)
{
	char *m = mapped(a[0], O_RDWR, PROT_READ | PROT_WRITE, MAP_SHARED);

	if (m == MAP_FAILED)
		return -errno;
	m[0] = 'm';
	munmap(m, 4096);
	return 0;
}

static int do_map_implied_exec(char **a)
{
	void *m;
	int r;

	personality(READ_IMPLIES_EXEC);
	m = mapped(a[0], O_RDONLY, PROT_READ, MAP_PRIVATE);
	r = m == MAP_FAILED ? -errno : 0;
	personality(0);
	if (!r)
		munmap(m, 4096);
	return r;
}

static int do_protect_implied_exec(char **a)
{
	void *m = mapped(a[0], O_RDONLY, PROT_NONE, MAP_PRIVATE);
	int r, e = errno;

	personality(READ_IMPLIES_EXEC);
	errno = e;
	r = protected(m, PROT_READ);
	personality(0);
	return r;
}

/* --- from one file into another --- */

static int between(char **a, int (*fn)(int from, int to))
{
	int from = open(a[0], O_RDONLY), to, r;

	if (from < 0)
		return -errno;
	to = open(a[1], O_WRONLY);
	r = to < 0 ? -errno : fn(from, to);
	close(from);
	if (to >= 0)
		close(to);
	return r;
}

static int clone_fd(int from, int to)
{
	return result(ioctl(to, FICLONE, from));
}

static int do_clone(char **a)
{
	return between(a, clone_fd);
}

static int copy_fd(int from, int to)
{
	return result(copy_file_range(from, NULL, to, NULL, 1, 0));
}

static int do_copy_range(char **a)
{
	return between(a, copy_fd);
}

static int splice_fd(int from, int to)
{
	int p[2], r;

	if (pipe(p))
		return -errno;
	r = splice(from, NULL, p[1], NULL, 1, 0) < 0 || splice(p[0], NULL, to, NULL, 1, 0) < 0
		    ? -errno
		    : 0;
	close(p[0]);
	close(p[1]);
	return r;
}

static int do_splice(char **a)
{
	return between(a, splice_fd);
}

/* --- names --- */

static int do_whiteout(char **a)
{
	return result(syscall(SYS_renameat2, AT_FDCWD, a[0], AT_FDCWD, a[1], 4 /* WHITEOUT */));
}

static int do_rename_noreplace(char **a)
{
	return result(syscall(SYS_renameat2, AT_FDCWD, a[0], AT_FDCWD, a[1], 1 /* NOREPLACE */));
}

static int do_mknod(char **a)
{
	return result(mknod(a[0], S_IFREG | 0644, 0));
}

/* The device that whiteouts are: it takes no capability. */
static int do_mknod_0(char **a)
{
	return result(mknod(a[0], S_IFCHR | 0644, 0));
}

static int do_unix_bind(char **a)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), r;

	if (fd < 0)
		return -errno;
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", a[0]);
	r = result(bind(fd, (struct sockaddr *)&un, sizeof(un)));
	close(fd);
	return r;
}

/* The kernel writes it, in the name of the one who dies. */
static int do_core_in(char **a)
{
	struct rlimit lim = {RLIM_INFINITY, RLIM_INFINITY};
	int before = open("core", O_PATH), status, r;
	char name[300];
	pid_t pid;

	if (before >= 0)
		close(before);
	snprintf(name, sizeof(name), "%s/core", a[0]);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_DUMPABLE, 1);
		if (chdir(a[0]) || setrlimit(RLIMIT_CORE, &lim))
			_exit(1);
		abort();
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFSIGNALED(status))
		return -ECHILD;
	r = access(name, F_OK) ? -EACCES : 0;
	return !r != !!WCOREDUMP(status) ? -EIO : r;
}

static int read_proc(pid_t pid, const char *what)
{
	char name[300];

	snprintf(name, sizeof(name), "/proc/%d/%s", pid, what);
	return closed(open(name, O_RDONLY));
}

static int do_proc_child(char **a)
{
	pid_t pid = fork();
	int r;

	if (!pid) {
		pause();
		_exit(0);
	}
	r = pid < 0 ? -errno : read_proc(pid, a[0]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return r;
}

static int do_proc_parent(char **a)
{
	return read_proc(getppid(), a[0]);
}

/* --- attributes --- */

static int do_getxattr(char **a)
{
	char buf[16];

	return getxattr(a[0], "user.sbx", buf, sizeof(buf)) < 0 && errno != ENODATA ? -errno : 0;
}

static int do_lsetxattr(char **a)
{
	return result(lsetxattr(a[0], "trusted.sbx", "x", 1, 0));
}

/* user::rw- group::r-- other::r-- */
static const unsigned char acl[] = {2, 0, 0,   0,   1,	 0,   6,  0, 255, 255, 255, 255, 4,   0,
				    4, 0, 255, 255, 255, 255, 32, 0, 4,	  0,   255, 255, 255, 255};

static int do_setacl(char **a)
{
	return result(setxattr(a[0], "system.posix_acl_access", acl, sizeof(acl), 0));
}

static int do_removeacl(char **a)
{
	return removexattr(a[0], "system.posix_acl_access") && errno != ENODATA ? -errno : 0;
}

static int fssetxattr_fd(int fd)
{
	struct fsxattr x;

	if (ioctl(fd, FS_IOC_FSGETXATTR, &x))
		return -errno;
	return result(ioctl(fd, FS_IOC_FSSETXATTR, &x));
}

static int do_fssetxattr(char **a)
{
	return by_fd(a[0], fssetxattr_fd);
}

static int setversion_fd(int fd)
{
	long version = 1;

	return result(ioctl(fd, FS_IOC_SETVERSION, &version));
}

static int do_setversion(char **a)
{
	return by_fd(a[0], setversion_fd);
}

static int do_getflags(char **a)
{
	int fd = open(a[0], O_RDONLY), flags, r;

	if (fd < 0)
		return -errno;
	r = result(ioctl(fd, FS_IOC_GETFLAGS, &flags));
	close(fd);
	return r;
}

/* BTRFS_IOC_SNAP_CREATE of a[0] in the directory a[1], as a[2]. */
static int do_snapshot(char **a)
{
	struct {
		long long fd;
		char name[4088];
	} args = {.fd = open(a[0], O_RDONLY)};
	int dir = open(a[1], O_RDONLY), r;

	snprintf(args.name, sizeof(args.name), "%s", a[2]);
	r = dir < 0 || args.fd < 0 ? -errno : result(ioctl(dir, _IOW(0x94, 1, args), &args));
	close(args.fd);
	close(dir);
	return r;
}

/* EXT4_IOC_MOVE_EXT: blocks of one file for those of another. */
static int do_move_ext(char **a)
{
	struct {
		unsigned reserved, fd;
		unsigned long long from, to, n, moved;
	} args = {.n = 1};
	int fd = open(a[0], O_RDWR), donor = open(a[1], O_RDWR), r;

	args.fd = donor;
	r = fd < 0 || donor < 0 ? -errno : result(ioctl(fd, _IOWR('f', 15, args), &args));
	close(fd);
	close(donor);
	return r;
}

static int mark(const char *path, unsigned what)
{
	int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID, O_RDONLY), r;

	if (fd < 0)
		return -errno;
	r = result(fanotify_mark(fd, FAN_MARK_ADD | what, FAN_OPEN | FAN_MODIFY, AT_FDCWD, path));
	close(fd);
	return r;
}

static int do_fanotify(char **a)
{
	return mark(a[0], FAN_MARK_INODE);
}

static int do_fanotify_mount(char **a)
{
	return mark(a[0], FAN_MARK_MOUNT);
}

static int do_fanotify_fs(char **a)
{
	return mark(a[0], FAN_MARK_FILESYSTEM);
}

/* --- handles --- */

static struct {
	struct file_handle h;
	char space[128];
} handles[8];

static int do_handle(char **a)
{
	struct file_handle *h = &handles[atoi(a[0]) & 7].h;
	int mount;

	h->handle_bytes = sizeof(handles[0].space);
	return result(name_to_handle_at(AT_FDCWD, a[1], h, &mount, 0));
}

static int open_handle(const char *which, int flags)
{
	int top = open(".", O_RDONLY | O_DIRECTORY), fd, e;

	if (top < 0)
		return -1;
	fd = open_by_handle_at(top, &handles[atoi(which) & 7].h, flags);
	e = errno;
	close(top);
	errno = e;
	return fd;
}

static int do_handle_hold(char **a)
{
	return hold(open_handle(a[0], O_PATH));
}

static int do_handle_read(char **a)
{
	return closed(open_handle(a[0], O_RDONLY));
}

/* --- deep and long --- */

/* a[1] levels below a[0], from one to the next. The last is held. */
static int do_deep(char **a)
{
	int n = atoi(a[1]), r = hold(open(a[0], O_PATH)), next;

	while (!r && n-- > 0) {
		next = openat(held, "d", O_PATH);
		if (next < 0 && errno == ENOENT && !mkdirat(held, "d", 0777))
			next = openat(held, "d", O_PATH);
		r = hold(next);
	}
	return r;
}

/* The longest path that there is, to a file of a[0]. `make`: from one to the next. */
static int long_path(const char *dir, char *path, bool make)
{
	int fd = open(dir, O_PATH), next;
	size_t left, n;

	if (!realpath(dir, path) || fd < 0)
		return -errno;
	for (left = 4095 - strlen(path); left > 0; left -= n + 1) {
		n = left > 257 ? 255 : left - 1;
		strcat(path, "/");
		memset(path + strlen(path), 'n', n);
		path[4095 - left + n + 1] = 0;
		if (left == n + 1)
			break;
		if (make && mkdirat(fd, strrchr(path, '/') + 1, 0777) && errno != EEXIST)
			return -errno;
		next = openat(fd, strrchr(path, '/') + 1, O_PATH);
		close(fd);
		fd = next;
	}
	if (make)
		close(openat(fd, strrchr(path, '/') + 1, O_WRONLY | O_CREAT, 0666));
	close(fd);
	return 0;
}

static int do_make_long(char **a)
{
	char path[4096];

	return long_path(a[0], path, true);
}

static int do_read_long(char **a)
{
	char path[4096];
	int r = long_path(a[0], path, false);

	return r ? r : closed(open(path, O_RDONLY));
}

#endif
