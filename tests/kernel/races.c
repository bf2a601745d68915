// SPDX-License-Identifier: MIT
/*
 * Races against what the kernel side keeps: a stale grant must never be used. Everything runs
 * outside the sandbox but for a child, which enters CGROUP and opens files. What is judged is told
 * apart by content, and a grant is wrong where nothing moved from before the open until after it.
 * Prints what was counted; the status is 0 when there were right grants and denials, only those,
 * and enough to find something. An open that met a move ran while it took effect: how many did is
 * what a race between the two is worth.
 *
 *	races swap DIR SECONDS CGROUP USER	DIR/ok and DIR/secret trade directories and files
 *	races torn DIR SECONDS CGROUP USER	names that would be allowed if they were mixed
 *	races reuse DIR SECONDS CGROUP		removed from DIR/ok, made anew in DIR/secret
 *	races evict DIR SECONDS CGROUP		trees alike in numbers; inodes are dropped
 *	races moved FILE SECONDS CGROUP OTHER	a process from OTHER, which denies FILE
 *	races pair FILE1 FILE2 SECONDS CGROUP1 CGROUP2
 *						fork storms: in one, in the other, in both
 *	races watch FILE CTL CGROUP		opens FILE until told to end, as CTL says
 *	races expect CTL any|allow|deny|end	tells it, and waits until it has obeyed
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define die(what)                                                                 \
	do {                                                                      \
		fprintf(stderr, "%d: %s: %s\n", __LINE__, what, strerror(errno)); \
		exit(2);                                                          \
	} while (0)

enum expect { ANY, ALLOW, DENY, END };
static const char *const expect_name[] = {"any", "allow", "deny", "end"};

struct shared {
	atomic_ulong seq;	 /* odd while something moves */
	atomic_uint dirs, files; /* which of the two is in ok */
	atomic_uint what;	 /* moves next */
	atomic_uint expect, round;
	atomic_bool ready, stop;
	atomic_ulong right, denied, wrong, lost, unsure;
	atomic_ulong opens, changes;
	atomic_ulong met; /* opens during which something moved */
};

static struct shared *sh;
static struct timespec until;

static void *share(int fd)
{
	int flags = fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED;
	void *p = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static void set_end(const char *seconds)
{
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += atoi(seconds);
}

static bool time_left(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec < until.tv_sec ||
	       (now.tv_sec == until.tv_sec && now.tv_nsec < until.tv_nsec);
}

static int open_cgroup(const char *cgroup)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		die(path);
	return fd;
}

static void move_to(const char *cgroup, pid_t pid)
{
	int fd = open_cgroup(cgroup);

	if (dprintf(fd, "%d\n", pid) < 0)
		die(cgroup);
	close(fd);
}

/* A sandbox takes away the right to become another user: that first, with the cgroup at hand. */
static void enter_as(const char *cgroup, const char *user)
{
	struct passwd *pw = getpwnam(user);
	int fd = open_cgroup(cgroup);

	if (!pw || (pw->pw_uid && (setgid(pw->pw_gid) || setuid(pw->pw_uid))))
		die(user);
	if (dprintf(fd, "%d\n", getpid()) < 0)
		die(cgroup);
	close(fd);
}

/* A child that ends with its parent. */
static pid_t child(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/* `changes` says what they are. `tried` less than `least` is a failure: that would find nothing. */
static int report(const char *changes, unsigned long tried, unsigned long least)
{
	unsigned long rounds = sh->right + sh->denied + sh->wrong + sh->lost;

	printf("%lu rounds (opens), %lu %s", rounds, sh->changes, changes);
	if (sh->met)
		printf(", met by %lu opens", sh->met);
	printf(": %lu right grants, %lu denials, %lu stale grants, %lu wrong denials, %lu "
	       "unsure%s\n",
	       sh->right, sh->denied, sh->wrong, sh->lost, sh->unsure,
	       tried < least ? ": too few to find anything" : "");
	return sh->wrong || sh->lost || !sh->right || !sh->denied || tried < least;
}

static void put(const char *path, char c)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, &c, 1) != 1)
		die(path);
	close(fd);
}

__attribute__((format(printf, 1, 2))) static const char *name(const char *fmt, ...)
{
	static char buf[8][600];
	static unsigned next;
	char *p = buf[next++ % 8];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p, sizeof(buf[0]), fmt, ap);
	va_end(ap);
	return p;
}

static void make_dir(const char *path)
{
	if (mkdir(path, 0755) && errno != EEXIST)
		die(path);
}

/* --- a member that opens what it is told --- */

struct member {
	int fd;
	pid_t pid;
};

static struct member member_start(const char *cgroup)
{
	struct member m;
	char path[600];
	int s[2], fd;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s))
		die("socketpair");
	m.pid = child();
	m.fd = s[0];
	if (m.pid) {
		close(s[1]);
		return m;
	}
	close(s[0]);
	move_to(cgroup, getpid());
	while (read(s[1], path, sizeof(path)) > 0) {
		fd = open(path, O_RDONLY);
		if (write(s[1], &(int){fd < 0 ? errno : 0}, sizeof(int)) < 0)
			break;
		if (fd >= 0)
			close(fd);
	}
	exit(0);
}

static void member_open(struct member *m, const char *path, enum expect want)
{
	int err = -1;

	if (write(m->fd, path, strlen(path) + 1) < 0 || read(m->fd, &err, sizeof(err)) < 0)
		die("member");
	sh->right += !err && want == ALLOW;
	sh->wrong += !err && want == DENY;
	sh->denied += err == EACCES && want == DENY;
	sh->lost += err && (err != EACCES || want == ALLOW);
}

#define BATCH 24

/* The generation of its inode: its owner can set it, where the file system has any (and, on ext4,
 * no checksums). All that tells two directories apart may then be the same. */
static ino_t make_one(const char *dir, const char *where, int i, long *generation)
{
	const char *d = name("%s/%s/x%d", dir, where, i);
	struct stat st;
	int fd;

	make_dir(d);
	put(name("%s/f", d), 'x');
	fd = open(d, O_RDONLY);
	if (fd < 0 || fstat(fd, &st))
		die(d);
	ioctl(fd, *generation ? FS_IOC_SETVERSION : FS_IOC_GETVERSION, generation);
	close(fd);
	return st.st_ino;
}

static void remove_one(const char *dir, const char *where, int i)
{
	const char *d = name("%s/%s/x%d", dir, where, i);

	if (unlink(name("%s/f", d)) || rmdir(d))
		die(d);
}

static int reuse(char **a)
{
	struct member m = member_start(a[2]);
	unsigned long again = 0;
	long generation[BATCH];
	ino_t ino[BATCH];
	int i, k;

	set_end(a[1]);
	make_dir(name("%s/ok", a[0]));
	make_dir(name("%s/secret", a[0]));
	while (time_left()) {
		for (i = 0; i < BATCH; i++) {
			generation[i] = 0;
			ino[i] = make_one(a[0], "ok", i, &generation[i]);
		}
		for (k = 0; k < 2; k++)
			for (i = 0; i < BATCH; i++)
				member_open(&m, name("%s/ok/x%d/f", a[0], i), ALLOW);
		for (i = 0; i < BATCH; i++)
			remove_one(a[0], "ok", i);
		usleep(20000); /* memory comes back after a grace period */
		for (i = 0; i < BATCH; i++)
			again += make_one(a[0], "secret", i, &generation[i]) == ino[i];
		for (i = 0; i < BATCH; i++)
			member_open(&m, name("%s/secret/x%d/f", a[0], i), DENY);
		for (i = 0; i < BATCH; i++)
			remove_one(a[0], "secret", i);
		sh->changes += BATCH;
	}
	printf("%lu numbers used again: ", again);
	return report("directories made anew", sh->changes, BATCH);
}

/* DIR/ok and DIR/secret hold x0, x1, ... with f in each: see test_cache.sh. */
static int evict(char **a)
{
	struct member m = member_start(a[2]);
	unsigned round;
	int fd, i, k, n = 0;

	set_end(a[1]);
	while (!access(name("%s/ok/x%d/f", a[0], n), F_OK))
		n++;
	fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
	if (fd < 0 || !n)
		die("drop_caches");
	for (round = 0; time_left(); round++) {
		for (k = 0; k < 2; k++)
			for (i = 0; i < n; i++)
				member_open(&m, name("%s/ok/x%d/f", a[0], i), ALLOW);
		for (k = 0; k < 2; k++)
			if (write(fd, "2", 1) != 1)
				die("drop_caches");
		usleep(20000);
		/* backwards or not, from anywhere: some meet the memory of their twin */
		for (i = 0; i < n; i++) {
			k = (i + round * 7) % n;
			member_open(&m, name("%s/secret/x%d/f", a[0], round & 1 ? n - 1 - k : k),
				    DENY);
		}
		sh->changes += n;
	}
	return report("directories dropped", sh->changes, n);
}

#include "races_moves.h"
#include "races_tasks.h"

static const struct {
	const char *name;
	int args;
	int (*run)(char **a);
} modes[] = {
	{"swap", 4, swap},   {"torn", 4, torn}, {"reuse", 3, reuse}, {"evict", 3, evict},
	{"moved", 4, moved}, {"pair", 5, pair}, {"watch", 3, watch}, {"expect", 2, expect},
};

int main(int argc, char **argv)
{
	size_t i;

	sh = share(-1);
	for (i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (argc > 1 && !strcmp(argv[1], modes[i].name) && argc == 2 + modes[i].args)
			return modes[i].run(argv + 2);
	fprintf(stderr, "usage: see the head of races.c\n");
	return 2;
}
