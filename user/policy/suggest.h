/* SPDX-License-Identifier: MIT */
/* The YAML that would turn a denial into a yes, and the words that go with it. */
#ifndef SBX_SUGGEST_H
#define SBX_SUGGEST_H

#include "user/policy/explain.h"

/* A protect that matches: of one kind. */
struct sbx_blocker {
	struct sbx_pos pos;
	const struct sbx_file_rule *file;
	const struct sbx_net_rule *net;
};

/* What stands in the way, for either kind of rule. */
struct sbx_obstacle {
	struct sbx_blocker *protects; /* those that match, the reported one first */
	size_t n_protects;
	bool own;     /* one of them is sbx-bpf's own: nothing opens it */
	uint8_t left; /* rights that exceptions to them would open as well: to be protected anew */
	bool denied;  /* a plain deny decides without them */
	bool granted; /* nothing else stands in the way */
};

/* The thing to write into a rule, in its quotes. */
struct sbx_target {
	const char *list;   /* "files" */
	const char *rights; /* "read" */
	const char *key;    /* "path" */
	const char *scalar; /* "\"/srv/x\"" */
	const char *wider;  /* scalar of a broader rule, or NULL */
	bool inexact;
};

/* YAML lines ready to paste; *out is NULL when nothing is missing. 0 or -ENOMEM. */
int sbx_suggestion_write(const struct sbx_target *t, const struct sbx_obstacle *o, char **out);
/* What the lines do not say by themselves; *out is NULL when they do. 0 or -ENOMEM. */
int sbx_suggestion_note(const struct sbx_target *t, const struct sbx_obstacle *o, char **out);

/* e->suggestion_note of what is relayed. 0 or -ENOMEM. */
int sbx_note_relayed(struct sbx_explanation *e);

/* e->reason, a copy. 0 or -ENOMEM. */
int sbx_explanation_reason(const char *reason, struct sbx_explanation *e);

#endif
