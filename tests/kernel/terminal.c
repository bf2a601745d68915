// SPDX-License-Identifier: MIT
/*
 * A command at a terminal of a user's: its controlling one, on stdin.
 *
 *	terminal UID DIR [-c DEVICE] COMMAND ARGUMENT...
 *
 * DIR/own becomes a symlink to that terminal, a new one or the given console, and DIR/other to
 * another of the same user's. What is written to them goes nowhere. After a minute and a half the
 * command is ended. Exit status: the command's.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_S 90

static void die(const char *what)
{
	perror(what);
	exit(125);
}

/* Opens the terminal that is DIR/NAME then. */
static int give(const char *device, uid_t uid, const char *dir, const char *name)
{
	char link[4096];
	int fd = open(device, O_RDWR | O_NOCTTY | O_CLOEXEC);

	snprintf(link, sizeof(link), "%s/%s", dir, name);
	unlink(link);
	if (fd < 0 || fchown(fd, uid, -1) || symlink(device, link))
		die(device);
	return fd;
}

/* The end that somebody would sit at. */
static int new_pair(void)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || unlockpt(fd))
		die("a new terminal");
	return fd;
}

static pid_t start(int tty, char **argv)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	if (setsid() < 0 || ioctl(tty, TIOCSCTTY, 1) || dup2(tty, 0))
		die("a terminal of one's own");
	execvp(argv[0], argv);
	die(argv[0]);
	return -1;
}

/* A change of the line discipline waits until what was written is read. */
static int drain(pid_t pid, struct pollfd *ends, int n)
{
	char buf[4096];
	int i, status, left = PATIENCE_S * 10;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (!left--)
			kill(-pid, SIGKILL);
		poll(ends, n, 100);
		for (i = 0; i < n; i++)
			if (ends[i].revents & POLLIN && read(ends[i].fd, buf, sizeof(buf)) < 0)
				ends[i].fd = -1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 124;
}

int main(int argc, char **argv)
{
	struct pollfd ends[] = {{.fd = -1, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
	const char *device = argc > 5 && !strcmp(argv[3], "-c") ? argv[4] : NULL;
	int own;

	if (argc < 4) {
		fprintf(stderr, "usage: terminal UID DIR [-c DEVICE] COMMAND...\n");
		return 125;
	}
	ends[0].fd = new_pair();
	ends[1].fd = new_pair();
	own = give(device ? device : ptsname(ends[0].fd), atoi(argv[1]), argv[2], "own");
	give(ptsname(ends[1].fd), atoi(argv[1]), argv[2], "other");
	return drain(start(own, argv + (device ? 5 : 3)), ends, 2);
}
