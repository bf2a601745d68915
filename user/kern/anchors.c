// SPDX-License-Identifier: MIT
/*
 * Gives the mounts of the reference view their names (design 1.3, 2.3).
 *
 * The kernel side knows mounts by in-kernel object. To tell it a name, a child of ours sets itself
 * as registrar, opens the root of the mount, and the file_open program notes what it sees and fails
 * the open. The child runs in a cgroup of its own, because only tasks of marked cgroups are looked
 * at, and ours must not stay marked: everybody in it would pay for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "user/kern/internal.h"
#include "user/policy/mounts.h"

static const struct sbx_pos nowhere;

/* When we were started, as the kernel counts; 0: not known, and then nothing gets registered. */
static uint64_t own_start(void)
{
	unsigned long long start = 0;
	char line[1024], *p;
	FILE *in = fopen("/proc/self/stat", "re");
	int field;

	/* PID (COMM) STATE …: COMM may hold anything; STATE is field 3 */
	p = in && fgets(line, sizeof(line), in) ? strrchr(line, ')') : NULL;
	if (in)
		fclose(in);
	for (field = 2; p && field < 22; field++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	return p && sscanf(p, "%llu", &start) == 1 ? start : 0;
}

static int register_one(struct sbx_kern *k, const struct sbx_mount *m, uint64_t start,
			uint64_t mark)
{
	const char *path = *m->point ? m->point : "/";
	struct sbx_registrar r = {
		.tgid = getpid(), .start = start, .mount = m->id, .anchor = {.mark = mark}};
	uint32_t zero = 0;
	struct stat st;
	int fd;

	if (m->covered || m->canonical || !strcmp(m->type, "autofs"))
		return 0;
	r.anchor.len = strlen(m->point);
	if (r.anchor.len >= SBX_ANCHOR_PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(r.anchor.path, m->point, r.anchor.len);
	if (stat(path, &st))
		return -errno;
	if (bpf_map_update_elem(k->map[SBX_MAP_REGISTRAR], &zero, &r, BPF_ANY))
		return -errno;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW |
				(S_ISDIR(st.st_mode) ? O_DIRECTORY : 0));
	if (fd >= 0) {
		close(fd);
		return -EPROTO; /* nobody noted it */
	}
	if (errno != ECANCELED)
		return -errno;
	if (bpf_map_lookup_elem(k->map[SBX_MAP_REGISTRAR], &zero, &r))
		return -errno;
	return r.done ? 0 : -ENOSPC;
}

/* In the child. Mounts that cannot be named stay unnamed, which denies; only "/" must be. */
static int register_all(struct sbx_kern *k, const struct sbx_mounts *m, const char *cgroup,
			uint64_t mark)
{
	struct sbx_registrar none = {0};
	uint64_t start = own_start();
	uint32_t zero = 0;
	size_t i;
	int r;

	if (sbx_cgroup_move_self(cgroup))
		return 1;
	for (i = 0; i < m->n; i++) {
		r = register_one(k, &m->v[i], start, mark);
		if (r && !*m->v[i].point)
			return 2;
	}
	bpf_map_update_elem(k->map[SBX_MAP_REGISTRAR], &zero, &none, BPF_ANY);
	return 0;
}

/* Anchors that this round has not seen again are of mounts that are gone. */
static void remove_stale(struct sbx_kern *k, uint64_t mark)
{
	struct sbx_anchor_key *keys = NULL, key, *prev = NULL;
	struct sbx_anchor a;
	size_t n = 0, i;

	keys = calloc(SBX_MAX_ANCHORS, sizeof(*keys));
	if (!keys)
		return;
	while (n < SBX_MAX_ANCHORS && !bpf_map_get_next_key(k->map[SBX_MAP_ANCHORS], prev, &key)) {
		keys[n] = key;
		prev = &keys[n++];
	}
	for (i = 0; i < n; i++)
		if (!bpf_map_lookup_elem(k->map[SBX_MAP_ANCHORS], &keys[i], &a) && a.mark != mark &&
		    !bpf_map_delete_elem(k->map[SBX_MAP_ANCHORS], &keys[i]) &&
		    k->config->dir_seq) /* what was named by it is no longer */
			__atomic_fetch_add(&k->config->dir_seq, 1, __ATOMIC_SEQ_CST);
	free(keys);
}

static int run_registrar(struct sbx_kern *k, const struct sbx_mounts *m, uint64_t mark,
			 const char *cgroup)
{
	uint64_t id;
	int status, r;
	pid_t pid;

	r = sbx_cgroup_id(cgroup, &id);
	if (r)
		return r;
	sbx_cgbits_set(k, id);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(register_all(k, m, cgroup, mark));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EPROTO;
}

int sbx_anchors_refresh(struct sbx_kern *k, struct sbx_diags *d)
{
	struct sbx_mounts m;
	struct timespec now;
	char top[256], cgroup[512];
	uint64_t mark;
	int r;

	clock_gettime(CLOCK_BOOTTIME, &now);
	mark = now.tv_sec * 1000000000ull + now.tv_nsec;
	r = sbx_mounts_read(&m);
	if (r)
		return r;
	r = sbx_cgroup_mount(top, sizeof(top));
	if (!r) {
		/* One name, under the loader's lock: a killed loader's is used again. */
		snprintf(cgroup, sizeof(cgroup), "%s/sbx-bpf.registrar", top);
		r = mkdir(cgroup, 0755) && errno != EEXIST ? -errno : 0;
	}
	if (!r) {
		r = run_registrar(k, &m, mark, cgroup);
		rmdir(cgroup);
	}
	sbx_mounts_free(&m);
	if (r)
		sbx_diag_add(d, SBX_ERROR, nowhere, NULL,
			     "the mounts could not be made known to the kernel programs (%s)",
			     strerror(-r));
	else
		remove_stale(k, mark);
	return r;
}

int sbx_kern_name_mounts(struct sbx_kern *k, struct sbx_diags *d)
{
	return sbx_anchors_refresh(k, d);
}
