/* SPDX-License-Identifier: MIT */
/*
 * The kernel side as the commands see it. user/kern is the only place that includes libbpf.
 * All functions return 0 or a negative errno; where words help, they are added to `d`.
 */
#ifndef SBX_KERN_H
#define SBX_KERN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "sbx_event.h"
#include "sbx_maps.h"
#include "user/base/diag.h"
#include "user/policy/compile.h"

/* --- probe.c: what the running kernel can do --- */

enum sbx_check_state { SBX_CHECK_OK, SBX_CHECK_WARN, SBX_CHECK_FAIL };

struct sbx_check {
	const char *name; /* "lsm", "btf", "hooks", … stable, for --json */
	enum sbx_check_state state;
	char *what;   /* "bpf is not among the active LSMs (lockdown,yama,apparmor)" */
	char *remedy; /* exact text to add, or NULL */
};

struct sbx_probe {
	struct sbx_check *v;
	size_t n;
	bool can_enforce;
	bool permitted; /* the caller has the rights (root or CAP_BPF, CAP_SYS_ADMIN …) */
};

int sbx_probe_run(struct sbx_probe *out);
void sbx_probe_free(struct sbx_probe *p);
/* 0, -EPERM or -EOPNOTSUPP with every failed check in d. */
int sbx_kern_capable(struct sbx_diags *d);

/* --- session: maps and programs, opened or loaded ------------------------------------------------
 */

struct sbx_kern; /* an open handle; holds the loader lock when opened for change */

#define SBX_KERN_READ	0 /* pins must exist; -ENOENT: nothing is loaded */
#define SBX_KERN_SERVE	3 /* the same, to write what only sbx-bpfd writes: no lock (dns.h) */
#define SBX_KERN_CHANGE 1 /* lock; pins must exist */
#define SBX_KERN_LOAD	2 /* lock; load, attach and pin everything if it is not there yet */

int sbx_kern_open(int how, struct sbx_kern **out, struct sbx_diags *d);
void sbx_kern_close(struct sbx_kern *k);

/* --- sandboxes -----------------------------------------------------------------------------------
 */

struct sbx_sandbox_info {
	struct sbx_slot slot;
	uint32_t index;
	char *cgroup; /* path below the cgroup mount, or NULL when it is gone; owned */
	unsigned tasks;
};

struct sbx_attach_opts {
	const char *cgroup; /* path, absolute or relative to the cgroup2 mount */
	const char *name;   /* NULL: made from the policy's name and the id */
	int mode;
	uint32_t flags; /* SBX_SLOT_* */
	uint32_t tty_dev;
	uint64_t tty_ino;
	/* Policies with domains: called when everything else is in place and nothing is in force;
	 * 0: the forwarder serves the sandbox. */
	int (*serve)(struct sbx_diags *d);
};

/*
 * Attaches: writes image and meta, fills the slot, enables the cgroup, labels the tasks there.
 * Either all of it or none: a killed attach leaves a slot without a cgroup, which the next loader
 * frees. Errors: -EBUSY the cgroup has a sandbox already, -E2BIG a ninth on some task,
 * -ENOSPC no slot, -ENOENT no such cgroup, -EINVAL not a cgroup2 directory or its root, -EEXIST the
 * name is taken. *id is the sandbox's.
 */
int sbx_kern_attach(struct sbx_kern *k, const struct sbx_compiled *c,
		    const struct sbx_attach_opts *o, uint64_t *id, struct sbx_diags *d);
/* Could it be attached to? For those who want to know before everything is loaded. */
int sbx_cgroup_check(const char *given, struct sbx_diags *d);
int sbx_kern_update(struct sbx_kern *k, uint64_t id, const struct sbx_compiled *c,
		    struct sbx_diags *d);
int sbx_kern_set_mode(struct sbx_kern *k, uint64_t id, int mode, struct sbx_diags *d);
/* Frees the sandbox; unloads everything when it was the last and `unload` says so. */
int sbx_kern_detach(struct sbx_kern *k, uint64_t id, struct sbx_diags *d);
int sbx_kern_unload(struct sbx_kern *k, struct sbx_diags *d);

/* Names the mounts that there are now (design 1.3); attach and update do so by themselves. */
int sbx_kern_name_mounts(struct sbx_kern *k, struct sbx_diags *d);

int sbx_kern_list(struct sbx_kern *k, struct sbx_sandbox_info **v, size_t *n);
void sbx_kern_list_free(struct sbx_sandbox_info *v, size_t n);
/* Where another version of this program has its sandboxes: a directory (static), or NULL. They
 * stay in force, and only that version can show or change them. */
const char *sbx_kern_other_version(void);
/* By --cgroup PATH or --name N (one of them given). -ENOENT, and more where it is no cgroup. */
int sbx_kern_find(struct sbx_kern *k, const char *cgroup, const char *name, uint64_t *id,
		  struct sbx_diags *d);

/* Calls fn for every task that carries the sandbox's label, wherever it is, until one returns not
 * 0: that is returned. */
typedef int (*sbx_task_fn)(pid_t tgid, pid_t pid, void *arg);
int sbx_kern_tasks(struct sbx_kern *k, uint64_t id, sbx_task_fn fn, void *arg);
/* The absolute path of the sandbox's cgroup, owned by the caller; NULL: it is gone. */
char *sbx_kern_cgroup(struct sbx_kern *k, uint64_t id);
/* The cgroup's path, to be freed; NULL: it is gone. */
char *sbx_cgroup_path_of(uint64_t id);

/* All SBX_MAX_SANDBOXES slots, shared with the programs; id 0: free. For those who follow. */
const struct sbx_slot *sbx_kern_slots(const struct sbx_kern *k);

/* The events of one sandbox, sorted by first_ns; free(*v). */
int sbx_kern_events(struct sbx_kern *k, uint64_t id, struct sbx_event **v, size_t *n);
/* The same in two steps: what was opened can be read even after the sandbox's end. Returns a
 * descriptor. */
int sbx_kern_events_open(struct sbx_kern *k, uint64_t id);
int sbx_kern_events_read(int fd, struct sbx_event **v, size_t *n);
/* The meta blob of one sandbox; free(*json). */
int sbx_kern_meta(struct sbx_kern *k, uint64_t id, char **json);

/* --- cgroup.c --- */

/* Where cgroup2 is mounted ("/sys/fs/cgroup" or ".../unified"), or -ENOENT. */
int sbx_cgroup_mount(char *buf, size_t size);
int sbx_cgroup_id(const char *path, uint64_t *id);
/* A new child of the caller's own cgroup, "sbx-run-<name>-<pid>"; its absolute path in buf. Under
 * the loader's lock: empty ones there are what killed runs left, and are removed. */
int sbx_cgroup_create(const char *name, char *buf, size_t size, struct sbx_diags *d);
int sbx_cgroup_move_self(const char *path);
/* Number of tasks in the subtree; -ENOENT when it is gone. */
int sbx_cgroup_tasks(const char *path);
/* Is the process in that cgroup, an absolute path, or below it? Of no cgroup (NULL): no. */
bool sbx_cgroup_holds(const char *cgroup, pid_t pid);
/* rmdir of the cgroup and its empty descendants; -EBUSY while tasks are left. */
int sbx_cgroup_remove(const char *path);

#endif
