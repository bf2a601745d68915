// SPDX-License-Identifier: MIT
/* Who decides on a peer: in the finished tables as the kernel looks, and by trying every rule. */
#include <string.h>
#include <sys/socket.h>
#include "user/policy/netset.h"

static const void *section(const struct sbx_image *img, const struct sbx_sect *s)
{
	return img->data + (size_t)s->chunk * SBX_CHUNK_BYTES + s->off;
}

/* The last record that starts at or before the address; false: there is none. */
static bool find4(const struct sbx_image *img, const struct sbx_sect *s, uint32_t addr,
		  uint32_t *pset)
{
	const struct sbx_net4 *v = section(img, s);
	uint32_t lo = 0, hi = s->count;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (v[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return false;
	*pset = v[lo - 1].pset;
	return true;
}

static bool find6(const struct sbx_image *img, const struct sbx_sect *s, uint64_t hi64,
		  uint64_t lo64, uint32_t *pset)
{
	const struct sbx_net6 *v = section(img, s);
	uint32_t lo = 0, hi = s->count;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (v[mid].hi < hi64 || (v[mid].hi == hi64 && v[mid].lo <= lo64))
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return false;
	*pset = v[lo - 1].pset;
	return true;
}

static bool find_address(const struct sbx_image *img, const struct sbx_net_dir *dir, int family,
			 const uint8_t *addr, uint32_t *pset)
{
	sbx_u128 x = sbx_addr_number(family, addr);
	bool found = false;
	int i;

	if (family == AF_INET)
		return find4(img, &dir->v4, (uint32_t)x, pset);
	for (i = 0; i < SBX_NET6_SECTS; i++)
		found |= find6(img, &dir->v6[i], (uint64_t)(x >> 64), (uint64_t)x, pset);
	return found;
}

int sbx_image_net_edges(const struct sbx_image *img, int dir, int family, struct sbx_spans *out)
{
	const struct sbx_net_dir *d = &sbx_image_hdr(img)->net[dir];
	const struct sbx_net4 *v4 = section(img, &d->v4);
	int rc = 0, k;
	uint32_t i;

	for (i = 0; family == AF_INET && i < d->v4.count && !rc; i++)
		rc = sbx_spans_add(out, v4[i].start, v4[i].start);
	for (k = 0; family == AF_INET6 && k < SBX_NET6_SECTS; k++) {
		const struct sbx_net6 *v6 = section(img, &d->v6[k]);

		for (i = 0; i < d->v6[k].count && !rc; i++) {
			sbx_u128 start = (sbx_u128)v6[i].hi << 64 | v6[i].lo;

			rc = sbx_spans_add(out, start, start);
		}
	}
	return rc;
}

bool sbx_image_net_ports(const struct sbx_image *img, int dir, int family, const uint8_t *addr,
			 const struct sbx_port **ports, size_t *n)
{
	const struct sbx_net_dir *d = &sbx_image_hdr(img)->net[dir];
	const struct sbx_pset *set;
	uint32_t pset;

	if (!find_address(img, d, family, addr, &pset) || pset >= d->psets.count)
		return false;
	set = (const struct sbx_pset *)section(img, &d->psets) + pset;
	*ports = (const struct sbx_port *)section(img, &d->ports) + set->first;
	*n = set->count;
	return true;
}

uint32_t sbx_image_net(const struct sbx_image *img, int dir, int family, const uint8_t *addr,
		       int proto, uint16_t port)
{
	uint32_t key = SBX_KEY(proto, port);
	const struct sbx_port *p;
	size_t lo = 0, hi;
	uint8_t a[16];

	family = sbx_addr_canonical(dir, family, addr, a);
	if (!sbx_image_net_ports(img, dir, family, a, &p, &hi))
		return 0;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (p[mid].start <= key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? p[lo - 1].verdict : 0;
}

/* Is one of them met? `self` only counts where it is asked for. */
static bool any_matches(const struct sbx_endpoint *v, size_t n, const struct sbx_facts *facts,
			int dir, int family, const uint8_t *addr, int proto, uint16_t port,
			bool self)
{
	size_t i;

	for (i = 0; i < n; i++)
		if ((v[i].kind == SBX_HOST_SELF) == self &&
		    sbx_endpoint_matches(&v[i], facts, dir, family, addr, proto, port))
			return true;
	return false;
}

int sbx_net_decider(const struct sbx_policy *p, const struct sbx_facts *facts, int dir, int family,
		    const uint8_t *addr, int proto, uint16_t port, bool *granted, bool *self)
{
	int last = -1, protect = -1;
	bool by_self = false;
	size_t i;

	for (i = 0; i < p->n_net; i++) {
		const struct sbx_net_rule *r = &p->net[i];
		bool other;

		if (!(r->rights & (1u << dir)))
			continue;
		other = any_matches(r->to, r->n_to, facts, dir, family, addr, proto, port, false);
		if (!other &&
		    !any_matches(r->to, r->n_to, facts, dir, family, addr, proto, port, true))
			continue;
		if (r->verb == SBX_PROTECT) {
			if (!any_matches(r->except, r->n_except, facts, dir, family, addr, proto,
					 port, false) &&
			    !any_matches(r->except, r->n_except, facts, dir, family, addr, proto,
					 port, true))
				protect = i;
		} else if (other || last < 0 || p->net[last].verb != SBX_ALLOW || by_self) {
			last = i; /* `self` takes nothing away from an allow */
			by_self = !other;
		}
	}
	if (protect >= 0) {
		last = protect;
		by_self = false;
	}
	*granted = last >= 0 && p->net[last].verb == SBX_ALLOW && !by_self;
	*self = last >= 0 && p->net[last].verb == SBX_ALLOW && by_self;
	return last;
}
