// SPDX-License-Identifier: MIT
/*
 * How file rules become the table that the kernel steps through:
 *
 *	trie.c	    literal prefixes of all patterns as one tree, aliases entered
 *	order.c	    "the last match wins" as ranks, as few as possible
 *	nfa.c	    what follows the prefixes, as threads (machine.c: where they start)
 *	subset.c    sets of threads
 *	product.c   tree and sets side by side
 *	minimal.c   the smallest automaton with the same verdicts (partition.c)
 *	props.c	    what holds for all that lies below a state
 *	leaves.c    what its directory and its beginning say of a name
 *	pack.c	    tables
 *	prove.c	    the policy's own faults: reopened denials, rules without effect
 */
#include <errno.h>
#include <stdlib.h>
#include "user/policy/alias.h"
#include "user/policy/automaton.h"
#include "user/policy/pack.h"
#include "user/policy/pattern.h"
#include "user/policy/prove.h"

#define TOO_BIG_HINT                                                                             \
	"give patterns a longer literal beginning, and use fewer * and ** in one pattern; each " \
	"combination of patterns that can match at the same time needs states of its own"

static void too_big(const struct sbx_policy *p, const struct sbx_product *prod,
		    const struct sbx_automaton_stats *st, struct sbx_diags *d)
{
	struct sbx_pos pos = {.file = p->file};

	if (st->states)
		sbx_diag_add(d, SBX_ERROR, pos, TOO_BIG_HINT,
			     "the file rules do not fit (%zu rules need more than %u KiB of kernel "
			     "memory for %zu states and %zu transitions)",
			     p->n_files - p->n_own, SBX_MAX_CHUNKS * (SBX_CHUNK_BYTES / 1024),
			     st->states, st->transitions);
	else if (!prod->trie.n)
		sbx_diag_add(d, SBX_ERROR, pos, "write the paths that they lead to",
			     "the file rules do not fit (the symlinks and mounts that patterns go "
			     "through make more than %u spellings of them)",
			     SBX_ALIAS_MAX);
	else if (prod->trie.n >= SBX_TRIE_MAX)
		sbx_diag_add(d, SBX_ERROR, pos,
			     "name directories instead of the files in them; where patterns go "
			     "through symlinks, write the paths they lead to",
			     "the file rules do not fit (%zu rules make more than %u bytes of "
			     "literal paths, each spelling counted)",
			     p->n_files - p->n_own, SBX_TRIE_MAX);
	else
		sbx_diag_add(d, SBX_ERROR, pos, TOO_BIG_HINT,
			     "the file rules are too entangled (%zu rules: %zu combinations of "
			     "patterns were met in %llu steps; at most %u in %u steps)",
			     p->n_files - p->n_own, prod->subset.sets.n,
			     (unsigned long long)prod->subset.work, SBX_SUBSET_MAX,
			     SBX_SUBSET_WORK);
}

/* A pattern that is not entered under its object's name would deny nothing there. 0 or -ENOMEM. */
static int check_depth(const struct sbx_pattern *v, size_t n, const struct sbx_facts *facts,
		       struct sbx_diags *d)
{
	size_t i;

	for (i = 0; i < n; i++) {
		char *path = sbx_pattern_unescape(v[i].text, sbx_pattern_literal_prefix(v[i].text));
		int depth = path ? sbx_alias_depth(facts, path) : -ENOMEM;

		free(path);
		if (depth < 0)
			return depth;
		if (depth > SBX_ALIAS_DEPTH)
			sbx_diag_add(d, SBX_ERROR, v[i].pos, "write the path that they lead to",
				     "the path goes through too many symlinks and mounts (%s: %d, "
				     "and at most %d are followed)",
				     v[i].text, depth, SBX_ALIAS_DEPTH);
	}
	return 0;
}

static int check_depths(const struct sbx_policy *p, const struct sbx_facts *facts,
			struct sbx_diags *d)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < p->n_files && !rc && facts && facts->n_aliases; i++) {
		rc = check_depth(p->files[i].paths, p->files[i].n_paths, facts, d);
		if (!rc)
			rc = check_depth(p->files[i].except, p->files[i].n_except, facts, d);
	}
	return rc;
}

static uint32_t walk(const struct sbx_minimal *m, uint32_t state, const char *s)
{
	for (; *s; s++)
		state = sbx_minimal_step(m, state, (uint8_t)*s);
	return state;
}

static int emit(const struct sbx_product *prod, struct sbx_image *img,
		struct sbx_automaton_stats *stats)
{
	struct sbx_minimal m = {0};
	struct sbx_props props = {0};
	int rc = sbx_minimal_build(&m, prod, 0xff);

	if (!rc)
		rc = sbx_props_make(&props, &m, prod);
	if (!rc)
		rc = sbx_pack(&m, &props, m.of_node[0], walk(&m, m.of_node[0], "@tty"), img, stats);
	sbx_props_free(&props);
	sbx_minimal_free(&m);
	return rc;
}

int sbx_automaton_compile(const struct sbx_policy *p, const struct sbx_facts *facts,
			  struct sbx_image *img, struct sbx_automaton_stats *stats,
			  struct sbx_diags *d)
{
	struct sbx_automaton_stats st = {0};
	struct sbx_product prod = {0};
	size_t errors = d->errors;
	int rc = check_depths(p, facts, d);

	if (!rc)
		rc = sbx_product_build(&prod, p, facts);
	st.nfa_states = prod.machine.nfa.n;
	st.dfa_states = prod.trie.n + prod.subset.sets.n;
	if (!rc)
		rc = sbx_prove(&prod, d);
	if (!rc && d->errors == errors)
		rc = emit(&prod, img, &st);
	if (rc == -E2BIG)
		too_big(p, &prod, &st, d);
	if (!rc && stats)
		*stats = st;
	sbx_product_free(&prod);
	return rc == -E2BIG || (!rc && d->errors > errors) ? -EINVAL : rc;
}
