// SPDX-License-Identifier: MIT
/*
 * Tasks for the label tests. All of them try to open SECRET, which the sandbox denies, and print
 * how many were denied and how many got through. The status tells: 0 all were denied, 1 some got
 * through, 2 neither.
 *
 *	labels clone-into CGROUP SECRET		a child born into the cgroup
 *	labels clone-out CGROUP SECRET		the same from inside, into one outside
 *	labels threads SECRET			eight threads; each tries when a line comes on stdin
 *	labels headless SECRET			the same after the first thread has ended
 *	labels alone IN OUT SECRET		a thread goes IN alone, its process OUT
 *	labels late IN OUT SECRET		the process goes IN, a thread goes OUT alone
 *	labels storm SECONDS FLAG SECRET	two threads fork as fast as possible until SECONDS
 *						after FLAG is there: children that saw it count
 *	labels spin FLAG SECRET			try again and again until FLAG is there; counts from
 *						the first SIGUSR1 on
 *	labels heirs IN FIRST SECRET		children of one process that goes IN by way of FIRST
 *						and of one that does not, in turns: the kernel
 *						uses the memory of the tasks again
 *	labels leave CGROUP SECRET		move to another cgroup, then setsid, double fork,
 *						setuid, unshare, exec
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
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

static int put(const char *cgroup, const char *file, int id)
{
	char path[4096], text[16];
	int fd, n;

	snprintf(path, sizeof(path), "%s/%s", cgroup, file);
	n = snprintf(text, sizeof(text), "%d", id);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, text, n) != n) {
		perror(path);
		exit(2);
	}
	return close(fd);
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
	char c;

	if (arg) /* asleep in a pipe: looked at by nobody */
		while (read(*(int *)arg, &c, 1) < 0)
			;
	while (!go)
		usleep(1000);
	try_open();
	return NULL;
}

static int wait_for_word(void)
{
	char line[16];

	printf("ready\n");
	fflush(stdout);
	return fgets(line, sizeof(line), stdin) ? 0 : 2;
}

static int threads(char **a)
{
	pthread_t t[8];
	int i;

	secret = a[0];
	for (i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, thread, NULL);
	if (wait_for_word())
		return 2;
	go = 1;
	for (i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	return report();
}

static void *headless_thread(void *arg)
{
	if (wait_for_word())
		exit(2);
	try_open();
	exit(report());
}

static int headless(char **a)
{
	pthread_t t;

	secret = a[0];
	pthread_create(&t, NULL, headless_thread, NULL);
	pthread_exit(NULL);
}

static int sleeper[2];
static atomic_int sleeper_tid;

static void *sleeper_thread(void *arg)
{
	sleeper_tid = syscall(SYS_gettid);
	return thread(&sleeper[0]);
}

/* Moves of single threads need threaded cgroups. */
static int thread_moves(char **a, int alone)
{
	pthread_t t;

	secret = a[2];
	if (pipe(sleeper))
		return 2;
	pthread_create(&t, NULL, sleeper_thread, NULL);
	while (!sleeper_tid)
		usleep(1000);
	go = 1;
	if (alone) {
		put(a[0], "cgroup.threads", sleeper_tid);
		put(a[1], "cgroup.procs", getpid());
	} else {
		put(a[0], "cgroup.procs", getpid());
		put(a[1], "cgroup.threads", sleeper_tid);
	}
	if (write(sleeper[1], "x", 1) != 1)
		return 2;
	pthread_join(t, NULL);
	return report();
}

static int alone(char **a)
{
	return thread_moves(a, 1);
}

static int late(char **a)
{
	return thread_moves(a, 0);
}

struct storm {
	const char *flag;
	int seconds;
	atomic_int forks, refused;
};

static int storm_child(const char *flag)
{
	int flagged = !access(flag, F_OK), got;

	got = try_open();
	return flagged ? (got ? 1 : 2) : 0;
}

static void *storm_thread(void *arg)
{
	struct storm *s = arg;
	time_t end = time(NULL) + 300;
	int status, flagged = 0;
	pid_t pid;

	while (time(NULL) < end) {
		if (!flagged && !access(s->flag, F_OK)) {
			flagged = 1;
			end = time(NULL) + s->seconds;
		}
		pid = fork();
		if (!pid)
			_exit(storm_child(s->flag));
		if (pid < 0) {
			s->refused++;
			continue;
		}
		s->forks++;
		waitpid(pid, &status, 0);
		if (WEXITSTATUS(status) == 1)
			through++;
		if (WEXITSTATUS(status) == 2)
			denied++;
	}
	return NULL;
}

static int storm(char **a)
{
	struct storm s = {.flag = a[1], .seconds = atoi(a[0])};
	pthread_t t;

	secret = a[2];
	pthread_create(&t, NULL, storm_thread, &s);
	storm_thread(&s);
	pthread_join(t, NULL);
	printf("forks %d refused %d ", s.forks, s.refused);
	return report();
}

/* The far end of `leave`: nobody is left who was ever moved. */
static int leave_child(void)
{
	int status;

	setsid();
	if (!fork()) {
		try_open();
		if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC))
			perror("unshare");
		if (!fork()) {
			if (setgid(65534) || setuid(65534))
				perror("setuid");
			try_open();
			if (through)
				_exit(0);
			execl("/bin/cat", "cat", secret, (char *)NULL);
			_exit(127);
		}
		wait(&status);
		_exit(through ? 0 : WEXITSTATUS(status));
	}
	wait(&status);
	return WEXITSTATUS(status) == 1 ? 0 : 1; /* cat could not read it */
}

static volatile sig_atomic_t anew;

static void count_anew(int sig)
{
	anew = 1;
}

static void *idler(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

/* The first of many threads: it is moved long before the last one is. */
static int spin(char **a)
{
	pthread_attr_t small;
	pthread_t t;
	int i;

	secret = a[1];
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 16384);
	for (i = 0; i < 400; i++)
		if (pthread_create(&t, &small, idler, NULL))
			return 2;
	signal(SIGUSR1, count_anew);
	printf("ready\n");
	fflush(stdout);
	while (access(a[0], F_OK)) {
		if (anew)
			anew = denied = through = 0;
		try_open();
	}
	return report();
}

#define HEIRS 1500

/* A child tries at each turn; as often as `tries` says, for what is kept of a task that acts. */
static void take_turns(int in, int out, int tries)
{
	int i, turn, status;
	pid_t pid;
	char c;

	for (turn = 0; turn < HEIRS && read(in, &c, 1) == 1; turn++) {
		pid = fork();
		if (!pid) {
			for (i = 0; i < tries; i++)
				try_open();
			_exit(through ? 1 : denied ? 0 : 2);
		}
		waitpid(pid, &status, 0);
		denied += status == 0;
		through += WIFEXITED(status) && WEXITSTATUS(status) == 1;
		if (write(out, &c, 1) != 1)
			break;
	}
}

static int heirs(char **a)
{
	int to_twin[2], from_twin[2], status;
	pid_t twin;

	secret = a[2];
	if (pipe(to_twin) || pipe(from_twin))
		return 2;
	twin = fork();
	if (!twin) {
		close(to_twin[1]); /* who waits for one that failed sees the end */
		put(a[0], "cgroup.procs", getpid());
		take_turns(to_twin[0], from_twin[1], 3);
		_exit(through != HEIRS);
	}
	close(from_twin[1]);
	put(a[1], "cgroup.procs", getpid());
	put(a[0], "cgroup.procs", getpid());
	if (write(to_twin[1], "x", 1) != 1)
		return 2;
	take_turns(from_twin[0], to_twin[1], 1);
	waitpid(twin, &status, 0);
	printf("the twin's %s; ", status ? "failed" : "read");
	return report();
}

static int leave(char **a)
{
	int status;

	secret = a[1];
	put(a[0], "cgroup.procs", getpid());
	try_open();
	if (!fork())
		_exit(leave_child());
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
		{"clone-out", 2, clone_into},
		{"headless", 1, headless},
		{"alone", 3, alone},
		{"late", 3, late},
		{"threads", 1, threads},
		{"storm", 3, storm},
		{"spin", 2, spin},
		{"heirs", 3, heirs},
		{"leave", 2, leave},
	};
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (argc == modes[i].args + 2 && !strcmp(argv[1], modes[i].name))
			return modes[i].fn(argv + 2);
	fprintf(stderr, "usage: see the source\n");
	return 2;
}
