// SPDX-License-Identifier: MIT
/*
 * Bad policies: tests/golden/bad/NAME.yaml gives exactly the messages of NAME.expected, and so do
 * bad files of assertions in tests/golden/bad-assert. Run from the top of the sources. BLESS=1
 * writes the messages there: read the difference before you keep it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/assertion.h"
#include "user/policy/parse.h"
#include "user/policy/policy.h"

static char *const env[] = {"REL=srv/x", "UP=/srv/../x", NULL};
static const char *const dirs[] = {"tests/golden/bad/inc", NULL};
static const struct sbx_load_opts opts = {
	.home = "/home/u", .pwd = "/home/u/work", .tmp = "/tmp/sbx-1", .env = env, .dirs = dirs};

static char *messages(const struct sbx_diags *d)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	sbx_diags_print(d, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static char *read_file(const char *path)
{
	char *text = calloc(1, 65536);
	FILE *f = fopen(path, "r");

	assert_non_null(text);
	if (f) {
		assert_true(fread(text, 1, 65535, f) < 65535);
		fclose(f);
	}
	return text;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* Every message has a place, a value and a remedy. */
static void assert_form(const struct sbx_diags *d)
{
	size_t i;

	for (i = 0; i < d->n; i++) {
		assert_non_null(d->v[i].file);
		assert_true(d->v[i].line > 0 && d->v[i].col > 0);
		assert_non_null(strchr(d->v[i].what, '('));
		assert_non_null(d->v[i].hint);
	}
}

typedef int load_fn(const char *file, const struct sbx_load_opts *opts, struct sbx_policy **out,
		    struct sbx_diags *d);

static bool as_expected(const char *file, load_fn *load)
{
	struct sbx_policy *p = NULL;
	struct sbx_diags d = {0};
	char path[256], *got, *expected;
	bool same;

	assert_int_equal(load(file, &opts, &p, &d), -EINVAL);
	assert_null(p);
	assert_form(&d);
	got = messages(&d);
	sbx_diags_free(&d);
	snprintf(path, sizeof(path), "%.*s.expected", (int)(strrchr(file, '.') - file), file);
	if (getenv("BLESS"))
		write_file(path, got);
	expected = read_file(path);
	same = !strcmp(got, expected);
	if (!same)
		print_error("--- %s\n%s--- got\n%s", path, expected, got);
	free(expected);
	free(got);
	return same;
}

static void all_as_expected(const char *pattern, size_t least, load_fn *load)
{
	size_t i, wrong = 0;
	glob_t g;

	assert_int_equal(glob(pattern, 0, NULL, &g), 0);
	assert_true(g.gl_pathc >= least);
	for (i = 0; i < g.gl_pathc; i++)
		wrong += !as_expected(g.gl_pathv[i], load);
	globfree(&g);
	assert_int_equal(wrong, 0);
}

static void test_golden(void **state)
{
	all_as_expected("tests/golden/bad/*.yaml", 60, sbx_policy_load);
}

static void test_golden_assertions(void **state)
{
	all_as_expected("tests/golden/bad-assert/*.yaml", 8, sbx_assertions_load);
}

/* --- what does not fit into a file, or not into a readable one --- */

static void assert_bad(const char *text, size_t len, const char *with)
{
	struct sbx_policy *p = NULL;
	struct sbx_diags d = {0};
	char *got;

	assert_int_equal(sbx_policy_parse("p.yaml", text, len, &opts, &p, &d), -EINVAL);
	assert_null(p);
	got = messages(&d);
	sbx_diags_free(&d);
	if (!strstr(got, with))
		fail_msg("\"%s\" is not in \"%.2000s\"", with, got);
	free(got);
}

/* `head`, then `part` n times, then `tail`. */
static void assert_bad_repeated(const char *head, const char *part, size_t n, const char *tail,
				const char *with)
{
	size_t len = strlen(head) + n * strlen(part) + strlen(tail), i;
	char *text = malloc(len + 1), *s;

	assert_non_null(text);
	s = stpcpy(text, head);
	for (i = 0; i < n; i++)
		s = stpcpy(s, part);
	strcpy(s, tail);
	assert_bad(text, len, with);
	free(text);
}

static void test_too_large(void **state)
{
	assert_bad_repeated("version: 1\n", "# comment\n", 1000000, "",
			    "p.yaml: error: the file is too large");
	assert_bad_repeated("version: 1\nfiles: ", "[", 100000, "", "nested too deeply");
	assert_bad_repeated("version: 1\nfiles: ", "{a: ", 20, "", "nested too deeply");
	assert_bad_repeated("version: 1\nfiles:\n", "- {deny: read, path: /x}\n", 65536, "",
			    "too many rules (more than 65535)");
}

/* Said once, and what is wrong elsewhere is not drowned. */
static void test_too_many_rules(void **state)
{
	const char *rule = "- {deny: read, path: /x}\n";
	char head[64], *text, *s, *got;
	struct sbx_policy *p = NULL;
	struct sbx_diags d = {0};
	size_t i, n = 100000;

	s = stpcpy(head, "version: 1\nfiles:\n");
	text = malloc(s - head + n * strlen(rule) + 64);
	assert_non_null(text);
	s = stpcpy(text, head);
	for (i = 0; i < n; i++)
		s = stpcpy(s, rule);
	s = stpcpy(s, "colour: red\n");
	assert_int_equal(sbx_policy_parse("p.yaml", text, s - text, &opts, &p, &d), -EINVAL);
	got = messages(&d);
	assert_int_equal(d.n, 2);
	assert_non_null(strstr(got, "p.yaml:65538:3: error: too many rules (more than 65535)"));
	assert_non_null(strstr(got, "p.yaml:100003:1: error: "));
	free(got);
	free(text);
	sbx_diags_free(&d);
}

/* Nine lines that would be a billion values: no alias is ever followed. */
static void test_alias_bomb(void **state)
{
	char text[2048], *s = stpcpy(text, "version: 1\nvars:\n  a0: &a0 /x\n");
	int i, k;

	for (i = 1; i < 10; i++) {
		s += sprintf(s, "  a%d: &a%d [", i, i);
		for (k = 0; k < 10; k++)
			s += sprintf(s, "%s*a%d", k ? ", " : "", i - 1);
		s = stpcpy(s, "]\n");
	}
	assert_bad(text, s - text, "p.yaml:3:7: error: anchors are not allowed (a0)");
	assert_bad(text, s - text, "p.yaml:4:12: error: aliases are not allowed (a0)");
}

/* Many short names for long values. */
static void test_too_much_text(void **state)
{
	char head[4200], *s = stpcpy(head, "version: 1\nvars: {a: /");

	memset(s, 'x', 4000);
	strcpy(s + 4000, "}\nfiles:\n- allow: read\n  path: [");
	assert_bad_repeated(head, "'${a}',", 5000, "]\n", "the policy is too large (at ${a})");
}

static void test_too_many_keys(void **state)
{
	char text[16384], *s = stpcpy(text, "version: 1\nvars:\n");
	int i;

	for (i = 0; i <= SBX_YAML_MAX_KEYS; i++)
		s += sprintf(s, "  v%d: x\n", i);
	assert_bad(text, s - text, "p.yaml:515:3: error: a mapping has too many keys");
}

/* The words are kept for a thousand; all are counted. */
static void test_too_many_errors(void **state)
{
	assert_bad_repeated("version: 1\nfiles:\n", "- {}\n", 5000, "",
			    "note: 9000 more are not shown");
}

static void test_bytes(void **state)
{
	static const char nul[] = "version: 1\nname: a\0b\n";
	static const char escaped[] = "version: 1\nname: \"a\\0b\"\n";
	static const char latin[] = "version: 1\ndescription: b\xfc"
				    "cher\n";
	static const char utf16[] = "\xff\xfev\0e\0r\0";
	static const char control[] = "version: 1\nname: a\x1b[2Jb\n";
	static const char hidden[] = "version: 1\nmode: \"\\x1b[2J\\u202e\\x85\\nx\"\n";

	assert_bad(nul, sizeof(nul) - 1,
		   "p.yaml:2:8: error: this is not text: control characters are not");
	assert_bad(escaped, sizeof(escaped) - 1, "p.yaml:2:7: error: the value contains a NUL");
	assert_bad(latin, sizeof(latin) - 1,
		   "p.yaml:2:15: error: this is not text: invalid leading UTF-8");
	assert_bad(utf16, sizeof(utf16) - 1, "Hint: write the file in UTF-8");
	assert_bad(control, sizeof(control) - 1, "control characters are not allowed");
	assert_bad(hidden, sizeof(hidden) - 1, "(\\x1b[2J\\u202e\\x85\n    x)");
	assert_bad("", 0, "p.yaml:1:1: error: the file holds no policy");
}

/* A chain of more includes than are allowed, and a fan of as many as are. */
static void test_too_many_includes(void **state)
{
	char dir[] = "/tmp/sbx-test-XXXXXX", path[64], text[64], cmd[64], *got;
	struct sbx_policy *p = NULL;
	struct sbx_diags d = {0};
	int i;

	assert_non_null(mkdtemp(dir));
	for (i = 0; i <= SBX_MAX_INCLUDES + 1; i++) {
		snprintf(path, sizeof(path), "%s/%d.yaml", dir, i);
		snprintf(text, sizeof(text), "version: 1\n%s./%d.yaml\n",
			 i <= SBX_MAX_INCLUDES ? "include: " : "#", i + 1);
		write_file(path, text);
	}
	snprintf(path, sizeof(path), "%s/1.yaml", dir);
	assert_int_equal(sbx_policy_load(path, &opts, &p, &d), 0);
	assert_int_equal(p->n_sources, SBX_MAX_INCLUDES + 1);
	sbx_policy_free(p);
	snprintf(path, sizeof(path), "%s/0.yaml", dir);
	assert_int_equal(sbx_policy_load(path, &opts, &p, &d), -EINVAL);
	got = messages(&d);
	assert_non_null(strstr(got, "too many files are included"));
	free(got);
	sbx_diags_free(&d);
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	assert_int_equal(system(cmd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),	      cmocka_unit_test(test_golden_assertions),
		cmocka_unit_test(test_too_large),     cmocka_unit_test(test_too_many_rules),
		cmocka_unit_test(test_too_much_text), cmocka_unit_test(test_alias_bomb),
		cmocka_unit_test(test_too_many_keys), cmocka_unit_test(test_too_many_errors),
		cmocka_unit_test(test_bytes),	      cmocka_unit_test(test_too_many_includes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
