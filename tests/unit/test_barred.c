// SPDX-License-Identifier: MIT
/*
 * Of a directory (include/sbx_image.h): the names in it that no rule mentions, and whether it bars
 * symlinks, by whatever name: where rules deny writing below every name in it, but not deeper down.
 */
#include "tests/unit/filerules.h"

#define MAX_DIRS 8

struct example {
	const char *rules;
	const char *bars[MAX_DIRS], *others[MAX_DIRS];
};

static void expect(const struct example *e)
{
	struct kit k = {0};
	int i;

	kit_rules(&k, e->rules);
	assert_int_equal(kit_compile(&k), 0);
	for (i = 0; i < MAX_DIRS && e->bars[i]; i++)
		if (!kit_state(&k, e->bars[i])->bars_links)
			fail_msg("%s does not bar links with\n%s", e->bars[i], e->rules);
	for (i = 0; i < MAX_DIRS && e->others[i]; i++)
		if (kit_state(&k, e->others[i])->bars_links)
			fail_msg("%s bars links with\n%s", e->others[i], e->rules);
	kit_free(&k);
}

static void where_every_name_stands_above_a_denial(void **state)
{
	static const struct example examples[] = {
		{"allow rw /srv/**\ndeny w /srv/*/hooks/**", {"/srv"}, {"", "/srv/x", "/srv/x/y"}},
		{"allow rw /srv/**\nprotect quiet w /srv/*/*/a",
		 {"/srv", "/srv/x"},
		 {"/srv/x/y", "/srv/x/y/z"}},
		{"allow rw /srv/**\ndeny w /srv/**/a/*/hooks/**",
		 {"/srv/a", "/srv/q/a", "/srv/a/b/a"},
		 {"/srv", "/srv/q", "/srv/q/a/x"}},
		/* two that find out the same, one of them a step later */
		{"allow rw /**\ndeny w /a/*/h/** /b/*/*/h/**",
		 {"/a", "/b", "/b/x"},
		 {"", "/a/x", "/b/x/y", "/c"}},
		/* what is denied in the directory itself, but not further below */
		{"allow rw /srv/**\ndeny w /srv/*/hooks/** /srv/hooks/**", {"/srv"}, {"/srv/x"}},
		/* only such names may be made as rules tell from others, though not below them */
		{"allow rw /srv/*/**\ndeny w /srv/*\nallow override w /srv/x*\n"
		 "deny w /srv/*/hooks/**",
		 {"/srv"},
		 {"/srv/x", "/srv/y"}},
	};
	size_t i;

	for (i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		expect(&examples[i]);
}

static void elsewhere_symlinks_are_free(void **state)
{
	static const struct example examples[] = {
		{"allow rw /srv/**\ndeny w /**/.git/hooks/** /**/.env",
		 {NULL},
		 {"", "/srv", "/srv/x", "/srv/.git", "/srv/.git/hooks", "/srv/x/y"}},
		{"allow rw /srv/**\ndeny w /srv/a/hooks/** /srv/.mcp.json /srv/**/.git/hooks/**",
		 {NULL},
		 {"/srv", "/srv/a", "/srv/a/b"}},
		/* nothing below may be written at all: they are no directories of the sandbox's */
		{"allow rw /srv/*", {NULL}, {"", "/srv", "/srv/x"}},
		{"allow rw /srv/releases/** /srv/current", {NULL}, {"/srv", "/srv/releases"}},
		{"allow rw /srv/*/out/** /srv/latest", {NULL}, {"/srv", "/srv/x", "/srv/x/out"}},
		/* at every depth, but for what is opened again by a name of its own */
		{"allow rw /srv/**\ndeny w /srv/*/**/.env", {NULL}, {"/srv", "/srv/x"}},
		{"allow rw /srv/**\nprotect w /**/.env ! /srv/t/.env",
		 {NULL},
		 {"/srv", "/srv/t", "/srv/x"}},
		{"allow rw /srv/**\ndeny w /srv/**/.github/**\n"
		 "allow override w /srv/**/node_modules/**",
		 {NULL},
		 {"/srv", "/srv/x", "/srv/node_modules"}},
		{"allow rw /srv/**\ndeny r /srv/*/hooks/**", {NULL}, {"/srv"}},
	};
	size_t i;

	for (i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		expect(&examples[i]);
}

static void a_name_that_no_rule_mentions_has_no_usual_length(void **state)
{
	struct kit k = {0};
	const struct sbx_state *dir;

	kit_rules(&k, "allow rw /t/**\ndeny w /t/??\?\?/x");
	assert_int_equal(kit_compile(&k), 0);
	dir = kit_state(&k, "/t");
	assert_int_equal(dir->sibling, kit_state(&k, "/t/others")->cls);
	assert_int_not_equal(dir->sibling, kit_state(&k, "/t/four")->cls);
	kit_free(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_every_name_stands_above_a_denial),
		cmocka_unit_test(elsewhere_symlinks_are_free),
		cmocka_unit_test(a_name_that_no_rule_mentions_has_no_usual_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
