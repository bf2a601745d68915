// SPDX-License-Identifier: MIT
/*
 * What an image says of each of its states beyond the state's own rights (include/sbx_image.h):
 * any, all, cls, settled, loops, bars_links and the leaves, against what the transitions alone come
 * to. The policies are small: with many rules, most of this holds for several reasons, and mistakes
 * do not show. SBX_SEED=n repeats or varies a run, SBX_ROUNDS=n makes it longer.
 */
#include "tests/unit/filerules.h"
#include "tests/unit/random.h"

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))
#define MAX	 600 /* states; larger images are left out */
#define SLOTS	 2048
#define NOWHERE	 (-1)

static const char *const parts[] = {
	"a",
	"b",
	"ab",
	"abc",
	"abcd",
	"abcde",
	"*",
	"?",
	"??",
	"???",
	"????",
	"[ab]",
	"[!a]",
	"{a,b*}",
	"*a",
	"a*",
	"?b",
	"a?",
	"*?",
	"{?,ab}c",
	"?*a",
	"**",
	"x*",
	"*x",
	"abc*",
	"abcd*",
	"a*b*c",
	"*[!b]",
	"*{a,?}",
	"{a,b,ab}",
	"[!.]*",
	"*.c",
	".*",
	"\xc3\xa9",
	"*\xc3\xa9",
	"\xc3*",
	"*\xa9",
	"[!\xc3\xa9]",
	"[\xc3\xa0-\xc3\xbf]",
	"{.env,.env.*}",
};

static const char *const literals[] = {"a", "b", "ab", "abc", "abcd", "x"};

/* Literal directories, patterns below them, and now and then a literal below those. */
static void append_pattern(char *out)
{
	size_t n;

	strcat(out, " ");
	for (n = pick(3); n > 0; n--)
		sprintf(out + strlen(out), "/%s", literals[pick(COUNT(literals))]);
	for (n = 1 + pick(2); n > 0; n--)
		sprintf(out + strlen(out), "/%s", pick(4) ? parts[pick(COUNT(parts))] : "*");
	if (!pick(3))
		sprintf(out + strlen(out), "/%s", literals[pick(COUNT(literals))]);
	if (!pick(3))
		strcat(out, "/**");
}

static void random_policy(struct kit *k)
{
	static const char *const verbs[] = {"allow override", "deny", "protect", "protect quiet"};
	static const char *const rights[] = {"r", "w", "rw", "rwxc"};
	size_t i;

	if (pick(2))
		kit_rule(k, pick(2) ? "allow override rw /**" : "allow override rwxc /a/**");
	for (i = 1 + pick(2); i > 0; i--) {
		char text[1024];

		sprintf(text, "%s %s", verbs[pick(COUNT(verbs))], rights[pick(COUNT(rights))]);
		append_pattern(text);
		if (strstr(text, "protect") && !pick(2)) {
			strcat(text, " !");
			append_pattern(text);
		}
		kit_rule(k, text);
	}
	if (!pick(4))
		kit_alias(k, pick(2) ? "/a" : "/b/x", pick(2) ? "/ab" : "");
}

/* The image as a table, by numbers of its states from 0, where it begins. */
struct table {
	const struct kit *k;
	int n;
	uint32_t id[MAX];
	const struct sbx_state *rec[MAX];
	int to[MAX][256];
	int slot[SLOTS];
};

static int number(struct table *t, uint32_t id)
{
	uint32_t h;

	for (h = id * 0x9e3779b1u >> 21; t->slot[h] != NOWHERE; h = (h + 1) % SLOTS)
		if (t->id[t->slot[h]] == id)
			return t->slot[h];
	if (t->n == MAX)
		return NOWHERE;
	t->id[t->n] = id;
	return t->slot[h] = t->n++;
}

/* false: it is too large. */
static bool explore(struct table *t, const struct kit *k)
{
	int i, c;

	t->k = k;
	t->n = 0;
	for (i = 0; i < SLOTS; i++)
		t->slot[i] = NOWHERE;
	number(t, sbx_image_hdr(&k->img)->start);
	for (i = 0; i < t->n; i++) {
		t->rec[i] = sbx_image_state(&k->img, t->id[i]);
		assert_non_null(t->rec[i]);
		for (c = 1; c < 256; c++) {
			t->to[i][c] = number(t, sbx_image_step(&k->img, t->id[i], c));
			if (t->to[i][c] == NOWHERE)
				return false;
		}
	}
	return true;
}

static void wrong(const struct table *t, int i, const char *what)
{
	const struct sbx_state *r = t->rec[i];

	kit_print(t->k);
	fail_msg("state %#x, class %u, rights %d, any %d, all %d: %s is wrong", t->id[i], r->cls,
		 r->rights, r->any, r->all, what);
}

/* Rights that occur, and those that are missing somewhere, as eight bits. */
static uint8_t own(const struct table *t, int i)
{
	return t->rec[i]->rights | (~t->rec[i]->rights & SBX_RIGHTS_ALL) << SBX_RIGHT_BITS;
}

/* Over all names that go on from each state: behind a '/', or within a component. */
static void compare_sums(const struct table *t)
{
	static uint8_t behind[MAX], within[MAX];
	bool moved = true;
	int i, c;

	memset(behind, 0, sizeof(behind));
	memset(within, 0, sizeof(within));
	while (moved) {
		moved = false;
		for (i = 0; i < t->n; i++) {
			uint8_t b = 0, w;

			for (c = 1; c < 256; c++)
				if (c != '/')
					b |= within[t->to[i][c]];
			w = own(t, i) | b | behind[t->to[i]['/']];
			moved |= b != behind[i] || w != within[i];
			behind[i] = b;
			within[i] = w;
		}
	}
	for (i = 0; i < t->n; i++) {
		uint8_t sum = own(t, i) | behind[t->to[i]['/']];

		if (t->rec[i]->any != (sum & SBX_RIGHTS_ALL))
			wrong(t, i, "any");
		if (t->rec[i]->all != (~(sum >> SBX_RIGHT_BITS) & SBX_RIGHTS_ALL))
			wrong(t, i, "all");
	}
}

/*
 * Which places have the same future? Two for each state, as above. By rounds: places are alike
 * until what they lead to is not.
 */
static void compare_classes(const struct table *t)
{
	static struct {
		int behind, within;
	} at[MAX], next[MAX];
	static uint64_t sig[2 * MAX];
	int i, j, c, n = 0, before = -1;

	for (i = 0; i < t->n; i++) {
		at[i].behind = 0;
		at[i].within = 1 + t->rec[i]->rights;
	}
	while (n != before) {
		before = n;
		n = 0;
		for (i = 0; i < 2 * t->n; i++) {
			int s = i / 2, inside = i % 2;

			sig[i] = inside ? at[s].within : at[s].behind;
			for (c = 1; c < 256; c++) {
				int to = t->to[s][c];
				int leads = c != '/' ? at[to].within : inside ? at[to].behind : -1;

				sig[i] = (sig[i] ^ (uint64_t)(leads + 2)) * 0x9e3779b97f4a7c15ull;
				sig[i] ^= sig[i] >> 29;
			}
			for (j = 0; j < i && sig[j] != sig[i]; j++)
				;
			*(inside ? &next[s].within : &next[s].behind) =
				j < i ? (j % 2 ? next[j / 2].within : next[j / 2].behind) : ++n;
		}
		memcpy(at, next, sizeof(at));
	}
	for (i = 0; i < t->n; i++) {
		if ((t->rec[i]->cls & SBX_RIGHTS_ALL) != t->rec[i]->rights)
			wrong(t, i, "cls");
		for (j = 0; j < i; j++)
			if ((SBX_CLS_BELOW(t->rec[i]->cls) == SBX_CLS_BELOW(t->rec[j]->cls)) !=
			    (at[t->to[i]['/']].behind == at[t->to[j]['/']].behind))
				wrong(t, i, "cls");
	}
}

static bool same(const struct sbx_state *a, const struct sbx_state *b)
{
	return a->cls == b->cls && a->rights == b->rights && a->any == b->any && a->all == b->all;
}

/* Is each name that goes on from state i, within its component, like `st`? */
static bool all_like(const struct table *t, int i, const struct sbx_state *st)
{
	static bool seen[MAX];
	static int queue[MAX];
	int n = 0, at, c;

	memset(seen, 0, sizeof(seen));
	seen[i] = true;
	queue[n++] = i;
	for (at = 0; at < n; at++) {
		if (!same(t->rec[queue[at]], st))
			return false;
		for (c = 1; c < 256; c++) {
			int to = t->to[queue[at]][c];

			if (c == '/' || seen[to])
				continue;
			seen[to] = true;
			queue[n++] = to;
		}
	}
	return true;
}

static size_t settled, loops, passed;

static void compare_flags(const struct table *t)
{
	int i, c;

	for (i = 0; i < t->n; i++) {
		if (t->id[i] & SBX_STATE_SETTLED) {
			settled++;
			if (!all_like(t, i, t->rec[i]))
				wrong(t, i, "settled");
		}
		if (!(t->id[i] & SBX_STATE_LOOPS))
			continue;
		loops++;
		for (c = 1; c < 256; c++)
			if (c != '/' && t->to[i][c] != i)
				wrong(t, i, "loops");
	}
}

/* No leaf lets a name pass that is not like the others: names of n + 1 bytes and more that begin
 * with the n bytes of `head`, which lead to state `in`. Few bytes of each kind are tried. */
static void compare_leaf(const struct table *t, int dir, const struct sbx_leaf *leaf, int in,
			 uint32_t head, unsigned n)
{
	const struct sbx_state like = {
		.cls = leaf->cls, .rights = leaf->rights, .any = leaf->any, .all = leaf->all};
	static const char usual[] = "abcx.\xc3\xa9";
	int c;

	for (c = 1; c < 256; c++) {
		uint64_t next = head | (uint64_t)c << 8 * n;
		int to = t->to[in][c];

		if (c == '/' || (n && !strchr(usual, c) && pick(16)))
			continue;
		/* behind the byte that ends the name there is anything */
		if (!same(t->rec[to], &like) &&
		    !sbx_leaf_differs(leaf, next | (n < 6 ? (uint64_t)pick(256) << 8 * (n + 2) : 0),
				      n + 1))
			wrong(t, dir, "leaf");
		if (all_like(t, to, &like)) {
			passed += !sbx_leaf_differs(leaf, next, n + 1);
			continue;
		}
		if (n + 1 < SBX_LEAF_HEAD)
			compare_leaf(t, dir, leaf, to, next, n + 1);
		else if (!sbx_leaf_differs(leaf, next | (uint64_t)pick(256) << 32, n + 2))
			wrong(t, dir, "leaf");
	}
}

static void compare_leaves(const struct table *t)
{
	const struct sbx_leaf *leaves = (const void *)(t->k->img.data + SBX_LEAF_OFF);
	int i;

	for (i = 0; i < t->n; i++) {
		if (!t->rec[i]->leaf || pick(4))
			continue;
		compare_leaf(t, i, leaves + t->rec[i]->leaf - 1, t->to[i]['/'], 0, 0);
		if (leaves[t->rec[i]->leaf - 1].bars_links != t->rec[i]->bars_links)
			wrong(t, i, "bars_links of the leaf");
	}
}

/* Is there a path, from two states behind a '/', that may not be written from the first and may be
 * from the second? *below: whether any may be written from the first. */
static bool leads_past(const struct table *t, int deep, int flat, bool *below)
{
	static bool seen[MAX * MAX];
	static int queue[2 * MAX * MAX];
	int n = 0, at, c, slash;
	bool past = false;

	memset(seen, 0, t->n * t->n);
	*below = false;
	for (at = -1; at < n; at++) {
		if (at >= 0) {
			deep = queue[at] / MAX;
			flat = queue[at] % MAX;
			*below |= t->rec[deep]->rights & SBX_WRITE;
			past |= t->rec[flat]->rights & ~t->rec[deep]->rights & SBX_WRITE;
		}
		for (slash = 0; slash < (at < 0 ? 1 : 2); slash++) {
			int a = slash ? t->to[deep]['/'] : deep;
			int b = slash ? t->to[flat]['/'] : flat;

			for (c = 1; c < 256; c++) {
				int x = t->to[a][c], y = t->to[b][c];

				if (c == '/' || seen[x * t->n + y])
					continue;
				seen[x * t->n + y] = true;
				queue[n++] = x * MAX + y;
			}
		}
	}
	return past;
}

static int unmentioned(const struct table *t, int inside)
{
	int c;

	for (c = 0; c < 16; c++)
		inside = t->to[inside][1 + c % 2];
	return inside;
}

static size_t barred;

static void compare_bars(const struct table *t)
{
	int i;

	for (i = 0; i < t->n; i++) {
		int inside = t->to[i]['/'], beside = unmentioned(t, inside), depth;
		bool below, bars = false;

		for (depth = 0; depth < 12; depth++) {
			inside = t->to[unmentioned(t, inside)]['/'];
			bars |= leads_past(t, t->to[beside]['/'], inside, &below);
		}
		bars = bars && below;
		if (t->rec[i]->sibling != t->rec[beside]->cls)
			wrong(t, i, "sibling");
		if (t->rec[i]->bars_links != bars)
			wrong(t, i, "bars_links");
		barred += bars;
	}
}

static void every_state_says_what_its_transitions_say(void **state)
{
	struct table *t = malloc(sizeof(*t));
	size_t i, rounds = random_rounds(1200), done = 0;

	assert_non_null(t);
	for (i = 0; i < rounds; i++) {
		struct kit k = {0};

		random_policy(&k);
		assert_int_equal(kit_compile(&k), 0);
		if (explore(t, &k)) {
			done++;
			compare_sums(t);
			compare_classes(t);
			compare_flags(t);
			compare_leaves(t);
			compare_bars(t);
		}
		kit_free(&k);
	}
	free(t);
	print_message("note: %zu images, %zu settled states, %zu that loop, %zu names by leaves, "
		      "%zu directories that bar symlinks\n",
		      done, settled, loops, passed, barred);
	assert_true(done > rounds / 2 && settled > rounds && loops > rounds && passed > rounds &&
		    barred > rounds / 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_says_what_its_transitions_say),
	};

	random_start(20261130);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
