// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "user/cli/environ.h"

struct list {
	char **v;
	size_t n, room;
	bool failed;
};

static size_t name_len(const char *entry)
{
	return strcspn(entry, "=");
}

/* "LC_*" keeps what begins with LC_. */
static bool kept(const struct sbx_policy *p, const char *entry)
{
	size_t i, len, n = name_len(entry);

	for (i = 0; i < p->n_env_keep; i++) {
		const char *want = p->env_keep[i];

		len = strlen(want);
		if (len && want[len - 1] == '*' ? n >= len - 1 && !strncmp(entry, want, len - 1)
						: n == len && !strncmp(entry, want, len))
			return true;
	}
	return false;
}

static void put(struct list *l, const char *name, size_t n, const char *value)
{
	char *entry = NULL;
	size_t i;

	for (i = 0; i < l->n; i++)
		if (name_len(l->v[i]) == n && !strncmp(l->v[i], name, n))
			break;
	if (i == l->room || asprintf(&entry, "%.*s=%s", (int)n, name, value) < 0) {
		l->failed = true;
		return;
	}
	if (i == l->n)
		l->n++;
	free(l->v[i]);
	l->v[i] = entry;
}

/* HOME and the like are the user's own, whoever calls; the policy may drop them as any other. */
static void put_person(struct list *l, const struct sbx_policy *p, const struct sbx_person *who)
{
	const struct {
		const char *name, *value;
	} own[] = {{"HOME", who->home},
		   {"USER", who->name},
		   {"LOGNAME", who->name},
		   {"SHELL", who->shell}};
	size_t i;

	for (i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (kept(p, own[i].name))
			put(l, own[i].name, strlen(own[i].name), own[i].value);
}

char **sbx_environ_make(const struct sbx_policy *p, const struct sbx_person *who, char *const *from)
{
	struct list l = {0};
	size_t i;

	for (i = 0; from[i]; i++)
		;
	l.room = i + p->n_env_set + 5;
	l.v = calloc(l.room + 1, sizeof(*l.v));
	if (!l.v)
		return NULL;
	for (i = 0; from[i]; i++)
		if (from[i][name_len(from[i])] && kept(p, from[i]))
			put(&l, from[i], name_len(from[i]), from[i] + name_len(from[i]) + 1);
	put_person(&l, p, who);
	for (i = 0; i < p->n_env_set; i++)
		put(&l, p->env_set[i].name, strlen(p->env_set[i].name), p->env_set[i].value);
	if (p->denials)
		put(&l, "SBX_DENIALS", strlen("SBX_DENIALS"), p->denials);
	if (!l.failed)
		return l.v;
	sbx_environ_free(l.v);
	return NULL;
}

void sbx_environ_free(char **env)
{
	size_t i;

	for (i = 0; env && env[i]; i++)
		free(env[i]);
	free(env);
}

const char *sbx_environ_get(char *const *env, const char *name)
{
	size_t n = strlen(name);

	for (; *env; env++)
		if (name_len(*env) == n && !strncmp(*env, name, n))
			return *env + n + 1;
	return NULL;
}
