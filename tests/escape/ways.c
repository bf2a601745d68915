// SPDX-License-Identifier: MIT
/* Ways to name an object. Each is given its absolute path, and says how else to call it. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tests/escape/matrix.h"

#define BIT(object) (1U << (object))
#define ENTRIES	    (BIT(ESC_ENTRY) | BIT(ESC_NEW))

#define NO_ENTRY "a descriptor leads to an object, not to its entry in a directory"

static const char *base(const char *path)
{
	return strrchr(path, '/') + 1;
}

static const char *dir_of(const char *path)
{
	static char dir[ESC_PATH];

	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	return dir;
}

static int at(struct esc_name *n, int dirfd, const char *path)
{
	n->dirfd = dirfd;
	snprintf(n->path, sizeof(n->path), "%s", path);
	return dirfd >= 0 || dirfd == AT_FDCWD ? 0 : -errno;
}

static int below(struct esc_name *n, const char *prefix, const char *path)
{
	n->dirfd = AT_FDCWD;
	snprintf(n->path, sizeof(n->path), "%s%s%s", prefix, *path == '/' ? "" : "/", path);
	return 0;
}

static int by_fd(struct esc_name *n, int fd)
{
	n->dirfd = AT_FDCWD;
	snprintf(n->path, sizeof(n->path), "/proc/self/fd/%d", fd);
	return fd < 0 ? fd == -1 ? -errno : fd : 0;
}

static int direct(struct esc_try *t, const char *target, struct esc_name *n)
{
	return at(n, AT_FDCWD, target);
}

/* From the scratch directory up to the world and down again. */
static int dotdot(struct esc_try *t, const char *target, struct esc_name *n)
{
	return below(n, "../../..", target + strlen(t->w->dir));
}

static int symlinked(struct esc_try *t, const char *target, struct esc_name *n)
{
	int r = esc_err(symlink(target, "l"));

	return r ? r : at(n, AT_FDCWD, "l");
}

static int symlinked_dir(struct esc_try *t, const char *target, struct esc_name *n)
{
	int r = esc_err(symlink(dir_of(target), "ld"));

	return r ? r : below(n, "ld", base(target));
}

static int proc_root(struct esc_try *t, const char *target, struct esc_name *n)
{
	return below(n, "/proc/self/root", target);
}

static int proc_cwd(struct esc_try *t, const char *target, struct esc_name *n)
{
	int r = esc_err(chdir(dir_of(target)));

	return r ? r : below(n, "/proc/self/cwd", base(target));
}

static int thread_root(struct esc_try *t, const char *target, struct esc_name *n)
{
	return below(n, "/proc/thread-self/root", target);
}

static int dirfd_relative(struct esc_try *t, const char *target, struct esc_name *n)
{
	return at(n, open(dir_of(target), O_PATH | O_DIRECTORY | O_CLOEXEC), base(target));
}

static int proc_fd_dir(struct esc_try *t, const char *target, struct esc_name *n)
{
	int r = by_fd(n, open(dir_of(target), O_PATH | O_DIRECTORY));

	strcat(n->path, "/");
	strcat(n->path, base(target));
	return r;
}

static int opath(struct esc_try *t, const char *target, struct esc_name *n)
{
	return by_fd(n, open(target, O_PATH));
}

static int dev_fd(struct esc_try *t, const char *target, struct esc_name *n)
{
	int fd = open(target, O_PATH);

	n->dirfd = AT_FDCWD;
	snprintf(n->path, sizeof(n->path), "/dev/fd/%d", fd);
	return esc_err(fd);
}

static int hardlink(struct esc_try *t, const char *target, struct esc_name *n)
{
	int r = esc_err(link(target, "h"));

	return r ? r : at(n, AT_FDCWD, "h");
}

/* To what an O_PATH descriptor stands for: no name of it is looked up. */
static int hardlink_fd(struct esc_try *t, const char *target, struct esc_name *n)
{
	char name[40];
	int fd = open(target, O_PATH | O_CLOEXEC), r;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	r = fd < 0 ? -errno : esc_err(linkat(AT_FDCWD, name, AT_FDCWD, "h", AT_SYMLINK_FOLLOW));
	return r ? r : at(n, AT_FDCWD, "h");
}

static int handle(struct esc_try *t, const char *target, struct esc_name *n)
{
	struct {
		struct file_handle h;
		char space[128];
	} f = {.h.handle_bytes = sizeof(f.space)};
	int id, top = open(t->w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (top < 0)
		top = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (name_to_handle_at(AT_FDCWD, target, &f.h, &id, 0))
		return errno == EOPNOTSUPP ? esc_none(t, "the file system has no handles") : -errno;
	return by_fd(n, open_by_handle_at(top, &f.h, O_PATH));
}

static int bind_mount(struct esc_try *t, const char *target, struct esc_name *n)
{
	int r = esc_enter_ns(CLONE_NEWNS);

	if (!r)
		r = esc_err(mkdir("m", 0777));
	if (!r)
		r = esc_err(mount(dir_of(target), "m", NULL, MS_BIND, NULL));
	return r ? r : below(n, "m", base(target));
}

static int cloned_tree(struct esc_try *t, const char *target, struct esc_name *n)
{
	int r = esc_enter_ns(CLONE_NEWNS);

	return r ? r
		 : at(n, syscall(SYS_open_tree, AT_FDCWD, dir_of(target), 1 /* CLONE */),
		      base(target));
}

static int moved_parent(struct esc_try *t, const char *target, struct esc_name *n)
{
	int r = esc_err(rename(dir_of(target), "moved"));

	return r ? r : below(n, "moved", base(target));
}

static void move_back(const char *target)
{
	rename("moved", dir_of(target));
}

static int chrooted(struct esc_try *t, const char *target, struct esc_name *n)
{
	int r = esc_enter_ns(CLONE_NEWNS);

	if (!r)
		r = esc_err(chroot(dir_of(target)));
	return r ? r : below(n, "", base(target));
}

static int child_root(struct esc_try *t, const char *target, struct esc_name *n)
{
	pid_t pid = fork();
	char prefix[40];

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	snprintf(prefix, sizeof(prefix), "/proc/%d/root", pid);
	return below(n, prefix, target);
}

static int victim_root(struct esc_try *t, const char *target, struct esc_name *n)
{
	char prefix[40];

	snprintf(prefix, sizeof(prefix), "/proc/%ld/root", t->w->victim);
	return below(n, prefix, target);
}

static int victim_cwd(struct esc_try *t, const char *target, struct esc_name *n)
{
	char prefix[40];

	snprintf(prefix, sizeof(prefix), "/proc/%ld/cwd", t->w->victim);
	return below(n, prefix, base(target));
}

/* The victim holds its secret, file, program and directory as 3 to 6. */
static int victim_fd(struct esc_try *t, const char *target, struct esc_name *n)
{
	static const int fds[] = {3, 4, 5, 6};

	n->dirfd = AT_FDCWD;
	snprintf(n->path, sizeof(n->path), "/proc/%ld/fd/%d", t->w->victim, fds[t->c->op->object]);
	return 0;
}

static int leaked_dir(struct esc_try *t, const char *target, struct esc_name *n)
{
	return at(n, ESC_LEAKED_DIR, base(target));
}

static int received_opath(struct esc_try *t, const char *target, struct esc_name *n)
{
	char what[ESC_PATH];

	snprintf(what, sizeof(what), "p %s", target + strlen(t->w->dir) + 1);
	return by_fd(n, esc_gift(t, what));
}

static int received_dir(struct esc_try *t, const char *target, struct esc_name *n)
{
	char what[ESC_PATH];

	snprintf(what, sizeof(what), "p %s", dir_of(target) + strlen(t->w->dir) + 1);
	return at(n, esc_gift(t, what), base(target));
}

static int unpriv_user(struct esc_try *t, const char *target, struct esc_name *n)
{
	int r = esc_enter_ns(CLONE_NEWUSER);

	return r ? r : at(n, AT_FDCWD, target);
}

const struct esc_way esc_ways[] = {
	{"direct", "its own name", direct},
	{"dotdot", "a relative name with ..", dotdot},
	{"symlink", "a symlink to it", symlinked, ENTRIES,
	 "an entry's operations do not follow a symlink"},
	{"symlinked-dir", "a symlink to its directory", symlinked_dir},
	{"proc-root", "/proc/self/root", proc_root,
	 .why = "an agent reached a denied program so (Ona, March 2026)"},
	{"thread-root", "/proc/thread-self/root", thread_root},
	{"proc-cwd", "/proc/self/cwd after chdir", proc_cwd},
	{"dirfd", "a name relative to an O_PATH directory", dirfd_relative},
	{"proc-fd-dir", "/proc/self/fd/N/name", proc_fd_dir},
	{"opath", "/proc/self/fd/N of an O_PATH descriptor", opath, ENTRIES, NO_ENTRY},
	{"dev-fd", "/dev/fd/N of an O_PATH descriptor", dev_fd, ENTRIES, NO_ENTRY},
	{"hardlink", "a new hard link to it", hardlink, ENTRIES | BIT(ESC_DIR),
	 "a link is another entry, and directories have none"},
	{"hardlink-fd", "a new hard link to an O_PATH descriptor", hardlink_fd,
	 ENTRIES | BIT(ESC_DIR), "a link is another entry, and directories have none"},
	{"handle", "a file handle (open_by_handle_at)", handle, ENTRIES, NO_ENTRY, ESC_ROOT,
	 "Shocker: Docker 2014, open_by_handle_at", .direct_twin = true},
	{"bind", "a bind mount of its directory", bind_mount, .direct_twin = true},
	{"open-tree", "a detached copy of its mount (open_tree)", cloned_tree, .direct_twin = true},
	{"moved-parent", "its directory moved into the project", moved_parent, .undo = move_back},
	{"chroot", "chroot to its directory", chrooted, BIT(ESC_PROGRAM),
	 "its libraries are not there", .direct_twin = true},
	{"userns", "its own name, in a new user namespace", unpriv_user, .direct_twin = true},
	{"child-root", "/proc/CHILD/root", child_root},
	{"victim-root", "/proc/PID/root of a process outside", victim_root, .direct_twin = true},
	{"victim-cwd", "/proc/PID/cwd of a process outside", victim_cwd, .direct_twin = true},
	{"victim-fd", "/proc/PID/fd/N of a process outside", victim_fd, ENTRIES, NO_ENTRY,
	 .direct_twin = true},
	{"leaked-dir", "a directory that was left open", leaked_dir,
	 .why = "CVE-2024-21626 (runc, \"Leaky Vessels\")", .direct_twin = true},
	{"received-opath", "an O_PATH descriptor from outside", received_opath, ENTRIES, NO_ENTRY,
	 ESC_RECEIVED},
	{"received-dir", "a directory from outside", received_dir, .needs = ESC_RECEIVED},
	{0},
};
