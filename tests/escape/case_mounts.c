// SPDX-License-Identifier: MIT
/* Namespaces and mounts: another view of what is there. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/escape/escape.h"

/* Whoever sees mounts of its own, sees them here. */
static int read_mounts(struct esc_try *t)
{
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	char buf[64];
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));

	if (n > 0)
		esc_prove(t, "read its own mounts");
	return esc_err(n);
}

static int read_at(struct esc_try *t, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = esc_saw_fd(t, fd, path);

	close(fd);
	return r;
}

static int own_namespace(void)
{
	int r = esc_enter_ns(CLONE_NEWNS);

	return r ? r : esc_err(mkdir("m", 0777));
}

static int bind_file(struct esc_try *t)
{
	int r = own_namespace();

	if (!r)
		r = esc_scratch("f", "");
	if (!r)
		r = esc_err(mount(esc_pick(t, "outside/d/secret", ""), "f", NULL, MS_BIND, NULL));
	return r ? r : read_at(t, "f");
}

static int recursive_bind(struct esc_try *t)
{
	int r = own_namespace();

	if (!r)
		r = esc_err(mount("/", "m", NULL, MS_BIND | MS_REC, NULL));
	if (!r)
		r = esc_err(chroot("m"));
	return r ? r : read_at(t, esc_pick(t, "outside/d/secret", ""));
}

static int overlay(struct esc_try *t)
{
	char data[ESC_PATH + 64];
	int r = own_namespace();

	if (!r)
		r = esc_err(mkdir("u", 0777)) | esc_err(mkdir("w", 0777));
	snprintf(data, sizeof(data), "lowerdir=%s,upperdir=u,workdir=w",
		 esc_pick(t, "outside/d", ""));
	if (!r)
		r = esc_err(mount("overlay", "m", "overlay", 0, data));
	if (r == -ENODEV)
		return esc_none(t, "the kernel has no overlayfs");
	return r ? r : read_at(t, "m/secret");
}

static int tmpfs_over(struct esc_try *t)
{
	int r = own_namespace();

	if (!r)
		r = esc_err(mount("none", "m", "tmpfs", 0, NULL));
	if (!r)
		esc_prove(t, "mounted a file system");
	return r;
}

static int proc_again(struct esc_try *t)
{
	char path[64];
	int r = own_namespace();

	if (!r)
		r = esc_err(mount("none", "m", "proc", 0, NULL));
	snprintf(path, sizeof(path), "m/%ld/environ", t->w->victim);
	return r ? r : read_at(t, path);
}

static int cgroup_again(struct esc_try *t)
{
	int r = own_namespace();

	if (!r)
		r = esc_err(mount("none", "m", "cgroup2", 0, NULL));
	if (!r && !access("m/cgroup.procs", F_OK))
		esc_prove(t, "mounted the cgroups");
	return r;
}

static int bpffs(struct esc_try *t)
{
	int r = own_namespace();

	if (!r)
		r = esc_err(mount("none", "m", "bpf", 0, NULL));
	if (!r)
		esc_prove(t, "mounted a bpf file system");
	return r;
}

static int move_over(struct esc_try *t)
{
	int tree, r = own_namespace();

	if (r)
		return r;
	tree = syscall(SYS_open_tree, AT_FDCWD, esc_pick(t, "outside/d", ""), 1 /* CLONE */);
	if (tree < 0 || syscall(SYS_move_mount, tree, "", AT_FDCWD, "m", 4 /* F_EMPTY_PATH */))
		return -errno;
	return read_at(t, "m/secret");
}

static int unmounted_fs(struct esc_try *t)
{
	int fs, mnt, r = own_namespace();

	if (r)
		return r;
	fs = syscall(SYS_fsopen, "tmpfs", 0);
	if (fs < 0 || syscall(SYS_fsconfig, fs, 6 /* CMD_CREATE */, NULL, NULL, 0))
		return -errno;
	mnt = syscall(SYS_fsmount, fs, 0, 0);
	if (mnt < 0)
		return -errno;
	if (!mkdirat(mnt, "d", 0777) && openat(mnt, "f", O_CREAT | O_WRONLY | O_CLOEXEC, 0666) >= 0)
		esc_prove(t, "wrote to a file system that was never mounted");
	return esc_err(t->res->proof ? 0 : -1);
}

static int pivot(struct esc_try *t)
{
	int r = own_namespace();

	if (!r)
		r = esc_err(mount("none", "m", "tmpfs", 0, NULL));
	if (!r)
		r = esc_err(mkdir("m/old", 0777));
	if (!r)
		r = esc_err(syscall(SYS_pivot_root, "m", "m/old"));
	if (!r)
		esc_prove(t, "changed the root of its namespace");
	return r;
}

static int remount(struct esc_try *t)
{
	int r = own_namespace();

	if (!r)
		r = esc_err(mount("none", "/", NULL, MS_REMOUNT | MS_BIND, NULL));
	if (!r)
		esc_prove(t, "changed the flags of a mount");
	return r;
}

/* What a sandbox put over a path, taken away. */
static int uncover(struct esc_try *t)
{
	const char *secret = esc_pick(t, "outside/d/secret", "");
	int r = own_namespace();

	umount2(esc_pick(t, "outside/d", ""), MNT_DETACH);
	umount2(esc_pick(t, "outside", ""), MNT_DETACH);
	umount2(esc_pick(t, "project/.env", ""), MNT_DETACH);
	return r ? r : read_at(t, secret);
}

static int uncover_env(struct esc_try *t)
{
	int r = own_namespace();

	umount2(esc_pick(t, "project/.env", ""), MNT_DETACH);
	return r ? r : read_at(t, esc_pick(t, "project/.env", ""));
}

static int set_attributes(struct esc_try *t)
{
	struct {
		uint64_t set, clear, propagation, userns;
	} attr = {.set = 2 /* NOSUID */};
	int r = own_namespace();

	if (!r)
		r = esc_err(mount("m", "m", NULL, MS_BIND, NULL));
	if (!r)
		r = esc_err(syscall(SYS_mount_setattr, AT_FDCWD, "m", 0, &attr, sizeof(attr)));
	if (!r)
		esc_prove(t, "set attributes of a mount");
	return r;
}

static int victim_ns(struct esc_try *t)
{
	char path[64];
	int fd, r;

	snprintf(path, sizeof(path), "/proc/%ld/ns/mnt", t->w->victim);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? -errno : esc_err(setns(fd, CLONE_NEWNS));
	return r ? r : read_at(t, esc_pick(t, "outside/d/secret", ""));
}

static int init_ns(struct esc_try *t)
{
	int fd = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC), r;

	r = fd < 0 ? -errno : esc_err(setns(fd, CLONE_NEWNS));
	return r ? r : read_at(t, esc_pick(t, "outside/d/secret", ""));
}

static int pidfd_ns(struct esc_try *t)
{
	int fd = syscall(SYS_pidfd_open, (int)t->w->victim, 0), r;

	r = fd < 0 ? -errno : esc_err(setns(fd, CLONE_NEWNS));
	return r ? r : read_at(t, esc_pick(t, "outside/d/secret", ""));
}

static int userns(struct esc_try *t)
{
	int r = esc_enter_ns(CLONE_NEWUSER);

	if (!r)
		esc_prove(t, "has every capability in a user namespace of its own");
	return r;
}

static int netns(struct esc_try *t)
{
	int r = esc_enter_ns(CLONE_NEWUSER | CLONE_NEWNET);

	if (!r)
		esc_prove(t, "administers a network of its own");
	return r;
}

static int clone_userns(struct esc_try *t)
{
	unsigned long args[8] = {CLONE_NEWUSER | CLONE_NEWNS, 0, 0, 0, SIGCHLD};
	pid_t pid = syscall(SYS_clone3, args, sizeof(args));

	if (!pid)
		_exit(0);
	if (pid < 0)
		return -errno;
	waitpid(pid, NULL, 0);
	esc_prove(t, "made a child with namespaces of its own");
	return 0;
}

/* chroot, and up: what stands outside the root is in reach. */
static int chroot_up(struct esc_try *t)
{
	int r = esc_enter_ns(CLONE_NEWNS), i, fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (!r)
		r = esc_err(mkdir("jail", 0777));
	if (!r)
		r = esc_err(chroot("jail"));
	if (!r)
		r = esc_err(fchdir(fd));
	for (i = 0; !r && i < 64; i++)
		r = esc_err(chdir(".."));
	if (!r)
		r = esc_err(chroot("."));
	return r ? r : read_at(t, esc_pick(t, "outside/d/secret", ""));
}

static int block_device(struct esc_try *t)
{
	int r = own_namespace(), fd;

	if (r)
		return r;
	fd = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		esc_prove(t, "makes block devices");
	return errno == ENOENT ? esc_none(t, "there are no loop devices") : esc_err(fd);
}

#define USERNS	 "most local root exploits of the kernel begin with a user namespace"
#define BY_MOUNT "what is named by paths is renamed by mounts"
#define OTHER_NS "entering another namespace leaves one's own"

const struct esc_case esc_mounts[] = {
	{"bind-file", "binds a secret to a file of its own", BY_MOUNT, bind_file, read_mounts},
	{"bind-root", "binds the whole tree and makes it its root", BY_MOUNT, recursive_bind,
	 read_mounts},
	{"overlay", "mounts an overlay over a directory outside",
	 "CVE-2023-0386, CVE-2021-3493 (overlayfs)", overlay, read_mounts},
	{"tmpfs", "mounts a file system", NULL, tmpfs_over, read_mounts, ESC_SURFACE},
	{"proc", "mounts /proc once more", NULL, proc_again, read_mounts},
	{"cgroup", "mounts the cgroups", "CVE-2022-0492 (release_agent)", cgroup_again, read_mounts,
	 ESC_ROOT},
	{"bpffs", "mounts a bpf file system", NULL, bpffs, read_mounts, ESC_SURFACE},
	{"move-mount", "clones a mount and moves it (open_tree, move_mount)", BY_MOUNT, move_over,
	 read_mounts},
	{"fsmount", "makes a file system by fsopen and fsmount", NULL, unmounted_fs, read_mounts,
	 ESC_SURFACE},
	{"pivot-root", "changes its root", NULL, pivot, read_mounts, ESC_SURFACE},
	{"remount", "changes the flags of a mount", NULL, remount, read_mounts, ESC_SURFACE},
	{"uncover", "unmounts what hides a directory", "what a sandbox hides by mounts alone",
	 uncover, read_mounts},
	{"uncover-env", "unmounts what hides a file of the project", NULL, uncover_env, read_mounts,
	 .needs = ESC_DENY_IN},
	{"mount-setattr", "sets attributes of a mount", NULL, set_attributes, read_mounts,
	 ESC_SURFACE},
	{"victim-ns", "enters the mount namespace of a process outside", OTHER_NS, victim_ns,
	 read_mounts, ESC_ROOT},
	{"init-ns", "enters the mount namespace of process 1", OTHER_NS, init_ns, read_mounts,
	 ESC_ROOT},
	{"pidfd-ns", "enters a mount namespace by a pidfd", OTHER_NS, pidfd_ns, read_mounts,
	 ESC_ROOT},
	{"userns", "makes a user namespace", USERNS, userns, read_mounts, ESC_SURFACE},
	{"netns", "makes a network namespace", USERNS, netns, read_mounts, ESC_SURFACE},
	{"clone3", "makes a child in new namespaces", USERNS, clone_userns, read_mounts,
	 ESC_SURFACE},
	{"chroot-up", "leaves a chroot by ..", "the oldest escape of all", chroot_up, read_mounts},
	{"loop", "gets at the loop devices", NULL, block_device, read_mounts, ESC_ROOT},
	{0},
};
