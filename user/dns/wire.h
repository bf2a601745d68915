/* SPDX-License-Identifier: MIT */
/* Every use of libldns goes through this header: theirs makes _Bool a char where it comes before
 * stdbool.h. */
#ifndef SBX_DNS_WIRE_H
#define SBX_DNS_WIRE_H

#include <stdbool.h>
#include <ldns/ldns.h>
#include "user/dns/message.h"

/* An extended response code (RFC 6891), which libldns 1.8 has no word for. */
#define SBX_DNS_BADVERS 16

/* ASCII alone, whatever the locale. Length bytes are below 'A': whole names can be lowered. */
static inline uint8_t sbx_dns_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

#endif
