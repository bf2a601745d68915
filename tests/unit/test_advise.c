// SPDX-License-Identifier: MIT
/* What is valid and yet hardly meant: each warning, and its twin that gives none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/written.h"
#include "user/policy/advise.h"

/* /srv/data shows /home/x, /mnt/self shows a part of /mnt; /lib is a symlink. */
static struct sbx_alias aliases[] = {{"/srv/data", "/home/x", false},
				     {"/mnt/self", "/mnt/a/self", false},
				     {"/lib", "/usr/lib", true}};
static const struct sbx_facts facts = {.aliases = aliases, .n_aliases = 3};

/* `what` NULL: no warning at all; else exactly one, at that line. */
static void expect(const char *files, const char *what, int line)
{
	struct sbx_diags d = {0};
	struct sbx_policy *p;
	char *text;

	assert_true(asprintf(&text, "files:\n%s", files) > 0);
	p = written(text);
	assert_int_equal(sbx_advise(p, &facts, &d), 0);
	if (d.n != (what != NULL)) {
		sbx_diags_print(&d, stderr);
		fail_msg("%zu warnings of:\n%s", d.n, text);
	}
	if (what) {
		assert_int_equal(d.v[0].severity, SBX_WARNING);
		assert_int_equal(d.v[0].line, line);
		assert_non_null(d.v[0].hint);
		if (!strstr(d.v[0].what, what))
			fail_msg("\"%s\" is not in \"%s\"", what, d.v[0].what);
	}
	free(text);
	sbx_diags_free(&d);
	sbx_policy_free(p);
}

#define RULE(rights, path) "  - allow: [" rights "]\n    path: \"" path "\"\n"

static void test_mounts(void **unused)
{
	static const char what[] = "mount of something else, which it allows, too";

	expect(RULE("read", "/srv/**"), what, 4);
	expect(RULE("read", "/srv/**"), "(/srv/**: /srv/data shows /home/x)", 4);
	expect(RULE("read", "/srv/*"), what, 4);
	expect(RULE("read", "/s[r]v/{data,x}/*"), what, 4);
	/* it is named, it is not reached, it is allowed anyway, or it is a denial */
	expect(RULE("read", "/srv/data/**"), NULL, 0);
	expect(RULE("read", "/srv"), NULL, 0);
	expect(RULE("read", "/srv/d"), NULL, 0);
	expect(RULE("read", "/mnt/**"), NULL, 0);
	expect(RULE("read", "/**"), NULL, 0);
	expect("  - deny: [read]\n    path: \"/srv/**\"\n", NULL, 0);
}

static void test_libraries(void **unused)
{
	static const char what[] = "libraries can be read but not loaded (/lib)";

	expect(RULE("read, exec", "/usr/bin/**") RULE("read", "/usr/lib/**"), what, 5);
	expect(RULE("read, exec", "/usr/bin/**") RULE("read", "/lib/**"), what, 5);
	expect(RULE("read, exec", "/usr/**") "  - deny: [exec]\n    path: \"/usr/lib64/**\"\n",
	       "(/usr/lib64)", 3);
	expect(RULE("read, exec", "/usr/**"), NULL, 0);
	/* no single library that nobody has named, and nothing that is started at all */
	expect(RULE("read, exec", "/usr/bin/**") RULE("read", "/usr/lib/ssl/**"), NULL, 0);
	expect(RULE("read", "/usr/lib/**"), NULL, 0);
}

/* --- symlinks that wildcards match --- */

static void expect_links(const char *files, const char *what, int line)
{
	static struct sbx_link v[] = {{"/home/u/bin/tool", "/home/u/lib/tool-1/tool"},
				      {"/home/u/bin/other", "/home/u/lib/other"},
				      {"/home/u/bin/inside", "/home/u/bin/tool-2"}};
	static const struct sbx_links links = {v, 3};
	struct sbx_diags d = {0};
	struct sbx_policy *p;
	char *text;

	assert_true(asprintf(&text, "files:\n%s", files) > 0);
	p = written(text);
	assert_int_equal(sbx_advise_links(p, &facts, &links, &d), 0);
	assert_int_equal(d.n, what != NULL);
	if (what) {
		assert_int_equal(d.v[0].line, line);
		if (!strstr(d.v[0].what, what))
			fail_msg("\"%s\" is not in \"%s\"", what, d.v[0].what);
	}
	free(text);
	sbx_diags_free(&d);
	sbx_policy_free(p);
}

static void test_wildcards(void **unused)
{
	expect_links(RULE("read, exec", "~/bin/**"),
		     "2 of the symlinks that this rule matches lead to what cannot be read "
		     "(/home/u/bin/tool leads to /home/u/lib/tool-1/tool)",
		     3);
	expect_links(RULE("read, exec", "~/bin/**") RULE("read, exec", "~/lib/tool-1/**"),
		     "1 of the symlinks that this rule matches leads to what cannot be read "
		     "(/home/u/bin/other leads to",
		     3);
	expect_links(RULE("read, exec", "~/bin/**") RULE("read", "~/lib/**"), "cannot be executed",
		     3);
	expect_links(RULE("read, exec", "~/bin/**") RULE("read, exec", "~/lib/**"), NULL, 0);
	expect_links(RULE("read", "~/bin/x*"), NULL, 0);
}

/* On a real directory: relative, absolute and dangling ones, and what is none. */
static void test_gather(void **unused)
{
	char dir[] = "/tmp/sbx-test-XXXXXX", text[200], path[64];
	struct sbx_links links = {0};
	struct sbx_policy *p;

	assert_non_null(mkdtemp(dir));
	snprintf(text, sizeof(text),
		 "cd %s && mkdir d && ln -s /etc d/a && ln -s ../x d/r && echo >x && "
		 "ln -s nowhere d/n && echo >d/f && ln -s /proc/self d/p",
		 dir);
	assert_int_equal(system(text), 0);
	snprintf(text, sizeof(text),
		 "files:\n  - allow: [read]\n    path: [\"%s/d/**\", \"%s/d/*\", \"/nowhere/*\"]\n",
		 dir, dir);
	p = written(text);
	assert_int_equal(sbx_links_gather(p, &links), 0);
	assert_int_equal(links.n, 2); /* once, although two patterns begin there */
	snprintf(path, sizeof(path), "%s/d/r", dir);
	assert_string_equal(strcmp(links.v[0].at, path) ? links.v[1].at : links.v[0].at, path);
	sbx_links_free(&links);
	sbx_policy_free(p);
	snprintf(text, sizeof(text), "rm -r %s", dir);
	assert_int_equal(system(text), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_libraries),
		cmocka_unit_test(test_wildcards),
		cmocka_unit_test(test_gather),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
