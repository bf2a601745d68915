/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * What is kept of directories (cache.h): how it gets there, and how hooks ask for it.
 *
 * A verified walk keeps what it found of the object's directory. Where that has no entry, but the
 * directory above has, one is made without a walk.
 *
 * Why an entry may be made from that of the directory above (cache_derive). The entry above says at
 * S what the directory above is called, and is verified as for a hit. The directory's own parent
 * and name are read between two equal, even values of its d_seq: never half of a move. If they were
 * what they are after a move of which the sequence does not tell yet, the new entry goes with the
 * old one when it does; if they were what they are before one, too: the entry is written for S,
 * whatever S is by then. So it says no more than a walk would that began at S and met the same. The
 * object holds its directory, and that the one above, while neither d_seq changes, and both are
 * compared after all that was read of either. Roots of mounts have names of their own: where the
 * entry above allows for one, nothing is derived; whatever registers a root raises the sequence
 * after it has told of it. A full walk knows both names: its d_seq's were all compared.
 */
#ifndef SBX_BPF_KEEP_H
#define SBX_BPF_KEEP_H

#include "cache.h"

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
	__u32 leaf, all, sibling, bars_links;
	__u64 version;

	if (!k)
		return 0;
	e = cache_entry(k->inode, k->image);
	if (!step_begin(&w, k->slot, k->image))
		return 0;
	hdr = w.chunk;
	w.state = k->state;
	st = step_state(&w);
	if (!st)
		return 0;
	leaf = st->leaf;
	all = st->all;
	sibling = st->sibling;
	bars_links = st->bars_links;
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
	} else { /* every name has to be looked at */
		e->leaf.bits[0] = e->leaf.bits[1] = e->leaf.bits[2] = e->leaf.bits[3] = ~0ull;
		e->leaf.heads[0] = e->leaf.heads[1] = e->leaf.heads[2] = e->leaf.heads[3] = ~0ull;
		e->leaf.cls = sibling;
		e->leaf.bars_links = bars_links;
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

/*
 * The directory above `parent`, from which others are derived: once a second one is asked for. What
 * k says of `parent` becomes what there is to say of it.
 */
static __always_inline void keep_above(struct sbx_scratch *sc, struct dentry *parent,
				       struct keep *k)
{
	struct dentry *above = parent->d_parent;
	struct inode *dir = above->d_inode;
	struct sbx_dir *e = cache_entry((__u64)dir, k->image);
	__u64 miss = hash_of((__u64)dir, k->seq, 32);

	if (e->missed != miss) {
		e->missed = miss;
		return;
	}
	sbx_barrier();
	if (!dir || parent->d_seq.seqcount.sequence != sc->lv[1].seq || revalidates(above))
		return;
	k->state = sc->found[0].above;
	k->depth = sc->n - 1;
	keep_inode(k, dir);
	cache_write(k);
}

/* After a verified walk of `d` that began at directory-move sequence `seq`: the directory that
 * holds it and, where the walk went on, the one above, from which others are derived. */
static __noinline __maybe_unused int cache_keep(struct sbx_scratch *sc, struct sbx_label *l,
						struct dentry *d, __u64 seq)
{
	struct dentry *parent = d->d_parent;
	struct inode *dir = parent->d_inode;
	struct keep k = {.seq = seq, .epoch = sc->on.epoch, .inner = sc->on.inner};
	struct sbx_config *cfg = sbx_config_get();
	struct sbx_found *f = &sc->found[0];

	/* The parent is the one that the walk went through while the object's d_seq is unchanged.
	 */
	sbx_barrier();
	if (!cfg || d->d_seq.seqcount.sequence != sc->lv[0].seq || cfg->dir_seq != seq)
		return 0;
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
	if (sc->n >= 2)
		keep_above(sc, parent, &k);
	return 0;
}

/*
 * Makes the entry of the directory that holds `d` from that of the directory above. 0: it cannot be
 * done, or not for sure.
 */
static __noinline __maybe_unused int cache_derive(struct dentry *d)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct sbx_config *cfg = sbx_config_get();
	struct dentry *parent, *above;
	__u32 seq, seq_parent;
	struct sbx_slot *slot;
	struct quick_walk w;
	struct inode *dir;
	struct sbx_dir *e;
	struct keep k;
	__u64 version;

	slot = quick_subject(cfg, t, t->cgroups);
	if (!slot)
		return 0;
	seq = *(volatile unsigned int *)&d->d_seq.seqcount.sequence;
	sbx_barrier();
	parent = d->d_parent;
	seq_parent = *(volatile unsigned int *)&parent->d_seq.seqcount.sequence;
	sbx_barrier();
	above = parent->d_parent;
	dir = above->d_inode;
	k.image = slot->image;
	e = cache_entry((__u64)dir, k.image);
	/* most of the time, where anything fails, nothing is kept of that either */
	if (!dir || e->dir_seq != cfg->dir_seq || !entry_speaks(e, dir, k.image, &version) ||
	    ((seq | seq_parent) & 1) || parent == d || above == parent || revalidates(parent))
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
	__builtin_memset(&w, 0, sizeof(w));
	w.enough = SBX_STATE_LOOPS;
	if (!step_begin(&w.step, k.slot, k.image))
		return 0;
	w.step.state = e->state;
	if (!quick_steps(&w, parent))
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

	return quick_allows(t, t->cgroups, d, inode_mode(inode), rights, NULL);
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
	enum quick known;

	known = quick_allows(t, t->cgroups, d, inode_mode(d->d_inode), rights, &q);
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
	out->bars_links = q.bars_links;
	return QUICK_YES;
}

#endif
