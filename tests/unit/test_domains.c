// SPDX-License-Identifier: MIT
/* What policies say of names, and of the addresses that names lead to. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/policy/assertion.h"
#include "user/policy/compile.h"
#include "user/policy/domains.h"
#include "user/policy/explain.h"
#include "user/policy/netset.h"

static const struct sbx_load_opts opts = {.home = "/home/u", .pwd = "/w", .tmp = "/t"};
static const struct sbx_facts facts = {.ephemeral_first = 32768, .ephemeral_last = 60999};

static struct sbx_policy *parse(const char *rules, struct sbx_diags *d)
{
	char text[4096];
	struct sbx_policy *p = NULL;

	snprintf(text, sizeof(text), "version: 1\nnetwork:\n%s", rules);
	sbx_policy_parse("t.yaml", text, strlen(text), &opts, &p, d);
	return p;
}

static struct sbx_policy *policy(const char *rules)
{
	struct sbx_diags d = {0};
	struct sbx_policy *p = parse(rules, &d);

	sbx_diags_print(&d, stderr);
	assert_non_null(p);
	sbx_diags_free(&d);
	return p;
}

static const char everything[] =
	"  - allow: [connect]\n"
	"    to: [\"a.example:443\", \"*.b.example:80,8000-8009/tcp\", \"all.example\"]\n"
	"  - deny: [connect]\n"
	"    to: [\"no.b.example\", \"192.0.2.0/24:443\"]\n"
	"  - allow: [connect]\n"
	"    to: [\"10.1.0.0/16:443\", \"a.example:22/tcp\"]\n"
	"  - protect: [connect]\n"
	"    to: \"any:25\"\n"
	"    except: \"mail.example\"\n"
	"  - allow: [connect]\n"
	"    to: \"mail.example:25\"\n";

static enum sbx_domain_say say(const struct sbx_policy *p, const char *name)
{
	enum sbx_domain_say s;

	assert_int_equal(sbx_domain_judge(p, name, &s, NULL), 0);
	return s;
}

static void test_judge(void **state)
{
	struct sbx_policy *p = policy(everything);

	assert_true(sbx_policy_names(p));
	assert_int_equal(say(p, "a.example"), SBX_DOMAIN_ALLOWED);
	assert_int_equal(say(p, "x.a.example"), SBX_DOMAIN_UNLISTED);
	assert_int_equal(say(p, "xa.example"), SBX_DOMAIN_UNLISTED);
	assert_int_equal(say(p, "b.example"), SBX_DOMAIN_UNLISTED);
	assert_int_equal(say(p, "x.b.example"), SBX_DOMAIN_WILD);
	assert_int_equal(say(p, "x.y.b.example"), SBX_DOMAIN_WILD);
	assert_int_equal(say(p, "xb.example"), SBX_DOMAIN_UNLISTED);
	assert_int_equal(say(p, "no.b.example"), SBX_DOMAIN_DENIED);
	assert_int_equal(say(p, "x.no.b.example"), SBX_DOMAIN_WILD);
	assert_int_equal(say(p, "mail.example"), SBX_DOMAIN_ALLOWED);
	assert_int_equal(say(p, ""), SBX_DOMAIN_UNLISTED);
	sbx_policy_free(p);
}

static void test_open_internet(void **state)
{
	struct sbx_policy *p = policy("  - allow: [connect]\n    to: internet:443\n"
				      "  - deny: [connect]\n    to: \"*.evil.example\"\n");

	assert_int_equal(say(p, "a.example"), SBX_DOMAIN_FREE);
	assert_int_equal(say(p, "x.evil.example"), SBX_DOMAIN_DENIED);
	sbx_policy_free(p);
	p = policy("  - allow: [connect]\n    to: [\"any:53\", \"any:853/tcp\"]\n"
		   "  - allow: [connect]\n    to: a.example:443\n");
	assert_int_equal(say(p, "b.example"), SBX_DOMAIN_UNLISTED); /* servers are not all */
	sbx_policy_free(p);
	p = policy("  - allow: [connect]\n    to: internet:443\n"
		   "  - deny: [connect]\n    to: internet\n"
		   "  - allow: [connect]\n    to: a.example:443\n    override: true\n");
	assert_int_equal(say(p, "b.example"), SBX_DOMAIN_UNLISTED);
	assert_int_equal(say(p, "a.example"), SBX_DOMAIN_ALLOWED);
	sbx_policy_free(p);
	p = policy("  - allow: [connect]\n    to: \"10.0.0.0/8\"\n");
	assert_false(sbx_policy_names(p));
	sbx_policy_free(p);
}

/* "443/tcp 443/udp": what the name opens there. */
static const char *opens(const struct sbx_policy *p, const char *name, const char *address)
{
	static char text[512];
	struct sbx_domain_ports o;
	uint8_t addr[16];
	int family = strchr(address, ':') ? AF_INET6 : AF_INET;
	size_t i, n = 0;

	assert_int_equal(inet_pton(family, address, addr), 1);
	assert_int_equal(sbx_domain_open(p, &facts, name, family, addr, &o), 0);
	assert_false(o.cut);
	*text = 0;
	for (i = 0; i < o.n; i++)
		n += snprintf(text + n, sizeof(text) - n, "%s%x-%x", i ? " " : "", o.v[i].lo,
			      o.v[i].hi);
	return text;
}

static void test_ports(void **state)
{
	struct sbx_policy *p = policy(everything);

	assert_string_equal(opens(p, "a.example", "203.0.113.1"), "16-16 1bb-1bb 101bb-101bb");
	assert_string_equal(opens(p, "a.example", "2600::1"), "16-16 1bb-1bb 101bb-101bb");
	assert_string_equal(opens(p, "x.b.example", "203.0.113.1"), "50-50 1f40-1f49");
	assert_string_equal(opens(p, "no.b.example", "203.0.113.1"), "");
	assert_string_equal(opens(p, "evil.example", "203.0.113.1"), "");
	/* a later deny of the address, and an allow behind that */
	assert_string_equal(opens(p, "a.example", "192.0.2.1"), "16-16");
	/* rules that name the address itself count as well */
	assert_string_equal(opens(p, "x.b.example", "10.1.0.1"),
			    "50-50 1bb-1bb 1f40-1f49 101bb-101bb");
	/* no ports: all but those of resolvers, and of what is protected (25) */
	assert_string_equal(opens(p, "all.example", "203.0.113.1"),
			    "0-18 1a-34 36-354 356-10018 1001a-10034 10036-10354 10356-1ffff");
	assert_string_equal(opens(p, "mail.example", "203.0.113.1"), "19-19 10019-10019");
	sbx_policy_free(p);
}

static void test_lists(void **state)
{
	struct sbx_policy *p = policy(everything);
	static const uint8_t ten[4] = {10, 1, 2, 3}, other[4] = {10, 2, 2, 3};

	assert_true(sbx_policy_lists(p, &facts, AF_INET, ten));
	assert_false(sbx_policy_lists(p, &facts, AF_INET, other));
	sbx_policy_free(p);
}

/* Compiling: names match no address, and the image says that there are some. */
static void test_image(void **state)
{
	struct sbx_policy *p = policy(everything), *again = NULL;
	static const uint8_t addr[4] = {203, 0, 113, 1};
	struct sbx_compiled c;
	struct sbx_facts told;
	struct sbx_diags d = {0};

	assert_int_equal(sbx_compile(p, &facts, &c, &d), 0);
	assert_true(sbx_image_hdr(&c.image)->flags & SBX_IMG_DOMAINS);
	assert_false(sbx_image_net(&c.image, SBX_DIR_CONNECT, AF_INET, addr, SBX_PROTO_TCP, 443) &
		     SBX_PORT_ALLOW);
	/* what the daemon reads back says the same */
	assert_int_equal(sbx_meta_load(c.meta, &again, &told), 0);
	assert_int_equal(say(again, "x.b.example"), SBX_DOMAIN_WILD);
	assert_string_equal(opens(again, "a.example", "192.0.2.1"), "16-16");
	sbx_policy_free(again);
	sbx_facts_free(&told);
	sbx_compiled_free(&c);
	sbx_policy_free(p);
	sbx_diags_free(&d);
}

static void refused(const char *rules, const char *what)
{
	struct sbx_diags d = {0};
	struct sbx_policy *p = parse(rules, &d);
	struct sbx_compiled c;
	bool said = false;
	size_t i;

	if (p)
		assert_int_equal(sbx_compile(p, &facts, &c, &d), -EINVAL);
	for (i = 0; i < d.n; i++)
		said |= d.v[i].severity == SBX_ERROR && strstr(d.v[i].what, what);
	if (!said)
		sbx_diags_print(&d, stderr);
	assert_true(said);
	sbx_policy_free(p);
	sbx_diags_free(&d);
}

static void accepted(const char *rules)
{
	struct sbx_policy *p = policy(rules);
	struct sbx_diags d = {0};
	struct sbx_compiled c;

	assert_int_equal(sbx_compile(p, &facts, &c, &d), 0);
	sbx_compiled_free(&c);
	sbx_policy_free(p);
	sbx_diags_free(&d);
}

#define DENY  "  - deny: [connect]\n    to: "
#define ALLOW "  - allow: [connect]\n    to: "

static void test_errors(void **state)
{
	refused("  - allow: [bind]\n    to: a.example\n", "nobody binds to a domain (a.example)");
	refused("  - allow: [connect, bind]\n    to: \"*.a.example:80\"\n", "nobody binds");
	refused(DENY "\"x.a.example\"\n" ALLOW "\"*.a.example\"\n", "reopens an earlier deny");
	refused(DENY "\"*.a.example:443\"\n" ALLOW "\"x.a.example\"\n", "reopens an earlier deny");
	refused(DENY "\"*.x.a.example\"\n" ALLOW "\"*.a.example\"\n", "t.yaml:3: deny");
	accepted(DENY "\"*.a.example:443\"\n" ALLOW "\"x.a.example:80\"\n");
	accepted(DENY "\"*.a.example\"\n" ALLOW "\"a.example\"\n");
	accepted(DENY "\"*.a.example/udp\"\n" ALLOW "\"x.a.example/tcp\"\n");
	accepted(DENY "\"*.a.example\"\n" ALLOW "\"x.a.example\"\n    override: true\n");
	accepted(ALLOW "\"*.a.example\"\n" DENY "\"x.a.example\"\n");
}

static void explained(const struct sbx_policy *p, const char *name, bool granted, const char *rule,
		      const char *suggestion)
{
	struct sbx_explanation e;

	assert_int_equal(sbx_explain_name(p, name, &e), 0);
	assert_int_equal(e.granted, granted);
	if (rule)
		assert_string_equal(e.rule_at, rule);
	else
		assert_null(e.rule_at);
	if (suggestion)
		assert_non_null(strstr(e.suggestion, suggestion));
	else
		assert_null(e.suggestion);
	sbx_explanation_free(&e);
}

static void test_explain(void **state)
{
	struct sbx_policy *p = policy(everything);
	static const uint8_t addr[4] = {8, 8, 8, 8};
	struct sbx_explanation e;

	explained(p, "a.example", true, "t.yaml:3", NULL);
	explained(p, "no.b.example", false, "t.yaml:5",
		  "to: \"no.b.example:443\"\n    override: true");
	explained(p, "evil.example", false, NULL, "to: \"evil.example:443\"\n");
	explained(p, "wpad", false, NULL, NULL); /* rules name no such thing */
	explained(p, "a\\000b.example", false, NULL, NULL);
	assert_int_equal(
		sbx_explain_net(p, &facts, SBX_DIR_CONNECT, AF_INET, addr, SBX_PROTO_TCP, 443, &e),
		0);
	assert_string_equal(e.suggestion_note, SBX_NOTE_NO_NAME);
	sbx_explanation_free(&e);
	sbx_policy_free(p);
}

/* Names open what they open in proofs, too: any address of the internet, at their ports. */
static void test_assertions(void **state)
{
	static const char asserted[] = "version: 1\nnetwork:\n"
				       "  - never: [connect]\n    to: internet:25\n"
				       "  - never: [connect]\n    to: internet:80\n"
				       "  - never: [connect]\n    to: 10.0.0.0/8\n"
				       "  - always: [connect]\n    to: 8.8.8.8:443\n";
	static const char of_a_name[] = "version: 1\nnetwork:\n"
					"  - never: [connect]\n    to: a.example\n";
	static const enum sbx_outcome want[] = {SBX_PROVED, SBX_REFUTED, SBX_PROVED, SBX_REFUTED};
	struct sbx_policy *p = policy("  - allow: [connect]\n    to: \"*.a.example:80,443\"\n"), *a;
	struct sbx_diags d = {0};
	struct sbx_findings found = {0};
	struct sbx_compiled c;
	struct sbx_subject s;
	size_t i;

	assert_int_equal(sbx_compile(p, &facts, &c, &d), 0);
	assert_int_equal(sbx_assertions_parse("a.yaml", asserted, strlen(asserted), &opts, &a, &d),
			 0);
	s = (struct sbx_subject){p, &facts, &c.image};
	assert_int_equal(sbx_assertions_prove(&s, a, &facts, &found, &d), 0);
	assert_int_equal(found.n, 4);
	for (i = 0; i < found.n; i++)
		assert_int_equal(found.v[i].outcome, want[i]);
	assert_non_null(strstr(found.v[1].rule_text, "*.a.example:80,443"));
	sbx_findings_free(&found);
	sbx_policy_free(a);
	a = NULL;
	assert_int_equal(
		sbx_assertions_parse("a.yaml", of_a_name, strlen(of_a_name), &opts, &a, &d),
		-EINVAL);
	assert_string_equal(d.v[d.n - 1].what, "nothing can be proved of a name (a.example)");
	sbx_diags_free(&d);
	sbx_compiled_free(&c);
	sbx_policy_free(p);
}

/* --- against a reference: every rule, every port of some, one by one
 * ------------------------------
 */

static unsigned seed = 1;

static unsigned pick(unsigned n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % n;
}

static const char *const hosts[] = {"a.t",	"b.a.t",     "*.a.t",	     "c.b.a.t",
				    "*.b.a.t",	"192.0.2.1", "192.0.2.0/24", "198.51.100.0/24",
				    "internet", "any"};
static const char *const ports[] = {"", ":1", ":1,3", ":2-4", ":3/udp", ":1-5/tcp"};
static const char *const verbs[] = {"allow", "deny", "protect"};

static bool name_meets(const struct sbx_endpoint *e, const char *name)
{
	size_t n = strlen(name), d = strlen(e->domain ? e->domain : "");

	if (e->kind != SBX_HOST_DOMAIN)
		return false;
	if (!e->wildcard)
		return !strcmp(e->domain, name);
	return n > d && name[n - d - 1] == '.' && !strcmp(name + n - d, e->domain);
}

static bool meets(const struct sbx_endpoint *e, bool allow, const char *name, const uint8_t *addr,
		  int proto, uint16_t port)
{
	struct sbx_endpoint any = *e;

	if (!name_meets(e, name))
		return sbx_endpoint_matches(e, &facts, SBX_DIR_CONNECT, AF_INET, addr, proto, port);
	if (allow && !e->n_ports && (port == 53 || port == 853))
		return false;
	any.kind = SBX_HOST_ANY;
	return sbx_endpoint_matches(&any, &facts, SBX_DIR_CONNECT, AF_INET, addr, proto, port);
}

static bool reference(const struct sbx_policy *p, const char *name, const uint8_t *addr, int proto,
		      uint16_t port)
{
	bool granted = false;
	size_t i, k;

	for (i = 0; i < p->n_net; i++)
		for (k = 0; k < p->net[i].n_to; k++)
			if (meets(&p->net[i].to[k], p->net[i].verb == SBX_ALLOW, name, addr, proto,
				  port))
				granted = p->net[i].verb == SBX_ALLOW;
	for (i = 0; i < p->n_net; i++)
		for (k = 0; k < p->net[i].n_to; k++)
			if (p->net[i].verb == SBX_PROTECT &&
			    meets(&p->net[i].to[k], false, name, addr, proto, port))
				return false;
	return granted;
}

static void compare(const struct sbx_policy *p, const char *name, const uint8_t *addr)
{
	static const uint16_t tried[] = {0, 1, 2, 3, 4, 5, 6, 52, 53, 54, 853, 65535};
	struct sbx_domain_ports o;
	size_t i, k;
	int proto;

	assert_int_equal(sbx_domain_open(p, &facts, name, AF_INET, addr, &o), 0);
	for (i = 0; i < sizeof(tried) / sizeof(*tried); i++)
		for (proto = 0; proto < 2; proto++) {
			bool open = false;

			for (k = 0; k < o.n; k++)
				open |= SBX_KEY(proto, tried[i]) >= o.v[k].lo &&
					SBX_KEY(proto, tried[i]) <= o.v[k].hi;
			if (open != reference(p, name, addr, proto, tried[i]))
				fail_msg("%s port %u proto %d: %d", name, tried[i], proto, open);
		}
}

static void test_random(void **state)
{
	static const char *const names[] = {"a.t", "b.a.t", "c.b.a.t", "x.a.t", "z.t"};
	static const uint8_t addr[][4] = {{192, 0, 2, 1}, {198, 51, 100, 9}, {8, 8, 8, 8}};
	char rules[2048];
	int round;
	size_t i, k, n;

	for (round = 0; round < 400; round++) {
		struct sbx_policy *p;

		for (n = i = 0; i < 1 + pick(7); i++)
			n += snprintf(rules + n, sizeof(rules) - n,
				      "  - %s: [connect]\n    to: [\"%s%s\", \"%s%s\"]\n",
				      verbs[pick(10) % 3], hosts[pick(10)], ports[pick(6)],
				      hosts[pick(10)], ports[pick(6)]);
		p = policy(rules);
		for (i = 0; i < sizeof(names) / sizeof(*names); i++)
			for (k = 0; k < 3; k++)
				compare(p, names[i], addr[k]);
		sbx_policy_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),	cmocka_unit_test(test_open_internet),
		cmocka_unit_test(test_ports),	cmocka_unit_test(test_lists),
		cmocka_unit_test(test_image),	cmocka_unit_test(test_errors),
		cmocka_unit_test(test_random),	cmocka_unit_test(test_assertions),
		cmocka_unit_test(test_explain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
