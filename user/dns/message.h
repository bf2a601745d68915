/* SPDX-License-Identifier: MIT */
/*
 * DNS messages: pure functions over libldns, for bytes from anybody. What an upstream server says
 * is never passed on as it came: it is taken apart, what answers the question is kept, and the
 * client's answer is written anew from that.
 */
#ifndef SBX_DNS_MESSAGE_H
#define SBX_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "user/dns/forwarder.h"

#define SBX_DNS_WIRE_MAX      255   /* a name with its length bytes and the root */
#define SBX_DNS_MESSAGE_MAX   65535 /* TCP has 16 bits for the length */
#define SBX_DNS_QUERY_MAX     4096  /* a client's: a name and some EDNS options */
#define SBX_DNS_FORWARDED_MAX 288   /* a query of ours: header, name, OPT */
#define SBX_DNS_PLAIN_SIZE    512   /* what a client without EDNS takes by UDP */
#define SBX_DNS_EDNS_SIZE     1232  /* asked of upstream: fragments can be forged */
#define SBX_DNS_CLIENT_SIZE   4096  /* told to clients: these packets stay on this host */

#define SBX_DNS_CHAIN_MAX   16	 /* CNAMEs in a row: BIND, unbound follow about as many */
#define SBX_DNS_RECORDS_MAX 1024 /* of one answer; those beyond are not passed on */

/* How long negative answers are kept at most (RFC 2308: hours are too long), and at least. */
#define SBX_DNS_NEGATIVE_MAX 300
#define SBX_DNS_NEGATIVE_MIN 5

struct sbx_dns_query {
	uint16_t id, qtype, qclass, size; /* size: what the client takes by UDP */
	uint8_t opcode;
	bool rd, cd, edns;
	uint8_t wire_len;		/* 0: no question could be read */
	uint8_t wire[SBX_DNS_WIRE_MAX]; /* the name as the client wrote it, upper case and all */
	char name[SBX_DNS_NAME_MAX];	/* lower case, for humans and for ops->judge */
};

struct sbx_dns_record {
	uint16_t type, len;
	uint16_t owner; /* 0: the name asked for; n: what the nth CNAME leads to */
	bool special;	/* an address that a public name must not have */
	uint32_t ttl, at;
};

/* What is left of an upstream reply. One allocation. */
struct sbx_dns_answer {
	uint16_t rcode, n;
	bool negative; /* no record of the type asked for */
	uint32_t ttl;  /* how long all of it may be kept */
	/* SOA for negative answers: owner and data, both uncompressed; 0: none. */
	uint16_t soa_owner, soa_len;
	uint32_t soa_at;
	size_t size; /* of the allocation */
	struct sbx_dns_record records[];
};

static inline const uint8_t *sbx_dns_bytes(const struct sbx_dns_answer *a, uint32_t at)
{
	return (const uint8_t *)&a->records[a->n] + at;
}

/* 0, a response code to answer with (q->wire_len and q->name say whether there was a question), or
 * -1: not a query, to be dropped, since an answer could be answered again. */
int sbx_dns_query_parse(const uint8_t *wire, size_t len, struct sbx_dns_query *q);

/* The query for upstream. Returns its length. */
size_t sbx_dns_query_write(const struct sbx_dns_query *q, uint16_t id, bool edns,
			   uint8_t out[SBX_DNS_FORWARDED_MAX]);

/*
 * 0: *out is the answer, to be freed. A response code that is neither NOERROR nor NXDOMAIN.
 * -EAGAIN: not the reply to this query; wait on. -EMSGSIZE: truncated. -EBADMSG: it is the reply,
 * and cannot be used (malformed, CNAMEs in a loop). -ENOMEM.
 */
int sbx_dns_reply_read(const struct sbx_dns_query *q, uint16_t id, const uint8_t *wire, size_t len,
		       struct sbx_dns_answer **out);

/* The client's answer, at most `limit` bytes (at least SBX_DNS_PLAIN_SIZE), truncated if need be.
 * a: NULL for no records. left_out: per record. age: seconds since the upstream reply. */
size_t sbx_dns_answer_write(const struct sbx_dns_query *q, int rcode,
			    const struct sbx_dns_answer *a, const bool *left_out, uint32_t age,
			    size_t limit, uint8_t *out);

/* A record's address, IPv4-mapped ones as IPv4. The family, 0 for other records. */
int sbx_dns_address(const struct sbx_dns_answer *a, size_t i, uint8_t addr[16]);

/* ttl - age within [SBX_DNS_TTL_MIN, SBX_DNS_TTL_MAX] */
uint32_t sbx_dns_ttl(uint32_t ttl, uint32_t age);

#endif
