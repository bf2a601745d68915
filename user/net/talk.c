// SPDX-License-Identifier: MIT
/* One connection of the relay. */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "user/net/internal.h"

/* --- flows ---------------------------------------------------------------------------------------
 */

/* Takes what there is room for. False: the source is broken. */
static bool flow_read(struct flow *f, int fd)
{
	size_t room = ROOM - f->at - f->len;
	ssize_t n;

	if (f->at && room < ROOM / 2) {
		memmove(f->buf, f->buf + f->at, f->len);
		f->at = 0;
		room = ROOM - f->len;
	}
	if (room > f->left)
		room = f->left;
	if (f->eof || !room)
		return true;
	n = recv(fd, f->buf + f->at + f->len, room, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	f->eof = !n;
	f->len += (size_t)n;
	if (f->left != UINT64_MAX)
		f->left -= (uint64_t)n;
	return true;
}

/* Gives what is there. False: the destination is broken. */
static bool flow_write(struct flow *f, int fd)
{
	ssize_t n;

	if (!f->len)
		return true;
	n = send(fd, f->buf + f->at, f->len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	f->at += (size_t)n;
	f->len -= (size_t)n;
	if (!f->len)
		f->at = 0;
	return true;
}

static bool flow_full(const struct flow *f)
{
	return f->len >= ROOM / 2 || !f->left;
}

static bool flow_over(const struct flow *f)
{
	return !f->len && (f->eof || !f->left);
}

/* Nobody wants this any more, but a socket that is closed with it would not bring over what was
 * written. False: it is at its end. */
static bool discard(int fd)
{
	char waste[4096];
	ssize_t n = recv(fd, waste, sizeof(waste), MSG_DONTWAIT);

	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* --- answers of our own --------------------------------------------------------------------------
 */

static void linger(struct sbx_relay *r, struct conn *c)
{
	end_close(&c->proxy);
	c->state = LINGER;
	wait_until(r, c, SBX_RELAY_LINGER_S);
}

static void say(struct sbx_relay *r, struct conn *c, int status, const char *word, const char *text)
{
	c->down.at = 0;
	c->down.len = (size_t)snprintf(c->down.buf, ROOM,
				       "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\n"
				       "Content-Length: %zu\r\nCache-Control: no-store\r\n"
				       "Connection: close\r\nProxy-Connection: close\r\n\r\n%s",
				       status, word, strlen(text), text);
	linger(r, c);
}

static void say_malformed(struct sbx_relay *r, struct conn *c, int status)
{
	static const struct {
		int status;
		const char *word;
	} words[] = {
		{400, "Bad Request"},
		{411, "Length Required"},
		{431, "Request Header Fields Too Large"},
		{501, "Not Implemented"},
		{505, "HTTP Version Not Supported"},
	};
	const char *word = "Bad Request";
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].status == status)
			word = words[i].word;
	r->ops->refused(c->box->owner, NULL, SBX_RELAY_MALFORMED, &c->from);
	say(r, c, status, word,
	    "sbx-bpf: this request is not passed on: it is malformed, or could "
	    "be read in two ways\n");
}

static void say_refused(struct sbx_relay *r, struct conn *c, enum sbx_relay_refusal why)
{
	static const char *const words[] = {
		[SBX_RELAY_NOT_LISTED] = "the policy does not allow it",
		[SBX_RELAY_UNSURE] = "`internet` is not enough: the policy must name it",
		[SBX_RELAY_RATE] = "too many different names below the wildcard",
	};
	char text[SBX_TARGET_MAX + 128], target[SBX_TARGET_MAX];

	sbx_target_text(&c->request.to, target);
	snprintf(text, sizeof(text), "sbx-bpf: %s: %s\n", target, words[why]);
	say(r, c, 403, "Forbidden", text);
}

/* --- the proxy -----------------------------------------------------------------------------------
 */

static bool dial(struct sbx_relay *r, struct conn *c, const struct sockaddr_storage *to)
{
	socklen_t len =
		to->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	int one = 1;

	c->proxy.fd = socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->proxy.fd < 0)
		return false;
	setsockopt(c->proxy.fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(c->proxy.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if ((connect(c->proxy.fd, (const struct sockaddr *)to, len) && errno != EINPROGRESS) ||
	    !end_watch(r, &c->proxy, EPOLLOUT)) {
		end_close(&c->proxy);
		return false;
	}
	return true;
}

static void dial_next(struct sbx_relay *r, struct conn *c)
{
	end_close(&c->proxy);
	while (c->tried < c->n_proxies) {
		if (!dial(r, c, &c->proxies[c->tried++]))
			continue;
		c->state = CONNECTING;
		wait_until(r, c, SBX_RELAY_CONNECT_S);
		return;
	}
	say(r, c, 502, "Bad Gateway", "sbx-bpf: the proxy cannot be reached\n");
}

static bool is_connected(const struct conn *c)
{
	socklen_t len = sizeof(int);
	int err = 0;

	return !getsockopt(c->proxy.fd, SOL_SOCKET, SO_ERROR, &err, &len) && !err;
}

/* The head is written anew, and what follows it in the buffer is as much as the request has. */
static bool take_request(struct conn *c)
{
	const struct sbx_request *q = &c->request;

	c->head.buf = malloc(SBX_HEAD_OUT_MAX);
	if (!c->head.buf)
		return false;
	c->head.len = sbx_request_write(c->up.buf, q, c->head.buf);
	c->up.at = q->len;
	c->up.len -= q->len;
	c->tunnel = q->connect;
	c->up.left = UINT64_MAX;
	if (c->tunnel)
		return true;
	if (c->up.len > q->body)
		c->up.len = q->body;
	c->up.left = q->body - c->up.len;
	return true;
}

static void judge(struct sbx_relay *r, struct conn *c)
{
	enum sbx_relay_refusal why = SBX_RELAY_NOT_LISTED;
	enum sbx_relay_verdict v = r->ops->judge(c->box->owner, &c->request.to, &why);

	if (v != SBX_RELAY_PASS)
		r->ops->refused(c->box->owner, &c->request.to, why, &c->from);
	if (v == SBX_RELAY_REFUSE) {
		say_refused(r, c, why);
		return;
	}
	if (!take_request(c)) {
		talk_close(r, c);
		return;
	}
	c->n_proxies = r->ops->proxies(c->box->owner, c->proxies);
	dial_next(r, c);
}

/* The client's request: all of its head, before anything else happens. */
static void read_request(struct sbx_relay *r, struct conn *c)
{
	int rc;

	if (!flow_read(&c->up, c->client.fd)) {
		talk_close(r, c);
		return;
	}
	rc = sbx_request_read(c->up.buf, c->up.len, c->seen, &c->request);
	c->seen = c->up.len;
	if (rc < 0)
		say_malformed(r, c, -rc);
	else if (rc)
		judge(r, c);
	else if (c->up.eof)
		talk_close(r, c);
}

/* --- the answer to CONNECT -----------------------------------------------------------------------
 */

/* It did not open the tunnel: its answer is passed on, and nothing more to it. */
static void pass_refusal(struct sbx_relay *r, struct conn *c, size_t head, uint64_t body)
{
	char out[SBX_HEAD_OUT_MAX];
	size_t n = sbx_reply_write(c->down.buf, head, out), more = c->down.len - head;

	if (more > body)
		more = body;
	memmove(c->down.buf + n, c->down.buf + head, more);
	memcpy(c->down.buf, out, n);
	c->down.len = n + more;
	c->down.left = body == UINT64_MAX ? body : body - more;
	c->tunnel = false;
	c->up.len = c->up.left = 0;
	c->state = OPEN;
	wait_until(r, c, SBX_RELAY_REPLY_S);
}

static void read_reply(struct sbx_relay *r, struct conn *c)
{
	unsigned status;
	uint64_t body;
	size_t head;
	int rc;

	if (!flow_write(&c->head, c->proxy.fd) || !flow_read(&c->down, c->proxy.fd))
		rc = -EPROTO;
	else
		rc = sbx_reply_read(c->down.buf, c->down.len, &status, &head, &body);
	if (!rc && !c->down.eof)
		return;
	if (rc <= 0) {
		say(r, c, 502, "Bad Gateway", "sbx-bpf: the proxy did not answer\n");
		return;
	}
	c->deadline = 0;
	c->down.left = UINT64_MAX;
	if (status / 100 != 2)
		pass_refusal(r, c, head, body);
	else
		c->state = OPEN;
}

/* --- both ways -----------------------------------------------------------------------------------
 */

static void end_proxy(struct conn *c)
{
	end_close(&c->proxy);
	c->down.eof = true;
	c->up.len = 0;
	c->up.left = 0;
	c->head.len = 0;
}

static bool move_up(struct sbx_relay *r, struct conn *c)
{
	if (!c->up.left && !c->tunnel && !c->up.eof) {
		c->up.eof = !discard(c->client.fd);
		if (c->up.eof) /* it waits for the answer, or is gone */
			wait_until(r, c, SBX_RELAY_REPLY_S);
	} else if (!flow_read(&c->up, c->client.fd))
		return false;
	if (c->proxy.fd < 0)
		return true;
	if (!flow_write(&c->head, c->proxy.fd) ||
	    (!c->head.len && !flow_write(&c->up, c->proxy.fd)))
		end_proxy(c);
	return true;
}

static bool move_down(struct conn *c)
{
	if (c->proxy.fd >= 0 && !flow_read(&c->down, c->proxy.fd))
		end_proxy(c);
	return flow_write(&c->down, c->client.fd);
}

/* One end has said all: the other one learns of it. */
static void pass_ends(struct sbx_relay *r, struct conn *c)
{
	if (c->tunnel && c->up.eof && !c->up.len && !c->up.shut && c->proxy.fd >= 0) {
		shutdown(c->proxy.fd, SHUT_WR);
		c->up.shut = true;
	}
	if (!flow_over(&c->down))
		return;
	if (!c->tunnel || c->up.shut || c->proxy.fd < 0) {
		linger(r, c);
	} else if (!c->down.shut) {
		shutdown(c->client.fd, SHUT_WR);
		c->down.shut = true;
	}
}

static void pump(struct sbx_relay *r, struct conn *c)
{
	/* the rest of a request that was broken off would never come */
	bool fine = move_up(r, c) && move_down(c) &&
		    !(c->up.eof && !c->tunnel && c->up.left && !c->up.len);

	if (fine)
		pass_ends(r, c);
	else
		talk_close(r, c);
}

/* What was written is brought over before the connection is closed. */
static void see_off(struct sbx_relay *r, struct conn *c)
{
	bool fine = flow_write(&c->down, c->client.fd);

	if (fine && !c->down.len && !c->down.shut) {
		c->down.shut = true;
		shutdown(c->client.fd, SHUT_WR);
	}
	if (!fine || !discard(c->client.fd))
		talk_close(r, c);
}

/* --- the wheel -----------------------------------------------------------------------------------
 */

static void watch_ends(struct sbx_relay *r, struct conn *c)
{
	uint32_t client = 0, proxy = 0;

	if (c->client.fd < 0)
		return;
	if (c->state == HEAD || c->state == LINGER ||
	    (c->state == OPEN && !c->up.eof && (!flow_full(&c->up) || !c->tunnel)))
		client |= EPOLLIN;
	if (c->down.len && (c->state == OPEN || c->state == LINGER))
		client |= EPOLLOUT;
	if (c->state == CONNECTING || c->head.len || (c->state == OPEN && c->up.len))
		proxy |= EPOLLOUT;
	if (c->state == REPLY || (c->state == OPEN && !c->down.eof && !flow_full(&c->down)))
		proxy |= EPOLLIN;
	end_watch(r, &c->client, client);
	end_watch(r, &c->proxy, proxy);
}

static void begin_talk(struct sbx_relay *r, struct conn *c)
{
	if (!is_connected(c)) {
		dial_next(r, c);
		return;
	}
	c->deadline = 0;
	c->down.left = SBX_HEAD_MAX;
	if (!c->tunnel) {
		c->down.left = UINT64_MAX;
		c->state = OPEN;
		pump(r, c);
		return;
	}
	c->state = REPLY;
	wait_until(r, c, SBX_RELAY_REPLY_S);
	read_reply(r, c);
}

/* What follows from what has happened. */
static void settle(struct sbx_relay *r, struct conn *c)
{
	if (c->client.fd >= 0 && c->state == LINGER)
		see_off(r, c);
	if (c->client.fd >= 0)
		watch_ends(r, c);
}

void talk_ready(struct sbx_relay *r, struct end *e)
{
	struct conn *c = e->conn;

	switch (c->state) {
	case HEAD:
		read_request(r, c);
		break;
	case CONNECTING:
		if (e == &c->proxy)
			begin_talk(r, c);
		break;
	case REPLY:
		if (e == &c->proxy)
			read_reply(r, c);
		break;
	case OPEN:
		pump(r, c);
		break;
	case LINGER:
		break;
	}
	settle(r, c);
}

void talk_expire(struct sbx_relay *r, struct conn *c)
{
	c->deadline = 0;
	if (c->state == CONNECTING)
		dial_next(r, c);
	else if (c->state == REPLY)
		say(r, c, 504, "Gateway Timeout", "sbx-bpf: the proxy did not answer\n");
	else
		talk_close(r, c);
	settle(r, c);
}
