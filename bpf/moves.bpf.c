// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Directories that get another place: what cache.h keeps expires.
 *
 * Everybody on the machine pays for this, so it does as little as it can. __d_move runs under
 * rename_lock, with preemption off: no move is missed because the program runs already. File moves
 * are left out on purpose: entries speak of directories, and a file's own name is read every time.
 */
#include "common.h"

static __always_inline bool is_dir(struct dentry *d)
{
	struct inode *inode = d->d_inode;

	return inode && S_ISDIR(inode->i_mode);
}

/* An exchange moves both. */
SEC("fexit/__d_move")
int BPF_PROG(sbx_moved, struct dentry *dentry, struct dentry *target)
{
	if (is_dir(dentry) || is_dir(target))
		sbx_dirs_expire(sbx_config_get());
	return 0;
}

/* On overlayfs a new directory can have memory and number of one that was removed. */
SEC("fexit/vfs_rmdir")
int BPF_PROG(sbx_removed, void *idmap, struct inode *dir)
{
	if (dir->i_sb->s_magic == OVERLAYFS_SUPER_MAGIC)
		sbx_dirs_expire(sbx_config_get());
	return 0;
}
