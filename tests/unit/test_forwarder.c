// SPDX-License-Identifier: MIT
/* The forwarder from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/resource.h>
#include "tests/unit/dnsworld.h"

static void test_allowed(void **state)
{
	assert_int_equal(ask("WWW.Ok.test", A), NOERROR);
	assert_int_equal(answers(), 1);
	assert_memory_equal(answer.b + 13, "WWW", 3);
	assert_int_equal(seen.opened, 1);
	assert_string_equal(seen.name, "www.ok.test");
	assert_int_equal(seen.family, AF_INET);
	assert_memory_equal(seen.addr, "\x5d\xb8\xd8\x22", 4);
	assert_int_equal(seen.ttl, 300);
	assert_int_equal(asked(), 1);
	/* From the cache: opened again, nobody asked. */
	assert_int_equal(ask("www.ok.test", A), NOERROR);
	assert_int_equal(answers(), 1);
	assert_int_equal(seen.opened, 1);
	assert_int_equal(asked(), 0);
	assert_int_equal(ask("www.ok.test", AAAA), NOERROR);
	assert_int_equal(seen.family, AF_INET6);
	assert_int_equal(ask("mapped.ok.test", AAAA), NOERROR);
	assert_int_equal(seen.family, AF_INET);
	assert_memory_equal(seen.addr, "\x5d\xb8\xd8\x22", 4);
	assert_int_equal(seen.refused, 0);
}

static void test_refused(void **state)
{
	struct sockaddr_in me;
	socklen_t len = sizeof(me);

	getsockname(client, (struct sockaddr *)&me, &len);
	assert_int_equal(ask("www.evil.test", A), REFUSED);
	assert_int_equal(answers(), 0);
	assert_int_equal(seen.refused, 1);
	assert_int_equal(seen.why, SBX_DNS_NOT_LISTED);
	assert_int_equal(seen.qtype, A);
	assert_int_equal(seen.port, me.sin_port);
	assert_false(seen.tcp);
	assert_string_equal(seen.refused_name, "www.evil.test");
	assert_int_equal(ask("ok.test.evil.test", HTTPS), REFUSED);
	assert_int_equal(ask("1.0.0.10.in-addr.arpa", 12), REFUSED);
	assert_int_equal(seen.opened, 0);
	assert_int_equal(asked(), 0);
}

/* The policy changes while upstream is asked. */
static void test_refused_late(void **state)
{
	servers[0].silent = true;
	send_query("www.ok.test", A, 0);
	turn(-1, 20);
	assert_int_equal(f->n_waiters, 1);
	seen.none = true;
	TAILQ_FIRST(&f->flight_timer)->deadline = 0;
	assert_int_equal(receive(1000), REFUSED);
	assert_int_equal(answers(), 0);
	assert_int_equal(seen.opened, 0);
	assert_int_equal(seen.refused, 1);
}

static void test_absent(void **state)
{
	assert_int_equal(ask("www.ok.test.absent.test", A), NXDOMAIN);
	assert_int_equal(seen.refused, 0);
	assert_int_equal(asked(), 0);
	assert_string_equal(sbx_forwarder_search(f)[0], "absent.test");
	assert_null(sbx_forwarder_search(f)[1]);
}

static void test_pass(void **state)
{
	assert_int_equal(ask("private.pass.test", A), NOERROR);
	assert_int_equal(answers(), 1);
	assert_int_equal(seen.opened, 0);
	assert_int_equal(ask("www.pass.test", HTTPS), NOERROR);
	assert_int_equal(answers(), 0);
}

static void test_chains(void **state)
{
	assert_int_equal(ask("chain.ok.test", A), NOERROR);
	assert_int_equal(answers(), 3);
	assert_int_equal(seen.opened, 1);
	/* Opened for the name that is allowed, not for the one that it leads to. */
	assert_string_equal(seen.name, "chain.ok.test");
	assert_int_equal(seen.addr[3], 35);
	assert_int_equal(ask("loop.ok.test", A), SERVFAIL);
	assert_int_equal(seen.opened, 0);
	assert_int_equal(ask("other.ok.test", A), NOERROR);
	assert_int_equal(answers(), 1);
	assert_int_equal(seen.opened, 1);
	assert_int_equal(seen.addr[0], 93);
}

static void test_ttls(void **state)
{
	assert_int_equal(ask("zero.ok.test", A), NOERROR);
	assert_int_equal(seen.ttl, SBX_DNS_TTL_MIN);
	assert_int_equal(ask("huge.ok.test", A), NOERROR);
	assert_int_equal(seen.ttl, SBX_DNS_TTL_MIN);
}

static void test_private(void **state)
{
	assert_int_equal(ask("private.ok.test", A), REFUSED);
	assert_int_equal(seen.refused, 1);
	assert_int_equal(seen.why, SBX_DNS_ADDRESS);
	assert_int_equal(seen.opened, 0);
	assert_int_equal(ask("mixed.ok.test", A), NOERROR);
	assert_int_equal(answers(), 1);
	assert_int_equal(answer.b[answer.n - 11 - 4], 93);
	assert_int_equal(seen.opened, 1);
	assert_int_equal(seen.refused, 0);
	/* Listed now; both are in the cache. */
	seen.list_all = true;
	assert_int_equal(ask("private.ok.test", A), NOERROR);
	assert_int_equal(answers(), 1);
	assert_int_equal(seen.opened, 1);
	assert_int_equal(ask("mixed.ok.test", A), NOERROR);
	assert_int_equal(answers(), 2);
}

static void test_open_fails(void **state)
{
	seen.fails = 1;
	assert_int_equal(ask("www.ok.test", A), SERVFAIL);
	assert_int_equal(answers(), 0);
	seen.fails = 11;
	assert_int_equal(ask_sized("many.ok.test", A, 4096), NOERROR);
	assert_int_equal(answers(), 10);
	assert_int_equal(seen.opened, 512);
}

static void test_types(void **state)
{
	assert_int_equal(ask("www.ok.test", HTTPS), NOERROR);
	assert_int_equal(answers(), 0);
	assert_int_equal(ask("www.ok.test", SVCB), NOERROR);
	assert_int_equal(ask("www.ok.test", 48), NOERROR); /* DNSKEY */
	assert_int_equal(ask("www.ok.test", 255), NOTIMP); /* ANY */
	assert_int_equal(ask("www.ok.test", 252), NOTIMP); /* AXFR */
	assert_int_equal(asked(), 0);
	/* An address beside the text is not passed on, let alone opened. */
	assert_int_equal(ask("www.ok.test", TXT), NOERROR);
	assert_int_equal(answers(), 1);
	assert_int_equal(asked(), 1);
	assert_int_equal(seen.opened, 0);
}

static void test_spoofed(void **state)
{
	assert_int_equal(ask("spoof.ok.test", A), NOERROR);
	assert_int_equal(seen.opened, 1);
	assert_int_equal(seen.addr[0], 93);
	assert_int_equal(asked(), 1);
}

/* So many forgeries that one might hit: TCP is asked. */
static void test_spoof_flood(void **state)
{
	assert_int_equal(ask("flood.ok.test", A), NOERROR);
	assert_int_equal(seen.opened, 1);
	assert_int_equal(seen.addr[0], 93);
	assert_int_equal(servers[0].asked_tcp, 1);
}

/* Equal questions at one time go upstream once; each client has its answer. */
static void test_joined(void **state)
{
	struct msg *one = calloc(1, sizeof(*one));
	int fd = dial(), gone = dial(), i;

	servers[0].silent = true;
	for (i = 0; i < 20; i++)
		send_query("a.ok.test", A, 0);
	frame(one, 21, "A.ok.test", A);
	frame(one, 22, "a.ok.test", A);
	send(fd, one->b, one->n, 0);
	send(gone, one->b, one->n, 0);
	turn(-1, 20);
	assert_int_equal(f->n_waiters, 24);
	close(gone);
	turn(-1, 20);
	assert_int_equal(f->n_waiters, 24); /* it may only have said that it asks no more */
	assert_int_equal(asked(), 1);
	TAILQ_FIRST(&f->flight_timer)->deadline = 0;
	for (i = 0; i < 20; i++)
		assert_int_equal(receive(1000), NOERROR);
	assert_int_equal(next_answer(fd), 21);
	assert_memory_equal(answer.b + 13, "A", 1);
	assert_int_equal(next_answer(fd), 22);
	assert_int_equal(asked(), 1);
	assert_int_equal(f->n_waiters, 0);
	assert_int_equal(ask("a.ok.test", A), NOERROR);
	assert_int_equal(asked(), 0);
	close(fd);
	free(one);
}

static void test_sizes(void **state)
{
	assert_int_equal(ask_sized("many.ok.test", A, 0), NOERROR);
	assert_true(truncated());
	assert_true(answer.n <= 512 && answer.n > 480);
	assert_int_equal(seen.opened, 512);
	assert_int_equal(ask_sized("many.ok.test", A, 1232), NOERROR);
	assert_true(truncated());
	assert_true(answer.n <= 1232 && answer.n > 1200);
	assert_int_equal(get16(answer.b + 10), 1); /* OPT */
	assert_int_equal(asked(), 1);
	/* Truncated by upstream: asked again by TCP. */
	assert_int_equal(ask("tc.ok.test", A), NOERROR);
	assert_int_equal(answers(), 1);
	assert_false(truncated());
	assert_int_equal(servers[0].asked_tcp, 1);
}

static void test_negative(void **state)
{
	assert_int_equal(ask("nx.ok.test", A), NXDOMAIN);
	assert_int_equal(get16(answer.b + 8), 1);
	assert_int_equal(ask("nodata.ok.test", A), NOERROR);
	assert_int_equal(answers(), 0);
	assert_int_equal(asked(), 2);
	assert_int_equal(ask("nx.ok.test", A), NXDOMAIN);
	assert_int_equal(ask("nodata.ok.test", A), NOERROR);
	assert_int_equal(asked(), 0);
	assert_int_equal(seen.refused, 0);
}

static void test_next_server(void **state)
{
	servers[0].refuses = true;
	assert_int_equal(ask("a.ok.test", A), NOERROR);
	assert_int_equal(servers[0].asked, 1);
	assert_int_equal(servers[1].asked, 1);
	servers[1].refuses = true;
	assert_int_equal(ask("b.ok.test", A), SERVFAIL);
	assert_int_equal(asked(), 4);
	assert_int_equal(ask("b.ok.test", A), SERVFAIL); /* remembered */
	assert_int_equal(asked(), 0);
	servers[0].refuses = servers[1].refuses = false;
	servers[0].old = true;
	assert_int_equal(ask("c.ok.test", A), NOERROR);
	assert_int_equal(servers[0].asked, 2);
	assert_int_equal(asked(), 2);
	/* Silent: the next after a second. */
	servers[0].silent = true;
	assert_int_equal(ask("d.ok.test", A), NOERROR);
	assert_int_equal(asked(), 2);
}

static void test_reread(void **state)
{
	/* Nobody is there: the next is asked without delay. */
	write_conf("nameserver 127.0.0.3\nnameserver 127.0.0.2\nsearch corp.test lab.test\n");
	assert_int_equal(ask("a.ok.test", A), NOERROR);
	assert_int_equal(servers[0].asked, 1); /* looked at once a second at most */
	f->polled = 0;
	assert_int_equal(ask("a.ok.test", A), NOERROR);
	assert_int_equal(servers[0].asked, 1);
	assert_int_equal(servers[1].asked, 1); /* the cache was for the other servers */
	assert_string_equal(sbx_forwarder_search(f)[1], "lab.test");
	unlink(conf);
	f->polled = 0;
	assert_int_equal(ask("b.ok.test", A), NOERROR);
	assert_int_equal(servers[1].asked, 2);
}

static void test_wild(void **state)
{
	char name[64];
	int i, n = 0;

	for (i = 0; i < SBX_DNS_WILD_BURST; i++) {
		snprintf(name, sizeof(name), "n%d.wild.test", i);
		assert_int_equal(ask(name, A), NOERROR);
	}
	assert_int_equal(seen.refused, 0);
	for (; i < 100 && !n; i++) {
		snprintf(name, sizeof(name), "n%d.wild.test", i);
		n = ask(name, A) == REFUSED;
	}
	assert_int_equal(n, 1);
	assert_int_equal(seen.why, SBX_DNS_RATE);
	assert_string_equal(seen.refused_name, name);
	/* What is in the cache, and single names, are free. */
	assert_int_equal(ask("n0.wild.test", A), NOERROR);
	assert_int_equal(ask("www.ok.test", A), NOERROR);
}

static void test_malformed(void **state)
{
	static const char junk[] = "\x47\x11\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1";

	send(client, "", 0, 0);
	send(client, "x", 1, 0);
	assert_int_equal(send(client, junk, sizeof(junk) - 1, 0), sizeof(junk) - 1);
	assert_int_equal(receive(1000), FORMERR);
	assert_int_equal(answer.n, 12);
	assert_int_equal(seen.refused, 1);
	assert_int_equal(seen.why, SBX_DNS_MALFORMED);
	assert_string_equal(seen.refused_name, "");
	/* An answer is not answered. */
	begin(&m, 1, 0x8000, "www.ok.test", A);
	send(client, m.b, m.n, 0);
	/* 60000 bytes */
	begin(&m, 2, 0x0100, "www.ok.test", A);
	assert_int_equal(send(client, m.b, 60000, 0), 60000);
	assert_int_equal(receive(1000), FORMERR);
	assert_int_equal(get16(answer.b), 2);
	assert_int_equal(ask("www.ok.test", A), NOERROR);
}

/* --- TCP clients --- */

static void test_tcp(void **state)
{
	struct msg *all = calloc(1, sizeof(*all));
	unsigned ids = 0;
	int fd = dial(), i;
	size_t k;

	/* Many in one write, in whatever order they come back; then byte by byte. */
	frame(all, 1, "a.ok.test", A);
	frame(all, 2, "b.evil.test", A);
	frame(all, 3, "many.ok.test", A);
	frame(all, 4, "nx.ok.test", A);
	frame(all, 5, "tc.ok.test", A);
	assert_int_equal(send(fd, all->b, all->n, 0), all->n);
	for (i = 0; i < 5; i++) {
		int id = next_answer(fd);

		assert_in_range(id, 1, 5);
		ids |= 1u << id;
		if (id == 3)
			assert_int_equal(answers(), 512);
		if (id == 2)
			assert_int_equal(answer.b[3] & 0xf, REFUSED);
	}
	assert_int_equal(ids, 0x3e);
	assert_true(seen.tcp);
	all->n = 0;
	frame(all, 9, "c.ok.test", A);
	for (k = 0; k < all->n; k++) {
		send(fd, all->b + k, 1, 0);
		sbx_forwarder_step(f);
	}
	assert_int_equal(next_answer(fd), 9);
	/* The last answer comes although the client has said that it will ask no more. */
	all->n = 0;
	frame(all, 10, "d.ok.test", A);
	send(fd, all->b, all->n, 0);
	shutdown(fd, SHUT_WR);
	assert_int_equal(next_answer(fd), 10);
	assert_int_equal(next_answer(fd), -1);
	close(fd);
	free(all);
}

/* Answers of 8 KiB to somebody who does not read: no more queries are taken until he does. */
static void test_tcp_backpressure(void **state)
{
	struct msg *one = calloc(1, sizeof(*one));
	const struct conn *c;
	unsigned i;
	int fd = dial();

	assert_int_equal(ask("many.ok.test", A), NOERROR);
	for (i = 0; i < 500; i++)
		frame(one, i, "many.ok.test", A);
	assert_int_equal(send(fd, one->b, one->n, 0), one->n);
	for (i = 0; i < 200; i++)
		turn(-1, 0);
	c = TAILQ_FIRST(&LIST_FIRST(&f->boxes)->conns);
	assert_non_null(c);
	assert_false(c->events & EPOLLIN);
	assert_in_range(c->out_len, 16 << 10, (16 << 10) + 9000);
	assert_true(seen.opened < 100 * 512);
	for (i = 0; i < 500; i++)
		assert_int_equal(next_answer(fd), i);
	close(fd);
	free(one);
}

static void test_tcp_limits(void **state)
{
	int fds[SBX_DNS_CONNS_MAX + 1], i;
	struct msg *one = calloc(1, sizeof(*one));
	char c;

	for (i = 0; i <= SBX_DNS_CONNS_MAX; i++) {
		fds[i] = dial();
		turn(-1, 0);
	}
	assert_true(turn(fds[SBX_DNS_CONNS_MAX], 1000));
	assert_int_equal(recv(fds[SBX_DNS_CONNS_MAX], &c, 1, MSG_DONTWAIT), 0);
	frame(one, 77, "a.ok.test", A);
	send(fds[0], one->b, one->n, 0);
	assert_int_equal(next_answer(fds[0]), 77);
	/* Larger than any query */
	send(fds[1], "\xff\xff", 2, 0);
	assert_int_equal(next_answer(fds[1]), -1);
	/* The clock is set forward: who was silent is gone; not who waits for an answer. */
	servers[0].silent = true;
	one->n = 0;
	frame(one, 78, "b.ok.test", A);
	send(fds[0], one->b, one->n, 0);
	turn(-1, 10);
	TAILQ_FIRST(&f->conn_timer)->deadline = 0;
	assert_ptr_not_equal(TAILQ_FIRST(&f->conn_timer), TAILQ_LAST(&f->conn_timer, conns));
	TAILQ_LAST(&f->conn_timer, conns)->deadline = 0;
	assert_int_equal(next_answer(fds[2]), -1);
	TAILQ_FIRST(&f->flight_timer)->deadline = 0;
	assert_int_equal(next_answer(fds[0]), 78);
	for (i = 0; i <= SBX_DNS_CONNS_MAX; i++)
		close(fds[i]);
	free(one);
}

/* --- limits --- */

static void test_flights(void **state)
{
	char name[32];
	int i, failed = 0;

	servers[0].silent = servers[1].silent = true;
	for (i = 0; i < SBX_DNS_WAITERS_MAX + 20; i++) {
		snprintf(name, sizeof(name), "n%d.ok.test", i);
		send_query(name, A, 0);
		turn(-1, 0);
	}
	while (failed < 20 && receive(100) == SERVFAIL)
		failed++;
	assert_int_equal(failed, 20);
	assert_int_equal(f->n_waiters, SBX_DNS_WAITERS_MAX);
	/* Removed with all that is under way. */
	sbx_forwarder_remove(f, &box);
	assert_int_equal(f->n_waiters, 0);
	assert_int_equal(sbx_forwarder_step(f), -1);
}

static void test_remove(void **state)
{
	struct msg *one = calloc(1, sizeof(*one));
	int fd = dial();

	servers[0].silent = true;
	frame(one, 1, "a.ok.test", A);
	send(fd, one->b, one->n, 0);
	turn(-1, 20);
	assert_int_equal(f->n_waiters, 1);
	sbx_forwarder_remove(f, &box);
	sbx_forwarder_remove(f, &box); /* nothing is there any more */
	assert_int_equal(next_answer(fd), -1);
	close(fd);
	free(one);
}

/* What one may ask, and has asked, is nothing to the other. */
static void test_two_sandboxes(void **state)
{
	struct sbx_dns_sockets s = {-1, -1, -1, -1};
	int mine = client, other;
	struct sockaddr_in at;

	s.udp4 = bound(SOCK_DGRAM, "127.0.0.1", 0, &at);
	assert_int_equal(sbx_forwarder_add(f, &other, &s), 0);
	client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(client, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(ask("www.ok.test", A), REFUSED);
	close(client);
	client = mine;
	assert_int_equal(ask("www.ok.test", A), NOERROR);
	sbx_forwarder_remove(f, &other);
	assert_int_equal(ask("www.ok.test", A), NOERROR);
	assert_int_equal(asked(), 1);
}

/* Who cannot be served is told so; the listener does not stay ready for ever. */
static void test_no_descriptors(void **state)
{
	struct rlimit was, none;
	int fd = dial(), next = dup(fd);
	char c;

	close(next);
	getrlimit(RLIMIT_NOFILE, &was);
	none = was;
	none.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(ask("www.ok.test", A), SERVFAIL);
	assert_true(turn(fd, 1000));
	assert_int_equal(recv(fd, &c, 1, MSG_DONTWAIT), 0);
	assert_int_equal(sbx_forwarder_step(f), -1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	close(fd);
	assert_int_equal(ask("later.ok.test", A), NOERROR);
}

static void test_ipv6_upstream(void **state)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6,
				 .sin6_addr = IN6ADDR_LOOPBACK_INIT,
				 .sin6_port = htons(f->port)};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a))) {
		print_message("note: no IPv6 on the loopback device\n");
		skip();
	}
	close(servers[1].udp);
	servers[1].udp = fd;
	write_conf("nameserver ::1\n");
	f->polled = 0;
	assert_int_equal(ask("www.ok.test", A), NOERROR);
	assert_int_equal(servers[1].asked, 1);
}

/* More than the cache holds */
static void test_many_names(void **state)
{
	char name[32];
	int i;

	for (i = 0; i < 1500; i++) {
		snprintf(name, sizeof(name), "n%d.ok.test", i);
		assert_int_equal(ask(name, A), NOERROR);
	}
	assert_int_equal(asked(), 1500);
	assert_int_equal(ask(name, A), NOERROR);
	assert_int_equal(asked(), 0);
}

static int make_conf(void **state)
{
	int fd = mkstemp(conf);

	return fd < 0 ? -1 : close(fd);
}

static int remove_conf(void **state)
{
	unlink(conf);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_allowed),
		TEST(test_refused),
		TEST(test_refused_late),
		TEST(test_absent),
		TEST(test_pass),
		TEST(test_chains),
		TEST(test_ttls),
		TEST(test_private),
		TEST(test_open_fails),
		TEST(test_types),
		TEST(test_spoofed),
		TEST(test_spoof_flood),
		TEST(test_joined),
		TEST(test_sizes),
		TEST(test_negative),
		TEST(test_next_server),
		TEST(test_reread),
		TEST(test_wild),
		TEST(test_malformed),
		TEST(test_tcp),
		TEST(test_tcp_backpressure),
		TEST(test_tcp_limits),
		TEST(test_flights),
		TEST(test_remove),
		TEST(test_two_sandboxes),
		TEST(test_no_descriptors),
		TEST(test_ipv6_upstream),
		TEST(test_many_names),
	};

	return cmocka_run_group_tests(tests, make_conf, remove_conf);
}
