/* SPDX-License-Identifier: MIT */
/* YAML text as a tree of nodes with positions. No anchors, aliases, tags, second documents. */
#ifndef SBX_YAML_H
#define SBX_YAML_H

#include <stdbool.h>
#include "user/base/arena.h"
#include "user/base/diag.h"

#define SBX_YAML_MAX_BYTES (4u << 20) /* a policy of 65535 rules is smaller */
#define SBX_YAML_MAX_DEPTH 16
#define SBX_YAML_MAX_KEYS  512 /* of one mapping: each key is compared with all others */

enum sbx_node_type { SBX_SCALAR, SBX_LIST, SBX_MAP };

struct sbx_node {
	enum sbx_node_type type;
	struct sbx_pos pos;
	char *text;		 /* scalar, NUL-terminated, without NUL inside */
	bool plain;		 /* scalar without quotes: may be a number, a boolean or null */
	bool bad;		 /* reported already, perhaps cut short: not worth another error */
	struct sbx_node **child; /* list: items; map: key, value, key, value, … */
	size_t n;
};

/*
 * Returns the root: the whole tree, or what could be read when d got errors (keys of mappings are
 * always scalars, and differ). NULL without a new error in d: out of memory. `file` must outlive
 * the tree.
 */
struct sbx_node *sbx_yaml_parse(struct sbx_arena *a, const char *file, const char *text, size_t len,
				struct sbx_diags *d);

#endif
