// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "user/cli/common.h"
#include "user/cli/question.h"
#include "user/policy/canonical.h"
#include "user/policy/rulestr.h"

static const struct sbx_access accesses[] = {
	{"read", SBX_ACCESS_FILE, SBX_READ},	{"write", SBX_ACCESS_FILE, SBX_WRITE},
	{"exec", SBX_ACCESS_FILE, SBX_EXEC},	{"connect", SBX_ACCESS_NET, SBX_DIR_CONNECT},
	{"bind", SBX_ACCESS_NET, SBX_DIR_BIND},
};

/* Unix sockets are asked about as files are. */
static const struct sbx_access sockets[] = {
	{"connect", SBX_ACCESS_FILE, SBX_CONNECT},
	{"bind", SBX_ACCESS_FILE, SBX_WRITE},
};

void sbx_question_free(struct sbx_question *q)
{
	free(q->given);
	free(q->path);
	free(q->why);
	free(q->message);
	free(q->name);
	free(q->beside);
	*q = (struct sbx_question){0};
}

static int out_of_memory(void)
{
	return sbx_fail(SBX_EXIT_FAILURE, NULL, "out of memory");
}

/* --- files --- */

/* Rules name the directories of a sandbox's processes as one (design 1.3): /proc/123 is asked
 * about as that of a member. The others' are no matter of rules. */
static int name_member(struct sbx_question *q)
{
	size_t n = strncmp(q->path, "/proc/", 6) ? 0 : strspn(q->path + 6, "0123456789");
	char *name;

	if (!n || (q->path[6 + n] && q->path[6 + n] != '/'))
		return 0;
	if (asprintf(&name, "/proc/@sandbox%s", q->path + 6 + n) < 0)
		return out_of_memory();
	free(q->path);
	q->path = name;
	sbx_note("the answer is for a process of the sandbox; the directories of others are "
		 "denied whatever rules say");
	return 0;
}

static int read_path(struct sbx_question *q, const struct sbx_mounts *m)
{
	struct sbx_text why;
	int r;

	if (!strcmp(q->given, "@tty")) {
		q->path = strdup(q->given);
		return q->path ? 0 : out_of_memory();
	}
	if (*q->given == '@' && q->access->what & (SBX_CONNECT | SBX_WRITE)) {
		if (asprintf(&q->path, SBX_ABSTRACT "%s", q->given) < 0)
			q->path = NULL;
		return q->path ? 0 : out_of_memory();
	}
	if (sbx_text_begin(&why))
		return out_of_memory();
	r = sbx_canonical_path(m, q->given, &q->path, why.out);
	if (sbx_text_end(&why, &q->why))
		return out_of_memory();
	if (r)
		return sbx_fail(SBX_EXIT_FAILURE, NULL, "cannot tell what this path names (%s): %s",
				q->given, strerror(-r));
	return name_member(q);
}

/* --- peers --- */

static int bad_peer(const struct sbx_question *q)
{
	return sbx_fail(
		SBX_EXIT_USAGE,
		"write 192.0.2.1:443, [2001:db8::1]:443, localhost:3000, example.org:443 or "
		"192.0.2.1:53/udp",
		"this is not an address with a port (%s)", q->given);
}

static int read_port(struct sbx_question *q, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || *text == '-' || *text == '+' || n > 65535)
		return bad_peer(q);
	q->port = n;
	q->proto = SBX_PROTO_TCP;
	if (!strcmp(end, "/udp"))
		q->proto = SBX_PROTO_UDP;
	else if (*end && strcmp(end, "/tcp"))
		return bad_peer(q);
	return 0;
}

/* Names can only be connected to. */
static int read_name(struct sbx_question *q, const char *host)
{
	char *c;

	if (q->access->what != SBX_DIR_CONNECT || q->given[0] == '[' || !strchr(host, '.') ||
	    !strpbrk(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") ||
	    host[strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "0123456789-_.")])
		return bad_peer(q);
	q->name = strdup(host);
	if (!q->name)
		return out_of_memory();
	for (c = q->name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (c[-1] == '.')
		c[-1] = 0;
	return 0;
}

static int read_peer(struct sbx_question *q)
{
	char host[SBX_DOMAIN_LEN + 1];
	int r = 0;
	const char *s = q->given, *end, *port;

	end = *s == '[' ? strchr(s, ']') : strrchr(s, ':');
	port = end && *s == '[' ? end + 1 : end;
	s += *s == '[';
	if (!end || *port != ':' || end - s >= (int)sizeof(host))
		return bad_peer(q);
	memcpy(host, s, end - s);
	host[end - s] = 0;
	q->family = q->given[0] == '[' ? AF_INET6 : AF_INET;
	if (!strcmp(host, "localhost"))
		strcpy(host, "127.0.0.1");
	if (inet_pton(q->family, host, q->addr) != 1)
		r = read_name(q, host);
	return r ? r : read_port(q, port + 1);
}

/* --- both --- */

static const struct sbx_access *find_access(const char *name, const char *object)
{
	size_t i;

	for (i = 0; i < sizeof(accesses) / sizeof(*accesses); i++) {
		if (strcmp(accesses[i].name, name))
			continue;
		if (accesses[i].kind == SBX_ACCESS_NET && *object && strchr("/.@~", *object))
			return &sockets[accesses[i].what == SBX_DIR_BIND];
		return &accesses[i];
	}
	sbx_fail(0, "it is read, write, exec, connect or bind", "there is no such access (%s)",
		 name);
	return NULL;
}

int sbx_question_ask(struct sbx_question *q, const char *access, const char *object,
		     const struct sbx_mounts *m)
{
	*q = (struct sbx_question){.access = find_access(access, object)};
	if (!q->access)
		return SBX_EXIT_USAGE;
	q->given = strdup(object);
	if (!q->given)
		return out_of_memory();
	return q->access->kind == SBX_ACCESS_FILE ? read_path(q, m) : read_peer(q);
}

/* --- events --- */

static const char *text_of(const json_t *j, const char *key)
{
	return json_string_value(json_object_get(j, key));
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The bytes of a name that JSON cannot hold. NULL: no such text, or no memory. */
static char *unhex(const char *hex)
{
	size_t n = strlen(hex) / 2, i;
	char *out = calloc(n + 1, 1);

	for (i = 0; out && i < n; i++) {
		int hi = hex_digit(hex[2 * i]), lo = hex_digit(hex[2 * i + 1]);

		if (hi < 0 || lo < 0 || !(hi << 4 | lo)) {
			free(out);
			return NULL;
		}
		out[i] = (char)(hi << 4 | lo);
	}
	return out;
}

/* The sentences are safe to print where they come from, but this may come from anywhere. */
static char *safe_copy(const char *s)
{
	struct sbx_text t;
	char *copy = NULL;
	size_t n;

	if (sbx_text_begin(&t))
		return NULL;
	for (; *s; s += n) {
		n = strcspn(s, "\\"); /* escapes that are there stay as they are */
		sbx_put_escaped(t.out, s, n);
		if (s[n])
			fputc(s[n++], t.out);
	}
	return sbx_text_end(&t, &copy) || copy ? copy : strdup("");
}

static int no_event(void)
{
	return sbx_fail(SBX_EXIT_FAILURE, "give it lines of `sbx-bpf events --json`",
			"this is no event");
}

/* The name is the one that was decided on: nothing is resolved any more. */
static int take_path(struct sbx_question *q, const json_t *object)
{
	const char *path = text_of(object, "path"), *hex = text_of(object, "path_hex");

	if (json_is_true(json_object_get(object, "cut"))) {
		q->beside = strdup("its name was too long to be kept: which rule it was cannot be "
				   "told");
		return q->beside ? 0 : out_of_memory();
	}
	q->given = hex ? unhex(hex) : strdup(path);
	if (!q->given)
		return hex ? no_event() : out_of_memory();
	if (*q->given != '/' && *q->given != '@' && *q->given)
		return no_event();
	if (*q->given == '@' && strcmp(q->given, "@tty")) {
		if (asprintf(&q->path, SBX_ABSTRACT "%s", q->given) < 0)
			q->path = NULL;
	} else {
		q->path = strdup(strcmp(q->given, "/") ? q->given : "");
	}
	return q->path ? name_member(q) : out_of_memory();
}

static int take_peer(struct sbx_question *q, const json_t *object)
{
	const char *addr = text_of(object, "address"), *proto = text_of(object, "protocol");
	json_int_t port = json_integer_value(json_object_get(object, "port"));

	if (!addr || !proto || port < 0 || port > 65535)
		return no_event();
	q->family = strchr(addr, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(q->family, addr, q->addr) != 1)
		return no_event();
	q->given = strdup(addr);
	q->port = port;
	q->proto = strcmp(proto, "udp") ? SBX_PROTO_TCP : SBX_PROTO_UDP;
	return q->given ? 0 : out_of_memory();
}

int sbx_question_event(struct sbx_question *q, const json_t *ev)
{
	const json_t *object = json_object_get(ev, "object");
	const char *message = text_of(ev, "message"), *why = text_of(ev, "why"),
		   *explanation = text_of(ev, "explanation"), *right = text_of(ev, "right");
	bool path = text_of(object, "path") != NULL;

	*q = (struct sbx_question){0};
	if (json_object_get(ev, "lost") && !message)
		return SBX_QUESTION_NONE;
	if (!message || !why)
		return no_event();
	q->message = safe_copy(message);
	if (!q->message)
		return out_of_memory();
	if (strcmp(why, "policy") || !right || (!path && !text_of(object, "address"))) {
		q->beside = safe_copy(explanation ? explanation : why);
		return q->beside ? 0 : out_of_memory();
	}
	q->access = find_access(right, path ? "/" : "");
	if (!q->access)
		return SBX_EXIT_FAILURE;
	if ((q->access->kind == SBX_ACCESS_FILE) != path)
		return no_event(); /* nobody reads from an address */
	return path ? take_path(q, object) : take_peer(q, object);
}

bool sbx_question_abstract(const struct sbx_question *q)
{
	return q->path && !strncmp(q->path, SBX_ABSTRACT, strlen(SBX_ABSTRACT));
}

char *sbx_question_object(const struct sbx_question *q)
{
	struct sbx_text t;
	char *text = NULL;

	if (q->access->kind == SBX_ACCESS_FILE)
		return sbx_path_text(q->path, strlen(q->path));
	if (sbx_text_begin(&t))
		return NULL;
	if (q->name)
		fprintf(t.out, "%s:%u/%s", q->name, q->port,
			q->proto == SBX_PROTO_UDP ? "udp" : "tcp");
	else
		sbx_put_peer(t.out, q->family, q->addr, q->proto, q->port);
	sbx_text_end(&t, &text);
	return text;
}
