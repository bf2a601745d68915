// SPDX-License-Identifier: MIT
/* Labels from user space: which cgroups are looked at, and who carries what. */
#include <errno.h>
#include <unistd.h>
#include "user/kern/internal.h"

void sbx_cgbits_set(struct sbx_kern *k, uint64_t cgroup_id)
{
	uint32_t bit = cgroup_id % SBX_CGROUP_BITS;

	__atomic_fetch_or(&k->cgbits->word[bit / 64], 1ull << (bit % 64), __ATOMIC_SEQ_CST);
}

static int set_one(const char *path, void *arg)
{
	uint64_t id;
	int r = sbx_cgroup_id(path, &id);

	if (!r)
		sbx_cgbits_set(arg, id);
	return r;
}

/*
 * A cgroup made below a marked one is marked by tp cgroup_mkdir: hence from the top. One that is
 * made at this very moment may be missed; whoever enters it is looked at then (label.bpf.c).
 */
int sbx_cgbits_set_subtree(struct sbx_kern *k, const char *path)
{
	return sbx_cgroup_visit(path, SBX_DEEPEST_LAST, set_one, k);
}

int sbx_labels_visit(struct sbx_kern *k, sbx_labelled_fn fn, void *arg)
{
	struct sbx_labelled_task t[64];
	int fd = bpf_iter_create(k->iter), r = 0;
	size_t have = 0, i, whole;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while (!r) {
		n = read(fd, (char *)t + have, sizeof(t) - have);
		if (n < 0) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			r = -errno;
		}
		if (n <= 0)
			break;
		have += n;
		whole = have / sizeof(t[0]);
		for (i = 0; i < whole && !r; i++)
			r = fn ? fn(&t[i], arg) : 0;
		have -= whole * sizeof(t[0]);
		if (have)
			__builtin_memmove(t, (char *)t + whole * sizeof(t[0]), have);
	}
	close(fd);
	return r;
}
