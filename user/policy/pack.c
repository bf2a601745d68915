// SPDX-License-Identifier: MIT
/*
 * 1. encode: each state gets a default and the transitions that differ from it. The default is a
 *    state to go to, or (CHAIN) a similar state to ask. Chains are kept short enough for
 *    SBX_MAX_HOPS: rows take all but one of the hops, states of the tree ask their row.
 * 2. place: states fill a chunk from below, transitions from above, interleaved where they fit
 *    (a row's window of 256 slots lies above all state records: nothing else is read as one). Then
 * the transitions are moved down to the states, so that the rest of the chunk is free.
 * 3. write.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/leaves.h"
#include "user/policy/pack.h"

#define WINDOW	     256
#define NOWHERE	     0xffffffffu
#define STATE_SLOTS  (sizeof(struct sbx_state) / sizeof(struct sbx_trans))
#define HEADER_SLOTS (SBX_IMAGE_HDR_BYTES / sizeof(struct sbx_trans))
#define FEW_STATES   4096 /* so few may take room in order to be fast: */
#define WORTH	     24	  /* transitions that a lookup more in each step must save */
#define TRIES	     512 /* places looked at for a row with several transitions before a free stretch */

struct code {
	uint32_t dflt, first, n; /* transitions [first, first + n) */
	bool chain;
	uint8_t hops; /* lookups that a step may take from here; 0: not encoded yet */
};

struct chunk {
	uint32_t first, n;	     /* states, in the order of placement */
	uint32_t base_min, base_end; /* slots of the transitions */
};

struct packer {
	const struct sbx_minimal *m;
	const struct sbx_props *props;
	struct code *codes;
	struct sbx_exception *trans;
	size_t n_trans, room_trans;
	uint32_t *order, n_order; /* states to place, the start first */
	uint32_t *id;
	uint16_t *base;
	struct sbx_leaves leaves;
	uint8_t *leaf;
	struct chunk chunks[SBX_MAX_CHUNKS];
	size_t n_chunks;
	uint8_t used[SBX_TRANS_PER_CHUNK];
	uint32_t hint[256]; /* by last byte: where to begin to look */
};

/* --- encode --- */

static uint32_t row_at(const struct sbx_minimal *m, uint32_t row, unsigned byte)
{
	return m->rows[(size_t)row * m->n_classes + m->class_of[byte]];
}

/* count: zero for every state, before and after. */
static uint32_t most_common(const struct sbx_minimal *m, uint32_t row, uint32_t *count,
			    unsigned *others)
{
	uint32_t best = row_at(m, row, 1), t;
	unsigned b;

	for (b = 1; b < 256; b++) {
		t = row_at(m, row, b);
		if (++count[t] > count[best])
			best = t;
	}
	*others = 255 - count[best];
	for (b = 1; b < 256; b++)
		count[row_at(m, row, b)] = 0;
	return best;
}

static int add_trans(struct packer *p, struct code *c, uint8_t byte, uint32_t to)
{
	if (sbx_grow(&p->trans, &p->room_trans, p->n_trans + 1, sizeof(*p->trans)))
		return -ENOMEM;
	p->trans[p->n_trans++] = (struct sbx_exception){.byte = byte, .to = to};
	c->n++;
	return 0;
}

/* The default and the record stand where the transition of byte 0 would. */
static int begin_trans(struct packer *p, struct code *c, uint32_t s)
{
	c->first = p->n_trans;
	return add_trans(p, c, 0, s);
}

static unsigned distance(const struct sbx_minimal *m, uint32_t a, uint32_t b, unsigned limit)
{
	unsigned byte, n = 0;

	for (byte = 1; byte < 256 && n < limit; byte++)
		n += row_at(m, a, byte) != row_at(m, b, byte);
	return n;
}

/*
 * Chains to the state that most bytes lead to, or to what that one chains to: rows that wait for
 * some name are like the row they fall back to.
 */
static int encode_row(struct packer *p, uint32_t s, uint32_t common, unsigned others)
{
	struct code *c = &p->codes[s];
	uint32_t like = common, best = NOWHERE;
	unsigned cost = others, byte, n, worth = p->m->n > FEW_STATES ? 0 : WORTH;

	while (like != s && like < p->m->n_rows && p->codes[like].hops) {
		if (p->codes[like].hops + 2 <= SBX_MAX_HOPS) {
			n = distance(p->m, s, like, cost) + worth;
			if (n < cost) {
				cost = n;
				best = like;
			}
		}
		if (!p->codes[like].chain)
			break;
		like = p->codes[like].dflt;
	}
	c->chain = best != NOWHERE;
	c->dflt = c->chain ? best : common;
	c->hops = c->chain ? p->codes[best].hops + 1 : 1;
	if (begin_trans(p, c, s))
		return -ENOMEM;
	for (byte = 1; byte < 256; byte++) {
		uint32_t to = row_at(p->m, s, byte);

		if (to != (c->chain ? row_at(p->m, best, byte) : common) &&
		    add_trans(p, c, (uint8_t)byte, to))
			return -ENOMEM;
	}
	return 0;
}

/* Rows that others fall back to are encoded before those others. */
static int encode_rows(struct packer *p)
{
	size_t n = p->m->n_rows, i, k;
	uint32_t *common = calloc(n, sizeof(*common));
	unsigned *others = calloc(n, sizeof(*others));
	uint32_t *path = calloc(n, sizeof(*path));
	uint32_t *count = calloc(n, sizeof(*count));
	bool *seen = calloc(n, sizeof(*seen));
	int rc = common && others && path && count && seen ? 0 : -ENOMEM;

	for (i = 0; i < n && !rc; i++)
		common[i] = most_common(p->m, i, count, &others[i]);
	for (i = 0; i < n && !rc; i++) {
		uint32_t at = i;

		for (k = 0; !seen[at]; at = common[at]) {
			seen[at] = true;
			path[k++] = at;
		}
		while (k-- > 0 && !rc)
			rc = encode_row(p, path[k], common[path[k]], others[path[k]]);
	}
	free(common);
	free(others);
	free(path);
	free(count);
	free(seen);
	return rc;
}

/* What the row says of bytes that the state has no transition for. */
static int add_row(struct packer *p, struct code *c, const struct code *row)
{
	bool own[256] = {0};
	uint32_t i;

	for (i = c->first; i < c->first + c->n; i++)
		own[p->trans[i].byte] = true;
	for (i = row->first; i < row->first + row->n; i++)
		if (!own[p->trans[i].byte] && add_trans(p, c, p->trans[i].byte, p->trans[i].to))
			return -ENOMEM;
	return 0;
}

static int encode_node(struct packer *p, size_t s)
{
	const struct sbx_minimal *m = p->m;
	const struct sbx_min_state *st = &m->states[s];
	const struct code *row = &p->codes[st->base];
	bool flat = m->n <= FEW_STATES && !row->chain && row->n <= WORTH;
	struct code *c = &p->codes[s];
	uint32_t i;

	/* a row with nothing of its own is its default */
	c->chain = !flat && (row->chain || row->n > 1);
	c->dflt = c->chain ? st->base : row->dflt;
	c->hops = c->chain ? row->hops + 1 : 1;
	if (begin_trans(p, c, s))
		return -ENOMEM;
	for (i = st->first; i < st->first + st->n; i++)
		if (add_trans(p, c, m->exceptions[i].byte, m->exceptions[i].to))
			return -ENOMEM;
	return flat ? add_row(p, c, row) : 0;
}

static int encode_tree(struct packer *p)
{
	size_t s;
	int rc = 0;

	for (s = p->m->n_rows; s < p->m->n && !rc; s++)
		rc = encode_node(p, s);
	return rc;
}

/* --- place --- */

static void enqueue(struct packer *p, uint32_t s)
{
	if (p->id[s] != NOWHERE)
		return;
	p->id[s] = 0;
	p->order[p->n_order++] = s;
}

/* What the start leads to, near states first, and what those chain to. */
static void enqueue_all(struct packer *p, uint32_t start, uint32_t tty)
{
	uint32_t i, k;

	enqueue(p, start);
	enqueue(p, tty);
	for (i = 0; i < p->n_order; i++) {
		const struct code *c = &p->codes[p->order[i]];

		enqueue(p, c->dflt);
		for (k = c->first; k < c->first + c->n; k++)
			enqueue(p, p->trans[k].to);
	}
}

static bool fits(const struct packer *p, const struct code *c, uint32_t base)
{
	uint32_t i;

	for (i = c->first; i < c->first + c->n; i++)
		if (p->used[base + p->trans[i].byte])
			return false;
	return true;
}

/* A base of at least `least`; NOWHERE: the chunk is full. Slots are filled from the top. */
static uint32_t find_base(struct packer *p, struct chunk *ch, const struct code *c, uint32_t least)
{
	uint8_t top = 0;
	uint32_t i, slot, tries = 0;

	for (i = c->first; i < c->first + c->n; i++)
		if (p->trans[i].byte > top)
			top = p->trans[i].byte;
	for (slot = p->hint[top]; slot >= least + top; slot--) {
		if (c->n > 1 && ++tries == TRIES && slot > ch->base_min)
			slot = ch->base_min - 1;
		if (slot < least + top)
			break;
		if (!fits(p, c, slot - top))
			continue;
		if (tries < TRIES)
			p->hint[top] = slot;
		return slot - top;
	}
	return NOWHERE;
}

static int open_chunk(struct packer *p, uint32_t first)
{
	unsigned b;

	if (p->n_chunks == SBX_MAX_CHUNKS)
		return -E2BIG;
	p->chunks[p->n_chunks++] =
		(struct chunk){.first = first, .base_min = SBX_TRANS_PER_CHUNK - WINDOW};
	memset(p->used, 0, sizeof(p->used));
	for (b = 0; b < 256; b++)
		p->hint[b] = SBX_TRANS_PER_CHUNK - WINDOW + b;
	return 0;
}

/* See SBX_STATE_LOOPS. States that are no rows lead to others only. */
static bool loops(const struct sbx_minimal *m, uint32_t s)
{
	unsigned byte;

	if (s >= m->n_rows)
		return false;
	for (byte = 1; byte < 256; byte++)
		if (byte != '/' && row_at(m, s, byte) != s)
			return false;
	return true;
}

static uint32_t states_begin(size_t chunk)
{
	return chunk ? 0 : HEADER_SLOTS;
}

/* Puts one state into the last chunk; false: it is full. */
static bool place(struct packer *p, uint32_t s)
{
	struct chunk *ch = &p->chunks[p->n_chunks - 1];
	const struct code *c = &p->codes[s];
	uint32_t begin = states_begin(p->n_chunks - 1), i, base;
	uint32_t end = begin + (ch->n + 1) * STATE_SLOTS;

	if (end > ch->base_min)
		return false;
	base = find_base(p, ch, c, end);
	if (base == NOWHERE)
		return false;
	for (i = c->first; i < c->first + c->n; i++)
		p->used[base + p->trans[i].byte] = 1;
	if (base < ch->base_min)
		ch->base_min = base;
	p->base[s] = base;
	ch->n++;
	return true;
}

/* Moves the transitions of the last chunk down to its states, which get their ids thereby. */
static void close_chunk(struct packer *p)
{
	uint32_t chunk = (uint32_t)(p->n_chunks - 1) << SBX_STATE_BITS;
	struct chunk *ch = &p->chunks[p->n_chunks - 1];
	uint32_t begin = states_begin(p->n_chunks - 1) + ch->n * STATE_SLOTS, i, last = 0;
	uint32_t down = ch->base_min - begin;

	for (i = ch->first; i < ch->first + ch->n; i++) {
		uint32_t s = p->order[i];

		p->base[s] -= down;
		p->id[s] = chunk | p->base[s] | (loops(p->m, s) ? SBX_STATE_LOOPS : 0) |
			   (p->props->settled[s] ? SBX_STATE_SETTLED : 0) |
			   (p->codes[s].chain ? SBX_STATE_CHAINS : 0);
		if (p->base[s] > last)
			last = p->base[s];
	}
	ch->base_min = begin;
	ch->base_end = last + WINDOW;
}

static int place_all(struct packer *p)
{
	uint32_t i;
	int rc = open_chunk(p, 0);

	for (i = 0; i < p->n_order && !rc; i++) {
		if (place(p, p->order[i]))
			continue;
		close_chunk(p);
		rc = open_chunk(p, i--);
	}
	if (!rc)
		close_chunk(p);
	return rc;
}

/* --- write --- */

static void write_state(const struct packer *p, uint32_t s, uint32_t record, uint8_t *chunk)
{
	struct sbx_state *out = (struct sbx_state *)chunk + record;
	struct sbx_trans *trans = (struct sbx_trans *)chunk + p->base[s];
	const struct code *c = &p->codes[s];
	uint8_t label = p->m->states[s].label;
	uint32_t i;

	*out = (struct sbx_state){
		.cls = p->props->cls[s],
		.rights = label & SBX_RIGHTS_ALL,
		.any = p->props->any[s],
		.all = p->props->all[s],
		.quiet = label >> SBX_RIGHT_BITS,
		.sibling = p->props->sibling[s],
		.leaf = p->leaf[s],
		.bars_links = p->props->bars[s],
	};
	for (i = c->first; i < c->first + c->n; i++)
		trans[p->trans[i].byte] =
			(struct sbx_trans){.next = p->id[p->trans[i].to], .owner = p->id[s]};
	trans[0] = (struct sbx_trans){.next = p->id[c->dflt], .owner = SBX_TRANS_DEFAULT | record};
}

static int add_leaf(struct packer *p, uint32_t s)
{
	int r = sbx_leaves_add(&p->leaves, s);

	if (r >= 0)
		p->leaf[s] = r;
	return r;
}

/* Rows first: in them end all the directories that no rule names. Then what is near the start. */
static int find_leaves(struct packer *p)
{
	uint32_t i;
	int r = sbx_leaves_begin(&p->leaves, p->m, p->props);

	for (i = 0; i < p->m->n_rows && r >= 0; i++)
		if (p->id[i] != NOWHERE)
			r = add_leaf(p, i);
	for (i = 0; i < p->n_order && r >= 0; i++)
		if (p->order[i] >= p->m->n_rows)
			r = add_leaf(p, p->order[i]);
	return r < 0 ? r : 0;
}

static int write_image(const struct packer *p, struct sbx_image *img)
{
	uint8_t *data = calloc(p->n_chunks, SBX_CHUNK_BYTES);
	size_t i;
	uint32_t k;

	if (!data)
		return -ENOMEM;
	for (i = 0; i < p->n_chunks; i++) {
		const struct chunk *ch = &p->chunks[i];
		struct sbx_trans *trans = (struct sbx_trans *)(data + i * SBX_CHUNK_BYTES);

		for (k = ch->base_min; k < ch->base_end; k++)
			trans[k].owner = NOWHERE;
		for (k = ch->first; k < ch->first + ch->n; k++)
			write_state(p, p->order[k], states_begin(i) / STATE_SLOTS + k - ch->first,
				    data + i * SBX_CHUNK_BYTES);
	}
	sbx_leaves_write(&p->leaves, (struct sbx_leaf *)(data + SBX_LEAF_OFF));
	free(img->data);
	img->data = data;
	img->n_chunks = p->n_chunks;
	img->used = p->chunks[p->n_chunks - 1].base_end * sizeof(struct sbx_trans);
	return 0;
}

static int pack(struct packer *p, uint32_t start, uint32_t tty, struct sbx_image *img)
{
	size_t n = p->m->n;
	int rc;

	p->codes = calloc(n, sizeof(*p->codes));
	p->order = calloc(n, sizeof(*p->order));
	p->id = malloc(n * sizeof(*p->id));
	p->base = calloc(n, sizeof(*p->base));
	p->leaf = calloc(n, sizeof(*p->leaf));
	if (!p->codes || !p->order || !p->id || !p->base || !p->leaf)
		return -ENOMEM;
	memset(p->id, 0xff, n * sizeof(*p->id));
	rc = encode_rows(p);
	if (!rc)
		rc = encode_tree(p);
	if (rc)
		return rc;
	enqueue_all(p, start, tty);
	rc = place_all(p);
	if (!rc)
		rc = find_leaves(p);
	if (!rc)
		rc = write_image(p, img);
	if (rc)
		return rc;
	sbx_image_hdr(img)->start = p->id[start];
	sbx_image_hdr(img)->tty = p->id[tty];
	return 0;
}

int sbx_pack(const struct sbx_minimal *m, const struct sbx_props *props, uint32_t start,
	     uint32_t tty, struct sbx_image *img, struct sbx_automaton_stats *stats)
{
	struct packer *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return -ENOMEM;
	p->m = m;
	p->props = props;
	rc = pack(p, start, tty, img);
	stats->states = p->n_order;
	stats->transitions = p->n_trans - m->n; /* but for the places of records */
	stats->bytes = p->n_chunks * SBX_CHUNK_BYTES;
	free(p->codes);
	free(p->trans);
	free(p->order);
	free(p->id);
	free(p->base);
	free(p->leaf);
	sbx_leaves_free(&p->leaves);
	free(p);
	return rc;
}
