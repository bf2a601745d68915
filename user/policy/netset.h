/* SPDX-License-Identifier: MIT */
/* Network rules flattened into the interval tables of sbx_image.h. */
#ifndef SBX_NETSET_H
#define SBX_NETSET_H

#include "user/policy/automaton.h"
#include "user/policy/netspan.h"

/*
 * Compiles p->net into img (hdr->net[]), for connect and bind. Domains match nothing
 * here (domains.h). `localhost` covers 127.0.0.0/8 and
 * ::1 (0.0.0.0 and :: are turned into them before matching); `internet` as in design 1.5, with
 * facts->own. Port 0 of a bind rule means "the kernel picks". An allow that reopens an earlier deny
 * without override is an error, as for files. Returns 0, -EINVAL (d says why), -ENOMEM.
 */
int sbx_netset_compile(const struct sbx_policy *p, const struct sbx_facts *facts,
		       struct sbx_image *img, struct sbx_diags *d);

/* Verdict word (SBX_PORT_*) from the image, exactly as the kernel finds it. addr: network order;
 * dir SBX_DIR_*; proto SBX_PROTO_*. IPv4-mapped IPv6 is looked up as IPv4. */
uint32_t sbx_image_net(const struct sbx_image *img, int dir, int family, const uint8_t *addr,
		       int proto, uint16_t port);

/* Where verdicts change: the first addresses of all intervals. 0 or -ENOMEM. */
int sbx_image_net_edges(const struct sbx_image *img, int dir, int family, struct sbx_spans *out);
/* The verdicts on an address that was canonicalised, by port key; false: there are none. */
bool sbx_image_net_ports(const struct sbx_image *img, int dir, int family, const uint8_t *addr,
			 const struct sbx_port **ports, size_t *n);

/* The naive reference: rule index or -1, *granted the verdict. *self: what decides is `self`, which
 * grants it only while a process of the sandbox listens there; *granted is false then. */
int sbx_net_decider(const struct sbx_policy *p, const struct sbx_facts *facts, int dir, int family,
		    const uint8_t *addr, int proto, uint16_t port, bool *granted, bool *self);

#endif
