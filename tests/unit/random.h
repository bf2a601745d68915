/* SPDX-License-Identifier: MIT */
/* Random numbers that can be had again: xorshift64 (G. Marsaglia, "Xorshift RNGs", 2003). */
#ifndef SBX_TEST_RANDOM_H
#define SBX_TEST_RANDOM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static uint64_t random_state = 1;

/* Neighbouring seeds give unlike numbers; the state is never 0, where xorshift stays. */
static inline void random_seed(uint64_t seed)
{
	random_state = (seed + 1) * 0x9e3779b97f4a7c15ull;
	random_state = random_state ? random_state : 1;
}

/* From SBX_SEED, or from the seed that is usual; the output says which. */
static inline void random_start(uint64_t usual)
{
	const char *s = getenv("SBX_SEED");
	uint64_t seed = s ? strtoull(s, NULL, 0) : usual;

	print_message("SBX_SEED=%llu\n", (unsigned long long)seed);
	random_seed(seed);
}

/* How often a test repeats: SBX_ROUNDS, or as usual. */
static inline size_t random_rounds(size_t usual)
{
	const char *s = getenv("SBX_ROUNDS");

	return s ? strtoul(s, NULL, 0) : usual;
}

/* Below n; 0 where n is 0. */
static inline uint32_t pick(size_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return n ? (random_state >> 11) % n : 0;
}

#endif
