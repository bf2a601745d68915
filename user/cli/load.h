/* SPDX-License-Identifier: MIT */
/* A policy as the command line names it, read, compiled, and ready to be attached. */
#ifndef SBX_CLI_LOAD_H
#define SBX_CLI_LOAD_H

#include <stdbool.h>
#include <sys/types.h>
#include "user/policy/compile.h"

/* Whom the sandbox is for. */
struct sbx_person {
	uid_t uid;
	gid_t gid;
	char *name, *home, *shell; /* owned */
};

/*
 * By name or number; NULL: the user who called sudo, else the caller. 0, or an exit code, said: the
 * user database has no such user, or none with a home.
 */
int sbx_person_find(const char *user, struct sbx_person *out);
/* The same for who runs a command: root must call, and root must be meant where it is root. */
int sbx_person_for_command(const char *user, struct sbx_person *out);
void sbx_person_free(struct sbx_person *p);

struct sbx_load_request {
	const char *policy;	      /* a file, if it has a slash, or a bare name */
	const char *home, *pwd, *tmp; /* as in struct sbx_load_opts */
	const char *denials;	      /* likewise */
	char *const *vars;	      /* --var */
	bool to_attach;		      /* refuse what cannot be enforced yet, by name */
};

struct sbx_loaded {
	struct sbx_policy *policy;
	struct sbx_facts facts;
	struct sbx_compiled compiled;
};

/* The directories of bare names; NULL-terminated. */
const char *const *sbx_policy_dirs(void);

/* Reads and compiles. Diagnostics are printed. 0 or an exit code; *out is written on success only.
 */
int sbx_load(const struct sbx_load_request *r, struct sbx_loaded *out);
/* The same with the diagnostics in *d, not printed. */
int sbx_load_quietly(const struct sbx_load_request *r, struct sbx_loaded *out, struct sbx_diags *d);
/* How the policy, or another file beside it, is read for this request. */
struct sbx_load_opts sbx_load_opts_for(const struct sbx_load_request *r);
/* For those who only ask (check, explain): what `run` would put for ~, ${PWD} and ${tmp} here. */
void sbx_load_trial(struct sbx_load_request *r, const struct sbx_person *who);
void sbx_loaded_free(struct sbx_loaded *l);

#endif
