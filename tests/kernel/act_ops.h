/* SPDX-License-Identifier: MIT */
/*
 * Everything that the actors of the kernel tests can do, by name: act.c does it line by line,
 * hazards.c in several roles.
 */
#ifndef SBX_ACT_OPS_H
#define SBX_ACT_OPS_H

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/fs.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <pthread.h>
#include <unistd.h>

#define MAX_ARGS 8

/* 0 or a negative errno, from the convention of system calls */
static int result(long r)
{
	return r < 0 ? -errno : 0;
}

static int closed(int fd)
{
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

#include "act_files.h"
#include "act_exec.h"
#include "act_net.h"
#include "act_uring.h"
#include "act_unix.h"
#include "act_races.h"
#include "act_hazards.h"
#include "act_admin.h"

/* --- processes and the machine --- */

static int do_kill(char **a)
{
	return result(kill(atoi(a[0]), 0));
}

static int do_ptrace(char **a)
{
	pid_t pid = atoi(a[0]);
	int r = result(ptrace(PTRACE_SEIZE, pid, 0, 0));

	if (!r)
		ptrace(PTRACE_DETACH, pid, 0, 0);
	return r;
}

static int do_prlimit(char **a)
{
	struct rlimit lim = {RLIM_INFINITY, RLIM_INFINITY};

	return result(prlimit(atoi(a[0]), RLIMIT_CPU, &lim, NULL));
}

static int do_setprio(char **a)
{
	return result(setpriority(PRIO_PROCESS, atoi(a[0]), 5));
}

static int do_vmread(char **a)
{
	char c;
	struct iovec l = {&c, 1}, r = {&c, 1};

	return process_vm_readv(atoi(a[0]), &l, 1, &r, 1, 0) < 0 && errno != EFAULT ? -errno : 0;
}

static int do_setown(char **a)
{
	int p[2], r;

	if (pipe(p))
		return -errno;
	r = result(fcntl(p[0], F_SETOWN, atoi(a[0])));
	close(p[0]);
	close(p[1]);
	return r;
}

static int do_mount(char **a)
{
	return result(mount("none", a[0], "tmpfs", 0, NULL));
}

static int do_fsopen(char **a)
{
	int fd = syscall(SYS_fsopen, "tmpfs", 0), r;

	if (fd < 0)
		return -errno;
	r = result(syscall(SYS_fsconfig, fd, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0));
	close(fd);
	return r;
}

static int do_lazy_umount(char **a)
{
	return result(umount2(a[0], MNT_DETACH));
}

static int do_open_tree(char **a)
{
	return closed(syscall(SYS_open_tree, AT_FDCWD, a[0], 1 /* OPEN_TREE_CLONE */));
}

static int do_setns(char **a)
{
	int fd = syscall(SYS_pidfd_open, getppid(), 0), r;

	r = result(setns(fd, CLONE_NEWUTS));
	close(fd);
	return r;
}

static int do_unshare_user(char **a)
{
	pid_t pid = fork();

	if (!pid)
		_exit(unshare(CLONE_NEWUSER) ? errno : 0);
	return wait_exec(pid);
}

static int do_chroot(char **a)
{
	pid_t pid = fork();

	if (!pid)
		_exit(chroot(a[0]) ? errno : 0);
	return wait_exec(pid);
}

static int do_bpf(char **a)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	return closed(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static int do_perf(char **a)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr)};

	return closed(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

static int do_settime(char **a)
{
	struct timeval tv;

	gettimeofday(&tv, NULL);
	return result(settimeofday(&tv, NULL));
}

static int do_syslog(char **a)
{
	return result(syscall(SYS_syslog, 10 /* SYSLOG_ACTION_SIZE_BUFFER */, NULL, 0));
}

static int do_nsfs(char **a)
{
	return closed(open("/proc/self/ns/mnt", O_RDONLY));
}

#include "act_ipc.h"
#include "act_machine.h"
#include "act_kept.h"
#include "act_fault.h"
#include "act_tty.h"

static const struct op {
	const char *name;
	int args;
	int (*fn)(char **a);
} ops[] = {
	{"read", 1, do_read},
	{"write", 1, do_write},
	{"rdwr", 1, do_rdwr},
	{"create", 1, do_create},
	{"trunc", 1, do_trunc},
	{"truncate", 1, do_truncate},
	{"unlink", 1, do_unlink},
	{"rmdir", 1, do_rmdir},
	{"mkdir", 1, do_mkdir},
	{"mkfifo", 1, do_mkfifo},
	{"symlink", 2, do_symlink},
	{"link", 2, do_link},
	{"rename", 2, do_rename},
	{"exchange", 2, do_exchange},
	{"chmod", 1, do_chmod},
	{"chown", 1, do_chown},
	{"utimes", 1, do_utimes},
	{"setxattr", 1, do_setxattr},
	{"listxattr", 1, do_listxattr},
	{"list", 1, do_list},
	{"stat", 1, do_stat},
	{"chdir", 1, do_chdir},
	{"opath-reopen", 1, do_opath_reopen},
	{"tmpfile", 1, do_tmpfile},
	{"tmpfile-link", 2, do_tmpfile_link},
	{"by-handle", 2, do_by_handle},
	{"setflags", 1, do_ioctl_setflags},
	{"through-root", 1, do_through_root},
	{"exec", 1, do_exec},
	{"exec-memfd", 1, do_exec_memfd},
	{"exec-by-fd", 1, do_exec_by_fd},
	{"exec-by-opath", 1, do_exec_by_opath},
	{"exec-by-proc", 1, do_exec_by_proc},
	{"map-memfd", 0, do_map_memfd},
	{"mmap-exec", 1, do_mmap_exec},
	{"mprotect-exec", 1, do_mprotect_exec},
	{"jit", 0, do_jit},
	{"connect", 2, do_connect},
	{"udp-connect", 2, do_udp_connect},
	{"sendto", 2, do_sendto},
	{"sendto-unspec", 2, do_sendto_unspec},
	{"sendmmsg", 2, do_sendmmsg},
	{"fastopen", 2, do_fastopen},
	{"bind", 2, do_bind},
	{"listen-unbound", 0, do_listen_unbound},
	{"socket", 3, do_socket},
	{"ip-options", 0, do_ip_options},
	{"unix", 1, do_unix},
	{"unix-inside", 1, do_unix_inside},
	{"kill", 1, do_kill},
	{"ptrace", 1, do_ptrace},
	{"prlimit", 1, do_prlimit},
	{"setprio", 1, do_setprio},
	{"vmread", 1, do_vmread},
	{"setown", 1, do_setown},
	{"mount", 1, do_mount},
	{"fsopen", 0, do_fsopen},
	{"unshare-user", 0, do_unshare_user},
	{"chroot", 1, do_chroot},
	{"bpf", 0, do_bpf},
	{"perf", 0, do_perf},
	{"settime", 0, do_settime},
	{"syslog", 0, do_syslog},
	{"tty", 3, do_tty},
	{"hangup", 1, do_hangup},
	{"hangup-own", 0, do_hangup_own},
	{"hangup-close", 0, do_hangup_close},
	{"vhangup", 1, do_vhangup},
	{"uring-sqpoll", 0, do_uring_sqpoll},
	{"uring-anew-setxattr", 1, do_uring_anew_setxattr},
	{"uring-anew-read", 1, do_uring_anew_read},
	{"uring-read", 2, do_uring_read},
	{"uring-write", 2, do_uring_write},
	{"uring-unlink", 2, do_uring_unlink},
	{"uring-mkdir", 2, do_uring_mkdir},
	{"uring-rename", 3, do_uring_rename},
	{"uring-link", 3, do_uring_link},
	{"uring-symlink", 3, do_uring_symlink},
	{"uring-setxattr", 2, do_uring_setxattr},
	{"uring-connect", 3, do_uring_connect},
	{"uring-sendmsg", 3, do_uring_sendmsg},
	{"uring-socket", 4, do_uring_socket},
	{"mq-open", 1, do_mq_open},
	{"inotify", 1, do_inotify},
	{"shm-attach", 1, do_shm_attach},
	{"shm-remove", 1, do_shm_remove},
	{"msg-remove", 1, do_msg_remove},
	{"sem-remove", 1, do_sem_remove},
	{"shm-find", 1, do_shm_find},
	{"msg-send", 1, do_msg_send},
	{"sem-up", 1, do_sem_up},
	{"ipc-own", 0, do_ipc_own},
	{"add-key", 0, do_add_key},
	{"request-key", 0, do_request_key},
	{"request-new-key", 0, do_request_new_key},
	{"request-key-named", 1, do_request_key_named},
	{"join-session", 0, do_join_session},
	{"ipc-churn", 0, do_ipc_churn},
	{"ipc-make", 1, do_ipc_make},
	{"ipc-reach", 1, do_ipc_reach},
	{"ipc-remove", 1, do_ipc_remove},
	{"read-keyring", 0, do_read_keyring},
	{"setown-self", 0, do_setown_self},
	{"setown-own-group", 0, do_setown_own_group},
	{"async-member", 0, do_async_member},
	{"async-group", 0, do_async_group},
	{"setown-ex", 1, do_setown_ex},
	{"fiosetown", 1, do_fiosetown},
	{"pidfd-getfd", 1, do_pidfd_getfd},
	{"pidfd-kill", 1, do_pidfd_kill},
	{"recv-fd", 1, do_recv_fd},
	{"send-route", 2, do_send_route},
	{"sendmmsg-route", 2, do_sendmmsg_route},
	{"sendmmsg-connected", 2, do_sendmmsg_connected},
	{"connected-sendto", 4, do_connected_sendto},
	{"reconnect", 4, do_reconnect},
	{"fastopen-connect", 2, do_fastopen_connect},
	{"sendto-mixed", 2, do_sendto_mixed},
	{"listen6-unbound", 0, do_listen6_unbound},
	{"option", 3, do_option},
	{"congestion", 1, do_congestion},
	{"device-send", 4, do_device_send},
	{"unix-sendto", 1, do_unix_sendto},
	{"unix-connect", 2, do_unix_connect},
	{"unix-send", 1, do_unix_send},
	{"unix-sendmmsg", 1, do_unix_sendmmsg},
	{"unix-name", 2, do_unix_name},
	{"unix-pair", 1, do_unix_pair},
	{"unix-unlinked", 2, do_unix_unlinked},
	{"uring-unix", 2, do_uring_unix},
	{"fd-connect", 3, do_fd_connect},
	{"fd-sendto", 3, do_fd_sendto},
	{"fd-send", 1, do_fd_send},
	{"fd-unix-sendto", 2, do_fd_unix_sendto},
	{"bound-connect", 3, do_bound_connect},
	{"pktinfo-send", 3, do_pktinfo_send},
	{"bind-only6", 2, do_bind_only6},
	{"broadcast", 2, do_broadcast},
	{"netlink-get", 0, do_netlink_get},
	{"netlink-set", 0, do_netlink_set},
	{"race-bind", 3, do_race_bind},
	{"race-connect", 3, do_race_connect},
	{"race-sendto", 3, do_race_sendto},
	{"race-unix", 2, do_race_unix},
	{"uring-sendzc", 3, do_uring_sendzc},
	{"uring-bind", 3, do_uring_bind},
	{"reach", 3, do_reach},
	{"self-reach", 3, do_self_reach},
	{"fchmod", 1, do_fchmod},
	{"fchown", 1, do_fchown},
	{"futimens", 1, do_futimens},
	{"fsetxattr", 1, do_fsetxattr},
	{"removexattr", 1, do_removexattr},
	{"truncate-write", 1, do_truncate_write},
	{"reopen-write", 1, do_reopen_write},
	{"reopen-unlinked", 1, do_reopen_unlinked},
	{"lazy-umount", 1, do_lazy_umount},
	{"open-tree", 1, do_open_tree},
	{"setns", 0, do_setns},
	{"exec-through-ld", 1, do_exec_through_ld},
	{"exec-unlinked", 1, do_exec_unlinked},
	{"nsfs", 0, do_nsfs},
	{"hold", 1, do_hold},
	{"hold-read", 1, do_hold_read},
	{"held-read", 0, do_held_read},
	{"held-write", 0, do_held_write},
	{"at-read", 1, do_at_read},
	{"at-create", 1, do_at_create},
	{"at-mkdir", 1, do_at_mkdir},
	{"held-link", 1, do_held_link},
	{"held-proc-link", 1, do_held_proc_link},
	{"held-chmod", 0, do_held_chmod},
	{"held-proc-chmod", 0, do_held_proc_chmod},
	{"held-chown", 0, do_held_chown},
	{"held-utimes", 0, do_held_utimes},
	{"held-setxattr", 0, do_held_setxattr},
	{"held-truncate", 0, do_held_truncate},
	{"held-exec", 0, do_held_exec},
	{"open-3", 1, do_open_3},
	{"read-or-create", 1, do_read_or_create},
	{"append", 1, do_append},
	{"map-files-write", 1, do_map_files_write},
	{"map-write", 1, do_map_write},
	{"map-rdwr", 1, do_map_rdwr},
	{"map-implied-exec", 1, do_map_implied_exec},
	{"protect-implied-exec", 1, do_protect_implied_exec},
	{"clone", 2, do_clone},
	{"copy-range", 2, do_copy_range},
	{"splice", 2, do_splice},
	{"whiteout", 2, do_whiteout},
	{"rename-noreplace", 2, do_rename_noreplace},
	{"mknod", 1, do_mknod},
	{"mknod-0", 1, do_mknod_0},
	{"unix-bind", 1, do_unix_bind},
	{"core-in", 1, do_core_in},
	{"getxattr", 1, do_getxattr},
	{"lsetxattr", 1, do_lsetxattr},
	{"setacl", 1, do_setacl},
	{"removeacl", 1, do_removeacl},
	{"fssetxattr", 1, do_fssetxattr},
	{"setversion", 1, do_setversion},
	{"getflags", 1, do_getflags},
	{"snapshot", 3, do_snapshot},
	{"move-ext", 2, do_move_ext},
	{"fanotify", 1, do_fanotify},
	{"fanotify-mount", 1, do_fanotify_mount},
	{"fanotify-fs", 1, do_fanotify_fs},
	{"handle", 2, do_handle},
	{"handle-hold", 1, do_handle_hold},
	{"handle-read", 1, do_handle_read},
	{"deep", 2, do_deep},
	{"make-long", 1, do_make_long},
	{"read-long", 1, do_read_long},
	{"bind-mount", 2, do_bind_mount},
	{"move-mount", 2, do_move_mount},
	{"umount", 1, do_umount},
	{"shell", 1, do_shell},
	{"proc-child", 1, do_proc_child},
	{"proc-parent", 1, do_proc_parent},
	{"touch", 1, do_touch},
	{"drop-caches", 0, do_drop_caches},
	{"uring-openat2", 2, do_uring_openat2},
	{"uring-fsetxattr", 2, do_uring_fsetxattr},
	{"uring-fallocate", 2, do_uring_fallocate},
	{"uring-ftruncate", 2, do_uring_ftruncate},
	{"uring-getxattr", 2, do_uring_getxattr},
	{"bpf-by-id", 1, do_bpf_by_id},
	{"bpf-get", 1, do_bpf_get},
	{"reboot", 0, do_reboot},
	{"kexec", 0, do_kexec},
	{"delete-module", 0, do_delete_module},
	{"init-module", 0, do_init_module},
	{"finit-module", 1, do_finit_module},
	{"iopl", 0, do_iopl},
	{"swapon", 1, do_swapon},
	{"acct", 1, do_acct},
	{"mount-setattr", 1, do_mount_setattr},
	{"fspick", 1, do_fspick},
	{"move-mount-call", 2, do_move_mount_call},
	{"pivot-root", 0, do_pivot_root},
	{"quota-sync", 0, do_quota_sync},
	{"setns-own", 0, do_setns_own},
	{"mknod-device", 2, do_mknod_device},
	{"adjtime", 0, do_adjtime},
	{"sethostname", 0, do_sethostname},
	{"tgkill", 1, do_tgkill},
	{"kcmp", 1, do_kcmp},
	{"affinity", 1, do_affinity},
	{"scheduler", 1, do_scheduler},
	{"ioprio", 1, do_ioprio},
	{"migrate", 1, do_migrate},
	{"vmwrite", 1, do_vmwrite},
	{"process-madvise", 1, do_process_madvise},
	{"pidfd-getfd-of", 2, do_pidfd_getfd_of},
	{"mq-create", 1, do_mq_create},
	{"mq-unlink", 1, do_mq_unlink},
	{"keep-ring", 0, do_keep_ring},
	{"keep-sqpoll", 0, do_keep_sqpoll},
	{"keep-personality", 0, do_keep_personality},
	{"keep-file", 1, do_keep_file},
	{"kept-read", 1, do_kept_read},
	{"kept-personality-read", 1, do_kept_personality_read},
	{"kept-file", 0, do_kept_file},
	{"uring-cmd", 0, do_uring_cmd},
	{"keep-owner", 1, do_keep_owner},
	{"keep-owner-self", 0, do_keep_owner_self},
	{"kept-setsig", 0, do_kept_setsig},
	{"given-setsig", 1, do_given_setsig},
	{"keep-owned", 2, do_keep_owned},
	{"kept-lease", 0, do_kept_lease},
	{"kept-notify", 0, do_kept_notify},
	{"notify-self", 1, do_notify_self},
	{"kept-async", 0, do_kept_async},
	{"kept-fioasync", 0, do_kept_fioasync},
	{"async-self", 0, do_async_self},
	{"userfault", 0, do_userfault},
	{"userfault-read", 1, do_userfault_read},
};

static bool expected(const char *list, int r)
{
	const char *name = r ? strerrorname_np(-r) : "ok";
	bool found = false, not = *list == '!';
	char copy[256], *tok, *save = NULL;

	snprintf(copy, sizeof(copy), "%s", list + not );
	for (tok = strtok_r(copy, "|", &save); tok; tok = strtok_r(NULL, "|", &save))
		found |= name && !strcmp(tok, name);
	return name && found != not ;
}

/* Runs words[0] with the words behind it. false: there is no such operation with so many. */
static bool act_do(char **words, int n, int *result_of)
{
	size_t i;

	for (i = 0; n && i < sizeof(ops) / sizeof(ops[0]); i++)
		if (!strcmp(ops[i].name, words[0]) && n - 1 == ops[i].args) {
			*result_of = ops[i].fn(words + 1);
			return true;
		}
	return false;
}

#endif
