/* SPDX-License-Identifier: MIT */
/* What the printers of events share. */
#ifndef SBX_EVENT_PRIVATE_H
#define SBX_EVENT_PRIVATE_H

#include <stdint.h>
#include "user/event/format.h"

enum sbx_op_kind { SBX_KIND_FILE, SBX_KIND_NET, SBX_KIND_MACHINE, SBX_KIND_TASK, SBX_KIND_NAME };

/* --- names.c: the kernel's numbers in words. NULL: not known --- */

struct sbx_op_info {
	const char *name; /* "mmap-exec" */
	const char *verb; /* completes "may not …" */
	enum sbx_op_kind kind;
	uint8_t right;
};

struct sbx_op_info sbx_op_info(unsigned op); /* of an unknown op: something that can be printed */
const char *sbx_why_name(unsigned why);
const char *sbx_why_text(unsigned why);
const char *sbx_capability_name(int cap);		  /* "cap_net_raw" */
const char *sbx_family_name(int family);		  /* "inet6" */
const char *sbx_family_setting(int family, int protocol); /* "netlink-route" */
const char *sbx_protocol_name(int protocol);		  /* "sctp" */
const char *sbx_socktype_name(int type);		  /* "raw" */
const char *sbx_request_name(unsigned op, int detail);	  /* of ioctls, socket options, fcntls */

/* --- sentence.c --- */

/* What an event is about, and what the policy says of it. Freed by sbx_told_free. */
struct sbx_told {
	struct sbx_op_info op;
	char *object;  /* "/home/u/.ssh/id", "203.0.113.5:443/tcp", … safe to print; NULL: none */
	char *message; /* "cat (pid 812) may not read /home/u/.ssh/id", safe to print */
	bool explained;
	struct sbx_explanation why; /* when explained: a rule decided, or none matched */
	char *setting; /* a line of YAML outside the rules that would allow it, or NULL */
};

/* What a rule's number counts: network rules, not those of files. */
static inline bool sbx_told_net(const struct sbx_told *t)
{
	return t->op.kind == SBX_KIND_NET || t->op.kind == SBX_KIND_NAME;
}

int sbx_tell(const struct sbx_event *ev, const struct sbx_event_context *ctx, struct sbx_told *t);
void sbx_told_free(struct sbx_told *t);

/* "cat": the executable, or the name that the task gives itself; safe to print. */
void sbx_put_program(FILE *out, const struct sbx_event *ev);
size_t sbx_event_path_len(const struct sbx_event *ev);
#define SBX_RULE_PATH_MAX (SBX_EVENT_PATH_MAX + 16)
/* The event's path as rules name it, into buf[SBX_RULE_PATH_MAX]; returns its length. */
size_t sbx_event_rule_path(const struct sbx_event *ev, char *buf);
/* The direction that a NET operation is judged in. */
int sbx_event_dir(const struct sbx_event *ev);
int sbx_event_proto(const struct sbx_event *ev);

#endif
