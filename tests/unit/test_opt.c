// SPDX-License-Identifier: MIT
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/base/opt.h"

static struct {
	bool audit, follow, json;
	const char *policy;
	struct sbx_opt_list vars;
	int color;
} got;

static const char *const colors[] = {"auto", "always", "never", NULL};

static const struct sbx_opt opts[] = {
	{"audit", 0, SBX_OPT_FLAG, NULL, "report, do not deny", &got.audit, NULL},
	{"follow", 'f', SBX_OPT_FLAG, NULL, "go on", &got.follow, NULL},
	{"policy", 'p', SBX_OPT_TEXT, "P", "the policy", &got.policy, NULL},
	{"var", 0, SBX_OPT_LIST, "K=V", "a variable", &got.vars, NULL},
	{0},
};

static const struct sbx_opt common[] = {
	{"json", 'j', SBX_OPT_FLAG, NULL, "for machines", &got.json, NULL},
	{"color", 0, SBX_OPT_CHOICE, NULL, "colour", &got.color, colors},
	{0},
};

static struct sbx_opt_spec spec = {.usage = "x [OPTION]... WORD\nx --other\n",
				   .summary = "Does x.",
				   .opts = opts,
				   .more = common,
				   .max = 2};

/* Parses a line of words; they stay in `words`. */
static char line[256], *words[32], *why;

static int parse(const char *text)
{
	char *w;
	int n = 1;

	memset(&got, 0, sizeof(got));
	free(why);
	snprintf(line, sizeof(line), "%s", text);
	words[0] = "x";
	for (w = strtok(line, " "); w; w = strtok(NULL, " "))
		words[n++] = !strcmp(w, "''") ? w + 2 : w;
	words[n] = NULL;
	return sbx_opt_parse(&spec, n, words, &why);
}

static void wrong(const char *text, const char *part1, const char *part2)
{
	assert_int_equal(parse(text), -EINVAL);
	assert_non_null(why);
	if (!strstr(why, part1) || !strstr(why, part2) || !strstr(why, "Hint: "))
		fail_msg("%s: %s", text, why);
}

static void test_forms(void **state)
{
	assert_int_equal(parse(""), 0);
	assert_null(words[1]);
	assert_int_equal(parse("--audit --policy a --var A=1 --var=B=2 -fj"), 0);
	assert_true(got.audit && got.follow && got.json);
	assert_string_equal(got.policy, "a");
	assert_int_equal(got.vars.n, 2);
	assert_string_equal(got.vars.v[1], "B=2");
	assert_null(got.vars.v[2]);
	assert_int_equal(parse("-p=x"), 0);
	assert_string_equal(got.policy, "=x");
	assert_int_equal(parse("-px"), 0);
	assert_string_equal(got.policy, "x");
	assert_int_equal(parse("-fp x"), 0);
	assert_string_equal(got.policy, "x");
	assert_int_equal(parse("--policy -"), 0);
	assert_string_equal(got.policy, "-");
	assert_int_equal(parse("--policy=--audit"), 0);
	assert_string_equal(got.policy, "--audit");
	assert_false(got.audit);
}

static void test_operands_move_to_the_front(void **state)
{
	assert_int_equal(parse("one --audit two -f - --policy p"), 3);
	assert_string_equal(words[1], "one");
	assert_string_equal(words[2], "two");
	assert_string_equal(words[3], "-");
	assert_null(words[4]);
	assert_true(got.audit && got.follow);
	assert_int_equal(parse("one -- --audit"), 2);
	assert_string_equal(words[2], "--audit");
	assert_false(got.audit);
}

static void test_a_command_keeps_its_options(void **state)
{
	spec.command = true;
	assert_int_equal(parse("--audit ls --json -f"), 3);
	assert_true(got.audit);
	assert_false(got.json || got.follow);
	assert_string_equal(words[1], "ls");
	assert_string_equal(words[2], "--json");
	assert_null(words[4]);
	assert_int_equal(parse("-- --json"), 1);
	assert_string_equal(words[1], "--json");
	assert_int_equal(parse("-- a -- b"), 3);
	assert_string_equal(words[2], "--");
	spec.command = false;
}

static void test_choices(void **state)
{
	assert_int_equal(parse("--color=never"), 0);
	assert_int_equal(got.color, 2);
	assert_int_equal(parse("--color always"), 0);
	assert_int_equal(got.color, 1);
	wrong("--color=alwys", "auto, always, never (alwys)", "did you mean always");
	wrong("--color=17", "auto, always, never (17)", "choose one");
}

static void test_mistakes(void **state)
{
	wrong("--polcy x", "no option --polcy", "did you mean --policy?");
	wrong("--frobnicate", "no option --frobnicate", "--help");
	wrong("-x", "no option -x", "--help");
	wrong("--policy", "--policy needs a value", "--policy P");
	wrong("-p", "--policy needs a value", "--policy P");
	wrong("--policy --audit", "an option follows (--audit)", "--policy=--audit");
	wrong("--policy=", "empty value", "--policy P");
	wrong("--policy ''", "empty value", "--policy P");
	wrong("--audit=yes", "takes no value (yes)", "--audit");
	wrong("--policy a --policy b", "given twice (b)", "once");
	wrong("--color=never --color=never", "given twice", "once");
	wrong("--policya", "no option --policya", "--policy?");
}

static void test_too_many_values(void **state)
{
	struct sbx_opt_list *v = &got.vars;
	char *argv[2 * SBX_OPT_LIST_MAX + 4] = {"x"};
	int i, n = 1;

	free(why);
	memset(&got, 0, sizeof(got));
	for (i = 0; i < SBX_OPT_LIST_MAX; i++) {
		argv[n++] = "--var";
		argv[n++] = "a=b";
	}
	assert_int_equal(sbx_opt_parse(&spec, n, argv, &why), 0);
	assert_int_equal(v->n, SBX_OPT_LIST_MAX);
	for (n = 1, i = 0; i < SBX_OPT_LIST_MAX; i++) {
		argv[n++] = "--var";
		argv[n++] = "a=b";
	}
	argv[n++] = "--var=c=d";
	memset(&got, 0, sizeof(got));
	assert_int_equal(sbx_opt_parse(&spec, n, argv, &why), -EINVAL);
	assert_non_null(strstr(why, "64 times"));
}

static void test_count(void **state)
{
	char *argv[] = {"x", "a", "b", "c", NULL};

	free(why);
	spec.min = 1;
	assert_int_equal(sbx_opt_count(&spec, 0, argv, &why), -EINVAL);
	assert_string_equal(why, "an argument is missing. Hint: x [OPTION]... WORD");
	free(why);
	spec.operand = "WORD";
	assert_int_equal(sbx_opt_count(&spec, 0, argv, &why), -EINVAL);
	assert_string_equal(why, "WORD is missing. Hint: x [OPTION]... WORD");
	assert_int_equal((free(why), sbx_opt_count(&spec, 1, argv, &why)), 0);
	assert_int_equal(sbx_opt_count(&spec, 2, argv, &why), 0);
	assert_int_equal(sbx_opt_count(&spec, 3, argv, &why), -EINVAL);
	assert_non_null(strstr(why, "too many (c)"));
	spec.min = 0;
}

static void test_help(void **state)
{
	char *text = NULL;
	size_t len, i, col = 0;
	FILE *f = open_memstream(&text, &len);

	sbx_opt_help(&spec, f);
	fclose(f);
	assert_non_null(strstr(text, "Usage: x [OPTION]... WORD"));
	assert_non_null(strstr(text, "\n  -f, --follow            go on\n"));
	assert_non_null(strstr(text, "\n      --var K=V           a variable\n"));
	assert_non_null(strstr(text, "--color=auto|always|never\n"));
	for (i = 0; i < len; i++) {
		col = text[i] == '\n' ? 0 : col + 1;
		assert_true(col <= 100);
	}
	free(text);
}

static void test_words(void **state)
{
	static const char *const list[] = {"run", "attach", "detach", NULL};
	char longest[80];

	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(sbx_word_distance("", ""), 0);
	assert_int_equal(sbx_word_distance("kitten", "sitting"), 3);
	assert_int_equal(sbx_word_distance("", "abc"), 3);
	assert_true(sbx_word_distance(longest, "a") >= 3);
	assert_string_equal(sbx_word_nearest("detatch", list), "detach");
	assert_string_equal(sbx_word_nearest("rnu", list), "run");
	assert_null(sbx_word_nearest("status", list));
	assert_null(sbx_word_nearest(longest, list));
}

static int forget(void **state)
{
	free(why);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_operands_move_to_the_front),
		cmocka_unit_test(test_a_command_keeps_its_options),
		cmocka_unit_test(test_choices),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_too_many_values),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
