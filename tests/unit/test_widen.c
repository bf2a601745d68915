// SPDX-License-Identifier: MIT
/*
 * A symlink that the sandbox may have made must not add rights to anything. Each case with its
 * twin: the same link where it could not have been made, or where it adds nothing.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/written.h"
#include "user/policy/compile.h"

#define MAX_ALIASES 6

struct world {
	struct sbx_alias aliases[MAX_ALIASES];
	const char *files;
};

/* `what` NULL: it compiles; else one error, at that line, with these words. */
static void expect(const struct world *w, const char *what, int line)
{
	struct sbx_facts f = {.aliases = (struct sbx_alias *)w->aliases};
	struct sbx_compiled c;
	struct sbx_diags d = {0};
	struct sbx_policy *p;
	char *text;
	size_t i;
	int rc;

	while (f.n_aliases < MAX_ALIASES && w->aliases[f.n_aliases].from)
		f.n_aliases++;
	assert_true(asprintf(&text, "files:\n%s", w->files) > 0);
	p = written(text);
	rc = sbx_compile(p, &f, &c, &d);
	if (rc != (what ? -EINVAL : 0) || d.errors != (what != NULL)) {
		sbx_diags_print(&d, stderr);
		fail_msg("%d, %zu errors of:\n%s", rc, d.errors, text);
	}
	if (!rc)
		sbx_compiled_free(&c);
	for (i = 0; what && i < d.n; i++) {
		if (d.v[i].severity != SBX_ERROR)
			continue;
		assert_int_equal(d.v[i].line, line);
		if (!strstr(d.v[i].what, what))
			fail_msg("\"%s\" is not in \"%s\"", what, d.v[i].what);
	}
	free(text);
	sbx_diags_free(&d);
	sbx_policy_free(p);
}

#define ALLOW(rights, path) "  - allow: [" rights "]\n    path: \"" path "\"\n"
#define DENY(rights, path)  "  - deny: [" rights "]\n    path: \"" path "\"\n"
#define LINK(from, to)         \
	{                      \
		from, to, true \
	}

/* The agent's own settings file becomes a link to the user's shell start-up. */
static void test_file(void **unused)
{
	expect(&(struct world){{LINK("/home/u/.a.json", "/home/u/.bashrc")},
			       ALLOW("read", "~/.bashrc") ALLOW("read, write", "~/.a.json")},
	       "(/home/u/.a.json leads to /home/u/.bashrc: write of /home/u/.bashrc)", 5);
	expect(&(struct world){{LINK("/home/u/.a.json", "/home/u/.bashrc")},
			       ALLOW("read", "~/.bashrc") ALLOW("read", "~/.a.json")},
	       NULL, 0);
	expect(&(struct world){{LINK("/home/u/.a.json", "/home/u/.bashrc")},
			       ALLOW("read, write", "~/{.bashrc,.a.json}")
				       ALLOW("read", "~/.a.json")},
	       NULL, 0);
	/* a protect holds for what is linked to */
	expect(&(struct world){{LINK("/home/u/.a.json", "/home/u/.ssh/id")},
			       "  - protect: [read, write]\n    path: \"~/.ssh/**\"\n" ALLOW(
				       "read, write", "~/.a.json")},
	       NULL, 0);
}

static void test_directory(void **unused)
{
	/* rmdir work; ln -s /etc work */
	expect(&(struct world){{LINK("/srv/work", "/etc")}, ALLOW("read, write", "/srv/work/**")},
	       "(/srv/work leads to /etc: read, write of /etc)", 3);
	expect(&(struct world){{LINK("/srv/work", "")}, ALLOW("read, write", "/srv/work/**")},
	       "(/srv/work leads to /: read, write of /)", 3);
	/* what is in the directory may be written, the directory's own name not */
	expect(&(struct world){{LINK("/srv/work", "/etc")}, ALLOW("read, write", "/srv/work/*/**")},
	       NULL, 0);
	/* a link on the way to a write-denied name cannot be made (design 1.3) */
	expect(&(struct world){{LINK("/srv/work", "/data/work")},
			       ALLOW("read, write", "/srv/work/**")
				       DENY("write", "/srv/work/.git/hooks/**")},
	       NULL, 0);
	expect(&(struct world){{LINK("/srv/work", "/etc")},
			       ALLOW("read, write", "/srv/work/**") DENY("write", "/srv/work")},
	       NULL, 0);
	/* what was writable anyway */
	expect(&(struct world){{LINK("/srv/work/a", "/srv/work/b")},
			       ALLOW("read, write", "/srv/work/**")
				       ALLOW("read", "/srv/work/a/**")},
	       NULL, 0);
	expect(&(struct world){{LINK("/bin", "/usr/bin")},
			       ALLOW("read, write, exec", "/**") ALLOW("read, exec", "/bin/**")},
	       NULL, 0);
}

/* One link behind another, and links that only some rules speak of. */
static void test_chain(void **unused)
{
	expect(&(struct world){{LINK("/w/a", "/w/b"), LINK("/w/b", "/etc/x")},
			       ALLOW("write", "/w/*") ALLOW("read", "/w/a")},
	       "(/w/a leads to /w/b: read of /w/b)", 5);
	/* the second is the administrator's: only what leads there is doubted */
	expect(&(struct world){{LINK("/w/a", "/adm/b"), LINK("/adm/b", "/etc/x")},
			       ALLOW("write", "/w/*") ALLOW("read", "/w/a")},
	       "(/w/a leads to /adm/b: read, write of /adm/b)", 5);
	expect(&(struct world){{LINK("/adm/b", "/etc/x")},
			       ALLOW("write", "/w/*") ALLOW("read", "/adm/b")},
	       NULL, 0);
	expect(&(struct world){{LINK("/srv/work/in", "/home")},
			       ALLOW("read, write", "/srv/work/**")
				       ALLOW("exec", "/srv/work/in/*/tool")},
	       "(/srv/work/in leads to /home: read, write of /home)", 3);
	/* a rule names something below: no symlink can be made there */
	expect(&(struct world){{LINK("/srv/w", "/home")},
			       ALLOW("write", "/srv/w") ALLOW("exec", "/srv/w/*/tool")},
	       NULL, 0);
}

/* The link's own name goes through another mount of its directory. */
static void test_mount(void **unused)
{
	expect(&(struct world){{{"/srv/show", "/data", false}, LINK("/srv/show/l", "/etc/x")},
			       ALLOW("write", "/data/**") ALLOW("read", "/srv/show/l")},
	       "/srv/show/l leads to /etc/x", 5);
	expect(&(struct world){{{"/srv/show", "/data", false}, LINK("/srv/show/l", "/etc/x")},
			       ALLOW("write", "/data") ALLOW("read", "/srv/show/l")},
	       NULL, 0);
}

/* Each link opens the other's name. One of them is the administrator's; the sandbox may have made
 * the other one. */
static void test_each_other(void **unused)
{
	expect(&(struct world){{LINK("/p/a", "/q"), LINK("/q/b", "/p")},
			       ALLOW("write", "/p/a/*/**") ALLOW("read, write", "/q/b/*/**")},
	       "would widen the policy", 5);
	/* neither name can become a link */
	expect(&(struct world){{LINK("/p/a", "/q"), LINK("/q/b", "/p")},
			       ALLOW("write", "/p/a/*/**") ALLOW("read, write", "/q/b/*/**")
				       DENY("write", "/q/b") DENY("write", "/p/a")},
	       NULL, 0);
	/* the first one may be either's; where it is, the second may be the sandbox's */
	expect(&(struct world){{LINK("/a/c", "/b"), LINK("/b", "")}, ALLOW("write", "/*/*")},
	       "would widen the policy", 3);
	/* a link that opens its own name alone */
	expect(&(struct world){{LINK("/q/b", "/q")}, ALLOW("read, write", "/q/b/*/**")}, NULL, 0);
}

/* A name that leads through more links than are followed: its denial would be of no object. */
static void test_depth(void **unused)
{
	struct world w = {.files = ALLOW("read", "/g/**") "  - protect: [read]\n"
							  "    path: \"/a/secret\"\n"};
	char names[7][3] = {"/a", "/b", "/c", "/d", "/e", "/f", "/g"};
	size_t i;

	for (i = 0; i < 6; i++)
		w.aliases[i] = (struct sbx_alias){names[i], names[i + 1], true};
	expect(&w, "goes through too many symlinks and mounts (/a/secret: 6, and at most 5", 6);
	w.aliases[0].from = "/x";
	expect(&w, NULL, 0);
	/* what goes in circles names no object */
	expect(&(struct world){{LINK("/a", "/b"), LINK("/b", "/a")}, ALLOW("read", "/a/x")}, NULL,
	       0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),	   cmocka_unit_test(test_directory),
		cmocka_unit_test(test_chain),	   cmocka_unit_test(test_mount),
		cmocka_unit_test(test_each_other), cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
