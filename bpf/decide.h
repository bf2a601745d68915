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

static __always_inline bool sbx_enforced(__u64 id, __u32 *mode)
{
	struct sbx_slot *slot = sbx_slot_get(id);

	*mode = slot ? slot->mode : SBX_MODE_ENFORCE;
	return *mode != SBX_MODE_AUDIT;
}

/* A ninth sandbox (or a label that could not be computed): denied, whatever the policies say. */
static __noinline __maybe_unused int sbx_overflow(struct sbx_scratch *sc, struct sbx_label *l)
{
	int i;

	if (!sc || !l)
		return -EACCES;
	for (i = SBX_MAX_NEST - 1; i >= 0; i--)
		if (sbx_alive(l->id[i])) {
			sbx_report_begin(sc, SBX_OP_LABEL, SBX_WHY_NESTING);
			sc->ev.mode = SBX_MODE_ENFORCE;
			sc->key.object = 0;
			report_commit(sc, l->id[i], false);
			break;
		}
	return -EACCES;
}

/* The verdict on the object that sbx_resolve() has put into sc. */
static __noinline __maybe_unused int sbx_decide(struct sbx_scratch *sc, struct sbx_label *l, __u32 op,
				 __u32 rights)
{
	__u32 denied, mode;
	int i;

	if (!sc || !l)
		return -EACCES; /* fail closed */
	if (l->flags & SBX_LABEL_OVERFLOW)
		return sbx_overflow(sc, l);
	for (i = SBX_MAX_NEST - 1; i >= 0; i--) {
		struct sbx_found *f = &sc->found[i];

		if (!sbx_alive(l->id[i]))
			continue;
		denied = f->why == SBX_WHY_POLICY ? rights & ~f->rights : rights;
		if (!denied)
			continue;
		sbx_report_begin(sc, op_of(op, denied), f->why);
		sbx_enforced(l->id[i], &mode);
		sbx_report_path(sc, l->id[i], mode,
				f->why == SBX_WHY_POLICY && !(denied & ~f->quiet));
		if (mode != SBX_MODE_AUDIT)
			return -EACCES;
	}
	return 0;
}

/* One object, one question: the form of most hooks. */
static __always_inline int sbx_check(struct dentry *d, struct inode *inode, __u32 op, __u32 rights)
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
	return sbx_decide(sc, l, op, rights);
}

/*
 * Operations that no path governs ("mounting"): denied with `why` in every enforcing sandbox.
 * detail and the object hash tell repeats apart.
 */
static __noinline __maybe_unused int sbx_deny(struct sbx_label *l, __u32 op, __u32 why, __s32 detail,
			       __u64 object)
{
	struct sbx_scratch *sc = sbx_scratch_get();
	__u32 mode;
	int i;

	if (!sc || !l)
		return -EPERM; /* fail closed */
	for (i = SBX_MAX_NEST - 1; i >= 0; i--) {
		if (!sbx_alive(l->id[i]))
			continue;
		sbx_enforced(l->id[i], &mode);
		sbx_report_begin(sc, op, why);
		sc->ev.mode = mode;
		sc->ev.detail = detail;
		sc->key.object = object;
		report_commit(sc, l->id[i], false);
		if (mode != SBX_MODE_AUDIT)
			return -EPERM;
	}
	return l->flags & SBX_LABEL_OVERFLOW ? -EPERM : 0;
}

/* The same without a report: for checks that the kernel itself makes silently (NOAUDIT). */
static __noinline __maybe_unused int sbx_deny_quietly(struct sbx_label *l)
{
	__u32 mode;
	int i;

	if (!l)
		return -EPERM;
	for (i = 0; i < SBX_MAX_NEST; i++)
		if (sbx_alive(l->id[i]) && sbx_enforced(l->id[i], &mode))
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
