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
 * Why an entry may be made from that of the directory above (cache_derive). The entry above says at
 * S what the directory above is called, and is verified as for a hit. The directory's own parent and
 * name are read between two equal, even values of its d_seq: never half of a move. If they were
 * what they are after a move of which the sequence does not tell yet, the new entry goes with the
 * old one when it does; if they were what they are before one, too: the entry is written for S,
 * whatever S is by then. So it says no more than a walk would that began at S and met the same. The
 * object holds its directory, and that the one above, while neither d_seq changes, and both are
 * compared after all that was read of either. Roots of mounts have names of their own: where the
 * entry above allows for one, nothing is derived; whatever registers a root raises the sequence
 * after it has told of it. A full walk writes both entries: its d_seq's were all compared.
 *
 * File systems that look names up again by themselves (d_revalidate: remote ones, /proc, /sys) and
 * those that fold case are not kept; nor are others that nobody has looked at. x86 keeps loads in
 * order; other machines need acquire loads.
 */
#ifndef SBX_BPF_CACHE_H
#define SBX_BPF_CACHE_H

#include "subject.h"
#include "step.h"

#define SBX_QUICK_NAME 32 /* longest name that is stepped through here */

#define sbx_barrier() asm volatile("" ::: "memory")

/* What a directory's entry says of a name, beyond its rights. */
struct sbx_quick {
	__u64 answer;  /* see quick_answer() */
	__u32 sibling; /* class of the names that no rule mentions; SBX_NO_STATE: not known */
};

/* --- looking up --- */

static __always_inline struct sbx_dir *cache_entry(__u64 inode, __u64 image)
{
	__u32 key = hash_of(inode, image, SBX_DIR_CACHE_SHIFT);

	return bpf_map_lookup_elem(&sbx_dirs, &key);
}

static __always_inline struct sbx_who *who_entry(struct task_struct *t)
{
	__u32 key = hash_of((__u64)t, 0, SBX_WHO_CACHE_SHIFT);

	return bpf_map_lookup_elem(&sbx_whos, &key);
}

/* The only sandbox that binds the current task, from its label, and kept. 0: none, several, or not
 * known for sure. */
static __noinline __maybe_unused __u64 who_find(__u64 cgroup)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct sbx_label *l = bpf_task_storage_get(&sbx_labels, t, 0, 0);
	struct sbx_config *cfg = sbx_config_get();
	struct sbx_who *e = who_entry(t);
	__u64 id, gen, version;

	if (!l || !cfg || !e)
		return 0;
	gen = l->gen;
	sbx_barrier();
	id = l->id[0];
	if (!gen || gen != cfg->attach_gen || l->cgroup != cgroup || !id || !sbx_sole(l) ||
	    (l->flags & SBX_LABEL_OVERFLOW))
		return 0;
	version = e->version;
	if ((version & 1) ||
	    __sync_val_compare_and_swap(&e->version, version, version + 1) != version)
		return id;
	e->task = (__u64)t;
	e->start = t->start_boottime;
	e->pid = t->pid;
	e->cgroup = cgroup;
	e->gen = gen;
	e->id = id;
	sbx_barrier();
	__sync_fetch_and_add(&e->version, 1);
	return id;
}

/*
 * The same, from what was kept. Addresses of tasks are used again, but not within one reading of
 * the clock and with the same number. Whatever adds to the label of a task that
 * was there raises attach_gen: an attach, or the task's move to where it was added.
 */
static __always_inline __u64 who_kept(struct sbx_config *cfg, struct task_struct *t, __u64 cgroup)
{
	struct sbx_who *e = who_entry(t);
	__u64 version, id;

	if (!e)
		return 0;
	version = *(volatile __u64 *)&e->version;
	sbx_barrier();
	if ((version & 1) || e->task != (__u64)t || e->start != t->start_boottime ||
	    e->pid != (__u32)t->pid || e->cgroup != cgroup || e->gen != cfg->attach_gen)
		return 0;
	id = e->id;
	sbx_barrier();
	return *(volatile __u64 *)&e->version == version ? id : 0;
}

static __always_inline struct sbx_slot *quick_subject(struct sbx_config *cfg, struct task_struct *t,
						      __u64 cgroup)
{
	__u64 id = who_kept(cfg, t, cgroup);
	struct sbx_slot *slot;

	if (!id)
		id = who_find(cgroup);
	if (!id)
		return NULL;
	slot = sbx_slot_get(id);
	return slot && slot->id == id ? slot : NULL;
}

/* name_head() of any name. 0: it cannot be read; `bits` always has that byte. */
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

	if (e->leaf.bits[head >> 6 & 3] >> (head & 63) & 1) {
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
	}
	return SBX_ANSWER_RIGHTS(answer);
}

enum quick {
	QUICK_UNSURE, /* or no */
	QUICK_YES,
	QUICK_ABSENT, /* nothing is kept of the directory */
};

/*
 * Allowed for sure? `t` is the current task, `cgroup` its own. Devices may be the sandbox's
 * terminal, which has a name of its own: `mode` is the object's, 0 if there is none yet. q: see
 * above; valid where the answer is yes.
 */
static __always_inline enum quick quick_allows(struct task_struct *t, __u64 cgroup,
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
	slot = quick_subject(cfg, t, cgroup);
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
	if (!e || !dir)
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

/* --- keeping --- */

/* An entry to be written. */
struct keep {
	__u64 inode, sb, ino;
	__u64 seq;
	__u64 image;
	__u64 epoch, inner;
	__u32 igen;
	__u32 slot;
	__u32 state; /* of the directory */
	__u32 depth;
};

static __always_inline void keep_inode(struct keep *k, struct inode *dir)
{
	k->inode = (__u64)dir;
	k->sb = (__u64)dir->i_sb;
	k->ino = dir->i_ino;
	k->igen = dir->i_generation;
}

/* Whoever finds the entry taken leaves it alone. */
SBX_GLOBAL int cache_write(struct keep *k)
{
	struct stepper w = {};
	struct sbx_chunk *hdr;
	struct sbx_dir *e;
	struct sbx_state *st;
	__u32 leaf, all;
	__u64 version;

	if (!k)
		return 0;
	e = cache_entry(k->inode, k->image);
	if (!e || !step_begin(&w, k->slot, k->image))
		return 0;
	hdr = w.chunk;
	w.state = k->state;
	st = step_state(&w);
	if (!st)
		return 0;
	leaf = st->leaf;
	all = st->all;
	step_byte(&w, '/');
	version = e->version;
	if ((version & 1) ||
	    __sync_val_compare_and_swap(&e->version, version, version + 1) != version)
		return 0;
	e->inode = k->inode;
	e->sb = k->sb;
	e->ino = k->ino;
	e->igen = k->igen;
	e->image = k->image;
	e->dir_seq = k->seq;
	e->epoch = k->epoch;
	e->inner = k->inner;
	e->depth = k->depth;
	e->below = all;
	e->state = w.state;
	if (leaf) {
		e->leaf = hdr->leaf[(leaf - 1) & 0xff];
	} else { /* every name has to be looked at, and none is known to be like another */
		e->leaf.bits[0] = e->leaf.bits[1] = e->leaf.bits[2] = e->leaf.bits[3] = ~0ull;
		e->leaf.cls = SBX_NO_STATE;
	}
	sbx_barrier();
	__sync_fetch_and_add(&e->version, 1);
	return 1;
}

/* An overlay of remote layers asks those again. */
static __always_inline bool revalidates(struct dentry *dir)
{
	__u32 revalidate = 4;

	if (bpf_core_enum_value_exists(enum dentry_flags, DCACHE_OP_REVALIDATE))
		revalidate = bpf_core_enum_value(enum dentry_flags, DCACHE_OP_REVALIDATE);
	return dir->d_flags & revalidate;
}

/* File systems whose names change only where we see it. */
static __always_inline bool cache_fit(struct super_block *sb)
{
	switch (sb->s_magic) {
	case EXT4_SUPER_MAGIC:
	case TMPFS_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
	case OVERLAYFS_SUPER_MAGIC:
		break;
	default:
		return false;
	}
	return !bpf_core_field_exists(sb->s_encoding) || !sb->s_encoding; /* folds case */
}

/* After a verified walk of `d` that began at directory-move sequence `seq`: the directory that holds
 * it and, where the walk went on, the one above, from which others are derived. */
static __noinline __maybe_unused int cache_keep(struct sbx_scratch *sc, struct sbx_label *l,
						struct dentry *d, __u64 seq)
{
	struct dentry *parent = d->d_parent, *above = parent->d_parent;
	struct inode *dir = parent->d_inode, *upper = above->d_inode;
	struct keep k = {.seq = seq, .epoch = sc->on.epoch, .inner = sc->on.inner};
	struct sbx_config *cfg = sbx_config_get();
	struct sbx_found *f = &sc->found[0];

	/* These are what the walk went through while the d_seq's are unchanged. */
	sbx_barrier();
	if (!cfg || d->d_seq.seqcount.sequence != sc->lv[0].seq || cfg->dir_seq != seq)
		return 0;
	if (!sbx_sole(l))
		return 0; /* quick_subject() would not look */
	/* The object holds the directory's inode: its memory becomes another's later, if at all,
	 * which raises the sequence. */
	if (!dir || !sbx_alive(l->id[0]) || f->why != SBX_WHY_POLICY || revalidates(parent) ||
	    !cache_fit(parent->d_sb))
		return 0;
	k.slot = SBX_SLOT_OF(l->id[0]);
	k.image = f->image;
	k.state = f->parent;
	k.depth = sc->n;
	keep_inode(&k, dir);
	cache_write(&k);
	if (sc->n < 2 || !upper || parent->d_seq.seqcount.sequence != sc->lv[1].seq ||
	    revalidates(above))
		return 0;
	k.state = f->above;
	k.depth = sc->n - 1;
	keep_inode(&k, upper);
	return cache_write(&k);
}

/*
 * Makes the entry of the directory that holds `d` from that of the directory above. 0: it cannot be
 * done, or not for sure.
 */
static __noinline __maybe_unused int cache_derive(struct dentry *d)
{
	struct quick_walk w = {.enough = SBX_STATE_LOOPS};
	struct task_struct *t = bpf_get_current_task_btf();
	struct sbx_config *cfg = sbx_config_get();
	struct dentry *parent, *above;
	struct sbx_slot *slot;
	__u32 seq, seq_parent;
	struct keep k = {};
	struct inode *dir;
	struct sbx_dir *e;
	__u64 version;

	slot = quick_subject(cfg, t, sbx_task_cgroup(t));
	if (!slot)
		return 0;
	seq = *(volatile unsigned int *)&d->d_seq.seqcount.sequence;
	sbx_barrier();
	parent = d->d_parent;
	seq_parent = *(volatile unsigned int *)&parent->d_seq.seqcount.sequence;
	sbx_barrier();
	above = parent->d_parent;
	if (((seq | seq_parent) & 1) || parent == d || above == parent || revalidates(parent))
		return 0;
	dir = above->d_inode;
	k.image = slot->image;
	e = cache_entry((__u64)dir, k.image);
	if (!e || !dir || !entry_speaks(e, dir, k.image, &version) || e->dir_seq != cfg->dir_seq)
		return 0;
	dir = parent->d_inode;
	if (!dir || e->depth >= SBX_MAX_DEPTH || (e->inner & inner_bit((__u64)dir)))
		return 0;
	keep_inode(&k, dir);
	k.seq = e->dir_seq;
	k.epoch = e->epoch;
	k.inner = e->inner;
	k.depth = e->depth + 1;
	k.slot = SBX_SLOT_OF(slot->id);
	w.step.state = e->state;
	if (!step_begin(&w.step, k.slot, k.image) || !quick_steps(&w, parent))
		return 0;
	k.state = w.step.state;
	sbx_barrier();
	if (*(volatile __u64 *)&e->version != version ||
	    *(volatile unsigned int *)&parent->d_seq.seqcount.sequence != seq_parent ||
	    *(volatile unsigned int *)&d->d_seq.seqcount.sequence != seq)
		return 0;
	return cache_write(&k);
}

/* --- for hooks --- */

/* Functions of their own, so that their part of the stack is free again on the long way. */
static __noinline __maybe_unused enum quick quick_try(struct dentry *d, struct inode *inode,
						      __u32 rights)
{
	struct task_struct *t = bpf_get_current_task_btf();
	__u32 mode = 0;

	if (inode)
		mode = inode->i_mode;
	return quick_allows(t, sbx_task_cgroup(t), d, mode, rights, NULL);
}

/* Where nothing was kept. */
static __noinline __maybe_unused bool quick_derived(struct dentry *d, struct inode *inode,
						    __u32 rights)
{
	return cache_derive(d) && quick_try(d, inode, rights) == QUICK_YES;
}

/* As quick_allows(), for hooks other than file_open. */
static __always_inline bool quick_check(struct dentry *d, struct inode *inode, __u32 rights)
{
	enum quick known = quick_try(d, inode, rights);

	return known == QUICK_YES || (known == QUICK_ABSENT && quick_derived(d, inode, rights));
}

/* What links and renames ask. */
static __noinline __maybe_unused enum quick quick_find(struct dentry *d, __u32 rights,
						       struct sbx_found *out)
{
	struct sbx_quick q = {};
	struct task_struct *t = bpf_get_current_task_btf();
	struct inode *inode = d->d_inode;
	enum quick known;
	__u32 mode = 0;

	if (inode)
		mode = inode->i_mode;
	known = quick_allows(t, sbx_task_cgroup(t), d, mode, rights, &q);
	if (known != QUICK_YES)
		return known;
	if (!q.answer)
		return QUICK_UNSURE; /* where no right is asked for, nothing known would do, too */
	out->why = SBX_WHY_POLICY;
	out->cls = q.answer >> 32;
	out->all = q.answer >> 24;
	out->any = q.answer >> 16;
	out->rights = q.answer >> 8;
	out->sibling = q.sibling;
	return QUICK_YES;
}

#endif
