// SPDX-License-Identifier: MIT
/*
 * Any bytes as a client's query, and as the reply to one. The first byte chooses the question that
 * the reply is for and how large the answer may be. What comes out must be a message that libldns
 * reads.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "user/dns/message.h"
#include "user/dns/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t types[] = {LDNS_RR_TYPE_A,     LDNS_RR_TYPE_AAAA, LDNS_RR_TYPE_TXT,
				 LDNS_RR_TYPE_MX,    LDNS_RR_TYPE_SRV,	LDNS_RR_TYPE_SOA,
				 LDNS_RR_TYPE_NAPTR, LDNS_RR_TYPE_CNAME};

static void check(const uint8_t *wire, size_t len, size_t limit)
{
	ldns_pkt *pkt;

	if (len > limit || ldns_wire2pkt(&pkt, wire, len) != LDNS_STATUS_OK)
		abort();
	if (!ldns_pkt_qr(pkt) || ldns_pkt_ad(pkt))
		abort();
	ldns_pkt_free(pkt);
}

static void as_query(const uint8_t *data, size_t size)
{
	uint8_t out[SBX_DNS_PLAIN_SIZE], sent[SBX_DNS_FORWARDED_MAX];
	struct sbx_dns_query q;
	int rc = sbx_dns_query_parse(data, size, &q);

	if (rc < 0)
		return;
	check(out, sbx_dns_answer_write(&q, rc, NULL, NULL, 0, sizeof(out), out), sizeof(out));
	if (!q.wire_len || strlen(q.name) >= SBX_DNS_NAME_MAX)
		return;
	if (sbx_dns_query_write(&q, 1, true, sent) > sizeof(sent))
		abort();
}

static void as_reply(const struct sbx_dns_query *q, const uint8_t *data, size_t size, size_t limit)
{
	static uint8_t out[SBX_DNS_MESSAGE_MAX];
	struct sbx_dns_answer *a;
	uint8_t addr[16];
	bool *left_out;
	size_t i;

	if (sbx_dns_reply_read(q, 7, data, size, &a))
		return;
	left_out = calloc(a->n + 1u, sizeof(*left_out));
	for (i = 0; left_out && i < a->n; i++)
		left_out[i] = sbx_dns_address(a, i, addr) && a->records[i].special;
	check(out, sbx_dns_answer_write(q, a->rcode, a, left_out, 10, limit, out), limit);
	free(left_out);
	free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t limits[] = {SBX_DNS_PLAIN_SIZE, SBX_DNS_CLIENT_SIZE,
					SBX_DNS_MESSAGE_MAX};
	struct sbx_dns_query q = {
		.wire = "\1a\4test", .wire_len = 8, .qclass = 1, .name = "a.test"};
	uint8_t *reply;

	if (!size)
		return 0;
	q.qtype = types[data[0] & 7];
	q.edns = data[0] & 8;
	as_query(data + 1, size - 1);
	/* The header and the question of a reply: only what follows them is for the fuzzer to find.
	 */
	reply = malloc(24 + size);
	if (!reply)
		return 0;
	memset(reply, 0, 24);
	reply[1] = 7;
	reply[2] = 0x81;
	reply[3] = data[0] & 16 ? LDNS_RCODE_NXDOMAIN : LDNS_RCODE_NOERROR;
	reply[5] = 1;
	reply[7] = size > 2 ? data[1] : 0;
	reply[9] = size > 2 ? data[2] : 0;
	memcpy(reply + 12, q.wire, 8);
	ldns_write_uint16(reply + 20, q.qtype);
	reply[23] = 1;
	if (size > 3)
		memcpy(reply + 24, data + 3, size - 3);
	as_reply(&q, reply, size > 3 ? 21 + size : 24, limits[(data[0] >> 5) % 3]);
	free(reply);
	return 0;
}
