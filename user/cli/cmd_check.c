// SPDX-License-Identifier: MIT
/* sbx-bpf check: does a policy hold, and what became of it? Needs neither root nor a kernel. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "user/cli/assertions.h"
#include "user/cli/commands.h"
#include "user/cli/load.h"
#include "user/cli/shipped.h"
#include "user/policy/alias.h"
#include "user/policy/pattern.h"
#include "user/policy/rulestr.h"

static struct {
	const char *user;
	struct sbx_opt_list vars, asserts;
} opt;

static const struct sbx_opt opts[] = {
	{"assert", 0, SBX_OPT_LIST, "FILE", "what must hold of the policies, to be proved",
	 &opt.asserts, NULL},
	{"user", 0, SBX_OPT_TEXT, "U", "whose home ~ is; else the caller's", &opt.user, NULL},
	{"var", 0, SBX_OPT_LIST, "K=V", "sets a variable of the policy", &opt.vars, NULL},
	{0},
};

/* --- what became of the names --- */

/* The pattern with its literal beginning as the host's symlinks and mounts make it: "/usr/bin/ **"
 * for "/bin/ **". Owned by the caller; NULL: it is as written. */
static char *pattern_here(const struct sbx_pattern *p, const struct sbx_facts *facts)
{
	size_t literal = *p->text == '/' ? sbx_pattern_literal_prefix(p->text) : 0;
	char *path = sbx_pattern_unescape(p->text, literal), *name, *here = NULL;

	name = path ? sbx_alias_resolve(facts, path) : NULL;
	if (name && strcmp(name, path) && asprintf(&here, "%s%s", name, p->text + literal) < 0)
		here = NULL;
	free(path);
	free(name);
	return here;
}

typedef void visit_fn(const struct sbx_pattern *p, const char *here, void *arg);

static void visit_patterns(const struct sbx_pattern *p, size_t n, const struct sbx_facts *facts,
			   visit_fn *fn, void *arg)
{
	char *here;
	size_t i;

	for (i = 0; i < n; i++) {
		here = pattern_here(&p[i], facts);
		if (here)
			fn(&p[i], here, arg);
		free(here);
	}
}

static void visit_names(const struct sbx_loaded *l, visit_fn *fn, void *arg)
{
	const struct sbx_policy *p = l->policy;
	size_t i;

	for (i = 0; i < p->n_files; i++) {
		visit_patterns(p->files[i].paths, p->files[i].n_paths, &l->facts, fn, arg);
		visit_patterns(p->files[i].except, p->files[i].n_except, &l->facts, fn, arg);
	}
}

static void print_name(const struct sbx_pattern *p, const char *here, void *arg)
{
	char *at = sbx_pos_text(p->pos);

	printf("  %s: ", at ? at : "?");
	sbx_put_escaped(stdout, p->source, strlen(p->source));
	fputs(" is ", stdout);
	sbx_put_escaped(stdout, *here ? here : "/", *here ? strlen(here) : 1);
	fputs(" here\n", stdout);
	free(at);
}

static void add_name(const struct sbx_pattern *p, const char *here, void *arg)
{
	json_array_append_new(arg,
			      json_pack("{s:o, s:i, s:o, s:o}", "file", sbx_json_text(p->pos.file),
					"line", p->pos.line, "pattern", sbx_json_text(p->source),
					"here", sbx_json_text(*here ? here : "/")));
}

/* --- the answer --- */

/* Those for unix sockets are behind them, as the compiler wants them. */
static size_t file_rules(const struct sbx_policy *p)
{
	size_t n = 0;

	while (n < p->n_files - p->n_own && !p->files[n].socket)
		n++;
	return n;
}

static size_t unix_rules(const struct sbx_policy *p)
{
	size_t i, n = 0;

	for (i = 0; i < p->n_unix; i++)
		n += !sbx_rule_is_own(&p->unix_rules[i]);
	return n;
}

static void print(const char *file, const struct sbx_loaded *l, const struct sbx_asserted *asserted)
{
	const struct sbx_policy *p = l->policy;
	const struct sbx_automaton_stats *s = &l->compiled.stats;
	size_t i;

	sbx_put_escaped(stdout, file, strlen(file));
	printf(": valid: %s, mode %s\n", p->name, sbx_mode_name(p->mode));
	printf("  %zu file rules, %zu network rules", file_rules(p), p->n_net);
	printf(unix_rules(p) ? ", %zu rules for unix sockets\n" : "\n", unix_rules(p));
	printf("  %zu states, %zu transitions; %zu KiB of kernel memory\n", s->states,
	       s->transitions, l->compiled.image.n_chunks * (size_t)SBX_CHUNK_BYTES / 1024);
	visit_names(l, print_name, NULL);
	for (i = 0; i < opt.asserts.n; i++)
		sbx_asserted_print(&asserted[i]);
}

static json_t *facts_json(const struct sbx_loaded *l)
{
	const struct sbx_policy *p = l->policy;
	const struct sbx_automaton_stats *s = &l->compiled.stats;
	json_t *names = json_array();

	visit_names(l, add_name, names);
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "name", p->name,
			 "mode", sbx_mode_name(p->mode), "file_rules", (json_int_t)file_rules(p),
			 "network_rules", (json_int_t)p->n_net, "unix_rules",
			 (json_int_t)unix_rules(p), "states", (json_int_t)s->states, "transitions",
			 (json_int_t)s->transitions, "bytes", (json_int_t)s->bytes, "kernel_bytes",
			 (json_int_t)(l->compiled.image.n_chunks * (size_t)SBX_CHUNK_BYTES),
			 "names", names);
}

static void print_json(const char *file, const struct sbx_loaded *l,
		       const struct sbx_asserted *asserted, const struct sbx_diags *d)
{
	json_t *j = l ? facts_json(l) : json_object(), *list = json_array(), *one;
	size_t i;

	for (i = 0; i < opt.asserts.n; i++) {
		one = sbx_asserted_json(&asserted[i]);
		json_array_extend(list, one);
		json_decref(one);
	}
	if (opt.asserts.n)
		json_object_set(j, "assertions", list);
	json_decref(list);

	json_object_set_new(j, "file", sbx_json_text(file));
	json_object_set_new(j, "valid", json_boolean(l != NULL));
	json_object_set_new(j, "diagnostics", sbx_diags_json(d));
	sbx_put_json(stdout, j);
}

static int check(const char *file, const struct sbx_person *who)
{
	struct sbx_load_request req = {.policy = file, .vars = opt.vars.v};
	struct sbx_asserted asserted[SBX_OPT_LIST_MAX] = {{0}};
	struct sbx_diags d = {0};
	struct sbx_loaded l = {0};
	bool valid;
	size_t i;
	int r, one;

	sbx_load_trial(&req, who);
	r = sbx_load_quietly(&req, &l, &d);
	valid = !r;
	for (i = 0; i < opt.asserts.n && valid; i++) {
		one = sbx_assert(&req, &l, opt.asserts.v[i], &asserted[i], &d);
		r = r ? r : one;
	}
	if (sbx_globals.json) {
		print_json(file, valid ? &l : NULL, asserted, &d);
		sbx_diags_free(&d);
	} else {
		fflush(stdout);
		sbx_report(&d);
		sbx_offer_policies(&req);
		if (valid)
			print(file, &l, asserted);
	}
	for (i = 0; i < opt.asserts.n; i++)
		sbx_asserted_free(&asserted[i]);
	sbx_loaded_free(&l);
	return r;
}

static int run(int n, char **argv)
{
	struct sbx_person who = {0};
	int r = sbx_person_find(opt.user, &who), i, one;

	if (r)
		return r;
	for (i = 0; i < n; i++) {
		one = check(argv[i], &who);
		r = r ? r : one;
	}
	sbx_person_free(&who);
	return r;
}

const struct sbx_command sbx_cmd_check = {
	.name = "check",
	.summary = "read and compile policies without attaching them",
	.spec = {.usage = "sbx-bpf check [OPTION]... FILE...",
		 .summary = "Reads and compiles policies without attaching them.",
		 .opts = opts,
		 .more = sbx_global_opts,
		 .min = 1,
		 .max = SIZE_MAX,
		 .operand = "FILE"},
	.run = run,
};
