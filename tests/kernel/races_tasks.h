/* SPDX-License-Identifier: MIT */
/* Races of who a task is, and of what the administrator changes. Part of races.c. */
#ifndef SBX_RACES_TASKS_H
#define SBX_RACES_TASKS_H

/* sh->round is what OTHER's visitor has reached: 0 not yet there, 1 it has been there. */
static void moved_member(const char *file, const char *cgroup)
{
	unsigned n = 0;

	move_to(cgroup, getpid());
	sh->ready = true;
	while (n < 30) {
		bool was = sh->round;
		int fd = open(file, O_RDONLY);

		if (was) {
			n++;
			sh->wrong += fd >= 0;
			sh->denied += fd < 0 && errno == EACCES;
			sh->lost += fd < 0 && errno != EACCES;
		} else if (fd >= 0) {
			sh->right++;
		}
		if (fd >= 0)
			close(fd);
	}
	exit(0);
}

static int moved(char **a)
{
	unsigned n;

	set_end(a[1]);
	for (n = 0; time_left(); n++) {
		pid_t pid;

		sh->round = 0;
		sh->ready = false;
		pid = child();
		if (!pid)
			moved_member(a[0], a[2]);
		while (!sh->ready)
			usleep(100);
		usleep(n * 53 % 2000);
		move_to(a[3], pid);
		sh->round = 1;
		move_to(a[2], pid);
		waitpid(pid, NULL, 0);
		sh->changes++;
	}
	return report("processes moved", sh->changes, atoi(a[1]));
}

/* Which of the two files may be opened by those of storm i? */
static bool pair_may(int i, int file)
{
	return i == 0 ? file == 0 : i == 1 && file == 1;
}

static void pair_child(char **file, int i)
{
	int k, round, fd;

	for (round = 0; round < 3; round++)
		for (k = 0; k < 2; k++) {
			bool may = pair_may(i, k);

			fd = open(file[k], O_RDONLY);
			sh->right += fd >= 0 && may;
			sh->wrong += fd >= 0 && !may;
			sh->denied += fd < 0 && !may;
			sh->lost += fd < 0 && may;
			if (fd >= 0)
				close(fd);
		}
	_exit(0);
}

/*
 * Tasks come and go, and their addresses are used again: by one in the other cgroup, and by one in
 * the same that both sandboxes bind, because it was born to one that had been in the other.
 */
static int pair(char **a)
{
	int i, fd;

	set_end(a[2]);
	for (i = 0; i < 3; i++) {
		if (child())
			continue;
		fd = open_cgroup(a[3]); /* from inside it cannot be opened */
		move_to(a[i ? 4 : 3], getpid());
		if (i == 2 && dprintf(fd, "%d\n", getpid()) < 0)
			die(a[3]);
		close(fd);
		while (time_left()) {
			pid_t pid = fork();

			if (!pid)
				pair_child(a, i);
			waitpid(pid, NULL, 0);
			sh->changes++;
		}
		exit(0);
	}
	while (wait(NULL) > 0)
		;
	return report("forks", sh->changes, atoi(a[2]));
}

/* --- watch --- */

static struct shared *control(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0666);

	if (fd < 0 || ftruncate(fd, sizeof(struct shared)))
		die(path);
	return share(fd);
}

static int watch(char **a)
{
	sh = control(a[1]);
	move_to(a[2], getpid());
	sh->ready = true;
	while (sh->expect != END) {
		unsigned round = sh->round, want = sh->expect;
		int fd = open(a[0], O_RDONLY);

		if (want == ANY) {
			sh->unsure++;
			usleep(1000); /* let those who change something come to it */
		} else if (sh->round != round) {
			sh->unsure++;
		} else {
			sh->right += fd >= 0 && want == ALLOW;
			sh->wrong += fd >= 0 && want == DENY;
			sh->denied += fd < 0 && want == DENY;
			sh->lost += fd < 0 && want == ALLOW;
		}
		if (fd >= 0)
			close(fd);
	}
	return report("changes", sh->changes, 1);
}

/* `round` brackets the change, so that an open that spans it is not judged. */
static int expect(char **a)
{
	int i;

	sh = control(a[0]);
	for (i = 0; i < 5000 && !sh->ready; i++)
		usleep(1000);
	for (i = 0; i <= END; i++)
		if (!strcmp(a[1], expect_name[i])) {
			sh->round++;
			sh->expect = i;
			sh->round++;
			sh->changes += i == ANY;
			usleep(i == ANY ? 20000 : 150000); /* some opens of either kind */
			return 0;
		}
	return 2;
}

#endif
