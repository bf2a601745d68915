// SPDX-License-Identifier: MIT
/* cgroup v2: where it is, making and removing cgroups, who is in them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>
#include "user/kern/internal.h"

static const struct sbx_pos nowhere;

int sbx_cgroup_mount(char *buf, size_t size)
{
	static const char *const usual[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
	struct mntent *e;
	struct statfs fs;
	size_t i;
	FILE *f;
	int r = -ENOENT;

	for (i = 0; i < 2; i++)
		if (!statfs(usual[i], &fs) && fs.f_type == CGROUP2_SUPER_MAGIC)
			return snprintf(buf, size, "%s", usual[i]) < (int)size ? 0 : -ENAMETOOLONG;
	f = setmntent("/proc/self/mounts", "re");
	if (!f)
		return -errno;
	while (r && (e = getmntent(f)))
		if (!strcmp(e->mnt_type, "cgroup2"))
			r = snprintf(buf, size, "%s", e->mnt_dir) < (int)size ? 0 : -ENAMETOOLONG;
	endmntent(f);
	return r;
}

/* The id is the inode number on 64-bit machines (kernfs). */
int sbx_cgroup_id(const char *path, uint64_t *id)
{
	struct statfs fs;
	struct stat st;

	if (statfs(path, &fs) || stat(path, &st))
		return -errno;
	if (fs.f_type != CGROUP2_SUPER_MAGIC || !S_ISDIR(st.st_mode))
		return -EINVAL;
	*id = st.st_ino;
	return 0;
}

static int own_cgroup(char *buf, size_t size)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[4096];
	int r = -ENOENT;

	if (!f)
		return -errno;
	while (r && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "0::", 3))
			r = snprintf(buf, size, "%s", line + 3) < (int)size ? 0 : -ENAMETOOLONG;
	}
	fclose(f);
	return r;
}

#define RUN_PREFIX "sbx-run-"

static void remove_stale(const char *parent)
{
	DIR *dir = opendir(parent);
	struct dirent *e;

	if (!dir)
		return;
	while ((e = readdir(dir)))
		if (!strncmp(e->d_name, RUN_PREFIX, strlen(RUN_PREFIX)))
			unlinkat(dirfd(dir), e->d_name, AT_REMOVEDIR); /* EBUSY: it lives */
	closedir(dir);
}

int sbx_cgroup_create(const char *name, char *buf, size_t size, struct sbx_diags *d)
{
	char top[256], own[2048];
	int r, n;

	r = sbx_cgroup_mount(top, sizeof(top));
	if (!r)
		r = own_cgroup(own, sizeof(own));
	if (r) {
		sbx_diag_add(d, SBX_ERROR, nowhere, "mount -t cgroup2 none /sys/fs/cgroup",
			     "no cgroup v2 hierarchy was found (%s)", strerror(-r));
		return r;
	}
	if (!strcmp(own, "/"))
		*own = 0;
	n = snprintf(buf, size, "%s%s", top, own);
	if (n < (int)size)
		remove_stale(buf);
	if (n < (int)size)
		n += snprintf(buf + n, size - n, "/" RUN_PREFIX "%s-%d", name, getpid());
	if (n >= (int)size)
		return -ENAMETOOLONG;
	if (mkdir(buf, 0755)) {
		r = -errno;
		sbx_diag_add(d, SBX_ERROR, nowhere, NULL, "cannot make the cgroup %s: %s", buf,
			     strerror(-r));
		return r;
	}
	return 0;
}

int sbx_cgroup_move_self(const char *path)
{
	char file[4096];
	int fd, r;

	snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	fd = open(file, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write(fd, "0", 1) == 1 ? 0 : -errno;
	close(fd);
	return r;
}

static int count_lines(const char *path)
{
	FILE *f = fopen(path, "re");
	int c, n = 0;

	if (!f)
		return -errno;
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

static int visit_below(const char *path, enum sbx_order order,
		       int (*fn)(const char *path, void *arg), void *arg)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	char *sub;
	int r = 0;

	if (!dir)
		return -errno;
	while (!r && (e = readdir(dir))) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		if (asprintf(&sub, "%s/%s", path, e->d_name) < 0) {
			r = -ENOMEM;
			break;
		}
		r = sbx_cgroup_visit(sub, order, fn, arg);
		free(sub);
		if (r == -ENOENT)
			r = 0; /* went away meanwhile */
	}
	closedir(dir);
	return r;
}

int sbx_cgroup_visit(const char *path, enum sbx_order order, int (*fn)(const char *path, void *arg),
		     void *arg)
{
	int r = order == SBX_DEEPEST_LAST ? fn(path, arg) : 0;

	if (!r)
		r = visit_below(path, order, fn, arg);
	return !r && order == SBX_DEEPEST_FIRST ? fn(path, arg) : r;
}

static int count_one(const char *path, void *arg)
{
	char file[4096];
	int n;

	snprintf(file, sizeof(file), "%s/cgroup.threads", path);
	n = count_lines(file);
	if (n > 0)
		*(int *)arg += n;
	return n < 0 ? n : 0;
}

int sbx_cgroup_tasks(const char *path)
{
	int n = 0, r = sbx_cgroup_visit(path, SBX_DEEPEST_FIRST, count_one, &n);

	return r ? r : n;
}

static int remove_one(const char *path, void *arg)
{
	return rmdir(path) && errno != ENOENT ? -errno : 0;
}

bool sbx_cgroup_holds(const char *cgroup, pid_t pid)
{
	char path[64], line[4096], top[256];
	const char *below;
	size_t n;
	bool in = false;
	FILE *f;

	if (!cgroup || sbx_cgroup_mount(top, sizeof(top)) || strncmp(cgroup, top, strlen(top)))
		return false;
	below = cgroup + strlen(top);
	n = strlen(below);
	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	f = fopen(path, "re");
	while (f && !in && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		in = !strncmp(line, "0::", 3) && !strncmp(line + 3, below, n) &&
		     (!line[3 + n] || line[3 + n] == '/');
	}
	if (f)
		fclose(f);
	return in;
}

int sbx_cgroup_remove(const char *path)
{
	int r = sbx_cgroup_visit(path, SBX_DEEPEST_FIRST, remove_one, NULL);

	return r == -ENOENT ? 0 : r;
}
