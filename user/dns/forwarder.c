// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include "user/dns/internal.h"
#include "user/dns/wire.h"

#define ROUND_EVENTS   64
#define RESOLV_POLL_MS 1000

/* The clock goes on while the machine sleeps: answers expire meanwhile. */
static uint64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int watch_add(struct sbx_forwarder *f, struct watch *w, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = w};

	return epoll_ctl(f->epoll, EPOLL_CTL_ADD, w->fd, &e) ? -errno : 0;
}

void watch_modify(struct sbx_forwarder *f, struct watch *w, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = w};

	epoll_ctl(f->epoll, EPOLL_CTL_MOD, w->fd, &e);
}

void watch_close(struct sbx_forwarder *f, struct watch *w, bool whole)
{
	if (w->fd >= 0) {
		/* The caller may have duplicated a listening socket: closing it does not end the
		 * watch. */
		epoll_ctl(f->epoll, EPOLL_CTL_DEL, w->fd, NULL);
		close(w->fd);
	}
	w->fd = -1;
	if (whole)
		SLIST_INSERT_HEAD(&f->dead, w, dead);
}

static void free_dead(struct sbx_forwarder *f)
{
	struct watch *w;

	while ((w = SLIST_FIRST(&f->dead))) {
		SLIST_REMOVE_HEAD(&f->dead, dead);
		free(w);
	}
}

struct sbx_forwarder *sbx_forwarder_new(const struct sbx_dns_ops *ops, const char *resolv_conf)
{
	struct sbx_forwarder *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->ops = ops;
	f->port = 53;
	f->now = f->polled = clock_ms();
	LIST_INIT(&f->boxes);
	TAILQ_INIT(&f->conn_timer);
	TAILQ_INIT(&f->flight_timer);
	SLIST_INIT(&f->dead);
	f->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (f->epoll >= 0) {
		errno = -sbx_resolvconf_init(&f->resolv, resolv_conf);
		if (!errno)
			return f;
		close(f->epoll);
	}
	if (f->spare >= 0)
		close(f->spare);
	free(f);
	return NULL;
}

static void box_free(struct sbx_forwarder *f, struct sandbox *box)
{
	while (!TAILQ_EMPTY(&box->flights))
		flight_drop(f, TAILQ_FIRST(&box->flights));
	while (!TAILQ_EMPTY(&box->conns))
		conn_close(f, TAILQ_FIRST(&box->conns));
	watch_close(f, &box->udp4.watch, false);
	watch_close(f, &box->tcp4.watch, false);
	watch_close(f, &box->udp6.watch, false);
	watch_close(f, &box->tcp6.watch, false);
	sbx_dns_cache_free(box->cache);
	LIST_REMOVE(box, list);
	free(box);
}

void sbx_forwarder_free(struct sbx_forwarder *f)
{
	if (!f)
		return;
	while (!LIST_EMPTY(&f->boxes))
		box_free(f, LIST_FIRST(&f->boxes));
	free_dead(f);
	sbx_resolvconf_free(&f->resolv);
	close(f->epoll);
	if (f->spare >= 0)
		close(f->spare);
	free(f);
}

static void close_all(const struct sbx_dns_sockets *s)
{
	const int fds[] = {s->udp4, s->tcp4, s->udp6, s->tcp6};
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

int sbx_forwarder_add(struct sbx_forwarder *f, void *sandbox, const struct sbx_dns_sockets *s)
{
	struct sandbox *box = calloc(1, sizeof(*box));
	bool good;

	if (box)
		box->cache = sbx_dns_cache_new();
	if (!box || !box->cache) {
		free(box);
		close_all(s);
		return -ENOMEM;
	}
	f->now = clock_ms();
	box->owner = sandbox;
	TAILQ_INIT(&box->conns);
	TAILQ_INIT(&box->flights);
	sbx_dns_ration_init(&box->ration, f->now);
	LIST_INSERT_HEAD(&f->boxes, box, list);
	/* All four, whatever fails: they are ours. */
	good = listener_open(f, box, &box->udp4, s->udp4, false);
	good &= listener_open(f, box, &box->udp6, s->udp6, false);
	good &= listener_open(f, box, &box->tcp4, s->tcp4, true);
	good &= listener_open(f, box, &box->tcp6, s->tcp6, true);
	if (good)
		return 0;
	box_free(f, box);
	return -ENOMEM;
}

static struct sandbox *find_box(struct sbx_forwarder *f, void *sandbox)
{
	struct sandbox *box = LIST_FIRST(&f->boxes);

	while (box && box->owner != sandbox)
		box = LIST_NEXT(box, list);
	return box;
}

void sbx_forwarder_remove(struct sbx_forwarder *f, void *sandbox)
{
	struct sandbox *box = find_box(f, sandbox);

	if (!box)
		return;
	box_free(f, box);
	free_dead(f);
}

bool sbx_forwarder_ration(struct sbx_forwarder *f, void *sandbox, const char *name)
{
	struct sandbox *box = find_box(f, sandbox);

	return box && (sbx_dns_ration_knows(&box->ration, name, LDNS_RR_TYPE_A) ||
		       sbx_dns_ration_take(&box->ration, name, LDNS_RR_TYPE_A, f->now));
}

int sbx_forwarder_fd(const struct sbx_forwarder *f)
{
	return f->epoll;
}

const char *const *sbx_forwarder_search(const struct sbx_forwarder *f)
{
	return (const char *const *)f->resolv.search;
}

/* Other servers may know other names, or other addresses for them: a VPN came or went. */
static void poll_resolv(struct sbx_forwarder *f)
{
	struct sandbox *box;

	if (f->now - f->polled < RESOLV_POLL_MS)
		return;
	f->polled = f->now;
	if (!sbx_resolvconf_poll(&f->resolv))
		return;
	f->generation++;
	for (box = LIST_FIRST(&f->boxes); box; box = LIST_NEXT(box, list))
		sbx_dns_cache_clear(box->cache);
}

static void expire(struct sbx_forwarder *f)
{
	struct flight *fl;
	struct conn *c;

	while ((fl = TAILQ_FIRST(&f->flight_timer)) && fl->deadline <= f->now)
		flight_next(f, fl);
	while ((c = TAILQ_FIRST(&f->conn_timer)) && c->deadline <= f->now)
		conn_expire(f, c);
}

static int next_call(const struct sbx_forwarder *f)
{
	const struct flight *fl = TAILQ_FIRST(&f->flight_timer);
	const struct conn *c = TAILQ_FIRST(&f->conn_timer);
	uint64_t at = UINT64_MAX;

	if (fl)
		at = fl->deadline;
	if (c && c->deadline < at)
		at = c->deadline;
	if (at == UINT64_MAX)
		return -1;
	return at > f->now ? (int)(at - f->now) : 0;
}

int sbx_forwarder_step(struct sbx_forwarder *f)
{
	struct epoll_event events[ROUND_EVENTS];
	int i, n = epoll_wait(f->epoll, events, ROUND_EVENTS, 0);

	f->now = clock_ms();
	poll_resolv(f);
	for (i = 0; i < n; i++) {
		struct watch *w = events[i].data.ptr;

		f->work = 0;
		if (w->fd >= 0)
			w->ready(f, w, events[i].events);
	}
	expire(f);
	free_dead(f);
	return next_call(f);
}
