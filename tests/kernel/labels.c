// SPDX-License-Identifier: MIT
/*
 * Tasks for the label tests. All of them try to open SECRET, which the sandbox denies, and print
 * how many were denied and how many got through.
 *
 *	labels clone-into CGROUP SECRET		a child born into the cgroup
 *	labels threads SECRET			eight threads; each tries when a line comes on stdin
 *	labels storm SECONDS FLAG SECRET	fork as fast as possible; a child that saw FLAG must
 *be denied afterwards
 *	labels leave CGROUP SECRET		move to another cgroup, then setsid, double fork,
 *exec
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *secret;
static atomic_int denied, through;
static atomic_int go;

static int try_open(void)
{
	int fd = open(secret, O_RDONLY);

	if (fd >= 0) {
		close(fd);
		through++;
		return 1;
	}
	if (errno == EACCES)
		denied++;
	return 0;
}

static int report(void)
{
	printf("denied %d through %d\n", denied, through);
	fflush(stdout);
	return through ? 1 : denied ? 0 : 2;
}

static int clone_into(char **a)
{
	struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
	int status, fd = open(a[0], O_PATH | O_DIRECTORY);
	pid_t pid;

	secret = a[1];
	args.cgroup = fd;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0) {
		perror("clone3");
		return 2;
	}
	if (!pid) {
		try_open();
		_exit(report());
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void *thread(void *arg)
{
	while (!go)
		usleep(1000);
	try_open();
	return NULL;
}

static int threads(char **a)
{
	pthread_t t[8];
	char line[16];
	int i;

	secret = a[0];
	for (i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, thread, NULL);
	printf("ready\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 2;
	go = 1;
	for (i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	return report();
}

static int storm_child(const char *flag)
{
	int flagged = !access(flag, F_OK), got;

	got = try_open();
	return flagged ? (got ? 1 : 2) : 0;
}

static int storm(char **a)
{
	time_t end = time(NULL) + atoi(a[0]);
	int status, forks = 0, refused = 0;
	pid_t pid;

	secret = a[2];
	while (time(NULL) < end) {
		pid = fork();
		if (!pid)
			_exit(storm_child(a[1]));
		if (pid < 0) {
			refused++;
			continue;
		}
		forks++;
		waitpid(pid, &status, 0);
		if (WEXITSTATUS(status) == 1)
			through++;
		if (WEXITSTATUS(status) == 2)
			denied++;
	}
	printf("forks %d refused %d ", forks, refused);
	return report();
}

static int leave(char **a)
{
	char procs[4096], me[16];
	int fd, status;

	secret = a[1];
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", a[0]);
	snprintf(me, sizeof(me), "%d", getpid());
	fd = open(procs, O_WRONLY);
	if (fd < 0 || write(fd, me, strlen(me)) < 0) {
		perror("moving");
		return 2;
	}
	try_open();
	if (!fork()) {
		setsid();
		if (!fork()) {
			try_open();
			execl("/bin/cat", "cat", secret, (char *)NULL);
			_exit(127);
		}
		wait(&status);
		_exit(WEXITSTATUS(status) == 1 ? 0 : 1); /* cat could not read it */
	}
	wait(&status);
	if (WEXITSTATUS(status))
		through++;
	return report();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int args;
		int (*fn)(char **a);
	} modes[] = {
		{"clone-into", 2, clone_into},
		{"threads", 1, threads},
		{"storm", 3, storm},
		{"leave", 2, leave},
	};
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (argc == modes[i].args + 2 && !strcmp(argv[1], modes[i].name))
			return modes[i].fn(argv + 2);
	fprintf(stderr, "usage: see the source\n");
	return 2;
}
