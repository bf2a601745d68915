// SPDX-License-Identifier: MIT
/*
 * Hopcroft's refinement. The states of a block lie side by side in `order`, those that the splitter
 * marks at its front. Of two halves the smaller one becomes a new block and a new splitter.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/minimal.h"

struct partition {
	size_t n, n_blocks;
	unsigned k;
	uint32_t *from_at, *from; /* predecessors of (symbol, state) */
	uint32_t *order, *place;  /* states by block, and where each one is */
	uint32_t *block;
	uint32_t *first, *end, *marked; /* by block */
	uint32_t *touched, n_touched;
	uint32_t *todo, n_todo;
	uint32_t *splitter;
};

static int allocate(struct partition *p, size_t n, unsigned k)
{
	p->n = n;
	p->k = k;
	p->from_at = calloc(n * k + 2, sizeof(uint32_t));
	p->from = calloc(n * k + 1, sizeof(uint32_t));
	p->order = calloc(n + 1, sizeof(uint32_t));
	p->place = calloc(n + 1, sizeof(uint32_t));
	p->first = calloc(n + 1, sizeof(uint32_t));
	p->end = calloc(n + 1, sizeof(uint32_t));
	p->marked = calloc(n + 1, sizeof(uint32_t));
	p->touched = calloc(n + 1, sizeof(uint32_t));
	p->todo = calloc(n + 1, sizeof(uint32_t));
	p->splitter = calloc(n + 1, sizeof(uint32_t));
	return p->from_at && p->from && p->order && p->place && p->first && p->end && p->marked &&
			       p->touched && p->todo && p->splitter
		       ? 0
		       : -ENOMEM;
}

static void release(struct partition *p)
{
	free(p->from_at);
	free(p->from);
	free(p->order);
	free(p->place);
	free(p->first);
	free(p->end);
	free(p->marked);
	free(p->touched);
	free(p->todo);
	free(p->splitter);
}

static void turn_around(struct partition *p, const uint32_t *next)
{
	size_t i, c, n = p->n;

	for (i = 0; i < n; i++)
		for (c = 0; c < p->k; c++)
			p->from_at[c * n + next[i * p->k + c] + 2]++;
	for (i = 2; i < n * p->k + 2; i++)
		p->from_at[i] += p->from_at[i - 1];
	for (i = 0; i < n; i++)
		for (c = 0; c < p->k; c++)
			p->from[p->from_at[c * n + next[i * p->k + c] + 1]++] = i;
}

static void arrange(struct partition *p)
{
	size_t i, b;

	for (i = 0; i < p->n; i++)
		p->end[p->block[i]]++;
	for (b = 1; b < p->n_blocks; b++) {
		p->first[b] = p->end[b - 1];
		p->end[b] += p->end[b - 1];
	}
	for (b = 0; b < p->n_blocks; b++) {
		p->marked[b] = p->first[b];
		p->todo[p->n_todo++] = b;
	}
	for (i = 0; i < p->n; i++) {
		uint32_t at = p->marked[p->block[i]]++;

		p->order[at] = i;
		p->place[i] = at;
	}
	for (b = 0; b < p->n_blocks; b++)
		p->marked[b] = p->first[b];
}

static void mark(struct partition *p, uint32_t state)
{
	uint32_t b = p->block[state], at = p->place[state], front = p->marked[b], other;

	if (at < front)
		return;
	if (front == p->first[b])
		p->touched[p->n_touched++] = b;
	other = p->order[front];
	p->order[front] = state;
	p->order[at] = other;
	p->place[state] = front;
	p->place[other] = at;
	p->marked[b]++;
}

static void split(struct partition *p, uint32_t b)
{
	uint32_t front = p->marked[b], nb = p->n_blocks, i;

	p->marked[b] = p->first[b];
	if (front == p->end[b])
		return;
	p->n_blocks++;
	if (front - p->first[b] <= p->end[b] - front) {
		p->first[nb] = p->first[b];
		p->end[nb] = front;
		p->first[b] = p->marked[b] = front;
	} else {
		p->first[nb] = front;
		p->end[nb] = p->end[b];
		p->end[b] = front;
	}
	p->marked[nb] = p->first[nb];
	for (i = p->first[nb]; i < p->end[nb]; i++)
		p->block[p->order[i]] = nb;
	p->todo[p->n_todo++] = nb;
}

/* Splits every block by where its states go: into the splitter or not, for each symbol. */
static void apply(struct partition *p, uint32_t b)
{
	uint32_t n = p->end[b] - p->first[b], i, at;
	size_t c;

	memcpy(p->splitter, p->order + p->first[b], n * sizeof(*p->splitter));
	for (c = 0; c < p->k; c++) {
		p->n_touched = 0;
		for (i = 0; i < n; i++) {
			size_t t = c * p->n + p->splitter[i];

			for (at = p->from_at[t]; at < p->from_at[t + 1]; at++)
				mark(p, p->from[at]);
		}
		for (i = 0; i < p->n_touched; i++)
			split(p, p->touched[i]);
	}
}

int sbx_partition_refine(size_t n, unsigned k, const uint32_t *next, uint32_t *block,
			 size_t *n_blocks)
{
	struct partition p = {.block = block, .n_blocks = *n_blocks};
	int rc = allocate(&p, n, k);

	if (!rc) {
		turn_around(&p, next);
		arrange(&p);
		while (p.n_todo)
			apply(&p, p.todo[--p.n_todo]);
		*n_blocks = p.n_blocks;
	}
	release(&p);
	return rc;
}
