/* SPDX-License-Identifier: MIT */
/* Where the kernel's command line is written down on this machine, and the full line to write. */
#ifndef SBX_BOOTLINE_H
#define SBX_BOOTLINE_H

/*
 * What to do so that the kernel starts with bpf among its LSMs, exactly: which file, which line,
 * which command. `active` is the list of today's; `root` is put before every path ("" but in
 * tests); `release` is the kernel's (WSL is told from it); `cmdline` is its present command line.
 * Owned by the caller; NULL: out of memory.
 */
char *sbx_bootline_lsm(const char *root, const char *release, const char *cmdline,
		       const char *active);

#endif
