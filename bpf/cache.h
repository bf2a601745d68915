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

#include "subject.h"
#include "step.h"

#define SBX_QUICK_NAME 32 /* longest name that is stepped through here, and a slash */

#define sbx_barrier() asm volatile("" ::: "memory")

/* What a directory's entry says of a name. */
struct sbx_quick {
	struct sbx_leaf leaf; /* class and rights of the object; bits are unused */
	__u32 sibling; /* class of the names that no rule mentions; SBX_NO_STATE: not known */
	__u32 slot;
	__u64 image;
	__u64 name;
	__u32 len;
	__u32 state;
};

/* --- looking up --- */

/* The verifier lets a pointer be moved into a number, and calculated with only there. */
static __always_inline __u32 hash_of(__u64 pointer, __u64 salt, int bits)
{
	__u32 h = pointer;

	asm volatile("%0 = %0" : "+w"(h));
	return ((h ^ (__u32)salt << 3) * 0x9e3779b1u) >> (32 - bits);
}

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
	if (!gen || gen != cfg->attach_gen || l->cgroup != cgroup || !id ||
	    (l->id[1] | l->id[2] | l->id[3] | l->id[4] | l->id[5] | l->id[6] | l->id[7] |
	     (l->flags & SBX_LABEL_OVERFLOW)))
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

/* Loads through a kernel pointer and from the stack must not become one instruction: clang merges
 * equal branches, these are not equal. */
#define sbx_loaded(var, nothing) asm volatile("%0 " nothing " 0" : "+r"(var))

static __always_inline __u32 first_byte(struct dentry *d)
{
	struct dentry___array *old = (void *)d;
	__u64 name = (__u64)d->d_name.name;
	__u8 buf[8];
	__u32 byte;

	if (bpf_core_field_exists(d->d_shortname)) {
		if (name == (__u64)d + bpf_core_field_offset(d->d_shortname)) {
			byte = d->d_shortname.string[0];
			sbx_loaded(byte, "+=");
			return byte;
		}
	} else if (name == (__u64)d + bpf_core_field_offset(old->d_iname)) {
		byte = old->d_iname[0];
		sbx_loaded(byte, "|=");
		return byte;
	}
	if (bpf_probe_read_kernel(buf, 1, (void *)name))
		return '/'; /* always among `bits`: the name would have to be read, and cannot be */
	byte = buf[0];
	sbx_loaded(byte, "^=");
	return byte;
}

#define SBX_QUICK_BLOCK 8 /* as SBX_STEP_BLOCK */

struct quick_walk {
	struct stepper step;
	__u32 pos, len;
	__u32 settled;
	char name[SBX_QUICK_NAME];
};

/* Up to a block of the name, until nothing that may follow makes a difference. */
static long quick_round(__u32 i, struct quick_walk *q)
{
	struct stepper w = q->step;
	__u32 n, pos = q->pos;
	struct sbx_state *st;

	for (n = 0; n < SBX_QUICK_BLOCK && pos < q->len; n++, pos++) {
		if (!step_byte(&w, q->name[pos & (SBX_QUICK_NAME - 1)]) || !step_chunk(&w))
			return 1;
		st = &w.chunk->state[w.state & SBX_STATE_INDEX_MASK];
		if (pos && (st->flags & SBX_STATE_SETTLED)) { /* the '/' alone is no name */
			pos = q->len;
			break;
		}
	}
	q->step = w;
	q->pos = pos;
	q->settled = pos == q->len;
	return q->settled;
}

/* Steps from the directory q->state through the name. 0: q->leaf is the object's. */
SBX_GLOBAL int quick_step(struct sbx_quick *q)
{
	struct quick_walk w = {.name = {'/'}};
	struct sbx_state *st;
	__u32 no, len;

	if (!q)
		return -1;
	no = q->slot;
	w.step.image = bpf_map_lookup_elem(&sbx_images, &no);
	no = 0;
	w.step.chunk = w.step.image ? bpf_map_lookup_elem(w.step.image, &no) : NULL;
	len = q->len;
	if (!w.step.chunk || w.step.chunk->hdr.image_id != q->image || !len ||
	    len >= SBX_QUICK_NAME)
		return -1;
	sbx_opaque(len);
	len &= SBX_QUICK_NAME - 1;
	if (bpf_probe_read_kernel(w.name + 1, len < SBX_QUICK_NAME ? len : 0, (void *)q->name))
		return -1;
	w.len = len + 1;
	w.step.state = q->state;
	bpf_loop(SBX_QUICK_NAME / SBX_QUICK_BLOCK + 1, quick_round, &w, 0);
	if (!w.settled || !step_chunk(&w.step))
		return -1;
	st = &w.step.chunk->state[w.step.state & SBX_STATE_INDEX_MASK];
	q->leaf.cls = st->cls;
	q->leaf.rights = st->rights;
	q->leaf.any = st->any;
	q->leaf.all = st->all;
	return 0;
}

/* The rights of a name that has to be read. 0: none, or not known. */
static __noinline __maybe_unused __u32 quick_named(struct dentry *d, __u32 state, __u64 image,
						   __u32 slot)
{
	struct sbx_quick q = {.state = state, .image = image, .slot = slot};

	q.name = (__u64)d->d_name.name;
	q.len = d->d_name.len;
	return quick_step(&q) ? 0 : q.leaf.rights;
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
	__u32 byte = first_byte(d) & 0xff;
	bool named = e->leaf.bits[byte >> 6] >> (byte & 63) & 1;

	if (!q)
		return named ? quick_named(d, e->state, image, slot) : e->leaf.rights;
	q->sibling = e->leaf.cls;
	if (named) {
		q->state = e->state;
		q->image = image;
		q->slot = slot;
		q->name = (__u64)d->d_name.name;
		q->len = d->d_name.len;
		return quick_step(q) ? 0 : q->leaf.rights;
	}
	q->leaf.cls = e->leaf.cls;
	q->leaf.rights = e->leaf.rights;
	q->leaf.any = e->leaf.any;
	q->leaf.all = e->leaf.all;
	return q->leaf.rights;
}

/*
 * Allowed for sure? `t` is the current task, `cgroup` its own. Devices may be the sandbox's
 * terminal, which has a name of its own: `mode` is the object's, 0 if there is none yet. q: see
 * above; valid where the answer is yes.
 */
static __always_inline bool quick_allows(struct task_struct *t, __u64 cgroup, struct dentry *d,
					 __u32 mode, __u32 rights, struct sbx_quick *q)
{
	struct sbx_config *cfg = sbx_config_get();
	__u64 version, seen, image;
	struct dentry *parent;
	struct sbx_slot *slot;
	__u32 seq, granted;
	struct inode *dir;
	struct sbx_dir *e;

	if (!cfg || (mode && !S_ISREG(mode) && !S_ISDIR(mode)))
		return false;
	slot = quick_subject(cfg, t, cgroup);
	if (!slot)
		return false;
	seq = *(volatile unsigned int *)&d->d_seq.seqcount.sequence;
	sbx_barrier();
	parent = d->d_parent;
	if ((seq & 1) || parent == d)
		return false;
	dir = parent->d_inode;
	image = slot->image;
	e = cache_entry((__u64)dir, image);
	if (!e || !dir)
		return false;
	version = *(volatile __u64 *)&e->version;
	sbx_barrier();
	if ((version & 1) || e->inode != (__u64)dir || e->image != image || e->ino != dir->i_ino ||
	    e->sb != (__u64)dir->i_sb || e->igen != dir->i_generation)
		return false;
	if (e->epoch && quick_anchor(e->epoch, (__u64)d->d_inode))
		return false;
	seen = e->dir_seq;
	granted = e->below;
	if (q || (rights & ~granted))
		granted = quick_rights(e, d, image, SBX_SLOT_OF(slot->id), q);
	sbx_barrier();
	if (*(volatile __u64 *)&e->version != version ||
	    *(volatile unsigned int *)&d->d_seq.seqcount.sequence != seq)
		return false;
	sbx_barrier();
	return *(volatile __u64 *)&cfg->dir_seq == seen && !(rights & ~granted);
}

/* The same for hooks other than file_open. Functions of their own, so that their part of the stack
 * is free again on the long way. */
static __noinline __maybe_unused bool quick_check(struct dentry *d, struct inode *inode,
						  __u32 rights)
{
	struct task_struct *t = bpf_get_current_task_btf();
	__u32 mode = 0;

	if (inode)
		mode = inode->i_mode;
	return quick_allows(t, sbx_task_cgroup(t), d, mode, rights, NULL);
}

/* What links and renames ask. */
static __noinline __maybe_unused bool quick_find(struct dentry *d, __u32 rights,
						 struct sbx_found *out)
{
	struct sbx_quick q = {};
	struct task_struct *t = bpf_get_current_task_btf();
	struct inode *inode = d->d_inode;
	__u32 mode = 0;

	if (inode)
		mode = inode->i_mode;
	if (!quick_allows(t, sbx_task_cgroup(t), d, mode, rights, &q))
		return false;
	out->why = SBX_WHY_POLICY;
	out->cls = q.leaf.cls;
	out->rights = q.leaf.rights;
	out->any = q.leaf.any;
	out->all = q.leaf.all;
	out->sibling = q.sibling;
	return true;
}

/* --- keeping --- */

struct keep {
	__u64 inode, sb, ino;
	__u64 seq;
	__u32 igen;
	__u32 slot;
};

/* Copies what sc->found[0] says of the directory. Whoever finds the entry taken leaves it alone. */
SBX_GLOBAL int cache_write(struct sbx_scratch *sc, struct keep *k)
{
	__u32 zero = 0, no, leaf;
	struct sbx_chunk *hdr, *chunk;
	struct sbx_state *st;
	struct sbx_found *f;
	struct sbx_dir *e;
	__u64 version;
	void *image;

	if (!sc || !k)
		return 0;
	f = &sc->found[0];
	no = k->slot;
	image = bpf_map_lookup_elem(&sbx_images, &no);
	hdr = image ? bpf_map_lookup_elem(image, &zero) : NULL;
	no = f->parent >> SBX_STATE_BITS;
	chunk = hdr && hdr->hdr.image_id == f->image ? bpf_map_lookup_elem(image, &no) : NULL;
	e = cache_entry(k->inode, f->image);
	if (!chunk || !e)
		return 0;
	st = &chunk->state[f->parent & SBX_STATE_INDEX_MASK];
	leaf = st->leaf;
	version = e->version;
	if ((version & 1) ||
	    __sync_val_compare_and_swap(&e->version, version, version + 1) != version)
		return 0;
	e->inode = k->inode;
	e->sb = k->sb;
	e->ino = k->ino;
	e->igen = k->igen;
	e->image = f->image;
	e->dir_seq = k->seq;
	e->epoch = sc->at.inner ? sc->at.epoch : 0;
	e->below = st->all;
	e->state = f->parent;
	if (leaf) {
		e->leaf = hdr->leaf[(leaf - 1) & 0xff];
	} else { /* every name has to be looked at, and none is known to be like another */
		e->leaf.bits[0] = e->leaf.bits[1] = e->leaf.bits[2] = e->leaf.bits[3] = ~0ull;
		e->leaf.cls = SBX_NO_STATE;
	}
	sbx_barrier();
	__sync_fetch_and_add(&e->version, 1);
	return 0;
}

/* File systems whose names change only where we see it. */
static __always_inline bool cache_fit(struct dentry *dir, struct super_block *sb)
{
	__u32 revalidate = 4;

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
	if (bpf_core_enum_value_exists(enum dentry_flags, DCACHE_OP_REVALIDATE))
		revalidate = bpf_core_enum_value(enum dentry_flags, DCACHE_OP_REVALIDATE);
	if (dir->d_flags & revalidate)
		return false; /* an overlay of remote layers */
	return !bpf_core_field_exists(sb->s_encoding) || !sb->s_encoding; /* folds case */
}

/* After a verified walk of `d` that began at directory-move sequence `seq`. */
static __always_inline void cache_keep(struct sbx_scratch *sc, struct sbx_label *l,
				       struct dentry *d, __u64 seq)
{
	struct dentry *parent = d->d_parent;
	struct sbx_config *cfg = sbx_config_get();
	struct super_block *sb = d->d_sb;
	struct keep k = {.seq = seq, .sb = (__u64)sb};
	struct inode *dir;

	/* The parent is the one that the walk went through while the object's d_seq is unchanged.
	 */
	sbx_barrier();
	if (!cfg || d->d_seq.seqcount.sequence != sc->lv[0].seq || cfg->dir_seq != seq)
		return;
	if (l->id[1] | l->id[2] | l->id[3] | l->id[4] | l->id[5] | l->id[6] | l->id[7])
		return; /* quick_subject() would not look */
	dir = parent->d_inode;
	/* The object holds the directory's inode: its memory becomes another's later, if at all,
	 * which raises the sequence. */
	if (!dir || !sbx_alive(l->id[0]) || sc->found[0].why != SBX_WHY_POLICY ||
	    !cache_fit(parent, sb))
		return;
	k.inode = (__u64)dir;
	k.ino = dir->i_ino;
	k.igen = dir->i_generation;
	k.slot = SBX_SLOT_OF(l->id[0]);
	cache_write(sc, &k);
}

#endif
