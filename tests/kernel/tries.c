// SPDX-License-Identifier: MIT
/*
 * Lines of "read PATH", "write PATH", "exec PATH": tries each, and prints what the kernel said, a
 * word a line: allowed, denied, or the name of another error. For very many of them
 * (test_explain.sh).
 *
 * A file that is executed is no program: the kernel asks for the right first and finds that out
 * afterwards, so one process is enough. Directories are written to by changing their mode.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int try_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int try_write(const char *path)
{
	struct stat st;
	int fd;

	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return chmod(path, st.st_mode & 07777) ? errno : 0;
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int try_exec(const char *path)
{
	char *const argv[] = {(char *)path, NULL}, *const env[] = {NULL};

	execve(path, argv, env);
	return errno == ENOEXEC ? 0 : errno;
}

int main(void)
{
	char line[4096];

	while (fgets(line, sizeof(line), stdin)) {
		char *path = strchr(line, ' ');
		int err = EINVAL;

		line[strcspn(line, "\n")] = 0;
		if (path)
			*path++ = 0;
		if (path && !strcmp(line, "read"))
			err = try_read(path);
		else if (path && !strcmp(line, "write"))
			err = try_write(path);
		else if (path && !strcmp(line, "exec"))
			err = try_exec(path);
		puts(!err			     ? "allowed"
		     : err == EACCES || err == EPERM ? "denied"
						     : strerrorname_np(err));
	}
	return 0;
}
