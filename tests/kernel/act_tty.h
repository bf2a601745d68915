/* SPDX-License-Identifier: MIT */
/* Terminals: typing for others, and taking their console. Part of act_ops.h. */
#ifndef SBX_ACT_TTY_H
#define SBX_ACT_TTY_H

#include <linux/kd.h>
#include <linux/keyboard.h>

static long ioctl_32(int fd, unsigned long cmd, void *arg)
{
	long r = 54; /* ioctl */

	asm volatile("int $0x80"
		     : "+a"(r)
		     : "b"(fd), "c"(cmd), "d"(arg)
		     : "memory", "r8", "r9", "r10", "r11");
	return r;
}

/* The console is its own again. */
static void give_console_back(void)
{
	int fd = open("/dev/console", O_WRONLY | O_NOCTTY);

	ioctl(fd, TIOCCONS);
	close(fd);
}

/* KIND, native|int80 (by the door of 32-bit programs), DEVICE */
static int do_tty(char **a)
{
	static const struct {
		const char *name;
		unsigned long cmd;
		int arg;
	} kinds[] = {{"sti", TIOCSTI, 'x'},
		     {"setd", TIOCSETD, 0 /* N_TTY */},
		     {"linux", TIOCLINUX, 6 /* TIOCL_GETSHIFTSTATE */},
		     {"cons", TIOCCONS, 0},
		     /* what the keys of a console type: "a" for A, nothing for F1, no accents */
		     {"keys", KDSKBENT, (KT_LETTER << 8 | 'a') << 16 | 30 << 8},
		     {"texts", KDSKBSENT, 0},
		     {"accents", KDSKBDIACR, 0},
		     {"scancode", KDSETKEYCODE, 1}};
	int *arg = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
			-1, 0);
	int fd = open(a[2], O_RDWR | O_NOCTTY), r;
	size_t i;

	if (fd < 0 || arg == MAP_FAILED)
		return -errno;
	for (i = 0; strcmp(kinds[i].name, a[0]); i++)
		;
	*arg = kinds[i].arg;
	r = strcmp(a[1], "int80") ? result(ioctl(fd, kinds[i].cmd, arg))
				  : ioctl_32(fd, kinds[i].cmd, arg);
	if (r >= 0 && kinds[i].cmd == TIOCCONS)
		give_console_back();
	munmap(arg, 4096);
	close(fd);
	return r < 0 ? r : 0;
}

/* --- hanging up --- */

/* The end of a new pair that somebody would sit at. */
static int new_pair(int *other_end)
{
	int fd;

	*other_end = posix_openpt(O_RDWR | O_NOCTTY);
	if (*other_end < 0 || unlockpt(*other_end))
		return -errno;
	fd = ioctl(*other_end, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

/* Somebody's */
static int do_hangup(char **a)
{
	int fd = open(a[0], O_RDWR | O_NOCTTY), r;

	if (fd < 0)
		return -errno;
	r = result(ioctl(fd, TIOCVHANGUP));
	close(fd);
	return r;
}

static int do_hangup_own(char **a)
{
	int other_end, fd = new_pair(&other_end), r;

	if (fd < 0)
		return fd;
	r = result(ioctl(fd, TIOCVHANGUP));
	close(fd);
	close(other_end);
	return r;
}

/* A session of its own at a new pair, that does `fn`. */
static int at_new_pair(int (*fn)(int other_end, const char *arg), const char *arg)
{
	pid_t pid = fork();
	int other_end, fd;

	if (pid)
		return wait_exec(pid);
	fd = new_pair(&other_end);
	if (fd < 0)
		_exit(-fd);
	if (setsid() < 0 || ioctl(fd, TIOCSCTTY, 0))
		_exit(errno);
	signal(SIGHUP, SIG_IGN);
	_exit(-fn(other_end, arg));
}

static int hang_up_call(int other_end, const char *how)
{
	long r = 111; /* vhangup, for 32-bit programs */

	if (strcmp(how, "int80"))
		return result(vhangup());
	asm volatile("int $0x80" : "+a"(r) : : "memory", "r8", "r9", "r10", "r11");
	return r;
}

/* native|int80: vhangup(2) of one's own terminal */
static int do_vhangup(char **a)
{
	return at_new_pair(hang_up_call, a[0]);
}

static int close_other_end(int other_end, const char *unused)
{
	sigset_t hup;

	sigemptyset(&hup);
	sigaddset(&hup, SIGHUP);
	sigprocmask(SIG_BLOCK, &hup, NULL);
	signal(SIGHUP, SIG_DFL);
	close(other_end);
	return sigtimedwait(&hup, NULL, &(struct timespec){.tv_sec = 20}) == SIGHUP ? 0 : -errno;
}

/* What anybody can do with a pair of his own. */
static int do_hangup_close(char **a)
{
	return at_new_pair(close_other_end, NULL);
}

#endif
