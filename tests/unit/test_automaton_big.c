// SPDX-License-Identifier: MIT
/* Sizes: what must fit does, what cannot is refused with figures. Times are printed only. */
#include <errno.h>
#include <time.h>
#include "tests/unit/filerules.h"
#include "tests/unit/kernelstep.h"

#define MIB  (1024.0 * 1024.0)
#define MANY 10000

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int timed(struct kit *k, const char *what)
{
	double begin = now();
	size_t i;
	int rc = kit_compile(k);

	print_message("%s: %zu rules, %.2f s of CPU, %zu states, %zu transitions, %.2f MiB "
		      "(nfa %zu, dfa %zu)\n",
		      what, k->p.n_files, now() - begin, k->st.states, k->st.transitions,
		      k->st.bytes / MIB, k->st.nfa_states, k->st.dfa_states);
	for (i = 0; i < k->d.n && i < 3; i++)
		print_message("  %s\n", k->d.v[i].what);
	return rc;
}

/* The globs of a large site: 200 of four kinds. */
static void add_glob(struct kit *k, int i, const char *verb)
{
	char text[128];

	switch (i % 4) {
	case 0:
		snprintf(text, sizeof(text), "%s /**/*.e%02d", verb, i);
		break;
	case 1:
		snprintf(text, sizeof(text), "%s /home/*/x%02d/**", verb, i);
		break;
	case 2:
		snprintf(text, sizeof(text), "%s /**/.env%02d*", verb, i);
		break;
	default:
		snprintf(text, sizeof(text), "%s /a/{b%02d,c}/**/d?", verb, i);
	}
	kit_rule(k, text);
}

static void check_sample(const struct kit *k, const char *path)
{
	const struct sbx_state *s = kit_state(k, path);
	__u32 steps;
	bool granted;
	int r;

	/* across chunks, too, the kernel's matcher comes to the same state */
	assert_int_equal(kernel_walk(&k->img, path, 1, 0, &steps), kit_walk(k, path, strlen(path)));

	for (r = 0; r < 3; r++) {
		sbx_files_decider(&k->p, &k->f, path, strlen(path), 1 << r, &granted);
		if (granted != !!(s->rights & 1 << r))
			fail_msg("%s: right %d is %d", path, 1 << r, s->rights);
	}
}

static void check_samples(const struct kit *k)
{
	static const char *const paths[] = {
		"",
		"/srv",
		"/srv/x17",
		"/srv/x17/data/config.txt",
		"/srv/x7919/inc/a.h",
		"/srv/x7919/k/a.c",
		"/srv/x9999/y",
		"/srv/x17/q/z.e04",
		"/srv/x17/.env02",
		"/srv/x17/.env02/sub",
		"/home/u/x05",
		"/home/u/x05/k/a.e08",
		"/a/c/d1",
		"/a/b03/k/l/dd",
		"/a/b03/k/l/ddd",
		"/opt/t.e12",
		"/srv/x99999",
		"/home/u/x05/srv/.env198x",
	};
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		check_sample(k, paths[i]);
}

static void literals_and_globs(void **state)
{
	struct kit k = {0};
	char text[128];
	int i;

	for (i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "allow r /srv/x%d/data/config.txt", i * 7919 % 100003);
		kit_rule(&k, text);
	}
	for (i = 0; i < 200; i++)
		add_glob(&k, i, i % 8 < 4 ? "deny rw" : "allow r override");
	assert_int_equal(timed(&k, "10,000 literals, 200 globs"), 0);
	assert_true(k.st.bytes <= 4 << 20);
	check_samples(&k);
	kit_free(&k);
}

static void trees_and_globs(void **state)
{
	struct kit k = {0};
	char text[128];
	int i;

	for (i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "allow rw /srv/x%d/**", i * 7919 % 100003);
		kit_rule(&k, text);
	}
	for (i = 0; i < 200; i++)
		add_glob(&k, i, i % 2 ? "allow rx" : "deny r");
	sbx_diags_free(&k.d);
	for (i = 0; i < 200; i++)
		k.p.files[MANY + i].override = true;
	assert_int_equal(timed(&k, "10,000 trees, 200 globs"), 0);
	assert_true(k.st.bytes <= 16 << 20);
	check_samples(&k);
	kit_free(&k);
}

/* Globs between the trees, allowed and denied in turns. */
static void mixed_order(void **state)
{
	struct kit k = {0};
	char text[128];
	int i;

	for (i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "%s /srv/x%d/**",
			 i % 3 ? "allow rw override" : "deny w", i * 7919 % 100003);
		kit_rule(&k, text);
		if (i % 50 == 0)
			add_glob(&k, i / 50, i / 50 % 8 < 4 ? "protect r" : "allow r override");
	}
	assert_int_equal(timed(&k, "10,000 trees between 200 globs"), 0);
	assert_true(k.st.bytes <= 16 << 20);
	check_samples(&k);
	kit_free(&k);
}

static void allows_after_denials(void **state)
{
	struct kit k = {0};
	char text[128];
	int i;

	for (i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "%s /srv/%c%d/**",
			 i < MANY / 2 ? "deny w" : "allow rw", i < MANY / 2 ? 'd' : 'x', i);
		kit_rule(&k, text);
	}
	for (i = 0; i < 200; i++)
		add_glob(&k, i, "protect w");
	assert_int_equal(timed(&k, "5,000 denials, then 5,000 allows"), 0);
	assert_int_equal(k.d.errors, 0);
	check_samples(&k);
	kit_free(&k);
}

static void one_tail_many_places(void **state)
{
	struct kit k = {0};
	char text[128];
	int i;

	for (i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "allow r /srv/x%d/**/*.c /srv/x%d/inc*/?.h",
			 i * 7919 % 100003, i * 7919 % 100003);
		kit_rule(&k, text);
	}
	assert_int_equal(timed(&k, "10,000 times two tails"), 0);
	assert_true(k.st.bytes <= 16 << 20);
	check_samples(&k);
	kit_free(&k);
}

static bool refused_with_figures(const struct kit *k)
{
	size_t i;

	for (i = 0; i < k->d.n; i++)
		if (k->d.v[i].severity == SBX_ERROR && strpbrk(k->d.v[i].what, "0123456789"))
			return true;
	return false;
}

static void explosions_are_refused(void **state)
{
	static const char *const shapes[] = {
		"%s r /**/*%c*%c%c*%d*",
		"%s r /**/x%c/**/%c%c/**/z%d",
		"%s r /**/*{%c,%c}????????????????%c%d",
	};
	char text[128];
	size_t s;
	int i;

	for (s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
		struct kit k = {0};

		for (i = 0; i < 200; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			snprintf(text, sizeof(text), shapes[s], i % 2 ? "allow" : "deny",
				 'a' + i % 26, 'a' + i * 7 % 26, 'a' + i * i % 26, i);
#pragma GCC diagnostic pop
			kit_rule(&k, text);
		}
		assert_int_equal(timed(&k, shapes[s]), -EINVAL);
		assert_true(refused_with_figures(&k));
		assert_null(k.img.data);
		kit_free(&k);
	}
}

static void more_than_the_image_holds(void **state)
{
	struct kit k = {0};
	char text[160];
	int i;

	for (i = 0; i < 40000; i++) {
		snprintf(text, sizeof(text), "allow r /srv/%d/%x%x%x/%x%x%x", i, i * 7919u,
			 i * 104729u, i * 1299709u, i * 15485863u, i * 179424673u, i * 32452843u);
		kit_rule(&k, text);
	}
	assert_int_equal(timed(&k, "40,000 long names"), -EINVAL);
	assert_true(refused_with_figures(&k));
	kit_free(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literals_and_globs),
		cmocka_unit_test(trees_and_globs),
		cmocka_unit_test(mixed_order),
		cmocka_unit_test(allows_after_denials),
		cmocka_unit_test(one_tail_many_places),
		cmocka_unit_test(explosions_are_refused),
		cmocka_unit_test(more_than_the_image_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
