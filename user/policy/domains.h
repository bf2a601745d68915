/* SPDX-License-Identifier: MIT */
/*
 * What a policy says of domain names (design 1.5). A name is no address: the forwarder resolves
 * those that a rule allows, and what they resolve to is opened for the ports of these rules.
 *
 * For one name at one address all rules are asked as if the name's endpoints were that address: the
 * last match wins, across names and addresses. So a later deny or a protect of the address holds.
 */
#ifndef SBX_DOMAINS_H
#define SBX_DOMAINS_H

#include "user/policy/netspan.h"

/* Do rules of the policy speak of names? Then its DNS goes through the forwarder. */
bool sbx_policy_names(const struct sbx_policy *p);

enum sbx_domain_say {
	SBX_DOMAIN_UNLISTED, /* no rule names it */
	SBX_DOMAIN_DENIED,   /* rules name it, and deny it at every port */
	SBX_DOMAIN_ALLOWED,
	SBX_DOMAIN_WILD, /* allowed, by wildcards alone */
	SBX_DOMAIN_FREE, /* no rule names it, but sbx_policy_opens_internet() */
};

/* name: lower case, without the last dot. *rule: the rule that decided last, or -1; may be NULL.
 * 0 or -ENOMEM. */
int sbx_domain_judge(const struct sbx_policy *p, const char *name, enum sbx_domain_say *say,
		     int *rule);

/* Is all of the internet open at some port, but for those of resolvers (53, 853)? 0 or -ENOMEM. */
int sbx_policy_opens_internet(const struct sbx_policy *p, bool *open);

/* A policy whose network rules have other endpoints; the rest is the original's. */
struct sbx_policy_view {
	struct sbx_policy p;
	struct sbx_endpoint *endpoints;
	size_t n_endpoints;
};

/* As if every allowed name could lead to every address of the internet: what the policy opens at
 * most, whatever name servers say. 0 or -ENOMEM. */
int sbx_names_anywhere(const struct sbx_policy *p, struct sbx_policy_view *v);
void sbx_policy_view_free(struct sbx_policy_view *v);

struct sbx_domain_ports {
	struct sbx_keys v[SBX_NAME_PORTS];
	size_t n;
	bool cut;     /* there were more: they stay closed */
	uint32_t via; /* the key of the port that leads to the relay, as it is the proxy's; 0: none
		       */
};

/*
 * What the name opens at this address (network order). Where a rule names no ports, those of
 * resolvers (53, 853) stay closed: they would be a way around the forwarder. 0 or -ENOMEM.
 */
int sbx_domain_open(const struct sbx_policy *p, const struct sbx_facts *facts, const char *name,
		    int family, const uint8_t *addr, struct sbx_domain_ports *out);

/* The rule that decides on connecting to a port of an address of the internet that the name led to,
 * and no rule names; -1: none. *granted: its verdict. 0 or -ENOMEM. */
int sbx_domain_decider(const struct sbx_policy *p, const struct sbx_facts *facts, const char *name,
		       int proto, uint16_t port, int *rule, bool *granted);

/* The same for a request to the proxy (via.h), by TCP. *wild: wildcards alone may name it. */
int sbx_domain_proxied(const struct sbx_policy *p, const struct sbx_facts *facts, const char *name,
		       uint16_t port, int *rule, bool *granted, bool *wild);

/* The endpoint of the rule that names it; NULL: none does. */
const struct sbx_endpoint *sbx_domain_endpoint(const struct sbx_net_rule *r, const char *name);

/* Does a rule that allows connecting name this address itself, at whatever port? */
bool sbx_policy_lists(const struct sbx_policy *p, const struct sbx_facts *facts, int family,
		      const uint8_t *addr);

/* Errors of rules with names that the address tables cannot show: an allow that reopens an earlier
 * deny. -EINVAL when there are any. */
int sbx_domains_check(const struct sbx_policy *p, struct sbx_diags *d);

#endif
