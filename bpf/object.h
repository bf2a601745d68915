/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* What kind of object is it: has it a name at all, and through which dentry is it found? */
#ifndef SBX_BPF_OBJECT_H
#define SBX_BPF_OBJECT_H

#include "common.h"

/*
 * Pipes, sockets, memfd, anonymous inodes: on file systems that nobody can mount. They have no name
 * and are allowed; execve of them is judged elsewhere, nsfs is not let through. That the kernel
 * mounted a file system first says nothing: debugfs, tracefs, securityfs and configfs are shared
 * with whoever mounts them later. hugetlbfs alone keeps one apart without saying so, and nsfs can
 * be bind-mounted.
 */
static __always_inline bool sbx_nameless(struct super_block *sb)
{
	return sb->s_flags & SB_NOUSER || sb->s_magic == NSFS_MAGIC ||
	       (sb->s_flags & SB_KERNMOUNT && sb->s_magic == HUGETLBFS_MAGIC);
}

/* All anonymous inodes are one; the kernel names the dentries: with up to 15 bytes here. */
static __always_inline bool anonymous_named(struct file *file, __u64 head, __u64 tail)
{
	struct dentry *d = file->f_path.dentry;
	__u64 name[2] = {};

	return d->d_sb->s_magic == ANON_INODE_FS_MAGIC &&
	       bpf_probe_read_kernel_str(name, sizeof(name), d->d_name.name) > 0 &&
	       name[0] == head && name[1] == tail;
}

/* A ring of io_uring: other rings can put files into it, past file_receive, and its maker's polling
 * thread works for whoever fills it. */
static __always_inline bool sbx_is_ring(struct file *file)
{
	return anonymous_named(file, 0x6e6972755f6f695bull, 0x5d67); /* "[io_uring]" */
}

static __always_inline bool sbx_is_userfaultfd(struct file *file)
{
	return anonymous_named(file, 0x756166726573755bull, 0x5d6466746cull); /* "[userfaultfd]" */
}

/* A mount that a stacking file system made for its own use (MNT_NS_INTERNAL is ERR_PTR(-EINVAL)):
 * what it opens there was judged at the upper file already. mq_open(3) goes through one, too, but
 * for a file that the caller named. */
static __always_inline bool sbx_internal_mount(struct vfsmount *mnt)
{
	__u64 ns = 0;
	__u64 at = (__u64)mnt - bpf_core_field_offset(struct mount, mnt) +
		   bpf_core_field_offset(struct mount, mnt_ns);

	return !bpf_probe_read_kernel(&ns, sizeof(ns), (void *)at) && ns == (__u64)-EINVAL &&
	       mnt->mnt_sb->s_magic != MQUEUE_MAGIC;
}

static __always_inline __u64 sbx_caps(const struct cred *cred, __u64 offset)
{
	__u64 caps = 0;

	bpf_probe_read_kernel(&caps, sizeof(caps), (char *)cred + offset);
	return caps;
}

/*
 * Credentials that the kernel has put over the task's own for a while: it is at work on its own
 * account. overlayfs changes its layers with those of whoever mounted it, or with a copy made for
 * this one creation, so that the pointer says nothing; the act itself was judged at the overlay. A
 * task cannot bring this about: io_uring's personalities are forbidden (machine.bpf.c), access(2)
 * changes nothing. But io_uring's workers put on what the submitter wears, which may have changed
 * since they were made: with them it must be more than they could ever get at themselves.
 */
static __always_inline bool sbx_kernel_at_work(void)
{
	struct task_struct *t = bpf_get_current_task_btf();

	if (t->cred == t->real_cred)
		return false;
	if (!(t->flags & PF_IO_WORKER))
		return true;
	return sbx_caps(t->cred, bpf_core_field_offset(struct cred, cap_effective)) &
	       ~sbx_caps(t->real_cred, bpf_core_field_offset(struct cred, cap_permitted));
}

#endif
