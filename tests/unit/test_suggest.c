// SPDX-License-Identifier: MIT
/* Audit events as rules: what is merged, what is not, and that the outcome allows the events. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "sbx_maps.h"
#include "tests/unit/random.h"
#include "tests/unit/written.h"
#include "user/event/format.h"
#include "user/policy/compile.h"
#include "user/policy/netset.h"

#define MAX 300

struct run {
	struct sbx_event *v;
	size_t n;
};

static struct sbx_event *add(struct run *r, unsigned op, unsigned why)
{
	struct sbx_event *ev = &r->v[r->n++];

	assert_in_range(r->n, 1, MAX);
	*ev = (struct sbx_event){.count = 1,
				 .op = op,
				 .why = why,
				 .mode = SBX_MODE_AUDIT,
				 .tgid = 9,
				 .detail = -1,
				 .comm = "sh",
				 .exe = "sh"};
	return ev;
}

static void file(struct run *r, unsigned op, const char *path)
{
	struct sbx_event *ev = add(r, op, SBX_WHY_POLICY);

	ev->path_len = strlen(path);
	memcpy(ev->path, path, ev->path_len);
}

static void peer(struct run *r, unsigned op, const char *addr, uint16_t port, int proto)
{
	struct sbx_event *ev = add(r, op, SBX_WHY_POLICY);

	ev->family = strchr(addr, ':') ? AF_INET6 : AF_INET;
	inet_pton(ev->family, addr, ev->addr);
	ev->port = port;
	ev->proto = proto;
}

static char *suggest(const struct run *r, const struct sbx_policy *p)
{
	struct sbx_event_context ctx = {.sandbox = "box", .policy = p, .facts = &written_facts};
	char *s = NULL;
	size_t len;
	FILE *out = open_memstream(&s, &len);

	assert_int_equal(sbx_events_suggest(out, r->v, r->n, &ctx), 0);
	fclose(out);
	return s;
}

static bool allows(const struct sbx_policy *p, const struct sbx_event *ev)
{
	static const uint8_t right_of[SBX_OPS] = {
		[SBX_OP_READ] = SBX_READ, [SBX_OP_WRITE] = SBX_WRITE, [SBX_OP_EXEC] = SBX_EXEC};
	bool granted, self;

	if (ev->op == SBX_OP_CONNECT || ev->op == SBX_OP_BIND)
		sbx_net_decider(p, &written_facts,
				ev->op == SBX_OP_BIND ? SBX_DIR_BIND : SBX_DIR_CONNECT, ev->family,
				ev->addr, ev->proto == IPPROTO_UDP ? SBX_PROTO_UDP : SBX_PROTO_TCP,
				ev->port, &granted, &self);
	else
		sbx_files_decider(p, &written_facts, ev->path, ev->path_len, right_of[ev->op],
				  &granted);
	return granted;
}

/* The fragment, included after the policy, compiles and allows what was denied. */
static void check_closed(const struct run *r, const char *files, const char *network,
			 const char *fragment)
{
	struct sbx_policy *p = NULL;
	struct sbx_compiled c;
	struct sbx_diags d = {0};
	const char *add_files = strstr(fragment, "files:\n"),
		   *add_net = strstr(fragment, "network:\n");
	size_t n_files = add_net ? (size_t)(add_net - add_files) : 0;
	char *text;
	size_t i;

	/* lists of one name are one list */
	assert_true(asprintf(&text, "%s%.*s%s%s", files,
			     (int)(add_files ? (add_net ? n_files - 7 : strlen(add_files) - 7) : 0),
			     add_files ? add_files + 7 : "", network,
			     add_net ? add_net + 9 : "") > 0);
	if (try_written(text, &p, &d) || sbx_compile(p, &written_facts, &c, &d)) {
		sbx_diags_print(&d, stderr);
		fail_msg("refused:\n%s", text);
	}
	for (i = 0; i < r->n; i++)
		if (!allows(p, &r->v[i]))
			fail_msg("%.*s is still denied by:\n%s", (int)r->v[i].path_len,
				 r->v[i].path, text);
	sbx_compiled_free(&c);
	sbx_diags_free(&d);
	sbx_policy_free(p);
	free(text);
}

static int begin(void **state)
{
	static struct run r;

	r.v = calloc(MAX, sizeof(*r.v));
	r.n = 0;
	*state = &r;
	return r.v ? 0 : -1;
}

static int end(void **state)
{
	free(((struct run *)*state)->v);
	return 0;
}

static const char base[] = "files:\n  - allow: [read]\n    path: \"~/known\"\n";

static void expect(const struct run *r, const char *policy, const char *wanted)
{
	struct sbx_policy *p = written(policy);
	char *got = suggest(r, p);

	assert_string_equal(got, wanted);
	free(got);
	sbx_policy_free(p);
}

static void test_nothing(void **state)
{
	struct run *r = *state;

	expect(r, base, "# Nothing is missing that a rule could allow in box.\n");
	file(r, SBX_OP_READ, "/home/u/known"); /* allowed since */
	expect(r, base, "# Nothing is missing that a rule could allow in box.\n");
}

static void test_files(void **state)
{
	struct run *r = *state;

	file(r, SBX_OP_READ, "/srv/b");
	file(r, SBX_OP_READ, "/srv/a/4");
	file(r, SBX_OP_READ, "/srv/a/1");
	file(r, SBX_OP_READ, "/srv/a/3");
	file(r, SBX_OP_READ, "/srv/a/2");
	file(r, SBX_OP_READ, "/srv/b");
	file(r, SBX_OP_WRITE, "/srv/b");
	file(r, SBX_OP_EXEC, "/home/u/x");
	expect(r, base,
	       "# 8 times something was missing in box. Every line below widens the policy: keep "
	       "those you mean.\n"
	       "files:\n"
	       "  - allow: [read]\n"
	       "    path:\n"
	       "      - \"/srv/a/*\" # 4 times, 4 names\n"
	       "  - allow: [read, write]\n"
	       "    path:\n"
	       "      - \"/srv/b\" # 3 times\n"
	       "  - allow: [exec]\n"
	       "    path:\n"
	       "      - \"~/x\" # once\n");
}

static void test_deep(void **state)
{
	struct run *r = *state;
	char *got;
	struct sbx_policy *p = written(base);

	file(r, SBX_OP_READ, "/usr/lib/a/1");
	file(r, SBX_OP_READ, "/usr/lib/b/1");
	file(r, SBX_OP_READ, "/usr/lib/c/d/1");
	file(r, SBX_OP_READ, "/usr/lib/d/1");
	file(r, SBX_OP_READ, "/usr/lib");
	file(r, SBX_OP_READ, "/opt/a/1");
	file(r, SBX_OP_READ, "/opt/b/1");
	file(r, SBX_OP_READ, "/opt/c/1"); /* three are not enough */
	got = suggest(r, p);
	assert_non_null(strstr(got, "      - \"/opt/a/1\" # once\n"
				    "      - \"/opt/b/1\" # once\n"
				    "      - \"/opt/c/1\" # once\n"
				    "      - \"/usr/lib/**\" # 5 times, 5 names\n"));
	free(got);
	sbx_policy_free(p);
}

/* Homes, the root, the kernel's file systems and single levels never become globs. */
static void test_never_wide(void **state)
{
	static const char *const dirs[] = {"",	    "/home",	  "/home/u", "/home/v",
					   "/root", "/proc/self", "/sys/a",  "/dev",
					   "/etc",  "/tmp",	  "/var"};
	struct run *r = *state;
	struct sbx_policy *p = written(base);
	size_t i, k;
	char *got;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		for (k = 0; k < 5; k++) {
			char path[64];

			snprintf(path, sizeof(path), "%s/f%zu", dirs[i], k);
			file(r, SBX_OP_READ, path);
		}
	got = suggest(r, p);
	assert_null(strchr(got, '*'));
	free(got);
	sbx_policy_free(p);
}

static void test_denied(void **state)
{
	static const char policy[] =
		"files:\n  - deny: [read]\n    path: [\"/srv/a/2\", \"/run/x/**\"]\n";
	struct run *r = *state;

	file(r, SBX_OP_READ, "/srv/a/1");
	file(r, SBX_OP_READ, "/srv/a/2");
	file(r, SBX_OP_READ, "/srv/a/3");
	file(r, SBX_OP_READ, "/srv/a/4");
	file(r, SBX_OP_READ, "/srv/a/5"); /* a glob would reopen the deny of 2 */
	expect(r, policy,
	       "# 5 times something was missing in box. Every line below widens the policy: keep "
	       "those you mean.\n"
	       "files:\n"
	       "  - allow: [read]\n"
	       "    path:\n"
	       "      - \"/srv/a/1\" # once\n"
	       "      - \"/srv/a/3\" # once\n"
	       "      - \"/srv/a/4\" # once\n"
	       "      - \"/srv/a/5\" # once\n"
	       "  - allow: [read]\n"
	       "    override: true # these were denied by rules: look twice\n"
	       "    path:\n"
	       "      - \"/srv/a/2\" # once\n");
}

static void test_sockets(void **state)
{
	static const char policy[] = "unix:\n  - deny: [connect]\n    path: \"@bad\"\n";
	struct run *r = *state;

	file(r, SBX_OP_UNIX_CONNECT, "/run/a/1");
	file(r, SBX_OP_UNIX_CONNECT, "/run/a/2");
	file(r, SBX_OP_UNIX_CONNECT, "/run/a/3");
	file(r, SBX_OP_UNIX_CONNECT, "/run/a/4");
	file(r, SBX_OP_UNIX_CONNECT, "@good");
	file(r, SBX_OP_UNIX_CONNECT, "@bad");
	expect(r, policy,
	       "# 6 times something was missing in box. Every line below widens the policy: keep "
	       "those you mean.\n"
	       "unix:\n"
	       "  - allow: [connect]\n"
	       "    path:\n"
	       "      - \"/run/a/1\" # once\n"
	       "      - \"/run/a/2\" # once\n"
	       "      - \"/run/a/3\" # once\n"
	       "      - \"/run/a/4\" # once\n"
	       "      - \"@good\" # once\n"
	       "  - allow: [connect]\n"
	       "    override: true # these were denied by rules: look twice\n"
	       "    path:\n"
	       "      - \"@bad\" # once\n");
}

static void test_network(void **state)
{
	struct run *r = *state;

	peer(r, SBX_OP_CONNECT, "192.0.2.1", 443, IPPROTO_TCP);
	peer(r, SBX_OP_CONNECT, "192.0.2.1", 80, IPPROTO_TCP);
	peer(r, SBX_OP_CONNECT, "192.0.2.1", 81, IPPROTO_TCP);
	peer(r, SBX_OP_CONNECT, "192.0.2.1", 443, IPPROTO_TCP);
	peer(r, SBX_OP_CONNECT, "192.0.2.1", 53, IPPROTO_UDP);
	peer(r, SBX_OP_CONNECT, "2001:db8::1", 22, IPPROTO_TCP);
	peer(r, SBX_OP_BIND, "127.0.0.1", 0, IPPROTO_TCP);
	expect(r, base,
	       "# 7 times something was missing in box. Every line below widens the policy: keep "
	       "those you mean.\n"
	       "network:\n"
	       "  - allow: [connect]\n"
	       "    to:\n"
	       "      - \"192.0.2.1:80-81,443/tcp\" # 4 times\n"
	       "      - \"192.0.2.1:53/udp\" # once\n"
	       "      - \"[2001:db8::1]:22/tcp\" # once\n"
	       "  - allow: [bind]\n"
	       "    to:\n"
	       "      - \"127.0.0.1:0/tcp\" # once\n");
}

static void test_rest(void **state)
{
	static const char policy[] = "files:\n  - protect: [read]\n    path: \"~/.ssh/**\"\n";
	struct run *r = *state;
	struct sbx_event *ev;

	file(r, SBX_OP_READ, "/home/u/.ssh/id");
	add(r, SBX_OP_MOUNT, SBX_WHY_NOT_IN_SANDBOX);
	add(r, SBX_OP_MOUNT, SBX_WHY_NOT_IN_SANDBOX)->count = 4;
	add(r, SBX_OP_CAPABILITY, SBX_WHY_POLICY)->detail = 13;
	add(r, SBX_OP_CAPABILITY, SBX_WHY_POLICY)->detail = 10;
	add(r, SBX_OP_EXEC, SBX_WHY_ANONYMOUS_EXEC);
	ev = add(r, SBX_OP_SOCKET, SBX_WHY_FAMILY);
	ev->family = AF_NETLINK;
	expect(r, policy,
	       "# 4 times something was missing in box. Every line below widens the policy: keep "
	       "those you mean.\n"
	       "families: [netlink-route]\n"
	       "exec-anonymous: allow\n"
	       "capabilities: [cap_net_bind_service, cap_net_raw]\n"
	       "# No rule at the end of the policy can allow these:\n"
	       "#   mount, unmount or change mounts: this is not allowed in a sandbox (5 times)\n"
	       "#   read /home/u/.ssh/id: p.yaml:3  protect [read] \"~/.ssh/**\": add "
	       "\"~/.ssh/id\" "
	       "to the `except:` of that rule; then it needs an allow (once)\n");
}

/* --- the property --------------------------------------------------------------------------------
 */

static void random_path(char *path, size_t size)
{
	static const char *const tops[] = {"/usr", "/home/u", "/srv", "/etc", "/home/u/.x", "/run"};
	static const char *const names[] = {"a",  "b",	"c",  "d", "e",	    "f",	"g*",
					    "h[", "i?", "j ", "k", "l\"\\", "\xc3\xa9", "\xff"};
	size_t depth = pick(4), i;

	snprintf(path, size, "%s", tops[pick(6)]);
	for (i = 0; i < depth; i++) {
		strncat(path, "/", size - strlen(path) - 1);
		strncat(path, names[pick(14)], size - strlen(path) - 1);
	}
}

static void test_property(void **state)
{
	static const char files[] =
		"files:\n  - allow: [read]\n    path: [\"/usr/a/**\", \"~/known\"]\n"
		"  - deny: [read, write]\n    path: [\"/srv/a/**\", \"/var/run/b\"]\n"
		"  - deny: [exec]\n    path: \"/**/e\"\n";
	static const char network[] = "network:\n  - deny: [connect]\n    to: \"10.0.0.0/8\"\n";
	static const unsigned ops[] = {SBX_OP_READ, SBX_OP_WRITE, SBX_OP_EXEC};
	struct run *r = *state;
	char *text, *got, path[200], addr[20];
	struct sbx_policy *p;
	size_t round, i, n;

	assert_true(asprintf(&text, "%s%s", files, network) > 0);
	p = written(text);
	for (round = 0; round < 150; round++) {
		random_seed(round);
		r->n = 0;
		for (i = 0, n = pick(MAX - 40); i < n; i++) {
			random_path(path, sizeof(path));
			file(r, ops[pick(3)], path);
			if (allows(p, &r->v[r->n - 1]))
				r->n--;
		}
		for (i = 0, n = pick(40); i < n; i++) {
			snprintf(addr, sizeof(addr), "%u.0.0.%u", 9 + pick(2), pick(4));
			peer(r, pick(2) ? SBX_OP_CONNECT : SBX_OP_BIND, addr, pick(6),
			     pick(2) ? IPPROTO_TCP : IPPROTO_UDP);
		}
		got = suggest(r, p);
		check_closed(r, files, network, got);
		free(got);
	}
	sbx_policy_free(p);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing, begin, end),
		cmocka_unit_test_setup_teardown(test_files, begin, end),
		cmocka_unit_test_setup_teardown(test_deep, begin, end),
		cmocka_unit_test_setup_teardown(test_never_wide, begin, end),
		cmocka_unit_test_setup_teardown(test_denied, begin, end),
		cmocka_unit_test_setup_teardown(test_sockets, begin, end),
		cmocka_unit_test_setup_teardown(test_network, begin, end),
		cmocka_unit_test_setup_teardown(test_rest, begin, end),
		cmocka_unit_test_setup_teardown(test_property, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
