// SPDX-License-Identifier: MIT
/* What the forwarder remembers: answers, names that were paid for, resolv.conf. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <cmocka.h>
#include "tests/unit/dnswire.h"
#include "user/dns/cache.h"
#include "user/dns/ration.h"
#include "user/dns/resolvconf.h"

/* --- cache --- */

static struct sbx_dns_answer *dummy(uint32_t ttl, size_t size)
{
	struct sbx_dns_answer *x = calloc(1, sizeof(*x));

	x->ttl = ttl;
	x->size = size;
	return x;
}

static void test_cache(void **state)
{
	struct sbx_dns_cache *c = sbx_dns_cache_new();
	struct sbx_dns_answer *one = dummy(30, 100), *two = dummy(60, 100);
	uint32_t age;

	assert_null(sbx_dns_cache_find(c, "a.test", A, 1000, &age));
	sbx_dns_cache_put(c, "a.test", A, one, 1000);
	sbx_dns_cache_put(c, "a.test", AAAA, two, 1000);
	assert_ptr_equal(sbx_dns_cache_find(c, "a.test", A, 1029, &age), one);
	assert_int_equal(age, 29);
	assert_ptr_equal(sbx_dns_cache_find(c, "a.test", AAAA, 1029, &age), two);
	assert_null(sbx_dns_cache_find(c, "b.test", A, 1029, &age));
	assert_null(sbx_dns_cache_find(c, "a.test", A, 1030, &age));
	one = dummy(30, 100);
	sbx_dns_cache_put(c, "a.test", AAAA, one, 1030); /* replaced */
	assert_ptr_equal(sbx_dns_cache_find(c, "a.test", AAAA, 1031, &age), one);
	sbx_dns_cache_clear(c);
	assert_null(sbx_dns_cache_find(c, "a.test", AAAA, 1031, &age));
	sbx_dns_cache_free(c);
}

static void test_cache_bounds(void **state)
{
	struct sbx_dns_cache *c = sbx_dns_cache_new();
	char name[32];
	uint32_t age;
	int i;

	/* The one that is used stays, whatever else comes. */
	sbx_dns_cache_put(c, "used.test", A, dummy(300, 100), 1);
	for (i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "n%d.test", i);
		sbx_dns_cache_put(c, name, A, dummy(300, 100), 1);
		if (i % 500 == 0)
			assert_non_null(sbx_dns_cache_find(c, "used.test", A, 2, &age));
	}
	assert_non_null(sbx_dns_cache_find(c, "n99999.test", A, 2, &age));
	assert_null(sbx_dns_cache_find(c, "n98000.test", A, 2, &age));
	/* By size, too: the last alone is larger than all may be. */
	sbx_dns_cache_put(c, "large.test", A, dummy(300, SBX_DNS_CACHE_BYTES - 1000), 1);
	assert_non_null(sbx_dns_cache_find(c, "large.test", A, 2, &age));
	assert_null(sbx_dns_cache_find(c, "n99000.test", A, 2, &age));
	sbx_dns_cache_put(c, "huge.test", A, dummy(300, SBX_DNS_CACHE_BYTES), 1);
	assert_null(sbx_dns_cache_find(c, "huge.test", A, 2, &age));
	sbx_dns_cache_free(c);
}

/* --- ration --- */

static bool take(struct sbx_dns_ration *r, const char *format, int i, uint64_t now)
{
	char name[300];

	snprintf(name, sizeof(name), format, i);
	return sbx_dns_ration_take(r, name, A, now);
}

static void test_ration(void **state)
{
	struct sbx_dns_ration r;
	int i, n = 0;

	sbx_dns_ration_init(&r, 5000);
	for (i = 0; i < 1000; i++)
		n += take(&r, "n%d.wild.test", i, 5000);
	assert_int_equal(n, SBX_DNS_WILD_BURST);
	/* Then one a second, */
	for (i = 1000; i < 2000; i++)
		n += take(&r, "n%d.wild.test", i, 5000 + 10 * (uint64_t)(i - 1000));
	assert_in_range(n, SBX_DNS_WILD_BURST + 9, SBX_DNS_WILD_BURST + 11);
	/* and never more than the burst, however long it was quiet. */
	for (i = 2000, n = 0; i < 3000; i++)
		n += take(&r, "n%d.wild.test", i, 500000000);
	assert_int_equal(n, SBX_DNS_WILD_BURST);
}

static void test_ration_prices(void **state)
{
	struct sbx_dns_ration r;
	int i, n = 0;

	/* The same name again costs a tenth; its other address family is the same name. */
	sbx_dns_ration_init(&r, 5000);
	assert_true(take(&r, "a.wild.test", 0, 5000));
	assert_true(sbx_dns_ration_take(&r, "a.wild.test", AAAA, 5000));
	for (i = 0; i < 1000; i++)
		n += take(&r, "a.wild.test", 0, 5000);
	assert_int_equal(n, (SBX_DNS_WILD_BURST - 1) * SBX_DNS_WILD_AGAIN - 1);
	/* Another type is another question: the type would be a letter box. */
	sbx_dns_ration_init(&r, 5000);
	for (i = 0, n = 0; i < 1000; i++)
		n += sbx_dns_ration_take(&r, "a.wild.test", (uint16_t)(1000 + i), 5000);
	assert_int_equal(n, SBX_DNS_WILD_BURST);
	/* Long names cost more: 96 to 127 bytes, 4. */
	sbx_dns_ration_init(&r, 5000);
	for (i = 0, n = 0; i < 1000; i++)
		n += take(&r, "%0100d.wild.test", i, 5000);
	assert_int_equal(n, SBX_DNS_WILD_BURST / 4);
}

/* --- resolv.conf --- */

static char path[] = "/tmp/sbx-resolv-XXXXXX";

static void write_conf(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_resolvconf(void **state)
{
	struct sbx_resolvconf r;

	write_conf(
		"# comment\n; another\n"
		"search wrong.test\nsearch Corp.Example. lab.test\n"
		"nameserver 192.0.2.1\n nameserver 192.0.2.9\nnameserver\nnameserver nonsense\n"
		"nameserver\tfe80::1%lo  # why not\nnameserver 2001:db8::1\nnameserver 192.0.2.4\n"
		"options rotate timeout:3 attempts:9\noptions edns0");
	assert_int_equal(sbx_resolvconf_init(&r, path), 0);
	assert_int_equal(r.n_servers, 3);
	assert_int_equal(r.servers[0].in.sin_addr.s_addr, inet_addr("192.0.2.1"));
	assert_int_equal(r.servers[0].in.sin_port, htons(53));
	assert_int_equal(r.servers[1].sa.sa_family, AF_INET6);
	assert_int_equal(r.servers[1].in6.sin6_scope_id, 1);
	assert_int_equal(r.servers[2].in6.sin6_scope_id, 0);
	assert_int_equal(r.n_search, 2);
	assert_string_equal(r.search[0], "corp.example");
	assert_string_equal(r.search[1], "lab.test");
	assert_null(r.search[2]);
	assert_int_equal(r.timeout, 3);
	assert_int_equal(r.attempts, 5);
	sbx_resolvconf_free(&r);
}

static void test_resolvconf_changes(void **state)
{
	struct sbx_resolvconf r;
	char other[64], bytes[] = "nameserver 192.0.2.1\nsearch a.test\n";
	FILE *f;

	write_conf(bytes);
	assert_int_equal(sbx_resolvconf_init(&r, path), 0);
	assert_false(sbx_resolvconf_poll(&r));
	/* In place, the same size; and what a VPN client does: another file under the name. */
	bytes[19] = '2';
	write_conf(bytes);
	assert_true(sbx_resolvconf_poll(&r));
	assert_int_equal(r.servers[0].in.sin_addr.s_addr, inet_addr("192.0.2.2"));
	assert_false(sbx_resolvconf_poll(&r));
	snprintf(other, sizeof(other), "%s.new", path);
	f = fopen(other, "w");
	fputs("nameserver ::1\ndomain b.test ignored.test\noptions timeout:0\n", f);
	fclose(f);
	/* Missing for a moment, */
	unlink(path);
	assert_false(sbx_resolvconf_poll(&r));
	assert_int_equal(r.n_servers, 1);
	/* and a link to somewhere else. */
	assert_int_equal(symlink(other, path), 0);
	assert_true(sbx_resolvconf_poll(&r));
	assert_int_equal(r.servers[0].sa.sa_family, AF_INET6);
	assert_int_equal(r.n_search, 1);
	assert_string_equal(r.search[0], "b.test");
	assert_int_equal(r.timeout, 1);
	sbx_resolvconf_free(&r);
	unlink(path);
	unlink(other);
	/* No file: the local server, as glibc does. */
	assert_int_equal(sbx_resolvconf_init(&r, path), 0);
	assert_int_equal(r.n_servers, 1);
	assert_int_equal(r.servers[0].in.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_int_equal(r.timeout, SBX_RESOLV_TIMEOUT);
	sbx_resolvconf_free(&r);
}

static int make_path(void **state)
{
	int fd = mkstemp(path);

	return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
	unlink(path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cache),	   cmocka_unit_test(test_cache_bounds),
		cmocka_unit_test(test_ration),	   cmocka_unit_test(test_ration_prices),
		cmocka_unit_test(test_resolvconf), cmocka_unit_test(test_resolvconf_changes),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
