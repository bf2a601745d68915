// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/netflat.h"

/* A section lies in one chunk. */
#define MAX_PORTS (SBX_CHUNK_BYTES / sizeof(struct sbx_port))
#define MAX_PSETS (SBX_CHUNK_BYTES / sizeof(struct sbx_pset))

void sbx_portmap_free(struct sbx_portmap *m)
{
	free(m->v);
	*m = (struct sbx_portmap){0};
}

int sbx_portmap_clear(struct sbx_portmap *m)
{
	if (sbx_grow(&m->v, &m->room, 1, sizeof(*m->v)))
		return -ENOMEM;
	m->v[0] = (struct sbx_port_seg){0, SBX_NO_RULE};
	m->n = 1;
	return 0;
}

size_t sbx_portmap_find(const struct sbx_portmap *m, uint32_t key)
{
	size_t lo = 0, hi = m->n;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->v[mid].start <= key)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* Makes a segment begin at `key`; returns its index. There must be room for one more. */
static size_t split(struct sbx_portmap *m, uint32_t key)
{
	size_t i = sbx_portmap_find(m, key);

	if (m->v[i].start == key)
		return i;
	memmove(m->v + i + 2, m->v + i + 1, (m->n - i - 1) * sizeof(*m->v));
	m->v[i + 1] = (struct sbx_port_seg){key, m->v[i].rule};
	m->n++;
	return i + 1;
}

int sbx_portmap_set(struct sbx_portmap *m, struct sbx_keys k, int rule)
{
	size_t from, to;

	if (k.lo > k.hi)
		return 0;
	if (sbx_grow(&m->v, &m->room, m->n + 2, sizeof(*m->v)))
		return -ENOMEM;
	from = split(m, k.lo);
	to = k.hi < SBX_KEY_MAX ? split(m, k.hi + 1) : m->n;
	m->v[from].rule = rule;
	memmove(m->v + from + 1, m->v + to, (m->n - to) * sizeof(*m->v));
	m->n -= to - from - 1;
	return 0;
}

static uint32_t verdict(const struct sbx_flat *f, int by)
{
	const struct sbx_net_rule *r;
	int rule = SBX_RULE_OF(by);
	uint32_t word = 0;

	if (rule < 0)
		return 0;
	r = &f->policy->net[rule];
	if (r->verb == SBX_ALLOW)
		word |= by & SBX_BY_SELF ? SBX_PORT_SELF : SBX_PORT_ALLOW;
	else if (r->quiet)
		word |= SBX_PORT_QUIET;
	if (r->via)
		word |= SBX_PORT_VIA;
	if (f->numbered)
		word |= (uint32_t)(rule + 1) << SBX_PORT_RULE_SHIFT;
	return word;
}

int sbx_portmap_intern(const struct sbx_portmap *m, struct sbx_flat *f, uint32_t *pset)
{
	struct sbx_net_table *t = f->out;
	struct sbx_port *p;
	size_t i, n = 0;
	int rc;

	/* written behind those that are in use, kept only if the set is new */
	if (sbx_grow(&t->ports, &t->room_ports, t->n_ports + m->n, sizeof(*t->ports)) ||
	    sbx_grow(&t->psets, &t->room_psets, t->n_psets + 1, sizeof(*t->psets)))
		return -ENOMEM;
	p = t->ports + t->n_ports;
	for (i = 0; i < m->n; i++) {
		uint32_t word = verdict(f, m->v[i].rule);

		if (!n || p[n - 1].verdict != word)
			p[n++] = (struct sbx_port){m->v[i].start, word};
	}
	rc = sbx_intern_add(&t->known, p, n * sizeof(*p), pset);
	if (rc <= 0)
		return rc;
	f->full = t->n_psets >= MAX_PSETS ? "port sets" : "port ranges";
	if (t->n_psets >= MAX_PSETS || t->n_ports + n > MAX_PORTS)
		return -E2BIG;
	t->psets[t->n_psets++] = (struct sbx_pset){t->n_ports, n};
	t->n_ports += n;
	return 0;
}

void sbx_net_table_free(struct sbx_net_table *t)
{
	free(t->v4);
	free(t->v6);
	free(t->psets);
	free(t->ports);
	sbx_intern_free(&t->known);
	*t = (struct sbx_net_table){0};
}
