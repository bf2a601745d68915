// SPDX-License-Identifier: MIT
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "sbx_maps.h"
#include "user/policy/near.h"
#include "user/policy/domains.h"
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

static int decide(const struct net_question *q, const struct sbx_policy *p, int dir, bool *granted)
{
	bool self;

	return sbx_net_decider(p, q->facts, dir, q->family, q->addr, q->proto, q->port, granted,
			       &self);
}

/* What exceptions to all of them would open besides the direction that was asked for. */
static uint8_t left_open(const struct net_question *q, const struct sbx_policy *rest,
			 const struct sbx_obstacle *o)
{
	int other = q->dir == SBX_DIR_BIND ? SBX_DIR_CONNECT : SBX_DIR_BIND;
	uint8_t rights = 0;
	bool granted;
	size_t i;

	for (i = 0; i < o->n_protects; i++)
		rights |= o->protects[i].net->rights;
	decide(q, rest, other, &granted);
	return granted ? rights & 1u << other : 0;
}

/* Takes away protects until something else decides. To be freed: o->protects. */
static int find_obstacle(const struct net_question *q, struct sbx_obstacle *o)
{
	struct sbx_policy rest = *q->p;
	int rule;

	o->protects = calloc(q->p->n_net + 1, sizeof(*o->protects));
	rest.net = malloc((q->p->n_net + 1) * sizeof(*rest.net));
	if (!rest.net || !o->protects) {
		free(rest.net);
		return -ENOMEM;
	}
	if (q->p->n_net)
		memcpy(rest.net, q->p->net, q->p->n_net * sizeof(*rest.net));
	for (;;) {
		rule = decide(q, &rest, q->dir, &o->granted);
		if (rule < 0 || rest.net[rule].verb != SBX_PROTECT)
			break;
		o->protects[o->n_protects++] =
			(struct sbx_blocker){.pos = q->p->net[rule].pos, .net = &q->p->net[rule]};
		rest.net[rule].n_to = 0;
	}
	o->denied = rule >= 0 && rest.net[rule].verb == SBX_DENY;
	o->left = left_open(q, &rest, o);
	free(rest.net);
	return 0;
}

/* "192.0.2.1:443/tcp", in quotes */
static int peer_scalar(const struct net_question *q, char **out)
{
	struct sbx_text x;

	if (sbx_text_begin(&x))
		return -ENOMEM;
	fputc('"', x.out);
	sbx_put_peer(x.out, q->family, q->addr, q->proto, q->port);
	fputc('"', x.out);
	return sbx_text_end(&x, out);
}

static int suggest_net(const struct net_question *q, struct sbx_explanation *e)
{
	struct sbx_target t = {.list = "network",
			       .key = "to",
			       .rights = q->dir == SBX_DIR_BIND ? "bind" : "connect"};
	struct sbx_obstacle o = {0};
	char *scalar = NULL;
	int rc = find_obstacle(q, &o);

	if (!rc)
		rc = peer_scalar(q, &scalar);
	t.scalar = scalar;
	if (!rc)
		rc = sbx_suggestion_write(&t, &o, &e->suggestion);
	if (!rc)
		rc = sbx_suggestion_note(&t, &o, &e->suggestion_note);
	if (!rc && e->suggestion) {
		e->opens = strdup("nothing else"); /* one address, port and protocol */
		rc = e->opens ? 0 : -ENOMEM;
	}
	free(o.protects);
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

int sbx_note_relayed(struct sbx_explanation *e)
{
	free(e->suggestion_note);
	e->suggestion_note =
		strdup("sbx-bpfd answers in the proxy's place, and lets requests pass to what the "
		       "rules allow");
	return e->suggestion_note ? 0 : -ENOMEM;
}

static bool is_forwarders(const struct sbx_facts *facts, int dir, int family, const uint8_t *addr,
			  uint16_t port)
{
	size_t i;

	if (dir != SBX_DIR_CONNECT)
		return false;
	if (family == AF_INET)
		return sbx_addr_number(family, addr) == SBX_FORWARDER4;
	for (i = 0; i < facts->n_forwarder6; i++)
		if (facts->forwarder6[i] == port)
			return !memcmp(addr, &in6addr_loopback, sizeof(in6addr_loopback));
	return false;
}

static int note_forwarder(struct sbx_explanation *e)
{
	e->suggestion_note = strdup("sbx-bpfd answers there, and is reached by asking any name "
				    "server: no policy opens it");
	return e->suggestion_note ? 0 : -ENOMEM;
}

/* What stays closed until a name leads there. */
static int note_names(const struct net_question *q, struct sbx_explanation *e)
{
	if (e->suggestion_note || q->dir != SBX_DIR_CONNECT || !sbx_policy_names(q->p) ||
	    sbx_addr_special(q->family, q->addr))
		return 0;
	e->suggestion_note = strdup(SBX_NOTE_NO_NAME);
	return e->suggestion_note ? 0 : -ENOMEM;
}

int sbx_decide_net(const struct sbx_policy *p, const struct sbx_facts *facts, int dir, int family,
		   const uint8_t *addr, int proto, uint16_t port, struct sbx_explanation *out)
{
	struct sbx_explanation e = {0};
	uint8_t judged[16];
	int rc = 0;

	family = sbx_addr_canonical(dir, family, addr, judged);
	if (is_forwarders(facts, dir, family, judged, port))
		e.rule = -1; /* fail closed: whatever rules say of loopback addresses */
	else
		e.rule = sbx_net_decider(p, facts, dir, family, judged, proto, port, &e.granted,
					 &e.self);
	if (e.rule >= 0) {
		const struct sbx_net_rule *r = &p->net[e.rule];

		e.rule_at = sbx_pos_text(r->pos);
		e.rule_text = sbx_net_rule_text(r, sbx_endpoints_find(r->to, r->n_to, facts, dir,
								      family, judged, proto, port));
		e.relayed = r->via;
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
	if (!rc && is_forwarders(facts, dir, q.family, judged, port)) {
		rc = note_forwarder(&e);
		goto done;
	}
	if (!rc && e.relayed) {
		rc = sbx_note_relayed(&e);
		goto done;
	}
	if (!rc)
		rc = sbx_near_net(p, facts, dir, q.family, judged, proto, port, &e);
	if (!rc && !e.granted)
		rc = suggest_net(&q, &e);
	if (!rc && e.self)
		rc = note_self(&e);
	if (!rc && !e.granted)
		rc = note_names(&q, &e);
done:
	if (rc)
		sbx_explanation_free(&e);
	else
		*out = e;
	return rc;
}
