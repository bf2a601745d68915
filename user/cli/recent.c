// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "user/cli/common.h"
#include "user/cli/follow.h"
#include "user/cli/recent.h"

static const char head[] = "# What this sandbox was denied, the latest last. sbx-bpf writes it a "
			   "moment after the fact.\n"
			   "# The policy cannot be changed from inside: ask who runs the sandbox, "
			   "and give the reason.\n";

static void new_name(const struct sbx_recent *r, char *name, size_t size)
{
	snprintf(name, size, "%s.new", r->path);
}

/* Closes fd. The user may read it, whatever our umask is. */
static int fill(int fd, const struct sbx_recent *r, const char *text, size_t len)
{
	bool ok = !fchown(fd, r->uid, r->gid) && !fchmod(fd, 0400) &&
		  write(fd, text, len) == (ssize_t)len;

	return close(fd) || !ok ? -1 : 0;
}

int sbx_recent_make(const struct sbx_person *who, struct sbx_recent *r)
{
	*r = (struct sbx_recent){.uid = who->uid, .gid = who->gid};
	int fd = -1;

	snprintf(r->path, sizeof(r->path), SBX_DENIALS_DIR "/%d-XXXXXX", getpid());
	/* Nobody lists what others have. */
	if (!mkdir(SBX_DENIALS_DIR, 0700) ? !chmod(SBX_DENIALS_DIR, 0711) : errno == EEXIST)
		fd = mkostemp(r->path, O_CLOEXEC);
	if (fd >= 0 && !fill(fd, r, head, strlen(head)))
		return 0;
	if (fd >= 0)
		sbx_recent_remove(r->path);
	*r->path = 0;
	return sbx_fail(SBX_EXIT_RUN, NULL, "cannot make a file in %s: %s", SBX_DENIALS_DIR,
			strerror(errno));
}

/* --- the list --- */

static struct sbx_recent_entry *find(struct sbx_recent *r, const struct sbx_event *ev)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (sbx_same_event(&r->v[i].ev, ev))
			return &r->v[i];
	return NULL;
}

static int by_time(const void *a, const void *b)
{
	const struct sbx_recent_entry *x = a, *y = b;

	return (x->ev.last_ns > y->ev.last_ns) - (x->ev.last_ns < y->ev.last_ns);
}

static struct sbx_recent_entry *add(struct sbx_recent *r)
{
	if (r->n == SBX_RECENT_MAX) {
		qsort(r->v, r->n, sizeof(*r->v), by_time);
		free(r->v[0].text);
		memmove(&r->v[0], &r->v[1], --r->n * sizeof(*r->v));
	}
	return &r->v[r->n++];
}

/* To explain one takes a while: it is done once, and repeats are counted below it. */
static char *tell(const struct sbx_event *ev, const struct sbx_event_context *ctx)
{
	struct sbx_event_context plain = *ctx;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	plain.color = false;
	sbx_event_print(out, ev, &plain);
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}

void sbx_recent_take(struct sbx_recent *r, const struct sbx_event *ev,
		     const struct sbx_event_context *ctx)
{
	struct sbx_recent_entry *e;

	if (!*r->path)
		return;
	e = find(r, ev);
	if (!e) {
		e = add(r);
		*e = (struct sbx_recent_entry){.told = ev->count, .text = tell(ev, ctx)};
	}
	e->ev = *ev;
	r->news = true;
}

/* --- the file --- */

static size_t more_of(const struct sbx_recent_entry *e, char *buf, size_t size)
{
	*buf = 0;
	if (e->ev.count == e->told)
		return 0;
	return snprintf(buf, size, "    again:  %llu times in all\n",
			(unsigned long long)e->ev.count);
}

/* Those that have room, counted from the latest. */
static size_t first_with_room(const struct sbx_recent *r)
{
	size_t i = r->n, used = strlen(head);
	char more[64];

	while (i > 0 && r->v[i - 1].text) {
		used += strlen(r->v[i - 1].text) + more_of(&r->v[i - 1], more, sizeof(more));
		if (used > SBX_RECENT_BYTES)
			break;
		i--;
	}
	return i;
}

static void replace(const struct sbx_recent *r, const char *text, size_t len)
{
	char name[SBX_RECENT_PATH + sizeof(".new")];
	int fd;

	new_name(r, name, sizeof(name));
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0 && (fill(fd, r, text, len) || rename(name, r->path)))
		unlink(name);
}

void sbx_recent_write(struct sbx_recent *r)
{
	char *text = NULL, more[64];
	size_t len, i;
	FILE *out;

	if (!r->news)
		return;
	out = open_memstream(&text, &len);
	if (!out)
		return;
	r->news = false;
	qsort(r->v, r->n, sizeof(*r->v), by_time);
	fputs(head, out);
	for (i = first_with_room(r); i < r->n; i++) {
		more_of(&r->v[i], more, sizeof(more));
		fprintf(out, "%s%s", r->v[i].text, more);
	}
	if (!fclose(out))
		replace(r, text, len);
	free(text);
}

void sbx_recent_free(struct sbx_recent *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		free(r->v[i].text);
	r->n = 0;
}

void sbx_recent_remove(const char *path)
{
	if (*path)
		unlink(path);
}

/* --- what the killed left behind --- */

/* Do sandboxes read it? 0, 1 or a negative errno. */
static int is_told_of(struct sbx_kern *k, const struct sbx_sandbox_info *v, size_t n,
		      const char *path)
{
	int r = 0;
	size_t i;

	for (i = 0; i < n && !r; i++) {
		struct sbx_policy *p = NULL;
		struct sbx_facts facts = {0};

		r = sbx_policy_of(k, v[i].slot.id, &p, &facts);
		if (!r)
			r = p->denials && !strcmp(p->denials, path);
		sbx_facts_free(&facts);
		sbx_policy_free(p);
	}
	return r;
}

/* Of one that goes on, if its number was given anew: it stays for another time. */
static bool maker_is_gone(const char *name)
{
	char *end;
	long pid = strtol(name, &end, 10);

	return pid > 0 && *end == '-' && kill(pid, 0) && errno == ESRCH;
}

void sbx_recent_sweep(struct sbx_kern *k)
{
	struct sbx_sandbox_info *v = NULL;
	DIR *dir = opendir(SBX_DENIALS_DIR);
	struct dirent *e;
	size_t n = 0;

	if (dir && !sbx_kern_list(k, &v, &n)) {
		while ((e = readdir(dir))) {
			char path[SBX_RECENT_PATH];

			/* Without the ".new" of a version that was being written. */
			if (!maker_is_gone(e->d_name) ||
			    (size_t)snprintf(path, sizeof(path), SBX_DENIALS_DIR "/%.*s",
					     (int)strcspn(e->d_name, "."),
					     e->d_name) >= sizeof(path))
				continue;
			if (!is_told_of(k, v, n, path))
				unlinkat(dirfd(dir), e->d_name, 0);
		}
		sbx_kern_list_free(v, n);
	}
	if (dir)
		closedir(dir);
}
