// SPDX-License-Identifier: MIT
/* Sockets: every call that names a peer, every family that could reach one. */
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include "tests/escape/net.h"

#define MPTCP	262
#define UDPLITE 136

static int connected(struct esc_try *t, int fd, const void *ss, socklen_t len)
{
	long r = fd < 0 ? -1 : connect(fd, ss, len);

	if (r >= 0)
		r = send(fd, ESC_BYTES, sizeof(ESC_BYTES), MSG_NOSIGNAL);
	return esc_talk(t, fd, r);
}

static int connect_to(struct esc_try *t, int family, int type, int protocol)
{
	struct sockaddr_storage ss;
	socklen_t len = esc_peer(t, family, type, &ss);

	return connected(t, socket(family, type | SOCK_CLOEXEC, protocol), &ss, len);
}

ESC_CALL(tcp4, connect_to(t, AF_INET, SOCK_STREAM, 0))
ESC_CALL(tcp6, connect_to(t, AF_INET6, SOCK_STREAM, 0))
ESC_CALL(udp4, connect_to(t, AF_INET, SOCK_DGRAM, 0))
ESC_CALL(udp6, connect_to(t, AF_INET6, SOCK_DGRAM, 0))

static int tcp_mapped(struct esc_try *t)
{
	struct sockaddr_storage ss;
	socklen_t len = esc_mapped_peer(t, SOCK_STREAM, &ss);

	return connected(t, socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), &ss, len);
}

static int udp_mapped(struct esc_try *t)
{
	struct sockaddr_storage ss;
	socklen_t len = esc_mapped_peer(t, SOCK_DGRAM, &ss);

	return connected(t, socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), &ss, len);
}

/* 0.0.0.0 and ::, which lead to the loopback. */
static int any_address(struct esc_try *t, int family)
{
	struct sockaddr_storage ss;
	socklen_t len = esc_peer(t, family, SOCK_STREAM, &ss);

	if (family == AF_INET)
		((struct sockaddr_in *)&ss)->sin_addr.s_addr = 0;
	else
		((struct sockaddr_in6 *)&ss)->sin6_addr = in6addr_any;
	return connected(t, socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), &ss, len);
}

ESC_CALL(any4, any_address(t, AF_INET))
ESC_CALL(any6, any_address(t, AF_INET6))

static int sendto_kind(struct esc_try *t, int family, int type, int flags)
{
	struct sockaddr_storage ss;
	socklen_t len = esc_peer(t, family, type, &ss);
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	return esc_talk(
		t, fd,
		sendto(fd, ESC_BYTES, sizeof(ESC_BYTES), flags | MSG_NOSIGNAL, (void *)&ss, len));
}

ESC_CALL(sendto4, sendto_kind(t, AF_INET, SOCK_DGRAM, 0))
ESC_CALL(sendto6, sendto_kind(t, AF_INET6, SOCK_DGRAM, 0))
ESC_CALL(fastopen, sendto_kind(t, AF_INET, SOCK_STREAM, MSG_FASTOPEN))
ESC_CALL(fastopen6, sendto_kind(t, AF_INET6, SOCK_STREAM, MSG_FASTOPEN))

static int fastopen_connect(struct esc_try *t)
{
	struct sockaddr_storage ss;
	socklen_t len = esc_peer(t, AF_INET, SOCK_STREAM, &ss);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one));
	return connected(t, fd, &ss, len);
}

/* udp_sendmsg() takes AF_UNSPEC for AF_INET. */
static int sendto_unspec(struct esc_try *t)
{
	struct sockaddr_storage ss;
	socklen_t len = esc_peer(t, AF_INET, SOCK_DGRAM, &ss);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ss.ss_family = AF_UNSPEC;
	return esc_talk(t, fd, sendto(fd, ESC_BYTES, sizeof(ESC_BYTES), 0, (void *)&ss, len));
}

static int sendmsg4(struct esc_try *t)
{
	struct sockaddr_storage ss;
	struct iovec iov = {.iov_base = ESC_BYTES, .iov_len = sizeof(ESC_BYTES)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_name = &ss};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	m.msg_namelen = esc_peer(t, AF_INET, SOCK_DGRAM, &ss);
	return esc_talk(t, fd, sendmsg(fd, &m, 0));
}

/* As resolvers do: two questions on a connected socket. */
static int sendmmsg_connected(struct esc_try *t)
{
	struct sockaddr_storage ss;
	struct iovec iov = {.iov_base = ESC_BYTES, .iov_len = sizeof(ESC_BYTES)};
	struct mmsghdr m[2] = {{.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1}},
			       {.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1}}};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (void *)&ss, esc_peer(t, AF_INET, SOCK_DGRAM, &ss)))
		return -errno;
	return esc_talk(t, fd, sendmmsg(fd, m, 2, 0));
}

/* The first message goes where one may, the second elsewhere. */
static int sendmmsg4(struct esc_try *t)
{
	struct esc_try allowed = *t;
	struct sockaddr_storage to[2];
	struct iovec iov = {.iov_base = ESC_BYTES, .iov_len = sizeof(ESC_BYTES)};
	struct mmsghdr m[2] = {{.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1, .msg_name = &to[0]}},
			       {.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1, .msg_name = &to[1]}}};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), n;

	if (t->twin)
		return sendmmsg_connected(t);
	allowed.twin = true;
	m[0].msg_hdr.msg_namelen = esc_peer(&allowed, AF_INET, SOCK_DGRAM, &to[0]);
	m[1].msg_hdr.msg_namelen = esc_peer(t, AF_INET, SOCK_DGRAM, &to[1]);
	n = sendmmsg(fd, m, 2, 0);
	return n == 1 ? -EPERM : esc_talk(t, fd, n);
}

static int connected_sendto(struct esc_try *t)
{
	struct esc_try allowed = *t;
	struct sockaddr_storage ss;
	socklen_t len;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	allowed.twin = true;
	len = esc_peer(&allowed, AF_INET, SOCK_DGRAM, &ss);
	r = connect(fd, (void *)&ss, len);
	len = esc_peer(t, AF_INET, SOCK_DGRAM, &ss);
	if (r >= 0)
		r = sendto(fd, ESC_BYTES, sizeof(ESC_BYTES), 0, (void *)&ss, len);
	return esc_talk(t, fd, r);
}

static int reconnect(struct esc_try *t)
{
	struct esc_try allowed = *t;
	struct sockaddr_storage ss, none = {.ss_family = AF_UNSPEC};
	socklen_t len;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	allowed.twin = true;
	len = esc_peer(&allowed, AF_INET, SOCK_DGRAM, &ss);
	if (connect(fd, (void *)&ss, len) || connect(fd, (void *)&none, sizeof(none)))
		return -errno;
	len = esc_peer(t, AF_INET, SOCK_DGRAM, &ss);
	return connected(t, fd, &ss, len);
}

/* An IPv6 socket that becomes an IPv4 one. */
static int addrform(struct esc_try *t)
{
	struct esc_try allowed = *t;
	struct sockaddr_storage ss;
	socklen_t len;
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), four = AF_INET;

	allowed.twin = true;
	len = esc_mapped_peer(&allowed, SOCK_DGRAM, &ss);
	if (connect(fd, (void *)&ss, len) ||
	    setsockopt(fd, IPPROTO_IPV6, 1 /* IPV6_ADDRFORM */, &four, sizeof(four)))
		return -errno;
	len = esc_peer(t, AF_INET, SOCK_DGRAM, &ss);
	return connected(t, fd, &ss, len);
}

static int mptcp(struct esc_try *t)
{
	if (t->twin)
		return tcp4(t);
	return connect_to(t, AF_INET, SOCK_STREAM, MPTCP);
}

#define OWN_NET "the network is one of its own"

static int source_route(struct esc_try *t)
{
	static const unsigned char lsrr[8] = {131, 7, 4, 127, 0, 0, 1, 0};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	if (t->twin)
		return tcp4(t);
	if (esc_own_ns(t, "net"))
		return esc_none(t, OWN_NET);
	r = esc_err(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, lsrr, sizeof(lsrr)));
	if (!r)
		esc_prove(t, "set a source route, by which packets go elsewhere first");
	return r;
}

static int routing_header(struct esc_try *t)
{
	unsigned char rthdr[24] = {0, 2, 2, 1};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	if (t->twin)
		return udp6(t);
	if (esc_own_ns(t, "net"))
		return esc_none(t, OWN_NET);
	inet_pton(AF_INET6, "::1", rthdr + 8);
	r = esc_err(setsockopt(fd, IPPROTO_IPV6, 57 /* IPV6_RTHDR */, rthdr, sizeof(rthdr)));
	if (!r)
		esc_prove(t, "set a routing header, by which packets go elsewhere first");
	return r;
}

static int ordinary(struct esc_try *t)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		esc_prove(t, "got an ordinary socket");
	return esc_err(fd);
}

/* A socket of a kind by which peers can be reached. */
static int granted(struct esc_try *t, int family, int type, int protocol, const char *what)
{
	int fd;

	if (t->twin)
		return ordinary(t);
	fd = socket(family, type | SOCK_CLOEXEC, protocol);
	if (fd < 0 &&
	    (errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT))
		return -errno;
	if (fd >= 0)
		esc_prove(t, "got a socket: %s", what);
	return esc_err(fd);
}

/* A datagram of its own making, to the forbidden port. */
static int raw4(struct esc_try *t)
{
	struct sockaddr_storage ss;
	socklen_t len = esc_peer(t, AF_INET, SOCK_DGRAM, &ss);
	unsigned char udp[16] = {0x30, 0x39, 0, 0, 0, 16, 0, 0, 'r', 'a', 'w'};
	int fd;

	if (t->twin)
		return udp4(t);
	memcpy(udp + 2, &((struct sockaddr_in *)&ss)->sin_port, 2);
	((struct sockaddr_in *)&ss)->sin_port = 0;
	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);
	return fd < 0 ? -errno : esc_err(sendto(fd, udp, sizeof(udp), 0, (void *)&ss, len));
}

ESC_CALL(raw6, granted(t, AF_INET6, SOCK_RAW, IPPROTO_UDP, "raw IPv6"))
ESC_CALL(packet, granted(t, AF_PACKET, SOCK_RAW, htons(3), "packets of every interface"))
ESC_CALL(packet_dgram, granted(t, AF_PACKET, SOCK_DGRAM, htons(3), "packets of every interface"))
ESC_CALL(ping, granted(t, AF_INET, SOCK_DGRAM, IPPROTO_ICMP, "ICMP"))
ESC_CALL(sctp, granted(t, AF_INET, SOCK_STREAM, IPPROTO_SCTP, "SCTP"))
ESC_CALL(dccp, granted(t, AF_INET, 6 /* SOCK_DCCP */, 33, "DCCP"))
ESC_CALL(udplite, granted(t, AF_INET, SOCK_DGRAM, UDPLITE, "UDP-Lite"))
ESC_CALL(vsock, granted(t, AF_VSOCK, SOCK_STREAM, 0, "vsock, by which a guest reaches its host"))
ESC_CALL(bluetooth, granted(t, AF_BLUETOOTH, SOCK_RAW, 1, "bluetooth"))
ESC_CALL(can, granted(t, AF_CAN, SOCK_RAW, 1, "CAN"))
ESC_CALL(tipc, granted(t, AF_TIPC, SOCK_DGRAM, 0, "TIPC"))
ESC_CALL(rds, granted(t, AF_RDS, SOCK_SEQPACKET, 0, "RDS"))
ESC_CALL(smc, granted(t, 43 /* AF_SMC */, SOCK_STREAM, 0, "SMC, which falls back to TCP"))
ESC_CALL(xdp, granted(t, 44 /* AF_XDP */, SOCK_RAW, 0, "XDP"))
ESC_CALL(alg, granted(t, AF_ALG, SOCK_SEQPACKET, 0, "the kernel's ciphers"))
ESC_CALL(kcm, granted(t, AF_KCM, SOCK_DGRAM, 0, "KCM, which takes over sockets"))
ESC_CALL(netfilter, granted(t, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, "the firewall's netlink"))
ESC_CALL(audit, granted(t, AF_NETLINK, SOCK_RAW, NETLINK_AUDIT, "audit's netlink"))
ESC_CALL(generic, granted(t, AF_NETLINK, SOCK_RAW, NETLINK_GENERIC, "generic netlink"))
ESC_CALL(uevents, granted(t, AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT, "kernel events"))
ESC_CALL(sock_diag, granted(t, AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG, "everybody's sockets"))

/* The loopback's own queue length, set to what it is: harmless, and a change. */
static int link_set(struct esc_try *t)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
	} q = {.h = {.nlmsg_len = sizeof(q),
		     .nlmsg_type = RTM_SETLINK,
		     .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
	       .i = {.ifi_index = 1}};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), r;
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char rest[512];
	} a;

	if (t->twin)
		return udp4(t);
	if (esc_own_ns(t, "net"))
		return esc_none(t, OWN_NET);
	if (fd < 0 || send(fd, &q, sizeof(q), 0) < 0 || recv(fd, &a, sizeof(a), 0) < 0)
		return -errno;
	r = a.h.nlmsg_type == NLMSG_ERROR ? a.e.error : 0;
	if (!r)
		esc_prove(t, "the kernel took a change to an interface");
	return r;
}

static int ioctl_interface(struct esc_try *t)
{
	struct ifreq ifr = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	if (t->twin)
		return udp4(t);
	if (esc_own_ns(t, "net"))
		return esc_none(t, OWN_NET);
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &ifr))
		return -errno;
	r = esc_err(ioctl(fd, SIOCSIFFLAGS, &ifr));
	if (!r)
		esc_prove(t, "the kernel took the flags of an interface");
	return r;
}

static int served(struct esc_try *t, int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char what[32];
	int c;

	if (fd < 0 || listen(fd, 1) || getsockname(fd, (void *)&ss, &len))
		return -errno;
	snprintf(what, sizeof(what), "%c %d", ss.ss_family == AF_INET ? '4' : '6',
		 ntohs(((struct sockaddr_in *)&ss)->sin_port));
	if (!t->twin)
		return esc_gift(t, what) == -EPIPE ? 0 : -ECONNREFUSED;
	c = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c < 0 || connect(c, (void *)&ss, len))
		return -errno;
	esc_prove(t, "served itself");
	return 0;
}

/* Where strangers could connect to: one is asked to. The twin connects to itself. */
static int serve(struct esc_try *t, int family, const char *address)
{
	struct sockaddr_storage ss = {.ss_family = family};
	socklen_t len =
		family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(family, address,
		  family == AF_INET ? (void *)&((struct sockaddr_in *)&ss)->sin_addr
				    : (void *)&((struct sockaddr_in6 *)&ss)->sin6_addr);
	if (fd < 0 || bind(fd, (void *)&ss, len))
		return -errno;
	return served(t, fd);
}

static int serve4(struct esc_try *t)
{
	return serve(t, AF_INET, t->twin ? "127.0.0.1" : "0.0.0.0");
}

static int serve6(struct esc_try *t)
{
	return t->twin ? serve(t, AF_INET6, "::1") : serve(t, AF_INET6, "::");
}

/* bind() takes AF_UNSPEC for AF_INET where the address is 0.0.0.0. */
static int serve_unspec(struct esc_try *t)
{
	struct sockaddr_in any = {.sin_family = AF_UNSPEC};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (t->twin)
		return serve(t, AF_INET, "127.0.0.1");
	return fd < 0 || bind(fd, (void *)&any, sizeof(any)) ? -errno : served(t, fd);
}

static int autobind(struct esc_try *t)
{
	if (t->twin)
		return serve(t, AF_INET, "127.0.0.1");
	return served(t, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

#define OPENSNITCH "filters that look at connect alone miss datagrams with an address"
#define RARE_ARRAY \
	"families that filters forget; several had local root exploits (CVE-2017-6074 and others)"

const struct esc_case esc_sockets[] = {
	{"tcp4", "connects by TCP", NULL, tcp4, .needs = ESC_PEERS},
	{"tcp6", "connects by TCP over IPv6", NULL, tcp6, .needs = ESC_PEERS},
	{"udp4", "connects by UDP", NULL, udp4, .needs = ESC_PEERS | ESC_UDP},
	{"udp6", "connects by UDP over IPv6", NULL, udp6, .needs = ESC_PEERS | ESC_UDP},
	{"tcp-mapped", "connects to ::ffff:127.0.0.1", "IPv4-mapped IPv6 passes filters for IPv4",
	 tcp_mapped, .needs = ESC_PEERS},
	{"udp-mapped", "sends to ::ffff:127.0.0.1", NULL, udp_mapped, .needs = ESC_PEERS | ESC_UDP},
	{"any4", "connects to 0.0.0.0", "0.0.0.0-day: filters that name 127.0.0.1 alone", any4,
	 .needs = ESC_PEERS},
	{"any6", "connects to ::", NULL, any6, .needs = ESC_PEERS},
	{"sendto4", "sends a datagram with an address", OPENSNITCH, sendto4,
	 .needs = ESC_PEERS | ESC_UDP},
	{"sendto6", "sends a datagram with an address over IPv6", OPENSNITCH, sendto6,
	 .needs = ESC_PEERS | ESC_UDP},
	{"sendmsg", "sends by sendmsg", OPENSNITCH, sendmsg4, .needs = ESC_PEERS | ESC_UDP},
	{"sendmmsg", "sends two datagrams at once, the second elsewhere", OPENSNITCH, sendmmsg4,
	 .needs = ESC_PEERS | ESC_UDP},
	{"sendto-unspec", "sends a datagram with AF_UNSPEC for AF_INET",
	 "Landlock's kernel selftests of AF_UNSPEC", sendto_unspec, .needs = ESC_PEERS | ESC_UDP},
	{"connected-sendto", "is connected to one and sends to another", OPENSNITCH,
	 connected_sendto, .needs = ESC_PEERS | ESC_UDP},
	{"reconnect", "dissolves a connection and makes another", NULL, reconnect,
	 .needs = ESC_PEERS | ESC_UDP},
	{"addrform", "makes an IPv6 socket an IPv4 one", NULL, addrform,
	 .needs = ESC_PEERS | ESC_UDP},
	{"fastopen", "sends with TCP fast open",
	 "no connect hook sees MSG_FASTOPEN (landlock-lsm/linux issue 41)", fastopen,
	 .needs = ESC_PEERS},
	{"fastopen6", "sends with TCP fast open over IPv6", NULL, fastopen6, .needs = ESC_PEERS},
	{"fastopen-connect", "connects with TCP_FASTOPEN_CONNECT", NULL, fastopen_connect,
	 .needs = ESC_PEERS},
	{"mptcp", "connects by MPTCP",
	 "MPTCP sockets also speak to TCP peers (landlock-lsm/linux issue 54)", mptcp,
	 .needs = ESC_PEERS},
	{"source-route", "sets an IP source route", NULL, source_route, .needs = ESC_ROOT},
	{"routing-header", "sets an IPv6 routing header", NULL, routing_header, .needs = ESC_ROOT},
	{"raw4", "makes its own datagram", NULL, raw4, .needs = ESC_ROOT},
	{"raw6", "gets a raw IPv6 socket", NULL, raw6, .needs = ESC_ROOT},
	{"packet", "gets a packet socket", "CVE-2020-14386 (AF_PACKET, container escape)", packet,
	 .needs = ESC_ROOT},
	{"packet-dgram", "gets a cooked packet socket", NULL, packet_dgram, .needs = ESC_ROOT},
	{"ping", "gets an ICMP socket", "ICMP tunnels", ping, .needs = ESC_SURFACE},
	{"sctp", "gets an SCTP socket", RARE_ARRAY, sctp, .needs = ESC_SURFACE},
	{"dccp", "gets a DCCP socket", RARE_ARRAY, dccp, .needs = ESC_SURFACE},
	{"udplite", "gets a UDP-Lite socket", RARE_ARRAY, udplite, .needs = ESC_SURFACE},
	{"vsock", "gets a vsock", "CVE-2021-26708", vsock, .needs = ESC_SURFACE},
	{"bluetooth", "gets a bluetooth socket", RARE_ARRAY, bluetooth, .needs = ESC_SURFACE},
	{"can", "gets a CAN socket", RARE_ARRAY, can, .needs = ESC_SURFACE},
	{"tipc", "gets a TIPC socket", "CVE-2022-0435", tipc, .needs = ESC_SURFACE},
	{"rds", "gets an RDS socket", RARE_ARRAY, rds, .needs = ESC_SURFACE},
	{"smc", "gets an SMC socket", RARE_ARRAY, smc, .needs = ESC_SURFACE},
	{"xdp", "gets an XDP socket", RARE_ARRAY, xdp, .needs = ESC_SURFACE},
	{"alg", "gets a socket to the kernel's ciphers", RARE_ARRAY, alg, .needs = ESC_SURFACE},
	{"kcm", "gets a KCM socket", RARE_ARRAY, kcm, .needs = ESC_SURFACE},
	{"netfilter", "gets a netlink socket to the firewall", "CVE-2024-1086 (nf_tables)",
	 netfilter, .needs = ESC_SURFACE},
	{"audit", "gets a netlink socket to audit", NULL, audit, .needs = ESC_SURFACE},
	{"generic", "gets a generic netlink socket", NULL, generic, .needs = ESC_SURFACE},
	{"uevents", "gets a netlink socket for kernel events", NULL, uevents, .needs = ESC_SURFACE},
	{"sock-diag", "gets a netlink socket that lists and closes others' sockets", NULL,
	 sock_diag, .needs = ESC_SURFACE},
	{"link-set", "changes an interface by netlink", NULL, link_set, .needs = ESC_ROOT},
	{"ioctl-interface", "changes an interface by ioctl", NULL, ioctl_interface,
	 .needs = ESC_ROOT},
	{"serve4", "serves whoever is outside", NULL, serve4, .needs = ESC_PEERS},
	{"serve6", "serves whoever is outside, over IPv6", NULL, serve6, .needs = ESC_PEERS},
	{"serve-unspec", "serves whoever is outside, bound to AF_UNSPEC",
	 "Landlock's selftests (net_test)", serve_unspec, .needs = ESC_PEERS},
	{"autobind", "listens without bind", "Landlock's documentation: listen without bind",
	 autobind, .needs = ESC_PEERS},
	{0},
};
