/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * What is kept of tasks: the one sandbox that binds a task, found without asking for its label.
 */
#ifndef SBX_BPF_WHO_H
#define SBX_BPF_WHO_H

#include "subject.h"

static __always_inline struct sbx_who *who_entry(struct task_struct *t)
{
	struct sbx_who *whos = (struct sbx_who *)sbx_who_words;
	__u32 h = hash_of((__u64)t, 0, SBX_WHO_CACHE_SHIFT);

	whos += h;
	sbx_opaque(whos); /* or clang calculates it anew for every field */
	return whos;
}

/* The only sandbox that binds the current task, from its label, and kept. 0: none, several, or not
 * known for sure. */
static __noinline __maybe_unused __u64 who_find(struct css_set *cset)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct sbx_label *l = bpf_task_storage_get(&sbx_labels, t, 0, 0);
	struct sbx_config *cfg = sbx_config_get();
	struct sbx_who *e = who_entry(t);
	__u64 id, gen, version, cgroup = sbx_cset_cgroup(cset);

	if (!l || !cfg)
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
	e->task = 0;
	sbx_barrier();
	e->cset = (__u64)cset;
	e->gen = gen;
	e->id = id;
	sbx_barrier();
	*(volatile __u64 *)&e->task = (__u64)t;
	sbx_barrier();
	__sync_fetch_and_add(&e->version, 1);
	return id;
}

/*
 * The same, from what was kept. `task` is compared last: it is no task's while the rest is written,
 * and nobody but the task itself, who is reading, makes it that task's. So what was read before is
 * what this task wrote. (`version` keeps two who write apart.)
 *
 * Addresses of tasks are used again: what was kept of one that ended is dropped before another runs
 * at its address (who_drop). Those of css_sets are, too: a css_set stands for one cgroup for as
 * long as a task is in it, and to come to another at the same address the task has to be moved.
 * Whatever adds to the label of a task that was there raises attach_gen: an attach, or the task's
 * move to where it was added.
 */
static __always_inline __u64 who_kept(struct sbx_config *cfg, struct task_struct *t,
				      struct css_set *cset)
{
	volatile struct sbx_who *e = who_entry(t);
	__u64 id;

	if (e->cset != (__u64)cset || e->gen != cfg->attach_gen)
		return 0;
	id = e->id;
	sbx_barrier();
	return e->task == (__u64)t ? id : 0;
}

/* A task is made at this address. Only tasks that run are kept, each by itself: nobody else has
 * anything to say of it. */
static __always_inline void who_drop(struct task_struct *t)
{
	struct sbx_who *e = who_entry(t);

	if (e->task == (__u64)t)
		e->task = 0;
}

static __always_inline struct sbx_slot *slot_of(__u64 id)
{
	struct sbx_slot *slot;

	if (!id)
		return NULL;
	slot = sbx_slot_get(id);
	return slot->id == id ? slot : NULL;
}

/* The sandbox of the current task, whose css_set is `cset`, if it is bound by one alone. */
static __always_inline struct sbx_slot *quick_subject(struct sbx_config *cfg, struct task_struct *t,
						      struct css_set *cset)
{
	__u64 id = who_kept(cfg, t, cset);

	return slot_of(id ? id : who_find(cset));
}

/* The same, if that was kept. */
static __always_inline struct sbx_slot *quick_known(struct sbx_config *cfg, struct task_struct *t,
						    struct css_set *cset)
{
	return slot_of(who_kept(cfg, t, cset));
}

#endif
