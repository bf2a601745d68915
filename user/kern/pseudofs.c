// SPDX-License-Identifier: MIT
/* Files of the kernel's own file systems that are mounted nowhere: a mount that nobody sees. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>
#include "user/kern/internal.h"

static int mount_unseen(const char *type)
{
	int fs = fsopen(type, FSOPEN_CLOEXEC), mnt = -1;

	if (fs < 0)
		return -1;
	if (!fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		mnt = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	close(fs);
	return mnt;
}

bool sbx_pseudofs_line(const char *type, const char *usual, const char *path, char *buf,
		       size_t size)
{
	char full[256];
	ssize_t n = -1;
	int fd, mnt = -1;

	snprintf(full, sizeof(full), "%s/%s", usual, path);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		mnt = mount_unseen(type);
		fd = mnt < 0 ? -1 : openat(mnt, path, O_RDONLY | O_CLOEXEC);
	}
	if (fd >= 0) {
		n = read(fd, buf, size - 1);
		close(fd);
	}
	if (mnt >= 0)
		close(mnt);
	if (n <= 0)
		return false;
	buf[n] = 0;
	buf[strcspn(buf, "\n")] = 0;
	return true;
}
