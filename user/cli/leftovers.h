/* SPDX-License-Identifier: MIT */
/* What a command leaves in its sandbox, and the end of the sandbox when that is gone. */
#ifndef SBX_CLI_LEFTOVERS_H
#define SBX_CLI_LEFTOVERS_H

#include <jansson.h>
#include "user/cli/recent.h"
#include "user/cli/tmpdir.h"

struct sbx_ending {
	uint64_t id; /* 0: the cgroup has none yet */
	char cgroup[4096];
	struct sbx_tmpdir tmp;
	char denials[SBX_RECENT_PATH]; /* "": none */
};

/* Waits until nobody is in the cgroup, at most `ms` (-1: for ever). False: somebody is. */
bool sbx_ending_empty(const struct sbx_ending *e, int ms);
/* The processes there: [{"pid": …, "name": …}, …]. */
json_t *sbx_ending_left(const struct sbx_ending *e);
/* Removes cgroup, sandbox, ${tmp} and the file of denials. False: somebody carries its label yet.
 */
bool sbx_ending_finish(struct sbx_ending *e);
/* Leaves a process behind that finishes when the time has come. Until then, and should it be
 * killed, the sandbox stays; the next command that changes sandboxes frees it when it is empty. */
void sbx_ending_later(struct sbx_ending *e);

#endif
