/* SPDX-License-Identifier: MIT */
/* What the administrator does meanwhile. Part of act.c. */
#ifndef SBX_ACT_ADMIN_H
#define SBX_ACT_ADMIN_H

static int do_bind_mount(char **a)
{
	return result(mount(a[0], a[1], NULL, MS_BIND, NULL));
}

static int do_move_mount(char **a)
{
	return result(mount(a[0], a[1], NULL, MS_MOVE, NULL));
}

static int do_umount(char **a)
{
	return result(umount(a[0]));
}

/* What the environment says under that name. */
static int do_shell(char **a)
{
	const char *command = getenv(a[0]);

	return command && !system(command) ? 0 : -EIO;
}

static int do_touch(char **a)
{
	int fd = open(a[0], O_WRONLY | O_CREAT, 0666);

	if (fd >= 0)
		fchmod(fd, 0666);
	return closed(fd);
}

static int do_drop_caches(char **a)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY), r;

	sync();
	r = fd >= 0 && write(fd, "3", 1) == 1 ? 0 : -errno;
	close(fd);
	return r;
}

#endif
