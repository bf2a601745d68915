// SPDX-License-Identifier: MIT
/*
 * Network rules become the tables of sbx_image.h: flattened (netflat.c), checked for rules that
 * reopen a deny or never decide, and written behind the automaton.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/domains.h"
#include "user/policy/netflat.h"
#include "user/policy/netset.h"
#include "user/policy/rulestr.h"
#include "user/policy/via.h"

struct netset {
	const struct sbx_policy *p;
	const struct sbx_facts *facts;
	struct sbx_diags *d;
	struct sbx_net_notes notes;
	struct sbx_net_table table[SBX_DIRS];
};

/* --- diagnostics --------------------------------------------------------------------------------
 */

static void describe_peer(const struct sbx_net_clash *c, char *buf, size_t size)
{
	char addr[INET6_ADDRSTRLEN];

	inet_ntop(c->family, c->addr, addr, sizeof(addr));
	snprintf(buf, size, c->family == AF_INET6 ? "[%s]:%u/%s" : "%s:%u/%s", addr,
		 c->key & 0xffff, c->key >> 16 == SBX_PROTO_UDP ? "udp" : "tcp");
}

static void report_clash(struct netset *n, size_t rule)
{
	const struct sbx_net_clash *c = &n->notes.clash[rule];
	const struct sbx_net_rule *r = &n->p->net[rule], *deny = &n->p->net[c->deny];
	char peer[80], *text, *at;

	describe_peer(c, peer, sizeof(peer));
	text = sbx_net_rule_text(deny, NULL);
	at = sbx_pos_text(deny->pos);
	sbx_diag_add(
		n->d, SBX_ERROR, r->pos,
		"write \"override: true\" in this rule if that is meant, or narrow one of the two",
		"this allow reopens an earlier deny for %s %s (%s%s%s)",
		c->dir == SBX_DIR_BIND ? "bind to" : "connect to", peer, at ? at : "",
		at ? ": " : "", text ? text : "deny");
	free(text);
	free(at);
}

/* What a rule with names decides is not seen in the tables. */
static bool has_names(const struct sbx_net_rule *r)
{
	size_t i;

	for (i = 0; i < r->n_to; i++)
		if (sbx_endpoint_is_name(&r->to[i]))
			return true;
	return false;
}

static void report_dead(struct netset *n, size_t rule)
{
	const struct sbx_net_rule *r = &n->p->net[rule];
	uint8_t dead = r->rights & ~n->notes.decides[rule];
	int by = -1, dir;
	char *text, *at;

	if (!dead || has_names(r))
		return;
	for (dir = 0; dir < SBX_DIRS; dir++)
		if (dead & (1u << dir) && n->notes.shadow[rule * SBX_DIRS + dir] >= 0)
			by = n->notes.shadow[rule * SBX_DIRS + dir];
	if (by < 0) {
		sbx_diag_add(n->d, SBX_WARNING, r->pos,
			     dead == r->rights ? "remove it, or correct its addresses"
					       : "remove that right",
			     dead == r->rights	       ? "this rule matches nothing"
			     : dead == SBX_NET_CONNECT ? "this rule never decides a connect"
						       : "this rule never decides a bind");
		return;
	}
	if (sbx_rule_is_narrowed(n->p, r->pos, n->p->net[by].pos))
		return;
	text = sbx_net_rule_text(&n->p->net[by], NULL);
	at = sbx_pos_text(n->p->net[by].pos);
	sbx_diag_add(n->d, SBX_WARNING, r->pos, "remove it, or move it behind that rule",
		     "this rule never decides%s (%s%s%s covers it)",
		     dead == r->rights	       ? ""
		     : dead == SBX_NET_CONNECT ? " a connect"
					       : " a bind",
		     at ? at : "", at ? ": " : "", text ? text : "a later rule");
	free(text);
	free(at);
}

static int report(struct netset *n)
{
	size_t i, errors = 0;

	for (i = 0; i < n->p->n_net; i++) {
		if (n->notes.clash[i].seen) {
			report_clash(n, i);
			errors++;
		}
		report_dead(n, i);
	}
	errors += sbx_via_check(n->p, n->facts, n->d) != 0;
	return sbx_domains_check(n->p, n->d) || errors ? -EINVAL : 0;
}

static int too_big(struct netset *n, const struct sbx_flat *f)
{
	static const char *const dirs[] = {"connect", "bind"};
	struct sbx_pos none = {.file = n->p->file};
	const struct sbx_net_table *t = f->out;

	sbx_diag_add(n->d, SBX_ERROR, n->p->n_net ? n->p->net[0].pos : none,
		     "merge networks that are side by side, and give rules the same ports where "
		     "you can: equal port lists are stored once",
		     "the %s rules do not fit: too many %s (%zu rules make %zu IPv4 and %zu IPv6 "
		     "intervals with %zu port sets of %zu ranges)",
		     dirs[f->dir], f->full, n->p->n_net, t->n4, t->n6, t->n_psets, t->n_ports);
	return -EINVAL;
}

/* --- flattening --------------------------------------------------------------------------------
 */

/*
 * First with rule numbers in the verdicts; where thousands of rules differ in nothing but their
 * addresses, without: then equal port lists are shared between rules, and the deciding rule is
 * found by sbx_net_decider when a denial is shown.
 */
static int flatten(struct netset *n, int dir)
{
	struct sbx_flat f = {.policy = n->p,
			     .facts = n->facts,
			     .notes = &n->notes,
			     .out = &n->table[dir],
			     .dir = dir,
			     .numbered = true};
	int rc = sbx_net_flatten(&f);

	if (rc == -E2BIG) {
		sbx_net_table_free(&n->table[dir]);
		f.numbered = false;
		rc = sbx_net_flatten(&f);
	}
	return rc == -E2BIG ? too_big(n, &f) : rc;
}

static int begin(struct netset *n)
{
	size_t rules = n->p->n_net + 1, i;

	n->notes.decides = calloc(rules, sizeof(*n->notes.decides));
	n->notes.shadow = calloc(rules * SBX_DIRS, sizeof(*n->notes.shadow));
	n->notes.clash = calloc(rules, sizeof(*n->notes.clash));
	if (!n->notes.decides || !n->notes.shadow || !n->notes.clash)
		return -ENOMEM;
	for (i = 0; i < rules * SBX_DIRS; i++)
		n->notes.shadow[i] = SBX_NO_RULE;
	return 0;
}

static void end(struct netset *n)
{
	int dir;

	free(n->notes.decides);
	free(n->notes.shadow);
	free(n->notes.clash);
	for (dir = 0; dir < SBX_DIRS; dir++)
		sbx_net_table_free(&n->table[dir]);
}

/* --- writing ------------------------------------------------------------------------------------
 */

static int add_chunk(struct sbx_image *img)
{
	uint8_t *data;

	if (img->n_chunks >= SBX_MAX_CHUNKS)
		return -E2BIG;
	data = reallocarray(img->data, img->n_chunks + 1, SBX_CHUNK_BYTES);
	if (!data)
		return -ENOMEM;
	img->data = data;
	memset(data + img->n_chunks * SBX_CHUNK_BYTES, 0, SBX_CHUNK_BYTES);
	img->used = img->n_chunks ? 0 : SBX_IMAGE_HDR_BYTES;
	img->n_chunks++;
	return 0;
}

/* Writes one section behind what is there; never across the end of a chunk. */
static int write_section(struct sbx_image *img, const void *records, size_t count, size_t size,
			 struct sbx_sect *sect)
{
	size_t bytes = count * size;
	int rc = 0;

	img->used = (img->used + 7) & ~(size_t)7;
	/* of the first chunk, the header has its part */
	while (!rc && (!img->n_chunks || img->used + bytes > SBX_CHUNK_BYTES))
		rc = add_chunk(img);
	if (rc)
		return rc;
	*sect = (struct sbx_sect){.chunk = img->n_chunks - 1, .off = img->used, .count = count};
	memcpy(img->data + (img->n_chunks - 1) * SBX_CHUNK_BYTES + img->used, records, bytes);
	img->used += bytes;
	return 0;
}

static int write_table(struct sbx_image *img, const struct sbx_net_table *t,
		       struct sbx_net_dir *dir)
{
	const size_t most = SBX_CHUNK_BYTES / sizeof(*t->v6);
	size_t i, n;
	int rc;

	*dir = (struct sbx_net_dir){0};
	rc = write_section(img, t->v4, t->n4, sizeof(*t->v4), &dir->v4);
	for (i = 0; i < SBX_NET6_SECTS && i * most < t->n6 && !rc; i++) {
		n = t->n6 - i * most;
		rc = write_section(img, t->v6 + i * most, n < most ? n : most, sizeof(*t->v6),
				   &dir->v6[i]);
	}
	if (!rc)
		rc = write_section(img, t->psets, t->n_psets, sizeof(*t->psets), &dir->psets);
	if (!rc)
		rc = write_section(img, t->ports, t->n_ports, sizeof(*t->ports), &dir->ports);
	return rc;
}

/* Every address at every TCP port: then it does not matter where subflows of MPTCP go. */
static bool opens_all_tcp(const struct sbx_net_table *t)
{
	size_t i, k;

	for (i = 0; i < t->n_psets; i++) {
		const struct sbx_port *p = t->ports + t->psets[i].first;

		for (k = 0; k < t->psets[i].count && p[k].start <= SBX_KEY(SBX_PROTO_TCP, 65535);
		     k++)
			if (!(p[k].verdict & SBX_PORT_ALLOW) &&
			    !(p[k].start == 0 && k + 1 < t->psets[i].count && p[k + 1].start == 1))
				return false;
	}
	return true;
}

static int write_tables(struct netset *n, struct sbx_image *img)
{
	struct sbx_net_dir net[SBX_DIRS];
	int dir, rc = 0;

	for (dir = 0; dir < SBX_DIRS && !rc; dir++)
		rc = write_table(img, &n->table[dir], &net[dir]);
	if (rc == -E2BIG) {
		sbx_diag_add(n->d, SBX_ERROR, (struct sbx_pos){.file = n->p->file},
			     "split the policy, or use fewer and broader rules",
			     "the policy does not fit into %u chunks of %u KiB", SBX_MAX_CHUNKS,
			     SBX_CHUNK_BYTES / 1024);
		return -EINVAL;
	}
	if (rc)
		return rc;
	memcpy(sbx_image_hdr(img)->net, net, sizeof(net));
	if (opens_all_tcp(&n->table[SBX_DIR_CONNECT]))
		sbx_image_hdr(img)->flags |= SBX_IMG_MPTCP;
	return 0;
}

int sbx_netset_compile(const struct sbx_policy *p, const struct sbx_facts *facts,
		       struct sbx_image *img, struct sbx_diags *d)
{
	struct netset n = {.p = p, .facts = facts, .d = d};
	int dir, rc = begin(&n);

	for (dir = 0; dir < SBX_DIRS && !rc; dir++)
		rc = flatten(&n, dir);
	if (!rc)
		rc = report(&n);
	if (!rc)
		rc = write_tables(&n, img);
	end(&n);
	return rc;
}
