/* SPDX-License-Identifier: MIT */
/* The environment of a command in a sandbox. */
#ifndef SBX_CLI_ENVIRON_H
#define SBX_CLI_ENVIRON_H

#include "user/cli/load.h"

/*
 * Of `from` what the policy keeps, with HOME, USER, LOGNAME and SHELL of the person, and what the
 * policy sets; SBX_DENIALS names the sandbox's file of denials. NULL-terminated, to be freed with
 * sbx_environ_free; NULL: out of memory.
 */
char **sbx_environ_make(const struct sbx_policy *p, const struct sbx_person *who,
			char *const *from);
void sbx_environ_free(char **env);
/* The value of a variable, or NULL. */
const char *sbx_environ_get(char *const *env, const char *name);

#endif
