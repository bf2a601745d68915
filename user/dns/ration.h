/* SPDX-License-Identifier: MIT */
/* How many names below wildcards a sandbox may ask for: the constants are in forwarder.h. */
#ifndef SBX_DNS_RATION_H
#define SBX_DNS_RATION_H

#include <stdbool.h>
#include <stdint.h>

#define SBX_DNS_KNOWN 256 /* names that were paid for */

struct sbx_dns_ration {
	uint64_t left, since; /* thousandths of a name; milliseconds */
	uint64_t known[SBX_DNS_KNOWN];
	uint64_t secret;
};

void sbx_dns_ration_init(struct sbx_dns_ration *r, uint64_t now);
/* Was this name paid for, and not forgotten since? */
bool sbx_dns_ration_knows(const struct sbx_dns_ration *r, const char *name, uint16_t qtype);
/* May this question go upstream? It is paid for if so. now: milliseconds */
bool sbx_dns_ration_take(struct sbx_dns_ration *r, const char *name, uint16_t qtype, uint64_t now);

#endif
