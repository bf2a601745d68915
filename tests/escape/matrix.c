// SPDX-License-Identifier: MIT
/* Every operation by every way. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "tests/escape/matrix.h"

static const char *const attacked[] = {
	[ESC_SECRET_FILE] = "outside/d/secret", [ESC_FILE] = "outside/d/file",
	[ESC_PROGRAM] = "outside/d/touch",	[ESC_DIR] = "outside/d/.",
	[ESC_ENTRY] = "outside/d/file",		[ESC_NEW] = "outside/d/new"};

static const char *const own[] = {[ESC_SECRET_FILE] = "d/secret",
				  [ESC_FILE] = "d/file",
				  [ESC_DIR] = "d/.",
				  [ESC_ENTRY] = "d/file",
				  [ESC_NEW] = "d/new"};

/* What a twin does its operation on: of the same kind, in its own directory. */
static int make_own(struct esc_try *t, char *target)
{
	int r = esc_err(mkdir("d", 0777));

	if (!r)
		r = esc_scratch("d/secret", ESC_OPEN);
	if (!r)
		r = esc_scratch("d/file", ESC_OPEN);
	if (!r)
		r = esc_scratch("d/empty", "");
	if (r)
		return r;
	if (t->c->op->object == ESC_PROGRAM)
		esc_path(t->w, "project/bin/touch", target);
	else if (!realpath(".", target))
		r = -errno;
	else
		strcat(strcat(target, "/"), own[t->c->op->object]);
	return r;
}

/* Its directory cannot be moved by the twin of a program: many use it. */
static bool straight(const struct esc_try *t)
{
	return t->twin && (t->c->way->direct_twin || t->c->op->object == ESC_PROGRAM);
}

static int cell(struct esc_try *t)
{
	struct esc_name n = {.dirfd = AT_FDCWD};
	char target[ESC_PATH];
	int r = 0;

	if (t->twin)
		r = make_own(t, target);
	else
		esc_path(t->w, attacked[t->c->op->object], target);
	if (!r)
		r = (straight(t) ? esc_ways[0].fn : t->c->way->fn)(t, target, &n);
	if (!r)
		r = t->c->op->fn(t, &n);
	if (!t->twin && t->c->way->undo)
		t->c->way->undo(target);
	return r;
}

static bool has_cell(const struct esc_way *way, const struct esc_op *op)
{
	return !(way->cannot & (1U << op->object));
}

size_t esc_matrix(struct esc_case *out, size_t room)
{
	const struct esc_way *way;
	const struct esc_op *op;
	char *name, *tries;
	size_t n = 0;

	for (way = esc_ways; way->name; way++)
		for (op = esc_ops; op->name; op++) {
			if (!has_cell(way, op))
				continue;
			if (n == room || asprintf(&name, "%s-%s", op->name, way->name) < 0 ||
			    asprintf(&tries, "%s outside, by %s", op->does, way->how) < 0)
				abort();
			out[n++] = (struct esc_case){.name = name,
						     .tries = tries,
						     .why = way->why,
						     .attack = cell,
						     .needs = way->needs | op->needs,
						     .family = "aliases",
						     .op = op,
						     .way = way,
						     .cell = way - esc_ways + (op - esc_ops)};
		}
	return n;
}

void esc_matrix_markdown(void)
{
	const struct esc_way *way;
	const struct esc_op *op;

	printf("### aliases: every operation by every way to name an object\n\n| |");
	for (op = esc_ops; op->name; op++)
		printf(" %s |", op->name);
	printf("\n|---|");
	for (op = esc_ops; op->name; op++)
		printf("---|");
	for (way = esc_ways; way->name; way++) {
		printf("\n| %s |", way->name);
		for (op = esc_ops; op->name; op++)
			printf(" %s |", has_cell(way, op) ? "x" : "");
	}
	printf("\n\n| way | the object is named by | empty because | why | needs "
	       "|\n|---|---|---|---|---|\n");
	for (way = esc_ways; way->name; way++)
		printf("| %s | %s | %s | %s | %s |\n", way->name, way->how,
		       way->because ? way->because : "", way->why ? way->why : "",
		       way->needs == ESC_ROOT ? "`root`"
		       : way->needs	      ? "`received`"
					      : "");
}
