/* SPDX-License-Identifier: MIT */
/* Objects that are no files, and what reaches other processes by them. Part of act.c. */
#ifndef SBX_ACT_IPC_H
#define SBX_ACT_IPC_H

#include <linux/keyctl.h>
#include <mqueue.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

static int do_mq_open(char **a)
{
	mqd_t q = mq_open(a[0], O_RDWR);

	if (q < 0)
		return -errno;
	mq_close(q);
	return 0;
}

static int do_inotify(char **a)
{
	int fd = inotify_init(), r = result(inotify_add_watch(fd, a[0], IN_ALL_EVENTS));

	close(fd);
	return r;
}

/* In place of a key: the number that somebody outside printed. */
static int do_shm_attach(char **a)
{
	void *at = shmat(atoi(a[0]), NULL, 0);

	if (at == (void *)-1)
		return -errno;
	shmdt(at);
	return 0;
}

static int do_shm_remove(char **a)
{
	return result(shmctl(atoi(a[0]), IPC_RMID, NULL));
}

static int do_msg_remove(char **a)
{
	return result(msgctl(atoi(a[0]), IPC_RMID, NULL));
}

static int do_sem_remove(char **a)
{
	return result(semctl(atoi(a[0]), 0, IPC_RMID));
}

static int do_shm_find(char **a)
{
	return result(shmget(strtol(a[0], NULL, 0), 0, 0600));
}

static int do_msg_send(char **a)
{
	struct {
		long type;
		char text[1];
	} m = {1, "x"};

	return result(msgsnd(atoi(a[0]), &m, 1, IPC_NOWAIT));
}

static int do_sem_up(char **a)
{
	struct sembuf up = {.sem_op = 1};

	return result(semop(atoi(a[0]), &up, 1));
}

static int do_ipc_own(char **a)
{
	char shm[16], msg[16], sem[16], *args[1] = {shm};
	int r;

	snprintf(shm, sizeof(shm), "%d", shmget(IPC_PRIVATE, 4096, 0600));
	snprintf(msg, sizeof(msg), "%d", msgget(IPC_PRIVATE, 0600));
	snprintf(sem, sizeof(sem), "%d", semget(IPC_PRIVATE, 1, 0600));
	r = do_shm_attach(args);
	if (!r)
		r = do_shm_remove(args);
	args[0] = msg;
	if (!r)
		r = do_msg_send(args);
	args[0] = sem;
	if (!r)
		r = do_sem_up(args);
	msgctl(atoi(msg), IPC_RMID, NULL);
	semctl(atoi(sem), 0, IPC_RMID);
	return r;
}

static int do_add_key(char **a)
{
	return result(syscall(SYS_add_key, "user", "sbx:x", "y", 1, KEY_SPEC_SESSION_KEYRING));
}

static int do_request_key(char **a)
{
	char *none[1];

	if (do_add_key(none))
		return -errno;
	return result(syscall(SYS_request_key, "user", "sbx:x", NULL, 0));
}

static int do_join_session(char **a)
{
	return result(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL));
}

/* One that was not asked for lately: what nobody makes is remembered for a minute. */
static int do_request_key_named(char **a)
{
	return result(syscall(SYS_request_key, "user", a[0], "x", 0));
}

/* Nobody has it: the kernel makes it, and asks a helper, who is not installed. */
static int do_request_new_key(char **a)
{
	char *name[] = {"sbx:nobody's"};

	return do_request_key_named(name);
}

/* --- objects whose memory is used again --- */

#define CHURN 256

static int make_object(int kind, int mode)
{
	if (kind == 0)
		return shmget(IPC_PRIVATE, 4096, mode);
	return kind == 1 ? msgget(IPC_PRIVATE, mode) : semget(IPC_PRIVATE, 1, mode);
}

static int object_control(int kind, int id, int cmd)
{
	union {
		struct shmid_ds shm;
		struct msqid_ds msg;
		struct semid_ds sem;
	} info;

	if (kind == 0)
		return shmctl(id, cmd, &info.shm);
	return kind == 1 ? msgctl(id, cmd, &info.msg) : semctl(id, 0, cmd, &info.sem);
}

/* Many of each kind, which go again. */
static int do_ipc_churn(char **a)
{
	int id[CHURN], kind, i;

	for (kind = 0; kind < 3; kind++) {
		for (i = 0; i < CHURN; i++) {
			id[i] = make_object(kind, 0600);
			if (id[i] < 0)
				return -errno;
		}
		for (i = 0; i < CHURN; i++)
			if (object_control(kind, id[i], IPC_RMID))
				return -errno;
	}
	return 0;
}

/* Many of each kind that are everybody's, their numbers in a file. */
static int do_ipc_make(char **a)
{
	FILE *out = fopen(a[0], "w");
	int kind, i, id;

	for (kind = 0; out && kind < 3; kind++)
		for (i = 0; i < CHURN; i++) {
			id = make_object(kind, 0666);
			if (id < 0)
				return -errno;
			fprintf(out, "%d %d\n", kind, id);
		}
	return out ? fclose(out) : -errno;
}

/* Can a single one of them be looked at, or (RMID) removed? */
static int ipc_each(const char *path, int cmd)
{
	FILE *in = fopen(path, "r");
	int kind, id, r = in ? -ENOENT : -errno;

	while (in && r && fscanf(in, "%d %d", &kind, &id) == 2) {
		r = result(object_control(kind, id, cmd));
		if (cmd == IPC_RMID)
			r = r ? r : -ENOENT;
	}
	if (in)
		fclose(in);
	return r;
}

static int do_ipc_reach(char **a)
{
	return ipc_each(a[0], IPC_STAT);
}

static int do_ipc_remove(char **a)
{
	return ipc_each(a[0], IPC_RMID) == -ENOENT ? 0 : -errno;
}

static int do_read_keyring(char **a)
{
	return result(syscall(SYS_keyctl, KEYCTL_READ, KEY_SPEC_SESSION_KEYRING, NULL, 0));
}

/* --- signals by way of descriptors --- */

static int do_setown_self(char **a)
{
	char self[16], *args[1] = {self};

	snprintf(self, sizeof(self), "%d", getpid());
	return do_setown(args);
}

static int do_setown_own_group(char **a)
{
	char group[16], *args[1] = {group};

	snprintf(group, sizeof(group), "-%d", getpgrp());
	return do_setown(args);
}

/* Has the kernel sent SIGUSR1 to the caller, who holds it back? */
static int heard(void)
{
	struct timespec limit = {.tv_sec = 20};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return sigtimedwait(&set, NULL, &limit) == SIGUSR1 ? 0 : errno;
}

/* A pipe that signals `owner` when something is written, and is. */
static int signal_by_pipe(pid_t owner)
{
	int p[2], on = 1, r;

	if (pipe(p))
		return -errno;
	r = result(fcntl(p[0], F_SETOWN, owner));
	if (!r)
		r = result(fcntl(p[0], 10 /* F_SETSIG */, SIGUSR1));
	if (!r)
		r = result(fcntl(p[0], F_SETFL, O_ASYNC));
	if (!r)
		r = result(ioctl(p[0], FIOASYNC, &on));
	if (!r && write(p[1], "x", 1) != 1)
		r = -errno;
	close(p[0]);
	close(p[1]);
	return r;
}

static void hold_back(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* A child is signalled. */
static int do_async_member(char **a)
{
	pid_t pid;
	int r, e;

	hold_back();
	pid = fork();
	if (!pid)
		_exit(heard());
	r = signal_by_pipe(pid);
	if (r)
		kill(pid, SIGKILL);
	e = wait_exec(pid);
	return r ? r : e;
}

/* A group of two of its own. */
static int do_async_group(char **a)
{
	pid_t pid = fork(), other;
	int r;

	if (pid)
		return wait_exec(pid);
	setpgid(0, 0);
	hold_back();
	other = fork();
	if (!other)
		_exit(heard());
	r = signal_by_pipe(-getpgrp());
	if (r)
		kill(other, SIGKILL);
	else
		r = -heard();
	if (!r)
		r = wait_exec(other);
	_exit(-r);
}

static int do_setown_ex(char **a)
{
	struct {
		int type, pid;
	} owner = {1 /* F_OWNER_PID */, atoi(a[0])};
	int p[2], r;

	if (pipe(p))
		return -errno;
	r = result(fcntl(p[0], 15 /* F_SETOWN_EX */, &owner));
	close(p[0]);
	close(p[1]);
	return r;
}

static int do_fiosetown(char **a)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), pid = atoi(a[0]), r;

	r = result(ioctl(fd, 0x8901 /* FIOSETOWN */, &pid));
	close(fd);
	return r;
}

static int do_pidfd_getfd(char **a)
{
	int fd = syscall(SYS_pidfd_open, atoi(a[0]), 0), r;

	if (fd < 0)
		return -errno;
	r = closed(syscall(SYS_pidfd_getfd, fd, 0, 0));
	close(fd);
	return r;
}

static int do_pidfd_kill(char **a)
{
	int fd = syscall(SYS_pidfd_open, atoi(a[0]), 0), r;

	if (fd < 0)
		return -errno;
	r = result(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
	close(fd);
	return r;
}

/* From the descriptor `a[0]`, a unix socket that was inherited. */
static int do_recv_fd(char **a)
{
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(int))];
	} c;
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)};
	int fd;

	if (recvmsg(atoi(a[0]), &m, 0) < 0)
		return -errno;
	if (m.msg_controllen < CMSG_LEN(sizeof(int)))
		return m.msg_flags & MSG_CTRUNC ? -EACCES : -ENODATA;
	memcpy(&fd, CMSG_DATA(&c.h), sizeof(fd));
	return closed(fd);
}

#endif
