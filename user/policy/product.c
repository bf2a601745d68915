// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/product.h"

/* Tokens: rules of equal rank are one, but for protects with exceptions, which stay themselves. */
static int make_tokens(struct sbx_product *p)
{
	const struct sbx_policy *policy = p->trie.policy;
	struct sbx_intern known = {0};
	size_t i, room = 0;
	int rc;

	p->token = calloc(p->trie.n_entries + 1, sizeof(*p->token));
	rc = sbx_grow(&p->marks, &room, 1, sizeof(*p->marks));
	if (!p->token || rc)
		return -ENOMEM;
	for (i = 0; i < p->trie.n_entries && !rc; i++) {
		const struct sbx_entry *e = &p->trie.entries[i];
		bool excepts = sbx_rule_has_except(&policy->files[e->rule]);
		struct sbx_mark m;

		if (e->kind != SBX_ENTRY_TAIL)
			continue;
		memset(&m, 0, sizeof(m)); /* compared as bytes */
		m.rank = p->order.rule[e->rule];
		m.protect = excepts ? e->rule + 1 : 0;
		m.except = e->except;
		rc = sbx_intern_add(&known, &m, sizeof(m), &p->token[i]);
		if (rc <= 0)
			continue;
		rc = sbx_grow(&p->marks, &room, known.n, sizeof(*p->marks));
		if (!rc)
			p->marks[p->token[i]] = m;
	}
	sbx_intern_free(&known);
	return rc;
}

/* The strongest literal rule for each right, as its place in the order; 0: none. */
struct winner {
	uint32_t order[SBX_RIGHTS], rule[SBX_RIGHTS];
};

static void take(struct winner *w, const struct sbx_product *p, uint32_t rule)
{
	uint32_t order = sbx_rule_order(p->trie.policy, rule);
	int r;

	for (r = 0; r < SBX_RIGHTS; r++)
		if ((p->trie.policy->files[rule].rights & 1 << r) && order > w->order[r]) {
			w->order[r] = order;
			w->rule[r] = rule;
		}
}

static struct sbx_rank rank_of(const struct winner *w, const struct sbx_product *p)
{
	struct sbx_rank rank = {{0}};
	int r;

	for (r = 0; r < SBX_RIGHTS; r++)
		if (w->order[r])
			rank.of[r] = p->order.rule[w->rule[r]].of[r];
	return rank;
}

/* What is known of the tree while it is walked from the root: parents come before children. */
struct descent {
	struct sbx_product *p;
	struct winner *above; /* per node: the trees it lies in */
	uint32_t *glob;	      /* per node: its threads, without what literal rules say */
};

static void visit(struct descent *d, uint32_t node)
{
	struct sbx_product *p = d->p;
	const struct sbx_tnode *n = &p->trie.nodes[node];
	struct winner *above = &d->above[node], here;
	bool slash = node && n->byte == '/';
	static const struct sbx_rank none;
	uint32_t i, set = 0;

	if (node) {
		*above = d->above[n->parent];
		for (i = slash ? p->trie.nodes[n->parent].items : 0; i;
		     i = p->trie.items[i - 1].next)
			if (p->trie.items[i - 1].tree)
				take(above, p, p->trie.items[i - 1].rule);
		set = sbx_subset_step(&p->subset, d->glob[n->parent],
				      p->machine.nfa.class_of[n->byte]);
	}
	if (n->injects)
		set = sbx_subset_join(&p->subset, set, node, none, slash ? SBX_SUBSET_SLASH : 0);
	d->glob[node] = set;
	p->free[node] = sbx_subset_join(&p->subset, set, SBX_SUBSET_NONE, rank_of(above, p),
					SBX_SUBSET_FREE | (slash ? SBX_SUBSET_SLASH : 0));
	here = *above;
	for (i = n->items; i; i = p->trie.items[i - 1].next)
		take(&here, p, p->trie.items[i - 1].rule);
	if (!slash && !p->subset.err)
		p->label[node] =
			sbx_rank_label(sbx_rank_max(rank_of(&here, p), p->subset.rank[set]));
}

static int reach(struct sbx_product *p, uint8_t *seen, uint32_t set)
{
	if (seen[set])
		return 0;
	seen[set] = 1;
	if (sbx_grow(&p->reached, &p->room_reached, p->n_reached + 1, sizeof(*p->reached)))
		return -ENOMEM;
	p->reached[p->n_reached++] = set;
	return 0;
}

/* Every free state that can be reached: all rows of the table are filled. */
static int explore(struct sbx_product *p)
{
	uint8_t *seen = calloc(SBX_SUBSET_MAX + 2, 1);
	int rc = seen ? reach(p, seen, SBX_SUBSET_DEAD) : -ENOMEM;
	unsigned c;
	size_t i;

	for (i = 0; i < p->trie.n && !rc; i++)
		rc = reach(p, seen, p->free[i]);
	for (i = 0; i < p->n_reached && !rc; i++)
		for (c = 0; c < p->machine.nfa.n_classes && !rc; c++) {
			uint32_t to = sbx_subset_step(&p->subset, p->reached[i], c);

			rc = p->subset.err ? p->subset.err : reach(p, seen, to);
		}
	free(seen);
	return rc;
}

static int descend(struct sbx_product *p)
{
	struct descent d = {.p = p};
	size_t n = p->trie.n, i;

	p->free = calloc(n, sizeof(*p->free));
	p->label = calloc(n, sizeof(*p->label));
	d.above = calloc(n, sizeof(*d.above));
	d.glob = calloc(n, sizeof(*d.glob));
	if (!p->free || !p->label || !d.above || !d.glob)
		p->subset.err = -ENOMEM;
	for (i = 0; i < n && !p->subset.err; i++)
		visit(&d, i);
	free(d.above);
	free(d.glob);
	return p->subset.err;
}

int sbx_product_build(struct sbx_product *p, const struct sbx_policy *policy,
		      const struct sbx_facts *facts)
{
	int rc;

	memset(p, 0, sizeof(*p));
	rc = sbx_spellings_make(facts, &p->spellings);
	if (!rc)
		rc = sbx_trie_build(&p->trie, policy, &p->spellings);
	if (!rc)
		rc = sbx_order_make(&p->order, &p->trie);
	if (!rc)
		rc = make_tokens(p);
	if (!rc)
		rc = sbx_machine_build(&p->machine, &p->trie, p->token);
	if (!rc)
		rc = sbx_subset_init(&p->subset, &p->machine, p->marks);
	if (!rc)
		rc = descend(p);
	return rc ? rc : explore(p);
}

uint8_t sbx_product_label(const struct sbx_product *p, uint32_t set)
{
	return sbx_subset_slash(&p->subset, set) ? 0 : sbx_rank_label(p->subset.rank[set]);
}

void sbx_product_free(struct sbx_product *p)
{
	sbx_subset_free(&p->subset);
	sbx_machine_free(&p->machine);
	sbx_order_free(&p->order);
	sbx_trie_free(&p->trie);
	sbx_spellings_free(&p->spellings);
	free(p->marks);
	free(p->token);
	free(p->free);
	free(p->label);
	free(p->reached);
	memset(p, 0, sizeof(*p));
}
