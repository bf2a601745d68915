// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/netflat.h"

/* A section lies in one chunk. */
#define MAX_PORTS (SBX_CHUNK_BYTES / sizeof(struct sbx_port))
#define MAX_PSETS (SBX_CHUNK_BYTES / sizeof(struct sbx_pset))

static int reserve(struct sbx_portmap *m, size_t n)
{
	struct sbx_port_seg *v;
	size_t room = m->room ? m->room : 16;

	if (n <= m->room)
		return 0;
	while (room < n)
		room *= 2;
	v = reallocarray(m->v, room, sizeof(*v));
	if (!v)
		return -ENOMEM;
	m->v = v;
	m->room = room;
	return 0;
}

void sbx_portmap_free(struct sbx_portmap *m)
{
	free(m->v);
	*m = (struct sbx_portmap){0};
}

int sbx_portmap_clear(struct sbx_portmap *m)
{
	if (reserve(m, 1))
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
	if (reserve(m, m->n + 2))
		return -ENOMEM;
	from = split(m, k.lo);
	to = k.hi < SBX_KEY_MAX ? split(m, k.hi + 1) : m->n;
	m->v[from].rule = rule;
	memmove(m->v + from + 1, m->v + to, (m->n - to) * sizeof(*m->v));
	m->n -= to - from - 1;
	return 0;
}

static uint32_t verdict(const struct sbx_flat *f, int rule)
{
	const struct sbx_net_rule *r;
	uint32_t word = 0;

	if (rule < 0)
		return 0;
	r = &f->policy->net[rule];
	if (r->verb == SBX_ALLOW)
		word |= SBX_PORT_ALLOW;
	else if (r->quiet)
		word |= SBX_PORT_QUIET;
	if (f->numbered)
		word |= (uint32_t)(rule + 1) << SBX_PORT_RULE_SHIFT;
	return word;
}

static int table_room(void **v, size_t *room, size_t need, size_t size)
{
	size_t n = *room ? *room : 64;
	void *bigger;

	if (need <= *room)
		return 0;
	while (n < need)
		n *= 2;
	bigger = reallocarray(*v, n, size);
	if (!bigger)
		return -ENOMEM;
	*v = bigger;
	*room = n;
	return 0;
}

static uint64_t hash_ports(const struct sbx_port *p, size_t n)
{
	uint64_t h = 0x9e3779b97f4a7c15ull;
	size_t i;

	for (i = 0; i < n; i++) {
		h = (h ^ ((uint64_t)p[i].start << 32 | p[i].verdict)) * 0xff51afd7ed558ccdull;
		h ^= h >> 31;
	}
	return h;
}

static int rehash(struct sbx_net_table *t)
{
	size_t size = t->hash_size ? t->hash_size * 2 : 256, i, at;
	uint32_t *hash = calloc(size, sizeof(*hash));

	if (!hash)
		return -ENOMEM;
	for (i = 0; i < t->n_psets; i++) {
		at = hash_ports(t->ports + t->psets[i].first, t->psets[i].count) & (size - 1);
		while (hash[at])
			at = (at + 1) & (size - 1);
		hash[at] = i + 1;
	}
	free(t->hash);
	t->hash = hash;
	t->hash_size = size;
	return 0;
}

/* Looks for the ports just appended at t->n_ports; keeps them only if they are new. */
static int intern(struct sbx_flat *f, size_t n, uint32_t *pset)
{
	struct sbx_net_table *t = f->out;
	const struct sbx_port *p = t->ports + t->n_ports;
	size_t at;

	if ((t->n_psets + 1) * 2 > t->hash_size && rehash(t))
		return -ENOMEM;
	at = hash_ports(p, n) & (t->hash_size - 1);
	for (; t->hash[at]; at = (at + 1) & (t->hash_size - 1)) {
		const struct sbx_pset *s = &t->psets[t->hash[at] - 1];

		if (s->count == n && !memcmp(t->ports + s->first, p, n * sizeof(*p))) {
			*pset = t->hash[at] - 1;
			return 0;
		}
	}
	f->full = t->n_psets >= MAX_PSETS ? "port sets" : "port ranges";
	if (t->n_psets >= MAX_PSETS || t->n_ports + n > MAX_PORTS)
		return -E2BIG;
	if (table_room((void **)&t->psets, &t->room_psets, t->n_psets + 1, sizeof(*t->psets)))
		return -ENOMEM;
	t->psets[t->n_psets] = (struct sbx_pset){t->n_ports, n};
	t->n_ports += n;
	t->hash[at] = t->n_psets + 1;
	*pset = t->n_psets++;
	return 0;
}

int sbx_portmap_intern(const struct sbx_portmap *m, struct sbx_flat *f, uint32_t *pset)
{
	struct sbx_net_table *t = f->out;
	struct sbx_port *p;
	size_t i, n = 0;

	if (table_room((void **)&t->ports, &t->room_ports, t->n_ports + m->n, sizeof(*t->ports)))
		return -ENOMEM;
	p = t->ports + t->n_ports;
	for (i = 0; i < m->n; i++) {
		uint32_t word = verdict(f, m->v[i].rule);

		if (!n || p[n - 1].verdict != word)
			p[n++] = (struct sbx_port){m->v[i].start, word};
	}
	return intern(f, n, pset);
}

void sbx_net_table_free(struct sbx_net_table *t)
{
	free(t->v4);
	free(t->v6);
	free(t->psets);
	free(t->ports);
	free(t->hash);
	*t = (struct sbx_net_table){0};
}
