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

#endif
