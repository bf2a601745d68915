/* SPDX-License-Identifier: MIT */
/*
 * The relay: answers in the place of a policy's proxy (via.h), and passes on what is allowed.
 *
 * It decides nothing: what a request asks for is asked of the caller. One thread, one epoll
 * instance. One request a connection: a tunnel, or a request with its answer, of which no byte more
 * is passed on than its head says. Nothing of a tunnel is passed on before the proxy has opened it:
 * until then it would be taken for a request.
 *
 * Credentials for the proxy are passed on as the client sends them, and kept nowhere.
 */
#ifndef SBX_RELAY_H
#define SBX_RELAY_H

#include <netinet/in.h>
#include "user/net/head.h"

#define SBX_RELAY_CONNS_MAX	128  /* of a sandbox */
#define SBX_RELAY_ALL_CONNS_MAX 8192 /* nobody takes more than what is left */
#define SBX_RELAY_PROXIES_MAX	8    /* addresses of one proxy that are tried */

/* Seconds for the whole head, for each address of the proxy, for its answer to CONNECT, and until a
 * refused client has read why. */
#define SBX_RELAY_HEAD_S    10
#define SBX_RELAY_CONNECT_S 10
#define SBX_RELAY_REPLY_S   60
#define SBX_RELAY_LINGER_S  2

enum sbx_relay_refusal {
	SBX_RELAY_NOT_LISTED,
	SBX_RELAY_UNSURE, /* `internet` alone allows it */
	SBX_RELAY_RATE,	  /* too many different names below a wildcard */
	SBX_RELAY_MALFORMED,
};

enum sbx_relay_verdict {
	SBX_RELAY_PASS,
	SBX_RELAY_REPORT, /* passes, and `refused` is called: what enforcing would refuse */
	SBX_RELAY_REFUSE,
};

/* None of these may call the relay. */
struct sbx_relay_ops {
	/* Is this the socket of a sandboxed program, as the kernel knows it? */
	bool (*known)(void *sandbox, const struct sockaddr_storage *client);
	/* *why where it is not passed. */
	enum sbx_relay_verdict (*judge)(void *sandbox, const struct sbx_via_target *to,
					enum sbx_relay_refusal *why);
	/* Where the proxy is: at most SBX_RELAY_PROXIES_MAX addresses. */
	size_t (*proxies)(void *sandbox, struct sockaddr_storage *out);
	/* to NULL: the request could not be read. */
	void (*refused)(void *sandbox, const struct sbx_via_target *to, enum sbx_relay_refusal why,
			const struct sockaddr_storage *client);
};

struct sbx_relay;

/* NULL and errno on failure. */
struct sbx_relay *sbx_relay_new(const struct sbx_relay_ops *ops);
void sbx_relay_free(struct sbx_relay *r);

/* Serves a sandbox from now on. fds: listening sockets, non-blocking, -1: none; the relay's from
 * now on, also on failure. 0, -ENOMEM. */
int sbx_relay_add(struct sbx_relay *r, void *sandbox, const int *fds, size_t n);
/* Closes its sockets and its connections. */
void sbx_relay_remove(struct sbx_relay *r, void *sandbox);

/* As of the forwarder. */
int sbx_relay_fd(const struct sbx_relay *r);
int sbx_relay_step(struct sbx_relay *r);

#endif
