// SPDX-License-Identifier: MIT
/* The sockets that sandboxes talk to. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "user/dns/internal.h"

/* What one event may cost, so that a sandbox that asks for hundreds of addresses at a time does not
 * keep the others waiting: so many queries, or the one that reaches so many records. */
#define ROUND_DATAGRAMS 32
#define ROUND_WORK	256
#define ROUND_ACCEPTS	16

/* A TCP client that does not read its answers is not listened to any more, then thrown out. */
#define CONN_WAITERS_MAX 64
#define CONN_OUT_HIGH	 (16u << 10)
#define CONN_OUT_MAX	 (2u << 20)

static void udp_ready(struct sbx_forwarder *f, struct watch *w, uint32_t events)
{
	struct listener *l = (struct listener *)w;
	int i;

	for (i = 0; i < ROUND_DATAGRAMS && f->work < ROUND_WORK; i++) {
		struct client c = {.box = l->box, .fd = w->fd, .from_len = sizeof(c.from)};
		ssize_t n = recvfrom(w->fd, f->in, sizeof(f->in), MSG_DONTWAIT,
				     (struct sockaddr *)&c.from, &c.from_len);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n >= 0)
			query_handle(f, &c, f->in, (size_t)n);
	}
}

void client_send(struct sbx_forwarder *f, const struct client *c, size_t len)
{
	struct conn *conn = c->conn;

	if (!conn) {
		/* Whether it arrives is between the client's buffer and its next try. */
		sendto(c->fd, f->out, len, MSG_DONTWAIT | MSG_NOSIGNAL,
		       (const struct sockaddr *)&c->from, c->from_len);
		return;
	}
	if (conn->out_at) {
		conn->out_len -= conn->out_at;
		memmove(conn->out, conn->out + conn->out_at, conn->out_len);
		conn->out_at = 0;
	}
	if (conn->out_len + len + 2 > conn->out_room) {
		size_t room = conn->out_len + len + 2 + 4096;
		uint8_t *out = room <= CONN_OUT_MAX ? realloc(conn->out, room) : NULL;

		if (!out) {
			conn->broken = true;
			return;
		}
		conn->out = out;
		conn->out_room = room;
	}
	conn->out[conn->out_len] = (uint8_t)(len >> 8);
	conn->out[conn->out_len + 1] = (uint8_t)len;
	memcpy(conn->out + conn->out_len + 2, f->out, len);
	conn->out_len += len + 2;
}

/* --- TCP --- */

static void conn_touch(struct sbx_forwarder *f, struct conn *c)
{
	c->deadline = f->now + SBX_DNS_CONN_IDLE * 1000;
	TAILQ_REMOVE(&f->conn_timer, c, timer);
	TAILQ_INSERT_TAIL(&f->conn_timer, c, timer);
}

void conn_close(struct sbx_forwarder *f, struct conn *c)
{
	flights_forget(f, c);
	TAILQ_REMOVE(&c->box->conns, c, of_box);
	c->box->n_conns--;
	TAILQ_REMOVE(&f->conn_timer, c, timer);
	free(c->out);
	watch_close(f, &c->watch, true);
}

void conn_expire(struct sbx_forwarder *f, struct conn *c)
{
	if (c->n_waiters)
		conn_touch(f, c); /* it waits for us */
	else
		conn_close(f, c);
}

static bool conn_full(const struct conn *c)
{
	return c->n_waiters >= CONN_WAITERS_MAX || c->out_len - c->out_at > CONN_OUT_HIGH;
}

/* Answers the queries that have come in whole. */
static void conn_parse(struct sbx_forwarder *f, struct conn *c)
{
	struct client client = {.box = c->box, .conn = c, .fd = -1, .from = c->from};
	size_t at = 0;

	while (c->in_len - at >= 2 && !conn_full(c) && !c->broken) {
		size_t len = (size_t)c->in[at] << 8 | c->in[at + 1];

		if (len > SBX_DNS_QUERY_MAX) {
			c->broken = true; /* nobody asks so much */
			break;
		}
		if (c->in_len - at < 2 + len)
			break;
		query_handle(f, &client, c->in + at + 2, len);
		conn_touch(f, c);
		at += 2 + len;
	}
	memmove(c->in, c->in + at, c->in_len - at);
	c->in_len -= at;
}

static void conn_read(struct conn *c)
{
	ssize_t n;

	if (c->eof || conn_full(c) || c->in_len == sizeof(c->in))
		return;
	n = recv(c->watch.fd, c->in + c->in_len, sizeof(c->in) - c->in_len, MSG_DONTWAIT);
	if (n > 0)
		c->in_len += (size_t)n;
	else if (!n)
		c->eof = true;
	else if (errno != EAGAIN && errno != EINTR)
		c->broken = true;
}

static void conn_write(struct sbx_forwarder *f, struct conn *c)
{
	ssize_t n;

	if (c->out_at == c->out_len || c->broken)
		return;
	n = send(c->watch.fd, c->out + c->out_at, c->out_len - c->out_at,
		 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		c->broken = true;
	if (n <= 0)
		return;
	conn_touch(f, c);
	c->out_at += (size_t)n;
	if (c->out_at == c->out_len)
		c->out_at = c->out_len = 0;
}

static void conn_watch(struct sbx_forwarder *f, struct conn *c)
{
	uint32_t events = 0;

	if (!c->eof && !conn_full(c))
		events |= EPOLLIN;
	if (c->out_len > c->out_at)
		events |= EPOLLOUT;
	if (events == c->events)
		return;
	c->events = events;
	watch_modify(f, &c->watch, events);
}

void conn_pump(struct sbx_forwarder *f, struct conn *c)
{
	size_t before;
	bool was_full;

	/* A query that fails at once ends here again, from within conn_parse(). */
	if (c->busy)
		return;
	c->busy = true;
	do {
		before = c->in_len;
		was_full = conn_full(c);
		conn_parse(f, c);
		conn_write(f, c);
		/* Queries that are here already bring no event. */
	} while (!c->broken && (c->in_len < before || (was_full && !conn_full(c))));
	c->busy = false;
	if (c->broken || (c->eof && !c->n_waiters && c->out_at == c->out_len))
		conn_close(f, c);
	else
		conn_watch(f, c);
}

static void conn_ready(struct sbx_forwarder *f, struct watch *w, uint32_t events)
{
	struct conn *c = (struct conn *)w;

	if (events & EPOLLERR)
		c->broken = true;
	else if (events & (EPOLLIN | EPOLLHUP))
		conn_read(c);
	conn_pump(f, c);
}

static void conn_new(struct sbx_forwarder *f, struct sandbox *box, int fd,
		     const struct sockaddr_storage *from)
{
	struct conn *c = box->n_conns < SBX_DNS_CONNS_MAX ? calloc(1, sizeof(*c)) : NULL;

	if (!c) {
		close(fd);
		return;
	}
	c->watch.fd = fd;
	c->watch.ready = conn_ready;
	c->box = box;
	c->from = *from;
	c->deadline = f->now + SBX_DNS_CONN_IDLE * 1000;
	c->events = EPOLLIN;
	if (watch_add(f, &c->watch, c->events)) {
		close(fd);
		free(c);
		return;
	}
	TAILQ_INSERT_TAIL(&box->conns, c, of_box);
	box->n_conns++;
	TAILQ_INSERT_TAIL(&f->conn_timer, c, timer);
}

/* Without descriptors a connection can neither be taken nor refused, and the listener would stay
 * ready for ever: one is kept back to refuse with. */
static void turn_away(struct sbx_forwarder *f, int listener)
{
	if (f->spare >= 0)
		close(f->spare);
	f->spare = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (f->spare >= 0)
		close(f->spare);
	f->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void tcp_ready(struct sbx_forwarder *f, struct watch *w, uint32_t events)
{
	struct listener *l = (struct listener *)w;
	int i;

	for (i = 0; i < ROUND_ACCEPTS; i++) {
		struct sockaddr_storage from = {0};
		socklen_t len = sizeof(from);
		int fd = accept4(w->fd, (struct sockaddr *)&from, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			conn_new(f, l->box, fd, &from);
		else if (errno == EMFILE || errno == ENFILE)
			turn_away(f, w->fd);
		else if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

bool listener_open(struct sbx_forwarder *f, struct sandbox *box, struct listener *l, int fd,
		   bool tcp)
{
	l->box = box;
	l->watch.fd = fd;
	l->watch.ready = tcp ? tcp_ready : udp_ready;
	return fd < 0 || !watch_add(f, &l->watch, EPOLLIN);
}
