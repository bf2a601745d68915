// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "user/net/internal.h"

#define ROUND_EVENTS  64
#define ROUND_ACCEPTS 16
#define SWEEP_MS      500

static uint64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* --- ends ----------------------------------------------------------------------------------------
 */

/* 0: none. Then it is not in the set at all: what has ended would be told of for ever. */
bool end_watch(struct sbx_relay *r, struct end *e, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = e};
	int op = !e->events ? EPOLL_CTL_ADD : events ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;

	if (e->fd < 0 || e->events == events)
		return true;
	e->events = events;
	return !epoll_ctl(r->epoll, op, e->fd, &ev);
}

void end_close(struct end *e)
{
	if (e->fd >= 0)
		close(e->fd); /* the only descriptor of it: the watch ends, too */
	e->fd = -1;
	e->events = 0;
}

void talk_close(struct sbx_relay *r, struct conn *c)
{
	end_close(&c->client);
	end_close(&c->proxy);
	LIST_REMOVE(c, list);
	c->box->n--;
	r->n--;
	SLIST_INSERT_HEAD(&r->dead, c, dead); /* events of this round may name it */
}

static void free_dead(struct sbx_relay *r)
{
	struct conn *c;

	while ((c = SLIST_FIRST(&r->dead))) {
		SLIST_REMOVE_HEAD(&r->dead, dead);
		free(c->head.buf);
		free(c->up.buf);
		free(c->down.buf);
		free(c);
	}
}

void wait_until(struct sbx_relay *r, struct conn *c, unsigned seconds)
{
	c->deadline = r->now + seconds * 1000u;
}

static void sweep(struct sbx_relay *r)
{
	struct conn *c, *next;
	struct box *b;

	if (r->now - r->swept < SWEEP_MS)
		return;
	r->swept = r->now;
	for (b = LIST_FIRST(&r->boxes); b; b = LIST_NEXT(b, list))
		for (c = LIST_FIRST(&b->conns); c; c = next) {
			next = LIST_NEXT(c, list);
			if (c->deadline && c->deadline <= r->now)
				talk_expire(r, c);
		}
}

/* --- clients -------------------------------------------------------------------------------------
 */

static void conn_new(struct sbx_relay *r, struct box *b, int fd,
		     const struct sockaddr_storage *from)
{
	/* what one sandbox holds, the others lack: it gets no more than is left */
	bool room = b->n < SBX_RELAY_CONNS_MAX && b->n < SBX_RELAY_ALL_CONNS_MAX - r->n;
	struct conn *c = room && r->ops->known(b->owner, from) ? calloc(1, sizeof(*c)) : NULL;
	int one = 1;

	if (!c) {
		close(fd);
		return;
	}
	c->box = b;
	c->from = *from;
	c->client = (struct end){.fd = fd, .conn = c};
	c->proxy = (struct end){.fd = -1, .conn = c};
	c->up = (struct flow){.buf = malloc(ROOM), .left = SBX_HEAD_MAX};
	c->down.buf = malloc(ROOM);
	LIST_INSERT_HEAD(&b->conns, c, list);
	b->n++;
	r->n++;
	wait_until(r, c, SBX_RELAY_HEAD_S);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!c->up.buf || !c->down.buf || !end_watch(r, &c->client, EPOLLIN))
		talk_close(r, c);
}

/* As the forwarder does: without descriptors the listener would stay ready for ever. */
static void turn_away(struct sbx_relay *r, int listener)
{
	int fd;

	if (r->spare >= 0)
		close(r->spare);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	r->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void accept_some(struct sbx_relay *r, struct end *e)
{
	int i;

	for (i = 0; i < ROUND_ACCEPTS; i++) {
		struct sockaddr_storage from = {0};
		socklen_t len = sizeof(from);
		int fd = accept4(e->fd, (struct sockaddr *)&from, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			conn_new(r, e->box, fd, &from);
		else if (errno == EMFILE || errno == ENFILE)
			turn_away(r, e->fd);
		else if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

/* --- sandboxes -----------------------------------------------------------------------------------
 */

static void box_free(struct sbx_relay *r, struct box *b)
{
	size_t i;

	while (!LIST_EMPTY(&b->conns))
		talk_close(r, LIST_FIRST(&b->conns));
	for (i = 0; i < LISTENERS; i++) {
		/* the caller may have a duplicate of it */
		end_watch(r, &b->listener[i], 0);
		end_close(&b->listener[i]);
	}
	LIST_REMOVE(b, list);
	free(b);
}

int sbx_relay_add(struct sbx_relay *r, void *sandbox, const int *fds, size_t n)
{
	struct box *b = calloc(1, sizeof(*b));
	bool good = true;
	size_t i;

	for (i = 0; !b && i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (!b)
		return -ENOMEM;
	b->owner = sandbox;
	LIST_INIT(&b->conns);
	LIST_INSERT_HEAD(&r->boxes, b, list);
	for (i = 0; i < LISTENERS; i++) {
		b->listener[i] = (struct end){.fd = i < n ? fds[i] : -1, .box = b};
		good &= end_watch(r, &b->listener[i], EPOLLIN);
	}
	if (good)
		return 0;
	box_free(r, b);
	return -ENOMEM;
}

void sbx_relay_remove(struct sbx_relay *r, void *sandbox)
{
	struct box *b = LIST_FIRST(&r->boxes);

	while (b && b->owner != sandbox)
		b = LIST_NEXT(b, list);
	if (b)
		box_free(r, b);
	free_dead(r);
}

struct sbx_relay *sbx_relay_new(const struct sbx_relay_ops *ops)
{
	struct sbx_relay *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->ops = ops;
	r->now = r->swept = clock_ms();
	LIST_INIT(&r->boxes);
	SLIST_INIT(&r->dead);
	r->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (r->epoll >= 0)
		return r;
	if (r->spare >= 0)
		close(r->spare);
	free(r);
	return NULL;
}

void sbx_relay_free(struct sbx_relay *r)
{
	if (!r)
		return;
	while (!LIST_EMPTY(&r->boxes))
		box_free(r, LIST_FIRST(&r->boxes));
	free_dead(r);
	close(r->epoll);
	if (r->spare >= 0)
		close(r->spare);
	free(r);
}

int sbx_relay_fd(const struct sbx_relay *r)
{
	return r->epoll;
}

int sbx_relay_step(struct sbx_relay *r)
{
	struct epoll_event events[ROUND_EVENTS];
	int i, n = epoll_wait(r->epoll, events, ROUND_EVENTS, 0);

	r->now = clock_ms();
	for (i = 0; i < n; i++) {
		struct end *e = events[i].data.ptr;

		if (e->fd < 0)
			continue; /* closed by an earlier event of this round */
		if (e->box)
			accept_some(r, e);
		else
			talk_ready(r, e);
	}
	sweep(r);
	free_dead(r);
	return r->n ? SWEEP_MS : -1;
}
