// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Programs. The path of the binary, of the script, of its interpreter and of the ELF loader is
 * judged when the kernel opens them (file_open with __FMODE_EXEC, file.bpf.c). Here: what has no
 * path to judge, and privileges.
 */
#include "decide.h"
#include "object.h"

/* memfd and unlinked programs: nobody can say where they came from. */
static __noinline int anonymous_exec(struct sbx_label *l, struct file *file)
{
	struct sbx_scratch *sc = sbx_scratch_get();
	struct dentry *d = file->f_path.dentry;
	__u32 zero = 0, no, mode;
	struct sbx_chunk *chunk;
	void *image;
	int i;

	if (!sc || !l)
		return -EACCES; /* fail closed */
	for (i = SBX_MAX_NEST - 1; i >= 0; i--) {
		if (!sbx_alive(l->id[i]))
			continue;
		no = SBX_SLOT_OF(l->id[i]);
		image = bpf_map_lookup_elem(&sbx_images, &no);
		chunk = image ? bpf_map_lookup_elem(image, &zero) : NULL;
		if (chunk && (chunk->hdr.flags & SBX_IMG_EXEC_ANON))
			continue;
		sbx_enforced(l->id[i], &mode);
		walk(d, sc, false);
		sbx_report_begin(sc, SBX_OP_EXEC, SBX_WHY_ANONYMOUS_EXEC);
		sbx_report_path(sc, l->id[i], mode, false);
		if (mode != SBX_MODE_AUDIT)
			return -EACCES;
	}
	return 0;
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
			return ret;
	}
	return sbx_check(d, d->d_inode, SBX_OP_EXEC, SBX_EXEC);
}

/*
 * Set-user-ID, set-group-ID and file capabilities gain nothing. `run` sets no_new_privs; under
 * `attach` it cannot be set, so the exec is refused when the credentials would grow.
 */
SEC("lsm/bprm_creds_from_file")
int BPF_PROG(sbx_bprm_creds, struct linux_binprm *bprm, struct file *file, int ret)
{
	struct task_struct *t = bpf_get_current_task_btf();
	const struct cred *old = t->cred, *new = bprm->cred;
	struct sbx_label *l;

	if (ret || sbx_outside())
		return ret;
	if (new->euid.val == old->euid.val && new->egid.val == old->egid.val &&
	    !(new->cap_permitted.val & ~old->cap_permitted.val))
		return 0;
	l = sbx_subject();
	if (!l)
		return -EPERM; /* fail closed */
	return sbx_bound(l) ? sbx_deny(l, SBX_OP_PRIVILEGED_EXEC, SBX_WHY_PRIVILEGE, -1,
				       (__u64)file->f_path.dentry->d_inode->i_ino) :
			      0;
}
