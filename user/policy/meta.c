// SPDX-License-Identifier: MIT
/* Policy and facts as JSON, for those who explain a denial later. meta_load.c reads it back. */
#include <stdlib.h>
#include <string.h>
#include "user/policy/compile.h"
#include "user/policy/meta.h"
#include "user/policy/rulestr.h"

struct dump {
	const char **names; /* files that positions are in; not owned */
	size_t n_names, room;
	bool failed; /* out of memory */
};

static json_t *check(struct dump *d, json_t *j)
{
	if (!j)
		d->failed = true;
	return j;
}

static void set(struct dump *d, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value))
		d->failed = true;
}

static void append(struct dump *d, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value))
		d->failed = true;
}

static json_t *hex(struct dump *d, const void *bytes, size_t n)
{
	const uint8_t *b = bytes;
	struct sbx_text t;
	char *s = NULL;
	json_t *j;
	size_t i;

	if (sbx_text_begin(&t)) {
		d->failed = true;
		return NULL;
	}
	for (i = 0; i < n; i++)
		fprintf(t.out, "%02x", b[i]);
	if (sbx_text_end(&t, &s))
		d->failed = true;
	j = json_string(s ? s : "");
	free(s);
	return check(d, j);
}

/* Variables may hold any bytes: JSON may not. */
static json_t *text(struct dump *d, const char *s)
{
	json_t *j;

	if (!s)
		return json_null();
	if (sbx_text_valid(s, strlen(s)))
		return check(d, json_string(s));
	j = check(d, json_object());
	set(d, j, "hex", hex(d, s, strlen(s)));
	return j;
}

static json_t *number(struct dump *d, uint64_t n)
{
	return check(d, json_integer((json_int_t)n));
}

static size_t name_index(struct dump *d, const char *file)
{
	const char **v;
	size_t i;

	for (i = 0; i < d->n_names; i++)
		if (d->names[i] == file || !strcmp(d->names[i], file))
			return i;
	if (d->n_names == d->room) {
		v = reallocarray(d->names, d->room ? d->room * 2 : 16, sizeof(*v));
		if (!v) {
			d->failed = true;
			return 0;
		}
		d->names = v;
		d->room = d->room ? d->room * 2 : 16;
	}
	d->names[d->n_names] = file;
	return d->n_names++;
}

static json_t *position(struct dump *d, struct sbx_pos pos)
{
	json_t *j;

	if (!pos.file)
		return json_null();
	j = check(d, json_array());
	append(d, j, number(d, name_index(d, pos.file)));
	append(d, j, number(d, pos.line));
	append(d, j, number(d, pos.col));
	return j;
}

static json_t *patterns(struct dump *d, const struct sbx_pattern *v, size_t n)
{
	json_t *list = check(d, json_array()), *j;
	size_t i;

	for (i = 0; i < n; i++) {
		j = check(d, json_array());
		append(d, j, text(d, v[i].text));
		append(d, j, text(d, v[i].source));
		append(d, j, position(d, v[i].pos));
		append(d, list, j);
	}
	return list;
}

static json_t *ports(struct dump *d, const struct sbx_endpoint *e)
{
	json_t *list = check(d, json_array()), *j;
	size_t i;

	for (i = 0; i < e->n_ports; i++) {
		j = check(d, json_array());
		append(d, j, number(d, e->ports[i].first));
		append(d, j, number(d, e->ports[i].last));
		append(d, list, j);
	}
	return list;
}

static json_t *endpoints(struct dump *d, const struct sbx_endpoint *v, size_t n)
{
	json_t *list = check(d, json_array()), *j;
	size_t i;

	for (i = 0; i < n; i++) {
		j = check(d, json_object());
#define X(key, member, type, largest) set(d, j, key, number(d, v[i].member));
		SBX_META_ENDPOINT(X)
#undef X
		set(d, j, "at", position(d, v[i].pos));
		set(d, j, "source", text(d, v[i].source));
		set(d, j, "addr", hex(d, v[i].addr, sizeof(v[i].addr)));
		set(d, j, "domain", text(d, v[i].domain));
		set(d, j, "ports", ports(d, &v[i]));
		append(d, list, j);
	}
	return list;
}

static json_t *file_rules(struct dump *d, const struct sbx_policy *p)
{
	json_t *list = check(d, json_array()), *j;
	size_t i;

	for (i = 0; i < p->n_files; i++) {
		const struct sbx_file_rule *r = &p->files[i];

		j = check(d, json_object());
#define X(key, member, type, largest) set(d, j, key, number(d, r->member));
		SBX_META_RULE(X)
#undef X
		set(d, j, "socket", number(d, r->socket));
		set(d, j, "at", position(d, r->pos));
		set(d, j, "reason", text(d, r->reason));
		set(d, j, "paths", patterns(d, r->paths, r->n_paths));
		set(d, j, "except", patterns(d, r->except, r->n_except));
		append(d, list, j);
	}
	return list;
}

static json_t *net_rules(struct dump *d, const struct sbx_policy *p)
{
	json_t *list = check(d, json_array()), *j;
	size_t i;

	for (i = 0; i < p->n_net; i++) {
		const struct sbx_net_rule *r = &p->net[i];

		j = check(d, json_object());
#define X(key, member, type, largest) set(d, j, key, number(d, r->member));
		SBX_META_RULE(X)
#undef X
		set(d, j, "via", number(d, r->via));
		set(d, j, "at", position(d, r->pos));
		set(d, j, "reason", text(d, r->reason));
		set(d, j, "to", endpoints(d, r->to, r->n_to));
		set(d, j, "except", endpoints(d, r->except, r->n_except));
		append(d, list, j);
	}
	return list;
}

static json_t *facts_of(struct dump *d, const struct sbx_facts *facts)
{
	json_t *j = check(d, json_object()), *list, *one;
	size_t i;

	list = check(d, json_array());
	for (i = 0; i < facts->n_aliases; i++) {
		one = check(d, json_array());
		append(d, one, text(d, facts->aliases[i].from));
		append(d, one, text(d, facts->aliases[i].to));
		append(d, one, number(d, facts->aliases[i].symlink));
		append(d, list, one);
	}
	set(d, j, "aliases", list);
	list = check(d, json_array());
	for (i = 0; i < facts->n_own; i++) {
		one = check(d, json_array());
		append(d, one, number(d, facts->own[i].family));
		append(d, one, hex(d, facts->own[i].addr, sizeof(facts->own[i].addr)));
		append(d, list, one);
	}
	set(d, j, "own", list);
	set(d, j, "ephemeral_first", number(d, facts->ephemeral_first));
	set(d, j, "ephemeral_last", number(d, facts->ephemeral_last));
	return j;
}

static json_t *texts(struct dump *d, char *const *v, size_t n)
{
	json_t *list = check(d, json_array());
	size_t i;

	for (i = 0; i < n; i++)
		append(d, list, text(d, v[i]));
	return list;
}

static json_t *env_set(struct dump *d, const struct sbx_policy *p)
{
	json_t *list = check(d, json_array()), *one;
	size_t i;

	for (i = 0; i < p->n_env_set; i++) {
		one = check(d, json_array());
		append(d, one, text(d, p->env_set[i].name));
		append(d, one, text(d, p->env_set[i].value));
		append(d, list, one);
	}
	return list;
}

char *sbx_meta_dump(const struct sbx_policy *p, const struct sbx_facts *facts)
{
	struct dump d = {0};
	json_t *j = check(&d, json_object());
	char *out = NULL;

	set(&d, j, "meta", number(&d, SBX_META_VERSION));
	set(&d, j, "file", text(&d, p->file));
	set(&d, j, "name", text(&d, p->name));
	set(&d, j, "description", text(&d, p->description));
	set(&d, j, "denials", text(&d, p->denials));
	set(&d, j, "mode", number(&d, p->mode));
	set(&d, j, "exec_anonymous", number(&d, p->exec_anonymous));
	set(&d, j, "families", number(&d, p->families));
	set(&d, j, "netlink", number(&d, p->netlink));
	set(&d, j, "caps", number(&d, p->caps));
	set(&d, j, "env_keep", texts(&d, p->env_keep, p->n_env_keep));
	set(&d, j, "env_set", env_set(&d, p));
	set(&d, j, "sources", texts(&d, p->sources, p->n_sources));
	set(&d, j, "files", file_rules(&d, p));
	set(&d, j, "net", net_rules(&d, p));
	set(&d, j, "facts", facts_of(&d, facts));
	set(&d, j, "names", texts(&d, (char *const *)d.names, d.n_names));
	if (!d.failed)
		out = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	free(d.names);
	return out;
}
