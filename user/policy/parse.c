// SPDX-License-Identifier: MIT
/*
 * One policy file: a table of top-level keys, each with its parser. Includes come first, then
 * variables, whatever their place in the file; rules keep their order.
 */
#include <stdio.h>
#include <string.h>
#include "sbx_maps.h"
#include "user/policy/parse.h"

struct file {
	struct sbx_parser *p;
	struct sbx_scope scope;
	const char *name;
	bool main;
};

static void key_version(struct file *f, const struct sbx_node *n)
{
	if (n->type != SBX_SCALAR || !n->plain || strcmp(n->text, "1"))
		sbx_parse_error(f->p, n, "write `version: 1`, without quotes",
				"this version is not known (%s)",
				n->type == SBX_SCALAR ? n->text : "a list or mapping");
}

bool sbx_is_policy_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return n && n <= 48 && !s[n] && !strchr("._-", *s);
}

static void key_name(struct file *f, const struct sbx_node *n)
{
	const char *t = sbx_want_text(f->p, n, "name");

	if (!t)
		return;
	if (!sbx_is_policy_name(t))
		sbx_parse_error(f->p, n,
				"use up to 48 of a-z, 0-9, dot, dash and underscore, a letter or "
				"digit first",
				"this is no name for a policy (%s)", t);
	else if (f->main)
		f->p->policy->name = n->text;
}

static void key_description(struct file *f, const struct sbx_node *n)
{
	if (sbx_want_text(f->p, n, "description") && f->main)
		f->p->policy->description = n->text;
}

/* One of two words; -1 after an error. */
static int choose(struct file *f, const struct sbx_node *n, const char *key,
		  const char *const *words)
{
	char what[64];
	int i;

	if (n->type != SBX_SCALAR) {
		sbx_want_text(f->p, n, key);
		return -1;
	}
	for (i = 0; words[i]; i++)
		if (!strcmp(n->text, words[i]))
			return i;
	snprintf(what, sizeof(what), "`%s` has no such value", key);
	sbx_unknown_word(f->p, n, what, words, NULL);
	return -1;
}

static void key_mode(struct file *f, const struct sbx_node *n)
{
	static const char *const modes[] = {
		[SBX_MODE_ENFORCE] = "enforce", [SBX_MODE_AUDIT] = "audit", NULL};
	int mode = choose(f, n, "mode", modes);

	if (mode >= 0 && (f->main || f->p->opts->assertions))
		f->p->policy->mode = mode;
}

static void key_exec_anonymous(struct file *f, const struct sbx_node *n)
{
	static const char *const verbs[] = {"deny", "allow", NULL};
	int verb = choose(f, n, "exec-anonymous", verbs);

	if (verb >= 0)
		f->p->policy->exec_anonymous = verb;
}

static void one_include(struct sbx_parser *p, const struct sbx_node *n, void *arg)
{
	sbx_parse_include(p, n, ((struct file *)arg)->name);
}

static void key_include(struct file *f, const struct sbx_node *n)
{
	sbx_each(f->p, n, "include", one_include, f);
}

static void key_vars(struct file *f, const struct sbx_node *n)
{
	sbx_parse_vars(f->p, &f->scope, n, f->main);
}

static void key_env(struct file *f, const struct sbx_node *n)
{
	sbx_parse_env(f->p, &f->scope, n);
}

static void rules(struct file *f, const struct sbx_node *n, const char *key, sbx_rule_parser *fn)
{
	size_t i;

	if (n->type != SBX_LIST) {
		sbx_parse_error(f->p, n, "begin every rule with a dash: `- allow: [...]`",
				"`%s` wants a list of rules (%s)", key,
				n->type == SBX_MAP ? "this is a mapping"
				: *n->text	   ? n->text
						   : "nothing is here");
		return;
	}
	for (i = 0; i < n->n; i++)
		fn(f->p, &f->scope, n->child[i]);
}

static void key_files(struct file *f, const struct sbx_node *n)
{
	rules(f, n, "files", sbx_parse_file_rule);
}

static void key_network(struct file *f, const struct sbx_node *n)
{
	rules(f, n, "network", sbx_parse_net_rule);
}

static void key_unix(struct file *f, const struct sbx_node *n)
{
	rules(f, n, "unix", sbx_parse_unix_rule);
}

static void key_process(struct file *f, const struct sbx_node *n)
{
	rules(f, n, "process", sbx_parse_process_rule);
}

static void key_families(struct file *f, const struct sbx_node *n)
{
	sbx_parse_families(f->p, n);
}

static void key_capabilities(struct file *f, const struct sbx_node *n)
{
	sbx_parse_capabilities(f->p, n);
}

/* Includes before variables before everything that uses them. */
enum { INCLUDES, VARIABLES, REST, PASSES };

/* What kind of file has the key. */
enum { POLICY = 1, ASSERTIONS = 2, BOTH = POLICY | ASSERTIONS };

static const struct {
	const char *name;
	void (*fn)(struct file *f, const struct sbx_node *n);
	int pass, kinds;
	enum sbx_bound_kind bound; /* of assertions: its value is the most that a policy may give */
} keys[] = {
	{"version", key_version, INCLUDES, BOTH, SBX_BOUND_NONE},
	{"include", key_include, INCLUDES, BOTH, SBX_BOUND_NONE},
	{"vars", key_vars, VARIABLES, BOTH, SBX_BOUND_NONE},
	{"name", key_name, REST, BOTH, SBX_BOUND_NONE},
	{"description", key_description, REST, BOTH, SBX_BOUND_NONE},
	{"mode", key_mode, REST, BOTH, SBX_BOUND_MODE},
	{"env", key_env, REST, BOTH, SBX_BOUND_NONE},
	{"files", key_files, REST, BOTH, SBX_BOUND_NONE},
	{"network", key_network, REST, BOTH, SBX_BOUND_NONE},
	{"unix", key_unix, REST, BOTH, SBX_BOUND_NONE},
	{"process", key_process, REST, POLICY, SBX_BOUND_NONE},
	{"families", key_families, REST, BOTH, SBX_BOUND_FAMILIES},
	{"capabilities", key_capabilities, REST, BOTH, SBX_BOUND_CAPS},
	{"exec-anonymous", key_exec_anonymous, REST, BOTH, SBX_BOUND_EXEC},
};

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

static bool has_key(const struct file *f, size_t k)
{
	return keys[k].kinds & (f->p->opts->assertions ? ASSERTIONS : POLICY);
}

static size_t find_key(const struct file *f, const char *name)
{
	size_t k;

	for (k = 0; k < N_KEYS; k++)
		if (has_key(f, k) && !strcmp(keys[k].name, name))
			break;
	return k;
}

static void check_keys(struct file *f, const struct sbx_node *root)
{
	const char *names[N_KEYS + 1] = {NULL};
	bool version = false, vars = false;
	size_t i, n = 0;

	for (i = 0; i < N_KEYS; i++)
		if (has_key(f, i))
			names[n++] = keys[i].name;
	for (i = 0; i < root->n; i += 2) {
		if (find_key(f, root->child[i]->text) == N_KEYS)
			sbx_unknown_word(f->p, root->child[i],
					 f->p->opts->assertions
						 ? "a file of assertions has no such key"
						 : "a policy has no such key",
					 names, NULL);
		version |= !strcmp(root->child[i]->text, "version");
		vars |= !strcmp(root->child[i]->text, "vars");
	}
	if (!version)
		sbx_parse_error(f->p, root, "begin the file with `version: 1`",
				"the version is missing (%s)", f->name);
	if (!vars && !root->bad)
		sbx_parse_vars(f->p, &f->scope, NULL, f->main);
}

/* The key's own parser says what a policy with this key would give. */
static void parse_bound(struct file *f, size_t k, const struct sbx_node *n)
{
	struct sbx_policy *pol = f->p->policy;
	struct sbx_bound *b = SBX_APPEND(f->p, pol->bounds, pol->n_bounds);

	if (!b)
		return;
	pol->mode = 0;
	pol->exec_anonymous = false;
	pol->families = pol->caps = pol->netlink = 0;
	keys[k].fn(f, n);
	*b = (struct sbx_bound){.pos = n->pos,
				.kind = keys[k].bound,
				.mode = pol->mode,
				.exec_anonymous = pol->exec_anonymous,
				.families = pol->families,
				.caps = pol->caps,
				.netlink = pol->netlink};
}

static void parse_key(struct file *f, size_t k, const struct sbx_node *n)
{
	if (f->p->opts->assertions && keys[k].bound)
		parse_bound(f, k, n);
	else
		keys[k].fn(f, n);
}

static void parse_keys(struct file *f, const struct sbx_node *root)
{
	size_t i, k;
	int pass;

	check_keys(f, root);
	for (pass = 0; pass < PASSES; pass++)
		for (i = 0; i < root->n; i += 2) {
			k = find_key(f, root->child[i]->text);
			if (k < N_KEYS && keys[k].pass == pass)
				parse_key(f, k, root->child[i + 1]);
		}
}

void sbx_parse_text(struct sbx_parser *p, const char *file, const char *text, size_t len, bool main)
{
	struct file f = {.p = p, .name = file, .main = main};
	size_t errors = p->d->errors;
	struct sbx_node *root = sbx_yaml_parse(p->arena, file, text, len, p->d);

	if (!root)
		p->no_memory |= p->d->errors == errors;
	else if (sbx_want_map(p, root, p->opts->assertions ? "a file of assertions" : "a policy",
			      "begin it with `version: 1`"))
		parse_keys(&f, root);
}
