// SPDX-License-Identifier: MIT
/*
 * What the verifier had to do for each of our programs: one line per pinned link,
 * "INSTRUCTIONS-VERIFIED INSTRUCTIONS-LOADED BYTES-OF-MACHINE-CODE NAME". Exit status 1 if none.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "sbx_limits.h"

#define PIN_DIR "/sys/fs/bpf/sbx-bpf/v6"
_Static_assert(SBX_ABI == 6, "the pin directory's name carries the ABI");

static int sys_bpf(int cmd, union bpf_attr *attr)
{
	return syscall(__NR_bpf, cmd, attr, sizeof(*attr));
}

static int info(int fd, void *out, unsigned size)
{
	union bpf_attr attr = {
		.info = {.bpf_fd = fd, .info_len = size, .info = (unsigned long)out},
	};

	memset(out, 0, size);
	return sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
}

static int open_link(const char *path)
{
	union bpf_attr attr = {.pathname = (unsigned long)path};

	return sys_bpf(BPF_OBJ_GET, &attr);
}

static int open_prog(unsigned id)
{
	union bpf_attr attr = {.prog_id = id};

	return sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr);
}

static int show(const char *path, const char *name)
{
	struct bpf_prog_info prog;
	struct bpf_link_info link;
	int l, p, r = -1;

	l = open_link(path);
	p = l < 0 || info(l, &link, sizeof(link)) ? -1 : open_prog(link.prog_id);
	if (p >= 0 && !info(p, &prog, sizeof(prog))) {
		printf("%7u %6u %6u %s\n", prog.verified_insns, prog.xlated_prog_len / 8,
		       prog.jited_prog_len, name);
		r = 0;
	} else {
		fprintf(stderr, "error: cannot read the program of %s (%s)\n", path,
			strerror(errno));
	}
	if (p >= 0)
		close(p);
	if (l >= 0)
		close(l);
	return r;
}

int main(void)
{
	DIR *dir = opendir(PIN_DIR);
	struct dirent *e;
	char path[512];
	int n = 0;

	while (dir && (e = readdir(dir))) {
		if (strncmp(e->d_name, "link_", 5))
			continue;
		snprintf(path, sizeof(path), PIN_DIR "/%s", e->d_name);
		if (show(path, e->d_name + 5))
			return 1;
		n++;
	}
	if (dir)
		closedir(dir);
	return n ? 0 : 1;
}
