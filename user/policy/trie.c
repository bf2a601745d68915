// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/glob.h"
#include "user/policy/pattern.h"
#include "user/policy/trie.h"

/* --- patterns, split at the end of their literal prefix --- */

static enum sbx_entry_kind kind_of(const char *tail)
{
	const char *p = tail;

	if (*p == '\0')
		return SBX_ENTRY_EXACT;
	while (!strncmp(p, "/**", 3) && (p[3] == '/' || p[3] == '\0'))
		p += 3;
	return *p == '\0' ? SBX_ENTRY_TREE : SBX_ENTRY_TAIL;
}

static int add_pattern(struct sbx_trie *t, uint32_t rule, const char *text, bool except)
{
	size_t n = strcmp(text, "/") ? sbx_pattern_literal_prefix(text) : 0;
	const char *tail = strcmp(text, "/") ? text + n : "";
	enum sbx_entry_kind kind = kind_of(tail);
	char *lit;

	if (sbx_grow(&t->entries, &t->room_entries, t->n_entries + 1, sizeof(*t->entries)))
		return -ENOMEM;
	lit = sbx_pattern_unescape(text, n);
	if (!lit)
		return -ENOMEM;
	if (sbx_rule_has_except(&t->policy->files[rule]))
		kind = SBX_ENTRY_TAIL;
	t->entries[t->n_entries++] = (struct sbx_entry){.lit = lit,
							.len = strlen(lit),
							.rule = rule,
							.tail = tail,
							.kind = kind,
							.except = except};
	return 0;
}

static int add_rules(struct sbx_trie *t)
{
	const struct sbx_policy *p = t->policy;
	size_t i, k;
	int rc = 0;

	for (i = 0; i < p->n_files; i++) {
		for (k = 0; k < p->files[i].n_paths && !rc; k++)
			rc = add_pattern(t, i, p->files[i].paths[k].text, false);
		for (k = 0; k < p->files[i].n_except && !rc; k++)
			rc = add_pattern(t, i, p->files[i].except[k].text, true);
	}
	return rc;
}

static int compare(const char *a, size_t na, const char *b, size_t nb)
{
	size_t n = na < nb ? na : nb;
	int c = n ? memcmp(a, b, n) : 0;

	return c ? c : na < nb ? -1 : na > nb;
}

static int by_literal(const void *va, const void *vb)
{
	const struct sbx_entry *a = va, *b = vb;
	int c = compare(a->lit, a->len, b->lit, b->len);

	if (c)
		return c;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->rule != b->rule)
		return a->rule < b->rule ? -1 : 1;
	if (a->except != b->except)
		return a->except ? 1 : -1;
	return strcmp(a->tail, b->tail);
}

static bool same_literal(const struct sbx_entry *a, const struct sbx_entry *b)
{
	return a->len == b->len && !memcmp(a->lit, b->lit, a->len);
}

static int make_groups(struct sbx_trie *t)
{
	size_t i;

	if (t->n_entries)
		qsort(t->entries, t->n_entries, sizeof(*t->entries), by_literal);
	for (i = 0; i < t->n_entries; i++) {
		struct sbx_group *g = t->n_groups ? &t->groups[t->n_groups - 1] : NULL;

		if (t->entries[i].kind != SBX_ENTRY_TAIL)
			continue;
		if (g && same_literal(&t->entries[g->first], &t->entries[i])) {
			g->n++;
			continue;
		}
		if (sbx_grow(&t->groups, &t->room_groups, t->n_groups + 1, sizeof(*t->groups)))
			return -ENOMEM;
		t->groups[t->n_groups++] = (struct sbx_group){.first = i, .n = 1};
	}
	return 0;
}

long sbx_trie_group(const struct sbx_trie *t, const char *lit, size_t len)
{
	size_t lo = 0, hi = t->n_groups;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		const struct sbx_entry *e = &t->entries[t->groups[mid].first];
		int c = compare(e->lit, e->len, lit, len);

		if (c == 0)
			return (long)mid;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return -1;
}

/* The first entry whose literal prefix is not below `lit` in the order of bytes. */
static size_t lower_bound(const struct sbx_trie *t, const char *lit, size_t len)
{
	size_t lo = 0, hi = t->n_entries;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (compare(t->entries[mid].lit, t->entries[mid].len, lit, len) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* --- the tree --- */

uint32_t sbx_trie_child(const struct sbx_trie *t, uint32_t node, uint8_t byte)
{
	uint32_t c;

	for (c = t->nodes[node].child; c; c = t->nodes[c].sibling)
		if (t->nodes[c].byte == byte)
			return c;
	return 0;
}

static int add_node(struct sbx_trie *t, uint32_t parent, uint8_t byte, uint32_t *out)
{
	if (t->n >= SBX_TRIE_MAX)
		return -E2BIG;
	if (sbx_grow(&t->nodes, &t->room, t->n + 1, sizeof(*t->nodes)))
		return -ENOMEM;
	t->nodes[t->n] = (struct sbx_tnode){.parent = parent, .byte = byte};
	if (t->n) {
		t->nodes[t->n].sibling = t->nodes[parent].child;
		t->nodes[parent].child = t->n;
	}
	*out = t->n++;
	return 0;
}

static int walk(struct sbx_trie *t, uint32_t *node, const char *s, size_t n)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < n && !rc; i++) {
		uint32_t next = sbx_trie_child(t, *node, (uint8_t)s[i]);

		if (!next)
			rc = add_node(t, *node, (uint8_t)s[i], &next);
		*node = next;
	}
	return rc;
}

static int add_item(struct sbx_trie *t, uint32_t node, uint32_t rule, bool tree)
{
	uint32_t i;

	for (i = t->nodes[node].items; i; i = t->items[i - 1].next)
		if (t->items[i - 1].rule == rule && t->items[i - 1].tree == tree)
			return 0;
	if (sbx_grow(&t->items, &t->room_items, t->n_items + 1, sizeof(*t->items)))
		return -ENOMEM;
	t->items[t->n_items++] =
		(struct sbx_titem){.rule = rule, .tree = tree, .next = t->nodes[node].items};
	t->nodes[node].items = t->n_items;
	return 0;
}

static int add_inject(struct sbx_trie *t, uint32_t node, uint32_t index, bool derived)
{
	uint32_t i;

	for (i = t->nodes[node].injects; i; i = t->injects[i - 1].next)
		if (t->injects[i - 1].index == index && t->injects[i - 1].derived == derived)
			return 0;
	if (sbx_grow(&t->injects, &t->room_injects, t->n_injects + 1, sizeof(*t->injects)))
		return -ENOMEM;
	t->injects[t->n_injects++] = (struct sbx_tinject){
		.index = index, .derived = derived, .next = t->nodes[node].injects};
	t->nodes[node].injects = t->n_injects;
	return 0;
}

/* A tree's rules hold from the '/' behind its node on: there has to be one. */
static int add_tree(struct sbx_trie *t, uint32_t node, uint32_t rule)
{
	int rc = add_item(t, node, rule, true);

	return rc ? rc : walk(t, &node, "/", 1);
}

/* The entry under `at` followed by what its literal prefix has behind the first `skip` bytes. */
static int enter(struct sbx_trie *t, const struct sbx_entry *e, const char *at, size_t skip)
{
	uint32_t node = 0;
	int rc = walk(t, &node, at, strlen(at));

	if (!rc)
		rc = walk(t, &node, e->lit + skip, e->len - skip);
	if (rc)
		return rc;
	if (e->kind == SBX_ENTRY_TAIL)
		return add_inject(t, node, sbx_trie_group(t, e->lit, e->len), false);
	return e->kind == SBX_ENTRY_TREE ? add_tree(t, node, e->rule)
					 : add_item(t, node, e->rule, false);
}

/* Entries whose literal prefix ends above the spelling: whole trees, and what tails leave there. */
static int enter_from_above(struct sbx_trie *t, uint32_t index)
{
	const struct sbx_spelling *s = &t->spellings->v[index];
	size_t len = strlen(s->spelled), n, i;
	uint32_t node = 0;
	bool there = false;
	int rc = 0;

	for (n = 0; n < len && !rc; n++) {
		if (s->spelled[n] != '/')
			continue;
		for (i = lower_bound(t, s->spelled, n); i < t->n_entries && !rc; i++) {
			const struct sbx_entry *e = &t->entries[i];

			if (compare(e->lit, e->len, s->spelled, n))
				break;
			if (!there)
				rc = walk(t, &node, s->at, strlen(s->at));
			there = true;
			if (rc)
				break;
			if (e->kind == SBX_ENTRY_TREE)
				rc = add_tree(t, node, e->rule);
			else if (e->kind == SBX_ENTRY_TAIL)
				rc = add_inject(t, node, index, true);
		}
	}
	return rc;
}

static int enter_spelling(struct sbx_trie *t, uint32_t index)
{
	const struct sbx_spelling *s = &t->spellings->v[index];
	size_t len = strlen(s->spelled), i;
	int rc = 0;

	for (i = lower_bound(t, s->spelled, len); i < t->n_entries && !rc; i++) {
		const struct sbx_entry *e = &t->entries[i];

		if (e->len < len || (len && memcmp(e->lit, s->spelled, len)))
			break;
		if (sbx_path_below(e->lit, e->len, s->spelled, len))
			rc = enter(t, e, s->at, len);
	}
	return rc ? rc : enter_from_above(t, index);
}

int sbx_trie_build(struct sbx_trie *t, const struct sbx_policy *p,
		   const struct sbx_spellings *spellings)
{
	uint32_t root;
	size_t i;
	int rc;

	memset(t, 0, sizeof(*t));
	t->policy = p;
	t->spellings = spellings;
	rc = add_node(t, 0, 0, &root);
	if (!rc)
		rc = add_rules(t);
	if (!rc)
		rc = make_groups(t);
	for (i = 0; i < t->n_entries && !rc; i++)
		rc = enter(t, &t->entries[i], "", 0);
	for (i = 0; i < t->spellings->n && !rc; i++)
		rc = enter_spelling(t, i);
	return rc;
}

void sbx_trie_free(struct sbx_trie *t)
{
	size_t i;

	for (i = 0; i < t->n_entries; i++)
		free(t->entries[i].lit);
	free(t->entries);
	free(t->groups);
	free(t->nodes);
	free(t->items);
	free(t->injects);
	memset(t, 0, sizeof(*t));
}
