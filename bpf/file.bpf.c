// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Open files: open, receive, map, execute, control. Read and write are decided here, once, at
 * open; what is open stays usable.
 */
#include "decide.h"
#include "object.h"
#include "owner.h"

/* vfat, exfat, ntfs and the like bring a comparison of names; what can fold case by directory has
 * an encoding. (That of /proc/sys hides names, and makes none equal.) */
static __always_inline __u32 folds_of(struct dentry *root)
{
	struct super_block *sb = root->d_sb;

	if (bpf_core_field_exists(sb->s_encoding) && sb->s_encoding)
		return SBX_FOLDS_SOME;
	return root->d_op && root->d_op->d_compare ? SBX_FOLDS_ALL : 0;
}

static __always_inline bool registering(void)
{
	__u32 zero = 0;
	struct sbx_registrar *r = bpf_map_lookup_elem(&sbx_registrar, &zero);

	return r && r->tgid;
}

static __always_inline bool is_mount_root(struct file *file, __u32 id)
{
	struct vfsmount *mnt = file->f_path.mnt;
	__u64 at = (__u64)mnt - bpf_core_field_offset(struct mount, mnt) +
		   bpf_core_field_offset(struct mount, mnt_id);
	__u32 is = 0;

	return file->f_path.dentry == mnt->mnt_root &&
	       !bpf_probe_read_kernel(&is, sizeof(is), (void *)at) && is == id;
}

/*
 * The loader names mounts: it asks (sbx_registrar) and opens the mount point; we note the object
 * by its in-kernel identity and fail the open, so that opening a device has no effect.
 */
static __noinline int register_anchor(struct file *file)
{
	struct dentry *d = file->f_path.dentry;
	struct super_block *sb = d->d_sb;
	struct sbx_anchor_key key = {.inode = (__u64)d->d_inode};
	struct sbx_config *cfg = sbx_config_get();
	struct task_struct *t = bpf_get_current_task_btf();
	struct sbx_registrar *r;
	struct sbx_sb *known, fresh = {};
	__u64 sbp = (__u64)sb;
	__u32 zero = 0;

	r = bpf_map_lookup_elem(&sbx_registrar, &zero);
	if (!r || !cfg || !r->tgid || r->tgid != (__u32)t->tgid ||
	    r->start != t->group_leader->start_boottime / SBX_START_TICK_NS ||
	    !is_mount_root(file, r->mount))
		return 0;
	known = bpf_map_lookup_elem(&sbx_sbs, &sbp);
	if (!known) {
		fresh.folds = folds_of(d);
		fresh.epoch = __sync_fetch_and_add(&cfg->next_epoch, 1) + 1;
		if (bpf_map_update_elem(&sbx_sbs, &sbp, &fresh, BPF_NOEXIST))
			return -ECANCELED; /* `done` stays: the loader sees that it failed */
		known = bpf_map_lookup_elem(&sbx_sbs, &sbp);
		if (!known)
			return -ECANCELED;
	}
	if (d != d->d_parent)
		__sync_fetch_and_or(&known->inner, inner_bit(key.inode));
	key.epoch = known->epoch;
	r->anchor.memo = 0;
	r->anchor.ino = d->d_inode->i_ino;
	r->anchor.igen = d->d_inode->i_generation;
	if (!bpf_map_update_elem(&sbx_anchors, &key, &r->anchor, BPF_ANY))
		r->done++;
	sbx_dirs_expire(cfg); /* afterwards: walks that begin now meet the new anchor */
	return -ECANCELED;
}

static __always_inline __u32 open_rights(struct file *file)
{
	__u32 rights = 0;

	if (file->f_flags & FMODE_EXEC)
		return SBX_EXEC;
	if (file->f_mode & FMODE_READ)
		rights |= SBX_READ;
	if ((file->f_mode & FMODE_WRITE) || (file->f_flags & O_TRUNC))
		rights |= SBX_WRITE;
	/* Access mode 3 is neither, and enough for ioctl: on a device, for nearly everything. The
	 * kernel asks for both permissions then, and so do we. */
	if (!rights && !(file->f_mode & FMODE_PATH))
		rights = SBX_READ | SBX_WRITE;
	return rights;
}

static __noinline int check_file_long(struct file *file, __u32 op, __u32 rights)
{
	struct dentry *d = file->f_path.dentry;
	struct super_block *sb = d->d_sb;
	struct sbx_label *l;

	if (sbx_nameless(sb)) {
		if (sb->s_magic == NSFS_MAGIC) {
			l = sbx_subject();
			if (!l)
				return -EACCES;
			return sbx_bound(l) && sbx_deny(l, SBX_OP_READ, SBX_WHY_NOT_IN_SANDBOX, -1,
							NSFS_MAGIC)
				       ? -EACCES
				       : 0;
		}
		return 0;
	}
	if (sbx_internal_mount(file->f_path.mnt))
		return 0;
	return sbx_check_long(d, d->d_inode, op, rights);
}

static __always_inline int check_file(struct file *file, __u32 op, __u32 rights)
{
	struct dentry *d = file->f_path.dentry;

	return quick_check(d, d->d_inode, rights) ? 0 : check_file_long(file, op, rights);
}

SEC("lsm/file_open")
int BPF_PROG(sbx_file_open, struct file *file)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct css_set *cset = t->cgroups;
	enum quick known;
	struct dentry *d;
	__u32 rights;

	if (!sbx_cgroup_marked(sbx_cset_cgroup(cset)))
		return 0;
	rights = open_rights(file);
	d = file->f_path.dentry;
	known = quick_allows(t, cset, d, file->f_inode->i_mode, rights, NULL);
	if (known == QUICK_YES ||
	    (known == QUICK_ABSENT && quick_derived(d, file->f_inode, rights)))
		return 0;
	if (registering() && register_anchor(file))
		return -ECANCELED;
	return sbx_verdict(check_file_long(file, SBX_OP_READ, rights));
}

/* Descriptors that arrive over a socket or by pidfd_getfd. */
SEC("lsm/file_receive")
int BPF_PROG(sbx_file_receive, struct file *file, int ret)
{
	if (ret || sbx_outside())
		return ret;
	if (sbx_is_ring(file))
		return sbx_verdict(sbx_forbid(SBX_OP_IO_URING, -1));
	if (sbx_is_userfaultfd(file))
		return sbx_verdict(check_faults(sbx_subject(), sbx_arg(ctx, 0)));
	return sbx_verdict(check_file(file, SBX_OP_READ, open_rights(file) & ~SBX_EXEC));
}

SEC("lsm/mmap_file")
int BPF_PROG(sbx_mmap_file, struct file *file, unsigned long reqprot, unsigned long prot,
	     unsigned long flags, int ret)
{
	if (ret || !(prot & PROT_EXEC) || sbx_outside())
		return ret;
	if (!sbx_arg(ctx, 0) || !file) /* the newest verifiers want to see the second */
		return 0;	       /* anonymous memory */
	return sbx_verdict(check_file(file, SBX_OP_MMAP_EXEC, SBX_EXEC));
}

/* --- ioctl --- */

#define _IOC_TYPE(c)	  ((c) >> 8 & 0xff)
#define TIOCCONS	  0x541d
#define TIOCSCTTY	  0x540e
#define TIOCVHANGUP	  0x5437
#define TIOCLINUX	  0x541c
#define TIOCSTI		  0x5412
#define TIOCSETD	  0x5423
#define KDSKBENT	  0x4b47
#define KDSKBSENT	  0x4b49
#define KDSKBDIACR	  0x4b4b
#define KDSETKEYCODE	  0x4b4d
#define KDSKBDIACRUC	  0x4bfb
#define FIOASYNC	  0x5452
#define FIOSETOWN	  0x8901
#define SIOCSPGRP	  0x8902
#define IOC_TYPE_BTRFS	  0x94
#define IOC_TYPE_XFS	  'X'
#define EXT4_IOC_MOVE_EXT 0xc028660f

enum ioctl_class {
	IOCTL_WRITE,  /* needs `write` on the file */
	IOCTL_FREE,   /* tells or sets what the descriptor's holder knows anyway */
	IOCTL_REFUSE, /* names a second object, or speaks in another's place */
};

/* For files and directories. Numbers from asm-generic/ioctls.h, linux/fs.h, linux/fiemap.h. */
static __always_inline enum ioctl_class file_ioctl_class(__u32 cmd)
{
	switch (cmd) {
	case 1:		 /* FIBMAP */
	case 2:		 /* FIGETBSZ */
	case 0x5401:	 /* TCGETS: isatty() */
	case 0x5413:	 /* TIOCGWINSZ */
	case 0x541b:	 /* FIONREAD */
	case 0x5421:	 /* FIONBIO */
	case 0x5450:	 /* FIONCLEX */
	case 0x5451:	 /* FIOCLEX */
	case 0x5452:	 /* FIOASYNC */
	case 0x5460:	 /* FIOQSIZE */
	case 0x80086601: /* FS_IOC_GETFLAGS */
	case 0x80046601: /* FS_IOC32_GETFLAGS */
	case 0x80087601: /* FS_IOC_GETVERSION */
	case 0x80047601: /* FS_IOC32_GETVERSION */
	case 0x801c581f: /* FS_IOC_FSGETXATTR */
	case 0x81009431: /* FS_IOC_GETFSLABEL */
	case 0xc020660b: /* FS_IOC_FIEMAP */
	case 0x40049409: /* FICLONE: both descriptors were judged when they were opened */
	case 0x4020940d: /* FICLONERANGE */
	case 0xc0189436: /* FIDEDUPERANGE */
		return IOCTL_FREE;
	case 0x401c5820: /* FS_IOC_FSSETXATTR */
		return IOCTL_WRITE;
	case EXT4_IOC_MOVE_EXT:
		return IOCTL_REFUSE;
	}
	return _IOC_TYPE(cmd) == IOC_TYPE_BTRFS || _IOC_TYPE(cmd) == IOC_TYPE_XFS ? IOCTL_REFUSE
										  : IOCTL_WRITE;
}

/* What types for whoever sits there: at once, or by what a console's keys will mean from now on. */
static __always_inline bool ioctl_types(__u32 cmd)
{
	return cmd == TIOCSTI || cmd == TIOCLINUX || cmd == TIOCSETD || cmd == TIOCCONS ||
	       cmd == KDSKBENT || cmd == KDSKBSENT || cmd == KDSKBDIACR || cmd == KDSETKEYCODE ||
	       cmd == KDSKBDIACRUC;
}

/* What those outside who sit at it would notice: CAP_SYS_ADMIN, if a policy gives it, ends their
 * use of the terminal, or with 1 as argument takes it for another session. (vhangup(2):
 * machine.bpf.c.) Nobody inside needs to hang up a pair of his own: its other end can be closed. */
static __noinline bool ioctl_takes_terminal(struct file *file, __u32 cmd, __u64 arg)
{
	struct tty_file_private *held = file->private_data;
	__u64 session;

	if (cmd != TIOCSCTTY || arg != 1)
		return cmd == TIOCVHANGUP;
	session = (__u64)BPF_CORE_READ(held, tty, ctrl.session);
	return session && session != own_pid(PIDTYPE_SID);
}

#define IOCTL_JUDGE 1 /* by the rules: `write` */

static __noinline int ioctl_fault(struct file *file, __u32 cmd, __u64 arg)
{
	struct inode *inode = file->f_inode;
	enum ioctl_class class;

	if (ioctl_types(cmd))
		return sbx_forbid(SBX_OP_TTY_INJECT, cmd);
	if (ioctl_takes_terminal(file, cmd, arg))
		return sbx_forbid(SBX_OP_TTY_TAKE, cmd);
	if (cmd == FIOSETOWN || cmd == SIOCSPGRP || (cmd == FIOASYNC && sbx_foreign_owner(file)))
		return sbx_forbid(SBX_OP_SIGNAL, cmd);
	if (!inode)
		return -EACCES; /* fail closed: never seen */
	if (!S_ISREG(inode->i_mode) && !S_ISDIR(inode->i_mode))
		return 0; /* devices, sockets, pipes: whoever may open them may use them */
	class = file_ioctl_class(cmd);
	if (class == IOCTL_FREE)
		return 0;
	if (class == IOCTL_REFUSE)
		return sbx_forbid(SBX_OP_IOCTL, cmd);
	return IOCTL_JUDGE;
}

static __always_inline int check_ioctl(struct file *file, __u32 cmd, __u64 arg)
{
	int ret = ioctl_fault(file, cmd, arg);

	return sbx_verdict(ret == IOCTL_JUDGE ? check_file(file, SBX_OP_IOCTL, SBX_WRITE) : ret);
}

SEC("lsm/file_ioctl")
int BPF_PROG(sbx_file_ioctl, struct file *file, unsigned int cmd, unsigned long arg, int ret)
{
	if (ret || sbx_outside())
		return ret;
	return check_ioctl(file, cmd, arg);
}

/* 32-bit programs: TIOCSTI through int80 would pass a denial in file_ioctl. */
SEC("lsm/file_ioctl_compat")
int BPF_PROG(sbx_file_ioctl_compat, struct file *file, unsigned int cmd, unsigned long arg, int ret)
{
	if (ret || sbx_outside())
		return ret;
	return check_ioctl(file, cmd, arg);
}
