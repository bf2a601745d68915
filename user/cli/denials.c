// SPDX-License-Identifier: MIT
#include <string.h>
#include <unistd.h>
#include "user/cli/denials.h"

int sbx_denials_open(struct sbx_denials *d, uint64_t id)
{
	struct sbx_diags none = {0};
	int r = sbx_kern_open(SBX_KERN_READ, &d->k, &none);

	sbx_diags_free(&none);
	if (!r)
		r = sbx_follow_open(&d->follow, d->k, id);
	if (!r)
		return 0;
	sbx_kern_close(d->k);
	d->k = NULL;
	return sbx_fail(SBX_EXIT_RUN, NULL, "cannot read what the sandbox records: %s",
			strerror(-r));
}

void sbx_denials_close(struct sbx_denials *d)
{
	sbx_follow_close(&d->follow);
	sbx_recent_free(&d->recent);
	sbx_kern_close(d->k);
	d->k = NULL;
}

/* A job's `kill 0` (vim does it for Ctrl-Z) means its own process group, in which we are too. */
static bool is_own_group(const struct sbx_event *ev)
{
	return ev->op == SBX_OP_SIGNAL && ev->detail > 0 && getpgid(ev->detail) == getpgrp();
}

static bool is_shown(const struct sbx_event *ev)
{
	return !(ev->flags & SBX_EVF_QUIET) && !is_own_group(ev);
}

static void tell(const struct sbx_event *ev, const struct sbx_event *before, void *arg)
{
	struct sbx_denials *d = arg;
	struct sbx_event_context ctx = sbx_follow_context(&d->follow, d->live ? d->live : stderr);

	if (is_shown(ev))
		sbx_recent_take(&d->recent, ev, &ctx);
	if (!d->live)
		return;
	if (d->json)
		sbx_put_json(d->live, sbx_event_json(ev, &ctx));
	else if (!before && is_shown(ev))
		sbx_event_print(d->live, ev, &ctx);
}

static void look(struct sbx_denials *d)
{
	if (d->k && !d->ended)
		d->ended = !sbx_follow_look(&d->follow, d->k, tell, d);
}

/* A record may be written a moment after it was counted: twice. */
static void look_last(struct sbx_denials *d)
{
	look(d);
	look(d);
	if (d->live)
		fflush(d->live);
}

void sbx_denials_tick(void *arg)
{
	struct sbx_denials *d = arg;

	look(d);
	sbx_recent_write(&d->recent);
	if (d->live)
		fflush(d->live);
}

/* --- the summary --- */

struct total {
	unsigned long long denied, audited, quiet, lost, own_group;
	unsigned long long shown; /* records */
};

static struct total total_of(const struct sbx_denials *d)
{
	const struct sbx_follow *f = &d->follow;
	struct total t = {.denied = f->last.denied,
			  .audited = f->last.audited,
			  .quiet = f->last.quiet,
			  .lost = f->last.lost};
	size_t i;

	for (i = 0; i < f->n; i++) {
		t.shown += is_shown(&f->v[i]);
		t.own_group += is_own_group(&f->v[i]) ? f->v[i].count : 0;
	}
	return t;
}

static const char *plural(unsigned long long n)
{
	return n == 1 ? "" : "s";
}

/* What was told one by one is not told again. */
static bool is_listed(const struct sbx_denials *d)
{
	return !d->live || d->json;
}

static void put_head(const struct sbx_denials *d, const struct total *t)
{
	fprintf(stderr, "sbx-bpf: in sandbox %s", d->follow.name);
	if (t->denied)
		fprintf(stderr, " %llu access%s denied", t->denied,
			t->denied == 1 ? " was" : "es were");
	if (t->audited)
		fprintf(stderr, "%s %llu access%s would have been denied", t->denied ? "," : "",
			t->audited, t->audited == 1 ? "" : "es");
	fputs(t->shown && is_listed(d) ? ":\n" : "\n", stderr);
}

static void put_tail(const struct total *t)
{
	if (t->quiet)
		fprintf(stderr, "sbx-bpf: %llu of them by rules that say `quiet`\n", t->quiet);
	if (t->own_group)
		fprintf(stderr,
			"sbx-bpf: %llu of them signal%s to the whole process group, which reached "
			"the sandbox's part of it\n",
			t->own_group, plural(t->own_group));
	if (t->lost)
		fprintf(stderr,
			"sbx-bpf: %llu of them found no room among the %d records: they are "
			"counted only\n",
			t->lost, SBX_MAX_EVENTS);
}

static void put_rules(const struct sbx_denials *d)
{
	struct sbx_event_context ctx = sbx_follow_context(&d->follow, stderr);

	fputs("\n# Rules that allow what would have been denied, ready to paste:\n", stderr);
	sbx_events_suggest(stderr, d->follow.v, d->follow.n, &ctx);
}

void sbx_denials_sum_up(struct sbx_denials *d)
{
	struct sbx_event_context ctx;
	struct total t;
	size_t i;

	look_last(d);
	t = total_of(d);
	if (d->ended)
		sbx_note("sandbox %s was detached while the command ran", d->follow.name);
	if (!t.denied && !t.audited)
		return;
	put_head(d, &t);
	ctx = sbx_follow_context(&d->follow, stderr);
	for (i = 0; i < d->follow.n && is_listed(d); i++)
		if (is_shown(&d->follow.v[i]))
			sbx_event_print(stderr, &d->follow.v[i], &ctx);
	put_tail(&t);
	if (t.audited)
		put_rules(d);
}

json_t *sbx_denials_json(struct sbx_denials *d)
{
	struct sbx_event_context ctx;
	json_t *list = json_array();
	struct total t;
	size_t i;

	look_last(d);
	t = total_of(d);
	ctx = sbx_follow_context(&d->follow, stderr);
	for (i = 0; i < d->follow.n; i++)
		json_array_append_new(list, sbx_event_json(&d->follow.v[i], &ctx));
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "sandbox", d->follow.name,
			 "sandbox_id", (json_int_t)d->follow.id, "denied", (json_int_t)t.denied,
			 "would_be_denied", (json_int_t)t.audited, "quiet", (json_int_t)t.quiet,
			 "lost", (json_int_t)t.lost, "events", list);
}
