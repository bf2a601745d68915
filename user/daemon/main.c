// SPDX-License-Identifier: MIT
/*
 * sbx-bpfd: resolves names for sandboxes (design 1.5).
 *
 * It holds no state of its own: sandboxes and their policies are read from the kernel, and so is
 * what an earlier daemon has opened. Killed at any moment, names stop resolving, what is open stays
 * open until its time, and the next daemon takes over.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include "sbx_version.h"
#include "user/base/bpfd.h"
#include "user/base/opt.h"
#include "user/daemon/served.h"

#define IDLE_TICKS 60 /* with --on-demand: seconds without a sandbox until it ends */

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_RIGHTS = 5 };

static struct {
	const char *resolv_conf;
	bool on_demand, verbose, help, version;
} opt = {.resolv_conf = "/etc/resolv.conf"};

static const struct sbx_opt opts[] = {
	{"resolv-conf", 0, SBX_OPT_TEXT, "FILE",
	 "the servers to ask, read again when it changes (/etc/resolv.conf)", &opt.resolv_conf,
	 NULL},
	{"on-demand", 0, SBX_OPT_FLAG, NULL, "end a minute after the last sandbox with names",
	 &opt.on_demand, NULL},
	{"verbose", 'v', SBX_OPT_FLAG, NULL, "a line of JSON for every address opened or closed",
	 &opt.verbose, NULL},
	{"help", 'h', SBX_OPT_FLAG, NULL, "show this", &opt.help, NULL},
	{"version", 0, SBX_OPT_FLAG, NULL, "show the version", &opt.version, NULL},
	{0},
};

static const struct sbx_opt_spec spec = {
	.usage = "sbx-bpfd [OPTION]...",
	.summary = "Resolves the names that sandboxes may reach, in the foreground.",
	.opts = opts,
};

struct daemon {
	int lock, control, signals, timer, epoll;
	struct sbx_served_set *served;
	unsigned idle; /* ticks without a sandbox */
	bool done;
};

static int fail(int code, const char *what, int err)
{
	fprintf(stderr, "sbx-bpfd: %s%s%s\n", what, err ? ": " : "", err ? strerror(err) : "");
	return code;
}

/* --- requests ------------------------------------------------------------------------------------
 */

/* All that is wrong, one per line. */
static void describe(int r, const struct sbx_diags *d, char *buf, size_t size)
{
	size_t used = 0, i;

	if (!d->n)
		snprintf(buf, size, "%s", strerror(-r));
	for (i = 0; i < d->n && used < size; i++)
		used += snprintf(buf + used, size - used, "%s%s", i ? "\n" : "", d->v[i].what);
}

static void answer(struct daemon *b, int fd)
{
	char text[SBX_BPFD_MAX] = "", reply[SBX_BPFD_MAX] = SBX_BPFD_OK;
	struct timeval patience = {.tv_sec = 2};
	struct sbx_diags d = {0};
	struct ucred who = {0};
	socklen_t len = sizeof(who);
	int r;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) || who.uid)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (recv(fd, text, sizeof(text) - 1, 0) <= 0)
		return;
	if (!strcmp(text, SBX_BPFD_CLOSED)) {
		sbx_served_closed(b->served, reply, sizeof(reply));
	} else if (strcmp(text, SBX_BPFD_SYNC)) {
		snprintf(reply, sizeof(reply), "this request is not known");
	} else {
		r = sbx_served_sync(b->served, &d);
		if (r)
			describe(r, &d, reply, sizeof(reply));
		b->idle = 0;
	}
	sbx_diags_free(&d);
	send(fd, reply, strlen(reply), MSG_NOSIGNAL);
}

static void accept_one(struct daemon *b)
{
	int fd = accept4(b->control, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	answer(b, fd);
	close(fd);
}

/* --- the beginning -------------------------------------------------------------------------------
 */

/* As a service it waits for one that was started on demand to end, rather than to fail, and to be
 * started again at once, as long as that one runs. */
static int wait_turn(int lock)
{
	if (!flock(lock, LOCK_EX | LOCK_NB))
		return 0;
	if (sd_notify(0, "STATUS=Another one runs: waiting for it to end") <= 0 ||
	    flock(lock, LOCK_EX))
		return fail(EXIT_FAILED, "another one runs already (" SBX_BPFD_LOCK ")", 0);
	return 0;
}

static int take_lock(struct daemon *b)
{
	if (mkdir(SBX_BPFD_DIR, 0700) && errno != EEXIST)
		return fail(errno == EACCES ? EXIT_RIGHTS : EXIT_FAILED, SBX_BPFD_DIR, errno);
	b->lock = open(SBX_BPFD_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (b->lock < 0)
		return fail(errno == EACCES ? EXIT_RIGHTS : EXIT_FAILED, SBX_BPFD_LOCK, errno);
	return wait_turn(b->lock);
}

static int open_control(struct daemon *b)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = SBX_BPFD_SOCKET};

	b->control = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	unlink(SBX_BPFD_SOCKET); /* a killed one's: we have the lock */
	if (b->control < 0 || bind(b->control, (struct sockaddr *)&a, sizeof(a)) ||
	    chmod(SBX_BPFD_SOCKET, 0600) || listen(b->control, 16))
		return fail(EXIT_FAILED, SBX_BPFD_SOCKET, errno);
	return 0;
}

static int open_timers(struct daemon *b)
{
	struct itimerspec second = {.it_interval.tv_sec = 1, .it_value.tv_sec = 1};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	b->signals = signalfd(-1, &set, SFD_CLOEXEC);
	b->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (b->signals < 0 || b->timer < 0 || timerfd_settime(b->timer, 0, &second, NULL))
		return fail(EXIT_FAILED, "cannot make a timer", errno);
	return 0;
}

static int watch(struct daemon *b, int fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(b->epoll, EPOLL_CTL_ADD, fd, &e)
		       ? fail(EXIT_FAILED, "cannot watch a descriptor", errno)
		       : 0;
}

/* Every query that waits has a socket. */
static void raise_limit(void)
{
	struct rlimit r;

	if (!getrlimit(RLIMIT_NOFILE, &r)) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static int begin(struct daemon *b)
{
	int r = take_lock(b);

	raise_limit();
	if (!r)
		r = open_timers(b);
	b->epoll = epoll_create1(EPOLL_CLOEXEC);
	b->served = sbx_served_new(opt.resolv_conf, opt.verbose);
	if (!r && (b->epoll < 0 || !b->served))
		r = fail(EXIT_FAILED, "cannot begin", errno);
	return r;
}

/* What an earlier one served is served before the first command is answered. */
static int take_over(struct daemon *b)
{
	struct sbx_diags d = {0};
	int r = sbx_served_sync(b->served, &d), fds[SBX_SERVED_FDS], i;

	sbx_diags_print(&d, stderr);
	sbx_diags_free(&d);
	if (r == -EPERM || r == -EACCES)
		return fail(EXIT_RIGHTS, "it needs root", 0);
	r = open_control(b);
	if (!r)
		r = watch(b, b->control);
	if (!r)
		r = watch(b, b->signals);
	if (!r)
		r = watch(b, b->timer);
	sbx_served_fds(b->served, fds);
	for (i = 0; i < SBX_SERVED_FDS && !r; i++)
		r = watch(b, fds[i]);
	return r;
}

/* --- the loop ------------------------------------------------------------------------------------
 */

static void tick(struct daemon *b)
{
	uint64_t n;

	if (read(b->timer, &n, sizeof(n)) != sizeof(n))
		return;
	sbx_served_tick(b->served);
	b->idle = sbx_served_count(b->served) ? 0 : b->idle + 1;
	b->done |= opt.on_demand && b->idle >= IDLE_TICKS;
}

static int loop(struct daemon *b)
{
	int wait = -1, i, n;
	struct epoll_event e[8];

	sd_notify(0, "READY=1\nSTATUS=");
	while (!b->done) {
		n = epoll_wait(b->epoll, e, 8, wait);
		if (n < 0 && errno != EINTR)
			return fail(EXIT_FAILED, "cannot wait", errno);
		for (i = 0; i < n; i++) {
			if (e[i].data.fd == b->control)
				accept_one(b);
			else if (e[i].data.fd == b->signals)
				b->done = true;
			else if (e[i].data.fd == b->timer)
				tick(b);
		}
		wait = sbx_served_step(b->served);
	}
	sd_notify(0, "STOPPING=1");
	return 0;
}

int main(int argc, char **argv)
{
	struct daemon b = {.lock = -1, .control = -1};
	char *why = NULL;
	int r = sbx_opt_parse(&spec, argc, argv, &why);

	if (r >= 0 && !opt.help && !opt.version && sbx_opt_count(&spec, r, argv, &why))
		r = -1;
	if (r < 0) {
		fail(EXIT_USAGE, why ? why : "out of memory", 0);
		free(why);
		return EXIT_USAGE;
	}
	if (opt.help) {
		sbx_opt_help(&spec, stdout);
		return 0;
	}
	if (opt.version)
		return puts("sbx-bpfd " SBX_VERSION) < 0;
	r = begin(&b);
	if (!r)
		r = take_over(&b);
	if (!r)
		r = loop(&b);
	if (b.served)
		sbx_served_free(b.served);
	return r;
}
