/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * How a name is stepped through the automaton of an image (include/sbx_image.h says the format).
 * The unit tests compile this file for user space, with the helpers replaced, and compare it with
 * sbx_image_walk(), which `check` and `explain` go by.
 */
#ifndef SBX_BPF_STEP_H
#define SBX_BPF_STEP_H

/* Bytes that one round steps through: the verifier looks at each by itself. */
#define SBX_STEP_BLOCK 16

/* Where in an image somebody stands. `no` is the chunk's number. */
struct stepper {
	void *image;
	struct sbx_chunk *chunk;
	__u32 no;
	__u32 state;
};

/* false: there is no such chunk, which the compiler never produces: it denies. */
static __always_inline bool step_chunk(struct stepper *w)
{
	__u32 no = w->state >> SBX_STATE_BITS;

	if (no != w->no) {
		w->no = no;
		w->chunk = bpf_map_lookup_elem(w->image, &no);
	}
	return w->chunk;
}

/* One byte, with its default hops. false: as above. */
static __always_inline bool step_byte(struct stepper *w, __u8 byte)
{
	struct sbx_state *st;
	struct sbx_trans *t;
	__u32 slot;
	int hop;

	for (hop = 0; hop < SBX_MAX_HOPS; hop++) {
		if (!step_chunk(w))
			return false;
		st = &w->chunk->state[w->state & SBX_STATE_INDEX_MASK];
		slot = st->base + byte;
		sbx_opaque(slot);
		t = &w->chunk->trans[slot & (SBX_TRANS_PER_CHUNK - 1)];
		if (t->owner == w->state) {
			w->state = t->next;
			return true;
		}
		w->state = st->dflt;
		if (!(st->flags & SBX_STATE_CHAIN))
			return true;
	}
	return false;
}

struct match {
	struct stepper step;
	struct sbx_scratch *sc;
};

/* Puts the next component, with its slash, into sc->name. */
static __always_inline int match_component(struct sbx_scratch *sc, struct sbx_cursor *at)
{
	struct sbx_level *lv;
	__u32 len, level = at->level;

	at->pos = 0;
	if (level == 1)
		at->parent = at->state;
	at->level = level - 1;
	if (at->proc_name && level == sc->n) {
		__builtin_memcpy(sc->name, at->proc_name == 1 ? "/self\0\0\0" : "/@sandbox", 9);
		at->len = at->proc_name == 1 ? 5 : 9;
		return 0;
	}
	lv = &sc->lv[(level - 1) & (SBX_MAX_DEPTH - 1)];
	len = lv->len;
	if (!len || len > SBX_NAME_MAX)
		return -EINVAL;
	sc->name[0] = '/';
	sbx_opaque(len);
	if (bpf_probe_read_kernel(&sc->name[1], len & SBX_NAME_MAX, (void *)lv->name))
		return -EINVAL;
	at->len = len + 1;
	return 0;
}

/* One round: as many bytes of the component as a block has; behind its end, the next component. */
static long match_round(__u32 i, struct match *m)
{
	struct sbx_scratch *sc = m->sc;
	struct sbx_cursor *at = &sc->at;
	struct stepper w = m->step;
	__u32 n, pos = at->pos, len = at->len;

	if (pos >= len) {
		at->state = w.state;
		if (!at->level) {
			at->done = 1;
			return 1;
		}
		if (match_component(sc, at)) {
			at->failed = 1;
			return 1;
		}
		pos = 0;
		len = at->len;
	}
	for (n = 0; n < SBX_STEP_BLOCK && pos + n < len; n++)
		if (!step_byte(&w, sc->name[(pos + n) & (SBX_NAME_BUF - 1)])) {
			at->failed = 1;
			return 1;
		}
	at->pos = pos + n;
	m->step = w;
	return 0;
}

/* More rounds than any name within the limits can need. */
#define SBX_MAX_ROUNDS (1u << 13)
_Static_assert(SBX_ANCHOR_PATH_MAX / SBX_STEP_BLOCK +
			       SBX_MAX_DEPTH * ((SBX_NAME_MAX + 1) / SBX_STEP_BLOCK) + 2 <
		       SBX_MAX_ROUNDS,
	       "the longest name comes to its end");

#endif
