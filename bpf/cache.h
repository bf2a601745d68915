/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * The short way to "allowed" (design 2.3): what a sandbox says of the names in a directory is kept,
 * so that most objects need no walk to the root.
 *
 * Only a grant is ever taken from here. Whatever is not found, not sure or not granted goes the
 * long way (resolve.h), which also knows the object's name for the report.
 *
 * Why a hit is right. An entry was written after a verified walk that began at directory-move
 * sequence S. The sequence is raised after every move of a directory and every change of anchors,
 * under the kernel's rename_lock, so while it is still S the directory has the name that it had.
 * The entry is for this inode of this super block, number and generation, and for this image: all
 * are compared, and where they could be another directory's again, the sequence is raised before
 * the inode's memory is used for another (moves.bpf.c). The object's own parent and name are read
 * between two equal, even values of its d_seq; the sequence is compared after that, last: no
 * directory moved from the walk until then. Entries are overwritten in place: `version` is odd
 * meanwhile, and differs afterwards.
 *
 * File systems that look names up again by themselves (d_revalidate: remote ones, /proc, /sys) and
 * those that fold case are not kept; nor are others that nobody has looked at. x86 keeps loads in
 * order; other machines need acquire loads.
 */
#ifndef SBX_BPF_CACHE_H
#define SBX_BPF_CACHE_H

#include "who.h"
#include "step.h"

#define SBX_QUICK_NAME 32 /* longest name that is stepped through here */

/* What a directory's entry says of a name, beyond its rights. */
struct sbx_quick {
	__u64 answer;  /* see quick_answer() */
	__u32 sibling; /* class of the names that no rule mentions */
	__u32 bars_links;
};

/* --- looking up --- */

static __always_inline struct sbx_dir *cache_entry(__u64 inode, __u64 image)
{
	struct sbx_dir *dirs = (struct sbx_dir *)sbx_dir_words;
	__u32 h = hash_of(inode, image, SBX_DIR_CACHE_SHIFT);

	dirs += h;
	sbx_opaque(dirs);
	return dirs;
}

/* name_head() of any name. 0: it cannot be read; then a leaf always says that it differs. */
static __always_inline __u64 name_begin(struct dentry *d, __u32 len)
{
	__u64 head, buf = 0;

	if (len < SBX_SHORT_NAME) {
		head = name_head(d);
		sbx_loaded(head, "+=");
		return head;
	}
	bpf_probe_read_kernel(&buf, sizeof(buf), d->d_name.name);
	head = buf;
	sbx_loaded(head, "|=");
	return head;
}

/* At the first chunk of the slot's image. false: it is another image by now. */
static __always_inline bool step_begin(struct stepper *w, __u32 slot, __u64 image)
{
	__u32 no = slot;

	w->image = bpf_map_lookup_elem(&sbx_images, &no);
	if (!w->image)
		return false;
	no = 0;
	w->chunk = bpf_map_lookup_elem(w->image, &no);
	w->at = 0;
	return w->chunk && w->chunk->hdr.image_id == image;
}

#define SBX_QUICK_BLOCK 8 /* as SBX_STEP_BLOCK */

struct quick_walk {
	struct stepper step;
	__u32 pos, len;
	__u32 enough; /* of a state, see step_head() */
	char name[SBX_QUICK_NAME];
};

/* Up to a block of the name, until `enough` says that what may follow makes no difference. */
static long quick_round(__u32 i, struct quick_walk *q)
{
	__u32 n, pos = q->pos;

	SBX_UNROLLED
	for (n = 0; n < SBX_QUICK_BLOCK; n++) {
		if (pos + n == q->len || q->step.state & q->enough) {
			q->pos = q->len;
			return 1;
		}
		step_byte(&q->step, q->name[(pos + n) & (SBX_QUICK_NAME - 1)]);
	}
	q->pos = pos + n;
	return 0;
}

/* What is known of a name, in one word: functions that take no pointers cost least. 0: nothing. */
#define SBX_ANSWER(s)                                                            \
	((__u64)(s)->cls << 32 | (__u64)(s)->all << 24 | (__u64)(s)->any << 16 | \
	 (__u64)(s)->rights << 8 | 1)
#define SBX_ANSWER_RIGHTS(a) ((a) >> 8 & 0xff)

/* Steps from `state`, that of the directory and a '/', through a name, as far as it is at hand. */
SBX_GLOBAL __u64 quick_answer(__u64 head, __u32 len, __u32 slot, __u64 image, __u32 state)
{
	struct stepper w = {};
	struct sbx_state *st;

	if (!step_begin(&w, slot, image) || !len)
		return 0;
	w.state = state;
	if (step_head(&w, head, len, SBX_STATE_SETTLED) != len)
		return 0;
	st = step_state(&w);
	return st ? SBX_ANSWER(st) : 0;
}

/* Steps w, which is at a directory and a '/', through all of the name. */
static __always_inline bool quick_steps(struct quick_walk *w, struct dentry *d)
{
	__u32 len = d->d_name.len;

	if (len > SBX_QUICK_NAME)
		return false;
	w->len = len;
	sbx_opaque(len);
	if (bpf_probe_read_kernel(w->name, len <= SBX_QUICK_NAME ? len : 0, d->d_name.name))
		return false;
	bpf_loop(SBX_QUICK_NAME / SBX_QUICK_BLOCK + 1, quick_round, w, 0);
	return w->pos == w->len;
}

/* The same, but all of it. */
static __noinline __maybe_unused __u64 quick_long(struct dentry *d, __u32 slot, __u64 image,
						  __u32 state)
{
	struct quick_walk w = {.enough = SBX_STATE_SETTLED};
	struct sbx_state *st;

	if (!step_begin(&w.step, slot, image))
		return 0;
	w.step.state = state;
	st = quick_steps(&w, d) ? step_state(&w.step) : NULL;
	return st ? SBX_ANSWER(st) : 0;
}

/* Is the entry that of the directory, and whole? *version is what it has to be afterwards, too. */
static __always_inline bool entry_speaks(struct sbx_dir *e, struct inode *dir, __u64 image,
					 __u64 *version)
{
	*version = *(volatile __u64 *)&e->version;
	sbx_barrier();
	return !(*version & 1) && e->inode == (__u64)dir && e->image == image &&
	       e->ino == dir->i_ino && e->sb == (__u64)dir->i_sb && e->igen == dir->i_generation;
}

/* Is the object the root of a mount, with a name of its own? */
static __always_inline bool quick_anchor(__u64 epoch, __u64 inode)
{
	struct sbx_anchor_key key = {.epoch = epoch, .inode = inode};

	return bpf_map_lookup_elem(&sbx_anchors, &key);
}

/* What the entry says of the object. q is NULL where only the rights are asked for. */
static __always_inline __u32 quick_rights(struct sbx_dir *e, struct dentry *d, __u64 image,
					  __u32 slot, struct sbx_quick *q)
{
	__u32 len = d->d_name.len;
	__u64 head = name_begin(d, len), answer;

	if (sbx_leaf_differs(&e->leaf, head, len)) {
		answer = quick_answer(head, len, slot, image, e->state);
		if (!answer && len > SBX_HEAD)
			answer = quick_long(d, slot, image, e->state);
	} else if (q) {
		answer = SBX_ANSWER(&e->leaf);
	} else {
		return e->leaf.rights;
	}
	if (q) {
		q->answer = answer;
		q->sibling = e->leaf.cls;
		q->bars_links = e->leaf.bars_links;
	}
	return SBX_ANSWER_RIGHTS(answer);
}

enum quick {
	QUICK_UNSURE, /* or no */
	QUICK_YES,
	QUICK_ABSENT, /* nothing is kept of the directory */
};

/*
 * Allowed for sure? `t` is the current task, `cset` its own. Devices may be the sandbox's
 * terminal, which has a name of its own: `mode` is the object's, 0 if there is none yet. q: see
 * above; valid where the answer is yes.
 */
static __always_inline enum quick quick_allows(struct task_struct *t, struct css_set *cset,
					       struct dentry *d, __u32 mode, __u32 rights,
					       struct sbx_quick *q)
{
	struct sbx_config *cfg = sbx_config_get();
	__u64 version, seen, image;
	struct dentry *parent;
	struct sbx_slot *slot;
	__u32 seq, granted;
	struct inode *dir;
	struct sbx_dir *e;

	if (!cfg || (mode && !S_ISREG(mode) && !S_ISDIR(mode)))
		return QUICK_UNSURE;
	slot = quick_subject(cfg, t, cset);
	if (!slot)
		return QUICK_UNSURE;
	seq = *(volatile unsigned int *)&d->d_seq.seqcount.sequence;
	sbx_barrier();
	parent = d->d_parent;
	if ((seq & 1) || parent == d)
		return QUICK_UNSURE;
	dir = parent->d_inode;
	image = slot->image;
	e = cache_entry((__u64)dir, image);
	if (!dir)
		return QUICK_UNSURE;
	if (!entry_speaks(e, dir, image, &version))
		return QUICK_ABSENT;
	if (e->inner && (e->inner & inner_bit((__u64)d->d_inode)) &&
	    quick_anchor(e->epoch, (__u64)d->d_inode))
		return QUICK_UNSURE;
	seen = e->dir_seq;
	granted = e->below;
	if (q || (rights & ~granted))
		granted = quick_rights(e, d, image, SBX_SLOT_OF(slot->id), q);
	sbx_barrier();
	if (*(volatile __u64 *)&e->version != version ||
	    *(volatile unsigned int *)&d->d_seq.seqcount.sequence != seq)
		return QUICK_UNSURE;
	sbx_barrier();
	if (*(volatile __u64 *)&cfg->dir_seq != seen)
		return QUICK_ABSENT;
	return rights & ~granted ? QUICK_UNSURE : QUICK_YES;
}

#endif
