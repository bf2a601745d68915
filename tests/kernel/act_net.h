/* SPDX-License-Identifier: MIT */
/* Naming peers. Part of act.c, which includes it. */
#ifndef SBX_ACT_NET_H
#define SBX_ACT_NET_H

static socklen_t address(struct sockaddr_storage *ss, const char *host, const char *port)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ss;
	struct sockaddr_in *four = (struct sockaddr_in *)ss;

	memset(ss, 0, sizeof(*ss));
	if (strchr(host, ':')) {
		size_t n = strcspn(host, "%");
		char six_only[64];

		snprintf(six_only, sizeof(six_only), "%.*s", (int)n, host);
		six->sin6_family = AF_INET6;
		inet_pton(AF_INET6, six_only, &six->sin6_addr);
		six->sin6_scope_id = host[n] ? if_nametoindex(host + n + 1) : 0;
		six->sin6_port = htons(atoi(port));
		return sizeof(*six);
	}
	four->sin_family = AF_INET;
	inet_pton(AF_INET, host, &four->sin_addr);
	four->sin_port = htons(atoi(port));
	return sizeof(*four);
}

/* Nobody may listen: being refused or unreachable means that we were let through. */
static int answer(int fd, long r)
{
	int e = errno;

	close(fd);
	if (r < 0 && (e == ECONNREFUSED || e == ENETUNREACH || e == EHOSTUNREACH ||
		      e == EINPROGRESS || e == EADDRNOTAVAIL))
		return 0;
	return r < 0 ? -e : 0;
}

static int do_connect(char **a)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss, a[0], a[1]);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : answer(fd, connect(fd, (void *)&ss, len));
}

static int do_udp_connect(char **a)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss, a[0], a[1]);
	int fd = socket(ss.ss_family, SOCK_DGRAM, 0);

	return fd < 0 ? -errno : answer(fd, connect(fd, (void *)&ss, len));
}

static int do_sendto(char **a)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss, a[0], a[1]);
	int fd = socket(ss.ss_family, SOCK_DGRAM, 0);

	return fd < 0 ? -errno : answer(fd, sendto(fd, "x", 1, 0, (void *)&ss, len));
}

/* udp_sendmsg() takes AF_UNSPEC for AF_INET. */
static int do_sendto_unspec(char **a)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss, a[0], a[1]);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	ss.ss_family = AF_UNSPEC;
	return fd < 0 ? -errno : answer(fd, sendto(fd, "x", 1, 0, (void *)&ss, len));
}

static int do_sendmmsg(char **a)
{
	struct sockaddr_storage ss;
	struct iovec iov = {.iov_base = "x", .iov_len = 1};
	struct mmsghdr m = {.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1, .msg_name = &ss}};
	int fd;

	m.msg_hdr.msg_namelen = address(&ss, a[0], a[1]);
	fd = socket(ss.ss_family, SOCK_DGRAM, 0);
	return fd < 0 ? -errno : answer(fd, sendmmsg(fd, &m, 1, 0));
}

static int do_fastopen(char **a)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss, a[0], a[1]);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : answer(fd, sendto(fd, "x", 1, MSG_FASTOPEN, (void *)&ss, len));
}

static int do_bind(char **a)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss, a[0], a[1]);
	int fd = socket(ss.ss_family, SOCK_STREAM, 0);

	return fd < 0 ? -errno : answer(fd, bind(fd, (void *)&ss, len));
}

static int do_listen_unbound(char **a)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? -errno : answer(fd, listen(fd, 1));
}

static int do_socket(char **a)
{
	return closed(socket(atoi(a[0]), atoi(a[1]), atoi(a[2])));
}

/* A source route by way of `a`'s first address, as a control message. */
static void source_route(struct msghdr *m, char *space, size_t size)
{
	static const unsigned char lsrr[8] = {131, 7, 4, 192, 0, 2, 1, 0};
	struct cmsghdr *c = (struct cmsghdr *)space;

	memset(space, 0, size);
	c->cmsg_level = SOL_IP;
	c->cmsg_type = IP_RETOPTS;
	c->cmsg_len = CMSG_LEN(sizeof(lsrr));
	memcpy(CMSG_DATA(c), lsrr, sizeof(lsrr));
	m->msg_control = space;
	m->msg_controllen = CMSG_SPACE(sizeof(lsrr));
}

static int do_send_route(char **a)
{
	char space[64] __attribute__((aligned(8)));
	struct sockaddr_storage ss;
	struct iovec iov = {.iov_base = "x", .iov_len = 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_name = &ss};
	int fd;

	m.msg_namelen = address(&ss, a[0], a[1]);
	source_route(&m, space, sizeof(space));
	fd = socket(ss.ss_family, SOCK_DGRAM, 0);
	return fd < 0 ? -errno : answer(fd, sendmsg(fd, &m, 0));
}

/* The second message goes where the first did, so that nobody is asked about it. */
static int do_sendmmsg_route(char **a)
{
	char space[64] __attribute__((aligned(8)));
	struct sockaddr_storage ss;
	struct iovec iov = {.iov_base = "x", .iov_len = 1};
	struct mmsghdr m[2] = {{.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1, .msg_name = &ss}}};
	int fd, n;

	m[0].msg_hdr.msg_namelen = address(&ss, a[0], a[1]);
	m[1] = m[0];
	source_route(&m[1].msg_hdr, space, sizeof(space));
	fd = socket(ss.ss_family, SOCK_DGRAM, 0);
	if (fd < 0)
		return -errno;
	n = sendmmsg(fd, m, 2, 0);
	return answer(fd, n < 0 ? n : 0);
}

/* What a resolver does: two questions on a connected socket. */
static int do_sendmmsg_connected(char **a)
{
	struct sockaddr_storage ss;
	struct iovec iov = {.iov_base = "x", .iov_len = 1};
	struct mmsghdr m[2] = {{.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1}}};
	socklen_t len = address(&ss, a[0], a[1]);
	int fd = socket(ss.ss_family, SOCK_DGRAM, 0);

	m[1] = m[0];
	if (fd < 0 || connect(fd, (void *)&ss, len))
		return answer(fd, -1);
	return answer(fd, sendmmsg(fd, m, 2, 0));
}

/* Connected to one, sent to another. */
static int do_connected_sendto(char **a)
{
	struct sockaddr_storage ss, other;
	socklen_t len = address(&ss, a[0], a[1]);
	int fd = socket(ss.ss_family, SOCK_DGRAM, 0);

	if (fd < 0 || connect(fd, (void *)&ss, len))
		return answer(fd, -1);
	len = address(&other, a[2], a[3]);
	return answer(fd, sendto(fd, "x", 1, 0, (void *)&other, len));
}

/* Let go of the peer, connect to another. */
static int do_reconnect(char **a)
{
	struct sockaddr_storage ss, none = {.ss_family = AF_UNSPEC};
	socklen_t len = address(&ss, a[0], a[1]);
	int fd = socket(ss.ss_family, SOCK_DGRAM, 0);

	if (fd < 0 || connect(fd, (void *)&ss, len) || connect(fd, (void *)&none, sizeof(none)))
		return answer(fd, -1);
	len = address(&ss, a[2], a[3]);
	return answer(fd, connect(fd, (void *)&ss, len));
}

static int do_fastopen_connect(char **a)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss, a[0], a[1]);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, 30 /* TCP_FASTOPEN_CONNECT */, &one, sizeof(one));
	if (connect(fd, (void *)&ss, len))
		return answer(fd, -1);
	return answer(fd, send(fd, "x", 1, MSG_NOSIGNAL));
}

/* An IPv4 name on an IPv6 socket. */
static int do_sendto_mixed(char **a)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss, a[0], a[1]);
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	return fd < 0 ? -errno : answer(fd, sendto(fd, "x", 1, 0, (void *)&ss, len));
}

static int do_listen6_unbound(char **a)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	return fd < 0 ? -errno : answer(fd, listen(fd, 1));
}

/* Options by number: level, option, length. */
static int do_option(char **a)
{
	char buf[64] = {0};
	int fd = socket(AF_INET6, SOCK_DGRAM, 0), r;

	r = result(setsockopt(fd, atoi(a[0]), atoi(a[1]), buf, atoi(a[2])));
	close(fd);
	return r;
}

/* A module has it, or nobody. */
static int do_congestion(char **a)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), r;

	r = result(setsockopt(fd, IPPROTO_TCP, 13 /* TCP_CONGESTION */, a[0], strlen(a[0])));
	close(fd);
	return r;
}

/* A datagram to a unix socket by name, without connecting. */
static int do_unix_sendto(char **a)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	strncpy(un.sun_path, a[0], sizeof(un.sun_path) - 1);
	if (un.sun_path[0] == '@')
		un.sun_path[0] = 0;
	return answer(fd, sendto(fd, "x", 1, 0, (void *)&un, sizeof(un.sun_family) + strlen(a[0])));
}

static int do_ip_options(char **a)
{
	unsigned char lsrr[] = {131, 7, 4, 192, 0, 2, 1, 0};
	int fd = socket(AF_INET, SOCK_STREAM, 0), r;

	r = result(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, lsrr, sizeof(lsrr)));
	close(fd);
	return r;
}

static int do_unix(char **a)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(un.sun_path, a[0], sizeof(un.sun_path) - 1);
	if (un.sun_path[0] == '@')
		un.sun_path[0] = 0;
	return answer(fd, connect(fd, (void *)&un, sizeof(un.sun_family) + strlen(a[0])));
}

/* A server and a client in one sandbox. */
static int do_unix_inside(char **a)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), r;

	strncpy(un.sun_path, a[0], sizeof(un.sun_path) - 1);
	unlink(a[0]);
	r = result(bind(s, (void *)&un, sizeof(un)));
	if (!r)
		r = result(listen(s, 1));
	if (!r)
		r = result(connect(c, (void *)&un, sizeof(un)));
	close(s);
	close(c);
	return r;
}

/* Connect from a socket that is bound to a[0]: for 0.0.0.0 and ::, that says where it goes. */
static int do_bound_connect(char **a)
{
	struct sockaddr_storage ss, own;
	socklen_t len = address(&own, a[0], "0");
	int fd = socket(own.ss_family, SOCK_DGRAM, 0);

	if (bind(fd, (void *)&own, len)) {
		close(fd);
		return -EBADE; /* no answer to the question */
	}
	len = address(&ss, a[1], a[2]);
	return answer(fd, connect(fd, (void *)&ss, len));
}

/* From the address a[0], as a control message says: to 0.0.0.0, it goes there. */
static int do_pktinfo_send(char **a)
{
	struct {
		struct cmsghdr h;
		struct in_pktinfo info;
	} c = {.h = {.cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo)),
		     .cmsg_level = SOL_IP,
		     .cmsg_type = IP_PKTINFO}};
	struct sockaddr_storage ss;
	struct iovec iov = {.iov_base = "x", .iov_len = 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_name = &ss,
			   .msg_control = &c,
			   .msg_controllen = sizeof(c)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	inet_pton(AF_INET, a[0], &c.info.ipi_spec_dst);
	m.msg_namelen = address(&ss, a[1], a[2]);
	return answer(fd, sendmsg(fd, &m, 0));
}

/* Through the interface a[1], as a control message says, on a socket that is connected or not. */
static int do_device_send(char **a)
{
	struct {
		struct cmsghdr h;
		struct in_pktinfo info;
	} c = {.h = {.cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo)),
		     .cmsg_level = SOL_IP,
		     .cmsg_type = IP_PKTINFO},
	       .info = {.ipi_ifindex = (int)if_nametoindex(a[1])}};
	struct sockaddr_storage ss;
	struct iovec iov = {.iov_base = "x", .iov_len = 1};
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)};
	socklen_t len = address(&ss, a[2], a[3]);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (!strcmp(a[0], "connected")) {
		if (connect(fd, (void *)&ss, len)) {
			close(fd);
			return -EBADE; /* no answer to the question */
		}
	} else {
		m.msg_name = &ss;
		m.msg_namelen = len;
	}
	return answer(fd, sendmsg(fd, &m, 0));
}

static int do_bind_only6(char **a)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss, a[0], a[1]);
	int fd = socket(ss.ss_family, SOCK_STREAM, 0), one = 1;

	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	return answer(fd, bind(fd, (void *)&ss, len));
}

static int do_broadcast(char **a)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss, a[0], a[1]);
	int fd = socket(ss.ss_family, SOCK_DGRAM, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one));
	return answer(fd, sendto(fd, "x", 1, 0, (void *)&ss, len));
}

/* Really reached: somebody listens. a[0]: tcp or udp. */
static int do_reach(char **a)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss, a[1], a[2]);
	int fd = socket(ss.ss_family, strcmp(a[0], "udp") ? SOCK_STREAM : SOCK_DGRAM, 0), r;

	r = result(connect(fd, (void *)&ss, len));
	if (!r)
		r = result(send(fd, "x", 1, MSG_NOSIGNAL));
	close(fd);
	return r;
}

/* Listens at a[0], port a[1], and connects to it at a[2]; the port may be shared. */
static int do_self_reach(char **a)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss, a[0], a[1]);
	int s = socket(ss.ss_family, SOCK_STREAM, 0), one = 1, r;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (bind(s, (void *)&ss, len) || listen(s, 1)) {
		close(s);
		return -EBADE; /* no answer to the question */
	}
	r = do_reach((char *[]){"tcp", a[2], a[1]});
	close(s);
	return r;
}

/* --- netlink-route --- */

/* Asks, and returns what the kernel answers. */
static int netlink_do(unsigned short type, unsigned short flags)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
	} q = {.h = {.nlmsg_len = sizeof(q),
		     .nlmsg_type = type,
		     .nlmsg_flags = NLM_F_REQUEST | flags},
	       .i = {.ifi_index = 1}};
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	char buf[8192] __attribute__((aligned(8)));
	struct nlmsghdr *h = (struct nlmsghdr *)buf;
	long n;

	if (fd < 0)
		return -errno;
	if (send(fd, &q, sizeof(q), 0) < 0 || (n = recv(fd, buf, sizeof(buf), 0)) < 0)
		return closed(-1);
	close(fd);
	if (n >= (long)sizeof(*h) && h->nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
	return 0;
}

static int do_netlink_get(char **a)
{
	return netlink_do(RTM_GETLINK, 0);
}

static int do_netlink_set(char **a)
{
	return netlink_do(RTM_SETLINK, NLM_F_ACK);
}

#endif
