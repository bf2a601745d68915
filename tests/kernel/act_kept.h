/* SPDX-License-Identifier: MIT */
/*
 * What a process gets before it is bound, and uses afterwards. Part of act_ops.h; the script is fed
 * line by line, with an attach in between.
 */
#ifndef SBX_ACT_KEPT_H
#define SBX_ACT_KEPT_H

static struct uring kept = {.fd = -1};
static int kept_personality, kept_pipe[2] = {-1, -1};
static int kept_owned[2] = {-1, -1}; /* a file, a directory */

static int keep_ring(unsigned flags)
{
	kept = (struct uring){.p = {.flags = flags, .sq_thread_idle = 100}};
	kept.fd = syscall(SYS_io_uring_setup, 4, &kept.p);
	return kept.fd < 0 ? -errno : uring_map(&kept);
}

static int do_keep_ring(char **a)
{
	return keep_ring(0);
}

static int do_keep_sqpoll(char **a)
{
	return keep_ring(IORING_SETUP_SQPOLL);
}

static int do_keep_personality(char **a)
{
	kept_personality =
		syscall(SYS_io_uring_register, kept.fd, IORING_REGISTER_PERSONALITY, NULL, 0);
	return kept_personality < 0 ? -errno : 0;
}

/* A file in the ring's own table, which has no descriptor. */
static int do_keep_file(char **a)
{
	int fd = open(a[0], O_RDONLY), r;

	if (fd < 0)
		return -errno;
	r = result(syscall(SYS_io_uring_register, kept.fd, IORING_REGISTER_FILES, &fd, 1));
	close(fd);
	return r;
}

static int do_kept_read(char **a)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)a[0]};
	int r = uring_submit(&kept, &sqe);

	return r < 0 ? r : closed(r);
}

static int do_kept_personality_read(char **a)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_OPENAT,
				   .fd = AT_FDCWD,
				   .personality = kept_personality,
				   .addr = (uintptr_t)a[0]};
	int r = uring_submit(&kept, &sqe);

	return r < 0 ? r : closed(r);
}

/* What is open stays usable, here too. */
static int do_kept_file(char **a)
{
	static char buf[16];
	struct io_uring_sqe sqe = {.opcode = IORING_OP_READ,
				   .flags = IOSQE_FIXED_FILE,
				   .addr = (uintptr_t)buf,
				   .len = sizeof(buf)};
	int r = uring_submit(&kept, &sqe);

	return r < 0 ? r : 0;
}

static int do_uring_cmd(char **a)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_URING_CMD};
	int r;

	sqe.fd = open("/dev/null", O_RDWR);
	r = uring_do(&sqe);
	close(sqe.fd);
	return r;
}

/* A pipe that signals somebody else. */
static int do_keep_owner(char **a)
{
	if (pipe(kept_pipe))
		return -errno;
	return result(fcntl(kept_pipe[0], F_SETOWN, atoi(a[0])));
}

static int do_keep_owner_self(char **a)
{
	char self[16], *args[1] = {self};

	snprintf(self, sizeof(self), "%d", getpid());
	return do_keep_owner(args);
}

static int do_kept_setsig(char **a)
{
	return result(fcntl(kept_pipe[0], 10 /* F_SETSIG */, SIGKILL));
}

/* Of a descriptor that came with the command. */
static int do_given_setsig(char **a)
{
	return result(fcntl(atoi(a[0]), 10 /* F_SETSIG */, SIGURG));
}

static int do_kept_async(char **a)
{
	int r = result(fcntl(kept_pipe[0], F_SETFL, O_ASYNC));

	fcntl(kept_pipe[0], F_SETFL, 0);
	return r;
}

static int do_kept_fioasync(char **a)
{
	int on = 1, off = 0, r = result(ioctl(kept_pipe[0], FIOASYNC, &on));

	ioctl(kept_pipe[0], FIOASYNC, &off);
	return r;
}

/* A file or a directory that signals somebody else. */
static int do_keep_owned(char **a)
{
	int fd = open(a[0], O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	kept_owned[S_ISDIR(st.st_mode)] = fd;
	return result(fcntl(fd, F_SETOWN, atoi(a[1])));
}

static int do_kept_lease(char **a)
{
	int r = result(fcntl(kept_owned[0], 1024 /* F_SETLEASE */, F_RDLCK));

	if (!r)
		fcntl(kept_owned[0], 1024, F_UNLCK);
	return r;
}

static int notify(int fd)
{
	int r = result(fcntl(fd, 1026 /* F_NOTIFY */, 2 /* DN_MODIFY */));

	if (!r)
		fcntl(fd, 1026, 0);
	return r;
}

static int do_kept_notify(char **a)
{
	return notify(kept_owned[1]);
}

/* The same with itself for an owner. */
static int do_notify_self(char **a)
{
	int fd = open(a[0], O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = notify(fd);
	close(fd);
	return r;
}

static int do_async_self(char **a)
{
	int p[2], r;

	if (pipe(p))
		return -errno;
	r = result(fcntl(p[0], F_SETOWN, getpid()));
	if (!r)
		r = result(fcntl(p[0], 10 /* F_SETSIG */, SIGURG));
	if (!r)
		r = result(fcntl(p[0], F_SETFL, O_ASYNC));
	close(p[0]);
	close(p[1]);
	return r;
}

#endif
