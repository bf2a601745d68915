/* SPDX-License-Identifier: MIT */
/* What a command was denied: told while it runs where that is wanted, summed up when it ended. */
#ifndef SBX_CLI_DENIALS_H
#define SBX_CLI_DENIALS_H

#include "user/cli/common.h"
#include "user/cli/follow.h"
#include "user/cli/recent.h"

struct sbx_denials {
	struct sbx_kern *k; /* owned */
	struct sbx_follow follow;
	struct sbx_recent recent;
	FILE *live; /* NULL: nobody else is told before the end */
	bool json;  /* of live */
	bool ended; /* somebody detached the sandbox */
};

/* Opens the records of sandbox `id`. 0 or an exit code, said. */
int sbx_denials_open(struct sbx_denials *d, uint64_t id);
/* Tells what is new. `arg` is the struct. */
void sbx_denials_tick(void *arg);
/* The summary, on stderr: for people, or as members of a JSON object. */
void sbx_denials_sum_up(struct sbx_denials *d);
json_t *sbx_denials_json(struct sbx_denials *d);
void sbx_denials_close(struct sbx_denials *d);

#endif
