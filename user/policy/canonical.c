// SPDX-License-Identifier: MIT
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "user/policy/canonical.h"
#include "user/policy/rulestr.h"

#define MAX_LINKS 40 /* as the kernel's MAXSYMLINKS */

struct walk {
	char done[PATH_MAX]; /* resolved; without a trailing slash */
	char rest[PATH_MAX]; /* still to go */
	int links;
	FILE *why; /* NULL: nobody asks */
};

static void leave(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash)
		*slash = 0;
}

/* These depend on who looks: both are the built-in name /proc/self. */
static bool is_self(const char *path)
{
	return !strcmp(path, "/proc/self") || !strcmp(path, "/proc/thread-self");
}

static void tell(FILE *why, const char *name, const char *what, const char *other)
{
	if (!why)
		return;
	sbx_put_escaped(why, name, strlen(name));
	fprintf(why, " is %s ", what);
	sbx_put_escaped(why, *other ? other : "/", *other ? strlen(other) : 1);
	fputc('\n', why);
}

/* Puts a symlink's target in the place of the name that is a symlink. */
static int follow(struct walk *w, const char *link)
{
	char rest[PATH_MAX];

	if (++w->links > MAX_LINKS)
		return -ELOOP;
	tell(w->why, w->done, "a symlink to", link);
	if (*link == '/')
		w->done[0] = 0;
	else
		leave(w->done);
	if (snprintf(rest, sizeof(rest), "%s/%s", link, w->rest) >= (int)sizeof(rest))
		return -ENAMETOOLONG;
	memcpy(w->rest, rest, sizeof(rest));
	return 0;
}

static int step(struct walk *w)
{
	char name[PATH_MAX], link[PATH_MAX];
	const char *p = w->rest + strspn(w->rest, "/");
	size_t n = strcspn(p, "/"), len = strlen(w->done);
	ssize_t got;

	memcpy(name, p, n);
	name[n] = 0;
	memmove(w->rest, p + n, strlen(p + n) + 1);
	if (!n || !strcmp(name, "."))
		return 0;
	if (!strcmp(name, "..")) {
		leave(w->done);
		return 0;
	}
	if (len + n + 2 > sizeof(w->done))
		return -ENAMETOOLONG;
	w->done[len] = '/';
	memcpy(w->done + len + 1, name, n + 1);
	if (is_self(w->done)) {
		strcpy(w->done, "/proc/self");
		return 0;
	}
	/* Below /proc/self, links are this process's own: they say nothing about another. */
	if (!strncmp(w->done, "/proc/self/", 11))
		return 0;
	got = readlink(w->done, link, sizeof(link) - 1);
	if (got <= 0)
		return 0;
	link[got] = 0;
	return follow(w, link);
}

static int begin(struct walk *w, const char *path, FILE *why)
{
	int n;

	*w = (struct walk){.why = why};
	if (*path != '/' && !getcwd(w->done, sizeof(w->done)))
		return -errno;
	if (!strcmp(w->done, "/"))
		w->done[0] = 0;
	n = snprintf(w->rest, sizeof(w->rest), "%s", path);
	return n >= (int)sizeof(w->rest) ? -ENAMETOOLONG : 0;
}

/* A path without symlinks, shown by the mount that is reached by it. */
static int name_by_mount(const struct sbx_mounts *m, const char *path, char **out, FILE *why)
{
	const struct sbx_mount *best = NULL;
	size_t i, n, most = 0;
	char *name;

	for (i = 0; i < m->n; i++) {
		n = strlen(m->v[i].point);
		if (m->v[i].covered || strncmp(path, m->v[i].point, n) ||
		    (path[n] && path[n] != '/') || (best && n < most))
			continue;
		best = &m->v[i];
		most = n;
	}
	if (best && best->canonical)
		tell(why, best->point, "a later mount of", best->canonical);
	if (!best || !best->canonical)
		name = strdup(path);
	else if (asprintf(&name, "%s%s", best->canonical, path + most) < 0)
		name = NULL;
	if (!name)
		return -ENOMEM;
	*out = name;
	return 0;
}

int sbx_canonical_path(const struct sbx_mounts *m, const char *path, char **out, FILE *why)
{
	struct walk *w = malloc(sizeof(*w));
	int r = w ? begin(w, path, why) : -ENOMEM;

	while (!r && *w->rest)
		r = step(w);
	if (!r)
		r = name_by_mount(m, w->done, out, why);
	free(w);
	return r;
}
