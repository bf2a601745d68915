// SPDX-License-Identifier: MIT
/*
 * Random network rules: the interval tables must say what trying every rule says, for addresses
 * and ports at and beside every edge. SBX_SEED repeats a run, SBX_ROUNDS makes it longer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "tests/unit/random.h"
#include "user/policy/netset.h"

#define MAX_RULES     8
#define MAX_ENDPOINTS 3
#define QUESTIONS     64
#define ROUNDS	      2500 /* 160,000 questions, each to both the tables and the reference */

struct world {
	struct sbx_policy p;
	struct sbx_facts facts;
	struct sbx_net_rule rules[MAX_RULES];
	struct sbx_endpoint to[MAX_RULES][MAX_ENDPOINTS], except[MAX_RULES][MAX_ENDPOINTS];
	struct sbx_port_range ports[MAX_RULES][2][MAX_ENDPOINTS][2];
	struct sbx_addr own[2];
};

/* Few bits vary, so that networks overlap; edges of special ranges are among the bases. */
static int random_addr(uint8_t *a)
{
	static const char *const v4[] = {"10.0.0.0",	   "0.0.0.0",	      "127.0.0.0",
					 "8.8.8.0",	   "255.255.255.252", "169.254.169.254",
					 "100.63.255.252", "223.255.255.252", "192.0.1.252"};
	static const char *const v6[] = {"::",	       "::fffe",
					 "2001:db8::", "2600::",
					 "fd00:ec2::", "::ffff:10.0.0.0",
					 "::ffff:0:0", "ffff::",
					 "2002::",     "1fff:ffff:ffff:ffff:ffff:ffff:ffff:fffc"};
	int family = pick(2) ? AF_INET : AF_INET6;

	memset(a, 0, 16);
	if (family == AF_INET)
		inet_pton(family, v4[pick(sizeof(v4) / sizeof(v4[0]))], a);
	else
		inet_pton(family, v6[pick(sizeof(v6) / sizeof(v6[0]))], a);
	a[family == AF_INET ? 3 : 15] ^= pick(8);
	if (!pick(4))
		a[family == AF_INET ? 2 : 7] ^= 1u << pick(8);
	return family;
}

static uint16_t random_port(void)
{
	static const uint16_t ports[] = {0, 1, 22, 80, 81, 443, 32767, 32768, 60999, 61000, 65535};

	return ports[pick(sizeof(ports) / sizeof(ports[0]))];
}

static void mask(struct sbx_endpoint *e)
{
	unsigned i, bits = e->family == AF_INET ? 32 : 128;

	for (i = e->prefix_len; i < bits; i++)
		e->addr[i / 8] &= ~(0x80 >> i % 8);
}

static void random_endpoint(struct sbx_endpoint *e, struct sbx_port_range *ports)
{
	static const enum sbx_host_kind kinds[] = {
		SBX_HOST_CIDR,	   SBX_HOST_CIDR, SBX_HOST_CIDR, SBX_HOST_CIDR,	 SBX_HOST_LOCALHOST,
		SBX_HOST_INTERNET, SBX_HOST_ANY,  SBX_HOST_SELF, SBX_HOST_DOMAIN};
	static char names[4096][16]; /* each its own: none reopens another (test_domains.c) */
	static unsigned n_names;
	size_t i;

	*e = (struct sbx_endpoint){.source = "x", .protos = 1 + pick(3)};
	e->kind = kinds[pick(sizeof(kinds) / sizeof(kinds[0]))];
	if (e->kind == SBX_HOST_CIDR) {
		e->family = random_addr(e->addr);
		e->prefix_len = e->family == AF_INET ? 32 : 128;
		e->prefix_len -= pick(3) ? pick(5) : pick(e->prefix_len + 1);
		mask(e);
	}
	if (e->kind == SBX_HOST_DOMAIN) {
		e->domain = names[n_names++ % 4096];
		snprintf(e->domain, sizeof(names[0]), "n%u.example", n_names % 4096);
	}
	e->ports = ports;
	e->n_ports = pick(3);
	e->ephemeral = !pick(5);
	for (i = 0; i < e->n_ports; i++) {
		ports[i].first = random_port();
		ports[i].last = pick(2) ? ports[i].first : random_port();
		if (ports[i].last < ports[i].first)
			ports[i].last = ports[i].first;
	}
}

static void random_world(struct world *w)
{
	size_t i, k;

	memset(w, 0, sizeof(*w));
	w->p.file = w->p.name = "random";
	w->p.net = w->rules;
	w->p.n_net = pick(MAX_RULES + 1);
	w->facts.own = w->own;
	w->facts.n_own = pick(3);
	for (i = 0; i < w->facts.n_own; i++)
		w->own[i].family = random_addr(w->own[i].addr);
	w->facts.ephemeral_first = 32768;
	w->facts.ephemeral_last = 60999;
	for (i = 0; i < w->p.n_net; i++) {
		struct sbx_net_rule *r = &w->rules[i];

		*r = (struct sbx_net_rule){.verb = pick(4) ? pick(2) : SBX_PROTECT,
					   .rights = 1 + pick(3),
					   .override = true,
					   .quiet = !pick(4),
					   .to = w->to[i],
					   .except = w->except[i]};
		r->n_to = 1 + pick(MAX_ENDPOINTS);
		r->n_except = r->verb == SBX_PROTECT ? pick(MAX_ENDPOINTS + 1) : 0;
		for (k = 0; k < r->n_to; k++)
			random_endpoint(&w->to[i][k], w->ports[i][0][k]);
		for (k = 0; k < r->n_except; k++)
			random_endpoint(&w->except[i][k], w->ports[i][1][k]);
	}
}

static uint32_t expected(const struct world *w, int rule, bool self)
{
	uint32_t word = 0;

	if (rule < 0)
		return 0;
	word = (uint32_t)(rule + 1) << SBX_PORT_RULE_SHIFT;
	if (w->rules[rule].verb == SBX_ALLOW)
		return word | (self ? SBX_PORT_SELF : SBX_PORT_ALLOW);
	return w->rules[rule].quiet ? word | SBX_PORT_QUIET : word;
}

static void ask(const struct world *w, const struct sbx_image *img, uint8_t *decides)
{
	int dir = pick(2), proto = pick(2), family, rule;
	uint16_t port = random_port() + pick(3) - 1;
	uint8_t addr[16];
	bool granted, self;
	uint32_t got;

	family = random_addr(addr);
	if (!pick(3)) /* beside an edge */
		addr[family == AF_INET ? 3 : 15] += pick(3) - 1;
	rule = sbx_net_decider(&w->p, &w->facts, dir, family, addr, proto, port, &granted, &self);
	got = sbx_image_net(img, dir, family, addr, proto, port);
	assert_int_equal(got, expected(w, rule, self));
	assert_int_equal(!!(got & SBX_PORT_ALLOW), granted);
	if (rule >= 0)
		decides[rule] = 1;
}

/* A rule that a question found deciding must not have been called dead. */
static void check_dead(const struct world *w, const struct sbx_diags *d, const uint8_t *decides)
{
	size_t i;

	for (i = 0; i < d->n; i++) {
		int rule = d->v[i].line - 1;

		assert_int_equal(d->v[i].severity, SBX_WARNING);
		assert_in_range(rule, 0, w->p.n_net - 1);
		if (!strstr(d->v[i].what, "decides a "))
			assert_false(decides[rule]);
	}
}

static void test_random(void **unused)
{
	size_t n = random_rounds(ROUNDS), i, k;
	static struct world w;

	random_start(20240);
	for (i = 0; i < n; i++) {
		uint8_t decides[MAX_RULES] = {0};
		struct sbx_image img = {0};
		struct sbx_diags d = {0};

		random_world(&w);
		for (k = 0; k < w.p.n_net; k++)
			w.rules[k].pos = (struct sbx_pos){"random", (int)k + 1, 1};
		assert_int_equal(sbx_netset_compile(&w.p, &w.facts, &img, &d), 0);
		for (k = 0; k < QUESTIONS; k++)
			ask(&w, &img, decides);
		check_dead(&w, &d, decides);
		free(img.data);
		sbx_diags_free(&d);
	}
	print_message("note: %zu random policies, %zu peers against the reference\n", n,
		      n * QUESTIONS);
}

/* --- the reopening of denies, against the order of rules --- */

/* By the definition: without the rules from this one on, a plain deny decides, and no protect of
 * the whole policy holds there. */
static bool reopens(const struct world *w, size_t rule, int dir, int family, const uint8_t *addr,
		    int proto, uint16_t port)
{
	struct sbx_policy upto = w->p, alone = w->p;
	bool granted, self;
	int before, all;

	alone.net = w->p.net + rule;
	alone.n_net = 1;
	if (sbx_net_decider(&alone, &w->facts, dir, family, addr, proto, port, &granted, &self) < 0)
		return false;
	upto.n_net = rule;
	before = sbx_net_decider(&upto, &w->facts, dir, family, addr, proto, port, &granted, &self);
	all = sbx_net_decider(&w->p, &w->facts, dir, family, addr, proto, port, &granted, &self);
	return before >= 0 && w->rules[before].verb == SBX_DENY &&
	       w->rules[all].verb != SBX_PROTECT;
}

static void test_reopening(void **unused)
{
	static struct world w;
	size_t i, k, found = 0;

	for (i = 0; i < ROUNDS; i++) {
		bool clash[MAX_RULES] = {0};
		struct sbx_image img = {0};
		struct sbx_diags d = {0};
		int rc;

		random_seed(i + 77);
		random_world(&w);
		for (k = 0; k < w.p.n_net; k++) {
			w.rules[k].pos = (struct sbx_pos){"random", (int)k + 1, 1};
			w.rules[k].override = pick(2);
		}
		rc = sbx_netset_compile(&w.p, &w.facts, &img, &d);
		assert_int_equal(rc, d.errors ? -EINVAL : 0);
		for (k = 0; k < d.n; k++)
			if (d.v[k].severity == SBX_ERROR)
				clash[d.v[k].line - 1] = true;
		found += d.errors;
		for (k = 0; k < QUESTIONS && w.p.n_net; k++) {
			size_t rule = pick(w.p.n_net);
			uint8_t addr[16];
			int family = random_addr(addr), dir = pick(2), proto = pick(2);

			if (w.rules[rule].verb != SBX_ALLOW || w.rules[rule].override)
				assert_false(clash[rule]);
			else if (reopens(&w, rule, dir, family, addr, proto, random_port()))
				assert_true(clash[rule]);
		}
		free(img.data);
		sbx_diags_free(&d);
	}
	assert_true(found > ROUNDS / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_reopening),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
