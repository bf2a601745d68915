/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * The owner of a descriptor is sent SIGIO and SIGURG, or any signal chosen with F_SETSIG, by the
 * kernel, long after the caller went: only members of the caller's sandboxes may be named. Who was
 * named before the sandbox was there stays the owner, and attach reports it; but nobody inside may
 * arm what an outsider is sent.
 *
 * A process group counts where all of its processes are members now. Whoever joins it later does
 * so of his own will: only he, or his parent, can.
 */
#ifndef SBX_BPF_OWNER_H
#define SBX_BPF_OWNER_H

#include "decide.h"

#define SBX_MAX_GROUP 1024 /* processes */
#define XA_LEVELS     6	   /* of 64 each: more than pids have bits */

/* Of whom one asks whether they are all in a cgroup. */
struct crowd {
	__u64 node; /* the next one */
	__u64 cgroup;
	__u32 type;
	__u32 outsider;
};

static long crowd_one(__u32 i, struct crowd *c)
{
	__u64 node = c->node;

	if (!node)
		return 1;
	if (!task_in(pid_task(node, c->type), c->cgroup) ||
	    bpf_probe_read_kernel(&c->node, 8, (void *)node)) {
		c->outsider = 1;
		return 1;
	}
	return 0;
}

/* Is nobody of that struct pid outside the sandbox in slot `no`? */
SBX_GLOBAL int crowd_in(__u64 pid, __u32 type, __u32 no)
{
	struct crowd c = {.type = type & 3, .cgroup = sbx_slot_get(no)->cgroup_id};

	c.node = pid_first(pid, c.type);
	if (!c.node && c.type == PIDTYPE_PGID)
		return false; /* fail closed: its number may become a group again */
	bpf_loop(SBX_MAX_GROUP, crowd_one, &c, 0);
	return !c.node && !c.outsider;
}

/* The same of one task. */
SBX_GLOBAL int task_within(__u64 task, __u32 no)
{
	return task_in(task, sbx_slot_get(no)->cgroup_id);
}

/* Are all of them members, as the current task sees it? */
static __noinline bool all_members(__u64 pid, __u32 type)
{
	struct sbx_label *l = sbx_subject();
	int i;

	if (!l || l->flags & SBX_LABEL_OVERFLOW)
		return false; /* fail closed */
	for (i = 0; i < SBX_MAX_NEST; i++)
		if (sbx_alive(l->id[i]) && !crowd_in(pid, type, SBX_SLOT_OF(l->id[i])))
			return false;
	return true;
}

/* May the current task have that file, a userfaultfd? It fills the memory of whoever made it. */
static __noinline __maybe_unused int check_faults(struct sbx_label *l, __u64 file)
{
	__u64 ctx = 0, mm = 0, owner = 0;
	__u32 tgid = 0;
	int i;

	if (!l)
		return -EPERM; /* fail closed */
	/* what cannot be read is nobody's here: fail closed */
	bpf_probe_read_kernel(&ctx, 8,
			      (void *)(file + bpf_core_field_offset(struct file, private_data)));
	if (bpf_core_field_exists(struct userfaultfd_ctx, mm))
		bpf_probe_read_kernel(
			&mm, 8, (void *)(ctx + bpf_core_field_offset(struct userfaultfd_ctx, mm)));
	if (bpf_core_field_exists(struct mm_struct, owner))
		bpf_probe_read_kernel(
			&owner, 8, (void *)(mm + bpf_core_field_offset(struct mm_struct, owner)));
	bpf_probe_read_kernel(&tgid, 4,
			      (void *)(owner + bpf_core_field_offset(struct task_struct, tgid)));
	for (i = 0; i < SBX_MAX_NEST; i++)
		if (sbx_alive(l->id[i]) && !(owner && task_within(owner, SBX_SLOT_OF(l->id[i]))))
			return sbx_deny(l, SBX_OP_PTRACE, SBX_WHY_OUTSIDER, tgid, tgid);
	return 0;
}

static __always_inline __u64 own_pid(__u32 type)
{
	struct signal_struct *signal = bpf_get_current_task_btf()->signal;
	__u64 pid = 0;

	/* read, for a number: the verifier lets pointers into no function */
	bpf_probe_read_kernel(&pid, sizeof(pid), &signal->pids[type]);
	return pid;
}

/* Does the descriptor send its signals to somebody outside? */
static __always_inline bool sbx_foreign_owner(struct file *file)
{
	__u64 at = (__u64)file, pid = 0;
	__u32 type = 0;

	if (bpf_core_field_exists(struct file___owner_apart, f_owner)) {
		at += bpf_core_field_offset(struct file___owner_apart, f_owner);
		if (bpf_probe_read_kernel(&at, sizeof(at), (void *)at))
			return true; /* fail closed */
		if (!at)
			return false; /* never had one */
	} else {
		at += bpf_core_field_offset(struct file___owner_inside, f_owner);
	}
	if (bpf_probe_read_kernel(&pid, sizeof(pid),
				  (void *)(at + bpf_core_field_offset(struct fown_struct, pid))) ||
	    bpf_probe_read_kernel(
		    &type, sizeof(type),
		    (void *)(at + bpf_core_field_offset(struct fown_struct, pid_type))))
		return true; /* fail closed */
	if (!pid || (type != PIDTYPE_PGID && pid == own_pid(PIDTYPE_TGID)))
		return false; /* nobody, or the caller */
	return !all_members(pid, type);
}

/* The number of a struct pid in its innermost namespace, and that namespace. */
static __always_inline bool pid_number(__u64 pid, __u64 *ns, int *nr)
{
	__u32 level = 0;
	__u64 at;

	if (bpf_probe_read_kernel(&level, sizeof(level),
				  (void *)(pid + bpf_core_field_offset(struct pid, level))))
		return false;
	at = pid + bpf_core_field_offset(struct pid, numbers) +
	     (__u64)level * bpf_core_type_size(struct upid);
	return !bpf_probe_read_kernel(nr, sizeof(*nr), (void *)at) &&
	       !bpf_probe_read_kernel(ns, sizeof(*ns),
				      (void *)(at + bpf_core_field_offset(struct upid, ns)));
}

/* find_pid_ns(): the namespace's numbers are in an xarray, whose inner nodes are marked by 2. 0:
 * nobody has that number. */
static __always_inline __u64 find_pid(__u64 ns, __u32 nr)
{
	__u64 at = 0;
	__u8 shift = 0;
	int i;

	if (bpf_probe_read_kernel(
		    &at, sizeof(at),
		    (void *)(ns + bpf_core_field_offset(struct pid_namespace, idr.idr_rt.xa_head))))
		return 0;
	SBX_UNROLLED
	for (i = 0; i < XA_LEVELS; i++) {
		if ((at & 3) != 2)
			break;
		at -= 2;
		if (bpf_probe_read_kernel(
			    &shift, sizeof(shift),
			    (void *)(at + bpf_core_field_offset(struct xa_node, shift))) ||
		    nr >> (shift & 31) > 63 ||
		    bpf_probe_read_kernel(&at, sizeof(at),
					  (void *)(at +
						   bpf_core_field_offset(struct xa_node, slots) +
						   (nr >> (shift & 31)) * 8)))
			return 0;
		nr &= (1u << (shift & 31)) - 1;
	}
	return at & 3 ? 0 : at;
}

/*
 * May F_SETOWN name that number? The kernel looks it up once more: should another process have it
 * by then, it can be sent SIGURG, which does nothing by default, and arming asks again.
 */
static __always_inline bool sbx_may_own(int nr)
{
	int own = 0;
	__u64 pid, ns = 0;

	if (!nr)
		return true; /* nobody */
	if (nr < 0) {	     /* a group: its own */
		pid = own_pid(PIDTYPE_PGID);
		return pid_number(pid, &ns, &own) && own == -nr && all_members(pid, PIDTYPE_PGID);
	}
	pid = own_pid(PIDTYPE_TGID);
	if (!pid_number(pid, &ns, &own))
		return false; /* fail closed */
	if (own == nr)
		return true;
	pid = find_pid(ns, nr);
	return pid && all_members(pid, PIDTYPE_PID);
}

#endif
