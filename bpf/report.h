/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * Denials become records (include/sbx_event.h). The verdict never depends on any of this: what
 * cannot be recorded is counted as lost.
 */
#ifndef SBX_BPF_REPORT_H
#define SBX_BPF_REPORT_H

#include "resolve.h"

/* A slot that is gone enforces: its id is void, and nobody asks. */
static __always_inline __u32 sbx_mode_of(__u64 id)
{
	struct sbx_slot *slot = sbx_slot_get(id);

	return slot ? slot->mode : SBX_MODE_ENFORCE;
}

static __always_inline struct sbx_draft *sbx_draft_get(void)
{
	return bpf_task_storage_get(&sbx_drafts, bpf_get_current_task_btf(), 0,
				    BPF_LOCAL_STORAGE_GET_F_CREATE);
}

struct spell {
	struct sbx_scratch *sc;
	struct sbx_draft *dr;
	__u32 cut;
	__u32 self; /* the first component is the caller's own directory of /proc */
};

static long spell_level(__u32 i, struct spell *s)
{
	struct sbx_scratch *sc = s->sc;
	struct sbx_level *lv;
	__u32 len, level, pos = sc->at.spelled;

	level = sc->at.level;
	if (!level)
		return 1;
	sc->at.level = --level;
	lv = &sc->lv[level & (SBX_MAX_DEPTH - 1)];
	len = lv->len;
	if (pos >= SBX_EVENT_PATH_MAX - 1 || len > SBX_NAME_MAX) {
		s->cut = 1;
		return 1;
	}
	sbx_opaque(pos);
	pos &= SBX_EVENT_PATH_MAX - 1;
	s->dr->ev.path[pos] = '/';
	if (s->self && level + 1 == sc->n) {
		s->dr->ev.path[(pos + 1) & (SBX_EVENT_PATH_MAX - 1)] = 's';
		s->dr->ev.path[(pos + 2) & (SBX_EVENT_PATH_MAX - 1)] = 'e';
		s->dr->ev.path[(pos + 3) & (SBX_EVENT_PATH_MAX - 1)] = 'l';
		s->dr->ev.path[(pos + 4) & (SBX_EVENT_PATH_MAX - 1)] = 'f';
		sc->at.spelled = pos + 5;
		return 0;
	}
	/* what runs over the end of path lands in sc->pad */
	bpf_probe_read_kernel(&s->dr->ev.path[pos] + 1, len & SBX_NAME_MAX, (void *)level_name(lv));
	sc->at.spelled = pos + 1 + len;
	return 0;
}

/* Writes the name that sc holds into the event, as far as there is room. */
static __noinline int spell_path(struct sbx_scratch *sc, struct sbx_draft *dr)
{
	struct spell s = {.sc = sc, .dr = dr};
	struct sbx_anchor *anchor;
	struct task_struct *t = bpf_get_current_task_btf();
	__u32 len;

	if (!sc || !dr)
		return 0;
	sc->at.level = sc->n;
	sc->at.spelled = 0;
	s.self = sc->proc_pid && sc->proc_pid == (__u64)t->signal->pids[1];
	anchor = bpf_map_lookup_elem(&sbx_anchors, &sc->anchor);
	if (anchor) {
		len = anchor->len & (SBX_ANCHOR_PATH_MAX - 1);
		sbx_opaque(len);
		len &= SBX_ANCHOR_PATH_MAX - 1;
		bpf_probe_read_kernel(dr->ev.path, len, anchor->path);
		sc->at.spelled = len;
	}
	bpf_loop(SBX_MAX_DEPTH, spell_level, &s, 0);
	len = sc->at.spelled;
	if (len > SBX_EVENT_PATH_MAX) {
		len = SBX_EVENT_PATH_MAX;
		s.cut = 1;
	}
	dr->ev.path_len = len;
	if (s.cut)
		dr->ev.flags |= SBX_EVF_PATH_CUT;
	return 0;
}

struct hash {
	struct sbx_draft *dr;
	__u64 h;
};

static long hash_word(__u32 i, struct hash *h)
{
	__u64 w;

	__builtin_memcpy(&w, &h->dr->ev.path[(i * 8) & (SBX_EVENT_PATH_MAX - 8)], 8);
	h->h = (h->h ^ w) * 0x9e3779b97f4a7c15ull;
	h->h ^= h->h >> 29;
	return 0;
}

static long clear_word(__u32 i, struct hash *h)
{
	__u64 zero = 0;

	__builtin_memcpy(&h->dr->ev.path[(i * 8) & (SBX_EVENT_PATH_MAX - 8)], &zero, 8);
	return 0;
}

static __noinline int report_subject(struct sbx_event *ev)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct dentry *exe;

	if (!ev)
		return 0;
	ev->pid = t->pid;
	ev->tgid = t->tgid;
	ev->ppid = t->real_parent->tgid;
	ev->uid = t->cred->uid.val;
	ev->cgroup = sbx_task_cgroup(t);
	bpf_get_current_comm(ev->comm, sizeof(ev->comm));
	ev->exe[0] = 0;
	if (t->mm && t->mm->exe_file) {
		exe = t->mm->exe_file->f_path.dentry;
		bpf_probe_read_kernel_str(ev->exe, sizeof(ev->exe), exe->d_name.name);
	}
	return 0;
}

/* Counts a denial; false: its sandbox is gone, and its slot is another's or nobody's. */
static __always_inline bool report_count(struct sbx_slot *slot, __u64 id, __u32 mode, __u32 quiet)
{
	if (slot->id != id)
		return false;
	__sync_fetch_and_add(mode == SBX_MODE_AUDIT ? &slot->audited : &slot->denied, 1);
	if (quiet)
		__sync_fetch_and_add(&slot->quiet, 1);
	return true;
}

/* Records the event that the draft holds. */
SBX_GLOBAL int sbx_report_commit(__u64 id, __u32 mode, __u32 quiet)
{
	struct sbx_draft *dr = sbx_draft_get();
	struct sbx_slot *slot = sbx_slot_get(id);
	__u32 no = SBX_SLOT_OF(id);
	struct sbx_event *ev;
	void *table;

	if (!report_count(slot, id, mode, quiet))
		return 0;
	if (!dr)
		goto lost;
	if (quiet)
		dr->ev.flags |= SBX_EVF_QUIET;
	dr->ev.seq = __sync_fetch_and_add(&slot->seq, 1) + 1;
	dr->ev.generation = slot->generation;
	dr->ev.sandbox = id;
	dr->ev.first_ns = dr->ev.last_ns = bpf_ktime_get_boot_ns();
	dr->ev.count = 1;
	dr->ev.mode = mode;
	dr->key.op = dr->ev.op;
	dr->key.why = dr->ev.why;
	dr->key.mode = mode;
	table = bpf_map_lookup_elem(&sbx_events, &no);
	if (!table)
		goto lost;
	ev = bpf_map_lookup_elem(table, &dr->key);
	if (!ev) {
		report_subject(&dr->ev);
		if (!bpf_map_update_elem(table, &dr->key, &dr->ev, BPF_NOEXIST))
			return 0;
		/* another CPU was first, or there is no room */
		ev = bpf_map_lookup_elem(table, &dr->key);
		if (!ev)
			goto lost;
	}
	__sync_fetch_and_add(&ev->count, 1);
	ev->last_ns = dr->ev.last_ns;
	ev->seq = dr->ev.seq;
	ev->generation = dr->ev.generation;
	return 0;
lost:
	__sync_fetch_and_add(&slot->lost, 1);
	return 0;
}

/* Clears the event and gives it its kind. */
SBX_GLOBAL int sbx_report_begin(__u32 op, __u32 why, __s32 detail)
{
	struct sbx_draft *dr = sbx_draft_get();
	struct hash h = {.dr = dr};

	if (!dr)
		return 0;
	bpf_loop(SBX_EVENT_PATH_MAX / 8, clear_word, &h, 0);
	dr->ev.op = op;
	dr->ev.why = why;
	dr->ev.flags = 0;
	dr->ev.path_len = 0;
	dr->ev.ino = 0;
	dr->ev.dev = 0;
	dr->ev.family = 0;
	dr->ev.port = 0;
	dr->ev.proto = 0;
	dr->ev.socktype = 0;
	dr->ev.detail = detail;
	__builtin_memset(dr->ev.addr, 0, sizeof(dr->ev.addr));
	return 0;
}

static __always_inline void report_object(struct sbx_scratch *sc, struct sbx_event *ev)
{
	__u64 inode = sc->anchor.inode, sb = 0;

	if (sc->n)
		bpf_probe_read_kernel(
			&inode, sizeof(inode),
			(void *)(sc->lv[0].dentry + bpf_core_field_offset(struct dentry, d_inode)));
	if (!inode) /* still to be made */
		return;
	bpf_probe_read_kernel(&ev->ino, sizeof(ev->ino),
			      (void *)(inode + bpf_core_field_offset(struct inode, i_ino)));
	bpf_probe_read_kernel(&sb, sizeof(sb),
			      (void *)(inode + bpf_core_field_offset(struct inode, i_sb)));
	bpf_probe_read_kernel(&ev->dev, sizeof(ev->dev),
			      (void *)(sb + bpf_core_field_offset(struct super_block, s_dev)));
}

/* A denial whose object is the one whose name the scratch memory holds. */
SBX_GLOBAL int sbx_report_path(__u64 id, __u32 op, __u32 why, __u32 mode, __u32 quiet)
{
	struct sbx_scratch *sc = sbx_scratch_get();
	struct sbx_draft *dr = sbx_draft_get();
	struct hash h = {.dr = dr, .h = 0xcbf29ce484222325ull};
	struct sbx_slot *slot = sbx_slot_get(id);

	if (!sc || !dr)
		return sbx_report_commit(id, mode, quiet); /* which counts it as lost */
	sbx_report_begin(op, why, -1);
	report_object(sc, &dr->ev);
	if (is_tty(sc, slot)) {
		__builtin_memcpy(dr->ev.path, "@tty", 4);
		dr->ev.path_len = 4;
	} else {
		spell_path(sc, dr);
	}
	if (why == SBX_WHY_OTHERS_PROC) /* ps asks for every process there is: one record will do */
		h.h = (__u32)sc->lv[0].head;
	else
		bpf_loop(SBX_EVENT_PATH_MAX / 8, hash_word, &h, 0);
	dr->key.object = h.h;
	sbx_report_commit(id, mode, quiet);
	return 0;
}

/* A denial of an operation that has no object but `object`, a number that tells repeats apart.
 * Returns the mode it was reported in. */
SBX_GLOBAL int sbx_report_plain(__u64 id, __u32 op, __u32 why, __s32 detail, __u64 object)
{
	struct sbx_draft *dr = sbx_draft_get();
	__u32 mode = sbx_mode_of(id);

	if (dr) {
		sbx_report_begin(op, why, detail);
		dr->key.object = object;
	}
	sbx_report_commit(id, mode, 0);
	return mode;
}

#endif
