/* SPDX-License-Identifier: MIT */
/* What every command uses: how it is described, how it speaks, how it fails. */
#ifndef SBX_CLI_COMMON_H
#define SBX_CLI_COMMON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "user/base/diag.h"
#include "user/base/opt.h"
#include "user/kern/kern.h"

/* Design 1.7. */
enum sbx_exit {
	SBX_EXIT_OK = 0,
	SBX_EXIT_FAILURE = 1,
	SBX_EXIT_USAGE = 2,
	SBX_EXIT_POLICY = 3,
	SBX_EXIT_KERNEL = 4,
	SBX_EXIT_PERMISSION = 5,
	SBX_EXIT_DAEMON = 6,
	SBX_EXIT_ASSERTION =
		7,	    /* the policy is valid, and something asserted of it is not proved */
	SBX_EXIT_RUN = 125, /* run's and exec's own failure */
	SBX_EXIT_NOT_EXECUTABLE = 126,
	SBX_EXIT_NOT_FOUND = 127,
};

struct sbx_command {
	const char *name, *summary;
	struct sbx_opt_spec spec;
	/* Operands are argv[0…n-1], argv[n] is NULL. Returns an exit code. */
	int (*run)(int n, char **argv);
};

/* The options of every command. */
struct sbx_globals {
	bool json, help, version;
	int color; /* SBX_COLOR_* */
};

enum { SBX_COLOR_AUTO, SBX_COLOR_ALWAYS, SBX_COLOR_NEVER };

extern struct sbx_globals sbx_globals;
extern const struct sbx_opt sbx_global_opts[];

bool sbx_use_color(FILE *f);

/* "sbx-bpf: WHAT. Hint: HINT" on stderr; hint may be NULL. Returns `code`. */
int sbx_fail(int code, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* "sbx-bpf: note: …" on stderr. */
void sbx_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Prints and frees what was collected. */
void sbx_report(struct sbx_diags *d);
/* Reports d, or says `what` failed with err where nobody left words; the exit code for err. */
int sbx_fail_with(int err, struct sbx_diags *d, const char *what);

/* Opens the kernel side; 0 or an exit code, said. Nothing loaded: SBX_EXIT_FAILURE with
 * "no sandbox". */
int sbx_open(int how, struct sbx_kern **k);
/* For readers: *k is NULL where nothing is loaded, and that is no error. */
int sbx_open_any(struct sbx_kern **k);
/* Unloads the programs where no sandbox is left, as after an attach that failed. */
void sbx_tidy(struct sbx_kern *k);

/* Which sandbox is meant. */
struct sbx_which {
	const char *cgroup, *name;
};

/* Exactly one of both has to be given. 0 or an exit code, said. */
int sbx_which_check(const struct sbx_which *w);
int sbx_which_find(struct sbx_kern *k, const struct sbx_which *w, uint64_t *id);
/* One entry of the list; to be freed with sbx_kern_list_free(v, n). NULL: not there. */
const struct sbx_sandbox_info *sbx_info_of(const struct sbx_sandbox_info *v, size_t n, uint64_t id);
/* The policy that sandbox `id` has. 0 or a negative errno; outputs are written on success only. */
int sbx_policy_of(struct sbx_kern *k, uint64_t id, struct sbx_policy **p, struct sbx_facts *facts);
/* Detaches; the last one out unloads the programs. 0 or an exit code, said. */
int sbx_detach(struct sbx_kern *k, uint64_t id);

/* A name for a new sandbox: `base`, or base-2, … where it is taken. */
void sbx_free_name(struct sbx_kern *k, const char *base, char *buf, size_t size);
/* Names are words: they are typed, and printed. 0 or an exit code, said. */
int sbx_name_check(const char *name);

/* One JSON value and a newline; frees it. */
void sbx_put_json(FILE *out, json_t *j);
/* A name from outside: as it is where JSON can hold it, else escaped. NULL becomes null. */
json_t *sbx_json_text(const char *s);

const char *sbx_mode_name(int mode);

uint64_t sbx_age_seconds(uint64_t created_ns);
/* Sets *buf (of size) to "3 s", "5 min", "2 h", "4 d". */
void sbx_age(uint64_t created_ns, char *buf, size_t size);

#endif
