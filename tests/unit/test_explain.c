// SPDX-License-Identifier: MIT
/* Why an access is denied, and that the proposed lines would allow it. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/written.h"
#include "user/policy/automaton.h"
#include "user/policy/explain.h"
#include "user/policy/netset.h"

static const char policy[] = "files:\n"
			     "  - allow: [read, write]\n"
			     "    path: [\"/srv/data/**\", \"~/work/**\"]\n"
			     "  - deny: [write]\n"
			     "    path: \"/srv/data/locked/**\"\n"
			     "    reason: \"frozen\"\n"
			     "  - protect: [read, write]\n"
			     "    path: [\"/nowhere\", \"~/.ssh/**\"]\n"
			     "    except: \"~/.ssh/config\"\n"
			     "    reason: \"credentials stay outside\"\n"
			     "  - protect: [read]\n"
			     "    path: \"/**/id_*\"\n"
			     "  - allow: [read]\n"
			     "    path: [\"/run/x\", \"/proc/@sandbox/**\"]\n"
			     "network:\n"
			     "  - allow: [connect]\n"
			     "    to: [\"192.0.2.0/24:443\", \"any:53/udp\"]\n"
			     "  - deny: [connect]\n"
			     "    to: \"192.0.2.7\"\n"
			     "    reason: \"the old server\"\n"
			     "  - protect: [connect]\n"
			     "    to: \"10.0.0.0/8\"\n";

static struct sbx_explanation explain(const struct sbx_policy *p, const char *path, uint8_t right)
{
	struct sbx_explanation e;

	assert_int_equal(sbx_explain_file(p, &written_facts, path, strlen(path), right, &e), 0);
	return e;
}

static void same(const char *got, const char *wanted)
{
	if (!got || !wanted)
		assert_true(got == wanted);
	else
		assert_string_equal(got, wanted);
}

static void test_granted(void **unused)
{
	struct sbx_policy *p = written(policy);
	struct sbx_explanation e = explain(p, "/srv/data/x", SBX_WRITE);

	assert_true(e.granted);
	same(e.rule_at, "p.yaml:3");
	same(e.rule_text, "allow [read, write] \"/srv/data/**\"");
	same(e.nearest, NULL);
	same(e.suggestion, NULL);
	same(e.suggestion_note, NULL);
	sbx_explanation_free(&e);
	e = explain(p, "/var/run/x", SBX_READ);
	sbx_explanation_free(&e);
	sbx_policy_free(p);
}

static void test_no_rule(void **unused)
{
	struct sbx_policy *p = written(policy);
	struct sbx_explanation e = explain(p, "/srv/other/x", SBX_READ);

	assert_false(e.granted);
	assert_int_equal(e.rule, -1);
	same(e.rule_at, NULL);
	same(e.nearest, "nearest: p.yaml:3 allows [read, write] \"/srv/data/**\"");
	same(e.suggestion, "files:\n  - allow: [read]\n    path: \"/srv/other/x\"\n"
			   "    # or \"/srv/other/**\" for everything in that directory\n");
	same(e.suggestion_note, NULL);
	sbx_explanation_free(&e);
	/* a rule that matches and lacks the right is the nearest there is */
	e = explain(p, "/run/x", SBX_WRITE);
	same(e.nearest, "nearest: p.yaml:14 allows [read] \"/run/x\"");
	sbx_explanation_free(&e);
	e = explain(p, "/elsewhere", SBX_EXEC);
	same(e.nearest, NULL);
	same(e.suggestion, "files:\n  - allow: [exec]\n    path: \"/elsewhere\"\n");
	sbx_explanation_free(&e);
	e = explain(p, "/", SBX_READ);
	same(e.suggestion, "files:\n  - allow: [read]\n    path: \"/\"\n");
	sbx_explanation_free(&e);
	sbx_policy_free(p);
}

static void test_home(void **unused)
{
	struct sbx_policy *p = written(policy);
	struct sbx_explanation e = explain(p, "/home/u/notes", SBX_READ);

	/* never all of the home */
	same(e.suggestion, "files:\n  - allow: [read]\n    path: \"~/notes\"\n");
	sbx_explanation_free(&e);
	e = explain(p, "/home/u/a/b", SBX_READ);
	same(e.suggestion, "files:\n  - allow: [read]\n    path: \"~/a/b\"\n"
			   "    # or \"~/a/**\" for everything in that directory\n");
	sbx_explanation_free(&e);
	e = explain(p, "/home/uu/a", SBX_READ);
	assert_non_null(strstr(e.suggestion, "path: \"/home/uu/a\""));
	sbx_explanation_free(&e);
	sbx_policy_free(p);
}

static void test_deny(void **unused)
{
	struct sbx_policy *p = written(policy);
	struct sbx_explanation e = explain(p, "/srv/data/locked/x", SBX_WRITE);

	same(e.rule_at, "p.yaml:5");
	same(e.rule_text, "deny [write] \"/srv/data/locked/**\"");
	same(e.reason, "frozen");
	assert_non_null(strstr(e.suggestion, "    override: true\n"));
	assert_null(strstr(e.suggestion, "everything")); /* would reopen the rest of it */
	assert_non_null(strstr(e.suggestion_note, "must come after it"));
	sbx_explanation_free(&e);
	sbx_policy_free(p);
}

static void test_protect(void **unused)
{
	struct sbx_policy *p = written(policy);
	struct sbx_explanation e = explain(p, "/home/u/.ssh/known_hosts", SBX_READ);

	same(e.rule_at, "p.yaml:8");
	same(e.rule_text, "protect [read, write] \"~/.ssh/**\"");
	same(e.reason, "credentials stay outside");
	/* the exception alone is not enough: no rule would allow it then */
	same(e.suggestion, "# in the rule at p.yaml:8\n    except: [\"~/.ssh/known_hosts\"]\n"
			   "files:\n  - allow: [read]\n    path: \"~/.ssh/known_hosts\"\n");
	same(e.suggestion_note, "add \"~/.ssh/known_hosts\" to the `except:` of that rule; then it "
				"needs an allow");
	sbx_explanation_free(&e);
	/* two protects, and an allow that is there already */
	e = explain(p, "/srv/data/id_rsa", SBX_READ);
	same(e.rule_at, "p.yaml:12");
	same(e.suggestion, "# in the rule at p.yaml:12\n    except: [\"/srv/data/id_rsa\"]\n");
	same(e.suggestion_note, "add \"/srv/data/id_rsa\" to the `except:` of that rule");
	sbx_explanation_free(&e);
	e = explain(p, "/home/u/.ssh/id_rsa", SBX_READ);
	assert_non_null(strstr(e.suggestion, "# in the rule at p.yaml:8\n"));
	assert_non_null(strstr(e.suggestion, "# in the rule at p.yaml:12\n"));
	sbx_explanation_free(&e);
	sbx_policy_free(p);
}

/* --- the lines, pasted --- */

/* Appends what is proposed to a policy without protects: the access must be granted then. */
static void check_pasted(const char *base, const char *path, uint8_t right)
{
	struct sbx_policy *p = written(base), *pasted = NULL;
	struct sbx_explanation e = explain(p, path, right);
	struct sbx_diags d = {0};
	char *text;

	assert_false(e.granted);
	assert_non_null(e.suggestion);
	/* both have "files:": what is pasted goes into the list that is there */
	assert_true(asprintf(&text, "%s%s", base, e.suggestion + strlen(*base ? "files:\n" : "")) >
		    0);
	if (try_written(text, &pasted, &d)) {
		sbx_diags_print(&d, stderr);
		fail_msg("not a policy: %s", text);
	}
	assert_int_equal(d.n, 0); /* no `$` that could be a variable, either */
	sbx_explanation_free(&e);
	e = explain(pasted, path, right);
	if (!e.granted)
		fail_msg("%s does not allow %s", text, path);
	sbx_policy_free(pasted);
	sbx_explanation_free(&e);
	sbx_policy_free(p);
	free(text);
}

static void test_pasted(void **unused)
{
	static const char *const paths[] = {
		"/",
		"/a",
		"/a/b c",
		"/a/\"quoted\"",
		"/a/back\\slash",
		"/a/*star",
		"/a/[x]{y}?",
		"/a/${HOME}",
		"/a/$x",
		"/a/~",
		"/a/#no: comment",
		"/a/new\nline",
		"/a/tab\there",
		"/a/\x1b[31mred",
		"/a/\xc3\xa9t\xc3\xa9",
		"/a/\xe2\x80\xaertl",
		"/a/\xf0\x9f\x98\x80",
		"/a/\xff\xfe raw",
		"/a/\xc2\x85nel",
		"/a/\xef\xbb\xbf"
		"bom",
		"/a/-",
		"/a/'",
		"/a/%40@",
		"/home/u/x",
		"/home/u/~/\\*",
		"@tty",
	};
	static const char denied[] =
		"files:\n  - allow: [read]\n    path: \"~/never\"\n"
		"  - deny: [read, write, exec]\n    path: [\"/**\", \"@tty\"]\n";
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		check_pasted("", paths[i], SBX_READ);
		check_pasted(denied, paths[i], SBX_EXEC);
	}
}

/* --- network --- */

static struct sbx_explanation explain_net(const struct sbx_policy *p, const char *peer,
					  uint16_t port)
{
	int family = strchr(peer, ':') ? AF_INET6 : AF_INET;
	struct sbx_explanation e;
	uint8_t addr[16];

	inet_pton(family, peer, addr);
	assert_int_equal(sbx_explain_net(p, &written_facts, SBX_DIR_CONNECT, family, addr,
					 SBX_PROTO_TCP, port, &e),
			 0);
	return e;
}

static void test_net(void **unused)
{
	struct sbx_policy *p = written(policy);
	struct sbx_explanation e = explain_net(p, "192.0.2.1", 443);

	assert_true(e.granted);
	same(e.rule_text, "allow [connect] \"192.0.2.0/24:443\"");
	sbx_explanation_free(&e);
	e = explain_net(p, "192.0.2.1", 80);
	assert_int_equal(e.rule, -1);
	same(e.nearest, "nearest: p.yaml:17 allows [connect] \"192.0.2.0/24:443\"");
	same(e.suggestion, "network:\n  - allow: [connect]\n    to: \"192.0.2.1:80/tcp\"\n");
	sbx_explanation_free(&e);
	e = explain_net(p, "192.0.2.7", 443);
	same(e.rule_at, "p.yaml:19");
	same(e.reason, "the old server");
	assert_non_null(strstr(e.suggestion, "override: true"));
	sbx_explanation_free(&e);
	e = explain_net(p, "::ffff:10.1.2.3", 22);
	same(e.rule_at, "p.yaml:22");
	same(e.suggestion_note,
	     "add \"10.1.2.3:22/tcp\" to the `except:` of that rule; then it needs "
	     "an allow");
	sbx_explanation_free(&e);
	e = explain_net(p, "2001:db8::1", 22);
	assert_non_null(strstr(e.suggestion, "to: \"[2001:db8::1]:22/tcp\"\n"));
	sbx_explanation_free(&e);
	e = explain_net(p, "0.0.0.0", 22);
	assert_non_null(strstr(e.suggestion, "to: \"127.0.0.1:22/tcp\"\n"));
	sbx_explanation_free(&e);
	sbx_policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_granted), cmocka_unit_test(test_no_rule),
		cmocka_unit_test(test_home),	cmocka_unit_test(test_deny),
		cmocka_unit_test(test_protect), cmocka_unit_test(test_pasted),
		cmocka_unit_test(test_net),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
