// SPDX-License-Identifier: MIT
/* DNS messages, as clients and upstream servers send them, honest and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <arpa/inet.h>
#include <cmocka.h>
#include "tests/unit/dnswire.h"
#include "user/dns/message.h"

static struct msg m;
static struct sbx_dns_query q;
static struct sbx_dns_answer *a;
static uint8_t out[SBX_DNS_MESSAGE_MAX];

static const uint8_t web[4] = {93, 184, 216, 34};

static int parse(void)
{
	/* A copy of the exact size: ASan sees a read beyond it. */
	uint8_t *copy = malloc(m.n ? m.n : 1);
	int rc;

	memcpy(copy, m.b, m.n);
	rc = sbx_dns_query_parse(copy, m.n, &q);
	free(copy);
	return rc;
}

static int reply(void)
{
	uint8_t *copy = malloc(m.n ? m.n : 1);
	int rc;

	free(a);
	a = NULL;
	memcpy(copy, m.b, m.n);
	rc = sbx_dns_reply_read(&q, 7, copy, m.n, &a);
	free(copy);
	return rc;
}

/* Asks for a name, and begins the reply to it. */
static void asked(const char *name, unsigned type)
{
	begin(&m, 9, 0x0100, name, type);
	assert_int_equal(parse(), 0);
	begin(&m, 7, 0x8180, name, type);
}

static size_t write_answer(size_t limit)
{
	size_t n = sbx_dns_answer_write(&q, a ? a->rcode : 0, a, NULL, 0, limit, out);

	assert_true(n <= limit);
	return n;
}

static unsigned answers(void)
{
	return get16(out + 6);
}

static bool truncated(void)
{
	return out[2] & 2;
}

/* --- queries --- */

static void test_query(void **state)
{
	begin(&m, 0x1234, 0x0110, "WwW.Example.ORG", AAAA);
	assert_int_equal(parse(), 0);
	assert_int_equal(q.id, 0x1234);
	assert_string_equal(q.name, "www.example.org");
	assert_int_equal(q.qtype, AAAA);
	assert_int_equal(q.size, 512);
	assert_true(q.rd && q.cd && !q.edns);
	put_opt(&m, 1400, 0);
	assert_int_equal(parse(), 0);
	assert_true(q.edns);
	assert_int_equal(q.size, 1400);
	assert_memory_equal(q.wire + 1, "WwW", 3);
}

static void test_query_edns(void **state)
{
	begin(&m, 1, 0x0100, "a.test", A);
	put_opt(&m, 10, 0x8000); /* less than every client takes; DO */
	assert_int_equal(parse(), 0);
	assert_int_equal(q.size, 512);
	begin(&m, 1, 0x0100, "a.test", A);
	put_opt(&m, 65535, 0);
	assert_int_equal(parse(), 0);
	assert_int_equal(q.size, SBX_DNS_CLIENT_SIZE);
	begin(&m, 1, 0x0100, "a.test", A);
	put_opt(&m, 4096, 1u << 16);
	assert_int_equal(parse(), 16); /* BADVERS */
	free(a);
	a = NULL;
	assert_int_equal(sbx_dns_answer_write(&q, 16, NULL, NULL, 0, 512, out), 12 + 8 + 4 + 11);
	assert_int_equal(out[3] & 0xf, 0);
	assert_int_equal(out[12 + 8 + 4 + 5], 1); /* the code's upper bits */
}

static void test_query_names(void **state)
{
	static const uint8_t odd[] = "\3a.b\2\0\xff\1*\4x/_-";
	char label[64], name[300];

	begin(&m, 1, 0, "", NS);
	assert_int_equal(parse(), 0);
	assert_string_equal(q.name, "");
	/* Bytes that no host name has cannot be mistaken for others. */
	m.n = 12;
	put(&m, odd, sizeof(odd));
	put32(&m, 0x00010001);
	assert_int_equal(parse(), 0);
	assert_string_equal(q.name, "a\\046b.\\000\\255.\\042.x\\047_-");
	/* The longest: 253 characters. */
	memset(label, 'x', 63);
	label[63] = 0;
	snprintf(name, sizeof(name), "%s.%s.%s.%.61s", label, label, label, label);
	begin(&m, 1, 0, name, A);
	assert_int_equal(parse(), 0);
	assert_string_equal(q.name, name);
	snprintf(name, sizeof(name), "%s.%s.%s.%.62s", label, label, label, label);
	begin(&m, 1, 0, name, A);
	assert_int_equal(parse(), FORMERR);
	/* 100 bytes, 400 characters. */
	memset(label, '!', 50);
	label[50] = 0;
	snprintf(name, sizeof(name), "%s.%s", label, label);
	begin(&m, 1, 0, name, A);
	assert_int_equal(parse(), REFUSED);
	assert_string_equal(q.name, "");
}

static void test_query_bad(void **state)
{
	size_t whole, i;

	begin(&m, 1, 0x8000, "a.test", A); /* an answer */
	assert_int_equal(parse(), -1);
	begin(&m, 1, 0x2000, "a.test", A); /* NOTIFY, UPDATE, ... */
	assert_int_equal(parse(), NOTIMP);
	begin(&m, 1, 0x2800, "a.test", A);
	assert_int_equal(parse(), NOTIMP);
	sbx_dns_answer_write(&q, NOTIMP, NULL, NULL, 0, 512, out);
	assert_int_equal(get16(out + 2), 0xa880 | NOTIMP);
	begin(&m, 1, 0, "a.test", A);
	m.b[m.n - 1] = 3; /* CHAOS */
	assert_int_equal(parse(), REFUSED);
	assert_int_equal(sbx_dns_answer_write(&q, REFUSED, NULL, NULL, 0, 512, out), m.n);
	assert_memory_equal(out + 12, m.b + 12, m.n - 12);
	begin(&m, 1, 0, "a.test", A);
	put_opt(&m, 512, 0);
	whole = m.n;
	for (i = 0; i < whole; i++) {
		m.n = i;
		assert_int_equal(parse(), i < 12 ? -1 : FORMERR);
	}
	for (i = 0; i < 4;
	     i++) { /* two questions, none; answers, authority in a query; many more */
		begin(&m, 1, 0, "a.test", A);
		m.b[5 + 2 * i] = i ? 3 : 2;
		assert_int_equal(parse(), FORMERR);
		m.b[5] = 0;
		assert_int_equal(parse(), FORMERR);
	}
	begin(&m, 1, 0, "a.test", A);
	m.b[12] = 0x40; /* neither a length nor a pointer */
	assert_int_equal(parse(), FORMERR);
	m.b[12] = 0xc0; /* a question has nothing to point at: to itself, */
	m.b[13] = 12;
	assert_int_equal(parse(), FORMERR);
	m.b[12] = 0xff; /* beyond the end */
	assert_int_equal(parse(), FORMERR);
	begin(&m, 1, 0, "a.test", A);
	m.n = SBX_DNS_QUERY_MAX + 1;
	assert_int_equal(parse(), FORMERR);
}

static void test_forwarded(void **state)
{
	uint8_t sent[SBX_DNS_FORWARDED_MAX];
	size_t n;

	begin(&m, 5, 0x0110, "WWW.test", A);
	put_opt(&m, 4096, 0x8000);
	assert_int_equal(parse(), 0);
	n = sbx_dns_query_write(&q, 0xabcd, true, sent);
	begin(&m, 0xabcd, 0x0100, "www.test", A);
	put_opt(&m, SBX_DNS_EDNS_SIZE, 0);
	assert_int_equal(n, m.n);
	assert_memory_equal(sent, m.b, n);
	n = sbx_dns_query_write(&q, 1, false, sent);
	assert_int_equal(n, m.n - 11);
}

/* --- replies --- */

static void test_reply(void **state)
{
	uint8_t addr[16];

	asked("www.test", A);
	rr(&m, 1, NULL, A, 300, web, 4);
	rr(&m, 2, "test", NS, 300, "\0", 1);
	rr(&m, 3, "ns.test", A, 300, web, 4);
	assert_int_equal(reply(), 0);
	assert_int_equal(a->n, 1);
	assert_false(a->negative);
	assert_int_equal(a->ttl, 300);
	assert_int_equal(sbx_dns_address(a, 0, addr), AF_INET);
	assert_memory_equal(addr, web, 4);
	/* Authority and additional records are not passed on. */
	assert_int_equal(write_answer(512), 12 + 10 + 4 + 16);
	assert_int_equal(get16(out), 9);
	assert_int_equal(get16(out + 2), 0x8180);
	assert_int_equal(answers(), 1);
	assert_int_equal(get16(out + 8), 0);
	assert_int_equal(get16(out + 10), 0);
}

static void test_reply_foreign(void **state)
{
	asked("www.test", A);
	rr(&m, 1, NULL, A, 300, web, 4);
	m.b[1] = 8; /* another id */
	assert_int_equal(reply(), -EAGAIN);
	m.b[1] = 7;
	m.b[2] &= 0x7f; /* a query */
	assert_int_equal(reply(), -EAGAIN);
	m.b[2] |= 0x80;
	m.b[14] = 'x'; /* another name */
	assert_int_equal(reply(), -EAGAIN);
	m.b[14] = 'W'; /* case does not matter */
	assert_int_equal(reply(), 0);
	m.b[12 + 10 + 1] = AAAA;
	assert_int_equal(reply(), -EAGAIN);
	m.b[12 + 10 + 1] = A;
	m.b[12 + 10 + 3] = 3;
	assert_int_equal(reply(), -EAGAIN);
	m.b[12 + 10 + 3] = 1;
	m.b[5] = 0;
	assert_int_equal(reply(), -EAGAIN);
	m.n = 11;
	assert_int_equal(reply(), -EAGAIN);
	m.n = 12;
	m.b[3] |= SERVFAIL; /* without the question, which is common there */
	assert_int_equal(reply(), SERVFAIL);
	asked("www.test", A);
	m.b[2] |= 2;
	assert_int_equal(reply(), -EMSGSIZE);
}

static void test_chain(void **state)
{
	asked("www.test", A);
	/* Out of order, with strangers in between. */
	rr(&m, 1, "end.cdn.test", A, 100, web, 4);
	rr_name(&m, "Mid.cdn.test", CNAME, 200, "END.cdn.test");
	rr(&m, 1, "evil.test", A, 100, "\1\1\1\1", 4);
	rr(&m, 1, "mid.cdn.test", A, 100, "\1\1\1\1", 4); /* a CNAME has no siblings */
	rr_name(&m, "evil.test", CNAME, 200, "end.cdn.test");
	rr_name(&m, NULL, CNAME, 50, "mid.cdn.test");
	rr(&m, 1, "end.cdn.test", TXT, 100, "\1x", 2);
	assert_int_equal(reply(), 0);
	assert_int_equal(a->n, 3);
	assert_int_equal(a->ttl, 50);
	assert_int_equal(a->records[0].type, CNAME);
	assert_int_equal(a->records[1].type, CNAME);
	assert_int_equal(a->records[2].type, A);
	write_answer(512);
	/* What was written is read back: owners point to the right places. */
	asked("www.test", A);
	m.n = write_answer(512);
	memcpy(m.b, out, m.n);
	m.b[1] = 7;
	assert_int_equal(reply(), 0);
	assert_int_equal(a->n, 3);
}

static void test_chain_loops(void **state)
{
	char from[32], to[32];
	int i;

	asked("a.test", A);
	rr_name(&m, NULL, CNAME, 50, "b.test");
	rr_name(&m, "b.test", CNAME, 50, "A.test");
	rr(&m, 1, NULL, A, 300, web, 4);
	assert_int_equal(reply(), -EBADMSG);
	asked("a.test", A);
	rr_name(&m, NULL, CNAME, 50, "a.test");
	assert_int_equal(reply(), -EBADMSG);
	for (i = SBX_DNS_CHAIN_MAX; i <= SBX_DNS_CHAIN_MAX + 1; i++) {
		int k;

		asked("c0.test", A);
		for (k = 0; k < i; k++) {
			snprintf(from, sizeof(from), "c%d.test", k);
			snprintf(to, sizeof(to), "c%d.test", k + 1);
			rr_name(&m, from, CNAME, 50, to);
		}
		rr(&m, 1, to, A, 300, web, 4);
		assert_int_equal(reply(), i > SBX_DNS_CHAIN_MAX ? -EBADMSG : 0);
	}
}

static void test_ttl(void **state)
{
	static const struct {
		uint32_t ttl, told;
	} t[] = {{0, 30},	 {29, 30},	     {30, 30},	     {300, 300},
		 {86401, 86400}, {INT32_MAX, 86400}, {1u << 31, 30}, {UINT32_MAX, 30}};
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		asked("www.test", A);
		rr(&m, 1, NULL, A, t[i].ttl, web, 4);
		assert_int_equal(reply(), 0);
		assert_int_equal(a->ttl, t[i].told);
		write_answer(512);
		assert_int_equal(get16(out + 12 + 10 + 4 + 6) << 16 | get16(out + 12 + 10 + 4 + 8),
				 t[i].told);
	}
	assert_int_equal(sbx_dns_ttl(300, 100), 200);
	assert_int_equal(sbx_dns_ttl(300, 290), 30);
	assert_int_equal(sbx_dns_ttl(300, 1000), 30);
}

static void test_negative(void **state)
{
	asked("www.a.test", A);
	m.b[3] |= NXDOMAIN;
	rr_soa(&m, "a.TEST", 7200, 100);
	assert_int_equal(reply(), 0);
	assert_int_equal(a->rcode, NXDOMAIN);
	assert_true(a->negative);
	assert_int_equal(a->ttl, 100);
	write_answer(512);
	assert_int_equal(out[3] & 0xf, NXDOMAIN);
	assert_int_equal(get16(out + 8), 1);
	/* No address, days; a zone that the name is not in; a minimum of none. */
	asked("www.a.test", A);
	rr_soa(&m, "a.test", 720000, 720000);
	assert_int_equal(reply(), 0);
	assert_int_equal(a->ttl, SBX_DNS_NEGATIVE_MAX);
	asked("www.a.test", A);
	rr_soa(&m, "b.test", 100, 100);
	assert_int_equal(reply(), 0);
	assert_int_equal(a->ttl, SBX_DNS_NEGATIVE_MIN);
	assert_int_equal(a->soa_len, 0);
	asked("www.a.test", A);
	rr_soa(&m, "", 100, 0);
	assert_int_equal(reply(), 0);
	assert_int_equal(a->ttl, SBX_DNS_NEGATIVE_MIN);
	/* A name that is not there has no addresses. */
	asked("www.a.test", A);
	m.b[3] |= NXDOMAIN;
	rr_name(&m, NULL, CNAME, 50, "b.test");
	rr(&m, 1, "b.test", A, 300, web, 4);
	rr_soa(&m, "test", 100, 100);
	assert_int_equal(reply(), 0);
	assert_int_equal(a->n, 1);
	assert_true(a->negative);
	assert_int_equal(a->ttl, 50);
}

static bool special(unsigned type, const char *text)
{
	uint8_t addr[16];

	assert_int_equal(inet_pton(type == A ? AF_INET : AF_INET6, text, addr), 1);
	asked("www.test", type);
	rr(&m, 1, NULL, type, 300, addr, type == A ? 4 : 16);
	assert_int_equal(reply(), 0);
	assert_int_equal(a->n, 1);
	return a->records[0].special;
}

/* Each of the words. */
static void all(unsigned type, const char *words, bool expected)
{
	char *copy = strdup(words), *w;

	for (w = strtok(copy, " "); w; w = strtok(NULL, " "))
		if (special(type, w) != expected)
			fail_msg("%s", w);
	free(copy);
}

static void test_special(void **state)
{
	uint8_t addr[16];

	all(A,
	    "0.0.0.0 10.1.2.3 100.64.0.1 100.127.255.255 127.0.0.1 127.8.8.8 169.254.169.254 "
	    "172.16.0.1 172.31.255.255 192.168.1.1 192.0.2.1 198.51.100.1 203.0.113.1 192.0.0.192 "
	    "168.63.129.16 198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255",
	    true);
	all(A,
	    "1.1.1.1 100.63.255.255 100.128.0.0 172.15.0.1 172.32.0.0 192.167.0.1 169.253.0.1 "
	    "223.255.255.255",
	    false);
	all(AAAA,
	    ":: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::10.0.0.1 "
	    "64:ff9b::10.0.0.1 64:ff9b::127.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 2002:a00:1:: "
	    "2002:808:808:: 2001::1 2001:db8::1 fe80::1 fec0::1 fc00::1 fd00:ec2::254 "
	    "fd20:ce::254 ff02::1",
	    true);
	all(AAAA, "2606:4700::1111 ::ffff:1.1.1.1 64:ff9b::1.1.1.1 2a00::1", false);
	/* What IPv6 maps is IPv4. */
	assert_false(special(AAAA, "::ffff:1.2.3.4"));
	assert_int_equal(sbx_dns_address(a, 0, addr), AF_INET);
	assert_memory_equal(addr, "\1\2\3\4", 4);
}

static void test_many(void **state)
{
	unsigned i, n, size;
	uint8_t addr[4] = {93, 184};

	for (n = 512; n <= 3000; n += 2488) {
		asked("www.test", A);
		for (i = 0; i < n; i++) {
			addr[2] = (uint8_t)(i >> 8);
			addr[3] = (uint8_t)i;
			rr(&m, 1, NULL, A, 300, addr, 4);
		}
		assert_int_equal(reply(), 0);
		assert_int_equal(a->n, n > SBX_DNS_RECORDS_MAX ? SBX_DNS_RECORDS_MAX : n);
		write_answer(SBX_DNS_MESSAGE_MAX);
		assert_int_equal(answers(), a->n);
		assert_false(truncated());
		for (size = 512; size < 4096; size += 77) {
			write_answer(size);
			assert_int_equal(answers(), (size - 12 - 10 - 4) / 16);
			assert_true(truncated());
		}
	}
}

static void test_other_types(void **state)
{
	static const uint8_t mx[] = {0, 10, 4, 'm', 'a', 'i', 'l', 0xc0, QUESTION};
	static const uint8_t text[] = "\5hello\5world";

	asked("example.test", MX);
	rr(&m, 1, NULL, MX, 300, mx, sizeof(mx));
	rr(&m, 1, NULL, A, 300, web, 4);
	assert_int_equal(reply(), 0);
	assert_int_equal(a->n, 1);
	assert_int_equal(a->records[0].len, 2 + 5 + 14); /* the name in full */
	asked("example.test", TXT);
	rr(&m, 1, NULL, TXT, 300, text, 12);
	assert_int_equal(reply(), 0);
	assert_int_equal(a->records[0].len, 12);
	/* A type that nobody knows: its bytes. */
	asked("example.test", 60000);
	rr(&m, 1, NULL, 60000, 300, text, 12);
	rr(&m, 1, NULL, 60000, 300, text, 0);
	assert_int_equal(reply(), 0);
	assert_int_equal(a->n, 2);
	assert_memory_equal(sbx_dns_bytes(a, a->records[0].at), text, 12);
	asked("example.test", CNAME);
	rr_name(&m, NULL, CNAME, 50, "b.test");
	assert_int_equal(reply(), 0);
	assert_int_equal(a->n, 1);
	assert_false(a->negative);
}

/* --- hostile replies --- */

static void test_reply_cut(void **state)
{
	size_t whole, i;

	asked("www.test", A);
	rr_name(&m, NULL, CNAME, 50, "b.test");
	rr(&m, 1, "b.test", A, 300, web, 4);
	whole = m.n;
	for (i = 12; i < whole; i++) {
		m.n = i;
		assert_int_equal(reply(), i < 12 + 10 + 4 ? -EAGAIN : -EBADMSG);
	}
	m.b[7] = 200; /* more records promised than there are */
	m.n = whole;
	assert_int_equal(reply(), -EBADMSG);
}

static void test_reply_data(void **state)
{
	static const struct {
		unsigned asked, type;
		const char *data;
		size_t n;
	} t[] = {{A, A, "\1\2\3", 3},	      {A, A, "\1\2\3\4\5", 5}, {A, A, NULL, 0},
		 {AAAA, AAAA, "\1\2\3\4", 4}, {A, CNAME, NULL, 0},     {A, CNAME, "\1a\0x", 4}};
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		asked("www.test", t[i].asked);
		rr(&m, 1, NULL, t[i].type, 300, t[i].data, t[i].n);
		assert_int_equal(reply(), -EBADMSG);
	}
}

static void test_compression(void **state)
{
	unsigned at, i;

	/* A pointer to itself, two to each other, beyond the end, into the header. */
	for (i = 0; i < 4; i++) {
		uint8_t data[4];

		asked("www.test", A);
		at = (unsigned)m.n + 12;
		data[0] = data[2] = 0xc0;
		data[1] = (uint8_t)(i == 0 ? at : i == 1 ? at + 2 : i == 2 ? 250 : 0);
		data[3] = (uint8_t)at;
		rr(&m, 1, NULL, CNAME, 50, data, i == 1 ? 4 : 2);
		assert_int_equal(reply(), -EBADMSG);
	}
	/* A label and a pointer back to it: a name without end. */
	asked("www.test", A);
	at = (unsigned)m.n;
	count(&m, 1);
	put8(&m, 1);
	put8(&m, 'a');
	put16(&m, 0xc000 | at);
	put16(&m, A);
	put16(&m, 1);
	put32(&m, 300);
	put16(&m, 4);
	put(&m, web, 4);
	assert_int_equal(reply(), -EBADMSG);
}

/* Thousands of records whose names all run through a long chain of pointers. */
static void test_compression_slow(void **state)
{
	unsigned at, i;

	asked("www.test", A);
	at = (unsigned)m.n;
	count(&m, 1); /* a record of another type that holds 8000 pointers */
	put_name(&m, NULL);
	put16(&m, TXT);
	put16(&m, 1);
	put32(&m, 300);
	put16(&m, 16000);
	put16(&m, 0xc000 | QUESTION);
	at = (unsigned)m.n;
	for (i = 1; i < 8000; i++, at += 2)
		put16(&m, 0xc000 | (at - 2));
	for (i = 0; i < 3000; i++) {
		count(&m, 1);
		put16(&m, 0xc000 | (at - 2));
		put16(&m, A);
		put16(&m, 1);
		put32(&m, 300);
		put16(&m, 4);
		put(&m, web, 4);
	}
	assert_true(m.n < SBX_DNS_MESSAGE_MAX);
	assert_int_equal(reply(), 0);
	assert_int_equal(a->n, SBX_DNS_RECORDS_MAX);
}

static int free_answer(void **state)
{
	free(a);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_query),	      cmocka_unit_test(test_query_edns),
		cmocka_unit_test(test_query_names),   cmocka_unit_test(test_query_bad),
		cmocka_unit_test(test_forwarded),     cmocka_unit_test(test_reply),
		cmocka_unit_test(test_reply_foreign), cmocka_unit_test(test_chain),
		cmocka_unit_test(test_chain_loops),   cmocka_unit_test(test_ttl),
		cmocka_unit_test(test_negative),      cmocka_unit_test(test_special),
		cmocka_unit_test(test_many),	      cmocka_unit_test(test_other_types),
		cmocka_unit_test(test_reply_cut),     cmocka_unit_test(test_reply_data),
		cmocka_unit_test(test_compression),   cmocka_unit_test(test_compression_slow),
	};

	return cmocka_run_group_tests(tests, NULL, free_answer);
}
