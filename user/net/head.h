/* SPDX-License-Identifier: MIT */
/*
 * The heads of HTTP messages, for the relay: pure functions, for bytes from anybody.
 *
 * A request is never passed on as it came: it is taken apart, and what is understood is written
 * anew, with the host that was judged. What could be read in two ways is refused: the proxy must
 * not see another request than we do.
 */
#ifndef SBX_HEAD_H
#define SBX_HEAD_H

#include "user/policy/via.h"

#define SBX_HEAD_MAX	16384 /* bytes; squid takes 64 KiB, most servers 8 to 16 */
#define SBX_HEADERS_MAX 100
/* What is written anew: the host twice, at its longest, and "Connection: close" are new. */
#define SBX_HEAD_OUT_MAX (SBX_HEAD_MAX + 1024)

struct sbx_request {
	bool connect;  /* CONNECT; else a request for an absolute http:// URL */
	bool bodiless; /* some read the body of such a method, and some do not: it has none */
	struct sbx_via_target to;
	uint64_t body;	  /* bytes behind the head */
	size_t len;	  /* of the head */
	uint16_t method;  /* bytes of the method, which begins the head */
	uint16_t path_at; /* where the URL's path is; path_len 0: "/" */
	uint16_t path_len;
	uint8_t minor; /* of HTTP/1.x */
};

/* > 0: the head is whole, and understood. 0: it is not whole yet. < 0: the status to answer with,
 * negated (400, 411, 431, 501, 505), and nothing else of r counts. seen: how many bytes of buf an
 * earlier call has looked at already. */
int sbx_request_read(const char *buf, size_t len, size_t seen, struct sbx_request *r);
/* The head for the proxy; returns its length. buf: what was read. */
size_t sbx_request_write(const char *buf, const struct sbx_request *r, char out[SBX_HEAD_OUT_MAX]);
/* "example.org:443", "[2001:db8::1]:443": who is asked for, in one spelling. */
#define SBX_TARGET_MAX (SBX_DOMAIN_LEN + 16)
void sbx_target_text(const struct sbx_via_target *t, char out[SBX_TARGET_MAX]);

/*
 * The proxy's answer to CONNECT. > 0: its head is whole, *status says how it ends. 0: not yet.
 * -EPROTO: it is none. *body: bytes behind the head, UINT64_MAX: until the connection ends.
 */
int sbx_reply_read(const char *buf, size_t len, unsigned *status, size_t *head, uint64_t *body);
/* The same head, for a client whose connection ends with it. Returns its length. */
size_t sbx_reply_write(const char *buf, size_t head, char out[SBX_HEAD_OUT_MAX]);

#endif
