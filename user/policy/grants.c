// SPDX-License-Identifier: MIT
/* What programs get beside rules: environment, socket families, capabilities. */
#include <string.h>
#include <sys/socket.h>
#include "user/base/caps.h"
#include "user/base/netlink.h"
#include "user/policy/parse.h"

/* --- env: --- */

static bool is_env_name(const char *s, bool glob)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	if (!n || (*s >= '0' && *s <= '9'))
		return false;
	return !s[n] || (glob && s[n] == '*' && !s[n + 1]);
}

static bool want_env_name(struct sbx_parser *p, const struct sbx_node *n)
{
	if (is_env_name(n->text, true))
		return true;
	sbx_parse_error(p, n, "write a name, or how names begin and a *: \"LC_*\"",
			"this is no name of an environment variable (%s)", n->text);
	return false;
}

static void keep_one(struct sbx_parser *p, const struct sbx_node *n, void *arg)
{
	char **slot;
	size_t i;

	if (!want_env_name(p, n))
		return;
	for (i = 0; i < p->policy->n_env_keep; i++)
		if (!strcmp(p->policy->env_keep[i], n->text))
			return;
	slot = SBX_APPEND(p, p->policy->env_keep, p->policy->n_env_keep);
	if (slot)
		*slot = n->text;
}

/* A name that an include has set gets another value. */
static void set_one(struct sbx_parser *p, char *name, char *value)
{
	struct sbx_env_set *e = p->policy->env_set;
	size_t i;

	for (i = 0; i < p->policy->n_env_set; i++)
		if (!strcmp(e[i].name, name)) {
			e[i].value = value;
			return;
		}
	e = SBX_APPEND(p, p->policy->env_set, p->policy->n_env_set);
	if (e)
		*e = (struct sbx_env_set){.name = name, .value = value};
}

static void parse_sets(struct sbx_parser *p, const struct sbx_scope *s, const struct sbx_node *n)
{
	char *value;
	size_t i;

	if (!sbx_want_map(p, n, "`set`", "write {NAME: \"value\"}"))
		return;
	for (i = 0; i < n->n; i += 2) {
		if (!is_env_name(n->child[i]->text, false)) {
			sbx_parse_error(p, n->child[i], "names are letters, digits and _",
					"this is no name of an environment variable (%s)",
					n->child[i]->text);
			continue;
		}
		if (!sbx_want_text(p, n->child[i + 1], n->child[i]->text))
			continue;
		value = sbx_expand_value(p, s, n->child[i + 1]);
		if (value)
			set_one(p, n->child[i]->text, value);
	}
}

/* Of assertions. */
static void never_one(struct sbx_parser *p, const struct sbx_node *n, void *arg)
{
	struct sbx_bound *b;

	if (!want_env_name(p, n))
		return;
	b = SBX_APPEND(p, p->policy->bounds, p->policy->n_bounds);
	if (b)
		*b = (struct sbx_bound){.pos = n->pos, .kind = SBX_BOUND_ENV, .env = n->text};
}

static void parse_env_bounds(struct sbx_parser *p, const struct sbx_node *n)
{
	static const char *const known[] = {"never", NULL};
	size_t i;

	if (!sbx_want_map(p, n, "`env`", "write {never: [NAME, \"LC_*\"]}"))
		return;
	for (i = 0; i < n->n; i += 2) {
		if (!strcmp(n->child[i]->text, "never"))
			sbx_each(p, n->child[i + 1], "never", never_one, NULL);
		else
			sbx_unknown_word(p, n->child[i], "`env` has no such key", known, NULL);
	}
}

void sbx_parse_env(struct sbx_parser *p, const struct sbx_scope *s, const struct sbx_node *n)
{
	static const char *const known[] = {"keep", "set", NULL};
	size_t i;

	if (p->opts->assertions) {
		parse_env_bounds(p, n);
		return;
	}
	if (!sbx_want_map(p, n, "`env`", "write {keep: [PATH], set: {NAME: \"value\"}}"))
		return;
	for (i = 0; i < n->n; i += 2) {
		if (!strcmp(n->child[i]->text, "keep"))
			sbx_each(p, n->child[i + 1], "keep", keep_one, NULL);
		else if (!strcmp(n->child[i]->text, "set"))
			parse_sets(p, s, n->child[i + 1]);
		else
			sbx_unknown_word(p, n->child[i], "`env` has no such key", known, NULL);
	}
}

/* --- families: --- */

/* LATER: sockets that reach IP peers, of which network rules would have to speak first. */
enum { OPEN, ALWAYS, LATER };

static const struct {
	const char *name;
	int family, state;
} families[] = {
	{"netlink-route", AF_NETLINK, OPEN},
	{"inet", AF_INET, ALWAYS},
	{"inet6", AF_INET6, ALWAYS},
	{"unix", AF_UNIX, ALWAYS},
	{"alg", AF_ALG, OPEN},
	{"appletalk", AF_APPLETALK, OPEN},
	{"atmpvc", AF_ATMPVC, OPEN},
	{"atmsvc", AF_ATMSVC, OPEN},
	{"ax25", AF_AX25, OPEN},
	{"bluetooth", AF_BLUETOOTH, OPEN},
	{"caif", AF_CAIF, OPEN},
	{"can", AF_CAN, OPEN},
	{"ib", AF_IB, OPEN},
	{"ieee802154", AF_IEEE802154, OPEN},
	{"ipx", AF_IPX, OPEN},
	{"isdn", AF_ISDN, OPEN},
	{"iucv", AF_IUCV, OPEN},
	{"kcm", AF_KCM, OPEN},
	{"key", AF_KEY, OPEN},
	{"llc", AF_LLC, OPEN},
	{"mpls", AF_MPLS, OPEN},
	{"netlink", AF_NETLINK, OPEN},
	{"netlink-audit", AF_NETLINK, OPEN},
	{"netlink-generic", AF_NETLINK, OPEN},
	{"netlink-netfilter", AF_NETLINK, OPEN},
	{"netlink-sock-diag", AF_NETLINK, OPEN},
	{"netlink-uevent", AF_NETLINK, OPEN},
	{"netlink-xfrm", AF_NETLINK, OPEN},
	{"nfc", AF_NFC, OPEN},
	{"packet", AF_PACKET, OPEN},
	{"phonet", AF_PHONET, OPEN},
	{"pppox", AF_PPPOX, OPEN},
	{"qipcrtr", AF_QIPCRTR, OPEN},
	{"rds", AF_RDS, LATER},
	{"rxrpc", AF_RXRPC, LATER},
	{"smc", AF_SMC, LATER},
	{"tipc", AF_TIPC, OPEN},
	{"vsock", AF_VSOCK, OPEN},
	{"x25", AF_X25, OPEN},
	{"xdp", AF_XDP, OPEN},
};

#define N_FAMILIES (sizeof(families) / sizeof(families[0]))

/* The protocols of a netlink family: bit NETLINK_x. */
static uint32_t netlink_bits(const char *name)
{
	const struct sbx_netlink_word *w;

	for (w = sbx_netlink_words; w->name; w++)
		if (!strcmp(name, w->name))
			return 1u << w->protocol;
	return ~0u; /* "netlink": all of them */
}

static void open_family(struct sbx_parser *p, const struct sbx_node *n, void *arg)
{
	const char *names[N_FAMILIES + 1] = {NULL};
	size_t i;

	for (i = 0; i < N_FAMILIES && strcmp(n->text, families[i].name); i++)
		names[i] = families[i].name;
	if (i == N_FAMILIES) {
		sbx_unknown_word(p, n, "there is no such socket family", names,
				 "sbx-bpf-policy(5) lists them");
	} else if (families[i].state == OPEN) {
		p->policy->families |= 1ull << families[i].family;
		if (families[i].family == AF_NETLINK)
			p->policy->netlink |= netlink_bits(n->text);
	} else if (families[i].state == LATER) {
		sbx_unsupported(p, n->pos, "sockets of this family (%s)", n->text);
	} else {
		sbx_parse_error(p, n,
				"remove it: `network` and `unix` rules say who can be reached",
				"sockets of this family can be made anyway (%s)", n->text);
	}
}

void sbx_parse_families(struct sbx_parser *p, const struct sbx_node *n)
{
	sbx_each(p, n, "families", open_family, NULL);
}

/* --- capabilities: --- */

static void honour(struct sbx_parser *p, const struct sbx_node *n, void *arg)
{
	size_t skip = strncasecmp(n->text, "cap_", 4) ? 4 : 0, i;

	for (i = 0; sbx_capabilities[i]; i++)
		if (!strcasecmp(n->text, sbx_capabilities[i] + skip)) {
			if (SBX_CAPS_NEVER >> i & 1)
				sbx_diag_add(p->d, SBX_WARNING, n->pos, "remove it",
					     "no sandbox honours this capability (%s)", n->text);
			else
				p->policy->caps |= 1ull << i;
			return;
		}
	sbx_unknown_word(p, n, "there is no such capability", sbx_capabilities,
			 "capabilities(7) lists them");
}

void sbx_parse_capabilities(struct sbx_parser *p, const struct sbx_node *n)
{
	p->caps_given = true;
	sbx_each(p, n, "capabilities", honour, NULL);
}
