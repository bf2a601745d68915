// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "user/kern/dns.h"
#include "user/kern/internal.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* linux 5.14 */
#endif

/* --- the redirecting programs --- */

static const struct {
	const char *name;
	enum bpf_attach_type type;
} redirecting[] = {
	{"sbx_dns_recvmsg4", BPF_CGROUP_UDP4_RECVMSG},
	{"sbx_dns_recvmsg6", BPF_CGROUP_UDP6_RECVMSG},
	{"sbx_dns_getpeername4", BPF_CGROUP_INET4_GETPEERNAME},
	{"sbx_dns_getpeername6", BPF_CGROUP_INET6_GETPEERNAME},
	{"sbx_dns_sendmsg4", BPF_CGROUP_UDP4_SENDMSG},
	{"sbx_dns_sendmsg6", BPF_CGROUP_UDP6_SENDMSG},
	{"sbx_dns_connect4", BPF_CGROUP_INET4_CONNECT},
	{"sbx_dns_connect6", BPF_CGROUP_INET6_CONNECT},
};

#define N_REDIRECTING (sizeof(redirecting) / sizeof(*redirecting))
/* BPF_CGROUP_MAX_PROGS: that one cgroup can have at one place */
#define MOST_ATTACHED 64

static int program_id(int fd, uint32_t *id)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	*id = info.id;
	return 0;
}

static int attached(int cgroup, enum bpf_attach_type type, uint32_t id, bool *yes)
{
	uint32_t ids[MOST_ATTACHED], n = MOST_ATTACHED, i;

	*yes = false;
	if (bpf_prog_query(cgroup, type, 0, NULL, ids, &n))
		return -errno;
	for (i = 0; i < n; i++)
		*yes |= ids[i] == id;
	return 0;
}

/* Not by a link, which would have to be pinned: this way they end with the cgroup. */
static int switch_one(int cgroup, size_t i, bool on)
{
	char path[256];
	uint32_t id = 0;
	bool there;
	int prog, r;

	snprintf(path, sizeof(path), SBX_PIN_DIR "/prog_%s", redirecting[i].name);
	prog = bpf_obj_get(path);
	if (prog < 0)
		return -errno;
	r = program_id(prog, &id);
	if (!r)
		r = attached(cgroup, redirecting[i].type, id, &there);
	if (!r && on && !there)
		r = bpf_prog_attach(prog, cgroup, redirecting[i].type, BPF_F_ALLOW_MULTI) ? -errno
											  : 0;
	else if (!r && !on && there)
		r = bpf_prog_detach2(prog, cgroup, redirecting[i].type) ? -errno : 0;
	close(prog);
	return r;
}

static int redirect(uint64_t cgroup_id, bool on)
{
	char *path = sbx_cgroup_path_of(cgroup_id);
	int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1, r = 0;
	size_t i;

	free(path);
	if (fd < 0)
		return -ENOENT;
	for (i = 0; i < N_REDIRECTING && !r; i++)
		r = switch_one(fd, on ? i : N_REDIRECTING - 1 - i, on);
	close(fd);
	return r;
}

/* --- sandboxes with names --- */

static int image_flags(struct sbx_kern *k, uint32_t slot, uint32_t *flags)
{
	uint32_t inner, zero = 0;
	char *chunk;
	int fd, r;

	if (bpf_map_lookup_elem(k->map[SBX_MAP_IMAGES], &slot, &inner))
		return -errno;
	fd = bpf_map_get_fd_by_id(inner);
	if (fd < 0)
		return -errno;
	chunk = malloc(SBX_CHUNK_BYTES);
	r = !chunk ? -ENOMEM : bpf_map_lookup_elem(fd, &zero, chunk) ? -errno : 0;
	if (!r)
		*flags = ((struct sbx_image_hdr *)chunk)->flags;
	free(chunk);
	close(fd);
	return r;
}

int sbx_dns_begin(const struct sbx_compiled *c, int (*serve)(struct sbx_diags *d),
		  uint64_t cgroup_id, struct sbx_diags *d)
{
	int r;

	if (!(sbx_image_hdr(&c->image)->flags & SBX_IMG_DOMAINS))
		return 0;
	r = redirect(cgroup_id, true);
	return r || !serve ? r : serve(d);
}

/*
 * Whatever the policy in force: an earlier one may have had names. They stay as long as the sandbox
 * does, or a query that was let pass before an update would find nobody to redirect it. Without one
 * they do nothing: what cannot be taken away does no harm.
 */
void sbx_dns_end(struct sbx_kern *k, uint32_t slot)
{
	redirect(k->slots[slot].cgroup_id, false);
}

int sbx_dns_sandboxes(struct sbx_kern *k, sbx_served_fn fn, void *arg)
{
	uint32_t i, flags = 0;
	int r = 0;

	for (i = 0; i < SBX_MAX_SANDBOXES && !r; i++) {
		const struct sbx_slot *s = &k->slots[i];
		uint64_t id = s->id ? s->id : s->pending;

		if (id && !image_flags(k, i, &flags) && flags & SBX_IMG_DOMAINS)
			r = fn(id, s, arg);
	}
	return r;
}

static int port_of(int fd, uint16_t *port)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &len))
		return -errno;
	*port = ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
					      : ((struct sockaddr_in *)&a)->sin_port);
	return 0;
}

static int serve_socket(struct sbx_kern *k, struct sbx_resolver *r, int i, int fd)
{
	socklen_t len = sizeof(r->netns);
	int rc = port_of(fd, &r->port[i]);

	if (!rc && getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &r->netns, &len))
		rc = -errno;
	if (!rc && bpf_map_update_elem(k->map[SBX_MAP_FORWARDERS], &fd, &r->id, BPF_ANY))
		rc = -errno;
	if (!rc && (i == SBX_DNS_UDP6 || i == SBX_DNS_TCP6 || i == SBX_VIA6) &&
	    bpf_map_update_elem(k->map[SBX_MAP_PORTS6], &r->port[i], &r->id, BPF_ANY))
		rc = -errno;
	return rc;
}

int sbx_dns_serve(struct sbx_kern *k, uint64_t id, const int fd[SBX_DNS_SOCKETS])
{
	struct sbx_resolver r = {.id = id};
	uint32_t slot = SBX_SLOT_OF(id);
	int i, rc = 0;

	for (i = 0; i < SBX_DNS_SOCKETS && !rc; i++)
		if (fd[i] >= 0)
			rc = serve_socket(k, &r, i, fd[i]);
	if (!rc && bpf_map_update_elem(k->map[SBX_MAP_RESOLVERS], &slot, &r, BPF_ANY))
		rc = -errno;
	return rc;
}

int sbx_dns_resolver(struct sbx_kern *k, uint64_t id, struct sbx_resolver *out)
{
	uint32_t slot = SBX_SLOT_OF(id);

	if (bpf_map_lookup_elem(k->map[SBX_MAP_RESOLVERS], &slot, out))
		return -errno;
	return out->id == id ? 0 : -ENOENT;
}

int sbx_dns_ports6(struct sbx_kern *k, uint16_t **ports, size_t *n)
{
	uint16_t port, prev, *v = NULL, *more, *from = NULL;
	size_t used = 0;

	/* bounded: where the last one is gone meanwhile, they begin anew */
	while (used < UINT16_MAX && !bpf_map_get_next_key(k->map[SBX_MAP_PORTS6], from, &port)) {
		more = realloc(v, (used + 1) * sizeof(*v));
		if (!more) {
			free(v);
			return -ENOMEM;
		}
		v = more;
		v[used++] = prev = port;
		from = &prev;
	}
	*ports = v;
	*n = used;
	return 0;
}

int sbx_dns_unserve(struct sbx_kern *k, uint64_t id)
{
	struct sbx_resolver r, none = {0};
	uint32_t slot = SBX_SLOT_OF(id);
	int rc = sbx_dns_resolver(k, id, &r);

	if (rc)
		return rc;
	bpf_map_delete_elem(k->map[SBX_MAP_PORTS6], &r.port[SBX_DNS_UDP6]);
	bpf_map_delete_elem(k->map[SBX_MAP_PORTS6], &r.port[SBX_DNS_TCP6]);
	bpf_map_delete_elem(k->map[SBX_MAP_PORTS6], &r.port[SBX_VIA6]);
	return bpf_map_update_elem(k->map[SBX_MAP_RESOLVERS], &slot, &none, BPF_ANY) ? -errno : 0;
}

int sbx_dns_forget_all(struct sbx_kern *k)
{
	struct sbx_resolver none = {0};
	uint16_t port;
	uint32_t i;

	while (!bpf_map_get_next_key(k->map[SBX_MAP_PORTS6], NULL, &port))
		if (bpf_map_delete_elem(k->map[SBX_MAP_PORTS6], &port))
			return -errno;
	for (i = 0; i < SBX_MAX_SANDBOXES; i++)
		if (bpf_map_update_elem(k->map[SBX_MAP_RESOLVERS], &i, &none, BPF_ANY))
			return -errno;
	return 0;
}

/* --- addresses --- */

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct sbx_name_key sbx_dns_key(uint64_t image, int family, const uint8_t *addr)
{
	struct sbx_name_key key = {.image = image};
	uint8_t a[16];
	int i;

	memcpy(a, mapped, sizeof(mapped));
	if (family == AF_INET)
		memcpy(a + sizeof(mapped), addr, 4);
	else
		memcpy(a, addr, 16);
	for (i = 0; i < 8; i++) {
		key.hi = key.hi << 8 | a[i];
		key.lo = key.lo << 8 | a[8 + i];
	}
	return key;
}

int sbx_dns_key_address(const struct sbx_name_key *key, uint8_t addr[16])
{
	uint8_t a[16];
	int i;

	for (i = 0; i < 8; i++) {
		a[i] = (uint8_t)(key->hi >> (56 - 8 * i));
		a[8 + i] = (uint8_t)(key->lo >> (56 - 8 * i));
	}
	if (!memcmp(a, mapped, sizeof(mapped))) {
		memcpy(addr, a + sizeof(mapped), 4);
		return AF_INET;
	}
	memcpy(addr, a, sizeof(a));
	return AF_INET6;
}

int sbx_dns_open(struct sbx_kern *k, const struct sbx_name_key *key, const struct sbx_name *name)
{
	return bpf_map_update_elem(k->map[SBX_MAP_NAMES], key, name, BPF_ANY) ? -errno : 0;
}

int sbx_dns_close(struct sbx_kern *k, const struct sbx_name_key *key)
{
	return bpf_map_delete_elem(k->map[SBX_MAP_NAMES], key) ? -errno : 0;
}

int sbx_dns_each(struct sbx_kern *k, sbx_name_fn fn, void *arg)
{
	struct sbx_name_key key, prev, *from = NULL;
	struct sbx_name name;
	int r = 0;

	while (!r && !bpf_map_get_next_key(k->map[SBX_MAP_NAMES], from, &key)) {
		prev = key;
		from = &prev;
		if (!bpf_map_lookup_elem(k->map[SBX_MAP_NAMES], &key, &name))
			r = fn(&key, &name, arg);
	}
	return r;
}

int sbx_dns_asker(struct sbx_kern *k, uint64_t cookie, struct sbx_asker *out)
{
	return bpf_map_lookup_elem(k->map[SBX_MAP_ASKERS], &cookie, out) ? -errno : 0;
}

/* --- events --- */

static void fill_event(struct sbx_slot *s, uint64_t id, struct sbx_event *ev)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	ev->first_ns = ev->last_ns = now.tv_sec * 1000000000ull + now.tv_nsec;
	ev->count = 1;
	ev->sandbox = id;
	ev->generation = s->generation;
	ev->seq = __atomic_add_fetch(&s->seq, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(ev->mode == SBX_MODE_AUDIT ? &s->audited : &s->denied, 1,
			   __ATOMIC_SEQ_CST);
	if (ev->flags & SBX_EVF_QUIET)
		__atomic_fetch_add(&s->quiet, 1, __ATOMIC_SEQ_CST);
}

int sbx_kern_record(struct sbx_kern *k, uint64_t id, struct sbx_event *ev, uint64_t object)
{
	struct sbx_event_key key = {
		.op = ev->op, .why = ev->why, .mode = ev->mode, .object = object};
	struct sbx_slot *s = sbx_slot_of(k, id);
	struct sbx_event known;
	int fd, r = 0;

	if (!s)
		return -ENOENT;
	fill_event(s, id, ev);
	fd = sbx_kern_events_open(k, id);
	if (fd < 0)
		return fd;
	if (!bpf_map_lookup_elem(fd, &key, &known)) {
		known.count++;
		known.last_ns = ev->last_ns;
		known.seq = ev->seq;
		known.generation = ev->generation;
		*ev = known;
	}
	if (bpf_map_update_elem(fd, &key, ev, BPF_ANY)) {
		r = -errno;
		__atomic_fetch_add(&s->lost, 1, __ATOMIC_SEQ_CST);
	}
	close(fd);
	return r;
}

bool sbx_kern_current(struct sbx_kern *k)
{
	struct bpf_map_info ours = {0}, pinned = {0};
	uint32_t a = sizeof(ours), b = sizeof(pinned);
	int fd = bpf_obj_get(SBX_PIN_DIR "/ready");
	bool same = fd >= 0 && !bpf_obj_get_info_by_fd(k->map[SBX_MAP_CONFIG], &ours, &a) &&
		    !bpf_obj_get_info_by_fd(fd, &pinned, &b) && ours.id == pinned.id;

	if (fd >= 0)
		close(fd);
	return same;
}
