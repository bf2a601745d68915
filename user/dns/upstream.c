// SPDX-License-Identifier: MIT
/* Queries on their way: a connected socket each, so that the kernel drops what comes from
 * elsewhere, with a source port that the kernel chose and an id that nobody can guess (RFC 5452).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include "user/dns/internal.h"
#include "user/dns/wire.h"

/* Failures are kept for a moment, or a client that tries on would be a load (RFC 9520). */
#define FAILURE_TTL 2

/* More datagrams than these that are no reply: somebody tries to forge one. TCP cannot be forged
 * so. */
#define STRANGERS_MAX 10

static void attempt(struct sbx_forwarder *f, struct flight *fl);

static void wait_for(struct sbx_forwarder *f, struct flight *fl)
{
	struct flight *at;

	if (fl->timed)
		TAILQ_REMOVE(&f->flight_timer, fl, timer);
	fl->timed = true;
	fl->deadline = f->now + f->resolv.timeout * 1000;
	/* Nearly always the last: the timeout changes with resolv.conf alone. */
	at = TAILQ_LAST(&f->flight_timer, flights);
	while (at && at->deadline > fl->deadline)
		at = TAILQ_PREV(at, flights, timer);
	if (at)
		TAILQ_INSERT_AFTER(&f->flight_timer, at, fl, timer);
	else
		TAILQ_INSERT_HEAD(&f->flight_timer, fl, timer);
}

static void close_stream(struct sbx_forwarder *f, struct flight *fl)
{
	watch_close(f, &fl->watch, false);
	free(fl->stream.body);
	fl->stream = (struct stream){0};
}

static void waiter_drop(struct sbx_forwarder *f, struct flight *fl, struct waiter *w)
{
	TAILQ_REMOVE(&fl->waiters, w, list);
	fl->box->n_waiters--;
	f->n_waiters--;
	if (w->client.conn)
		w->client.conn->n_waiters--;
	free(w);
}

static bool waiter_add(struct sbx_forwarder *f, struct flight *fl, const struct client *c,
		       const struct sbx_dns_query *q)
{
	struct waiter *w = malloc(sizeof(*w));

	if (!w)
		return false;
	w->client = *c;
	w->q = *q;
	TAILQ_INSERT_TAIL(&fl->waiters, w, list);
	fl->box->n_waiters++;
	f->n_waiters++;
	if (c->conn)
		c->conn->n_waiters++;
	return true;
}

void flight_drop(struct sbx_forwarder *f, struct flight *fl)
{
	struct waiter *w;

	while ((w = TAILQ_FIRST(&fl->waiters)))
		waiter_drop(f, fl, w);
	close_stream(f, fl);
	if (fl->timed)
		TAILQ_REMOVE(&f->flight_timer, fl, timer);
	TAILQ_REMOVE(&fl->box->flights, fl, of_box);
	watch_close(f, &fl->watch, true);
}

void flights_forget(struct sbx_forwarder *f, struct conn *c)
{
	struct flight *fl, *next_fl;
	struct waiter *w, *next;

	for (fl = TAILQ_FIRST(&c->box->flights); fl && c->n_waiters; fl = next_fl) {
		next_fl = TAILQ_NEXT(fl, of_box);
		for (w = TAILQ_FIRST(&fl->waiters); w; w = next) {
			next = TAILQ_NEXT(w, list);
			if (w->client.conn == c)
				waiter_drop(f, fl, w);
		}
		if (TAILQ_EMPTY(&fl->waiters) && !fl->landing)
			flight_drop(f, fl);
	}
}

/*
 * Answers all who wait, if the name is still allowed. The answer belongs to the cache after that;
 * only then are connections looked at, since what comes next on one of them may be the same
 * question, or end it.
 */
static void land(struct sbx_forwarder *f, struct flight *fl, struct sbx_dns_answer *a)
{
	enum sbx_dns_verdict verdict = f->ops->judge(fl->box->owner, fl->q.name);
	struct opened n = query_open(f, fl->box->owner, fl->q.name, verdict, a, 0);
	struct waiter *w;

	fl->landing = true;
	for (w = TAILQ_FIRST(&fl->waiters); w; w = TAILQ_NEXT(w, list))
		if (!query_turned_down(f, &w->client, &w->q, verdict))
			query_answer(f, &w->client, &w->q, &n, a, 0);
	if (fl->generation == f->generation)
		sbx_dns_cache_put(fl->box->cache, fl->q.name, fl->q.qtype, a, f->now / 1000);
	else
		free(a); /* other servers are asked now, who may know better */
	while ((w = TAILQ_FIRST(&fl->waiters))) {
		struct conn *conn = w->client.conn;

		waiter_drop(f, fl, w);
		if (conn)
			conn_pump(f, conn);
	}
	flight_drop(f, fl);
}

static void fail(struct sbx_forwarder *f, struct flight *fl)
{
	struct sbx_dns_answer *a = calloc(1, sizeof(*a));

	if (!a) {
		flight_drop(f, fl); /* the clients will ask again */
		return;
	}
	a->rcode = LDNS_RCODE_SERVFAIL;
	a->ttl = FAILURE_TTL;
	a->size = sizeof(*a);
	land(f, fl, a);
}

void flight_next(struct sbx_forwarder *f, struct flight *fl)
{
	fl->tried++;
	fl->tcp = false;
	attempt(f, fl);
}

/* What is in f->in, or in the stream, may be the reply. */
static void receive(struct sbx_forwarder *f, struct flight *fl, const uint8_t *wire, size_t len)
{
	struct sbx_dns_answer *a;
	int rc = sbx_dns_reply_read(&fl->q, fl->id, wire, len, &a);

	if (!rc) {
		land(f, fl, a);
	} else if (rc == -EAGAIN && !fl->tcp && ++fl->strangers <= STRANGERS_MAX) {
		return;
	} else if ((rc == -EMSGSIZE || rc == -EAGAIN) && !fl->tcp) {
		fl->tcp = true;
		attempt(f, fl);
	} else if (rc == LDNS_RCODE_FORMERR && fl->edns) {
		fl->edns = false; /* a server from before 1999 */
		attempt(f, fl);
	} else {
		flight_next(f, fl);
	}
}

static void udp_ready(struct sbx_forwarder *f, struct watch *w, uint32_t events)
{
	struct flight *fl = (struct flight *)w;
	int fd = w->fd;
	ssize_t n;

	/* Forged replies are read and forgotten; the flight goes on with this socket or lands. */
	while (w->fd == fd && !fl->tcp) {
		n = recv(fd, f->in, sizeof(f->in), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n >= 0) {
			receive(f, fl, f->in, (size_t)n);
			continue;
		}
		flight_next(f, fl); /* ECONNREFUSED: nobody is there */
		return;
	}
}

/* --- TCP --- */

static bool stream_send(struct flight *fl)
{
	uint8_t msg[2 + SBX_DNS_FORWARDED_MAX];
	size_t len = sbx_dns_query_write(&fl->q, fl->id, fl->edns, msg + 2);
	ssize_t n;

	ldns_write_uint16(msg, (uint16_t)len);
	n = send(fl->watch.fd, msg + fl->stream.sent, len + 2 - fl->stream.sent,
		 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	fl->stream.sent += (size_t)n;
	return true;
}

/* False: it is over, without a reply. */
static bool stream_recv(struct flight *fl)
{
	struct stream *s = &fl->stream;
	uint8_t *to = s->have < 2 ? s->head + s->have : s->body + s->have - 2;
	ssize_t n = recv(fl->watch.fd, to, (s->have < 2 ? 2 : s->len + 2) - s->have, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (!n)
		return false;
	s->have += (size_t)n;
	if (s->have != 2)
		return true;
	s->len = ldns_read_uint16(s->head);
	s->body = malloc(s->len);
	return s->len && s->body;
}

static void tcp_ready(struct sbx_forwarder *f, struct watch *w, uint32_t events)
{
	struct flight *fl = (struct flight *)w;
	struct stream *s = &fl->stream;
	bool sent = s->sent > 0, fine = !(events & EPOLLERR);

	if (fine && (events & EPOLLOUT))
		fine = stream_send(fl);
	if (fine && (events & (EPOLLIN | EPOLLHUP)))
		fine = stream_recv(fl);
	if (!fine) {
		flight_next(f, fl);
		return;
	}
	if (s->len && s->have == s->len + 2) {
		receive(f, fl, s->body, s->len);
		return;
	}
	/* All of it fits into any socket buffer, so what is sent is sent whole, or all but nothing.
	 */
	if (!sent && s->sent)
		watch_modify(f, w, EPOLLIN);
}

/* --- sending --- */

static bool launch(struct sbx_forwarder *f, struct flight *fl)
{
	union sbx_resolv_addr to = fl->servers[fl->tried % fl->n_servers];
	uint8_t msg[SBX_DNS_FORWARDED_MAX];
	socklen_t len = to.sa.sa_family == AF_INET ? sizeof(to.in) : sizeof(to.in6);
	size_t size;

	to.in.sin_port = htons(f->port); /* sin6_port is in the same place */
	if (getrandom(&fl->id, sizeof(fl->id), 0) != sizeof(fl->id))
		return false;
	fl->watch.ready = fl->tcp ? tcp_ready : udp_ready;
	fl->watch.fd =
		socket(to.sa.sa_family,
		       (fl->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fl->watch.fd < 0 ||
	    (connect(fl->watch.fd, &to.sa, len) && (!fl->tcp || errno != EINPROGRESS)) ||
	    watch_add(f, &fl->watch, fl->tcp ? EPOLLOUT : EPOLLIN))
		return false;
	if (fl->tcp)
		return true;
	size = sbx_dns_query_write(&fl->q, fl->id, fl->edns, msg);
	return send(fl->watch.fd, msg, size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size;
}

/* Asks the server whose turn it is, or the next one that can be asked; after the last, gives up. */
static void attempt(struct sbx_forwarder *f, struct flight *fl)
{
	for (; fl->tried < fl->n_servers * fl->attempts; fl->tried++, fl->tcp = false) {
		close_stream(f, fl);
		if (launch(f, fl)) {
			wait_for(f, fl);
			return;
		}
	}
	fail(f, fl);
}

bool flight_join(struct sbx_forwarder *f, const struct client *c, const struct sbx_dns_query *q)
{
	struct flight *fl;

	for (fl = TAILQ_FIRST(&c->box->flights); fl; fl = TAILQ_NEXT(fl, of_box))
		if (fl->q.qtype == q->qtype && !fl->landing && !strcmp(fl->q.name, q->name))
			return waiter_add(f, fl, c, q);
	return false;
}

void flight_start(struct sbx_forwarder *f, const struct client *c, const struct sbx_dns_query *q)
{
	struct flight *fl = calloc(1, sizeof(*fl));

	if (!fl) {
		query_fail(f, c, q, LDNS_RCODE_SERVFAIL);
		return;
	}
	fl->watch.fd = -1;
	fl->box = c->box;
	TAILQ_INIT(&fl->waiters);
	fl->q = *q;
	fl->generation = f->generation;
	fl->edns = true;
	memcpy(fl->servers, f->resolv.servers, sizeof(fl->servers));
	fl->n_servers = (unsigned)f->resolv.n_servers;
	fl->attempts = f->resolv.attempts;
	TAILQ_INSERT_TAIL(&c->box->flights, fl, of_box);
	if (waiter_add(f, fl, c, q))
		attempt(f, fl);
	else
		flight_drop(f, fl);
}
