// SPDX-License-Identifier: MIT
/*
 * Random policies with a symlink or two: what sbx_links_widen() refuses gains a right, and what it
 * lets pass gains nothing on any path that is tried, or could not have been made. SBX_SEED=n
 * repeats or varies a run.
 */
#include <errno.h>
#include "tests/unit/smallpaths.h"
#include "user/policy/widen.h"

#define POLICIES 300

static bool below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && (!path[n] || path[n] == '/');
}

#define LINKS 2

/* Not below another link: such a name is no object's. */
static void random_link(struct kit *k)
{
	char from[64], to[64];
	size_t i;
	bool good;

	do {
		*from = *to = 0;
		append_name(from, 1 + pick(3));
		append_name(to, pick(4));
		good = strcmp(from, to) != 0;
		for (i = 0; i < k->f.n_aliases; i++)
			good &= !below(from, k->f.aliases[i].from) &&
				!below(k->f.aliases[i].from, from);
	} while (!good);
	kit_alias(k, from, to);
	k->f.aliases[k->f.n_aliases - 1].symlink = true;
}

static void random_rules(struct kit *k)
{
	static const char *const verbs[] = {"allow override", "allow override", "deny", "protect"};
	static const char *const rights[] = {"r", "w", "rw", "rw", "rwx"};
	char text[256];
	size_t i;

	for (i = 2 + pick(4); i > 0; i--) {
		sprintf(text, "%s %s ", verbs[pick(4)], rights[pick(5)]);
		append_pattern(text, 1 + pick(3));
		kit_rule(k, text);
	}
}

/* Two links, each of which may open the other's name: "allow rw /a/b/ * / **", and /a/b leads to
 * where the other one is. */
static void entangled_world(struct kit *k)
{
	static const char *const rules[] = {"allow override w %s/*/**", "allow override rw %s/*/**",
					    "allow override rw %s/*", "allow override r %s/**",
					    "deny w %s/*/c"};
	char dirs[LINKS][32], from[LINKS][32], text[128];
	size_t i;

	do
		for (i = 0; i < LINKS; i++) {
			*dirs[i] = 0;
			append_name(dirs[i], pick(3));
			append_name(strcpy(from[i], dirs[i]), 1);
		}
	while (below(from[0], from[1]) || below(from[1], from[0]));
	for (i = 0; i < LINKS; i++) {
		kit_alias(k, from[i], pick(4) ? dirs[!i] : dirs[i]);
		k->f.aliases[i].symlink = true;
	}
	for (i = 2 + pick(3); i > 0; i--) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof(text), rules[pick(sizeof(rules) / sizeof(*rules))],
			 k->f.aliases[pick(LINKS)].from);
#pragma GCC diagnostic pop
		kit_rule(k, text);
	}
}

#define DEEP 3 /* levels below the directory that are tried: patterns have no more */

static bool writes(const struct kit *k, const struct sbx_facts *without, const char *dir,
		   unsigned levels, const char *tail)
{
	char path[256];

	strcpy(path, dir);
	for (; levels > 0; levels--)
		strcat(path, "/zz");
	strcat(path, tail);
	return rights_of(k, without, path) & SBX_WRITE;
}

/* The n-th path; each as it is and, patterns saying of all names that paths have what they do not
 * say of others, with other names. */
static void nth_tail(char *tail, size_t n)
{
	char *ab;

	nth_path(tail, n / 2);
	for (ab = tail; n % 2 && (ab = strstr(ab, "ab"));)
		memcpy(ab, "zz", 2);
}

/* Does the directory bar symlinks, by whatever name? */
static bool barred(const struct kit *k, const struct sbx_facts *without, const char *dir)
{
	bool below = false, past = false;
	unsigned level;
	char tail[64];
	size_t i;

	for (i = 2; i < 2 * PATHS; i++) {
		nth_tail(tail, i);
		if (writes(k, without, dir, 1, tail)) {
			below = true;
			continue;
		}
		for (level = 2; level <= DEEP && !past; level++)
			past = writes(k, without, dir, level, tail);
	}
	return below && past;
}

/* Could the sandbox have made it? By trying all paths below the link and below a name beside it. */
static bool makeable(const struct kit *k, const struct sbx_facts *without, const char *link)
{
	char under[200], beside[200], dir[128], tail[64];
	bool all_write = true, same = true;
	size_t i;

	if (!(rights_of(k, without, link) & SBX_WRITE))
		return false;
	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(link, '/') - link), link);
	for (i = 2; i < 2 * PATHS && (all_write || same); i++) {
		nth_tail(tail, i);
		snprintf(under, sizeof(under), "%s%s", link, tail);
		snprintf(beside, sizeof(beside), "%s/zz%s", dir, tail);
		all_write &= !!(rights_of(k, without, under) & SBX_WRITE);
		same &= rights_of(k, without, under) == rights_of(k, without, beside);
	}
	return all_write || (same && !barred(k, without, dir));
}

/* A path that the links add a right to: those below their targets are what it can be about. */
static bool gains(const struct kit *k, const struct sbx_facts *without)
{
	char path[128];
	size_t i, n;

	for (n = 0; n < k->f.n_aliases; n++)
		for (i = 0; i < PATHS; i++) {
			strcpy(path, k->f.aliases[n].to);
			nth_path(path + strlen(path), i);
			if (rights_of(k, &k->f, path) & ~rights_of(k, without, path))
				return true;
		}
	return false;
}

/* The facts without the links of the set. */
static void leave_out(const struct kit *k, unsigned set, struct sbx_alias *left,
		      struct sbx_facts *out)
{
	size_t i;

	*out = (struct sbx_facts){.aliases = left};
	for (i = 0; i < k->f.n_aliases; i++)
		if (!(set >> i & 1))
			left[out->n_aliases++] = k->f.aliases[i];
}

struct truth {
	bool refused;  /* links that the sandbox could have made where they were not add a right */
	bool doubtful; /* or where none was */
	bool harmless; /* a link adds a right, and could not have been made */
};

static void find_truth(const struct kit *k, struct truth *t)
{
	static const struct sbx_facts none;
	struct sbx_alias left[LINKS];
	struct sbx_facts without;
	unsigned set;
	size_t i;

	*t = (struct truth){0};
	for (set = 1; set < 1u << k->f.n_aliases; set++) {
		bool can = true, could = true, gain;

		leave_out(k, set, left, &without);
		for (i = 0; i < k->f.n_aliases; i++) {
			const char *link = k->f.aliases[i].from;
			bool now = set >> i & 1 ? makeable(k, &without, link) : true;

			can &= now;
			could &= now || makeable(k, &none, link);
		}
		gain = (could || k->f.n_aliases == 1) && gains(k, &without);
		t->refused |= can && gain;
		t->doubtful |= could && gain;
		t->harmless |= !could && gain;
	}
}

static void print_world(const struct kit *k)
{
	size_t i;

	for (i = 0; i < k->p.n_files; i++)
		print_error("  verb %d rights %d %s\n", k->p.files[i].verb, k->p.files[i].rights,
			    k->p.files[i].paths[0].text);
	for (i = 0; i < k->f.n_aliases; i++)
		print_error("  %s -> %s\n", k->f.aliases[i].from, k->f.aliases[i].to);
	sbx_diags_print(&k->d, stderr);
}

static void refusals_are_exact(void **state)
{
	size_t i, refused = 0, harmless = 0, entangled = 0;

	for (i = 0; i < POLICIES; i++) {
		struct kit k = {0};
		struct truth truth;
		int rc;

		if (i % 4) {
			random_rules(&k);
			random_link(&k);
			if (i % 4 == 1)
				random_link(&k);
		} else {
			entangled_world(&k);
		}
		assert_int_equal(kit_compile(&k), 0);
		sbx_diags_free(&k.d);
		rc = sbx_links_widen(&k.p, &k.f, &k.img, &k.d);
		assert_true(rc == 0 || rc == -EINVAL);
		find_truth(&k, &truth);
		if (rc ? !truth.doubtful : truth.refused) {
			print_world(&k);
			fail_msg("%d is wrong", rc);
		}
		refused += rc != 0;
		entangled += rc != 0 && k.f.n_aliases > 1;
		harmless += rc == 0 && truth.harmless;
		kit_free(&k);
	}
	print_message("note: %d random policies with symlinks, %zu refused, %zu of them with two, "
		      "%zu with one that could not be made\n",
		      POLICIES, refused, entangled, harmless);
	assert_true(refused > POLICIES / 50 && harmless > POLICIES / 50 &&
		    entangled > POLICIES / 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals_are_exact),
	};

	random_start(20240607);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
