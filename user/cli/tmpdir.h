/* SPDX-License-Identifier: MIT */
/* ${tmp}: a fresh private directory for one run, removed afterwards. */
#ifndef SBX_CLI_TMPDIR_H
#define SBX_CLI_TMPDIR_H

#include "user/cli/load.h"

struct sbx_tmpdir {
	char path[32]; /* empty: there is none */
	uid_t uid;     /* whose it is */
	gid_t gid;
	dev_t dev;
	ino_t ino;
};

/* 0 or an exit code, said. */
int sbx_tmpdir_make(const struct sbx_person *who, struct sbx_tmpdir *out);
/*
 * Removes it with all that is in it, with no more rights than its owner has: what a command left
 * there (links, mounts, directories of others) cannot turn us against anything else. 0, or -1 and
 * what could not be removed stays.
 */
int sbx_tmpdir_remove(struct sbx_tmpdir *t);

#endif
