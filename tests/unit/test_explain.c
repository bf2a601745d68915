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
#include <unistd.h>
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
	same(e.nearest, NULL); /* /srv in common says nothing */
	assert_int_equal(e.n_near, 0);
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
	same(e.suggestion, "# in place of the rule at p.yaml:8\n"
			   "  - protect: [read, write]\n"
			   "    path: [\"/nowhere\", \"~/.ssh/**\"]\n"
			   "    except: [\"~/.ssh/config\", \"~/.ssh/known_hosts\"]\n"
			   "    reason: \"credentials stay outside\"\n"
			   "files:\n  - allow: [read]\n    path: \"~/.ssh/known_hosts\"\n");
	same(e.suggestion_note, "add \"~/.ssh/known_hosts\" to the `except:` of that rule; then it "
				"needs an allow");
	sbx_explanation_free(&e);
	/* two protects, and an allow that is there already */
	e = explain(p, "/srv/data/id_rsa", SBX_READ);
	same(e.rule_at, "p.yaml:12");
	same(e.suggestion, "# in place of the rule at p.yaml:12\n"
			   "  - protect: [read]\n"
			   "    path: [\"/**/id_*\"]\n"
			   "    except: [\"/srv/data/id_rsa\"]\n");
	same(e.suggestion_note, "add \"/srv/data/id_rsa\" to the `except:` of that rule");
	sbx_explanation_free(&e);
	e = explain(p, "/home/u/work/id_rsa", SBX_READ);
	assert_null(strstr(e.suggestion, "protect: [write]")); /* it was none of those */
	sbx_explanation_free(&e);
	e = explain(p, "/home/u/.ssh/id_rsa", SBX_READ);
	assert_non_null(strstr(e.suggestion, "# in place of the rule at p.yaml:8\n"));
	assert_non_null(strstr(e.suggestion, "# in place of the rule at p.yaml:12\n"));
	sbx_explanation_free(&e);
	sbx_policy_free(p);
}

/* An exception is made for all rights of a protect: those that nobody asked for stay closed. */
static void test_left(void **unused)
{
	struct sbx_policy *p = written("files:\n"
				       "  - allow: [read, write]\n    path: \"/srv/**\"\n"
				       "  - protect: [read, write, exec]\n    path: \"/**/key\"\n"
				       "    reason: \"closed\"\n"
				       "network:\n"
				       "  - allow: [connect, bind]\n    to: \"localhost\"\n"
				       "  - protect: [connect, bind]\n    to: \"any:22\"\n");
	struct sbx_explanation e = explain(p, "/srv/key", SBX_READ);
	uint8_t addr[16] = {127, 0, 0, 1};

	same(e.suggestion, "# in place of the rule at p.yaml:5\n"
			   "  - protect: [read, write, exec]\n"
			   "    path: [\"/**/key\"]\n"
			   "    except: [\"/srv/key\"]\n"
			   "    reason: \"closed\"\n"
			   "  - protect: [write]\n" /* exec is not allowed anyway */
			   "    path: \"/srv/key\"\n"
			   "    reason: \"closed\"\n");
	same(e.suggestion_note, "add \"/srv/key\" to the `except:` of that rule; a protect of its "
				"own keeps the other rights closed");
	sbx_explanation_free(&e);
	assert_int_equal(sbx_explain_net(p, &written_facts, SBX_DIR_CONNECT, AF_INET, addr,
					 SBX_PROTO_TCP, 22, &e),
			 0);
	same(e.suggestion, "# in place of the rule at p.yaml:11\n"
			   "  - protect: [connect, bind]\n"
			   "    to: [\"any:22\"]\n"
			   "    except: [\"127.0.0.1:22/tcp\"]\n"
			   "  - protect: [bind]\n"
			   "    to: \"127.0.0.1:22/tcp\"\n");
	sbx_explanation_free(&e);
	sbx_policy_free(p);
}

static const char nearby[] = "files:\n"
			     "  - allow: [read]\n" /* 3 */
			     "    path: [\"/srv/data/**\", \"~/.gitconfig\", \"/var/x\"]\n"
			     "  - allow: [read, write]\n" /* 5 */
			     "    path: [\"/srv/data/rw/*\", \"/opt/tool/bin/run\"]\n"
			     "  - allow: [write]\n" /* 7 */
			     "    path: \"/srv/**/cache\"\n"
			     "  - deny: [read, write]\n" /* 9 */
			     "    path: \"/srv/data/rw/no\"\n"
			     "  - protect: [write]\n" /* 11 */
			     "    path: \"/srv/data/rw/{no,never,ok}\"\n"
			     "    except: \"/srv/data/rw/ok\"\n";

/* "LINE how; LINE how" */
static void assert_near(const struct sbx_policy *p, const char *path, uint8_t right,
			const char *wanted)
{
	struct sbx_explanation e = explain(p, path, right);
	char got[512] = "";
	size_t i;

	for (i = 0; i < e.n_near; i++)
		sprintf(got + strlen(got), "%s%s %s", i ? "; " : "",
			e.near[i].at + strlen("p.yaml:"), e.near[i].how);
	same(got, wanted);
	sbx_explanation_free(&e);
}

static void test_near(void **unused)
{
	struct sbx_policy *p = written(nearby);

	assert_near(p, "/srv/data/x", SBX_WRITE, "3 matches, without this right");
	/* another rule that denies it, too, says nothing new */
	assert_near(p, "/srv/data/rw/no", SBX_WRITE,
		    "5 matches, and is overruled; 3 matches, without this right");
	assert_near(p, "/srv/data/rw/no", SBX_READ,
		    "5 matches, and is overruled; 3 matches, and is overruled");
	assert_near(p, "/srv/data/rw/a", SBX_READ, "");
	assert_near(p, "/srv/data/rw/a/b", SBX_WRITE,
		    "3 matches, without this right; 5 names what is above");
	assert_near(p, "/home/u/.gitconfg", SBX_READ, "3 names something similar");
	assert_near(p, "/home/u/.GitConfig", SBX_READ, "3 names something similar");
	assert_near(p, "/srv/dta/a/b", SBX_READ, "3 names something similar");
	assert_near(p, "/srv/y/z/cahe", SBX_WRITE, "7 names something similar");
	assert_near(p, "/opt/tool/bin/other", SBX_READ, "5 names something beside it");
	assert_near(p, "/opt/tool", SBX_READ, "5 names what is below");
	assert_near(p, "/opt/other/bin/run", SBX_READ, "");
	assert_near(p, "/var/y/z", SBX_READ, "");
	assert_near(p, "/srv/data/rw/ok", SBX_WRITE, "11 matches, but for an exception");
	/* by the name that the rule uses */
	assert_near(p, "/run/tool", SBX_READ, "");
	sbx_policy_free(p);
	p = written("files:\n  - allow: [read]\n    path: \"/var/run/svc/sock\"\n");
	assert_near(p, "/run/svc/socket", SBX_READ, "3 names something similar");
	sbx_policy_free(p);
}

/* --- what else the lines would open --- */

static void assert_opens(const struct sbx_policy *p, const char *path, uint8_t right,
			 const char *opens, const char *wider)
{
	struct sbx_explanation e = explain(p, path, right);

	assert_int_equal(sbx_explain_opens(p, &written_facts, path, strlen(path), right, &e), 0);
	same(e.opens, opens);
	same(e.wider_opens, wider);
	sbx_explanation_free(&e);
}

static void test_opens(void **unused)
{
	struct sbx_policy *p = written(policy);

	assert_opens(p, "/srv/other/x", SBX_READ, "nothing else",
		     "also read of /srv/other, read of /srv/other/a");
	assert_opens(p, "/home/u/work/id_x", SBX_READ, "nothing else", NULL);
	assert_opens(p, "/home/u/.ssh/id_x", SBX_READ, "nothing else", NULL);
	assert_opens(p, "/srv/data/locked/x", SBX_WRITE, "nothing else", NULL);
	sbx_policy_free(p);
	p = written("files:\n"
		    "  - allow: [read, write]\n    path: \"/srv/**\"\n"
		    "  - protect: [read, write]\n    path: \"/**/key\"\n");
	/* an exception speaks of all rights of the protect: the others are protected anew */
	assert_opens(p, "/srv/key", SBX_READ, "nothing else", NULL);
	assert_opens(p, "/srv/a/key", SBX_WRITE, "nothing else", NULL);
	/* what is no UTF-8 can only be written as a class */
	assert_opens(p, "/opt/\xff", SBX_EXEC, "also exec of /opt/\\x80", NULL);
	sbx_policy_free(p);
	p = written("files:\n  - allow: [read]\n    path: \"/usr/lib/**\"\n"
		    "  - protect: [read]\n    path: \"/usr/**/k\"\n");
	/* only what is not open yet, and not what stays closed */
	assert_opens(p, "/usr/share/x", SBX_READ, "nothing else",
		     "also read of /usr/share, read of /usr/share/a");
	assert_opens(p, "/usr/lib/x", SBX_WRITE, "nothing else",
		     "also write of /usr/lib, write of /usr/lib/a");
	sbx_policy_free(p);
}

/* With the rules that nobody wrote. */
static struct sbx_policy *with_own(const char *text, const char *denials)
{
	struct sbx_load_opts opts = written_opts;
	struct sbx_policy *p = NULL;
	struct sbx_diags d = {0};
	char file[] = "/tmp/sbx-explain-XXXXXX";
	int fd = mkstemp(file);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	opts.own = true;
	opts.denials = denials;
	assert_int_equal(sbx_policy_load(file, &opts, &p, &d), 0);
	unlink(file);
	sbx_diags_free(&d);
	return p;
}

static bool granted(const struct sbx_policy *p, const char *path, uint8_t right)
{
	struct sbx_explanation e = explain(p, path, right);
	bool yes = e.granted;

	sbx_explanation_free(&e);
	return yes;
}

/* The file of denials: a sandbox reads its own, whatever the policy says, and nothing else there.
 */
static void test_denials(void **unused)
{
	static const char *const texts[] = {
		"version: 1\nfiles:\n  - allow: [read, write, exec]\n    path: \"/**\"\n",
		"version: 1\nfiles:\n  - deny: [read, write]\n    path: \"/run/**\"\n",
	};
	static const char mine[] = SBX_DENIALS_DIR "/Ab12Cd";
	struct sbx_policy *p;
	size_t i;

	for (i = 0; i < 2; i++) {
		p = with_own(texts[i], mine);
		assert_true(granted(p, mine, SBX_READ));
		assert_false(granted(p, mine, SBX_WRITE));
		assert_false(granted(p, SBX_DENIALS_DIR "/Ab12C", SBX_READ));
		assert_false(granted(p, SBX_DENIALS_DIR "/Ab12Cd.new", SBX_READ));
		assert_false(granted(p, SBX_DENIALS_DIR "/other", SBX_WRITE));
		assert_false(granted(p, SBX_DENIALS_DIR, SBX_READ));
		sbx_policy_free(p);
		p = with_own(texts[i], NULL);
		assert_false(granted(p, mine, SBX_READ));
		sbx_policy_free(p);
	}
}

/* sbx-bpf's own rules are no obstacle that an author could take away. */
static void test_own(void **unused)
{
	struct sbx_policy *p = with_own("version: 1\n", NULL);
	struct sbx_explanation e;

	e = explain(p, "/run/sbx-bpf/lock", SBX_WRITE);
	assert_false(e.granted);
	same(e.suggestion, NULL);
	same(e.suggestion_note, "no policy opens this: the rule is sbx-bpf's own");
	sbx_explanation_free(&e);
	sbx_policy_free(p);
}

/* Abstract names may be bound until a rule speaks of that. */
static void test_abstract(void **unused)
{
	struct sbx_policy *p = written(policy);
	struct sbx_explanation e = explain(p, "@unix/@x", SBX_WRITE);

	assert_true(e.granted);
	sbx_explanation_free(&e);
	e = explain(p, "@unix/@x", SBX_CONNECT);
	assert_false(e.granted);
	sbx_explanation_free(&e);
	sbx_policy_free(p);
	p = written("unix:\n  - deny: [bind]\n    path: \"@y\"\n");
	e = explain(p, "@unix/@y", SBX_WRITE);
	assert_false(e.granted);
	sbx_explanation_free(&e);
	e = explain(p, "@unix/@x", SBX_WRITE);
	assert_true(e.granted);
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
	same(e.opens, "nothing else");
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
		cmocka_unit_test(test_granted),	 cmocka_unit_test(test_no_rule),
		cmocka_unit_test(test_home),	 cmocka_unit_test(test_deny),
		cmocka_unit_test(test_protect),	 cmocka_unit_test(test_pasted),
		cmocka_unit_test(test_net),	 cmocka_unit_test(test_near),
		cmocka_unit_test(test_left),	 cmocka_unit_test(test_opens),
		cmocka_unit_test(test_own),	 cmocka_unit_test(test_denials),
		cmocka_unit_test(test_abstract),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
