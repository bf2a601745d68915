/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * How a name is stepped through the automaton of an image (include/sbx_image.h says the format).
 * The unit tests compile this file for user space, with the helpers replaced, and compare it with
 * sbx_image_walk(), which `check` and `explain` go by.
 */
#ifndef SBX_BPF_STEP_H
#define SBX_BPF_STEP_H

/* Eight bytes of a name, as they lie in memory. */
#define SBX_CHARS8(a, b, c, d, e, f, g, h)                                                       \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 | \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)

/* Bytes that one round steps through: the verifier looks at each by itself. */
#define SBX_STEP_BLOCK 16

/* Where in an image somebody stands. */
struct stepper {
	void *image;
	struct sbx_chunk *chunk; /* there is one */
	__u32 at;		 /* its number, as it is in states */
	__u32 state;
};

/* Goes to the chunk of w->state. false: there is none, which the compiler never produces: denies.
 */
static __always_inline bool step_chunk(struct stepper *w)
{
	struct sbx_chunk *chunk;
	__u32 no;

	if ((w->state ^ w->at) & SBX_STATE_CHUNK) {
		no = (w->state & SBX_STATE_CHUNK) >> SBX_STATE_BITS;
		chunk = bpf_map_lookup_elem(w->image, &no);
		if (!chunk)
			return false;
		w->chunk = chunk;
		w->at = w->state & SBX_STATE_CHUNK;
	}
	return true;
}

/* The record of w->state. NULL: as above. */
static __always_inline struct sbx_state *step_state(struct stepper *w)
{
	__u32 owner;

	if (!step_chunk(w))
		return NULL;
	owner = w->chunk->trans[w->state & SBX_STATE_BASE_MASK].owner;
	return owner & SBX_TRANS_DEFAULT ? &w->chunk->state[owner & SBX_RECORD_MASK] : NULL;
}

/* A struct sbx_trans in one piece: what is `next` in its lower half, and `owner`. */
static __always_inline __u64 step_trans(struct stepper *w, __u32 byte)
{
	return w->chunk->dword[(w->state + byte) & SBX_STATE_BASE_MASK];
}

/* Where there is another state to ask, or another chunk. */
static __noinline __maybe_unused int step_far(struct stepper *w, __u8 byte)
{
	__u32 from;
	__u64 t;
	int hop;

	SBX_UNROLLED
	for (hop = 0; hop < SBX_MAX_HOPS; hop++) {
		if (!step_chunk(w))
			break;
		from = w->state;
		t = step_trans(w, byte);
		if (t >> 32 == from) {
			w->state = t;
			return 0;
		}
		w->state = step_trans(w, 0);
		if (!(from & SBX_STATE_CHAINS))
			return 0;
	}
	w->state = SBX_NO_STATE;
	return 0;
}

/* A byte whose state is in w->chunk. */
static __always_inline void step_near(struct stepper *w, __u8 byte)
{
	__u64 t = step_trans(w, byte);

	if (t >> 32 == w->state)
		w->state = t;
	else if (!(w->state & SBX_STATE_CHAINS))
		w->state = step_trans(w, 0);
	else
		step_far(w, byte);
}

/* One byte, with its default hops. SBX_NO_STATE when something is wrong; it is in no chunk, so that
 * every further step ends there, too. */
static __always_inline void step_byte(struct stepper *w, __u8 byte)
{
	if ((w->state ^ w->at) & SBX_STATE_CHUNK)
		step_far(w, byte);
	else
		step_near(w, byte);
}

struct match {
	struct stepper step;
	struct sbx_scratch *sc;
};

#define SBX_HEAD 8 /* bytes of a name that are at hand, see name_head() */

/* Steps through what is at hand of a name: at most SBX_HEAD bytes, until `enough` of a state says
 * that the others make no difference. Returns how many bytes are done, len if all. */
static __always_inline __u32 step_head(struct stepper *w, __u64 head, __u32 len, __u32 enough)
{
	__u32 n;

	if (!(head & 0xff))
		return 0;
	SBX_UNROLLED
	for (n = 0; n < SBX_HEAD; n++) {
		if (n >= len)
			return len;
		if (!((w->state ^ w->at) & (SBX_STATE_CHUNK | enough)))
			step_near(w, head);
		else if (w->state & enough)
			return len;
		else
			step_far(w, head);
		head >>= 8;
	}
	return w->state & enough ? len : n;
}

/* Begins the next component: '/', then what is at hand of its name. The rest is put into sc->name.
 */
static __always_inline int match_component(struct sbx_scratch *sc, struct stepper *w)
{
	struct sbx_cursor *at = &sc->at;
	__u32 level = at->level, len;
	struct sbx_level *lv = &sc->lv[(level - 1) & (SBX_MAX_DEPTH - 1)];
	__u64 head = lv->head;

	if (level <= 2) { /* the last one counts */
		at->above = at->parent;
		at->parent = w->state;
	}
	at->level = level - 1;
	len = lv->len;
	if (at->proc_name && level == sc->n) {
		head = at->proc_name == 1 ? SBX_CHARS8('s', 'e', 'l', 'f', 0, 0, 0, 0)
					  : SBX_CHARS8('@', 's', 'a', 'n', 'd', 'b', 'o', 'x');
		len = at->proc_name == 1 ? 4 : 8;
	}
	if (!len || len > SBX_NAME_MAX)
		return -EINVAL;
	step_byte(w, '/');
	at->pos = step_head(w, head, len, SBX_STATE_LOOPS);
	at->len = len;
	if (at->pos == len)
		return 0;
	sbx_opaque(len);
	return bpf_probe_read_kernel(sc->name, len & SBX_NAME_MAX, (void *)level_name(lv));
}

/* As many bytes as a block has of what is in sc->name. */
static __always_inline void match_block(struct sbx_scratch *sc, struct stepper *w)
{
	struct sbx_cursor *at = &sc->at;
	__u32 n, pos = at->pos, len = at->len;

	SBX_UNROLLED
	for (n = 0; n < SBX_STEP_BLOCK; n++) {
		if (pos + n >= len)
			break;
		step_byte(w, sc->name[(pos + n) & (SBX_NAME_BUF - 1)]);
	}
	at->pos = pos + n;
}

/* One round: a block of what is in sc->name, or else the next component. */
static long match_round(__u32 i, struct match *m)
{
	struct sbx_scratch *sc = m->sc;
	struct sbx_cursor *at = &sc->at;

	if (at->pos < at->len) {
		match_block(sc, &m->step);
		return 0;
	}
	if (at->level)
		return match_component(sc, &m->step) != 0;
	at->state = m->step.state;
	at->done = 1;
	return 1;
}

/* More rounds than any name within the limits can need. */
#define SBX_MAX_ROUNDS (1u << 13)
_Static_assert(SBX_ANCHOR_PATH_MAX / SBX_STEP_BLOCK +
			       SBX_MAX_DEPTH * ((SBX_NAME_MAX + 1) / SBX_STEP_BLOCK + 1) + 2 <
		       SBX_MAX_ROUNDS,
	       "the longest name comes to its end");

#endif
