// SPDX-License-Identifier: MIT
/*
 * Candidates are offered with a score, the best few are kept. A rule that matches says more than
 * one that does not; of the latter, one that names a similar name, something above or below, or
 * something beside it. A leading directory in common alone says nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "user/base/opt.h"
#include "user/policy/alias.h"
#include "user/policy/automaton.h"
#include "user/policy/near.h"
#include "user/policy/netspan.h"
#include "user/policy/pattern.h"
#include "user/policy/rulestr.h"

#define DEPTH_MAX 64 /* components that are compared */

enum {
	BESIDE = 100,
	BELOW = 200,
	ABOVE = 300,
	SIMILAR = 400,
	EXCEPTS = 500,
	LACKS = 600,
	OVERRULED = 700
};

struct candidate {
	unsigned score; /* 0: none */
	size_t rule;
	const void *object; /* the pattern or endpoint to show */
};

struct best {
	struct candidate v[SBX_NEAR_MAX];
};

/* Of equals the later rule is the better one: it would have decided. */
static void offer(struct best *b, unsigned score, size_t rule, const void *object)
{
	struct candidate c = {score, rule, object}, other;
	int i;

	for (i = 0; i < SBX_NEAR_MAX && score; i++) {
		if (c.score < b->v[i].score || (c.score == b->v[i].score && c.rule < b->v[i].rule))
			continue;
		other = b->v[i];
		b->v[i] = c;
		c = other;
	}
}

/* The closest object of one rule. */
static void prefer(struct candidate *c, unsigned score, const void *object)
{
	if (score > c->score)
		*c = (struct candidate){.score = score, .object = object};
}

static const char *how(unsigned score)
{
	static const char *const texts[] = {
		[BESIDE / 100] = "names something beside it",
		[BELOW / 100] = "names what is below",
		[ABOVE / 100] = "names what is above",
		[SIMILAR / 100] = "names something similar",
		[EXCEPTS / 100] = "matches, but for an exception",
		[LACKS / 100] = "matches, without this right",
		[OVERRULED / 100] = "matches, and is overruled",
	};

	return texts[score / 100];
}

/* "allow [read] …" -> "nearest: FILE:LINE allows [read] …" */
static int write_nearest(struct sbx_explanation *e)
{
	const struct sbx_near *n = &e->near[0];

	if (!n->allow)
		return 0;
	if (asprintf(&e->nearest, "nearest: %s allows%s", n->at ? n->at : "?",
		     n->text + strlen("allow")) < 0)
		e->nearest = NULL;
	return e->nearest ? 0 : -ENOMEM;
}

/* Texts for the best. */
static int write_out(const struct best *b, struct sbx_explanation *e, bool net,
		     const struct sbx_policy *p)
{
	size_t i;

	for (i = 0; i < SBX_NEAR_MAX && b->v[i].score; i++) {
		const struct candidate *c = &b->v[i];
		struct sbx_near *n = &e->near[e->n_near++];

		n->allow = (net ? p->net[c->rule].verb : p->files[c->rule].verb) == SBX_ALLOW;
		n->at = sbx_pos_text(net ? p->net[c->rule].pos : p->files[c->rule].pos);
		n->text = net ? sbx_net_rule_text(&p->net[c->rule], c->object)
			      : sbx_file_rule_text(&p->files[c->rule], c->object);
		n->how = net && c->score / 100 == SIMILAR / 100 ? "names it, with other ports"
								: how(c->score);
		if (!n->text)
			return -ENOMEM;
	}
	return e->rule < 0 && e->n_near ? write_nearest(e) : 0;
}

/* --- files --- */

/* "/a/b" as components, without their slashes. */
struct names {
	const char *at[DEPTH_MAX];
	size_t len[DEPTH_MAX], n;
};

static void split(const char *s, size_t len, struct names *out)
{
	const char *end = s + len, *p;

	for (out->n = 0; s < end && out->n < DEPTH_MAX; s = p) {
		s += *s == '/';
		for (p = s; p < end && *p != '/';)
			p += *p == '\\' && p + 1 < end ? 2 : 1;
		out->at[out->n] = s;
		out->len[out->n++] = p - s;
	}
}

/* A name as the only component of a path. */
static bool component_matches(const char *pattern, size_t plen, const char *name, size_t nlen)
{
	char a[512], b[512];

	if (plen + 2 > sizeof(a) || nlen + 2 > sizeof(b))
		return false;
	snprintf(a, sizeof(a), "/%.*s", (int)plen, pattern);
	*b = '/';
	memcpy(b + 1, name, nlen);
	return sbx_pattern_match(a, b, nlen + 1);
}

static bool is_globstar(const struct names *pat, size_t i)
{
	return pat->len[i] == 2 && !memcmp(pat->at[i], "**", 2);
}

/* Could one be meant for the other? */
static bool similar(const char *pattern, size_t plen, const char *name, size_t nlen)
{
	char a[64], b[64];

	if (plen >= sizeof(a) || nlen >= sizeof(b) || nlen < 3)
		return false;
	memcpy(a, pattern, plen);
	memcpy(b, name, nlen);
	a[plen] = b[nlen] = 0;
	return !strpbrk(a, "*?[{\\") &&
	       (!strcasecmp(a, b) || sbx_word_distance(a, b) <= (nlen < 6 ? 1 : 2));
}

/* The path with another component in the place of the nth: does the pattern match that? */
static bool matches_with(const char *pattern, const struct names *path, size_t nth,
			 const char *name, size_t nlen)
{
	struct sbx_text t;
	char *s = NULL;
	bool yes;
	size_t i;

	if (sbx_text_begin(&t))
		return false;
	for (i = 0; i < path->n; i++)
		fprintf(t.out, "/%.*s", (int)(i == nth ? nlen : path->len[i]),
			i == nth ? name : path->at[i]);
	sbx_text_end(&t, &s);
	yes = s && sbx_pattern_match(pattern, s, strlen(s));
	free(s);
	return yes;
}

/* How close a pattern that does not match comes to the path. */
static unsigned closeness(const char *pattern, const char *path, size_t len)
{
	struct names pat, asked;
	size_t common = 0, more, rest;

	split(pattern, strlen(pattern), &pat);
	split(path, len, &asked);
	while (common < pat.n && common < asked.n && !is_globstar(&pat, common) &&
	       component_matches(pat.at[common], pat.len[common], asked.at[common],
				 asked.len[common]))
		common++;
	more = pat.n - common;
	rest = asked.n - common;
	if (rest && more &&
	    similar(pat.at[common], pat.len[common], asked.at[common], asked.len[common]) &&
	    matches_with(pattern, &asked, common, pat.at[common], pat.len[common]))
		return SIMILAR + common;
	if (more && is_globstar(&pat, common) && rest &&
	    similar(pat.at[pat.n - 1], pat.len[pat.n - 1], asked.at[asked.n - 1],
		    asked.len[asked.n - 1]) &&
	    matches_with(pattern, &asked, asked.n - 1, pat.at[pat.n - 1], pat.len[pat.n - 1]))
		return SIMILAR + common;
	if (!more && common > 1)
		return ABOVE + common;
	if (!rest && common > 1 && !is_globstar(&pat, common))
		return BELOW + common;
	/* only the last name differs; what lies below it does not matter */
	if (rest == 1 && common > 1 && more && !is_globstar(&pat, common) &&
	    (more == 1 || (more == 2 && is_globstar(&pat, common + 1))))
		return BESIDE + common;
	return 0;
}

/* The same for every name that an alias gives the path. */
static unsigned closest(const char *pattern, const struct sbx_facts *facts, const char *path,
			size_t len)
{
	unsigned best = closeness(pattern, path, len), score;
	size_t i, n;
	char *name;

	for (i = 0; i < facts->n_aliases; i++) {
		n = strlen(facts->aliases[i].to);
		if (!sbx_path_below(path, len, facts->aliases[i].to, n))
			continue;
		if (asprintf(&name, "%s%.*s", facts->aliases[i].from, (int)(len - n), path + n) < 0)
			continue;
		score = closeness(pattern, name, strlen(name));
		best = score > best ? score : best;
		free(name);
	}
	return best;
}

static void offer_file_rule(struct best *b, const struct sbx_policy *p,
			    const struct sbx_facts *facts, const char *path, size_t len,
			    uint8_t right, const struct sbx_explanation *e, size_t i)
{
	const struct sbx_file_rule *r = &p->files[i];
	const struct sbx_pattern *hit = sbx_patterns_find(r->paths, r->n_paths, facts, path, len);
	struct candidate close = {0};
	size_t k;

	if (right == SBX_CONNECT && !r->socket)
		return;
	if (hit && r->rights & right) {
		if (sbx_patterns_find(r->except, r->n_except, facts, path, len))
			offer(b, EXCEPTS, i, hit);
		else if ((r->verb == SBX_ALLOW) != e->granted)
			offer(b, OVERRULED, i, hit);
	} else if (hit) {
		if (r->verb == SBX_ALLOW && !e->granted)
			offer(b, LACKS + sbx_pattern_literal_prefix(hit->text) % 100, i, hit);
	} else if (r->verb == SBX_ALLOW && r->rights & right && !e->granted) {
		for (k = 0; k < r->n_paths; k++)
			prefer(&close, closest(r->paths[k].text, facts, path, len), &r->paths[k]);
		offer(b, close.score, i, close.object);
	}
}

int sbx_near_files(const struct sbx_policy *p, const struct sbx_facts *facts, const char *path,
		   size_t len, uint8_t right, struct sbx_explanation *e)
{
	static const struct sbx_facts none;
	struct best b = {0};
	size_t i;

	for (i = 0; i < p->n_files; i++)
		if ((int)i != e->rule)
			offer_file_rule(&b, p, facts ? facts : &none, path, len, right, e, i);
	return write_out(&b, e, false, p);
}

/* --- peers --- */

static bool address_matches(const struct sbx_endpoint *e, const struct sbx_facts *facts, int dir,
			    int family, const uint8_t *addr)
{
	struct sbx_endpoint any = *e;

	any.n_ports = 0;
	any.ephemeral = false;
	any.protos = SBX_PROTO_BIT_TCP | SBX_PROTO_BIT_UDP;
	return sbx_endpoint_matches(&any, facts, dir, family, addr, SBX_PROTO_TCP, 0);
}

/* The same network, as people divide them: /16, or /48. */
static bool network_matches(const struct sbx_endpoint *e, int family, const uint8_t *addr)
{
	return e->kind == SBX_HOST_CIDR && e->family == family &&
	       !memcmp(e->addr, addr, family == AF_INET ? 2 : 6);
}

static unsigned peer_closeness(const struct sbx_endpoint *e, const struct sbx_facts *facts, int dir,
			       int family, const uint8_t *addr, int proto, uint16_t port)
{
	struct sbx_endpoint any = *e;

	any.kind = SBX_HOST_ANY;
	if (sbx_endpoint_is_name(e))
		return 0;
	if (address_matches(e, facts, dir, family, addr))
		return SIMILAR + (e->kind == SBX_HOST_CIDR ? e->prefix_len % 100 : 0);
	if (network_matches(e, family, addr) &&
	    sbx_endpoint_matches(&any, facts, dir, family, addr, proto, port))
		return BESIDE;
	return 0;
}

static void offer_net_rule(struct best *b, const struct sbx_policy *p,
			   const struct sbx_facts *facts, int dir, int family, const uint8_t *addr,
			   int proto, uint16_t port, const struct sbx_explanation *e, size_t i)
{
	const struct sbx_net_rule *r = &p->net[i];
	const struct sbx_endpoint *hit =
		sbx_endpoints_find(r->to, r->n_to, facts, dir, family, addr, proto, port);
	struct candidate close = {0};
	size_t k;

	if (!(r->rights & 1u << dir)) {
		if (hit && r->verb == SBX_ALLOW && !e->granted)
			offer(b, LACKS, i, hit);
	} else if (hit) {
		if (sbx_endpoints_find(r->except, r->n_except, facts, dir, family, addr, proto,
				       port))
			offer(b, EXCEPTS, i, hit);
		else if ((r->verb == SBX_ALLOW) != e->granted)
			offer(b, OVERRULED, i, hit);
	} else if (r->verb == SBX_ALLOW && !e->granted) {
		for (k = 0; k < r->n_to; k++)
			prefer(&close,
			       peer_closeness(&r->to[k], facts, dir, family, addr, proto, port),
			       &r->to[k]);
		offer(b, close.score, i, close.object);
	}
}

int sbx_near_net(const struct sbx_policy *p, const struct sbx_facts *facts, int dir, int family,
		 const uint8_t *addr, int proto, uint16_t port, struct sbx_explanation *e)
{
	struct best b = {0};
	size_t i;

	for (i = 0; i < p->n_net; i++)
		if ((int)i != e->rule && !p->net[i].via)
			offer_net_rule(&b, p, facts, dir, family, addr, proto, port, e, i);
	return write_out(&b, e, true, p);
}
