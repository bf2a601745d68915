/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * Abstract names of unix sockets. To the automaton they are names below "@unix": the name "@x" is
 * judged as "@unix/@x", which is like no file's (user/policy/policy.h).
 */
#ifndef SBX_BPF_SOCKNAME_H
#define SBX_BPF_SOCKNAME_H

#include "decide.h"

#define UNIX_PATH_MAX	108
#define SBX_ABSTRACT	"@unix/@"
#define SBX_ABSTRACT_AT (sizeof(SBX_ABSTRACT) - 1)
#define SBX_TEXT_ROUNDS ((SBX_ABSTRACT_AT + UNIX_PATH_MAX) / SBX_STEP_BLOCK + 2)

/* Runs the text in sc->name through the automaton of sandbox `id`. Fills sc->found[n]. */
SBX_GLOBAL int match_text(struct sbx_scratch *sc, __u64 id, __u32 n, __u32 len)
{
	struct match m = {.sc = sc};
	__u32 no = SBX_SLOT_OF(id), zero = 0;
	struct sbx_state *st;
	struct sbx_found *f;

	if (!sc)
		return -EINVAL;
	f = &sc->found[n & (SBX_MAX_NEST - 1)];
	f->why = SBX_WHY_INTERNAL;
	f->quiet = 0;
	m.step.image = bpf_map_lookup_elem(&sbx_images, &no);
	m.step.chunk = m.step.image ? bpf_map_lookup_elem(m.step.image, &zero) : NULL;
	if (!m.step.chunk)
		return 0; /* fail closed */
	m.step.state = m.step.chunk->hdr.start;
	__builtin_memset(&sc->at, 0, sizeof(sc->at));
	sc->at.len = len;
	bpf_loop(SBX_TEXT_ROUNDS, match_round, &m, 0);
	st = sc->at.done ? step_state(&m.step) : NULL;
	if (!st)
		return 0; /* fail closed */
	f->rights = st->rights;
	f->quiet = st->quiet;
	f->why = SBX_WHY_POLICY;
	return 0;
}

/* The name of `len` bytes at `at`, its first one the NUL that makes it abstract. */
static __always_inline int abstract_read(struct sbx_scratch *sc, const void *at, __s32 len)
{
	if (len < 1 || len > UNIX_PATH_MAX)
		return -EINVAL;
	__builtin_memcpy(sc->name, SBX_ABSTRACT, SBX_ABSTRACT_AT);
	len--;
	sbx_opaque(len);
	if (bpf_probe_read_kernel(sc->name + SBX_ABSTRACT_AT, len & 127, at + 1))
		return -EINVAL;
	return len + SBX_ABSTRACT_AT;
}

static long abstract_one(__u32 i, struct ask *a)
{
	__u32 n = SBX_EACH(i), len = a->both - (SBX_ABSTRACT_AT - 1), mode;
	struct sbx_found *f = &a->sc->found[n];
	struct sbx_draft *dr = sbx_draft_get();
	struct hash h = {.dr = dr, .h = 1};
	__u64 id = a->l->id[n];

	if (!sbx_alive(id))
		return 0;
	match_text(a->sc, id, n, a->both);
	if (f->why == SBX_WHY_POLICY && !(a->rights & ~f->rights))
		return 0;
	mode = sbx_mode_of(id);
	sbx_report_begin(a->op, f->why, -1);
	if (dr) {
		sbx_opaque(len);
		bpf_probe_read_kernel(dr->ev.path, len & 127, a->sc->name + SBX_ABSTRACT_AT - 1);
		dr->ev.path_len = len;
		bpf_loop(SBX_EVENT_PATH_MAX / 8, hash_word, &h, 0);
		dr->key.object = h.h;
	}
	sbx_report_commit(id, mode, f->quiet & a->rights);
	a->denied = mode != SBX_MODE_AUDIT;
	return a->denied;
}

/* The abstract name that is `len` bytes long at `at`, in kernel memory, for all sandboxes of l. */
static __noinline __maybe_unused int judge_abstract(struct sbx_label *l, const void *at, __s32 len,
						    __u32 op, __u32 right)
{
	struct ask a = {.sc = sbx_scratch_get(), .l = l, .op = op, .rights = right};
	int n;

	if (!l || !a.sc)
		return -EACCES; /* fail closed */
	if (l->flags & SBX_LABEL_OVERFLOW)
		return sbx_overflow(l);
	n = abstract_read(a.sc, at, len);
	if (n < 0)
		return -EACCES; /* fail closed */
	a.both = n;
	bpf_loop(SBX_MAX_NEST, abstract_one, &a, 0);
	return a.denied ? -EACCES : 0;
}

#endif
