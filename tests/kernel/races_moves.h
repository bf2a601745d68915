/* SPDX-License-Identifier: MIT */
/* Renames against opens: one side moves, the other opens, on a processor each. Part of races.c. */
#ifndef SBX_RACES_MOVES_H
#define SBX_RACES_MOVES_H

#define TICK_US	       500
#define MET_PER_SECOND 4 /* at the least, however slow the machine is: fewer try nothing */

static void ticked(int sig)
{
}

/*
 * Each side keeps to a processor of its own, and is interrupted all the time: where the machine is
 * emulated by one thread that gives each processor its turn, this lets the turns be short, and end
 * anywhere in an open or in a rename.
 */
static void race_on(unsigned cpu)
{
	struct sigaction sa = {.sa_handler = ticked, .sa_flags = SA_RESTART};
	struct itimerval tick = {{0, TICK_US}, {0, TICK_US}};
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) || sigaction(SIGALRM, &sa, NULL) ||
	    setitimer(ITIMER_REAL, &tick, NULL))
		die("a processor of its own");
}

/* Starts the side that opens, and is the other from then on. */
static pid_t race_start(char **a, void (*member)(const char *dir))
{
	pid_t pid = child();

	if (!pid) {
		race_on(1);
		enter_as(a[2], a[3]);
		member(a[0]);
	}
	while (!sh->ready && !waitpid(pid, NULL, WNOHANG))
		usleep(1000);
	race_on(0);
	set_end(a[1]);
	return pid;
}

static int race_end(pid_t pid, const char *seconds)
{
	int status = 0;

	sh->stop = true;
	waitpid(pid, &status, 0);
	if (status) {
		printf("the side that opens failed (%#x)\n", status);
		return 2;
	}
	return report("moves", sh->met, MET_PER_SECOND * atoi(seconds));
}

/*
 * Lets the other side open up to `most` times, of `what` above all, which moves next. Then that
 * begins; it may come in the midst of an open.
 */
static void move_begin(unsigned what, unsigned most)
{
	unsigned long wanted = sh->opens + rand() % (most + 1);

	sh->what = what;
	while (sh->opens < wanted && time_left())
		__builtin_ia32_pause(); /* one who emulates goes on to the other processor */
	sh->seq++;
}

static void move_end(void)
{
	sh->seq++;
	sh->changes++;
}

/* After an open that began when `seq` was read: was nothing moving, from before it until now? */
static bool opened_still(unsigned long seq)
{
	unsigned long now = sh->seq;

	sh->opens++;
	sh->met += now != seq;
	return now == seq && !(seq & 1);
}

/* --- swap --- */

static char content(int fd)
{
	char c = 0;

	return read(fd, &c, 1) == 1 ? c : 0;
}

enum { DIRECTORY, FILE_ALONE };
#define WAYS 6

/* One open in one of several ways; -1: which file it would be is not known before. */
static int swap_open(const char *dir, const int *at, unsigned way, int k, int *which)
{
	*which = k;
	switch (way) {
	case 0:
		*which = -1;
		return open(name("%s/ok/d/f", dir), O_RDONLY);
	case 1:
		return openat(at[k], "f", O_RDONLY);
	case 2:
		return openat(at[k], "sub/f", O_RDONLY);
	case 3:
		return open(name("/proc/self/fd/%d", at[2 + k]), O_RDONLY);
	case 4:
		return open(name("/proc/self/fd/%d", at[4 + k]), O_RDONLY);
	default:
		*which = -1;
		return open(name("%s/secret/d/f", dir), O_RDONLY);
	}
}

static void swap_judge(int fd, unsigned way, int k, unsigned inside)
{
	bool may = k < 0 ? way == 0 : (unsigned)k == inside;

	if (fd < 0) {
		sh->denied += errno == EACCES && !may;
		sh->lost += errno != EACCES || may;
		return;
	}
	if (k < 0)
		may = content(fd) == (char)('0' + inside);
	sh->right += may;
	sh->wrong += !may;
}

static void swap_member(const char *dir)
{
	const char *const what[] = {"d", "d/f", "g"};
	const char *const where[] = {"ok", "secret"};
	const unsigned aimed[] = {[DIRECTORY] = 2, [FILE_ALONE] = 4};
	unsigned i, way;
	int at[6], fd, which;

	for (i = 0; i < 6; i++) {
		at[i] = open(name("%s/%s/%s", dir, where[i % 2], what[i / 2]), O_PATH);
		if (at[i] < 0)
			die("O_PATH");
	}
	sh->ready = true;
	for (i = 0; !sh->stop; i++) {
		unsigned long seq = sh->seq;
		unsigned inside;

		way = rand() % 2 ? i / 2 % WAYS : aimed[sh->what];
		inside = way == 4 ? sh->files : sh->dirs;
		fd = swap_open(dir, at, way, i % 2, &which);
		if (opened_still(seq)) /* else it may have been in either place */
			swap_judge(fd, way, which, inside);
		if (fd >= 0)
			close(fd);
	}
	exit(0);
}

static void trade(const char *dir, const char *what, bool exchange)
{
	const char *a = name("%s/ok/%s", dir, what), *b = name("%s/secret/%s", dir, what);
	const char *c = name("%s/secret/aside", dir);

	if (exchange ? renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE)
		     : rename(a, c) || rename(b, a) || rename(c, b))
		die("rename");
}

static void swap_tree(const char *dir)
{
	int i;

	for (i = 0; i < 2; i++) {
		const char *top = name("%s/%s", dir, i ? "secret" : "ok");

		make_dir(top);
		make_dir(name("%s/d", top));
		make_dir(name("%s/d/sub", top));
		put(name("%s/d/f", top), '0' + i);
		put(name("%s/d/sub/f", top), '0' + i);
		put(name("%s/g", top), '0' + i);
	}
}

static int swap(char **a)
{
	/* one upon the other, in the midst of an open, and with time to keep what will be stale */
	static const unsigned opens[] = {0, 2, 4 * WAYS};
	unsigned n;
	pid_t pid;

	swap_tree(a[0]);
	pid = race_start(a, swap_member);
	for (n = 0; time_left(); n++) {
		unsigned what = n % 3 == 2 ? FILE_ALONE : DIRECTORY;

		move_begin(what, opens[rand() % 3]);
		if (what == FILE_ALONE) {
			trade(a[0], "g", n & 1);
			sh->files ^= 1;
		} else {
			trade(a[0], "d", n & 1);
			sh->dirs ^= 1;
		}
		move_end();
	}
	return race_end(pid, a[1]);
}

/* --- torn --- */

enum { DENIED, BELOW, ALLOWED };

/*
 * Two files and a directory that go between two names. Both names of the first file, and of what is
 * below the directory, are denied; the parent of one with the last component of the other would be
 * allowed. The second file may be opened under both.
 */
static void torn_member(const char *dir)
{
	const char *denied = name("/proc/self/fd/%d", open(name("%s/secret/h.txt", dir), O_PATH));
	const char *allowed = name("/proc/self/fd/%d", open(name("%s/ok/any/w.txt", dir), O_PATH));
	int at = open(name("%s/secret/d.txt", dir), O_PATH), fd;
	unsigned i;

	if (at < 0)
		die("O_PATH");
	sh->ready = true;
	for (i = 0; !sh->stop; i++) {
		unsigned what = rand() % 2 ? sh->what : i & 1 ? DENIED : ALLOWED;
		unsigned long seq = sh->seq;

		fd = what == DENIED  ? open(denied, O_RDONLY)
		     : what == BELOW ? openat(at, "f", O_RDONLY)
				     : open(allowed, O_RDONLY);
		opened_still(seq);
		if (what == ALLOWED) {
			sh->right += fd >= 0;
			sh->unsure += fd < 0; /* "its name kept changing" */
		} else {
			sh->wrong += fd >= 0;
			sh->denied += fd < 0 && errno == EACCES;
			sh->lost += fd < 0 && errno != EACCES;
		}
		if (fd >= 0)
			close(fd);
	}
	exit(0);
}

/* What is kept of a directory is made anew by the first open below after it has moved, out of what
 * is kept of the one above: most of those come in the midst of the next move. */
static void torn_move(unsigned what, const char *from, const char *to)
{
	bool storm = sh->opens & 1024; /* half of the opens are in the midst of one */

	move_begin(what, storm ? 0 : what == BELOW ? 1 : 4);
	if (rename(from, to))
		die(from);
	move_end();
}

static int torn(char **a)
{
	const char *d = a[0];
	unsigned n;
	pid_t pid;

	make_dir(name("%s/ok/any", d));
	make_dir(name("%s/ok/lit", d));
	make_dir(name("%s/secret/d.txt", d));
	put(name("%s/secret/d.txt/f", d), 'x');
	put(name("%s/secret/h.txt", d), 'x');
	put(name("%s/ok/any/w.txt", d), 'x');
	pid = race_start(a, torn_member);
	for (n = 0; time_left(); n++) {
		const char *h[] = {name("%s/secret/h.txt", d), name("%s/ok/any/h.key", d)};
		const char *w[] = {name("%s/ok/any/w.txt", d), name("%s/ok/lit/w", d)};
		const char *below[] = {name("%s/secret/d.txt", d), name("%s/ok/any/d.key", d)};
		bool dirs = n & 64; /* what is kept expires with it: half of the time it does not */

		torn_move(DENIED, h[0], h[1]);
		torn_move(DENIED, h[1], h[0]);
		if (dirs)
			torn_move(BELOW, below[0], below[1]);
		torn_move(ALLOWED, w[0], w[1]); /* keeps something of ok/any, which stands above */
		torn_move(ALLOWED, w[1], w[0]);
		if (dirs)
			torn_move(BELOW, below[1], below[0]);
	}
	return race_end(pid, a[1]);
}

#endif
