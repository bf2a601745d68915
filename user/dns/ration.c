// SPDX-License-Identifier: MIT
#include <string.h>
#include <sys/random.h>
#include "user/dns/forwarder.h"
#include "user/dns/ration.h"
#include "user/dns/wire.h"

#define WHOLE 1000u /* a name */

void sbx_dns_ration_init(struct sbx_dns_ration *r, uint64_t now)
{
	memset(r, 0, sizeof(*r));
	r->left = SBX_DNS_WILD_BURST * WHOLE;
	r->since = now;
	if (getrandom(&r->secret, sizeof(r->secret), 0) < 0)
		r->secret = now; /* collisions then can be made: they cost who makes them */
}

/* Both addresses of a name count once; other types carry more of what the asker chooses. */
static uint64_t hash(const struct sbx_dns_ration *r, const char *name, uint16_t qtype)
{
	uint64_t h = r->secret ^ (qtype == LDNS_RR_TYPE_AAAA ? LDNS_RR_TYPE_A : qtype);

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 1099511628211u;
	h ^= h >> 32;
	return h ? h : 1;
}

bool sbx_dns_ration_knows(const struct sbx_dns_ration *r, const char *name, uint16_t qtype)
{
	uint64_t h = hash(r, name, qtype);

	return r->known[h % SBX_DNS_KNOWN] == h;
}

bool sbx_dns_ration_take(struct sbx_dns_ration *r, const char *name, uint16_t qtype, uint64_t now)
{
	uint64_t h = hash(r, name, qtype), *known = &r->known[h % SBX_DNS_KNOWN];
	uint64_t most = SBX_DNS_WILD_BURST * WHOLE, cost;

	r->left += (now - r->since) * WHOLE * SBX_DNS_WILD_PER_SECOND / 1000;
	r->since = now;
	if (r->left > most)
		r->left = most;
	cost = *known == h ? WHOLE / SBX_DNS_WILD_AGAIN
			   : WHOLE * (1 + strlen(name) / SBX_DNS_WILD_LENGTH);
	if (r->left < cost)
		return false;
	r->left -= cost;
	*known = h;
	return true;
}
