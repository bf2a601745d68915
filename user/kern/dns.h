/* SPDX-License-Identifier: MIT */
/*
 * The kernel's part in domains, as sbx-bpfd sees it: where the sandboxes' queries go, and which
 * addresses names have opened. 0 or a negative errno everywhere.
 */
#ifndef SBX_KERN_DNS_H
#define SBX_KERN_DNS_H

#include "user/kern/kern.h"

/* Calls fn for each sandbox, live or about to be, whose policy speaks of names. */
typedef int (*sbx_served_fn)(uint64_t id, const struct sbx_slot *slot, void *arg);
int sbx_dns_sandboxes(struct sbx_kern *k, sbx_served_fn fn, void *arg);

/* Sends the sandbox's queries to these bound sockets (SBX_DNS_*; -1: none) of this process. */
int sbx_dns_serve(struct sbx_kern *k, uint64_t id, const int fd[SBX_DNS_SOCKETS]);
/* Nobody answers it any more; the ports are those that served it. */
int sbx_dns_unserve(struct sbx_kern *k, uint64_t id);
/* What serves the sandbox; -ENOENT: nobody. */
int sbx_dns_resolver(struct sbx_kern *k, uint64_t id, struct sbx_resolver *out);
/* The ports of ::1 that serve any sandbox; *ports is the caller's to free. */
int sbx_dns_ports6(struct sbx_kern *k, uint16_t **ports, size_t *n);
/* Forgets what an earlier daemon served. */
int sbx_dns_forget_all(struct sbx_kern *k);

/* family AF_INET or AF_INET6, addr in network order: the key of sbx_names. */
struct sbx_name_key sbx_dns_key(uint64_t image, int family, const uint8_t *addr);
/* The reverse; returns the family. */
int sbx_dns_key_address(const struct sbx_name_key *key, uint8_t addr[16]);
int sbx_dns_open(struct sbx_kern *k, const struct sbx_name_key *key, const struct sbx_name *name);
int sbx_dns_close(struct sbx_kern *k, const struct sbx_name_key *key);
/* Every address that is open, until fn returns not 0: that is returned. What is closed meanwhile
 * may make it begin anew. */
typedef int (*sbx_name_fn)(const struct sbx_name_key *key, const struct sbx_name *name, void *arg);
int sbx_dns_each(struct sbx_kern *k, sbx_name_fn fn, void *arg);

/* Who asked with the socket of this cookie; -ENOENT: forgotten. */
int sbx_dns_asker(struct sbx_kern *k, uint64_t cookie, struct sbx_asker *out);

/* Records a denial that was made here and not in the kernel. ev: op, why, mode, path and what is
 * known of the subject; the rest is filled in. `object` tells it from others. Of operations that
 * the kernel records itself nothing may be recorded here: both would write at once. */
int sbx_kern_record(struct sbx_kern *k, uint64_t id, struct sbx_event *ev, uint64_t object);

/* Is what this handle opened still what is loaded? After the last sandbox's end it is not. */
bool sbx_kern_current(struct sbx_kern *k);

#endif
