/* SPDX-License-Identifier: MIT */
/*
 * The denials of one sandbox as they come. Reads the kernel's records and consumes nothing, so that
 * any number of readers see the same. Following is polling: a slot's `seq` tells when there is
 * more. The records stay open: what came before the sandbox's end can be read after it.
 */
#ifndef SBX_CLI_FOLLOW_H
#define SBX_CLI_FOLLOW_H

#include "user/event/format.h"
#include "user/kern/kern.h"

struct sbx_follow {
	uint64_t id; /* 0: none */
	uint64_t seq;
	struct sbx_slot last; /* the counters, as they were seen last */
	int fd;
	bool again; /* a record may be written a moment after `seq` was raised */
	char name[SBX_NAME_LEN];
	struct sbx_policy *policy;
	struct sbx_facts facts;
	struct sbx_event *v; /* all records that there were at the last look */
	size_t n;
};

/* -ENOENT: it is coming or going. */
int sbx_follow_open(struct sbx_follow *f, struct sbx_kern *k, uint64_t id);
void sbx_follow_close(struct sbx_follow *f);

/* Called for a record that is new, or whose count has changed: `before` is what it was, or NULL. */
typedef void (*sbx_news_fn)(const struct sbx_event *ev, const struct sbx_event *before, void *arg);

/* Records of one denial, at two times. */
bool sbx_same_event(const struct sbx_event *a, const struct sbx_event *b);

/* Looks for news. False: the sandbox has ended, and this was the last look. */
bool sbx_follow_look(struct sbx_follow *f, struct sbx_kern *k, sbx_news_fn fn, void *arg);
struct sbx_event_context sbx_follow_context(const struct sbx_follow *f, FILE *out);

#endif
