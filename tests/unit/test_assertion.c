// SPDX-License-Identifier: MIT
/* Assertions: what holds is proved, what does not is refuted with the right example and rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/unit/written.h"
#include "user/policy/assertion.h"

/* A policy and what is asserted of it, both with "version: 1" before them. */
struct proof {
	struct sbx_policy *policy, *asserted;
	struct sbx_compiled compiled;
	struct sbx_findings found;
	struct sbx_diags d;
};

static void prove(struct proof *x, const char *policy, const char *asserted,
		  const struct sbx_facts *facts)
{
	struct sbx_subject s;
	char *text = NULL;
	int len = asprintf(&text, "version: 1\n%s", asserted);

	*x = (struct proof){.policy = written(policy)};
	assert_true(len > 0);
	if (sbx_compile(x->policy, facts, &x->compiled, &x->d) ||
	    sbx_assertions_parse("a.yaml", text, len, &written_opts, &x->asserted, &x->d)) {
		sbx_diags_print(&x->d, stderr);
		fail_msg("not read: %s", asserted);
	}
	free(text);
	s = (struct sbx_subject){x->policy, facts, &x->compiled.image};
	assert_int_equal(sbx_assertions_prove(&s, x->asserted, facts, &x->found, &x->d), 0);
}

static void proof_free(struct proof *x)
{
	sbx_findings_free(&x->found);
	sbx_compiled_free(&x->compiled);
	sbx_policy_free(x->asserted);
	sbx_policy_free(x->policy);
	sbx_diags_free(&x->d);
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* All that is there to prove is. */
static void proved(const char *policy, const char *asserted)
{
	struct proof x;

	prove(&x, policy, asserted, &written_facts);
	assert_true(x.found.n > 0);
	if (x.found.count[SBX_PROVED] != x.found.n)
		fail_msg("%s: %s", x.found.v[0].text, x.found.v[0].example);
	proof_free(&x);
}

/* The only finding, or the first of several: "RIGHTS of EXAMPLE by RULE_AT". */
static void refuted(const char *policy, const char *asserted, const char *rights,
		    const char *example, const char *rule_at)
{
	struct proof x;
	const struct sbx_finding *f;

	prove(&x, policy, asserted, &written_facts);
	assert_true(x.found.n > 0);
	f = &x.found.v[0];
	assert_int_equal(f->outcome, SBX_REFUTED);
	if (!same(f->rights, rights) || !same(f->example, example) || !same(f->rule_at, rule_at))
		fail_msg("%s: %s of %s by %s", f->text, f->rights, f->example, f->rule_at);
	proof_free(&x);
}

#define FILES	      "files:\n"
#define ALLOW(r, p)   "  - {allow: [" r "], path: \"" p "\", override: true}\n"
#define DENY(r, p)    "  - {deny: [" r "], path: \"" p "\"}\n"
#define PROTECT(r, p) "  - {protect: [" r "], path: \"" p "\"}\n"
#define NEVER(r, p)   FILES "  - {never: [" r "], path: \"" p "\"}\n"
#define ALWAYS(r, p)  FILES "  - {always: [" r "], path: \"" p "\"}\n"
#define BOTH(r, p)    FILES "  - {never-both: [" r "], path: \"" p "\"}\n"

static void test_never(void **unused)
{
	static const char open[] =
		FILES ALLOW("read, write", "/srv/**") DENY("write", "/**/hooks/**");

	proved(open, NEVER("write", "/**/hooks/**"));
	proved(open, NEVER("read", "/etc/**"));
	proved(open, NEVER("exec", "/**"));
	refuted(open, NEVER("read", "/**/hooks/**"), "read", "/srv/hooks", "p.yaml:3");
	refuted(open, NEVER("write", "/srv/*"), "write", "/srv/a", "p.yaml:3");
	refuted(open, NEVER("read", "/srv"), "read", "/srv", "p.yaml:3");
	refuted(FILES ALLOW("read", "/"), NEVER("read", "/**"), "read", "/", "p.yaml:3");
	/* a name that nobody would try */
	refuted(FILES ALLOW("read", "/a/[!!-~]"), NEVER("read", "/**"), "read", "/a/ ", "p.yaml:3");
	refuted(FILES ALLOW("read", "/a/\\x01") ALLOW("read", "/a/**") DENY("read", "/a/[!b]*"),
		NEVER("read", "/a/*"), "read", "/a/b", "p.yaml:4");
	/* "." and ".." are no names */
	proved(FILES ALLOW("read", "/a/*") DENY("read", "/a/[!.]*") DENY("read", "/a/.[!.]*")
		       DENY("read", "/a/..?*"),
	       NEVER("read", "/a/*"));
	/* protect is no matter of order */
	proved(FILES PROTECT("read", "/k/**") ALLOW("read", "/**"), NEVER("read", "/k/**"));
}

static void test_except(void **unused)
{
	static const char open[] = FILES ALLOW("read", "/h/**") PROTECT("read", "/h/.ssh/[!c]*");

	refuted(open, NEVER("read", "/h/.ssh/*"), "read", "/h/.ssh/c", "p.yaml:3");
	proved(open, FILES "  - never: [read]\n    path: /h/.ssh/*\n    except: /h/.ssh/c*\n");
	refuted(open, FILES "  - never: [read]\n    path: /h/**\n    except: [/h, /h/*/*/**]\n",
		"read", "/h/a", "p.yaml:3");
}

static void test_always(void **unused)
{
	static const char open[] = FILES ALLOW("read", "/usr/**") PROTECT("read", "/**/.env");

	refuted(open, ALWAYS("read", "/usr/**"), "read", "/usr/.env", "p.yaml:4");
	refuted(open, ALWAYS("read", "/u*/**"), "read", "/u", NULL);
	proved(open, FILES "  - {always: [read], path: /usr/**, except: /**/.env}\n");
	proved(open, ALWAYS("read", "/usr/share/[a-z]*"));
	refuted(open, ALWAYS("read, exec", "/usr/bin"), "exec", "/usr/bin", NULL);
}

static void test_both(void **unused)
{
	static const char open[] = FILES ALLOW("read, write, exec", "/p/**")
		ALLOW("exec", "/usr/**") ALLOW("write", "/tmp/**");

	refuted(open, BOTH("write, exec", "/**"), "write, exec", "/p", "p.yaml:3");
	proved(open, FILES "  - {never-both: [write, exec], path: /**, except: /p/**}\n");
	refuted(FILES ALLOW("write", "/a/**") ALLOW("exec", "/a/b/*"), BOTH("write, exec", "/**"),
		"write, exec", "/a/b/a", "p.yaml:3");
}

/* Every pattern and right that does not hold is told, each by itself. */
static void test_all_of_them(void **unused)
{
	struct proof x;

	prove(&x, FILES ALLOW("read", "/a/**") ALLOW("write", "/b/**"),
	      FILES "  - never: [read, write]\n    path: [/a/x, /b/x, /c/x]\n", &written_facts);
	assert_int_equal(x.found.n, 2);
	assert_int_equal(x.found.v[0].pos.line, 4);
	assert_int_equal(x.found.v[0].pos.col, 12);
	assert_string_equal(x.found.v[0].rights, "read");
	assert_string_equal(x.found.v[1].example, "/b/x");
	assert_string_equal(x.found.v[1].rights, "write");
	assert_string_equal(x.found.v[1].rule_at, "p.yaml:4");
	assert_string_equal(x.found.v[1].rule_text, "allow [write] \"/b/**\"");
	assert_string_equal(x.found.v[1].text, "never [read, write] \"/b/x\"");
	proof_free(&x);
}

/* Either spelling of a name, and no names below a symlink or a mount of something else. */
static void test_aliases(void **unused)
{
	static struct sbx_alias links[] = {{"/bin", "/usr/bin", true}, {"/mnt/usr", "/usr", false}};
	static const struct sbx_facts facts = {.aliases = links, .n_aliases = 2};
	static const struct {
		const char *asserted;
		enum sbx_outcome outcome;
		const char *example;
	} cases[] = {
		{NEVER("write", "/bin/**"), SBX_REFUTED, "/usr/bin/x"},
		{NEVER("write", "/mnt/usr/bin/x"), SBX_REFUTED, "/usr/bin/x"},
		{NEVER("write", "/mnt/usr/bin/y"), SBX_PROVED, NULL},
		{ALWAYS("read", "/bin/**"), SBX_PROVED, NULL},
		{ALWAYS("read", "/mnt/usr/**"), SBX_PROVED, NULL},
		{ALWAYS("read", "/{usr,bin}/**"), SBX_PROVED, NULL},
		{ALWAYS("read", "/{usr,bin,sbin}/**"), SBX_REFUTED, "/sbin"},
	};
	struct proof x;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		prove(&x, FILES ALLOW("read", "/usr/**") ALLOW("write", "/usr/bin/x"),
		      cases[i].asserted, &facts);
		if (x.found.v[0].outcome != cases[i].outcome ||
		    !same(x.found.v[0].example, cases[i].example))
			fail_msg("%s: %s", cases[i].asserted, x.found.v[0].example);
		proof_free(&x);
	}
}

#define NET	 "network:\n"
#define TO(v, p) NET "  - {" v ": [connect], to: \"" p "\"}\n"
#define OPEN_NET                                                                      \
	NET "  - {allow: [connect], to: [\"internet:443\", \"localhost:1-65535\"]}\n" \
	    "  - {allow: [connect], to: self}\n"                                      \
	    "  - {protect: [connect], to: \"198.51.101.0/24\", except: "              \
	    "\"198.51.101.7:443/tcp\"}\n"                                             \
	    "  - {allow: [bind], to: \"localhost:8000-8999\"}\n"

static void test_network(void **unused)
{
	proved(OPEN_NET, TO("never", "169.254.169.254"));
	proved(OPEN_NET, TO("never", "10.0.0.0/8"));
	proved(OPEN_NET, TO("never", "[::ffff:10.0.0.0]:443"));
	proved(OPEN_NET, TO("never", "203.0.114.5")); /* the host's own address */
	refuted(OPEN_NET, TO("never", "any:25"), "connect", "127.0.0.0:25/tcp", "p.yaml:3");
	proved(OPEN_NET, NET "  - {never: [connect], to: \"any:25\", except: localhost}\n");
	refuted(OPEN_NET, TO("never", "8.8.0.0/16"), "connect", "8.8.0.0:443/tcp", "p.yaml:3");
	refuted(OPEN_NET, TO("never", "8.8.0.0/16:443/udp"), "connect", "8.8.0.0:443/udp",
		"p.yaml:3");
	refuted(OPEN_NET, TO("never", "[2600::/16]"), "connect", "[2600::]:443/tcp", "p.yaml:3");
	proved(OPEN_NET, TO("never", "[fe80::/10]"));
	refuted(OPEN_NET, TO("never", "198.51.101.0/24"), "connect", "198.51.101.7:443/tcp",
		"p.yaml:3");
	refuted(OPEN_NET, TO("always", "internet:443"), "connect", "198.51.101.0:443/tcp",
		"p.yaml:5");
	proved(OPEN_NET, NET "  - always: [connect]\n    to: \"internet:443\"\n"
			     "    except: \"198.51.101.0/24\"\n");
	refuted(OPEN_NET, TO("always", "any:443"), "connect", "0.0.0.1:443/tcp", NULL);
	proved(OPEN_NET, TO("always", "localhost:1-65535"));
	refuted(OPEN_NET, TO("always", "localhost"), "connect", "127.0.0.0:0/tcp", "p.yaml:4");
	refuted(NET "  - {allow: [connect], to: self}\n", TO("never", "localhost:80"), "connect",
		"127.0.0.0:80/tcp", "p.yaml:3");
	proved(OPEN_NET, NET "  - {never: [bind], to: any, except: \"localhost:8000-8999\"}\n");
	refuted(OPEN_NET, NET "  - {never: [bind], to: any}\n", "bind", "127.0.0.0:8000/tcp",
		"p.yaml:6");
}

/* Through a proxy that has a name, names may lead anywhere. */
static void test_proxy(void **unused)
{
	static const char proxied[] = NET "  - via: \"proxy.example:3128\"\n"
					  "  - {allow: [connect], to: \"*.example.org:443\"}\n";

	proved(proxied, TO("never", "any:22"));
	proved(proxied, TO("never", "any:3128"));
	refuted(proxied, TO("never", "10.0.0.0/8"), "connect", "10.0.0.0:443/tcp", "p.yaml:4");
	proved(proxied, NEVER("read", "/**"));
}

static void test_sockets(void **unused)
{
	static const char open[] =
		"unix:\n  - {allow: [connect], path: [/run/a.sock, \"@bus-*\"]}\n"
		"  - {deny: [connect], path: \"@bus-9\"}\n";
	static const char binds[] = "unix:\n  - {deny: [bind], path: \"@x*\"}\n";

	proved(open, "unix:\n  - {never: [connect], path: [/run/docker.sock, \"@bus-9\"]}\n");
	refuted(open, "unix:\n  - {never: [connect], path: \"@*\"}\n", "connect", "@bus-",
		"p.yaml:3");
	refuted(open, "unix:\n  - {always: [connect], path: \"@bus-*\"}\n", "connect", "@bus-9",
		"p.yaml:4");
	/* abstract names may be bound where no rule says otherwise */
	proved(open, "unix:\n  - {always: [bind], path: \"@y\"}\n");
	refuted(open, "unix:\n  - {never: [bind], path: \"@y\"}\n", "bind", "@y", NULL);
	proved(binds, "unix:\n  - {never: [bind], path: \"@x1\"}\n");
	refuted(binds, "unix:\n  - {never: [bind], path: \"@y\"}\n", "bind", "@y", NULL);
}

/* What a policy gives beside rules. */
static void test_bounds(void **unused)
{
	proved("", "mode: enforce\nexec-anonymous: deny\nfamilies: []\n");
	proved("families: [netlink-route]\ncapabilities: [kill]\n",
	       "families: [netlink-route, packet]\ncapabilities: [kill, chown]\n");
	refuted("mode: audit\n", "mode: enforce\n", NULL, "mode: audit", NULL);
	refuted("exec-anonymous: allow\n", "exec-anonymous: deny\n", NULL, "exec-anonymous: allow",
		NULL);
	refuted("families: [packet]\n", "families: [netlink]\n", NULL, "families", NULL);
	refuted("families: [netlink]\n", "families: [netlink-route]\n", NULL, "families", NULL);
	refuted("", "capabilities: []\n", NULL, "capabilities", NULL);
	refuted("capabilities: [sys_admin]\n", "capabilities: [chown]\n", NULL, "capabilities",
		NULL);
	proved("env: {keep: [PATH, \"LC_*\"]}\n", "env: {never: [TOKEN, LC, PATHS, PAT]}\n");
	refuted("env: {keep: [\"A*\", PATH]}\n", "env: {never: [AWS_KEY]}\n", NULL, "A*", NULL);
	refuted("env: {keep: [AWS_KEY]}\n", "env: {never: [\"AWS_*\"]}\n", NULL, "AWS_KEY", NULL);
	refuted("env: {keep: [\"AWS*\"]}\n", "env: {never: [\"AWS_*\"]}\n", NULL, "AWS*", NULL);
	refuted("env: {keep: [\"AWS_*\"]}\n", "env: {never: [\"AWS*\"]}\n", NULL, "AWS_*", NULL);
}

/* An assertion that says nothing is told so. */
static void test_vacuous(void **unused)
{
	struct proof x;

	prove(&x, FILES ALLOW("read", "/a"),
	      FILES "  - {never: [read], path: /a/b, except: /a/**}\n", &written_facts);
	assert_int_equal(x.d.warnings, 1);
	assert_non_null(strstr(x.d.v[0].what, "never decides (read"));
	assert_string_equal(x.d.v[0].file, "a.yaml");
	proof_free(&x);
}

/* What takes too long to prove is not proved, and that is said; of single patterns it may be. */
static void test_entangled(void **unused)
{
	static const char policy[] =
		FILES ALLOW("read", "/a/*[ac]?????????") DENY("read", "/a/*[!z]");
	struct proof x;

	prove(&x, policy, NEVER("read", "/*a????????????????????"), &written_facts);
	assert_int_equal(x.found.n, 1);
	assert_int_equal(x.found.v[0].outcome, SBX_UNPROVED);
	assert_int_equal(x.d.errors, 0);
	proof_free(&x);
	refuted(policy, NEVER("read", "/a/*b????????"), "read", "/a/abaaaaaaaz", "p.yaml:3");
	proved(policy, NEVER("write", "/a/*[bc]?????????"));
	prove(&x, policy,
	      FILES "  - {never: [read], path: \"/a/*[bc]?????????\", except: \"/a/*z\"}\n",
	      &written_facts);
	assert_int_equal(x.found.n, 1);
	assert_int_equal(x.found.v[0].outcome, SBX_UNPROVED);
	proof_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_never),	cmocka_unit_test(test_except),
		cmocka_unit_test(test_always),	cmocka_unit_test(test_both),
		cmocka_unit_test(test_aliases), cmocka_unit_test(test_all_of_them),
		cmocka_unit_test(test_network), cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_sockets), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_vacuous), cmocka_unit_test(test_entangled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
