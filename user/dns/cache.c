// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include "user/dns/cache.h"

#define BUCKETS 512

struct entry {
	TAILQ_ENTRY(entry) used; /* the least recently used is the first */
	LIST_ENTRY(entry) bucket;
	struct sbx_dns_answer *answer;
	uint64_t since;
	size_t size;
	uint16_t qtype;
	char name[];
};

struct sbx_dns_cache {
	TAILQ_HEAD(used, entry) used;
	LIST_HEAD(bucket, entry) buckets[BUCKETS];
	size_t n, size;
};

/* FNV-1a, without a secret: who makes names collide slows down the lookups of a single sandbox, its
 * own, by 1024 comparisons. */
static struct bucket *bucket_of(struct sbx_dns_cache *c, const char *name, uint16_t qtype)
{
	uint32_t h = 2166136261u ^ qtype;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return &c->buckets[(h ^ h >> 16) % BUCKETS];
}

static struct entry *lookup(struct sbx_dns_cache *c, const char *name, uint16_t qtype)
{
	struct entry *e = LIST_FIRST(bucket_of(c, name, qtype));

	while (e && (e->qtype != qtype || strcmp(e->name, name) != 0))
		e = LIST_NEXT(e, bucket);
	return e;
}

static void drop(struct sbx_dns_cache *c, struct entry *e)
{
	TAILQ_REMOVE(&c->used, e, used);
	LIST_REMOVE(e, bucket);
	c->n--;
	c->size -= e->size;
	free(e->answer);
	free(e);
}

struct sbx_dns_cache *sbx_dns_cache_new(void)
{
	struct sbx_dns_cache *c = calloc(1, sizeof(*c));

	if (c)
		TAILQ_INIT(&c->used);
	return c;
}

void sbx_dns_cache_clear(struct sbx_dns_cache *c)
{
	struct entry *e;

	while ((e = TAILQ_FIRST(&c->used)))
		drop(c, e);
}

void sbx_dns_cache_free(struct sbx_dns_cache *c)
{
	if (!c)
		return;
	sbx_dns_cache_clear(c);
	free(c);
}

void sbx_dns_cache_put(struct sbx_dns_cache *c, const char *name, uint16_t qtype,
		       struct sbx_dns_answer *a, uint64_t now)
{
	struct entry *e = lookup(c, name, qtype);
	size_t n = strlen(name) + 1;

	if (e)
		drop(c, e);
	e = malloc(sizeof(*e) + n);
	if (!e) {
		free(a);
		return;
	}
	e->answer = a;
	e->since = now;
	e->size = sizeof(*e) + n + a->size;
	e->qtype = qtype;
	memcpy(e->name, name, n);
	TAILQ_INSERT_TAIL(&c->used, e, used);
	LIST_INSERT_HEAD(bucket_of(c, name, qtype), e, bucket);
	c->n++;
	c->size += e->size;
	while (c->n > SBX_DNS_CACHE_ENTRIES || c->size > SBX_DNS_CACHE_BYTES)
		drop(c, TAILQ_FIRST(&c->used));
}

const struct sbx_dns_answer *sbx_dns_cache_find(struct sbx_dns_cache *c, const char *name,
						uint16_t qtype, uint64_t now, uint32_t *age)
{
	struct entry *e = lookup(c, name, qtype);

	if (!e)
		return NULL;
	if (now - e->since >= e->answer->ttl) {
		drop(c, e);
		return NULL;
	}
	TAILQ_REMOVE(&c->used, e, used);
	TAILQ_INSERT_TAIL(&c->used, e, used);
	*age = (uint32_t)(now - e->since);
	return e->answer;
}
