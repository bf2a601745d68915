// SPDX-License-Identifier: MIT
/*
 * The reader of the meta blob. The blob lies in a pinned map that only root can write; it is
 * checked all the same, since an older version of this program may have written it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "sbx_maps.h"
#include "user/base/arena.h"
#include "user/policy/compile.h"
#include "user/policy/meta.h"
#include "user/policy/pattern.h"

struct load {
	struct sbx_arena *arena;
	char **names;
	size_t n_names;
	int rc; /* the first error: -EINVAL or -ENOMEM */
};

static void fail(struct load *l, int rc)
{
	if (!l->rc)
		l->rc = rc;
}

static void *zalloc(struct load *l, size_t n, size_t size)
{
	void *p = sbx_arena_alloc(l->arena, (n ? n : 1) * size);

	if (!p) {
		fail(l, -ENOMEM);
		return NULL;
	}
	return p;
}

static uint64_t number(struct load *l, const json_t *j, uint64_t largest)
{
	uint64_t n = json_is_integer(j) ? (uint64_t)json_integer_value(j) : 0;

	if (!json_is_integer(j) || n > largest) {
		fail(l, -EINVAL);
		return 0;
	}
	return n;
}

static const json_t *array(struct load *l, const json_t *j, size_t *n)
{
	*n = json_array_size(j);
	if (!json_is_array(j) || *n > SBX_MAX_RULES * 16ul) {
		fail(l, -EINVAL);
		*n = 0;
	}
	return j;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads at most `size` bytes; returns their number. */
static size_t unhex(struct load *l, const json_t *j, uint8_t *out, size_t size)
{
	const char *s = json_string_value(j);
	size_t n = s ? strlen(s) / 2 : 0, i;

	if (!s || strlen(s) % 2 || n > size) {
		fail(l, -EINVAL);
		return 0;
	}
	for (i = 0; i < n; i++) {
		int hi = nibble(s[2 * i]), lo = nibble(s[2 * i + 1]);

		if (hi < 0 || lo < 0) {
			fail(l, -EINVAL);
			return 0;
		}
		out[i] = hi << 4 | lo;
	}
	return n;
}

/* NULL for null. */
static char *text(struct load *l, const json_t *j)
{
	const json_t *raw = json_object_get(j, "hex");
	const char *s = json_string_value(raw ? raw : j);
	char *copy;

	if (json_is_null(j))
		return NULL;
	if (!s) {
		fail(l, -EINVAL);
		return NULL;
	}
	copy = zalloc(l, strlen(s) + 1, 1);
	if (!copy)
		return NULL;
	if (raw)
		unhex(l, raw, (uint8_t *)copy, strlen(s));
	else
		memcpy(copy, s, strlen(s));
	return copy;
}

static char *needed_text(struct load *l, const json_t *j)
{
	char *s = text(l, j);

	if (!s)
		fail(l, -EINVAL);
	return s;
}

static char **texts(struct load *l, const json_t *j, size_t *n)
{
	char **v;
	size_t i;

	j = array(l, j, n);
	v = zalloc(l, *n, sizeof(*v));
	for (i = 0; v && i < *n; i++)
		v[i] = needed_text(l, json_array_get(j, i));
	return v;
}

static struct sbx_pos position(struct load *l, const json_t *j)
{
	struct sbx_pos pos = {0};
	size_t name;

	if (json_is_null(j))
		return pos;
	name = number(l, json_array_get(j, 0), l->n_names);
	pos.line = number(l, json_array_get(j, 1), INT32_MAX);
	pos.col = number(l, json_array_get(j, 2), INT32_MAX);
	if (name >= l->n_names)
		fail(l, -EINVAL);
	else
		pos.file = l->names[name];
	return pos;
}

static struct sbx_pattern *patterns(struct load *l, const json_t *j, size_t *n)
{
	struct sbx_pattern *v;
	const char *why;
	size_t i, at;

	j = array(l, j, n);
	v = zalloc(l, *n, sizeof(*v));
	for (i = 0; v && i < *n; i++) {
		const json_t *one = json_array_get(j, i);

		v[i].text = needed_text(l, json_array_get(one, 0));
		v[i].source = needed_text(l, json_array_get(one, 1));
		v[i].pos = position(l, json_array_get(one, 2));
		if (v[i].text && sbx_pattern_check(v[i].text, &why, &at))
			fail(l, -EINVAL);
	}
	return v;
}

static struct sbx_port_range *ports(struct load *l, const json_t *j, size_t *n)
{
	struct sbx_port_range *v;
	size_t i;

	j = array(l, j, n);
	v = zalloc(l, *n, sizeof(*v));
	for (i = 0; v && i < *n; i++) {
		v[i].first = number(l, json_array_get(json_array_get(j, i), 0), UINT16_MAX);
		v[i].last = number(l, json_array_get(json_array_get(j, i), 1), UINT16_MAX);
	}
	return v;
}

static void endpoint(struct load *l, const json_t *j, struct sbx_endpoint *e)
{
#define X(key, member, type, largest) e->member = (type)number(l, json_object_get(j, key), largest);
	SBX_META_ENDPOINT(X)
#undef X
	e->pos = position(l, json_object_get(j, "at"));
	e->source = needed_text(l, json_object_get(j, "source"));
	unhex(l, json_object_get(j, "addr"), e->addr, sizeof(e->addr));
	e->domain = text(l, json_object_get(j, "domain"));
	e->ports = ports(l, json_object_get(j, "ports"), &e->n_ports);
	if (e->kind == SBX_HOST_CIDR && e->family != AF_INET6 &&
	    (e->family != AF_INET || e->prefix_len > 32))
		fail(l, -EINVAL);
}

static struct sbx_endpoint *endpoints(struct load *l, const json_t *j, size_t *n)
{
	struct sbx_endpoint *v;
	size_t i;

	j = array(l, j, n);
	v = zalloc(l, *n, sizeof(*v));
	for (i = 0; v && i < *n; i++)
		endpoint(l, json_array_get(j, i), &v[i]);
	return v;
}

static void file_rule(struct load *l, const json_t *j, struct sbx_file_rule *r)
{
#define X(key, member, type, largest) r->member = (type)number(l, json_object_get(j, key), largest);
	SBX_META_RULE(X)
#undef X
	r->socket = number(l, json_object_get(j, "socket"), 1);
	r->pos = position(l, json_object_get(j, "at"));
	r->reason = text(l, json_object_get(j, "reason"));
	r->paths = patterns(l, json_object_get(j, "paths"), &r->n_paths);
	r->except = patterns(l, json_object_get(j, "except"), &r->n_except);
}

static void net_rule(struct load *l, const json_t *j, struct sbx_net_rule *r)
{
#define X(key, member, type, largest) r->member = (type)number(l, json_object_get(j, key), largest);
	SBX_META_RULE(X)
#undef X
	r->via = number(l, json_object_get(j, "via"), 1);
	r->pos = position(l, json_object_get(j, "at"));
	r->reason = text(l, json_object_get(j, "reason"));
	r->to = endpoints(l, json_object_get(j, "to"), &r->n_to);
	r->except = endpoints(l, json_object_get(j, "except"), &r->n_except);
	if (r->via && (r->n_to != 1 || r->to[0].n_ports != 1))
		fail(l, -EINVAL);
}

static void env_set(struct load *l, const json_t *j, struct sbx_policy *p)
{
	const json_t *list = array(l, j, &p->n_env_set);
	size_t i;

	p->env_set = zalloc(l, p->n_env_set, sizeof(*p->env_set));
	for (i = 0; p->env_set && i < p->n_env_set; i++) {
		p->env_set[i].name = needed_text(l, json_array_get(json_array_get(list, i), 0));
		p->env_set[i].value = needed_text(l, json_array_get(json_array_get(list, i), 1));
	}
}

static void policy(struct load *l, const json_t *j, struct sbx_policy *p)
{
	const json_t *list;
	size_t i;

	p->file = text(l, json_object_get(j, "file"));
	p->name = needed_text(l, json_object_get(j, "name"));
	p->description = text(l, json_object_get(j, "description"));
	p->denials = text(l, json_object_get(j, "denials"));
	p->mode = number(l, json_object_get(j, "mode"), SBX_MODE_AUDIT);
	p->exec_anonymous = number(l, json_object_get(j, "exec_anonymous"), 1);
	p->families = number(l, json_object_get(j, "families"), UINT64_MAX);
	p->netlink = number(l, json_object_get(j, "netlink"), UINT32_MAX);
	p->caps = number(l, json_object_get(j, "caps"), UINT64_MAX);
	p->env_keep = texts(l, json_object_get(j, "env_keep"), &p->n_env_keep);
	env_set(l, json_object_get(j, "env_set"), p);
	p->sources = texts(l, json_object_get(j, "sources"), &p->n_sources);
	list = array(l, json_object_get(j, "files"), &p->n_files);
	p->files = zalloc(l, p->n_files, sizeof(*p->files));
	for (i = 0; p->files && i < p->n_files; i++)
		file_rule(l, json_array_get(list, i), &p->files[i]);
	list = array(l, json_object_get(j, "net"), &p->n_net);
	p->net = zalloc(l, p->n_net, sizeof(*p->net));
	for (i = 0; p->net && i < p->n_net; i++)
		net_rule(l, json_array_get(list, i), &p->net[i]);
}

/* Facts are owned piece by piece, as sbx_facts_gather makes them. */
static char *heap_text(struct load *l, const json_t *j)
{
	char *s = needed_text(l, j);
	char *copy = s ? strdup(s) : NULL;

	if (s && !copy)
		fail(l, -ENOMEM);
	return copy;
}

static void facts(struct load *l, const json_t *j, struct sbx_facts *f)
{
	const json_t *list = array(l, json_object_get(j, "aliases"), &f->n_aliases);
	size_t i;

	f->aliases = calloc(f->n_aliases + 1, sizeof(*f->aliases));
	for (i = 0; f->aliases && i < f->n_aliases; i++) {
		const json_t *one = json_array_get(list, i);

		f->aliases[i].from = heap_text(l, json_array_get(one, 0));
		f->aliases[i].to = heap_text(l, json_array_get(one, 1));
		f->aliases[i].symlink = number(l, json_array_get(one, 2), 1);
	}
	list = array(l, json_object_get(j, "own"), &f->n_own);
	f->own = calloc(f->n_own + 1, sizeof(*f->own));
	for (i = 0; f->own && i < f->n_own; i++) {
		const json_t *one = json_array_get(list, i);

		f->own[i].family = number(l, json_array_get(one, 0), AF_INET6);
		unhex(l, json_array_get(one, 1), f->own[i].addr, sizeof(f->own[i].addr));
	}
	f->ephemeral_first = number(l, json_object_get(j, "ephemeral_first"), UINT16_MAX);
	f->ephemeral_last = number(l, json_object_get(j, "ephemeral_last"), UINT16_MAX);
	if (!f->aliases)
		f->n_aliases = 0;
	if (!f->own)
		f->n_own = 0;
	if (!f->aliases || !f->own)
		fail(l, -ENOMEM);
}

int sbx_meta_load(const char *json, struct sbx_policy **p, struct sbx_facts *out)
{
	json_t *j = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
	struct load l = {.arena = sbx_arena_new()};
	struct sbx_facts f = {0};
	struct sbx_policy *loaded = NULL;

	if (!l.arena)
		fail(&l, -ENOMEM);
	else if (json_integer_value(json_object_get(j, "meta")) != SBX_META_VERSION)
		fail(&l, -EINVAL);
	else
		loaded = zalloc(&l, 1, sizeof(*loaded));
	if (loaded) {
		loaded->arena = l.arena;
		l.names = texts(&l, json_object_get(j, "names"), &l.n_names);
		policy(&l, j, loaded);
		facts(&l, json_object_get(j, "facts"), &f);
	}
	json_decref(j);
	if (l.rc) {
		sbx_facts_free(&f);
		sbx_arena_free(l.arena);
		return l.rc;
	}
	*p = loaded;
	*out = f;
	return 0;
}
