// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "user/policy/netset.h"
#include "user/policy/netspan.h"
#include "user/policy/rulestr.h"
#include "user/policy/suggest.h"

struct net_question {
	const struct sbx_policy *p;
	const struct sbx_facts *facts;
	int dir, family, proto;
	const uint8_t *addr;
	uint16_t port;
};

static bool endpoint_matches(const struct net_question *q, const struct sbx_endpoint *e)
{
	return sbx_endpoint_matches(e, q->facts, q->dir, q->family, q->addr, q->proto, q->port);
}

/* How much of the endpoint fits: the address weighs more than the port, unless every one does. */
static int closeness(const struct net_question *q, const struct sbx_endpoint *e)
{
	struct sbx_endpoint any_port = *e, any_addr = *e;
	int score = 0;

	any_port.n_ports = 0;
	any_port.ephemeral = false;
	any_port.protos = SBX_PROTO_BIT_TCP | SBX_PROTO_BIT_UDP;
	if (endpoint_matches(q, &any_port))
		score += e->kind == SBX_HOST_ANY ? 2 : 3;
	any_addr.kind = SBX_HOST_ANY;
	if (sbx_endpoint_enforced(e) && endpoint_matches(q, &any_addr))
		score += 1;
	return score;
}

static int write_nearest(const struct net_question *q, char **out)
{
	const struct sbx_endpoint *best = NULL;
	const struct sbx_net_rule *best_rule = NULL;
	int most = 1, score;
	char *text, *at;
	struct sbx_text x;
	size_t i, k;

	for (i = 0; i < q->p->n_net; i++) {
		const struct sbx_net_rule *r = &q->p->net[i];

		if (r->verb != SBX_ALLOW || !(r->rights & (1u << q->dir)))
			continue;
		for (k = 0; k < r->n_to; k++) {
			score = closeness(q, &r->to[k]);
			if (score < most)
				continue;
			most = score;
			best = &r->to[k];
			best_rule = r;
		}
	}
	if (!best)
		return 0;
	if (sbx_text_begin(&x))
		return -ENOMEM;
	at = sbx_pos_text(best_rule->pos);
	text = sbx_net_rule_text(best_rule, best);
	fprintf(x.out, "nearest: %s allows%s", at ? at : "?", text ? text + strlen("allow") : "");
	free(at);
	free(text);
	return sbx_text_end(&x, out);
}

static int find_obstacle(const struct net_question *q, struct sbx_pos *pos, struct sbx_obstacle *o)
{
	struct sbx_policy rest = *q->p;
	bool self;
	int rule;

	rest.net = malloc((q->p->n_net + 1) * sizeof(*rest.net));
	if (!rest.net)
		return -ENOMEM;
	if (q->p->n_net)
		memcpy(rest.net, q->p->net, q->p->n_net * sizeof(*rest.net));
	o->protects = pos;
	for (;;) {
		rule = sbx_net_decider(&rest, q->facts, q->dir, q->family, q->addr, q->proto,
				       q->port, &o->granted, &self);
		if (rule < 0 || rest.net[rule].verb != SBX_PROTECT)
			break;
		pos[o->n_protects++] = rest.net[rule].pos;
		rest.net[rule].n_to = 0;
	}
	o->denied = rule >= 0 && rest.net[rule].verb == SBX_DENY;
	free(rest.net);
	return 0;
}

static int suggest_net(const struct net_question *q, struct sbx_explanation *e)
{
	struct sbx_target t = {.list = "network",
			       .key = "to",
			       .rights = q->dir == SBX_DIR_BIND ? "bind" : "connect"};
	struct sbx_pos *pos = calloc(q->p->n_net + 1, sizeof(*pos));
	struct sbx_obstacle o = {0};
	char *scalar = NULL;
	struct sbx_text x;
	int rc = pos ? find_obstacle(q, pos, &o) : -ENOMEM;

	if (!rc)
		rc = sbx_text_begin(&x);
	if (!rc) {
		fputc('"', x.out);
		sbx_put_peer(x.out, q->family, q->addr, q->proto, q->port);
		fputc('"', x.out);
		rc = sbx_text_end(&x, &scalar);
	}
	t.scalar = scalar;
	if (!rc)
		rc = sbx_suggestion_write(&t, &o, &e->suggestion);
	if (!rc)
		rc = sbx_suggestion_note(&t, &o, &e->suggestion_note);
	free(pos);
	free(scalar);
	return rc;
}

static int note_self(struct sbx_explanation *e)
{
	free(e->suggestion_note);
	e->suggestion_note =
		strdup("`self` allows it while a process of the sandbox listens there, "
		       "and nobody else does");
	return e->suggestion_note ? 0 : -ENOMEM;
}

int sbx_decide_net(const struct sbx_policy *p, const struct sbx_facts *facts, int dir, int family,
		   const uint8_t *addr, int proto, uint16_t port, struct sbx_explanation *out)
{
	struct sbx_explanation e = {0};
	uint8_t judged[16];
	int rc = 0;

	family = sbx_addr_canonical(dir, family, addr, judged);
	e.rule = sbx_net_decider(p, facts, dir, family, judged, proto, port, &e.granted, &e.self);
	if (e.rule >= 0) {
		const struct sbx_net_rule *r = &p->net[e.rule];

		e.rule_at = sbx_pos_text(r->pos);
		e.rule_text = sbx_net_rule_text(r, sbx_endpoints_find(r->to, r->n_to, facts, dir,
								      family, judged, proto, port));
		rc = e.rule_text ? sbx_explanation_reason(r->reason, &e) : -ENOMEM;
	}
	if (rc)
		sbx_explanation_free(&e);
	else
		*out = e;
	return rc;
}

int sbx_explain_net(const struct sbx_policy *p, const struct sbx_facts *facts, int dir, int family,
		    const uint8_t *addr, int proto, uint16_t port, struct sbx_explanation *out)
{
	struct net_question q = {.p = p, .facts = facts, .dir = dir, .proto = proto, .port = port};
	struct sbx_explanation e = {0};
	uint8_t judged[16];
	int rc = sbx_decide_net(p, facts, dir, family, addr, proto, port, &e);

	q.family = sbx_addr_canonical(dir, family, addr, judged);
	q.addr = judged;
	if (!rc && e.rule < 0)
		rc = write_nearest(&q, &e.nearest);
	if (!rc && !e.granted)
		rc = suggest_net(&q, &e);
	if (!rc && e.self)
		rc = note_self(&e);
	if (rc)
		sbx_explanation_free(&e);
	else
		*out = e;
	return rc;
}
