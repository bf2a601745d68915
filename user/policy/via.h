/* SPDX-License-Identifier: MIT */
/*
 * A proxy: `- via: "proxy.example.org:3128"` in `network:` (design 1.5).
 *
 * It is a rule on its address and port that nothing reopens, like a protect: no connect reaches it,
 * whatever other rules say. The kernel sends connects to it to the relay of sbx-bpfd, which lets
 * CONNECT and plain requests pass to what the other rules allow: names that they list, and
 * addresses as for a connect. `internet` says nothing of names here: the proxy looks them up, and
 * may find addresses that `internet` leaves out.
 */
#ifndef SBX_VIA_H
#define SBX_VIA_H

#include "user/policy/netspan.h"

/* NULL: there is none. A policy has one at most. */
const struct sbx_net_rule *sbx_policy_via(const struct sbx_policy *p);
/* The port keys are SBX_KEY(SBX_PROTO_TCP, its port). */
uint32_t sbx_via_key(const struct sbx_net_rule *via);

/* Is it the name of the policy's proxy? */
bool sbx_via_named(const struct sbx_policy *p, const char *name);
/* May the proxy's name lead to this address? Not to this host's own nor a neighbour's: what listens
 * here does so at many addresses, and is written `localhost`. */
bool sbx_via_at(const struct sbx_facts *facts, int family, const uint8_t *addr);

/* What a request asks for. */
struct sbx_via_target {
	char name[SBX_DOMAIN_LEN]; /* lower case; "": an address */
	int family;
	uint8_t addr[16];
	uint16_t port;
};

/*
 * "example.org", "192.0.2.1", "[2001:db8::1]", len bytes of it. False: neither a name nor an
 * address, or one that resolvers may read in several ways ("127.1", "0x7f000001", "a..b").
 */
bool sbx_via_host(const char *text, size_t len, struct sbx_via_target *out);

enum sbx_via_say {
	SBX_VIA_DENIED,
	SBX_VIA_ALLOWED,
	SBX_VIA_WILD,	/* allowed, by wildcards alone */
	SBX_VIA_UNSURE, /* `internet` alone would allow it */
};

/* *rule: the rule that decided, or -1; may be NULL. 0 or -ENOMEM. */
int sbx_via_judge(const struct sbx_policy *p, const struct sbx_facts *facts,
		  const struct sbx_via_target *t, enum sbx_via_say *say, int *rule);

/* Ways past the relay: -EINVAL when there are any. */
int sbx_via_check(const struct sbx_policy *p, const struct sbx_facts *facts, struct sbx_diags *d);

#endif
