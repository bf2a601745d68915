// SPDX-License-Identifier: MIT
/* Characters as edges over bytes: ranges of code points cut into ranges of UTF-8 bytes. */
#include <errno.h>
#include <string.h>
#include "user/policy/glob.h"
#include "user/policy/nfa.h"

/*
 * Guards: which bytes carry on the character that must not come about (others satisfy the guard),
 * and what is left to be guarded after them. After the last byte of a character it has come about.
 */
enum { NONE, LAST, TWO, TWO_E0, TWO_ED, THREE, THREE_F0, THREE_F4 };

static const struct {
	uint8_t lo, hi, next;
} guards[] = {
	[LAST] = {0x80, 0xbf, SBX_GUARD_FAILED},
	[TWO] = {0x80, 0xbf, LAST},
	[TWO_E0] = {0xa0, 0xbf, LAST},
	[TWO_ED] = {0x80, 0x9f, LAST},
	[THREE] = {0x80, 0xbf, TWO},
	[THREE_F0] = {0x90, 0xbf, TWO},
	[THREE_F4] = {0x80, 0x8f, TWO},
};

uint8_t sbx_guard_step(uint8_t guard, uint8_t byte)
{
	if (guard == NONE || byte < guards[guard].lo || byte > guards[guard].hi)
		return NONE;
	return guards[guard].next;
}

/* Bytes that are no character, or not yet known to be one. */
static const struct {
	uint8_t lo, hi, guard;
} strays[] = {
	{0x80, 0xc1, NONE},	{0xc2, 0xdf, LAST}, {0xe0, 0xe0, TWO_E0},   {0xe1, 0xec, TWO},
	{0xed, 0xed, TWO_ED},	{0xee, 0xef, TWO},  {0xf0, 0xf0, THREE_F0}, {0xf1, 0xf3, THREE},
	{0xf4, 0xf4, THREE_F4}, {0xf5, 0xff, NONE},
};

static unsigned encode(uint32_t cp, uint8_t *out)
{
	unsigned n = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4, i;
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (i = n; i-- > 1; cp >>= 6)
		out[i] = 0x80 | (cp & 0x3f);
	out[0] = lead[n] | cp;
	return n;
}

/* The state from which one byte of [lo, hi] leads to `to`. */
static uint32_t before(struct sbx_nfa *nfa, uint8_t lo, uint8_t hi, uint32_t to)
{
	struct {
		uint32_t to;
		uint8_t kind, lo, hi, pad;
	} key = {.to = to, .kind = 'b', .lo = lo, .hi = hi};
	uint32_t id, s;
	int rc = sbx_intern_add(&nfa->memo, &key, sizeof(key), &id);

	if (rc < 0 || sbx_grow(&nfa->memo_to, &nfa->room_memo, nfa->memo.n, sizeof(uint32_t))) {
		nfa->err = -ENOMEM;
		return 0;
	}
	if (rc == 0)
		return nfa->memo_to[id];
	s = sbx_nfa_state(nfa);
	nfa->memo_to[id] = s;
	sbx_nfa_edge(nfa, s, to, lo, hi, NONE);
	return s;
}

/* Encodings of one length whose bytes vary independently of each other. */
static void add_box(struct sbx_nfa *nfa, uint32_t from, uint32_t to, uint32_t lo, uint32_t hi)
{
	uint8_t a[4], b[4];
	unsigned n = encode(lo, a), i;

	encode(hi, b);
	for (i = n; i-- > 1;)
		to = before(nfa, a[i], b[i], to);
	sbx_nfa_edge(nfa, from, to, a[0], b[0], NONE);
}

static void split(struct sbx_nfa *nfa, uint32_t from, uint32_t to, uint32_t lo, uint32_t hi)
{
	unsigned bits;

	for (bits = 6; hi >= 0x80 && bits <= 18; bits += 6) {
		uint32_t m = (1u << bits) - 1;

		if ((lo & ~m) == (hi & ~m))
			break;
		if (lo & m) {
			split(nfa, from, to, lo, lo | m);
			split(nfa, from, to, (lo | m) + 1, hi);
			return;
		}
		if ((hi & m) != m) {
			split(nfa, from, to, lo, (hi & ~m) - 1);
			split(nfa, from, to, hi & ~m, hi);
			return;
		}
	}
	add_box(nfa, from, to, lo, hi);
}

/* Code points [lo, hi] that names can hold: neither NUL, '/' nor surrogates. */
static void add_range(struct sbx_nfa *nfa, uint32_t from, uint32_t to, uint32_t lo, uint32_t hi)
{
	static const struct {
		uint32_t lo, hi;
	} parts[] = {{0x1, '/' - 1},  {'/' + 1, 0x7f},	{0x80, 0x7ff},
		     {0x800, 0xd7ff}, {0xe000, 0xffff}, {0x10000, 0x10ffff}};
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		uint32_t a = lo > parts[i].lo ? lo : parts[i].lo;
		uint32_t b = hi < parts[i].hi ? hi : parts[i].hi;

		if (a <= b)
			split(nfa, from, to, a, b);
	}
}

/* The next stretch of code points from cp on that no range of the class holds. */
static bool gap(const char *text, size_t len, uint32_t cp, uint32_t *lo, uint32_t *hi)
{
	uint32_t a, b, next;
	const char *p;
	bool moved = true;

	while (moved) {
		moved = false;
		for (p = text; sbx_glob_range(&p, text + len, &a, &b);)
			if (cp >= a && cp <= b) {
				cp = b + 1;
				moved = true;
			}
	}
	next = 0x110000;
	for (p = text; sbx_glob_range(&p, text + len, &a, &b);)
		if (a > cp && a < next)
			next = a;
	*lo = cp;
	*hi = next - 1;
	return cp <= 0x10ffff;
}

void sbx_nfa_units(struct sbx_nfa *nfa, uint32_t from, uint32_t to, const char *text, size_t len,
		   bool negated)
{
	uint32_t lo, hi, cp = 0;
	const char *p = text;
	size_t i;

	if (!negated) {
		while (sbx_glob_range(&p, text + len, &lo, &hi))
			add_range(nfa, from, to, lo, hi);
		return;
	}
	for (; gap(text, len, cp, &lo, &hi); cp = hi + 1)
		add_range(nfa, from, to, lo, hi);
	for (i = 0; i < sizeof(strays) / sizeof(strays[0]); i++)
		sbx_nfa_edge(nfa, from, to, strays[i].lo, strays[i].hi, strays[i].guard);
}
