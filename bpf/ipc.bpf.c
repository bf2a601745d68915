// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Objects that belong to nobody's files: System V memory, queues and semaphores, and keys.
 *
 * Each System V object remembers the sandboxes of the task that made it; inside, only those of the
 * same sandbox can be used. Keys carry no such memory: the three system calls on them are refused.
 * (POSIX memory and semaphores are files in /dev/shm. POSIX queues are files in /dev/mqueue, but
 * their system calls make and remove them past the hooks on paths.)
 */
#include "decide.h"
#include "object.h"

/* The entry goes before the object's memory does: an address used again starts clean. */
static __always_inline int own_object(__u64 perm)
{
	struct sbx_label *l, mine = {};
	int i;

	if (sbx_outside())
		return 0;
	l = sbx_subject();
	if (!l)
		return -ENOMEM; /* fail closed: without it nobody inside could use it */
	if (!sbx_bound(l))
		return 0;
	for (i = 0; i < SBX_MAX_NEST; i++)
		mine.id[i] = l->id[i];
	return bpf_map_update_elem(&sbx_ipcs, &perm, &mine, BPF_ANY) ? -ENOMEM : 0;
}

static __noinline int check_object(__u64 perm)
{
	struct sbx_label *l = sbx_subject(), *owner;
	int ret;

	if (!l)
		return -EACCES; /* fail closed */
	if (!sbx_bound(l))
		return 0;
	owner = bpf_map_lookup_elem(&sbx_ipcs, &perm);
	if (owner && sbx_same_sandbox(l, owner))
		return 0;
	ret = sbx_deny(l, SBX_OP_IPC, SBX_WHY_OUTSIDER, -1, 0);
	return ret ? -EACCES : 0;
}

#define SBX_IPC_HOOKS(kind, control)                                   \
	SEC("lsm/" #kind "_alloc_security")                            \
	int BPF_PROG(sbx_##kind##_alloc, void *perm, int ret)          \
	{                                                              \
		return ret ? ret : sbx_verdict(own_object(ctx[0]));    \
	}                                                              \
	SEC("lsm/" #kind "_free_security")                             \
	int BPF_PROG(sbx_##kind##_free, void *perm)                    \
	{                                                              \
		__u64 key = ctx[0];                                    \
		bpf_map_delete_elem(&sbx_ipcs, &key);                  \
		return 0;                                              \
	}                                                              \
	SEC("lsm/" #control)                                           \
	int BPF_PROG(sbx_##control, void *perm, int cmd, int ret)      \
	{                                                              \
		__u64 key = sbx_arg(ctx, 0);                           \
		if (ret || !key || sbx_outside())                      \
			return ret; /* no object: limits and totals */ \
		return sbx_verdict(check_object(key));                 \
	}

SBX_IPC_HOOKS(shm, shm_shmctl)
SBX_IPC_HOOKS(msg_queue, msg_queue_msgctl)
SBX_IPC_HOOKS(sem, sem_semctl)

SEC("lsm/ipc_permission")
int BPF_PROG(sbx_ipc_permission, void *perm, short flag, int ret)
{
	if (ret || sbx_outside())
		return ret;
	return sbx_verdict(check_object(ctx[0]));
}

/* --- POSIX queues --- */

#define SBX_QUEUE_HOOK(hook, op, ...)                                                          \
	SEC("lsm/" #hook)                                                                      \
	int BPF_PROG(sbx_##hook, struct inode *dir, struct dentry *dentry, ##__VA_ARGS__)      \
	{                                                                                      \
		if (ret || dir->i_sb->s_magic != MQUEUE_MAGIC || sbx_outside())                \
			return ret; /* looked at first: everybody's files come through here */ \
		return sbx_verdict(sbx_check(dentry, NULL, op, SBX_WRITE));                    \
	}

SBX_QUEUE_HOOK(inode_create, SBX_OP_CREATE, unsigned short mode, int ret)
SBX_QUEUE_HOOK(inode_unlink, SBX_OP_REMOVE, int ret)

/* --- keys --- */

#define NR_ADD_KEY	248
#define NR_KEYCTL	250
#define NR_ADD_KEY_I386 286
#define NR_KEYCTL_I386	288
#define NR_X32		0x40000000

/* The kernel looks up keys on its own account as well, to open a file on an encrypted directory,
 * say: those are not the task's. Their numbers mean calls that use no keys in the other table. */
static __always_inline bool asked_for_keys(void)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	__u64 nr = regs->orig_ax & ~(__u64)NR_X32;

	return (nr >= NR_ADD_KEY && nr <= NR_KEYCTL) ||
	       (nr >= NR_ADD_KEY_I386 && nr <= NR_KEYCTL_I386);
}

SEC("lsm/key_permission")
int BPF_PROG(sbx_key_permission)
{
	if (sbx_outside() || !asked_for_keys())
		return 0;
	return sbx_verdict(sbx_forbid(SBX_OP_KEYRING, -1));
}

/* request_key(2) makes the key first that a helper outside is then asked to fill. */
SEC("lsm/key_alloc")
int BPF_PROG(sbx_key_alloc)
{
	if (sbx_outside() || !asked_for_keys())
		return 0;
	return sbx_verdict(sbx_forbid(SBX_OP_KEYRING, -1));
}
