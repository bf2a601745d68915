// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/search.h"

#define OFF 0xffffffffu /* no node: the path has left the tree */

/* Where a path has led to. Hashed as bytes: no padding. */
struct spot {
	uint32_t own_node, own_set; /* in the rule's own patterns */
	uint32_t node, trees, set;  /* in all rules; trees: what s->trees says of the last node */
	uint8_t own_tree;	    /* inside of a tree of the rule */
	uint8_t slash;		    /* the last byte was one: not the end of a path */
	uint8_t pad[2];
};

/* How a spot was reached: by a byte from another one, or along the rule's tree from the root. */
struct step {
	uint32_t from;
	uint8_t byte;
	bool first;
};

struct hunt {
	struct sbx_searcher *s;
	struct sbx_query *q;
	const struct sbx_file_rule *rule;
	struct sbx_policy one; /* the rule alone */
	struct sbx_trie trie;
	struct sbx_machine machine;
	struct sbx_subset subset;
	struct sbx_intern spots;
	struct step *steps; /* by spot: how it was reached */
	size_t room_steps;
	int err;
};

/* --- the rule's own patterns --- */

static int open_own(struct hunt *h)
{
	uint32_t *token;
	size_t i;
	int rc;

	h->one = *h->s->policy;
	h->one.files = &h->s->policy->files[h->q->rule];
	h->one.n_files = 1;
	h->rule = h->one.files;
	rc = sbx_trie_build(&h->trie, &h->one, h->s->p->trie.spellings);
	if (rc || !h->trie.n_groups)
		return rc;
	token = calloc(h->trie.n_entries, sizeof(*token));
	if (!token)
		return -ENOMEM;
	for (i = 0; i < h->trie.n_entries; i++)
		token[i] = h->trie.entries[i].except;
	rc = sbx_machine_build(&h->machine, &h->trie, token);
	free(token);
	return rc ? rc : sbx_subset_init(&h->subset, &h->machine, NULL);
}

static void step_own(struct hunt *h, struct spot *to, const struct spot *from, uint8_t byte)
{
	static const struct sbx_rank none;
	uint32_t i;

	to->own_node = OFF;
	to->own_tree = from->own_tree;
	to->own_set = 0;
	if (h->trie.n_groups)
		to->own_set =
			sbx_subset_step(&h->subset, from->own_set, h->machine.nfa.class_of[byte]);
	if (from->own_node == OFF)
		return;
	for (i = byte == '/' ? h->trie.nodes[from->own_node].items : 0; i;
	     i = h->trie.items[i - 1].next)
		to->own_tree |= h->trie.items[i - 1].tree;
	i = sbx_trie_child(&h->trie, from->own_node, byte);
	if (!i)
		return;
	to->own_node = i;
	if (h->trie.nodes[i].injects)
		to->own_set = sbx_subset_join(&h->subset, to->own_set, i, none,
					      byte == '/' ? SBX_SUBSET_SLASH : 0);
}

static bool own_matches(const struct hunt *h, const struct spot *at)
{
	bool hit = at->own_tree;
	const uint32_t *v;
	size_t n, i;
	uint32_t k;

	if (at->own_node != OFF)
		hit |= h->trie.nodes[at->own_node].items != 0;
	if (!at->own_set)
		return hit;
	v = sbx_subset_threads(&h->subset, at->own_set, &n);
	for (i = 0; i < n; i++)
		for (k = h->machine.nfa.states[v[i] >> SBX_GUARD_BITS].tokens; k;
		     k = h->machine.nfa.links[k - 1].next) {
			if (h->machine.nfa.links[k - 1].to)
				return false; /* excepted */
			hit = true;
		}
	return hit;
}

/* --- all rules --- */

static void step_all(struct hunt *h, struct spot *to, const struct spot *from, uint8_t byte)
{
	struct sbx_searcher *s = h->s;

	to->node = from->node == OFF ? 0 : sbx_trie_child(&s->p->trie, from->node, byte);
	if (to->node) {
		to->set = s->glob[to->node];
		to->trees = s->trees[to->node];
		return;
	}
	to->node = OFF;
	to->trees = from->trees;
	to->set = sbx_subset_step(&s->subset, from->set, s->machine.nfa.class_of[byte]);
}

typedef void visit_fn(struct hunt *h, uint32_t rule, bool everywhere, void *ctx);

static bool excepted(const struct hunt *h, const uint32_t *v, size_t n, uint32_t rule)
{
	const struct sbx_nfa *nfa = &h->s->machine.nfa;
	uint32_t k;
	size_t i;

	for (i = 0; sbx_rule_has_except(&h->s->policy->files[rule]) && i < n; i++)
		for (k = nfa->states[v[i] >> SBX_GUARD_BITS].tokens; k; k = nfa->links[k - 1].next)
			if (nfa->links[k - 1].to == rule * 2 + 1)
				return true;
	return false;
}

/* Every other rule that matches here; `everywhere`: and on all that can follow. */
static void visit_rules(struct hunt *h, const struct spot *at, visit_fn *visit, void *ctx)
{
	const struct sbx_trie *t = &h->s->p->trie;
	const struct sbx_nfa *nfa = &h->s->machine.nfa;
	uint32_t i, k, tree;
	const uint32_t *v;
	size_t n, m;

	for (i = at->node == OFF ? 0 : t->nodes[at->node].items; i; i = t->items[i - 1].next)
		if (t->items[i - 1].rule != h->q->rule)
			visit(h, t->items[i - 1].rule, false, ctx);
	for (tree = at->trees; tree; tree = h->s->trees[t->nodes[tree].parent])
		for (i = t->nodes[t->nodes[tree].parent].items; i; i = t->items[i - 1].next)
			if (t->items[i - 1].tree && t->items[i - 1].rule != h->q->rule)
				visit(h, t->items[i - 1].rule, true, ctx);
	v = sbx_subset_threads(&h->s->subset, at->set, &n);
	for (m = 0; m < n; m++) {
		const struct sbx_nfa_state *st = &nfa->states[v[m] >> SBX_GUARD_BITS];

		for (k = st->tokens; k; k = nfa->links[k - 1].next) {
			uint32_t rule = nfa->links[k - 1].to / 2;

			if (rule == h->q->rule || nfa->links[k - 1].to % 2 ||
			    excepted(h, v, n, rule))
				continue;
			visit(h, rule,
			      st->universe && !sbx_rule_has_except(&h->s->policy->files[rule]),
			      ctx);
		}
	}
}

/* --- the two questions --- */

/* By right: the strongest rule that takes the decision away, and the last plain rule before. */
struct answer {
	uint32_t taken[SBX_RIGHTS], before[SBX_RIGHTS]; /* rule + 1; 0: none */
	uint8_t protect;				/* rights that a protect denies */
	bool only_everywhere;
};

static void judge(struct hunt *h, uint32_t rule, bool everywhere, void *ctx)
{
	const struct sbx_policy *p = h->s->policy;
	const struct sbx_file_rule *other = &p->files[rule];
	struct answer *a = ctx;
	uint8_t common = other->rights & h->rule->rights;
	bool protect = other->verb == SBX_PROTECT;
	int r;

	if (a->only_everywhere && !everywhere)
		return;
	if (protect)
		a->protect |= common;
	for (r = 0; r < SBX_RIGHTS; r++) {
		if (!(common & 1 << r))
			continue;
		if (sbx_rule_order(p, rule) > sbx_rule_order(p, h->q->rule)) {
			if (!a->taken[r] ||
			    sbx_rule_order(p, rule) > sbx_rule_order(p, a->taken[r] - 1))
				a->taken[r] = rule + 1;
		} else if (!protect && rule + 1 > a->before[r]) {
			a->before[r] = rule + 1;
		}
	}
}

static void note_shadow(struct hunt *h, int r, uint32_t taken)
{
	if (h->q->shadow[r] == SBX_NOBODY)
		h->q->shadow[r] = taken - 1;
}

static void write_path(struct hunt *h, uint32_t spot)
{
	const struct spot *first;
	uint32_t at, node;
	size_t n = 0, len;

	for (at = spot; !h->steps[at].first; at = h->steps[at].from)
		n++;
	first = sbx_intern_get(&h->spots, at, &len);
	for (node = first->own_node; node; node = h->trie.nodes[node].parent)
		n++;
	h->q->path = malloc(n + 1);
	if (!h->q->path) {
		h->err = -ENOMEM;
		return;
	}
	h->q->path_len = n;
	h->q->path[n] = '\0';
	for (at = spot; !h->steps[at].first; at = h->steps[at].from)
		h->q->path[--n] = (char)h->steps[at].byte;
	for (node = first->own_node; node; node = h->trie.nodes[node].parent)
		h->q->path[--n] = (char)h->trie.nodes[node].byte;
}

/* A path ends here that the rule matches: what does it show? */
static void evaluate(struct hunt *h, const struct spot *at, uint32_t id)
{
	struct sbx_query *q = h->q;
	struct answer a = {0};
	int r;

	visit_rules(h, at, judge, &a);
	for (r = 0; r < SBX_RIGHTS; r++) {
		if (!(q->effect & 1 << r))
			continue;
		if (a.taken[r])
			note_shadow(h, r, a.taken[r]);
		else
			q->effect &= ~(1 << r);
	}
	for (r = 0; r < SBX_RIGHTS; r++) {
		if (!(q->reopening & 1 << r) || (a.protect & 1 << r) || !a.before[r] ||
		    h->s->policy->files[a.before[r] - 1].verb != SBX_DENY)
			continue;
		if (!q->reopened) {
			q->right = 1 << r;
			q->denier = a.before[r] - 1;
			write_path(h, id);
		}
		q->reopening &= ~(1 << r);
		q->reopened |= 1 << r;
	}
}

/* Can a denial older than the rule still be met below? */
static bool denial_ahead(const struct hunt *h, const struct spot *at, int r, uint32_t after)
{
	const struct sbx_searcher *s = h->s;
	const uint32_t *v;
	size_t n, i;

	if (s->last_deny[h->q->rule][r] <= after)
		return false;
	if (at->node != OFF && s->deny_below[at->node][r] < h->q->rule)
		return true;
	v = sbx_subset_threads(&s->subset, at->set, &n);
	for (i = 0; i < n; i++)
		if (s->deny_state[v[i] >> SBX_GUARD_BITS][r] < h->q->rule)
			return true;
	return false;
}

/* Is there anything below that could still answer a question? */
static bool worthwhile(struct hunt *h, const struct spot *at)
{
	struct sbx_query *q = h->q;
	struct answer a = {.only_everywhere = true};
	bool open = false;
	int r;

	if (at->own_node == OFF && !at->own_tree && !at->own_set)
		return false;
	visit_rules(h, at, judge, &a);
	for (r = 0; r < SBX_RIGHTS; r++) {
		if (!(q->effect & 1 << r))
			continue;
		if (a.taken[r])
			note_shadow(h, r, a.taken[r]);
		else
			open = true;
	}
	for (r = 0; r < SBX_RIGHTS && !open; r++) {
		if (!(q->reopening & 1 << r) || (a.protect & 1 << r))
			continue;
		open = (a.before[r] && h->s->policy->files[a.before[r] - 1].verb == SBX_DENY) ||
		       denial_ahead(h, at, r, a.before[r]);
	}
	return open;
}

/* --- the search --- */

static void reach(struct hunt *h, const struct spot *to, struct step step)
{
	uint32_t id;
	int rc = sbx_intern_add(&h->spots, to, sizeof(*to), &id);

	if (rc > 0 && sbx_grow(&h->steps, &h->room_steps, id + 1, sizeof(*h->steps)))
		rc = -ENOMEM;
	if (rc < 0)
		h->err = rc;
	if (rc <= 0)
		return;
	h->steps[id] = step;
	h->s->visited++;
	if (!to->slash && own_matches(h, to))
		evaluate(h, to, id);
}

static void follow(struct hunt *h, const struct spot *from, uint32_t id, uint8_t byte)
{
	struct spot to;

	if (byte == '/' && from->slash)
		return; /* no component is empty */
	memset(&to, 0, sizeof(to));
	to.slash = byte == '/';
	step_own(h, &to, from, byte);
	if (to.own_node == OFF && !to.own_tree && !to.own_set)
		return;
	step_all(h, &to, from, byte);
	reach(h, &to, (struct step){.from = id, .byte = byte});
}

/* Bytes that no pattern tells apart are tried once; those that lead on in a tree by themselves. */
static void expand(struct hunt *h, uint32_t id)
{
	const struct sbx_trie *all = &h->s->p->trie;
	bool alone[256] = {0}, done[256] = {0};
	struct spot from;
	uint32_t c;
	size_t i, len;

	memcpy(&from, sbx_intern_get(&h->spots, id, &len), sizeof(from));
	if (!worthwhile(h, &from))
		return;
	if (!from.own_set && !from.own_tree) {
		for (c = h->trie.nodes[from.own_node].child; c; c = h->trie.nodes[c].sibling)
			follow(h, &from, id, h->trie.nodes[c].byte);
		return;
	}
	for (c = from.own_node == OFF ? 0 : h->trie.nodes[from.own_node].child; c;
	     c = h->trie.nodes[c].sibling)
		alone[h->trie.nodes[c].byte] = true;
	for (c = from.node == OFF ? 0 : all->nodes[from.node].child; c; c = all->nodes[c].sibling)
		alone[all->nodes[c].byte] = true;
	for (i = 0; i < sizeof(h->s->bytes) && !h->err; i++) {
		uint8_t byte = h->s->bytes[i], class = h->s->machine.nfa.class_of[byte];

		if (!alone[byte] && done[class])
			continue;
		done[class] |= !alone[byte];
		follow(h, &from, id, byte);
	}
}

/*
 * The places of the rule's own tree where something of it begins, topmost ones only: whatever lies
 * below them is reached from there. Up to there only one byte leads on, and nothing is shown.
 */
static void begin(struct hunt *h)
{
	static const struct sbx_rank none;
	uint32_t *big = calloc(h->trie.n, sizeof(*big)), n;
	bool *begun = calloc(h->trie.n, sizeof(*begun));

	if (!big || !begun)
		h->err = -ENOMEM;
	for (n = 0; n < h->trie.n && !h->err; n++) {
		const struct sbx_tnode *node = &h->trie.nodes[n];
		struct spot at;

		if (n) {
			big[n] = sbx_trie_child(&h->s->p->trie, big[node->parent], node->byte);
			begun[n] = begun[node->parent];
		}
		if (begun[n] || (!node->items && !node->injects))
			continue;
		begun[n] = true;
		memset(&at, 0, sizeof(at));
		at.own_node = n;
		at.node = big[n];
		at.trees = h->s->trees[at.node];
		at.set = h->s->glob[at.node];
		if (node->injects)
			at.own_set = sbx_subset_join(&h->subset, 0, n, none, 0);
		reach(h, &at, (struct step){.first = true});
	}
	free(big);
	free(begun);
}

static void run(struct hunt *h)
{
	size_t i;

	begin(h);
	for (i = 0; i < h->spots.n && !h->err && (h->q->effect || h->q->reopening); i++) {
		if (h->spots.n > SBX_SEARCH_MAX || h->s->visited > SBX_SEARCH_TOTAL)
			h->err = -E2BIG;
		expand(h, i);
		if (!h->err)
			h->err = h->subset.err ? h->subset.err : h->s->subset.err;
	}
}

int sbx_search(struct sbx_searcher *s, struct sbx_query *q)
{
	struct hunt h = {.s = s, .q = q};

	h.err = open_own(&h);
	if (!h.err)
		run(&h);
	sbx_subset_free(&h.subset);
	sbx_machine_free(&h.machine);
	sbx_trie_free(&h.trie);
	sbx_intern_free(&h.spots);
	free(h.steps);
	q->gave_up = h.err == -E2BIG;
	return q->gave_up ? 0 : h.err;
}
