// SPDX-License-Identifier: MIT
/* A policy's proxy: how it is written, what the tables say of it, and what passes through it. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/policy/compile.h"
#include "user/policy/domains.h"
#include "user/policy/explain.h"
#include "user/policy/netset.h"
#include "user/policy/via.h"

static const struct sbx_load_opts opts = {.home = "/home/u", .pwd = "/w", .tmp = "/t"};
static struct sbx_addr own = {.family = AF_INET, .addr = {10, 9, 9, 9}};
static const struct sbx_facts facts = {
	.own = &own, .n_own = 1, .ephemeral_first = 32768, .ephemeral_last = 60999};

static struct sbx_policy *policy(const char *rules)
{
	struct sbx_diags d = {0};
	struct sbx_policy *p = NULL;
	char text[4096];

	snprintf(text, sizeof(text), "version: 1\nnetwork:\n%s", rules);
	sbx_policy_parse("t.yaml", text, strlen(text), &opts, &p, &d);
	sbx_diags_print(&d, stderr);
	assert_non_null(p);
	sbx_diags_free(&d);
	return p;
}

static const char rules[] =
	"  - allow: [connect]\n"
	"    to: [\"a.example:443\", \"*.b.example:80\", \"internet:443\", \"10.1.0.0/16:443\",\n"
	"         \"localhost\"]\n"
	"  - deny: [connect]\n"
	"    to: [\"no.b.example\", \"internet:25\"]\n";

static const char named[] = "  - via: \"proxy.example:3128\"\n";

static enum sbx_via_say say(const struct sbx_policy *p, const char *host, uint16_t port)
{
	struct sbx_via_target t = {.port = port};
	enum sbx_via_say s;

	assert_true(sbx_via_host(host, strlen(host), &t));
	assert_int_equal(sbx_via_judge(p, &facts, &t, &s, NULL), 0);
	return s;
}

static void test_judged(void **state)
{
	char text[2048];
	struct sbx_policy *p;

	snprintf(text, sizeof(text), "%s%s", rules, named);
	p = policy(text);
	assert_int_equal(say(p, "a.example", 443), SBX_VIA_ALLOWED);
	assert_int_equal(say(p, "a.example", 80), SBX_VIA_DENIED);
	assert_int_equal(say(p, "x.b.example", 80), SBX_VIA_WILD);
	assert_int_equal(say(p, "b.example", 80), SBX_VIA_DENIED);
	assert_int_equal(say(p, "no.b.example", 80), SBX_VIA_DENIED);
	/* `internet` says nothing of what the proxy finds */
	assert_int_equal(say(p, "c.example", 443), SBX_VIA_UNSURE);
	assert_int_equal(say(p, "93.184.216.34", 443), SBX_VIA_ALLOWED);
	assert_int_equal(say(p, "10.1.2.3", 443), SBX_VIA_ALLOWED);
	assert_int_equal(say(p, "10.2.2.3", 443), SBX_VIA_DENIED);
	/* what is local is the proxy's there, whatever the policy says of ours */
	assert_int_equal(say(p, "127.0.0.1", 443), SBX_VIA_DENIED);
	assert_int_equal(say(p, "[::1]", 443), SBX_VIA_DENIED);
	assert_int_equal(say(p, "0.0.0.0", 443), SBX_VIA_DENIED);
	assert_int_equal(say(p, "169.254.169.254", 443), SBX_VIA_DENIED);
	assert_int_equal(say(p, "localhost", 443), SBX_VIA_DENIED);
	assert_int_equal(say(p, "x.localhost", 443), SBX_VIA_DENIED);
	assert_int_equal(say(p, "proxy.example", 3128), SBX_VIA_DENIED);
	sbx_policy_free(p);

	p = policy("  - allow: [connect]\n    to: \"any:443\"\n  - via: \"10.1.0.1:3128\"\n");
	assert_int_equal(say(p, "c.example", 443), SBX_VIA_ALLOWED);
	assert_int_equal(say(p, "127.0.0.1", 443), SBX_VIA_DENIED);
	sbx_policy_free(p);
}

static uint32_t verdict(const struct sbx_policy *p, const char *addr, int proto, uint16_t port)
{
	struct sbx_compiled c = {0};
	struct sbx_diags d = {0};
	uint8_t a[16];
	uint32_t v;

	assert_int_equal(sbx_compile(p, &facts, &c, &d), 0);
	assert_int_equal(inet_pton(AF_INET, addr, a), 1);
	assert_true(sbx_image_hdr(&c.image)->flags & SBX_IMG_DOMAINS);
	v = sbx_image_net(&c.image, SBX_DIR_CONNECT, AF_INET, a, proto, port) & 0xff;
	sbx_compiled_free(&c);
	sbx_diags_free(&d);
	return v;
}

/* No rule opens the proxy, whatever comes behind it. */
static void test_tables(void **state)
{
	struct sbx_policy *p = policy("  - via: \"10.1.0.1:3128\"\n"
				      "  - allow: [connect]\n    to: \"10.0.0.0/8\"\n");

	assert_int_equal(verdict(p, "10.1.0.1", SBX_PROTO_TCP, 3128), SBX_PORT_VIA);
	assert_int_equal(verdict(p, "10.1.0.1", SBX_PROTO_TCP, 3129), SBX_PORT_ALLOW);
	assert_int_equal(verdict(p, "10.1.0.1", SBX_PROTO_UDP, 3128), SBX_PORT_ALLOW);
	assert_int_equal(verdict(p, "10.1.0.2", SBX_PROTO_TCP, 3128), SBX_PORT_ALLOW);
	sbx_policy_free(p);

	/* one of this host listens at all of its addresses */
	p = policy("  - via: \"localhost:3128\"\n"
		   "  - allow: [connect]\n    to: [\"10.0.0.0/8\", \"localhost\"]\n");
	assert_int_equal(verdict(p, "127.0.0.1", SBX_PROTO_TCP, 3128), SBX_PORT_VIA);
	assert_int_equal(verdict(p, "127.9.9.9", SBX_PROTO_TCP, 3128), SBX_PORT_VIA);
	assert_int_equal(verdict(p, "10.9.9.9", SBX_PROTO_TCP, 3128), SBX_PORT_VIA);
	assert_int_equal(verdict(p, "10.9.9.8", SBX_PROTO_TCP, 3128), SBX_PORT_ALLOW);
	assert_int_equal(verdict(p, "127.0.0.1", SBX_PROTO_TCP, 80), SBX_PORT_ALLOW);
	sbx_policy_free(p);
}

/* What the proxy's name opens: the relay, and nothing that another rule does not. */
static void test_name(void **state)
{
	static const uint8_t inside[4] = {10, 1, 0, 1}, loop[4] = {127, 0, 0, 1},
			     link[4] = {169, 254, 1, 1};
	struct sbx_policy *p = policy(named);
	struct sbx_domain_ports ports;
	enum sbx_domain_say s;

	assert_int_equal(sbx_domain_judge(p, "proxy.example", &s, NULL), 0);
	assert_int_equal(s, SBX_DOMAIN_ALLOWED);
	assert_int_equal(sbx_domain_open(p, &facts, "proxy.example", AF_INET, inside, &ports), 0);
	assert_int_equal(ports.n, 0);
	assert_int_equal(ports.via, SBX_KEY(SBX_PROTO_TCP, 3128));
	assert_int_equal(sbx_domain_open(p, &facts, "other.example", AF_INET, inside, &ports), 0);
	assert_int_equal(ports.via, 0);
	assert_int_equal(sbx_domain_open(p, &facts, "proxy.example", AF_INET, loop, &ports), 0);
	assert_int_equal(ports.via, 0);
	assert_int_equal(sbx_domain_open(p, &facts, "proxy.example", AF_INET, own.addr, &ports), 0);
	assert_int_equal(ports.via, 0);
	assert_int_equal(sbx_domain_open(p, &facts, "proxy.example", AF_INET, link, &ports), 0);
	assert_int_equal(ports.via, 0);
	sbx_policy_free(p);
}

/* Number of errors that compiling finds. */
static size_t errors(const char *text)
{
	struct sbx_policy *p = policy(text);
	struct sbx_compiled c = {0};
	struct sbx_diags d = {0};
	size_t n;

	if (!sbx_compile(p, &facts, &c, &d))
		sbx_compiled_free(&c);
	n = d.errors;
	sbx_diags_free(&d);
	sbx_policy_free(p);
	return n;
}

/* Where the proxy's name leads is not known, so its port is open nowhere. */
static void test_ways_past(void **state)
{
	static const char *const past[] = {
		"any",	     "internet:1-65535",      "10.0.0.0/8", "10.0.0.0/8:3128/tcp",
		"a.example", "*.a.example:3000-4000",
	};
	static const char *const beside[] = {
		"any:443", "internet:3128/udp", "a.example:80", "localhost", "127.0.0.0/8", "[::1]",
		"self",
	};
	char text[512];
	size_t i;

	for (i = 0; i < sizeof(past) / sizeof(past[0]); i++) {
		snprintf(text, sizeof(text), "%s  - allow: [connect]\n    to: \"%s\"\n", named,
			 past[i]);
		if (errors(text) != 1) {
			print_error("%s\n", past[i]);
			fail();
		}
	}
	for (i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
		snprintf(text, sizeof(text), "%s  - allow: [connect]\n    to: \"%s\"\n", named,
			 beside[i]);
		if (errors(text)) {
			print_error("%s\n", beside[i]);
			fail();
		}
	}
	assert_int_equal(errors("  - via: \"10.9.9.9:3128\"\n"), 1); /* this host's */
	assert_int_equal(errors("  - via: \"169.254.1.1:3128\"\n"), 1);
	assert_int_equal(errors("  - via: \"10.9.9.8:3128\"\n"), 0);
}

static void test_explained(void **state)
{
	static const uint8_t proxy[4] = {10, 1, 0, 1}, forwarder[4] = {127, 83, 66, 88};
	struct sbx_policy *p =
		policy("  - via: \"10.1.0.1:3128\"\n"
		       "  - allow: [connect]\n    to: [\"any:80-3200\", \"localhost\"]\n");
	struct sbx_explanation e;
	struct sbx_facts live = facts;
	uint16_t port = 41234;

	live.forwarder6 = &port;
	live.n_forwarder6 = 1;
	assert_int_equal(sbx_explain_net(p, &facts, SBX_DIR_CONNECT, AF_INET, proxy, SBX_PROTO_TCP,
					 3128, &e),
			 0);
	assert_true(e.relayed);
	assert_false(e.granted);
	assert_null(e.suggestion);
	assert_string_equal(e.rule_text, "via \"10.1.0.1:3128\"");
	sbx_explanation_free(&e);
	/* the kernel lets nobody name it */
	assert_int_equal(sbx_explain_net(p, &facts, SBX_DIR_CONNECT, AF_INET, forwarder,
					 SBX_PROTO_TCP, 80, &e),
			 0);
	assert_false(e.granted);
	assert_null(e.suggestion);
	assert_non_null(strstr(e.suggestion_note, "sbx-bpfd answers there"));
	sbx_explanation_free(&e);
	/* nor its ports of ::1, which change from one to the next */
	assert_int_equal(sbx_explain_net(p, &live, SBX_DIR_CONNECT, AF_INET6,
					 in6addr_loopback.s6_addr, SBX_PROTO_TCP, 41234, &e),
			 0);
	assert_false(e.granted);
	assert_non_null(strstr(e.suggestion_note, "sbx-bpfd answers there"));
	sbx_explanation_free(&e);
	assert_int_equal(sbx_explain_net(p, &live, SBX_DIR_CONNECT, AF_INET6,
					 in6addr_loopback.s6_addr, SBX_PROTO_TCP, 41235, &e),
			 0);
	assert_true(e.granted);
	sbx_explanation_free(&e);
	assert_int_equal(sbx_explain_name_port(p, &facts, "a.example", SBX_PROTO_TCP, 443, &e), 0);
	assert_true(e.granted);
	assert_non_null(strstr(e.suggestion_note, "through the proxy"));
	sbx_explanation_free(&e);
	sbx_policy_free(p);
}

/* What is written for a live sandbox is read again. */
static void test_meta(void **state)
{
	struct sbx_policy *p = policy(named), *again;
	char *json = sbx_meta_dump(p, &facts);
	struct sbx_facts f;

	assert_non_null(json);
	assert_int_equal(sbx_meta_load(json, &again, &f), 0);
	assert_true(sbx_via_named(again, "proxy.example"));
	assert_int_equal(sbx_via_key(sbx_policy_via(again)), SBX_KEY(SBX_PROTO_TCP, 3128));
	sbx_policy_free(again);
	sbx_facts_free(&f);
	sbx_policy_free(p);
	free(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judged),	  cmocka_unit_test(test_tables),
		cmocka_unit_test(test_name),	  cmocka_unit_test(test_ways_past),
		cmocka_unit_test(test_explained), cmocka_unit_test(test_meta),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
