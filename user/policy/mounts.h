/* SPDX-License-Identifier: MIT */
/* The mounts of a view, oldest first, and which of them show a tree that an older one shows. */
#ifndef SBX_MOUNTS_H
#define SBX_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct sbx_mount {
	int id;
	char *dev;   /* "8:1" */
	char *root;  /* of the mount, in its file system; "" for "/" */
	char *point; /* where; "" for "/" */
	char *type;
	char *canonical; /* the same tree in an older mount; NULL: this mount names it */
	bool covered;	 /* a later mount hides it: it cannot be reached by its path */
};

struct sbx_mounts {
	struct sbx_mount *v;
	size_t n;
};

/* Parses text in the format of /proc/PID/mountinfo (proc(5)). 0, -EINVAL, -ENOMEM. */
int sbx_mounts_parse(FILE *in, struct sbx_mounts *out);
/* The caller's own namespace; also finds out what is covered. */
int sbx_mounts_read(struct sbx_mounts *out);
void sbx_mounts_free(struct sbx_mounts *m);

#endif
