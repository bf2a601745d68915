// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Hooks that read what no type leads to: connect, bind, and mprotect of what an overlay shows. They
 * are together because the linker of libbpf 1.1 takes a function of the kernel's from one file
 * alone.
 */
#include "naming.h"
#include "object.h"
#include "sockname.h"

/* Since 6.2, and then one instruction: loads through the result cost a fraction of a helper's. */
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

/* Known while loading: what does not hold is not there. Asked for by a type of 6.8. */
static __always_inline bool sbx_can_cast(void)
{
	return bpf_core_field_exists(struct backing_file, user_path);
}

/* --- connect, bind --- */

/* Several bytes of what the verifier knows as an array, behind a typed pointer. */
#define SBX_LOAD(type, from, off) (*(volatile type *)((void *)(from) + (off)))

/* The part of struct sockaddr_in6 that says where, as words. */
struct in6_words {
	__u16 family, port;
	__u32 flowinfo;
	__u64 hi, lo;
};

/*
 * struct sockaddr has room for the first half of an IPv6 address alone. Where no cast leads to the
 * second one it has to be copied, and then all of it at once, which is cheaper than to load the
 * rest.
 */
static __always_inline bool peer_copy6(struct sbx_peer *p, struct sockaddr *addr)
{
	struct in6_words a;

	if (bpf_probe_read_kernel(&a, sizeof(a), addr) || a.family != AF_INET6)
		return false;
	p->what |= __builtin_bswap16(a.port);
	peer_v6(p, __builtin_bswap64(a.hi), __builtin_bswap64(a.lo));
	return true;
}

/* As peer_read() where the address is behind a typed pointer: what can be loaded need not be
 * copied. */
static __always_inline bool peer_load(struct sbx_peer *p, struct sockaddr *addr, int len)
{
	__u16 family;
	void *in6;
	__u64 lo;

	if (!sbx_can_cast() && len == sizeof(struct sockaddr_in6) && peer_copy6(p, addr))
		return true;
	family = addr->sa_family;
	if (family == AF_INET && len >= 8) {
		lo = SBX_LOAD(__u64, addr, 2); /* port and address */
		p->hi = 0;
		p->lo = __builtin_bswap32(lo >> 16);
		p->what |= SBX_WHAT(AF_INET, 0, 0) | __builtin_bswap16(lo);
		return true;
	}
	if (!sbx_can_cast() || family != AF_INET6 || len < (int)sizeof(struct in6_words))
		return peer_read(p, addr, len);
	in6 = bpf_rdonly_cast(addr, bpf_core_type_id_kernel(struct sockaddr_in6));
	lo = __builtin_bswap64(SBX_LOAD(__u64, in6, 16));
	p->what |= __builtin_bswap16(SBX_LOAD(__u16, addr, 2));
	peer_v6(p, __builtin_bswap64(SBX_LOAD(__u64, addr, 8)), lo);
	return true;
}

static long binds_one(__u32 i, struct ask *a)
{
	__u64 id = a->l->id[SBX_EACH(i)];
	__u32 zero = 0, no = SBX_SLOT_OF(id);
	struct sbx_chunk *hdr;
	void *image;

	if (!sbx_alive(id))
		return 0;
	image = bpf_map_lookup_elem(&sbx_images, &no);
	hdr = image ? bpf_map_lookup_elem(image, &zero) : NULL;
	a->denied = !hdr || hdr->hdr.flags & SBX_IMG_UNIX_BINDS;
	return a->denied;
}

/* Unix sockets: a name in a directory is made as a file is (path_mknod), an abstract one can be
 * taken unless rules speak of such. Whom they connect to, the unix hooks judge. */
static __noinline int bind_name(struct sockaddr *address, int len)
{
	struct sbx_label *l = sbx_subject();
	struct ask a = {.l = l};

	if (!l)
		return -EACCES; /* fail closed */
	if (len <= 2 || ((volatile __u8 *)address)[2] || !sbx_bound(l))
		return 0;
	bpf_loop(SBX_MAX_NEST, binds_one, &a, 0);
	if (!a.denied && !(l->flags & SBX_LABEL_OVERFLOW))
		return 0;
	return judge_abstract(l, (void *)address + 2, len - 2, SBX_OP_UNIX_BIND, SBX_WRITE);
}

/* Sockets that are neither TCP nor UDP. */
static __noinline int name_other(struct sock *sk, struct sockaddr *address, int len, __u32 op)
{
	struct sbx_peer p;
	bool read;

	if (sk->__sk_common.skc_family == AF_UNIX)
		return op == SBX_OP_BIND ? bind_name(address, len) : 0;
	peer_plain(&p, sk);
	read = peer_read(&p, address, len);
	return peer_long(sk, read ? &p : NULL, op);
}

/*
 * connect() and bind(). Whoever is in no sandbox is told by the number of the cgroup. Before 6.2
 * that is three guarded loads more than what is kept of a sandboxed task: there, that comes first.
 */
static __always_inline int name_peer(struct socket *sock, struct sockaddr *address, int len,
				     __u32 op, __u32 direction)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct css_set *cset = t->cgroups;
	struct sbx_slot *slot = NULL;
	struct sbx_peer p;
	struct sock *sk;

	if (!sbx_can_cast())
		slot = quick_known(sbx_config_get(), t, cset);
	if (!slot && !sbx_cgroup_marked(sbx_cset_cgroup(cset)))
		return 0;
	if (!slot)
		slot = quick_subject(sbx_config_get(), t, cset);
	sk = sock->sk;
	if (!sk)
		return -EACCES; /* fail closed: never seen */
	if (!peer_plain(&p, sk))
		return sbx_verdict(name_other(sk, address, len, op));
	if (!peer_load(&p, address, len))
		return sbx_verdict(peer_long(sk, NULL, op));
	if ((p.lo | p.hi) && slot && quick_peer(slot, &p, direction))
		return 0;
	if (op == SBX_OP_CONNECT && address->sa_family == AF_UNSPEC)
		return 0; /* lets go of a peer */
	return sbx_verdict(peer_long(sk, &p, op));
}

SEC("lsm/socket_connect")
int BPF_PROG(sbx_socket_connect, struct socket *sock, struct sockaddr *address, int addrlen)
{
	return name_peer(sock, address, addrlen, SBX_OP_CONNECT, SBX_DIR_CONNECT);
}

SEC("lsm/socket_bind")
int BPF_PROG(sbx_socket_bind, struct socket *sock, struct sockaddr *address, int addrlen)
{
	return name_peer(sock, address, addrlen, SBX_OP_BIND, SBX_DIR_BIND);
}

/* --- mprotect --- */

/* The mapping of an overlay file holds the file of the layer, on the overlay's own mount. Since 6.5
 * that remembers the path it was opened by (struct backing_file); before, it bears that path
 * itself. */
static __always_inline int check_mapped(struct file *file)
{
	struct dentry *d = file->f_path.dentry;

	if (sbx_nameless(d->d_sb))
		return 0;
	if (sbx_can_cast() && sbx_internal_mount(file->f_path.mnt)) {
		__u64 at = (__u64)file + bpf_core_field_offset(struct backing_file, user_path) +
			   bpf_core_field_offset(struct path, dentry);
		__u64 user = 0;

		if (!bpf_rdonly_cast || bpf_probe_read_kernel(&user, sizeof(user), (void *)at) ||
		    !user)
			return -EACCES; /* fail closed */
		return sbx_check(
			bpf_rdonly_cast((void *)user, bpf_core_type_id_kernel(struct dentry)), NULL,
			SBX_OP_MMAP_EXEC, SBX_EXEC);
	}
	return sbx_check(d, NULL, SBX_OP_MMAP_EXEC, SBX_EXEC);
}

SEC("lsm/file_mprotect")
int BPF_PROG(sbx_file_mprotect, struct vm_area_struct *vma, unsigned long reqprot,
	     unsigned long prot, int ret)
{
	struct file *file;

	if (ret || !(prot & PROT_EXEC) || (vma->vm_flags & VM_EXEC) || sbx_outside())
		return ret;
	file = vma->vm_file;
	if (!file)
		return 0; /* anonymous memory */
	return sbx_verdict(check_mapped(file));
}
