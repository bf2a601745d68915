// SPDX-License-Identifier: MIT
/*
 * Random policies with a symlink: what sbx_links_widen() refuses gains the right that it names, and
 * what it lets pass gains nothing on any path that is tried, or could not have been made.
 * SBX_SEED=n repeats or varies a run.
 */
#include <errno.h>
#include "tests/unit/smallpaths.h"
#include "user/policy/widen.h"

#define POLICIES 400

static void random_world(struct kit *k)
{
	static const char *const verbs[] = {"allow override", "allow override", "deny", "protect"};
	static const char *const rights[] = {"r", "w", "rw", "rw", "rwx"};
	char text[256], from[64], to[64];
	size_t i;

	for (i = 2 + pick(4); i > 0; i--) {
		sprintf(text, "%s %s ", verbs[pick(4)], rights[pick(5)]);
		append_pattern(text, 1 + pick(3));
		kit_rule(k, text);
	}
	do {
		*from = *to = 0;
		append_name(from, 1 + pick(3));
		append_name(to, pick(4));
	} while (!strcmp(from, to));
	kit_alias(k, from, to);
	k->f.aliases[0].symlink = true;
}

/* Could the sandbox have made it? By trying all paths below the link and below a name beside it. */
static bool makeable(const struct kit *k, const struct sbx_facts *none)
{
	const char *link = k->f.aliases[0].from;
	char below[128], beside[128], tail[64];
	bool all_write = true, same = true;
	size_t i;

	if (!(rights_of(k, none, link) & SBX_WRITE))
		return false;
	for (i = 1; i < PATHS; i++) {
		nth_path(tail, i);
		snprintf(below, sizeof(below), "%s%s", link, tail);
		snprintf(beside, sizeof(beside), "%.*s/zz%s", (int)(strrchr(link, '/') - link),
			 link, tail);
		all_write &= !!(rights_of(k, none, below) & SBX_WRITE);
		same &= rights_of(k, none, below) == rights_of(k, none, beside);
	}
	return all_write || same;
}

/* *gain: a path that the link adds a right to; those below its target are what it can be about. */
static bool gains(const struct kit *k, const struct sbx_facts *none, char *gain)
{
	size_t i;

	for (i = 0; i < PATHS; i++) {
		strcpy(gain, k->f.aliases[0].to);
		nth_path(gain + strlen(gain), i);
		if (rights_of(k, &k->f, gain) & ~rights_of(k, none, gain))
			return true;
	}
	return false;
}

static void print_world(const struct kit *k)
{
	size_t i;

	for (i = 0; i < k->p.n_files; i++)
		print_error("  verb %d rights %d %s\n", k->p.files[i].verb, k->p.files[i].rights,
			    k->p.files[i].paths[0].text);
	print_error("  %s -> %s\n", k->f.aliases[0].from, k->f.aliases[0].to);
	sbx_diags_print(&k->d, stderr);
}

static void refusals_are_exact(void **state)
{
	static const struct sbx_facts none;
	size_t i, refused = 0, harmless = 0;

	for (i = 0; i < POLICIES; i++) {
		struct kit k = {0};
		char gain[128];
		int rc;

		random_world(&k);
		assert_int_equal(kit_compile(&k), 0);
		sbx_diags_free(&k.d);
		rc = sbx_links_widen(&k.p, &k.f, &k.img, &k.d);
		assert_true(rc == 0 || rc == -EINVAL);
		if ((rc != 0) != (gains(&k, &none, gain) && makeable(&k, &none))) {
			print_world(&k);
			fail_msg("%d, gain %s, makeable %d", rc, gain, makeable(&k, &none));
		}
		refused += rc != 0;
		harmless += rc == 0 && gains(&k, &none, gain);
		kit_free(&k);
	}
	print_message(
		"note: %d random policies with a symlink, %zu refused, %zu with one that could "
		"not be made\n",
		POLICIES, refused, harmless);
	assert_true(refused > POLICIES / 50 && harmless > POLICIES / 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals_are_exact),
	};

	random_start(20240607);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
