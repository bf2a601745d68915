// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "user/cli/common.h"
#include "user/cli/fds.h"
#include "user/cli/owner.h"
#include "user/policy/rulestr.h"

#define SHOWN 50 /* notes on a terminal; --json has all of them */

int sbx_judge_begin(struct sbx_judge *j, const struct sbx_image *image, const char *cgroup)
{
	*j = (struct sbx_judge){.image = image, .cgroup = cgroup};
	return sbx_mounts_read(&j->mounts);
}

void sbx_judge_end(struct sbx_judge *j)
{
	sbx_mounts_free(&j->mounts);
	free(j->members.v);
}

/* --- one descriptor --- */

struct open_file {
	pid_t pid;
	char path[PATH_MAX]; /* as the kernel shows it to us */
	unsigned flags;
	int mnt_id;
	unsigned ring;	/* files registered with a ring of io_uring: they have no descriptors */
	bool namespace; /* a file of nsfs: it has no name, and no policy opens it */
	struct stat st;
};

static bool read_info(const char *path, struct open_file *f)
{
	FILE *in = fopen(path, "re");
	bool flags = false, mount = false;
	char line[256];

	if (!in)
		return false;
	while (fgets(line, sizeof(line), in)) {
		flags |= sscanf(line, "flags: %o", &f->flags) == 1;
		mount |= sscanf(line, "mnt_id: %d", &f->mnt_id) == 1;
		sscanf(line, "UserFiles: %u", &f->ring);
	}
	fclose(in);
	return flags && mount;
}

/* False: it was closed meanwhile. */
static bool look(pid_t pid, int fd, struct open_file *f)
{
	static const char deleted[] = " (deleted)";
	struct statfs fs;
	char path[64];
	ssize_t n;

	f->pid = pid;
	f->ring = 0;
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	if (!read_info(path, f))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	n = readlink(path, f->path, sizeof(f->path) - 1);
	if (n <= 0 || stat(path, &f->st))
		return false;
	f->path[n] = 0;
	f->namespace = !statfs(path, &fs) && fs.f_type == NSFS_MAGIC;
	/* An unlinked file keeps the rights of its last name. */
	n -= strlen(deleted);
	if (!f->st.st_nlink && n > 0 && !strcmp(f->path + n, deleted))
		f->path[n] = 0;
	return true;
}

static bool is_own_terminal(const struct open_file *f)
{
	char path[64], line[1024], *p;
	unsigned tty = 0;
	FILE *in;

	if (!S_ISCHR(f->st.st_mode))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/stat", f->pid);
	in = fopen(path, "re");
	if (!in)
		return false;
	/* PID (COMM) STATE PPID PGRP SESSION TTY …; COMM may hold anything */
	p = fgets(line, sizeof(line), in) ? strrchr(line, ')') : NULL;
	fclose(in);
	if (!p || sscanf(p, ") %*c %*d %*d %*d %u", &tty) != 1 || !tty)
		return false;
	return major(f->st.st_rdev) == ((tty >> 8) & 0xfff) &&
	       minor(f->st.st_rdev) == ((tty & 0xff) | ((tty >> 12) & 0xfff00));
}

static const struct sbx_mount *mount_of(const struct sbx_judge *j, const struct open_file *f)
{
	size_t i;

	for (i = 0; i < j->mounts.n; i++)
		if (j->mounts.v[i].id == f->mnt_id)
			return j->mounts.v[i].covered ? NULL : &j->mounts.v[i];
	return NULL;
}

/* Pipes, sockets, anonymous inodes; memfds are files of a mount that nobody sees. */
static bool is_nameless(const struct open_file *f, const struct sbx_mount *m)
{
	return (f->path[0] != '/' && !f->namespace) || (!m && !strncmp(f->path, "/memfd:", 7));
}

/* Processes' directories have built-in names (design 1.3). NULL: somebody else's, or no memory. */
static char *proc_name(const struct sbx_judge *j, const struct open_file *f, const char *rest)
{
	size_t digits = strspn(rest + 1, "0123456789");
	pid_t pid = atoi(rest + 1);
	const char *self = "/proc/self";
	char *name;

	if (pid != f->pid)
		self = sbx_cgroup_holds(j->cgroup, pid) ? "/proc/@sandbox" : NULL;
	return self && asprintf(&name, "%s%s", self, rest + 1 + digits) >= 0 ? name : NULL;
}

/* NULL: no name in the view, which nothing opens. */
static char *name_of(const struct sbx_judge *j, const struct open_file *f,
		     const struct sbx_mount *m)
{
	size_t n = m ? strlen(m->point) : 0;
	const char *rest = f->path + n;
	char *name;

	if (!m || strncmp(f->path, m->point, n) || (*rest && *rest != '/'))
		return NULL;
	if (!strcmp(rest, "/"))
		rest = "";
	if (!strcmp(m->type, "proc") && *rest && isdigit((unsigned char)rest[1]))
		return proc_name(j, f, rest);
	return asprintf(&name, "%s%s", m->canonical ? m->canonical : m->point, rest) < 0 ? NULL
											 : name;
}

static uint8_t rights_needed(const struct open_file *f)
{
	if (f->flags & O_PATH)
		return 0; /* a name, not an open file */
	switch (f->flags & O_ACCMODE) {
	case O_RDONLY:
		return SBX_READ;
	case O_WRONLY:
		return SBX_WRITE;
	default:
		return SBX_READ | SBX_WRITE;
	}
}

static uint8_t rights_given(const struct sbx_judge *j, const char *name)
{
	uint32_t at = sbx_image_walk(j->image, sbx_image_hdr(j->image)->start, name, strlen(name));
	const struct sbx_state *s = at == SBX_NO_STATE ? NULL : sbx_image_state(j->image, at);

	return s ? s->rights : 0;
}

static int add(struct sbx_fds *out, struct sbx_fd found)
{
	struct sbx_fd *more;

	if (!found.name)
		return -ENOMEM;
	if (out->n == out->room) {
		out->room = out->room ? out->room * 2 : 16;
		more = realloc(out->v, out->room * sizeof(*more));
		if (!more) {
			out->room = out->n;
			free(found.name);
			return -ENOMEM;
		}
		out->v = more;
	}
	out->v[out->n++] = found;
	return 0;
}

static bool has_member(pid_t pid, void *arg)
{
	const struct sbx_members *m = arg;
	size_t i;

	for (i = 0; i < m->n; i++)
		if (m->v[i].pid == pid)
			return true;
	return false;
}

/* The kernel's hooks see who arms a descriptor, not who is sent what was armed before. */
static int judge_owner(struct sbx_judge *j, pid_t pid, int fd, struct sbx_fds *out)
{
	struct sbx_fd found = {.how = SBX_HELD_SIGNALS, .pid = pid, .fd = fd};
	pid_t owner;
	bool known = sbx_owner_of(pid, fd, &owner);

	if (known && (!owner || sbx_owner_within(owner, has_member, &j->members)))
		return 0;
	found.name = known ? sbx_owner_text(owner) : strdup("processes that cannot be told");
	return add(out, found);
}

static int judge_fd(struct sbx_judge *j, pid_t pid, int fd, struct sbx_fds *out)
{
	const struct sbx_mount *m;
	struct sbx_fd found = {.pid = pid, .fd = fd};
	struct open_file f;
	char *name;
	int r;

	if (!look(pid, fd, &f))
		return 0;
	r = judge_owner(j, pid, fd, out);
	if (r || is_own_terminal(&f))
		return r;
	m = mount_of(j, &f);
	if (is_nameless(&f, m)) {
		if (!f.ring)
			return 0;
		found.missing = SBX_READ | SBX_WRITE; /* nobody can look at them */
		found.name = strdup("files registered with a ring of io_uring");
		return add(out, found);
	}
	name = name_of(j, &f, m);
	found.missing = rights_needed(&f) & ~(name ? rights_given(j, name) : 0);
	if (!found.missing) {
		free(name);
		return 0;
	}
	if (name && !*name) {
		free(name);
		name = strdup("/");
	}
	found.name = name ? name : strdup(f.path);
	return add(out, found);
}

/* --- processes that are traced: what a tracer does to one that it has already, no hook sees --- */

static pid_t tracer_of(pid_t pid)
{
	char path[64], line[256];
	pid_t tracer = 0;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	in = fopen(path, "re");
	while (in && fgets(line, sizeof(line), in) && sscanf(line, "TracerPid: %d", &tracer) != 1)
		;
	if (in)
		fclose(in);
	return tracer;
}

static int judge_tracers(struct sbx_judge *j, struct sbx_fds *out)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	int r = dir ? 0 : -errno;

	while (!r && (e = readdir(dir))) {
		pid_t pid = atoi(e->d_name), tracer = pid > 0 ? tracer_of(pid) : 0;
		struct sbx_fd found = {.how = SBX_HELD_TRACES, .pid = tracer, .fd = -1};

		if (!tracer || !has_member(tracer, &j->members) || has_member(pid, &j->members))
			continue;
		if (asprintf(&found.name, "process %d", pid) < 0)
			found.name = NULL;
		r = add(out, found);
	}
	if (dir)
		closedir(dir);
	return r;
}

/* --- tasks --- */

/* A process or a thread. One that is gone has none. */
static int judge_task(struct sbx_judge *j, pid_t pid, struct sbx_fds *out)
{
	struct dirent *e;
	char path[64];
	DIR *dir;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT || errno == ESRCH ? 0 : -errno;
	while (!r && (e = readdir(dir)))
		if (isdigit((unsigned char)e->d_name[0]) &&
		    !(pid == getpid() && atoi(e->d_name) == dirfd(dir)))
			r = judge_fd(j, pid, atoi(e->d_name), out);
	closedir(dir);
	return r;
}

static int add_member(pid_t tgid, pid_t pid, void *arg)
{
	struct sbx_members *m = arg;
	struct sbx_member *more;

	if (m->n == m->room) {
		m->room = m->room ? m->room * 2 : 64;
		more = realloc(m->v, m->room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		m->v = more;
	}
	m->v[m->n++] = (struct sbx_member){tgid, pid};
	return 0;
}

/* Threads mostly share their descriptors; where the leader is gone, they are met here. */
static bool shares_leaders(struct sbx_member m)
{
	return m.pid != m.tgid && !syscall(SYS_kcmp, m.tgid, m.pid, KCMP_FILES, 0, 0);
}

int sbx_judge_sandbox(struct sbx_judge *j, struct sbx_kern *k, uint64_t id, struct sbx_fds *out)
{
	int r = sbx_kern_tasks(k, id, add_member, &j->members);
	size_t i;

	for (i = 0; !r && i < j->members.n; i++)
		if (!shares_leaders(j->members.v[i]))
			r = judge_task(j, j->members.v[i].pid, out);
	return r ? r : judge_tracers(j, out);
}

/* --- telling --- */

static char *rights_text(uint8_t rights)
{
	struct sbx_text t;
	char *text = NULL;

	if (sbx_text_begin(&t))
		return NULL;
	sbx_put_rights(t.out, rights);
	sbx_text_end(&t, &text);
	return text;
}

static void program_of(pid_t pid, char *buf, size_t size)
{
	char path[64];
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	in = fopen(path, "re");
	if (!in || !fgets(buf, size, in))
		snprintf(buf, size, "?");
	if (in)
		fclose(in);
	buf[strcspn(buf, "\n")] = 0;
}

static bool alike(const struct sbx_fd *a, const struct sbx_fd *b)
{
	return a->how == b->how && a->pid == b->pid && a->missing == b->missing && a->name &&
	       b->name && !strcmp(a->name, b->name);
}

/* "descriptor 3", "descriptors 0, 1, 2": those of one task for one file. */
static char *numbers_text(const struct sbx_fds *fds, size_t from)
{
	struct sbx_text t;
	char *text = NULL;
	size_t i, n = 0;

	if (sbx_text_begin(&t))
		return NULL;
	for (i = from; i < fds->n; i++)
		if (i == from || alike(&fds->v[i], &fds->v[from]))
			fprintf(t.out, "%s%d", n++ ? ", " : "", fds->v[i].fd);
	sbx_text_end(&t, &text);
	return text;
}

static bool told_before(const struct sbx_fds *fds, size_t i)
{
	size_t k;

	for (k = 0; k < i; k++)
		if (alike(&fds->v[k], &fds->v[i]))
			return true;
	return false;
}

static void print_one(const struct sbx_fds *fds, size_t i)
{
	const struct sbx_fd *f = &fds->v[i];
	char program[32], *rights = rights_text(f->missing), *numbers = numbers_text(fds, i);
	const char *name = f->name ? f->name : "?";

	program_of(f->pid, program, sizeof(program));
	switch (f->how) {
	case SBX_HELD_TRACES:
		sbx_note("%s (pid %d) goes on tracing %s, which is outside", program, f->pid, name);
		break;
	case SBX_HELD_SIGNALS:
		sbx_note("%s (pid %d) keeps open what signals %s, outside (descriptor %s)", program,
			 f->pid, name, numbers ? numbers : "?");
		break;
	case SBX_HELD_OPEN:
		sbx_note("%s (pid %d) keeps open what the policy would not open: %s, %s "
			 "(descriptor %s)",
			 program, f->pid, name, rights ? rights : "?", numbers ? numbers : "?");
	}
	free(rights);
	free(numbers);
}

void sbx_fds_print(const struct sbx_fds *fds)
{
	size_t i, shown = 0;

	for (i = 0; i < fds->n && shown < SHOWN; i++) {
		if (told_before(fds, i))
			continue;
		shown++;
		print_one(fds, i);
	}
	if (i < fds->n)
		sbx_note("… and %zu more descriptors; --json lists them", fds->n - i);
}

json_t *sbx_fds_json(const struct sbx_fds *fds)
{
	static const char *const beyond[] = {
		[SBX_HELD_SIGNALS] = "signal", [SBX_HELD_TRACES] = "trace"};
	json_t *all = json_array();
	size_t i;

	for (i = 0; i < fds->n; i++) {
		const struct sbx_fd *f = &fds->v[i];
		bool open = f->how == SBX_HELD_OPEN;
		char program[32], *rights = rights_text(f->missing);

		program_of(f->pid, program, sizeof(program));
		json_array_append_new(all,
				      json_pack("{s:i, s:o, s:i, s:o, s:o}", "pid", f->pid, "comm",
						sbx_json_text(program), "fd", f->fd, "path",
						sbx_json_text(f->name), "missing",
						sbx_json_text(open ? rights : beyond[f->how])));
		free(rights);
	}
	return all;
}

void sbx_fds_free(struct sbx_fds *fds)
{
	size_t i;

	for (i = 0; i < fds->n; i++)
		free(fds->v[i].name);
	free(fds->v);
	*fds = (struct sbx_fds){0};
}

json_t *sbx_fds_report(struct sbx_kern *k, uint64_t id, const struct sbx_image *image)
{
	struct sbx_fds fds = {0};
	struct sbx_judge judge;
	json_t *j = NULL;
	char *cgroup = sbx_kern_cgroup(k, id);
	int r = sbx_judge_begin(&judge, image, cgroup);

	if (!r) {
		r = sbx_judge_sandbox(&judge, k, id, &fds);
		sbx_judge_end(&judge);
	}
	if (r)
		sbx_note("open descriptors could not be looked at: %s", strerror(-r));
	if (sbx_globals.json)
		j = sbx_fds_json(&fds);
	else
		sbx_fds_print(&fds);
	sbx_fds_free(&fds);
	free(cgroup);
	return j;
}
