// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Unix sockets. A sandbox reaches its own; others by rules (design 1.5): a socket with a name in
 * the file system is judged by that name, as a file is, whatever name the caller used and also when
 * it was moved or removed; abstract names are judged as they are. What has no name is nobody's to
 * reach, unless it is the other end already.
 */
#include "sockname.h"

/* The number of `cgroup` is that of the socket's cgroup, or of one above it. */
static long own_one(__u32 i, struct ask *a)
{
	__u64 id = a->l->id[SBX_EACH(i)];
	struct sbx_slot *slot = sbx_slot_get(id);
	struct member m = {.base = a->object};

	if (!id || slot->id != id)
		return 0;
	m.cgroup = slot->cgroup_id;
	bpf_loop(a->both, member_level, &m, 0);
	a->denied = !m.found;
	return a->denied;
}

/*
 * Was the socket made inside every sandbox of l? This is noted when it is made
 * (sbx_socket_post_create), so that it holds wherever its maker goes. What processes of the
 * sandbox's cgroup made before it was attached is theirs, too: a socket remembers its cgroup.
 */
static __noinline bool own_socket(struct sbx_label *l, struct sock *sk)
{
	struct sbx_label *owner = bpf_sk_storage_get(&sbx_sockets, sk, 0, 0);
	struct cgroup *cgrp = sk->sk_cgrp_data.cgroup;
	struct ask a = {.l = l};

	if (!l)
		return false;
	if (owner && sbx_same_sandbox(l, owner))
		return true;
	a.object = (__u64)cgrp + bpf_core_field_offset(struct cgroup, ancestors);
	a.both = cgrp->level + 1;
	if (a.both > SBX_MAX_CGROUP_LEVEL)
		return false; /* fail closed */
	bpf_loop(SBX_MAX_NEST, own_one, &a, 0);
	return !a.denied;
}

/* A socket of somebody else's. */
static __noinline int judge_socket(struct sbx_label *l, struct sock *other)
{
	struct unix_sock *u = bpf_skc_to_unix_sock(other);
	struct sbx_scratch *sc = sbx_scratch_get();
	__u64 dentry = 0, addr = 0;
	__s32 len = 0;

	if (!l || !u || !sc)
		return -EACCES; /* fail closed */
	/* as a number: to the verifier it may not be NULL */
	bpf_probe_read_kernel(&dentry, sizeof(dentry),
			      (char *)other + bpf_core_field_offset(struct unix_sock, path.dentry));
	if (dentry) {
		sbx_resolve(sc, l, u->path.dentry, NULL, false);
		return sbx_decide(sc, l, SBX_OP_UNIX_CONNECT, SBX_CONNECT);
	}
	bpf_probe_read_kernel(&addr, sizeof(addr),
			      (char *)other + bpf_core_field_offset(struct unix_sock, addr));
	if (!addr)
		return sbx_deny(l, SBX_OP_UNIX_CONNECT, SBX_WHY_OUTSIDER, -1, 0) ? -EACCES : 0;
	bpf_probe_read_kernel(&len, sizeof(len),
			      (void *)(addr + bpf_core_field_offset(struct unix_address, len)));
	addr += bpf_core_field_offset(struct unix_address, name) + sizeof(__u16);
	return judge_abstract(l, (void *)addr, len - (__s32)sizeof(__u16), SBX_OP_UNIX_CONNECT,
			      SBX_CONNECT);
}

static __always_inline int check_unix(struct sock *other)
{
	struct sbx_label *l = sbx_subject();

	if (!l)
		return -EACCES; /* fail closed */
	if (!sbx_bound(l) || (!(l->flags & SBX_LABEL_OVERFLOW) && own_socket(l, other)))
		return 0;
	return judge_socket(l, other);
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(sbx_unix_connect, struct sock *sock, struct sock *other, struct sock *newsk, int ret)
{
	if (ret || sbx_outside())
		return ret;
	return sbx_verdict(check_unix(other));
}

/* Datagrams. A peer that the socket has already was judged when it was connected, or is the other
 * end of a pair that was handed in. */
SEC("lsm/unix_may_send")
int BPF_PROG(sbx_unix_send, struct socket *sock, struct socket *other, int ret)
{
	struct sock *from, *to;
	__u64 peer = 0;

	if (ret || sbx_outside())
		return ret;
	from = sock->sk;
	to = other->sk;
	if (!from || !to)
		return -EACCES; /* fail closed: never seen */
	bpf_probe_read_kernel(&peer, sizeof(peer),
			      (char *)from + bpf_core_field_offset(struct unix_sock, peer));
	if (peer == (__u64)to)
		return 0;
	return sbx_verdict(check_unix(to));
}
