/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* What kind of object is it: has it a name at all, and through which dentry is it found? */
#ifndef SBX_BPF_OBJECT_H
#define SBX_BPF_OBJECT_H

#include "common.h"

/* Pipes, sockets, memfd, anonymous inodes: on file systems that the kernel mounts for itself.
 * They have no name and are allowed; execve of them is judged elsewhere, nsfs is not let through.
 */
static __always_inline bool sbx_nameless(struct super_block *sb)
{
	return sb->s_flags & (SB_KERNMOUNT | SB_NOUSER);
}

/* A mount that a stacking file system made for its own use (MNT_NS_INTERNAL is ERR_PTR(-EINVAL)):
 * what it opens there was judged at the upper file already. */
static __always_inline bool sbx_internal_mount(struct vfsmount *mnt)
{
	__u64 ns = 0;
	__u64 at = (__u64)mnt - bpf_core_field_offset(struct mount, mnt) +
		   bpf_core_field_offset(struct mount, mnt_ns);

	return !bpf_probe_read_kernel(&ns, sizeof(ns), (void *)at) && ns == (__u64)-EINVAL;
}

/*
 * Credentials that the kernel has put over the task's own for a while: it is at work on its own
 * account. overlayfs changes its layers with those of whoever mounted it, or with a copy made for
 * this one creation, so that the pointer says nothing; the act itself was judged at the overlay. A
 * task cannot bring this about: io_uring's personalities are forbidden (machine.bpf.c), access(2)
 * changes nothing.
 */
static __always_inline bool sbx_kernel_at_work(void)
{
	struct task_struct *t = bpf_get_current_task_btf();

	return t->cred != t->real_cred;
}

#endif
