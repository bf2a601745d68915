/* SPDX-License-Identifier: MIT */
/* Whom a descriptor signals: the owner that F_SETOWN gave it, who is sent SIGIO and SIGURG. */
#ifndef SBX_CLI_OWNER_H
#define SBX_CLI_OWNER_H

#include <stdbool.h>
#include <sys/types.h>

/* *owner: a process or a thread, a process group (negative), or 0: nobody. False: it cannot be
 * looked at (a thread with descriptors of its own, before 6.9). What is closed meanwhile has none.
 */
bool sbx_owner_of(pid_t pid, int fd, pid_t *owner);

/* The same of a descriptor of ours. */
pid_t sbx_owner_of_own(int fd);

/* Does it answer true for everybody who is signalled? */
bool sbx_owner_within(pid_t owner, bool (*inside)(pid_t pid, void *arg), void *arg);

/* "process 812", "process group 812"; to be freed, NULL: no memory */
char *sbx_owner_text(pid_t owner);

#endif
