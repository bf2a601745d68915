/* SPDX-License-Identifier: MIT */
/*
 * The forwarder: answers the DNS queries of sandboxes (design 1.5, "Domains").
 *
 * It decides nothing about names and touches no kernel map: both are asked of the caller, who must
 * have opened an address by the time that `open` returns. One thread, one epoll instance.
 *
 * A query is answered only by an upstream reply that belongs to it: connected socket of its own,
 * random id, the same question (RFC 5452). Of the reply only the chain of CNAMEs that begins at the
 * name asked for counts, and the addresses at its end.
 */
#ifndef SBX_FORWARDER_H
#define SBX_FORWARDER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define SBX_DNS_NAME_MAX 254 /* presentation form without the last dot, and the NUL */

/* TTLs: what a sandbox is told, and how long the address stays open, in seconds. */
#define SBX_DNS_TTL_MIN 30
#define SBX_DNS_TTL_MAX 86400

/*
 * DNS is a channel: every name below `*.example.org` that was never asked for reaches its server. A
 * sandbox may ask for a burst of such names, then for so many a second; each costs one more for
 * every so many bytes of it. One asked for before, whose answer has expired, costs a tenth. That
 * bounds what leaves through names to about 30 characters a second.
 */
#define SBX_DNS_WILD_BURST	50
#define SBX_DNS_WILD_PER_SECOND 1
#define SBX_DNS_WILD_LENGTH	32
#define SBX_DNS_WILD_AGAIN	10

/* Queries that wait for upstream: each may have a socket. Beyond: SERVFAIL. The caller's limit of
 * open files should leave room for all of them. */
#define SBX_DNS_WAITERS_MAX	512 /* of a sandbox */
#define SBX_DNS_ALL_WAITERS_MAX 2048

/* TCP clients of a sandbox, and how many seconds one may be silent. */
#define SBX_DNS_CONNS_MAX 64
#define SBX_DNS_CONN_IDLE 10

enum sbx_dns_verdict {
	SBX_DNS_REFUSE, /* REFUSED */
	SBX_DNS_ALLOW,	/* resolved, its addresses are opened */
	SBX_DNS_WILD,	/* the same, by a wildcard: how many different names is limited */
	SBX_DNS_PASS,	/* resolved, nothing is opened: audit mode, or policies that open `internet`
			 */
	SBX_DNS_REPORT, /* as PASS, and `refused` is called: what enforcing would refuse */
	SBX_DNS_ABSENT, /* NXDOMAIN, unreported: a search domain was added to an allowed name */
};

enum sbx_dns_refusal {
	SBX_DNS_NOT_LISTED,
	SBX_DNS_RATE,	 /* too many different names below a wildcard */
	SBX_DNS_ADDRESS, /* it resolved to addresses that a public name must not have */
	SBX_DNS_MALFORMED,
};

struct sbx_dns_refused {
	const char *name; /* "" where it could not be read */
	uint16_t qtype;
	enum sbx_dns_refusal why;
	struct sockaddr_storage from; /* the client's socket */
	bool tcp;
	int family; /* of SBX_DNS_ADDRESS: the first of them; 0: none */
	uint8_t addr[16];
};

/* None of these may call the forwarder. */
struct sbx_dns_ops {
	/* Asked when a query comes, and again before its addresses are opened. name: lower case,
	 * without the last dot, at most 253 bytes; bytes that are not letters, digits, '-', '_' are
	 * in \DDD form (RFC 4343). */
	enum sbx_dns_verdict (*judge)(void *sandbox, const char *name);
	/* An address of an allowed name, before the answer is sent. ttl in seconds, already within
	 * the limits. addr: 4 or 16 bytes in network order; IPv4-mapped ones come as AF_INET. 0, or
	 * -errno: the address is left out of the answer. */
	int (*open)(void *sandbox, const char *name, int family, const uint8_t *addr, uint32_t ttl);
	/* Does the policy itself name this address? Asked for loopback, link-local, private, CGNAT,
	 * metadata, multicast and the like, which a name otherwise must not resolve to. */
	bool (*listed)(void *sandbox, const char *name, int family, const uint8_t *addr);
	void (*refused)(void *sandbox, const struct sbx_dns_refused *r);
};

/* Listening sockets of one sandbox, bound already, non-blocking; -1: there is none (no IPv6). */
struct sbx_dns_sockets {
	int udp4, tcp4, udp6, tcp6;
};

struct sbx_forwarder;

/* resolv_conf: the file that names the upstream servers, read again whenever it changes. NULL and
 * errno on failure. */
struct sbx_forwarder *sbx_forwarder_new(const struct sbx_dns_ops *ops, const char *resolv_conf);
void sbx_forwarder_free(struct sbx_forwarder *f);

/* Serves a sandbox from now on; the sockets are the forwarder's from now on, also on failure.
 * 0, -ENOMEM. */
int sbx_forwarder_add(struct sbx_forwarder *f, void *sandbox, const struct sbx_dns_sockets *s);
/* Closes its sockets and drops its queries. */
void sbx_forwarder_remove(struct sbx_forwarder *f, void *sandbox);

/* Becomes readable when there is something to do: for the caller's own epoll instance. */
int sbx_forwarder_fd(const struct sbx_forwarder *f);
/* Does what there is to do, without waiting. Returns the milliseconds until it wants to be called
 * again even if nothing becomes readable (timeouts), -1: never. */
int sbx_forwarder_step(struct sbx_forwarder *f);

/* Of a name below a wildcard that is not asked for here, but elsewhere: may it be? One that was
 * paid for lately costs nothing, since who answers for it knows it. */
bool sbx_forwarder_ration(struct sbx_forwarder *f, void *sandbox, const char *name);

/* The search domains of the host's resolver configuration, as read last; NULL-terminated. */
const char *const *sbx_forwarder_search(const struct sbx_forwarder *f);

#endif
