/* SPDX-License-Identifier: MIT */
/* Events as sentences and as JSON. Pure: no kernel, no root. */
#ifndef SBX_FORMAT_H
#define SBX_FORMAT_H

#include <jansson.h>
#include <stdio.h>
#include "sbx_event.h"
#include "user/policy/explain.h"

struct sbx_event_context {
	const char *sandbox;		 /* name */
	const struct sbx_policy *policy; /* from the meta blob; may be NULL: the rule is unknown */
	const struct sbx_facts *facts;
	bool color;
};

/*
 * A few lines for a person, e.g.
 *   denied: python3 (pid 812) may not read /home/u/.ssh/id_ed25519 (3 times)
 *     rule: policies/ai-agent.yaml:42 protect [read, write] "~/.ssh/ **"
 *     reason: credentials stay outside
 *     to allow: …
 * Control characters and invalid UTF-8 in names are escaped (\n, \x1b): an event must not be able
 * to write to the operator's terminal.
 */
void sbx_event_print(FILE *out, const struct sbx_event *ev, const struct sbx_event_context *ctx);
/* One JSON object with stable keys: time, first, last (RFC 3339), count, sandbox, sandbox_id,
 * generation, mode, verdict ("denied"/"would be denied"), operation, right, why, message, process
 * {pid, tgid, ppid, uid, comm, exe}, object {path | family, protocol, address, port | …}, rule
 * {file, line, text, reason}, suggestion. */
json_t *sbx_event_json(const struct sbx_event *ev, const struct sbx_event_context *ctx);

/* "audit" events as rules ready to paste: a YAML fragment, merged by directory and right. */
int sbx_events_suggest(FILE *out, const struct sbx_event *evs, size_t n,
		       const struct sbx_event_context *ctx);

const char *sbx_op_name(unsigned op); /* "open-read" style lower-case name */

#endif
