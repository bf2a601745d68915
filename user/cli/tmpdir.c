// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "user/cli/common.h"
#include "user/cli/tmpdir.h"

/* Directories below directories: each level takes a descriptor and a stack frame. */
#define MAX_DEPTH 400

int sbx_tmpdir_make(const struct sbx_person *who, struct sbx_tmpdir *out)
{
	struct sbx_tmpdir t = {.path = "/tmp/sbx-run-XXXXXX", .uid = who->uid, .gid = who->gid};
	struct stat st;

	if (!mkdtemp(t.path)) /* 0700 */
		return sbx_fail(SBX_EXIT_RUN, "is /tmp writable?",
				"cannot make a directory in /tmp: %s", strerror(errno));
	if (lstat(t.path, &st) || lchown(t.path, who->uid, who->gid)) {
		int err = errno;

		rmdir(t.path);
		return sbx_fail(SBX_EXIT_RUN, NULL, "cannot give %s to %s: %s", t.path, who->name,
				strerror(err));
	}
	t.dev = st.st_dev;
	t.ino = st.st_ino;
	*out = t;
	return 0;
}

static int remove_all(int fd, dev_t dev, unsigned depth);

/* Tools like to leave directories that cannot be read or written. */
static void open_up(int dir, const char *name)
{
	int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
	char self[40];

	if (fd < 0)
		return;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	chmod(self, 0700);
	close(fd);
}

static int remove_entry(int dir, const char *name, dev_t dev, unsigned depth)
{
	struct stat st;
	int fd;

	if (!unlinkat(dir, name, 0))
		return 0;
	if ((errno != EISDIR && errno != EPERM) || depth > MAX_DEPTH)
		return -1;
	open_up(dir, name);
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) || st.st_dev != dev) {
		close(fd);
		return -1;
	}
	remove_all(fd, dev, depth);
	return unlinkat(dir, name, AT_REMOVEDIR);
}

/* Closes fd. What cannot be removed is left, the rest goes. Some file systems skip entries while
 * others are removed: until a round removes none. */
static int remove_all(int fd, dev_t dev, unsigned depth)
{
	DIR *d = fdopendir(fd);
	unsigned removed, left;
	struct dirent *e;

	if (!d) {
		close(fd);
		return -1;
	}
	do {
		removed = left = 0;
		rewinddir(d);
		while ((e = readdir(d))) {
			if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
				continue;
			if (remove_entry(dirfd(d), e->d_name, dev, depth + 1))
				left++;
			else
				removed++;
		}
	} while (removed);
	closedir(d);
	return left ? -1 : 0;
}

static int remove_as(const struct sbx_tmpdir *t)
{
	struct stat st;
	int fd;

	if (setgroups(0, NULL) || setresgid(t->gid, t->gid, t->gid) ||
	    setresuid(t->uid, t->uid, t->uid))
		return -1;
	open_up(AT_FDCWD, t->path);
	fd = open(t->path, O_RDONLY | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (fstat(fd, &st) || st.st_ino != t->ino || st.st_dev != t->dev) {
		close(fd);
		return -1; /* the owner has put something else in its place: that stays */
	}
	remove_all(fd, st.st_dev, 0);
	return rmdir(t->path);
}

int sbx_tmpdir_remove(struct sbx_tmpdir *t)
{
	int status = 0;
	pid_t pid;

	if (!*t->path)
		return 0;
	pid = fork();
	if (!pid)
		_exit(remove_as(t) ? 1 : 0);
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	if (pid < 0 || status)
		return -1;
	*t->path = 0;
	return 0;
}
