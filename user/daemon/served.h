/* SPDX-License-Identifier: MIT */
/*
 * The sandboxes whose names the daemon resolves, and what it answers for each. All of it is read
 * from the kernel: which sandboxes there are, the policy in force, what is open.
 */
#ifndef SBX_SERVED_H
#define SBX_SERVED_H

#include "user/dns/forwarder.h"
#include "user/kern/dns.h"

struct sbx_served_set;

/* verbose: a line of JSON on stdout for everything that is opened or closed. */
struct sbx_served_set *sbx_served_new(const char *resolv_conf, bool verbose);
/* Nothing is taken from the kernel: what was opened stays open until its time. */
void sbx_served_free(struct sbx_served_set *s);

/* Serves what there is now, and no longer what is gone. 0, or a negative errno: then some sandbox
 * is not served. Nothing loaded: 0. */
int sbx_served_sync(struct sbx_served_set *s, struct sbx_diags *d);
/* Once a second: expiry, sandboxes that ended, policies that were replaced. */
void sbx_served_tick(struct sbx_served_set *s);
size_t sbx_served_count(const struct sbx_served_set *s);

/* What was closed lately, and why: a JSON list. */
void sbx_served_closed(const struct sbx_served_set *s, char *buf, size_t size);

/* Readable when there is something to do; then sbx_served_step() does it, and returns the
 * milliseconds until it wants to be called anyway, -1: never. */
#define SBX_SERVED_FDS 2
void sbx_served_fds(const struct sbx_served_set *s, int fds[SBX_SERVED_FDS]);
int sbx_served_step(struct sbx_served_set *s);

#endif
