/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* Constants of the kernel's ABI and small helpers that every hook needs. */
#ifndef SBX_BPF_COMMON_H
#define SBX_BPF_COMMON_H

#include "maps.h"

#define EPERM	     1
#define ENOMEM	     12
#define EACCES	     13
#define EXDEV	     18
#define EINVAL	     22
#define EAFNOSUPPORT 97
#define ECONNREFUSED 111
#define ECANCELED    125

#define S_IFMT	   0170000
#define S_IFDIR	   0040000
#define S_IFCHR	   0020000
#define S_IFREG	   0100000
#define S_IFLNK	   0120000
#define S_ISDIR(m) (((m)&S_IFMT) == S_IFDIR)
#define S_ISCHR(m) (((m)&S_IFMT) == S_IFCHR)
#define S_ISREG(m) (((m)&S_IFMT) == S_IFREG)

#define FMODE_READ   0x1
#define FMODE_WRITE  0x2
#define FMODE_PATH   0x4000
#define FMODE_EXEC   0x20 /* f_flags: __FMODE_EXEC, the open is part of execve */
#define O_TRUNC	     01000
#define PF_IO_WORKER 0x10
#define PROT_EXEC    0x4
#define LO_IFINDEX   1 /* in every network namespace */
#define VM_EXEC	     0x4

/* linux/fs.h: file systems that user space cannot mount */
#define SB_KERNMOUNT (1ul << 22)
#define SB_NOUSER    (1ul << 31)

#define S_CASEFOLD (1 << 15) /* i_flags */

#define PROC_SUPER_MAGIC      0x9fa0
#define NSFS_MAGIC	      0x6e736673
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#define EXT4_SUPER_MAGIC      0xef53
#define TMPFS_MAGIC	      0x01021994
#define BTRFS_SUPER_MAGIC     0x9123683e
#define XFS_SUPER_MAGIC	      0x58465342
#define F2FS_SUPER_MAGIC      0xf2f52010
#define HUGETLBFS_MAGIC	      0x958458f6
#define ANON_INODE_FS_MAGIC   0x09041934
#define BPF_FS_MAGIC	      0xcafe4a11
#define MQUEUE_MAGIC	      0x19800202 /* ipc/mqueue.c */

#define __maybe_unused __attribute__((unused))

/*
 * A function that the verifier looks at once, on its own, whoever calls it and with what: without
 * these the larger hooks exceed its limit of a million instructions. Arguments are numbers and
 * pointers to plain memory (which 6.1 does not take as keys or values of maps); NULL must be
 * expected. Weak, because every object file brings its own copy and the linker keeps one.
 */
#define SBX_GLOBAL __attribute__((weak, noinline))

/* Keeps clang from reasoning about a value, so that a mask stays where the verifier wants it. */
#define sbx_opaque(var) asm volatile("" : "+r"(var))

/* 6.1 accepts no loop whose end falls through to its head, and where clang puts what is its own
 * decision. */
#define SBX_UNROLLED _Pragma("clang loop unroll(full)")

/*
 * Argument n of a hook that the kernel may call with NULL. From 6.3 on the verifier takes pointer
 * arguments for trusted, that is: not NULL, and drops a comparison with NULL as dead code.
 */
static __always_inline __u64 sbx_arg(unsigned long long *ctx, int n)
{
	__u64 v = 0;

	bpf_probe_read_kernel(&v, sizeof(v), &ctx[n]);
	return v;
}

/*
 * Hooks that are passed often do not look at `ret`, what a program before them said: a denial ends
 * the chain (invoke_bpf_mod_ret() of the kernel's JIT for x86), nobody is called after it.
 */

/* What a hook returns: since 6.12 the verifier wants to see that it lies between -4095 and 0, and
 * does not follow values through calls. Anything else denies. */
static __always_inline int sbx_verdict(int ret)
{
	sbx_opaque(ret);
	if (ret > 0)
		ret = -EPERM;
	sbx_opaque(ret);
	if (ret < -4095)
		ret = -EPERM;
	sbx_opaque(ret);
	return ret;
}

/* Loads through a kernel pointer and from the stack must not become one instruction: clang merges
 * equal branches, these are not equal. */
#define sbx_loaded(var, nothing) asm volatile("%0 " nothing " 0" : "+r"(var))

/* x86 keeps loads and stores in order; so must clang. */
#define sbx_barrier() asm volatile("" ::: "memory")

/* The verifier lets a pointer be moved into a number, and calculated with only there. */
static __always_inline __u32 hash_of(__u64 pointer, __u64 salt, int bits)
{
	__u32 h;

	asm volatile("%0 = %1" : "=w"(h) : "w"((__u32)pointer));
	return ((h ^ (__u32)salt << 3) * 0x9e3779b1u) >> (32 - bits);
}

/* Most objects are no anchors: what need not be looked up. */
static __always_inline __u64 inner_bit(__u64 inode)
{
	return 1ull << hash_of(inode, 0, 6);
}

#define SBX_SHORT_NAME 32 /* names shorter than this lie in their dentry, on every kernel */

/*
 * The first eight bytes of a short name, as they lie in memory. Behind the end of a shorter one is
 * anything.
 */
static __always_inline __u64 name_head(struct dentry *d)
{
	struct dentry___array *old = (void *)d;

	if (bpf_core_field_exists(d->d_shortname))
		return *(__u64 *)((void *)d + bpf_core_field_offset(d->d_shortname));
	return *(__u64 *)((void *)d + bpf_core_field_offset(old->d_iname));
}

/* Where the name of a level lies. 0: nowhere. */
static __always_inline __u64 level_name(struct sbx_level *lv)
{
	__u64 name = 0;

	bpf_probe_read_kernel(
		&name, sizeof(name),
		(void *)(lv->dentry + bpf_core_field_offset(struct dentry, d_name.name)));
	return name;
}

/*
 * The mode of an inode, 0 if there is none. To the verifier of 6.4 and later a dentry whose fields
 * can be trusted has one: it does not guard the load, and hard-wires a comparison with NULL if what
 * follows in one case follows in that case alone. Where clang puts that is its own decision, so it
 * is put here: what follows the load follows in both.
 */
static __always_inline __u32 inode_mode(struct inode *inode)
{
	__u64 off = bpf_core_field_offset(struct inode, i_mode), mode = 0;

	asm volatile("if %1 == 0 goto +2\n"
		     "%1 += %2\n"
		     "%0 = *(u16 *)(%1 + 0)"
		     : "+&r"(mode), "+&r"(inode)
		     : "r"(off));
	return mode;
}

static __always_inline struct sbx_config *sbx_config_get(void)
{
	return (struct sbx_config *)sbx_config_words;
}

/* What is kept of directories (cache.h) counts no longer. 0: nothing is kept. */
static __always_inline void sbx_dirs_expire(struct sbx_config *cfg)
{
	if (cfg && cfg->dir_seq)
		__sync_fetch_and_add(&cfg->dir_seq, 1);
}

static __always_inline struct sbx_slot *sbx_slot_get(__u64 id)
{
	struct sbx_slot *slots = (struct sbx_slot *)sbx_slot_words;

	slots += SBX_SLOT_OF(id);
	sbx_opaque(slots); /* or clang calculates it anew for every field */
	return slots;
}

static __always_inline __u64 sbx_cset_cgroup(struct css_set *cset)
{
	return cset->dfl_cgrp->kn->id;
}

static __always_inline __u64 sbx_task_cgroup(struct task_struct *t)
{
	return sbx_cset_cgroup(t->cgroups);
}

#endif
