/* SPDX-License-Identifier: MIT */
/* The descriptors that we were given, and whether a sandboxed command may have them. */
#ifndef SBX_CLI_INHERIT_H
#define SBX_CLI_INHERIT_H

#include <stddef.h>
#include <sys/types.h>

struct sbx_inherited {
	struct sbx_given {
		int fd;
		pid_t owner; /* who is sent its signals, as we were given it (owner.h); 0: nobody */
	} * v;
	size_t n;
	int null;    /* /dev/null, in place of a 0, 1 or 2 that is missing */
	int pair[2]; /* the parent's end, the child's */
};

/* First thing in a command, when nothing of our own is open yet. What is missing of 0, 1 and 2
 * becomes /dev/null, lest a file of ours take its number. 0 or an exit code, said. */
int sbx_inherit_begin(struct sbx_inherited *f);
/* Not for the command: a file of our own; and one that is not inside. */
void sbx_inherit_take(struct sbx_inherited *f, int fd);
void sbx_inherit_drop(struct sbx_inherited *f, int fd);
/*
 * What the policy would not open is never inside, where others might take the child over before it
 * could close it. The child lets go of everything but the terminal while it is outside; the parent
 * hands it over; inside, the child takes what arrives. The kernel judges: what one may not receive
 * does not arrive, and `closed` is called for it. 0 or a negative errno.
 */
int sbx_inherit_let_go(struct sbx_inherited *f, dev_t tty_dev);
void sbx_inherit_hand_over(struct sbx_inherited *f, dev_t tty_dev);
int sbx_inherit_receive(struct sbx_inherited *f, void (*closed)(int fd, void *arg), void *arg);
void sbx_inherit_end(struct sbx_inherited *f);

#endif
