/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * Who is asking: the sandboxes that bind a task (design 1.1).
 *
 * A task is bound by the sandboxes of its cgroup and of the cgroup's ancestors, and by the label
 * that it carries. The label only ever grows (until a sandbox is detached); it is inherited at
 * fork, and where it lacks a sandbox of the current cgroup, the hook that notices adds it. Hence
 * leaving the cgroup never leaves the sandbox.
 *
 * Tasks that have nothing to do with us return after one bit test: sbx_outside().
 */
#ifndef SBX_BPF_SUBJECT_H
#define SBX_BPF_SUBJECT_H

#include "common.h"

#define SBX_MAX_CGROUP_LEVEL 256

static __always_inline __u64 *cgroup_word(__u64 cgroup, __u64 *mask)
{
	struct sbx_cgbits *bits = (struct sbx_cgbits *)sbx_cgbits_words;
	__u32 bit = cgroup & (SBX_CGROUP_BITS - 1);

	*mask = 1ull << (bit & 63);
	return &bits->word[bit >> 6];
}

static __always_inline bool sbx_cgroup_marked(__u64 cgroup)
{
	__u64 mask, *word = cgroup_word(cgroup, &mask);

	return *word & mask;
}

static __always_inline void sbx_cgroup_mark(__u64 cgroup)
{
	__u64 mask, *word = cgroup_word(cgroup, &mask);

	if (!(*word & mask))
		__sync_fetch_and_or(word, mask);
}

/* true: the current task is in no sandbox. False alarms are sorted out by sbx_subject(). */
static __always_inline bool sbx_outside(void)
{
	return !sbx_cgroup_marked(sbx_task_cgroup(bpf_get_current_task_btf()));
}

static __always_inline bool sbx_alive(__u64 id)
{
	struct sbx_slot *slot;

	if (!id)
		return false;
	slot = sbx_slot_get(id);
	return slot->id == id;
}

/* Live, or about to be: attach gives everybody the id before it makes it count (user/kern). */
static __always_inline bool sbx_held(__u64 id)
{
	struct sbx_slot *slot;

	if (!id)
		return false;
	slot = sbx_slot_get(id);
	return slot->id == id || slot->pending == id;
}

/* Has only the first place of the label ever been taken? */
static __always_inline bool sbx_sole(struct sbx_label *l)
{
	return !(l->id[1] | l->id[2] | l->id[3] | l->id[4] | l->id[5] | l->id[6] | l->id[7]);
}

/* Adds id in the first free or void place. Several CPUs may do so at once: hence cmpxchg. */
SBX_GLOBAL int label_add(struct sbx_label *l, __u64 id)
{
	int i, round;

	if (!l)
		return 0;
	for (i = 0; i < SBX_MAX_NEST; i++)
		if (l->id[i] == id)
			return 0;
	for (round = 0; round < 2; round++)
		for (i = 0; i < SBX_MAX_NEST; i++) {
			__u64 old = l->id[i];

			if (old == id)
				return 0;
			if (sbx_held(old))
				continue;
			if (__sync_val_compare_and_swap(&l->id[i], old, id) == old)
				return 1;
		}
	/* fail closed: a ninth sandbox; everything is denied to this task */
	__sync_fetch_and_or(&l->flags, SBX_LABEL_OVERFLOW);
	return 1;
}

struct ancestors {
	__u64 base;		 /* address of cgroup.ancestors[0] */
	struct sbx_label *label; /* NULL: only look */
	__u32 changed;
	__u32 failed;
	__u32 attached; /* one of them has a sandbox */
};

static long ancestor_add(__u32 i, struct ancestors *a)
{
	__u64 cgrp = 0, kn = 0, id = 0;
	struct sbx_attachment *at;

	if (bpf_probe_read_kernel(&cgrp, sizeof(cgrp), (void *)(a->base + i * 8)) ||
	    bpf_probe_read_kernel(&kn, sizeof(kn),
				  (void *)(cgrp + bpf_core_field_offset(struct cgroup, kn))) ||
	    bpf_probe_read_kernel(&id, sizeof(id),
				  (void *)(kn + bpf_core_field_offset(struct kernfs_node, id)))) {
		a->failed = 1;
		return 1;
	}
	at = bpf_map_lookup_elem(&sbx_cgroups, &id);
	if (!at || !sbx_held(at->id))
		return 0;
	a->attached = 1;
	if (label_add(a->label, at->id))
		a->changed = 1;
	return 0;
}

/* Has the cgroup, or one above it, a sandbox? Unlike its mark, this is never out of date: a cgroup
 * that is made while attach marks the subtree may be missed, but nobody enters it unseen. */
static __noinline __maybe_unused bool sbx_cgroup_attached(struct cgroup *cgrp)
{
	struct ancestors a = {
		.base = (__u64)cgrp + bpf_core_field_offset(struct cgroup, ancestors),
	};
	__u32 levels = cgrp->level + 1;

	bpf_loop(levels, ancestor_add, &a, 0);
	return a.attached || a.failed || levels > SBX_MAX_CGROUP_LEVEL; /* fail closed */
}

static long mark_word(__u32 i, void *unused)
{
	sbx_cgbits_words[i & (SBX_CGROUP_BITS / 64 - 1)] = ~0ull;
	return 0;
}

/* From now on everybody is looked at. The way out when a label cannot be told of in time. */
static __noinline __maybe_unused int sbx_cgroup_mark_all(void)
{
	bpf_loop(SBX_CGROUP_BITS / 64, mark_word, NULL, 0);
	return 0;
}

/* A thread can be moved into a sandbox alone (cgroup.threads), but when the process moves on, only
 * its leader is shown to us: the leader's label has to tell. */
static __always_inline void tell_leader(struct task_struct *t)
{
	struct sbx_label *l;

	if (t->pid == t->tgid || !t->group_leader)
		return;
	l = bpf_task_storage_get(&sbx_labels, t->group_leader, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (l)
		__sync_fetch_and_or(&l->flags, SBX_LABEL_THREADS);
	else
		sbx_cgroup_mark_all(); /* fail closed */
}

/* Adds the sandboxes of the task's cgroups, and those of its group leader: a process moved into a
 * sandbox is labelled through its leader only (tp cgroup_attach_task fires once). */
static __noinline int label_refresh_in(struct task_struct *t, struct sbx_label *l,
				       struct cgroup *cgrp)
{
	struct sbx_config *cfg = sbx_config_get();
	struct ancestors a = {
		.base = (__u64)cgrp + bpf_core_field_offset(struct cgroup, ancestors),
		.label = l,
	};
	__u32 levels = cgrp->level + 1;
	struct sbx_label *leader;
	__u64 gen;
	int i;

	if (!cfg || !l)
		return 0;
	gen = cfg->attach_gen; /* before the look-ups: a later attach makes us come again */
	bpf_loop(levels, ancestor_add, &a, 0);
	if (a.failed || levels > SBX_MAX_CGROUP_LEVEL) /* fail closed */
		__sync_fetch_and_or(&l->flags, SBX_LABEL_OVERFLOW);
	leader = t->group_leader ? bpf_task_storage_get(&sbx_labels, t->group_leader, 0, 0) : NULL;
	if (leader && leader != l) {
		for (i = 0; i < SBX_MAX_NEST; i++)
			if (sbx_held(leader->id[i]) && label_add(l, leader->id[i]))
				a.changed = 1;
		if (leader->flags & SBX_LABEL_OVERFLOW)
			__sync_fetch_and_or(&l->flags, SBX_LABEL_OVERFLOW);
	}
	if (a.changed)
		tell_leader(t);
	sbx_barrier(); /* whoever copies it reads in the opposite order (sbx_task_alloc) */
	l->cgroup = cgrp->kn->id;
	sbx_barrier();
	l->gen = gen;
	return a.changed;
}

static __always_inline int label_refresh(struct task_struct *t, struct sbx_label *l)
{
	return label_refresh_in(t, l, t->cgroups->dfl_cgrp);
}

/* The label of a task, brought up to date. NULL: it could not be stored, which denies (on 6.1 a
 * look-up can also fail because the storage is busy on this CPU: never "unsandboxed"). */
static __always_inline struct sbx_label *sbx_label_of(struct task_struct *t)
{
	struct sbx_label *l =
		bpf_task_storage_get(&sbx_labels, t, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	struct sbx_config *cfg = sbx_config_get();

	if (!l || !cfg)
		return NULL;
	if (l->cgroup != sbx_task_cgroup(t) || l->gen != cfg->attach_gen)
		label_refresh(t, l);
	return l;
}

SBX_GLOBAL int sbx_refresh_current(void)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct sbx_label *l = bpf_task_storage_get(&sbx_labels, t, 0, 0);

	return l ? label_refresh(t, l) : 0;
}

/* The label of the current task; as sbx_label_of(). */
static __always_inline struct sbx_label *sbx_subject(void)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct sbx_label *l =
		bpf_task_storage_get(&sbx_labels, t, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	struct sbx_config *cfg = sbx_config_get();

	if (!l || !cfg)
		return NULL;
	if (l->cgroup != sbx_task_cgroup(t) || l->gen != cfg->attach_gen)
		sbx_refresh_current();
	return l;
}

SBX_GLOBAL int bound_somewhere(struct sbx_label *l)
{
	int i;

	if (!l || l->flags & SBX_LABEL_OVERFLOW)
		return true;
	for (i = 0; i < SBX_MAX_NEST; i++)
		if (sbx_alive(l->id[i]))
			return true;
	return false;
}

static __always_inline int sbx_bound(struct sbx_label *l)
{
	return (sbx_sole(l) && sbx_alive(l->id[0])) || bound_somewhere(l);
}

/* Is there a label to be inherited, and not to be lost? */
SBX_GLOBAL int sbx_carries(struct sbx_label *l)
{
	int i;

	if (!l)
		return false;
	if (l->flags & (SBX_LABEL_OVERFLOW | SBX_LABEL_THREADS))
		return true;
	for (i = 0; i < SBX_MAX_NEST; i++)
		if (sbx_held(l->id[i]))
			return true;
	return false;
}

/* true: every sandbox that binds `l` binds the other task, too: it is "inside", as l sees it. */
SBX_GLOBAL int sbx_same_sandbox(struct sbx_label *l, struct sbx_label *other)
{
	int i, j;

	if (!l || !other)
		return false;
	for (i = 0; i < SBX_MAX_NEST; i++) {
		bool found = false;

		if (!sbx_alive(l->id[i]))
			continue;
		for (j = 0; j < SBX_MAX_NEST; j++)
			found |= other->id[j] == l->id[i];
		if (!found)
			return false;
	}
	return true;
}

#endif
