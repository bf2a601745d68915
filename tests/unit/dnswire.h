/* SPDX-License-Identifier: MIT */
/* DNS messages written by hand: what libldns would not write must be written, too. */
#ifndef TESTS_UNIT_DNSWIRE_H
#define TESTS_UNIT_DNSWIRE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { A = 1, NS = 2, CNAME = 5, SOA = 6, MX = 15, TXT = 16, AAAA = 28, SVCB = 64, HTTPS = 65 };
enum { NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED };

#define QUESTION 12 /* where the question starts; as an owner: a pointer to it */

struct msg {
	size_t n;
	uint8_t b[70000];
};

static inline void put(struct msg *m, const void *bytes, size_t n)
{
	if (m->n + n > sizeof(m->b))
		abort();
	if (n)
		memcpy(m->b + m->n, bytes, n);
	m->n += n;
}

static inline void put8(struct msg *m, unsigned x)
{
	uint8_t c = (uint8_t)x;

	put(m, &c, 1);
}

static inline void put16(struct msg *m, unsigned x)
{
	put8(m, x >> 8);
	put8(m, x);
}

static inline void put32(struct msg *m, uint32_t x)
{
	put16(m, x >> 16);
	put16(m, x & 0xffff);
}

static inline unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* No name: a pointer to the question. */
static inline void put_name(struct msg *m, const char *name)
{
	if (!name) {
		put16(m, 0xc000 | QUESTION);
		return;
	}
	while (*name) {
		size_t n = strcspn(name, ".");

		put8(m, (unsigned)n);
		put(m, name, n);
		name += n + (name[n] == '.');
	}
	put8(m, 0);
}

/* A message with one question. flags: the header's second 16 bits. */
static inline void begin(struct msg *m, unsigned id, unsigned flags, const char *name,
			 unsigned type)
{
	m->n = 0;
	put16(m, id);
	put16(m, flags);
	put16(m, 1);
	put16(m, 0);
	put32(m, 0);
	put_name(m, name);
	put16(m, type);
	put16(m, 1);
}

/* section: 1 answer, 2 authority, 3 additional */
static inline void count(struct msg *m, unsigned section)
{
	uint8_t *p = m->b + 4 + 2 * section;
	unsigned n = get16(p) + 1;

	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
}

static inline void rr(struct msg *m, unsigned section, const char *owner, unsigned type,
		      uint32_t ttl, const void *data, size_t n)
{
	count(m, section);
	put_name(m, owner);
	put16(m, type);
	put16(m, 1);
	put32(m, ttl);
	put16(m, (unsigned)n);
	put(m, data, n);
}

static inline void rr_name(struct msg *m, const char *owner, unsigned type, uint32_t ttl,
			   const char *target)
{
	struct msg *data = calloc(1, sizeof(*data));

	put_name(data, target);
	rr(m, 1, owner, type, ttl, data->b, data->n);
	free(data);
}

static inline void rr_soa(struct msg *m, const char *owner, uint32_t ttl, uint32_t least)
{
	struct msg *data = calloc(1, sizeof(*data));

	put_name(data, "ns.test");
	put_name(data, "root.test");
	put32(data, 1);
	put32(data, 2);
	put32(data, 3);
	put32(data, 4);
	put32(data, least);
	rr(m, 2, owner, SOA, ttl, data->b, data->n);
	free(data);
}

static inline void put_opt(struct msg *m, unsigned size, uint32_t ttl)
{
	count(m, 3);
	put8(m, 0);
	put16(m, 41);
	put16(m, size);
	put32(m, ttl);
	put16(m, 0);
}

#endif
