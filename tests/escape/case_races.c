// SPDX-License-Identifier: MIT
/* Races: one thread changes what another is asking for. */
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include "tests/escape/net.h"

#define TWIN_MS 50

struct race {
	struct esc_try *t;
	void (*flip)(struct race *r, unsigned n);
	bool (*step)(struct race *r); /* true: caught something */
	volatile bool stop;
	const char *target;
	union {
		struct sockaddr_storage ss;
		struct sockaddr_in in;
	} address;
	unsigned short ports[2];
	char path[ESC_PATH];
	unsigned steps;
};

static void *flipper(void *arg)
{
	struct race *r = arg;
	unsigned n;

	for (n = 0; !r->stop; n++)
		r->flip(r, n);
	return NULL;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int run(struct race *r)
{
	long end = now_ms() + (r->t->twin ? TWIN_MS : r->t->w->race_ms);
	pthread_t thread;
	int rc = -pthread_create(&thread, NULL, flipper, r);

	if (rc)
		return rc;
	do { /* once at least, however slow the machine is */
		if (r->step(r) || r->t->res->proof)
			break;
		r->steps++;
	} while (now_ms() < end);
	r->stop = true;
	pthread_join(thread, NULL);
	/* The twin is not caught at anything: it shows that the race was run. */
	if (r->t->twin && r->steps)
		esc_prove(r->t, "ran %u times", r->steps);
	return r->t->res->proof ? 0 : -EACCES;
}

static bool read_path(struct race *r)
{
	struct esc_try attack = *r->t;
	int fd = open(r->path, O_RDONLY | O_CLOEXEC);

	attack.twin = false;
	if (fd >= 0) {
		esc_saw_fd(&attack, fd, "in a race");
		close(fd);
	}
	return false;
}

/* --- a symlink that leads now inside, now outside --- */

static void flip_symlink(struct race *r, unsigned n)
{
	unlink("next");
	if (!symlink(n & 1 ? r->target : "own", "next"))
		rename("next", "link");
}

static int symlink_swap(struct esc_try *t)
{
	struct race r = {.t = t, .flip = flip_symlink, .step = read_path, .path = "link"};
	int rc = esc_scratch("own", ESC_OPEN);

	r.target = t->twin ? "own2" : esc_pick(t, "outside/d/secret", "");
	return rc ? rc : run(&r);
}

/* --- a directory and a symlink to one outside, exchanged --- */

static void flip_exchange(struct race *r, unsigned n)
{
	syscall(SYS_renameat2, AT_FDCWD, "dir", AT_FDCWD, "out", RENAME_EXCHANGE);
}

static int dir_swap(struct esc_try *t)
{
	struct race r = {.t = t, .flip = flip_exchange, .step = read_path, .path = "dir/secret"};
	int rc = esc_err(mkdir("dir", 0777));

	if (!rc)
		rc = esc_scratch("dir/secret", ESC_OPEN);
	if (!rc)
		rc = esc_err(symlink(t->twin ? "dir" : esc_pick(t, "outside/d", ""), "out"));
	return rc ? rc : run(&r);
}

/* --- moving upwards while somebody goes down: .. from a directory that moved --- */

static void flip_depth(struct race *r, unsigned n)
{
	if (n & 1)
		rename("up/down/x", "x");
	else
		rename("x", "up/down/x");
}

static int dotdot_swap(struct esc_try *t)
{
	struct race r = {.t = t, .flip = flip_depth, .step = read_path};
	int rc = esc_err(mkdir("up", 0777)) | esc_err(mkdir("up/down", 0777)) |
		 esc_err(mkdir("x", 0777));

	/* From two levels deeper as many steps up lead into the world. */
	snprintf(r.path, sizeof(r.path), "up/down/x/../../../../../../%s",
		 t->twin ? "project/file" : "outside/d/secret");
	return rc ? rc : run(&r);
}

/* --- the path itself, in memory --- */

static void flip_path(struct race *r, unsigned n)
{
	memcpy(r->path, n & 1 ? r->target : "own", strlen(n & 1 ? r->target : "own") + 1);
}

static int path_swap(struct esc_try *t)
{
	struct race r = {.t = t, .flip = flip_path, .step = read_path, .path = "own"};
	int rc = esc_scratch("own", ESC_OPEN);

	r.target = t->twin ? "own2" : esc_pick(t, "outside/d/secret", "");
	return rc ? rc : run(&r);
}

/* --- a name that is denied, on its way to one that is not --- */

static void flip_env(struct race *r, unsigned n)
{
	rename(r->target, "moved");
	rename("moved", r->target);
}

static int env_rename(struct esc_try *t)
{
	struct race r = {.t = t, .flip = flip_env, .step = read_path, .path = "moved"};
	int rc = esc_scratch("env", ESC_OPEN);

	r.target = t->twin ? "env" : esc_pick(t, "project/.env", "");
	return rc ? rc : run(&r);
}

static bool create_denied(struct race *r)
{
	int fd = open(r->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	if (fd >= 0)
		close(fd);
	return false;
}

/* A name below a directory that is exchanged for the protected one. */
static void flip_hooks(struct race *r, unsigned n)
{
	syscall(SYS_renameat2, AT_FDCWD, "g", AT_FDCWD, r->target, RENAME_EXCHANGE);
}

static int hooks_swap(struct esc_try *t)
{
	struct race r = {.t = t, .flip = flip_hooks, .step = create_denied, .path = "g/post-merge"};
	int rc = esc_err(mkdir("g", 0777)) | esc_err(mkdir("g2", 0777));

	r.target = t->twin ? "g2" : esc_pick(t, "project/.git/hooks", "");
	return rc ? rc : run(&r);
}

/* --- the peer's port, in memory --- */

static void flip_port(struct race *r, unsigned n)
{
	*(volatile unsigned short *)&r->address.in.sin_port = r->ports[n & 1];
}

static bool send_datagram(struct race *r)
{
	static int fd = -1;

	if (fd < 0)
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	sendto(fd, ESC_BYTES, sizeof(ESC_BYTES), MSG_DONTWAIT, (void *)&r->address.ss,
	       sizeof(r->address.in));
	return false;
}

static bool connect_stream(struct race *r)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc = connect(fd, (void *)&r->address.ss, sizeof(r->address.in));

	close(fd);
	return rc && errno == EADDRNOTAVAIL; /* all ports are used up */
}

static int port_race(struct esc_try *t, int type, bool (*step)(struct race *))
{
	struct race r = {.t = t, .flip = flip_port, .step = step};
	struct esc_try allowed = *t;
	struct sockaddr_storage ss;

	allowed.twin = true;
	esc_peer(&allowed, AF_INET, type, &r.address.ss);
	esc_peer(t, AF_INET, type, &ss);
	r.ports[0] = r.address.in.sin_port;
	r.ports[1] = ((struct sockaddr_in *)&ss)->sin_port;
	return run(&r);
}

static int sendto_port(struct esc_try *t)
{
	return port_race(t, SOCK_DGRAM, send_datagram);
}

static int connect_port(struct esc_try *t)
{
	return port_race(t, SOCK_STREAM, connect_stream);
}

#define TOCTOU \
	"checks in user space or of a path in memory lose this race (seccomp's notifier, ptrace)"

const struct esc_case esc_races[] = {
	{"symlink", "opens a symlink that leads inside and outside in turns",
	 "CVE-2018-15664 (docker cp), CVE-2021-30465 (runc)", symlink_swap},
	{"directory", "opens below a directory that is exchanged for a symlink",
	 "CVE-2021-30465 (runc)", dir_swap},
	{"dotdot", "goes up from a directory that moves",
	 "CVE-2015-2925 (escape from a bind mount)", dotdot_swap},
	{"path", "opens a path that another thread rewrites", TOCTOU, path_swap},
	{"port-sendto", "sends to a port that another thread rewrites", TOCTOU, sendto_port,
	 .needs = ESC_PEERS | ESC_UDP},
	{"port-connect", "connects to a port that another thread rewrites", TOCTOU, connect_port,
	 .needs = ESC_PEERS},
	{"env-rename", "reads a protected file while it is being moved", NULL, env_rename,
	 .needs = ESC_DENY_IN},
	{"hooks-exchange", "makes a hook while its directory is being exchanged", NULL, hooks_swap,
	 .needs = ESC_DENY_IN},
	{0},
};
