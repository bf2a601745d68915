// SPDX-License-Identifier: MIT
/* Which refused name a denied connect is told with. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>
#include "user/event/format.h"

#define S 1000000000ull

static struct sbx_event resolved(const char *name, uint64_t at_s)
{
	struct sbx_event ev = {.op = SBX_OP_RESOLVE,
			       .why = SBX_WHY_NAME,
			       .first_ns = at_s * S,
			       .last_ns = at_s * S};

	ev.path_len = (uint32_t)strlen(name);
	memcpy(ev.path, name, ev.path_len);
	return ev;
}

static void told(const struct sbx_event *all, size_t n, const char *addr, uint64_t at_s,
		 const char *expected)
{
	struct sbx_explanation e = {.suggestion_note = strdup(SBX_NOTE_NO_NAME)};
	uint8_t a[16];

	assert_int_equal(inet_pton(AF_INET, addr, a), 1);
	assert_int_equal(sbx_note_asked(all, n, AF_INET, a, at_s * S, &e), 0);
	assert_string_equal(e.suggestion_note, expected);
	free(e.suggestion_note);
}

static void test_told(void **state)
{
	struct sbx_event all[] = {
		resolved("first.example", 100),
		resolved("tracker.example", 110),
		resolved("inside.example", 50),
		{.op = SBX_OP_READ, .path = "/x", .path_len = 2, .first_ns = 111 * S},
	};

	all[2].family = AF_INET;
	memcpy(all[2].addr, (uint8_t[]){10, 0, 0, 1}, 4);
	told(all, 4, "192.0.2.1", 115,
	     SBX_NOTE_NO_NAME "; last asked by this sandbox: tracker.example, refused");
	/* not by what came later */
	told(all, 4, "192.0.2.1", 105,
	     SBX_NOTE_NO_NAME "; last asked by this sandbox: first.example, refused");
	told(all, 4, "10.0.0.1", 1000,
	     SBX_NOTE_NO_NAME
	     "; last asked by this sandbox: inside.example, whose answer held it, refused");
	told(all, 4, "192.0.2.1", 1000, SBX_NOTE_NO_NAME);
	told(NULL, 0, "192.0.2.1", 115, SBX_NOTE_NO_NAME);
}

/* Where something else is to be said, it is not replaced. */
static void test_other_notes(void **state)
{
	struct sbx_event one = resolved("tracker.example", 110);
	struct sbx_explanation e = {.suggestion_note = strdup("something else")};
	uint8_t a[4] = {192, 0, 2, 1};

	assert_int_equal(sbx_note_asked(&one, 1, AF_INET, a, 115 * S, &e), 0);
	assert_string_equal(e.suggestion_note, "something else");
	free(e.suggestion_note);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_other_notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
