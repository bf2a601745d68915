// SPDX-License-Identifier: MIT
/*
 * What upstream servers say. Only the records are given to libldns that answer the question; the
 * others are stepped over. A compression loop costs libldns 65536 steps and ends the reading, and a
 * long chain of pointers cannot be longer than the message: both stay below a millisecond a record.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "user/dns/wire.h"
#include "user/policy/netspan.h"

struct reading {
	const struct sbx_dns_query *q;
	const uint8_t *wire;
	size_t len, at;
	ldns_rr *rr[SBX_DNS_RECORDS_MAX]; /* candidates: CNAMEs, and those of the type asked for */
	size_t n;
	ldns_rr *chain[SBX_DNS_CHAIN_MAX]; /* CNAMEs, in order */
	size_t n_chain;
	ldns_rdf *first, *last; /* the name asked for; where the chain ends */
	ldns_rr *soa;
};

/* Over a name, without following its pointer. */
static bool skip_name(const uint8_t *wire, size_t len, size_t *at)
{
	while (*at < len && wire[*at] && wire[*at] <= LDNS_MAX_LABELLEN)
		*at += wire[*at] + 1u;
	if (*at >= len)
		return false;
	*at += wire[*at] ? 2 : 1;
	return *at <= len;
}

/* Steps over a record; with `take`, it is also read. */
static int next_record(struct reading *r, bool (*take)(struct reading *r, uint16_t type),
		       ldns_rr **out)
{
	size_t start = r->at, end = r->at;
	const uint8_t *p;

	*out = NULL;
	if (!skip_name(r->wire, r->len, &end) || r->len - end < 10)
		return -EBADMSG;
	p = r->wire + end;
	end += 10u + ldns_read_uint16(p + 8);
	if (end > r->len)
		return -EBADMSG;
	r->at = end;
	if (ldns_read_uint16(p + 2) != LDNS_RR_CLASS_IN || !take(r, ldns_read_uint16(p)))
		return 0;
	if (ldns_wire2rr(out, r->wire, end, &start, LDNS_SECTION_ANSWER) != LDNS_STATUS_OK) {
		*out = NULL;
		return -EBADMSG;
	}
	ldns_dname2canonical(ldns_rr_owner(*out));
	return start == end ? 0 : -EBADMSG;
}

static bool is_candidate(struct reading *r, uint16_t type)
{
	return r->n < SBX_DNS_RECORDS_MAX && (type == LDNS_RR_TYPE_CNAME || type == r->q->qtype);
}

static bool is_soa(struct reading *r, uint16_t type)
{
	return type == LDNS_RR_TYPE_SOA;
}

static size_t data_size(const ldns_rr *rr)
{
	size_t i, n = 0;

	for (i = 0; i < ldns_rr_rd_count(rr); i++)
		n += ldns_rdf_size(ldns_rr_rdf(rr, i));
	return n;
}

static bool well_formed(const ldns_rr *rr)
{
	size_t n = data_size(rr);

	switch (ldns_rr_get_type(rr)) {
	case LDNS_RR_TYPE_A:
		return n == 4;
	case LDNS_RR_TYPE_AAAA:
		return n == 16;
	case LDNS_RR_TYPE_CNAME:
		return ldns_rr_rd_count(rr) == 1 &&
		       ldns_rdf_get_type(ldns_rr_rdf(rr, 0)) == LDNS_RDF_TYPE_DNAME;
	default:
		return n <= UINT16_MAX;
	}
}

static int read_answers(struct reading *r, unsigned count)
{
	ldns_rr *rr;
	int rc;

	for (; count; count--) {
		rc = next_record(r, is_candidate, &rr);
		if (rr && !rc && !well_formed(rr))
			rc = -EBADMSG;
		if (rc) {
			ldns_rr_free(rr);
			return rc;
		}
		if (!rr)
			continue;
		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_CNAME)
			ldns_dname2canonical(ldns_rr_rdf(rr, 0));
		r->rr[r->n++] = rr;
	}
	return 0;
}

/* The SOA of a zone that the name is in: it says how long there will be no answer. Anything wrong
 * there is not worth an error, since the answer has been read. */
static void read_soa(struct reading *r, unsigned count)
{
	ldns_rr *rr;

	for (; count && !r->soa; count--) {
		int rc = next_record(r, is_soa, &rr);

		if (rr && !rc && ldns_rr_rd_count(rr) == 7 && data_size(rr) >= 22 &&
		    (!ldns_dname_compare(r->last, ldns_rr_owner(rr)) ||
		     ldns_dname_is_subdomain(r->last, ldns_rr_owner(rr))))
			r->soa = rr;
		else
			ldns_rr_free(rr);
		if (rc)
			return;
	}
}

static bool same_name(const ldns_rdf *a, const ldns_rdf *b)
{
	return ldns_rdf_size(a) == ldns_rdf_size(b) &&
	       !memcmp(ldns_rdf_data(a), ldns_rdf_data(b), ldns_rdf_size(a));
}

static ldns_rr *cname_of(const struct reading *r, const ldns_rdf *name)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (ldns_rr_get_type(r->rr[i]) == LDNS_RR_TYPE_CNAME &&
		    same_name(ldns_rr_owner(r->rr[i]), name))
			return r->rr[i];
	return NULL;
}

/* Leaves in r->last where the chain ends. A loop is caught by its length. */
static int follow_chain(struct reading *r)
{
	ldns_rr *cname;

	r->last = r->first;
	while ((cname = cname_of(r, r->last))) {
		if (r->n_chain == SBX_DNS_CHAIN_MAX)
			return -EBADMSG;
		r->chain[r->n_chain++] = cname;
		r->last = ldns_rr_rdf(cname, 0);
	}
	return 0;
}

/* DNS64 maps all of IPv4 into 64:ff9b::/96 (RFC 6052): what the translator would unpack decides. */
static bool is_special(int family, const uint8_t *addr)
{
	static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};

	if (family == AF_INET6 && !memcmp(addr, nat64, sizeof(nat64)))
		return sbx_addr_special(AF_INET, addr + sizeof(nat64));
	return sbx_addr_special(family, addr);
}

/* A time with its top bit set counts as none (RFC 2181). */
static uint32_t ttl_of(const ldns_rr *rr)
{
	uint32_t ttl = ldns_rr_ttl(rr);

	return ttl > INT32_MAX ? 0 : ttl;
}

static uint32_t append(struct sbx_dns_answer *a, uint32_t *used, const ldns_rdf *rdf)
{
	uint32_t at = *used;

	memcpy((uint8_t *)&a->records[a->n] + at, ldns_rdf_data(rdf), ldns_rdf_size(rdf));
	*used += (uint32_t)ldns_rdf_size(rdf);
	return at;
}

static uint32_t append_data(struct sbx_dns_answer *a, uint32_t *used, const ldns_rr *rr)
{
	uint32_t at = *used;
	size_t i;

	for (i = 0; i < ldns_rr_rd_count(rr); i++)
		append(a, used, ldns_rr_rdf(rr, i));
	return at;
}

static void set_soa(struct sbx_dns_answer *a, uint32_t *used, const ldns_rr *soa)
{
	uint32_t least = ldns_rdf2native_int32(ldns_rr_rdf(soa, 6)), ttl = ttl_of(soa);

	a->soa_owner = (uint16_t)ldns_rdf_size(ldns_rr_owner(soa));
	a->soa_len = (uint16_t)data_size(soa);
	a->soa_at = append(a, used, ldns_rr_owner(soa));
	append_data(a, used, soa);
	if (least < ttl)
		ttl = least;
	if (ttl < SBX_DNS_NEGATIVE_MIN)
		ttl = SBX_DNS_NEGATIVE_MIN;
	if (ttl > SBX_DNS_NEGATIVE_MAX)
		ttl = SBX_DNS_NEGATIVE_MAX;
	if (ttl < a->ttl)
		a->ttl = ttl; /* CNAMEs may expire earlier */
}

static void set_record(struct sbx_dns_answer *a, size_t i, uint32_t *used, const ldns_rr *rr,
		       size_t owner)
{
	struct sbx_dns_record *out = &a->records[i];
	uint8_t addr[16];
	int family;

	*out = (struct sbx_dns_record){.type = (uint16_t)ldns_rr_get_type(rr),
				       .len = (uint16_t)data_size(rr),
				       .owner = (uint16_t)owner,
				       .ttl = ttl_of(rr)};
	out->at = append_data(a, used, rr);
	family = sbx_dns_address(a, i, addr);
	out->special = family && is_special(family, addr);
}

/* Does it answer the question itself, at the end of the chain? */
static bool answers(const struct reading *r, const ldns_rr *rr)
{
	return ldns_rr_get_type(rr) != LDNS_RR_TYPE_CNAME && same_name(ldns_rr_owner(rr), r->last);
}

static void fill(struct sbx_dns_answer *a, const struct reading *r, int rcode)
{
	size_t i, n = r->n_chain;
	uint32_t used = 0;

	for (i = 0; i < r->n_chain; i++)
		set_record(a, i, &used, r->chain[i], i);
	for (i = 0; i < r->n && n < a->n; i++)
		if (answers(r, r->rr[i]))
			set_record(a, n++, &used, r->rr[i], r->n_chain);
	a->ttl = SBX_DNS_TTL_MAX;
	for (i = 0; i < a->n; i++)
		if (sbx_dns_ttl(a->records[i].ttl, 0) < a->ttl)
			a->ttl = sbx_dns_ttl(a->records[i].ttl, 0);
	a->rcode = (uint16_t)rcode;
	a->negative = n == r->n_chain && (r->q->qtype != LDNS_RR_TYPE_CNAME || !n);
	if (a->negative && r->soa)
		set_soa(a, &used, r->soa);
	else if (a->negative)
		a->ttl = SBX_DNS_NEGATIVE_MIN;
}

static int build(const struct reading *r, int rcode, struct sbx_dns_answer **out)
{
	size_t i, n = r->n_chain, size = sizeof(**out);

	for (i = 0; i < r->n_chain; i++)
		size += data_size(r->chain[i]);
	/* A name that does not exist has no addresses, whatever else the reply says. */
	for (i = 0; i < r->n && rcode == LDNS_RCODE_NOERROR; i++)
		if (answers(r, r->rr[i])) {
			size += data_size(r->rr[i]);
			n++;
		}
	if (r->soa)
		size += ldns_rdf_size(ldns_rr_owner(r->soa)) + data_size(r->soa);
	size += n * sizeof((*out)->records[0]);
	*out = calloc(1, size);
	if (!*out)
		return -ENOMEM;
	(*out)->n = (uint16_t)n;
	(*out)->size = size;
	fill(*out, r, rcode);
	return 0;
}

/* The reply must belong to the query: whoever does not see it has to guess id and port. */
static bool belongs(const struct sbx_dns_query *q, uint16_t id, const uint8_t *wire, size_t len)
{
	size_t i;

	if (len < LDNS_HEADER_SIZE || LDNS_ID_WIRE(wire) != id || !LDNS_QR_WIRE(wire) ||
	    LDNS_OPCODE_WIRE(wire) != LDNS_PACKET_QUERY)
		return false;
	/* Servers that do not understand a query may leave out the question. */
	if (!LDNS_QDCOUNT(wire))
		return LDNS_RCODE_WIRE(wire) != LDNS_RCODE_NOERROR &&
		       LDNS_RCODE_WIRE(wire) != LDNS_RCODE_NXDOMAIN;
	if (LDNS_QDCOUNT(wire) != 1 || len < LDNS_HEADER_SIZE + q->wire_len + 4u)
		return false;
	wire += LDNS_HEADER_SIZE;
	for (i = 0; i < q->wire_len; i++)
		if (sbx_dns_lower(wire[i]) != sbx_dns_lower(q->wire[i]))
			return false;
	return ldns_read_uint16(wire + i) == q->qtype &&
	       ldns_read_uint16(wire + i + 2) == LDNS_RR_CLASS_IN;
}

static int read_all(struct reading *r, struct sbx_dns_answer **out)
{
	int rc = read_answers(r, LDNS_ANCOUNT(r->wire));

	if (!rc)
		rc = follow_chain(r);
	if (rc)
		return rc;
	read_soa(r, LDNS_NSCOUNT(r->wire));
	return build(r, LDNS_RCODE_WIRE(r->wire), out);
}

int sbx_dns_reply_read(const struct sbx_dns_query *q, uint16_t id, const uint8_t *wire, size_t len,
		       struct sbx_dns_answer **out)
{
	struct reading *r;
	size_t i;
	int rc;

	if (!belongs(q, id, wire, len))
		return -EAGAIN;
	rc = LDNS_RCODE_WIRE(wire);
	if (rc != LDNS_RCODE_NOERROR && rc != LDNS_RCODE_NXDOMAIN)
		return rc;
	if (LDNS_TC_WIRE(wire))
		return -EMSGSIZE;
	r = malloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	*r = (struct reading){.q = q, .wire = wire, .len = len};
	r->at = LDNS_HEADER_SIZE + q->wire_len + 4u;
	r->first = ldns_dname_new_frm_data(q->wire_len, q->wire);
	rc = -ENOMEM;
	if (r->first) {
		ldns_dname2canonical(r->first);
		rc = read_all(r, out);
	}
	for (i = 0; i < r->n; i++)
		ldns_rr_free(r->rr[i]);
	ldns_rr_free(r->soa);
	ldns_rdf_deep_free(r->first);
	free(r);
	return rc;
}
