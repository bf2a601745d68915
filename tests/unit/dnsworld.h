/* SPDX-License-Identifier: MIT */
/*
 * A forwarder and the world around it on loopback. One thread turns its wheel, plays the upstream
 * servers (127.0.0.1 and 127.0.0.2; nobody is on 127.0.0.3) and the client. The first label of a
 * name says what the server does, the rest how it is judged. To be included after cmocka.h.
 */
#ifndef TESTS_UNIT_DNSWORLD_H
#define TESTS_UNIT_DNSWORLD_H

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "tests/unit/dnswire.h"
#include "user/dns/internal.h"

#define SERVERS 2

static struct server {
	int udp, tcp, conn; /* one connection at a time is enough */
	unsigned asked, asked_tcp;
	bool silent, refuses, old; /* old: knows no EDNS */
} servers[SERVERS];

static struct sbx_forwarder *f;
static int client;		      /* connected by UDP */
static struct sockaddr_in listens[2]; /* the sandbox's: UDP, TCP */
static char conf[] = "/tmp/sbx-forwarder-XXXXXX";
static int box; /* its address is the name of the sandbox; others may ask nothing */
static struct msg m, answer;
static void (*mangle)(struct msg *reply); /* if not NULL: what upstream says comes otherwise */

static struct {
	unsigned opened, refused, early;
	int family, fails; /* fails: opening the nth and later ones */
	uint8_t addr[16];
	uint32_t ttl;
	char name[256], refused_name[256];
	enum sbx_dns_refusal why;
	uint16_t qtype, port;
	bool tcp, list_all, none;
} seen;

/* --- what the daemon would say --- */

static bool below(const char *name, const char *suffix)
{
	size_t n = strlen(name), k = strlen(suffix);

	return n > k && !strcmp(name + n - k, suffix);
}

static enum sbx_dns_verdict judge(void *sandbox, const char *name)
{
	if (seen.none || sandbox != &box)
		return SBX_DNS_REFUSE;
	return below(name, ".ok.test")	     ? SBX_DNS_ALLOW
	       : below(name, ".wild.test")   ? SBX_DNS_WILD
	       : below(name, ".pass.test")   ? SBX_DNS_PASS
	       : below(name, ".absent.test") ? SBX_DNS_ABSENT
					     : SBX_DNS_REFUSE;
}

static int open_address(void *sandbox, const char *name, int family, const uint8_t *addr,
			uint32_t ttl)
{
	char c;

	/* The answer must not be there yet. */
	seen.early += recv(client, &c, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
	snprintf(seen.name, sizeof(seen.name), "%s", name);
	seen.family = family;
	seen.ttl = ttl;
	memcpy(seen.addr, addr, family == AF_INET ? 4 : 16);
	seen.opened++;
	return seen.fails && seen.opened >= (unsigned)seen.fails ? -ENOSPC : 0;
}

static bool listed(void *sandbox, const char *name, int family, const uint8_t *addr)
{
	return seen.list_all;
}

static void refused(void *sandbox, const struct sbx_dns_refused *r)
{
	snprintf(seen.refused_name, sizeof(seen.refused_name), "%s", r->name);
	seen.refused++;
	seen.why = r->why;
	seen.qtype = r->qtype;
	seen.tcp = r->tcp;
	seen.port = ((const struct sockaddr_in *)&r->from)->sin_port;
}

static const struct sbx_dns_ops ops = {judge, open_address, listed, refused};

/* --- upstream --- */

static void address(struct msg *r, const char *owner, const char *text, uint32_t ttl)
{
	uint8_t addr[16];
	bool v4 = inet_pton(AF_INET, text, addr) == 1;

	if (!v4)
		inet_pton(AF_INET6, text, addr);
	rr(r, 1, owner, v4 ? A : AAAA, ttl, addr, v4 ? 4 : 16);
}

static void many(struct msg *r, unsigned n)
{
	char text[32];

	for (unsigned i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "93.184.%u.%u", i / 256, i % 256);
		address(r, NULL, text, 300);
	}
}

static void say(struct msg *r, const char *what, const char *name, unsigned type)
{
	if (!strcmp(what, "chain")) {
		rr_name(r, NULL, CNAME, 300, "x.cdn.test");
		rr_name(r, "x.cdn.test", CNAME, 300, "y.cdn.test");
		address(r, "y.cdn.test", "93.184.216.35", 300);
	} else if (!strcmp(what, "loop")) {
		rr_name(r, NULL, CNAME, 300, "x.cdn.test");
		rr_name(r, "x.cdn.test", CNAME, 300, name);
	} else if (!strcmp(what, "other")) {
		address(r, "victim.test", "6.6.6.6", 300);
		address(r, NULL, "93.184.216.34", 300);
	} else if (!strcmp(what, "zero")) {
		address(r, NULL, "93.184.216.34", 0);
	} else if (!strcmp(what, "huge")) {
		address(r, NULL, "93.184.216.34", 1u << 31);
	} else if (!strcmp(what, "private")) {
		address(r, NULL, "10.0.0.1", 300);
	} else if (!strcmp(what, "mixed")) {
		address(r, NULL, "169.254.169.254", 300);
		address(r, NULL, "93.184.216.34", 300);
	} else if (!strcmp(what, "mapped")) {
		address(r, NULL, "::ffff:93.184.216.34", 300);
	} else if (!strcmp(what, "many")) {
		many(r, 512);
	} else if (!strcmp(what, "nx")) {
		r->b[3] |= NXDOMAIN;
		rr_soa(r, "test", 100, 100);
	} else if (!strcmp(what, "nodata")) {
		rr_soa(r, "test", 100, 100);
	} else if (type == A) {
		address(r, NULL, "93.184.216.34", 300);
	} else if (type == AAAA) {
		address(r, NULL, "2606:4700::1111", 300);
	} else if (type == TXT) {
		rr(r, 1, NULL, TXT, 300, "\5hello", 6);
		address(r, NULL, "93.184.216.34", 300);
	}
}

static void text_of(const uint8_t *wire, char *name)
{
	for (; *wire; wire += *wire + 1, *name++ = '.') {
		memcpy(name, wire + 1, *wire);
		name += *wire;
	}
	name[-1] = 0;
}

static bool upper(const char *name)
{
	for (; *name; name++)
		if (*name >= 'A' && *name <= 'Z')
			return true;
	return false;
}

/* Replies that are not for the query, before the one that is. */
static void spoof(struct server *s, const struct sockaddr_storage *to, const struct msg *good,
		  int n)
{
	int elsewhere = socket(AF_INET, SOCK_DGRAM, 0), i;
	struct msg *bad = malloc(sizeof(*bad));

	for (i = 0; i < n; i++) {
		*bad = *good;
		bad->b[bad->n - 4] = 6; /* the address, which must not be seen */
		if (i == 1 || i > 4)
			bad->b[0] ^= (uint8_t)i; /* the id */
		else if (i == 2)
			bad->b[14] ^= 1; /* the question */
		else if (i == 3)
			bad->b[2] &= 0x7f; /* a query */
		else if (i == 4)
			bad->n = 11;
		/* The first is right, but comes from another port. */
		sendto(i ? s->udp : elsewhere, bad->b, bad->n, 0, (const struct sockaddr *)to,
		       sizeof(struct sockaddr_in));
	}
	close(elsewhere);
	free(bad);
}

/* Into `m`; false: no reply. */
static bool reply_to(struct server *s, const uint8_t *wire, size_t n, bool tcp)
{
	char name[256], what[64];
	unsigned type;

	text_of(wire + 12, name);
	type = get16(wire + n - (get16(wire + 10) ? 15 : 4));
	assert_false(upper(name));
	assert_int_equal(get16(wire + 2), 0x0100);
	snprintf(what, sizeof(what), "%.*s", (int)strcspn(name, "."), name);
	begin(&m, get16(wire), 0x8180, name, type);
	if (s->silent)
		return false;
	if (s->old && get16(wire + 10)) {
		m.b[3] |= FORMERR;
		return true;
	}
	if (s->refuses) {
		m.b[3] |= REFUSED;
		return true;
	}
	if (!strcmp(what, "tc") && !tcp) {
		m.b[2] |= 2;
		return true;
	}
	say(&m, what, name, type);
	if (mangle)
		mangle(&m);
	return true;
}

static void serve_udp(struct server *s)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	uint8_t wire[600];
	ssize_t n = recvfrom(s->udp, wire, sizeof(wire), 0, (struct sockaddr *)&from, &len);

	assert_true(n > 12);
	s->asked++;
	if (!reply_to(s, wire, (size_t)n, false))
		return;
	if (!memcmp(wire + 12, "\5spoof", 6))
		spoof(s, &from, &m, 5);
	if (!memcmp(wire + 12, "\5flood", 6))
		spoof(s, &from, &m, 20);
	sendto(s->udp, m.b, m.n, 0, (struct sockaddr *)&from, len);
}

static void serve_tcp(struct server *s)
{
	uint8_t wire[600], head[2];
	ssize_t n = recv(s->conn, wire, sizeof(wire), 0);

	if (n <= 2) {
		close(s->conn);
		s->conn = -1;
		return;
	}
	s->asked_tcp++;
	assert_int_equal(get16(wire), n - 2);
	if (!reply_to(s, wire + 2, (size_t)n - 2, true))
		return;
	head[0] = (uint8_t)(m.n >> 8);
	head[1] = (uint8_t)m.n;
	/* In pieces */
	send(s->conn, head, 1, MSG_NOSIGNAL);
	send(s->conn, head + 1, 1, MSG_NOSIGNAL);
	send(s->conn, m.b, m.n / 2, MSG_NOSIGNAL);
	send(s->conn, m.b + m.n / 2, m.n - m.n / 2, MSG_NOSIGNAL);
}

/* --- the wheel --- */

static uint64_t ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Until fd is readable; false: it was not in time. */
static bool turn(int fd, int timeout)
{
	uint64_t end = ms() + (uint64_t)timeout;

	for (;;) {
		int wait = sbx_forwarder_step(f), i;
		struct pollfd p[2 + 3 * SERVERS] = {{.fd = fd, .events = POLLIN},
						    {.fd = sbx_forwarder_fd(f), .events = POLLIN}};

		for (i = 0; i < SERVERS; i++) {
			p[2 + 3 * i] = (struct pollfd){.fd = servers[i].udp, .events = POLLIN};
			p[3 + 3 * i] = (struct pollfd){.fd = servers[i].tcp, .events = POLLIN};
			p[4 + 3 * i] = (struct pollfd){.fd = servers[i].conn, .events = POLLIN};
		}
		if (wait < 0 || wait > timeout)
			wait = timeout;
		poll(p, sizeof(p) / sizeof(p[0]), wait);
		if (p[0].revents)
			return true;
		for (i = 0; i < SERVERS; i++) {
			if (p[2 + 3 * i].revents)
				serve_udp(&servers[i]);
			if (p[3 + 3 * i].revents) {
				if (servers[i].conn >= 0)
					close(servers[i].conn);
				servers[i].conn = accept(servers[i].tcp, NULL, NULL);
				p[4 + 3 * i].revents = 0;
			}
			if (p[4 + 3 * i].revents)
				serve_tcp(&servers[i]);
		}
		if (ms() >= end)
			return false;
	}
}

/* The response code of the answer in `answer`; -1: none came. */
static inline int receive(int timeout)
{
	ssize_t n;

	if (!turn(client, timeout))
		return -1;
	n = recv(client, answer.b, sizeof(answer.b), 0);
	assert_true(n >= 12);
	answer.n = (size_t)n;
	assert_true(answer.b[2] & 0x80);
	return answer.b[3] & 0xf;
}

static inline void send_query(const char *name, unsigned type, unsigned size)
{
	begin(&m, 0x4711, 0x0100, name, type);
	if (size)
		put_opt(&m, size, 0x8000);
	assert_int_equal(send(client, m.b, m.n, 0), m.n);
}

static inline int ask_sized(const char *name, unsigned type, unsigned size)
{
	int rc;

	memset(&seen.opened, 0, sizeof(seen.opened));
	seen.refused = 0;
	send_query(name, type, size);
	rc = receive(4000);
	assert_int_equal(get16(answer.b), 0x4711);
	return rc;
}

static inline int ask(const char *name, unsigned type)
{
	return ask_sized(name, type, 1232);
}

static inline unsigned answers(void)
{
	return get16(answer.b + 6);
}

static inline bool truncated(void)
{
	return answer.b[2] & 2;
}

static inline unsigned asked(void)
{
	unsigned n = servers[0].asked + servers[1].asked;

	servers[0].asked = servers[1].asked = 0;
	return n;
}

static void write_conf(const char *text)
{
	FILE *file = fopen(conf, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* --- TCP clients --- */

static int dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&listens[1], sizeof(listens[1])), 0);
	return fd;
}

static inline void frame(struct msg *to, unsigned id, const char *name, unsigned type)
{
	begin(&m, id, 0x0100, name, type);
	put16(to, (unsigned)m.n);
	put(to, m.b, m.n);
}

/* The next answer; its id, -1: the connection ended. */
static inline int next_answer(int fd)
{
	size_t have = 0;

	while (have < 2 || have < 2u + get16(answer.b)) {
		size_t want = have < 2 ? 2 - have : 2 + get16(answer.b) - have;
		ssize_t n;

		assert_true(turn(fd, 3000));
		n = recv(fd, answer.b + have, want, MSG_DONTWAIT);
		if (n <= 0)
			return -1;
		have += (size_t)n;
	}
	memmove(answer.b, answer.b + 2, have - 2);
	answer.n = have - 2;
	return (int)get16(answer.b);
}

/* --- set up --- */

static int bound(int type, const char *ip, uint16_t port, struct sockaddr_in *at)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = port};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, ip, &a.sin_addr);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    (type == SOCK_STREAM && listen(fd, 100)) ||
	    getsockname(fd, (struct sockaddr *)&a, &len)) {
		close(fd);
		return -1;
	}
	*at = a;
	return fd;
}

/* UDP and TCP on the same free port of both addresses. */
static bool start_servers(uint16_t *port)
{
	struct sockaddr_in a;
	int i;

	*port = 0;
	for (i = 0; i < SERVERS; i++) {
		struct server *s = &servers[i];

		*s = (struct server){-1, -1, -1, 0, 0, false, false, false};
		s->udp = bound(SOCK_DGRAM, i ? "127.0.0.2" : "127.0.0.1", *port, &a);
		*port = a.sin_port;
		s->tcp = s->udp < 0 ? -1
				    : bound(SOCK_STREAM, i ? "127.0.0.2" : "127.0.0.1", *port, &a);
		if (s->tcp < 0)
			return false;
	}
	return true;
}

static void stop_servers(void)
{
	for (int i = 0; i < SERVERS; i++) {
		close(servers[i].udp);
		close(servers[i].tcp);
		if (servers[i].conn >= 0)
			close(servers[i].conn);
	}
}

static void add_box(void)
{
	struct sbx_dns_sockets s = {-1, -1, -1, -1};

	s.udp4 = bound(SOCK_DGRAM, "127.0.0.1", 0, &listens[0]);
	s.tcp4 = bound(SOCK_STREAM, "127.0.0.1", 0, &listens[1]);
	/* Accepted connections inherit it: soon full. */
	setsockopt(s.tcp4, SOL_SOCKET, SO_SNDBUF, &(int){16384}, sizeof(int));
	assert_int_equal(sbx_forwarder_add(f, &box, &s), 0);
	client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(client, (struct sockaddr *)&listens[0], sizeof(listens[0])), 0);
}

static int start(void **state)
{
	uint16_t port;
	int tries;

	memset(&seen, 0, sizeof(seen));
	for (tries = 0; !start_servers(&port); tries++) {
		stop_servers();
		assert_true(tries < 20);
	}
	write_conf("nameserver 127.0.0.1\nnameserver 127.0.0.2\nsearch absent.test\n"
		   "options timeout:1 attempts:1\n");
	f = sbx_forwarder_new(&ops, conf);
	assert_non_null(f);
	f->port = ntohs(port);
	add_box();
	return 0;
}

static int stop(void **state)
{
	assert_int_equal(seen.early, 0);
	sbx_forwarder_free(f);
	close(client);
	stop_servers();
	return 0;
}

#endif
