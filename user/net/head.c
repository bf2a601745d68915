// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include "user/net/head.h"

/* A part of the head. */
struct part {
	const char *s;
	size_t n;
};

struct header {
	struct part name, value;
	struct part line; /* with its end */
};

/* --- characters ----------------------------------------------------------------------------------
 */

/* RFC 9110: what names of methods and headers are made of. */
static bool is_token(struct part p)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";
	size_t i;

	for (i = 0; i < p.n; i++) {
		char c = p.s[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (c && strchr(marks, c))))
			return false;
	}
	return p.n > 0;
}

/* Printable ASCII without the space. */
static bool is_visible(struct part p)
{
	size_t i;

	for (i = 0; i < p.n; i++)
		if (p.s[i] <= ' ' || p.s[i] > '~')
			return false;
	return p.n > 0;
}

/* A value may hold bytes beyond ASCII (RFC 9110: obs-text), and no control characters. */
static bool is_value(struct part p)
{
	size_t i;

	for (i = 0; i < p.n; i++)
		if (((unsigned char)p.s[i] < ' ' && p.s[i] != '\t') || p.s[i] == 0x7f)
			return false;
	return true;
}

static bool is_word(struct part p, const char *word)
{
	return p.n == strlen(word) && !strncasecmp(p.s, word, p.n);
}

/* Decimal digits and nothing else. */
static bool read_number(struct part p, uint64_t largest, uint64_t *out)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < p.n; i++) {
		if (p.s[i] < '0' || p.s[i] > '9' || v > largest / 10)
			return false;
		v = v * 10 + (uint64_t)(p.s[i] - '0');
	}
	*out = v;
	return p.n && v <= largest;
}

/* --- lines ---------------------------------------------------------------------------------------
 */

/* The length of the head, 0: it is not whole. *broken: it never will be. */
static size_t head_length(const char *buf, size_t len, size_t seen, bool *broken)
{
	size_t i;

	*broken = false;
	for (i = seen; i < len; i++) {
		if (buf[i] == '\n' && (!i || buf[i - 1] != '\r'))
			*broken = true;
		if (i && buf[i - 1] == '\r' && buf[i] != '\n')
			*broken = true;
		if (*broken)
			return 0;
		if (i >= 3 && buf[i] == '\n' && buf[i - 2] == '\n')
			return i + 1;
	}
	return 0;
}

/* Takes the next line off; without its end. */
static struct part next_line(struct part *rest)
{
	const char *end = memchr(rest->s, '\r', rest->n);
	struct part line = {rest->s, end ? (size_t)(end - rest->s) : rest->n};
	size_t whole = line.n + 2 < rest->n ? line.n + 2 : rest->n;

	rest->s += whole;
	rest->n -= whole;
	return line;
}

/* False: no header, and what a line that begins with a space would go on is refused with it. */
static bool next_header(struct part *rest, struct header *h)
{
	struct part line = next_line(rest);
	const char *colon = memchr(line.s, ':', line.n);

	if (!colon)
		return false;
	h->line = (struct part){line.s, line.n + 2};
	h->name = (struct part){line.s, (size_t)(colon - line.s)};
	h->value = (struct part){colon + 1, line.n - h->name.n - 1};
	while (h->value.n && (*h->value.s == ' ' || *h->value.s == '\t')) {
		h->value.s++;
		h->value.n--;
	}
	while (h->value.n &&
	       (h->value.s[h->value.n - 1] == ' ' || h->value.s[h->value.n - 1] == '\t'))
		h->value.n--;
	return is_token(h->name) && is_value(h->value);
}

/* --- the request line ----------------------------------------------------------------------------
 */

/* host[:port]; deflt 0: the port must be there. */
static bool read_authority(struct part p, uint16_t deflt, struct sbx_via_target *to)
{
	const char *close = p.n && *p.s == '[' ? memchr(p.s, ']', p.n) : NULL;
	const char *from = close ? close : p.s;
	const char *colon = memchr(from, ':', p.n - (size_t)(from - p.s));
	size_t host = colon ? (size_t)(colon - p.s) : p.n;
	uint64_t port = deflt;

	if (colon && !read_number((struct part){colon + 1, p.n - host - 1}, 65535, &port))
		return false;
	to->port = (uint16_t)port;
	return port && sbx_via_host(p.s, host, to);
}

static bool read_url(const char *buf, struct part url, struct sbx_request *r)
{
	static const char scheme[] = "http://";
	size_t skip = strlen(scheme), host;

	if (url.n <= skip || strncasecmp(url.s, scheme, skip) || memchr(url.s, '#', url.n))
		return false;
	for (host = skip; host < url.n && url.s[host] != '/'; host++)
		if (url.s[host] == '?' || url.s[host] == '@')
			return false;
	r->path_at = (uint16_t)(url.s + host - buf);
	r->path_len = (uint16_t)(url.n - host);
	return read_authority((struct part){url.s + skip, host - skip}, 80, &r->to);
}

static int read_version(struct part p, struct sbx_request *r)
{
	if (p.n != 8 || memcmp(p.s, "HTTP/", 5) || p.s[6] != '.' || p.s[5] < '0' || p.s[5] > '9')
		return -400;
	if (p.s[5] != '1' || (p.s[7] != '0' && p.s[7] != '1'))
		return -505;
	r->minor = (uint8_t)(p.s[7] - '0');
	return 0;
}

static int read_request_line(const char *buf, struct part line, struct sbx_request *r)
{
	const char *one = memchr(line.s, ' ', line.n);
	const char *two = one ? memrchr(line.s, ' ', line.n) : NULL;
	struct part method, target;
	int rc;

	if (!one || one == two)
		return -400;
	method = (struct part){line.s, (size_t)(one - line.s)};
	target = (struct part){one + 1, (size_t)(two - one - 1)};
	rc = read_version((struct part){two + 1, line.n - (size_t)(two + 1 - line.s)}, r);
	if (rc)
		return rc;
	if (!is_token(method) || !is_visible(target))
		return -400;
	r->method = (uint16_t)method.n;
	r->bodiless = is_word(method, "CONNECT") || is_word(method, "GET") ||
		      is_word(method, "HEAD") || is_word(method, "OPTIONS") ||
		      is_word(method, "TRACE");
	r->connect = method.n == 7 && !memcmp(method.s, "CONNECT", 7);
	/* "connect" is another method, which a proxy might not take for one */
	if (!r->connect && is_word(method, "CONNECT"))
		return -501;
	if (r->connect)
		return read_authority(target, 0, &r->to) ? 0 : -400;
	return read_url(buf, target, r) ? 0 : -400;
}

/* --- headers -------------------------------------------------------------------------------------
 */

struct seen {
	unsigned n, hosts, lengths;
	bool coded;
};

static bool same_target(const struct sbx_via_target *a, const struct sbx_via_target *b)
{
	return a->port == b->port && a->family == b->family && !strcmp(a->name, b->name) &&
	       !memcmp(a->addr, b->addr, sizeof(a->addr));
}

/* Host says what the request line says. Some leave out the port of a CONNECT. */
static bool host_agrees(struct part value, const struct sbx_request *r)
{
	struct sbx_via_target host = {0};

	return read_authority(value, r->connect ? r->to.port : 80, &host) &&
	       same_target(&host, &r->to);
}

static int read_header(const struct header *h, struct sbx_request *r, struct seen *s)
{
	if (++s->n > SBX_HEADERS_MAX)
		return -431;
	if (is_word(h->name, "Host"))
		return s->hosts++ || !host_agrees(h->value, r) ? -400 : 0;
	if (is_word(h->name, "Content-Length"))
		return s->lengths++ || !read_number(h->value, INT64_MAX, &r->body) ? -400 : 0;
	if (is_word(h->name, "Transfer-Encoding"))
		s->coded = true;
	return 0;
}

static int read_headers(struct part rest, struct sbx_request *r)
{
	struct seen s = {0};
	struct header h;
	int rc = 0;

	while (!rc && rest.n > 2)
		rc = next_header(&rest, &h) ? read_header(&h, r, &s) : -400;
	if (rc)
		return rc;
	if (s.coded) /* where it ends would have to be found in it */
		return s.lengths ? -400 : -411;
	return (r->minor && !s.hosts) || (r->bodiless && r->body) ? -400 : 0;
}

int sbx_request_read(const char *buf, size_t len, size_t seen, struct sbx_request *r)
{
	struct part rest;
	bool broken;
	int rc;

	*r = (struct sbx_request){0};
	r->len = head_length(buf, len < SBX_HEAD_MAX ? len : SBX_HEAD_MAX, seen, &broken);
	if (broken)
		return -400;
	if (!r->len)
		return len < SBX_HEAD_MAX ? 0 : -431;
	rest = (struct part){buf, r->len};
	rc = read_request_line(buf, next_line(&rest), r);
	if (!rc)
		rc = read_headers(rest, r);
	return rc ? rc : 1;
}

/* --- written anew --------------------------------------------------------------------------------
 */

static void put_host(const struct sbx_via_target *t, char out[SBX_TARGET_MAX])
{
	char addr[INET6_ADDRSTRLEN] = "";

	if (*t->name)
		snprintf(out, SBX_TARGET_MAX, "%s", t->name);
	else
		snprintf(out, SBX_TARGET_MAX, t->family == AF_INET6 ? "[%s]" : "%s",
			 inet_ntop(t->family, t->addr, addr, sizeof(addr)));
}

void sbx_target_text(const struct sbx_via_target *t, char out[SBX_TARGET_MAX])
{
	size_t n;

	put_host(t, out);
	n = strlen(out);
	snprintf(out + n, SBX_TARGET_MAX - n, ":%u", t->port);
}

/* Of the connection to us, or of a change of protocol behind which nothing would be checked.
 * Expect: a proxy that answers it at once would meet the body where the next request might be. */
static bool is_dropped(struct part name)
{
	static const char *const words[] = {
		"Connection", "Proxy-Connection", "Keep-Alive",
		"Upgrade",    "HTTP2-Settings",	  "Expect",
		"TE",	      "Trailer",	  "Host",
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is_word(name, words[i]))
			return true;
	return false;
}

static size_t put_headers(struct part rest, bool (*dropped)(struct part name), char *out)
{
	struct header h;
	size_t n = 0;

	while (rest.n > 2 && next_header(&rest, &h)) {
		if (dropped(h.name))
			continue;
		memcpy(out + n, h.line.s, h.line.n);
		n += h.line.n;
	}
	return n;
}

size_t sbx_request_write(const char *buf, const struct sbx_request *r, char out[SBX_HEAD_OUT_MAX])
{
	struct part rest = {buf, r->len};
	char host[SBX_TARGET_MAX];
	int n;

	sbx_target_text(&r->to, host);
	if (!r->connect && r->to.port == 80)
		put_host(&r->to, host);
	next_line(&rest);
	if (r->connect)
		n = sprintf(out, "CONNECT %s HTTP/1.%u\r\nHost: %s\r\n", host, r->minor, host);
	else
		n = sprintf(out, "%.*s http://%s%.*s HTTP/1.%u\r\nHost: %s\r\n", r->method, buf,
			    host, r->path_len ? r->path_len : 1,
			    r->path_len ? buf + r->path_at : "/", r->minor, host);
	n += (int)put_headers(rest, is_dropped, out + n);
	/* the next request of this connection would have to be checked as well */
	n += sprintf(out + n, r->connect ? "\r\n" : "Connection: close\r\n\r\n");
	return (size_t)n;
}

/* --- the proxy's answer --------------------------------------------------------------------------
 */

/* Whatever it is, the client reads it as well: only what we do next depends on it. */
int sbx_reply_read(const char *buf, size_t len, unsigned *status, size_t *head, uint64_t *body)
{
	struct part rest;
	struct header h;
	bool broken;

	*body = UINT64_MAX;
	*head = head_length(buf, len < SBX_HEAD_MAX ? len : SBX_HEAD_MAX, 0, &broken);
	if (broken || (!*head && len >= SBX_HEAD_MAX))
		return -EPROTO;
	if (!*head)
		return 0;
	if (*head < 12 || memcmp(buf, "HTTP/1.", 7) || buf[8] != ' ' || buf[9] < '1' ||
	    buf[9] > '9' || buf[10] < '0' || buf[10] > '9' || buf[11] < '0' || buf[11] > '9')
		return -EPROTO;
	*status = (unsigned)((buf[9] - '0') * 100 + (buf[10] - '0') * 10 + buf[11] - '0');
	rest = (struct part){buf, *head};
	next_line(&rest);
	while (rest.n > 2) {
		if (!next_header(&rest, &h))
			return -EPROTO;
		if (is_word(h.name, "Content-Length") && !read_number(h.value, INT64_MAX, body))
			return -EPROTO;
	}
	return 1;
}

static bool is_persistence(struct part name)
{
	return is_word(name, "Connection") || is_word(name, "Proxy-Connection") ||
	       is_word(name, "Keep-Alive");
}

size_t sbx_reply_write(const char *buf, size_t head, char out[SBX_HEAD_OUT_MAX])
{
	struct part rest = {buf, head}, line = next_line(&rest);
	size_t n = line.n + 2;

	memcpy(out, line.s, n);
	n += put_headers(rest, is_persistence, out + n);
	n += (size_t)sprintf(out + n, "Connection: close\r\nProxy-Connection: close\r\n\r\n");
	return n;
}
