/* SPDX-License-Identifier: MIT */
/* Peers by address, for the cases that reach for them. */
#ifndef SBX_ESCAPE_NET_H
#define SBX_ESCAPE_NET_H

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "tests/escape/escape.h"

#define ESC_BYTES "sbx-escape was here"

/* Where the name servers are that may not be asked. */
#define ESC_DNS	      "127.83.66.99"
#define ESC_MDNS      "224.0.0.251"
#define ESC_LLMNR     "224.0.0.252"
#define ESC_BROADCAST "127.255.255.255"

/* A case that is one call. */
#define ESC_CALL(fn, ...)                \
	static int fn(struct esc_try *t) \
	{                                \
		return __VA_ARGS__;      \
	}

static inline long esc_port(const struct esc_try *t, int family, int type)
{
	const struct esc_world *w = t->w;

	if (type == SOCK_STREAM)
		return family == AF_INET ? t->twin ? w->ok_tcp4 : w->tcp4
		       : t->twin	 ? w->ok_tcp6
					 : w->tcp6;
	return family == AF_INET ? t->twin ? w->ok_udp4 : w->udp4 : t->twin ? w->ok_udp6 : w->udp6;
}

/* The peer of the attack or of the twin, on the loopback. */
static inline socklen_t esc_peer(const struct esc_try *t, int family, int type,
				 struct sockaddr_storage *ss)
{
	struct sockaddr_in *in = (void *)ss;
	struct sockaddr_in6 *in6 = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	ss->ss_family = family;
	if (family == AF_INET) {
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		in->sin_port = htons(esc_port(t, family, type));
		return sizeof(*in);
	}
	in6->sin6_addr = in6addr_loopback;
	in6->sin6_port = htons(esc_port(t, family, type));
	return sizeof(*in6);
}

/* ::ffff:127.0.0.1 */
static inline socklen_t esc_mapped_peer(const struct esc_try *t, int type,
					struct sockaddr_storage *ss)
{
	struct sockaddr_in6 *in6 = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	in6->sin6_family = AF_INET6;
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &in6->sin6_addr);
	in6->sin6_port = htons(esc_port(t, AF_INET, type));
	return sizeof(*in6);
}

/* The greeting of an allowed peer is a twin's proof; what a forbidden one gets, the host sees. */
static inline int esc_talk(struct esc_try *t, int fd, long r)
{
	struct timeval limit = {.tv_sec = 1, .tv_usec = 500000};
	char buf[64] = "";

	if (r < 0) {
		r = -errno;
	} else if (t->twin) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		r = esc_err(recv(fd, buf, sizeof(buf) - 1, 0));
		if (!r && strstr(buf, ESC_HELLO))
			esc_prove(t, "the allowed peer answered");
	}
	if (fd >= 0)
		close(fd);
	return r < 0 ? r : 0;
}

/* NAME below the world, or "@…". Returns the length of the address. */
static inline socklen_t esc_unix(const struct esc_try *t, const char *name, struct sockaddr_un *un)
{
	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	if (*name != '@') {
		snprintf(un->sun_path, sizeof(un->sun_path), "%.60s/%s", t->w->dir, name);
		return sizeof(*un);
	}
	return offsetof(struct sockaddr_un, sun_path) + 1 +
	       snprintf(un->sun_path + 1, sizeof(un->sun_path) - 1, "%s-%s", t->w->abstract,
			name + 1);
}

static inline int esc_unix_connect(struct esc_try *t, const char *name, int type)
{
	struct sockaddr_un un;
	socklen_t len = esc_unix(t, name, &un);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0), r;

	r = fd < 0 ? -1 : connect(fd, (void *)&un, len);
	if (r >= 0)
		r = send(fd, ESC_BYTES, sizeof(ESC_BYTES), MSG_NOSIGNAL);
	return esc_talk(t, fd, r);
}

#endif
