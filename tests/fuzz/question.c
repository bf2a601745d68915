// SPDX-License-Identifier: MIT
/*
 * Any line as an event that `explain --event` is given: it comes from anywhere. What is asked about
 * is a path as the kernel spells it, a peer with a port, or nothing with a reason; what is printed
 * acts on no terminal.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include "user/cli/common.h"
#include "user/cli/question.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the commands say on stderr is no matter here. */
int sbx_fail(int code, const char *hint, const char *fmt, ...)
{
	return code;
}

void sbx_note(const char *fmt, ...)
{
}

static void check_text(const char *s)
{
	for (; s && *s; s++)
		if ((unsigned char)*s < 0x20 || (unsigned char)*s == 0x7f)
			abort();
}

static void check_question(const struct sbx_question *q)
{
	char *object;

	if (!q->message || (!q->beside && !q->access))
		abort();
	check_text(q->message);
	check_text(q->beside);
	if (q->beside)
		return;
	if ((q->access->kind == SBX_ACCESS_FILE) != (q->path != NULL))
		abort();
	object = sbx_question_object(q);
	if (!object)
		abort();
	check_text(object);
	free(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_error_t e;
	json_t *j = json_loadb((const char *)data, size, 0, &e);
	struct sbx_question q;

	if (!j)
		return 0;
	if (!sbx_question_event(&q, j))
		check_question(&q);
	sbx_question_free(&q);
	json_decref(j);
	return 0;
}
