// SPDX-License-Identifier: MIT
/*
 * What compiling needs to know of the host: which names are other names of the same tree (later
 * mounts, symlinks), the host's addresses, the ephemeral ports.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "user/policy/facts.h"
#include "user/policy/mounts.h"
#include "user/policy/pattern.h"

#define MAX_LINKS 40 /* as the kernel's MAXSYMLINKS */

static int add_alias(struct sbx_facts *f, const char *from, const char *to, bool symlink)
{
	struct sbx_alias *more;
	size_t i;

	for (i = 0; i < f->n_aliases; i++)
		if (!strcmp(f->aliases[i].from, from) && !strcmp(f->aliases[i].to, to))
			return 0;
	more = realloc(f->aliases, (f->n_aliases + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	f->aliases = more;
	more[f->n_aliases] =
		(struct sbx_alias){.from = strdup(from), .to = strdup(to), .symlink = symlink};
	if (!more[f->n_aliases].from || !more[f->n_aliases].to) {
		free(more[f->n_aliases].from);
		free(more[f->n_aliases].to);
		return -ENOMEM;
	}
	f->n_aliases++;
	return 0;
}

static int gather_mounts(struct sbx_facts *f)
{
	struct sbx_mounts m;
	size_t i;
	int r = sbx_mounts_read(&m);

	if (r)
		return r;
	for (i = 0; i < m.n && !r; i++)
		if (m.v[i].canonical && strcmp(m.v[i].canonical, m.v[i].point))
			r = add_alias(f, m.v[i].point, m.v[i].canonical, false);
	sbx_mounts_free(&m);
	return r;
}

/* --- symlinks --- */

/* Links there depend on who looks: they are built-in names (design 1.3), or lead to them. */
static bool is_magic(const char *path)
{
	return !strncmp(path, "/proc/", 6) || !strncmp(path, "/dev/fd", 7) ||
	       !strncmp(path, "/dev/std", 8);
}

/* Joins, resolving "." and "..": out is without a trailing slash, "" for the root. */
static int normalise(const char *dir, const char *rest, char *out, size_t size)
{
	const char *p = rest;
	size_t n, len;

	if (*rest == '/')
		dir = "";
	if (snprintf(out, size, "%s", dir) >= (int)size)
		return -ENAMETOOLONG;
	len = strlen(out);
	while (*p) {
		p += strspn(p, "/");
		n = strcspn(p, "/");
		if (n == 2 && !strncmp(p, "..", 2)) {
			while (len && out[len - 1] != '/')
				len--;
			if (len)
				len--;
		} else if (n && !(n == 1 && *p == '.')) {
			if (len + n + 2 > size)
				return -ENAMETOOLONG;
			out[len++] = '/';
			memcpy(out + len, p, n);
			len += n;
		}
		out[len] = 0;
		p += n;
	}
	return 0;
}

/*
 * Walks the path component by component; every symlink met becomes an alias of what it points to,
 * and the walk goes on there, until nothing changes.
 */
static int follow(struct sbx_facts *f, const char *path)
{
	char now[PATH_MAX], prefix[PATH_MAX], link[PATH_MAX], dir[PATH_MAX], target[PATH_MAX];
	int links = 0, r;
	size_t i, n;
	ssize_t got;

	if (snprintf(now, sizeof(now), "%s", path) >= (int)sizeof(now))
		return 0;
	for (i = 1; i <= strlen(now) && !is_magic(now); i++) {
		if (now[i] && now[i] != '/')
			continue;
		memcpy(prefix, now, i);
		prefix[i] = 0;
		got = readlink(prefix, link, sizeof(link) - 1);
		if (got <= 0)
			continue;
		if (++links > MAX_LINKS)
			return 0;
		link[got] = 0;
		snprintf(dir, sizeof(dir), "%s", prefix);
		*strrchr(dir, '/') = 0;
		if (normalise(dir, link, target, sizeof(target)))
			return 0;
		r = add_alias(f, prefix, target, true);
		if (r)
			return r;
		n = strlen(target);
		if (n + strlen(now + i) >= sizeof(now))
			return 0;
		memmove(now + n, now + i, strlen(now + i) + 1);
		memcpy(now, target, n);
		i = 0; /* the target may hold links of its own */
	}
	return 0;
}

static int follow_patterns(struct sbx_facts *f, const struct sbx_pattern *p, size_t n)
{
	char *path;
	size_t i;
	int r = 0;

	for (i = 0; i < n && !r; i++) {
		if (p[i].text[0] != '/')
			continue;
		path = sbx_pattern_unescape(p[i].text, sbx_pattern_literal_prefix(p[i].text));
		if (!path)
			return -ENOMEM;
		r = follow(f, path);
		free(path);
	}
	return r;
}

static int gather_symlinks(const struct sbx_policy *p, struct sbx_facts *f)
{
	size_t i;
	int r = 0;

	for (i = 0; i < p->n_files && !r; i++) {
		r = follow_patterns(f, p->files[i].paths, p->files[i].n_paths);
		if (!r)
			r = follow_patterns(f, p->files[i].except, p->files[i].n_except);
	}
	return r;
}

/* --- the network --- */

static int add_own(struct sbx_facts *f, const struct sockaddr *sa)
{
	struct sbx_addr *more = realloc(f->own, (f->n_own + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	f->own = more;
	more[f->n_own] = (struct sbx_addr){.family = sa->sa_family};
	if (sa->sa_family == AF_INET)
		memcpy(more[f->n_own].addr, &((const struct sockaddr_in *)sa)->sin_addr, 4);
	else
		memcpy(more[f->n_own].addr, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
	f->n_own++;
	return 0;
}

static int gather_addresses(struct sbx_facts *f)
{
	struct ifaddrs *list, *i;
	int r = 0;

	if (getifaddrs(&list))
		return -errno;
	for (i = list; i && !r; i = i->ifa_next)
		if (i->ifa_addr && !(i->ifa_flags & IFF_LOOPBACK) &&
		    (i->ifa_addr->sa_family == AF_INET || i->ifa_addr->sa_family == AF_INET6))
			r = add_own(f, i->ifa_addr);
	freeifaddrs(list);
	return r;
}

static void gather_ephemeral(struct sbx_facts *f)
{
	FILE *in = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	unsigned first = 32768, last = 60999; /* the kernel's defaults */

	if (in && fscanf(in, "%u %u", &first, &last) != 2) {
		first = 32768;
		last = 60999;
	}
	if (in)
		fclose(in);
	f->ephemeral_first = first;
	f->ephemeral_last = last;
}

int sbx_facts_gather(const struct sbx_policy *p, struct sbx_facts *out)
{
	struct sbx_facts f = {0};
	int r = gather_mounts(&f);

	if (!r)
		r = gather_symlinks(p, &f);
	if (!r)
		r = gather_addresses(&f);
	gather_ephemeral(&f);
	if (r)
		sbx_facts_free(&f);
	else
		*out = f;
	return r;
}

void sbx_facts_free(struct sbx_facts *f)
{
	size_t i;

	for (i = 0; i < f->n_aliases; i++) {
		free(f->aliases[i].from);
		free(f->aliases[i].to);
	}
	free(f->aliases);
	free(f->own);
	free(f->forwarder6);
	*f = (struct sbx_facts){0};
}
