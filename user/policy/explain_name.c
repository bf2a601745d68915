// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/domains.h"
#include "user/policy/explain.h"
#include "user/policy/rulestr.h"
#include "user/policy/suggest.h"

/* Can a rule name it? */
static bool is_writable(const char *name)
{
	size_t n = strlen(name);

	return n && strchr(name, '.') && name[n - 1] != '.' && *name != '.' && *name != '-' &&
	       !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.")];
}

static int decided(const struct sbx_policy *p, const char *name, struct sbx_explanation *e)
{
	const struct sbx_net_rule *r = &p->net[e->rule];
	const struct sbx_endpoint *to = sbx_domain_endpoint(r, name);

	e->rule_at = sbx_pos_text(r->pos);
	e->rule_text = sbx_net_rule_text(r, to); /* NULL: all of them */
	return e->rule_text ? sbx_explanation_reason(r->reason, e) : -ENOMEM;
}

/* port: ":443", as rules spell it. */
static int suggest(const struct sbx_policy *p, const char *name, const char *port,
		   struct sbx_explanation *e)
{
	struct sbx_blocker blocker = {0};
	struct sbx_obstacle o = {.protects = &blocker};
	struct sbx_target t = {.list = "network", .key = "to", .rights = "connect"};
	char scalar[SBX_DOMAIN_LEN + 32];
	int rc;

	if (!is_writable(name))
		return 0;
	if (e->rule >= 0 && p->net[e->rule].verb == SBX_PROTECT) {
		blocker = (struct sbx_blocker){.pos = p->net[e->rule].pos, .net = &p->net[e->rule]};
		o.n_protects = 1;
	}
	o.denied = e->rule >= 0 && p->net[e->rule].verb == SBX_DENY;
	snprintf(scalar, sizeof(scalar), "\"%.253s%.16s\"", name, port);
	t.scalar = scalar;
	rc = sbx_suggestion_write(&t, &o, &e->suggestion);
	if (!rc && o.n_protects)
		rc = sbx_suggestion_note(&t, &o, &e->suggestion_note);
	return rc;
}

int sbx_explain_name(const struct sbx_policy *p, const char *name, struct sbx_explanation *out)
{
	struct sbx_explanation e = {.rule = -1};
	enum sbx_domain_say say;
	int rc = sbx_domain_judge(p, name, &say, &e.rule);

	e.granted = !rc && say != SBX_DOMAIN_DENIED && say != SBX_DOMAIN_UNLISTED;
	if (!rc && e.rule >= 0)
		rc = decided(p, name, &e);
	/* which port it is wanted for, nobody knows who is asked for an address */
	if (!rc && !e.granted)
		rc = suggest(p, name, ":443", &e);
	if (!rc && e.suggestion && !e.suggestion_note) {
		e.suggestion_note = strdup("with the ports that it needs");
		rc = e.suggestion_note ? 0 : -ENOMEM;
	}
	if (rc)
		sbx_explanation_free(&e);
	else
		*out = e;
	return rc;
}

int sbx_explain_name_port(const struct sbx_policy *p, const struct sbx_facts *facts,
			  const char *name, int proto, uint16_t port, struct sbx_explanation *out)
{
	struct sbx_explanation e = {.rule = -1};
	char text[16];
	int rc = sbx_domain_decider(p, facts, name, proto, port, &e.rule, &e.granted);

	snprintf(text, sizeof(text), ":%u/%s", port, proto == SBX_PROTO_UDP ? "udp" : "tcp");
	if (!rc && e.rule >= 0)
		rc = decided(p, name, &e);
	if (!rc && !e.granted)
		rc = suggest(p, name, text, &e);
	if (rc)
		sbx_explanation_free(&e);
	else
		*out = e;
	return rc;
}
