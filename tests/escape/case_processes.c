// SPDX-License-Identifier: MIT
/* Signals, ptrace, and whatever else one process may do to another. */
#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/escape/escape.h"

/* Open to all, for a twin to find in its child. */
static char own_memory[ESC_SECRET_LEN + 1] = ESC_OPEN;

/* The victim; for a twin a child of its own, which goes with it. */
static pid_t whom(struct esc_try *t)
{
	pid_t pid;

	if (!t->twin)
		return t->w->victim;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static void *memory(struct esc_try *t)
{
	return t->twin ? (void *)own_memory : (void *)t->w->victim_secret;
}

static int done(struct esc_try *t, int r)
{
	if (!r && t->twin)
		esc_prove(t, "did it to a child of its own");
	return r;
}

static int by_kill(struct esc_try *t)
{
	return done(t, esc_err(kill(whom(t), SIGUSR1)));
}

static int by_tgkill(struct esc_try *t)
{
	pid_t pid = whom(t);

	return done(t, esc_err(syscall(SYS_tgkill, pid, pid, SIGUSR1)));
}

static int by_sigqueue(struct esc_try *t)
{
	return done(t, esc_err(sigqueue(whom(t), SIGUSR1, (union sigval){.sival_int = 1})));
}

static int by_pidfd(struct esc_try *t)
{
	int fd = syscall(SYS_pidfd_open, whom(t), 0);

	return fd < 0 ? -errno
		      : done(t, esc_err(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, NULL, 0)));
}

static int stop_it(struct esc_try *t)
{
	pid_t pid = whom(t);
	int r = esc_err(kill(pid, SIGSTOP));

	/* A stop leaves no trace, once it is over; the signal that follows does. */
	if (!r)
		r = esc_err(kill(pid, SIGCONT));
	return done(t, r ? r : esc_err(kill(pid, SIGUSR2)));
}

static int probe_all(struct esc_try *t)
{
	int r = esc_err(kill(whom(t), 0));

	if (!r)
		esc_prove(t, "may signal it");
	return r;
}

static int by_owner(struct esc_try *t)
{
	pid_t pid = t->twin ? getpid() : t->w->victim;
	int p[2], r;

	if (t->twin)
		signal(SIGUSR1, SIG_IGN);
	if (pipe(p) || fcntl(p[0], F_SETOWN, pid) || fcntl(p[0], F_SETSIG, SIGUSR1) ||
	    fcntl(p[0], F_SETFL, O_ASYNC))
		return -errno;
	r = esc_err(write(p[1], "x", 1));
	usleep(20000);
	return done(t, r);
}

static int attach(struct esc_try *t)
{
	pid_t pid = whom(t);
	long word, i;
	char got[ESC_SECRET_LEN + sizeof(word)];
	int r = esc_err(ptrace(PTRACE_ATTACH, pid, NULL, NULL));

	if (r)
		return r;
	waitpid(pid, NULL, 0);
	for (i = 0; i < ESC_SECRET_LEN; i += sizeof(word)) {
		word = ptrace(PTRACE_PEEKDATA, pid, (char *)memory(t) + i, NULL);
		memcpy(got + i, &word, sizeof(word));
	}
	esc_saw(t, got, ESC_SECRET_LEN, "its memory, by ptrace");
	return esc_err(ptrace(PTRACE_DETACH, pid, NULL, NULL));
}

static int seize(struct esc_try *t)
{
	pid_t pid = whom(t);
	int r = esc_err(ptrace(PTRACE_SEIZE, pid, NULL, NULL));

	if (!r)
		esc_prove(t, "traces it");
	return r;
}

static int vm_read(struct esc_try *t)
{
	char buf[ESC_SECRET_LEN];
	struct iovec to = {buf, sizeof(buf)}, from = {memory(t), sizeof(buf)};
	ssize_t n = process_vm_readv(whom(t), &to, 1, &from, 1, 0);

	if (n > 0)
		esc_saw(t, buf, n, "its memory, by process_vm_readv");
	return esc_err(n);
}

static int vm_write(struct esc_try *t)
{
	long word = 1;
	struct iovec from = {&word, sizeof(word)},
		     to = {t->twin ? (void *)own_memory : (void *)t->w->victim_word, sizeof(word)};

	return done(t, esc_err(process_vm_writev(whom(t), &from, 1, &to, 1, 0)));
}

static int proc_file(struct esc_try *t, const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", t->twin ? getpid() : (int)t->w->victim, name);
	return open(path, flags | O_CLOEXEC);
}

static int mem_read(struct esc_try *t)
{
	char buf[ESC_SECRET_LEN];
	int fd = proc_file(t, "mem", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : pread(fd, buf, sizeof(buf), (off_t)memory(t));

	if (n > 0)
		esc_saw(t, buf, n, "/proc/PID/mem");
	return esc_err(n);
}

static int mem_write(struct esc_try *t)
{
	long word = 1;
	int fd;

	if (t->twin)
		return mem_read(t);
	fd = proc_file(t, "mem", O_RDWR);
	return fd < 0 ? -errno : esc_err(pwrite(fd, &word, sizeof(word), (off_t)t->w->victim_word));
}

static int environ_read(struct esc_try *t)
{
	int fd = proc_file(t, "environ", O_RDONLY);

	if (fd < 0)
		return -errno;
	if (t->twin)
		return esc_prove(t, "opened its own"), 0;
	return esc_saw_fd(t, fd, "/proc/PID/environ");
}

static int fd_read(struct esc_try *t)
{
	int fd;

	if (t->twin)
		return esc_twin_file(t);
	fd = proc_file(t, "fd/3", O_RDONLY);
	return esc_saw_fd(t, fd, "/proc/PID/fd/3");
}

static int maps_read(struct esc_try *t)
{
	int fd = proc_file(t, "maps", O_RDONLY);
	char buf[16];
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));

	if (n > 0)
		esc_prove(t, "read where its memory is");
	return esc_err(n);
}

static int process_madvise_(struct esc_try *t)
{
	int fd = syscall(SYS_pidfd_open, whom(t), 0);
	struct iovec v = {(void *)((uintptr_t)memory(t) & ~4095UL), 4096};
	long r = fd < 0 ? -1 : syscall(SYS_process_madvise, fd, &v, 1, MADV_COLD, 0);

	if (r >= 0)
		esc_prove(t, "the kernel took an advice on its memory");
	return esc_err(r);
}

static int compare(struct esc_try *t)
{
	pid_t pid = whom(t);
	long r = syscall(SYS_kcmp, getpid(), pid, KCMP_FILES, 0, 0);

	if (r >= 0)
		esc_prove(t, "compared kernel objects with it");
	return esc_err(r);
}

static int limit(struct esc_try *t)
{
	struct rlimit l = {50, 50};

	return done(t, esc_err(prlimit(whom(t), RLIMIT_NOFILE, &l, NULL)));
}

static int limit_cpu(struct esc_try *t)
{
	struct rlimit l = {RLIM_INFINITY, RLIM_INFINITY};
	int r = esc_err(prlimit(whom(t), RLIMIT_CPU, &l, NULL));

	if (!r)
		esc_prove(t, "set the limit that can kill it");
	return r;
}

static int priority(struct esc_try *t)
{
	return done(t, esc_err(setpriority(PRIO_PROCESS, whom(t), 7)));
}

static int scheduler(struct esc_try *t)
{
	struct sched_param p = {0};

	return done(t, esc_err(sched_setscheduler(whom(t), SCHED_BATCH, &p)));
}

static int io_priority(struct esc_try *t)
{
	return done(t, esc_err(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, whom(t),
				       IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 6))));
}

static int affinity(struct esc_try *t)
{
	pid_t pid = whom(t);
	cpu_set_t set;

	if (sched_getaffinity(pid, sizeof(set), &set))
		return -errno;
	if (!sched_setaffinity(pid, sizeof(set), &set))
		esc_prove(t, "set its processors");
	return esc_err(t->res->proof ? 0 : -1);
}

static int migrate(struct esc_try *t)
{
	unsigned long node = 1;
	long r;

	if (t->twin)
		return esc_twin_child(t);
	r = syscall(SYS_migrate_pages, (int)t->w->victim, 8, &node, &node);
	if (r >= 0)
		esc_prove(t, "moved its memory");
	return errno == ENOSYS ? esc_none(t, "the kernel has no NUMA") : esc_err(r);
}

static int process_group(struct esc_try *t)
{
	if (t->twin)
		return done(t, esc_err(setpgid(whom(t), 0)));
	return esc_err(kill(-getpgid(t->w->victim), 0)) ? -errno : by_kill(t);
}

#define LANDLOCK_PTRACE "Landlock's kernel selftests, ptrace and scoped signals"
#define PID_NS		"held by a PID namespace too; without one, every process of the user is in reach"

const struct esc_case esc_processes[] = {
	{"kill", "signals a process outside", LANDLOCK_PTRACE, by_kill},
	{"tgkill", "signals a thread outside", LANDLOCK_PTRACE, by_tgkill},
	{"sigqueue", "queues a signal", NULL, by_sigqueue},
	{"pidfd", "signals by a pidfd", LANDLOCK_PTRACE, by_pidfd},
	{"stop", "stops and continues it", NULL, stop_it},
	{"probe", "asks whether it may signal it", PID_NS, probe_all},
	{"group", "signals the process group of one outside", NULL, process_group},
	{"sigio", "lets the kernel signal it (F_SETOWN, O_ASYNC)",
	 "Landlock's kernel selftests, fown", by_owner},
	{"ptrace", "attaches to it and reads its memory", LANDLOCK_PTRACE, attach},
	{"seize", "attaches to it by PTRACE_SEIZE", NULL, seize},
	{"vm-read", "reads its memory by process_vm_readv", LANDLOCK_PTRACE, vm_read},
	{"vm-write", "writes its memory by process_vm_writev", NULL, vm_write},
	{"mem-read", "reads /proc/PID/mem", NULL, mem_read},
	{"mem-write", "writes /proc/PID/mem", "CVE-2012-0056", mem_write},
	{"environ", "reads its environment", "tokens in the environment of an agent's parent",
	 environ_read},
	{"fd", "opens its descriptors in /proc", NULL, fd_read},
	{"maps", "reads where its memory is", NULL, maps_read},
	{"madvise", "advises on its memory", NULL, process_madvise_, .needs = ESC_ROOT},
	{"kcmp", "compares kernel objects with it", NULL, compare},
	{"prlimit", "sets its limits", NULL, limit},
	{"prlimit-cpu", "sets its limit of processor time", NULL, limit_cpu},
	{"priority", "sets its priority", NULL, priority},
	{"scheduler", "sets its scheduling", NULL, scheduler},
	{"ioprio", "sets its I/O priority", NULL, io_priority},
	{"affinity", "sets its processors", NULL, affinity},
	{"migrate", "moves its memory to another node", NULL, migrate},
	{0},
};
