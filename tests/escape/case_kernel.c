// SPDX-License-Identifier: MIT
/* Interfaces of the kernel. What they would change is asked for as it is, or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <linux/reboot.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/acct.h>
#include <sys/fanotify.h>
#include <sys/io.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/quota.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>
#include "tests/escape/escape.h"

static int granted(struct esc_try *t, long r, const char *what)
{
	if (r >= 0)
		esc_prove(t, "the kernel granted it: %s", what);
	return r < 0 && errno == ENOSYS ? esc_none(t, "the kernel has it not") : esc_err(r);
}

static int ask_time(struct esc_try *t)
{
	struct timespec now;

	return granted(t, clock_gettime(CLOCK_REALTIME, &now), "reading the clock");
}

static int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int bpf_map(struct esc_try *t)
{
	union bpf_attr a = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	return granted(t, bpf(BPF_MAP_CREATE, &a), "a map");
}

static int bpf_prog(struct esc_try *t)
{
	static const struct bpf_insn code[] = {{.code = 0xb7}, {.code = 0x95}}; /* r0 = 0; exit */
	union bpf_attr a = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
			    .insn_cnt = 2,
			    .insns = (uintptr_t)code,
			    .license = (uintptr_t) "GPL"};

	return granted(t, bpf(BPF_PROG_LOAD, &a), "a program");
}

static int bpf_by_id(struct esc_try *t)
{
	union bpf_attr a = {0};

	if (bpf(BPF_PROG_GET_NEXT_ID, &a))
		return errno == ENOENT ? esc_none(t, "no program is loaded") : -errno;
	a.start_id = a.next_id;
	a.next_id = 0;
	return granted(t, bpf(BPF_PROG_GET_FD_BY_ID, &a), "somebody's program");
}

static int perf(struct esc_try *t, int pid, int cpu, unsigned exclude_kernel)
{
	struct perf_event_attr a = {.type = PERF_TYPE_SOFTWARE,
				    .size = sizeof(a),
				    .config = PERF_COUNT_SW_CPU_CLOCK,
				    .exclude_kernel = exclude_kernel};

	return granted(t, syscall(SYS_perf_event_open, &a, pid, cpu, -1, 0), "a counter");
}

static int perf_kernel(struct esc_try *t)
{
	return perf(t, 0, -1, 0);
}

static int perf_system(struct esc_try *t)
{
	return perf(t, -1, 0, 0);
}

static int perf_victim(struct esc_try *t)
{
	return perf(t, t->w->victim, -1, 1);
}

static int init_module_(struct esc_try *t)
{
	static char nonsense[4096];
	int r = esc_err(syscall(SYS_init_module, nonsense, sizeof(nonsense), ""));

	if (r == -ENOEXEC)
		esc_prove(t, "the kernel looked at the module");
	return r;
}

static int finit_module_(struct esc_try *t)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = esc_err(syscall(SYS_finit_module, fd, "", 0));
	if (r == -ENOEXEC)
		esc_prove(t, "the kernel looked at the module");
	return r;
}

static int delete_module_(struct esc_try *t)
{
	int r = esc_err(syscall(SYS_delete_module, "sbx_no_such_module", O_NONBLOCK));

	if (r == -ENOENT)
		esc_prove(t, "the kernel looked for the module");
	return r;
}

static int kexec(struct esc_try *t)
{
	return granted(t, syscall(SYS_kexec_load, 0, 0, NULL, 0), "unloading the next kernel");
}

static int kexec_file(struct esc_try *t)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), r;

	r = esc_err(syscall(SYS_kexec_file_load, fd, -1, 0, NULL, 4 /* NO_INITRAMFS */));
	if (r == -ENOEXEC)
		esc_prove(t, "the kernel looked at the next kernel");
	return r == -ENOSYS ? esc_none(t, "the kernel has it not") : r;
}

/* Whether Ctrl-Alt-Del reboots: the one thing of reboot(2) that does no harm. */
static int reboot_(struct esc_try *t)
{
	return granted(t,
		       syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
			       LINUX_REBOOT_CMD_CAD_OFF, NULL),
		       "a setting of reboot");
}

static int settime(struct esc_try *t)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return granted(t, clock_settime(CLOCK_REALTIME, &now), "the clock");
}

static int adjtime_(struct esc_try *t)
{
	struct timex x = {0};

	if (adjtimex(&x) < 0)
		return -errno;
	x.modes = ADJ_ESTERROR;
	return granted(t, adjtimex(&x), "the clock's error");
}

static int iopl_(struct esc_try *t)
{
	return granted(t, iopl(3), "the ports of the machine");
}

static int ioperm_(struct esc_try *t)
{
	return granted(t, ioperm(0x80, 1, 1), "a port of the machine");
}

static int swap_on(struct esc_try *t)
{
	int r = esc_scratch("swap", ESC_OPEN);

	if (!r)
		r = esc_err(swapon("swap", 0));
	if (r == -EINVAL)
		esc_prove(t, "the kernel looked at the swap file");
	return r;
}

static int accounting(struct esc_try *t)
{
	int r = esc_scratch("acct", "");

	if (!r)
		r = esc_err(acct("acct"));
	if (!r) {
		acct(NULL);
		esc_prove(t, "the kernel writes where it is told to");
	}
	return r == -ENOSYS ? esc_none(t, "the kernel has it not") : r;
}

static int syslog_read(struct esc_try *t)
{
	char buf[256];

	return granted(t, klogctl(3 /* READ_ALL */, buf, sizeof(buf)), "the kernel's messages");
}

static int syslog_level(struct esc_try *t)
{
	int fd = open("/proc/sys/kernel/printk", O_RDONLY | O_CLOEXEC);
	char buf[32] = "";

	if (fd < 0 || read(fd, buf, sizeof(buf) - 1) < 0 || *buf < '1' || *buf > '8')
		return fd < 0 ? -errno : -EINVAL;
	return granted(t, klogctl(8 /* CONSOLE_LEVEL */, NULL, *buf - '0'), "the console's level");
}

static int fanotify_root(struct esc_try *t)
{
	int fd = fanotify_init(FAN_CLASS_NOTIF, O_RDONLY);

	if (fd < 0)
		return -errno;
	return granted(t, fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD, "/"),
		       "descriptors of everything that others open");
}

static int fanotify_permission(struct esc_try *t)
{
	int fd = fanotify_init(FAN_CLASS_CONTENT, O_RDONLY);

	if (fd < 0)
		return -errno;
	return granted(t,
		       fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD,
				     esc_pick(t, "shared/file", "")),
		       "deciding what others may open");
}

static int quota(struct esc_try *t)
{
	struct dqinfo info;
	int r = esc_err(syscall(SYS_quotactl, QCMD(Q_GETINFO, USRQUOTA), "/dev/vda", 0, &info));

	if (r == -ESRCH || r == -ENODEV || r == -ENOTBLK || r == -ENOENT)
		return esc_none(t, "there is no disk with quotas");
	return granted(t, r, "quotas");
}

static int quota_sync(struct esc_try *t)
{
	return granted(t, syscall(SYS_quotactl, QCMD(Q_SYNC, USRQUOTA), NULL, 0, NULL), "quotas");
}

static int userfault(struct esc_try *t)
{
	return granted(t, syscall(SYS_userfaultfd, 0),
		       "faults of the kernel, to be held as long as it likes");
}

static int device_memory(struct esc_try *t)
{
	int r = esc_err(mknod("mem", S_IFCHR | 0600, 1 << 8 | 1)), fd;

	if (r)
		return r;
	fd = open("mem", O_RDONLY | O_CLOEXEC);
	return granted(t, fd, "the machine's memory");
}

static int device_kmsg(struct esc_try *t)
{
	int r = esc_err(mknod("kmsg", S_IFCHR | 0600, 1 << 8 | 11)), fd;

	if (r)
		return r;
	fd = open("kmsg", O_WRONLY | O_CLOEXEC);
	return granted(t, fd, "the kernel's messages");
}

#define DIRTY_BPF "eBPF in containers (\"Cross Container Attacks\", USENIX Security 2023)"
#define MASKED	  "what container runtimes close by seccomp"

const struct esc_case esc_kernel[] = {
	{"bpf-map", "makes a BPF map", DIRTY_BPF, bpf_map, ask_time, ESC_SURFACE},
	{"bpf-prog", "loads a BPF program", DIRTY_BPF, bpf_prog, ask_time, ESC_SURFACE},
	{"bpf-by-id", "gets somebody's BPF program by its number", DIRTY_BPF, bpf_by_id, ask_time,
	 ESC_ROOT},
	{"perf-kernel", "counts in the kernel", "CVE-2013-2094", perf_kernel, ask_time,
	 ESC_SURFACE},
	{"perf-system", "counts on a whole processor", NULL, perf_system, ask_time, ESC_ROOT},
	{"perf-victim", "counts in a process outside", NULL, perf_victim, ask_time},
	{"init-module", "loads a module", MASKED, init_module_, ask_time, ESC_ROOT},
	{"finit-module", "loads a module from a file", MASKED, finit_module_, ask_time, ESC_ROOT},
	{"delete-module", "unloads a module", MASKED, delete_module_, ask_time, ESC_ROOT},
	{"kexec", "loads another kernel", MASKED, kexec, ask_time, ESC_ROOT},
	{"kexec-file", "loads another kernel from a file", MASKED, kexec_file, ask_time, ESC_ROOT},
	{"reboot", "changes what reboots the machine", MASKED, reboot_, ask_time, ESC_ROOT},
	{"settime", "sets the clock", MASKED, settime, ask_time, ESC_ROOT},
	{"adjtime", "adjusts the clock", MASKED, adjtime_, ask_time, ESC_ROOT},
	{"iopl", "gets at all ports of the machine", MASKED, iopl_, ask_time, ESC_ROOT},
	{"ioperm", "gets at a port of the machine", MASKED, ioperm_, ask_time, ESC_ROOT},
	{"swapon", "adds swap", MASKED, swap_on, ask_time, ESC_ROOT},
	{"acct", "has the kernel write accounts", MASKED, accounting, ask_time, ESC_ROOT},
	{"syslog-read", "reads the kernel's messages", NULL, syslog_read, ask_time},
	{"syslog-level", "sets the console's level", NULL, syslog_level, ask_time, ESC_ROOT},
	{"fanotify-mount", "has descriptors sent of what others open", NULL, fanotify_root,
	 ask_time, ESC_ROOT},
	{"fanotify-perm", "decides what others may open", NULL, fanotify_permission, ask_time,
	 ESC_ROOT},
	{"quotactl", "reads quotas", NULL, quota, ask_time, ESC_ROOT},
	{"quota-sync", "has quotas written", NULL, quota_sync, ask_time, ESC_SURFACE},
	{"userfaultfd", "handles faults of the kernel", "a helper of many kernel exploits",
	 userfault, ask_time, ESC_SURFACE},
	{"mknod-mem", "makes a node of /dev/mem and opens it",
	 "CVE-2022-0492 and before: CAP_MKNOD", device_memory, ask_time, ESC_ROOT},
	{"mknod-kmsg", "makes a node of /dev/kmsg and opens it", NULL, device_kmsg, ask_time,
	 ESC_ROOT},
	{0},
};
