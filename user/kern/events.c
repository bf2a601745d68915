// SPDX-License-Identifier: MIT
/* What came out of a sandbox: its events, and the meta blob that explains them. Consumes nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "user/kern/internal.h"

static int inner_fd(struct sbx_kern *k, enum sbx_map outer, uint32_t slot)
{
	uint32_t inner;
	int fd;

	if (bpf_map_lookup_elem(k->map[outer], &slot, &inner))
		return -errno;
	fd = bpf_map_get_fd_by_id(inner);
	return fd < 0 ? -errno : fd;
}

static int by_first(const void *a, const void *b)
{
	const struct sbx_event *x = a, *y = b;

	return x->first_ns < y->first_ns ? -1 : x->first_ns > y->first_ns;
}

const struct sbx_slot *sbx_kern_slots(const struct sbx_kern *k)
{
	return k->slots;
}

int sbx_kern_events_open(struct sbx_kern *k, uint64_t id)
{
	return sbx_slot_of(k, id) ? inner_fd(k, SBX_MAP_EVENTS, SBX_SLOT_OF(id)) : -ENOENT;
}

int sbx_kern_events_read(int fd, struct sbx_event **v, size_t *n)
{
	struct sbx_event_key key, *prev = NULL;
	struct sbx_event *list = calloc(SBX_MAX_EVENTS, sizeof(*list));
	size_t count = 0;

	if (!list)
		return -ENOMEM;
	while (count < SBX_MAX_EVENTS && !bpf_map_get_next_key(fd, prev, &key)) {
		prev = &key;
		if (!bpf_map_lookup_elem(fd, &key, &list[count]))
			count++;
	}
	qsort(list, count, sizeof(*list), by_first);
	*v = list;
	*n = count;
	return 0;
}

int sbx_kern_events(struct sbx_kern *k, uint64_t id, struct sbx_event **v, size_t *n)
{
	int fd = sbx_kern_events_open(k, id), r;

	if (fd < 0)
		return fd;
	r = sbx_kern_events_read(fd, v, n);
	close(fd);
	return r;
}

int sbx_kern_meta(struct sbx_kern *k, uint64_t id, char **json)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info), i;
	char *text;
	int fd, r = 0;

	if (!sbx_slot_of(k, id))
		return -ENOENT;
	fd = inner_fd(k, SBX_MAP_METAS, SBX_SLOT_OF(id));
	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &len)) {
		close(fd);
		return -errno;
	}
	text = malloc((size_t)info.max_entries * SBX_CHUNK_BYTES + 1);
	for (i = 0; text && i < info.max_entries && !r; i++)
		if (bpf_map_lookup_elem(fd, &i, text + (size_t)i * SBX_CHUNK_BYTES))
			r = -errno;
	close(fd);
	if (!text || r) {
		free(text);
		return text ? r : -ENOMEM;
	}
	text[(size_t)info.max_entries * SBX_CHUNK_BYTES] = 0;
	*json = text;
	return 0;
}
