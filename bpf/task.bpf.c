// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Towards other processes (design 1.6): inside one sandbox everything works, nothing reaches out.
 */
#include "decide.h"
#include "owner.h"

#define PTRACE_MODE_NOAUDIT 0x04
#define F_SETFL		    4
#define F_SETOWN	    8
#define F_SETSIG	    10
#define F_SETOWN_EX	    15
#define F_SETLEASE	    1024
#define F_NOTIFY	    1026
#define FASYNC		    020000

/* May the current task act on that one? `quietly`: the kernel asks on its own account. */
static __always_inline int check_task(struct task_struct *target, __u32 op, bool quietly)
{
	struct task_struct *self = bpf_get_current_task_btf();
	struct sbx_label *l, *other;

	if (target->tgid == self->tgid)
		return 0;
	l = sbx_subject();
	if (!l)
		return -EPERM; /* fail closed */
	if (!sbx_bound(l))
		return 0;
	other = sbx_label_of(target);
	if (other && sbx_same_sandbox(l, other))
		return 0;
	if (quietly)
		return sbx_deny_quietly(l);
	return sbx_deny(l, op, SBX_WHY_OUTSIDER, target->tgid, (__u32)target->tgid);
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(sbx_ptrace_access, struct task_struct *child, unsigned int mode, int ret)
{
	if (ret || sbx_outside())
		return ret;
	return sbx_verdict(check_task(child, SBX_OP_PTRACE, mode & PTRACE_MODE_NOAUDIT));
}

/* The parent becomes the tracer: it must not be bound by more than the child is. */
SEC("lsm/ptrace_traceme")
int BPF_PROG(sbx_ptrace_traceme, struct task_struct *parent, int ret)
{
	__u32 self = bpf_get_current_task_btf()->tgid;
	struct sbx_label *tracer, *l;

	if (ret)
		return ret;
	/* A thread that has not acted since its process was moved in has no label yet. */
	if (sbx_cgroup_marked(sbx_task_cgroup(parent))) {
		tracer = sbx_label_of(parent);
		if (!tracer)
			return -EPERM; /* fail closed */
	} else {
		tracer = bpf_task_storage_get(&sbx_labels, parent, 0, 0);
	}
	if (!tracer || !sbx_bound(tracer))
		return 0;
	l = sbx_subject();
	if (!l)
		return -EPERM; /* fail closed */
	if (sbx_same_sandbox(tracer, l))
		return 0;
	return sbx_verdict(sbx_deny(tracer, SBX_OP_PTRACE, SBX_WHY_OUTSIDER, self, self));
}

/* With a cred the signal is sent in the name of whoever that belongs to: not the caller's act. */
SEC("lsm/task_kill")
int BPF_PROG(sbx_task_kill, struct task_struct *p, void *info, int sig, const struct cred *cred,
	     int ret)
{
	if (ret || sbx_outside())
		return ret;
	if (sbx_arg(ctx, 3))
		return 0;
	return sbx_verdict(check_task(p, SBX_OP_SIGNAL, false));
}

#define SBX_TASK_HOOK(hook, ...)                                                \
	SEC("lsm/" #hook)                                                       \
	int BPF_PROG(sbx_##hook, struct task_struct *p, ##__VA_ARGS__, int ret) \
	{                                                                       \
		if (ret || sbx_outside())                                       \
			return ret;                                             \
		return sbx_verdict(check_task(p, SBX_OP_TASK_CHANGE, false));   \
	}

/* prlimit(RLIMIT_CPU) kills */
SBX_TASK_HOOK(task_setrlimit, unsigned int resource, void *new_rlim)
SBX_TASK_HOOK(task_setnice, int nice)
SBX_TASK_HOOK(task_setioprio, int ioprio)
SBX_TASK_HOOK(task_setscheduler)
/* (Before memory is moved between nodes, the kernel asks ptrace_access_check.) */

/*
 * Who is sent a descriptor's signals (owner.h). F_SETOWN_EX names them in user memory, where it can
 * change after we looked: refused. Leases and F_NOTIFY arm as well: they make the caller the owner
 * only where there is none (__f_setown without force). (The ioctls that do the same: file.bpf.c.)
 */
static __noinline int check_fcntl(struct file *file, __u32 cmd, unsigned long arg)
{
	bool arms = cmd == F_SETSIG || cmd == F_SETLEASE || cmd == F_NOTIFY ||
		    (cmd == F_SETFL && arg & FASYNC);

	if ((cmd != F_SETOWN && cmd != F_SETOWN_EX && !arms) || sbx_outside())
		return 0;
	if (arms && !sbx_foreign_owner(file))
		return 0;
	if (cmd == F_SETOWN && sbx_may_own(arg))
		return 0;
	return sbx_forbid(SBX_OP_SIGNAL, cmd);
}

/* Everybody pays for this one most of the time for nothing: to close a descriptor on exec, or to
 * duplicate one. Those go by one comparison. */
_Static_assert(F_SETFL < F_SETOWN && F_SETFL < F_SETSIG && F_SETFL < F_SETOWN_EX &&
		       F_SETOWN_EX < F_NOTIFY && F_SETLEASE < F_NOTIFY,
	       "the first and the last that are looked at");

SEC("lsm/file_fcntl")
int BPF_PROG(sbx_file_fcntl, struct file *file, unsigned int cmd, unsigned long arg)
{
	if (cmd - F_SETFL > F_NOTIFY - F_SETFL)
		return 0;
	return sbx_verdict(check_fcntl(file, cmd, arg));
}
