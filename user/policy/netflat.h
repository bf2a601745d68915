/* SPDX-License-Identifier: MIT */
/*
 * Flattening: overlapping rules become disjoint intervals that one rule decides each.
 *
 * netflat.c sweeps over the addresses and finds which rules meet in each interval; netpaint.c
 * paints their ports over each other, weak to strong; netports.c keeps the outcome.
 */
#ifndef SBX_NETFLAT_H
#define SBX_NETFLAT_H

#include "user/policy/intern.h"
#include "user/policy/netspan.h"

#define SBX_NO_RULE (-1)

/* With a rule's number: its `self` decides, which asks who listens. */
#define SBX_BY_SELF	(1 << 24)
#define SBX_RULE_OF(by) ((by) < 0 ? SBX_NO_RULE : (by) & (SBX_BY_SELF - 1))

/* Work beyond which flattening gives up: about two seconds. The unit is one rule painted once. */
#define SBX_FLAT_WORK (1u << 24)

struct sbx_port_seg {
	uint32_t start;
	int32_t rule; /* with SBX_BY_SELF; SBX_NO_RULE: none */
};

struct sbx_portmap {
	struct sbx_port_seg *v;
	size_t n, room;
};

/* Where two rules met in a way that has to be reported. */
struct sbx_net_clash {
	bool seen;
	int deny; /* the rule that is reopened */
	int dir, family;
	uint8_t addr[16];
	uint32_t key;
};

/* What flattening learns about each rule, for the diagnostics. */
struct sbx_net_notes {
	uint8_t *decides;	     /* per rule: SBX_NET_* in which it decides something */
	int32_t *shadow;	     /* [rule * SBX_DIRS + dir]: who painted over it last */
	struct sbx_net_clash *clash; /* per rule: it reopens a deny without override */
};

/* The tables of one direction, in the image's records. */
struct sbx_net_table {
	struct sbx_net4 *v4;
	struct sbx_net6 *v6;
	struct sbx_pset *psets;
	struct sbx_port *ports;
	size_t n4, n6, n_psets, n_ports;
	size_t room4, room6, room_psets, room_ports;
	struct sbx_intern known; /* port sets, numbered as in psets */
};

struct sbx_flat {
	const struct sbx_policy *policy;
	const struct sbx_facts *facts;
	struct sbx_net_notes *notes;
	struct sbx_net_table *out;
	int dir;
	bool numbered; /* verdicts carry the deciding rule */
	uint32_t work;
	const char *full; /* on -E2BIG: what there was too much of */
};

/* Fills f->out for f->dir. 0; -ENOMEM; -E2BIG with f->full. */
int sbx_net_flatten(struct sbx_flat *f);
void sbx_net_table_free(struct sbx_net_table *t);

/* --- netpaint.c --- */

/* The ports of one rule: endpoints of a rule that agree in them are one piece. */
struct sbx_piece {
	int rule;
	bool except; /* takes away from a protect */
	bool self;   /* of its `self` */
	struct sbx_keys *keys;
	size_t n_keys;
	uint32_t refs; /* endpoints of it that cover the address of the sweep */
};

struct sbx_paint {
	struct sbx_flat *f;
	int family;
	sbx_u128 at; /* the address, for the diagnostics */
	struct sbx_portmap map, scratch;
};

/* The outcome of pieces[active[0…n)] in x->map. active: ascending, protects first. 0; -ENOMEM;
 * -E2BIG with x->f->full when it takes too long. */
int sbx_net_paint(struct sbx_paint *x, const struct sbx_piece *pieces, const uint32_t *active,
		  size_t n);
/* Counts work; false when there was too much of it. */
bool sbx_net_work(struct sbx_flat *f, size_t amount);

/* --- netports.c ----------------------------------------------------------------------------------
 */

/* Makes [k.lo, k.hi] of m belong to `rule`, whoever had it. */
int sbx_portmap_set(struct sbx_portmap *m, struct sbx_keys k, int rule);
/* m becomes one interval that belongs to nobody. */
int sbx_portmap_clear(struct sbx_portmap *m);
void sbx_portmap_free(struct sbx_portmap *m);
/* The index of m's verdicts in t->psets; equal ones are shared. -E2BIG: the section is full. */
int sbx_portmap_intern(const struct sbx_portmap *m, struct sbx_flat *f, uint32_t *pset);
/* The index of the segment that holds `key`. */
size_t sbx_portmap_find(const struct sbx_portmap *m, uint32_t key);

#endif
