/* SPDX-License-Identifier: MIT */
/*
 * How the relay works. relay.c owns sandboxes, connections and the set of descriptors that are
 * waited for; talk.c takes one connection through its states:
 *
 *   HEAD        the client's request is read, judged, and written anew
 *   CONNECTING  to the proxy, one address after the other
 *   REPLY       of a tunnel: the proxy says whether it opens it; the client waits
 *   OPEN        both ways, as far as the request goes
 *   LINGER      the client reads what is left for it
 *
 * Events of one round may name a connection that an earlier event of it has closed: closed ones are
 * freed when the round is over.
 */
#ifndef SBX_NET_INTERNAL_H
#define SBX_NET_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include "user/net/relay.h"

#define ROOM 32768 /* bytes on their way in one direction: what is beyond waits */

_Static_assert(SBX_HEAD_OUT_MAX <= ROOM, "a head that was written anew has room");

struct box;
struct conn;

/* One end of a connection, or a listening socket. */
struct end {
	int fd; /* -1: closed */
	uint32_t events;
	struct box *box; /* of a listening socket */
	struct conn *conn;
};

/* One direction. */
struct flow {
	char *buf;
	size_t at, len;
	uint64_t left; /* bytes that may still be taken from the source */
	bool eof, shut;
};

enum state { HEAD, CONNECTING, REPLY, OPEN, LINGER };

struct conn {
	LIST_ENTRY(conn) list;
	SLIST_ENTRY(conn) dead;
	struct box *box;
	enum state state;
	struct end client, proxy;
	struct flow head, up, down; /* to the proxy, to it behind the head, to the client */
	struct sbx_request request;
	size_t seen; /* of the head */
	uint64_t deadline;
	bool tunnel;
	struct sockaddr_storage from, proxies[SBX_RELAY_PROXIES_MAX];
	size_t n_proxies, tried;
};

#define LISTENERS 2

struct box {
	LIST_ENTRY(box) list;
	void *owner;
	struct end listener[LISTENERS];
	LIST_HEAD(conns, conn) conns;
	unsigned n;
};

struct sbx_relay {
	const struct sbx_relay_ops *ops;
	int epoll, spare;
	uint64_t now, swept; /* milliseconds */
	LIST_HEAD(boxes, box) boxes;
	SLIST_HEAD(dead, conn) dead;
	unsigned n;
};

/* relay.c */
/* events 0: none. False: out of memory, or of watches. */
bool end_watch(struct sbx_relay *r, struct end *e, uint32_t events);
void end_close(struct end *e);
void talk_close(struct sbx_relay *r, struct conn *c);
void wait_until(struct sbx_relay *r, struct conn *c, unsigned seconds);

/* talk.c */
void talk_ready(struct sbx_relay *r, struct end *e);
void talk_expire(struct sbx_relay *r, struct conn *c);

#endif
