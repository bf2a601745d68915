// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/domains.h"
#include "user/policy/explain.h"
#include "user/policy/rulestr.h"
#include "user/policy/suggest.h"
#include "user/policy/via.h"

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

/* What the proxy changes. */
static int note_proxy(const struct sbx_policy *p, const struct sbx_facts *facts, const char *name,
		      uint16_t port, struct sbx_explanation *e)
{
	const struct sbx_net_rule *via = sbx_policy_via(p);
	struct sbx_via_target t = {.port = port};
	enum sbx_via_say say;
	struct sbx_text x;
	int rc;

	if (!via || !e->granted || !sbx_via_host(name, strlen(name), &t))
		return 0;
	rc = sbx_via_judge(p, facts, &t, &say, NULL);
	if (!rc)
		rc = sbx_text_begin(&x);
	if (rc)
		return rc;
	if (say == SBX_VIA_UNSURE)
		fprintf(x.out,
			"not through the proxy (%s), which may find other addresses for it than "
			"`internet` means: that takes a rule that names it",
			via->to[0].source);
	else
		fprintf(x.out, "through the proxy (%s), too", via->to[0].source);
	return sbx_text_end(&x, &e->suggestion_note);
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
	e.relayed = !rc && e.rule >= 0 && p->net[e.rule].via;
	if (!rc && e.relayed)
		rc = sbx_note_relayed(&e);
	else if (!rc && !e.granted)
		rc = suggest(p, name, text, &e);
	if (!rc && proto == SBX_PROTO_TCP)
		rc = note_proxy(p, facts, name, port, &e);
	if (rc)
		sbx_explanation_free(&e);
	else
		*out = e;
	return rc;
}

/* What a proxy is asked for is one thing to a rule, name or address. */
static int suggest_proxied(const struct sbx_policy *p, const char *target,
			   struct sbx_explanation *e)
{
	const char *colon = strrchr(target, ':');
	char name[SBX_DOMAIN_LEN + 64], port[24];

	snprintf(name, sizeof(name), "%.*s", (int)(colon - target), target);
	snprintf(port, sizeof(port), "%.8s/tcp", colon);
	return suggest(p, name, port, e);
}

int sbx_explain_proxied(const struct sbx_policy *p, const struct sbx_facts *facts,
			const char *target, struct sbx_explanation *out)
{
	struct sbx_explanation e = {.rule = -1};
	const char *colon = strrchr(target, ':');
	struct sbx_via_target t = {0};
	enum sbx_via_say say;
	int rc;

	if (colon)
		t.port = (uint16_t)strtoul(colon + 1, NULL, 10);
	if (!colon || !sbx_via_host(target, (size_t)(colon - target), &t)) {
		*out = e; /* nothing is known of it */
		return 0;
	}
	rc = sbx_via_judge(p, facts, &t, &say, &e.rule);
	if (!rc && !*t.name) {
		/* denied nonetheless: the proxy's own host and link */
		rc = sbx_explain_net(p, facts, SBX_DIR_CONNECT, t.family, t.addr, SBX_PROTO_TCP,
				     t.port, &e);
		e.granted = say == SBX_VIA_ALLOWED;
	} else {
		e.granted = say == SBX_VIA_ALLOWED || say == SBX_VIA_WILD;
		if (!rc && e.rule >= 0)
			rc = decided(p, t.name, &e);
		if (!rc && !e.granted)
			rc = suggest_proxied(p, target, &e);
	}
	if (rc)
		sbx_explanation_free(&e);
	else
		*out = e;
	return rc;
}
