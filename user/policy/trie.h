/* SPDX-License-Identifier: MIT */
/*
 * The literal prefixes of all file patterns as one tree over bytes, aliases included.
 *
 * A pattern is its literal prefix (whole components) and a tail. Without a tail, or with the tail
 * "/" + "**" alone, it is decided in the tree: which such rule wins at a node is known without an
 * automaton, so 10,000 of them cost no more than their bytes. Other tails are injected at the node
 * where they begin, as states of a small nondeterministic automaton (nfa.h).
 */
#ifndef SBX_TRIE_H
#define SBX_TRIE_H

#include "user/policy/alias.h"
#include "user/policy/nfa.h"

#define SBX_TRIE_MAX (1u << 20) /* nodes: more do not fit into an image */

enum sbx_entry_kind {
	SBX_ENTRY_EXACT, /* the path itself */
	SBX_ENTRY_TREE,	 /* the path and all below */
	SBX_ENTRY_TAIL,
};

struct sbx_entry {
	char *lit; /* the literal prefix, unescaped */
	const char *tail;
	uint32_t len, rule;
	enum sbx_entry_kind kind;
	bool except; /* an except of a protect */
};

/* All tails that begin behind the same literal prefix. */
struct sbx_group {
	uint32_t first, n; /* in entries */
};

struct sbx_tnode {
	uint32_t parent, child, sibling; /* 0: none (the root is nobody's child) */
	uint32_t items, injects;	 /* index + 1 */
	uint8_t byte;
};

struct sbx_titem {
	uint32_t rule, next;
	bool tree;
};

/* What begins at a node: a group, or what is left of earlier tails behind a spelling. */
struct sbx_tinject {
	uint32_t index, next; /* into groups, or into spellings */
	bool derived;
};

struct sbx_trie {
	const struct sbx_policy *policy;
	const struct sbx_spellings *spellings;
	struct sbx_entry *entries; /* sorted by literal prefix */
	size_t n_entries, room_entries;
	struct sbx_group *groups;
	size_t n_groups, room_groups;
	struct sbx_tnode *nodes; /* parents before children; 0 is the root */
	size_t n, room;
	struct sbx_titem *items;
	size_t n_items, room_items;
	struct sbx_tinject *injects;
	size_t n_injects, room_injects;
};

/* 0, -ENOMEM, -E2BIG. On failure the trie is to be freed, too. Policy and spellings must outlive
 * it. */
int sbx_trie_build(struct sbx_trie *t, const struct sbx_policy *p,
		   const struct sbx_spellings *spellings);
void sbx_trie_free(struct sbx_trie *t);

/* The child of `node` for `byte`; 0: none. */
uint32_t sbx_trie_child(const struct sbx_trie *t, uint32_t node, uint8_t byte);

/* A protect with exceptions has to be decided by the automaton, whatever its patterns. */
static inline bool sbx_rule_has_except(const struct sbx_file_rule *r)
{
	return r->n_except > 0;
}

/* The group whose literal prefix is exactly this; -1: none. */
long sbx_trie_group(const struct sbx_trie *t, const char *lit, size_t len);

/* Strength among literal rules: later is stronger, a protect is stronger than every other rule. */
static inline uint32_t sbx_rule_order(const struct sbx_policy *p, uint32_t rule)
{
	return rule + 1 + (p->files[rule].verb == SBX_PROTECT ? p->n_files : 0);
}

#endif
