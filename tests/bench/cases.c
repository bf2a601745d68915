// SPDX-License-Identifier: MIT
/* The operations that are counted. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"

#define COLD_DIRS   150	  /* the samples and the warm-up */
#define LISTEN_PORT 10010 /* a rule of Landlock names one port */

/* --- files ------------------------------------------------------------------------------------ */

static void once_open(struct bench *b)
{
	close(must(open(b->file, O_RDONLY | O_CLOEXEC), b->file));
}

static void dir_renamed(struct bench *b)
{
	other_do('d');
}

static void file_renamed(struct bench *b)
{
	other_do('f');
}

/* The file c<next>/main.c of a directory that nothing has looked at before. */
static void cold_name(struct bench *b)
{
	sprintf(b->file, "%.2000s/c%d/main.c", b->dir, b->next++);
}

static void setup_cold(struct bench *b)
{
	char *slash;

	must(unlink(b->file), b->file);
	must(rmdir(b->dir), b->dir);
	*strrchr(b->dir, '/') = 0; /* c<next> stands for the last component */
	for (b->next = 0; b->next < COLD_DIRS;) {
		cold_name(b);
		slash = strrchr(b->file, '/');
		*slash = 0;
		must(mkdir(b->file, 0755), b->file);
		*slash = '/';
		close(must(creat(b->file, 0644), b->file));
	}
	other_do('d'); /* what was learned while they were made is void */
	b->next = 0;
}

static void teardown_cold(struct bench *b)
{
	for (b->next = 0; b->next < COLD_DIRS;) {
		cold_name(b);
		must(unlink(b->file), b->file);
		*strrchr(b->file, '/') = 0;
		must(rmdir(b->file), b->file);
	}
	strcat(b->dir, "/c"); /* as it was found */
	must(mkdir(b->dir, 0755), b->dir);
}

static void once_stat(struct bench *b)
{
	struct stat st;

	must(stat(b->file, &st), b->file);
}

/* There and back: the batch is an even number. */
static void once_rename(struct bench *b)
{
	if (b->next++ % 2)
		must(rename(b->other, b->file), b->other);
	else
		must(rename(b->file, b->other), b->file);
}

static void setup_rename_dir(struct bench *b)
{
	must(unlink(b->file), b->file);
	must(mkdir(b->file, 0755), b->file);
}

static void make_other(struct bench *b)
{
	close(must(creat(b->other, 0644), b->other));
}

static void once_unlink(struct bench *b)
{
	must(unlink(b->other), b->other);
}

static void once_create(struct bench *b)
{
	close(must(open(b->other, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644), b->other));
	must(unlink(b->other), b->other);
}

/* --- processes -------------------------------------------------------------------------------- */

static void wait_for(int pid, const char *what)
{
	int status;

	must(waitpid(pid, &status, 0), what);
	if (status)
		die("%s: status %#x", what, status);
}

static void once_fork(struct bench *b)
{
	int pid = must(fork(), "fork");

	if (!pid)
		_exit(0);
	wait_for(pid, "fork");
}

static void once_exec(struct bench *b)
{
	int pid = must(fork(), "fork");

	if (!pid) {
		execl(b->tiny, "tiny", NULL);
		_exit(127);
	}
	wait_for(pid, b->tiny);
}

static void once_kill(struct bench *b)
{
	must(kill(b->mate, 0), "kill");
}

/* The check comes before the length is looked at: EINVAL with the capability, EPERM without. */
static void once_capable(struct bench *b)
{
	if (!syscall(SYS_sethostname, "", -1) || (errno != EINVAL && errno != EPERM))
		die("sethostname: %m");
}

/* --- network ---------------------------------------------------------------------------------- */

static struct sockaddr_in local(unsigned port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = {htonl(INADDR_LOOPBACK)},
	};
}

static struct sockaddr_in6 local6(unsigned port)
{
	return (struct sockaddr_in6){
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
}

static unsigned new_peers;

static void close_fd(struct bench *b)
{
	close(b->fd);
}

static void close_both(struct bench *b)
{
	close(b->fd);
	close(b->peer);
}

static void udp_socket(struct bench *b)
{
	b->fd = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
}

static void tcp_socket(struct bench *b)
{
	b->fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
}

/* A listener in b->peer; its address in *a. */
static void listener(struct bench *b, struct sockaddr_in *a)
{
	int one = 1;

	*a = local(LISTEN_PORT);
	b->peer = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	must(setsockopt(b->peer, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), "SO_REUSEADDR");
	must(bind(b->peer, (struct sockaddr *)a, sizeof(*a)), "bind");
	must(listen(b->peer, 128), "listen");
}

static void once_connect_udp(struct bench *b)
{
	struct sockaddr_in a = local(9);

	must(connect(b->fd, (struct sockaddr *)&a, sizeof(a)), "connect");
}

/* A peer that nobody connected to before, as far as anything is kept of them. */
static void once_connect_new(struct bench *b)
{
	struct sockaddr_in a = local(9);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK + ++new_peers);
	must(connect(b->fd, (struct sockaddr *)&a, sizeof(a)), "connect");
}

static void udp6_socket(struct bench *b)
{
	b->fd = must(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
}

static void once_connect_v6(struct bench *b)
{
	struct sockaddr_in6 a = local6(9);

	must(connect(b->fd, (struct sockaddr *)&a, sizeof(a)), "connect");
}

/* The same of an IPv6 address. There is no way to it, which is found out after we were asked. */
static void once_connect_new6(struct bench *b)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(443)};

	must(inet_pton(AF_INET6, "2a00:1::", &a.sin6_addr), "inet_pton");
	a.sin6_addr.s6_addr16[7] = htons(++new_peers);
	if (!connect(b->fd, (struct sockaddr *)&a, sizeof(a)) || errno != ENETUNREACH)
		die("connect: %m");
}

static void once_connect_tcp(struct bench *b)
{
	struct sockaddr_in a = local(9); /* nobody listens */

	if (!connect(b->fd, (struct sockaddr *)&a, sizeof(a)) || errno != ECONNREFUSED)
		die("connect: %m");
}

static void tcp6_socket(struct bench *b)
{
	b->fd = must(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
}

static void once_connect_tcp6(struct bench *b)
{
	struct sockaddr_in6 a = local6(9);

	if (!connect(b->fd, (struct sockaddr *)&a, sizeof(a)) || errno != ECONNREFUSED)
		die("connect: %m");
}

static void once_bind(struct bench *b)
{
	struct sockaddr_in a = local(0);

	must(bind(b->fd, (struct sockaddr *)&a, sizeof(a)), "bind");
}

static void once_sendto(struct bench *b)
{
	struct sockaddr_in a = local(b->next);

	must(sendto(b->fd, "x", 1, 0, (struct sockaddr *)&a, sizeof(a)), "sendto");
}

static void setup_sendto(struct bench *b)
{
	struct sockaddr_in a = local(0);
	socklen_t len = sizeof(a);

	udp_socket(b);
	b->peer = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
	must(bind(b->peer, (struct sockaddr *)&a, len), "bind");
	must(getsockname(b->peer, (struct sockaddr *)&a, &len), "getsockname");
	b->next = ntohs(a.sin_port);
}

static void drain(struct bench *b)
{
	char buf[4096];

	while (recv(b->peer, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}

static void setup_sendmsg(struct bench *b)
{
	struct sockaddr_in a;
	int accepted;

	listener(b, &a);
	tcp_socket(b);
	must(connect(b->fd, (struct sockaddr *)&a, sizeof(a)), "connect");
	accepted = must(accept4(b->peer, NULL, NULL, SOCK_CLOEXEC), "accept");
	close(b->peer);
	b->peer = accepted;
}

static void once_sendmsg(struct bench *b)
{
	struct iovec v = {"x", 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

	must(sendmsg(b->fd, &m, 0), "sendmsg");
}

static struct sockaddr_in accept_at;
static int accepted;

static void setup_accept(struct bench *b)
{
	listener(b, &accept_at);
}

static void prepare_accept(struct bench *b)
{
	tcp_socket(b);
	must(connect(b->fd, (struct sockaddr *)&accept_at, sizeof(accept_at)), "connect");
}

static void once_accept(struct bench *b)
{
	accepted = must(accept4(b->peer, NULL, NULL, SOCK_CLOEXEC), "accept");
}

static void finish_accept(struct bench *b)
{
	close(b->fd);
	close(accepted);
}

static void close_peer(struct bench *b)
{
	close(b->peer);
}

/*
 * open-named: the name is one that rules about names have to look at (see place() in op.c).
 * The first open after a directory was renamed somewhere is `open-miss`; the others of its batch
 * are in `open-dirchurn`, too: one change in 16 opens.
 */
const struct bench_case bench_cases[] = {
	{"open", 1, 101, .once = once_open},
	{"open-named", 1, 101, .once = once_open},
	{"open-miss", 1, 31, .prepare = dir_renamed, .once = once_open},
	{"open-cold", 1, 127, .setup = setup_cold, .prepare = cold_name, .once = once_open,
	 .teardown = teardown_cold},
	{"open-filechurn", 1, 31, .prepare = file_renamed, .once = once_open},
	{"open-dirchurn", 16, 31, .prepare = dir_renamed, .once = once_open},
	{"stat", 1, 101, .once = once_stat},
	{"rename", 2, 101, .once = once_rename},
	{"rename-dir", 2, 101, .setup = setup_rename_dir, .once = once_rename},
	{"unlink", 1, 101, .prepare = make_other, .once = once_unlink},
	{"create-unlink", 1, 101, .once = once_create},
	{"exec", 1, 31, .once = once_exec},
	{"fork", 1, 31, .once = once_fork},
	{"kill", 1, 101, .once = once_kill},
	{"capable", 1, 101, .once = once_capable},
	{"connect-udp", 1, 101, .setup = udp_socket, .once = once_connect_udp,
	 .teardown = close_fd},
	{"connect-new", 1, 101, .setup = udp_socket, .once = once_connect_new,
	 .teardown = close_fd},
	{"connect-v6", 1, 101, .setup = udp6_socket, .once = once_connect_v6, .teardown = close_fd},
	{"connect-new6", 1, 101, .setup = udp6_socket, .once = once_connect_new6,
	 .teardown = close_fd},
	{"connect-tcp6", 1, 101, .setup = tcp6_socket, .once = once_connect_tcp6,
	 .teardown = close_fd},
	{"connect-tcp", 1, 101, .setup = tcp_socket, .once = once_connect_tcp,
	 .teardown = close_fd},
	{"bind", 1, 31, .prepare = udp_socket, .once = once_bind, .finish = close_fd},
	{"sendto", 1, 101, .setup = setup_sendto, .once = once_sendto, .finish = drain,
	 .teardown = close_both},
	{"sendmsg", 1, 101, .setup = setup_sendmsg, .once = once_sendmsg, .finish = drain,
	 .teardown = close_both},
	{"accept", 1, 31, .setup = setup_accept, .prepare = prepare_accept, .once = once_accept,
	 .finish = finish_accept, .teardown = close_peer},
	{0},
};
