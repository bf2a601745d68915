/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * How a name is stepped through the automaton of an image (include/sbx_image.h says the format).
 * The unit tests compile this file for user space, with the helpers replaced, and compare it with
 * sbx_image_walk(), which `check` and `explain` go by.
 */
#ifndef SBX_BPF_STEP_H
#define SBX_BPF_STEP_H

struct match {
	void *image;
	struct sbx_chunk *chunk;
	struct sbx_scratch *sc;
	__u32 chunk_no;
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

static __always_inline struct sbx_chunk *match_chunk(struct match *m, __u32 state)
{
	__u32 no = state >> SBX_STATE_BITS;

	if (m->chunk && m->chunk_no == no)
		return m->chunk;
	m->chunk = bpf_map_lookup_elem(m->image, &no);
	m->chunk_no = no;
	return m->chunk;
}

/* One byte or one default hop. */
static long match_step(__u32 i, struct match *m)
{
	struct sbx_scratch *sc = m->sc;
	struct sbx_cursor *at = &sc->at;
	struct sbx_chunk *chunk;
	struct sbx_state *st;
	struct sbx_trans *t;
	__u32 s, slot;

	if (at->pos >= at->len) {
		if (!at->level) {
			at->done = 1;
			return 1;
		}
		if (match_component(sc, at)) {
			at->failed = 1;
			return 1;
		}
	}
	s = at->state;
	chunk = match_chunk(m, s);
	if (!chunk) {
		at->failed = 1;
		return 1;
	}
	st = &chunk->state[s & SBX_STATE_INDEX_MASK];
	slot = st->base + (__u8)sc->name[at->pos & (SBX_NAME_BUF - 1)];
	sbx_opaque(slot);
	t = &chunk->trans[slot & (SBX_TRANS_PER_CHUNK - 1)];
	if (t->owner == s) {
		at->state = t->next;
		at->pos++;
	} else {
		at->state = st->dflt;
		if (!(st->flags & SBX_STATE_CHAIN))
			at->pos++;
	}
	return 0;
}

/* More steps than any name within the limits can need. */
#define SBX_MAX_STEPS (1u << 20)
_Static_assert((SBX_ANCHOR_PATH_MAX + SBX_MAX_DEPTH * (SBX_NAME_MAX + 1)) * SBX_MAX_HOPS <
		       SBX_MAX_STEPS,
	       "the longest name comes to its end");

#endif
