// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "user/cli/common.h"
#include "user/cli/follow.h"

static void load_policy(struct sbx_follow *f, struct sbx_kern *k)
{
	struct sbx_policy *p = NULL;
	struct sbx_facts facts = {0};

	if (!sbx_policy_of(k, f->id, &p, &facts)) {
		sbx_policy_free(f->policy);
		sbx_facts_free(&f->facts);
		f->policy = p;
		f->facts = facts;
	}
}

int sbx_follow_open(struct sbx_follow *f, struct sbx_kern *k, uint64_t id)
{
	const struct sbx_slot *slot = &sbx_kern_slots(k)[SBX_SLOT_OF(id)];
	int fd = sbx_kern_events_open(k, id);

	if (fd < 0)
		return fd;
	*f = (struct sbx_follow){.id = id, .fd = fd, .again = true};
	memcpy(f->name, slot->name, sizeof(f->name));
	f->name[sizeof(f->name) - 1] = 0;
	return 0;
}

void sbx_follow_close(struct sbx_follow *f)
{
	if (!f->id)
		return;
	close(f->fd);
	sbx_policy_free(f->policy);
	sbx_facts_free(&f->facts);
	free(f->v);
	*f = (struct sbx_follow){0};
}

bool sbx_same_event(const struct sbx_event *a, const struct sbx_event *b)
{
	return a->first_ns == b->first_ns && a->op == b->op && a->why == b->why &&
	       a->mode == b->mode && a->pid == b->pid && a->ino == b->ino &&
	       a->path_len == b->path_len && a->port == b->port && a->detail == b->detail;
}

static void read_all(struct sbx_follow *f, sbx_news_fn fn, void *arg)
{
	struct sbx_event *v = NULL, *before = f->v;
	size_t n = 0, n_before = f->n, i, j;

	if (sbx_kern_events_read(f->fd, &v, &n))
		return;
	f->v = v; /* what is told of one may depend on the others */
	f->n = n;
	for (i = 0; i < n; i++) {
		for (j = 0; j < n_before && !sbx_same_event(&before[j], &v[i]); j++)
			;
		if (j == n_before)
			fn(&v[i], NULL, arg);
		else if (before[j].count != v[i].count)
			fn(&v[i], &before[j], arg);
	}
	free(before);
}

bool sbx_follow_look(struct sbx_follow *f, struct sbx_kern *k, sbx_news_fn fn, void *arg)
{
	const struct sbx_slot *slot = &sbx_kern_slots(k)[SBX_SLOT_OF(f->id)];
	uint64_t seq = __atomic_load_n(&slot->seq, __ATOMIC_SEQ_CST);
	struct sbx_slot now = *slot;

	/* The slot may be another's by now: the records are still ours. */
	if (__atomic_load_n(&slot->id, __ATOMIC_SEQ_CST) != f->id) {
		read_all(f, fn, arg);
		return false;
	}
	if (!f->policy || f->last.generation != now.generation)
		load_policy(f, k);
	f->last = now;
	if (seq != f->seq || f->again) {
		f->again = seq != f->seq;
		f->seq = seq;
		read_all(f, fn, arg);
	}
	return true;
}

struct sbx_event_context sbx_follow_context(const struct sbx_follow *f, FILE *out)
{
	return (struct sbx_event_context){.sandbox = f->name,
					  .policy = f->policy,
					  .facts = &f->facts,
					  .all = f->v,
					  .n_all = f->n,
					  .color = sbx_use_color(out)};
}
