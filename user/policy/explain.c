// SPDX-License-Identifier: MIT
/*
 * The same question three times: who decided (the reference decider), what came closest, and what
 * would have to be written for the verdict to be yes. The last is tried out: protects are taken
 * away one by one until what is left says yes or needs an allow.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/automaton.h"
#include "user/policy/explain.h"
#include "user/policy/pattern.h"
#include "user/policy/rulestr.h"
#include "user/policy/suggest.h"

void sbx_explanation_free(struct sbx_explanation *e)
{
	if (!e)
		return;
	free(e->rule_at);
	free(e->rule_text);
	free(e->reason);
	free(e->nearest);
	free(e->suggestion);
	free(e->suggestion_note);
	*e = (struct sbx_explanation){.rule = -1};
}

/* --- files ---------------------------------------------------------------------------------------
 */

struct file_question {
	const struct sbx_policy *p;
	const struct sbx_facts *facts;
	const char *path;
	size_t len;
	uint8_t right;
};

static bool is_abstract(const struct file_question *q)
{
	size_t n = strlen(SBX_ABSTRACT);

	return q->len >= n && !memcmp(q->path, SBX_ABSTRACT, n);
}

static bool is_socket(const struct file_question *q)
{
	return q->right == SBX_CONNECT || is_abstract(q);
}

static bool pattern_matches(const struct file_question *q, const struct sbx_pattern *pat)
{
	return sbx_patterns_find(pat, 1, q->facts, q->path, q->len) != NULL;
}

/* Bytes that the literal beginning of the pattern has in common with the path, whole components. */
static size_t in_common(const struct file_question *q, const struct sbx_pattern *pat)
{
	char *prefix = sbx_pattern_unescape(pat->text, sbx_pattern_literal_prefix(pat->text));
	size_t i, last = 0;

	if (!prefix)
		return 0;
	for (i = 0; i < q->len && prefix[i] && prefix[i] == q->path[i]; i++)
		if (q->path[i] == '/')
			last = i;
	if ((i == q->len || q->path[i] == '/') && (!prefix[i] || prefix[i] == '/'))
		last = i;
	free(prefix);
	return last;
}

/* The allow that comes closest: it matches and lacks the right, or lies beside the path. */
static int write_nearest(const struct file_question *q, char **out)
{
	const struct sbx_pattern *best = NULL;
	size_t most = 0, i, k;
	int best_rule = -1;
	char *text, *at;
	struct sbx_text x;

	for (i = 0; i < q->p->n_files; i++) {
		const struct sbx_file_rule *r = &q->p->files[i];

		if (r->verb != SBX_ALLOW || (q->right == SBX_CONNECT && !r->socket))
			continue;
		for (k = 0; k < r->n_paths; k++) {
			size_t score = 2 * in_common(q, &r->paths[k]);

			if (pattern_matches(q, &r->paths[k]))
				score += 4 * (q->len + 1);
			if (score && r->rights & q->right)
				score++;
			if (score < 2 || score < most)
				continue;
			most = score;
			best = &r->paths[k];
			best_rule = i;
		}
	}
	if (!best)
		return 0;
	if (sbx_text_begin(&x))
		return -ENOMEM;
	at = sbx_pos_text(q->p->files[best_rule].pos);
	text = sbx_file_rule_text(&q->p->files[best_rule], best);
	/* "allow [read] …" -> "allows [read] …" */
	fprintf(x.out, "nearest: %s allows%s", at ? at : "?", text ? text + strlen("allow") : "");
	free(at);
	free(text);
	return sbx_text_end(&x, out);
}

/* Takes away protects until something else decides. pos: room for one per rule. */
static int find_obstacle(const struct file_question *q, struct sbx_pos *pos, struct sbx_obstacle *o)
{
	struct sbx_policy rest = *q->p;
	int rule;

	rest.files = malloc((q->p->n_files + 1) * sizeof(*rest.files));
	if (!rest.files)
		return -ENOMEM;
	if (q->p->n_files)
		memcpy(rest.files, q->p->files, q->p->n_files * sizeof(*rest.files));
	o->protects = pos;
	for (;;) {
		rule = sbx_files_decider(&rest, q->facts, q->path, q->len, q->right, &o->granted);
		if (rule < 0 || rest.files[rule].verb != SBX_PROTECT)
			break;
		pos[o->n_protects++] = rest.files[rule].pos;
		rest.files[rule].n_paths = 0;
	}
	o->denied = rule >= 0 && rest.files[rule].verb == SBX_DENY;
	free(rest.files);
	return 0;
}

/* Is the directory the home itself, or above it? */
static bool holds_home(const char *dir, size_t len, const char *home)
{
	return len <= strlen(home) && !memcmp(dir, home, len) && (!home[len] || home[len] == '/');
}

/*
 * '"/srv/x/ **" for everything in that directory', where that is a sane thing to allow: at least
 * two levels down, not the home itself, and no place where names are made up by the kernel. (And
 * never where a rule denies: with `override: true` it would reopen all that is denied below.)
 */
static int wider_path(const struct file_question *q, const char *home, char **out)
{
	static const char *const not [] = {"/proc/", "/sys/", "/dev/"};
	size_t len = q->len, first, i;
	bool inexact;
	struct sbx_text x;

	while (len && q->path[len - 1] != '/')
		len--;
	len -= len > 0;
	for (i = 0; i < sizeof(not ) / sizeof(not [0]); i++)
		if (len >= strlen(not [i]) - 1 && !memcmp(q->path, not [i], strlen(not [i]) - 1) &&
		    (len < strlen(not [i]) || q->path[strlen(not [i]) - 1] == '/'))
			return 0;
	for (first = 1; first < len && q->path[first] != '/';)
		first++;
	if (first >= len || (home && holds_home(q->path, len, home)))
		return 0;
	if (sbx_text_begin(&x))
		return -ENOMEM;
	sbx_put_yaml_path(x.out, home, q->path, len, "/**", &inexact);
	fputs(" for everything in that directory", x.out);
	return sbx_text_end(&x, out);
}

static int suggest_file(const struct file_question *q, struct sbx_explanation *e)
{
	struct sbx_pos *pos = calloc(q->p->n_files + 1, sizeof(*pos));
	struct sbx_target t = {.list = is_socket(q) ? "unix" : "files", .key = "path"};
	size_t skip = is_abstract(q) ? strlen(SBX_ABSTRACT) : 0;
	char *home = sbx_policy_home(q->p), *scalar = NULL, *wider = NULL, *rights = NULL;
	struct sbx_obstacle o = {0};
	struct sbx_text x;
	int rc = pos ? find_obstacle(q, pos, &o) : -ENOMEM;

	if (!rc && sbx_text_begin(&x))
		rc = -ENOMEM;
	if (!rc) {
		sbx_put_yaml_path(x.out, home, q->path + skip, q->len - skip, "", &t.inexact);
		rc = sbx_text_end(&x, &scalar);
	}
	if (!rc && sbx_text_begin(&x))
		rc = -ENOMEM;
	if (!rc) {
		if (is_socket(q))
			sbx_put_socket_rights(x.out, q->right);
		else
			sbx_put_rights(x.out, q->right);
		rc = sbx_text_end(&x, &rights);
	}
	if (!rc && !o.n_protects && !o.denied && !is_socket(q))
		rc = wider_path(q, home, &wider);
	t.scalar = scalar;
	t.rights = rights;
	t.wider = wider;
	if (!rc)
		rc = sbx_suggestion_write(&t, &o, &e->suggestion);
	if (!rc)
		rc = sbx_suggestion_note(&t, &o, &e->suggestion_note);
	free(pos);
	free(home);
	free(scalar);
	free(rights);
	free(wider);
	return rc;
}

int sbx_explanation_reason(const char *reason, struct sbx_explanation *e)
{
	if (reason)
		e->reason = strdup(reason);
	return reason && !e->reason ? -ENOMEM : 0;
}

int sbx_decide_file(const struct sbx_policy *p, const struct sbx_facts *facts, const char *path,
		    size_t len, uint8_t right, struct sbx_explanation *out)
{
	struct file_question q = {p, facts, path, len == 1 && *path == '/' ? 0 : len, right};
	struct sbx_explanation e = {0};
	const struct sbx_file_rule *r;

	e.rule = sbx_files_decider(p, facts, path, q.len, right, &e.granted);
	/* a policy that speaks of binding abstract names has a rule for all of them (load.c) */
	e.granted |= e.rule < 0 && right == SBX_WRITE && is_abstract(&q);
	if (e.rule >= 0) {
		r = &p->files[e.rule];
		e.rule_at = sbx_pos_text(r->pos);
		e.rule_text = sbx_file_rule_text(
			r, sbx_patterns_find(r->paths, r->n_paths, facts, path, q.len));
		if (!e.rule_text || sbx_explanation_reason(r->reason, &e)) {
			sbx_explanation_free(&e);
			return -ENOMEM;
		}
	}
	*out = e;
	return 0;
}

int sbx_explain_file(const struct sbx_policy *p, const struct sbx_facts *facts, const char *path,
		     size_t len, uint8_t right, struct sbx_explanation *out)
{
	struct file_question q = {p, facts, path, len == 1 && *path == '/' ? 0 : len, right};
	struct sbx_explanation e = {0};
	int rc = sbx_decide_file(p, facts, path, len, right, &e);

	if (!rc && e.rule < 0 && !e.granted)
		rc = write_nearest(&q, &e.nearest);
	if (!rc && !e.granted)
		rc = suggest_file(&q, &e);
	if (rc)
		sbx_explanation_free(&e);
	else
		*out = e;
	return rc;
}
