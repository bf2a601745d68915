/* SPDX-License-Identifier: MIT */
/*
 * Endpoints as numbers: spans of addresses and of port keys. Addresses of both families are
 * 128-bit numbers (IPv4 uses the low 32 bits), so that one piece of code flattens both.
 */
#ifndef SBX_NETSPAN_H
#define SBX_NETSPAN_H

#include "user/policy/facts.h"
#include "user/policy/policy.h"

typedef unsigned __int128 sbx_u128;

struct sbx_span {
	sbx_u128 lo, hi; /* inclusive */
};

struct sbx_spans {
	struct sbx_span *v;
	size_t n, room;
};

/* A range of keys: SBX_PROTO_x << 16 | port, inclusive. */
struct sbx_keys {
	uint32_t lo, hi;
};

#define SBX_KEY_MAX	     0x1ffffu
#define SBX_KEY(proto, port) ((uint32_t)(proto) << 16 | (port))

int sbx_spans_add(struct sbx_spans *s, sbx_u128 lo, sbx_u128 hi);
void sbx_spans_free(struct sbx_spans *s);

sbx_u128 sbx_addr_number(int family, const uint8_t *addr);
void sbx_addr_bytes(int family, sbx_u128 number, uint8_t *addr);
sbx_u128 sbx_addr_max(int family);

/*
 * The address that is judged in place of the one given: IPv4-mapped IPv6 is IPv4, and a connect to
 * 0.0.0.0 or :: is a connect to the loopback address, as the kernel makes it. Returns the family.
 */
int sbx_addr_canonical(int dir, int family, const uint8_t *in, uint8_t *out);

/* Is the address left out of `internet` on every host: private, link-local, metadata, and so on?
 * IPv4-mapped ones are special as a whole: sbx_addr_canonical() comes first. */
bool sbx_addr_special(int family, const uint8_t *addr);

/* Appends the addresses of `family` that the endpoint names. 0 or -ENOMEM. Unordered. */
int sbx_endpoint_spans(const struct sbx_endpoint *e, const struct sbx_facts *facts, int dir,
		       int family, struct sbx_spans *out);

/* The port keys of the endpoint, at most 2 * (n_ports + 3) of them, into a new array in *out. */
int sbx_endpoint_keys(const struct sbx_endpoint *e, const struct sbx_facts *facts, int dir,
		      struct sbx_keys **out, size_t *n);

/* The same two questions for one address and one port, answered without spans. */
bool sbx_endpoint_matches(const struct sbx_endpoint *e, const struct sbx_facts *facts, int dir,
			  int family, const uint8_t *addr, int proto, uint16_t port);

/* The address alone, at whatever port. addr: canonical. */
bool sbx_endpoint_covers(const struct sbx_endpoint *e, const struct sbx_facts *facts, int dir,
			 int family, const uint8_t *addr);

/* A domain: matches no address by itself (domains.h). */
bool sbx_endpoint_is_name(const struct sbx_endpoint *e);

/* The first that matches; NULL: none. */
const struct sbx_endpoint *sbx_endpoints_find(const struct sbx_endpoint *v, size_t n,
					      const struct sbx_facts *facts, int dir, int family,
					      const uint8_t *addr, int proto, uint16_t port);

#endif
