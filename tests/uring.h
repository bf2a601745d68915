/* SPDX-License-Identifier: MIT */
/* A ring of io_uring without its library. */
#ifndef SBX_TEST_URING_H
#define SBX_TEST_URING_H

#include <errno.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct uring {
	int fd;
	char *sq, *cq;
	struct io_uring_sqe *sqe;
	struct io_uring_params p;
};

static inline int uring_map(struct uring *u)
{
	u->sq = mmap(NULL, u->p.sq_off.array + u->p.sq_entries * 4, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_POPULATE, u->fd, IORING_OFF_SQ_RING);
	u->cq = mmap(NULL, u->p.cq_off.cqes + u->p.cq_entries * sizeof(struct io_uring_cqe),
		     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, u->fd, IORING_OFF_CQ_RING);
	u->sqe = mmap(NULL, u->p.sq_entries * sizeof(*u->sqe), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_POPULATE, u->fd, IORING_OFF_SQES);
	return u->sq == MAP_FAILED || u->cq == MAP_FAILED || u->sqe == MAP_FAILED ? -ENOMEM : 0;
}

static inline int uring_open(struct uring *u)
{
	*u = (struct uring){0};
	u->fd = syscall(SYS_io_uring_setup, 4, &u->p);
	return u->fd < 0 ? -errno : uring_map(u);
}

static inline int uring_enter(struct uring *u, unsigned submit)
{
	unsigned wakeup = u->p.flags & IORING_SETUP_SQPOLL ? IORING_ENTER_SQ_WAKEUP : 0;

	return syscall(SYS_io_uring_enter, u->fd, submit, 1, IORING_ENTER_GETEVENTS | wakeup, NULL,
		       0);
}

static inline int uring_submit(struct uring *u, const struct io_uring_sqe *sqe)
{
	unsigned *tail = (unsigned *)(u->sq + u->p.sq_off.tail), at = *tail;
	struct io_uring_cqe *cqe = (struct io_uring_cqe *)(u->cq + u->p.cq_off.cqes);
	unsigned *seen = (unsigned *)(u->cq + u->p.cq_off.head);
	unsigned *done = (unsigned *)(u->cq + u->p.cq_off.tail);
	int r;

	u->sqe[at & (u->p.sq_entries - 1)] = *sqe;
	((unsigned *)(u->sq + u->p.sq_off.array))[at & (u->p.sq_entries - 1)] =
		at & (u->p.sq_entries - 1);
	__atomic_store_n(tail, at + 1, __ATOMIC_RELEASE);
	r = uring_enter(u, 1);
	/* What is submitted is not waited for to the end if a signal comes. */
	while ((r >= 0 || errno == EINTR) && __atomic_load_n(done, __ATOMIC_ACQUIRE) == *seen)
		r = uring_enter(u, 0);
	if (r < 0)
		return -errno;
	r = cqe[*seen & (u->p.cq_entries - 1)].res;
	__atomic_store_n(seen, *seen + 1, __ATOMIC_RELEASE);
	return r;
}

/* One request, and its result. A worker that waits, as for a connection, is woken by the kernel now
 * and then, and the request ends with EINTR: nobody asked for that. Asked again at once it may be
 * as before, while the machine has no time for what is waited for. */
static inline int uring_do(const struct io_uring_sqe *sqe)
{
	struct uring u;
	int r = uring_open(&u), tries = 0;

	if (!r)
		r = uring_submit(&u, sqe);
	while (r == -EINTR && ++tries < 500) {
		usleep(10000);
		r = uring_submit(&u, sqe);
	}
	close(u.fd);
	return r;
}

#endif
