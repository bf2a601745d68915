/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own matcher, bpf/step.h, compiled for user space: maps are arrays, and names are
 * where they are said to be. The structs hold what it uses of those in bpf/maps.h.
 */
#ifndef SBX_TEST_KERNELSTEP_H
#define SBX_TEST_KERNELSTEP_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/automaton.h"

#define SBX_NAME_BUF	1024
#define sbx_opaque(var) ((void)(var))
#define SBX_UNROLLED
#define __noinline
#define __maybe_unused __attribute__((unused))

struct sbx_chunk {
	union {
		struct sbx_state state[SBX_CHUNK_BYTES / sizeof(struct sbx_state)];
		struct sbx_trans trans[SBX_TRANS_PER_CHUNK];
		__u64 dword[SBX_CHUNK_BYTES / 8];
	};
};

struct sbx_level {
	__u64 name;
	__u64 head;
	__u32 len;
};

struct sbx_cursor {
	__u32 state, level, parent, above, pos, len, done, proc_name;
};

struct sbx_scratch {
	struct sbx_level lv[SBX_MAX_DEPTH];
	struct sbx_cursor at;
	__u32 n;
	char name[SBX_NAME_BUF];
};

static inline int bpf_probe_read_kernel(void *to, size_t n, const void *from)
{
	memcpy(to, from, n);
	return 0;
}

static inline void *bpf_map_lookup_elem(const struct sbx_image *img, const __u32 *key)
{
	return *key < img->n_chunks ? img->data + (size_t)*key * SBX_CHUNK_BYTES : NULL;
}

static inline __u64 level_name(const struct sbx_level *lv)
{
	return lv->name;
}

#include "bpf/step.h"

/*
 * The state of a path (absolute, or "" for the root), whose first `anchor` components are a mount
 * point. at_hand: bit n says that the name n levels above the object lies in its dentry.
 * SBX_NO_STATE: the kernel would deny it for an internal reason. *steps: how many it took.
 */
static inline __u32 kernel_walk(const struct sbx_image *img, const char *path, unsigned anchor,
				unsigned at_hand, __u32 *steps)
{
	struct sbx_scratch *sc = calloc(1, sizeof(*sc));
	struct match m = {.step = {.image = (void *)img, .chunk = (void *)img->data}, .sc = sc};
	const char *name[SBX_MAX_DEPTH], *end;
	__u32 n = 0, i, state;

	if (!sc)
		return SBX_NO_STATE;
	while (*path && sc->at.len < SBX_ANCHOR_PATH_MAX && anchor-- > 0) {
		end = strchrnul(path + 1, '/');
		memcpy(sc->name + sc->at.len, path, end - path);
		sc->at.len += end - path;
		path = end;
	}
	for (; *path && n < SBX_MAX_DEPTH; path = end, n++) {
		end = strchrnul(path + 1, '/');
		name[n] = path;
	}
	/* the levels begin with the object */
	for (i = 0; i < n; i++) {
		end = strchrnul(name[i] + 1, '/');
		sc->lv[n - 1 - i].name = (uintptr_t)name[i] + 1;
		sc->lv[n - 1 - i].len = end - name[i] - 1;
		if (at_hand >> (n - 1 - i) & 1) /* what follows a short name is anything */
			strncpy((char *)&sc->lv[n - 1 - i].head, name[i] + 1, 8);
	}
	sc->n = sc->at.level = n;
	m.step.state = sbx_image_hdr(img)->start;
	for (*steps = 0; *steps < SBX_MAX_ROUNDS && !match_round(*steps, &m);)
		++*steps;
	state = sc->at.done ? sc->at.state : SBX_NO_STATE;
	free(sc);
	return state;
}

#endif
