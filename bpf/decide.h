/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * From what the sandboxes say to a verdict: all sandboxes that bind the task must agree; the
 * innermost denial is reported. In audit mode the denial is reported and nothing is denied.
 */
#ifndef SBX_BPF_DECIDE_H
#define SBX_BPF_DECIDE_H

#include "report.h"

/* Opens are tried for several rights at once: name the one that was missing. */
static __always_inline __u32 op_of(__u32 op, __u32 denied)
{
	if (op != SBX_OP_READ)
		return op;
	if (denied & SBX_EXEC)
		return SBX_OP_EXEC;
	return denied & SBX_WRITE ? SBX_OP_WRITE : SBX_OP_READ;
}

/* A ninth sandbox (or a label that could not be computed): denied, whatever the policies say. */
SBX_GLOBAL int sbx_overflow(struct sbx_label *l)
{
	int i;

	if (!l)
		return -EACCES;
	for (i = SBX_MAX_NEST - 1; i >= 0; i--)
		if (sbx_alive(l->id[i])) {
			sbx_report_plain(l->id[i], SBX_OP_LABEL, SBX_WHY_NESTING, -1, 0);
			break;
		}
	return -EACCES;
}

/*
 * A question to all sandboxes of a label, innermost first: a callback looks at one and returns 1
 * when it denies. Reports come from inside the callback.
 */
struct ask {
	struct sbx_scratch *sc;
	struct sbx_label *l;
	__u64 object;
	__u32 op;
	__u32 rights;
	__u32 why;
	__s32 detail;
	__u32 dir, both;
	__u32 denied;
};

#define SBX_EACH(i) ((SBX_MAX_NEST - 1 - (i)) & (SBX_MAX_NEST - 1))

static long decide_one(__u32 i, struct ask *a)
{
	__u32 n = SBX_EACH(i), missing, mode;
	struct sbx_found *f = &a->sc->found[n];
	__u64 id = a->l->id[n];

	if (!sbx_alive(id))
		return 0;
	missing = f->why == SBX_WHY_POLICY ? a->rights & ~f->rights : a->rights;
	if (!missing)
		return 0;
	mode = sbx_mode_of(id);
	sbx_report_path(id, op_of(a->op, missing), f->why, mode,
			f->why == SBX_WHY_POLICY && !(missing & ~f->quiet));
	a->denied = mode != SBX_MODE_AUDIT;
	return a->denied;
}

/* The verdict on the object that sbx_resolve() has put into sc. */
SBX_GLOBAL int sbx_decide(struct sbx_scratch *sc, struct sbx_label *l, __u32 op, __u32 rights)
{
	struct ask a = {.sc = sc, .l = l, .op = op, .rights = rights};

	if (!sc || !l)
		return -EACCES; /* fail closed */
	if (l->flags & SBX_LABEL_OVERFLOW)
		return sbx_overflow(l);
	if (sbx_sole(l))
		decide_one(SBX_EACH(0), &a);
	else
		bpf_loop(SBX_MAX_NEST, decide_one, &a, 0);
	return a.denied ? -EACCES : 0;
}

/* What sbx_decide() would say most of the time: a grant by the only sandbox. */
static __always_inline bool granted(struct sbx_scratch *sc, struct sbx_label *l, __u32 rights)
{
	struct sbx_found *f = &sc->found[0];

	return sbx_sole(l) && !(l->flags & SBX_LABEL_OVERFLOW) && f->why == SBX_WHY_POLICY &&
	       !(rights & ~f->rights);
}

/* One object, one question, the long way. */
static __always_inline int sbx_check_long(struct dentry *d, struct inode *inode, __u32 op,
					  __u32 rights)
{
	struct sbx_label *l = sbx_subject();
	struct sbx_scratch *sc;

	if (!l)
		return -EACCES; /* fail closed: no label, no verdict */
	if (!sbx_bound(l))
		return 0;
	sc = sbx_scratch_get();
	if (!sc)
		return -EACCES; /* fail closed */
	sbx_resolve(sc, l, d, inode, false);
	return granted(sc, l, rights) ? 0 : sbx_decide(sc, l, op, rights);
}

/* The form of most hooks. */
static __always_inline int sbx_check(struct dentry *d, struct inode *inode, __u32 op, __u32 rights)
{
	return quick_check(d, inode, rights) ? 0 : sbx_check_long(d, inode, op, rights);
}

static long deny_one(__u32 i, struct ask *a)
{
	__u64 id = a->l->id[SBX_EACH(i)];

	if (!sbx_alive(id))
		return 0;
	a->denied = sbx_report_plain(id, a->op, a->why, a->detail, a->object) != SBX_MODE_AUDIT;
	return a->denied;
}

/*
 * Operations that no path governs ("mounting"): denied with `why` in every enforcing sandbox.
 * detail and `object` tell repeats apart.
 */
SBX_GLOBAL int sbx_deny(struct sbx_label *l, __u32 op, __u32 why, __s32 detail, __u64 object)
{
	struct ask a = {.l = l, .op = op, .why = why, .detail = detail, .object = object};

	if (!l)
		return -EPERM; /* fail closed */
	bpf_loop(SBX_MAX_NEST, deny_one, &a, 0);
	return a.denied || (l->flags & SBX_LABEL_OVERFLOW) ? -EPERM : 0;
}

/* The same without a report: for checks that the kernel itself makes silently (NOAUDIT). */
SBX_GLOBAL int sbx_deny_quietly(struct sbx_label *l)
{
	int i;

	if (!l)
		return -EPERM; /* fail closed */
	for (i = 0; i < SBX_MAX_NEST; i++)
		if (sbx_alive(l->id[i]) && sbx_mode_of(l->id[i]) != SBX_MODE_AUDIT)
			return -EPERM;
	return l->flags & SBX_LABEL_OVERFLOW ? -EPERM : 0;
}

/* For hooks of one line: nothing to look at but who asks. */
static __always_inline int sbx_forbid(__u32 op, __s32 detail)
{
	struct sbx_label *l = sbx_subject();

	if (!l)
		return -EPERM; /* fail closed */
	if (!sbx_bound(l))
		return 0;
	return sbx_deny(l, op, SBX_WHY_NOT_IN_SANDBOX, detail, (__u64)(__u32)detail);
}

#endif
