/* SPDX-License-Identifier: MIT */
/* The answers that a sandbox got, for as long as they hold. Bounded: the least recently used go. */
#ifndef SBX_DNS_CACHE_H
#define SBX_DNS_CACHE_H

#include "user/dns/message.h"

#define SBX_DNS_CACHE_ENTRIES 1024
#define SBX_DNS_CACHE_BYTES   (4u << 20)

struct sbx_dns_cache;

struct sbx_dns_cache *sbx_dns_cache_new(void);
void sbx_dns_cache_free(struct sbx_dns_cache *c);
void sbx_dns_cache_clear(struct sbx_dns_cache *c);

/* The answer is the cache's from now on, also where there is no room for it. now: seconds. */
void sbx_dns_cache_put(struct sbx_dns_cache *c, const char *name, uint16_t qtype,
		       struct sbx_dns_answer *a, uint64_t now);
/* NULL: none, or it has expired. *age: since it was put, in seconds. */
const struct sbx_dns_answer *sbx_dns_cache_find(struct sbx_dns_cache *c, const char *name,
						uint16_t qtype, uint64_t now, uint32_t *age);

#endif
