// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>
#include "user/daemon/opened.h"

#define BUCKETS 4096
#define NAMES	8 /* that lead to one address; beyond, the one that expires first makes room */
#define NS	1000000000ull

struct lead {
	char name[SBX_DOMAIN_LEN];
	uint64_t until_ns; /* CLOCK_BOOTTIME */
	struct sbx_domain_ports ports;
};

struct entry {
	struct entry *next;
	LIST_ENTRY(entry) of_image;
	struct image *image;
	struct sbx_name_key key;
	struct lead *lead;
	size_t n;
};

/* All that one image has open. */
struct image {
	LIST_ENTRY(image) list;
	uint64_t id;
	size_t n;
	LIST_HEAD(entries, entry) entries;
};

struct sbx_opened {
	struct sbx_kern *k;
	sbx_opened_fn fn;
	void *arg;
	size_t n; /* entries */
	LIST_HEAD(images, image) images;
	struct entry *bucket[BUCKETS];
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * NS + t.tv_nsec;
}

struct sbx_opened *sbx_opened_new(struct sbx_kern *k, sbx_opened_fn fn, void *arg)
{
	struct sbx_opened *o = calloc(1, sizeof(*o));

	if (o)
		*o = (struct sbx_opened){.k = k, .fn = fn, .arg = arg};
	return o;
}

/* Frees an entry that is in the table no longer; its image goes with its last one. */
static void free_entry(struct sbx_opened *o, struct entry *e)
{
	struct image *i = e->image;

	LIST_REMOVE(e, of_image);
	o->n--;
	if (!--i->n) {
		LIST_REMOVE(i, list);
		free(i);
	}
	free(e->lead);
	free(e);
}

void sbx_opened_free(struct sbx_opened *o)
{
	struct entry *e, *next;
	size_t i;

	for (i = 0; o && i < BUCKETS; i++)
		for (e = o->bucket[i]; e; e = next) {
			next = e->next;
			free_entry(o, e);
		}
	free(o);
}

/* --- the table --- */

static struct entry **place(struct sbx_opened *o, const struct sbx_name_key *key)
{
	uint64_t h = (key->image * 31 + key->hi) * 0x9e3779b97f4a7c15ull + key->lo;
	struct entry **at = &o->bucket[(h * 0x9e3779b97f4a7c15ull) >> 52 & (BUCKETS - 1)];

	while (*at && memcmp(&(*at)->key, key, sizeof(*key)))
		at = &(*at)->next;
	return at;
}

static uint64_t first_end(const struct entry *e)
{
	uint64_t first = UINT64_MAX;
	size_t i;

	for (i = 0; i < e->n; i++)
		if (e->lead[i].until_ns < first)
			first = e->lead[i].until_ns;
	return first;
}

static void unlink_entry(struct sbx_opened *o, struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	free_entry(o, e);
}

/* --- the kernel's side --- */

/* The ports of all leads, as far as there is room: what does not fit stays closed. */
static void join(const struct entry *e, struct sbx_name *out)
{
	size_t i, k, j;

	for (i = 0; i < e->n; i++) {
		if (e->lead[i].ports.via)
			out->via = e->lead[i].ports.via;
		for (k = 0; k < e->lead[i].ports.n; k++) {
			struct sbx_keys r = e->lead[i].ports.v[k];

			for (j = 0; j < out->n; j++)
				if (out->ports[j].first <= r.lo && r.hi <= out->ports[j].last)
					break;
			if (j == out->n && out->n < SBX_NAME_PORTS)
				out->ports[out->n++] =
					(struct sbx_name_ports){.first = r.lo, .last = r.hi};
		}
	}
}

static int write_entry(struct sbx_opened *o, const struct entry *e)
{
	struct sbx_name name = {.until_ns = first_end(e)};

	join(e, &name);
	memcpy(name.name, e->lead[e->n - 1].name, sizeof(name.name));
	return sbx_dns_open(o->k, &e->key, &name);
}

/* --- adding --- */

static struct lead *find_lead(struct entry *e, const char *name)
{
	size_t i;

	for (i = 0; i < e->n; i++)
		if (!strcmp(e->lead[i].name, name))
			return &e->lead[i];
	return NULL;
}

/* A place for one more name at the end. */
static struct lead *new_lead(struct entry *e)
{
	struct lead *more;
	size_t i, first = 0;

	if (e->n == NAMES) {
		for (i = 1; i < e->n; i++)
			if (e->lead[i].until_ns < e->lead[first].until_ns)
				first = i;
		memmove(e->lead + first, e->lead + first + 1,
			(e->n - 1 - first) * sizeof(*e->lead));
		return &e->lead[e->n - 1];
	}
	more = reallocarray(e->lead, e->n + 1, sizeof(*more));
	if (!more)
		return NULL;
	e->lead = more;
	return &e->lead[e->n++];
}

static struct image *find_image(const struct sbx_opened *o, uint64_t id)
{
	struct image *i = LIST_FIRST(&o->images);

	while (i && i->id != id)
		i = LIST_NEXT(i, list);
	return i;
}

/*
 * One that ends first makes room where an image has as many as it may have. What one holds, the
 * others lack: it gets no more than is left.
 */
static void make_room(struct sbx_opened *o, struct image *i)
{
	struct entry *e, *first = LIST_FIRST(&i->entries);

	if (!first || (i->n < SBX_SANDBOX_NAMES && i->n < SBX_MAX_NAMES - o->n))
		return;
	for (e = LIST_NEXT(first, of_image); e; e = LIST_NEXT(e, of_image))
		if (first_end(e) < first_end(first))
			first = e;
	o->fn(SBX_EVICTED, &first->key, first->lead[0].name, o->arg);
	sbx_dns_close(o->k, &first->key);
	unlink_entry(o, place(o, &first->key));
}

static struct image *get_image(struct sbx_opened *o, uint64_t id)
{
	struct image *i = find_image(o, id);

	if (i)
		return i;
	i = calloc(1, sizeof(*i));
	if (!i)
		return NULL;
	i->id = id;
	LIST_INIT(&i->entries);
	LIST_INSERT_HEAD(&o->images, i, list);
	return i;
}

static struct entry *get_entry(struct sbx_opened *o, const struct sbx_name_key *key)
{
	struct entry *e = *place(o, key), **at;
	struct image *i = find_image(o, key->image);

	if (e)
		return e;
	if (i)
		make_room(o, i);
	e = calloc(1, sizeof(*e));
	i = e ? get_image(o, key->image) : NULL; /* its last one may just have gone */
	if (!i) {
		free(e);
		return NULL;
	}
	e->key = *key;
	e->image = i;
	LIST_INSERT_HEAD(&i->entries, e, of_image);
	i->n++;
	o->n++;
	at = place(o, key);
	*at = e;
	return e;
}

static int put(struct sbx_opened *o, const struct sbx_name_key *key, const char *name,
	       const struct sbx_domain_ports *ports, uint64_t until_ns)
{
	struct entry *e = get_entry(o, key);
	struct lead *lead = e ? find_lead(e, name) : NULL;
	bool known = lead != NULL;
	int r;

	if (e && !lead)
		lead = new_lead(e);
	if (!lead) {
		if (e && !e->n)
			unlink_entry(o, place(o, key));
		return -ENOMEM;
	}
	snprintf(lead->name, sizeof(lead->name), "%s", name);
	lead->ports = *ports;
	lead->until_ns = until_ns;
	r = write_entry(o, e);
	if (!r)
		o->fn(known ? SBX_EXTENDED : SBX_OPENED, key, name, o->arg);
	return r;
}

int sbx_opened_add(struct sbx_opened *o, const struct sbx_name_key *key, const char *name,
		   const struct sbx_domain_ports *ports, unsigned seconds)
{
	return put(o, key, name, ports, now_ns() + seconds * NS);
}

static int take_over(const struct sbx_name_key *key, const struct sbx_name *name, void *arg)
{
	struct sbx_opened *o = arg;
	struct sbx_domain_ports ports = {.n = name->n, .via = name->via};
	char text[SBX_DOMAIN_LEN];
	uint32_t i;

	if (name->n > SBX_NAME_PORTS)
		return -EINVAL; /* no daemon wrote that */
	for (i = 0; i < name->n; i++)
		ports.v[i] = (struct sbx_keys){name->ports[i].first, name->ports[i].last};
	snprintf(text, sizeof(text), "%.*s", (int)sizeof(text) - 1, name->name);
	return put(o, key, text, &ports, name->until_ns);
}

int sbx_opened_take_over(struct sbx_opened *o)
{
	int r = sbx_dns_each(o->k, take_over, o);

	sbx_opened_expire(o); /* what ended while nobody was there */
	return r;
}

/* --- ending --- */

/* Drops the leads that are past; true: none is left. */
static bool expire_leads(struct sbx_opened *o, struct entry *e, uint64_t now)
{
	size_t i, n = 0;

	for (i = 0; i < e->n; i++) {
		if (e->lead[i].until_ns > now)
			e->lead[n++] = e->lead[i];
		else
			o->fn(SBX_EXPIRED, &e->key, e->lead[i].name, o->arg);
	}
	if (n && n < e->n) {
		e->n = n;
		write_entry(o, e); /* failing, it stays as it was: expired */
	}
	e->n = n;
	return !n;
}

void sbx_opened_expire(struct sbx_opened *o)
{
	uint64_t now = now_ns();
	struct entry **at;
	size_t i;

	for (i = 0; i < BUCKETS; i++)
		for (at = &o->bucket[i]; *at;) {
			if (first_end(*at) > now || !expire_leads(o, *at, now)) {
				at = &(*at)->next;
				continue;
			}
			sbx_dns_close(o->k, &(*at)->key);
			unlink_entry(o, at);
		}
}

static void move_entry(struct sbx_opened *o, const struct entry *e, uint64_t to, sbx_ports_fn ports,
		       void *arg)
{
	struct sbx_name_key key = e->key;
	struct sbx_domain_ports open;
	uint8_t addr[16];
	int family = sbx_dns_key_address(&key, addr);
	size_t i;

	key.image = to;
	for (i = 0; i < e->n; i++)
		if (!ports(e->lead[i].name, family, addr, &open, arg) && (open.n || open.via))
			put(o, &key, e->lead[i].name, &open, e->lead[i].until_ns);
}

void sbx_opened_move(struct sbx_opened *o, uint64_t from, uint64_t to, sbx_ports_fn ports,
		     void *arg)
{
	struct image *i = find_image(o, from);
	size_t left = i ? i->n : 0;
	struct entry *e;

	for (; left; left--) { /* the image goes with its last entry */
		e = LIST_FIRST(&i->entries);
		if (ports)
			move_entry(o, e, to, ports, arg);
		o->fn(ports ? SBX_CLOSED : SBX_ENDED, &e->key, e->lead[0].name, o->arg);
		sbx_dns_close(o->k, &e->key);
		unlink_entry(o, place(o, &e->key));
	}
}

void sbx_opened_drop(struct sbx_opened *o, uint64_t image)
{
	sbx_opened_move(o, image, 0, NULL, NULL);
}

void sbx_opened_proxies(const struct sbx_opened *o, uint64_t image,
			void (*fn)(const struct sbx_name_key *key, uint32_t via, void *arg),
			void *arg)
{
	struct image *i = find_image(o, image);
	struct entry *e;
	size_t k;

	for (e = i ? LIST_FIRST(&i->entries) : NULL; e; e = LIST_NEXT(e, of_image))
		for (k = 0; k < e->n; k++)
			if (e->lead[k].ports.via) {
				fn(&e->key, e->lead[k].ports.via, arg);
				break;
			}
}
