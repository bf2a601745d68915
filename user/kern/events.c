// SPDX-License-Identifier: MIT
/* What came out of a sandbox: its events, and the meta blob that explains them. Consumes nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
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

/* It lies behind the image, in the same map. */
static int read_meta(int fd, uint32_t chunks, char **json)
{
	char *chunk = malloc(SBX_CHUNK_BYTES), *text = NULL;
	uint32_t i = 0, first;
	int r = chunk ? 0 : -ENOMEM;

	if (!r && bpf_map_lookup_elem(fd, &i, chunk))
		r = -errno;
	first = r ? 0 : ((struct sbx_image_hdr *)chunk)->chunks;
	free(chunk);
	if (r)
		return r;
	if (first >= chunks)
		return -EINVAL;
	text = malloc((size_t)(chunks - first) * SBX_CHUNK_BYTES);
	if (!text)
		return -ENOMEM;
	for (i = first; i < chunks && !r; i++)
		if (bpf_map_lookup_elem(fd, &i, text + (size_t)(i - first) * SBX_CHUNK_BYTES))
			r = -errno;
	if (!r && !memchr(text, 0, (size_t)(chunks - first) * SBX_CHUNK_BYTES))
		r = -EINVAL;
	if (r)
		free(text);
	else
		*json = text;
	return r;
}

int sbx_kern_meta(struct sbx_kern *k, uint64_t id, char **json)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);
	int fd, r;

	if (!sbx_slot_of(k, id) && k->slots[SBX_SLOT_OF(id)].pending != id)
		return -ENOENT;
	fd = inner_fd(k, SBX_MAP_IMAGES, SBX_SLOT_OF(id));
	if (fd < 0)
		return fd;
	r = bpf_obj_get_info_by_fd(fd, &info, &len) ? -errno : 0;
	if (!r)
		r = read_meta(fd, info.max_entries, json);
	close(fd);
	return r;
}
