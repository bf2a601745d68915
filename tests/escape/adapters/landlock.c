// SPDX-License-Identifier: MIT
/*
 * Landlock as far as this kernel's goes: what the planted world may have, by its rules. Denials
 * inside what is allowed, datagrams and unix sockets with a path are beyond it; the adapter says
 * so.
 *
 *   landlock --abi           which there is
 *   landlock CMD ARG…        runs CMD; the world is in ESC_DIR, the ports in ESC_TCP4 and ESC_TCP6
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/landlock.h, of which older systems have an older one */
struct ruleset {
	uint64_t fs, net, scoped;
};

struct path_rule {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

struct port_rule {
	uint64_t allowed, port;
};

enum {
	EXECUTE = 1 << 0,
	WRITE_FILE = 1 << 1,
	READ_FILE = 1 << 2,
	READ_DIR = 1 << 3,
	IOCTL_DEV = 1 << 15,
	FS_1 = (1 << 13) - 1, /* ABI 1 */
	REFER = 1 << 13,      /* ABI 2 */
	TRUNCATE = 1 << 14,   /* ABI 3 */
	NET_BIND = 1 << 0,    /* ABI 4 */
	NET_CONNECT = 1 << 1,
	SCOPE_ABSTRACT = 1 << 0, /* ABI 6 */
	SCOPE_SIGNAL = 1 << 1,
};

static long handled;

static int allow(int set, const char *path, uint64_t rights)
{
	struct path_rule r = {.allowed = rights & handled, .fd = open(path, O_PATH | O_CLOEXEC)};
	struct stat st;
	int rc;

	if (r.fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (!fstat(r.fd, &st) && !S_ISDIR(st.st_mode))
		r.allowed &= EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;
	rc = syscall(SYS_landlock_add_rule, set, 1, &r, 0);
	close(r.fd);
	return rc;
}

/* NULL: a port of the kernel's choice. */
static int allow_port(int set, uint64_t right, const char *name)
{
	struct port_rule r = {right, name ? atol(getenv(name)) : 0};

	return syscall(SYS_landlock_add_rule, set, 2, &r, 0);
}

static int rules(int set, int abi, const char *world)
{
	static const char *const programs[] = {"/usr", "/bin", "/sbin", "/lib", "/lib64"};
	static const char *const readable[] = {"/etc", "/proc"};
	static const char *const devices[] = {"/dev/null", "/dev/zero",	   "/dev/full",
					      "/dev/tty",  "/dev/urandom", "/dev/random"};
	char path[4096];
	size_t i;
	int rc = 0;

	for (i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		rc |= allow(set, programs[i], EXECUTE | READ_FILE | READ_DIR);
	for (i = 0; i < sizeof(readable) / sizeof(*readable); i++)
		rc |= allow(set, readable[i], READ_FILE | READ_DIR);
	for (i = 0; i < sizeof(devices) / sizeof(*devices); i++)
		rc |= allow(set, devices[i], READ_FILE | WRITE_FILE);
	snprintf(path, sizeof(path), "%s/project", world);
	rc |= allow(set, path, handled);
	snprintf(path, sizeof(path), "%s/shared", world);
	rc |= allow(set, path, READ_FILE | READ_DIR);
	if (abi >= 4)
		rc |= allow_port(set, NET_CONNECT, "ESC_TCP4") |
		      allow_port(set, NET_CONNECT, "ESC_TCP6") | allow_port(set, NET_BIND, NULL);
	return rc;
}

int main(int argc, char **argv)
{
	int abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1), set;
	struct ruleset r = {0};

	if (abi < 1)
		return fprintf(stderr, "Landlock: %s\n", strerror(errno)), 1;
	if (argc == 2 && !strcmp(argv[1], "--abi"))
		return printf("%d\n", abi), 0;
	handled = FS_1 | (abi >= 2 ? REFER : 0) | (abi >= 3 ? TRUNCATE : 0) |
		  (abi >= 5 ? IOCTL_DEV : 0);
	r.fs = handled;
	r.net = abi >= 4 ? NET_BIND | NET_CONNECT : 0;
	r.scoped = abi >= 6 ? SCOPE_ABSTRACT | SCOPE_SIGNAL : 0;
	set = syscall(SYS_landlock_create_ruleset, &r, abi >= 6 ? 24 : abi >= 4 ? 16 : 8, 0);
	if (argc < 2 || set < 0 || rules(set, abi, getenv("ESC_DIR")) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_landlock_restrict_self, set, 0))
		return perror("Landlock"), 125;
	close(set);
	execvp(argv[1], argv + 1);
	return perror(argv[1]), 127;
}
