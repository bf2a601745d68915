/* SPDX-License-Identifier: MIT */
/*
 * What a compilation needs to know of the host. Gathered once per compilation; tests write it by
 * hand, so that compiling stays a function of (policy, facts).
 */
#ifndef SBX_FACTS_H
#define SBX_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "user/policy/policy.h"

/* The tree shown at `from` is the one whose canonical name is `to` (a symlink, or a later mount of
 * a tree that an older mount shows). No trailing slash; "" is the root. */
struct sbx_alias {
	char *from, *to;
	bool symlink;
};

struct sbx_addr {
	int family;
	uint8_t addr[16];
};

struct sbx_facts {
	struct sbx_alias *aliases;
	size_t n_aliases;
	struct sbx_addr *own; /* addresses of this host's interfaces, loopback left out */
	size_t n_own;
	uint16_t ephemeral_first, ephemeral_last;
	/* Of a sandbox that is attached: the ports of ::1 at which sbx-bpfd answers just now. */
	uint16_t *forwarder6;
	size_t n_forwarder6;
};

/* Reads /proc/self/mountinfo, the interfaces, ip_local_port_range, and resolves every symlink in
 * the literal prefixes of the policy's patterns. Returns 0 or a negative errno. */
int sbx_facts_gather(const struct sbx_policy *p, struct sbx_facts *out);
void sbx_facts_free(struct sbx_facts *f);

#endif
