/* SPDX-License-Identifier: MIT */
/* Memory that another thread fills when it is touched (userfaultfd). Part of act_ops.h. */
#ifndef SBX_ACT_FAULT_H
#define SBX_ACT_FAULT_H

#include <linux/userfaultfd.h>
#include <poll.h>

#define FAULT_PAGE 4096

struct fault {
	int fd;
	char *page;	       /* not there yet */
	char fill[FAULT_PAGE]; /* what will be */
	pthread_t thread;
};

static void *fill_page(void *arg)
{
	struct fault *f = arg;
	struct pollfd p = {.fd = f->fd, .events = POLLIN};
	struct uffd_msg m;
	struct uffdio_copy c = {
		.dst = (uintptr_t)f->page, .src = (uintptr_t)f->fill, .len = FAULT_PAGE};

	if (poll(&p, 1, 20000) == 1 && read(f->fd, &m, sizeof(m)) == sizeof(m))
		ioctl(f->fd, UFFDIO_COPY, &c);
	return NULL;
}

/* `flags`: 0 where the kernel's own accesses shall wait as well, which needs privileges. */
static int fault_begin(struct fault *f, int flags, const char *text)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register r = {.mode = UFFDIO_REGISTER_MODE_MISSING};

	snprintf(f->fill, sizeof(f->fill), "%s", text);
	f->fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | flags);
	if (f->fd < 0)
		return -errno;
	f->page =
		mmap(NULL, FAULT_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	r.range.start = (uintptr_t)f->page;
	r.range.len = FAULT_PAGE;
	if (f->page == MAP_FAILED || ioctl(f->fd, UFFDIO_API, &api) ||
	    ioctl(f->fd, UFFDIO_REGISTER, &r))
		return -errno;
	return -pthread_create(&f->thread, NULL, fill_page, f);
}

static void fault_end(struct fault *f)
{
	pthread_join(f->thread, NULL);
	close(f->fd);
	munmap(f->page, FAULT_PAGE);
}

/* One's own memory. */
static int do_userfault(char **a)
{
	struct fault f;
	int r = fault_begin(&f, UFFD_USER_MODE_ONLY, "filled");

	if (r)
		return r;
	r = strcmp(f.page, "filled") ? -EIO : 0;
	fault_end(&f);
	return r;
}

/* A name that comes when the kernel reads it. */
static int do_userfault_read(char **a)
{
	struct fault f;
	int r = fault_begin(&f, 0, a[0]);

	if (r)
		return r;
	r = closed(open(f.page, O_RDONLY));
	fault_end(&f);
	return r;
}

#endif
