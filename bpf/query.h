/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * Queries of sandboxes whose policy names domains: which sockets send theirs to the forwarder. And
 * connects to a policy's proxy, in whose place the relay of sbx-bpfd answers. dns.bpf.c redirects
 * both, in the same call.
 */
#ifndef SBX_BPF_QUERY_H
#define SBX_BPF_QUERY_H

#include "decide.h"
#include "self.h"

#define AF_INET 2

/*
 * Will the socket's queries, or its connect to the proxy, be redirected to the sandbox's forwarder?
 * The redirecting programs follow the cgroup that the socket was made in, and the forwarder listens
 * in one network namespace (dns.bpf.c). What they would not redirect would reach the server: it is
 * denied here.
 */
static __noinline bool forwarder_serves(struct sbx_scratch *sc, __u64 net, __u64 id)
{
	struct sbx_slot *slot = sbx_slot_get(id);
	__u32 no = SBX_SLOT_OF(id);
	struct sbx_resolver *r = bpf_map_lookup_elem(&sbx_resolvers, &no);
	__u64 cookie = 0;
	__u32 depth;

	if (!sc || !r || r->id != id || !sc->query.sk ||
	    bpf_probe_read_kernel(&cookie, sizeof(cookie),
				  (void *)(net + bpf_core_field_offset(struct net, net_cookie))) ||
	    cookie != r->netns)
		return false; /* fail closed */
	depth = made_in(sc->query.sk, slot->cgroup_id);
	if (depth > sc->query.depth) { /* of several, the inner one */
		sc->query.depth = depth;
		sc->query.id = id;
	}
	return depth > 0;
}

static __always_inline void note_asker(struct sock *sk, __u64 id)
{
	struct sbx_draft *dr = sbx_draft_get();
	__u64 cookie = bpf_get_socket_cookie(sk);
	struct sbx_asker a = {.id = id};
	struct sbx_asker *before = bpf_map_lookup_elem(&sbx_askers, &cookie);

	if (!dr || (before && before->id == id))
		return;
	report_subject(&dr->ev);
	a.pid = dr->ev.pid;
	a.tgid = dr->ev.tgid;
	a.ppid = dr->ev.ppid;
	a.uid = dr->ev.uid;
	a.cgroup = dr->ev.cgroup;
	__builtin_memcpy(a.comm, dr->ev.comm, sizeof(a.comm));
	__builtin_memcpy(a.exe, dr->ev.exe, sizeof(a.exe));
	bpf_map_update_elem(&sbx_askers, &cookie, &a, BPF_ANY);
}

/*
 * From now on the socket's queries go to the sandbox's forwarder (dns.bpf.c). A proxy is noted with
 * its address: the socket connects to the relay in its place, and to nothing else any more. Another
 * thread may name another peer with it meanwhile: then neither is what is noted, and both fail.
 */
static __noinline int query_note(struct sock *sk, struct sbx_peer *p, __u64 id)
{
	struct sbx_asked *a = bpf_sk_storage_get(&sbx_asked, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);

	if (!a || !p)
		return -EACCES; /* fail closed: nothing would redirect them */
	a->id = id;
	if ((__u16)p->what != SBX_DNS_PORT) {
		a->via_hi = p->hi;
		a->via_lo = p->lo;
		if (p->what >> SBX_PEER_FAMILY == AF_INET)
			a->via_lo |= SBX_NAME_MAPPED;
		a->via_port = (__u16)p->what;
	}
	note_asker(sk, id);
	return 0;
}

#endif
