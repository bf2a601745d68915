// SPDX-License-Identifier: MIT
/* IPC objects and keys of processes outside. */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tests/escape/escape.h"

/* --- System V: by number, as `ipcs` shows them --- */

static int shm_read(struct esc_try *t)
{
	int id = t->twin ? shmget(IPC_PRIVATE, 4096, 0600 | IPC_CREAT) : (int)t->w->shm;
	char *at = shmat(id, NULL, 0);

	if (at == (void *)-1)
		return -errno;
	if (t->twin) {
		strcpy(at, ESC_OPEN);
		shmctl(id, IPC_RMID, NULL);
	}
	esc_saw(t, at, ESC_SECRET_LEN, "a segment of shared memory");
	return 0;
}

static int shm_remove(struct esc_try *t)
{
	int id = t->twin ? shmget(IPC_PRIVATE, 4096, 0600 | IPC_CREAT) : (int)t->w->shm;
	int r = esc_err(shmctl(id, IPC_RMID, NULL));

	if (!r && t->twin)
		esc_prove(t, "removed its own");
	return r;
}

static int shm_stat(struct esc_try *t)
{
	struct shmid_ds d;
	int id = t->twin ? shmget(IPC_PRIVATE, 4096, 0600 | IPC_CREAT) : (int)t->w->shm;
	int r = esc_err(shmctl(id, IPC_STAT, &d));

	if (!r)
		r = esc_err(shmctl(id, IPC_SET, &d));
	if (!r)
		esc_prove(t, "set the owner and mode of a segment");
	if (t->twin)
		shmctl(id, IPC_RMID, NULL);
	return r;
}

struct message {
	long type;
	char text[64];
};

static int own_queue(void)
{
	struct message m = {1, ESC_OPEN};
	int id = msgget(IPC_PRIVATE, 0600 | IPC_CREAT);

	return id < 0 || msgsnd(id, &m, sizeof(m.text), IPC_NOWAIT) ? -1 : id;
}

static int msg_receive(struct esc_try *t)
{
	struct message m;
	int id = t->twin ? own_queue() : (int)t->w->msg;
	ssize_t n = msgrcv(id, &m, sizeof(m.text), 0, IPC_NOWAIT);

	if (n > 0)
		esc_saw(t, m.text, n, "a message queue");
	if (t->twin)
		msgctl(id, IPC_RMID, NULL);
	return esc_err(n);
}

static int msg_send(struct esc_try *t)
{
	struct message m = {1, "x"};
	int id = t->twin ? own_queue() : (int)t->w->msg, r = esc_err(msgsnd(id, &m, 1, IPC_NOWAIT));

	if (!r && t->twin)
		esc_prove(t, "sent to its own");
	if (t->twin)
		msgctl(id, IPC_RMID, NULL);
	return r;
}

static int sem_change(struct esc_try *t)
{
	int id = t->twin ? semget(IPC_PRIVATE, 1, 0600 | IPC_CREAT) : (int)t->w->sem, r;
	struct sembuf up = {.sem_op = 1};

	r = esc_err(semop(id, &up, 1));
	if (!r && t->twin)
		esc_prove(t, "raised its own");
	if (t->twin)
		semctl(id, 0, IPC_RMID);
	return r;
}

static int sem_set(struct esc_try *t)
{
	int id = t->twin ? semget(IPC_PRIVATE, 1, 0600 | IPC_CREAT) : (int)t->w->sem, r;

	r = esc_err(semctl(id, 0, SETVAL, 3));
	if (!r && t->twin)
		esc_prove(t, "set its own");
	if (t->twin)
		semctl(id, 0, IPC_RMID);
	return r;
}

/* --- keys --- */

static int key_read(struct esc_try *t)
{
	char buf[64];
	long id = t->w->key, n;

	if (id <= 0)
		return esc_none(t, "the victim could not make a key");
	n = syscall(SYS_keyctl, KEYCTL_READ, id, buf, sizeof(buf), 0);
	if (n > 0)
		esc_saw(t, buf, n, "a key");
	return esc_err(n);
}

/* Found by its name in the keyring that all processes of a user share. */
static int key_search(struct esc_try *t)
{
	char buf[64];
	long id = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", t->w->tag, 0),
	     n;

	if (id < 0)
		return -errno;
	n = syscall(SYS_keyctl, KEYCTL_READ, id, buf, sizeof(buf), 0);
	if (n > 0)
		esc_saw(t, buf, n, "a key that was searched for");
	return esc_err(n);
}

static int key_request(struct esc_try *t)
{
	char buf[64];
	long id = syscall(SYS_request_key, "user", t->w->tag, NULL, 0), n;

	if (id < 0)
		return -errno;
	n = syscall(SYS_keyctl, KEYCTL_READ, id, buf, sizeof(buf), 0);
	if (n > 0)
		esc_saw(t, buf, n, "a key that was asked for");
	return esc_err(n);
}

/* Links the user's keyring into its own, to possess what is in it. */
static int keyring_link(struct esc_try *t)
{
	long r = syscall(SYS_keyctl, KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING,
			 0, 0);

	return r < 0 ? -errno : key_request(t);
}

/* What outlives every session of the user. */
static int key_persistent(struct esc_try *t)
{
	long ring = syscall(SYS_keyctl, KEYCTL_GET_PERSISTENT, -1, KEY_SPEC_PROCESS_KEYRING, 0, 0);

	if (ring > 0)
		esc_prove(t, "got the keyring that outlives the user's sessions");
	return ring < 0 && errno == EOPNOTSUPP ? esc_none(t, "the kernel has none") : esc_err(ring);
}

/* A key for others to find: what they then use is ours. */
static int key_plant(struct esc_try *t)
{
	long id = syscall(SYS_add_key, "user", "sbx-escape-planted", "x", 1, KEY_SPEC_USER_KEYRING);
	bool same =
		syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", t->w->tag, 0) > 0;

	if (id > 0 && same) {
		esc_prove(t, "planted a key in the keyring of the user");
		syscall(SYS_keyctl, KEYCTL_UNLINK, id, KEY_SPEC_USER_KEYRING, 0, 0);
	}
	return esc_err(id);
}

/* --- POSIX --- */

static int posix_shm_outside(struct esc_try *t)
{
	char name[64];
	int fd;

	if (t->twin)
		return shm_read(t);
	snprintf(name, sizeof(name), "/sbx-escape-%s", t->w->tag);
	fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	return esc_err(fd); /* the host looks for it */
}

static int posix_queue(struct esc_try *t)
{
	char name[64];
	mqd_t q;

	if (t->twin)
		return msg_send(t);
	snprintf(name, sizeof(name), "/sbx-escape-%s", t->w->tag);
	q = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL);
	return q < 0 && errno == ENOSYS ? esc_none(t, "the kernel has no POSIX queues")
					: esc_err(q);
}

/* Of a process outside, by its name. */
static int queue_receive(struct esc_try *t)
{
	char name[64], text[64];
	ssize_t n;
	mqd_t q;

	if (t->twin)
		return msg_receive(t);
	snprintf(name, sizeof(name), "/sbx-victim-%s", t->w->tag);
	q = mq_open(name, O_RDONLY | O_NONBLOCK);
	n = q < 0 ? -1 : mq_receive(q, text, sizeof(text), NULL);
	if (n > 0)
		esc_saw(t, text, n, "a POSIX queue");
	return esc_err(n);
}

static int queue_unlink(struct esc_try *t)
{
	char name[64];

	if (t->twin)
		return msg_send(t);
	snprintf(name, sizeof(name), "/sbx-victim-%s", t->w->tag);
	return esc_err(mq_unlink(name));
}

#define NO_IPC_NS "held by an IPC namespace too"
#define KEYRINGS  "keyrings pass mount and PID namespaces (CVE-2014-9529 and container advisories)"

const struct esc_case esc_ipc[] = {
	{"shm-read", "reads shared memory of a process outside", NO_IPC_NS, shm_read},
	{"shm-remove", "removes shared memory of a process outside", NO_IPC_NS, shm_remove},
	{"shm-set", "changes the mode of shared memory", NO_IPC_NS, shm_stat},
	{"msg-receive", "takes a message for somebody outside", NO_IPC_NS, msg_receive},
	{"msg-send", "sends a message to somebody outside", NO_IPC_NS, msg_send},
	{"sem-op", "raises a semaphore outside", NO_IPC_NS, sem_change},
	{"sem-set", "sets a semaphore outside", NO_IPC_NS, sem_set},
	{"posix-shm", "makes POSIX shared memory for others", NULL, posix_shm_outside},
	{"posix-queue", "makes a POSIX queue for others", NULL, posix_queue},
	{"queue-receive", "takes a message out of a POSIX queue outside", NO_IPC_NS, queue_receive},
	{"queue-unlink", "removes a POSIX queue of a process outside", NO_IPC_NS, queue_unlink},
	{"key-read", "reads a key of the user by number", KEYRINGS, key_read, esc_twin_file},
	{"key-search", "searches the user's keyring", KEYRINGS, key_search, esc_twin_file},
	{"key-request", "requests a key of the user", KEYRINGS, key_request, esc_twin_file},
	{"keyring-link", "links the user's keyring into its own", KEYRINGS, keyring_link,
	 esc_twin_file},
	{"key-persistent", "gets the keyring that outlives sessions", KEYRINGS, key_persistent,
	 esc_twin_file, ESC_SURFACE},
	{"key-plant", "plants a key for processes outside", KEYRINGS, key_plant, esc_twin_file},
	{0},
};
