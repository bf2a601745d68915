// SPDX-License-Identifier: MIT
/* Peers as policies name them. Bad ones: tests/golden/bad/net-*. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include "user/policy/policy.h"

static struct sbx_policy *policy;

/* The only peer of a policy with this text; a domain's policy lives until the next call. */
static const struct sbx_endpoint *peer(const char *to)
{
	static const struct sbx_load_opts opts = {0};
	struct sbx_diags d = {0};
	char text[512];
	int rc;

	sbx_policy_free(policy);
	policy = NULL;
	snprintf(text, sizeof(text), "version: 1\nnetwork: [{allow: connect, to: \"%s\"}]\n", to);
	rc = sbx_policy_parse("p.yaml", text, strlen(text), &opts, &policy, &d);
	sbx_diags_print(&d, stderr);
	sbx_diags_free(&d);
	assert_int_equal(rc, 0);
	assert_int_equal(policy->n_net, 1);
	assert_int_equal(policy->net[0].n_to, 1);
	assert_string_equal(policy->net[0].to[0].source, to);
	return &policy->net[0].to[0];
}

static int teardown(void **state)
{
	sbx_policy_free(policy);
	policy = NULL;
	return 0;
}

static void test_words(void **state)
{
	static const struct {
		const char *text;
		enum sbx_host_kind kind;
	} cases[] = {
		{"any", SBX_HOST_ANY},
		{"localhost:0", SBX_HOST_LOCALHOST},
		{"internet:443/tcp", SBX_HOST_INTERNET},
		{"self", SBX_HOST_SELF},
		{"example.org", SBX_HOST_DOMAIN},
		{"*.example.org:80,443/udp", SBX_HOST_DOMAIN},
		{"1.2.3.4", SBX_HOST_CIDR},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(peer(cases[i].text)->kind, cases[i].kind);
}

static void test_addresses(void **state)
{
	static const struct {
		const char *text;
		int family;
		const char *addr;
		unsigned len;
	} cases[] = {
		{"192.0.2.1", AF_INET, "192.0.2.1", 32},
		{"10.0.0.0/8:5432", AF_INET, "10.0.0.0", 8},
		{"0.0.0.0/0", AF_INET, "0.0.0.0", 0},
		{"10.128.0.0/9/tcp", AF_INET, "10.128.0.0", 9},
		{"10.1.2.254/31", AF_INET, "10.1.2.254", 31},
		{"[::1]:443", AF_INET6, "::1", 128},
		{"[2001:DB8::/32]/udp", AF_INET6, "2001:db8::", 32},
		{"[2001:db8:8000::/33]:1", AF_INET6, "2001:db8:8000::", 33},
		{"[::/0]", AF_INET6, "::", 0},
		{"[::ffff:1.2.3.4]", AF_INET6, "::ffff:1.2.3.4", 128},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct sbx_endpoint *e = peer(cases[i].text);
		uint8_t addr[16] = {0};

		assert_int_equal(inet_pton(cases[i].family, cases[i].addr, addr), 1);
		assert_int_equal(e->kind, SBX_HOST_CIDR);
		assert_int_equal(e->family, cases[i].family);
		assert_int_equal(e->prefix_len, cases[i].len);
		assert_memory_equal(e->addr, addr, 16);
	}
}

static void test_ports(void **state)
{
	const struct sbx_endpoint *e = peer("any");

	assert_int_equal(e->n_ports, 0);
	assert_false(e->ephemeral);
	assert_int_equal(e->protos, SBX_PROTO_BIT_TCP | SBX_PROTO_BIT_UDP);
	e = peer("any:0,80-90,65535/udp");
	assert_int_equal(e->n_ports, 3);
	assert_int_equal(e->ports[0].first, 0);
	assert_int_equal(e->ports[1].first, 80);
	assert_int_equal(e->ports[1].last, 90);
	assert_int_equal(e->ports[2].last, 65535);
	assert_int_equal(e->protos, SBX_PROTO_BIT_UDP);
	e = peer("[::1]:ephemeral,22/tcp");
	assert_true(e->ephemeral);
	assert_int_equal(e->n_ports, 1);
	assert_int_equal(e->protos, SBX_PROTO_BIT_TCP);
}

static void test_domains(void **state)
{
	const struct sbx_endpoint *e = peer("*.Example.ORG.:443");

	assert_string_equal(e->domain, "example.org");
	assert_true(e->wildcard);
	e = peer("xn--bcher-kva.example");
	assert_string_equal(e->domain, "xn--bcher-kva.example");
	assert_false(e->wildcard);
	assert_string_equal(peer("_srv.a-b.c9")->domain, "_srv.a-b.c9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_words, teardown),
		cmocka_unit_test_teardown(test_addresses, teardown),
		cmocka_unit_test_teardown(test_ports, teardown),
		cmocka_unit_test_teardown(test_domains, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
