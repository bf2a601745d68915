// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Directories that get another place, or go: what cache.h keeps expires.
 *
 * Everybody on the machine pays for this, so it does as little as it can. __d_move runs under
 * rename_lock, with preemption off: no move is missed because the program runs already. File moves
 * are left out on purpose: entries speak of directories, and a file's own name is read every time.
 */
#include "common.h"

static __always_inline bool is_dir(struct dentry *d)
{
	return S_ISDIR(inode_mode(d->d_inode));
}

/* An exchange moves both. */
SEC("fexit/__d_move")
int BPF_PROG(sbx_moved, struct dentry *dentry, struct dentry *target)
{
	if (is_dir(dentry) || is_dir(target))
		sbx_dirs_expire(sbx_config_get());
	return 0;
}

/*
 * The memory of a directory's inode is about to be used for another. Number and generation do not
 * always tell them apart: ext4's generation can be set by whoever owns the directory, overlayfs has
 * none, and snapshots of btrfs share both with what they were taken of, in one super block. On
 * those two even a directory that lives on is forgotten with its inode; tmpfs never uses a number
 * twice. A hook of the LSM, because a traced function's program is skipped where it has been
 * preempted.
 */
SEC("lsm/inode_free_security")
int BPF_PROG(sbx_inode_freed, struct inode *inode)
{
	__u64 magic;

	if (!S_ISDIR(inode->i_mode))
		return 0;
	magic = inode->i_sb->s_magic;
	if (magic == OVERLAYFS_SUPER_MAGIC || magic == BTRFS_SUPER_MAGIC ||
	    (!inode->i_nlink && magic != TMPFS_MAGIC))
		sbx_dirs_expire(sbx_config_get());
	return 0;
}
