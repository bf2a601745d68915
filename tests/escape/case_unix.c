// SPDX-License-Identifier: MIT
/* Unix sockets, by name and without. */
#include <fcntl.h>
#include <stdio.h>
#include "tests/escape/net.h"

static int stream(struct esc_try *t)
{
	return esc_unix_connect(t, t->twin ? "project/.ok" : "outside/run/stream", SOCK_STREAM);
}

static int seqpacket(struct esc_try *t)
{
	if (t->twin)
		return stream(t);
	return esc_unix_connect(t, "outside/run/seqpacket", SOCK_SEQPACKET);
}

static int abstract(struct esc_try *t)
{
	if (t->twin)
		return stream(t);
	return esc_unix_connect(t, "@stream", SOCK_STREAM);
}

static int abstract_seqpacket(struct esc_try *t)
{
	if (t->twin)
		return stream(t);
	return esc_unix_connect(t, "@seqpacket", SOCK_SEQPACKET);
}

/* A datagram socket needs a name of its own to be answered at. */
static int datagram_socket(struct esc_try *t)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "answer");
	return t->twin && bind(fd, (void *)&un, sizeof(un)) ? -1 : fd;
}

static int dgram_connect(struct esc_try *t)
{
	struct sockaddr_un un;
	int fd = datagram_socket(t);
	socklen_t len = esc_unix(t, t->twin ? "project/.ok-dgram" : "outside/run/dgram", &un);
	long r = fd < 0 ? -1 : connect(fd, (void *)&un, len);

	if (r >= 0)
		r = send(fd, ESC_BYTES, sizeof(ESC_BYTES), 0);
	if (t->twin && r >= 0)
		esc_prove(t, "sent to the allowed socket");
	return esc_err(r);
}

static int dgram_to(struct esc_try *t, const char *name)
{
	struct sockaddr_un un;
	int fd = datagram_socket(t);
	socklen_t len = esc_unix(t, t->twin ? "project/.ok-dgram" : name, &un);
	long r = sendto(fd, ESC_BYTES, sizeof(ESC_BYTES), 0, (void *)&un, len);

	if (t->twin && r >= 0)
		esc_prove(t, "sent to the allowed socket");
	return esc_err(r);
}

static int dgram_sendto(struct esc_try *t)
{
	return dgram_to(t, "outside/run/dgram");
}

static int dgram_abstract(struct esc_try *t)
{
	return dgram_to(t, "@dgram");
}

/* By another name of the same socket. */
static int linked(struct esc_try *t, bool hard)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX}, real;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	esc_unix(t, t->twin ? "project/.ok" : "outside/run/stream", &real);
	r = hard ? link(real.sun_path, "l") : symlink(real.sun_path, "l");
	snprintf(un.sun_path, sizeof(un.sun_path), "l");
	if (!r)
		r = connect(fd, (void *)&un, sizeof(un));
	if (!r)
		r = send(fd, ESC_BYTES, sizeof(ESC_BYTES), MSG_NOSIGNAL);
	return esc_talk(t, fd, r);
}

static int symlinked(struct esc_try *t)
{
	return linked(t, false);
}

static int hardlinked(struct esc_try *t)
{
	return linked(t, true);
}

static int moved(struct esc_try *t)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX}, real;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	esc_unix(t, "outside/run/stream", &real);
	r = rename(real.sun_path, "moved");
	snprintf(un.sun_path, sizeof(un.sun_path), "moved");
	if (!r)
		r = connect(fd, (void *)&un, sizeof(un));
	if (!r)
		r = send(fd, ESC_BYTES, sizeof(ESC_BYTES), MSG_NOSIGNAL);
	rename("moved", real.sun_path);
	return esc_talk(t, fd, r);
}

static int by_proc_fd(struct esc_try *t)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX}, real;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), path, r;

	esc_unix(t, t->twin ? "project/.ok" : "outside/run/stream", &real);
	path = open(real.sun_path, O_PATH | O_CLOEXEC);
	snprintf(un.sun_path, sizeof(un.sun_path), "/proc/self/fd/%d", path);
	r = path < 0 ? -1 : connect(fd, (void *)&un, sizeof(un));
	if (!r)
		r = send(fd, ESC_BYTES, sizeof(ESC_BYTES), MSG_NOSIGNAL);
	return esc_talk(t, fd, r);
}

static int sendmsg_connected(struct esc_try *t)
{
	struct sockaddr_un un;
	struct iovec iov = {.iov_base = ESC_BYTES, .iov_len = sizeof(ESC_BYTES)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_name = &un};
	int fd = datagram_socket(t);
	long r;

	m.msg_namelen = esc_unix(t, t->twin ? "project/.ok-dgram" : "outside/run/dgram", &un);
	r = sendmsg(fd, &m, 0);
	if (t->twin && r >= 0)
		esc_prove(t, "sent to the allowed socket");
	return esc_err(r);
}

/* A peer that has a socket of ours is given one of its own making. */
static int socketpair_twin(struct esc_try *t)
{
	int pair[2];
	char buf[16];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || write(pair[0], "x", 1) != 1 ||
	    read(pair[1], buf, 1) != 1)
		return -errno;
	esc_prove(t, "spoke through a socket pair");
	return 0;
}

static int bind_abstract_twin(struct esc_try *t)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + 1 +
			snprintf(un.sun_path + 1, 60, "%s-own-%d", t->w->abstract, (int)getpid());
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);

	if (bind(s, (void *)&un, len) || listen(s, 1) || connect(c, (void *)&un, len))
		return -errno;
	esc_prove(t, "connected to an abstract socket of its own");
	return 0;
}

#define ABSTRACT "abstract sockets pass mount namespaces (CVE-2020-15257, containerd-shim)"

const struct esc_case esc_unix_cases[] = {
	{"stream", "connects to a socket outside", NULL, stream, .needs = ESC_UNIX},
	{"seqpacket", "connects to a seqpacket socket outside", NULL, seqpacket, .needs = ESC_UNIX},
	{"dgram-connect", "connects a datagram socket", NULL, dgram_connect, .needs = ESC_UNIX},
	{"dgram-sendto", "sends a datagram to a socket outside", NULL, dgram_sendto,
	 .needs = ESC_UNIX},
	{"dgram-sendmsg", "sends a datagram by sendmsg", NULL, sendmsg_connected,
	 .needs = ESC_UNIX},
	{"abstract", "connects to an abstract socket", ABSTRACT, abstract, bind_abstract_twin},
	{"abstract-seqpacket", "connects to an abstract seqpacket socket", ABSTRACT,
	 abstract_seqpacket, bind_abstract_twin},
	{"abstract-dgram", "sends to an abstract socket", ABSTRACT, dgram_abstract,
	 socketpair_twin},
	{"symlink", "connects by a symlink", NULL, symlinked, .needs = ESC_UNIX},
	{"hardlink", "connects by a new hard link to the socket", NULL, hardlinked,
	 socketpair_twin},
	{"moved", "moves the socket into the project and connects", NULL, moved, socketpair_twin},
	{"proc-fd", "connects by /proc/self/fd of an O_PATH descriptor", NULL, by_proc_fd,
	 .needs = ESC_UNIX},
	{0},
};
