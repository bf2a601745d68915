// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Unix sockets: they are reachable inside the same sandbox (design 1.5). Whose a socket is, is
 * noted when it is made (sbx_socket_post_create in net.bpf.c).
 */
#include "decide.h"

#define UNIX_PATH_MAX 108

/* The name that the socket was bound to, as its owner gave it; abstract ones with an '@'. */
static __noinline int spell_unix(struct sbx_draft *dr, __u64 addr)
{
	__u64 at = addr + bpf_core_field_offset(struct unix_address, name) + sizeof(__u16);
	__s32 len = 0;

	if (!dr || !addr)
		return 0;
	bpf_probe_read_kernel(&len, sizeof(len),
			      (void *)(addr + bpf_core_field_offset(struct unix_address, len)));
	len -= sizeof(__u16);
	if (len <= 0)
		return 0;
	if (len > UNIX_PATH_MAX)
		len = UNIX_PATH_MAX;
	sbx_opaque(len);
	bpf_probe_read_kernel(dr->ev.path, len & 127, (void *)at);
	if (!dr->ev.path[0]) {
		dr->ev.path[0] = '@';
		dr->ev.path_len = len;
	} else {
		len = bpf_probe_read_kernel_str(dr->ev.path, UNIX_PATH_MAX + 1, (void *)at);
		dr->ev.path_len = len > 0 ? len - 1 : 0;
	}
	return 0;
}

static long unix_one(__u32 i, struct ask *a)
{
	struct sbx_draft *dr = sbx_draft_get();
	struct hash h = {.dr = dr, .h = 1};
	__u64 id = a->l->id[SBX_EACH(i)];
	__u32 mode;

	if (!sbx_alive(id))
		return 0;
	mode = sbx_mode_of(id);
	sbx_report_begin(SBX_OP_UNIX_CONNECT, SBX_WHY_OUTSIDER, -1);
	if (dr) {
		spell_unix(dr, a->object);
		bpf_loop(SBX_EVENT_PATH_MAX / 8, hash_word, &h, 0);
		dr->key.object = h.h;
	}
	sbx_report_commit(id, mode, 0);
	a->denied = mode != SBX_MODE_AUDIT;
	return a->denied;
}

static __always_inline int check_unix(struct sock *other)
{
	struct ask a = {.l = sbx_subject()};
	struct sbx_label *owner;

	if (!a.l)
		return -EACCES; /* fail closed */
	if (!sbx_bound(a.l))
		return 0;
	owner = bpf_sk_storage_get(&sbx_sockets, other, 0, 0);
	if (owner && sbx_same_sandbox(a.l, owner))
		return 0;
	bpf_probe_read_kernel(&a.object, sizeof(a.object),
			      (char *)other + bpf_core_field_offset(struct unix_sock, addr));
	bpf_loop(SBX_MAX_NEST, unix_one, &a, 0);
	return a.denied || (a.l->flags & SBX_LABEL_OVERFLOW) ? -EACCES : 0;
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
