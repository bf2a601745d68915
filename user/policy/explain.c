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
#include "user/policy/near.h"
#include "user/policy/opening.h"
#include "user/policy/pattern.h"
#include "user/policy/rulestr.h"
#include "user/policy/suggest.h"

void sbx_explanation_free(struct sbx_explanation *e)
{
	size_t i;

	if (!e)
		return;
	free(e->rule_at);
	free(e->rule_text);
	free(e->reason);
	for (i = 0; i < e->n_near; i++) {
		free(e->near[i].at);
		free(e->near[i].text);
	}
	free(e->nearest);
	free(e->suggestion);
	free(e->suggestion_note);
	free(e->opens);
	free(e->wider_opens);
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

/* What exceptions to all of them would open besides the right that was asked for. */
static uint8_t left_open(const struct file_question *q, const struct sbx_policy *rest,
			 const struct sbx_obstacle *o)
{
	uint8_t rights = 0, left = 0, right;
	bool granted;
	size_t i;

	for (i = 0; i < o->n_protects; i++)
		rights |= o->protects[i].file->rights;
	for (right = SBX_READ; right <= SBX_CONNECT; right <<= 1) {
		if (!(rights & ~q->right & right))
			continue;
		sbx_files_decider(rest, q->facts, q->path, q->len, right, &granted);
		left |= granted ? right : 0;
	}
	return left;
}

/* Takes away protects until something else decides. To be freed: o->protects. */
static int find_obstacle(const struct file_question *q, struct sbx_obstacle *o)
{
	struct sbx_policy rest = *q->p;
	const struct sbx_file_rule *r;
	int rule;

	o->protects = calloc(q->p->n_files + 1, sizeof(*o->protects));
	rest.files = malloc((q->p->n_files + 1) * sizeof(*rest.files));
	if (!rest.files || !o->protects) {
		free(rest.files);
		return -ENOMEM;
	}
	if (q->p->n_files)
		memcpy(rest.files, q->p->files, q->p->n_files * sizeof(*rest.files));
	for (;;) {
		rule = sbx_files_decider(&rest, q->facts, q->path, q->len, q->right, &o->granted);
		if (rule < 0 || rest.files[rule].verb != SBX_PROTECT)
			break;
		r = &q->p->files[rule];
		o->protects[o->n_protects++] = (struct sbx_blocker){.pos = r->pos, .file = r};
		o->own |= sbx_rule_is_own(r);
		rest.files[rule].n_paths = 0;
	}
	o->denied = rule >= 0 && rest.files[rule].verb == SBX_DENY;
	o->own |= o->denied && sbx_rule_is_own(&rest.files[rule]); /* they come last */
	o->left = left_open(q, &rest, o);
	free(rest.files);
	return 0;
}

/* Is the directory the home itself, or above it? */
static bool holds_home(const char *dir, size_t len, const char *home)
{
	return len <= strlen(home) && !memcmp(dir, home, len) && (!home[len] || home[len] == '/');
}

/*
 * The length of the directory that may be opened as a whole, where that is a sane thing to allow:
 * at least two levels down, not the home itself, and no place where names are made up by the
 * kernel. (And never where a rule denies: with `override: true` it would reopen all that is denied
 * below.) 0: there is none.
 */
static size_t wider_dir(const struct file_question *q, const struct sbx_obstacle *o)
{
	static const char *const not [] = {"/proc/", "/sys/", "/dev/"};
	char *home = sbx_policy_home(q->p);
	size_t len = q->len, first, i;

	if (o->n_protects || o->denied || is_socket(q))
		len = 0;
	while (len && q->path[len - 1] != '/')
		len--;
	len -= len > 0;
	for (i = 0; i < sizeof(not ) / sizeof(not [0]) && len; i++)
		if (len >= strlen(not [i]) - 1 && !memcmp(q->path, not [i], strlen(not [i]) - 1) &&
		    (len < strlen(not [i]) || q->path[strlen(not [i]) - 1] == '/'))
			len = 0;
	for (first = 1; first < len && q->path[first] != '/';)
		first++;
	if (first >= len || (home && holds_home(q->path, len, home)))
		len = 0;
	free(home);
	return len;
}

/* '"/srv/x/ **" for everything in that directory' */
static int wider_path(const struct file_question *q, const char *home, size_t len, char **out)
{
	struct sbx_text x;
	bool inexact;

	if (!len)
		return 0;
	if (sbx_text_begin(&x))
		return -ENOMEM;
	sbx_put_yaml_path(x.out, home, q->path, len, "/**", &inexact);
	fputs(" for everything in that directory", x.out);
	return sbx_text_end(&x, out);
}

static int suggest_file(const struct file_question *q, struct sbx_explanation *e)
{
	struct sbx_target t = {.list = is_socket(q) ? "unix" : "files", .key = "path"};
	size_t skip = is_abstract(q) ? strlen(SBX_ABSTRACT) : 0;
	char *home = sbx_policy_home(q->p), *scalar = NULL, *wider = NULL, *rights = NULL;
	struct sbx_obstacle o = {0};
	struct sbx_text x;
	int rc = find_obstacle(q, &o);

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
	if (!rc)
		rc = wider_path(q, home, wider_dir(q, &o), &wider);
	t.scalar = scalar;
	t.rights = rights;
	t.wider = wider;
	if (!rc)
		rc = sbx_suggestion_write(&t, &o, &e->suggestion);
	if (!rc)
		rc = sbx_suggestion_note(&t, &o, &e->suggestion_note);
	free(o.protects);
	free(home);
	free(scalar);
	free(rights);
	free(wider);
	return rc;
}

static int tell_opening(const struct file_question *q, const struct sbx_obstacle *o, size_t len,
			const char *glob, char **out)
{
	char *pattern = sbx_pattern_literal(q->path, len, glob, true);
	int rc = pattern ? sbx_opening_tell(q->p, q->facts, q->path, q->len, q->right, o, pattern,
					    out)
			 : -ENOMEM;

	free(pattern);
	return rc;
}

int sbx_explain_opens(const struct sbx_policy *p, const struct sbx_facts *facts, const char *path,
		      size_t len, uint8_t right, struct sbx_explanation *e)
{
	struct file_question q = {p, facts, path, len == 1 && *path == '/' ? 0 : len, right};
	struct sbx_obstacle o = {0};
	int rc = find_obstacle(&q, &o);
	size_t dir = rc ? 0 : wider_dir(&q, &o);

	if (!rc && !o.own)
		rc = tell_opening(&q, &o, q.len, "", &e->opens);
	if (!rc && dir)
		rc = tell_opening(&q, &o, dir, "/**", &e->wider_opens);
	free(o.protects);
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

	if (!rc)
		rc = sbx_near_files(p, facts, path, q.len, right, &e);
	if (!rc && !e.granted)
		rc = suggest_file(&q, &e);
	if (rc)
		sbx_explanation_free(&e);
	else
		*out = e;
	return rc;
}
