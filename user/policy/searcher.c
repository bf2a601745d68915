// SPDX-License-Identifier: MIT
/* What all searches of a policy share: the automaton of tails with every rule's identity, and where
 * denials can still be met. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/search.h"

static void least(uint32_t *a, const uint32_t *b)
{
	int r;

	for (r = 0; r < SBX_RIGHTS; r++)
		if (b[r] < a[r])
			a[r] = b[r];
}

static void note_deny(const struct sbx_searcher *s, uint32_t *a, uint32_t rule)
{
	const struct sbx_file_rule *f = &s->policy->files[rule];
	int r;

	for (r = 0; r < SBX_RIGHTS; r++)
		if (f->verb == SBX_DENY && (f->rights & 1 << r) && rule < a[r])
			a[r] = rule;
}

/* Backwards along edges and empty moves, until nothing changes: loops are short. */
static void spread_denials(struct sbx_searcher *s)
{
	const struct sbx_nfa *nfa = &s->machine.nfa;
	uint32_t at, before[SBX_RIGHTS];
	bool moved = true;
	size_t i;

	memset(s->deny_state, 0xff, nfa->n * sizeof(*s->deny_state));
	while (moved) {
		moved = false;
		for (i = nfa->n; i-- > 0;) {
			uint32_t *d = s->deny_state[i];

			memcpy(before, d, sizeof(before));
			for (at = nfa->states[i].tokens; at; at = nfa->links[at - 1].next)
				note_deny(s, d, nfa->links[at - 1].to / 2);
			for (at = nfa->states[i].empty; at; at = nfa->links[at - 1].next)
				least(d, s->deny_state[nfa->links[at - 1].to]);
			for (at = nfa->states[i].edges; at; at = nfa->edges[at - 1].next)
				least(d, s->deny_state[nfa->edges[at - 1].to]);
			moved |= memcmp(before, d, sizeof(before)) != 0;
		}
	}
}

static void descend(struct sbx_searcher *s)
{
	const struct sbx_trie *t = &s->p->trie;
	static const struct sbx_rank none;
	uint32_t i;
	size_t n;

	for (n = 0; n < t->n && !s->subset.err; n++) {
		const struct sbx_tnode *node = &t->nodes[n];
		bool slash = n && node->byte == '/', behind_tree = false;
		uint32_t set = 0;

		if (n)
			set = sbx_subset_step(&s->subset, s->glob[node->parent],
					      s->machine.nfa.class_of[node->byte]);
		if (node->injects)
			set = sbx_subset_join(&s->subset, set, n, none,
					      slash ? SBX_SUBSET_SLASH : 0);
		s->glob[n] = set;
		for (i = slash ? t->nodes[node->parent].items : 0; i; i = t->items[i - 1].next)
			behind_tree |= t->items[i - 1].tree;
		s->trees[n] = behind_tree ? n : n ? s->trees[node->parent] : 0;
	}
}

static void gather_denials(struct sbx_searcher *s)
{
	const struct sbx_trie *t = &s->p->trie;
	uint32_t i;
	size_t n;

	memset(s->deny_below, 0xff, t->n * sizeof(*s->deny_below));
	for (n = t->n; n-- > 0;) {
		const struct sbx_tnode *node = &t->nodes[n];

		for (i = node->items; i; i = t->items[i - 1].next)
			note_deny(s, s->deny_below[n], t->items[i - 1].rule);
		for (i = node->injects; i; i = t->injects[i - 1].next) {
			const struct sbx_tinject *in = &t->injects[i - 1];

			least(s->deny_below[n],
			      s->deny_state[in->derived ? s->machine.derived[in->index]
							: s->machine.root[in->index]]);
		}
		if (n)
			least(s->deny_below[node->parent], s->deny_below[n]);
	}
}

static void list_denials(struct sbx_searcher *s)
{
	const struct sbx_policy *p = s->policy;
	uint32_t last[SBX_RIGHTS] = {0};
	size_t i;
	int r;

	for (i = 0; i < p->n_files; i++) {
		memcpy(s->last_deny[i], last, sizeof(last));
		for (r = 0; r < SBX_RIGHTS; r++)
			if (p->files[i].verb == SBX_DENY && (p->files[i].rights & 1 << r))
				last[r] = i + 1;
	}
}

void sbx_readable_bytes(uint8_t *bytes)
{
	static const char first[] =
		"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ/._-";
	bool seen[256] = {true};
	size_t n = 0, i;

	for (i = 0; i < sizeof(first) - 1; i++) {
		bytes[n++] = first[i];
		seen[(uint8_t)first[i]] = true;
	}
	for (i = ' '; i < 256; i++)
		if (!seen[i])
			bytes[n++] = i;
	for (i = 1; i < ' '; i++)
		bytes[n++] = i;
}

static int allocate(struct sbx_searcher *s)
{
	s->glob = calloc(s->p->trie.n, sizeof(*s->glob));
	s->trees = calloc(s->p->trie.n, sizeof(*s->trees));
	s->deny_below = calloc(s->p->trie.n, sizeof(*s->deny_below));
	s->deny_state = calloc(s->machine.nfa.n, sizeof(*s->deny_state));
	s->last_deny = calloc(s->policy->n_files + 1, sizeof(*s->last_deny));
	return s->glob && s->trees && s->deny_below && s->deny_state && s->last_deny ? 0 : -ENOMEM;
}

int sbx_searcher_init(struct sbx_searcher *s, const struct sbx_product *p)
{
	uint32_t *token = calloc(p->trie.n_entries + 1, sizeof(*token));
	size_t i;
	int rc;

	memset(s, 0, sizeof(*s));
	s->p = p;
	s->policy = p->trie.policy;
	if (!token)
		return -ENOMEM;
	for (i = 0; i < p->trie.n_entries; i++)
		token[i] = p->trie.entries[i].rule * 2 + p->trie.entries[i].except;
	rc = sbx_machine_build(&s->machine, &p->trie, token);
	free(token);
	if (!rc)
		rc = sbx_subset_init(&s->subset, &s->machine, NULL);
	if (!rc)
		rc = allocate(s);
	if (rc)
		return rc;
	descend(s);
	spread_denials(s);
	gather_denials(s);
	list_denials(s);
	sbx_readable_bytes(s->bytes);
	return s->subset.err;
}

void sbx_searcher_free(struct sbx_searcher *s)
{
	sbx_subset_free(&s->subset);
	sbx_machine_free(&s->machine);
	free(s->glob);
	free(s->trees);
	free(s->deny_below);
	free(s->deny_state);
	free(s->last_deny);
	memset(s, 0, sizeof(*s));
}
