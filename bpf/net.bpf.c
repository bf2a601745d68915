// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Sockets: which kinds may be made, and which peers may be named by messages and by listening
 * (design 1.5; naming.h). connect() and bind(): cast.bpf.c.
 *
 * Options and control messages that would change the destination afterwards are refused. What the
 * kernel does for itself (kern, sk_kern_sock) is not judged.
 */
#include "options.h"
#include "naming.h"

#define MSG_FASTOPEN	   0x20000000
#define SOCK_BINDPORT_LOCK 8

/* --- kinds of sockets --- */

/*
 * SCTP, DCCP, UDP-Lite, ICMP, raw and packet sockets and all families that the policy does not
 * name: EAFNOSUPPORT, as if the kernel had none. MPTCP, too, where not every address is allowed:
 * its subflows go to addresses that the peer announces.
 */
SEC("lsm/socket_create")
int BPF_PROG(sbx_socket_create, int family, int type, int protocol, int kern, int ret)
{
	struct sbx_label *l;

	if (ret || kern || sbx_outside())
		return ret;
	type &= SOCK_TYPE_MASK;
	if (kind_known(family, type, protocol))
		return 0;
	l = sbx_subject();
	if (!l)
		return -EAFNOSUPPORT; /* fail closed */
	if (!sbx_bound(l))
		return 0;
	return sbx_verdict(judge_kind(l, SBX_OP_SOCKET, family, type, protocol));
}

/* Remembers for unix sockets whose they are. */
SEC("lsm/socket_post_create")
int BPF_PROG(sbx_socket_post_create, struct socket *sock, int family, int type, int protocol,
	     int kern, int ret)
{
	struct sbx_label *l, *mine;
	struct sock *sk;
	int i;

	if (ret || kern || family != AF_UNIX || sbx_outside())
		return ret;
	l = sbx_subject();
	sk = sock->sk;
	if (!l || !sk)
		return -ENOMEM; /* fail closed: without it nobody inside could reach it */
	if (!sbx_bound(l))
		return 0;
	mine = bpf_sk_storage_get(&sbx_sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!mine)
		return -ENOMEM;
	for (i = 0; i < SBX_MAX_NEST; i++)
		mine->id[i] = l->id[i];
	return 0;
}
/*
 * listen() on an unbound socket binds it, on a port that the kernel picks. A port that came by
 * connecting counts for nothing: another thread may disconnect before the kernel looks.
 */
SEC("lsm/socket_listen")
int BPF_PROG(sbx_socket_listen, struct socket *sock, int backlog, int ret)
{
	struct sbx_peer p = {};
	struct sock *sk;

	if (ret || sbx_outside())
		return ret;
	sk = sock->sk;
	if (!sk)
		return -EACCES; /* fail closed: never seen */
	if (!is_ip(sk->__sk_common.skc_family) ||
	    (BPF_CORE_READ_BITFIELD(sk, sk_userlocks) & SOCK_BINDPORT_LOCK))
		return 0;
	peer_plain(&p, sk);
	if (sk->__sk_common.skc_family == AF_INET)
		peer_v4(&p, __builtin_bswap32(sk->__sk_common.skc_rcv_saddr));
	else
		peer_own6(&p, sk);
	return sbx_verdict(peer_long(sk, &p, SBX_OP_LISTEN));
}

/* --- messages --- */

/*
 * sendmmsg(2) asks us about a destination once: what follows to the same one passes unseen, with
 * its control messages. So several messages with addresses are not sent that way; those of a
 * connected socket, which need none, are.
 */
#define NR_SENDMMSG	  307
#define NR_SENDMMSG_X32	  (0x40000000 + 538)
#define NR_SENDMMSG_I386  345 /* no call of the 64-bit table sends under this or the next number */
#define NR_SOCKETCALL	  102
#define SOCKCALL_SENDMMSG 20

static __noinline bool sends_several(void)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());

	switch (regs->orig_ax) {
	case NR_SENDMMSG:
	case NR_SENDMMSG_X32:
		return (__u32)regs->dx > 1;
	case NR_SENDMMSG_I386:
		return (__u32)regs->dx > 1;
	case NR_SOCKETCALL: /* how many is in memory that can change */
		return (__u32)regs->bx == SOCKCALL_SENDMMSG;
	}
	return false;
}

/* This host, or port 53, which may lead to this host's forwarder. */
static __always_inline bool stays_here(struct sbx_peer *p)
{
	if ((__u16)p->what == SBX_DNS_PORT || !(p->hi | p->lo))
		return true;
	return peer_family(p) == AF_INET ? p->lo >> 24 == LOOPBACK >> 24 : !p->hi && p->lo == 1;
}

/* Everything but the stream of a connection that is there. */
static __always_inline int send_named(struct sock *sk, struct msghdr *msg)
{
	__u16 family = sk->__sk_common.skc_family;
	struct sbx_peer p = {};
	struct task_struct *t = bpf_get_current_task_btf();
	struct sbx_slot *slot;
	bool plain = peer_plain(&p, sk), read = false, device = false;
	int ret = 0;

	if (family == AF_UNIX || kernels_own(sk))
		return 0; /* judged by the unix hooks */
	if (is_ip(family) && msg->msg_controllen)
		ret = check_cmsgs(msg, &device);
	device &= sk->sk_type == SOCK_DGRAM; /* streams ignore it */
	/* where it is connected to, another thread may change after this */
	if (!ret && device && !msg->msg_name)
		ret = sbx_forbid(SBX_OP_SOCKOPT, SBX_BY_DEVICE);
	if (ret || (plain && !msg->msg_name))
		return ret;
	if (plain && sk->sk_type == SOCK_STREAM && !(msg->msg_flags & MSG_FASTOPEN))
		return 0; /* TCP ignores the name */
	if (msg->msg_name)
		read = peer_read(&p, msg->msg_name, msg->msg_namelen);
	if (device && read && stays_here(&p))
		ret = sbx_forbid(SBX_OP_SOCKOPT, SBX_BY_DEVICE);
	if (ret)
		return ret;
	slot = quick_subject(sbx_config_get(), t, t->cgroups);
	if (!plain || !read || !(p.lo | p.hi) || !slot || !quick_peer(slot, &p, SBX_DIR_CONNECT))
		ret = peer_long(sk, read ? &p : NULL, SBX_OP_SEND);
	/* the source that a control message gives would be where it goes */
	if (!ret && plain && !(p.lo | p.hi) && msg->msg_controllen)
		ret = sbx_forbid(SBX_OP_SOCKOPT, IP_PKTINFO);
	if (!ret && plain && sends_several())
		ret = sbx_forbid(SBX_OP_SOCKOPT, NR_SENDMMSG);
	return ret;
}

/*
 * Raw and packet sockets reach any peer by what they write: whoever was handed one is judged each
 * time. A connected datagram socket costs no look-up.
 */
static __noinline int check_send(struct socket *sock, struct msghdr *msg)
{
	struct sbx_peer p;
	struct sock *sk = sock->sk;

	if (sk && !msg->msg_name && !msg->msg_controllen && peer_plain(&p, sk))
		return 0;
	if (sbx_outside())
		return 0;
	if (!sk)
		return -EACCES; /* fail closed: never seen */
	return send_named(sk, msg);
}

/*
 * What is sent on a stream that is there costs next to nothing. Without a name none goes anywhere
 * but where it is connected to, whatever its control messages say: TCP ignores IP's, and no other
 * protocol of streams takes a destination from them. One comparison for both: no name is at the
 * last addresses there are.
 */
SEC("lsm/socket_sendmsg")
int BPF_PROG(sbx_socket_sendmsg, struct socket *sock, struct msghdr *msg)
{
	if ((__u64)msg->msg_name + (__u16)sock->type == SOCK_STREAM)
		return 0;
	return sbx_verdict(check_send(sock, msg));
}

SEC("lsm/socket_setsockopt")
int BPF_PROG(sbx_socket_setsockopt, struct socket *sock, int level, int optname)
{
	if (!option_misleads(level, optname) || sbx_outside())
		return 0;
	return sbx_verdict(sbx_forbid(SBX_OP_SOCKOPT, level << 16 | optname));
}
