// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/event/merge.h"

struct node {
	const char *path;      /* of the whole node, path_len bytes */
	size_t path_len, name; /* name: where the last component begins */
	struct node *parent, *child, *last, *next;
	const char *glob; /* "", "/ *" or "/ **" */
	bool entry;	  /* the path itself was used */
	uint64_t count, glob_count;
	size_t names, glob_names;
};

struct tree {
	struct node *nodes; /* room for all: pointers into it stay */
	size_t n;
	sbx_may_widen *may_widen;
	sbx_merged *emit;
	void *arg;
};

int sbx_paths_add(struct sbx_paths *p, const char *path, size_t len, uint8_t rights, bool override,
		  uint64_t count)
{
	struct sbx_path_use *v;
	char *copy;

	if (p->n == p->room) {
		v = reallocarray(p->v, p->room ? p->room * 2 : 64, sizeof(*v));
		if (!v)
			return -ENOMEM;
		p->v = v;
		p->room = p->room ? p->room * 2 : 64;
	}
	copy = malloc(len + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, path, len);
	copy[len] = 0;
	v = &p->v[p->n++];
	*v = (struct sbx_path_use){
		.len = len, .rights = rights, .override = override, .count = count};
	v->path = copy;
	return 0;
}

void sbx_paths_free(struct sbx_paths *p)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		free(p->v[i].path);
	free(p->v);
	*p = (struct sbx_paths){0};
}

/* The slash sorts before every other byte: what is in a directory follows it at once. */
static int compare(const void *a, const void *b)
{
	const struct sbx_path_use *x = a, *y = b;
	size_t i, n = x->len < y->len ? x->len : y->len;

	for (i = 0; i < n; i++) {
		unsigned char c = x->path[i], d = y->path[i];

		if (c != d)
			return (c == '/' ? 0 : c + 1) - (d == '/' ? 0 : d + 1);
	}
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return (int)x->override - (int)y->override;
}

void sbx_paths_unite(struct sbx_paths *p)
{
	size_t i, n = 0;

	if (p->n)
		qsort(p->v, p->n, sizeof(*p->v), compare);
	for (i = 0; i < p->n; i++) {
		if (n && !compare(&p->v[n - 1], &p->v[i])) {
			p->v[n - 1].rights |= p->v[i].rights;
			p->v[n - 1].count += p->v[i].count;
			free(p->v[i].path);
			continue;
		}
		p->v[n++] = p->v[i];
	}
	p->n = n;
}

/* --- the tree ----------------------------------------------------------------------------------
 */

static struct node *child_of(struct tree *t, struct node *parent, const char *path, size_t start,
			     size_t end)
{
	struct node *c = parent->last;

	if (c && c->path_len == end && !memcmp(c->path + c->name, path + start, end - start))
		return c;
	c = &t->nodes[t->n++];
	*c = (struct node){
		.path = path, .path_len = end, .name = start, .parent = parent, .glob = ""};
	if (parent->last)
		parent->last->next = c;
	else
		parent->child = c;
	parent->last = c;
	return c;
}

/* Entries come sorted, so that a component is either that of the last child or new. */
static void insert(struct tree *t, const struct sbx_path_use *u)
{
	struct node *at = &t->nodes[0];
	size_t start, end = 0;

	while (end < u->len) {
		start = end;
		for (end = start + 1; end < u->len && u->path[end] != '/';)
			end++;
		at = child_of(t, at, u->path, start, end);
	}
	at->entry = true;
	at->count = u->count;
	at->names = 1;
}

static bool is_leaf(const struct node *n)
{
	return n->entry && !n->child && !*n->glob;
}

/* Adds up what is at and below n. */
static void add_all(const struct node *n, struct node *to)
{
	const struct node *c;

	to->glob_count += n->count + n->glob_count;
	to->glob_names += n->names + n->glob_names;
	for (c = n->child; c; c = c->next)
		add_all(c, to);
}

static void fold_leaves(struct node *n)
{
	struct node **at = &n->child, *c;

	n->glob = "/*";
	n->last = NULL;
	while ((c = *at)) {
		if (is_leaf(c)) {
			add_all(c, n);
			*at = c->next;
		} else {
			n->last = c;
			at = &c->next;
		}
	}
}

static void fold_tree(struct node *n)
{
	struct node *c;

	for (c = n->child; c; c = c->next)
		add_all(c, n);
	n->glob_count += n->count;
	n->glob_names += n->names;
	n->glob = "/**";
	n->child = n->last = NULL;
	n->entry = false;
}

static void fold(struct tree *t, struct node *n)
{
	size_t leaves = 0, deeper = 0;
	struct node *c;

	for (c = n->child; c; c = c->next) {
		fold(t, c);
		if (is_leaf(c))
			leaves++;
		else
			deeper++;
	}
	if (leaves < SBX_MERGE_SIBLINGS && deeper < SBX_MERGE_SIBLINGS)
		return;
	if (!t->may_widen(t->arg, n->path, n->path_len))
		return;
	if (deeper >= SBX_MERGE_SIBLINGS)
		fold_tree(n);
	else
		fold_leaves(n);
}

static void walk(const struct tree *t, const struct node *n)
{
	const struct node *c;

	if (n->entry)
		t->emit(t->arg, n->path, n->path_len, "", n->count, n->names);
	if (*n->glob)
		t->emit(t->arg, n->path, n->path_len, n->glob, n->glob_count, n->glob_names);
	for (c = n->child; c; c = c->next)
		walk(t, c);
}

int sbx_paths_merge(const struct sbx_paths *p, uint8_t rights, bool override,
		    sbx_may_widen *may_widen, sbx_merged *emit, void *arg)
{
	struct tree t = {.n = 1, .may_widen = may_widen, .emit = emit, .arg = arg};
	size_t i, k, room = 1;

	for (i = 0; i < p->n; i++)
		for (k = 0, room++; k < p->v[i].len; k++)
			room += p->v[i].path[k] == '/';
	t.nodes = calloc(room, sizeof(*t.nodes));
	if (!t.nodes)
		return -ENOMEM;
	t.nodes[0] = (struct node){.path = "", .glob = ""};
	for (i = 0; i < p->n; i++)
		if (p->v[i].rights == rights && p->v[i].override == override)
			insert(&t, &p->v[i]);
	fold(&t, &t.nodes[0]);
	walk(&t, &t.nodes[0]);
	free(t.nodes);
	return 0;
}
