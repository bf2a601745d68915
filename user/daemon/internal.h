/* SPDX-License-Identifier: MIT */
/* What the parts that serve sandboxes share. */
#ifndef SBX_DAEMON_INTERNAL_H
#define SBX_DAEMON_INTERNAL_H

#include "user/daemon/opened.h"
#include "user/daemon/served.h"
#include "user/net/relay.h"
#include "user/policy/compile.h"

struct served {
	struct served *next;
	struct sbx_served_set *set;
	uint64_t id;
	uint64_t image;	 /* whose policy this is */
	uint64_t before; /* the one that it replaced */
	char *cgroup;	 /* its path */
	char name[SBX_NAME_LEN];
	struct sbx_policy *policy;
	struct sbx_facts facts;
};

#define SBX_CLOSED_MAX 128

struct closed_one {
	struct sbx_name_key key;
	enum sbx_opened_event why;
	int64_t at_s; /* CLOCK_BOOTTIME */
	char sandbox[SBX_NAME_LEN];
	char name[SBX_DOMAIN_LEN];
};

struct closed {
	struct closed_one v[SBX_CLOSED_MAX];
	size_t n; /* ever */
};

struct sbx_served_set {
	struct sbx_kern *k; /* NULL: nothing is loaded */
	struct sbx_forwarder *forwarder;
	struct sbx_relay *relay;
	struct sbx_opened *opened;
	struct served *list;
	struct closed closed;
	bool verbose;
};

/* --- served.c --- */

const struct sbx_slot *served_slot(const struct served *v);
bool served_audits(const struct served *v);
/* Is v's cgroup below w's, and does w enforce? */
bool served_within(const struct served *w, const struct served *v);

/* --- record.c --- */

/* Where the sandbox's queries or requests arrive: SBX_DNS_*. */
struct sockaddr_storage served_address(const struct served *v, int family, int ipv4, int ipv6);
/* Records a denial of `what`. from: the client's socket, which reached `to`. */
void served_record(struct served *v, struct sbx_event *ev, const char *what,
		   const struct sockaddr_storage *from, const struct sockaddr_storage *to,
		   bool tcp);

/* --- closed.c --- */

void closed_note(struct closed *c, enum sbx_opened_event what, const struct served *v,
		 const struct sbx_name_key *key, const char *name);
/* As a JSON list. */
void closed_write(const struct closed *c, char *buf, size_t size);

/* --- proxied.c: what the relay asks --- */

extern const struct sbx_relay_ops proxied_ops;

#endif
