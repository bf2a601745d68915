// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "user/cli/job.h"

/* What we wait for. Stop signals are not among them: they stop us, as they stop the command. */
static const int handled[] = {SIGCHLD, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGCONT, SIGUSR1, SIGUSR2};

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

void sbx_job_child(const struct sbx_job *j)
{
	sigaction(SIGCHLD, &j->old_chld, NULL);
	sigaction(SIGPIPE, &j->old_pipe, NULL);
	sigprocmask(SIG_SETMASK, &j->old_mask, NULL);
}

/* Stops us as long as nobody says otherwise; a group that no shell watches is not stopped. */
static void stop_too(const struct sbx_job *j, int sig)
{
	bool whole = sig == SIGTSTP && j->tty >= 0 && tcgetpgrp(j->tty) == getpgrp();

	/* Programs that read Ctrl-Z themselves stop their process group, of which they cannot
	 * reach what is outside the sandbox: a script around us has to stop too. */
	kill(whole ? 0 : getpid(), SIGTSTP);
	kill(j->pid, SIGCONT);
}

static bool still_stopped(const struct sbx_job *j)
{
	siginfo_t info = {0};

	return !waitid(P_PID, j->pid, &info, WSTOPPED | WNOHANG | WNOWAIT) && info.si_pid == j->pid;
}

/*
 * The command has stopped. After Ctrl-Z and fg both of us go on, and we may be the first to run:
 * only what stays stopped for a moment was stopped by itself.
 */
static void stopped(struct sbx_job *j)
{
	const struct timespec moment = {.tv_nsec = 50 * 1000 * 1000};
	int status;

	nanosleep(&moment, NULL);
	if (still_stopped(j) && waitpid(j->pid, &status, WUNTRACED | WNOHANG) == j->pid &&
	    WIFSTOPPED(status))
		stop_too(j, WSTOPSIG(status));
}

/* Those of the terminal have reached the command already. */
static void pass_on(struct sbx_job *j, const siginfo_t *info)
{
	bool sent =
		info->si_code == SI_USER || info->si_code == SI_QUEUE || info->si_code == SI_TKILL;

	if (info->si_signo == SIGINT && !sent)
		j->interrupted = true;
	if (sent && info->si_signo != SIGCHLD)
		kill(j->pid, info->si_signo);
}

/* A shell that is killed inside leaves the terminal to a group that is no more. */
static void take_terminal_back(const struct sbx_job *j, int status)
{
	sigset_t ttou, old;
	pid_t group;

	if (j->tty < 0 || !j->foreground)
		return;
	group = tcgetpgrp(j->tty);
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ttou, &old);
	if (group != getpgrp() && kill(-group, 0) && errno == ESRCH)
		tcsetpgrp(j->tty, group = getpgrp());
	if (WIFSIGNALED(status) && group == getpgrp())
		tcsetattr(j->tty, TCSADRAIN, &j->modes);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

int sbx_job_wait(struct sbx_job *j, void (*tick)(void *arg), void *arg)
{
	siginfo_t info;
	sigset_t set;
	int status, sig;

	handled_set(&set);
	for (;;) {
		if (waitpid(j->pid, &status, WNOHANG) == j->pid)
			break;
		if (still_stopped(j))
			stopped(j);
		sig = sigtimedwait(&set, &info, &quarter);
		if (sig > 0)
			pass_on(j, &info);
		tick(arg);
	}
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
