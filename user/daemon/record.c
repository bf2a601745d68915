// SPDX-License-Identifier: MIT
/* What the daemon refuses is recorded as the kernel records what it denies. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include "user/daemon/asker.h"
#include "user/daemon/internal.h"

struct sockaddr_storage served_address(const struct served *v, int family, int ipv4, int ipv6)
{
	struct sockaddr_storage a = {.ss_family = (sa_family_t)family};
	struct sockaddr_in *four = (struct sockaddr_in *)&a;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&a;
	struct sbx_resolver r = {0};

	sbx_dns_resolver(v->set->k, v->id, &r);
	if (family == AF_INET6) {
		six->sin6_addr = in6addr_loopback;
		six->sin6_port = htons(r.port[ipv6]);
	} else {
		four->sin_addr.s_addr = htonl(SBX_FORWARDER4);
		four->sin_port = htons(r.port[ipv4]);
	}
	return a;
}

/* Who asked, where its socket is still there: most wait for the answer. */
static void find_asker(const struct served *v, const struct sockaddr_storage *from,
		       const struct sockaddr_storage *to, bool tcp, struct sbx_event *ev)
{
	struct sbx_asker a;
	uint64_t cookie;

	if (sbx_socket_cookie(from, to, tcp, &cookie) || sbx_dns_asker(v->set->k, cookie, &a))
		return;
	ev->pid = a.pid;
	ev->tgid = a.tgid;
	ev->ppid = a.ppid;
	ev->uid = a.uid;
	ev->cgroup = a.cgroup;
	memcpy(ev->comm, a.comm, sizeof(ev->comm));
	memcpy(ev->exe, a.exe, sizeof(ev->exe));
}

static uint64_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ull;
	return h;
}

void served_record(struct served *v, struct sbx_event *ev, const char *what,
		   const struct sockaddr_storage *from, const struct sockaddr_storage *to, bool tcp)
{
	ev->mode = served_slot(v)->mode;
	ev->path_len = (uint32_t)strnlen(what, sizeof(ev->path));
	memcpy(ev->path, what, ev->path_len);
	find_asker(v, from, to, tcp, ev);
	sbx_kern_record(v->set->k, v->id, ev, hash(what));
}
