/* SPDX-License-Identifier: MIT */
/* Why: the verdict on an access, the rule behind it, and the line that would allow it. */
#ifndef SBX_EXPLAIN_H
#define SBX_EXPLAIN_H

#include "user/policy/facts.h"
#include "user/policy/policy.h"

#define SBX_NEAR_MAX 3

/* The note on an address that names of the policy might open. */
#define SBX_NOTE_NO_NAME "no allowed name resolves to it"

/* A rule that nearly decided. */
struct sbx_near {
	bool allow;	 /* it is one */
	char *at, *text; /* as rule_at and rule_text; owned */
	const char *how; /* "matches, without this right" */
};

struct sbx_explanation {
	bool granted;
	bool self;	 /* it is, while a process of the sandbox listens there */
	bool relayed;	 /* it is a proxy's (via.h): sbx-bpfd answers in its place */
	int rule;	 /* index in files/net; -1: no rule matched */
	char *rule_at;	 /* "policies/ai-agent.yaml:31" or NULL; owned */
	char *rule_text; /* 'deny [write] "${project}/.git/config"'; owned or NULL */
	char *reason;	 /* the rule's reason; owned or NULL */
	struct sbx_near near[SBX_NEAR_MAX]; /* best first */
	size_t n_near;
	char *nearest;	       /* where no rule matched, in short: 'nearest: FILE:LINE allows [read]
				* "/srv/x"'; owned or NULL */
	char *suggestion;      /* YAML lines that would allow exactly this, ready to paste; owned */
	char *suggestion_note; /* "add it to the `except:` of that rule", … or NULL */
	/* sbx_explain_opens: what else these lines would allow, and the broader rule that they
	 * name; owned, NULL: not asked, or there is no such line */
	char *opens, *wider_opens;
};

/* right: one of SBX_READ/WRITE/EXEC/CONNECT. path canonical ("" is "/"), or an abstract socket's
 * behind SBX_ABSTRACT, where WRITE is bind. Returns 0 or -ENOMEM. */
int sbx_explain_file(const struct sbx_policy *p, const struct sbx_facts *facts, const char *path,
		     size_t len, uint8_t right, struct sbx_explanation *out);
int sbx_explain_net(const struct sbx_policy *p, const struct sbx_facts *facts, int dir, int family,
		    const uint8_t *addr, int proto, uint16_t port, struct sbx_explanation *out);
/* May the name be asked for (domains.h)? And then be connected to, at an address that no rule
 * speaks of? name: lower case, without the last dot. */
int sbx_explain_name(const struct sbx_policy *p, const char *name, struct sbx_explanation *out);
int sbx_explain_name_port(const struct sbx_policy *p, const struct sbx_facts *facts,
			  const char *name, int proto, uint16_t port, struct sbx_explanation *out);
/* May the policy's proxy be asked for it? target: "example.org:443", "[2001:db8::1]:443". */
int sbx_explain_proxied(const struct sbx_policy *p, const struct sbx_facts *facts,
			const char *target, struct sbx_explanation *out);
/* Fills opens and wider_opens of a denial that sbx_explain_file explained: the same arguments.
 * Takes as long as compiling the policy several times. 0 or -ENOMEM. */
int sbx_explain_opens(const struct sbx_policy *p, const struct sbx_facts *facts, const char *path,
		      size_t len, uint8_t right, struct sbx_explanation *e);
/* As sbx_explain_file and sbx_explain_net, but for what is to be said besides the verdict and the
 * rule: all else is NULL. */
int sbx_decide_file(const struct sbx_policy *p, const struct sbx_facts *facts, const char *path,
		    size_t len, uint8_t right, struct sbx_explanation *out);
int sbx_decide_net(const struct sbx_policy *p, const struct sbx_facts *facts, int dir, int family,
		   const uint8_t *addr, int proto, uint16_t port, struct sbx_explanation *out);
void sbx_explanation_free(struct sbx_explanation *e);

#endif
