// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "user/base/arena.h"
#include "user/base/diag.h"
#include "user/base/utf8.h"

static void assert_prints(const struct sbx_diags *d,
			  void (*print)(const struct sbx_diags *d, FILE *out), const char *expected)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	print(d, out);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, expected);
	free(text);
}

static void test_order(void **state)
{
	struct sbx_diags d = {0};

	sbx_diag_add(&d, SBX_ERROR, (struct sbx_pos){"b", 1, 1}, "h", "last (%d)", 1);
	sbx_diag_add(&d, SBX_WARNING, (struct sbx_pos){"a", 10, 2}, NULL, "fourth");
	sbx_diag_add(&d, SBX_NOTE, (struct sbx_pos){"a", 9, 30}, NULL, "third");
	sbx_diag_add(&d, SBX_ERROR, (struct sbx_pos){"a", 0, 0}, NULL, "second");
	sbx_diag_add(&d, SBX_ERROR, (struct sbx_pos){0}, "x", "first");
	sbx_diag_add(&d, SBX_ERROR, (struct sbx_pos){"a", 10, 2}, NULL, "fifth");
	assert_int_equal(d.n, 6);
	assert_int_equal(d.errors, 4);
	assert_int_equal(d.warnings, 1);
	assert_prints(&d, sbx_diags_print,
		      "error: first. Hint: x\n"
		      "a: error: second\n"
		      "a:9:30: note: third\n"
		      "a:10:2: warning: fourth\n"
		      "a:10:2: error: fifth\n"
		      "b:1:1: error: last (1). Hint: h\n");
	sbx_diags_free(&d);
	assert_int_equal(d.n, 0);
	assert_prints(&d, sbx_diags_print, "");
}

static void test_json(void **state)
{
	struct sbx_diags d = {0};

	sbx_diag_add(&d, SBX_ERROR, (struct sbx_pos){"a\"b", 3, 4}, "h", "w");
	sbx_diag_add(&d, SBX_WARNING, (struct sbx_pos){0}, NULL, "bytes \xff\n");
	assert_prints(&d, sbx_diags_print_json,
		      "{\"severity\":\"warning\",\"message\":\"bytes \\\\xff\\n    \"}\n"
		      "{\"severity\":\"error\",\"file\":\"a\\\"b\",\"line\":3,\"column\":4,"
		      "\"message\":\"w\",\"hint\":\"h\"}\n");
	sbx_diags_free(&d);
}

/* Neither the terminal nor the reader may be deceived by a value. */
static void test_safe(void **state)
{
	struct sbx_diags d = {0};

	sbx_diag_add(&d, SBX_ERROR, (struct sbx_pos){"f\x1b", 1, 1}, "\x07",
		     "a\x1b[2J\r\t\x7f b\xc2\x9b c\xe2\x80\xae d\xc3\xbc e\xff\xc3 "
		     "f\nx:1:1: error: g");
	assert_prints(&d, sbx_diags_print,
		      "f\\x1b:1:1: error: a\\x1b[2J\\x0d\\x09\\x7f b\\x9b c\\u202e d\xc3\xbc "
		      "e\\xff\\xc3 f\n    x:1:1: error: g. Hint: \\x07\n");
	sbx_diags_free(&d);
}

static void test_many(void **state)
{
	struct sbx_diags d = {0};
	char *text = NULL;
	size_t len, i;
	FILE *out;

	for (i = 0; i < SBX_DIAGS_MAX + 3; i++)
		sbx_diag_add(&d, SBX_ERROR, (struct sbx_pos){0}, NULL, "e");
	assert_int_equal(d.n, SBX_DIAGS_MAX);
	assert_int_equal(d.errors, SBX_DIAGS_MAX + 3);
	out = open_memstream(&text, &len);
	sbx_diags_print(&d, out);
	fclose(out);
	assert_string_equal(strstr(text, "note:"), "note: 3 more are not shown\n");
	free(text);
	sbx_diags_free(&d);
}

static void test_utf8(void **state)
{
	static const struct {
		const char *s;
		size_t n, len;
		uint32_t cp;
	} cases[] = {
		{"a", 1, 1, 'a'},
		{"\0", 1, 1, 0},
		{"\xc3\xbc", 2, 2, 0xfc},
		{"\xc3\xbc", 1, 0, 0},
		{"\xe2\x82\xac", 3, 3, 0x20ac},
		{"\xf0\x9f\x90\xa7", 4, 4, 0x1f427},
		{"\xc0\x80", 2, 0, 0},	       /* longer than needed */
		{"\xe0\x80\x80", 3, 0, 0},     /* likewise */
		{"\xed\xa0\x80", 3, 0, 0},     /* a surrogate */
		{"\xf4\x90\x80\x80", 4, 0, 0}, /* beyond Unicode */
		{"\x80", 1, 0, 0},
		{"\xff", 1, 0, 0},
		{"\xc3(", 2, 0, 0},
	};
	uint32_t cp;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cp = 0;
		assert_int_equal(sbx_utf8_decode(cases[i].s, cases[i].n, &cp), cases[i].len);
		assert_int_equal(cp, cases[i].cp);
	}
	assert_true(sbx_utf8_is_active(0x1b));
	assert_true(sbx_utf8_is_active(0x9b));
	assert_true(sbx_utf8_is_active(0x2066));
	assert_false(sbx_utf8_is_active(' '));
	assert_false(sbx_utf8_is_active(0xfc));
}

static void test_arena(void **state)
{
	struct sbx_arena *a = sbx_arena_new();
	int *v = NULL;
	char *big;
	size_t n;

	assert_non_null(a);
	for (n = 0; n < 100; n++) {
		v = sbx_arena_grow(a, v, n, sizeof(*v));
		assert_non_null(v);
		v[n] = (int)n;
	}
	for (n = 0; n < 100; n++)
		assert_int_equal(v[n], n);
	big = sbx_arena_alloc(a, 1 << 20);
	assert_non_null(big);
	assert_int_equal(big[0] | big[(1 << 20) - 1], 0);
	assert_null(sbx_arena_alloc(a, SIZE_MAX - 3));
	assert_string_equal(sbx_arena_strndup(a, "abc", 2), "ab");
	sbx_arena_free(a);
	sbx_arena_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order), cmocka_unit_test(test_json),
		cmocka_unit_test(test_safe),  cmocka_unit_test(test_many),
		cmocka_unit_test(test_utf8),  cmocka_unit_test(test_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
