// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * What makes labels stick: fork, moves between cgroups, CLONE_INTO_CGROUP, new cgroups, and the
 * iterator by which attach labels the tasks that are there already.
 *
 * Seen working on 6.1, 6.12 and 7.2 (design 2.4): tp cgroup_attach_task fires once per process,
 * with the leader; sched_process_fork fires before the child first runs.
 */
#include "who.h"

#define CLONE_INTO_CGROUP 0x200000000ul /* linux/sched.h */

SEC("lsm/task_alloc")
int BPF_PROG(sbx_task_alloc, struct task_struct *task, unsigned long clone_flags, int ret)
{
	struct sbx_label *parent, *child;
	__u64 cgroup, gen;
	int i;

	who_drop(task);
	if (ret || sbx_outside())
		return ret;
	parent = sbx_subject();
	if (!parent)
		return -ENOMEM; /* fail closed: an unlabelled child would be free */
	if (!sbx_carries(parent))
		return 0;
	child = bpf_task_storage_get(&sbx_labels, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!child)
		return -ENOMEM; /* fail closed: likewise */
	/* Where the parent's label says all that binds there, so does the child's: these are read
	 * in the opposite order of label_refresh_in(), before the ids, which only become more. */
	gen = parent->gen;
	sbx_barrier();
	cgroup = parent->cgroup;
	sbx_barrier();
	for (i = 0; i < SBX_MAX_NEST; i++)
		child->id[i] = parent->id[i];
	child->flags = parent->flags & SBX_LABEL_OVERFLOW;
	/* One that is born elsewhere is looked up there (sbx_fork). In its parent's cgroup a move
	 * of the parent comes before (attach_gen is raised) or after it, never in between. */
	if (!(clone_flags & CLONE_INTO_CGROUP)) {
		child->cgroup = cgroup;
		child->gen = gen;
	}
	return 0;
}

/*
 * The child may have been born into another cgroup (CLONE_INTO_CGROUP): add what binds there, and
 * see to it that the fast path does not overlook it where it is.
 */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(sbx_fork, struct task_struct *parent, struct task_struct *child)
{
	struct cgroup *cgrp = child->cgroups->dfl_cgrp;
	__u64 cgroup = cgrp->kn->id;

	if (sbx_cgroup_marked(cgroup)) {
		sbx_label_of(child);
		return 0;
	}
	if (cgroup == sbx_task_cgroup(parent))
		return 0; /* no mark: the parent was not looked at either */
	if (sbx_cgroup_attached(cgrp)) {
		sbx_cgroup_mark(cgroup);
		sbx_label_of(child);
	} else if (sbx_carries(bpf_task_storage_get(&sbx_labels, child, 0, 0))) {
		sbx_cgroup_mark(cgroup);
	}
	return 0;
}

/* Version 1 hierarchies number their cgroups for themselves: their numbers say nothing here. */
static __always_inline bool unified(struct cgroup *cgrp, struct task_struct *t)
{
	return cgrp->root == t->cgroups->dfl_cgrp->root;
}

/* Has the process, or the thread that moves alone, a label to be taken along? A thread that has
 * not acted since its process was moved in has its label with the leader only. */
static __always_inline bool takes_label(struct task_struct *task)
{
	return sbx_carries(bpf_task_storage_get(&sbx_labels, task, 0, 0)) ||
	       (task->group_leader &&
		sbx_carries(bpf_task_storage_get(&sbx_labels, task->group_leader, 0, 0)));
}

/*
 * Before anybody is moved: a labelled task that comes to where nobody was sandboxed would pass for
 * unsandboxed there until the tracepoint below has marked the place. Moves are made one at a time
 * (cgroup_mutex), so that no other's program keeps this one from running.
 */
SEC("fentry/cgroup_attach_task")
int BPF_PROG(sbx_moving, struct cgroup *dst, struct task_struct *leader, bool threadgroup)
{
	if (!unified(dst, leader) || sbx_cgroup_marked(dst->kn->id))
		return 0;
	if (sbx_cgroup_marked(sbx_task_cgroup(leader)))
		sbx_label_of(leader);
	if (takes_label(leader) || sbx_cgroup_attached(dst))
		sbx_cgroup_mark(dst->kn->id);
	return 0;
}

/* `task` is the leader of a process, or a thread that moves alone. A leader that has ended stays
 * where it was while its threads move: hence `dst`, not its own cgroup. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(sbx_move, struct cgroup *dst, const char *path, struct task_struct *task,
	     bool threadgroup)
{
	struct sbx_config *cfg = sbx_config_get();
	struct sbx_label *l;

	if (!unified(dst, task))
		return 0;
	if (sbx_cgroup_marked(dst->kn->id) || sbx_cgroup_attached(dst)) {
		sbx_cgroup_mark(dst->kn->id);
		/* Without memory the label comes with the task's first act here, or that is denied.
		 */
		l = bpf_task_storage_get(&sbx_labels, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (l)
			label_refresh_in(task, l, dst);
		/* Threads of the process look at their leader's label again, and what was kept of
		 * any of them counts no longer. Also when the label has not grown here: a hook of
		 * the task's own can have been first. */
		if (cfg)
			__sync_fetch_and_add(&cfg->attach_gen, 1);
		return 0;
	}
	if (takes_label(task)) /* it got it while it was on its way */
		sbx_cgroup_mark(dst->kn->id);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(sbx_cgroup_mkdir, struct cgroup *cgrp, const char *path)
{
	__u64 at = (__u64)cgrp + bpf_core_field_offset(struct cgroup, ancestors);
	__u64 parent = 0, kn = 0, id = 0;
	int level = cgrp->level;

	if (level < 1)
		return 0;
	if (!bpf_probe_read_kernel(&parent, sizeof(parent), (void *)(at + (level - 1) * 8ull)) &&
	    !bpf_probe_read_kernel(&kn, sizeof(kn),
				   (void *)(parent + bpf_core_field_offset(struct cgroup, kn))) &&
	    !bpf_probe_read_kernel(&id, sizeof(id),
				   (void *)(kn + bpf_core_field_offset(struct kernfs_node, id))) &&
	    !sbx_cgroup_marked(id))
		return 0;
	sbx_cgroup_mark(cgrp->kn->id); /* also when the parent could not be read: fail closed */
	return 0;
}

/* Labels every task there is, and tells of each that has a label (attach, status, detach). */
SEC("iter/task")
int sbx_label_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct sbx_labelled_task out = {};
	struct sbx_label *l;
	bool any = false;
	int i;

	if (!task)
		return 0;
	if (sbx_cgroup_marked(sbx_task_cgroup(task)))
		l = sbx_label_of(task);
	else
		l = bpf_task_storage_get(&sbx_labels, task, 0, 0);
	if (!l)
		return 0;
	out.tgid = task->tgid;
	out.pid = task->pid;
	out.cgroup = sbx_task_cgroup(task);
	out.flags = l->flags;
	for (i = 0; i < SBX_MAX_NEST; i++)
		if (sbx_alive(l->id[i])) {
			out.id[i] = l->id[i];
			any = true;
		}
	if (any)
		bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}
