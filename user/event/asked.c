// SPDX-License-Identifier: MIT
/* Which refused name may have led to a connect that was denied. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "user/event/event.h"
#include "user/policy/rulestr.h"

#define LATELY_NS 60000000000ull

static bool holds(const struct sbx_event *asked, int family, const uint8_t *addr)
{
	return asked->family && asked->family == family &&
	       !memcmp(asked->addr, addr, family == AF_INET ? 4 : 16);
}

/* The one whose answer held the address; else the one that was asked for last, shortly before. */
static const struct sbx_event *find(const struct sbx_event *all, size_t n, int family,
				    const uint8_t *addr, uint64_t at_ns)
{
	const struct sbx_event *best = NULL;
	size_t i;

	for (i = 0; i < n; i++) {
		const struct sbx_event *ev = &all[i];

		if (ev->op != SBX_OP_RESOLVE || !sbx_event_path_len(ev) || ev->first_ns > at_ns)
			continue;
		if (holds(ev, family, addr))
			return ev;
		if (ev->last_ns + LATELY_NS > at_ns && (!best || ev->last_ns > best->last_ns))
			best = ev;
	}
	return best;
}

int sbx_note_asked(const struct sbx_event *all, size_t n, int family, const uint8_t *addr,
		   uint64_t at_ns, struct sbx_explanation *e)
{
	const struct sbx_event *asked;
	struct sbx_text t;
	char *note = NULL;
	int rc;

	if (!e->suggestion_note || strcmp(e->suggestion_note, SBX_NOTE_NO_NAME))
		return 0;
	asked = find(all, n, family, addr, at_ns);
	if (!asked)
		return 0;
	rc = sbx_text_begin(&t);
	if (rc)
		return rc;
	fprintf(t.out, "%s; last asked by this sandbox: ", SBX_NOTE_NO_NAME);
	sbx_put_escaped(t.out, asked->path, sbx_event_path_len(asked));
	fputs(holds(asked, family, addr) ? ", whose answer held it, refused" : ", refused", t.out);
	rc = sbx_text_end(&t, &note);
	if (!rc) {
		free(e->suggestion_note);
		e->suggestion_note = note;
	}
	return rc;
}
