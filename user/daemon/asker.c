// SPDX-License-Identifier: MIT
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>
#include "user/daemon/asker.h"

struct request {
	struct nlmsghdr h;
	struct inet_diag_req_v2 r;
};

static uint16_t put_address(const struct sockaddr_storage *a, uint32_t out[4])
{
	if (a->ss_family == AF_INET6) {
		memcpy(out, &((const struct sockaddr_in6 *)a)->sin6_addr, 16);
		return ((const struct sockaddr_in6 *)a)->sin6_port;
	}
	memcpy(out, &((const struct sockaddr_in *)a)->sin_addr, 4);
	return ((const struct sockaddr_in *)a)->sin_port;
}

static struct request make(const struct sockaddr_storage *from, const struct sockaddr_storage *to,
			   bool tcp)
{
	struct request q = {
		.h = {.nlmsg_len = sizeof(q),
		      .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		      .nlmsg_flags = NLM_F_REQUEST},
		.r = {.sdiag_family = from->ss_family,
		      .sdiag_protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP,
		      .idiag_states = ~0u,
		      .id = {.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
	};

	/* "src and dst are swapped for historical reasons" (net/ipv4/udp_diag.c) */
	q.r.id.idiag_sport = put_address(tcp ? from : to, q.r.id.idiag_src);
	q.r.id.idiag_dport = put_address(tcp ? to : from, q.r.id.idiag_dst);
	return q;
}

static int read_answer(int fd, uint64_t *cookie)
{
	union {
		struct nlmsghdr h;
		char bytes[4096];
	} a;
	const struct inet_diag_msg *m = NLMSG_DATA(&a.h);
	ssize_t n = recv(fd, &a, sizeof(a), 0);

	if (n < 0)
		return -errno;
	if (!NLMSG_OK(&a.h, (size_t)n))
		return -EPROTO;
	if (a.h.nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(&a.h))->error ?: -ENOENT;
	if (a.h.nlmsg_type != SOCK_DIAG_BY_FAMILY || a.h.nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return -ENOENT;
	*cookie = (uint64_t)m->id.idiag_cookie[1] << 32 | m->id.idiag_cookie[0];
	return 0;
}

int sbx_socket_cookie(const struct sockaddr_storage *from, const struct sockaddr_storage *to,
		      bool tcp, uint64_t *cookie)
{
	struct request q = make(from, to, tcp);
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), r;

	if (fd < 0)
		return -errno;
	r = send(fd, &q, sizeof(q), 0) == sizeof(q) ? read_answer(fd, cookie) : -errno;
	close(fd);
	return r;
}
