// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "user/dns/forwarder.h"
#include "user/dns/resolvconf.h"

#define DNS_PORT     53
#define TEXT_MAX     65536
#define TIMEOUT_MAX  30 /* RES_MAXRETRANS */
#define ATTEMPTS_MAX 5	/* RES_MAXRETRY */

static const char space[] = " \t\r\n";

static void free_search(struct sbx_resolvconf *r)
{
	while (r->n_search)
		free(r->search[--r->n_search]);
	r->search[0] = NULL;
}

static void add_search(struct sbx_resolvconf *r, const char *word)
{
	size_t n = strlen(word);
	char *s;

	if (n && word[n - 1] == '.')
		n--;
	if (!n || n >= SBX_DNS_NAME_MAX || r->n_search == SBX_RESOLV_SEARCH)
		return;
	s = strndup(word, n);
	if (!s)
		return;
	r->search[r->n_search++] = s;
	r->search[r->n_search] = NULL;
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s |= 0x20;
}

static void add_server(struct sbx_resolvconf *r, char *word)
{
	union sbx_resolv_addr a = {0};
	char *scope;

	if (r->n_servers == SBX_RESOLV_SERVERS)
		return;
	if (inet_pton(AF_INET, word, &a.in.sin_addr) == 1) {
		a.in.sin_family = AF_INET;
		a.in.sin_port = htons(DNS_PORT);
		r->servers[r->n_servers++] = a;
		return;
	}
	scope = strchr(word, '%');
	if (scope)
		*scope++ = 0;
	if (inet_pton(AF_INET6, word, &a.in6.sin6_addr) != 1)
		return;
	a.in6.sin6_family = AF_INET6;
	a.in6.sin6_port = htons(DNS_PORT);
	if (scope) {
		a.in6.sin6_scope_id = if_nametoindex(scope);
		if (!a.in6.sin6_scope_id)
			a.in6.sin6_scope_id = (uint32_t)strtoul(scope, NULL, 10);
	}
	r->servers[r->n_servers++] = a;
}

static unsigned number(const char *s, unsigned least, unsigned most)
{
	unsigned long n = strtoul(s, NULL, 10);

	return n < least ? least : n > most ? most : (unsigned)n;
}

static void add_option(struct sbx_resolvconf *r, const char *word)
{
	if (!strncmp(word, "timeout:", 8))
		r->timeout = number(word + 8, 1, TIMEOUT_MAX);
	else if (!strncmp(word, "attempts:", 9))
		r->attempts = number(word + 9, 1, ATTEMPTS_MAX);
}

static void parse_line(struct sbx_resolvconf *r, char *line)
{
	char *save, *word = strtok_r(line, space, &save), *arg;
	bool domain;

	/* A keyword stands at the very beginning. */
	if (!word || word != line || *word == '#' || *word == ';')
		return;
	domain = !strcmp(word, "domain");
	if (domain || !strcmp(word, "search"))
		free_search(r); /* the last line wins */
	for (arg = strtok_r(NULL, space, &save); arg; arg = strtok_r(NULL, space, &save)) {
		if (!strcmp(word, "options")) {
			add_option(r, arg);
			continue;
		}
		if (!strcmp(word, "nameserver"))
			add_server(r, arg);
		else if (domain || !strcmp(word, "search"))
			add_search(r, arg);
		if (strcmp(word, "search") != 0)
			return;
	}
}

/* Without a line that names any, the domain of the host's name is searched. */
static void default_search(struct sbx_resolvconf *r)
{
	char name[SBX_DNS_NAME_MAX], *dot;

	if (gethostname(name, sizeof(name)) || !memchr(name, 0, sizeof(name)))
		return;
	dot = strchr(name, '.');
	if (dot)
		add_search(r, dot + 1);
}

static void parse(struct sbx_resolvconf *r, char *text)
{
	char *line, *save;

	free_search(r);
	r->n_servers = 0;
	r->timeout = SBX_RESOLV_TIMEOUT;
	r->attempts = SBX_RESOLV_ATTEMPTS;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		parse_line(r, line);
	if (!r->n_search)
		default_search(r);
	if (r->n_servers)
		return;
	r->servers[r->n_servers++].in = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(DNS_PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static bool unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* The text of the file, to be freed; NULL: there is none. What it was is noted before it is read: a
 * change while reading is seen next time. */
static char *slurp(struct sbx_resolvconf *r)
{
	struct stat st;
	size_t n = 0;
	ssize_t got = 1;
	char *text = NULL;
	int fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		text = malloc(TEXT_MAX + 1);
	while (text && got > 0 && n < TEXT_MAX) {
		got = read(fd, text + n, TEXT_MAX - n);
		n += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	if (got < 0) {
		free(text);
		return NULL;
	}
	if (text) {
		text[n] = 0;
		r->seen = st;
	}
	return text;
}

int sbx_resolvconf_init(struct sbx_resolvconf *r, const char *path)
{
	char *text, none[] = "";

	memset(r, 0, sizeof(*r));
	r->path = strdup(path);
	if (!r->path)
		return -ENOMEM;
	text = slurp(r);
	parse(r, text ? text : none);
	free(text);
	return 0;
}

bool sbx_resolvconf_poll(struct sbx_resolvconf *r)
{
	struct stat st;
	char *text;

	if (stat(r->path, &st) || unchanged(&st, &r->seen))
		return false;
	text = slurp(r);
	if (!text)
		return false;
	parse(r, text);
	free(text);
	return true;
}

void sbx_resolvconf_free(struct sbx_resolvconf *r)
{
	free_search(r);
	free(r->path);
	r->path = NULL;
}
