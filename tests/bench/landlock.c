// SPDX-License-Identifier: MIT
/* Landlock, by system calls: the C library has no functions for it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "bench.h"

/* Later than the headers of Debian 12. */
#define ACCESS_FS_TRUNCATE  (1ull << 14) /* ABI 3 */
#define ACCESS_NET_BIND	    (1ull << 0)	 /* ABI 4 */
#define ACCESS_NET_CONNECT  (1ull << 1)
#define ACCESS_FS_IOCTL_DEV (1ull << 15) /* ABI 5 */
#define RULE_NET_PORT	    2

struct ruleset {
	uint64_t fs, net;
};

struct net_port {
	uint64_t access, port;
};

/* Every right on files that this ABI knows. */
static uint64_t all_fs(int abi)
{
	uint64_t v = (1ull << 13) - 1; /* ABI 1 */

	if (abi >= 2)
		v |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		v |= ACCESS_FS_TRUNCATE;
	if (abi >= 5)
		v |= ACCESS_FS_IOCTL_DEV;
	return v;
}

static void allow_below(int ruleset, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr a = {.allowed_access = access};

	a.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (a.parent_fd < 0)
		die("%s: %m", path);
	must(syscall(__NR_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &a, 0),
	     "landlock_add_rule");
	close(a.parent_fd);
}

static void allow_port(int ruleset, unsigned port)
{
	struct net_port a = {ACCESS_NET_BIND | ACCESS_NET_CONNECT, port};

	must(syscall(__NR_landlock_add_rule, ruleset, RULE_NET_PORT, &a, 0),
	     "landlock_add_rule for a port");
}

/* What the policy ai-agent lets programs use, as far as Landlock can say it. */
static void allow_system(int ruleset, const char *root, uint64_t all)
{
	static const char *const dirs[] = {"/usr", "/bin",  "/sbin", "/lib", "/lib64", "/opt",
					   "/etc", "/proc", "/sys",  "/dev", "/root"};
	const uint64_t look = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
			      LANDLOCK_ACCESS_FS_EXECUTE;
	char path[BENCH_PATH];
	size_t i;

	for (i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		if (!access(dirs[i], F_OK))
			allow_below(ruleset, dirs[i], look);
	allow_below(ruleset, "/dev", look | LANDLOCK_ACCESS_FS_WRITE_FILE);
	snprintf(path, sizeof(path), "%s/tmp", root);
	allow_below(ruleset, path, all);
}

void landlock_restrict(const char *root, unsigned n, bool system)
{
	int abi = must(syscall(__NR_landlock_create_ruleset, NULL, 0, 1), "landlock");
	struct ruleset attr = {.fs = all_fs(abi)};
	char path[BENCH_PATH];
	unsigned i;
	int fd;

	if (abi >= 4)
		attr.net = ACCESS_NET_BIND | ACCESS_NET_CONNECT;
	/* Smaller where the kernel's is: unknown members must be zero. */
	fd = must(syscall(__NR_landlock_create_ruleset, &attr, abi >= 4 ? 16 : 8, 0),
		  "landlock_create_ruleset");
	snprintf(path, sizeof(path), "%s/p", root);
	allow_below(fd, path, attr.fs);
	for (i = 1; i < n; i++) {
		snprintf(path, sizeof(path), "%s/r/%u", root, i);
		allow_below(fd, path, attr.fs);
	}
	if (system)
		allow_system(fd, root, attr.fs);
	for (i = 0; abi >= 4 && i < n; i++) /* 0: the kernel picks */
		allow_port(fd, i ? 20000 + i : 0);
	for (i = 0; abi >= 4 && i < 2; i++)
		allow_port(fd, i ? 9 : 10010); /* those of cases.c */
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	must(syscall(__NR_landlock_restrict_self, fd, 0), "landlock_restrict_self");
	close(fd);
}
