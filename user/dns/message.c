// SPDX-License-Identifier: MIT
/* What clients send and what they get; reply.c reads what upstream servers send. */
#include <string.h>
#include <sys/socket.h>
#include "user/dns/wire.h"
#include "user/policy/netspan.h"

/* The length of the name at `at`, which must not be compressed; 0: it is not one. */
static size_t plain_name(const uint8_t *wire, size_t len, size_t at)
{
	size_t n = at;

	while (n < len && wire[n] && wire[n] <= LDNS_MAX_LABELLEN)
		n += wire[n] + 1u;
	if (n >= len || wire[n] || n + 1 - at > SBX_DNS_WIRE_MAX)
		return 0;
	return n + 1 - at;
}

/* false: too long, since it is made of bytes that no host name has. */
static bool name_text(const uint8_t *wire, char out[SBX_DNS_NAME_MAX])
{
	char text[4 * SBX_DNS_WIRE_MAX + 1] = "";
	size_t n = 0;
	unsigned i;

	for (; *wire; wire += *wire + 1) {
		if (n)
			text[n++] = '.';
		for (i = 1; i <= *wire; i++) {
			uint8_t c = sbx_dns_lower(wire[i]);

			if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
			    c == '_')
				text[n++] = (char)c;
			else
				n += (size_t)sprintf(text + n, "\\%03u", c);
		}
	}
	if (n >= SBX_DNS_NAME_MAX)
		return false;
	memcpy(out, text, n);
	out[n] = 0;
	return true;
}

/* 0 or a response code. libldns sees only what cannot keep it busy: one question, two records. */
static int parse_edns(const uint8_t *wire, size_t len, struct sbx_dns_query *q)
{
	ldns_pkt *pkt;
	int rc = LDNS_RCODE_NOERROR;

	if (ldns_wire2pkt(&pkt, wire, len) != LDNS_STATUS_OK)
		return LDNS_RCODE_FORMERR;
	q->edns = ldns_pkt_edns(pkt);
	if (q->edns) {
		uint16_t size = ldns_pkt_edns_udp_size(pkt);

		if (size > q->size)
			q->size = size < SBX_DNS_CLIENT_SIZE ? size : SBX_DNS_CLIENT_SIZE;
		if (ldns_pkt_edns_version(pkt))
			rc = SBX_DNS_BADVERS;
	}
	ldns_pkt_free(pkt);
	return rc;
}

int sbx_dns_query_parse(const uint8_t *wire, size_t len, struct sbx_dns_query *q)
{
	size_t name;
	int rc;

	memset(q, 0, sizeof(*q));
	q->size = SBX_DNS_PLAIN_SIZE;
	if (len < LDNS_HEADER_SIZE || LDNS_QR_WIRE(wire))
		return -1;
	q->id = LDNS_ID_WIRE(wire);
	q->rd = LDNS_RD_WIRE(wire);
	q->cd = LDNS_CD_WIRE(wire);
	q->opcode = LDNS_OPCODE_WIRE(wire);
	if (q->opcode != LDNS_PACKET_QUERY)
		return LDNS_RCODE_NOTIMPL;
	if (len > SBX_DNS_QUERY_MAX || LDNS_QDCOUNT(wire) != 1 || LDNS_ANCOUNT(wire) ||
	    LDNS_NSCOUNT(wire) || LDNS_ARCOUNT(wire) > 2)
		return LDNS_RCODE_FORMERR;
	name = plain_name(wire, len, LDNS_HEADER_SIZE);
	if (!name || LDNS_HEADER_SIZE + name + 4 > len)
		return LDNS_RCODE_FORMERR;
	rc = parse_edns(wire, len, q);
	if (rc == LDNS_RCODE_FORMERR)
		return rc;
	memcpy(q->wire, wire + LDNS_HEADER_SIZE, name);
	q->wire_len = (uint8_t)name;
	q->qtype = ldns_read_uint16(wire + LDNS_HEADER_SIZE + name);
	q->qclass = ldns_read_uint16(wire + LDNS_HEADER_SIZE + name + 2);
	if (!name_text(q->wire, q->name)) {
		q->name[0] = 0;
		return LDNS_RCODE_REFUSED;
	}
	if (q->qclass != LDNS_RR_CLASS_IN)
		return LDNS_RCODE_REFUSED;
	return rc;
}

/* --- writing --- */

struct out {
	uint8_t *at, *end;
};

static bool room(const struct out *o, size_t n)
{
	return (size_t)(o->end - o->at) >= n;
}

static void put16(struct out *o, uint32_t x)
{
	ldns_write_uint16(o->at, (uint16_t)x);
	o->at += 2;
}

static void put32(struct out *o, uint32_t x)
{
	ldns_write_uint32(o->at, x);
	o->at += 4;
}

static void put(struct out *o, const uint8_t *bytes, size_t n)
{
	memcpy(o->at, bytes, n);
	o->at += n;
}

#define OPT_SIZE 11

static void put_opt(struct out *o, unsigned size, int rcode)
{
	*o->at++ = 0;
	put16(o, LDNS_RR_TYPE_OPT);
	put16(o, size);
	put32(o, (uint32_t)(rcode >> 4) << 24); /* the upper bits of the code; DO is clear */
	put16(o, 0);
}

size_t sbx_dns_query_write(const struct sbx_dns_query *q, uint16_t id, bool edns,
			   uint8_t out[SBX_DNS_FORWARDED_MAX])
{
	struct out o = {out, out + SBX_DNS_FORWARDED_MAX};
	size_t i;

	memset(out, 0, LDNS_HEADER_SIZE);
	LDNS_ID_SET(out, id);
	LDNS_RD_SET(out);
	ldns_write_uint16(out + LDNS_QDCOUNT_OFF, 1);
	ldns_write_uint16(out + LDNS_ARCOUNT_OFF, edns);
	o.at += LDNS_HEADER_SIZE;
	/* Lower case: how a client writes a name tells the server nothing. */
	for (i = 0; i < q->wire_len; i++)
		*o.at++ = sbx_dns_lower(q->wire[i]);
	put16(&o, q->qtype);
	put16(&o, LDNS_RR_CLASS_IN);
	if (edns)
		put_opt(&o, SBX_DNS_EDNS_SIZE, 0);
	return (size_t)(o.at - out);
}

static void put_header(const struct sbx_dns_query *q, int rcode, uint8_t *out)
{
	memset(out, 0, LDNS_HEADER_SIZE);
	LDNS_ID_SET(out, q->id);
	LDNS_QR_SET(out);
	LDNS_OPCODE_SET(out, q->opcode);
	LDNS_RA_SET(out);
	if (q->rd)
		LDNS_RD_SET(out);
	if (q->cd)
		LDNS_CD_SET(out);
	LDNS_RCODE_SET(out, rcode & 0xf);
	ldns_write_uint16(out + LDNS_QDCOUNT_OFF, q->wire_len > 0);
	ldns_write_uint16(out + LDNS_ARCOUNT_OFF, q->edns);
}

/* Owners are names of the chain, so each is a pointer: to the question, or into a CNAME. Returns
 * how many were written; *all: that was all of them. */
static unsigned put_records(const struct sbx_dns_answer *a, const bool *left_out, uint32_t age,
			    const uint8_t *start, struct out *o, bool *all)
{
	uint16_t where[SBX_DNS_CHAIN_MAX + 1] = {LDNS_HEADER_SIZE};
	unsigned n = 0;
	size_t i;

	for (i = 0; i < a->n; i++) {
		const struct sbx_dns_record *r = &a->records[i];

		if (left_out && left_out[i])
			continue;
		if (!room(o, 12u + r->len)) {
			*all = false;
			break;
		}
		put16(o, 0xc000u | where[r->owner]);
		put16(o, r->type);
		put16(o, LDNS_RR_CLASS_IN);
		put32(o, sbx_dns_ttl(r->ttl, age));
		put16(o, r->len);
		if (r->type == LDNS_RR_TYPE_CNAME && r->owner < SBX_DNS_CHAIN_MAX)
			where[r->owner + 1] = (uint16_t)(o->at - start);
		put(o, sbx_dns_bytes(a, r->at), r->len);
		n++;
	}
	return n;
}

static bool put_soa(const struct sbx_dns_answer *a, uint32_t age, struct out *o)
{
	const uint8_t *soa = sbx_dns_bytes(a, a->soa_at);

	if (!a->soa_len || !room(o, a->soa_owner + 10u + a->soa_len))
		return false;
	put(o, soa, a->soa_owner);
	put16(o, LDNS_RR_TYPE_SOA);
	put16(o, LDNS_RR_CLASS_IN);
	put32(o, a->ttl > age ? a->ttl - age : 0);
	put16(o, a->soa_len);
	put(o, soa + a->soa_owner, a->soa_len);
	return true;
}

size_t sbx_dns_answer_write(const struct sbx_dns_query *q, int rcode,
			    const struct sbx_dns_answer *a, const bool *left_out, uint32_t age,
			    size_t limit, uint8_t *out)
{
	struct out o = {out + LDNS_HEADER_SIZE, out + limit - (q->edns ? OPT_SIZE : 0)};
	bool all = true;

	put_header(q, rcode, out);
	if (q->wire_len) {
		put(&o, q->wire, q->wire_len);
		put16(&o, q->qtype);
		put16(&o, q->qclass);
	}
	if (a) {
		unsigned n = put_records(a, left_out, age, out, &o, &all);

		ldns_write_uint16(out + LDNS_ANCOUNT_OFF, (uint16_t)n);
		if (!all)
			LDNS_TC_SET(out);
		else if (a->negative)
			ldns_write_uint16(out + LDNS_NSCOUNT_OFF, put_soa(a, age, &o));
	}
	o.end = out + limit;
	if (q->edns)
		put_opt(&o, SBX_DNS_CLIENT_SIZE, rcode);
	return (size_t)(o.at - out);
}

int sbx_dns_address(const struct sbx_dns_answer *a, size_t i, uint8_t addr[16])
{
	const struct sbx_dns_record *r = &a->records[i];

	if (r->type != LDNS_RR_TYPE_A && r->type != LDNS_RR_TYPE_AAAA)
		return 0;
	return sbx_addr_canonical(SBX_DIR_BIND, r->type == LDNS_RR_TYPE_A ? AF_INET : AF_INET6,
				  sbx_dns_bytes(a, r->at), addr);
}

uint32_t sbx_dns_ttl(uint32_t ttl, uint32_t age)
{
	ttl = ttl > age ? ttl - age : 0;
	return ttl < SBX_DNS_TTL_MIN   ? SBX_DNS_TTL_MIN
	       : ttl > SBX_DNS_TTL_MAX ? SBX_DNS_TTL_MAX
				       : ttl;
}
