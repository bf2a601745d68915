// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "user/cli/job.h"

/* What we wait for. Of stop signals nothing is to be done: we stop when the command has stopped,
 * not before, since it may have a screen to put back first. */
static const int handled[] = {SIGCHLD, SIGTERM, SIGHUP,	 SIGINT,  SIGQUIT, SIGCONT,
			      SIGUSR1, SIGUSR2, SIGTSTP, SIGTTIN, SIGTTOU};

static const struct timespec quarter = {.tv_nsec = 250 * 1000 * 1000};

static void handled_set(sigset_t *set)
{
	size_t i;

	sigemptyset(set);
	for (i = 0; i < sizeof(handled) / sizeof(*handled); i++)
		sigaddset(set, handled[i]);
}

static void find_terminal(struct sbx_job *j)
{
	struct stat st;
	int fd;

	j->tty = -1;
	for (fd = 0; fd <= 2 && j->tty < 0; fd++)
		if (isatty(fd) && tcgetsid(fd) == getsid(0) && !fstat(fd, &st) &&
		    !tcgetattr(fd, &j->modes))
			j->tty = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (j->tty < 0)
		return;
	j->tty_dev = st.st_rdev;
	j->tty_ino = st.st_ino;
	j->foreground = tcgetpgrp(j->tty) == getpgrp();
}

void sbx_job_begin(struct sbx_job *j)
{
	struct sigaction chld = {.sa_handler = SIG_DFL}, pipe = {.sa_handler = SIG_IGN};
	sigset_t set;

	*j = (struct sbx_job){0};
	find_terminal(j);
	handled_set(&set);
	/* Whoever started us may ignore SIGCHLD: then nothing could be waited for. */
	sigaction(SIGCHLD, &chld, &j->old_chld);
	sigaction(SIGPIPE, &pipe, &j->old_pipe);
	sigprocmask(SIG_BLOCK, &set, &j->old_mask);
}

bool sbx_job_cancelled(void)
{
	static const int deadly[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};
	struct sigaction sa;
	sigset_t set;
	size_t i;

	sigpending(&set);
	for (i = 0; i < sizeof(deadly) / sizeof(*deadly); i++)
		if (sigismember(&set, deadly[i]) && !sigaction(deadly[i], NULL, &sa) &&
		    sa.sa_handler != SIG_IGN)
			return true;
	return false;
}

void sbx_job_child(const struct sbx_job *j)
{
	sigaction(SIGCHLD, &j->old_chld, NULL);
	sigaction(SIGPIPE, &j->old_pipe, NULL);
	sigprocmask(SIG_SETMASK, &j->old_mask, NULL);
}

/*
 * The command has stopped: so do we, until a shell lets us go on. A group that no shell watches is
 * not stopped by SIGTSTP; then the command goes on at once.
 */
static void stop_too(const struct sbx_job *j, int sig)
{
	bool whole = sig == SIGTSTP && j->tty >= 0 && tcgetpgrp(j->tty) == getpgrp();
	static const struct timespec none;
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	while (sigtimedwait(&stop, NULL, &none) > 0)
		;
	/* Programs that read Ctrl-Z themselves stop their process group, of which they cannot
	 * reach what is outside the sandbox: a script around us has to stop, too. */
	kill(whole ? 0 : getpid(), SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &stop, NULL); /* here we stop */
	sigprocmask(SIG_BLOCK, &stop, NULL);
	kill(j->pid, SIGCONT);
}

static bool was_sent(const siginfo_t *info)
{
	return info->si_code == SI_USER || info->si_code == SI_QUEUE || info->si_code == SI_TKILL;
}

/* The next signal; those of the terminal have reached the command already. */
static int next_signal(struct sbx_job *j, const struct timespec *wait, siginfo_t *info)
{
	sigset_t set;
	int sig;

	handled_set(&set);
	sig = sigtimedwait(&set, info, wait);
	if (sig == SIGINT && !was_sent(info))
		j->interrupted = true;
	return sig;
}

/* A shell that is killed inside leaves the terminal to a group that is no more. SIGTTOU is blocked,
 * so that we may, whoever has it. */
static void take_terminal_back(const struct sbx_job *j, int status)
{
	pid_t group;

	if (j->tty < 0 || !j->foreground)
		return;
	group = tcgetpgrp(j->tty);
	if (group != getpgrp() && kill(-group, 0) && errno == ESRCH)
		tcsetpgrp(j->tty, group = getpgrp());
	if (WIFSIGNALED(status) && group == getpgrp())
		tcsetattr(j->tty, TCSADRAIN, &j->modes);
}

int sbx_job_wait(struct sbx_job *j, void (*tick)(void *arg), void *arg)
{
	static const struct timespec none;
	siginfo_t info;
	int status, sig;

	for (;;) {
		if (waitpid(j->pid, &status, WNOHANG | WUNTRACED) == j->pid) {
			if (!WIFSTOPPED(status))
				break;
			stop_too(j, WSTOPSIG(status));
			continue;
		}
		sig = next_signal(j, &quarter, &info);
		if (sig > 0 && sig != SIGCHLD && was_sent(&info))
			kill(j->pid, sig);
		tick(arg);
	}
	while (next_signal(j, &none, &info) > 0) /* what killed it has come to us, too */
		;
	take_terminal_back(j, status);
	return status;
}

int sbx_job_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void sbx_job_die_alike(const struct sbx_job *j, int status)
{
	sigset_t set;

	if (!j->interrupted || !WIFSIGNALED(status) || WTERMSIG(status) != SIGINT)
		return;
	signal(SIGINT, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	raise(SIGINT);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}
