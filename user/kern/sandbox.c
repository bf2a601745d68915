// SPDX-License-Identifier: MIT
/*
 * Sandboxes: attach, update, mode, detach, list.
 *
 * Attach, in this order: the slot, its id pending; policy and events into the outer maps; the
 * cgroup into sbx_cgroups; attach_gen, which makes every label look again; the marks of the
 * subtree; the labels. Then the slot's id, one word: from there on the sandbox binds all of them. A
 * loader that is killed before leaves nothing that binds anybody, one that is killed later a whole
 * sandbox. Detach takes the id away first. What is left over either way is swept up by the next
 * loader. An update replaces one entry of sbx_images.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "user/kern/internal.h"

static const struct sbx_pos nowhere;

static void gen_bump(struct sbx_kern *k)
{
	__atomic_fetch_add(&k->config->attach_gen, 1, __ATOMIC_SEQ_CST);
}

/* --- inner maps --- */

static int put_chunk(int fd, uint32_t i, const void *data, size_t n)
{
	char *chunk = calloc(1, SBX_CHUNK_BYTES);
	int r;

	if (!chunk)
		return -ENOMEM;
	memcpy(chunk, data, n);
	r = bpf_map_update_elem(fd, &i, chunk, BPF_ANY) ? -errno : 0;
	free(chunk);
	return r;
}

static int put_bytes(int fd, uint32_t from, const char *data, size_t size)
{
	size_t at, n;
	int r = 0;

	for (at = 0; at < size && !r; at += n) {
		n = size - at < SBX_CHUNK_BYTES ? size - at : SBX_CHUNK_BYTES;
		r = put_chunk(fd, from + at / SBX_CHUNK_BYTES, data + at, n);
	}
	return r;
}

/* Image and meta in one map: an event is never explained by another policy's rules. */
static int put_policy(struct sbx_kern *k, uint32_t slot, const struct sbx_compiled *c)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP);
	uint64_t image = __atomic_add_fetch(&k->config->next_image, 1, __ATOMIC_SEQ_CST);
	size_t meta = strlen(c->meta) + 1;
	uint32_t chunks = c->image.n_chunks + (meta + SBX_CHUNK_BYTES - 1) / SBX_CHUNK_BYTES;
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "sbx_image", sizeof(uint32_t), SBX_CHUNK_BYTES,
				chunks, &opts);
	int r;

	if (fd < 0)
		return -errno;
	sbx_image_hdr(&c->image)->image_id = image;
	r = put_bytes(fd, 0, (const char *)c->image.data, c->image.n_chunks * SBX_CHUNK_BYTES);
	if (!r)
		r = put_bytes(fd, c->image.n_chunks, c->meta, meta);
	if (!r)
		r = bpf_map_update_elem(k->map[SBX_MAP_IMAGES], &slot, &fd, BPF_ANY) ? -errno : 0;
	close(fd); /* the outer map holds it */
	/* From here on nothing that was kept of the old image is found (bpf/cache.h). */
	if (!r)
		__atomic_store_n(&k->slots[slot].image, image, __ATOMIC_SEQ_CST);
	return r;
}

static int put_events(struct sbx_kern *k, uint32_t slot)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "sbx_event_tab", sizeof(struct sbx_event_key),
				sizeof(struct sbx_event), SBX_MAX_EVENTS, NULL);
	int r;

	if (fd < 0)
		return -errno;
	r = bpf_map_update_elem(k->map[SBX_MAP_EVENTS], &slot, &fd, BPF_ANY) ? -errno : 0;
	close(fd);
	return r;
}

/* The reverse of an attach, from wherever it stopped. */
static void free_slot(struct sbx_kern *k, uint32_t slot)
{
	struct sbx_slot *s = &k->slots[slot];

	__atomic_store_n(&s->id, 0, __ATOMIC_SEQ_CST); /* first: nobody is bound any more */
	__atomic_store_n(&s->pending, 0, __ATOMIC_SEQ_CST);
	bpf_map_delete_elem(k->map[SBX_MAP_CGROUPS], &s->cgroup_id);
	sbx_dns_end(k, slot);
	bpf_map_delete_elem(k->map[SBX_MAP_IMAGES], &slot);
	bpf_map_delete_elem(k->map[SBX_MAP_EVENTS], &slot);
	gen_bump(k);
	__atomic_store_n(&s->cgroup_id, 0, __ATOMIC_SEQ_CST); /* last: nothing is left */
}

/* --- looking --- */

struct sbx_slot *sbx_slot_of(struct sbx_kern *k, uint64_t id)
{
	struct sbx_slot *s = &k->slots[SBX_SLOT_OF(id)];

	return id && s->id == id ? s : NULL;
}

char *sbx_cgroup_path_of(uint64_t id)
{
	struct {
		struct file_handle h;
		uint64_t id;
	} f = {.h = {.handle_bytes = 8, .handle_type = 0xfe /* FILEID_KERNFS */}, .id = id};
	char top[256], link[64], path[4096];
	int mnt, fd;
	ssize_t n = -1;

	if (sbx_cgroup_mount(top, sizeof(top)))
		return NULL;
	memcpy(f.h.f_handle, &id, 8);
	mnt = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = mnt < 0 ? -1 : open_by_handle_at(mnt, &f.h, O_PATH | O_CLOEXEC);
	if (fd >= 0) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, path, sizeof(path) - 1);
		close(fd);
	}
	if (mnt >= 0)
		close(mnt);
	if (n <= 0)
		return NULL;
	path[n] = 0;
	return access(path, F_OK) ? NULL : strdup(path);
}

struct count {
	uint64_t id;
	unsigned tasks;
};

static int count_task(const struct sbx_labelled_task *t, void *arg)
{
	struct count *c = arg;
	int i;

	for (i = 0; i < SBX_MAX_NEST; i++)
		c->tasks += t->id[i] == c->id;
	return 0;
}

/* Cgroups whose sandbox never came alive, or is gone. */
static void sweep_cgroups(struct sbx_kern *k)
{
	uint64_t key, prev, *from = NULL;
	struct sbx_attachment at;

	while (!bpf_map_get_next_key(k->map[SBX_MAP_CGROUPS], from, &key)) {
		if (!bpf_map_lookup_elem(k->map[SBX_MAP_CGROUPS], &key, &at) &&
		    !sbx_slot_of(k, at.id) && !bpf_map_delete_elem(k->map[SBX_MAP_CGROUPS], &key))
			continue;
		prev = key;
		from = &prev;
	}
}

/* Nobody can come back to a cgroup that is gone; those that left it keep their sandbox. */
static bool deserted(struct sbx_kern *k, const struct sbx_slot *s)
{
	struct count c = {.id = s->id};
	char *path = sbx_cgroup_path_of(s->cgroup_id);
	/* The `run` that made it may have been killed. */
	bool there = path && !(s->flags & SBX_SLOT_EPHEMERAL && !sbx_cgroup_tasks(path) &&
			       !sbx_cgroup_remove(path));

	free(path);
	return !there && !sbx_labels_visit(k, count_task, &c) && !c.tasks;
}

void sbx_kern_sweep(struct sbx_kern *k)
{
	const struct sbx_slot *s;
	uint32_t i;

	sweep_cgroups(k);
	/* Labels that a killed attach did not come to; fails only where counting fails, too. */
	sbx_labels_visit(k, NULL, NULL);
	for (i = 0; i < SBX_MAX_SANDBOXES; i++) {
		s = &k->slots[i];
		if (s->id ? deserted(k, s) : s->cgroup_id != 0)
			free_slot(k, i);
	}
}

/* --- attaching --- */

static int find_free(struct sbx_kern *k, const struct sbx_attach_opts *o, uint64_t cgroup,
		     uint32_t *slot, struct sbx_diags *d)
{
	uint32_t i, none = SBX_MAX_SANDBOXES;

	*slot = none;
	for (i = 0; i < SBX_MAX_SANDBOXES; i++) {
		const struct sbx_slot *s = &k->slots[i];

		if (!s->id) {
			if (*slot == none)
				*slot = i;
			continue;
		}
		if (s->cgroup_id == cgroup) {
			sbx_diag_add(
				d, SBX_ERROR, nowhere,
				"`sbx-bpf update` changes its policy, `sbx-bpf detach` frees it",
				"the cgroup has a sandbox already: %s (%s)", s->name, o->cgroup);
			return -EBUSY;
		}
		if (o->name && !strcmp(s->name, o->name)) {
			sbx_diag_add(d, SBX_ERROR, nowhere, "choose another --name",
				     "there is a sandbox of that name (%s)", o->name);
			return -EEXIST;
		}
	}
	if (*slot == none) {
		sbx_diag_add(d, SBX_ERROR, nowhere, "detach some", "all %d sandboxes are in use",
			     SBX_MAX_SANDBOXES);
		return -ENOSPC;
	}
	return 0;
}

struct subtree {
	uint64_t *id;
	size_t n, room;
};

static int subtree_add(const char *path, void *arg)
{
	struct subtree *s = arg;
	uint64_t *more;
	int r;

	if (s->n == s->room) {
		s->room = s->room ? s->room * 2 : 64;
		more = realloc(s->id, s->room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->id = more;
	}
	r = sbx_cgroup_id(path, &s->id[s->n]);
	if (!r)
		s->n++;
	return r;
}

static int full_task(const struct sbx_labelled_task *t, void *arg)
{
	struct subtree *s = arg;
	int i, n = 0;
	size_t j;

	for (i = 0; i < SBX_MAX_NEST; i++)
		n += t->id[i] != 0;
	for (j = 0; n == SBX_MAX_NEST && j < s->n; j++)
		if (s->id[j] == t->cgroup)
			return -E2BIG;
	return 0;
}

/* How many sandboxes bind the cgroup through its ancestors. */
static int ancestors_bound(struct sbx_kern *k, const char *path, const char *top)
{
	struct sbx_attachment at;
	char *p = strdup(path), *slash;
	uint64_t id;
	int n = 0;

	if (!p)
		return -ENOMEM;
	while (strlen(p) > strlen(top) && (slash = strrchr(p, '/'))) {
		*slash = 0;
		if (!sbx_cgroup_id(p, &id) &&
		    !bpf_map_lookup_elem(k->map[SBX_MAP_CGROUPS], &id, &at))
			n++;
	}
	free(p);
	return n;
}

static int check_room(struct sbx_kern *k, const char *path, const char *top, struct sbx_diags *d)
{
	struct subtree s = {0};
	int r = ancestors_bound(k, path, top);

	if (r >= SBX_MAX_NEST)
		r = -E2BIG;
	else if (r >= 0)
		r = sbx_cgroup_visit(path, SBX_DEEPEST_FIRST, subtree_add, &s);
	if (!r)
		r = sbx_labels_visit(k, full_task, &s);
	free(s.id);
	if (r == -E2BIG)
		sbx_diag_add(
			d, SBX_ERROR, nowhere, "detach one of them",
			"tasks there are in %d sandboxes already, which is the most a task can "
			"be in (%s)",
			SBX_MAX_NEST, path);
	return r;
}

/* As it is, without "..", so that its ancestors can be told from it. path: PATH_MAX bytes. */
static int cgroup_path(const char *given, const char *top, char *path)
{
	char full[PATH_MAX];
	bool other;

	if (*given == '/' && realpath(given, path) && !strncmp(path, top, strlen(top)))
		return 0;
	other = *given == '/' && !access(given, F_OK);
	/* /proc/PID/cgroup shows paths that begin at the mount. */
	if (snprintf(full, sizeof(full), "%s/%s", top, given) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	if (realpath(full, path))
		return 0;
	return other ? -EINVAL : -errno;
}

static int no_cgroup(const char *given, const char *top, int err, struct sbx_diags *d)
{
	static const char hint[] =
		"give a directory of the cgroup v2 hierarchy, as in --cgroup user.slice/x";

	if (err == -ENOENT)
		sbx_diag_add(d, SBX_ERROR, nowhere, hint, "there is no such cgroup below %s (%s)",
			     top, given);
	else if (err == -EINVAL || err == -ENOTDIR)
		sbx_diag_add(d, SBX_ERROR, nowhere, hint, "this is not a cgroup of version 2 (%s)",
			     given);
	else
		sbx_diag_add(d, SBX_ERROR, nowhere, NULL, "cannot look at this cgroup (%s): %s",
			     given, strerror(-err));
	return err;
}

static int resolve_cgroup(const char *given, char *path, uint64_t *id, char *top, size_t top_size,
			  struct sbx_diags *d)
{
	uint64_t root;
	int r = sbx_cgroup_mount(top, top_size);

	if (r) {
		sbx_diag_add(d, SBX_ERROR, nowhere, "mount -t cgroup2 none /sys/fs/cgroup",
			     "no cgroup v2 hierarchy was found");
		return r;
	}
	r = cgroup_path(given, top, path);
	if (!r)
		r = sbx_cgroup_id(path, id);
	if (r)
		return no_cgroup(given, top, r, d);
	if (!sbx_cgroup_id(top, &root) && root == *id) {
		sbx_diag_add(d, SBX_ERROR, nowhere, "give one of the cgroups below it",
			     "the root cgroup cannot be a sandbox (%s)", path);
		return -EINVAL;
	}
	return 0;
}

int sbx_cgroup_check(const char *given, struct sbx_diags *d)
{
	char path[PATH_MAX], top[256];
	uint64_t id;

	return resolve_cgroup(given, path, &id, top, sizeof(top), d);
}

static void fill_slot(struct sbx_kern *k, uint32_t index, const struct sbx_compiled *c,
		      const struct sbx_attach_opts *o, uint64_t cgroup, uint64_t id)
{
	struct sbx_slot *s = &k->slots[index];
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	memset(s, 0, sizeof(*s));
	s->pending = id;
	s->cgroup_id = cgroup;
	s->created_ns = now.tv_sec * 1000000000ull + now.tv_nsec;
	s->mode = o->mode;
	s->flags = o->flags;
	s->generation = 1;
	s->tty_dev = o->tty_dev;
	s->tty_ino = o->tty_ino;
	if (o->name)
		snprintf(s->name, sizeof(s->name), "%s", o->name);
	else
		snprintf(s->name, sizeof(s->name), "sandbox-%llu",
			 (unsigned long long)(id >> SBX_SLOT_BITS));
}

/* As told at the top of this file. */
static int enter(struct sbx_kern *k, const char *path, uint64_t cgroup, uint64_t id)
{
	struct sbx_attachment at = {.id = id, .slot = SBX_SLOT_OF(id)};
	int r;

	r = bpf_map_update_elem(k->map[SBX_MAP_CGROUPS], &cgroup, &at, BPF_NOEXIST) ? -errno : 0;
	gen_bump(k);
	if (!r)
		r = sbx_cgbits_set_subtree(k, path);
	/* Those born from here on are looked at as they come (label.bpf.c). */
	if (!r)
		r = sbx_labels_visit(k, NULL, NULL);
	if (r)
		return r;
	__atomic_store_n(&k->slots[SBX_SLOT_OF(id)].id, id, __ATOMIC_SEQ_CST);
	__atomic_store_n(&k->slots[SBX_SLOT_OF(id)].pending, 0, __ATOMIC_SEQ_CST);
	return 0;
}

int sbx_kern_attach(struct sbx_kern *k, const struct sbx_compiled *c,
		    const struct sbx_attach_opts *o, uint64_t *id, struct sbx_diags *d)
{
	char path[PATH_MAX], top[256];
	uint64_t cgroup;
	uint32_t slot;
	int r;

	r = resolve_cgroup(o->cgroup, path, &cgroup, top, sizeof(top), d);
	if (!r)
		r = find_free(k, o, cgroup, &slot, d);
	if (!r)
		r = check_room(k, path, top, d);
	if (r)
		return r;
	*id = __atomic_add_fetch(&k->config->next_id, 1, __ATOMIC_SEQ_CST) << SBX_SLOT_BITS | slot;
	fill_slot(k, slot, c, o, cgroup, *id);
	r = put_policy(k, slot, c);
	if (!r)
		r = put_events(k, slot);
	if (!r)
		r = sbx_dns_begin(c, o->serve, cgroup, d);
	if (!r)
		r = enter(k, path, cgroup, *id);
	if (r) {
		free_slot(k, slot);
		if (!d->errors)
			sbx_diag_add(d, SBX_ERROR, nowhere, NULL, "cannot attach to %s: %s", path,
				     strerror(-r));
	}
	return r;
}

int sbx_kern_update(struct sbx_kern *k, uint64_t id, const struct sbx_compiled *c,
		    struct sbx_diags *d)
{
	struct sbx_slot *s = sbx_slot_of(k, id);
	int r;

	if (!s)
		return -ENOENT;
	/* The new policy was compiled for the mounts of today. */
	r = sbx_anchors_refresh(k, d);
	if (r)
		return r;
	r = sbx_dns_begin(c, NULL, s->cgroup_id, d);
	if (!r)
		r = put_policy(k, SBX_SLOT_OF(id), c);
	if (r) {
		sbx_diag_add(d, SBX_ERROR, nowhere, NULL,
			     "the new policy could not be stored, the old one stays: %s",
			     strerror(-r));
		return r;
	}
	__atomic_fetch_add(&s->generation, 1, __ATOMIC_SEQ_CST);
	return 0;
}

int sbx_kern_set_mode(struct sbx_kern *k, uint64_t id, int mode, struct sbx_diags *d)
{
	struct sbx_slot *s = sbx_slot_of(k, id);

	if (!s)
		return -ENOENT;
	__atomic_store_n(&s->mode, mode, __ATOMIC_SEQ_CST);
	return 0;
}

int sbx_kern_detach(struct sbx_kern *k, uint64_t id, struct sbx_diags *d)
{
	if (!sbx_slot_of(k, id))
		return -ENOENT;
	free_slot(k, SBX_SLOT_OF(id));
	return 0;
}

/* --- listing --- */

int sbx_kern_list(struct sbx_kern *k, struct sbx_sandbox_info **v, size_t *n)
{
	struct sbx_sandbox_info *list = calloc(SBX_MAX_SANDBOXES, sizeof(*list));
	size_t count = 0;
	uint32_t i;

	if (!list)
		return -ENOMEM;
	for (i = 0; i < SBX_MAX_SANDBOXES; i++) {
		struct count c;

		if (!k->slots[i].id)
			continue;
		c = (struct count){.id = k->slots[i].id};
		sbx_labels_visit(k, count_task, &c);
		list[count].slot = k->slots[i];
		list[count].index = i;
		list[count].cgroup = sbx_cgroup_path_of(k->slots[i].cgroup_id);
		list[count].tasks = c.tasks;
		/* Without both it binds nobody, ever: the next loader sweeps it up. */
		count += list[count].cgroup || c.tasks;
	}
	*v = list;
	*n = count;
	return 0;
}

void sbx_kern_list_free(struct sbx_sandbox_info *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		free(v[i].cgroup);
	free(v);
}

int sbx_kern_find(struct sbx_kern *k, const char *cgroup, const char *name, uint64_t *id,
		  struct sbx_diags *d)
{
	char path[PATH_MAX], top[256];
	uint64_t cg = 0;
	uint32_t i;
	int r;

	if (cgroup) {
		r = resolve_cgroup(cgroup, path, &cg, top, sizeof(top), d);
		if (r)
			return r;
	}
	for (i = 0; i < SBX_MAX_SANDBOXES; i++) {
		const struct sbx_slot *s = &k->slots[i];

		if (!s->id || (cgroup && s->cgroup_id != cg) || (name && strcmp(s->name, name)))
			continue;
		*id = s->id;
		return 0;
	}
	return -ENOENT;
}

struct tour {
	uint64_t id;
	sbx_task_fn fn;
	void *arg;
};

static int visit_member(const struct sbx_labelled_task *t, void *arg)
{
	struct tour *tour = arg;
	int i;

	for (i = 0; i < SBX_MAX_NEST; i++)
		if (t->id[i] == tour->id)
			return tour->fn(t->tgid, t->pid, tour->arg);
	return 0;
}

int sbx_kern_tasks(struct sbx_kern *k, uint64_t id, sbx_task_fn fn, void *arg)
{
	struct tour t = {.id = id, .fn = fn, .arg = arg};

	return sbx_labels_visit(k, visit_member, &t);
}

char *sbx_kern_cgroup(struct sbx_kern *k, uint64_t id)
{
	const struct sbx_slot *s = sbx_slot_of(k, id);

	return s ? sbx_cgroup_path_of(s->cgroup_id) : NULL;
}
