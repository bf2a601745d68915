// SPDX-License-Identifier: MIT
/* Good policies: what the parser makes of them. Run from the top of the sources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <glob.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "sbx_maps.h"
#include "user/policy/policy.h"

static char *const env[] = {"SSH_AUTH_SOCK=/run/agent.1",
			    "ODD=/srv/{a,b}*[c]?\\d,e/",
			    "EMPTY=",
			    "REL=srv/x",
			    "UP=/srv/../x",
			    "LOOSE=//srv/./x//",
			    "ROOT=/",
			    NULL};
static const char *const dirs[] = {"policies", NULL};
static struct sbx_load_opts opts;

static int setup(void **state)
{
	opts = (struct sbx_load_opts){.home = "/home/u",
				      .pwd = "/home/u/work",
				      .tmp = "/tmp/sbx-1",
				      .env = env,
				      .dirs = dirs};
	return 0;
}

static struct sbx_policy *finish(int rc, struct sbx_policy *p, struct sbx_diags *d)
{
	sbx_diags_print(d, stderr);
	assert_int_equal(d->errors, 0);
	sbx_diags_free(d);
	assert_int_equal(rc, 0);
	assert_non_null(p);
	return p;
}

static struct sbx_policy *load(const char *name)
{
	struct sbx_policy *p = NULL;
	struct sbx_diags d = {0};
	int rc = sbx_policy_load(name, &opts, &p, &d);

	return finish(rc, p, &d);
}

static struct sbx_policy *parse(const char *text)
{
	struct sbx_policy *p = NULL;
	struct sbx_diags d = {0};
	int rc = sbx_policy_parse("dir/some.yaml", text, strlen(text), &opts, &p, &d);

	return finish(rc, p, &d);
}

/* The text of the first error (and its hint), owned by the caller. */
static char *fails(const char *text)
{
	struct sbx_policy *p = (void *)1;
	struct sbx_diags d = {0};
	char *words = NULL;

	assert_int_equal(sbx_policy_parse("p.yaml", text, strlen(text), &opts, &p, &d), -EINVAL);
	assert_ptr_equal(p, (void *)1); /* untouched */
	assert_true(d.errors >= 1);
	assert_int_not_equal(asprintf(&words, "%s. %s", d.v[0].what, d.v[0].hint), -1);
	sbx_diags_free(&d);
	return words;
}

static void assert_fails(const char *text, const char *with)
{
	char *words = fails(text);

	if (!strstr(words, with))
		fail_msg("\"%s\" is not in \"%s\"", with, words);
	free(words);
}

/* --- the design's example --- */

static const struct sbx_file_rule *own_file_rule(const struct sbx_policy *p, size_t i)
{
	size_t first;

	for (first = 0; first < p->n_files; first++)
		if (!strcmp(p->files[first].pos.file, p->file))
			break;
	return &p->files[first + i];
}

static void test_design_files(void **state)
{
	struct sbx_policy *p = load("tests/golden/policy/design.yaml");
	const struct sbx_file_rule *r = own_file_rule(p, 0);

	assert_string_equal(p->name, "ai-agent");
	assert_int_equal(p->mode, SBX_MODE_ENFORCE);
	assert_true(p->uses_tmp);
	assert_true(p->n_sources >= 5);
	assert_string_equal(p->sources[0], "tests/golden/policy/design.yaml");
	assert_int_equal(r->verb, SBX_ALLOW);
	assert_int_equal(r->rights, SBX_READ | SBX_WRITE | SBX_EXEC);
	assert_string_equal(r->paths[0].text, "/home/u/work/**");
	assert_string_equal(r->paths[0].source, "${project}/**");
	assert_string_equal(r->paths[1].text, "/tmp/sbx-1/**");
	assert_int_equal(r->pos.line, 13);
	assert_int_equal(r->pos.col, 5);
	r = own_file_rule(p, 2);
	assert_int_equal(r->verb, SBX_PROTECT);
	assert_int_equal(r->n_paths, 3);
	assert_string_equal(r->paths[2].text, "/home/u/.ssh/**");
	assert_int_equal(r->n_except, 3);
	assert_string_equal(r->reason, "credentials stay outside");
	r = own_file_rule(p, 3);
	assert_string_equal(r->paths[2].text, "@tty");
	r = own_file_rule(p, 4);
	assert_int_equal(r->n_paths, 1);
	assert_true(r->quiet);
	assert_false(r->override);
	sbx_policy_free(p);
}

static void test_design_rest(void **state)
{
	struct sbx_policy *p = load("tests/golden/policy/design.yaml");
	const struct sbx_net_rule *r = &p->net[p->n_net - 2];

	assert_int_equal(r->n_to, 5);
	assert_int_equal(r->to[0].kind, SBX_HOST_DOMAIN);
	assert_string_equal(r->to[1].domain, "example.org");
	assert_true(r->to[1].wildcard);
	assert_int_equal(r->to[1].protos, SBX_PROTO_BIT_TCP);
	assert_int_equal(r->to[2].prefix_len, 16);
	assert_int_equal(r->to[3].family, AF_INET6);
	assert_int_equal(r->to[4].ports[0].first, 3000);
	assert_int_equal(r->to[4].ports[0].last, 3999);
	assert_int_equal(p->net[p->n_net - 1].rights, SBX_NET_BIND);
	assert_string_equal(p->unix_rules[p->n_unix - 1].paths[0].text, "/run/agent.1");
	assert_true(p->process[p->n_process - 1].to_self);
	assert_int_equal(p->families, 1ull << AF_NETLINK);
	assert_int_equal(p->caps, 0);
	assert_int_equal(p->n_unsupported, 0);
	sbx_policy_free(p);
}

static void test_json(void **state)
{
	struct sbx_policy *p = load("tests/golden/policy/same.json");

	assert_int_equal(p->mode, SBX_MODE_AUDIT);
	assert_true(p->exec_anonymous);
	assert_string_equal(p->files[0].paths[0].text, "/srv/w\\[1\\]/a/*");
	assert_string_equal(p->files[0].paths[1].text, "/");
	assert_string_equal(p->files[1].paths[0].text, "/srv/w\\[1\\]");
	assert_string_equal(p->env_set[1].value, "/home/u//srv/w[1]");
	assert_int_equal(p->net[0].rights, SBX_NET_CONNECT | SBX_NET_BIND);
	assert_int_equal(p->net[0].n_except, 2);
	assert_int_equal(p->net[0].to[0].n_ports, 2);
	assert_true(p->net[0].to[0].ephemeral);
	assert_string_equal(p->unix_rules[0].paths[0].text, "@unix/@name");
	assert_true(p->process[0].to_self); /* the default */
	assert_int_equal(p->caps, 1ull << CAP_NET_RAW | 1ull << CAP_CHOWN);
	assert_int_equal(p->n_unsupported, 1); /* process deny */
	sbx_policy_free(p);
}

static void test_shipped(void **state)
{
	glob_t g;
	size_t i;

	assert_int_equal(glob("policies/*.yaml", 0, NULL, &g), 0);
	for (i = 0; i < g.gl_pathc; i++) {
		struct sbx_policy *p = load(g.gl_pathv[i]);

		assert_int_equal(p->n_unsupported, 0);
		sbx_policy_free(p);
	}
	globfree(&g);
}

/* --- variables --- */

static char *only_path(const char *pattern)
{
	struct sbx_policy *p;
	char *text = NULL, *out;

	assert_int_not_equal(
		asprintf(&text, "version: 1\nfiles: [{allow: read, path: '%s'}]\n", pattern), -1);
	p = parse(text);
	assert_true(p->n_files <= 1);
	out = strdup(p->n_files ? p->files[0].paths[0].text : "nothing");
	sbx_policy_free(p);
	free(text);
	return out;
}

static void test_values_are_literal(void **state)
{
	static const struct {
		const char *pattern, *text;
	} cases[] = {
		{"${ODD}/*", "/srv/\\{a\\,b\\}\\*\\[c\\]\\?\\\\d\\,e/*"},
		{"/x/[${NO:-a-z}]", "/x/[a\\-z]"},
		{"${LOOSE}/**", "/srv/x/**"},
		{"${LOOSE}x", "/srv/xx"},
		{"${ROOT}", "/"},
		{"${ROOT}/**", "/**"},
		{"${ROOT}x", "/x"},
		{"~", "/home/u"},
		{"~/x", "/home/u/x"},
		{"/a/~", "/a/~"},
		{"${HOME}/x", "/home/u/x"},
		{"${NO:-/d}/x", "/d/x"},
		{"${EMPTY:-/d}/x", "/d/x"},
		{"/x${EMPTY}y", "/xy"},
		{"/x${EMPTY:-*}y", "/x\\*y"},
		/* must never become "/" or "/ **" */
		{"${NO:-}/**", "nothing"},
		{"${NO:-}", "nothing"},
		{"${NO:-}/${NO:-}", "nothing"},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = only_path(cases[i].pattern);

		assert_string_equal(text, cases[i].text);
		free(text);
	}
}

static void test_scope(void **state)
{
	/* An include's variables are its own; a later variable may use an earlier one. */
	struct sbx_policy *p = parse("version: 1\n"
				     "vars: {a: /a, b: '${a}/b', PATH: '${SSH_AUTH_SOCK}'}\n"
				     "files: [{allow: [read], path: ['${b}/*', '${PATH}']}]\n");

	assert_string_equal(p->files[0].paths[0].text, "/a/b/*");
	assert_string_equal(p->files[0].paths[1].text, "/run/agent.1");
	sbx_policy_free(p);
	assert_fails("version: 1\nvars: {b: '${a}/b', a: /a}\n", "no variable of that name");
}

static void test_overrides(void **state)
{
	char *const vars[] = {"a=/x", "a=/new*", "tmp=/var/t", "PWD=/srv/p", NULL};
	char *const wrong[] = {"b=1", NULL}, *const half[] = {"a", NULL};
	static const char text[] = "version: 1\nvars: {a: '${NO_SUCH}'}\n"
				   "files: [{allow: read, path: ['${a}', '${tmp}', '${PWD}']}]\n";
	struct sbx_policy *p;

	opts.vars = vars;
	opts.tmp = opts.pwd = NULL;
	p = parse(text);
	assert_string_equal(p->files[0].paths[0].text, "/new\\*");
	assert_string_equal(p->files[0].paths[1].text, "/var/t");
	assert_string_equal(p->files[0].paths[2].text, "/srv/p");
	assert_false(p->uses_tmp);
	sbx_policy_free(p);
	opts.vars = wrong;
	assert_fails("version: 1\n", "no variable for this --var (b=1)");
	assert_fails("version: 1\nvars: {a: /x}\n", "no variable for this --var (b=1)");
	opts.vars = half;
	assert_fails("version: 1\nvars: {a: /x}\n", "--var gives no value (a)");
}

static void test_too_wide(void **state)
{
	static const char *const wide[] = {"/", "//", "/home", "/home/u", "/home/u/", "/home/./u"};
	static const char text[] = "version: 1\nfiles: [{allow: read, path: '${PWD}/**'}]\n";
	char project[64], *const vars[] = {project, NULL};
	size_t i;

	for (i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
		opts.pwd = wide[i];
		assert_fails(text, "the project would be the whole");
		opts.pwd = "/srv";
		snprintf(project, sizeof(project), "project=%s", wide[i]);
		opts.vars = vars;
		assert_fails("version: 1\nvars: {project: /x}\n", "the project would be the whole");
		opts.vars = NULL;
	}
	opts.pwd = "/";
	sbx_policy_free(parse("version: 1\n")); /* not used: not refused */
	opts.pwd = "/home/u2";
	sbx_policy_free(parse(text));
	opts.pwd = "/hom";
	sbx_policy_free(parse(text));
}

static void test_unknown_world(void **state)
{
	opts.pwd = opts.tmp = opts.home = NULL;
	assert_fails("version: 1\nfiles: [{allow: read, path: '${PWD}/**'}]\n", "--var PWD=");
	assert_fails("version: 1\nfiles: [{allow: read, path: '${tmp}/**'}]\n", "--var tmp=");
	assert_fails("version: 1\nfiles: [{allow: read, path: '~/x'}]\n", "--user");
}

static void test_paths_in_values(void **state)
{
	assert_fails("version: 1\nfiles: [{allow: read, path: '${REL}/**'}]\n", "no absolute path");
	assert_fails("version: 1\nfiles: [{allow: read, path: '${UP}/**'}]\n", "with .. in it");
	assert_fails("version: 1\nfiles: [{allow: read, path: '${EMPTY}/**'}]\n", "is empty");
	assert_fails("version: 1\nfiles: [{allow: read, path: '~/'}]\n", "a / at the end");
	assert_fails("version: 1\nfiles: [{allow: read, path: '/a/${UP}'}]\n", "//");
}

static void test_long_values(void **state)
{
	char text[4096], *p = text;
	int i;

	p += sprintf(p, "version: 1\nvars:\n  v0: /aaaaaaaaaaaaaaaa\n");
	for (i = 1; i < 60; i++)
		p += sprintf(p, "  v%d: '${v%d}${v%d}'\n", i, i - 1, i - 1);
	assert_fails(text, "longer than 8192 bytes");
}

static void test_dollars(void **state)
{
	static const char text[] = "version: 1\nenv: {set: {A: '\\${x}', B: 'a\\b'}}\n"
				   "files: [{allow: read, path: ['/a/$x', '/b/\\$y', '/c/$']}]\n";
	struct sbx_policy *p = NULL;
	struct sbx_diags d = {0};

	assert_int_equal(sbx_policy_parse("p.yaml", text, strlen(text), &opts, &p, &d), 0);
	assert_int_equal(d.warnings, 1);
	assert_non_null(strstr(d.v[0].what, "($x)"));
	assert_string_equal(p->env_set[0].value, "${x}");
	assert_string_equal(p->env_set[1].value, "a\\b");
	assert_string_equal(p->files[0].paths[1].text, "/b/\\$y");
	sbx_diags_free(&d);
	sbx_policy_free(p);
}

/* --- files --- */

static void test_names(void **state)
{
	static const struct {
		const char *file, *name;
	} cases[] = {{"a/b.yaml", "b"},	 {"My Policy.YML", "my-policy.yml"},
		     {"x.json", "x"},	 {"/dev/stdin", "stdin"},
		     {"_.yaml", "yaml"}, {"..", "policy"},
		     {"9.x-_", "9.x-_"}};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sbx_policy *p = NULL;
		struct sbx_diags d = {0};

		assert_int_equal(sbx_policy_parse(cases[i].file, "version: 1", 10, &opts, &p, &d),
				 0);
		assert_string_equal(p->name, cases[i].name);
		sbx_policy_free(p);
	}
}

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void test_includes(void **state)
{
	char dir[] = "/tmp/sbx-test-XXXXXX", main_file[64], bundles[64], cmd[128];
	const char *const here[] = {bundles, NULL};
	struct sbx_policy *p;

	assert_non_null(mkdtemp(dir));
	snprintf(bundles, sizeof(bundles), "%s/.", dir); /* another spelling of the same place */
	snprintf(main_file, sizeof(main_file), "%s/main.yaml", dir);
	opts.dirs = here;
	write_file(dir, "main.yaml",
		   "files: [{allow: read, path: /main}]\ninclude: [./a.yaml, b, ./b.yaml]\n"
		   "mode: audit\nversion: 1\n");
	write_file(dir, "a.yaml",
		   "version: 1\nname: a\ninclude: b\nmode: enforce\nexec-anonymous: allow\n"
		   "env: {keep: [A, B], set: {X: '1', Y: '2'}}\n"
		   "files: [{allow: read, path: /a}]\n");
	write_file(dir, "b.yaml",
		   "version: 1\nenv: {keep: [A], set: {X: '0'}}\n"
		   "files: [{allow: read, path: /b}]\n");
	p = load(main_file);
	assert_string_equal(p->name, "main");
	assert_int_equal(p->mode, SBX_MODE_AUDIT);
	assert_true(p->exec_anonymous);
	assert_int_equal(p->n_sources, 3);
	assert_int_equal(p->n_files, 3); /* b before a before main, each once */
	assert_string_equal(p->files[0].paths[0].text, "/b");
	assert_string_equal(p->files[1].paths[0].text, "/a");
	assert_string_equal(p->files[2].paths[0].text, "/main");
	assert_int_equal(p->n_env_keep, 2);
	assert_int_equal(p->n_env_set, 2);
	assert_string_equal(p->env_set[0].value, "1");
	sbx_policy_free(p);
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	assert_int_equal(system(cmd), 0);
}

static void test_bare_names(void **state)
{
	struct sbx_policy *p = load("base");
	struct sbx_diags d = {0};

	assert_string_equal(p->file, "policies/base.yaml");
	assert_string_equal(p->name, "base");
	sbx_policy_free(p);
	p = NULL;
	assert_int_equal(sbx_policy_load("Makefile", &opts, &p, &d), -EINVAL);
	assert_non_null(strstr(d.v[0].hint, "./Makefile.yaml"));
	assert_int_equal(sbx_policy_load("./no/such.yaml", &opts, &p, &d), -EINVAL);
	assert_int_equal(sbx_policy_load("/dev/null", &opts, &p, &d), -EINVAL);
	assert_int_equal(d.errors, 3);
	assert_null(p);
	sbx_diags_free(&d);
}

/* Every right of every kind of rule, and numbers that are no texts. */
static void test_scalars(void **state)
{
	static const char *const texts[] = {"a",   "0x",     "1.2.3", "v1",  "-a", "1e",
					    "nan", "truely", "0xg",   "1 2", "+.", "0b1"};
	static const char *const others[] = {"1",    "-1",  "1.5",  "1e3",  ".5", "1.",
					     "0x1f", "0o7", "on",   "NULL", "~",  "Yes",
					     ".inf", "+2",  "1E-3", ""};
	char text[128];
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		snprintf(text, sizeof(text), "version: 1\ndescription: %s\n", texts[i]);
		sbx_policy_free(parse(text));
	}
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		snprintf(text, sizeof(text), "version: 1\ndescription: %s\n", others[i]);
		assert_fails(text, "`description` wants a text");
		snprintf(text, sizeof(text), "version: 1\ndescription: '%s'\n", others[i]);
		sbx_policy_free(parse(text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_design_files, setup),
		cmocka_unit_test_setup(test_design_rest, setup),
		cmocka_unit_test_setup(test_json, setup),
		cmocka_unit_test_setup(test_shipped, setup),
		cmocka_unit_test_setup(test_values_are_literal, setup),
		cmocka_unit_test_setup(test_scope, setup),
		cmocka_unit_test_setup(test_overrides, setup),
		cmocka_unit_test_setup(test_too_wide, setup),
		cmocka_unit_test_setup(test_unknown_world, setup),
		cmocka_unit_test_setup(test_paths_in_values, setup),
		cmocka_unit_test_setup(test_long_values, setup),
		cmocka_unit_test_setup(test_dollars, setup),
		cmocka_unit_test_setup(test_names, setup),
		cmocka_unit_test_setup(test_includes, setup),
		cmocka_unit_test_setup(test_bare_names, setup),
		cmocka_unit_test_setup(test_scalars, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
