/* SPDX-License-Identifier: MIT */
/*
 * File systems that are mounted while a command runs. They have no name, and are closed to it,
 * until the kernel side is told (design 1.3): whoever waits for the command tells it.
 */
#ifndef SBX_CLI_MOUNTWATCH_H
#define SBX_CLI_MOUNTWATCH_H

struct sbx_mountwatch {
	int fd; /* -1: cannot be watched */
};

void sbx_mountwatch_open(struct sbx_mountwatch *w);
/* Has anything been mounted or unmounted since? Then somebody else tells the kernel side. */
void sbx_mountwatch_tick(struct sbx_mountwatch *w);
void sbx_mountwatch_close(struct sbx_mountwatch *w);

#endif
