/* SPDX-License-Identifier: MIT */
/* What the files of user/kern share. */
#ifndef SBX_KERN_INTERNAL_H
#define SBX_KERN_INTERNAL_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "user/kern/kern.h"

enum sbx_map {
	SBX_MAP_SLOTS,
	SBX_MAP_IMAGES,
	SBX_MAP_EVENTS,
	SBX_MAP_CGROUPS,
	SBX_MAP_CGBITS,
	SBX_MAP_CONFIG,
	SBX_MAP_REGISTRAR,
	SBX_MAP_SBS,
	SBX_MAP_ANCHORS,
	SBX_MAP_NAMES,
	SBX_MAP_RESOLVERS,
	SBX_MAP_FORWARDERS,
	SBX_MAP_PORTS6,
	SBX_MAP_ASKERS,
	SBX_MAPS
};

extern const char *const sbx_map_names[SBX_MAPS];

struct sbx_kern {
	int lock; /* -1: opened for reading, or to serve */
	bool serve;
	int map[SBX_MAPS];
	int iter; /* link of sbx_label_tasks */
	/* Shared with the programs: atomic operations only (sbx_maps.h). Read-only in a reader's
	 * handle. */
	struct sbx_slot *slots;
	struct sbx_cgbits *cgbits;
	struct sbx_config *config;
};

#define SBX_BPFFS   "/sys/fs/bpf"
#define SBX_PIN_TOP SBX_BPFFS "/sbx-bpf"
#define SBX_PIN_DIR SBX_PIN_TOP "/v6"
_Static_assert(SBX_ABI == 6, "the pin directory's name carries the ABI");

/* pseudofs.c: the first line of a file of securityfs, debugfs, …, mounted at `usual` or not. */
bool sbx_pseudofs_line(const char *type, const char *usual, const char *path, char *buf,
		       size_t size);

/* load.c: programs and maps into the kernel, and out of it */
struct btf;
/* What the programs attach to and the kernel lacks, as "a, b, c" in buf; how many. n: of how many.
 * -errno: the programs cannot be read. */
int sbx_hooks_missing(const struct btf *btf, char *buf, size_t size, unsigned *n);
int sbx_kern_load(struct sbx_diags *d);
int sbx_kern_unpin(void);

/* anchors.c: names the mounts of the reference view */
int sbx_anchors_refresh(struct sbx_kern *k, struct sbx_diags *d);

/* cgroup.c: calls fn for the cgroup and everything below it, deepest first, or the reverse. */
enum sbx_order { SBX_DEEPEST_FIRST, SBX_DEEPEST_LAST };
int sbx_cgroup_visit(const char *path, enum sbx_order order, int (*fn)(const char *path, void *arg),
		     void *arg);

/* label.c */
void sbx_cgbits_set(struct sbx_kern *k, uint64_t cgroup_id);
int sbx_cgbits_set_subtree(struct sbx_kern *k, const char *path);
/* Calls fn for every labelled task; tasks of sandboxed cgroups get their label on the way. */
typedef int (*sbx_labelled_fn)(const struct sbx_labelled_task *t, void *arg);
int sbx_labels_visit(struct sbx_kern *k, sbx_labelled_fn fn, void *arg);

/* dns.c: where the policy names domains, queries from the cgroup find their way to the forwarder,
 * which serve() has ready (NULL: it serves already). And back, as the slot's image has it. */
int sbx_dns_begin(const struct sbx_compiled *c, int (*serve)(struct sbx_diags *d),
		  uint64_t cgroup_id, struct sbx_diags *d);
void sbx_dns_end(struct sbx_kern *k, uint32_t slot);

/* sandbox.c */
/* NULL: the sandbox is gone. */
struct sbx_slot *sbx_slot_of(struct sbx_kern *k, uint64_t id);
/* Frees what a killed attach left, and sandboxes whose cgroup and tasks are gone. */
void sbx_kern_sweep(struct sbx_kern *k);

#endif
