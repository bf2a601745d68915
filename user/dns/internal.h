/* SPDX-License-Identifier: MIT */
/*
 * How the forwarder works. A client's query (clients.c) is parsed, judged, and answered from the
 * sandbox's cache, or becomes a flight (upstream.c) that ends with an answer; answer.c opens the
 * addresses and writes. forwarder.c owns everything and turns the wheel.
 *
 * Whatever is watched by epoll starts with a struct watch. Events of one round may name a watch
 * that an earlier event of the round has closed: closed ones are freed when the round is over.
 */
#ifndef SBX_DNS_INTERNAL_H
#define SBX_DNS_INTERNAL_H

#include <sys/queue.h>
#include "user/dns/cache.h"
#include "user/dns/forwarder.h"
#include "user/dns/message.h"
#include "user/dns/ration.h"
#include "user/dns/resolvconf.h"

struct watch {
	int fd; /* -1: closed */
	void (*ready)(struct sbx_forwarder *f, struct watch *w, uint32_t events);
	SLIST_ENTRY(watch) dead;
};

struct listener {
	struct watch watch;
	struct sandbox *box;
};

TAILQ_HEAD(conns, conn);
TAILQ_HEAD(flights, flight);
TAILQ_HEAD(waiters, waiter);

struct sandbox {
	LIST_ENTRY(sandbox) list;
	void *owner; /* what the caller calls the sandbox */
	struct listener udp4, tcp4, udp6, tcp6;
	struct conns conns;
	unsigned n_conns;
	struct flights flights;
	unsigned n_waiters; /* of all flights */
	struct sbx_dns_cache *cache;
	struct sbx_dns_ration ration;
};

/* A TCP client. */
struct conn {
	struct watch watch;
	TAILQ_ENTRY(conn) of_box, timer; /* the one silent for longest is the first in `timer` */
	struct sandbox *box;
	struct sockaddr_storage from;
	uint64_t deadline;
	unsigned n_waiters; /* its queries that wait for upstream */
	bool eof, broken, busy;
	uint32_t events;
	size_t in_len, out_at, out_len, out_room;
	uint8_t *out;
	uint8_t in[2 + SBX_DNS_QUERY_MAX];
};

/* Who asked, and where the answer goes. */
struct client {
	struct sandbox *box;
	struct conn *conn; /* NULL: UDP */
	int fd;
	socklen_t from_len;
	struct sockaddr_storage from;
};

/* A TCP query to upstream. */
struct stream {
	size_t sent, have, len; /* have counts the two bytes of the length */
	uint8_t head[2];
	uint8_t *body;
};

/* A client's query that waits for a flight. */
struct waiter {
	TAILQ_ENTRY(waiter) list;
	struct client client;
	struct sbx_dns_query q;
};

/*
 * A question under way to upstream. A sandbox asks each question once at a time: many equal ones
 * would be as many chances for who forges the reply.
 */
struct flight {
	struct watch watch;
	TAILQ_ENTRY(flight) of_box, timer;
	struct sandbox *box;
	struct waiters waiters;
	struct sbx_dns_query q; /* of the first */
	uint64_t deadline, generation;
	union sbx_resolv_addr servers[SBX_RESOLV_SERVERS]; /* in the order of asking */
	unsigned n_servers, attempts, tried;
	unsigned strangers; /* datagrams to our port that are no reply */
	uint16_t id;
	bool edns, tcp, timed, landing;
	struct stream stream;
};

struct sbx_forwarder {
	const struct sbx_dns_ops *ops;
	int epoll, spare;
	uint16_t port;	      /* of upstream servers: 53 but in tests */
	uint64_t now, polled; /* milliseconds */
	struct sbx_resolvconf resolv;
	uint64_t generation; /* of resolv: how often it has changed */
	LIST_HEAD(boxes, sandbox) boxes;
	struct conns conn_timer;
	struct flights flight_timer;
	unsigned n_waiters;
	unsigned work; /* records looked at since the last event was taken up */
	SLIST_HEAD(dead, watch) dead;
	uint8_t in[SBX_DNS_MESSAGE_MAX + 1], out[SBX_DNS_MESSAGE_MAX];
	bool left_out[SBX_DNS_RECORDS_MAX + SBX_DNS_CHAIN_MAX];
};

/* forwarder.c */
int watch_add(struct sbx_forwarder *f, struct watch *w, uint32_t events);
void watch_modify(struct sbx_forwarder *f, struct watch *w, uint32_t events);
/* Closes it; the struct that it begins is freed later if `whole`. */
void watch_close(struct sbx_forwarder *f, struct watch *w, bool whole);

/* clients.c */
/* fd: -1 for none. False: out of memory, or of watches. */
bool listener_open(struct sbx_forwarder *f, struct sandbox *box, struct listener *l, int fd,
		   bool tcp);
void conn_close(struct sbx_forwarder *f, struct conn *c);
void conn_expire(struct sbx_forwarder *f, struct conn *c);
/* Reads what has come, writes what can be written; after an answer was added. */
void conn_pump(struct sbx_forwarder *f, struct conn *c);
/* Sends f->out. */
void client_send(struct sbx_forwarder *f, const struct client *c, size_t len);

/* answer.c */
/* How many addresses were opened, how many a public name must not have, how many could not be. */
struct opened {
	unsigned good, special, failed;
};
void query_handle(struct sbx_forwarder *f, const struct client *c, const uint8_t *wire, size_t len);
void query_refuse(struct sbx_forwarder *f, const struct client *c, const struct sbx_dns_query *q,
		  int rcode, enum sbx_dns_refusal why);
/* Answers where the name is not allowed. */
bool query_turned_down(struct sbx_forwarder *f, const struct client *c,
		       const struct sbx_dns_query *q, enum sbx_dns_verdict verdict);
/* Opens the addresses; f->left_out says which ones stay closed and out of the answer. */
struct opened query_open(struct sbx_forwarder *f, void *owner, const char *name,
			 enum sbx_dns_verdict verdict, const struct sbx_dns_answer *a,
			 uint32_t age);
/* After query_open(), for all who asked. */
void query_answer(struct sbx_forwarder *f, const struct client *c, const struct sbx_dns_query *q,
		  const struct opened *n, const struct sbx_dns_answer *a, uint32_t age);
void query_fail(struct sbx_forwarder *f, const struct client *c, const struct sbx_dns_query *q,
		int rcode);

/* upstream.c */
/* Where the same question is under way already, its answer is waited for. */
bool flight_join(struct sbx_forwarder *f, const struct client *c, const struct sbx_dns_query *q);
void flight_start(struct sbx_forwarder *f, const struct client *c, const struct sbx_dns_query *q);
/* Without an answer to anybody. */
void flight_drop(struct sbx_forwarder *f, struct flight *fl);
/* A client is gone. */
void flights_forget(struct sbx_forwarder *f, struct conn *c);
/* There is no usable reply from this server: asks the next. */
void flight_next(struct sbx_forwarder *f, struct flight *fl);

#endif
