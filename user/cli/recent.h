/* SPDX-License-Identifier: MIT */
/*
 * What a sandbox was denied of late, in a file that it can read: SBX_DENIALS names it. The
 * directory is root's, the file is for reading by the user whom the sandbox is for, and the policy
 * opens this one to this sandbox alone (user/policy/own.c). Each version replaces the one before as
 * a whole.
 */
#ifndef SBX_CLI_RECENT_H
#define SBX_CLI_RECENT_H

#include "user/cli/load.h"
#include "user/event/format.h"

#define SBX_RECENT_MAX	 64	     /* denials */
#define SBX_RECENT_BYTES (64 * 1024) /* of the file: it is small enough to be read whole */
#define SBX_RECENT_PATH	 (sizeof(SBX_DENIALS_DIR) + sizeof("/4194304-XXXXXX")) /* with our pid */

struct sbx_recent {
	char path[SBX_RECENT_PATH]; /* "": there is no file */
	uid_t uid;
	gid_t gid;
	struct sbx_recent_entry {
		struct sbx_event ev;
		uint64_t told; /* the count that the text gives */
		char *text;
	} v[SBX_RECENT_MAX];
	size_t n;
	bool news;
};

/* Makes the file, with nothing denied yet. 0 or an exit code, said. */
int sbx_recent_make(const struct sbx_person *who, struct sbx_recent *r);
/* A denial that is new, or that was repeated. */
void sbx_recent_take(struct sbx_recent *r, const struct sbx_event *ev,
		     const struct sbx_event_context *ctx);
/* Writes the file if there is news. */
void sbx_recent_write(struct sbx_recent *r);
void sbx_recent_free(struct sbx_recent *r);
void sbx_recent_remove(const char *path);
/* Removes the files of those that were killed: the process is gone, and no sandbox is told of the
 * file. None, where a sandbox's policy cannot be read. */
void sbx_recent_sweep(struct sbx_kern *k);

#endif
