// SPDX-License-Identifier: MIT
/*
 * Those who listen outside. A forbidden one notes whoever gets through to it; an allowed one
 * answers with a greeting. One hands out descriptors to whoever asks in the project.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "tests/escape/net.h"

enum { FORBIDDEN, ALLOWED, GIFT };

#define SERVER(family, type, address, port)                         \
	{                                                           \
		family, type, FORBIDDEN, NULL, 0, -1, address, port \
	}

static struct peer {
	int family, type, role;
	const char *name; /* a path below the world, "@…", or NULL */
	size_t port;	  /* where in the world its number belongs */
	int fd;
	const char *address; /* of a name server, and its port, which root alone can have */
	int at;
} peers[] = {
	{AF_INET, SOCK_STREAM, FORBIDDEN, NULL, offsetof(struct esc_world, tcp4), -1},
	{AF_INET6, SOCK_STREAM, FORBIDDEN, NULL, offsetof(struct esc_world, tcp6), -1},
	{AF_INET, SOCK_DGRAM, FORBIDDEN, NULL, offsetof(struct esc_world, udp4), -1},
	{AF_INET6, SOCK_DGRAM, FORBIDDEN, NULL, offsetof(struct esc_world, udp6), -1},
	{AF_INET, SOCK_STREAM, ALLOWED, NULL, offsetof(struct esc_world, ok_tcp4), -1},
	{AF_INET6, SOCK_STREAM, ALLOWED, NULL, offsetof(struct esc_world, ok_tcp6), -1},
	{AF_INET, SOCK_DGRAM, ALLOWED, NULL, offsetof(struct esc_world, ok_udp4), -1},
	{AF_INET6, SOCK_DGRAM, ALLOWED, NULL, offsetof(struct esc_world, ok_udp6), -1},
	{AF_UNIX, SOCK_STREAM, FORBIDDEN, "outside/run/stream", 0, -1},
	{AF_UNIX, SOCK_DGRAM, FORBIDDEN, "outside/run/dgram", 0, -1},
	{AF_UNIX, SOCK_SEQPACKET, FORBIDDEN, "outside/run/seqpacket", 0, -1},
	{AF_UNIX, SOCK_STREAM, FORBIDDEN, "@stream", 0, -1},
	{AF_UNIX, SOCK_DGRAM, FORBIDDEN, "@dgram", 0, -1},
	{AF_UNIX, SOCK_SEQPACKET, FORBIDDEN, "@seqpacket", 0, -1},
	{AF_UNIX, SOCK_STREAM, FORBIDDEN, "outside/run/docker.sock", 0, -1},
	{AF_UNIX, SOCK_STREAM, FORBIDDEN, "outside/run/podman.sock", 0, -1},
	{AF_UNIX, SOCK_STREAM, FORBIDDEN, "outside/run/containerd.sock", 0, -1},
	{AF_UNIX, SOCK_STREAM, FORBIDDEN, "outside/run/bus", 0, -1},
	{AF_UNIX, SOCK_STREAM, FORBIDDEN, "@dbus", 0, -1},
	{AF_UNIX, SOCK_STREAM, FORBIDDEN, "outside/run/systemd", 0, -1},
	{AF_UNIX, SOCK_STREAM, FORBIDDEN, "outside/run/ssh-mux", 0, -1},
	{AF_UNIX, SOCK_STREAM, FORBIDDEN, "outside/run/agent", 0, -1},
	{AF_UNIX, SOCK_STREAM, FORBIDDEN, "outside/run/gpg-agent", 0, -1},
	{AF_UNIX, SOCK_STREAM, FORBIDDEN, "outside/run/tmux", 0, -1},
	{AF_UNIX, SOCK_STREAM, FORBIDDEN, "outside/run/X7", 0, -1},
	{AF_UNIX, SOCK_STREAM, FORBIDDEN, "@x11", 0, -1},
	{AF_UNIX, SOCK_STREAM, FORBIDDEN, "outside/run/wayland-0", 0, -1},
	{AF_UNIX, SOCK_DGRAM, FORBIDDEN, "outside/run/log", 0, -1},
	{AF_UNIX, SOCK_STREAM, FORBIDDEN, "outside/run/editor-ipc", 0, -1},
	{AF_UNIX, SOCK_STREAM, FORBIDDEN, "outside/run/nscd", 0, -1},
	{AF_UNIX, SOCK_STREAM, FORBIDDEN, "outside/run/io.systemd.Resolve", 0, -1},
	{AF_UNIX, SOCK_STREAM, FORBIDDEN, "outside/run/avahi", 0, -1},
	SERVER(AF_INET, SOCK_DGRAM, ESC_DNS, 53),
	SERVER(AF_INET, SOCK_STREAM, ESC_DNS, 53),
	SERVER(AF_INET, SOCK_STREAM, ESC_DNS, 853),
	SERVER(AF_INET, SOCK_DGRAM, ESC_DNS, 853),
	SERVER(AF_INET, SOCK_STREAM, ESC_DNS, 443),
	SERVER(AF_INET, SOCK_DGRAM, ESC_DNS, 5353),
	SERVER(AF_INET, SOCK_DGRAM, ESC_MDNS, 5353),
	SERVER(AF_INET, SOCK_DGRAM, ESC_LLMNR, 5355),
	SERVER(AF_INET, SOCK_DGRAM, ESC_BROADCAST, 53),
	SERVER(AF_INET6, SOCK_DGRAM, "::1", 53),
	SERVER(AF_INET6, SOCK_STREAM, "::1", 53),
	{AF_UNIX, SOCK_STREAM, ALLOWED, "project/.ok", 0, -1},
	{AF_UNIX, SOCK_DGRAM, ALLOWED, "project/.ok-dgram", 0, -1},
	{AF_UNIX, SOCK_STREAM, GIFT, "project/.gift", 0, -1},
};

#define PEERS (sizeof(peers) / sizeof(*peers))

static const struct esc_world *world;
static char reached[ESC_NOTE];

static socklen_t address(const struct esc_world *w, const struct peer *p,
			 struct sockaddr_storage *ss)
{
	struct sockaddr_in *in = (void *)ss;
	struct sockaddr_in6 *in6 = (void *)ss;
	struct sockaddr_un *un = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	ss->ss_family = p->family;
	in->sin_port = htons(p->at); /* at the same place in both */
	if (p->address) {
		inet_pton(p->family, p->address,
			  p->family == AF_INET ? (void *)&in->sin_addr : (void *)&in6->sin6_addr);
		return p->family == AF_INET ? sizeof(*in) : sizeof(*in6);
	}
	if (p->family == AF_INET) {
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(*in);
	}
	if (p->family == AF_INET6) {
		in6->sin6_addr = in6addr_loopback;
		return sizeof(*in6);
	}
	if (*p->name != '@') {
		snprintf(un->sun_path, sizeof(un->sun_path), "%.60s/%s", w->dir, p->name);
		return sizeof(*un);
	}
	return offsetof(struct sockaddr_un, sun_path) + 1 +
	       snprintf(un->sun_path + 1, sizeof(un->sun_path) - 1, "%s-%s", w->abstract,
			p->name + 1);
}

static int listen_at(struct esc_world *w, struct peer *p)
{
	struct sockaddr_storage ss;
	socklen_t len = address(w, p, &ss);
	int one = 1;

	p->fd = socket(p->family, p->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (p->fd < 0 || bind(p->fd, (void *)&ss, len) ||
	    (p->type != SOCK_DGRAM && listen(p->fd, 64)))
		return -errno;
	if (p->name && *p->name != '@')
		return chmod(((struct sockaddr_un *)&ss)->sun_path, 0777) ? -errno : 0;
	if (p->name || p->address)
		return 0;
	len = sizeof(ss);
	if (getsockname(p->fd, (void *)&ss, &len))
		return -errno;
	*(long *)((char *)w + p->port) = ntohs(((struct sockaddr_in *)&ss)->sin_port);
	return 0;
}

/* Where a port of the system's cannot be had, what is about it does not apply. */
static void serve_names(struct esc_world *w, struct peer *p)
{
	struct ip_mreqn group = {.imr_ifindex = if_nametoindex("lo")};

	if (listen_at(w, p)) {
		close(p->fd);
		p->fd = -1; /* poll() skips it */
		if (p->family == AF_INET)
			w->dns4 = 0;
		else
			w->dns6 = 0;
		return;
	}
	inet_pton(AF_INET, p->address, &group.imr_multiaddr);
	if (IN_MULTICAST(ntohl(group.imr_multiaddr.s_addr)))
		setsockopt(p->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group));
}

int esc_peers_open(struct esc_world *w)
{
	size_t i;
	int rc = 0;

	world = w;
	w->dns4 = w->dns6 = 1;
	for (i = 0; i < PEERS && !rc; i++)
		if (peers[i].address)
			serve_names(w, &peers[i]);
		else
			rc = listen_at(w, &peers[i]);
	if (rc)
		fprintf(stderr, "sbx-escape: cannot listen (%s): %s\n",
			peers[i - 1].name ? peers[i - 1].name : "loopback", strerror(-rc));
	return rc;
}

static void note_reached(const struct peer *p, long n)
{
	static const char *const types[] = {[SOCK_STREAM] = "stream",
					    [SOCK_DGRAM] = "datagram",
					    [SOCK_SEQPACKET] = "seqpacket"};

	snprintf(reached, sizeof(reached), "reached outside: %s %s got %ld bytes",
		 p->address		 ? p->address
		 : p->family == AF_INET	 ? "127.0.0.1"
		 : p->family == AF_INET6 ? "::1"
					 : p->name,
		 types[p->type], n < 0 ? 0 : n);
}

/* A stranger who connects to a port that the inside listens at. */
static void visit(int family, int port)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 in6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback};
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (!connect(fd, family == AF_INET ? (void *)&in : (void *)&in6,
		     family == AF_INET ? sizeof(in) : sizeof(in6)))
		snprintf(reached, sizeof(reached), "reached from outside: it served port %d", port);
	close(fd);
}

/* Opens what is asked for and passes it: a broker outside that is too obliging. */
static void give(int fd)
{
	char what[32] = "", path[ESC_PATH], space[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = {.iov_base = "g", .iov_len = 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = space,
			   .msg_controllen = sizeof(space)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	char *below;
	int gift;

	if (recv(fd, what, sizeof(what) - 1, 0) <= 2)
		return;
	below = what + 2;
	if (what[0] == '4' || what[0] == '6') {
		visit(what[0] == '4' ? AF_INET : AF_INET6, atoi(below));
		return;
	}
	esc_path(world, below, path);
	gift = open(path, (what[0] == 'w'   ? O_RDWR
			   : what[0] == 'p' ? O_PATH
					    : O_RDONLY) |
				  O_CLOEXEC);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &gift, sizeof(gift));
	if (gift >= 0)
		sendmsg(fd, &m, MSG_NOSIGNAL);
	close(gift);
}

static void serve_stream(const struct peer *p)
{
	char buf[256];
	struct timeval limit = {.tv_usec = 300000};
	int fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (p->role == GIFT)
		give(fd);
	else if (p->role == ALLOWED && recv(fd, buf, sizeof(buf), 0) > 0)
		send(fd, ESC_HELLO, sizeof(ESC_HELLO), MSG_NOSIGNAL);
	else if (p->role == FORBIDDEN)
		note_reached(p, recv(fd, buf, sizeof(buf), 0));
	close(fd);
}

static void serve_datagram(const struct peer *p)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char buf[256];
	ssize_t n = recvfrom(p->fd, buf, sizeof(buf), 0, (void *)&ss, &len);

	if (n < 0)
		return;
	if (p->family == AF_INET && ((struct sockaddr_in *)&ss)->sin_port == htons(53))
		snprintf(reached, sizeof(reached),
			 "reached outside: an answer from a name server's port");
	else if (p->role == ALLOWED)
		sendto(p->fd, ESC_HELLO, sizeof(ESC_HELLO), MSG_NOSIGNAL, (void *)&ss, len);
	else
		note_reached(p, n);
}

void esc_peers_serve(int timeout_ms, int extra)
{
	struct pollfd f[PEERS + 1];
	size_t i;
	bool woken = false;

	for (i = 0; i < PEERS; i++)
		f[i] = (struct pollfd){.fd = peers[i].fd, .events = POLLIN};
	f[PEERS] = (struct pollfd){.fd = extra, .events = POLLIN};
	while (!woken && poll(f, PEERS + 1, timeout_ms) > 0) {
		woken = f[PEERS].revents;
		for (i = 0; i < PEERS; i++) {
			if (!(f[i].revents & POLLIN))
				continue;
			if (peers[i].type == SOCK_DGRAM)
				serve_datagram(&peers[i]);
			else
				serve_stream(&peers[i]);
		}
	}
}

bool esc_reached(char *note)
{
	bool is = *reached;

	if (is)
		snprintf(note, ESC_NOTE, "%s", reached);
	*reached = 0;
	return is;
}
