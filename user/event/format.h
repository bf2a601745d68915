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
	const struct sbx_event *all; /* what else was recorded of the sandbox; may be NULL */
	size_t n_all;
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

/*
 * Says in e's note, where that is SBX_NOTE_NO_NAME, for which name the sandbox asked in vain: the
 * one that led to the address, or the last one before at_ns (CLOCK_BOOTTIME). 0 or -ENOMEM.
 */
int sbx_note_asked(const struct sbx_event *all, size_t n, int family, const uint8_t *addr,
		   uint64_t at_ns, struct sbx_explanation *e);

/* "audit" events as rules ready to paste: a YAML fragment, merged by directory and right. */
int sbx_events_suggest(FILE *out, const struct sbx_event *evs, size_t n,
		       const struct sbx_event_context *ctx);

const char *sbx_op_name(unsigned op); /* "open-read" style lower-case name */

#endif
