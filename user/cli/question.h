/* SPDX-License-Identifier: MIT */
/* One access, as `explain` is asked about it: in words, or by an event. */
#ifndef SBX_CLI_QUESTION_H
#define SBX_CLI_QUESTION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "user/policy/mounts.h"

enum sbx_access_kind { SBX_ACCESS_FILE, SBX_ACCESS_NET };

struct sbx_access {
	const char *name; /* "read" */
	enum sbx_access_kind kind;
	int what; /* SBX_READ …, or SBX_DIR_* */
};

struct sbx_question {
	const struct sbx_access *access;
	char *given; /* the object as it was named; owned */
	char *path;  /* of files: as rules name it; owned */
	char *why;   /* why that is its name, in lines; NULL: it was given; owned */
	int family, proto;
	uint16_t port;
	uint8_t addr[16];
	char *name; /* of peers: a domain, in place of family and addr; owned */
	/* of an event */
	char *message; /* "cat (pid 812) may not read /x"; owned */
	char *beside;  /* why it was denied, if that is no matter of rules; owned */
};

/* "read", "/etc/passwd" or "connect", "192.0.2.1:443". 0 or an exit code, said. */
int sbx_question_ask(struct sbx_question *q, const char *access, const char *object,
		     const struct sbx_mounts *m);
/*
 * The access that an event (sbx_event_json) tells of. SBX_QUESTION_NONE: it tells of none (a count
 * of lost ones); 0 or an exit code, said. Where q->beside is set, there is nothing to ask.
 */
#define SBX_QUESTION_NONE (-1)
int sbx_question_event(struct sbx_question *q, const json_t *ev);
void sbx_question_free(struct sbx_question *q);

bool sbx_question_abstract(const struct sbx_question *q);
/* The object as it is decided on, safe to print; NULL: out of memory. */
char *sbx_question_object(const struct sbx_question *q);

#endif
