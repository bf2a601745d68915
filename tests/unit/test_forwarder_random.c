// SPDX-License-Identifier: MIT
/*
 * Clients, servers and the administrator do whatever comes to mind: under ASan, nothing that is
 * gone is touched, what is counted stays true, and no address is opened that a name must not have.
 * SBX_SEED repeats a run, SBX_ROUNDS makes it longer.
 */
#include "tests/unit/random.h"
#include "tests/unit/dnsworld.h"
#include "user/policy/netspan.h"

#define ROUNDS 6000
#define SLOTS  12

static int slots[SLOTS];
static unsigned got, opened;

static void mutate(struct msg *r)
{
	uint32_t i;

	for (i = pick(4); i; i--)
		r->b[pick((uint32_t)r->n)] =
			pick(3) ? (uint8_t)pick(256) : (uint8_t)(0xc0 | pick(2));
	if (!pick(8))
		r->n = pick((uint32_t)r->n) + 1;
}

static void sometimes(struct msg *r)
{
	if (!pick(3))
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

	snprintf(name, sizeof(name), "%s.%s", what[pick(18)], where[pick(7)]);
	begin(&m, pick(65536), 0x0100, name, types[pick(10)]);
	if (pick(2))
		put_opt(&m, pick(5000), 0);
	if (!pick(10))
		mutate(&m);
}

static void udp_client(void)
{
	static uint8_t in[65536];
	uint32_t i;

	for (i = pick(4); i; i--) {
		random_query();
		send(client, m.b, m.n, MSG_DONTWAIT);
	}
	while (pick(3) && recv(client, in, sizeof(in), MSG_DONTWAIT) > 0)
		got++;
}

static void hang_up(int *slot)
{
	struct linger now = {1, 0};

	if (pick(2))
		setsockopt(*slot, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(*slot);
	*slot = -1;
}

static void tcp_client(void)
{
	static uint8_t in[65536];
	int *slot = &slots[pick(SLOTS)];
	static struct msg all;
	uint32_t i;
	ssize_t n;

	if (*slot < 0)
		*slot = dial();
	switch (pick(6)) {
	case 0:
		hang_up(slot);
		break;
	case 1:
		shutdown(*slot, SHUT_WR);
		break;
	case 2:
		n = recv(*slot, in, 1 + pick(sizeof(in)), MSG_DONTWAIT);
		got += n > 0;
		if (!n)
			hang_up(slot);
		break;
	default:
		all.n = 0;
		for (i = pick(30); i; i--) {
			random_query();
			put16(&all, (unsigned)m.n + !pick(100));
			put(&all, m.b, m.n);
		}
		if (all.n && !pick(3))
			all.n = 1 + pick((uint32_t)all.n);
		send(*slot, all.b, all.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

static void upstream(void)
{
	struct server *s = &servers[pick(SERVERS)];

	s->silent = !pick(4);
	s->refuses = !pick(8);
	s->old = !pick(8);
}

static void time_passes(void)
{
	struct conn *c = TAILQ_FIRST(&f->conn_timer);
	struct flight *fl = TAILQ_FIRST(&f->flight_timer);
	struct sandbox *b = LIST_FIRST(&f->boxes);

	if (fl && pick(2))
		fl->deadline = 0;
	if (c && !pick(3))
		c->deadline = 0;
	if (!pick(4))
		sbx_dns_cache_clear(b->cache);
	sbx_dns_ration_init(&b->ration, f->now);
}

static void administrator(void)
{
	uint32_t i;

	if (!pick(4)) {
		sbx_forwarder_remove(f, &box);
		close(client);
		for (i = 0; i < SLOTS; i++)
			if (slots[i] >= 0)
				hang_up(&slots[i]);
		add_box();
	}
	write_conf(pick(2) ? "nameserver 127.0.0.2\nnameserver 127.0.0.1\noptions attempts:1\n"
			   : "nameserver 127.0.0.3\nnameserver 127.0.0.1\noptions timeout:1\n");
	f->polled = 0;
	seen.fails = pick(4) ? 0 : 1 + (int)pick(4);
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
	size_t i, n = random_rounds(ROUNDS);

	random_start(1);
	for (i = 0; i < SLOTS; i++)
		slots[i] = -1;
	mangle = sometimes;
	for (i = 0; i < n; i++) {
		uint32_t what = pick(100);

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
