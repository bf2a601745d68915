// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/pattern.h"
#include "user/policy/rulestr.h"

int sbx_text_begin(struct sbx_text *t)
{
	*t = (struct sbx_text){0};
	t->out = open_memstream(&t->s, &t->len);
	return t->out ? 0 : -ENOMEM;
}

int sbx_text_end(struct sbx_text *t, char **to)
{
	bool failed = fclose(t->out);

	if (failed || !t->len) {
		free(t->s);
		t->s = NULL;
	}
	if (!failed)
		*to = t->s;
	return failed ? -ENOMEM : 0;
}

size_t sbx_char_decode(const char *s, size_t len, uint32_t *cp)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char c = len ? *s : 0xff;
	size_t n, i;
	uint32_t x;

	if (c < 0x80)
		n = 1, x = c;
	else if ((c & 0xe0) == 0xc0)
		n = 2, x = c & 0x1f;
	else if ((c & 0xf0) == 0xe0)
		n = 3, x = c & 0x0f;
	else if ((c & 0xf8) == 0xf0)
		n = 4, x = c & 0x07;
	else
		return 0;
	if (n > len)
		return 0;
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		x = x << 6 | (s[i] & 0x3f);
	}
	if (x < least[n] || x > 0x10ffff || (x >= 0xd800 && x <= 0xdfff))
		return 0;
	*cp = x;
	return n;
}

bool sbx_text_valid(const char *s, size_t len)
{
	uint32_t cp;
	size_t n;

	for (; len; s += n, len -= n) {
		n = sbx_char_decode(s, len, &cp);
		if (!n || !cp)
			return false;
	}
	return true;
}

/* Characters that act on a terminal, are invisible, or that YAML refuses to read unescaped. */
static bool is_active(uint32_t cp)
{
	static const struct {
		uint32_t first, last;
	} active[] = {
		{0x00, 0x1f},	  {0x7f, 0x9f},	    {0xad, 0xad},     {0x61c, 0x61c},
		{0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
		{0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe007f},
	};
	size_t i;

	for (i = 0; i < sizeof(active) / sizeof(active[0]); i++)
		if (cp >= active[i].first && cp <= active[i].last)
			return true;
	return false;
}

/* Both notations have the same escapes; YAML escapes the quote as well. */
static void put_char(FILE *out, const char *s, size_t n, uint32_t cp, bool quote)
{
	if (cp == '\\' || (quote && cp == '"'))
		fprintf(out, "\\%c", (char)cp);
	else if (!is_active(cp))
		fwrite(s, 1, n, out);
	else if (cp == '\n')
		fputs("\\n", out);
	else if (cp == '\t')
		fputs("\\t", out);
	else if (cp < 0x100)
		fprintf(out, "\\x%02x", cp);
	else if (cp < 0x10000)
		fprintf(out, "\\u%04x", cp);
	else
		fprintf(out, "\\U%08x", cp);
}

static void put_text(FILE *out, const char *s, size_t len, bool quote)
{
	uint32_t cp;
	size_t n;

	for (; len; s += n, len -= n) {
		n = sbx_char_decode(s, len, &cp);
		if (n) {
			put_char(out, s, n, cp, quote);
		} else {
			fprintf(out, "\\x%02x", (unsigned char)*s);
			n = 1;
		}
	}
}

void sbx_put_escaped(FILE *out, const char *s, size_t len)
{
	put_text(out, s, len, false);
}

char *sbx_path_text(const char *path, size_t len)
{
	size_t skip = strlen(SBX_ABSTRACT);
	struct sbx_text t;
	char *s = NULL;

	if (sbx_text_begin(&t))
		return NULL;
	if (len < skip || memcmp(path, SBX_ABSTRACT, skip))
		skip = 0;
	sbx_put_escaped(t.out, len ? path + skip : "/", len ? len - skip : 1);
	sbx_text_end(&t, &s);
	return s;
}

void sbx_put_yaml(FILE *out, const char *s, size_t len)
{
	fputc('"', out);
	put_text(out, s, len, true);
	fputc('"', out);
}

char *sbx_pos_text(struct sbx_pos pos)
{
	struct sbx_text t;
	char *s = NULL;

	if (!pos.file || sbx_text_begin(&t))
		return NULL;
	sbx_put_escaped(t.out, pos.file, strlen(pos.file));
	if (pos.line)
		fprintf(t.out, ":%d", pos.line);
	sbx_text_end(&t, &s);
	return s;
}

const char *sbx_verb_name(enum sbx_verb verb)
{
	static const char *const names[] = {"allow", "deny",   "protect",
					    "never", "always", "never-both"};

	return names[verb];
}

static void put_bits(FILE *out, uint8_t bits, const char *const *names)
{
	const char *sep = "";
	int i;

	for (i = 0; names[i]; i++) {
		if (!(bits & (1u << i)))
			continue;
		fprintf(out, "%s%s", sep, names[i]);
		sep = ", ";
	}
}

void sbx_put_rights(FILE *out, uint8_t rights)
{
	static const char *const names[] = {"read", "write", "exec", "connect", NULL};

	put_bits(out, rights, names);
}

void sbx_put_socket_rights(FILE *out, uint8_t rights)
{
	static const char *const names[] = {"", "bind", "", "connect", NULL};

	put_bits(out, rights, names);
}

void sbx_put_net_rights(FILE *out, uint8_t rights)
{
	static const char *const names[] = {"connect", "bind", NULL};

	put_bits(out, rights, names);
}

static void put_sources(FILE *out, const char *source, size_t others)
{
	if (source) {
		fputc('"', out);
		sbx_put_escaped(out, source, strlen(source));
		fputc('"', out);
	}
	if (others)
		fprintf(out, " and %zu more", others);
}

char *sbx_file_rule_text(const struct sbx_file_rule *r, const struct sbx_pattern *path)
{
	size_t others = path || !r->n_paths ? 0 : r->n_paths - 1;
	struct sbx_text t;
	char *s = NULL;

	if (sbx_text_begin(&t))
		return NULL;
	fprintf(t.out, "%s [", sbx_verb_name(r->verb));
	if (r->socket)
		sbx_put_socket_rights(t.out, r->rights);
	else
		sbx_put_rights(t.out, r->rights);
	fputs("] ", t.out);
	if (!path && r->n_paths)
		path = r->paths;
	put_sources(t.out, path ? path->source : NULL, others);
	sbx_text_end(&t, &s);
	return s;
}

char *sbx_net_rule_text(const struct sbx_net_rule *r, const struct sbx_endpoint *to)
{
	size_t others = to || !r->n_to ? 0 : r->n_to - 1;
	struct sbx_text t;
	char *s = NULL;

	if (sbx_text_begin(&t))
		return NULL;
	if (r->via) {
		fputs("via ", t.out);
	} else {
		fprintf(t.out, "%s [", sbx_verb_name(r->verb));
		sbx_put_net_rights(t.out, r->rights);
		fputs("] ", t.out);
	}
	if (!to && r->n_to)
		to = r->to;
	put_sources(t.out, to ? to->source : NULL, others);
	sbx_text_end(&t, &s);
	return s;
}

/* --- a rule with one exception more --- */

static void put_list_item(FILE *out, size_t i, const char *source)
{
	fputs(i ? ", " : "[", out);
	sbx_put_yaml(out, source, strlen(source));
}

/* What follows the exceptions that there were, i of them. */
static void put_rest(FILE *out, size_t i, const char *scalar, const char *reason, bool quiet)
{
	fprintf(out, "%s%s]\n", i ? ", " : "[", scalar);
	if (reason) {
		fputs("    reason: ", out);
		sbx_put_yaml(out, reason, strlen(reason));
		fputc('\n', out);
	}
	if (quiet)
		fputs("    quiet: true\n", out);
}

void sbx_put_file_rule_with(FILE *out, const struct sbx_file_rule *r, const char *scalar)
{
	size_t i;

	fprintf(out, "  - %s: [", sbx_verb_name(r->verb));
	sbx_put_rights(out, r->rights);
	fputs("]\n    path: ", out);
	for (i = 0; i < r->n_paths; i++)
		put_list_item(out, i, r->paths[i].source);
	fputs("]\n    except: ", out);
	for (i = 0; i < r->n_except; i++)
		put_list_item(out, i, r->except[i].source);
	put_rest(out, i, scalar, r->reason, r->quiet);
}

void sbx_put_net_rule_with(FILE *out, const struct sbx_net_rule *r, const char *scalar)
{
	size_t i;

	fprintf(out, "  - %s: [", sbx_verb_name(r->verb));
	sbx_put_net_rights(out, r->rights);
	fputs("]\n    to: ", out);
	for (i = 0; i < r->n_to; i++)
		put_list_item(out, i, r->to[i].source);
	fputs("]\n    except: ", out);
	for (i = 0; i < r->n_except; i++)
		put_list_item(out, i, r->except[i].source);
	put_rest(out, i, scalar, r->reason, r->quiet);
}

/* --- the home -----------------------------------------------------------------------------------
 */

/* "~/x" stands for "/home/u/x": what precedes the common end is the home. */
static char *home_of(const struct sbx_pattern *pat)
{
	const char *rest = pat->source + 1;
	size_t text = strlen(pat->text), tail;

	if (pat->source[0] != '~' || (*rest && *rest != '/') || strstr(rest, "${"))
		return NULL;
	tail = strlen(rest);
	if (tail >= text || strcmp(pat->text + text - tail, rest))
		return NULL;
	return sbx_pattern_unescape(pat->text, text - tail);
}

static char *home_in(const struct sbx_pattern *v, size_t n)
{
	char *home = NULL;
	size_t i;

	for (i = 0; i < n && !home; i++)
		home = home_of(&v[i]);
	return home;
}

char *sbx_policy_home(const struct sbx_policy *p)
{
	char *home = NULL;
	size_t i;

	for (i = 0; i < p->n_files && !home; i++) {
		home = home_in(p->files[i].paths, p->files[i].n_paths);
		if (!home)
			home = home_in(p->files[i].except, p->files[i].n_except);
	}
	return home;
}

/* --- YAML that allows ----------------------------------------------------------------------------
 */

void sbx_put_yaml_path(FILE *out, const char *home, const char *path, size_t len, const char *glob,
		       bool *inexact)
{
	size_t skip = home ? strlen(home) : 0, n;
	uint32_t cp;

	*inexact = false;
	fputc('"', out);
	if (skip && len >= skip && !memcmp(path, home, skip) &&
	    (len == skip || path[skip] == '/')) {
		fputc('~', out);
		path += skip;
		len -= skip;
	} else if (!len && !*glob) {
		fputc('/', out);
	}
	for (; len; path += n, len -= n) {
		n = sbx_char_decode(path, len, &cp);
		if (!n) {
			*inexact = true;
			fputs("[!\\x01-\\U0010ffff]", out);
			n = 1;
			continue;
		}
		/* the backslash of the pattern, itself escaped for YAML */
		if (cp && cp < 0x80 && strchr("\\*?[]{}$", (int)cp))
			fputs("\\\\", out);
		put_char(out, path, n, cp, true);
	}
	fprintf(out, "%s\"", glob);
}

void sbx_put_host(FILE *out, int family, const uint8_t *addr)
{
	char text[INET6_ADDRSTRLEN] = "?";

	inet_ntop(family, addr, text, sizeof(text));
	fprintf(out, family == AF_INET6 ? "[%s]" : "%s", text);
}

void sbx_put_peer(FILE *out, int family, const uint8_t *addr, int proto, uint16_t port)
{
	sbx_put_host(out, family, addr);
	fprintf(out, ":%u/%s", port, proto == SBX_PROTO_UDP ? "udp" : "tcp");
}
