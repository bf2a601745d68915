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

/* /srv/data shows /home/x, /mnt/self shows a part of /mnt; two symlinks. */
static struct sbx_alias aliases[] = {{"/srv/data", "/home/x", false},
				     {"/mnt/self", "/mnt/a/self", false},
				     {"/lib", "/usr/lib", true},
				     {"/home/u/work/link", "/etc", true}};
static const struct sbx_facts facts = {.aliases = aliases, .n_aliases = 4};

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

static void test_symlinks(void **unused)
{
	static const char what[] = "(/home/u/work/link, now /etc)";

	expect(RULE("read, write", "~/work/**"), what, 3);
	expect(RULE("read", "~/work/**"), NULL, 0);
	expect(RULE("read, write", "~/work/**") "  - deny: [write]\n    path: \"~/work/link\"\n",
	       NULL, 0);
	expect(RULE("read, write", "~/work/dir/**"), NULL, 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_symlinks),
		cmocka_unit_test(test_libraries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
