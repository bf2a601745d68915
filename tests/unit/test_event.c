// SPDX-License-Identifier: MIT
/* Events as sentences and as JSON. */
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
#include "sbx_maps.h"
#include "tests/unit/written.h"
#include "user/event/format.h"

static const char policy[] = "files:\n"
			     "  - allow: [read, write]\n"
			     "    path: \"/home/u/**\"\n"
			     "  - protect: [read, write]\n"
			     "    path: \"~/.ssh/**\"\n"
			     "    reason: \"credentials stay outside\"\n"
			     "  - allow: [read]\n"
			     "    path: [\"/proc/self/**\", \"/srv/x\"]\n"
			     "network:\n"
			     "  - allow: [connect]\n"
			     "    to: \"192.0.2.0/24:443\"\n";

static struct sbx_event event(unsigned op, unsigned why, const char *path)
{
	struct sbx_event ev = {.count = 1,
			       .op = op,
			       .why = why,
			       .mode = SBX_MODE_ENFORCE,
			       .pid = 813,
			       .tgid = 812,
			       .ppid = 1,
			       .uid = 1000,
			       .detail = -1,
			       .comm = "cat",
			       .exe = "cat",
			       .path_len = strlen(path)};

	memcpy(ev.path, path, ev.path_len);
	return ev;
}

static char *print(const struct sbx_event *ev, struct sbx_policy *p)
{
	struct sbx_event_context ctx = {.sandbox = "box", .policy = p, .facts = &written_facts};
	char *s = NULL;
	size_t len;
	FILE *out = open_memstream(&s, &len);

	sbx_event_print(out, ev, &ctx);
	fclose(out);
	return s;
}

static void expect(const struct sbx_event *ev, struct sbx_policy *p, const char *wanted)
{
	char *got = print(ev, p);

	assert_string_equal(got, wanted);
	free(got);
}

static void expect_part(const struct sbx_event *ev, struct sbx_policy *p, const char *part)
{
	char *got = print(ev, p);

	if (!strstr(got, part))
		fail_msg("\"%s\" is not in:\n%s", part, got);
	free(got);
}

static void test_protect(void **unused)
{
	struct sbx_event ev = event(SBX_OP_READ, SBX_WHY_POLICY, "/home/u/.ssh/id_ed25519");
	struct sbx_policy *p = written(policy);

	expect(&ev, p,
	       "denied: cat (pid 812) may not read /home/u/.ssh/id_ed25519\n"
	       "    rule:   p.yaml:5  protect [read, write] \"~/.ssh/**\"\n"
	       "    reason: credentials stay outside\n"
	       "    to allow: add \"~/.ssh/id_ed25519\" to the `except:` of that rule; a "
	       "protect of its own keeps the other rights closed\n");
	ev.count = 3;
	ev.mode = SBX_MODE_AUDIT;
	expect_part(&ev, p,
		    "would be denied: cat (pid 812) may not read "
		    "/home/u/.ssh/id_ed25519 (3 times)\n");
	sbx_policy_free(p);
}

static void test_no_rule(void **unused)
{
	struct sbx_event ev = event(SBX_OP_CREATE, SBX_WHY_POLICY, "/srv/x/y");
	struct sbx_policy *p = written(policy);

	expect(&ev, p,
	       "denied: cat (pid 812) may not create /srv/x/y\n"
	       "    rule:   no rule matched\n"
	       "    to allow:\n"
	       "        files:\n"
	       "          - allow: [write]\n"
	       "            path: \"/srv/x/y\"\n"
	       "            # or \"/srv/x/**\" for everything in that directory\n");
	/* the rule is gone since: said, not hidden */
	ev = event(SBX_OP_READ, SBX_WHY_POLICY, "/srv/x");
	expect(&ev, p,
	       "denied: cat (pid 812) may not read /srv/x\n"
	       "    rule:   the policy of today allows it: p.yaml:8  allow [read] \"/srv/x\"\n");
	ev = event(SBX_OP_READ, SBX_WHY_POLICY, "");
	expect_part(&ev, p, "may not read /\n");
	/* without a policy */
	expect(&ev, NULL,
	       "denied: cat (pid 812) may not read /\n"
	       "    reason: the policy does not allow it\n");
	sbx_policy_free(p);
}

static void test_proc(void **unused)
{
	struct sbx_event ev = event(SBX_OP_READ, SBX_WHY_POLICY, "/proc/4711/status");
	struct sbx_policy *p = written(policy);

	expect_part(&ev, p, "may not read /proc/4711/status\n");
	expect_part(&ev, p, "path: \"/proc/@sandbox/status\"\n");
	ev.why = SBX_WHY_OTHERS_PROC;
	expect(&ev, p,
	       "denied: cat (pid 812) may not read /proc/4711/status\n"
	       "    reason: it belongs to a process outside the sandbox\n");
	sbx_policy_free(p);
}

static void test_cut(void **unused)
{
	struct sbx_event ev = event(SBX_OP_READ, SBX_WHY_POLICY, "/srv/x");
	struct sbx_policy *p = written(policy);

	ev.flags = SBX_EVF_PATH_CUT;
	expect(&ev, p,
	       "denied: cat (pid 812) may not read /srv/x… (cut here: the path is too long to be "
	       "recorded)\n"
	       "    reason: the policy does not allow it\n");
	/* lengths that cannot be */
	ev.path_len = 4000000000u;
	free(print(&ev, p));
	sbx_policy_free(p);
}

/* Nothing from inside may act on the operator's terminal. */
static void test_escapes(void **unused)
{
	struct sbx_event ev =
		event(SBX_OP_READ, SBX_WHY_POLICY, "/a\n\x1b[2J\x7f\xc2\x9b\xff\\\xe2\x80\xae");
	const unsigned char *c;
	char *got;

	memcpy(ev.exe, "ev\x1bil\r", 7);
	expect_part(&ev, NULL,
		    "denied: ev\\x1bil\\x0d (pid 812) may not read "
		    "/a\\n\\x1b[2J\\x7f\\x9b\\xff\\\\\\u202e\n");
	got = print(&ev, NULL);
	for (c = (unsigned char *)got; *c; c++)
		assert_true(*c == '\n' || (*c >= 0x20 && *c < 0x7f));
	free(got);
	/* names that fill their fields have no NUL */
	memset(ev.exe, 0, sizeof(ev.exe));
	memset(ev.comm, 'c', sizeof(ev.comm));
	expect_part(&ev, NULL, "denied: cccccccccccccccc (pid");
	memset(ev.exe, 'e', sizeof(ev.exe));
	free(print(&ev, NULL));
}

static void test_color(void **unused)
{
	struct sbx_event ev = event(SBX_OP_READ, SBX_WHY_POLICY, "/x");
	struct sbx_event_context ctx = {.color = true};
	char *s = NULL;
	size_t len;
	FILE *out = open_memstream(&s, &len);

	sbx_event_print(out, &ev, &ctx);
	fclose(out);
	assert_memory_equal(s, "\x1b[1;31mdenied\x1b[0m: cat", 20);
	free(s);
}

static struct sbx_event peer(unsigned op, unsigned why, const char *addr, uint16_t port, int proto)
{
	struct sbx_event ev = event(op, why, "");

	ev.family = strchr(addr, ':') ? AF_INET6 : AF_INET;
	inet_pton(ev.family, addr, ev.addr);
	ev.port = port;
	ev.proto = proto;
	return ev;
}

/* Rules for sockets are told apart from those for files; abstract names are as they are written. */
static void test_sockets(void **unused)
{
	static const char rules[] = "files:\n  - allow: [read, write]\n    path: \"/run/**\"\n"
				    "unix:\n  - allow: [connect]\n    path: \"/run/a/*.sock\"\n"
				    "  - deny: [connect, bind]\n    path: \"@x*\"\n"
				    "    reason: \"no\"\n";
	struct sbx_event ev = event(SBX_OP_UNIX_CONNECT, SBX_WHY_POLICY, "/run/a/b");
	struct sbx_policy *p = written(rules);

	expect(&ev, p,
	       "denied: cat (pid 812) may not connect to the unix socket /run/a/b\n"
	       "    rule:   no rule matched; nearest: p.yaml:6 allows [connect] "
	       "\"/run/a/*.sock\"\n"
	       "    to allow:\n"
	       "        unix:\n"
	       "          - allow: [connect]\n"
	       "            path: \"/run/a/b\"\n");
	ev = event(SBX_OP_UNIX_CONNECT, SBX_WHY_POLICY, "@xy");
	expect_part(&ev, p, "may not connect to the unix socket @xy\n");
	expect_part(&ev, p, "p.yaml:8  deny [bind, connect] \"@x*\"\n    reason: no\n");
	expect_part(&ev, p, "path: \"@xy\"\n            override: true\n");
	ev = event(SBX_OP_UNIX_BIND, SBX_WHY_POLICY, "@xy");
	expect_part(&ev, p, "may not bind to the unix socket @xy\n");
	expect_part(&ev, p, "- allow: [bind]\n");
	ev = event(SBX_OP_SOCKET, SBX_WHY_FAMILY, "");
	ev.family = AF_VSOCK;
	expect_part(&ev, p, "to allow: families: [vsock]\n");
	ev.family = AF_INET;
	ev.proto = 132;
	expect_part(&ev, p, "protocol 132 (sctp)\n");
	sbx_policy_free(p);
}

static void test_net(void **unused)
{
	struct sbx_event ev = peer(SBX_OP_CONNECT, SBX_WHY_POLICY, "192.0.2.9", 80, IPPROTO_TCP);
	struct sbx_policy *p = written(policy);

	expect(&ev, p,
	       "denied: cat (pid 812) may not connect to 192.0.2.9:80/tcp\n"
	       "    rule:   no rule matched; nearest: p.yaml:11 allows [connect] "
	       "\"192.0.2.0/24:443\"\n"
	       "    to allow:\n"
	       "        network:\n"
	       "          - allow: [connect]\n"
	       "            to: \"192.0.2.9:80/tcp\"\n");
	ev = peer(SBX_OP_SEND, SBX_WHY_POLICY, "2001:db8::1", 53, IPPROTO_UDP);
	expect_part(&ev, p, "may not send to [2001:db8::1]:53/udp\n");
	ev = peer(SBX_OP_BIND, SBX_WHY_POLICY, "::", 0, IPPROTO_TCP);
	expect_part(&ev, p, "may not bind to [::]:0/tcp (port 0: the kernel picks)\n");
	expect_part(&ev, p, "- allow: [bind]\n");
	ev = event(SBX_OP_CONNECT, SBX_WHY_FAMILY, "");
	expect(&ev, p,
	       "denied: cat (pid 812) may not connect to an address of another family than "
	       "the socket's\n"
	       "    reason: this socket family or protocol is not opened by the policy\n");
	sbx_policy_free(p);
}

static void test_machine(void **unused)
{
	struct sbx_event ev = event(SBX_OP_MOUNT, SBX_WHY_NOT_IN_SANDBOX, "");

	expect(&ev, NULL,
	       "denied: cat (pid 812) may not mount, unmount or change mounts\n"
	       "    reason: this is not allowed in a sandbox\n");
	ev = event(SBX_OP_CAPABILITY, SBX_WHY_POLICY, "");
	ev.detail = 12;
	expect(&ev, NULL,
	       "denied: cat (pid 812) may not use a capability: cap_net_admin\n"
	       "    reason: the policy does not allow it\n"
	       "    to allow: capabilities: [cap_net_admin]\n");
	ev.detail = 63;
	expect_part(&ev, NULL, "use a capability: number 63\n");
	ev = event(SBX_OP_SOCKET, SBX_WHY_FAMILY, "");
	ev.family = AF_INET;
	ev.socktype = SOCK_RAW;
	ev.proto = IPPROTO_ICMP;
	expect_part(&ev, NULL,
		    "create a socket of this kind: family inet, type raw, protocol 1 (icmp)\n");
	ev.family = AF_NETLINK;
	ev.proto = 0;
	expect_part(&ev, NULL, "to allow: families: [netlink-route]\n");
	ev.family = 99;
	expect_part(&ev, NULL, "family number 99");
	ev = event(SBX_OP_TTY_INJECT, SBX_WHY_NOT_IN_SANDBOX, "");
	ev.detail = 0x5412;
	expect_part(&ev, NULL, "push input into a terminal: TIOCSTI\n");
	ev = event(SBX_OP_TTY_TAKE, SBX_WHY_NOT_IN_SANDBOX, "");
	ev.detail = 0x5437;
	expect_part(&ev, NULL, "take a terminal away from others: TIOCVHANGUP\n");
	ev.detail = -1;
	expect_part(&ev, NULL, "take a terminal away from others: vhangup\n");
	ev = event(SBX_OP_SOCKOPT, SBX_WHY_NOT_IN_SANDBOX, "");
	ev.detail = 4;
	expect_part(&ev, NULL, "set this socket option: IP_OPTIONS\n");
	ev = event(SBX_OP_IOCTL, SBX_WHY_NOT_IN_SANDBOX, "");
	ev.detail = 0x1234;
	expect_part(&ev, NULL, "control (ioctl) anything with 0x1234\n");
	ev = event(SBX_OP_EXEC, SBX_WHY_ANONYMOUS_EXEC, "/memfd:x");
	expect_part(&ev, NULL, "to allow: exec-anonymous: allow\n");
	ev = event(SBX_OP_CHROOT, SBX_WHY_NOT_IN_SANDBOX, "");
	expect_part(&ev, NULL, "may not chroot to anything\n");
	ev = event(SBX_OP_UNIX_CONNECT, SBX_WHY_OUTSIDER, "@/tmp/.X11-unix/X0");
	expect_part(&ev, NULL, "connect to the unix socket @/tmp/.X11-unix/X0\n");
	ev = event(SBX_OP_LABEL, SBX_WHY_NESTING, "");
	expect_part(&ev, NULL, "may not run inside more than eight sandboxes\n");
}

static void test_task(void **unused)
{
	struct sbx_event ev = event(SBX_OP_SIGNAL, SBX_WHY_OUTSIDER, "");

	ev.detail = 1;
	expect(&ev, NULL,
	       "denied: cat (pid 812) may not send a signal to process 1\n"
	       "    reason: it is outside the sandbox\n");
	ev.op = SBX_OP_PTRACE;
	expect_part(&ev, NULL, "may not trace or inspect the process 1\n");
	ev.op = SBX_OP_TASK_CHANGE;
	expect_part(&ev, NULL, "may not change limits or scheduling of process 1\n");
	ev = event(SBX_OP_SIGNAL, SBX_WHY_NOT_IN_SANDBOX, "");
	ev.detail = 15;
	expect_part(&ev, NULL, "send a signal to others by owning a descriptor (F_SETOWN_EX)\n");
}

/* Every operation, reason and detail has a sentence, those of a newer kernel side as well. */
static void test_every(void **unused)
{
	struct sbx_policy *p = written(policy);
	struct sbx_event_context ctx = {.policy = p, .facts = &written_facts};
	unsigned op, why;

	for (op = 0; op <= SBX_OPS; op++)
		for (why = 0; why <= SBX_WHYS; why++) {
			struct sbx_event ev = event(op, why, op % 2 ? "/x" : "");
			char *got = print(&ev, p);
			json_t *j = sbx_event_json(&ev, &ctx);

			assert_non_null(strstr(got, "denied: cat (pid 812) may not "));
			assert_null(strstr(got, "(null)"));
			assert_non_null(j);
			assert_true(strlen(sbx_op_name(op)) > 1);
			json_decref(j);
			free(got);
		}
	sbx_policy_free(p);
}

/* --- JSON --- */

static const char *text(json_t *j, const char *outer, const char *key)
{
	json_t *in = outer ? json_object_get(j, outer) : j;

	return json_string_value(json_object_get(in, key));
}

static json_int_t number(json_t *j, const char *outer, const char *key)
{
	json_t *in = outer ? json_object_get(j, outer) : j;

	assert_true(json_is_integer(json_object_get(in, key)));
	return json_integer_value(json_object_get(in, key));
}

static void test_json(void **unused)
{
	struct sbx_event ev = event(SBX_OP_READ, SBX_WHY_POLICY, "/home/u/.ssh/k");
	struct sbx_policy *p = written(policy);
	struct sbx_event_context ctx = {.sandbox = "box", .policy = p, .facts = &written_facts};
	struct timespec boot;
	struct tm tm = {0};
	json_t *j;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	ev.first_ns = ev.last_ns = boot.tv_sec * 1000000000ull + boot.tv_nsec;
	ev.sandbox = 513;
	ev.generation = 2;
	ev.count = 7;
	j = sbx_event_json(&ev, &ctx);
	assert_string_equal(text(j, NULL, "sandbox"), "box");
	assert_int_equal(number(j, NULL, "sandbox_id"), 513);
	assert_int_equal(number(j, NULL, "generation"), 2);
	assert_int_equal(number(j, NULL, "count"), 7);
	assert_string_equal(text(j, NULL, "mode"), "enforce");
	assert_string_equal(text(j, NULL, "verdict"), "denied");
	assert_string_equal(text(j, NULL, "operation"), "read");
	assert_string_equal(text(j, NULL, "right"), "read");
	assert_string_equal(text(j, NULL, "why"), "policy");
	assert_string_equal(text(j, NULL, "message"), "cat (pid 812) may not read /home/u/.ssh/k");
	assert_int_equal(number(j, "process", "tgid"), 812);
	assert_int_equal(number(j, "process", "uid"), 1000);
	assert_string_equal(text(j, "process", "exe"), "cat");
	assert_string_equal(text(j, "object", "path"), "/home/u/.ssh/k");
	assert_string_equal(text(j, "rule", "file"), "p.yaml");
	assert_int_equal(number(j, "rule", "line"), 5);
	assert_string_equal(text(j, "rule", "text"), "protect [read, write] \"~/.ssh/**\"");
	assert_string_equal(text(j, "rule", "reason"), "credentials stay outside");
	assert_non_null(strstr(text(j, NULL, "suggestion"), "except: [\"~/.ssh/k\"]"));
	/* the clocks agree to the second or so */
	assert_non_null(strptime(text(j, NULL, "time"), "%Y-%m-%dT%H:%M:%S", &tm));
	assert_in_range(time(NULL) - timegm(&tm), 0, 3);
	json_decref(j);

	ev = event(SBX_OP_READ, SBX_WHY_POLICY, "/a\xff");
	ev.mode = SBX_MODE_AUDIT;
	ev.dev = 8 << 20 | 1;
	ev.ino = 77;
	j = sbx_event_json(&ev, &ctx);
	assert_string_equal(text(j, NULL, "verdict"), "would be denied");
	assert_string_equal(text(j, "object", "path"), "/a\\xff");
	assert_string_equal(text(j, "object", "path_hex"), "2f61ff");
	assert_string_equal(text(j, "object", "device"), "8:1");
	assert_int_equal(number(j, "object", "inode"), 77);
	assert_true(json_is_null(json_object_get(j, "rule")));
	json_decref(j);

	ev = peer(SBX_OP_BIND, SBX_WHY_POLICY, "::1", 80, IPPROTO_UDP);
	j = sbx_event_json(&ev, &ctx);
	assert_string_equal(text(j, NULL, "right"), "bind");
	assert_string_equal(text(j, "object", "family"), "inet6");
	assert_string_equal(text(j, "object", "protocol"), "udp");
	assert_string_equal(text(j, "object", "address"), "::1");
	assert_int_equal(number(j, "object", "port"), 80);
	json_decref(j);
	sbx_policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_protect), cmocka_unit_test(test_no_rule),
		cmocka_unit_test(test_proc),	cmocka_unit_test(test_cut),
		cmocka_unit_test(test_escapes), cmocka_unit_test(test_color),
		cmocka_unit_test(test_sockets), cmocka_unit_test(test_net),
		cmocka_unit_test(test_machine), cmocka_unit_test(test_task),
		cmocka_unit_test(test_every),	cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
