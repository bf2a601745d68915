// SPDX-License-Identifier: MIT
/* sbx-bpf explain: what does a policy say of one access, and which rule says it? */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "user/cli/commands.h"
#include "user/cli/load.h"
#include "user/cli/question.h"
#include "user/cli/shipped.h"
#include "user/event/format.h"
#include "user/policy/alias.h"
#include "user/policy/explain.h"
#include "user/policy/rulestr.h"

static struct {
	const char *policy, *name, *user, *event;
	struct sbx_opt_list vars;
	bool brief;
} opt;

static const struct sbx_opt opts[] = {
	{"policy", 'p', SBX_OPT_TEXT, "P", "the policy to ask: a file, or a bare name", &opt.policy,
	 NULL},
	{"name", 0, SBX_OPT_TEXT, "N", "the sandbox to ask, as it is in force", &opt.name, NULL},
	{"user", 0, SBX_OPT_TEXT, "U", "whose home ~ is; else the caller's", &opt.user, NULL},
	{"var", 0, SBX_OPT_LIST, "K=V", "sets a variable of the policy", &opt.vars, NULL},
	{"event", 0, SBX_OPT_TEXT, "FILE",
	 "ask about the events in it (of `events --json`); -: stdin", &opt.event, NULL},
	{"brief", 0, SBX_OPT_FLAG, NULL, "the verdicts alone", &opt.brief, NULL},
	{0},
};

/* The policy that is asked. */
struct source {
	struct sbx_loaded loaded;
	struct sbx_policy *live; /* of a sandbox; owned */
	struct sbx_facts live_facts;
	const struct sbx_policy *policy;
	const struct sbx_facts *facts;
	int mode;
	struct sbx_event *events; /* of that sandbox; owned */
	size_t n_events;
	char *sandbox; /* whose policy it is; NULL: of a file; owned */
};

static void source_free(struct source *s)
{
	sbx_loaded_free(&s->loaded);
	sbx_policy_free(s->live);
	sbx_facts_free(&s->live_facts);
	free(s->sandbox);
	free(s->events);
	*s = (struct source){0};
}

/* --- the policy --- */

/* What it was denied: names among it. Without them less can be said. */
static void read_events(struct source *s, struct sbx_kern *k, uint64_t id)
{
	int fd = sbx_kern_events_open(k, id);

	if (fd < 0)
		return;
	if (sbx_kern_events_read(fd, &s->events, &s->n_events))
		s->n_events = 0;
	close(fd);
}

static int ask_sandbox(struct source *s, const char *name)
{
	struct sbx_which w = {.name = name};
	struct sbx_kern *k = NULL;
	uint64_t id = 0;
	int r = sbx_open(SBX_KERN_READ, &k);

	if (!r)
		r = sbx_which_find(k, &w, &id);
	if (!r && sbx_policy_of(k, id, &s->live, &s->live_facts))
		r = sbx_fail(SBX_EXIT_FAILURE, NULL, "cannot read the policy of sandbox %s", name);
	if (!r) {
		s->mode = sbx_kern_slots(k)[SBX_SLOT_OF(id)].mode;
		s->policy = s->live;
		s->facts = &s->live_facts;
		s->sandbox = strdup(name);
		read_events(s, k, id);
	}
	sbx_kern_close(k);
	return r;
}

static int ask_policy(struct source *s)
{
	struct sbx_load_request req = {.policy = opt.policy, .vars = opt.vars.v};
	struct sbx_person who = {0};
	struct sbx_diags d = {0};
	int r = sbx_person_find(opt.user, &who);

	if (!r) {
		sbx_load_trial(&req, &who);
		r = sbx_load_quietly(&req, &s->loaded, &d);
	}
	/* Advice is for `check`. */
	if (r) {
		sbx_report(&d);
		sbx_offer_policies(&req);
	}
	sbx_diags_free(&d);
	if (!r) {
		s->policy = s->loaded.policy;
		s->facts = &s->loaded.facts;
		s->mode = s->policy->mode;
	}
	sbx_person_free(&who);
	return r;
}

/* --- the answer --- */

static const char *verdict(const struct sbx_explanation *e)
{
	if (e->relayed)
		return "relayed";
	return e->granted ? "allowed" : e->self ? "depends on who listens" : "denied";
}

static void put_verdict(const struct sbx_question *q, const struct sbx_explanation *e,
			const char *object)
{
	bool color = sbx_use_color(stdout);

	printf("%s%s%s: %s %s\n",
	       color ? (e->granted || e->relayed ? "\x1b[32m" : "\x1b[1;31m") : "", verdict(e),
	       color ? "\x1b[0m" : "", q->access->name, object);
}

static void put_field(const char *name, const char *text)
{
	if (text)
		printf("    %-8s%s\n", name, text);
}

/* Lines to paste, set off from the words. */
static void put_lines(const char *lines)
{
	size_t n;

	for (; *lines; lines += n + (lines[n] == '\n')) {
		n = strcspn(lines, "\n");
		printf("        %.*s\n", (int)n, lines);
	}
}

/* The name that was given, if it is another one, and what leads from it to the canonical one. */
static void put_name(const struct sbx_question *q)
{
	if (q->access->kind != SBX_ACCESS_FILE || sbx_question_abstract(q) ||
	    !strcmp(q->given, *q->path ? q->path : "/"))
		return;
	fputs("    name:   ", stdout);
	sbx_put_escaped(stdout, q->given, strlen(q->given));
	fputs(" is another name of it\n", stdout);
	if (q->why)
		put_lines(q->why);
}

#define OTHER_NAMES_MAX 3

/* The names that rules may use for it as well: by symlinks that they go through, and later mounts.
 */
static json_t *other_names(const struct source *s, const struct sbx_question *q)
{
	json_t *list = json_array();
	char *name;
	size_t i, n;

	for (i = 0; i < s->facts->n_aliases && json_array_size(list) < OTHER_NAMES_MAX; i++) {
		const struct sbx_alias *a = &s->facts->aliases[i];

		n = strlen(a->to);
		if (q->access->kind == SBX_ACCESS_NET ||
		    !sbx_path_below(q->path, strlen(q->path), a->to, n) ||
		    asprintf(&name, "%s%s", a->from, q->path + n) < 0)
			continue;
		if (strcmp(name, q->given))
			json_array_append_new(list, sbx_json_text(name));
		free(name);
	}
	return list;
}

static void put_other_names(const struct source *s, const struct sbx_question *q)
{
	json_t *list = other_names(s, q), *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		const char *name = json_string_value(one);

		fputs("    also:   ", stdout);
		sbx_put_escaped(stdout, name, strlen(name));
		fputs(" is another name of it\n", stdout);
	}
	json_decref(list);
}

static void print(const struct source *s, const struct sbx_question *q,
		  const struct sbx_explanation *e, const char *object)
{
	size_t i;

	put_verdict(q, e, object);
	put_field("event:", q->message);
	put_name(q);
	put_other_names(s, q);
	if (e->rule < 0 && e->granted)
		printf("    rule:   no rule speaks of abstract names that are bound: they may "
		       "be\n");
	else if (e->rule < 0)
		printf("    rule:   no rule matches, and what no rule allows is denied\n");
	else
		printf("    rule:   %s  %s\n", e->rule_at ? e->rule_at : "(no file)", e->rule_text);
	put_field("reason:", e->reason);
	for (i = 0; i < e->n_near; i++)
		printf("    nearby: %s  %s: %s\n", e->near[i].at ? e->near[i].at : "(no file)",
		       e->near[i].text, e->near[i].how);
	if (!e->granted && !e->relayed && s->mode == SBX_MODE_AUDIT)
		puts("    mode:   audit: it would be reported, not denied");
	if (!e->granted && e->suggestion) {
		puts("    to allow:");
		put_lines(e->suggestion);
		put_field("opens:", e->opens);
		put_field("wider:", e->wider_opens);
	}
	put_field("note:", e->suggestion_note);
}

static json_t *near_json(const struct sbx_explanation *e)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < e->n_near; i++)
		json_array_append_new(list,
				      json_pack("{s:s?, s:s, s:s}", "rule_at", e->near[i].at,
						"rule", e->near[i].text, "how", e->near[i].how));
	return list;
}

static void print_json(const struct source *s, const struct sbx_question *q,
		       const struct sbx_explanation *e, const char *object)
{
	json_t *j = json_pack("{s:s, s:s, s:b, s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?}",
			      "access", q->access->name, "object", object, "allowed",
			      e->granted || e->relayed, "mode", sbx_mode_name(s->mode), "rule_at",
			      e->rule_at, "rule", e->rule_text, "reason", e->reason, "nearest",
			      e->nearest, "suggestion", e->suggestion, "note", e->suggestion_note,
			      "name_because", q->why);

	json_object_set_new(j, "relayed", json_boolean(e->relayed));
	json_object_set_new(j, "given", sbx_json_text(q->given));
	json_object_set_new(j, "nearby", near_json(e));
	json_object_set_new(j, "other_names", other_names(s, q));
	json_object_set_new(j, "event", sbx_json_text(q->message));
	json_object_set_new(j, "opens", sbx_json_text(e->opens));
	json_object_set_new(j, "wider_opens", sbx_json_text(e->wider_opens));
	sbx_put_json(stdout, j);
}

/* The verdict alone, for very many questions. */
static int decide(const struct source *s, const struct sbx_question *q, struct sbx_explanation *e)
{
	if (q->access->kind == SBX_ACCESS_FILE)
		return sbx_decide_file(s->policy, s->facts, q->path, strlen(q->path),
				       q->access->what, e);
	if (q->name)
		return sbx_explain_name_port(s->policy, s->facts, q->name, q->proto, q->port, e);
	return sbx_decide_net(s->policy, s->facts, q->access->what, q->family, q->addr, q->proto,
			      q->port, e);
}

static int explain(const struct source *s, const struct sbx_question *q, struct sbx_explanation *e)
{
	size_t len = q->path ? strlen(q->path) : 0;
	struct timespec now;
	int r;

	if (q->name)
		return sbx_explain_name_port(s->policy, s->facts, q->name, q->proto, q->port, e);
	if (q->access->kind == SBX_ACCESS_NET) {
		r = sbx_explain_net(s->policy, s->facts, q->access->what, q->family, q->addr,
				    q->proto, q->port, e);
		clock_gettime(CLOCK_BOOTTIME, &now);
		return r ? r
			 : sbx_note_asked(s->events, s->n_events, q->family, q->addr,
					  now.tv_sec * 1000000000ull + now.tv_nsec, e);
	}
	r = sbx_explain_file(s->policy, s->facts, q->path, len, q->access->what, e);
	return r || e->granted
		       ? r
		       : sbx_explain_opens(s->policy, s->facts, q->path, len, q->access->what, e);
}

static int answer(const struct source *s, const struct sbx_question *q)
{
	struct sbx_explanation e = {0};
	char *object = sbx_question_object(q);
	int r = opt.brief ? decide(s, q, &e) : explain(s, q, &e);

	if (r || !object)
		r = sbx_fail(SBX_EXIT_FAILURE, NULL, "out of memory");
	else if (sbx_globals.json)
		print_json(s, q, &e, object);
	else if (opt.brief)
		put_verdict(q, &e, object);
	else
		print(s, q, &e, object);
	if (!r)
		r = e.granted || e.relayed ? SBX_EXIT_OK : SBX_EXIT_FAILURE;
	free(object);
	sbx_explanation_free(&e);
	return r;
}

/* Denied anywhere, or worse: that is the status of all. */
static int answer_all(const struct source *s, int n, char **argv)
{
	struct sbx_question q = {0};
	struct sbx_mounts m = {0};
	int r = sbx_mounts_read(&m), worst = 0, i;

	if (r)
		return sbx_fail(SBX_EXIT_FAILURE, NULL, "cannot read the mounts: %s", strerror(-r));
	for (i = 0; i + 1 < n; i += 2) {
		r = sbx_question_ask(&q, argv[i], argv[i + 1], &m);
		if (!r)
			r = answer(s, &q);
		sbx_question_free(&q);
		worst = r > worst ? r : worst;
	}
	sbx_mounts_free(&m);
	return worst;
}

/* --- events --- */

/* Rules have no say in it: what was said then is all there is to say. */
static int answer_beside(const struct sbx_question *q)
{
	if (sbx_globals.json)
		sbx_put_json(stdout, json_pack("{s:s, s:b, s:s}", "event", q->message, "allowed", 0,
					       "reason", q->beside));
	else if (opt.brief)
		printf("denied: %s\n", q->message);
	else
		printf("denied: %s\n    reason: %s\n", q->message, q->beside);
	return SBX_EXIT_FAILURE;
}

/* The policy of the sandbox that the event came from, unless another one was named. */
static int find_source(struct source *s, const json_t *ev)
{
	const char *name = json_string_value(json_object_get(ev, "sandbox"));

	if (opt.policy || opt.name || (s->sandbox && name && !strcmp(s->sandbox, name)))
		return 0;
	if (!name)
		return sbx_fail(SBX_EXIT_FAILURE, "give --policy P or --name N",
				"the event does not say from which sandbox it is");
	source_free(s);
	return ask_sandbox(s, name);
}

static int answer_event(struct source *s, const json_t *ev)
{
	struct sbx_question q;
	int r = sbx_question_event(&q, ev);

	if (r == SBX_QUESTION_NONE)
		r = 0;
	else if (!r && q.beside)
		r = answer_beside(&q);
	else if (!r && !(r = find_source(s, ev)))
		r = answer(s, &q);
	sbx_question_free(&q);
	return r;
}

/* A line; what `run --json` prints at its end holds a list of events. */
static int answer_line(struct source *s, const char *line)
{
	json_error_t err;
	json_t *j = json_loads(line, 0, &err), *list = json_object_get(j, "events");
	const json_t *one;
	int worst = 0, r;
	size_t i;

	if (!j)
		return sbx_fail(SBX_EXIT_FAILURE, "give it lines of `sbx-bpf events --json`",
				"this is no JSON (%s)", err.text);
	if (!list)
		worst = answer_event(s, j);
	json_array_foreach(list, i, one)
	{
		r = answer_event(s, one);
		worst = r > worst ? r : worst;
	}
	json_decref(j);
	return worst;
}

static int answer_lines(struct source *s, FILE *in)
{
	char *line = NULL;
	int worst = 0, r;
	size_t room = 0;

	while (getline(&line, &room, in) > 0) {
		r = line[strspn(line, " \t\r\n")] ? answer_line(s, line) : 0;
		worst = r > worst ? r : worst;
	}
	free(line);
	return worst;
}

static int answer_events(struct source *s)
{
	bool is_stdin = !strcmp(opt.event, "-");
	FILE *in = is_stdin ? stdin : fopen(opt.event, "re");
	int r;

	if (!in)
		return sbx_fail(SBX_EXIT_FAILURE, NULL, "cannot open the events (%s): %s",
				opt.event, strerror(errno));
	r = answer_lines(s, in);
	if (!is_stdin)
		fclose(in);
	return r;
}

static int check_usage(int n, char **argv)
{
	static const char example[] = "`sbx-bpf explain --policy ai-agent read ~/.ssh/config`";

	if (opt.event && n)
		return sbx_fail(SBX_EXIT_USAGE, NULL, "--event takes the place of operands (%s)",
				argv[0]);
	if (!opt.event && !n)
		return sbx_fail(SBX_EXIT_USAGE, example, "an access and its object are missing");
	if (n % 2)
		return sbx_fail(SBX_EXIT_USAGE, example, "an access has no object (%s)",
				argv[n - 1]);
	if ((opt.policy && opt.name) || (!opt.event && !opt.policy && !opt.name))
		return sbx_fail(SBX_EXIT_USAGE, example, "give either --policy P or --name N");
	return 0;
}

static int run(int n, char **argv)
{
	struct source s = {0};
	int r = check_usage(n, argv);

	if (r)
		return r;
	if (opt.name)
		r = ask_sandbox(&s, opt.name);
	else if (opt.policy)
		r = ask_policy(&s);
	if (!r)
		r = opt.event ? answer_events(&s) : answer_all(&s, n, argv);
	source_free(&s);
	return r;
}

const struct sbx_command sbx_cmd_explain = {
	.name = "explain",
	.summary = "say what a policy decides, and which rule it is",
	.spec = {.usage = "sbx-bpf explain --policy P | --name N read|write|exec PATH...\n"
			  "sbx-bpf explain --policy P | --name N connect|bind HOST:PORT[/udp]...\n"
			  "sbx-bpf explain --policy P | --name N connect|bind /SOCKET|@NAME...\n"
			  "sbx-bpf explain [--policy P | --name N] --event FILE|-",
		 .summary =
			 "Says what a policy decides, which rule it is, and what would be to add.",
		 .opts = opts,
		 .more = sbx_global_opts,
		 .min = 0,
		 .max = SIZE_MAX,
		 .operand = "an access and a PATH or HOST:PORT"},
	.run = run,
};
