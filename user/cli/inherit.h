/* SPDX-License-Identifier: MIT */
/* The descriptors that we were given, and whether a sandboxed command may have them. */
#ifndef SBX_CLI_INHERIT_H
#define SBX_CLI_INHERIT_H

#include <stddef.h>
#include <sys/types.h>

struct sbx_inherited {
	int *v;
	size_t n;
	int null; /* /dev/null, in place of a 0, 1 or 2 that is missing */
	int pair[2];
};

/* First thing in a command, when nothing of our own is open yet. What is missing of 0, 1 and 2
 * becomes /dev/null, lest a file of ours take its number. 0 or an exit code, said. */
int sbx_inherit_begin(struct sbx_inherited *f);
/* Not for the command. */
void sbx_inherit_take(struct sbx_inherited *f, int fd);
/*
 * In the child, inside the sandbox: closes what the policy would not open, calling `closed` for
 * each. The kernel judges: each descriptor is sent to ourselves, and what one may not receive
 * does not arrive. 0 or a negative errno.
 */
int sbx_inherit_judge(const struct sbx_inherited *f, dev_t tty_dev,
		      void (*closed)(int fd, void *arg), void *arg);
void sbx_inherit_end(struct sbx_inherited *f);

#endif
