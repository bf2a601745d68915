// SPDX-License-Identifier: MIT
/*
 * A process outside, with secrets in its memory, its environment and its descriptors. It blocks all
 * signals, so that one that it was sent stays pending; what happens to it the host sees from
 * outside.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/escape/escape.h"

#define VICTIM_SHARED 9
#define WORD	      0x5afe5afeL
#define LIMIT	      97 /* of open files: nobody has that by chance */

struct shared {
	volatile long ready, secret_at, word_at, key, shm, msg, sem, queue;
};

static struct shared *shared;
static char memory_secret[ESC_SECRET_LEN + 1], environ_secret[64], key_secret[ESC_SECRET_LEN + 1];
static char ipc_secret[ESC_SECRET_LEN + 1];
static struct {
	struct rlimit limit;
	int nice, policy;
	long ioprio;
	cpu_set_t cpus;
} before;

/* --- the victim itself --- */

/* With POSIX names objects are reached without a number. */
static void queue_name(const char *tag, char *name, size_t size)
{
	snprintf(name, size, "/sbx-victim-%s", tag);
}

static void hold_queue(const char *tag)
{
	struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = 64};
	char name[64];
	mqd_t q;

	queue_name(tag, name, sizeof(name));
	q = mq_open(name, O_RDWR | O_CREAT | O_NONBLOCK, 0600, &attr);
	shared->queue = q >= 0 && !mq_send(q, ipc_secret, sizeof(ipc_secret), 0);
}

static void hold_ipc(void)
{
	struct {
		long type;
		char text[ESC_SECRET_LEN];
	} m = {1, ""};
	char *at;

	shared->shm = shmget(IPC_PRIVATE, 4096, 0600 | IPC_CREAT);
	at = shmat(shared->shm, NULL, 0);
	if (at != (void *)-1)
		memcpy(at, ipc_secret, sizeof(ipc_secret));
	shared->msg = msgget(IPC_PRIVATE, 0600 | IPC_CREAT);
	memcpy(m.text, ipc_secret, sizeof(m.text));
	msgsnd(shared->msg, &m, sizeof(m.text), IPC_NOWAIT);
	shared->sem = semget(IPC_PRIVATE, 1, 0600 | IPC_CREAT);
}

int esc_victim_main(char **argv)
{
	/* argv: memory's secret, the key's, that of IPC, the world's tag */
	static volatile long word = WORD;
	struct rlimit limit = {LIMIT, LIMIT};
	sigset_t all;
	int i;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, VICTIM_SHARED, 0);
	if (shared == MAP_FAILED)
		return 1;
	snprintf(memory_secret, sizeof(memory_secret), "%s", argv[0]);
	snprintf(ipc_secret, sizeof(ipc_secret), "%s", argv[2]);
	shared->key = syscall(SYS_add_key, "user", argv[3], argv[1], strlen(argv[1]),
			      KEY_SPEC_USER_KEYRING);
	hold_ipc();
	hold_queue(argv[3]);
	/* The command line is not a secret: others may see it. */
	for (i = 0; i < 3; i++)
		memset(argv[i], '-', strlen(argv[i]));
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setrlimit(RLIMIT_NOFILE, &limit);
	shared->secret_at = (long)memory_secret;
	shared->word_at = (long)&word;
	shared->ready = 1;
	for (;;)
		pause();
}

/* --- what the host does with it --- */

static int into_victim(const struct esc_world *w, int mem, char **args)
{
	char dir[ESC_PATH], path[ESC_PATH];
	char *env[] = {environ_secret, NULL};

	esc_path(w, "outside/d", dir);
	esc_path(w, "project/sbx-escape", path);
	if (chdir(dir) || dup2(mem, VICTIM_SHARED) < 0)
		return -1;
	/* 3: its secret, 4: its file, 5: its program, 6: its directory */
	if (dup2(open("secret", O_RDWR), 3) < 0 || dup2(open("file", O_RDWR), 4) < 0 ||
	    dup2(open("touch", O_RDONLY), 5) < 0 || dup2(open(".", O_RDONLY), 6) < 0)
		return -1;
	close_range(10, ~0U, 0);
	if (w->uid && (setgroups(0, NULL) || setresgid(w->gid, w->gid, w->gid) ||
		       setresuid(w->uid, w->uid, w->uid)))
		return -1;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* changing the user forgets it */
	/* Changing the user made it undumpable, exec of a readable program does not. */
	execve(path, args, env);
	return -1;
}

static void remember(const struct esc_world *w)
{
	prlimit(w->victim, RLIMIT_NOFILE, NULL, &before.limit);
	before.nice = getpriority(PRIO_PROCESS, w->victim);
	before.policy = sched_getscheduler(w->victim);
	before.ioprio = syscall(SYS_ioprio_get, 1, (int)w->victim);
	sched_getaffinity(w->victim, sizeof(before.cpus), &before.cpus);
}

static void forget_ipc(const struct esc_world *w)
{
	char name[64];

	shmctl(w->shm, IPC_RMID, NULL);
	msgctl(w->msg, IPC_RMID, NULL);
	semctl(w->sem, 0, IPC_RMID);
	queue_name(w->tag, name, sizeof(name));
	mq_unlink(name);
}

void esc_victim_stop(const struct esc_world *w)
{
	kill(w->victim, SIGKILL);
	waitpid(w->victim, NULL, 0);
	forget_ipc(w);
}

int esc_victim_start(struct esc_world *w)
{
	static int mem = -1;
	char *args[] = {"sbx-escape", "victim", memory_secret, key_secret,
			ipc_secret,   w->tag,	NULL};
	int i;

	if (mem < 0) {
		mem = memfd_create("victim", MFD_CLOEXEC);
		if (mem < 0 || ftruncate(mem, 4096))
			return -errno;
		shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, mem, 0);
		esc_secret_new(w, memory_secret);
		esc_secret_new(w, key_secret);
		esc_secret_new(w, ipc_secret);
		strcpy(environ_secret, "TOKEN=");
		esc_secret_new(w, environ_secret + 6);
	}
	memset(shared, 0, sizeof(*shared));
	w->victim = fork();
	if (!w->victim)
		_exit(into_victim(w, mem, args) ? 127 : 0);
	for (i = 0; i < 1000 && !shared->ready; i++)
		usleep(5000);
	if (!shared->ready)
		return -ECHILD;
	w->victim_secret = shared->secret_at;
	w->victim_word = shared->word_at;
	w->key = shared->key;
	w->shm = shared->shm;
	w->msg = shared->msg;
	w->sem = shared->sem;
	remember(w);
	return 0;
}

static bool gone(const struct esc_world *w)
{
	return waitpid(w->victim, NULL, WNOHANG) == w->victim;
}

static bool queue_touched(const struct esc_world *w)
{
	struct mq_attr attr = {0};
	char name[64];
	mqd_t q;

	queue_name(w->tag, name, sizeof(name));
	q = mq_open(name, O_RDONLY | O_NONBLOCK);
	if (q >= 0 && mq_getattr(q, &attr))
		attr.mq_curmsgs = 0;
	if (q >= 0)
		mq_close(q);
	return shared->queue && attr.mq_curmsgs != 1;
}

static bool ipc_touched(const struct esc_world *w)
{
	struct shmid_ds shm;
	struct msqid_ds msg;

	return shmctl(w->shm, IPC_STAT, &shm) || shm.shm_perm.mode & SHM_DEST ||
	       msgctl(w->msg, IPC_STAT, &msg) || msg.msg_qnum != 1 ||
	       semctl(w->sem, 0, GETVAL) != 0 || queue_touched(w);
}

/* What /proc/PID/status says about it that it should not. */
static const char *bad_status(const struct esc_world *w)
{
	static const struct {
		const char *key, *what;
	} lines[] = {{"\nTracerPid:", "it is traced"},
		     {"\nSigPnd:", "it got a signal"},
		     {"\nShdPnd:", "it got a signal"}};
	char path[40], text[4096] = "", *at;
	size_t i;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/status", w->victim);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
		*text = 0;
	close(fd);
	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		at = strstr(text, lines[i].key);
		if (at && strtoul(at + strlen(lines[i].key), NULL, 16))
			return lines[i].what;
	}
	return NULL;
}

static long memory_word(const struct esc_world *w)
{
	long word = 0;
	struct iovec to = {&word, sizeof(word)}, from = {(void *)w->victim_word, sizeof(word)};

	process_vm_readv(w->victim, &to, 1, &from, 1, 0);
	return word;
}

/* What the inside made under names that processes outside look up. */
static bool planted_ipc(const struct esc_world *w)
{
	char name[64];

	snprintf(name, sizeof(name), "/sbx-escape-%s", w->tag);
	return !shm_unlink(name) || !mq_unlink(name);
}

static const char *touched_how(const struct esc_world *w)
{
	struct rlimit limit;
	cpu_set_t cpus;

	if (gone(w))
		return "it died";
	if (bad_status(w))
		return bad_status(w);
	if (memory_word(w) != WORD)
		return "its memory was changed";
	/* Root without CAP_SYS_RESOURCE may not ask, as in some containers. */
	if (prlimit(w->victim, RLIMIT_NOFILE, NULL, &limit))
		limit = before.limit;
	if (limit.rlim_cur != before.limit.rlim_cur || limit.rlim_max != before.limit.rlim_max)
		return "its limits were changed";
	if (getpriority(PRIO_PROCESS, w->victim) != before.nice)
		return "its priority was changed";
	if (sched_getscheduler(w->victim) != before.policy)
		return "its scheduling was changed";
	if (syscall(SYS_ioprio_get, 1, (int)w->victim) != before.ioprio)
		return "its I/O priority was changed";
	if (sched_getaffinity(w->victim, sizeof(cpus), &cpus) || !CPU_EQUAL(&cpus, &before.cpus))
		return "its processors were changed";
	if (planted_ipc(w))
		return "an object that it could open by name was made";
	if (ipc_touched(w))
		return "its IPC objects were changed";
	return NULL;
}

/* Another victim, which the world then names. */
void esc_victim_renew(struct esc_world *w)
{
	esc_victim_stop(w);
	if (esc_victim_start(w)) {
		fprintf(stderr, "sbx-escape: the victim does not come back\n");
		exit(2);
	}
}

bool esc_touched(struct esc_world *w, char *note)
{
	const char *how = touched_how(w);

	if (!how)
		return false;
	snprintf(note, ESC_NOTE, "touched outside: the victim: %s", how);
	return true;
}
