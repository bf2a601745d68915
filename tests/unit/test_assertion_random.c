// SPDX-License-Identifier: MIT
/*
 * Random assertions about random policies against a naive reference: what is refuted is wrong on
 * the path or for the peer that is named, as every rule by itself says; what is proved holds for
 * all that are tried. SBX_SEED=n repeats or varies a run.
 */
#include <arpa/inet.h>
#include "tests/unit/smallpaths.h"
#include "user/policy/assertion.h"
#include "user/policy/netset.h"
#include "user/policy/pattern.h"

#define POLICIES     300
#define NET_POLICIES 200
#define ASSERTIONS   17 /* of each */

static size_t refuted, proved;

/* --- files --- */

static void random_policy(struct kit *k)
{
	static const char *const verbs[] = {"allow override", "allow override", "deny", "protect"};
	static const char *const rights[] = {"r", "w", "rw", "rwx", "rx"};
	char text[256], from[64] = "", to[64] = "";
	size_t i;

	for (i = 2 + pick(5); i > 0; i--) {
		size_t verb = pick(4);

		sprintf(text, "%s %s ", verbs[verb], rights[pick(5)]);
		append_pattern(text, 1 + pick(3));
		if (verb == 3 && pick(2)) {
			strcat(text, " ! ");
			append_pattern(text, 1 + pick(3));
		}
		kit_rule(k, text);
	}
	if (pick(3))
		return;
	append_name(from, 1 + pick(2));
	append_name(to, pick(3));
	if (strcmp(from, to))
		kit_alias(k, from, to);
}

/* As filerules.h writes rules; the verb is set by hand. */
static void random_assertion(struct kit *k)
{
	static const char *const rights[] = {"r", "w", "x", "rw", "rwx", "wx"};
	enum sbx_verb verb = SBX_NEVER + pick(3);
	char text[256];
	size_t i;

	sprintf(text, "allow %s ", verb == SBX_NEVER_BOTH ? "wx" : rights[pick(6)]);
	for (i = 1 + pick(2); i > 0; i--) {
		append_pattern(text, pick(8) ? 1 + pick(3) : 1);
		strcat(text, " ");
	}
	if (pick(3) == 0) {
		strcat(text, "! ");
		append_pattern(text, 1 + pick(3));
	}
	if (text[strlen(text) - 1] == ' ')
		text[strlen(text) - 1] = 0;
	kit_rule(k, text);
	k->p.files[k->p.n_files - 1].verb = verb;
}

static bool below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && (!path[n] || path[n] == '/');
}

static bool matches(const struct sbx_pattern *v, size_t n, const struct sbx_facts *f,
		    const char *path)
{
	return sbx_patterns_find(v, n, f, path, strlen(path)) != NULL;
}

/* The rights of the assertion that do not hold on this path. */
static uint8_t wrong_on(const struct sbx_file_rule *r, const struct sbx_facts *f, const char *path,
			uint8_t rights)
{
	if (!matches(r->paths, r->n_paths, f, path) || matches(r->except, r->n_except, f, path))
		return 0;
	if (r->verb == SBX_NEVER)
		return rights & r->rights;
	if (r->verb == SBX_NEVER_BOTH)
		return (rights & r->rights) == r->rights ? r->rights : 0;
	return f->n_aliases && below(path, f->aliases[0].from) ? 0 : r->rights & ~rights;
}

static void check_refuted(const struct kit *k, const struct sbx_file_rule *r,
			  const struct sbx_finding *f)
{
	const char *path = strcmp(f->example, "/") ? f->example : "";
	uint8_t wrong = wrong_on(r, &k->f, path, rights_of(k, &k->f, path));
	char names[32] = "";

	if (wrong & SBX_READ && strstr(f->rights, "read"))
		return;
	if (wrong & SBX_WRITE && strstr(f->rights, "write"))
		return;
	if (wrong & SBX_EXEC && strstr(f->rights, "exec"))
		return;
	snprintf(names, sizeof(names), "%d", wrong);
	fail_msg("%s: %s of %s, but %s", f->text, f->rights, f->example, names);
}

/* The rights that are told are all that can be found wrong. */
static void check_proved(const struct sbx_file_rule *r, const struct kit *k,
			 const struct sbx_findings *all, size_t first, const uint8_t *rights)
{
	uint8_t left = r->rights;
	char path[64];
	size_t i;

	for (i = first; i < all->n; i++) {
		left &= strstr(all->v[i].text, "both") ? 0 : left;
		left &= all->v[i].rights && strstr(all->v[i].rights, "read") ? ~SBX_READ : left;
		left &= all->v[i].rights && strstr(all->v[i].rights, "write") ? ~SBX_WRITE : left;
		left &= all->v[i].rights && strstr(all->v[i].rights, "exec") ? ~SBX_EXEC : left;
	}
	for (i = 0; i < PATHS; i++) {
		nth_path(path, i);
		if (wrong_on(r, &k->f, path, rights[i]) & left)
			fail_msg("%s of %s: not noticed", all->v[first].text, path);
	}
}

static void try_files(void)
{
	struct kit k = {0}, a = {0};
	uint8_t rights[PATHS];
	struct sbx_subject s = {&k.p, &k.f, &k.img};
	struct sbx_findings all = {0};
	struct sbx_diags d = {0};
	char path[64];
	size_t i, n;

	random_policy(&k);
	assert_int_equal(kit_compile(&k), 0);
	for (i = 0; i < PATHS; i++) {
		nth_path(path, i);
		rights[i] = rights_of(&k, &k.f, path);
	}
	for (i = 0; i < ASSERTIONS; i++)
		random_assertion(&a);
	for (i = 0; i < ASSERTIONS; i++) {
		struct sbx_policy one = {.files = &a.p.files[i], .n_files = 1};
		size_t first = all.n;

		assert_int_equal(sbx_assertions_prove(&s, &one, &k.f, &all, &d), 0);
		assert_true(all.n > first);
		for (n = first; n < all.n; n++)
			if (all.v[n].outcome == SBX_REFUTED)
				check_refuted(&k, &a.p.files[i], &all.v[n]);
		check_proved(&a.p.files[i], &k, &all, first, rights);
		refuted += all.v[first].outcome == SBX_REFUTED;
		proved += all.v[first].outcome == SBX_PROVED;
	}
	assert_int_equal(all.count[SBX_UNPROVED], 0);
	sbx_findings_free(&all);
	sbx_diags_free(&d);
	kit_free(&k);
	kit_free(&a);
}

static void files_agree(void **state)
{
	size_t i;

	refuted = proved = 0;
	for (i = 0; i < POLICIES; i++)
		try_files();
	print_message("note: %d assertions about files, %zu proved, %zu refuted\n",
		      POLICIES * ASSERTIONS, proved, refuted);
	assert_int_equal(proved + refuted, POLICIES * ASSERTIONS);
	assert_true(proved > POLICIES && refuted > POLICIES);
}

/* --- peers --- */

static const char *const hosts[] = {"10.0.0.0/30",	 "10.0.0.4/30",	 "10.0.0.2",  "10.0.0.5",
				    "10.0.0.0/29",	 "127.0.0.1",	 "0.0.0.0",   "localhost",
				    "[::ffff:10.0.0.2]", "[fd00::/127]", "[fd00::1]", "any"};

static void endpoint(struct sbx_endpoint *e, char *source, struct sbx_port_range *ports)
{
	const char *host = hosts[pick(sizeof(hosts) / sizeof(*hosts))];
	char text[64];
	const char *slash = strchr(host, '/');

	strcpy(source, host);
	*e = (struct sbx_endpoint){.source = source, .protos = 1 + pick(3)};
	if (!strcmp(host, "any") || !strcmp(host, "localhost")) {
		e->kind = *host == 'a' ? SBX_HOST_ANY : SBX_HOST_LOCALHOST;
	} else {
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(host + (*host == '['), "]/"),
			 host + (*host == '['));
		e->family = strchr(text, ':') ? AF_INET6 : AF_INET;
		assert_int_equal(inet_pton(e->family, text, e->addr), 1);
		e->prefix_len = slash ? atoi(slash + 1) : e->family == AF_INET ? 32 : 128;
	}
	if (pick(3)) {
		ports->first = pick(5);
		ports->last = ports->first + pick(3);
		e->ports = ports;
		e->n_ports = 1;
	}
}

#define RULES 5

struct net {
	struct sbx_net_rule rules[RULES + 1];
	struct sbx_endpoint to[RULES + 1][3];
	char source[RULES + 1][3][32];
	struct sbx_port_range ports[RULES + 1][3];
};

static void random_net_rule(struct net *w, size_t i, enum sbx_verb verb)
{
	size_t n = 1 + pick(2), k;
	bool except = (verb >= SBX_PROTECT) && pick(2);

	for (k = 0; k < 3; k++)
		endpoint(&w->to[i][k], w->source[i][k], &w->ports[i][k]);
	w->rules[i] =
		(struct sbx_net_rule){.verb = verb,
				      .override = verb == SBX_ALLOW,
				      .rights = verb >= SBX_NEVER ? 1u << pick(2) : 1 + pick(3),
				      .to = w->to[i],
				      .n_to = n,
				      .except = except ? &w->to[i][2] : NULL,
				      .n_except = except};
}

static bool one_of(const struct sbx_endpoint *v, size_t n, int dir, int family, const uint8_t *addr,
		   int proto, uint16_t port)
{
	while (n-- > 0)
		if (sbx_endpoint_matches(&v[n], &(struct sbx_facts){0}, dir, family, addr, proto,
					 port))
			return true;
	return false;
}

static bool holds(const struct sbx_policy *p, const struct sbx_net_rule *r, int dir,
		  const char *host, int proto, uint16_t port)
{
	int family = strchr(host, ':') ? AF_INET6 : AF_INET;
	bool granted, self;
	uint8_t addr[16];

	assert_int_equal(inet_pton(family, host, addr), 1);
	if (!one_of(r->to, r->n_to, dir, family, addr, proto, port) ||
	    one_of(r->except, r->n_except, dir, family, addr, proto, port))
		return true;
	sbx_net_decider(p, &(struct sbx_facts){0}, dir, family, addr, proto, port, &granted, &self);
	return granted == (r->verb == SBX_ALWAYS);
}

/* "[fd00::1]:3/udp" */
static void check_peer(const struct sbx_policy *p, const struct sbx_net_rule *r, int dir,
		       const struct sbx_finding *f)
{
	char host[64], *colon;

	snprintf(host, sizeof(host), "%s", f->example + (*f->example == '['));
	colon = strrchr(host, ':');
	assert_non_null(colon);
	*colon++ = 0;
	if (*f->example == '[')
		host[strlen(host) - 1] = 0;
	if (holds(p, r, dir, host, strstr(colon, "udp") ? SBX_PROTO_UDP : SBX_PROTO_TCP,
		  atoi(colon)))
		fail_msg("%s of %s: it does hold", f->text, f->example);
}

static const char *const tried[] = {
	"10.0.0.0", "10.0.0.1", "10.0.0.2",  "10.0.0.3", "10.0.0.4",  "10.0.0.5",	 "10.0.0.7",
	"10.0.0.8", "8.8.8.8",	"127.0.0.1", "0.0.0.0",	 "127.0.0.2", "::ffff:10.0.0.2", "fd00::",
	"fd00::1",  "fd00::2",	"::1",	     "::",	 "2000::1"};

static bool found_wrong(const struct sbx_policy *p, const struct sbx_net_rule *r, int dir)
{
	size_t i, port, proto;

	for (i = 0; i < sizeof(tried) / sizeof(*tried); i++)
		for (port = 0; port < 9; port++)
			for (proto = 0; proto < 2; proto++)
				if (!holds(p, r, dir, tried[i], proto, port))
					return true;
	return false;
}

static void try_net(void)
{
	static const struct sbx_facts none;
	static const enum sbx_verb verbs[] = {SBX_ALLOW, SBX_ALLOW, SBX_DENY, SBX_PROTECT};
	struct net w;
	struct sbx_policy p = {.file = "t.yaml", .net = w.rules, .n_net = 1 + pick(RULES)};
	struct sbx_policy asserted = {.net = &w.rules[RULES], .n_net = 1};
	struct sbx_image img = {0};
	struct sbx_subject s = {&p, &none, &img};
	struct sbx_diags d = {0};
	size_t i, n;

	for (i = 0; i < p.n_net; i++)
		random_net_rule(&w, i, verbs[pick(4)]);
	assert_int_equal(sbx_automaton_compile(&p, &none, &img, NULL, &d), 0);
	assert_int_equal(sbx_netset_compile(&p, &none, &img, &d), 0);
	for (i = 0; i < ASSERTIONS; i++) {
		struct sbx_findings all = {0};
		int dir;

		random_net_rule(&w, RULES, SBX_NEVER + pick(2));
		dir = w.rules[RULES].rights == SBX_NET_BIND;
		assert_int_equal(sbx_assertions_prove(&s, &asserted, &none, &all, &d), 0);
		for (n = 0; n < all.n; n++)
			if (all.v[n].outcome == SBX_REFUTED)
				check_peer(&p, &w.rules[RULES], dir, &all.v[n]);
		if (all.v[0].outcome == SBX_PROVED && found_wrong(&p, &w.rules[RULES], dir))
			fail_msg("%s: not noticed", all.v[0].text);
		refuted += all.v[0].outcome == SBX_REFUTED;
		proved += all.v[0].outcome == SBX_PROVED;
		sbx_findings_free(&all);
	}
	sbx_diags_free(&d);
	free(img.data);
}

static void peers_agree(void **state)
{
	size_t i;

	refuted = proved = 0;
	for (i = 0; i < NET_POLICIES; i++)
		try_net();
	print_message("note: %d assertions about peers, %zu proved, %zu refuted\n",
		      NET_POLICIES * ASSERTIONS, proved, refuted);
	assert_int_equal(proved + refuted, NET_POLICIES * ASSERTIONS);
	assert_true(proved > NET_POLICIES && refuted > NET_POLICIES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_agree),
		cmocka_unit_test(peers_agree),
	};

	random_start(20250914);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
