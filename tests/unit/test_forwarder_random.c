// SPDX-License-Identifier: MIT
/*
 * Clients, servers and the administrator do whatever comes to mind: under ASan, nothing that is
 * gone is touched, what is counted stays true, and no address is opened that a name must not have.
 * SBX_SEED repeats a run, SBX_ROUNDS makes it longer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/unit/dnsworld.h"
#include "user/policy/netspan.h"

#define ROUNDS 6000
#define SLOTS  12

static uint64_t state;
static int slots[SLOTS];
static unsigned got, opened;

static uint32_t rnd(uint32_t n)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(state >> 33) % n;
}

static void mutate(struct msg *r)
{
	uint32_t i;

	for (i = rnd(4); i; i--)
		r->b[rnd((uint32_t)r->n)] = rnd(3) ? (uint8_t)rnd(256) : (uint8_t)(0xc0 | rnd(2));
	if (!rnd(8))
		r->n = rnd((uint32_t)r->n) + 1;
}

static void sometimes(struct msg *r)
{
	if (!rnd(3))
		mutate(r);
}

static void random_query(void)
{
	static const char *const what[] = {"a",	      "b",     "chain",	 "loop", "other",  "zero",
					   "private", "mixed", "many",	 "nx",	 "nodata", "tc",
					   "spoof",   "flood", "mapped", "c",	 "d",	   "e"};
	static const char *const where[] = {"ok.test",	 "ok.test",	"ok.test",  "wild.test",
					    "pass.test", "absent.test", "evil.test"};
	static const uint16_t types[] = {A, A, A, AAAA, AAAA, TXT, MX, HTTPS, CNAME, 255};
	char name[64];

	snprintf(name, sizeof(name), "%s.%s", what[rnd(18)], where[rnd(7)]);
	begin(&m, rnd(65536), 0x0100, name, types[rnd(10)]);
	if (rnd(2))
		put_opt(&m, rnd(5000), 0);
	if (!rnd(10))
		mutate(&m);
}

static void udp_client(void)
{
	static uint8_t in[65536];
	uint32_t i;

	for (i = rnd(4); i; i--) {
		random_query();
		send(client, m.b, m.n, MSG_DONTWAIT);
	}
	while (rnd(3) && recv(client, in, sizeof(in), MSG_DONTWAIT) > 0)
		got++;
}

static void hang_up(int *slot)
{
	struct linger now = {1, 0};

	if (rnd(2))
		setsockopt(*slot, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(*slot);
	*slot = -1;
}

static void tcp_client(void)
{
	static uint8_t in[65536];
	int *slot = &slots[rnd(SLOTS)];
	static struct msg all;
	uint32_t i;
	ssize_t n;

	if (*slot < 0)
		*slot = dial();
	switch (rnd(6)) {
	case 0:
		hang_up(slot);
		break;
	case 1:
		shutdown(*slot, SHUT_WR);
		break;
	case 2:
		n = recv(*slot, in, 1 + rnd(sizeof(in)), MSG_DONTWAIT);
		got += n > 0;
		if (!n)
			hang_up(slot);
		break;
	default:
		all.n = 0;
		for (i = rnd(30); i; i--) {
			random_query();
			put16(&all, (unsigned)m.n + !rnd(100));
			put(&all, m.b, m.n);
		}
		if (all.n && !rnd(3))
			all.n = 1 + rnd((uint32_t)all.n);
		send(*slot, all.b, all.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

static void upstream(void)
{
	struct server *s = &servers[rnd(SERVERS)];

	s->silent = !rnd(4);
	s->refuses = !rnd(8);
	s->old = !rnd(8);
}

static void time_passes(void)
{
	struct conn *c = TAILQ_FIRST(&f->conn_timer);
	struct flight *fl = TAILQ_FIRST(&f->flight_timer);
	struct sandbox *b = LIST_FIRST(&f->boxes);

	if (fl && rnd(2))
		fl->deadline = 0;
	if (c && !rnd(3))
		c->deadline = 0;
	if (!rnd(4))
		sbx_dns_cache_clear(b->cache);
	sbx_dns_ration_init(&b->ration, f->now);
}

static void administrator(void)
{
	uint32_t i;

	if (!rnd(4)) {
		sbx_forwarder_remove(f, &box);
		close(client);
		for (i = 0; i < SLOTS; i++)
			if (slots[i] >= 0)
				hang_up(&slots[i]);
		add_box();
	}
	write_conf(rnd(2) ? "nameserver 127.0.0.2\nnameserver 127.0.0.1\noptions attempts:1\n"
			  : "nameserver 127.0.0.3\nnameserver 127.0.0.1\noptions timeout:1\n");
	f->polled = 0;
	seen.fails = rnd(4) ? 0 : 1 + (int)rnd(4);
}

static void check_counts(void)
{
	const struct sandbox *b = LIST_FIRST(&f->boxes);
	unsigned waiters = 0, of_conns = 0, with_conn = 0, conns = 0;
	const struct waiter *w;
	const struct flight *fl;
	const struct conn *c;

	TAILQ_FOREACH(fl, &b->flights, of_box)
	{
		assert_false(TAILQ_EMPTY(&fl->waiters));
		assert_true(fl->watch.fd >= 0 && fl->timed && !fl->landing);
		TAILQ_FOREACH(w, &fl->waiters, list)
		{
			waiters++;
			with_conn += w->client.conn != NULL;
		}
	}
	TAILQ_FOREACH(c, &b->conns, of_box)
	{
		conns++;
		of_conns += c->n_waiters;
		assert_true(c->watch.fd >= 0 && !c->broken && !c->busy);
		assert_in_range(c->out_len, c->out_at, c->out_room);
		/* A whole query lies here only while something else is waited for. */
		if (c->in_len >= 2 && c->in_len >= 2 + get16(c->in))
			assert_true(c->n_waiters || c->out_len > c->out_at);
	}
	assert_int_equal(waiters, b->n_waiters);
	assert_int_equal(waiters, f->n_waiters);
	assert_int_equal(with_conn, of_conns);
	assert_int_equal(conns, b->n_conns);
	assert_true(SLIST_EMPTY(&f->dead));
}

static void test_random(void **unused)
{
	const char *env = getenv("SBX_SEED"), *rounds = getenv("SBX_ROUNDS");
	uint64_t seed = env ? strtoull(env, NULL, 10) : 1;
	uint32_t i, n = rounds ? (uint32_t)strtoul(rounds, NULL, 10) : ROUNDS;

	print_message("SBX_SEED=%llu\n", (unsigned long long)seed);
	state = seed;
	for (i = 0; i < SLOTS; i++)
		slots[i] = -1;
	mangle = sometimes;
	for (i = 0; i < n; i++) {
		uint32_t what = rnd(100);

		seen.opened = 0;
		if (what < 40)
			udp_client();
		else if (what < 75)
			tcp_client();
		else if (what < 85)
			upstream();
		else if (what < 99)
			time_passes();
		else
			administrator();
		turn(-1, 0);
		check_counts();
		opened += seen.opened;
		if (seen.opened)
			assert_false(sbx_addr_special(seen.family, seen.addr));
	}
	assert_true(got > n / 10 && opened > n / 10);
	for (i = 0; i < SLOTS; i++)
		if (slots[i] >= 0)
			close(slots[i]);
	seen.early = 0; /* answers to others were there */
}

static int make_conf(void **unused)
{
	int fd = mkstemp(conf);

	return fd < 0 ? -1 : close(fd);
}

static int remove_conf(void **unused)
{
	unlink(conf);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_random, start, stop),
	};

	return cmocka_run_group_tests(tests, make_conf, remove_conf);
}
