// SPDX-License-Identifier: MIT
/*
 * libyaml's events become a tree. Everything that could make a policy mean something else than what
 * it looks like (anchors, tags, duplicate keys) is an error here.
 *
 * After an error the tree goes on where it can, so that one run shows all of them. Where it cannot
 * (`stop`), what was read is kept: collections that were cut short are marked as bad.
 */
#include <string.h>
#include <yaml.h>
#include "user/policy/yaml.h"
#include "user/policy/yamlhint.h"

struct reader {
	yaml_parser_t yaml;
	struct sbx_arena *arena;
	struct sbx_diags *d;
	const char *file, *text;
	size_t len;
	bool stop;
};

static struct sbx_pos pos_of(const struct reader *r, yaml_mark_t m)
{
	return (struct sbx_pos){.file = r->file, .line = (int)m.line + 1, .col = (int)m.column + 1};
}

static struct sbx_pos pos_at(const struct reader *r, size_t offset)
{
	struct sbx_pos pos = {.file = r->file, .line = 1, .col = 1};
	size_t i;

	for (i = 0; i < offset && i < r->len; i++) {
		pos.col += ((unsigned char)r->text[i] & 0xc0) != 0x80; /* characters, not bytes */
		if (r->text[i] == '\n') {
			pos.line++;
			pos.col = 1;
		}
	}
	return pos;
}

static void syntax_error(struct reader *r)
{
	yaml_parser_t *p = &r->yaml;
	yaml_mark_t at = p->problem_mark;
	char line[64], c;

	r->stop = true;
	if (p->error == YAML_MEMORY_ERROR) {
		sbx_diag_add(r->d, SBX_ERROR, (struct sbx_pos){.file = r->file}, NULL,
			     "out of memory");
		return;
	}
	if (p->error == YAML_READER_ERROR) { /* has an offset only */
		sbx_diag_add(r->d, SBX_ERROR, pos_at(r, p->problem_offset),
			     "write the file in UTF-8, without control characters",
			     "this is not text: %s (byte 0x%02x at offset %zu)", p->problem,
			     (unsigned)p->problem_value & 0xff, p->problem_offset);
		return;
	}
	if (sbx_yaml_at_context(p->context, p->problem))
		at = p->context_mark;
	sbx_yaml_excerpt(r->text, r->len, at.line, at.column, line, sizeof(line), &c);
	sbx_diag_add(r->d, SBX_ERROR, pos_of(r, at), sbx_yaml_hint(p->context, p->problem, c),
		     "bad YAML: %s%s%s (%s)", p->context ? p->context : "", p->context ? ", " : "",
		     p->problem, line);
}

static bool next(struct reader *r, yaml_event_t *ev)
{
	if (!r->stop && yaml_parser_parse(&r->yaml, ev))
		return true;
	if (!r->stop)
		syntax_error(r);
	return false;
}

static void refuse(struct reader *r, struct sbx_pos pos, const char *hint, const char *what,
		   const char *value)
{
	sbx_diag_add(r->d, SBX_ERROR, pos, hint, "%s (%s)", what, value);
}

static struct sbx_node *new_node(struct reader *r, enum sbx_node_type type, yaml_mark_t m)
{
	struct sbx_node *n = sbx_arena_alloc(r->arena, sizeof(*n));

	if (n) {
		n->type = type;
		n->pos = pos_of(r, m);
	}
	return n;
}

static void refuse_decoration(struct reader *r, struct sbx_node *n, const yaml_char_t *anchor,
			      const yaml_char_t *tag)
{
	if (anchor)
		refuse(r, n->pos, "write the value out; text that begins with & must be quoted",
		       "anchors are not allowed", (const char *)anchor);
	if (tag)
		refuse(r, n->pos, "leave it out; text that begins with ! must be quoted",
		       "tags are not allowed", (const char *)tag);
	n->bad = anchor || tag;
}

static struct sbx_node *read_scalar(struct reader *r, const yaml_event_t *ev)
{
	struct sbx_node *n = new_node(r, SBX_SCALAR, ev->start_mark);
	const char *text = (const char *)ev->data.scalar.value;

	if (!n)
		return NULL;
	refuse_decoration(r, n, ev->data.scalar.anchor, ev->data.scalar.tag);
	if (memchr(text, 0, ev->data.scalar.length)) {
		refuse(r, n->pos, "remove the \\0: no name contains one",
		       "the value contains a NUL byte", text);
		n->bad = true;
	}
	n->text = sbx_arena_strndup(r->arena, text, ev->data.scalar.length);
	n->plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return n->text ? n : NULL;
}

static struct sbx_node *read_alias(struct reader *r, const yaml_event_t *ev)
{
	struct sbx_node *n = new_node(r, SBX_SCALAR, ev->start_mark);
	const char *name = (const char *)ev->data.alias.anchor;

	if (!n)
		return NULL;
	refuse(r, n->pos,
	       "quote it: a value that begins with * needs quotes, as in \"*.js\"; a "
	       "repeated value is written out",
	       "aliases are not allowed", name);
	n->text = sbx_arena_strdup(r->arena, name);
	n->bad = true;
	return n->text ? n : NULL;
}

static bool add_child(struct reader *r, struct sbx_node *n, struct sbx_node *child)
{
	struct sbx_node **more =
		sbx_arena_grow(r->arena, n->child, n->n, sizeof(struct sbx_node *));

	if (!more)
		return false;
	n->child = more;
	n->child[n->n++] = child;
	return true;
}

static struct sbx_node *read_node(struct reader *r, yaml_event_t *ev, int depth);

/* NULL: out of memory. */
static struct sbx_node *read_children(struct reader *r, struct sbx_node *n, int depth)
{
	yaml_event_type_t end =
		n->type == SBX_LIST ? YAML_SEQUENCE_END_EVENT : YAML_MAPPING_END_EVENT;
	struct sbx_node *child;
	yaml_event_t ev;

	if (depth >= SBX_YAML_MAX_DEPTH) {
		sbx_diag_add(r->d, SBX_ERROR, n->pos, "a policy has five levels at most",
			     "nested too deeply (more than %d levels)", SBX_YAML_MAX_DEPTH);
		r->stop = true;
	}
	while (next(r, &ev)) {
		if (ev.type == end) {
			yaml_event_delete(&ev);
			return n;
		}
		child = read_node(r, &ev, depth + 1);
		yaml_event_delete(&ev);
		if (!child || !add_child(r, n, child))
			return NULL;
	}
	n->bad = true;
	if (n->type == SBX_MAP && n->n % 2)
		n->n--; /* a key without its value */
	else if (n->n)
		n->child[n->n - 1]->bad = true; /* perhaps half of what was meant */
	return n;
}

static bool key_differs(struct reader *r, const struct sbx_node *n, const struct sbx_node *key)
{
	size_t i;

	if (key->type != SBX_SCALAR) {
		sbx_diag_add(r->d, SBX_ERROR, key->pos,
			     "quote it if it was meant as text: \"{a,b}\"",
			     "a key must be a word (this is a %s)",
			     key->type == SBX_LIST ? "list" : "mapping");
		return false;
	}
	if (key->plain && !strcmp(key->text, "<<")) {
		refuse(r, key->pos, "write the keys out", "merge keys are not allowed", "<<");
		return false;
	}
	for (i = 0; i < n->n; i += 2)
		if (!strcmp(n->child[i]->text, key->text)) {
			sbx_diag_add(r->d, SBX_ERROR, key->pos, "join both into one",
				     "the key was given before, at line %d (%s)",
				     n->child[i]->pos.line, key->text);
			return false;
		}
	return true;
}

/* Leaves out what is no key, or not the first of its name. */
static void check_keys(struct reader *r, struct sbx_node *n)
{
	struct sbx_node **child = n->child;
	size_t i, all = n->n;

	if (all > 2 * SBX_YAML_MAX_KEYS) {
		sbx_diag_add(r->d, SBX_ERROR, child[2 * SBX_YAML_MAX_KEYS]->pos,
			     "split it into includes",
			     "a mapping has too many keys (%zu, at most %d)", all / 2,
			     SBX_YAML_MAX_KEYS);
		all = 2 * SBX_YAML_MAX_KEYS;
	}
	for (i = n->n = 0; i < all; i += 2)
		if (key_differs(r, n, child[i])) {
			child[n->n++] = child[i];
			child[n->n++] = child[i + 1];
		} else {
			n->bad = true; /* nobody knows what should have been there */
		}
}

/* NULL: out of memory. */
static struct sbx_node *read_node(struct reader *r, yaml_event_t *ev, int depth)
{
	struct sbx_node *n;

	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		return read_scalar(r, ev);
	case YAML_ALIAS_EVENT:
		return read_alias(r, ev);
	case YAML_SEQUENCE_START_EVENT:
		n = new_node(r, SBX_LIST, ev->start_mark);
		if (!n)
			return NULL;
		refuse_decoration(r, n, ev->data.sequence_start.anchor,
				  ev->data.sequence_start.tag);
		return read_children(r, n, depth);
	default: /* nothing else begins a node */
		n = new_node(r, SBX_MAP, ev->start_mark);
		if (!n)
			return NULL;
		refuse_decoration(r, n, ev->data.mapping_start.anchor, ev->data.mapping_start.tag);
		if (!read_children(r, n, depth))
			return NULL;
		check_keys(r, n);
		return n;
	}
}

static struct sbx_node *read_document(struct reader *r)
{
	struct sbx_node *root;
	yaml_event_t ev;

	if (!next(r, &ev)) /* stream start */
		return NULL;
	yaml_event_delete(&ev);
	if (!next(r, &ev))
		return NULL;
	if (ev.type == YAML_STREAM_END_EVENT) {
		refuse(r, pos_of(r, ev.start_mark), "begin with `version: 1`",
		       "the file holds no policy", "it is empty");
		yaml_event_delete(&ev);
		return NULL;
	}
	yaml_event_delete(&ev); /* document start */
	if (!next(r, &ev))
		return NULL;
	root = read_node(r, &ev, 0);
	yaml_event_delete(&ev);
	if (!root)
		return NULL;
	if (next(r, &ev)) /* document end */
		yaml_event_delete(&ev);
	if (next(r, &ev)) {
		if (ev.type != YAML_STREAM_END_EVENT)
			refuse(r, pos_of(r, ev.start_mark), "one file holds one policy",
			       "a second document begins here", "---");
		yaml_event_delete(&ev);
	}
	return root;
}

struct sbx_node *sbx_yaml_parse(struct sbx_arena *a, const char *file, const char *text, size_t len,
				struct sbx_diags *d)
{
	struct reader r = {.arena = a, .d = d, .file = file, .text = text, .len = len};
	struct sbx_node *root;

	if (len > SBX_YAML_MAX_BYTES) {
		sbx_diag_add(d, SBX_ERROR, (struct sbx_pos){.file = file}, "split it into includes",
			     "the file is too large (more than %u bytes)", SBX_YAML_MAX_BYTES);
		return NULL;
	}
	if (!yaml_parser_initialize(&r.yaml))
		return NULL;
	yaml_parser_set_encoding(&r.yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.yaml, (const unsigned char *)text, len);
	root = read_document(&r);
	yaml_parser_delete(&r.yaml);
	return root;
}
