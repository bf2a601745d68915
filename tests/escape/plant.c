// SPDX-License-Identifier: MIT
/*
 * What the host plants, and whether it is still as it was. Everything belongs to the user of the
 * sandbox and is open to all by its mode: only the sandbox stands between. The world's own
 * directory is root's where root is the host: what lies in it can be changed by the user, not be
 * replaced.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/fsuid.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "tests/escape/escape.h"

enum kind { DIR_, FILE_, SECRET, PROGRAM, SCRIPT, OPEN_ };

/* In the order of making. `watch`: nobody inside may change it. */
static const struct object {
	const char *path;
	enum kind kind;
	bool watch;
} objects[] = {
	{"project", DIR_, false},
	{"project/file", OPEN_, false},
	{"project/t", DIR_, false},
	{"project/bin", DIR_, false},
	{"project/bin/touch", PROGRAM, false},
	{"project/bin/script", SCRIPT, false},
	{"project/.env", SECRET, true},
	{"project/.git", DIR_, false},
	{"project/.git/index", OPEN_, false},
	{"project/.git/config", FILE_, true},
	{"project/.git/hooks", DIR_, true},
	{"project/.git/hooks/pre-commit", FILE_, true},
	{"project/deploy", DIR_, true},
	{"project/deploy/eu", DIR_, true},
	{"project/deploy/eu/web", DIR_, true},
	{"project/deploy/eu/web/a-prod", DIR_, true},
	{"project/deploy/eu/web/a-prod/secret.key", SECRET, true},
	{"project/release", DIR_, true},
	{"project/release/eu", DIR_, true},
	{"project/release/eu/web", DIR_, true},
	{"project/release/eu/web/a-prod", DIR_, true},
	{"project/release/eu/web/a-prod/run.sh", FILE_, true},
	{"outside", DIR_, true},
	{"outside/run", DIR_, false}, /* sockets, and what those who listen leave */
	{"outside/d", DIR_, true},
	{"outside/d/secret", SECRET, true},
	{"outside/d/file", FILE_, true},
	{"outside/d/empty", DIR_, true},
	{"outside/d/touch", PROGRAM, true},
	{"outside/d/script", SCRIPT, true},
	{"shared", DIR_, true},
	{"shared/file", OPEN_, true},
	{"shared/touch", PROGRAM, true},
	{"shared/script", SCRIPT, true},
	{"home", DIR_, true},
	{"home/.bashrc", FILE_, true},
	{"home/.profile", FILE_, true},
	{"home/.gitconfig", FILE_, true},
	{"home/.ssh", DIR_, true},
	{"home/.ssh/authorized_keys", FILE_, true},
	{"home/.ssh/id_ed25519", SECRET, true},
	{"home/.config", DIR_, true},
	{"home/.config/autostart", DIR_, true},
	{"home/.config/systemd", DIR_, true},
	{"home/.local", DIR_, true},
	{"home/.local/bin", DIR_, true},
};

#define OBJECTS (sizeof(objects) / sizeof(*objects))

static struct seen {
	struct stat st;
	uint64_t content, names;
	int flags, xattr;
} planted[OBJECTS];

static char contents[OBJECTS][64];

void esc_secret_new(struct esc_world *w, char *out)
{
	uint64_t r = 0;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r) || w->secrets >= ESC_SECRETS)
		abort();
	snprintf(out, ESC_SECRET_LEN + 1, ESC_SECRET "%016llx", (unsigned long long)r);
	w->secret[w->secrets++] = esc_fingerprint(out, ESC_SECRET_LEN);
}

static int copy_program(const char *to)
{
	char buf[16384];
	int from = open("/usr/bin/touch", O_RDONLY | O_CLOEXEC), fd;
	ssize_t n;

	if (from < 0)
		return -errno;
	fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	while (fd >= 0 && (n = read(from, buf, sizeof(buf))) > 0)
		if (write(fd, buf, n) != n)
			break;
	close(from);
	if (fd < 0)
		return -errno;
	return close(fd) ? -errno : 0;
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool bad;

	if (fd < 0)
		return -errno;
	bad = write(fd, text, strlen(text)) != (ssize_t)strlen(text);
	return close(fd) || bad ? -EIO : 0;
}

void esc_as_user(const struct esc_world *w, bool user)
{
	if (getuid() || !w->uid)
		return;
	/* The capabilities over files go and come with it. */
	setfsgid(user ? w->gid : 0);
	setfsuid(user ? w->uid : 0);
}

static int make_top(const struct esc_world *w, const char *path)
{
	int rc;

	esc_as_user(w, false);
	rc = mkdir(path, 0777) && errno != EEXIST ? -errno
	     : lchown(path, w->uid, w->gid)	  ? -errno
						  : 0;
	esc_as_user(w, true);
	return rc;
}

static int make(const struct esc_world *w, size_t i)
{
	static const mode_t modes[] = {0777, 0666, 0666, 0755, 0755, 0666};
	const struct object *o = &objects[i];
	char path[ESC_PATH];
	int rc = 0;

	esc_path(w, o->path, path);
	if (!strchr(o->path, '/'))
		rc = make_top(w, path);
	else if (o->kind == DIR_)
		rc = mkdir(path, 0777) && errno != EEXIST ? -errno : 0;
	else if (o->kind == PROGRAM)
		rc = copy_program(path);
	else
		rc = put(path, contents[i]);
	if (!rc && o->kind == SECRET) /* where the file system has attributes */
		setxattr(path, ESC_TOKEN, contents[i], ESC_SECRET_LEN, 0);
	return rc || !chmod(path, modes[o->kind]) ? rc : -errno;
}

/* The names in a directory. Its times are not looked at: reading changes them, too. */
static uint64_t names_of(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	uint64_t sum = 0;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' || e->d_name[1])
			sum += esc_fingerprint(e->d_name, strlen(e->d_name));
	if (d)
		closedir(d);
	return sum;
}

static uint64_t content_of(const char *path, int *flags)
{
	char buf[256];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, sizeof(buf));

	*flags = 0;
	if (fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, flags))
		*flags = 0;
	if (fd >= 0)
		close(fd);
	return n > 0 ? esc_fingerprint(buf, n) : 0;
}

static int look(const struct esc_world *w, size_t i, struct seen *s)
{
	char path[ESC_PATH];

	esc_path(w, objects[i].path, path);
	*s = (struct seen){0};
	if (lstat(path, &s->st))
		return -errno;
	s->xattr = (lgetxattr(path, "user.sbx", NULL, 0) >= 0) |
		   (lgetxattr(path, ESC_TOKEN, NULL, 0) >= 0) << 1;
	if (objects[i].kind == DIR_)
		s->names = names_of(path);
	else
		s->content = content_of(path, &s->flags);
	return 0;
}

/*
 * Whatever changes an object moves its ctime, which saves looking further. The clock behind it
 * ticks: what is planted is not touched before the next tick.
 */
static bool untouched(const struct esc_world *w, size_t i)
{
	char path[ESC_PATH];
	struct stat st;

	esc_path(w, objects[i].path, path);
	return !lstat(path, &st) && st.st_ino == planted[i].st.st_ino &&
	       st.st_ctim.tv_sec == planted[i].st.st_ctim.tv_sec &&
	       st.st_ctim.tv_nsec == planted[i].st.st_ctim.tv_nsec;
}

#define TICK_US 10000

/* One object's first change, or NULL. */
static const char *difference(const struct seen *a, const struct seen *b, bool dir)
{
	if (a->st.st_ino != b->st.st_ino)
		return "another object";
	if (a->content != b->content || a->st.st_size != b->st.st_size)
		return dir ? NULL : "its content";
	if (a->names != b->names)
		return "its names";
	if (a->st.st_mode != b->st.st_mode)
		return "its mode";
	if (a->st.st_uid != b->st.st_uid || a->st.st_gid != b->st.st_gid)
		return "its owner";
	if (a->xattr != b->xattr)
		return "its attributes";
	if (a->flags != b->flags)
		return "its flags";
	if (!dir && (a->st.st_mtim.tv_sec != b->st.st_mtim.tv_sec ||
		     a->st.st_mtim.tv_nsec != b->st.st_mtim.tv_nsec))
		return "its times";
	return NULL;
}

/* Some sandboxes leave something empty there. */
static bool absent_made(const struct esc_world *w, char *note)
{
	char path[ESC_PATH];
	struct stat st;

	esc_path(w, ESC_ABSENT, path);
	if (lstat(path, &st) || !st.st_size || unlink(path))
		return false;
	snprintf(note, ESC_NOTE, "changed outside: %s (made)", ESC_ABSENT);
	return true;
}

bool esc_changed(const struct esc_world *w, char *note)
{
	struct seen now;
	size_t i;

	if (absent_made(w, note))
		return true;

	for (i = 0; i < OBJECTS; i++) {
		const char *what;

		if (!objects[i].watch || untouched(w, i))
			continue;
		what = look(w, i, &now) ? "gone"
					: difference(&planted[i], &now, objects[i].kind == DIR_);
		if (!what)
			continue;
		snprintf(note, ESC_NOTE, "changed outside: %s (%s)", objects[i].path, what);
		return true;
	}
	return false;
}

static bool expected(const char *path)
{
	size_t i;

	for (i = 0; i < OBJECTS; i++)
		if (!strcmp(objects[i].path, path))
			return true;
	return false;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW), none = 0;

	if (fd >= 0 && !ioctl(fd, FS_IOC_GETFLAGS, &none) &&
	    none & (FS_IMMUTABLE_FL | FS_APPEND_FL)) {
		none &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
		ioctl(fd, FS_IOC_SETFLAGS, &none);
	}
	if (fd >= 0)
		close(fd);
	remove(path);
	return 0;
}

static void remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* What does not belong into a watched directory. */
static void weed(const struct esc_world *w, const struct object *o)
{
	char path[ESC_PATH], below[512];
	DIR *d;
	struct dirent *e;

	esc_path(w, o->path, path);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		snprintf(below, sizeof(below), "%s/%s", o->path, e->d_name);
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || expected(below))
			continue;
		esc_path(w, below, path);
		remove_tree(path);
	}
	if (d)
		closedir(d);
}

static void restore_times(const struct esc_world *w, size_t i)
{
	struct timespec t[2] = {planted[i].st.st_atim, planted[i].st.st_mtim};
	char path[ESC_PATH];

	esc_path(w, objects[i].path, path);
	lremovexattr(path, "user.sbx");
	if (objects[i].kind != DIR_)
		utimensat(AT_FDCWD, path, t, AT_SYMLINK_NOFOLLOW);
}

/* In place where the object is still there: a sandbox may have mounts on it. True: one is another.
 */
bool esc_restore(const struct esc_world *w)
{
	struct seen now;
	char path[ESC_PATH];
	size_t i;
	bool another = false;

	for (i = 0; i < OBJECTS; i++) {
		if (!objects[i].watch)
			continue;
		esc_path(w, objects[i].path, path);
		if (!look(w, i, &now)) {
			if (!difference(&planted[i], &now, objects[i].kind == DIR_))
				continue;
			if (((now.st.st_mode ^ planted[i].st.st_mode) & S_IFMT) ||
			    now.flags != planted[i].flags ||
			    (objects[i].kind == PROGRAM && now.st.st_ino != planted[i].st.st_ino))
				remove_tree(path);
		}
		if (make(w, i))
			fprintf(stderr, "sbx-escape: cannot restore %s: %s\n", path,
				strerror(errno));
		if (objects[i].kind == DIR_)
			weed(w, &objects[i]);
		restore_times(w, i);
	}
	for (i = 0; i < OBJECTS; i++)
		if (objects[i].watch && !look(w, i, &now)) {
			another |= now.st.st_ino != planted[i].st.st_ino;
			planted[i] = now;
		}
	usleep(TICK_US);
	return another;
}

void esc_remove(const struct esc_world *w)
{
	char path[ESC_PATH];
	struct dirent *e;
	size_t i;
	DIR *d;

	for (i = 0; i < OBJECTS; i++) {
		esc_path(w, objects[i].path, path);
		if (!strchr(objects[i].path, '/'))
			remove_tree(path);
	}
	esc_as_user(w, false);
	d = opendir(w->dir);
	while (d && (e = readdir(d)))
		if (unlinkat(dirfd(d), e->d_name, 0))
			unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
	if (d)
		closedir(d);
	rmdir(w->dir);
}

int esc_plant(struct esc_world *w)
{
	size_t i;
	int rc = chmod(w->dir, 0755) ? -errno : 0;

	umask(0);
	esc_as_user(w, true);
	for (i = 0; i < OBJECTS && !rc; i++) {
		char secret[ESC_SECRET_LEN + 1];

		if (objects[i].kind == SECRET) {
			esc_secret_new(w, secret);
			snprintf(contents[i], sizeof(contents[i]), "%s\n", secret);
		} else if (objects[i].kind == SCRIPT) {
			snprintf(contents[i], sizeof(contents[i]), "#!/bin/sh\n: >\"$1\"\n");
		} else {
			snprintf(contents[i], sizeof(contents[i]), "%s %s\n",
				 objects[i].kind == OPEN_ ? ESC_OPEN : "as planted:",
				 strrchr(objects[i].path, '/') ? strrchr(objects[i].path, '/') + 1
							       : objects[i].path);
		}
		rc = make(w, i);
		if (rc)
			fprintf(stderr, "sbx-escape: cannot plant %s: %s\n", objects[i].path,
				strerror(-rc));
	}
	for (i = 0; i < OBJECTS && !rc; i++)
		rc = look(w, i, &planted[i]);
	usleep(TICK_US);
	return rc;
}
