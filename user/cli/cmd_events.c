// SPDX-License-Identifier: MIT
/*
 * sbx-bpf events: what was denied. Reads the kernel's records and consumes nothing, so that any
 * number of readers see the same. Following is polling: a slot's `seq` tells when there is more.
 * A source keeps its records open: what came before its end is still told after it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "user/cli/commands.h"
#include "user/event/format.h"
#include "user/policy/compile.h"

#define POLL_MS 200

static struct {
	struct sbx_which which;
	bool follow;
} opt;

static const struct sbx_opt opts[] = {
	{"follow", 'f', SBX_OPT_FLAG, NULL, "go on as it happens", &opt.follow, NULL},
	{"cgroup", 0, SBX_OPT_TEXT, "PATH", "only the sandbox of this cgroup", &opt.which.cgroup,
	 NULL},
	{"name", 0, SBX_OPT_TEXT, "N", "only the sandbox of this name", &opt.which.name, NULL},
	{0},
};

struct source {
	uint64_t id, seq, lost;
	int fd;
	bool again; /* a record may be written a moment after `seq` was raised */
	uint32_t generation;
	char name[SBX_NAME_LEN];
	struct sbx_policy *policy;
	struct sbx_facts facts;
	struct sbx_event *seen;
	size_t n_seen;
};

static struct source sources[SBX_MAX_SANDBOXES]; /* by slot; id 0: none */
static const struct source *last_told;
static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = 1;
}

/* --- telling --- */

static void put_time(const char *prefix, uint64_t boot_ns)
{
	struct timespec wall, boot;
	struct tm tm;
	char text[40];
	time_t t;

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	t = wall.tv_sec - boot.tv_sec + (time_t)(boot_ns / 1000000000);
	if (localtime_r(&t, &tm) && strftime(text, sizeof(text), "%F %T", &tm))
		printf("%s%s", prefix, text);
}

static void tell_source(const struct source *s)
{
	if (last_told != s && !sbx_globals.json)
		printf("%s== sandbox %s\n", last_told ? "\n" : "", s->name);
	last_told = s;
}

static void tell_event(const struct source *s, const struct sbx_event *ev)
{
	struct sbx_event_context ctx = {.sandbox = s->name,
					.policy = s->policy,
					.facts = &s->facts,
					.color = sbx_use_color(stdout)};

	if (sbx_globals.json) {
		sbx_put_json(stdout, sbx_event_json(ev, &ctx));
		return;
	}
	if (ev->flags & SBX_EVF_QUIET)
		return;
	tell_source(s);
	sbx_event_print(stdout, ev, &ctx);
	put_time(ev->count > 1 ? "    first:  " : "    time:   ", ev->first_ns);
	if (ev->count > 1)
		put_time(", last: ", ev->last_ns);
	putchar('\n');
}

static void tell_lost(const struct source *s)
{
	if (sbx_globals.json) {
		sbx_put_json(stdout, json_pack("{s:s, s:I, s:I}", "sandbox", s->name, "sandbox_id",
					       (json_int_t)s->id, "lost", (json_int_t)s->lost));
		return;
	}
	tell_source(s);
	printf("%llu more found no room among the %d records: they are counted only\n",
	       (unsigned long long)s->lost, SBX_MAX_EVENTS);
}

/* --- sources --- */

static void load_policy(struct source *s, struct sbx_kern *k)
{
	struct sbx_policy *p = NULL;
	struct sbx_facts f = {0};
	char *json = NULL;

	if (!sbx_kern_meta(k, s->id, &json) && !sbx_meta_load(json, &p, &f)) {
		sbx_policy_free(s->policy);
		sbx_facts_free(&s->facts);
		s->policy = p;
		s->facts = f;
	}
	free(json);
}

static void close_source(struct source *s)
{
	if (!s->id)
		return;
	close(s->fd);
	sbx_policy_free(s->policy);
	sbx_facts_free(&s->facts);
	free(s->seen);
	if (last_told == s)
		last_told = NULL;
	*s = (struct source){0};
}

static void open_source(struct source *s, struct sbx_kern *k, const struct sbx_slot *slot)
{
	int fd = sbx_kern_events_open(k, slot->id);

	if (fd < 0)
		return; /* it is coming or going: the next round tells */
	*s = (struct source){.id = slot->id, .fd = fd, .again = true};
	memcpy(s->name, slot->name, sizeof(s->name));
	s->name[sizeof(s->name) - 1] = 0;
}

static bool same(const struct sbx_event *a, const struct sbx_event *b)
{
	return a->first_ns == b->first_ns && a->op == b->op && a->why == b->why &&
	       a->mode == b->mode && a->pid == b->pid && a->ino == b->ino &&
	       a->path_len == b->path_len && a->port == b->port && a->detail == b->detail;
}

static bool is_news(const struct source *s, const struct sbx_event *ev)
{
	size_t i;

	for (i = 0; i < s->n_seen; i++)
		if (same(&s->seen[i], ev))
			return s->seen[i].count != ev->count;
	return true;
}

static void read_source(struct source *s, const struct sbx_slot *slot)
{
	struct sbx_event *v = NULL;
	uint64_t lost = __atomic_load_n(&slot->lost, __ATOMIC_SEQ_CST);
	size_t n = 0, i;

	if (sbx_kern_events_read(s->fd, &v, &n))
		return;
	for (i = 0; i < n; i++)
		if (is_news(s, &v[i]))
			tell_event(s, &v[i]);
	free(s->seen);
	s->seen = v;
	s->n_seen = n;
	if (lost != s->lost) {
		s->lost = lost;
		tell_lost(s);
	}
}

/* One round over one slot. */
static void visit(struct sbx_kern *k, uint64_t only, struct source *s, const struct sbx_slot *slot)
{
	uint64_t id = __atomic_load_n(&slot->id, __ATOMIC_SEQ_CST);
	uint64_t seq = __atomic_load_n(&slot->seq, __ATOMIC_SEQ_CST);

	if (s->id && s->id != id) {
		read_source(s, slot);
		if (opt.follow)
			sbx_note("sandbox %s ended", s->name);
		close_source(s);
	}
	if (id && !s->id && (!only || id == only))
		open_source(s, k, slot);
	if (!s->id)
		return;
	if (!s->policy || s->generation != slot->generation) {
		s->generation = slot->generation;
		load_policy(s, k);
	}
	if (seq != s->seq || s->again) {
		s->again = seq != s->seq;
		s->seq = seq;
		read_source(s, slot);
	}
}

/* --- rounds --- */

/* How many sandboxes there are to tell of. */
static size_t round_over(struct sbx_kern *k, uint64_t only)
{
	const struct sbx_slot *slots = sbx_kern_slots(k);
	size_t i, n = 0;

	for (i = 0; i < SBX_MAX_SANDBOXES; i++) {
		visit(k, only, &sources[i], &slots[i]);
		n += sources[i].id != 0;
	}
	return n;
}

/* Waits; false: nobody reads what is written any more, or it is time to end. */
static bool go_on(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO};

	if (fflush(stdout))
		return false;
	return !stop && poll(&out, 1, POLL_MS) <= 0 && !stop;
}

/* The last sandbox takes the maps with it: others come with new ones. */
static int follow(struct sbx_kern *k, uint64_t only)
{
	size_t i;
	int r = 0;

	while (!r && (!k || round_over(k, only) || !only) && go_on()) {
		for (i = 0; i < SBX_MAX_SANDBOXES && !sources[i].id; i++)
			;
		if (i < SBX_MAX_SANDBOXES)
			continue;
		sbx_kern_close(k);
		k = NULL;
		r = sbx_open_any(&k);
	}
	sbx_kern_close(k);
	return r;
}

static void watch_signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal};

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int run(int argc, char **argv)
{
	bool one = opt.which.cgroup || opt.which.name;
	struct sbx_kern *k = NULL;
	uint64_t only = 0;
	size_t i;
	int r = one ? sbx_which_check(&opt.which) : 0;

	if (!r)
		r = one ? sbx_open(SBX_KERN_READ, &k) : sbx_open_any(&k);
	if (!r && one)
		r = sbx_which_find(k, &opt.which, &only);
	if (r) {
		sbx_kern_close(k);
		return r;
	}
	watch_signals();
	if (opt.follow) {
		r = follow(k, only);
	} else {
		if (!k || !round_over(k, only))
			sbx_note("there are no sandboxes");
		sbx_kern_close(k);
	}
	for (i = 0; i < SBX_MAX_SANDBOXES; i++)
		close_source(&sources[i]);
	return r;
}

const struct sbx_command sbx_cmd_events = {
	.name = "events",
	.summary = "list what was denied, or follow it",
	.spec = {.usage = "sbx-bpf events [-f] [--cgroup PATH | --name N]",
		 .summary = "Lists what was denied, with counts; nothing is consumed by it.",
		 .opts = opts,
		 .more = sbx_global_opts},
	.run = run,
};
