// SPDX-License-Identifier: MIT
/*
 * What a proposed line would open besides, for random policies and denials: where it is "nothing
 * else", no other path that is tried gains a right, and every example does gain what is said of it,
 * as every rule by itself says. SBX_SEED=n repeats or varies a run.
 */
#include "tests/unit/smallpaths.h"
#include "user/policy/explain.h"

#define POLICIES 200
#define DENIALS	 4 /* of each */

static void random_policy(struct kit *k)
{
	static const char *const verbs[] = {"allow override", "allow override", "allow override",
					    "deny",	      "protect",	"protect"};
	static const char *const rights[] = {"r", "rw", "rw", "rwx", "rwx"};
	char text[256];
	size_t i;

	for (i = 3 + pick(4); i > 0; i--) {
		size_t verb = pick(6);

		sprintf(text, "%s %s ", verbs[verb], rights[pick(5)]);
		append_pattern(text, 1 + pick(3));
		if (verb > 3 && pick(2)) {
			strcat(text, " ! ");
			append_pattern(text, 1 + pick(3));
		}
		kit_rule(k, text);
	}
	k->p.file = "t.yaml";
	if (!pick(4))
		kit_alias(k, "/b/a", pick(2) ? "/a" : "/c/b");
}

/* The policy as its author would change it: an exception wherever a protect is in the way, and an
 * allow at the end if one is needed then. Rights that the exceptions open and nobody asked for are
 * protected anew. */
static void paste(struct kit *k, const char *path, uint8_t right, const char *pattern)
{
	uint8_t excepted = 0, left;
	char rule[128];
	bool granted;
	int i;

	for (;;) {
		i = sbx_files_decider(&k->p, &k->f, path, strlen(path), right, &granted);
		if (i < 0 || k->p.files[i].verb != SBX_PROTECT)
			break;
		excepted |= k->p.files[i].rights & ~right;
		kit_pattern(&k->p.files[i].except, &k->p.files[i].n_except, pattern, 1);
	}
	snprintf(rule, sizeof(rule), "allow override %c %s", " rw x"[right], pattern);
	left = excepted & rights_of(k, &k->f, path);
	if (!granted)
		kit_rule(k, rule);
	snprintf(rule, sizeof(rule), "protect %s%s%s %s", left & SBX_READ ? "r" : "",
		 left & SBX_WRITE ? "w" : "", left & SBX_EXEC ? "x" : "", pattern);
	if (left)
		kit_rule(k, rule);
}

/* "also read, write of /a, read of /b/c, and …": whatever is named there is gained. */
static void check_examples(const char *text, const struct kit *before, const struct kit *after)
{
	const char *at = text;
	char path[128];

	while ((at = strstr(at, " of /"))) {
		uint8_t gained;

		at += strlen(" of ");
		snprintf(path, sizeof(path), "%.*s", (int)strcspn(at, ","), at);
		if (!strcmp(path, "/"))
			*path = 0;
		gained = rights_of(after, &after->f, path) & ~rights_of(before, &before->f, path);
		if (!gained)
			fail_msg("%s: %s gains nothing", text, path);
	}
}

static void check_opening(const char *text, const struct kit *before, const struct kit *after,
			  const char *asked, uint8_t right)
{
	bool nothing = !strcmp(text, "nothing else");
	char path[64];
	size_t i;

	for (i = 0; i < PATHS && nothing; i++) {
		uint8_t gained;

		nth_path(path, i);
		gained = rights_of(after, &after->f, path) & ~rights_of(before, &before->f, path);
		if (gained & ~(strcmp(path, asked) ? 0 : right))
			fail_msg("%s of %s: %d of %s is gained, too", asked, text, gained, path);
	}
	check_examples(text, before, after);
}

static size_t exact, broader;

static void try_denial(const char *rules, const struct kit *k)
{
	struct kit after = {0}, wide = {0};
	struct sbx_explanation e = {0};
	uint8_t right = SBX_READ << pick(3);
	char path[64], pattern[80];
	size_t i;

	do
		nth_path(path, pick(PATHS));
	while (!*path || !strncmp(path, "/b/a", 4)); /* that is never the canonical name */
	assert_int_equal(sbx_explain_file(&k->p, &k->f, path, strlen(path), right, &e), 0);
	if (e.granted)
		goto out;
	assert_int_equal(sbx_explain_opens(&k->p, &k->f, path, strlen(path), right, &e), 0);
	assert_non_null(e.opens);
	kit_rules(&after, rules);
	kit_rules(&wide, rules);
	for (i = 0; i < k->f.n_aliases; i++) {
		kit_alias(&after, k->f.aliases[i].from, k->f.aliases[i].to);
		kit_alias(&wide, k->f.aliases[i].from, k->f.aliases[i].to);
	}
	paste(&after, path, right, path);
	assert_true(rights_of(&after, &after.f, path) & right);
	assert_string_equal(e.opens, "nothing else");
	check_opening(e.opens, k, &after, path, right);
	exact++;
	if (e.wider_opens) {
		snprintf(pattern, sizeof(pattern), "%.*s/**", (int)(strrchr(path, '/') - path),
			 path);
		paste(&wide, path, right, pattern);
		check_opening(e.wider_opens, k, &wide, path, right);
		broader++;
	}
	kit_free(&after);
	kit_free(&wide);
out:
	sbx_explanation_free(&e);
}

/* The rules once more, as kit_rules reads them. */
static void write_rules(const struct kit *k, char *out)
{
	size_t i, n;

	for (i = 0; i < k->p.n_files; i++) {
		const struct sbx_file_rule *r = &k->p.files[i];

		out += sprintf(out, "%s ",
			       r->verb == SBX_ALLOW  ? "allow override"
			       : r->verb == SBX_DENY ? "deny"
						     : "protect");
		out += sprintf(out, "%s%s%s", r->rights & SBX_READ ? "r" : "",
			       r->rights & SBX_WRITE ? "w" : "", r->rights & SBX_EXEC ? "x" : "");
		for (n = 0; n < r->n_paths; n++)
			out += sprintf(out, " %s", r->paths[n].text);
		for (n = 0; n < r->n_except; n++)
			out += sprintf(out, "%s %s", n ? "" : " !", r->except[n].text);
		*out++ = '\n';
	}
	*out = 0;
}

static void openings_are_exact(void **state)
{
	char rules[2048];
	size_t i, n;

	for (i = 0; i < POLICIES; i++) {
		struct kit k = {0};

		random_policy(&k);
		write_rules(&k, rules);
		for (n = 0; n < DENIALS; n++)
			try_denial(rules, &k);
		kit_free(&k);
	}
	print_message("note: %zu lines, %zu broader ones\n", exact, broader);
	assert_true(exact > POLICIES && broader > POLICIES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openings_are_exact),
	};

	random_start(20251011);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
