// SPDX-License-Identifier: MIT
/* /proc and /sys: what is written there governs the machine. Written is what was there before. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/escape/escape.h"

static int own_comm(struct esc_try *t)
{
	int fd = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
	char buf[16];
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));

	if (n > 0)
		esc_prove(t, "read its own name in /proc");
	return esc_err(n);
}

/* Writes back what is there. A file that cannot be read is opened for writing, no more. */
static int rewrite(struct esc_try *t, const char *path)
{
	char buf[512];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));

	if (fd < 0 && errno == ENOENT)
		return esc_none(t, "the kernel has no such file");
	close(fd);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? esc_none(t, "the kernel has no such file") : -errno;
	if (n > 0 && write(fd, buf, n) < 0 && (errno == EPERM || errno == EACCES)) {
		close(fd);
		return -errno;
	}
	esc_prove(t, "%s is open for writing", path);
	close(fd);
	return 0;
}

/* Process 1 of a PID namespace of its own is not outside. */
static bool own_init(struct esc_try *t, const char *path)
{
	return !strncmp(path, "/proc/1/", 8) && esc_own_ns(t, "pid");
}

/* Only ever opened: what is written there acts at once. */
static int open_write(struct esc_try *t, const char *path)
{
	int fd = own_init(t, path) ? -1 : open(path, O_WRONLY | O_CLOEXEC);

	if (own_init(t, path))
		return esc_none(t, "process 1 is inside");
	if (fd < 0)
		return errno == ENOENT ? esc_none(t, "the kernel has no such file") : -errno;
	esc_prove(t, "%s is open for writing", path);
	close(fd);
	return 0;
}

static int open_read(struct esc_try *t, const char *path)
{
	int fd = own_init(t, path) ? -1 : open(path, O_RDONLY | O_CLOEXEC);

	if (own_init(t, path))
		return esc_none(t, "process 1 is inside");
	if (fd < 0)
		return errno == ENOENT ? esc_none(t, "the kernel has no such file") : -errno;
	esc_prove(t, "%s is open for reading", path);
	close(fd);
	return 0;
}

/* Some sandboxes put something empty there. */
static int peek(struct esc_try *t, const char *path)
{
	char byte;
	int fd = own_init(t, path) ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, &byte, 1);

	if (own_init(t, path))
		return esc_none(t, "process 1 is inside");
	if (n > 0)
		esc_prove(t, "read from %s", path);
	else if (n < 0)
		n = errno == ENOENT ? esc_none(t, "the kernel has no such file") : -errno;
	close(fd);
	return n > 0 ? 0 : n;
}

#define ACT(name, how, path)               \
	static int name(struct esc_try *t) \
	{                                  \
		return how(t, path);       \
	}

ACT(core_pattern, rewrite, "/proc/sys/kernel/core_pattern")
ACT(modprobe, rewrite, "/proc/sys/kernel/modprobe")
ACT(hotplug, rewrite, "/sys/kernel/uevent_helper")
ACT(binfmt, open_write, "/proc/sys/fs/binfmt_misc/register")
ACT(sysrq_trigger, open_write, "/proc/sysrq-trigger")
ACT(randomize, rewrite, "/proc/sys/kernel/randomize_va_space")
ACT(ptrace_scope, rewrite, "/proc/sys/kernel/yama/ptrace_scope")
ACT(protected_links, rewrite, "/proc/sys/fs/protected_hardlinks")
ACT(suid_dumpable, rewrite, "/proc/sys/fs/suid_dumpable")
ACT(ip_forward, rewrite, "/proc/sys/net/ipv4/ip_forward")
ACT(drop_caches, open_write, "/proc/sys/vm/drop_caches")
ACT(kcore, peek, "/proc/kcore")
ACT(kmsg, open_read, "/dev/kmsg")
ACT(kmsg_write, open_write, "/dev/kmsg")
ACT(timer_list, peek, "/proc/timer_list")
ACT(pagemap_init, peek, "/proc/1/environ")
ACT(init_root, peek, "/proc/1/root/etc/shadow")
ACT(init_mem, open_read, "/proc/1/mem")
ACT(oom_victim, open_write, "/proc/1/oom_score_adj")
ACT(power_state, open_write, "/sys/power/state")
ACT(tracing, open_write, "/sys/kernel/tracing/kprobe_events")
ACT(debugfs, open_write, "/sys/kernel/debug/clear_warn_once")
ACT(selinux_load, open_write, "/sys/kernel/security/apparmor/.load")
ACT(lockdown, open_write, "/sys/kernel/security/lockdown")
ACT(kexec_crash, open_write, "/sys/kernel/kexec_crash_size")
ACT(pci_rescan, open_write, "/sys/bus/pci/rescan")
ACT(firmware, open_write, "/sys/module/firmware_class/parameters/path")
ACT(bpf_jit, rewrite, "/proc/sys/net/core/bpf_jit_enable")
ACT(mem_device, open_read, "/dev/mem")
ACT(port_device, open_read, "/dev/port")

static int uid_map_victim(struct esc_try *t)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/oom_score_adj", t->w->victim);
	return open_write(t, path);
}

static int clear_refs_victim(struct esc_try *t)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/clear_refs", t->w->victim);
	return open_write(t, path);
}

/* The program that the sandbox was started from. */
static int own_exe(struct esc_try *t)
{
	int fd;

	if (t->twin)
		return own_comm(t);
	fd = open("/proc/self/map_files", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(fd);
	return open_write(t, "/bin/true");
}

#define CORE \
	"core_pattern runs a program of the attacker's outside: the classic of container escapes"
#define MASK \
	"among the paths that container runtimes mask; CVE-2016-9962, CVE-2019-5736 went by /proc"
#define TRIM own_comm, ESC_ROOT

const struct esc_case esc_proc[] = {
	{"core-pattern", "names the program that gets core dumps", CORE, core_pattern, TRIM},
	{"modprobe", "names the program that loads modules",
	 "a program of the attacker's runs outside", modprobe, TRIM},
	{"uevent-helper", "names the program that hears of devices",
	 "a program of the attacker's runs outside", hotplug, TRIM},
	{"binfmt", "registers an interpreter", "a program of the attacker's runs outside", binfmt,
	 TRIM},
	{"sysrq", "opens sysrq-trigger", MASK, sysrq_trigger, TRIM},
	{"randomize", "sets address randomisation", NULL, randomize, TRIM},
	{"ptrace-scope", "sets Yama's scope", NULL, ptrace_scope, TRIM},
	{"hardlinks", "sets protected_hardlinks", NULL, protected_links, TRIM},
	{"suid-dumpable", "sets suid_dumpable", NULL, suid_dumpable, TRIM},
	{"ip-forward", "sets ip_forward", NULL, ip_forward, TRIM},
	{"bpf-jit", "sets bpf_jit_enable", NULL, bpf_jit, TRIM},
	{"drop-caches", "opens drop_caches", NULL, drop_caches, TRIM},
	{"kcore", "opens the kernel's memory", MASK, kcore, TRIM},
	{"dev-mem", "opens /dev/mem", NULL, mem_device, TRIM},
	{"dev-port", "opens /dev/port", NULL, port_device, TRIM},
	{"kmsg-read", "opens the kernel's messages", NULL, kmsg, TRIM},
	{"kmsg-write", "opens the kernel's messages for writing", NULL, kmsg_write, TRIM},
	{"timer-list", "opens timer_list", MASK, timer_list, TRIM},
	{"init-environ", "reads the environment of process 1", NULL, pagemap_init, TRIM},
	{"init-root", "reads a file by /proc/1/root",
	 "the classic of containers that see the host's /proc", init_root, TRIM},
	{"init-mem", "opens the memory of process 1", NULL, init_mem, TRIM},
	{"init-oom", "opens oom_score_adj of process 1", NULL, oom_victim, TRIM},
	{"victim-oom", "opens oom_score_adj of a process outside", NULL, uid_map_victim, own_comm},
	{"victim-clear-refs", "opens clear_refs of a process outside", NULL, clear_refs_victim,
	 own_comm},
	{"program", "opens a program of the system for writing", "CVE-2019-5736 (runc)", own_exe,
	 NULL, ESC_ROOT},
	{"power", "opens /sys/power/state", MASK, power_state, TRIM},
	{"tracing", "opens kprobe_events", NULL, tracing, TRIM},
	{"debugfs", "opens a file of debugfs for writing", NULL, debugfs, TRIM},
	{"apparmor", "opens AppArmor's interface", NULL, selinux_load, TRIM},
	{"lockdown", "opens the lockdown's interface", NULL, lockdown, TRIM},
	{"kexec-size", "opens kexec_crash_size", NULL, kexec_crash, TRIM},
	{"pci-rescan", "rescans the PCI bus", NULL, pci_rescan, TRIM},
	{"firmware-path", "sets where firmware is looked for", NULL, firmware, TRIM},
	{0},
};
