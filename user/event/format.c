// SPDX-License-Identifier: MIT
/* An event as a few lines for a person. */
#include <stdlib.h>
#include <string.h>
#include "sbx_maps.h"
#include "user/event/event.h"
#include "user/policy/rulestr.h"

#define INDENT "    "

static void put_verdict(FILE *out, const struct sbx_event *ev, bool color)
{
	bool audit = ev->mode == SBX_MODE_AUDIT;

	if (color)
		fputs(audit ? "\x1b[1;33m" : "\x1b[1;31m", out);
	fputs(audit ? "would be denied" : "denied", out);
	if (color)
		fputs("\x1b[0m", out);
	fputs(": ", out);
}

static void put_rule(FILE *out, const struct sbx_explanation *why)
{
	fputs(INDENT "rule:   ", out);
	if (why->granted)
		fputs("the policy of today allows it: ", out);
	if (why->rule < 0)
		fputs("no rule matched", out);
	else
		fprintf(out, "%s  %s", why->rule_at ? why->rule_at : "(no file)", why->rule_text);
	if (why->rule < 0 && why->nearest)
		fprintf(out, "; %s", why->nearest);
	fputc('\n', out);
}

static void put_reason(FILE *out, const char *reason)
{
	fputs(INDENT "reason: ", out);
	sbx_put_escaped(out, reason, strlen(reason));
	fputc('\n', out);
}

/* Lines to paste are set off from the text, each with the same indent. */
static void put_lines(FILE *out, const char *lines)
{
	size_t n;

	for (; *lines; lines += n) {
		n = strcspn(lines, "\n");
		fprintf(out, INDENT INDENT "%.*s\n", (int)n, lines);
		n += lines[n] == '\n';
	}
}

static bool is_protect(const struct sbx_policy *p, const struct sbx_told *t)
{
	if (t->why.rule < 0)
		return false;
	return (sbx_told_net(t) ? p->net[t->why.rule].verb : p->files[t->why.rule].verb) ==
	       SBX_PROTECT;
}

static void put_remedy(FILE *out, const struct sbx_policy *p, const struct sbx_told *t)
{
	const struct sbx_explanation *why = &t->why;

	if (why->granted || !why->suggestion)
		return;
	if (is_protect(p, t) && why->suggestion_note) {
		fprintf(out, INDENT "to allow: %s\n", why->suggestion_note);
		return;
	}
	fputs(INDENT "to allow:\n", out);
	put_lines(out, why->suggestion);
	if (why->suggestion_note)
		fprintf(out, INDENT INDENT "# %s\n", why->suggestion_note);
}

void sbx_event_print(FILE *out, const struct sbx_event *ev, const struct sbx_event_context *ctx)
{
	struct sbx_told t;

	if (sbx_tell(ev, ctx, &t)) {
		fputs("denied: (out of memory)\n", out);
		return;
	}
	put_verdict(out, ev, ctx->color);
	fputs(t.message, out);
	if (ev->count > 1)
		fprintf(out, " (%llu times)", (unsigned long long)ev->count);
	fputc('\n', out);
	if (t.explained) {
		put_rule(out, &t.why);
		if (t.why.reason)
			put_reason(out, t.why.reason);
		put_remedy(out, ctx->policy, &t);
	} else {
		put_reason(out, sbx_why_text(ev->why));
		if (t.setting)
			fprintf(out, INDENT "to allow: %s", t.setting);
	}
	sbx_told_free(&t);
}
