// SPDX-License-Identifier: MIT
/*
 * Names: servers that are not allowed, in every way to ask them, and answers in their name. Where a
 * sandbox asks for the program (by a forwarder or a proxy), these are the ways around it.
 */
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <stdio.h>
#include <sys/uio.h>
#include "tests/escape/net.h"

#define PORT	  53
#define PORT_TLS  853
#define PORT_HTTP 443
#define PORT_MDNS 5353
#define PORT_LLMR 5355

/* A question for the addresses of sbx.test. */
static const char question[] = "\0\x2a\1\0\0\1\0\0\0\0\0\0\3sbx\4test\0\0\1\0";

static socklen_t server(const char *address, int port, struct sockaddr_storage *ss)
{
	struct sockaddr_in *in = (void *)ss;
	struct sockaddr_in6 *in6 = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	in->sin_port = htons(port); /* at the same place in both */
	if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	inet_pton(AF_INET6, address, &in6->sin6_addr);
	return sizeof(*in6);
}

/* Whom to ask: the attack a forbidden server, the twin an allowed peer. */
static socklen_t whom(struct esc_try *t, const char *address, int port, int type,
		      struct sockaddr_storage *ss)
{
	socklen_t len = server(address, port, ss);

	return t->twin ? esc_peer(t, ss->ss_family, type, ss) : len;
}

static bool nobody_there(struct esc_try *t, int family)
{
	return !t->twin && !(family == AF_INET ? t->w->dns4 : t->w->dns6);
}

#define NOBODY "nobody could listen there"

static int send_to(struct esc_try *t, const char *address, int port)
{
	struct sockaddr_storage ss;
	socklen_t len = whom(t, address, port, SOCK_DGRAM, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (nobody_there(t, ss.ss_family))
		return esc_none(t, NOBODY);
	return esc_talk(t, fd, sendto(fd, question, sizeof(question), 0, (void *)&ss, len));
}

static int connect_to(struct esc_try *t, const char *address, int port, int type)
{
	struct sockaddr_storage ss;
	socklen_t len = whom(t, address, port, type, &ss);
	int fd = socket(ss.ss_family, type | SOCK_CLOEXEC, 0);
	long r;

	if (nobody_there(t, ss.ss_family))
		return esc_none(t, NOBODY);
	r = connect(fd, (void *)&ss, len);
	return esc_talk(t, fd, r ? r : send(fd, question, sizeof(question), MSG_NOSIGNAL));
}

ESC_CALL(udp, send_to(t, ESC_DNS, PORT))
ESC_CALL(udp6, send_to(t, "::1", PORT))
ESC_CALL(connected, connect_to(t, ESC_DNS, PORT, SOCK_DGRAM))
ESC_CALL(tcp, connect_to(t, ESC_DNS, PORT, SOCK_STREAM))
ESC_CALL(tcp6, connect_to(t, "::1", PORT, SOCK_STREAM))
ESC_CALL(tls, connect_to(t, ESC_DNS, PORT_TLS, SOCK_STREAM))
ESC_CALL(quic, send_to(t, ESC_DNS, PORT_TLS))
ESC_CALL(https, connect_to(t, ESC_DNS, PORT_HTTP, SOCK_STREAM))
ESC_CALL(mdns_unicast, send_to(t, ESC_DNS, PORT_MDNS))

/* An IPv6 socket to an IPv4 server. */
static int mapped(struct esc_try *t)
{
	struct sockaddr_storage ss;
	socklen_t len = server("::ffff:" ESC_DNS, PORT, &ss);
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (nobody_there(t, AF_INET))
		return esc_none(t, NOBODY);
	if (t->twin)
		len = esc_mapped_peer(t, SOCK_DGRAM, &ss);
	return esc_talk(t, fd, sendto(fd, question, sizeof(question), 0, (void *)&ss, len));
}

static int fastopen(struct esc_try *t)
{
	struct sockaddr_storage ss;
	socklen_t len = whom(t, ESC_DNS, PORT, SOCK_STREAM, &ss);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (nobody_there(t, AF_INET))
		return esc_none(t, NOBODY);
	return esc_talk(t, fd,
			sendto(fd, question, sizeof(question), MSG_FASTOPEN | MSG_NOSIGNAL,
			       (void *)&ss, len));
}

/* Through an interface, whatever the routes say: before the address is judged, and after. */
static int by_device(struct esc_try *t, bool after)
{
	struct sockaddr_storage ss;
	socklen_t len = whom(t, ESC_DNS, PORT, SOCK_DGRAM, &ss);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	long r = 0;

	if (t->twin)
		return udp(t); /* without: no sandbox has to let it choose an interface */
	if (nobody_there(t, AF_INET))
		return esc_none(t, NOBODY);
	if (after)
		r = connect(fd, (void *)&ss, len);
	if (!r)
		r = setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);
	if (!r && !after)
		r = connect(fd, (void *)&ss, len);
	return esc_talk(t, fd, r ? r : send(fd, question, sizeof(question), 0));
}

static int device_first(struct esc_try *t)
{
	return by_device(t, false);
}

static int device_after(struct esc_try *t)
{
	return by_device(t, true);
}

/* The interface and the sender's address in a control message. */
static int packet_info(struct esc_try *t)
{
	struct sockaddr_storage ss;
	char space[CMSG_SPACE(sizeof(struct in_pktinfo))] = "";
	struct iovec iov = {.iov_base = (void *)question, .iov_len = sizeof(question)};
	struct msghdr m = {.msg_name = &ss,
			   .msg_namelen = whom(t, ESC_DNS, PORT, SOCK_DGRAM, &ss),
			   .msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = space,
			   .msg_controllen = sizeof(space)};
	struct in_pktinfo info = {.ipi_ifindex = if_nametoindex("lo")};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (nobody_there(t, AF_INET))
		return esc_none(t, NOBODY);
	info.ipi_spec_dst.s_addr = htonl(INADDR_LOOPBACK);
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	return esc_talk(t, fd, sendmsg(fd, &m, 0));
}

/* To whoever listens, by the loopback: no server's address is named. */
static int to_all(struct esc_try *t, const char *address, int port)
{
	struct ip_mreqn lo = {.imr_ifindex = if_nametoindex("lo")};
	struct sockaddr_storage ss;
	socklen_t len = whom(t, address, port, SOCK_DGRAM, &ss);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1;

	if (nobody_there(t, AF_INET))
		return esc_none(t, NOBODY);
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one));
	setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof(lo));
	return esc_talk(t, fd, sendto(fd, question, sizeof(question), 0, (void *)&ss, len));
}

ESC_CALL(mdns, to_all(t, ESC_MDNS, PORT_MDNS))
ESC_CALL(llmnr, to_all(t, ESC_LLMNR, PORT_LLMR))
ESC_CALL(broadcast, to_all(t, ESC_BROADCAST, PORT))

/* What comes from a server's port is taken for an answer. The peer itself is allowed. */
static int answer_from(struct esc_try *t, const char *address, int option)
{
	struct esc_try allowed = *t;
	struct sockaddr_storage own, ss;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1;
	socklen_t len = server(t->twin ? "127.0.0.1" : address, t->twin ? 0 : PORT, &own);
	long r = option ? setsockopt(fd, IPPROTO_IP, option, &one, sizeof(one)) : 0;

	allowed.twin = true;
	if (!r)
		r = bind(fd, (void *)&own, len);
	len = esc_peer(&allowed, AF_INET, SOCK_DGRAM, &ss);
	if (!r)
		r = sendto(fd, question, sizeof(question), 0, (void *)&ss, len);
	return esc_talk(t, fd, r);
}

static int answer(struct esc_try *t)
{
	return answer_from(t, "127.83.66.98", 0);
}

/* In the name of an address that is not this machine's. */
static int answer_transparent(struct esc_try *t)
{
	return t->twin ? answer(t) : answer_from(t, "192.0.2.53", IP_TRANSPARENT);
}

/* Those who resolve for others, at their sockets. */
#define RESOLVER(fn, name) \
	ESC_CALL(fn, esc_unix_connect(t, t->twin ? "project/.ok" : name, SOCK_STREAM))
RESOLVER(nscd, "outside/run/nscd")
RESOLVER(resolved, "outside/run/io.systemd.Resolve")
RESOLVER(avahi, "outside/run/avahi")

static int settings(struct esc_try *t, const char *path)
{
	int fd = t->twin ? -1 : open(path, O_WRONLY | O_CLOEXEC);

	if (t->twin)
		return esc_twin_file(t);
	if (fd < 0)
		return errno == ENOENT ? esc_none(t, "there is no such file") : -errno;
	esc_prove(t, "%s is open for writing", path);
	close(fd);
	return 0;
}

ESC_CALL(resolv_conf, settings(t, "/etc/resolv.conf"))
ESC_CALL(hosts, settings(t, "/etc/hosts"))
ESC_CALL(nsswitch, settings(t, "/etc/nsswitch.conf"))

#define AROUND "a filter that redirects port 53 of one kind alone"
#define TUNNEL "DNS is the classic way out of a network that is closed (MITRE T1071.004)"
#define POISON "an answer that outruns the server's is believed (CVE-2008-1447)"
#define ASKED  "what a program asks a resolver outside, leaves through it"
#define UDP    ESC_PEERS | ESC_UDP

const struct esc_case esc_dns[] = {
	{"udp", "asks a name server", TUNNEL, udp, .needs = UDP},
	{"udp6", "asks a name server over IPv6", AROUND, udp6, .needs = UDP},
	{"connected", "asks a name server on a connected socket", AROUND, connected, .needs = UDP},
	{"mapped", "asks a name server at ::ffff:…", AROUND, mapped, .needs = UDP},
	{"tcp", "asks a name server by TCP", AROUND, tcp, .needs = ESC_PEERS},
	{"tcp6", "asks a name server by TCP over IPv6", AROUND, tcp6, .needs = ESC_PEERS},
	{"fastopen", "asks a name server by TCP fast open", AROUND, fastopen, .needs = ESC_PEERS},
	{"tls", "asks by TLS (port 853)", "RFC 7858", tls, .needs = ESC_PEERS},
	{"quic", "asks by QUIC (port 853)", "RFC 9250", quic, .needs = UDP},
	{"https", "asks by HTTPS", "RFC 8484", https, .needs = ESC_PEERS},
	{"device-first", "asks through an interface that it names first", AROUND, device_first,
	 .needs = UDP},
	{"device-after", "names an interface when the server was judged", AROUND, device_after,
	 .needs = UDP},
	{"packet-info", "asks with the interface in a control message", AROUND, packet_info,
	 .needs = UDP},
	{"mdns", "asks the neighbours by multicast", TUNNEL, mdns, .needs = UDP},
	{"mdns-unicast", "asks a neighbour at mDNS's port", TUNNEL, mdns_unicast, .needs = UDP},
	{"llmnr", "asks the neighbours by LLMNR", TUNNEL, llmnr, .needs = UDP},
	{"broadcast", "asks everybody by broadcast", TUNNEL, broadcast, .needs = UDP},
	{"answer", "answers from a name server's port", POISON, answer, .needs = UDP | ESC_ROOT},
	{"answer-transparent", "answers from somebody else's address, as a proxy", POISON,
	 answer_transparent, .needs = UDP | ESC_ROOT},
	{"nscd", "asks the name service's cache", ASKED, nscd, .needs = ESC_UNIX},
	{"resolved", "asks systemd-resolved", ASKED, resolved, .needs = ESC_UNIX},
	{"avahi", "asks avahi", ASKED, avahi, .needs = ESC_UNIX},
	{"resolv-conf", "names another server for everybody", "answers for others", resolv_conf,
	 .needs = ESC_ROOT},
	{"hosts", "writes addresses for everybody", "answers for others", hosts, .needs = ESC_ROOT},
	{"nsswitch", "names another service for everybody", "runs a library outside", nsswitch,
	 .needs = ESC_ROOT},
	{0},
};
