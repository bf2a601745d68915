/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that are open already, judged by a policy: it does not close what it would not have
 * opened (design 1.1), so they are reported, or closed before a program is run.
 */
#ifndef SBX_CLI_FDS_H
#define SBX_CLI_FDS_H

#include <stdint.h>
#include <sys/types.h>
#include "user/kern/kern.h"
#include "user/policy/mounts.h"

struct sbx_members {
	struct sbx_member {
		pid_t tgid, pid;
	} * v;
	size_t n, room;
};

struct sbx_judge {
	struct sbx_mounts mounts;
	struct sbx_members members;    /* the tasks of the sandbox */
	const struct sbx_image *image; /* not owned */
	const char *cgroup;	       /* of the sandbox: whose processes are members; NULL: none */
};

enum sbx_held {
	SBX_HELD_OPEN,	  /* what the policy would not open */
	SBX_HELD_SIGNALS, /* it sends SIGIO to processes outside */
	SBX_HELD_TRACES,  /* no descriptor: a process outside that it traces */
};

/* What a task keeps and would not be given. */
struct sbx_fd {
	enum sbx_held how;
	pid_t pid;
	int fd;		 /* -1: none */
	uint8_t missing; /* SBX_READ | … of SBX_HELD_OPEN */
	char *name;	 /* canonical, or as the kernel shows it; who is signalled, traced; owned */
};

struct sbx_fds {
	struct sbx_fd *v;
	size_t n, room;
};

int sbx_judge_begin(struct sbx_judge *j, const struct sbx_image *image, const char *cgroup);
void sbx_judge_end(struct sbx_judge *j);

/* Adds every descriptor of the tasks that are in a sandbox now that the policy would not open, or
 * that signals processes outside. Pipes, sockets, memfds, anonymous inodes and the terminal of the
 * task need no policy. 0 or -ENOMEM, -EACCES, … */
int sbx_judge_sandbox(struct sbx_judge *j, struct sbx_kern *k, uint64_t id, struct sbx_fds *out);

/* One note for each on stderr; and as a JSON array. */
void sbx_fds_print(const struct sbx_fds *fds);
json_t *sbx_fds_json(const struct sbx_fds *fds);
void sbx_fds_free(struct sbx_fds *fds);

/* All of it, after an attach, an update or a switch to enforcing: judges the tasks of sandbox
 * `id`, prints the notes, returns the array where --json asks for one, else NULL. */
json_t *sbx_fds_report(struct sbx_kern *k, uint64_t id, const struct sbx_image *image);

#endif
