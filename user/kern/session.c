// SPDX-License-Identifier: MIT
/* A handle on what is loaded, and the lock that serialises those who change it (design 2.6). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "user/kern/internal.h"

#define LOCK_DIR  "/run/sbx-bpf"
#define LOCK_FILE LOCK_DIR "/lock"

static const struct sbx_pos nowhere;

static int take_lock(void)
{
	int fd;

	if (mkdir(LOCK_DIR, 0700) && errno != EEXIST)
		return -errno;
	fd = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX)) {
		if (errno != EINTR) {
			close(fd);
			return -errno;
		}
	}
	return fd;
}

static int open_maps(struct sbx_kern *k)
{
	char path[256];
	int i;

	if (access(SBX_PIN_DIR "/ready", F_OK))
		return errno == EACCES ? -EPERM : -ENOENT;
	for (i = 0; i < SBX_MAPS; i++) {
		snprintf(path, sizeof(path), SBX_PIN_DIR "/%s", sbx_map_names[i]);
		k->map[i] = bpf_obj_get(path);
		if (k->map[i] < 0)
			return errno == EACCES ? -EPERM : -errno;
	}
	k->iter = bpf_obj_get(SBX_PIN_DIR "/link_sbx_label_tasks");
	return k->iter < 0 ? -errno : 0;
}

static int share(int fd, size_t size, bool change, void *out)
{
	void *at = mmap(NULL, size, PROT_READ | (change ? PROT_WRITE : 0), MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return -errno;
	*(void **)out = at;
	return 0;
}

static const size_t slots_size = sizeof(struct sbx_slot) * SBX_MAX_SANDBOXES;

static int share_maps(struct sbx_kern *k)
{
	bool change = k->lock >= 0 || k->serve;
	int r;

	r = share(k->map[SBX_MAP_SLOTS], slots_size, change, &k->slots);
	if (!r)
		r = share(k->map[SBX_MAP_CGBITS], sizeof(*k->cgbits), change, &k->cgbits);
	if (!r)
		r = share(k->map[SBX_MAP_CONFIG], sizeof(*k->config), change, &k->config);
	return r;
}

int sbx_kern_capable(struct sbx_diags *d)
{
	struct sbx_probe probe;
	size_t i;
	int r = sbx_probe_run(&probe);

	if (r)
		return r;
	if (!probe.permitted)
		r = -EPERM;
	else if (!probe.can_enforce)
		r = -EOPNOTSUPP;
	for (i = 0; r && i < probe.n; i++)
		if (probe.v[i].state == SBX_CHECK_FAIL)
			sbx_diag_add(d, SBX_ERROR, nowhere, probe.v[i].remedy, "%s",
				     probe.v[i].what);
	sbx_probe_free(&probe);
	return r;
}

int sbx_kern_open(int how, struct sbx_kern **out, struct sbx_diags *d)
{
	struct sbx_kern *k = calloc(1, sizeof(*k));
	int i, r = 0;

	if (!k)
		return -ENOMEM;
	k->lock = -1;
	k->iter = -1;
	for (i = 0; i < SBX_MAPS; i++)
		k->map[i] = -1;
	if (how == SBX_KERN_LOAD)
		r = sbx_kern_capable(d);
	k->serve = how == SBX_KERN_SERVE;
	if (!r && (how == SBX_KERN_CHANGE || how == SBX_KERN_LOAD)) {
		k->lock = take_lock();
		r = k->lock < 0 ? k->lock : 0;
		if (r == -EACCES)
			r = -EPERM;
	}
	if (!r && how == SBX_KERN_LOAD)
		r = sbx_kern_load(d);
	if (!r)
		r = open_maps(k);
	/* Nothing to change: because nothing could be enforced here? */
	if (r == -ENOENT && how == SBX_KERN_CHANGE && (i = sbx_kern_capable(d)))
		r = i;
	if (!r)
		r = share_maps(k);
	if (!r && k->lock >= 0)
		sbx_kern_sweep(k);
	if (!r && how == SBX_KERN_LOAD)
		r = sbx_anchors_refresh(k, d);
	if (r) {
		sbx_kern_close(k);
		return r;
	}
	*out = k;
	return 0;
}

void sbx_kern_close(struct sbx_kern *k)
{
	int i;

	if (!k)
		return;
	if (k->slots)
		munmap(k->slots, slots_size);
	if (k->cgbits)
		munmap(k->cgbits, sizeof(*k->cgbits));
	if (k->config)
		munmap(k->config, sizeof(*k->config));
	for (i = 0; i < SBX_MAPS; i++)
		if (k->map[i] >= 0)
			close(k->map[i]);
	if (k->iter >= 0)
		close(k->iter);
	if (k->lock >= 0)
		close(k->lock);
	free(k);
}

int sbx_kern_unload(struct sbx_kern *k, struct sbx_diags *d)
{
	int r = sbx_kern_unpin();

	if (r)
		sbx_diag_add(d, SBX_ERROR, nowhere, NULL, "cannot remove %s: %s", SBX_PIN_DIR,
			     strerror(-r));
	return r;
}
