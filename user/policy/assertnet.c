// SPDX-License-Identifier: MIT
/*
 * Assertions about peers. Addresses fall into intervals in which neither the policy's tables nor
 * the assertion tells one from another, and so do ports: one of each is tried, which is as good as
 * all. IPv4 addresses mapped into IPv6 are judged as IPv4.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "user/policy/assertion.h"
#include "user/policy/netset.h"
#include "user/policy/rulestr.h"

#define MAPPED ((sbx_u128)0xffff00000000) /* ::ffff:0:0, and as many addresses as IPv4 has */

struct asked {
	const struct sbx_subject *s;
	const struct sbx_net_rule *r;
	const struct sbx_endpoint *to; /* those of the rule, or one of them */
	size_t n_to;
	int dir;
	/* found */
	int family;
	uint8_t addr[16];
	uint32_t key;
};

static int by_lo(const void *a, const void *b)
{
	const struct sbx_span *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

/* --- edges: the beginnings of intervals --- */

static int add_edge(struct sbx_spans *out, sbx_u128 at)
{
	return sbx_spans_add(out, at, at);
}

/* Where the span begins, and what comes behind it. */
static int add_edges(struct sbx_spans *out, sbx_u128 lo, sbx_u128 hi, sbx_u128 max)
{
	int rc = add_edge(out, lo);

	return rc || hi >= max ? rc : add_edge(out, hi + 1);
}

static int address_edges(const struct asked *q, const struct sbx_endpoint *e, size_t n, int family,
			 struct sbx_spans *out)
{
	struct sbx_spans spans = {0};
	size_t i;
	int rc = 0;

	for (i = 0; i < n && !rc; i++)
		rc = sbx_endpoint_spans(&e[i], q->s->facts, q->dir, family, &spans);
	for (i = 0; i < spans.n && !rc; i++)
		rc = add_edges(out, spans.v[i].lo, spans.v[i].hi, sbx_addr_max(family));
	sbx_spans_free(&spans);
	return rc;
}

static int port_edges(const struct asked *q, const struct sbx_endpoint *e, size_t n,
		      struct sbx_spans *out)
{
	struct sbx_keys *keys = NULL;
	size_t i, k, m;
	int rc = 0;

	for (i = 0; i < n && !rc; i++) {
		rc = sbx_endpoint_keys(&e[i], q->s->facts, q->dir, &keys, &m);
		for (k = 0; !rc && k < m; k++)
			rc = add_edges(out, keys[k].lo, keys[k].hi, SBX_KEY_MAX);
		free(keys);
		keys = NULL;
	}
	return rc;
}

/* --- one peer --- */

static bool matches(const struct asked *q, const struct sbx_endpoint *e, size_t n,
		    const uint8_t *addr, uint32_t key)
{
	return sbx_endpoints_find(e, n, q->s->facts, q->dir, q->family, addr, key >> 16,
				  key & 0xffff) != NULL;
}

static bool holds(const struct asked *q, const uint8_t *addr, uint32_t key)
{
	uint32_t verdict =
		sbx_image_net(q->s->image, q->dir, q->family, addr, key >> 16, key & 0xffff);

	if (!matches(q, q->to, q->n_to, addr, key) ||
	    matches(q, q->r->except, q->r->n_except, addr, key))
		return true;
	/* what is allowed while somebody listens is not always, and not never */
	return q->r->verb == SBX_NEVER ? !(verdict & (SBX_PORT_ALLOW | SBX_PORT_SELF))
				       : !!(verdict & SBX_PORT_ALLOW);
}

/* 1: found in q; 0, -ENOMEM. ports: the edges that the assertion makes, sorted. */
static int try_ports(struct asked *q, const uint8_t *addr, const struct sbx_spans *ports)
{
	const struct sbx_port *v;
	size_t i, n = 0;

	for (i = 0; i < ports->n; i++) {
		q->key = (uint32_t)ports->v[i].lo;
		if (!holds(q, addr, q->key))
			return 1;
	}
	if (!sbx_image_net_ports(q->s->image, q->dir, q->family, addr, &v, &n))
		n = 0;
	for (i = 0; i < n; i++) {
		q->key = v[i].start;
		if (!holds(q, addr, q->key))
			return 1;
	}
	return 0;
}

/* Addresses that are judged under another name, which is tried as well. */
static bool judged_elsewhere(const struct asked *q, sbx_u128 at)
{
	if (q->family == AF_INET6 && at >= MAPPED && at <= MAPPED + 0xffffffffu)
		return true;
	return q->dir == SBX_DIR_CONNECT && !at;
}

static int try_addresses(struct asked *q, const struct sbx_spans *addrs,
			 const struct sbx_spans *ports)
{
	size_t i;

	for (i = 0; i < addrs->n; i++) {
		if ((i && addrs->v[i].lo == addrs->v[i - 1].lo) ||
		    judged_elsewhere(q, addrs->v[i].lo))
			continue;
		sbx_addr_bytes(q->family, addrs->v[i].lo, q->addr);
		if (try_ports(q, q->addr, ports))
			return 1;
	}
	return 0;
}

/* 1: found in q; 0, -ENOMEM. */
static int find_peer(struct asked *q)
{
	static const int families[] = {AF_INET, AF_INET6};
	const struct sbx_net_rule *r = q->r;
	struct sbx_spans addrs = {0}, ports = {0};
	int rc = port_edges(q, q->to, q->n_to, &ports), f;

	if (!rc)
		rc = port_edges(q, r->except, r->n_except, &ports);
	qsort(ports.v, ports.n, sizeof(*ports.v), by_lo);
	for (f = 0; f < 2 && !rc; f++) {
		q->family = families[f];
		addrs.n = 0;
		rc = sbx_image_net_edges(q->s->image, q->dir, q->family, &addrs);
		if (!rc)
			rc = address_edges(q, q->to, q->n_to, q->family, &addrs);
		if (!rc)
			rc = address_edges(q, r->except, r->n_except, q->family, &addrs);
		/* behind those that are judged elsewhere */
		if (!rc)
			rc = add_edge(&addrs, 1);
		if (!rc && q->family == AF_INET6)
			rc = add_edge(&addrs, MAPPED + 0x100000000);
		qsort(addrs.v, addrs.n, sizeof(*addrs.v), by_lo);
		if (!rc)
			rc = try_addresses(q, &addrs, &ports);
	}
	sbx_spans_free(&addrs);
	sbx_spans_free(&ports);
	return rc;
}

/* --- what is said --- */

static char *peer_text(const struct asked *q)
{
	struct sbx_text t;
	char *s = NULL;

	if (sbx_text_begin(&t))
		return NULL;
	sbx_put_peer(t.out, q->family, q->addr, q->key >> 16, q->key & 0xffff);
	sbx_text_end(&t, &s);
	return s;
}

static int report_peer(const struct asked *q, struct sbx_findings *out)
{
	const struct sbx_policy *p = q->s->policy;
	struct sbx_finding *f = sbx_findings_add(out, SBX_REFUTED, q->to->pos,
						 sbx_net_rule_text(q->r, q->to), q->r->reason);
	bool granted, self;
	int rule;

	if (!f)
		return -ENOMEM;
	f->example = peer_text(q);
	f->rights = strdup(q->dir == SBX_DIR_BIND ? "bind" : "connect");
	rule = sbx_net_decider(p, q->s->facts, q->dir, q->family, q->addr, q->key >> 16,
			       q->key & 0xffff, &granted, &self);
	if (rule >= 0) {
		f->rule_at = sbx_pos_text(p->net[rule].pos);
		f->rule_text = sbx_net_rule_text(
			&p->net[rule],
			sbx_endpoints_find(p->net[rule].to, p->net[rule].n_to, q->s->facts, q->dir,
					   q->family, q->addr, q->key >> 16, q->key & 0xffff));
	}
	return f->example && f->rights ? 0 : -ENOMEM;
}

/* Those of its peers for which the assertion does not hold, each with an example. */
static int try_direction(const struct asked *all, struct sbx_findings *out)
{
	const struct sbx_net_rule *r = all->r;
	struct asked q = *all;
	size_t i;
	int rc = find_peer(&q);

	if (rc <= 0)
		return rc;
	for (i = 0, rc = 0; i < r->n_to && rc >= 0; i++) {
		q = *all;
		q.to = &r->to[i];
		q.n_to = 1;
		rc = find_peer(&q);
		if (rc > 0)
			rc = report_peer(&q, out);
	}
	return rc;
}

int sbx_assert_net(const struct sbx_subject *s, const struct sbx_net_rule *r,
		   struct sbx_findings *out)
{
	struct asked q = {.s = s, .r = r, .to = r->to, .n_to = r->n_to};
	size_t before = out->n;
	int rc = 0;

	for (q.dir = 0; q.dir < SBX_DIRS && !rc; q.dir++)
		if (r->rights & 1u << q.dir)
			rc = try_direction(&q, out);
	if (!rc && out->n == before &&
	    !sbx_findings_add(out, SBX_PROVED, r->pos, sbx_net_rule_text(r, NULL), r->reason))
		rc = -ENOMEM;
	return rc;
}
