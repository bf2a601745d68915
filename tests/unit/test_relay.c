// SPDX-License-Identifier: MIT
/* The relay between a client and a proxy, all in this process: what arrives where, and what does
 * not. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "user/net/relay.h"

static struct {
	struct sbx_relay *relay;
	struct sockaddr_storage at, proxy;
	int proxy_fd; /* listens */
	bool unknown;
	enum sbx_relay_verdict verdict;
	unsigned refusals;
	enum sbx_relay_refusal why;
	char target[SBX_TARGET_MAX];
} world;

static bool known(void *sandbox, const struct sockaddr_storage *client)
{
	return !world.unknown;
}

static enum sbx_relay_verdict judge(void *sandbox, const struct sbx_via_target *to,
				    enum sbx_relay_refusal *why)
{
	sbx_target_text(to, world.target);
	*why = SBX_RELAY_UNSURE;
	return world.verdict;
}

static size_t proxies(void *sandbox, struct sockaddr_storage *out)
{
	/* the first one refuses, the second one is there */
	out[0] = world.at;
	((struct sockaddr_in *)&out[0])->sin_port = htons(1);
	out[1] = world.proxy;
	return 2;
}

static void refused(void *sandbox, const struct sbx_via_target *to, enum sbx_relay_refusal why,
		    const struct sockaddr_storage *client)
{
	world.refusals++;
	world.why = why;
}

static const struct sbx_relay_ops ops = {known, judge, proxies, refused};

static int listener(struct sockaddr_storage *at)
{
	struct sockaddr_in *a = (struct sockaddr_in *)at;
	socklen_t len = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	*at = (struct sockaddr_storage){.ss_family = AF_INET};
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)at, sizeof(*a)), 0);
	assert_int_equal(listen(fd, 200), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)at, &len), 0);
	return fd;
}

static int set_up(void **state)
{
	int fds[2];

	memset(&world, 0, sizeof(world));
	world.relay = sbx_relay_new(&ops);
	assert_non_null(world.relay);
	fds[0] = listener(&world.at);
	fds[1] = -1;
	world.proxy_fd = listener(&world.proxy);
	assert_int_equal(sbx_relay_add(world.relay, &world, fds, 2), 0);
	return 0;
}

static int tear_down(void **state)
{
	sbx_relay_remove(world.relay, &world);
	sbx_relay_free(world.relay);
	close(world.proxy_fd);
	return 0;
}

static void turn(void)
{
	static const struct timespec pause = {.tv_nsec = 1000000};

	sbx_relay_step(world.relay);
	nanosleep(&pause, NULL);
}

static int client(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&world.at, sizeof(struct sockaddr_in)), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void give(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads until `text` is all there is, exactly. */
static void wants(int fd, const char *text)
{
	size_t n = strlen(text), have = 0, i;
	char buf[4096];
	ssize_t got;

	for (i = 0; i < 3000 && have < n; i++) {
		turn();
		got = recv(fd, buf + have, sizeof(buf) - 1 - have, 0);
		if (got > 0)
			have += (size_t)got;
		else if (!got)
			break;
	}
	buf[have] = 0;
	assert_string_equal(buf, text);
}

/* Reads to the end; what there was, or as much of it as fits. */
static size_t drain(int fd, char *buf, size_t size)
{
	char waste[4096];
	size_t have = 0, i;
	ssize_t got;

	for (i = 0; i < 6000; i++) {
		turn();
		got = recv(fd, waste, sizeof(waste), 0);
		if (!got)
			break;
		if (got < 0 && errno == EAGAIN)
			continue;
		if (got < 0)
			break;
		if (have < size)
			memcpy(buf + have, waste,
			       (size_t)got < size - have ? (size_t)got : size - have);
		have += (size_t)got;
	}
	assert_true(i < 6000);
	return have;
}

static void ends_with_status(int fd, const char *status)
{
	char buf[512] = "";

	drain(fd, buf, sizeof(buf) - 1);
	assert_memory_equal(buf, "HTTP/1.1 ", 9);
	assert_memory_equal(buf + 9, status, 3);
	close(fd);
}

static int proxied(void)
{
	int fd = -1, i;

	for (i = 0; i < 3000 && fd < 0; i++) {
		turn();
		fd = accept4(world.proxy_fd, NULL, NULL, SOCK_NONBLOCK);
	}
	assert_true(fd >= 0);
	return fd;
}

static bool nobody(void)
{
	int i;

	for (i = 0; i < 100; i++)
		turn();
	return accept4(world.proxy_fd, NULL, NULL, SOCK_NONBLOCK) < 0;
}

#define TUNNEL "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"

static void test_tunnel(void **state)
{
	int c = client(), p;

	give(c, TUNNEL "early");
	p = proxied();
	wants(p, TUNNEL); /* nothing of the tunnel before it is open */
	assert_string_equal(world.target, "a.example:443");
	assert_int_equal(recv(p, (char[1]){0}, 1, 0), -1);
	give(p, "HTTP/1.1 200 OK\r\n\r\nhello");
	wants(c, "HTTP/1.1 200 OK\r\n\r\nhello");
	wants(p, "early");
	give(c, "up");
	wants(p, "up");
	give(p, "down");
	wants(c, "down");
	shutdown(c, SHUT_WR); /* one way ends, the other one goes on */
	assert_int_equal(drain(p, NULL, 0), 0);
	give(p, "last");
	wants(c, "last");
	close(p);
	assert_int_equal(drain(c, NULL, 0), 0);
	close(c);
}

static void test_refused_tunnel(void **state)
{
	char got[512] = "";
	int c = client(), p;

	give(c, TUNNEL "GET http://evil.example/ HTTP/1.1\r\n\r\n");
	p = proxied();
	wants(p, TUNNEL);
	give(p, "HTTP/1.1 407 No\r\nContent-Length: 3\r\nProxy-Connection: keep-alive\r\n\r\nno\n");
	drain(c, got, sizeof(got) - 1);
	assert_string_equal(got, "HTTP/1.1 407 No\r\nContent-Length: 3\r\nConnection: close\r\n"
				 "Proxy-Connection: close\r\n\r\nno\n");
	assert_int_equal(drain(p, NULL, 0), 0); /* not a byte more */
	close(p);
	close(c);
}

/* Of a request as much as it says, and of those behind it nothing. */
static void test_one_request(void **state)
{
	char got[512] = "";
	int c = client(), p;

	give(c,
	     "POST http://a.example/x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 6\r\n\r\nabc");
	p = proxied();
	wants(p, "POST http://a.example/x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 6\r\n"
		 "Connection: close\r\n\r\nabc");
	give(c, "defGET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n");
	wants(p, "def");
	give(p, "HTTP/1.1 200 OK\r\n\r\nfine");
	wants(c, "HTTP/1.1 200 OK\r\n\r\nfine");
	give(c, "GET http://evil.example/ HTTP/1.1\r\n\r\n");
	close(p);
	assert_int_equal(drain(c, got, sizeof(got)), 0);
	assert_true(nobody());
	close(c);
}

static void test_turned_down(void **state)
{
	int c = client();

	world.verdict = SBX_RELAY_REFUSE;
	give(c, TUNNEL);
	ends_with_status(c, "403");
	assert_int_equal(world.refusals, 1);
	assert_int_equal(world.why, SBX_RELAY_UNSURE);
	c = client();
	give(c, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
	ends_with_status(c, "400");
	assert_int_equal(world.why, SBX_RELAY_MALFORMED);
	assert_true(nobody());
	/* reported, and passed */
	world.verdict = SBX_RELAY_REPORT;
	c = client();
	give(c, TUNNEL);
	close(proxied());
	ends_with_status(c, "502");
	assert_int_equal(world.refusals, 3);
}

static void test_strangers(void **state)
{
	int c;

	world.unknown = true;
	c = client();
	give(c, TUNNEL);
	assert_int_equal(drain(c, NULL, 0), 0);
	close(c);
	assert_true(nobody());
}

/* More than a sandbox may have are turned away; where one goes, another one comes. */
static void test_crowd(void **state)
{
	int c[SBX_RELAY_CONNS_MAX], more, i;

	for (i = 0; i < SBX_RELAY_CONNS_MAX; i++) {
		c[i] = client();
		turn();
	}
	more = client();
	assert_int_equal(drain(more, NULL, 0), 0);
	close(more);
	close(c[0]);
	turn();
	turn();
	more = client();
	give(more, "x\n");
	ends_with_status(more, "400");
	for (i = 1; i < SBX_RELAY_CONNS_MAX; i++)
		close(c[i]);
}

#define MUCH 3000000u

/* All of it arrives, both ways, however slowly it is read. */
static void test_much(void **state)
{
	static char block[8192];
	size_t up = 0, down = 0, got_up = 0, got_down = 0;
	int c = client(), p, i;
	char buf[3000];
	ssize_t n;

	give(c, TUNNEL);
	p = proxied();
	wants(p, TUNNEL);
	give(p, "HTTP/1.1 200 OK\r\n\r\n");
	wants(c, "HTTP/1.1 200 OK\r\n\r\n");
	for (i = 0; i < 60000 && (got_up < MUCH || got_down < MUCH); i++) {
		sbx_relay_step(world.relay);
		n = up < MUCH ? send(c, block, sizeof(block), MSG_NOSIGNAL) : 0;
		up += n > 0 ? (size_t)n : 0;
		n = down < MUCH ? send(p, block, sizeof(block), MSG_NOSIGNAL) : 0;
		down += n > 0 ? (size_t)n : 0;
		n = i % 3 ? recv(p, buf, sizeof(buf), 0) : 0;
		got_up += n > 0 ? (size_t)n : 0;
		n = i % 5 ? recv(c, buf, sizeof(buf), 0) : 0;
		got_down += n > 0 ? (size_t)n : 0;
	}
	shutdown(c, SHUT_WR);
	shutdown(p, SHUT_WR);
	got_up += drain(p, NULL, 0);
	got_down += drain(c, NULL, 0);
	assert_int_equal(got_up, up);
	assert_int_equal(got_down, down);
	close(c);
	close(p);
}

/* A client that is gone takes its connection to the proxy with it. */
static void test_gone(void **state)
{
	int c = client(), p;

	give(c, "POST http://a.example/x HTTP/1.0\r\nContent-Length: 600\r\n\r\nabc");
	p = proxied();
	close(c);
	drain(p, NULL, 0);
	close(p);
	assert_int_equal(sbx_relay_step(world.relay), -1); /* it waits for nothing */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_tunnel),	TEST(test_refused_tunnel), TEST(test_one_request),
		TEST(test_turned_down), TEST(test_strangers),	   TEST(test_crowd),
		TEST(test_much),	TEST(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
