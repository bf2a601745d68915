/* SPDX-License-Identifier: MIT */
/*
 * What must hold of a policy, whatever its rules are: proved for all paths and peers that there can
 * be, or refuted with one of them.
 *
 * A file of assertions is read like a policy (same patterns, variables, includes), with the verbs
 * never, always and never-both, and is a struct sbx_policy, too. Proofs are about the finished
 * image, which the kernel reads; rules are named by the reference decider.
 */
#ifndef SBX_ASSERTION_H
#define SBX_ASSERTION_H

#include "user/policy/compile.h"

enum sbx_outcome { SBX_PROVED, SBX_REFUTED, SBX_UNPROVED };

struct sbx_finding {
	enum sbx_outcome outcome;
	struct sbx_pos pos; /* of the assertion, or of its pattern that does not hold */
	char *text;	    /* 'never [write] "/ ** /.git/hooks/ **"' */
	const char *reason; /* the assertion's; NULL: none */
	/* refuted */
	char *example;	 /* "/home/u/x", "192.0.2.1:25/tcp": as it may be shown */
	char *rights;	 /* "write": those of the assertion that do not hold there */
	char *rule_at;	 /* what decides there; NULL: no rule, or no matter of rules */
	char *rule_text; /* NULL likewise */
};

struct sbx_findings {
	struct sbx_finding *v;
	size_t n, room;
	size_t count[3]; /* by outcome */
};

/* What is asserted of: a policy, compiled with these facts. */
struct sbx_subject {
	const struct sbx_policy *policy;
	const struct sbx_facts *facts;
	const struct sbx_image *image;
};

/* As sbx_policy_load and sbx_policy_parse; what nothing can be proved of (domains) is an error. */
int sbx_assertions_load(const char *file_or_name, const struct sbx_load_opts *opts,
			struct sbx_policy **out, struct sbx_diags *d);
int sbx_assertions_parse(const char *name, const char *text, size_t len,
			 const struct sbx_load_opts *opts, struct sbx_policy **out,
			 struct sbx_diags *d);

/* The facts for the assertions: those of the policy's patterns and of theirs. 0 or -errno. */
int sbx_assertions_facts(const struct sbx_policy *policy, const struct sbx_policy *asserted,
			 struct sbx_facts *out);

/*
 * Every assertion becomes a finding; one that does not hold becomes a finding for each of its
 * patterns and rights that does not. Warnings about the assertions themselves (a pattern that
 * matches nothing) go to d. 0 or -ENOMEM.
 */
int sbx_assertions_prove(const struct sbx_subject *s, const struct sbx_policy *asserted,
			 const struct sbx_facts *facts, struct sbx_findings *out,
			 struct sbx_diags *d);
void sbx_findings_free(struct sbx_findings *f);

/* --- between assertion.c, assertfile.c and assertnet.c --- */

/* The finding, to be filled; NULL: out of memory. `text` is taken. */
struct sbx_finding *sbx_findings_add(struct sbx_findings *f, enum sbx_outcome outcome,
				     struct sbx_pos pos, char *text, const char *reason);
int sbx_assert_files(const struct sbx_subject *s, const struct sbx_policy *asserted,
		     const struct sbx_facts *facts, struct sbx_findings *out, struct sbx_diags *d);
int sbx_assert_net(const struct sbx_subject *s, const struct sbx_net_rule *r,
		   struct sbx_findings *out);

#endif
