/* SPDX-License-Identifier: MIT */
/*
 * A policy as written (the tree that the parser makes): every node keeps its position, variables
 * are substituted, includes are merged in order. Nothing here needs root or a kernel.
 */
#ifndef SBX_POLICY_H
#define SBX_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "sbx_image.h"
#include "user/base/diag.h"

/* Where the rules stand that nobody wrote (own.c), as the file of their positions. */
#define SBX_OWN_FILE "(built in)"

enum sbx_verb {
	SBX_ALLOW,
	SBX_DENY,
	SBX_PROTECT,
	/* of assertions */
	SBX_NEVER,
	SBX_ALWAYS,
	SBX_NEVER_BOTH,
};

/*
 * A path pattern after substitution. `text` is the pattern with its glob syntax; bytes that came
 * from a variable or from ~ are literal: they are escaped with '\' in `text` where they would be
 * glob syntax. Built-in names ("@tty", "/proc/self/…", "/proc/@sandbox/…") stay as written.
 */
struct sbx_pattern {
	struct sbx_pos pos;
	char *text;
	char *source; /* as written in the file */
};

struct sbx_file_rule {
	struct sbx_pos pos;
	enum sbx_verb verb;
	uint8_t rights; /* SBX_READ | … */
	bool override, quiet;
	bool socket;  /* from `unix:`: rights are SBX_CONNECT, and SBX_WRITE for bind */
	char *reason; /* NULL: none */
	struct sbx_pattern *paths;
	size_t n_paths;
	struct sbx_pattern *except; /* of protect, and of assertions */
	size_t n_except;
};

static inline bool sbx_rule_is_own(const struct sbx_file_rule *r)
{
	return r->pos.file && !strcmp(r->pos.file, SBX_OWN_FILE);
}

/* What the names of abstract sockets are below in the automaton: "@x" is "@unix/@x" there. */
#define SBX_ABSTRACT "@unix/"

enum sbx_host_kind {
	SBX_HOST_CIDR, /* an address is a CIDR of full length */
	SBX_HOST_LOCALHOST,
	SBX_HOST_INTERNET,
	SBX_HOST_SELF,
	SBX_HOST_ANY,
	SBX_HOST_DOMAIN, /* "x.org" or "*.x.org" */
	SBX_HOST_HERE,	 /* of `via:` alone: localhost and all of the host's own addresses */
};

#define SBX_PROTO_BIT_TCP 0x1
#define SBX_PROTO_BIT_UDP 0x2

struct sbx_port_range {
	uint16_t first, last; /* inclusive */
};

struct sbx_endpoint {
	struct sbx_pos pos;
	char *source;
	enum sbx_host_kind kind;
	int family;	  /* AF_INET, AF_INET6 for SBX_HOST_CIDR */
	uint8_t addr[16]; /* network order, bits beyond prefix_len are zero */
	unsigned prefix_len;
	char *domain; /* lower case, without "*." */
	bool wildcard;
	struct sbx_port_range *ports; /* empty: every port */
	size_t n_ports;
	bool ephemeral; /* "ephemeral": resolved against facts' range */
	uint8_t protos; /* SBX_PROTO_BIT_*; both when not named */
};

#define SBX_NET_CONNECT 0x1
#define SBX_NET_BIND	0x2

struct sbx_net_rule {
	struct sbx_pos pos;
	enum sbx_verb verb;
	uint8_t rights; /* SBX_NET_* */
	bool override, quiet;
	bool via; /* a proxy (via.h): to[0] is reached through sbx-bpfd alone, as if protected */
	char *reason;
	struct sbx_endpoint *to;
	size_t n_to;
	struct sbx_endpoint *except; /* of protect, and of assertions */
	size_t n_except;
};

#define SBX_PROC_SIGNAL 0x1
#define SBX_PROC_TRACE	0x2

struct sbx_process_rule {
	struct sbx_pos pos;
	enum sbx_verb verb;
	uint8_t rights;
	bool to_self; /* the only target there is today */
};

struct sbx_env_set {
	char *name, *value;
};

/* Of assertions: the most that a policy may give beside its rules. Only the fields of its kind
 * speak. */
enum sbx_bound_kind {
	SBX_BOUND_NONE,
	SBX_BOUND_MODE,
	SBX_BOUND_EXEC,
	SBX_BOUND_FAMILIES,
	SBX_BOUND_CAPS,
	SBX_BOUND_ENV
};

struct sbx_bound {
	struct sbx_pos pos;
	enum sbx_bound_kind kind;
	int mode;
	bool exec_anonymous;
	uint64_t families, caps;
	uint32_t netlink;
	char *env; /* a name, or NAME*, that is not passed on */
};

struct sbx_policy {
	char *file; /* the main file */
	char *name; /* never NULL: from name:, else the file's base name */
	char *description;
	int mode; /* SBX_MODE_* of sbx_maps.h */
	bool exec_anonymous;
	struct sbx_file_rule *files; /* those of `unix:` come last */
	size_t n_files;
	size_t n_own; /* of these, the last: which nobody wrote (own.c) */
	struct sbx_net_rule *net;
	size_t n_net;
	struct sbx_file_rule *unix_rules; /* as written; they are among `files`, too */
	size_t n_unix;
	bool unix_binds; /* some speak of binding abstract names */
	struct sbx_process_rule *process;
	size_t n_process;
	char **env_keep; /* names or NAME* globs */
	size_t n_env_keep;
	struct sbx_env_set *env_set;
	size_t n_env_set;
	uint64_t families;	  /* bit AF_x */
	uint32_t netlink;	  /* bit NETLINK_x, where AF_NETLINK is among them */
	uint64_t caps;		  /* bit CAP_x */
	struct sbx_bound *bounds; /* of assertions */
	size_t n_bounds;
	char *denials; /* the file that tells the sandbox what it was denied, or NULL */
	bool uses_tmp; /* ${tmp} was named: the caller must have made it */
	/* What this version parses but cannot enforce: named when attach refuses it. */
	struct sbx_unsupported {
		struct sbx_pos pos;
		char *what; /* "process rules that deny (deny)" */
	} * unsupported;
	size_t n_unsupported;
	char **sources; /* every file read, in order */
	size_t n_sources;
	void *arena; /* owns all of the above */
};

/*
 * A rule of an included file that the files around it leave nothing to decide: they narrow on
 * purpose what they include. What is amiss in a file by itself is said when that one is checked.
 */
static inline bool sbx_rule_is_narrowed(const struct sbx_policy *p, struct sbx_pos rule,
					struct sbx_pos by)
{
	return rule.file && by.file && strcmp(rule.file, p->file) && strcmp(rule.file, by.file);
}

/* Where `run` keeps such files, one for each sandbox. */
#define SBX_DENIALS_DIR "/run/sbx-bpf-denials"

/* What the loader may ask about the world; everything is given, nothing is looked up elsewhere. */
struct sbx_load_opts {
	const char *home;    /* what ~ is; NULL: an error where ~ is used */
	const char *pwd;     /* ${PWD}; NULL: known to `run` only: an error that says so */
	const char *tmp;     /* ${tmp}; NULL likewise */
	const char *denials; /* a file below SBX_DENIALS_DIR that is to be readable, or NULL */
	char *const *env;    /* "NAME=value"…; NULL-terminated */
	/* --var "name=value"…; NULL-terminated; may be NULL. PWD and tmp may be among them. */
	char *const *vars;
	const char *const *dirs; /* where bare include names are looked up; NULL-terminated */
	/* The file holds assertions (assertion.h): other verbs, bounds, and bare names are looked
	 * up in assert/ of the directories. */
	bool assertions;
	bool own; /* with the rules that keep sbx-bpf's own files out of reach (own.c) */
};

/*
 * Reads a policy file (or, for a bare name without '/', NAME.yaml from opts->dirs) with all its
 * includes. Adds every error it finds to *d.
 *
 * Returns 0 and a policy in *out (free with sbx_policy_free) when there was no error; -EINVAL when
 * diagnostics say why; -ENOMEM. *out is untouched on failure.
 */
int sbx_policy_load(const char *file_or_name, const struct sbx_load_opts *opts,
		    struct sbx_policy **out, struct sbx_diags *d);
/* The same from memory (tests, fuzzing, stdin). `name` stands for the file in messages. */
int sbx_policy_parse(const char *name, const char *text, size_t len,
		     const struct sbx_load_opts *opts, struct sbx_policy **out,
		     struct sbx_diags *d);
void sbx_policy_free(struct sbx_policy *p);

#endif
