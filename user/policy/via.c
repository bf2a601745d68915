// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include "user/policy/domains.h"
#include "user/policy/netset.h"
#include "user/policy/parse.h"
#include "user/policy/rulestr.h"
#include "user/policy/via.h"

/* --- the item ------------------------------------------------------------------------------------
 */

bool sbx_is_via(const struct sbx_node *n)
{
	size_t i;

	for (i = 0; n->type == SBX_MAP && i < n->n; i += 2)
		if (!strcmp(n->child[i]->text, "via"))
			return true;
	return false;
}

#define VIA_HINT "write `- via: \"proxy.example.org:3128\"`"

static bool refuse(struct sbx_parser *p, const struct sbx_node *n, const char *hint,
		   const char *what)
{
	sbx_parse_error(p, n, hint, "%s (%s)", what, n->text);
	return false;
}

/* Whatever listens at one address of this host may listen at the others as well. */
static void widen_own(struct sbx_endpoint *e)
{
	static const uint8_t v4[4] = {127, 0, 0, 1}, one[16] = {[15] = 1};

	if (e->kind == SBX_HOST_LOCALHOST) {
		e->kind = SBX_HOST_HERE;
		e->family = AF_INET;
		memcpy(e->addr, v4, sizeof(v4));
	} else if (e->kind == SBX_HOST_CIDR) {
		e->family = sbx_addr_canonical(SBX_DIR_CONNECT, e->family, e->addr, e->addr);
		e->prefix_len = e->family == AF_INET ? 32 : 128;
		if (e->family == AF_INET ? e->addr[0] == 127 : !memcmp(e->addr, one, sizeof(one)))
			e->kind = SBX_HOST_HERE;
	}
}

static bool parse_proxy(struct sbx_parser *p, const struct sbx_node *n, const char *text,
			struct sbx_endpoint *e)
{
	if (!sbx_parse_endpoint(p, n, text, e))
		return false;
	if (e->wildcard || e->kind == SBX_HOST_INTERNET || e->kind == SBX_HOST_ANY ||
	    e->kind == SBX_HOST_SELF ||
	    (e->kind == SBX_HOST_CIDR && e->prefix_len != (e->family == AF_INET ? 32u : 128u)))
		return refuse(p, n, "write its name, its address, or localhost",
			      "a proxy is one host");
	if (e->n_ports != 1 || e->ephemeral || e->ports[0].first != e->ports[0].last ||
	    !e->ports[0].first)
		return refuse(p, n, VIA_HINT, "a proxy has one port");
	if (e->ports[0].first == 53 || e->protos == SBX_PROTO_BIT_UDP)
		return refuse(p, n, VIA_HINT, "a proxy speaks HTTP");
	e->protos = SBX_PROTO_BIT_TCP;
	widen_own(e);
	return true;
}

static bool same_proxy(const struct sbx_endpoint *a, const struct sbx_endpoint *b)
{
	return a->kind == b->kind && a->ports[0].first == b->ports[0].first &&
	       (a->kind == SBX_HOST_DOMAIN
			? !strcmp(a->domain, b->domain)
			: a->family == b->family && !memcmp(a->addr, b->addr, sizeof(a->addr)));
}

/* One: where a request goes is not for the sandbox to choose. */
static bool is_second(struct sbx_parser *p, const struct sbx_node *n, const struct sbx_endpoint *e)
{
	const struct sbx_net_rule *first = sbx_policy_via(p->policy);
	char *at;

	if (!first)
		return false;
	if (same_proxy(&first->to[0], e))
		return true;
	at = sbx_pos_text(first->pos);
	sbx_parse_error(p, n, "keep one of the two", "a policy has one proxy (%s; %s: %s)", n->text,
			at ? at : "", first->to[0].source);
	free(at);
	return true;
}

void sbx_parse_via(struct sbx_parser *p, const struct sbx_scope *s, const struct sbx_node *n)
{
	const struct sbx_node *value = NULL;
	struct sbx_net_rule *out;
	struct sbx_endpoint e, *to;
	size_t i, none = 0;
	char *text;

	for (i = 0; i < n->n; i += 2) {
		if (!strcmp(n->child[i]->text, "via"))
			value = n->child[i + 1];
		else
			sbx_parse_error(p, n->child[i],
					"give `via` an item of its own: through it goes all that "
					"the rules allow",
					"a proxy takes no other keys (%s)", n->child[i]->text);
	}
	if (!sbx_want_text(p, value, "via"))
		return;
	text = sbx_expand(p, s, value);
	if (!text || (!*text && *value->text)) /* an empty variable: no proxy */
		return;
	if (!parse_proxy(p, value, text, &e) || is_second(p, value, &e))
		return;
	to = NULL;
	to = SBX_APPEND(p, to, none);
	out = SBX_APPEND(p, p->policy->net, p->policy->n_net);
	if (!to || !out)
		return;
	*to = e;
	*out = (struct sbx_net_rule){.pos = n->pos,
				     .verb = SBX_PROTECT,
				     .rights = SBX_NET_CONNECT,
				     .via = true,
				     .to = to,
				     .n_to = 1};
}

/* --- what is known of it -------------------------------------------------------------------------
 */

const struct sbx_net_rule *sbx_policy_via(const struct sbx_policy *p)
{
	size_t i;

	for (i = 0; i < p->n_net; i++)
		if (p->net[i].via)
			return &p->net[i];
	return NULL;
}

uint32_t sbx_via_key(const struct sbx_net_rule *via)
{
	return SBX_KEY(SBX_PROTO_TCP, via->to[0].ports[0].first);
}

bool sbx_via_named(const struct sbx_policy *p, const char *name)
{
	const struct sbx_net_rule *via = sbx_policy_via(p);

	return via && sbx_endpoint_is_name(&via->to[0]) && !strcmp(via->to[0].domain, name);
}

/* Addresses that mean another host, or none, depending on who asks. */
static bool is_local(int family, const uint8_t *a)
{
	if (family == AF_INET)
		return !a[0] || a[0] == 127 || (a[0] == 169 && a[1] == 254) || a[0] >= 224;
	/* ::/96, fe80::/10, ff00::/8; mapped ones were turned into IPv4 */
	return sbx_addr_number(family, a) >> 32 == 0 || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) ||
	       a[0] == 0xff;
}

bool sbx_via_at(const struct sbx_facts *facts, int family, const uint8_t *addr)
{
	static const struct sbx_endpoint here = {.kind = SBX_HOST_HERE};
	uint8_t judged[16];

	family = sbx_addr_canonical(SBX_DIR_CONNECT, family, addr, judged);
	return !is_local(family, judged) &&
	       !sbx_endpoint_covers(&here, facts, SBX_DIR_CONNECT, family, judged);
}

/* --- requests ------------------------------------------------------------------------------------
 */

/* A last label of digits, or 0x and hexadecimal digits: inet_aton(3) reads such as an address. */
static bool ends_in_number(const char *name)
{
	const char *last = strrchr(name, '.');

	last = last ? last + 1 : name;
	if (last[0] == '0' && last[1] == 'x')
		return !last[2 + strspn(last + 2, "0123456789abcdef")];
	return !last[strspn(last, "0123456789")];
}

static bool is_name(const char *s)
{
	size_t n;

	for (;; s += n + 1) {
		n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_");
		if (!n || n > 63 || *s == '-' || s[n - 1] == '-')
			return false;
		if (!s[n])
			return true;
		if (s[n] != '.')
			return false;
	}
}

bool sbx_via_host(const char *text, size_t len, struct sbx_via_target *out)
{
	uint16_t port = out->port;
	char host[SBX_DOMAIN_LEN + 1]; /* with the last dot */
	size_t i;

	*out = (struct sbx_via_target){.port = port};
	if (!len || len >= sizeof(host) || memchr(text, 0, len))
		return false;
	if (*text == '[') {
		memcpy(host, text + 1, len - 1);
		host[len - 1] = 0;
		if (len < 3 || host[len - 2] != ']')
			return false;
		host[len - 2] = 0;
		if (inet_pton(AF_INET6, host, out->addr) != 1)
			return false;
		out->family = sbx_addr_canonical(SBX_DIR_BIND, AF_INET6, out->addr, out->addr);
		if (out->family == AF_INET) /* equal ones are equal in all bytes */
			memset(out->addr + 4, 0, sizeof(out->addr) - 4);
		return true;
	}
	for (i = 0; i < len; i++)
		host[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] | 0x20) : text[i];
	if (host[len - 1] == '.')
		len--;
	host[len] = 0;
	if (inet_pton(AF_INET, host, out->addr) == 1) {
		out->family = AF_INET;
		return true;
	}
	if (len >= sizeof(out->name) || !is_name(host) || ends_in_number(host))
		return false;
	memcpy(out->name, host, len + 1);
	return true;
}

/* localhost is the proxy's there, not the sandbox's. */
static bool is_localhost(const char *name)
{
	size_t n = strlen(name), d = strlen("localhost");

	return n >= d && !strcmp(name + n - d, "localhost") && (n == d || name[n - d - 1] == '.');
}

int sbx_via_judge(const struct sbx_policy *p, const struct sbx_facts *facts,
		  const struct sbx_via_target *t, enum sbx_via_say *say, int *rule)
{
	bool granted = false, self, wild = false, named = *t->name;
	int decided = -1, open, rc = 0;
	uint8_t addr[16];
	int family;

	*say = SBX_VIA_DENIED;
	if (rule)
		*rule = -1;
	if (!named) {
		family = sbx_addr_canonical(SBX_DIR_CONNECT, t->family, t->addr, addr);
		if (is_local(family, addr))
			return 0;
		decided = sbx_net_decider(p, facts, SBX_DIR_CONNECT, family, addr, SBX_PROTO_TCP,
					  t->port, &granted, &self);
	} else if (is_localhost(t->name)) {
		return 0;
	} else {
		rc = sbx_domain_proxied(p, facts, t->name, t->port, &decided, &granted, &wild);
	}
	if (rule)
		*rule = decided;
	if (rc || granted || !named) {
		*say = !granted ? SBX_VIA_DENIED : wild ? SBX_VIA_WILD : SBX_VIA_ALLOWED;
		return rc;
	}
	rc = sbx_domain_decider(p, facts, t->name, SBX_PROTO_TCP, t->port, &open, &granted);
	if (granted)
		*say = SBX_VIA_UNSURE;
	return rc;
}

/* --- checks --------------------------------------------------------------------------------------
 */

static bool is_loopback_net(const struct sbx_endpoint *e)
{
	static const uint8_t one[16] = {[15] = 1};

	if (e->kind == SBX_HOST_LOCALHOST || e->kind == SBX_HOST_SELF)
		return true;
	if (e->kind != SBX_HOST_CIDR)
		return false;
	return e->family == AF_INET ? e->addr[0] == 127 && e->prefix_len >= 8
				    : e->prefix_len == 128 && !memcmp(e->addr, one, sizeof(one));
}

static bool opens_port(const struct sbx_endpoint *e, const struct sbx_facts *facts, uint16_t port)
{
	size_t i;

	if (!(e->protos & SBX_PROTO_BIT_TCP))
		return false;
	for (i = 0; i < e->n_ports; i++)
		if (e->ports[i].first <= port && port <= e->ports[i].last)
			return true;
	if (e->ephemeral)
		return facts->ephemeral_first <= port && port <= facts->ephemeral_last;
	return !e->n_ports;
}

/* Where a name leads is not known here: what is open at the proxy's port could be the proxy. */
static bool opens_proxy(const struct sbx_net_rule *via, const struct sbx_endpoint *e,
			const struct sbx_facts *facts, struct sbx_diags *d)
{
	uint16_t port = (uint16_t)sbx_via_key(via);
	char hint[160];

	if (is_loopback_net(e) || !opens_port(e, facts, port))
		return false;
	snprintf(hint, sizeof(hint),
		 "name ports here, and not port %u; or give the proxy by its address", port);
	sbx_diag_add(
		d, SBX_ERROR, e->pos, hint,
		"this opens port %u, at which the proxy would be reached directly (%s; via %s)",
		port, e->source, via->to[0].source);
	return true;
}

int sbx_via_check(const struct sbx_policy *p, const struct sbx_facts *facts, struct sbx_diags *d)
{
	const struct sbx_net_rule *via = sbx_policy_via(p);
	const struct sbx_endpoint *proxy = via ? &via->to[0] : NULL;
	bool bad = false;
	size_t i, k;

	if (!via || proxy->kind == SBX_HOST_HERE)
		return 0;
	if (!sbx_endpoint_is_name(proxy)) {
		bad = !sbx_via_at(facts, proxy->family, proxy->addr);
		if (bad)
			sbx_diag_add(d, SBX_ERROR, proxy->pos,
				     "write localhost and the port: it stands for all addresses of "
				     "this host",
				     "this is an address of this host, or of its link (%s)",
				     proxy->source);
		return bad ? -EINVAL : 0;
	}
	for (i = 0; i < p->n_net; i++)
		for (k = 0; p->net[i].verb == SBX_ALLOW && p->net[i].rights & SBX_NET_CONNECT &&
			    k < p->net[i].n_to;
		     k++)
			bad |= opens_proxy(via, &p->net[i].to[k], facts, d);
	return bad ? -EINVAL : 0;
}
