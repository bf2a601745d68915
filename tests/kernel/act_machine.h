/* SPDX-License-Identifier: MIT */
/* What belongs to the machine, and what sbx-bpf itself is made of. Part of act_ops.h. */
#ifndef SBX_ACT_MACHINE_H
#define SBX_ACT_MACHINE_H

#include <linux/ioprio.h>
#include <linux/kcmp.h>
#include <sys/io.h>
#include <sys/acct.h>
#include <sys/swap.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>

#define LINUX_REBOOT_MAGIC1	 0xfee1dead
#define LINUX_REBOOT_MAGIC2	 672274793
#define LINUX_REBOOT_CMD_CAD_OFF 0

static int bpf_call(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* The first object of a kind, as bpftool would find it: prog, map or link. */
static int do_bpf_by_id(char **a)
{
	static const struct {
		const char *kind;
		int next, get;
	} kinds[] = {{"prog", BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID},
		     {"map", BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID},
		     {"link", BPF_LINK_GET_NEXT_ID, BPF_LINK_GET_FD_BY_ID}};
	union bpf_attr next = {0}, get = {0};
	size_t i;

	for (i = 0; strcmp(kinds[i].kind, a[0]); i++)
		;
	if (bpf_call(kinds[i].next, &next) && errno != EPERM)
		return -errno;
	get.prog_id = next.next_id ? next.next_id : 1;
	return closed(bpf_call(kinds[i].get, &get));
}

static int do_bpf_get(char **a)
{
	union bpf_attr attr = {.pathname = (uintptr_t)a[0]};

	return closed(bpf_call(BPF_OBJ_GET, &attr));
}

/* Of all that reboot(2) does the one thing that does no harm. */
static int do_reboot(char **a)
{
	return result(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
			      LINUX_REBOOT_CMD_CAD_OFF, NULL));
}

static int do_kexec(char **a)
{
	return result(syscall(SYS_kexec_load, 0, 0, NULL, 0));
}

static int do_delete_module(char **a)
{
	return result(syscall(SYS_delete_module, "no_such_module", O_NONBLOCK));
}

static int do_init_module(char **a)
{
	static char nonsense[4096];

	return result(syscall(SYS_init_module, nonsense, sizeof(nonsense), ""));
}

static int do_finit_module(char **a)
{
	int fd = open(a[0], O_RDONLY), r;

	if (fd < 0)
		return -errno;
	r = result(syscall(SYS_finit_module, fd, "", 0));
	close(fd);
	return r;
}

static int do_iopl(char **a)
{
	int r = result(iopl(3));

	iopl(0);
	return r;
}

static int do_swapon(char **a)
{
	return result(swapon(a[0], 0));
}

/* The kernel writes there for as long as it is told to. */
static int do_acct(char **a)
{
	int r = result(acct(a[0]));

	if (!r)
		acct(NULL);
	return r;
}

static int do_mount_setattr(char **a)
{
	struct {
		uint64_t set, clr, propagation, userns;
	} attr = {.set = 2 /* MOUNT_ATTR_NOSUID */};

	return result(syscall(SYS_mount_setattr, AT_FDCWD, a[0], 0, &attr, sizeof(attr)));
}

/* Changes nothing of the file system. */
static int do_fspick(char **a)
{
	int fd = syscall(SYS_fspick, AT_FDCWD, a[0], 0), r;

	if (fd < 0)
		return -errno;
	r = result(syscall(SYS_fsconfig, fd, 7 /* FSCONFIG_CMD_RECONFIGURE */, NULL, NULL, 0));
	close(fd);
	return r;
}

/* There, and back again. */
static int do_move_mount_call(char **a)
{
	int r = result(syscall(SYS_move_mount, AT_FDCWD, a[0], AT_FDCWD, a[1], 0));

	return r ? r : result(syscall(SYS_move_mount, AT_FDCWD, a[1], AT_FDCWD, a[0], 0));
}

/* Fails at the latest where the new root is the old one. */
static int do_pivot_root(char **a)
{
	return result(syscall(SYS_pivot_root, ".", "."));
}

static int do_quota_sync(char **a)
{
	return result(syscall(SYS_quotactl, 0x80000100 /* Q_SYNC of users */, NULL, 0, NULL));
}

/* Its own namespace, which is no trouble to anybody. */
static int do_setns_own(char **a)
{
	int fd = syscall(SYS_pidfd_open, getpid(), 0), r;

	r = result(setns(fd, CLONE_NEWUTS));
	close(fd);
	return r;
}

static int do_mknod_device(char **a)
{
	mode_t type = *a[0] == 'b' ? S_IFBLK : S_IFCHR;
	int r = result(mknod(a[1], type | 0600, makedev(1, 3)));

	unlink(a[1]);
	return r;
}

static int do_adjtime(char **a)
{
	struct timex t = {0};

	if (adjtimex(&t) < 0)
		return -errno;
	t.modes = ADJ_ESTERROR;
	return result(adjtimex(&t));
}

static int do_sethostname(char **a)
{
	char name[65];

	gethostname(name, sizeof(name));
	return result(sethostname(name, strlen(name)));
}

/* --- other processes --- */

static int do_tgkill(char **a)
{
	return result(syscall(SYS_tgkill, atoi(a[0]), atoi(a[0]), 0));
}

static int do_kcmp(char **a)
{
	return result(syscall(SYS_kcmp, getpid(), atoi(a[0]), KCMP_FILES, 0, 0));
}

static int do_affinity(char **a)
{
	cpu_set_t set;

	if (sched_getaffinity(atoi(a[0]), sizeof(set), &set))
		return -errno;
	return result(sched_setaffinity(atoi(a[0]), sizeof(set), &set));
}

static int do_scheduler(char **a)
{
	struct sched_param p = {0};

	return result(sched_setscheduler(atoi(a[0]), SCHED_OTHER, &p));
}

static int do_ioprio(char **a)
{
	return result(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, atoi(a[0]),
			      IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 4)));
}

static int do_migrate(char **a)
{
	unsigned long node = 1;

	return result(syscall(SYS_migrate_pages, atoi(a[0]), 8, &node, &node));
}

static int do_vmwrite(char **a)
{
	char c = 0;
	struct iovec l = {&c, 1}, r = {&c, 1};

	return process_vm_writev(atoi(a[0]), &l, 1, &r, 1, 0) < 0 && errno != EFAULT ? -errno : 0;
}

static int do_process_madvise(char **a)
{
	int fd = syscall(SYS_pidfd_open, atoi(a[0]), 0), r;
	struct iovec v = {(void *)0x10000, 4096};

	if (fd < 0)
		return -errno;
	r = result(syscall(SYS_process_madvise, fd, &v, 1, MADV_COLD, 0));
	close(fd);
	return r;
}

static int do_pidfd_getfd_of(char **a)
{
	int fd = syscall(SYS_pidfd_open, atoi(a[0]), 0), r;

	if (fd < 0)
		return -errno;
	r = closed(syscall(SYS_pidfd_getfd, fd, atoi(a[1]), 0));
	close(fd);
	return r;
}

static int do_mq_create(char **a)
{
	mqd_t q = mq_open(a[0], O_RDWR | O_CREAT | O_EXCL, 0600, NULL);

	if (q < 0)
		return -errno;
	mq_close(q);
	return 0;
}

static int do_mq_unlink(char **a)
{
	return result(mq_unlink(a[0]));
}

#endif
