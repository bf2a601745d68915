/* SPDX-License-Identifier: MIT */
/*
 * A command as one job with us: the shell that started us must see what it would see of the command
 * alone.
 *
 * The command stays in our process group. So the terminal's own signals (Ctrl-C, Ctrl-\, Ctrl-Z, a
 * changed window size, a hangup) reach it directly, pipelines and scripts around us are one job as
 * ever, and there is no second terminal in between. What is left for us: to outlive the signals
 * that are meant for it, to pass on those that were sent to us alone, to stop when it stops, and to
 * leave the terminal as it was when it is killed.
 */
#ifndef SBX_CLI_JOB_H
#define SBX_CLI_JOB_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <termios.h>

struct sbx_job {
	pid_t pid;
	int tty;	  /* the controlling terminal, where one of 0, 1, 2 is it; else -1 */
	bool foreground;  /* it was ours when we began */
	bool interrupted; /* by the terminal */
	dev_t tty_dev;
	ino_t tty_ino;
	struct termios modes;
	sigset_t old_mask;
	struct sigaction old_chld, old_pipe;
};

/* Before the fork: our signals wait from here on. */
void sbx_job_begin(struct sbx_job *j);
/* A signal has come that means the end of us, and the command is not there yet to have it. */
bool sbx_job_cancelled(void);
/* In the child, and when there is none: signals as we found them. */
void sbx_job_child(const struct sbx_job *j);
/* Returns the wait status. `tick` is called about four times a second. */
int sbx_job_wait(struct sbx_job *j, void (*tick)(void *arg), void *arg);
/* The status as an exit code. */
int sbx_job_code(int status);
/* Ends as the command did where that matters to a shell: an interrupted script goes on if its
 * command merely returned 130. Returns otherwise. */
void sbx_job_die_alike(const struct sbx_job *j, int status);

#endif
