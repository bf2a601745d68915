// SPDX-License-Identifier: MIT
/* Heads of requests to a proxy: what is understood, what is refused, what is written anew.
 * tests/kernel/proxyreq.py sends the same kinds through the whole. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>
#include "user/net/head.h"

static struct sbx_request request;

static int read_it(const char *text)
{
	return sbx_request_read(text, strlen(text), 0, &request);
}

static void written(const char *text, const char *expected)
{
	char out[SBX_HEAD_OUT_MAX];
	size_t n;

	assert_int_equal(read_it(text), 1);
	n = sbx_request_write(text, &request, out);
	assert_int_equal(n, strlen(expected));
	assert_memory_equal(out, expected, n);
}

static void test_written(void **state)
{
	written("GET http://A.example/x?y HTTP/1.1\r\nHost: a.EXAMPLE:80\r\nAccept: */*\r\n"
		"Connection: keep-alive\r\nProxy-Connection: keep-alive\r\nUpgrade: h2c\r\n"
		"Expect: 100-continue\r\nTE: trailers\r\nCookie: a=b\r\n\r\n",
		"GET http://a.example/x?y HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\n"
		"Cookie: a=b\r\nConnection: close\r\n\r\n");
	written("GET http://a.example:8080 HTTP/1.0\r\n\r\n",
		"GET http://a.example:8080/ HTTP/1.0\r\nHost: a.example:8080\r\n"
		"Connection: close\r\n\r\n");
	written("CONNECT a.example.:443 HTTP/1.1\r\nHost: a.example\r\n"
		"Proxy-Authorization: Basic eDp5\r\nproxy-connection: Keep-Alive\r\n\r\n",
		"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n"
		"Proxy-Authorization: Basic eDp5\r\n\r\n");
	written("CONNECT [2001:DB8:0::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n",
		"CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n");
	/* what resolvers take for an IPv4 address is written as one */
	written("GET http://[::ffff:10.0.0.1]/ HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n",
		"GET http://10.0.0.1/ HTTP/1.1\r\nHost: 10.0.0.1\r\nConnection: close\r\n\r\n");
}

static void test_target(void **state)
{
	assert_int_equal(read_it("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\nx"), 1);
	assert_true(request.connect);
	assert_string_equal(request.to.name, "a.example");
	assert_int_equal(request.to.port, 443);
	assert_int_equal(read_it("PUT http://192.0.2.1:81/ HTTP/1.1\r\nHost: 192.0.2.1:81\r\n"
				 "Content-Length: 7\r\n\r\nabc"),
			 1);
	assert_false(request.connect);
	assert_int_equal(request.to.family, AF_INET);
	assert_int_equal(request.to.port, 81);
	assert_int_equal(request.body, 7);
}

/* Piece by piece it is understood when it is whole, and not before. */
static void test_pieces(void **state)
{
	static const char text[] = "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n";
	size_t i, n = strlen(text);

	for (i = 0; i < n; i++)
		assert_int_equal(sbx_request_read(text, i, i ? i - 1 : 0, &request), 0);
	assert_int_equal(sbx_request_read(text, n, n - 1, &request), 1);
	assert_int_equal(request.len, n);
}

static void refused(const char *text, int status)
{
	if (read_it(text) != -status) {
		print_error("%s\n", text);
		assert_int_equal(read_it(text), -status);
	}
}

static void test_hosts(void **state)
{
	static const char *const bad[] = {
		"a..b",
		".a",
		"-a.b",
		"a-.b",
		"a b",
		"127.1",
		"2130706433",
		"0x7f000001",
		"0X7F.1",
		"1.2.3.4.5",
		"0177.0.0.1",
		"1.2.3.04",
		"a.example.1",
		"[::1",
		"[::1]x",
		"[fe80::1%lo]",
		"[1.2.3.4]",
		"::1",
		"a.example%00",
		"a_b.example/",
		"u@a.example",
		"a.example\\",
		"",
		"a.example..",
		"[]",
	};
	char text[256];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "CONNECT %s:443 HTTP/1.0\r\n\r\n", bad[i]);
		refused(text, 400);
	}
	/* the same way, hosts that are fine */
	assert_int_equal(read_it("CONNECT a_b.example-1.org:443 HTTP/1.0\r\n\r\n"), 1);
	assert_int_equal(read_it("CONNECT 1.2.3.4:443 HTTP/1.0\r\n\r\n"), 1);
	assert_int_equal(read_it("CONNECT localhost:443 HTTP/1.0\r\n\r\n"), 1);
	refused("CONNECT a.example:0 HTTP/1.0\r\n\r\n", 400);
	refused("CONNECT a.example:65536 HTTP/1.0\r\n\r\n", 400);
	refused("CONNECT a.example:4 43 HTTP/1.0\r\n\r\n", 400);
	refused("CONNECT a.example:+443 HTTP/1.0\r\n\r\n", 400);
	refused("GET http://a.example: HTTP/1.0\r\n\r\n", 400);
	refused("GET http:///x HTTP/1.0\r\n\r\n", 400);
	refused("GET http://a.example#b HTTP/1.0\r\n\r\n", 400);
	refused("GET ftp://a.example/ HTTP/1.0\r\n\r\n", 400);
}

static void test_long_hosts(void **state)
{
	char host[300], text[600];
	size_t i;

	for (i = 0; i < sizeof(host); i++)
		host[i] = i % 50 == 49 ? '.' : 'a';
	snprintf(text, sizeof(text), "CONNECT %.253s:443 HTTP/1.0\r\n\r\n", host);
	assert_int_equal(read_it(text), 1);
	snprintf(text, sizeof(text), "CONNECT %.253s.:443 HTTP/1.0\r\n\r\n", host);
	assert_int_equal(read_it(text), 1);
	snprintf(text, sizeof(text), "CONNECT %.254s:443 HTTP/1.0\r\n\r\n", host);
	refused(text, 400);
}

static void test_size(void **state)
{
	char *text = calloc(1, SBX_HEAD_MAX + 100);

	assert_non_null(text);
	strcpy(text, "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nX: ");
	memset(text + strlen(text), 'a', SBX_HEAD_MAX - strlen(text) - 1);
	assert_int_equal(read_it(text), 0);
	strcpy(text + SBX_HEAD_MAX - 4, "\r\n\r\n");
	assert_int_equal(read_it(text), 1);
	memset(text + SBX_HEAD_MAX - 4, 'a', 8);
	refused(text, 431);
	free(text);
}

static void test_replies(void **state)
{
	static const char whole[] = "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nSSH-2.0";
	static const char not [] = "HTTP/1.0 407 No\r\nProxy-Connection: keep-alive\r\n"
				   "Content-Length: 3\r\nKeep-Alive: 5\r\n\r\nno\n";
	char out[SBX_HEAD_OUT_MAX];
	unsigned status;
	uint64_t body;
	size_t head, n;

	assert_int_equal(sbx_reply_read(whole, sizeof(whole) - 1, &status, &head, &body), 1);
	assert_int_equal(status, 200);
	assert_int_equal(head, strlen(whole) - 7);
	assert_int_equal(sbx_reply_read(whole, head - 1, &status, &head, &body), 0);
	assert_int_equal(sbx_reply_read(not, sizeof(not ) - 1, &status, &head, &body), 1);
	assert_int_equal(status, 407);
	assert_int_equal(body, 3);
	n = sbx_reply_write(not, head, out);
	out[n] = 0;
	assert_string_equal(out, "HTTP/1.0 407 No\r\nContent-Length: 3\r\nConnection: close\r\n"
				 "Proxy-Connection: close\r\n\r\n");
	assert_int_equal(sbx_reply_read("SSH-2.0-x\r\n\r\n", 13, &status, &head, &body), -EPROTO);
	assert_int_equal(sbx_reply_read("HTTP/1.1 2\r\n\r\n", 14, &status, &head, &body), -EPROTO);
	assert_int_equal(sbx_reply_read("HTTP/1.1 099 x\r\n\r\n", 18, &status, &head, &body),
			 -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written),	   cmocka_unit_test(test_target),
		cmocka_unit_test(test_pieces),	   cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_long_hosts), cmocka_unit_test(test_size),
		cmocka_unit_test(test_replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
