// SPDX-License-Identifier: MIT
/*
 * /proc/self/mountinfo. Its order is the order of age. A tree has the name that its oldest mount
 * gives it (design 1.3); the others are aliases.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "user/policy/mounts.h"

/* \040 and the like, in place. */
static void decode(char *s)
{
	char *to = s;

	for (; *s; s++, to++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*to = (s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0');
			s += 3;
		} else {
			*to = *s;
		}
	}
	*to = 0;
}

static char *path_copy(char *s)
{
	decode(s);
	return strdup(!strcmp(s, "/") ? "" : s);
}

static int parse_line(char *line, struct sbx_mount *m)
{
	char *word[6], *save = NULL, *dash;
	int i;

	dash = strstr(line, " - ");
	if (!dash)
		return -EINVAL;
	*dash = 0;
	word[0] = strtok_r(line, " ", &save);
	for (i = 1; i < 6 && word[i - 1]; i++)
		word[i] = strtok_r(NULL, " ", &save);
	if (i < 6 || !word[4])
		return -EINVAL;
	*m = (struct sbx_mount){
		.id = atoi(word[0]),
		.dev = strdup(word[2]),
		.root = path_copy(word[3]),
		.point = path_copy(word[4]),
		.type = strndup(dash + 3, strcspn(dash + 3, " ")),
	};
	return m->dev && m->root && m->point && m->type ? 0 : -ENOMEM;
}

/* What is left of `path` below `dir`, or NULL when it is not there. */
static const char *below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && (!path[n] || path[n] == '/') ? path + n : NULL;
}

static int find_canonical(struct sbx_mounts *m, size_t i)
{
	struct sbx_mount *new = &m->v[i], *old;
	const char *rest;
	size_t j;

	if (new->covered)
		return 0;
	for (j = 0; j < i; j++) {
		old = &m->v[j];
		if (old->covered || old->canonical || strcmp(old->dev, new->dev))
			continue;
		rest = below(new->root, old->root);
		if (!rest)
			continue;
		if (asprintf(&new->canonical, "%s%s", old->point, rest) < 0) {
			new->canonical = NULL;
			return -ENOMEM;
		}
		return 0;
	}
	return 0;
}

static int read_lines(FILE *in, struct sbx_mounts *out)
{
	char *line = NULL;
	size_t cap = 0, room = 0;
	struct sbx_mount *more;
	int r = 0;

	while (!r && getline(&line, &cap, in) > 0) {
		if (out->n == room) {
			room = room ? room * 2 : 64;
			more = realloc(out->v, room * sizeof(*more));
			if (!more) {
				r = -ENOMEM;
				break;
			}
			out->v = more;
		}
		memset(&out->v[out->n], 0, sizeof(*out->v));
		r = parse_line(line, &out->v[out->n++]);
	}
	free(line);
	return r;
}

static int name_all(struct sbx_mounts *m)
{
	size_t i;
	int r = 0;

	for (i = 0; i < m->n && !r; i++)
		r = find_canonical(m, i);
	return r;
}

int sbx_mounts_parse(FILE *in, struct sbx_mounts *out)
{
	struct sbx_mounts m = {0};
	int r = read_lines(in, &m);

	if (!r)
		r = name_all(&m);
	if (r)
		sbx_mounts_free(&m);
	else
		*out = m;
	return r;
}

int sbx_mounts_read(struct sbx_mounts *out)
{
	FILE *in = fopen("/proc/self/mountinfo", "re");
	struct sbx_mounts m = {0};
	struct statx st;
	size_t i;
	int r;

	if (!in)
		return -errno;
	r = read_lines(in, &m);
	fclose(in);
	for (i = 0; !r && i < m.n; i++) {
		const char *p = *m.v[i].point ? m.v[i].point : "/";

		m.v[i].covered = statx(AT_FDCWD, p, AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW,
				       STATX_MNT_ID, &st) ||
				 (int)st.stx_mnt_id != m.v[i].id;
	}
	if (!r)
		r = name_all(&m);
	if (r)
		sbx_mounts_free(&m);
	else
		*out = m;
	return r;
}

void sbx_mounts_free(struct sbx_mounts *m)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		free(m->v[i].dev);
		free(m->v[i].root);
		free(m->v[i].point);
		free(m->v[i].type);
		free(m->v[i].canonical);
	}
	free(m->v);
	*m = (struct sbx_mounts){0};
}
