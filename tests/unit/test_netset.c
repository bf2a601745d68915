// SPDX-License-Identifier: MIT
/* Network rules: what hosts and ports mean, what is refused, what fits. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "tests/unit/written.h"
#include "user/policy/netset.h"

struct question {
	const char *verb; /* "connect" or "bind" */
	const char *addr;
	uint16_t port;
	const char *proto;
	bool yes;
};

static int parse_addr(const char *text, uint8_t *addr)
{
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	assert_int_equal(inet_pton(family, text, addr), 1);
	return family;
}

/* Tables and reference agree with each other and with the expectation. */
static void ask(const struct sbx_policy *p, const struct sbx_image *img, const struct question *q)
{
	int dir = strcmp(q->verb, "bind") ? SBX_DIR_CONNECT : SBX_DIR_BIND;
	int proto = strcmp(q->proto, "udp") ? SBX_PROTO_TCP : SBX_PROTO_UDP, family;
	uint8_t addr[16];
	bool granted, self;
	uint32_t word;

	family = parse_addr(q->addr, addr);
	word = sbx_image_net(img, dir, family, addr, proto, q->port);
	sbx_net_decider(p, &written_facts, dir, family, addr, proto, q->port, &granted, &self);
	if (!!(word & SBX_PORT_ALLOW) != q->yes || granted != q->yes)
		fail_msg("%s %s port %u/%s: table %d, reference %d, wanted %d", q->verb, q->addr,
			 q->port, q->proto, !!(word & SBX_PORT_ALLOW), granted, q->yes);
}

static void check(const char *text, size_t warnings, const struct question *q, size_t n)
{
	struct sbx_policy *p = written(text);
	struct sbx_image img = {0};
	struct sbx_diags d = {0};
	size_t i;

	assert_int_equal(sbx_netset_compile(p, &written_facts, &img, &d), 0);
	if (d.n != warnings)
		sbx_diags_print(&d, stderr);
	assert_int_equal(d.n, warnings);
	assert_int_equal(d.errors, 0);
	for (i = 0; i < n; i++)
		ask(p, &img, &q[i]);
	free(img.data);
	sbx_diags_free(&d);
	sbx_policy_free(p);
}

#define WARNED(n, text, ...)                                       \
	do {                                                       \
		static const struct question q_[] = {__VA_ARGS__}; \
		check(text, n, q_, sizeof(q_) / sizeof(q_[0]));    \
	} while (0)
#define CHECK(text, ...) WARNED(0, text, __VA_ARGS__)

static void test_nothing(void **unused)
{
	CHECK("name: x\n", {"connect", "8.8.8.8", 53, "udp", false},
	      {"connect", "::1", 1, "tcp", false}, {"bind", "0.0.0.0", 0, "tcp", false});
}

/* What the kernel would ask: is it the sandbox's own that listens there? */
static void test_self(void **unused)
{
	static const struct {
		const char *addr;
		uint16_t port;
		int proto;
		uint32_t word;
	} asked[] = {
		{"127.0.0.1", 5000, SBX_PROTO_TCP, SBX_PORT_SELF},
		{"127.9.9.9", 5000, SBX_PROTO_TCP, SBX_PORT_SELF},
		{"::1", 5000, SBX_PROTO_TCP, SBX_PORT_SELF},
		{"0.0.0.0", 5000, SBX_PROTO_TCP, SBX_PORT_SELF},
		{"127.0.0.1", 5000, SBX_PROTO_UDP, 0},
		{"203.0.113.5", 5000, SBX_PROTO_TCP, 0}, /* an own address, but no loopback */
		{"127.0.0.1", 3000, SBX_PROTO_TCP, SBX_PORT_ALLOW}, /* before: not taken away */
		{"127.0.0.1", 4000, SBX_PROTO_TCP, SBX_PORT_ALLOW}, /* behind */
		{"127.0.0.1", 6000, SBX_PROTO_TCP, 0},		    /* protected */
		{"127.0.0.1", 7000, SBX_PROTO_TCP, SBX_PORT_SELF},  /* override */
	};
	struct sbx_policy *p = written("network:\n"
				       "  - allow: [connect]\n    to: localhost:3000\n"
				       "  - deny: [connect]\n    to: localhost:7000\n"
				       "  - protect: [connect]\n    to: localhost:6000\n"
				       "  - allow: [connect]\n    to: self\n    override: true\n"
				       "  - allow: [connect]\n    to: localhost:4000\n");
	struct sbx_image img = {0};
	struct sbx_diags d = {0};
	uint8_t addr[16];
	size_t i;

	assert_int_equal(sbx_netset_compile(p, &written_facts, &img, &d), 0);
	for (i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		int family = parse_addr(asked[i].addr, addr);
		uint32_t word = sbx_image_net(&img, SBX_DIR_CONNECT, family, addr, asked[i].proto,
					      asked[i].port);

		assert_int_equal(word & (SBX_PORT_ALLOW | SBX_PORT_SELF), asked[i].word);
	}
	free(img.data);
	sbx_diags_free(&d);
	sbx_policy_free(p);
}

static uint32_t flags_of(const char *text)
{
	struct sbx_policy *p = written(text);
	struct sbx_image img = {0};
	struct sbx_diags d = {0};
	uint32_t flags;

	assert_int_equal(sbx_netset_compile(p, &written_facts, &img, &d), 0);
	flags = sbx_image_hdr(&img)->flags;
	free(img.data);
	sbx_diags_free(&d);
	sbx_policy_free(p);
	return flags;
}

/* Its subflows may go anywhere: all of TCP has to be open. */
static void test_mptcp(void **unused)
{
	assert_int_equal(flags_of("name: x\n"), 0);
	assert_int_equal(flags_of("network:\n  - allow: [connect]\n    to: any\n"), SBX_IMG_MPTCP);
	assert_int_equal(flags_of("network:\n  - allow: [connect]\n    to: \"any:1-65535/tcp\"\n"),
			 SBX_IMG_MPTCP);
	assert_int_equal(flags_of("network:\n  - allow: [connect]\n    to: internet\n"), 0);
	assert_int_equal(flags_of("network:\n  - allow: [bind]\n    to: any\n"), 0);
	assert_int_equal(flags_of("network:\n  - allow: [connect]\n    to: \"any:443\"\n"), 0);
	assert_int_equal(flags_of("network:\n  - allow: [connect]\n    to: any\n"
				  "  - deny: [connect]\n    to: 192.0.2.1\n"),
			 0);
}

static void test_internet(void **unused)
{
	CHECK("network:\n  - allow: [connect]\n    to: \"internet:443\"\n",
	      {"connect", "8.8.8.8", 443, "tcp", true}, {"connect", "8.8.8.8", 443, "udp", true},
	      {"connect", "8.8.8.8", 80, "tcp", false}, {"bind", "8.8.8.8", 443, "tcp", false},
	      {"connect", "2600::1", 443, "tcp", true},
	      {"connect", "::ffff:8.8.8.8", 443, "tcp", true},
	      {"connect", "0.0.0.0", 443, "tcp", false}, {"connect", "0.1.2.3", 443, "tcp", false},
	      {"connect", "9.255.255.255", 443, "tcp", true},
	      {"connect", "10.0.0.0", 443, "tcp", false},
	      {"connect", "10.255.255.255", 443, "tcp", false},
	      {"connect", "11.0.0.0", 443, "tcp", true},
	      {"connect", "100.63.255.255", 443, "tcp", true},
	      {"connect", "100.64.0.0", 443, "tcp", false},
	      {"connect", "100.127.255.255", 443, "tcp", false},
	      {"connect", "100.128.0.0", 443, "tcp", true},
	      {"connect", "127.0.0.1", 443, "tcp", false},
	      {"connect", "169.254.169.254", 443, "tcp", false},
	      {"connect", "172.15.255.255", 443, "tcp", true},
	      {"connect", "172.16.0.1", 443, "tcp", false},
	      {"connect", "172.31.255.255", 443, "tcp", false},
	      {"connect", "172.32.0.0", 443, "tcp", true},
	      {"connect", "192.168.1.1", 443, "tcp", false},
	      {"connect", "192.0.2.1", 443, "tcp", false},
	      {"connect", "198.18.0.1", 443, "tcp", false},
	      {"connect", "198.51.100.7", 443, "tcp", false},
	      {"connect", "203.0.113.1", 443, "tcp", false},
	      {"connect", "168.63.129.16", 443, "tcp", false},
	      {"connect", "224.0.0.1", 443, "udp", false},
	      {"connect", "239.255.255.250", 443, "udp", false},
	      {"connect", "240.0.0.1", 443, "tcp", false},
	      {"connect", "255.255.255.255", 443, "udp", false},
	      {"connect", "203.0.114.4", 443, "tcp", true},
	      {"connect", "203.0.114.5", 443, "tcp", false}, /* the host's own */
	      {"connect", "::ffff:203.0.114.5", 443, "tcp", false},
	      {"connect", "203.0.114.6", 443, "tcp", true}, {"connect", "::", 443, "tcp", false},
	      {"connect", "::1", 443, "tcp", false}, {"connect", "::8.8.8.8", 443, "tcp", false},
	      {"connect", "64:ff9b::a00:1", 443, "tcp", false},
	      {"connect", "64:ff9b::808:808", 443, "tcp", false},
	      {"connect", "100::1", 443, "tcp", false}, {"connect", "1fff::1", 443, "tcp", false},
	      {"connect", "2000::", 443, "tcp", true}, {"connect", "2001::1", 443, "tcp", false},
	      {"connect", "2001:db8::1", 443, "tcp", false},
	      {"connect", "2001:4860:4860::8888", 443, "tcp", true},
	      {"connect", "2002:a00:1::", 443, "tcp", false},
	      {"connect", "2003::1", 443, "tcp", true}, {"connect", "3fff::1", 443, "tcp", false},
	      {"connect", "3fff:1000::1", 443, "tcp", true},
	      {"connect", "4000::", 443, "tcp", false}, {"connect", "fc00::1", 443, "tcp", false},
	      {"connect", "fd00:ec2::254", 443, "tcp", false},
	      {"connect", "fe80::1", 443, "tcp", false}, {"connect", "ff02::1", 443, "udp", false});
}

static void test_localhost(void **unused)
{
	CHECK("network:\n  - allow: [connect]\n    to: \"localhost:3000-3999\"\n"
	      "  - allow: [bind]\n    to: [\"localhost:0\", \"localhost:3000/udp\"]\n",
	      {"connect", "127.0.0.1", 3000, "tcp", true},
	      {"connect", "127.255.255.255", 3999, "udp", true},
	      {"connect", "127.0.0.1", 2999, "tcp", false},
	      {"connect", "127.0.0.1", 4000, "tcp", false}, {"connect", "::1", 3000, "tcp", true},
	      {"connect", "::2", 3000, "tcp", false}, {"connect", "0.0.0.0", 3000, "tcp", true},
	      {"connect", "::", 3000, "tcp", true},
	      {"connect", "::ffff:0.0.0.0", 3000, "tcp", true},
	      {"connect", "::ffff:127.0.0.1", 3000, "tcp", true},
	      {"connect", "128.0.0.0", 3000, "tcp", false},
	      {"connect", "126.255.255.255", 3000, "tcp", false},
	      {"bind", "127.0.0.1", 0, "tcp", true}, {"bind", "127.0.0.1", 3000, "tcp", false},
	      {"bind", "::1", 3000, "udp", true}, {"bind", "0.0.0.0", 0, "tcp", false},
	      {"bind", "::", 3000, "udp", false});
}

static void test_ports(void **unused)
{
	CHECK("network:\n  - allow: [connect]\n    to: [\"10.0.0.1:80,443/tcp\", "
	      "\"10.0.0.2:ephemeral\"]\n"
	      "  - allow: [bind]\n    to: [\"10.0.0.2:ephemeral\", \"any:1-1023/udp\", "
	      "\"10.9.0.0/16\"]\n",
	      {"connect", "10.0.0.1", 80, "tcp", true}, {"connect", "10.0.0.1", 443, "tcp", true},
	      {"connect", "10.0.0.1", 81, "tcp", false}, {"connect", "10.0.0.1", 80, "udp", false},
	      {"connect", "10.0.0.2", 32768, "tcp", true},
	      {"connect", "10.0.0.2", 60999, "udp", true},
	      {"connect", "10.0.0.2", 61000, "tcp", false},
	      {"connect", "10.0.0.2", 0, "tcp", false}, {"bind", "10.0.0.2", 0, "tcp", true},
	      {"bind", "10.0.0.2", 40000, "tcp", true}, {"bind", "0.0.0.0", 53, "udp", true},
	      {"bind", "::", 53, "udp", true}, {"bind", "0.0.0.0", 0, "udp", false},
	      {"bind", "0.0.0.0", 53, "tcp", false}, {"bind", "10.9.255.255", 65535, "udp", true},
	      {"bind", "10.9.0.0", 0, "tcp", true});
}

static void test_order(void **unused)
{
	CHECK("network:\n  - allow: [connect]\n    to: \"10.0.0.0/8\"\n"
	      "  - deny: [connect]\n    to: \"10.1.0.0/16\"\n"
	      "  - allow: [connect]\n    to: \"10.1.1.0/24:443\"\n    override: true\n",
	      {"connect", "10.0.255.255", 1, "tcp", true}, {"connect", "10.1.0.0", 1, "tcp", false},
	      {"connect", "10.1.1.7", 443, "tcp", true}, {"connect", "10.1.1.7", 80, "tcp", false},
	      {"connect", "10.1.255.255", 443, "tcp", false},
	      {"connect", "10.2.0.0", 1, "tcp", true}, {"connect", "11.0.0.0", 1, "tcp", false});
}

static void test_protect(void **unused)
{
	CHECK("network:\n  - protect: [connect]\n    to: \"10.0.0.0/8\"\n"
	      "    except: [\"10.0.0.53:53\", \"10.7.0.0/16:443/tcp\"]\n"
	      "  - allow: [connect]\n    to: \"any\"\n",
	      {"connect", "10.0.0.53", 53, "udp", true}, {"connect", "10.0.0.53", 54, "udp", false},
	      {"connect", "10.0.0.52", 53, "udp", false}, {"connect", "10.7.1.1", 443, "tcp", true},
	      {"connect", "10.7.1.1", 443, "udp", false},
	      {"connect", "9.255.255.255", 9, "tcp", true}, {"connect", "11.0.0.0", 9, "tcp", true},
	      {"connect", "::ffff:10.0.0.1", 9, "tcp", false});
}

static void test_mapped(void **unused)
{
	CHECK("network:\n  - allow: [connect]\n    to: [\"[::ffff:10.0.0.0/104]:80\", "
	      "\"[2001:db8::/32]:443\"]\n",
	      {"connect", "10.3.2.1", 80, "tcp", true},
	      {"connect", "::ffff:10.3.2.1", 80, "tcp", true},
	      {"connect", "11.3.2.1", 80, "tcp", false},
	      {"connect", "2001:db8:ffff::1", 443, "tcp", true},
	      {"connect", "2001:db9::", 443, "tcp", false});
}

/* --- what is refused or warned of --------------------------------------------------------------
 */

static void expect(const char *text, int rc, const char *what, int line)
{
	struct sbx_policy *p = written(text);
	struct sbx_image img = {0};
	struct sbx_diags d = {0};

	assert_int_equal(sbx_netset_compile(p, &written_facts, &img, &d), rc);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.v[0].line, line);
	assert_non_null(d.v[0].hint);
	if (!strstr(d.v[0].what, what))
		fail_msg("\"%s\" is not in \"%s\"", what, d.v[0].what);
	free(img.data);
	sbx_diags_free(&d);
	sbx_policy_free(p);
}

static void test_reopen(void **unused)
{
	expect("network:\n  - deny: [connect]\n    to: \"10.0.0.0/8\"\n"
	       "  - allow: [connect]\n    to: [\"10.1.0.0/16:443/tcp\"]\n",
	       -EINVAL,
	       "reopens an earlier deny for connect to 10.1.0.0:443/tcp "
	       "(p.yaml:3: deny [connect] \"10.0.0.0/8\")",
	       5);
	expect("network:\n  - deny: [bind]\n    to: \"[2001:db8::/32]\"\n"
	       "  - allow: [connect, bind]\n    to: \"any:53/udp\"\n",
	       -EINVAL, "for bind to [2001:db8::]:53/udp", 5);
}

static void test_reopen_not(void **unused)
{
	/* A protect holds where the deny would be reopened. That denies behind a protect and before
	 * an override decide nothing is worth a warning each, no more. */
	WARNED(2,
	       "network:\n  - protect: [connect]\n    to: \"10.0.0.0/8\"\n"
	       "  - deny: [connect]\n    to: \"10.0.0.0/8:1-1023\"\n    quiet: true\n"
	       "  - deny: [connect]\n    to: \"9.0.0.0/8\"\n"
	       "  - allow: [connect]\n    to: \"9.0.0.0/8\"\n    override: true\n"
	       "  - allow: [connect]\n    to: \"9.1.0.0/16\"\n"
	       "  - allow: [connect]\n    to: \"11.0.0.0/8\"\n",
	       {"connect", "9.1.2.3", 1, "tcp", true});
}

static void test_dead(void **unused)
{
	expect("network:\n  - allow: [connect]\n    to: [\"10.1.0.0/16\", \"10.2.0.0/16\"]\n"
	       "  - deny: [connect]\n    to: \"10.0.0.0/8\"\n",
	       0, "never decides (p.yaml:5: deny [connect] \"10.0.0.0/8\" covers it)", 3);
	expect("network:\n  - allow: [connect, bind]\n    to: \"10.1.0.0/16\"\n"
	       "  - allow: [connect]\n    to: \"any\"\n",
	       0, "never decides a connect (p.yaml:5:", 3);
	expect("network:\n  - protect: [connect]\n    to: \"10.0.0.0/8\"\n"
	       "    except: \"10.1.0.0/16\"\n"
	       "  - allow: [connect]\n    to: [\"10.0.0.0/16\", \"10.2.0.0/15\"]\n",
	       0, "never decides (p.yaml:3: protect", 6);
}

/* --- size ----------------------------------------------------------------------------------------
 */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* n networks, every second /24 of 16.0.0.0/4 (and of 2600::/16); `each`: in rules of their own. */
static int big(size_t n, bool each, struct sbx_image *img, struct sbx_diags *d)
{
	static const struct sbx_facts none;
	struct sbx_port_range https = {443, 443};
	struct sbx_endpoint *to = calloc(n, sizeof(*to));
	struct sbx_net_rule *rules = calloc(n, sizeof(*rules));
	struct sbx_policy p = {.file = "p.yaml", .net = rules, .n_net = each ? n : 1};
	double start = seconds();
	size_t i;
	int rc;

	for (i = 0; i < n; i++) {
		to[i] = (struct sbx_endpoint){
			.source = "x",
			.kind = SBX_HOST_CIDR,
			.prefix_len = 24,
			.family = i % 2 ? AF_INET6 : AF_INET,
			.n_ports = 1,
			.ports = &https,
			.protos = 3,
			.addr = {i % 2 ? 0x26 : 16 + (i >> 15), i >> 7, i << 1}};
		rules[i] = (struct sbx_net_rule){.pos = {"p.yaml", (int)i, 1},
						 .verb = SBX_ALLOW,
						 .rights = 3,
						 .to = &to[i],
						 .n_to = each ? 1 : n};
	}
	rc = sbx_netset_compile(&p, &none, img, d);
	printf("%zu networks in %zu rules: %.3f s, %zu chunks\n", n, p.n_net, seconds() - start,
	       img->n_chunks);
	free(to);
	free(rules);
	return rc;
}

static void check_big(size_t n, bool each, bool numbered)
{
	const uint8_t in[16] = {16, 0, 4, 9}, out[16] = {16, 0, 5, 9}, in6[16] = {0x26, 0, 2, 9};
	struct sbx_image img = {0};
	struct sbx_diags d = {0};
	uint32_t word;

	assert_int_equal(big(n, each, &img, &d), 0);
	assert_int_equal(d.n, 0);
	word = sbx_image_net(&img, SBX_DIR_CONNECT, AF_INET, in, SBX_PROTO_TCP, 443);
	assert_true(word & SBX_PORT_ALLOW);
	assert_int_equal(!!(word >> SBX_PORT_RULE_SHIFT), numbered);
	assert_true(sbx_image_net(&img, SBX_DIR_BIND, AF_INET6, in6, SBX_PROTO_UDP, 443) &
		    SBX_PORT_ALLOW);
	assert_int_equal(sbx_image_net(&img, SBX_DIR_CONNECT, AF_INET, out, SBX_PROTO_TCP, 443), 0);
	assert_int_equal(sbx_image_net(&img, SBX_DIR_CONNECT, AF_INET, in, SBX_PROTO_TCP, 442), 0);
	/* equal port lists are stored once */
	if (!each || !numbered)
		assert_int_equal(sbx_image_hdr(&img)->net[0].psets.count, 2);
	free(img.data);
}

static void test_big(void **unused)
{
	check_big(10000, false, true);
	check_big(2000, true, true);
	check_big(10000, true, false); /* rule numbers would not fit: shared without them */
	check_big(30000, false, true);
	check_big(32000, false, true); /* more than there is room for beside the header */
}

static void test_too_big(void **unused)
{
	struct sbx_image img = {0};
	struct sbx_diags d = {0};

	assert_int_equal(big(60000, false, &img, &d), -EINVAL);
	assert_int_equal(d.errors, 1);
	assert_non_null(strstr(d.v[0].what, "32768 IPv4"));
	assert_non_null(d.v[0].hint);
	sbx_diags_free(&d);
	free(img.data);
}

/* Every network overlaps every port: refused in the time it takes to see that. */
static void test_overlaps(void **unused)
{
	static const struct sbx_facts none;
	const size_t n = 6000;
	struct sbx_net_rule *rules = calloc(n, sizeof(*rules));
	struct sbx_endpoint *to = calloc(n, sizeof(*to));
	struct sbx_port_range *ports = calloc(n, sizeof(*ports));
	struct sbx_policy p = {.file = "p.yaml", .net = rules, .n_net = n};
	double start = seconds();
	struct sbx_image img = {0};
	struct sbx_diags d = {0};
	size_t i;

	for (i = 0; i < n; i++) {
		ports[i] = (struct sbx_port_range){i * 2, i * 2};
		to[i] = (struct sbx_endpoint){.source = "x",
					      .protos = 3,
					      .n_ports = 1,
					      .ports = &ports[i],
					      .kind = i % 2 ? SBX_HOST_CIDR : SBX_HOST_ANY,
					      .family = AF_INET,
					      .prefix_len = 24,
					      .addr = {16, i >> 7, i << 1}};
		rules[i] = (struct sbx_net_rule){.pos = {"p.yaml", (int)i, 1},
						 .verb = SBX_ALLOW,
						 .rights = 3,
						 .to = &to[i],
						 .n_to = 1};
	}
	assert_int_equal(sbx_netset_compile(&p, &none, &img, &d), -EINVAL);
	assert_int_equal(d.errors, 1);
	printf("%zu overlapping rules: %.3f s: %s\n", n, seconds() - start, d.v[0].what);
	sbx_diags_free(&d);
	free(img.data);
	free(rules);
	free(to);
	free(ports);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),	   cmocka_unit_test(test_self),
		cmocka_unit_test(test_mptcp),	   cmocka_unit_test(test_internet),
		cmocka_unit_test(test_localhost),  cmocka_unit_test(test_ports),
		cmocka_unit_test(test_order),	   cmocka_unit_test(test_protect),
		cmocka_unit_test(test_mapped),	   cmocka_unit_test(test_reopen),
		cmocka_unit_test(test_reopen_not), cmocka_unit_test(test_dead),
		cmocka_unit_test(test_big),	   cmocka_unit_test(test_too_big),
		cmocka_unit_test(test_overlaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
