// SPDX-License-Identifier: MIT
/* Terminals: the one that was given, and those of others. */
#include <errno.h>
#include <fcntl.h>
#include <linux/tiocl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>
#include "tests/escape/escape.h"

#define LINE_DISCIPLINE 2 /* N_MOUSE: of no consequence */

/* The size of the terminal that was given. */
static int window_size(struct esc_try *t)
{
	struct winsize w;
	int r = esc_err(ioctl(0, TIOCGWINSZ, &w));

	if (r == -ENOTTY || r == -EBADF)
		return esc_none(t, "the sandbox gives no terminal");
	if (!r)
		esc_prove(t, "asked its terminal for its size");
	return r;
}

static int push(int fd)
{
	return esc_err(ioctl(fd, TIOCSTI, "x"));
}

static int push_native(struct esc_try *t)
{
	return push(0);
}

/* The same call by the gate for 32-bit programs, which passes other hooks. */
static int push_compat(struct esc_try *t)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int r;

	if (low == MAP_FAILED)
		return -errno;
	*low = 'x';
	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "0"(54 /* ioctl */), "b"(0), "c"(TIOCSTI), "d"((unsigned)(uintptr_t)low)
			 : "memory", "r8", "r9", "r10", "r11");
	return r;
}

static int push_devtty(struct esc_try *t)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : push(fd);
}

/* In a session of its own, with somebody's terminal as its controlling one. */
static int push_other(struct esc_try *t)
{
	pid_t pid = fork();
	int fd;

	if (!pid) {
		setsid();
		fd = open(t->w->pty, O_RDWR | O_CLOEXEC);
		_exit(fd < 0 ? errno : -push(fd));
	}
	return esc_wait(pid);
}

static int paste(struct esc_try *t)
{
	char arg[2] = {TIOCL_PASTESEL};
	int r = esc_err(ioctl(0, TIOCLINUX, arg));

	if (!r)
		esc_prove(t, "pasted into a console");
	return r == -ENOTTY || r == -EINVAL ? esc_none(t, "it is no virtual console") : r;
}

static int discipline(struct esc_try *t)
{
	int n = LINE_DISCIPLINE, zero = 0, r = esc_err(ioctl(0, TIOCSETD, &n));

	if (r == -EINVAL || r == -ENOTTY)
		return esc_none(t, "no terminal, or no such line discipline");
	if (!r)
		esc_prove(t, "loaded a line discipline");
	ioctl(0, TIOCSETD, &zero);
	return r;
}

static int console_output(struct esc_try *t)
{
	int r = esc_err(ioctl(0, TIOCCONS, NULL));

	if (!r) {
		esc_prove(t, "gets what is written to the console");
		close(open("/dev/console", O_WRONLY | O_NOCTTY));
	}
	return r == -ENOTTY ? esc_none(t, "the sandbox gives no terminal") : r;
}

/* In a session of its own, from those outside who have it. */
static int steal(struct esc_try *t)
{
	pid_t pid = fork();
	int r;

	if (!pid) {
		setsid();
		_exit(ioctl(0, TIOCSCTTY, 1) ? errno : 0);
	}
	r = esc_wait(pid);
	if (!r)
		esc_prove(t, "took its terminal away from those outside");
	return r == -ENOTTY ? esc_none(t, "the sandbox gives no terminal") : r;
}

static int write_other(struct esc_try *t)
{
	int fd = open(t->w->pty, O_WRONLY | O_NOCTTY | O_CLOEXEC);

	return fd < 0 ? -errno : esc_err(write(fd, "\033]0;x\a", 6));
}

static int read_other(struct esc_try *t)
{
	char buf[64];
	int fd = open(t->w->pty, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));

	if (n > 0)
		esc_saw(t, buf, n, "what was typed into somebody's terminal");
	return esc_err(n);
}

/* The terminal of a process outside, by its own descriptor. */
static int settings_other(struct esc_try *t)
{
	struct termios s;
	int fd = open(t->w->pty, O_RDWR | O_NOCTTY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = esc_err(tcgetattr(fd, &s));
	if (!r)
		r = esc_err(tcsetattr(fd, TCSANOW, &s));
	if (!r)
		esc_prove(t, "set somebody's terminal");
	return r;
}

static int first_console(struct esc_try *t)
{
	int fd = open("/dev/tty1", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == ENXIO ? esc_none(t, "there is no console")
							 : -errno;
	esc_prove(t, "opened a console");
	return 0;
}

static int console_memory(struct esc_try *t)
{
	int fd = open("/dev/vcsa1", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == ENXIO ? esc_none(t, "there is no console")
							 : -errno;
	esc_prove(t, "reads a console's screen");
	return 0;
}

#define TIOCSTI_CVE "CVE-2017-5226 (bubblewrap), CVE-2019-10063 (flatpak), CVE-2023-1523 (snapd)"

const struct esc_case esc_terminals[] = {
	{"tiocsti", "types into its terminal, for the shell outside to read", TIOCSTI_CVE,
	 push_native, window_size},
	{"tiocsti-compat", "types by the gate for 32-bit programs",
	 "CVE-2019-10063: the argument was compared in 64 bits", push_compat, window_size},
	{"tiocsti-devtty", "types by /dev/tty", TIOCSTI_CVE, push_devtty, window_size},
	{"tiocsti-other", "types into somebody else's terminal", NULL, push_other, window_size},
	{"tioclinux", "pastes into a console", "CVE-2023-28100 (flatpak)", paste, window_size},
	{"tiocsetd", "loads a line discipline", "CVE-2017-2636 (n_hdlc)", discipline, window_size},
	{"tioccons", "diverts the console", NULL, console_output, window_size, ESC_ROOT},
	{"write-other", "writes to somebody else's terminal", NULL, write_other, window_size},
	{"read-other", "reads what was typed into somebody else's terminal", NULL, read_other,
	 window_size},
	{"set-other", "sets somebody else's terminal", NULL, settings_other, window_size},
	{"console", "opens a console", NULL, first_console, window_size, ESC_ROOT},
	{"steal", "takes its terminal away from the session outside", NULL, steal, window_size,
	 ESC_ROOT},
	{"console-screen", "reads a console's screen", NULL, console_memory, window_size, ESC_ROOT},
	{0},
};
