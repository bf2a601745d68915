/* SPDX-License-Identifier: MIT */
/*
 * Which addresses names have opened, and until when. The kernel's map (sbx_names) has one entry for
 * each image and address; several names may lead there, each with ports and a time of its own. What
 * is in force is what all of them open together, until the first of them expires: then it is
 * written anew. A daemon that starts finds what the one before had opened, and lets it expire.
 */
#ifndef SBX_OPENED_H
#define SBX_OPENED_H

#include "user/kern/dns.h"
#include "user/policy/domains.h"

struct sbx_opened;

enum sbx_opened_event {
	SBX_OPENED,
	SBX_EXTENDED,
	SBX_EXPIRED,
	SBX_EVICTED, /* others of the same sandbox needed the room */
	SBX_CLOSED,  /* the policy was replaced */
	SBX_ENDED,   /* the sandbox has ended */
};

/* Told of every change, for the log. */
typedef void (*sbx_opened_fn)(enum sbx_opened_event what, const struct sbx_name_key *key,
			      const char *name, void *arg);

struct sbx_opened *sbx_opened_new(struct sbx_kern *k, sbx_opened_fn fn, void *arg);
void sbx_opened_free(struct sbx_opened *o);
/* Takes over what is in the kernel's map. */
int sbx_opened_take_over(struct sbx_opened *o);

/* Opens the ports at the address for `seconds`. At most SBX_SANDBOX_NAMES addresses of one image:
 * beyond, the one that would expire first makes room. 0 or a negative errno: it is not open. */
int sbx_opened_add(struct sbx_opened *o, const struct sbx_name_key *key, const char *name,
		   const struct sbx_domain_ports *ports, unsigned seconds);
/* The addresses of the image's proxy that are open now. */
void sbx_opened_proxies(const struct sbx_opened *o, uint64_t image,
			void (*fn)(const struct sbx_name_key *key, uint32_t via, void *arg),
			void *arg);
/* Closes what is past its time. */
void sbx_opened_expire(struct sbx_opened *o);
/* Another policy is in force: what its names open is opened under the new image, what they do not
 * is not; what belongs to the old one is closed. `ports` says what a name opens now. */
typedef int (*sbx_ports_fn)(const char *name, int family, const uint8_t *addr,
			    struct sbx_domain_ports *out, void *arg);
void sbx_opened_move(struct sbx_opened *o, uint64_t from, uint64_t to, sbx_ports_fn ports,
		     void *arg);
void sbx_opened_drop(struct sbx_opened *o, uint64_t image);

#endif
