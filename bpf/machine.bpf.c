// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * The machine (design 1.6): what no policy opens. The hooks of each system call differ in their
 * arguments between kernels; those that only ask who is calling read none of them. (An earlier
 * program that denied ends the chain, so that not looking at its verdict loses nothing.)
 */
#include "decide.h"
#include "object.h"

#define SBX_FORBID_HOOK(hook, op)                                           \
	SEC("lsm/" #hook)                                                   \
	int BPF_PROG(sbx_##hook)                                            \
	{                                                                   \
		return sbx_outside() ? 0 : sbx_verdict(sbx_forbid(op, -1)); \
	}

SBX_FORBID_HOOK(sb_mount, SBX_OP_MOUNT)
SBX_FORBID_HOOK(sb_kern_mount, SBX_OP_MOUNT) /* fsconfig(2) */
SBX_FORBID_HOOK(sb_umount, SBX_OP_MOUNT)
SBX_FORBID_HOOK(sb_remount, SBX_OP_MOUNT)
SBX_FORBID_HOOK(sb_pivotroot, SBX_OP_MOUNT)
SBX_FORBID_HOOK(move_mount, SBX_OP_MOUNT)
SBX_FORBID_HOOK(userns_create, SBX_OP_USERNS)
SBX_FORBID_HOOK(bpf, SBX_OP_BPF)
SBX_FORBID_HOOK(perf_event_open, SBX_OP_PERF)
SBX_FORBID_HOOK(syslog, SBX_OP_SYSLOG)
SBX_FORBID_HOOK(quotactl, SBX_OP_QUOTA)
SBX_FORBID_HOOK(uring_sqpoll, SBX_OP_IO_URING) /* its thread acts outside every task's label */
SBX_FORBID_HOOK(uring_override_creds, SBX_OP_IO_URING)
SBX_FORBID_HOOK(uring_cmd, SBX_OP_IO_URING)

/* A module that is asked for by socket() or mount() and not there is nothing to report. */
SEC("lsm/kernel_module_request")
int BPF_PROG(sbx_module_request)
{
	struct sbx_label *l;

	if (sbx_outside())
		return 0;
	l = sbx_subject();
	if (!l)
		return -EPERM; /* fail closed */
	return sbx_verdict(sbx_bound(l) ? sbx_deny_quietly(l) : 0);
}

/* --- capabilities: only those that every sandbox lists --- */

#define CAP_OPT_NOAUDIT	   0x2
#define CAP_SYS_MODULE	   16
#define CAP_SYS_ADMIN	   21
#define CAP_SYS_TIME	   25
#define CAP_SYS_TTY_CONFIG 26
#define NR_X32		   0x40000000

/*
 * System calls that have no hook of their own, and that nothing opens inside. All ask for
 * cap_sys_admin, but vhangup for cap_sys_tty_config. Numbers from 424 on are the same for 64 and
 * 32 bits; the others are told by either, since a 64-bit program can make 32-bit calls: in the
 * other table they mean calls that never ask for these. 0: no such call.
 */
static __always_inline __u32 forbidden_call(void)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());

	switch (regs->orig_ax & ~(__u64)NR_X32) {
	case 428: /* open_tree */
	case 432: /* fsmount */
	case 442: /* mount_setattr */
	case 467: /* open_tree_attr */
		return SBX_OP_MOUNT;
	case 440: /* process_madvise: whom ptrace_access_check denied, since 6.16 (mm_access) */
		return SBX_OP_PTRACE;
	case 308:
	case 346: /* setns */
		return SBX_OP_SETNS;
	case 167:
	case 168:
	case 87:
	case 115: /* swapon, swapoff */
		return SBX_OP_SWAP;
	case 153:
	case 111: /* vhangup: the terminal that the sandbox was given is others' as well */
		return SBX_OP_TTY_TAKE;
	}
	return 0;
}

/*
 * Capabilities that no policy opens, by what they are for: modules, kernels and their files, and
 * the clock have hooks of their own, but only for who has these. (Firmware is read in the name of
 * the kernel, when a device is used that the policy opens; that file's name is judged.)
 */
static __always_inline __u32 forbidden_capability(int cap)
{
	switch (cap) {
	case CAP_SYS_MODULE:
		return SBX_OP_MODULE;
	case CAP_SYS_TIME:
		return SBX_OP_SETTIME;
	}
	return SBX_CAPS_NEVER >> (cap & 63) & 1 ? SBX_OP_CAPABILITY : 0;
}

/* What no policy opens: denied in every enforcing sandbox, and said so. */
static __noinline int never_capable(struct sbx_label *l, __u32 op, __u32 cap, bool quietly)
{
	if (quietly || op == SBX_OP_PTRACE) /* the kernel asked ptrace_access_check first */
		return sbx_deny_quietly(l);
	if (op != SBX_OP_CAPABILITY)
		cap = -1;
	return sbx_deny(l, op, SBX_WHY_NOT_IN_SANDBOX, cap, cap);
}

static long capable_one(__u32 i, struct ask *a)
{
	__u64 id = a->l->id[SBX_EACH(i)];
	__u32 zero = 0, no = SBX_SLOT_OF(id);
	struct sbx_chunk *hdr;
	void *image;

	if (!sbx_alive(id))
		return 0;
	image = bpf_map_lookup_elem(&sbx_images, &no);
	hdr = image ? bpf_map_lookup_elem(image, &zero) : NULL;
	if (hdr && (hdr->hdr.caps >> (a->detail & 63) & 1))
		return 0;
	if (a->both) /* the kernel asks on its own account */
		a->denied = sbx_mode_of(id) != SBX_MODE_AUDIT;
	else
		a->denied = sbx_report_plain(id, SBX_OP_CAPABILITY, SBX_WHY_POLICY, a->detail,
					     a->detail) != SBX_MODE_AUDIT;
	return a->denied;
}

/*
 * We come after the kernel's own check: these credentials do have the capability. Where they are
 * not the task's own, overlayfs uses what its mounter could do.
 */
SEC("lsm/capable")
int BPF_PROG(sbx_capable, const struct cred *cred, void *ns, int cap, unsigned int opts, int ret)
{
	const struct cred *own = bpf_get_current_task_btf()->cred;
	struct ask a = {.detail = cap, .both = opts & CAP_OPT_NOAUDIT};
	__u32 never = forbidden_capability(cap);

	if (ret || sbx_outside() || (cred == own && sbx_kernel_at_work()))
		return ret;
	a.l = sbx_subject();
	if (!a.l)
		return -EPERM; /* fail closed */
	if (!sbx_bound(a.l))
		return 0;
	if (cap == CAP_SYS_ADMIN || cap == CAP_SYS_TTY_CONFIG)
		never = forbidden_call();
	if (never)
		return sbx_verdict(never_capable(a.l, never, cap, a.both));
	bpf_loop(SBX_MAX_NEST, capable_one, &a, 0);
	return sbx_verdict(a.denied || (a.l->flags & SBX_LABEL_OVERFLOW) ? -EPERM : 0);
}

/* --- file systems that go --- */

/* The next super block at this address is another file system: forget the name of this one. Its
 * anchors carry the epoch, which never comes back; the loader sweeps them. */
SEC("lsm/sb_delete")
int BPF_PROG(sbx_sb_delete, struct super_block *sb)
{
	__u64 key = (__u64)sb;

	bpf_map_delete_elem(&sbx_sbs, &key);
	sbx_dirs_expire(sbx_config_get());
	return 0;
}
