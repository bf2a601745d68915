// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Everything that changes names or metadata without (or besides) an open file: creation, removal,
 * links, renames, modes, owners, times, extended attributes. All of it is `write`.
 *
 * A denied O_CREAT comes through path_mknod and so leaves nothing behind.
 */
#include "decide.h"
#include "object.h"

#define ATTR_ATIME	(1 << 4)
#define ATTR_MTIME	(1 << 5)
#define RENAME_EXCHANGE 2
#define RENAME_WHITEOUT 4

#define FSNOTIFY_OBJ_TYPE_INODE 0
/* FS_{OPEN,ACCESS,OPEN_EXEC}_PERM and, since 6.14, FS_PRE_ACCESS */
#define FS_PERM_EVENTS 0x170000

#define SBX_PATH_HOOK(hook, op, ...)                                                           \
	SEC("lsm/" #hook)                                                                      \
	int BPF_PROG(sbx_##hook, const struct path *dir, struct dentry *dentry, ##__VA_ARGS__) \
	{                                                                                      \
		if (ret || sbx_outside())                                                      \
			return ret;                                                            \
		return sbx_verdict(sbx_check(dentry, NULL, op, SBX_WRITE));                    \
	}

SBX_PATH_HOOK(path_unlink, SBX_OP_REMOVE, int ret)
SBX_PATH_HOOK(path_rmdir, SBX_OP_REMOVE, int ret)
SBX_PATH_HOOK(path_mkdir, SBX_OP_CREATE, unsigned short mode, int ret)

#define SBX_OBJECT_HOOK(hook, op, right, ...)                                 \
	SEC("lsm/" #hook)                                                     \
	int BPF_PROG(sbx_##hook, const struct path *path, ##__VA_ARGS__)      \
	{                                                                     \
		if (ret || sbx_outside())                                     \
			return ret;                                           \
		if (sbx_nameless(path->dentry->d_sb))                         \
			return 0;                                             \
		return sbx_verdict(sbx_check(path->dentry, NULL, op, right)); \
	}

SBX_OBJECT_HOOK(path_truncate, SBX_OP_TRUNCATE, SBX_WRITE, int ret)
SBX_OBJECT_HOOK(path_chmod, SBX_OP_CHMOD, SBX_WRITE, unsigned short mode, int ret)
SBX_OBJECT_HOOK(path_chown, SBX_OP_CHOWN, SBX_WRITE, __u64 uid, __u64 gid, int ret)

/* inotify and fanotify tell of every name and every act below. With capabilities, fanotify also
 * watches whole mounts and file systems, and lets a task hold up what others do. */
SEC("lsm/path_notify")
int BPF_PROG(sbx_path_notify, const struct path *path, __u64 mask, unsigned int obj_type, int ret)
{
	if (ret || sbx_outside())
		return ret;
	if (obj_type != FSNOTIFY_OBJ_TYPE_INODE || mask & FS_PERM_EVENTS)
		return sbx_verdict(sbx_forbid(SBX_OP_WATCH, -1));
	if (sbx_nameless(path->dentry->d_sb))
		return 0;
	return sbx_verdict(sbx_check(path->dentry, NULL, SBX_OP_READ, SBX_READ));
}

/* Since 6.2 ftruncate comes here; it needs a descriptor that was opened for writing, and was
 * judged then. An O_PATH descriptor cannot truncate. */

SEC("lsm/path_chroot")
int BPF_PROG(sbx_path_chroot, const struct path *path, int ret)
{
	if (ret || sbx_outside())
		return ret;
	return sbx_verdict(sbx_forbid(SBX_OP_CHROOT, -1));
}

/*
 * Dentry-only hooks also fire when overlayfs changes its own layers in the caller's name.
 */
static __always_inline int check_meta(struct dentry *d, __u32 op, __u32 right)
{
	if (sbx_nameless(d->d_sb) || sbx_kernel_at_work())
		return 0;
	return sbx_check(d, NULL, op, right);
}

/* Modes, owners and sizes have path hooks; times have only this one. Until 6.8 the dentry is the
 * first argument, from then on the second: the loader takes the one that fits. */
static __always_inline int check_times(struct dentry *d, struct iattr *attr)
{
	return attr->ia_valid & (ATTR_ATIME | ATTR_MTIME) ? check_meta(d, SBX_OP_UTIMES, SBX_WRITE)
							  : 0;
}

SEC("?lsm/inode_setattr")
int BPF_PROG(sbx_setattr__2, struct dentry *dentry, struct iattr *attr, int ret)
{
	if (ret || sbx_outside())
		return ret;
	return sbx_verdict(check_times(dentry, attr));
}

SEC("?lsm/inode_setattr")
int BPF_PROG(sbx_setattr__3, struct mnt_idmap *idmap, struct dentry *dentry, struct iattr *attr,
	     int ret)
{
	if (ret || sbx_outside())
		return ret;
	return sbx_verdict(check_times(dentry, attr));
}

#define SBX_META_HOOK(hook, op, right, ...)                        \
	SEC("lsm/" #hook)                                          \
	int BPF_PROG(sbx_##hook, ##__VA_ARGS__, int ret)           \
	{                                                          \
		if (ret || sbx_outside())                          \
			return ret;                                \
		return sbx_verdict(check_meta(dentry, op, right)); \
	}

/* Labels of other security modules and access lists: what `ls -l` shows beside mode and owner, and
 * as visible as those. */
static __always_inline bool shown_by_ls(const char *name)
{
	__u64 s = 0;

	bpf_probe_read_kernel(&s, sizeof(s), name); /* a buffer of the kernel's, 256 bytes long */
	return s == SBX_CHARS8('s', 'e', 'c', 'u', 'r', 'i', 't', 'y') ||
	       (s & ~0ull >> 8) == SBX_CHARS8('s', 'y', 's', 't', 'e', 'm', '.', 0);
}

SEC("lsm/inode_getxattr")
int BPF_PROG(sbx_inode_getxattr, struct dentry *dentry, const char *name, int ret)
{
	if (ret || sbx_outside() || shown_by_ls(name))
		return ret;
	return sbx_verdict(check_meta(dentry, SBX_OP_GETXATTR, SBX_READ));
}

SBX_META_HOOK(inode_listxattr, SBX_OP_GETXATTR, SBX_READ, struct dentry *dentry)
SBX_META_HOOK(inode_setxattr, SBX_OP_SETXATTR, SBX_WRITE, void *idmap, struct dentry *dentry,
	      const char *name, const void *value, unsigned long size, int flags)
SBX_META_HOOK(inode_removexattr, SBX_OP_SETXATTR, SBX_WRITE, void *idmap, struct dentry *dentry,
	      const char *name)
SBX_META_HOOK(inode_set_acl, SBX_OP_SETXATTR, SBX_WRITE, void *idmap, struct dentry *dentry,
	      const char *name, void *acl)
SBX_META_HOOK(inode_remove_acl, SBX_OP_SETXATTR, SBX_WRITE, void *idmap, struct dentry *dentry,
	      const char *name)

/* FS_IOC_SETFLAGS and file_setattr(2), by whichever way */
SBX_META_HOOK(inode_file_setattr, SBX_OP_CHMOD, SBX_WRITE, struct dentry *dentry, void *fattr)

/* --- links and renames widen nothing and hollow out no denial (design 1.3) --- */

static __always_inline void keep_other(struct sbx_scratch *sc)
{
	int i;

	for (i = 0; i < SBX_MAX_NEST; i++)
		sc->other[i] = sc->found[i];
}

/* What is moved is a directory or a symlink: its kind is the type in its mode, which the verifier
 * need not follow value by value. */
#define KIND_OF(mode) ((mode) >> 12 & 0xf)
#define IS_DIR	      KIND_OF(S_IFDIR)
#define IS_LINK	      KIND_OF(S_IFLNK)
#define OTHER	      4 /* the bits of what moves the other way */

/* What is wrong with giving the object known as `from`, which is of that kind, the name that is
 * judged in `to`. */
static __always_inline __u32 move_fault(struct sbx_found *from, struct sbx_found *to, __u32 kind)
{
	if (from->why != SBX_WHY_POLICY)
		return from->why;
	if (to->why != SBX_WHY_POLICY)
		return to->why;
	kind &= 0xf;
	if (kind == IS_DIR) {
		if (from->cls == to->cls)
			return SBX_WHY_POLICY; /* the same future: nothing changes */
		if (to->any & ~from->all)
			return SBX_WHY_WIDENS;
		return from->all & to->all & SBX_WRITE ? SBX_WHY_POLICY : SBX_WHY_HOLLOWS;
	}
	if (to->rights & ~from->rights)
		return SBX_WHY_WIDENS;
	/* No file or symlink where the ancestor of a write-denied name would stand: where rules say
	 * something of what is below, other than of what is below any name beside it. That it stood
	 * in such a place before does not help: it was made outside, and meant for there alone. And
	 * no symlink by any name where all names stand above something write-denied. */
	if ((SBX_CLS_BELOW(to->cls) != SBX_CLS_BELOW(to->sibling) ||
	     (kind == IS_LINK && to->bars_links)) &&
	    !(to->all & SBX_WRITE))
		return SBX_WHY_HOLLOWS;
	return SBX_WHY_POLICY;
}

static long move_one(__u32 i, struct ask *a)
{
	__u32 n = SBX_EACH(i), why, mode;
	struct sbx_found *from = &a->sc->other[n], *to = &a->sc->found[n];
	__u64 id = a->l->id[n];

	if (!sbx_alive(id))
		return 0;
	why = move_fault(from, to, a->dir);
	if (why == SBX_WHY_POLICY && a->both)
		why = move_fault(to, from, a->dir >> OTHER);
	if (why == SBX_WHY_POLICY)
		return 0;
	mode = sbx_mode_of(id);
	sbx_report_path(id, a->op, why, mode, 0);
	a->denied = mode != SBX_MODE_AUDIT;
	return a->denied;
}

/* EXDEV, as Landlock does: tools then fall back to copying. */
SBX_GLOBAL int check_move(struct sbx_scratch *sc, struct sbx_label *l, __u32 op, __u32 kinds,
			  __u32 both)
{
	struct ask a = {.sc = sc, .l = l, .op = op, .dir = kinds, .both = both};

	if (!sc || !l)
		return -EACCES; /* fail closed */
	bpf_loop(SBX_MAX_NEST, move_one, &a, 0);
	return a.denied ? -EXDEV : 0;
}

/* The two names of a rename or a link, the old one first: sc->other, sc->found. */
struct naming {
	struct sbx_scratch *sc;
	struct sbx_label *l;
	struct dentry *from, *to;
	__u32 op_from, op_to; /* SBX_OPS: not judged by itself */
	__u32 kinds;	      /* KIND_OF; << OTHER: of what is at the new name */
	__u32 both;
	__u32 quick; /* nothing speaks against it: the second name has not been walked */
	int ret;
};

/* The walk of the first name has kept its directory, which most of the time is that of the second,
 * too. */
static __noinline bool quick_target(struct naming *n)
{
	struct sbx_found *from = &n->sc->other[0], to = {};

	return quick_find(n->to, SBX_WRITE, &to) == QUICK_YES &&
	       move_fault(from, &to, n->kinds) == SBX_WHY_POLICY &&
	       (!n->both || move_fault(&to, from, n->kinds >> OTHER) == SBX_WHY_POLICY);
}

static long name_one(__u32 i, struct naming *n)
{
	struct dentry *d = i ? n->to : n->from;
	__u32 op = i ? n->op_to : n->op_from;

	if (i && quick_target(n)) {
		n->quick = 1;
		return 1;
	}
	sbx_resolve(n->sc, n->l, d, NULL, true);
	if (op != SBX_OPS)
		n->ret = sbx_decide(n->sc, n->l, op, SBX_WRITE);
	if (!i)
		keep_other(n->sc);
	return n->ret != 0;
}

/* Moves that nothing speaks against. */
static __noinline bool quick_move(struct dentry *from, struct dentry *to, __u32 rights_from,
				  __u32 kinds, bool both)
{
	struct sbx_found a = {}, b = {};

	return quick_find(from, rights_from, &a) == QUICK_YES &&
	       quick_find(to, SBX_WRITE, &b) == QUICK_YES &&
	       move_fault(&a, &b, kinds) == SBX_WHY_POLICY &&
	       (!both || move_fault(&b, &a, kinds >> OTHER) == SBX_WHY_POLICY);
}

static __always_inline int check_names(struct naming *n)
{
	struct sbx_label *l;

	if (quick_move(n->from, n->to, n->op_from == SBX_OPS ? 0 : SBX_WRITE, n->kinds, n->both))
		return 0;
	l = sbx_subject();
	if (!l)
		return -EACCES; /* fail closed */
	if (!sbx_bound(l))
		return 0;
	n->l = l;
	n->sc = sbx_scratch_get();
	if (!n->sc)
		return -EACCES; /* fail closed */
	bpf_loop(2, name_one, n, 0);
	return n->ret || n->quick ? n->ret : check_move(n->sc, l, n->op_to, n->kinds, n->both);
}

SEC("lsm/path_rename")
int BPF_PROG(sbx_path_rename, const struct path *old_dir, struct dentry *old_dentry,
	     const struct path *new_dir, struct dentry *new_dentry, unsigned int flags, int ret)
{
	struct naming n = {.from = old_dentry,
			   .to = new_dentry,
			   .op_from = SBX_OP_RENAME_FROM,
			   .op_to = SBX_OP_RENAME_TO};
	struct inode *moved = old_dentry->d_inode;

	if (ret || sbx_outside())
		return ret;
	if (!moved)
		return -EACCES; /* fail closed: never seen */
	n.kinds = KIND_OF(moved->i_mode);
	if (flags & RENAME_EXCHANGE)
		n.kinds |= KIND_OF(inode_mode(new_dentry->d_inode)) << OTHER;
	/* a whiteout comes to stand under the old name, and is no directory */
	n.both = !!(flags & (RENAME_EXCHANGE | RENAME_WHITEOUT));
	return sbx_verdict(check_names(&n));
}

SEC("lsm/path_link")
int BPF_PROG(sbx_path_link, struct dentry *old_dentry, const struct path *new_dir,
	     struct dentry *new_dentry, int ret)
{
	struct naming n = {
		.from = old_dentry, .to = new_dentry, .op_from = SBX_OPS, .op_to = SBX_OP_LINK_TO};

	if (ret || sbx_outside())
		return ret;
	n.kinds = KIND_OF(inode_mode(old_dentry->d_inode));
	return sbx_verdict(check_names(&n));
}

/* A new non-directory must not stand where the ancestor of a write-denied name would be. */
static __noinline bool quick_new(struct dentry *dentry, __u32 kind)
{
	struct sbx_found at = {};
	enum quick known = quick_find(dentry, SBX_WRITE, &at);

	if (known == QUICK_ABSENT && cache_derive(dentry))
		known = quick_find(dentry, SBX_WRITE, &at);
	/* a new object has, under any name, what that name grants: only the place counts */
	return known == QUICK_YES && move_fault(&at, &at, kind) == SBX_WHY_POLICY;
}

static __noinline int check_new(struct dentry *dentry, __u32 kind)
{
	struct sbx_scratch *sc;
	struct sbx_label *l;
	int ret;

	if (quick_new(dentry, kind))
		return 0;
	l = sbx_subject();
	if (!l)
		return -EACCES; /* fail closed */
	if (!sbx_bound(l))
		return 0;
	sc = sbx_scratch_get();
	if (!sc)
		return -EACCES; /* fail closed */
	sbx_resolve(sc, l, dentry, NULL, true);
	ret = sbx_decide(sc, l, SBX_OP_CREATE, SBX_WRITE);
	if (ret)
		return sbx_verdict(ret);
	keep_other(sc);
	return check_move(sc, l, SBX_OP_CREATE, kind, false);
}

SEC("lsm/path_mknod")
int BPF_PROG(sbx_path_mknod, const struct path *dir, struct dentry *dentry, unsigned short mode,
	     unsigned int dev, int ret)
{
	if (ret || sbx_outside())
		return ret;
	return sbx_verdict(check_new(dentry, 0));
}

SEC("lsm/path_symlink")
int BPF_PROG(sbx_path_symlink, const struct path *dir, struct dentry *dentry, const char *old_name,
	     int ret)
{
	if (ret || sbx_outside())
		return ret;
	return sbx_verdict(check_new(dentry, IS_LINK));
}
