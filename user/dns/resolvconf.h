/* SPDX-License-Identifier: MIT */
/* resolv.conf as glibc reads it: whom to ask, how long to wait, which domains to append. */
#ifndef SBX_DNS_RESOLVCONF_H
#define SBX_DNS_RESOLVCONF_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define SBX_RESOLV_SERVERS 3 /* MAXNS: glibc asks no more */
#define SBX_RESOLV_SEARCH  32

#define SBX_RESOLV_TIMEOUT  2 /* seconds, where the file does not say (glibc: 5) */
#define SBX_RESOLV_ATTEMPTS 2

union sbx_resolv_addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct sbx_resolvconf {
	union sbx_resolv_addr servers[SBX_RESOLV_SERVERS]; /* port 53 */
	size_t n_servers;
	char *search[SBX_RESOLV_SEARCH + 1]; /* lower case; NULL-terminated */
	size_t n_search;
	unsigned timeout, attempts;
	char *path;
	struct stat seen; /* of the file that was read */
};

/* Reads the file; where there is none, the local server is asked, as glibc does. 0, -ENOMEM. */
int sbx_resolvconf_init(struct sbx_resolvconf *r, const char *path);
/* Reads it again if it is another file, or another text, than before. True: it was. A file that is
 * missing or cannot be read changes nothing: it is being written. */
bool sbx_resolvconf_poll(struct sbx_resolvconf *r);
void sbx_resolvconf_free(struct sbx_resolvconf *r);

#endif
