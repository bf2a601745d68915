// SPDX-License-Identifier: MIT
/* "host[:ports][/tcp|udp]" (design 1.5). */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "user/base/opt.h"
#include "user/policy/parse.h"

#define HOSTS_HINT \
	"write an address, localhost, internet, any, self, or a name: example.org, *.example.org"

/* The text, cut into its parts. */
struct endpoint {
	struct sbx_parser *p;
	const struct sbx_node *n;
	const char *text;
	char *host, *ports, *proto; /* NULL: not given */
	bool brackets;
};

static bool bad(struct endpoint *e, const char *hint, const char *what, const char *value)
{
	if (value && strcmp(value, e->text))
		sbx_parse_error(e->p, e->n, hint, "%s (%s, in %s)", what, value, e->text);
	else
		sbx_parse_error(e->p, e->n, hint, "%s (%s)", what, e->text);
	return false;
}

static bool split_brackets(struct endpoint *e, char *text)
{
	char *end = strchr(text, ']');

	if (!end)
		return bad(e, "write \"[2001:db8::1]:443\"", "the [ is not closed", NULL);
	e->brackets = true;
	e->host = text + 1;
	*end = 0;
	if (end[1] == ':')
		e->ports = end + 2;
	else if (end[1])
		return bad(e, "write \"[2001:db8::1]:443\" or \"[2001:db8::/32]:443\"",
			   "behind ] comes :port or nothing", end + 1);
	return true;
}

/* 2001:db8::1 or 2001:db8::/32: several colons. The hint puts the brackets in. */
static bool without_brackets(struct endpoint *e, const char *text)
{
	uint8_t addr[16];
	char hint[128], host[64];
	size_t n = strcspn(text, "/");

	snprintf(host, sizeof(host), "%.*s", n < sizeof(host) ? (int)n : 0, text);
	if (inet_pton(AF_INET6, host, addr) == 1)
		snprintf(hint, sizeof(hint), "write \"[%.80s]\"", text);
	else
		snprintf(hint, sizeof(hint),
			 "write host:port, with an IPv6 address as in \"[2001:db8::1]:443\"");
	return bad(e, hint, "an IPv6 address stands in brackets", NULL);
}

static bool split(struct endpoint *e, char *text)
{
	char *slash = strrchr(text, '/'), *colon;

	if (strstr(text, "://"))
		return bad(e, "write the host and the port: example.org:443", "this is a URL",
			   NULL);
	if (slash && isalpha((unsigned char)slash[1])) {
		*slash = 0;
		e->proto = slash + 1;
	}
	e->host = text;
	if (*text == '[')
		return split_brackets(e, text);
	colon = strchr(text, ':');
	if (!colon)
		return true;
	if (strchr(colon + 1, ':'))
		return without_brackets(e, text);
	*colon = 0;
	e->ports = colon + 1;
	return true;
}

/* --- ports and protocol --- */

static bool one_port(struct endpoint *e, const char *s, const char *end, uint16_t *out)
{
	unsigned long v = 0;
	const char *c;

	for (c = s; c < end && isdigit((unsigned char)*c) && v <= 65535; c++)
		v = v * 10 + (*c - '0');
	if (c != end || s == end || v > 65535)
		return bad(e,
			   "a port is a number from 0 to 65535, a range 3000-3999, a list 80,443 "
			   "or ephemeral",
			   "this is no port", e->ports);
	*out = v;
	return true;
}

static bool parse_ports(struct endpoint *e, struct sbx_endpoint *out)
{
	const char *s = e->ports, *end, *dash;
	struct sbx_port_range *r, range;

	for (; s; s = *end ? end + 1 : NULL) {
		end = s + strcspn(s, ",");
		if (end - s == 9 && !strncmp(s, "ephemeral", 9)) {
			out->ephemeral = true;
			continue;
		}
		dash = memchr(s, '-', end - s);
		if (!one_port(e, s, dash ? dash : end, &range.first))
			return false;
		range.last = range.first;
		if (dash && !one_port(e, dash + 1, end, &range.last))
			return false;
		if (range.last < range.first)
			return bad(e, "write the smaller port first", "the range is empty",
				   e->ports);
		r = SBX_APPEND(e->p, out->ports, out->n_ports);
		if (!r)
			return false;
		*r = range;
	}
	return true;
}

static bool parse_proto(struct endpoint *e, struct sbx_endpoint *out)
{
	out->protos = SBX_PROTO_BIT_TCP | SBX_PROTO_BIT_UDP;
	if (!e->proto)
		return true;
	if (!strcmp(e->proto, "tcp"))
		out->protos = SBX_PROTO_BIT_TCP;
	else if (!strcmp(e->proto, "udp"))
		out->protos = SBX_PROTO_BIT_UDP;
	else
		return bad(e, "write /tcp or /udp", "this protocol is not known", e->proto);
	return true;
}

/* --- hosts --- */

/* Clears what is beyond the prefix; false when something was there. */
static bool mask(uint8_t *addr, unsigned bytes, unsigned len)
{
	bool clean = true;
	unsigned i, keep;
	uint8_t m;

	for (i = 0; i < bytes; i++) {
		keep = len > 8 * i ? len - 8 * i : 0;
		m = keep >= 8 ? 0xff : (uint8_t)(0xff00 >> keep);
		clean &= !(addr[i] & ~m);
		addr[i] &= m;
	}
	return clean;
}

static bool parse_prefix(struct endpoint *e, const char *s, unsigned bits, unsigned *len)
{
	unsigned long v = 0;
	const char *c;

	for (c = s; isdigit((unsigned char)*c) && v <= bits; c++)
		v = v * 10 + (*c - '0');
	if (c == s || *c || v > bits)
		return bad(e, e->brackets ? "write \"[2001:db8::/32]\"" : "write 10.0.0.0/8",
			   "this is no prefix length", s);
	*len = v;
	return true;
}

static bool parse_address(struct endpoint *e, struct sbx_endpoint *out)
{
	char *slash = strchr(e->host, '/'), text[INET6_ADDRSTRLEN], hint[128];
	unsigned bits = e->brackets ? 128 : 32;

	out->kind = SBX_HOST_CIDR;
	out->family = e->brackets ? AF_INET6 : AF_INET;
	out->prefix_len = bits;
	if (slash) {
		*slash = 0;
		if (!parse_prefix(e, slash + 1, bits, &out->prefix_len))
			return false;
	}
	if (inet_pton(out->family, e->host, out->addr) != 1)
		return bad(e,
			   e->brackets ? "write \"[2001:db8::1]\", IPv4 without brackets"
				       : "write 192.0.2.1, all four numbers without leading zeros",
			   "this is no IP address", e->host);
	if (mask(out->addr, bits / 8, out->prefix_len))
		return true;
	inet_ntop(out->family, out->addr, text, sizeof(text));
	snprintf(hint, sizeof(hint),
		 e->brackets ? "the network is [%s/%u]" : "the network is %s/%u", text,
		 out->prefix_len);
	return bad(e, hint, "the address has bits beyond its prefix", NULL);
}

static bool is_host_name(const char *s)
{
	size_t n;

	if (strlen(s) > 253 || !*s)
		return false;
	for (;; s += n + 1) {
		n = strcspn(s, ".");
		if (!n || n > 63 || *s == '-' || s[n - 1] == '-' ||
		    strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") < n)
			return false;
		if (!s[n])
			return true;
	}
}

static bool parse_domain(struct endpoint *e, struct sbx_endpoint *out)
{
	static const char *const words[] = {"localhost", "internet", "self", "any", NULL};
	const char *s = e->host, *near = sbx_word_nearest(s, words);
	char hint[64];
	char *c;

	out->kind = SBX_HOST_DOMAIN;
	out->wildcard = !strncmp(s, "*.", 2);
	out->domain = sbx_arena_strdup(e->p->arena, s + 2 * out->wildcard);
	if (!out->domain) {
		e->p->no_memory = true;
		return false;
	}
	for (c = out->domain; *c; c++) {
		if ((unsigned char)*c >= 0x80)
			return bad(e, "write its ASCII form (punycode): xn--...",
				   "the name is not in ASCII", s);
		*c = (char)tolower((unsigned char)*c);
	}
	if (c > out->domain && c[-1] == '.')
		c[-1] = 0;
	if (is_host_name(out->domain) && strchr(out->domain, '.'))
		return true;
	if (near)
		snprintf(hint, sizeof(hint), "did you mean %s?", near);
	return bad(e,
		   near		     ? hint
		   : !strcmp(s, "*") ? "write any for all addresses, internet for the public ones"
		   : strchr(s, '*')  ? "a * stands for the names below: *.example.org"
				     : HOSTS_HINT,
		   "this is no host", s);
}

static const struct {
	const char *word;
	enum sbx_host_kind kind;
} kinds[] = {
	{"localhost", SBX_HOST_LOCALHOST},
	{"internet", SBX_HOST_INTERNET},
	{"self", SBX_HOST_SELF},
	{"any", SBX_HOST_ANY},
};

static bool parse_host(struct endpoint *e, struct sbx_endpoint *out)
{
	size_t i;

	if (!*e->host)
		return bad(e, HOSTS_HINT, "the host is missing", NULL);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!e->brackets && !strcmp(e->host, kinds[i].word)) {
			out->kind = kinds[i].kind;
			return true;
		}
	if (e->brackets || !e->host[strspn(e->host, "0123456789./")])
		return parse_address(e, out);
	return parse_domain(e, out);
}

bool sbx_parse_endpoint(struct sbx_parser *p, const struct sbx_node *n, const char *text,
			struct sbx_endpoint *out)
{
	struct endpoint e = {.p = p, .n = n, .text = text};
	char *copy = sbx_arena_strdup(p->arena, text);

	if (!copy) {
		p->no_memory = true;
		return false;
	}
	*out = (struct sbx_endpoint){.pos = n->pos, .source = n->text};
	if (!split(&e, copy) || !parse_host(&e, out) || !parse_ports(&e, out) ||
	    !parse_proto(&e, out))
		return false;
	if (out->kind == SBX_HOST_SELF && out->protos == SBX_PROTO_BIT_UDP)
		return bad(&e, "write self, or self:3000", "self is who listens, which is TCP",
			   n->text);
	if (out->kind == SBX_HOST_SELF)
		out->protos = SBX_PROTO_BIT_TCP;
	return true;
}
