/* SPDX-License-Identifier: MIT */
#ifndef SBX_ASKER_H
#define SBX_ASKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* The cookie of the socket at `from` that talks to `to` (both of this host), by sock_diag(7). 0 or
 * a negative errno: -ENOENT, it is closed already. */
int sbx_socket_cookie(const struct sockaddr_storage *from, const struct sockaddr_storage *to,
		      bool tcp, uint64_t *cookie);

#endif
