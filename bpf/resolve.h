/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * Which name has an object, and what does each sandbox's automaton say of it (design 1.3, 2.3).
 *
 * 1. walk: from the object's dentry up d_parent to an anchor (the root of a mount of the reference
 *    view, known by in-kernel object), noting each dentry with its d_seq, which must be even.
 * 2. match: top-down, the anchor's path and then every component, through the automaton of each
 *    sandbox that binds the task.
 * 3. verify: walking again must meet the same dentries with the same d_seq. __d_move sets
 *    the parent first and the name later: a name that mixes old and new never passes this.
 *
 * Three rounds; then the object is denied with the reason "its name kept changing". Everything
 * that goes wrong ends in a denial with a reason, never in a shorter name.
 */
#ifndef SBX_BPF_RESOLVE_H
#define SBX_BPF_RESOLVE_H

#include "keep.h"

#define SBX_ROUNDS 3

struct walk {
	struct dentry *d;
	struct sbx_scratch *sc;
};

/* The struct pid behind a directory directly below the root of procfs. */
static __always_inline __u64 proc_pid_of(struct inode *inode)
{
	__u64 pid = 0;
	__u64 at = (__u64)inode - bpf_core_field_offset(struct proc_inode, vfs_inode) +
		   bpf_core_field_offset(struct proc_inode, pid);

	if (!inode || bpf_probe_read_kernel(&pid, sizeof(pid), (void *)at))
		return 0;
	return pid;
}

/* The end of a walk: is there an anchor here? */
static __always_inline bool walk_anchor(struct sbx_scratch *sc, struct dentry *d)
{
	struct inode *inode = d->d_inode;
	struct sbx_anchor_key key = {.epoch = sc->on.epoch, .inode = (__u64)inode};
	struct sbx_anchor *a;

	a = bpf_map_lookup_elem(&sbx_anchors, &key);
	/* The mount may be gone since, and the memory another inode's. */
	if (!a || !inode || a->ino != inode->i_ino || a->igen != inode->i_generation)
		return false;
	sc->anchor = key;
	sc->on.memo = a->memo;
	return true;
}

/* Notes one level. Returns the next; NULL: this was the last, sc->at.why says why. */
static __always_inline struct dentry *walk_level(struct sbx_scratch *sc, struct dentry *d, __u32 n)
{
	struct sbx_level *lv = &sc->lv[n & (SBX_MAX_DEPTH - 1)];
	__u32 seq = *(volatile unsigned int *)&d->d_seq.seqcount.sequence, len;
	struct sbx_cursor *at = &sc->at;
	struct dentry *parent;

	sbx_barrier(); /* what is read below was so when the sequence was this, or is not verified
			*/
	parent = d->d_parent;
	sc->n = n;
	at->why = SBX_WHY_RACED;
	if (seq & 1)
		return NULL;
	if (parent == d || (sc->on.inner && (sc->on.inner & inner_bit((__u64)d->d_inode)))) {
		if (walk_anchor(sc, d)) {
			at->why = SBX_WHY_POLICY;
			return NULL;
		}
		if (parent == d) {
			at->why = SBX_WHY_UNNAMED;
			return NULL;
		}
	}
	if (n >= SBX_MAX_DEPTH) {
		at->why = SBX_WHY_DEEP;
		return NULL;
	}
	if (sc->on.folds &&
	    (sc->on.folds == SBX_FOLDS_ALL || parent->d_inode->i_flags & S_CASEFOLD)) {
		at->why = SBX_WHY_FOLDS;
		return NULL;
	}
	lv->dentry = (__u64)d;
	lv->seq = seq;
	len = d->d_name.len;
	lv->len = len;
	lv->head = len < SBX_SHORT_NAME ? name_head(d) : 0;
	if (sc->on.proc && parent == parent->d_parent)
		sc->proc_pid = proc_pid_of(d->d_inode);
	return parent;
}

#define SBX_WALK_BLOCK 4 /* levels that one round looks at */

static long walk_round(__u32 i, struct walk *w)
{
	struct sbx_scratch *sc = w->sc;
	struct dentry *d = w->d;
	__u32 n;

	SBX_UNROLLED
	for (n = 0; n < SBX_WALK_BLOCK; n++) {
		d = walk_level(sc, d, i * SBX_WALK_BLOCK + n);
		if (!d)
			return 1; /* verifiers want to see w->d stay what it is */
	}
	w->d = d;
	return 0;
}

static __always_inline __u32 walk(struct dentry *d, struct sbx_scratch *sc)
{
	struct super_block *sb = d->d_sb;
	__u64 sbp = (__u64)sb;
	struct sbx_sb *known = bpf_map_lookup_elem(&sbx_sbs, &sbp);
	struct walk w = {.d = d, .sc = sc};

	sc->proc_pid = 0;
	sc->n = 0;
	sc->anchor.epoch = 0;
	sc->anchor.inode = 0;
	if (!known)
		return SBX_WHY_UNNAMED;
	sc->on.epoch = known->epoch;
	sc->on.inner = known->inner;
	sc->on.folds = known->folds;
	sc->on.proc = sb->s_magic == PROC_SUPER_MAGIC;
	sc->at.why = SBX_WHY_DEEP;
	bpf_loop(SBX_MAX_DEPTH / SBX_WALK_BLOCK + 1, walk_round, &w, 0);
	return sc->at.why;
}

/* The second walk. While the levels below are what they were, the last one's parent is, too. */
static __always_inline long verify_level(__u32 i, struct walk *w)
{
	struct dentry *d = w->d;
	struct sbx_scratch *sc = w->sc;
	struct sbx_level *lv = &sc->lv[i & (SBX_MAX_DEPTH - 1)];

	if (i >= sc->n) {
		if ((__u64)d->d_inode == sc->anchor.inode)
			sc->at.why = SBX_WHY_POLICY;
		return 1;
	}
	w->d = d->d_parent;
	sbx_barrier();
	return lv->dentry != (__u64)d ||
	       lv->seq != *(volatile unsigned int *)&d->d_seq.seqcount.sequence;
}

static long verify_round(__u32 i, struct walk *w)
{
	__u32 n;

	SBX_UNROLLED
	for (n = 0; n < SBX_WALK_BLOCK; n++)
		if (verify_level(i * SBX_WALK_BLOCK + n, w))
			return 1;
	return 0;
}

static __always_inline __u32 verify(struct dentry *d, struct sbx_scratch *sc)
{
	struct walk w = {.d = d, .sc = sc};

	sbx_barrier(); /* the names have been read */
	sc->at.why = SBX_WHY_RACED;
	bpf_loop(SBX_MAX_DEPTH / SBX_WALK_BLOCK + 1, verify_round, &w, 0);
	return sc->at.why;
}

struct member {
	__u64 base;
	__u64 cgroup;
	__u32 found; /* how deep, from 1; 0: it is no member */
};

static long member_level(__u32 i, struct member *m)
{
	__u64 cgrp = 0, kn = 0, id = 0;

	if (bpf_probe_read_kernel(&cgrp, sizeof(cgrp), (void *)(m->base + i * 8)) ||
	    bpf_probe_read_kernel(&kn, sizeof(kn),
				  (void *)(cgrp + bpf_core_field_offset(struct cgroup, kn))) ||
	    bpf_probe_read_kernel(&id, sizeof(id),
				  (void *)(kn + bpf_core_field_offset(struct kernfs_node, id))))
		return 1; /* fail closed: not a member */
	if (id == m->cgroup) {
		m->found = i + 1;
		return 1;
	}
	return 0;
}

/* Is the task at that address in the cgroup? */
static __always_inline bool task_in(__u64 task, __u64 cgroup)
{
	__u64 css = 0, cgrp = 0;
	struct member m = {.cgroup = cgroup};
	int level = 0;

	if (bpf_probe_read_kernel(
		    &css, 8, (void *)(task + bpf_core_field_offset(struct task_struct, cgroups))) ||
	    bpf_probe_read_kernel(
		    &cgrp, 8, (void *)(css + bpf_core_field_offset(struct css_set, dfl_cgrp))) ||
	    bpf_probe_read_kernel(&level, 4,
				  (void *)(cgrp + bpf_core_field_offset(struct cgroup, level))))
		return false;
	m.base = cgrp + bpf_core_field_offset(struct cgroup, ancestors);
	bpf_loop((level + 1) & 1023, member_level, &m, 0);
	return m.found;
}

/* The first task of a struct pid: pid->tasks[type].first is &task->pid_links[type]. 0: none. */
static __always_inline __u64 pid_first(__u64 pid, __u32 type)
{
	__u64 node = 0;

	bpf_probe_read_kernel(&node, 8,
			      (void *)(pid + bpf_core_field_offset(struct pid, tasks) + type * 8));
	return node;
}

static __always_inline __u64 pid_task(__u64 node, __u32 type)
{
	return node - bpf_core_field_offset(struct task_struct, pid_links) - type * 16;
}

/*
 * Is the process of that struct pid in the sandbox's cgroup? Members that left the cgroup count
 * as outsiders here: 6.1 cannot look up the label of a task that is found through a struct pid.
 */
static __always_inline bool proc_member(__u64 pid, __u64 cgroup)
{
	__u64 node = pid_first(pid, PIDTYPE_TGID);

	return node && task_in(pid_task(node, PIDTYPE_TGID), cgroup);
}

/* What links and renames ask of the directory (design 1.3). A name whose class is not that of the
 * names that no rule mentions is the ancestor of something that a rule names. */
static __always_inline void match_beside(struct match *m, struct sbx_found *f)
{
	struct sbx_state *st;

	m->step.state = m->sc->at.parent;
	st = step_state(&m->step);
	f->sibling = st ? st->sibling : SBX_NO_STATE;
	f->bars_links = !st || st->bars_links;
}

/* Steps through the path of the anchor, or remembers where that leads. 0, or it cannot be done. */
static __always_inline int match_anchor(struct match *m, __u64 image)
{
	struct sbx_scratch *sc = m->sc;
	struct sbx_anchor_key key = sc->anchor;
	struct sbx_anchor *anchor;
	__u32 len;

	if (sc->on.memo && sc->on.memo >> 32 == (__u32)image) {
		m->step.state = sc->on.memo;
		return 0;
	}
	anchor = bpf_map_lookup_elem(&sbx_anchors, &key);
	if (!anchor)
		return -EINVAL;
	len = anchor->len;
	if (len > SBX_ANCHOR_PATH_MAX - 1)
		return -EINVAL;
	sbx_opaque(len);
	bpf_probe_read_kernel(sc->name, len & (SBX_ANCHOR_PATH_MAX - 1), anchor->path);
	sc->at.len = len;
	bpf_loop(SBX_MAX_ROUNDS, match_round, m, 0);
	if (!sc->at.done)
		return -EINVAL;
	sc->at.done = 0;
	anchor->memo = image << 32 | sc->at.state;
	return 0;
}

/* Which of the names that stand for a process of its own is the first component? 0: it is
 * another's.
 */
static __always_inline __u32 match_proc(struct sbx_scratch *sc, struct sbx_slot *slot)
{
	struct task_struct *t = bpf_get_current_task_btf();

	if (sc->proc_pid == (__u64)t->signal->pids[1])
		return 1;
	return proc_member(sc->proc_pid, slot->cgroup_id) ? 2 : 0;
}

static __always_inline bool is_tty(struct sbx_scratch *sc, struct sbx_slot *slot)
{
	return sc->rdev && slot->tty_dev == sc->rdev &&
	       (!slot->tty_ino || slot->tty_ino == sc->ino);
}

static __always_inline void match_found(struct sbx_found *f, struct sbx_state *st)
{
	f->cls = st->cls;
	f->rights = st->rights;
	f->any = st->any;
	f->all = st->all;
	f->quiet = st->quiet;
	f->why = SBX_WHY_POLICY;
	f->sibling = f->cls;
	f->bars_links = 0;
}

/* Runs the name in sc through the automaton of sandbox `id`. Fills sc->found[n]. */
SBX_GLOBAL int match_sandbox(struct sbx_scratch *sc, __u64 id, __u32 n, __u32 sibling)
{
	struct match m = {.sc = sc};
	__u32 no = SBX_SLOT_OF(id), zero = 0;
	struct sbx_chunk *chunk;
	struct sbx_slot *slot;
	struct sbx_state *st;
	struct sbx_found *f;

	if (!sc)
		return -EINVAL;
	f = &sc->found[n & (SBX_MAX_NEST - 1)];
	f->why = SBX_WHY_INTERNAL; /* fail closed */
	slot = sbx_slot_get(id);
	m.step.image = bpf_map_lookup_elem(&sbx_images, &no);
	chunk = m.step.image ? bpf_map_lookup_elem(m.step.image, &zero) : NULL;
	if (!chunk)
		return 0;
	__builtin_memset(&sc->at, 0, sizeof(sc->at));
	if (sc->proc_pid) {
		sc->at.proc_name = match_proc(sc, slot);
		if (!sc->at.proc_name) {
			f->why = SBX_WHY_OTHERS_PROC;
			return 0;
		}
	}
	m.step.chunk = chunk;
	f->image = chunk->hdr.image_id;
	if (is_tty(sc, slot)) {
		m.step.state = chunk->hdr.tty; /* the terminal that `run` was given */
	} else {
		m.step.state = chunk->hdr.start;
		if (match_anchor(&m, f->image))
			return 0;
		sc->at.level = sc->n;
		bpf_loop(SBX_MAX_ROUNDS, match_round, &m, 0);
		if (!sc->at.done)
			return 0;
	}
	st = step_state(&m.step);
	if (!st)
		return 0;
	match_found(f, st);
	f->parent = sc->at.parent;
	f->above = sc->at.above;
	if (sibling && sc->n)
		match_beside(&m, f);
	return 0;
}

static __always_inline struct sbx_scratch *sbx_scratch_get(void)
{
	return bpf_task_storage_get(&sbx_scratch, bpf_get_current_task_btf(), 0,
				    BPF_LOCAL_STORAGE_GET_F_CREATE);
}

/* The loops over sandboxes and rounds are bpf_loop, too: the verifier looks at a callback once,
 * at an unrolled body every time. */
struct resolve {
	struct sbx_scratch *sc;
	struct sbx_label *l;
	struct dentry *d;
	__u32 n; /* sandboxes to be asked */
	__u32 why;
	__u32 sibling;
};

static long resolve_sandbox(__u32 i, struct resolve *r)
{
	__u32 n = i & (SBX_MAX_NEST - 1);
	__u64 id = r->l->id[n];

	if (sbx_alive(id))
		match_sandbox(r->sc, id, n, r->sibling);
	return 0;
}

static long resolve_round(__u32 i, struct resolve *r)
{
	r->why = walk(r->d, r->sc);
	if (r->why == SBX_WHY_POLICY) {
		bpf_loop(r->n, resolve_sandbox, r, 0);
		r->why = verify(r->d, r->sc);
	}
	return r->why != SBX_WHY_RACED;
}

/* Fills sc->found for every sandbox of l. `inode` may be NULL (an object still to be made). */
static __noinline __maybe_unused int sbx_resolve(struct sbx_scratch *sc, struct sbx_label *l,
						 struct dentry *d, struct inode *inode,
						 bool sibling)
{
	struct resolve r = {.sc = sc, .l = l, .d = d, .why = SBX_WHY_INTERNAL, .sibling = sibling};
	struct sbx_config *cfg = sbx_config_get();
	__u64 seq;
	int i;

	if (!sc || !l)
		return -EINVAL;
	r.n = sbx_sole(l) ? 1 : SBX_MAX_NEST;
	sc->rdev = 0;
	if (S_ISCHR(inode_mode(inode))) {
		sc->rdev = inode->i_rdev;
		sc->ino = inode->i_ino;
	}
	seq = cfg ? cfg->dir_seq : 0; /* before the walk: what moves later expires what we keep */
	bpf_loop(SBX_ROUNDS, resolve_round, &r, 0);
	if (r.why == SBX_WHY_POLICY && d->d_sb->s_magic == BPF_FS_MAGIC)
		r.why = SBX_WHY_NOT_IN_SANDBOX; /* what we are made of lies there */
	if (r.why != SBX_WHY_POLICY)
		for (i = 0; i < SBX_MAX_NEST; i++)
			sc->found[i].why = r.why;
	else if (seq && r.n == 1 && !sc->rdev && sc->n && !sc->on.proc) /* or nobody would look */
		cache_keep(sc, l, d, seq);
	return 0;
}

#endif
