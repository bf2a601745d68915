// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Programs. The path of the binary, of the script, of its interpreter and of the ELF loader is
 * judged when the kernel opens them (file_open with __FMODE_EXEC, file.bpf.c). Here: what has no
 * path to judge, and privileges.
 */
#include "decide.h"
#include "object.h"

static long anonymous_one(__u32 i, struct ask *a)
{
	__u64 id = a->l->id[SBX_EACH(i)];
	__u32 zero = 0, no = SBX_SLOT_OF(id), mode;
	struct sbx_chunk *chunk;
	void *image;

	if (!sbx_alive(id))
		return 0;
	image = bpf_map_lookup_elem(&sbx_images, &no);
	chunk = image ? bpf_map_lookup_elem(image, &zero) : NULL;
	if (chunk && (chunk->hdr.flags & SBX_IMG_EXEC_ANON))
		return 0;
	mode = sbx_mode_of(id);
	sbx_report_path(id, SBX_OP_EXEC, SBX_WHY_ANONYMOUS_EXEC, mode, 0);
	a->denied = mode != SBX_MODE_AUDIT;
	return a->denied;
}

/* memfd and unlinked programs: nobody can say where they came from. */
static __noinline int anonymous_exec(struct sbx_label *l, struct file *file)
{
	struct sbx_scratch *sc = sbx_scratch_get();
	struct ask a = {.sc = sc, .l = l};

	if (!sc || !l)
		return -EACCES;	       /* fail closed */
	walk(file->f_path.dentry, sc); /* for the report */
	bpf_loop(SBX_MAX_NEST, anonymous_one, &a, 0);
	return a.denied ? -EACCES : 0;
}

SEC("lsm/bprm_check_security")
int BPF_PROG(sbx_bprm_check, struct linux_binprm *bprm, int ret)
{
	struct file *file = bprm->file;
	struct dentry *d = file->f_path.dentry;
	struct sbx_label *l;

	if (ret || sbx_outside())
		return ret;
	l = sbx_subject();
	if (!l)
		return -EACCES; /* fail closed */
	if (!sbx_bound(l))
		return 0;
	if (sbx_nameless(d->d_sb) || !d->d_inode->i_nlink) {
		ret = anonymous_exec(l, file);
		if (ret || sbx_nameless(d->d_sb))
			return sbx_verdict(ret);
	}
	return sbx_verdict(sbx_check(d, d->d_inode, SBX_OP_EXEC, SBX_EXEC));
}

static __always_inline __u64 permitted(const struct cred *cred)
{
	return sbx_caps(cred, bpf_core_field_offset(struct cred, cap_permitted));
}

static long privileged_one(__u32 i, struct ask *a)
{
	__u64 id = a->l->id[SBX_EACH(i)];
	__u32 mode;

	if (!sbx_alive(id))
		return 0;
	mode = sbx_mode_of(id);
	sbx_report_path(id, SBX_OP_PRIVILEGED_EXEC, SBX_WHY_PRIVILEGE, mode, 0);
	a->denied = mode != SBX_MODE_AUDIT;
	return a->denied;
}

static __noinline int privileged_exec(struct file *file)
{
	struct ask a = {.sc = sbx_scratch_get(), .l = sbx_subject()};

	if (!a.l || !a.sc)
		return -EPERM; /* fail closed */
	if (!sbx_bound(a.l))
		return 0;
	walk(file->f_path.dentry, a.sc); /* for the report */
	bpf_loop(SBX_MAX_NEST, privileged_one, &a, 0);
	return a.denied || (a.l->flags & SBX_LABEL_OVERFLOW) ? -EPERM : 0;
}

#define S_ISUID		 04000
#define PFA_NO_NEW_PRIVS 0 /* linux/sched.h: a bit of atomic_flags */

/* With no_new_privs the kernel lets the program run without what its mode promises. */
static __always_inline bool gains_nothing(struct task_struct *t, struct inode *inode)
{
	return t->atomic_flags & 1ul << PFA_NO_NEW_PRIVS && inode->i_mode & S_ISUID &&
	       inode->i_uid.val != t->cred->euid.val;
}

/*
 * Set-user-ID, set-group-ID and file capabilities gain nothing. `run` sets no_new_privs: the
 * program runs and will fail in its own words, and ours say why. Under `attach` it cannot be set,
 * so the exec is refused when the credentials would grow.
 */
SEC("lsm/bprm_creds_from_file")
int BPF_PROG(sbx_bprm_creds, struct linux_binprm *bprm, struct file *file, int ret)
{
	struct task_struct *t = bpf_get_current_task_btf();
	const struct cred *old = t->cred, *grown = bprm->cred;

	if (ret || sbx_outside())
		return ret;
	if (grown->euid.val != old->euid.val || grown->egid.val != old->egid.val ||
	    permitted(grown) & ~permitted(old))
		return sbx_verdict(privileged_exec(file));
	if (gains_nothing(t, file->f_inode))
		privileged_exec(file);
	return 0;
}
