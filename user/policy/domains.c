// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "user/policy/domains.h"
#include "user/policy/netset.h"
#include "user/policy/rulestr.h"
#include "user/policy/via.h"

bool sbx_policy_names(const struct sbx_policy *p)
{
	size_t i, k;

	for (i = 0; i < p->n_net; i++) {
		if (p->net[i].via)
			return true;
		for (k = 0; k < p->net[i].n_to; k++)
			if (sbx_endpoint_is_name(&p->net[i].to[k]))
				return true;
		for (k = 0; k < p->net[i].n_except; k++)
			if (sbx_endpoint_is_name(&p->net[i].except[k]))
				return true;
	}
	return false;
}

/* Is `name` below `domain`? */
static bool is_below(const char *name, const char *domain)
{
	size_t n = strlen(name), d = strlen(domain);

	return n > d + 1 && name[n - d - 1] == '.' && !strcmp(name + n - d, domain);
}

static bool names(const struct sbx_endpoint *e, const char *name)
{
	if (!sbx_endpoint_is_name(e))
		return false;
	return e->wildcard ? is_below(name, e->domain) : !strcmp(name, e->domain);
}

const struct sbx_endpoint *sbx_domain_endpoint(const struct sbx_net_rule *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->n_to; i++)
		if (names(&r->to[i], name))
			return &r->to[i];
	return NULL;
}

/* --- other views of a policy --------------------------------------------------------------------
 */

/* Every port but those of resolvers. */
static struct sbx_port_range rest[] = {{0, 52}, {54, 852}, {854, 65535}};

/* What becomes of an endpoint of a rule with that verb: 0, it is left out. */
typedef bool (*choose_fn)(struct sbx_endpoint *e, enum sbx_verb verb, const void *arg);

static size_t choose_all(struct sbx_policy_view *v, const struct sbx_endpoint *e, size_t n,
			 enum sbx_verb verb, choose_fn choose, const void *arg)
{
	size_t i, before = v->n_endpoints;

	for (i = 0; i < n; i++) {
		struct sbx_endpoint *out = &v->endpoints[v->n_endpoints];

		*out = e[i];
		if (!choose(out, verb, arg))
			continue;
		v->n_endpoints++;
		if (sbx_endpoint_is_name(&e[i]) && verb == SBX_ALLOW && !out->n_ports &&
		    !out->ephemeral) {
			out->ports = rest;
			out->n_ports = sizeof(rest) / sizeof(*rest);
		}
	}
	return v->n_endpoints - before;
}

/* The policy's network rules with other endpoints. 0 or -ENOMEM. */
static int view_make(const struct sbx_policy *p, choose_fn choose, const void *arg,
		     struct sbx_policy_view *v)
{
	size_t i, total = 1;

	*v = (struct sbx_policy_view){.p = *p};
	for (i = 0; i < p->n_net; i++)
		total += p->net[i].n_to + p->net[i].n_except;
	v->p.net = calloc(p->n_net + 1, sizeof(*v->p.net));
	v->endpoints = calloc(total, sizeof(*v->endpoints));
	if (!v->p.net || !v->endpoints) {
		sbx_policy_view_free(v);
		return -ENOMEM;
	}
	for (i = 0; i < p->n_net; i++) {
		const struct sbx_net_rule *from = &p->net[i];
		struct sbx_net_rule *r = &v->p.net[i];

		*r = *from;
		r->to = v->endpoints + v->n_endpoints;
		r->n_to = choose_all(v, from->to, from->n_to, r->verb, choose, arg);
		r->except = v->endpoints + v->n_endpoints;
		r->n_except = choose_all(v, from->except, from->n_except, SBX_ALLOW, choose, arg);
	}
	return 0;
}

void sbx_policy_view_free(struct sbx_policy_view *v)
{
	free(v->p.net);
	free(v->endpoints);
	*v = (struct sbx_policy_view){0};
}

/* A name at one address, and there the rules on addresses, too (facts). */
struct place {
	const char *name;
	const struct sbx_facts *facts; /* NULL: the name alone */
	int family;
	const uint8_t *addr;
};

static bool at_place(struct sbx_endpoint *e, enum sbx_verb verb, const void *arg)
{
	const struct place *at = arg;

	if (!names(e, at->name))
		return at->facts &&
		       sbx_endpoint_covers(e, at->facts, SBX_DIR_CONNECT, at->family, at->addr);
	e->kind = SBX_HOST_CIDR;
	e->family = at->family;
	e->prefix_len = at->family == AF_INET ? 32 : 128;
	memcpy(e->addr, at->addr, at->family == AF_INET ? 4 : 16);
	return true;
}

static bool speaks_of_all(struct sbx_endpoint *e, enum sbx_verb verb, const void *arg)
{
	return e->kind == SBX_HOST_INTERNET || e->kind == SBX_HOST_ANY;
}

static bool anywhere(struct sbx_endpoint *e, enum sbx_verb verb, const void *arg)
{
	const struct sbx_policy *p = arg;

	/* where there is a proxy, it says where a name leads */
	if (sbx_endpoint_is_name(e))
		e->kind = sbx_policy_via(p) ? SBX_HOST_ANY : SBX_HOST_INTERNET;
	return true;
}

int sbx_names_anywhere(const struct sbx_policy *p, struct sbx_policy_view *v)
{
	struct sbx_net_rule *r;
	int rc = view_make(p, anywhere, p, v);
	size_t i, k;

	for (i = 0; !rc && i < v->p.n_net; i++) {
		r = &v->p.net[i];
		r->override = true;
		/* a name that is denied denies no address, nor is one that of a named proxy */
		for (k = 0; k < p->net[i].n_to && r->verb != SBX_ALLOW; k++)
			if (sbx_endpoint_is_name(&p->net[i].to[k])) {
				r->to[k].protos = 0;
				r->via = false;
			}
	}
	return rc;
}

/* --- its ports -----------------------------------------------------------------------------------
 */

struct bounds {
	uint32_t *v; /* where something may change: the first key of each run */
	size_t n;
};

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int add_bounds(struct bounds *b, const struct sbx_endpoint *e, const struct sbx_facts *facts)
{
	struct sbx_keys *k = NULL;
	size_t n = 0, i;
	uint32_t *more;
	int rc = sbx_endpoint_keys(e, facts, SBX_DIR_CONNECT, &k, &n);

	if (rc)
		return rc;
	more = reallocarray(b->v, b->n + 2 * n + 1, sizeof(*more));
	if (!more) {
		free(k);
		return -ENOMEM;
	}
	b->v = more;
	for (i = 0; i < n; i++) {
		b->v[b->n++] = k[i].lo;
		b->v[b->n++] = k[i].hi + 1;
	}
	free(k);
	return 0;
}

/* Sorted, each once, the first 0 and the last SBX_KEY_MAX + 1. */
static int find_bounds(const struct sbx_policy_view *v, const struct sbx_facts *facts,
		       struct bounds *b)
{
	size_t i, n = 0;
	int rc = 0;

	b->v = calloc(2, sizeof(*b->v));
	if (!b->v)
		return -ENOMEM;
	b->v[b->n++] = 0;
	for (i = 0; i < v->n_endpoints && !rc; i++)
		rc = add_bounds(b, &v->endpoints[i], facts);
	if (rc)
		return rc;
	b->v[b->n++] = SBX_KEY_MAX + 1; /* add_bounds leaves room for it, and calloc did */
	qsort(b->v, b->n, sizeof(*b->v), by_number);
	for (i = 0; i < b->n; i++)
		if (b->v[i] <= SBX_KEY_MAX + 1 && (!n || b->v[i] != b->v[n - 1]))
			b->v[n++] = b->v[i];
	b->n = n;
	return 0;
}

typedef void (*run_fn)(struct sbx_keys run, int rule, bool granted, void *arg);

/* Calls fn for runs of ports that one and the same rule decides. */
static int each_run(const struct sbx_policy_view *v, const struct sbx_facts *facts, int family,
		    const uint8_t *addr, run_fn fn, void *arg)
{
	struct bounds b = {0};
	int rc = find_bounds(v, facts, &b), rule;
	bool granted, self;
	size_t i;

	for (i = 0; !rc && i + 1 < b.n; i++) {
		rule = sbx_net_decider(&v->p, facts, SBX_DIR_CONNECT, family, addr, b.v[i] >> 16,
				       (uint16_t)b.v[i], &granted, &self);
		fn((struct sbx_keys){b.v[i], b.v[i + 1] - 1}, rule, granted, arg);
	}
	free(b.v);
	return rc;
}

static void add_open(struct sbx_keys run, int rule, bool granted, void *arg)
{
	struct sbx_domain_ports *out = arg;

	if (!granted)
		return;
	if (out->n && out->v[out->n - 1].hi + 1 == run.lo)
		out->v[out->n - 1].hi = run.hi;
	else if (out->n < SBX_NAME_PORTS)
		out->v[out->n++] = run;
	else
		out->cut = true;
}

int sbx_domain_open(const struct sbx_policy *p, const struct sbx_facts *facts, const char *name,
		    int family, const uint8_t *addr, struct sbx_domain_ports *out)
{
	uint8_t judged[16];
	struct place at = {.name = name, .facts = facts, .addr = judged};
	struct sbx_policy_view v;
	int rc;

	*out = (struct sbx_domain_ports){0};
	at.family = sbx_addr_canonical(SBX_DIR_CONNECT, family, addr, judged);
	rc = view_make(p, at_place, &at, &v);
	if (rc)
		return rc;
	rc = each_run(&v, facts, at.family, judged, add_open, out);
	sbx_policy_view_free(&v);
	if (sbx_via_named(p, name) && sbx_via_at(facts, at.family, judged))
		out->via = sbx_via_key(sbx_policy_via(p));
	return rc;
}

/* --- the name alone ------------------------------------------------------------------------------
 */

static const struct sbx_facts nothing;
static const uint8_t somewhere[4] = {93, 184, 216, 34}; /* of the internet */

static void note_open(struct sbx_keys run, int rule, bool granted, void *arg)
{
	bool *open = arg;

	if (granted && (uint16_t)run.lo != 53 && (uint16_t)run.lo != 853)
		*open = true;
}

int sbx_policy_opens_internet(const struct sbx_policy *p, bool *open)
{
	struct sbx_policy_view v;
	int rc = view_make(p, speaks_of_all, NULL, &v);

	*open = false;
	if (rc)
		return rc;
	rc = each_run(&v, &nothing, AF_INET, somewhere, note_open, open);
	sbx_policy_view_free(&v);
	return rc;
}

struct judgement {
	bool granted;
	int rule; /* that granted; else that denied; -1: none */
};

static void judge_run(struct sbx_keys run, int rule, bool granted, void *arg)
{
	struct judgement *j = arg;

	if (rule < 0 || (j->granted && !granted))
		return;
	j->granted = granted;
	j->rule = rule;
}

static bool by_wildcards(const struct sbx_policy *p, const char *name)
{
	bool found = false;
	size_t i, k;

	for (i = 0; i < p->n_net; i++)
		for (k = 0; p->net[i].verb == SBX_ALLOW && k < p->net[i].n_to; k++) {
			if (!names(&p->net[i].to[k], name))
				continue;
			if (!p->net[i].to[k].wildcard)
				return false;
			found = true;
		}
	return found;
}

int sbx_domain_judge(const struct sbx_policy *p, const char *name, enum sbx_domain_say *say,
		     int *rule)
{
	struct place at = {.name = name, .family = AF_INET, .addr = somewhere};
	struct judgement j = {.rule = -1};
	struct sbx_policy_view v;
	bool open = false;
	int rc;

	if (sbx_via_named(p, name)) {
		*say = SBX_DOMAIN_ALLOWED;
		if (rule)
			*rule = (int)(sbx_policy_via(p) - p->net);
		return 0;
	}
	rc = view_make(p, at_place, &at, &v);
	if (rc)
		return rc;
	rc = each_run(&v, &nothing, AF_INET, somewhere, judge_run, &j);
	sbx_policy_view_free(&v);
	if (!rc && j.rule < 0)
		rc = sbx_policy_opens_internet(p, &open);
	if (j.rule < 0)
		*say = open ? SBX_DOMAIN_FREE : SBX_DOMAIN_UNLISTED;
	else if (!j.granted)
		*say = SBX_DOMAIN_DENIED;
	else
		*say = by_wildcards(p, name) ? SBX_DOMAIN_WILD : SBX_DOMAIN_ALLOWED;
	if (rule)
		*rule = j.rule;
	return rc;
}

static bool at_name(struct sbx_endpoint *e, enum sbx_verb verb, const void *arg)
{
	const struct place *at = arg;

	return speaks_of_all(e, verb, arg) || (sbx_endpoint_is_name(e) && at_place(e, verb, at));
}

/* A proxy finds other addresses than `internet` means, so that this opens nothing there. */
static bool at_proxy(struct sbx_endpoint *e, enum sbx_verb verb, const void *arg)
{
	return (e->kind != SBX_HOST_INTERNET || verb != SBX_ALLOW) && at_name(e, verb, arg);
}

static int decide(const struct sbx_policy *p, const struct sbx_facts *facts, choose_fn choose,
		  const char *name, int proto, uint16_t port, int *rule, bool *granted)
{
	struct place at = {.name = name, .family = AF_INET, .addr = somewhere};
	struct sbx_policy_view v;
	bool self;
	int rc = view_make(p, choose, &at, &v);

	if (rc)
		return rc;
	*rule = sbx_net_decider(&v.p, facts, SBX_DIR_CONNECT, AF_INET, somewhere, proto, port,
				granted, &self);
	sbx_policy_view_free(&v);
	return 0;
}

int sbx_domain_decider(const struct sbx_policy *p, const struct sbx_facts *facts, const char *name,
		       int proto, uint16_t port, int *rule, bool *granted)
{
	return decide(p, facts, at_name, name, proto, port, rule, granted);
}

int sbx_domain_proxied(const struct sbx_policy *p, const struct sbx_facts *facts, const char *name,
		       uint16_t port, int *rule, bool *granted, bool *wild)
{
	*wild = by_wildcards(p, name);
	return decide(p, facts, at_proxy, name, SBX_PROTO_TCP, port, rule, granted);
}

bool sbx_policy_lists(const struct sbx_policy *p, const struct sbx_facts *facts, int family,
		      const uint8_t *addr)
{
	uint8_t judged[16];
	size_t i, k;

	family = sbx_addr_canonical(SBX_DIR_CONNECT, family, addr, judged);
	for (i = 0; i < p->n_net; i++) {
		const struct sbx_net_rule *r = &p->net[i];

		if (r->verb != SBX_ALLOW || !(r->rights & SBX_NET_CONNECT))
			continue;
		for (k = 0; k < r->n_to; k++)
			if (r->to[k].kind != SBX_HOST_SELF &&
			    sbx_endpoint_covers(&r->to[k], facts, SBX_DIR_CONNECT, family, judged))
				return true;
	}
	return false;
}

/* --- checks --------------------------------------------------------------------------------------
 */

static bool names_meet(const struct sbx_endpoint *a, const struct sbx_endpoint *b)
{
	if (!a->wildcard)
		return names(b, a->domain);
	if (!b->wildcard)
		return names(a, b->domain);
	return !strcmp(a->domain, b->domain) || is_below(a->domain, b->domain) ||
	       is_below(b->domain, a->domain);
}

static bool ports_meet(const struct sbx_endpoint *a, const struct sbx_endpoint *b)
{
	size_t i, k;

	if (!(a->protos & b->protos))
		return false;
	if ((!a->n_ports && !a->ephemeral) || (!b->n_ports && !b->ephemeral) ||
	    (a->ephemeral && b->ephemeral))
		return true;
	for (i = 0; i < a->n_ports; i++)
		for (k = 0; k < b->n_ports; k++)
			if (a->ports[i].first <= b->ports[k].last &&
			    b->ports[k].first <= a->ports[i].last)
				return true;
	return false;
}

/* The endpoint of r that meets e; NULL: none does. */
static const struct sbx_endpoint *meeting(const struct sbx_net_rule *r,
					  const struct sbx_endpoint *e)
{
	size_t i;

	for (i = 0; i < r->n_to; i++)
		if (sbx_endpoint_is_name(&r->to[i]) && names_meet(&r->to[i], e) &&
		    ports_meet(&r->to[i], e))
			return &r->to[i];
	return NULL;
}

static void report_reopened(const struct sbx_endpoint *e, const struct sbx_net_rule *deny,
			    const struct sbx_endpoint *denied, struct sbx_diags *d)
{
	char *text = sbx_net_rule_text(deny, denied), *at = sbx_pos_text(deny->pos);

	sbx_diag_add(
		d, SBX_ERROR, e->pos,
		"write \"override: true\" in this rule if that is meant, or narrow one of the two",
		"this allow reopens an earlier deny (%s; %s%s%s)", e->source, at ? at : "",
		at ? ": " : "", text ? text : "deny");
	free(text);
	free(at);
}

static bool reopens(const struct sbx_policy *p, size_t rule, const struct sbx_endpoint *e,
		    struct sbx_diags *d)
{
	const struct sbx_endpoint *denied;
	size_t i;

	for (i = 0; i < rule; i++) {
		if (p->net[i].verb != SBX_DENY)
			continue;
		denied = meeting(&p->net[i], e);
		if (!denied)
			continue;
		report_reopened(e, &p->net[i], denied, d);
		return true;
	}
	return false;
}

int sbx_domains_check(const struct sbx_policy *p, struct sbx_diags *d)
{
	bool bad = false;
	size_t i, k;

	for (i = 0; i < p->n_net; i++) {
		const struct sbx_net_rule *r = &p->net[i];

		for (k = 0; r->verb == SBX_ALLOW && !r->override && k < r->n_to; k++)
			if (sbx_endpoint_is_name(&r->to[k]))
				bad |= reopens(p, i, &r->to[k], d);
	}
	return bad ? -EINVAL : 0;
}
