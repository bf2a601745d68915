// SPDX-License-Identifier: MIT
/*
 * sbx-bpf events: what was denied. Any number of readers see the same. What came before a sandbox's
 * end is still told after it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "user/cli/commands.h"
#include "user/cli/follow.h"

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

static struct sbx_follow sources[SBX_MAX_SANDBOXES]; /* by slot; id 0: none */
static const struct sbx_follow *last_told;
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

static void tell_source(const struct sbx_follow *s)
{
	if (last_told != s && !sbx_globals.json)
		printf("%s== sandbox %s\n", last_told ? "\n" : "", s->name);
	last_told = s;
}

static void tell_event(const struct sbx_event *ev, const struct sbx_event *before, void *arg)
{
	const struct sbx_follow *s = arg;
	struct sbx_event_context ctx = sbx_follow_context(s, stdout);

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

static void tell_lost(const struct sbx_follow *s)
{
	if (sbx_globals.json) {
		sbx_put_json(stdout,
			     json_pack("{s:s, s:I, s:I}", "sandbox", s->name, "sandbox_id",
				       (json_int_t)s->id, "lost", (json_int_t)s->last.lost));
		return;
	}
	tell_source(s);
	printf("%llu more found no room among the %d records: they are counted only\n",
	       (unsigned long long)s->last.lost, SBX_MAX_EVENTS);
}

/* --- sources --- */

static void close_source(struct sbx_follow *s)
{
	if (last_told == s)
		last_told = NULL;
	sbx_follow_close(s);
}

static void look(struct sbx_kern *k, struct sbx_follow *s)
{
	uint64_t lost = s->last.lost;

	if (!sbx_follow_look(s, k, tell_event, s)) {
		if (opt.follow)
			sbx_note("sandbox %s ended", s->name);
		close_source(s);
	} else if (lost != s->last.lost) {
		tell_lost(s);
	}
}

/* One round over one slot. One that cannot be opened is coming or going: the next round tells. */
static void visit(struct sbx_kern *k, uint64_t only, struct sbx_follow *s,
		  const struct sbx_slot *slot)
{
	uint64_t id = __atomic_load_n(&slot->id, __ATOMIC_SEQ_CST);

	if (s->id)
		look(k, s);
	if (id && !s->id && (!only || id == only) && !sbx_follow_open(s, k, id))
		look(k, s);
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
