// SPDX-License-Identifier: MIT
/* sbx-bpf explain: what does a policy say of one access, and which rule says it? */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "user/cli/commands.h"
#include "user/cli/load.h"
#include "user/cli/question.h"
#include "user/policy/explain.h"
#include "user/policy/rulestr.h"

static struct {
	const char *policy, *name, *user;
	struct sbx_opt_list vars;
	bool brief;
} opt;

static const struct sbx_opt opts[] = {
	{"policy", 'p', SBX_OPT_TEXT, "P", "the policy to ask: a file, or a bare name", &opt.policy,
	 NULL},
	{"name", 0, SBX_OPT_TEXT, "N", "the sandbox to ask, as it is in force", &opt.name, NULL},
	{"user", 0, SBX_OPT_TEXT, "U", "whose home ~ is; else the caller's", &opt.user, NULL},
	{"var", 0, SBX_OPT_LIST, "K=V", "sets a variable of the policy", &opt.vars, NULL},
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
};

static void source_free(struct source *s)
{
	sbx_loaded_free(&s->loaded);
	sbx_policy_free(s->live);
	sbx_facts_free(&s->live_facts);
}

/* --- the policy --- */

static int ask_sandbox(struct source *s)
{
	struct sbx_which w = {.name = opt.name};
	struct sbx_kern *k = NULL;
	char *json = NULL;
	uint64_t id = 0;
	int r = sbx_open(SBX_KERN_READ, &k);

	if (!r)
		r = sbx_which_find(k, &w, &id);
	if (!r && (sbx_kern_meta(k, id, &json) || sbx_meta_load(json, &s->live, &s->live_facts)))
		r = sbx_fail(SBX_EXIT_FAILURE, NULL, "cannot read the policy of sandbox %s",
			     opt.name);
	if (!r) {
		s->mode = sbx_kern_slots(k)[SBX_SLOT_OF(id)].mode;
		s->policy = s->live;
		s->facts = &s->live_facts;
	}
	free(json);
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
	if (r)
		sbx_report(&d);
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
	return e->granted ? "allowed" : e->self ? "depends on who listens" : "denied";
}

static void put_verdict(const struct sbx_question *q, const struct sbx_explanation *e,
			const char *object)
{
	bool color = sbx_use_color(stdout);

	printf("%s%s%s: %s %s\n", color ? (e->granted ? "\x1b[32m" : "\x1b[1;31m") : "", verdict(e),
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

static void print(const struct source *s, const struct sbx_question *q,
		  const struct sbx_explanation *e, const char *object)
{
	size_t i;

	put_verdict(q, e, object);
	put_name(q);
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
	if (!e->granted && s->mode == SBX_MODE_AUDIT)
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
	json_t *j =
		json_pack("{s:s, s:s, s:b, s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?}",
			  "access", q->access->name, "object", object, "allowed", e->granted,
			  "mode", sbx_mode_name(s->mode), "rule_at", e->rule_at, "rule",
			  e->rule_text, "reason", e->reason, "nearest", e->nearest, "suggestion",
			  e->suggestion, "note", e->suggestion_note, "name_because", q->why);

	json_object_set_new(j, "given", sbx_json_text(q->given));
	json_object_set_new(j, "nearby", near_json(e));
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
	return sbx_decide_net(s->policy, s->facts, q->access->what, q->family, q->addr, q->proto,
			      q->port, e);
}

static int explain(const struct source *s, const struct sbx_question *q, struct sbx_explanation *e)
{
	size_t len = q->path ? strlen(q->path) : 0;
	int r;

	if (q->access->kind == SBX_ACCESS_NET)
		return sbx_explain_net(s->policy, s->facts, q->access->what, q->family, q->addr,
				       q->proto, q->port, e);
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
		r = e.granted ? SBX_EXIT_OK : SBX_EXIT_FAILURE;
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

static int run(int n, char **argv)
{
	struct source s = {0};
	int r;

	if (n % 2)
		return sbx_fail(SBX_EXIT_USAGE,
				"`sbx-bpf explain --policy ai-agent read ~/.ssh/config`",
				"an access has no object (%s)", argv[n - 1]);
	if (!opt.policy == !opt.name)
		return sbx_fail(SBX_EXIT_USAGE,
				"`sbx-bpf explain --policy ai-agent read ~/.ssh/config`",
				"give either --policy P or --name N");
	r = opt.name ? ask_sandbox(&s) : ask_policy(&s);
	if (!r)
		r = answer_all(&s, n, argv);
	source_free(&s);
	return r;
}

const struct sbx_command sbx_cmd_explain = {
	.name = "explain",
	.summary = "say what a policy decides, and which rule it is",
	.spec = {.usage = "sbx-bpf explain --policy P | --name N read|write|exec PATH...\n"
			  "sbx-bpf explain --policy P | --name N connect|bind HOST:PORT[/udp]...\n"
			  "sbx-bpf explain --policy P | --name N connect|bind /SOCKET|@NAME...",
		 .summary =
			 "Says what a policy decides, which rule it is, and what would be to add.",
		 .opts = opts,
		 .more = sbx_global_opts,
		 .min = 2,
		 .max = SIZE_MAX,
		 .operand = "an access and a PATH or HOST:PORT"},
	.run = run,
};
