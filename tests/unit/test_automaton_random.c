// SPDX-License-Identifier: MIT
/*
 * Random policies and paths: the automaton against the reference, and what it says of everything
 * below a directory against a search through its own states. SBX_SEED=n repeats or varies a run.
 */
#include "tests/unit/filerules.h"
#include "tests/unit/kernelstep.h"
#include "tests/unit/random.h"

#define POLICIES 3000
#define PATHS	 40

static const char *const globs[] = {
	"a",
	"b",
	"ab",
	"\xc3\xa9",
	"*",
	"?",
	"??",
	"[ab]",
	"[!a]",
	"[!\xc3\xa9]",
	"[\xc3\xa0-\xc3\xbf]",
	"{a,b*}",
	"*a",
	"a*",
	"?b",
	"{?,ab}c",
	"*\xc3\xa9",
	"a?",
	"*?",
	"?*a",
	"**",
	"**",
	"{a,{b,c}d}",
	"*[!b]",
	"\xc3*",
	"[!\xe2\x82\xac]?",
	"*\xa9",
	"*{a,?}",
	"{a,}b",
	"\\*",
	"*[\xf0\x90\x80\x80-\xf0\xa0\x80\x80]",
};

static const char *const names[] = {
	"a",
	"b",
	"ab",
	"c",
	"\xc3\xa9",
	"\xc3",
	"\xa9",
	"x",
	"ac",
	"\xe2\x82\xac",
	"a\xc3\xa9",
	"bd",
	"cd",
	"\xe2\x82",
	"\xf0\x9f\x98\x80",
	"*",
	"\xf0\x90\x80\x80",
	"\xed\xa0\x80",
	"\xf4\x90\x80\x80",
	"b\xc3",
	"\xc3\xa9\xa9",
	"aab",
};

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

static void append_components(char *out, const char *const *from, size_t n, size_t depth)
{
	while (depth-- > 0) {
		strcat(out, "/");
		strcat(out, from[pick(n)]);
	}
}

/* The first names are literal components too: aliases and patterns meet often. */
static void append_pattern(char *out)
{
	strcat(out, " ");
	append_components(out, names, 3, pick(3));
	append_components(out, globs, COUNT(globs), 1 + pick(2));
	if (pick(4) == 0)
		append_components(out, names, 3, 1);
	if (pick(3) == 0)
		strcat(out, "/**");
}

/* "@unix/@x", as abstract sockets are named */
static void append_abstract(char *out, const char *const *from, size_t n)
{
	strcat(out, "@unix/@");
	strcat(out, names[pick(3)]);
	append_components(out, from, n, pick(2));
}

static void random_rule(struct kit *k)
{
	static const char *const verbs[] = {"allow override", "allow override", "deny",
					    "deny quiet",     "protect",	"protect quiet"};
	static const char *const rights[] = {"r", "w", "rw", "x", "rwx", "c", "wc"};
	const char *verb = verbs[pick(COUNT(verbs))];
	char text[1024] = "";
	size_t i;

	sprintf(text, "%s %s", verb, rights[pick(COUNT(rights))]);
	for (i = 1 + pick(2); i > 0; i--)
		append_pattern(text);
	if (pick(20) == 0)
		strcat(text, " @tty");
	if (pick(10) == 0) {
		strcat(text, " ");
		append_abstract(text, globs, COUNT(globs));
	}
	if (pick(20) == 0)
		strcat(text, " /");
	if (*verb == 'p' && pick(2)) {
		strcat(text, " !");
		for (i = 1 + pick(2); i > 0; i--)
			append_pattern(text);
	}
	kit_rule(k, text);
}

static void random_rules(struct kit *k, size_t most)
{
	size_t i;

	for (i = 1 + pick(most); i > 0; i--)
		random_rule(k);
	for (i = pick(2) ? pick(4) : 0; i > 0; i--) {
		char from[64] = "", to[64] = "";

		append_components(from, names, 5, pick(3));
		append_components(to, names, 5, pick(3));
		kit_alias(k, from, to);
	}
}

static void random_path(char *path)
{
	*path = '\0';
	if (pick(50) == 0)
		strcpy(path, "@tty");
	else if (pick(10) == 0)
		append_abstract(path, names, 5);
	else
		append_components(path, names, pick(2) ? 5 : COUNT(names), pick(5));
}

static void compare_path(const struct kit *k, const char *path)
{
	const struct sbx_state *s = kit_state(k, path);
	uint8_t rights = 0, quiet = 0;
	int r;

	for (r = 0; r < SBX_RIGHT_BITS; r++) {
		bool granted;
		int rule = sbx_files_decider(&k->p, &k->f, path, strlen(path), 1 << r, &granted);

		if (granted)
			rights |= 1 << r;
		else if (rule >= 0 && k->p.files[rule].quiet)
			quiet |= 1 << r;
	}
	if (s->rights != rights || s->quiet != quiet) {
		kit_print(k);
		fail_msg("%s: automaton %d/%d, reference %d/%d", path, s->rights, s->quiet, rights,
			 quiet);
	}
	assert_int_equal(s->any & rights, rights);
	assert_int_equal(s->all & ~rights, 0);
}

/* What the kernel makes of the path is what `explain` makes of it, wherever a mount begins. */
static void compare_kernel(const struct kit *k, const char *path)
{
	const struct sbx_image_hdr *hdr = sbx_image_hdr(&k->img);
	__u32 steps, got, wanted = kit_walk(k, path, strlen(path));

	if (!strcmp(path, "@tty")) {
		assert_int_equal(hdr->tty, wanted);
		return;
	}
	/* an abstract socket's name is one text, as a mount point's is */
	got = kernel_walk(&k->img, path, *path == '@' ? 9 : pick(6), pick(256), &steps);
	if (got != wanted || steps > strlen(path) * SBX_MAX_HOPS) {
		kit_print(k);
		fail_msg("%s: the kernel's state %u after %u steps, ours %u", path, got, steps,
			 wanted);
	}
}

static size_t by_head, by_name, settled_early;

static bool same_verdicts(const struct sbx_state *a, uint32_t cls, int rights, int any, int all)
{
	return a->cls == cls && a->rights == rights && a->any == any && a->all == all;
}

static size_t looping;

static void compare_loop(const struct kit *k, uint32_t at)
{
	unsigned c;

	looping++;
	for (c = 1; c < 256; c++)
		if (c != '/')
			assert_int_equal(sbx_image_step(&k->img, at, c), at);
}

/* As it lies in a dentry: whatever is behind the end. */
static __u64 head_of(const char *name)
{
	__u64 head = (__u64)pick(256) << 24 | (__u64)pick(256) << 16 | (__u64)pick(256) << 8;

	memcpy(&head, name, strnlen(name, 7) + 1);
	return head;
}

/* What a directory says of its names by how they begin, and what settled states promise, is what
 * stepping through the whole name comes to (sbx_image.h, LEAVES; bpf/cache.h). */
static void compare_short_ways(const struct kit *k, const char *path)
{
	const char *slash = strrchr(path, '/');
	const struct sbx_state *whole = kit_state(k, path), *st;
	const struct sbx_leaf *leaf = (const void *)(k->img.data + SBX_LEAF_OFF);
	uint32_t at;
	const char *c;

	if (!slash || !slash[1])
		return;
	at = kit_walk(k, path, slash - path);
	st = sbx_image_state(&k->img, at);
	leaf += st->leaf - 1;
	if (!st->leaf || sbx_leaf_differs(leaf, head_of(slash + 1), strlen(slash + 1))) {
		by_name++;
	} else {
		by_head++;
		if (!same_verdicts(whole, leaf->cls, leaf->rights, leaf->any, leaf->all))
			fail_msg("%s: its head says class %u, the name %u", path, leaf->cls,
				 whole->cls);
	}
	for (c = slash; *c; c++) {
		at = sbx_image_step(&k->img, at, *c);
		st = sbx_image_state(&k->img, at);
		if (at & SBX_STATE_LOOPS)
			compare_loop(k, at);
		if (!(at & SBX_STATE_SETTLED))
			continue;
		settled_early += c[1] != 0;
		if (!same_verdicts(whole, st->cls, st->rights, st->any, st->all))
			fail_msg("%s: settled as class %u at %s, and is %u", path, st->cls, c,
				 whole->cls);
		break;
	}
}

/* false: some pattern goes through more aliases than are followed, and the policy is refused. */
static bool compiles(struct kit *k)
{
	if (!kit_compile(k))
		return true;
	if (k->d.errors && strstr(k->d.v[0].what, "too many symlinks"))
		return false;
	kit_print(k);
	fail_msg("it does not compile");
	return false;
}

static void verdicts_equal_the_reference(void **state)
{
	size_t i, n, done = 0;

	for (i = 0; i < POLICIES; i++) {
		struct kit k = {0};
		char path[256];

		random_rules(&k, 7);
		for (n = compiles(&k) ? 0 : PATHS; n < PATHS; n++) {
			random_path(path);
			compare_path(&k, path);
			compare_kernel(&k, path);
			compare_short_ways(&k, path);
			done++;
		}
		kit_free(&k);
	}
	assert_true(done >= 100000);
	print_message("note: %zu random policies, %zu paths against the reference and the "
		      "kernel's matcher\n",
		      i, done);
	print_message("note: %zu names decided by how they begin, %zu not, %zu settled early\n",
		      by_head, by_name, settled_early);
	assert_true(by_head > 1000 && by_name > 1000 && settled_early > 1000 && looping > 1000);
}

/* --- below a directory --- */

#define SEEN_MAX 20000

/* Pairs of states reached by the same bytes, and where in a path they were reached. */
enum { AFTER_SLASH, INSIDE, AT_START };

struct search {
	struct {
		uint32_t a, b;
		int where;
	} v[SEEN_MAX];
	size_t n;
};

static bool push(struct search *s, uint32_t a, uint32_t b, int where)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->v[i].a == a && s->v[i].b == b && s->v[i].where == where)
			return true;
	if (s->n == SEEN_MAX)
		return false;
	s->v[s->n].a = a;
	s->v[s->n].b = b;
	s->v[s->n++].where = where;
	return true;
}

/*
 * All pairs of states that paths below two names lead to. Returns false if there are too many.
 * *any, *all: over the first of each pair. *differ: some pair has different rights; *below: some
 * pair but the first.
 */
static bool look_below(const struct kit *k, struct search *s, uint32_t a, uint32_t b, uint8_t *any,
		       uint8_t *all, bool *differ, bool *below)
{
	size_t i;
	unsigned c;

	s->n = 0;
	push(s, a, b, AT_START);
	*any = 0;
	*all = SBX_RIGHTS_ALL;
	*differ = *below = false;
	for (i = 0; i < s->n; i++) {
		uint8_t ra = sbx_image_state(&k->img, s->v[i].a)->rights;

		if (s->v[i].where != AFTER_SLASH) {
			*any |= ra;
			*all &= ra;
			*differ |= ra != sbx_image_state(&k->img, s->v[i].b)->rights;
			*below |= i && ra != sbx_image_state(&k->img, s->v[i].b)->rights;
		}
		for (c = 1; c < 256; c++) {
			bool slash = c == '/';

			/* no component is empty, and the search begins at the end of one */
			if (s->v[i].where == (slash ? AFTER_SLASH : AT_START))
				continue;
			if (!push(s, sbx_image_step(&k->img, s->v[i].a, c),
				  sbx_image_step(&k->img, s->v[i].b, c),
				  slash ? AFTER_SLASH : INSIDE))
				return false;
		}
	}
	return true;
}

/* What the image says of two directories against that search. false: there is too much below. */
static bool compare_below(const struct kit *k, struct search *s, const char *p, const char *q)
{
	uint32_t a = kit_walk(k, p, strlen(p)), b = kit_walk(k, q, strlen(q));
	const struct sbx_state *sa = sbx_image_state(&k->img, a);
	const struct sbx_state *sb = sbx_image_state(&k->img, b);
	uint8_t any, all;
	bool differ, below;

	if (!look_below(k, s, a, b, &any, &all, &differ, &below))
		return false;
	if (any != sa->any || all != sa->all || differ != (sa->cls != sb->cls) ||
	    below != (SBX_CLS_BELOW(sa->cls) != SBX_CLS_BELOW(sb->cls))) {
		kit_print(k);
		fail_msg("%s, %s: any %d/%d all %d/%d differ %d cls %u %u", p, q, sa->any, any,
			 sa->all, all, differ, sa->cls, sb->cls);
	}
	return true;
}

/* What is denied lies two components below a pattern; it was missed once in what holds of /a. */
static void properties_hold_two_below(void **state)
{
	static const char *const denied[] = {
		"/a/x*/s",    "/a/*x/s",       "/a/b/*x/s", "/a/*/s",	    "/a/?/s/**",
		"/a/b/x*/s*", "/a/{b,c}*/*/s", "/a/b*/a?",  "/b/a/b/*x/ab", "/a/*x/s*/t",
	};
	static const char *const dirs[] = {"", "/a", "/a/b", "/a/b/ax"};
	struct search *s = malloc(sizeof(*s));
	char text[64];
	size_t i, n;

	assert_non_null(s);
	for (i = 0; i < COUNT(denied); i++) {
		struct kit k = {0};

		kit_rule(&k, "allow override rw /**");
		sprintf(text, "deny r %s", denied[i]);
		kit_rule(&k, text);
		assert_int_equal(kit_compile(&k), 0);
		for (n = 0; n < COUNT(dirs); n++)
			if (!compare_below(&k, s, dirs[n], "/c"))
				fail();
		kit_free(&k);
	}
	free(s);
}

static void properties_hold_below(void **state)
{
	struct search *s = malloc(sizeof(*s));
	size_t i, n, done = 0;

	assert_non_null(s);
	for (i = 0; i < 1500; i++) {
		struct kit k = {0};

		/* with many rules, most properties hold for several reasons */
		random_rules(&k, i % 10 ? 2 : 7);
		for (n = compiles(&k) ? 0 : 6; n < 6; n++) {
			char p[256], q[256];

			random_path(p);
			random_path(q);
			done += compare_below(&k, s, n ? p : "", q);
		}
		kit_free(&k);
	}
	free(s);
	print_message("note: %zu pairs of directories compared below\n", done);
	assert_true(done > 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts_equal_the_reference),
		cmocka_unit_test(properties_hold_two_below),
		cmocka_unit_test(properties_hold_below),
	};

	random_start(20240607);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
