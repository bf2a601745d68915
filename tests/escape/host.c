// SPDX-License-Identifier: MIT
/* What stays outside: plants, starts the sandbox, referees. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "tests/escape/escape.h"

#define SILENCE_S 60 /* no try takes that long */

static volatile sig_atomic_t interrupted;

static void interrupt(int sig)
{
	interrupted = 1;
}

struct host {
	const struct esc_host_opts *o;
	struct esc_world w;
	const struct esc_case *cases;
	struct esc_outcome *out;
	size_t n;
	char adapter_path[ESC_PATH], described[4096], lacks[200], world_file[ESC_PATH];
	int from_inside, to_inside;
	int master, slave;	       /* the terminal that the sandbox is given */
	int other_master, other_slave; /* somebody else's */
	pid_t adapter, drain;
	char other_secret[ESC_SECRET_LEN + 2];
};

/* --- terminals --- */

static int open_pty(int *master, int *slave, char *name, size_t size, long uid)
{
	struct termios t;

	*master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*master < 0 || grantpt(*master) || unlockpt(*master) || ptsname_r(*master, name, size))
		return -errno;
	*slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*slave < 0 || tcgetattr(*slave, &t))
		return -errno;
	cfmakeraw(&t);
	if (tcsetattr(*slave, TCSANOW, &t) || fchown(*slave, uid, -1) || fchmod(*slave, 0666))
		return -errno;
	return 0;
}

/* Somebody typed a secret into the other terminal, and nobody has read it yet. */
static void type_secret(struct host *h)
{
	tcflush(h->other_slave, TCIFLUSH);
	if (write(h->other_master, h->other_secret, strlen(h->other_secret)) < 0)
		perror("sbx-escape: the other terminal");
}

static bool terminal_touched(struct host *h, char *note)
{
	struct pollfd p = {.fd = h->other_master, .events = POLLIN};
	char buf[256];
	int n = 0;

	if (!ioctl(h->slave, FIONREAD, &n) && n > 0) {
		tcflush(h->slave, TCIFLUSH);
		snprintf(note, ESC_NOTE, "pushed %d bytes into the terminal's input", n);
		return true;
	}
	if (poll(&p, 1, 0) == 1 && read(h->other_master, buf, sizeof(buf)) > 0) {
		snprintf(note, ESC_NOTE, "wrote to somebody else's terminal");
		return true;
	}
	if (ioctl(h->other_slave, FIONREAD, &n) || n == (int)strlen(h->other_secret))
		return false;
	type_secret(h); /* less: it was read, which whoever read it proves */
	snprintf(note, ESC_NOTE, "typed into somebody else's terminal");
	return n > (int)strlen(h->other_secret);
}

/* What the sandbox prints goes to the log. */
static pid_t drain_terminal(struct host *h)
{
	char buf[4096];
	ssize_t n;
	int log;
	pid_t pid = fork();

	if (pid)
		return pid;
	signal(SIGTERM, SIG_DFL);
	esc_as_user(&h->w, false);
	log = open(h->o->log ? h->o->log : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	close(h->slave);
	while ((n = read(h->master, buf, sizeof(buf))) > 0)
		if (write(log, buf, n) < 0)
			break;
	_exit(0);
}

/* --- the world --- */

static int copy_self(const struct host *h)
{
	char path[ESC_PATH], buf[65536];
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), to;
	ssize_t n = -1;

	esc_path(&h->w, "project/sbx-escape", path);
	to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	if (from >= 0 && to >= 0)
		while ((n = read(from, buf, sizeof(buf))) > 0)
			if (write(to, buf, n) != n)
				break;
	close(from);
	return close(to) || n ? -EIO : 0;
}

static int fifo(struct host *h, const char *name, int *fd)
{
	char path[ESC_PATH];

	esc_path(&h->w, name, path);
	if (mkfifo(path, 0666) || chmod(path, 0666))
		return -errno;
	*fd = open(path, O_RDWR | O_CLOEXEC); /* both ends: no waiting for the other side */
	return *fd < 0 ? -errno : 0;
}

static int whose(struct host *h)
{
	struct passwd *pw = NULL;
	FILE *f;

	h->w.uid = getuid();
	h->w.gid = getgid();
	if (!h->o->user)
		return 0;
	f = fopen("/etc/passwd", "re"); /* getpwnam() would want libraries */
	while (f && (pw = fgetpwent(f)) && strcmp(pw->pw_name, h->o->user))
		;
	if (pw) {
		h->w.uid = pw->pw_uid;
		h->w.gid = pw->pw_gid;
	} else
		fprintf(stderr, "sbx-escape: no user %s\n", h->o->user);
	if (f)
		fclose(f);
	return pw ? 0 : -ENOENT;
}

static int make_world(struct host *h)
{
	char ignored[40];
	int rc = whose(h);

	snprintf(h->w.dir, sizeof(h->w.dir), "%s/sbx-escape.XXXXXX",
		 h->o->dir ? h->o->dir : "/var/tmp");
	snprintf(h->w.only, sizeof(h->w.only), "%s", h->o->only ? h->o->only : "");
	if (rc || !mkdtemp(h->w.dir))
		return rc ? rc : -errno;
	snprintf(h->w.tag, sizeof(h->w.tag), "%s", strrchr(h->w.dir, '.') + 1);
	snprintf(h->w.abstract, sizeof(h->w.abstract), "sbx-escape-%s", h->w.tag);
	h->w.race_ms = h->o->race_ms;
	h->w.pid_ns = esc_namespace("pid");
	h->w.net_ns = esc_namespace("net");
	h->w.thin = h->o->thin;
	h->w.no_twins = h->o->no_twins;
	rc = esc_plant(&h->w);
	if (!rc)
		rc = copy_self(h);
	if (!rc)
		rc = esc_peers_open(&h->w);
	if (!rc)
		rc = esc_victim_start(&h->w);
	esc_as_user(&h->w, false);
	if (!rc)
		rc = open_pty(&h->master, &h->slave, ignored, sizeof(ignored), h->w.uid);
	if (!rc)
		rc = open_pty(&h->other_master, &h->other_slave, h->w.pty, sizeof(h->w.pty),
			      h->w.uid);
	esc_as_user(&h->w, true);
	if (!rc)
		rc = fifo(h, "project/.to-host", &h->from_inside);
	if (!rc)
		rc = fifo(h, "project/.from-host", &h->to_inside);
	if (rc)
		return rc;
	esc_secret_new(&h->w, h->other_secret);
	type_secret(h);
	esc_path(&h->w, "project/.world", h->world_file);
	return esc_world_write(&h->w, h->world_file);
}

/* --- the adapter --- */

static void set_number(const char *name, long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", value);
	setenv(name, text, 1);
}

/* The protocol for adapters: see doc/escape.md. Settings are told in these names. */
static void describe_names(const struct host *h)
{
	static const char *const names[] = {"ESC_DIR",	"ESC_TCP4", "ESC_TCP6",
					    "ESC_UDP4", "ESC_UDP6", "ESC_ABSTRACT"};
	char name[20];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(name, sizeof(name), "$%s", names[i]);
		setenv(names[i], name, 1);
	}
	setenv("ESC_USER", h->o->user ? h->o->user : "", 1);
	setenv("ESC_AUDIT", h->o->audit ? "1" : "", 1);
	set_number("ESC_UID", h->w.uid);
	set_number("ESC_GID", h->w.gid);
}

static void describe_world(const struct host *h)
{
	setenv("ESC_DIR", h->w.dir, 1);
	setenv("ESC_ABSTRACT", h->w.abstract, 1);
	set_number("ESC_TCP4", h->w.ok_tcp4);
	set_number("ESC_TCP6", h->w.ok_tcp6);
	set_number("ESC_UDP4", h->w.ok_udp4);
	set_number("ESC_UDP6", h->w.ok_udp6);
}

static int describe(struct host *h)
{
	char command[ESC_PATH + 32], *at;
	size_t n;
	FILE *p;
	int status;

	describe_names(h);
	if (!realpath(h->o->adapter, h->adapter_path)) {
		perror(h->o->adapter);
		return -errno;
	}
	snprintf(command, sizeof(command), "exec '%s' describe", h->adapter_path);
	p = popen(command, "re");
	n = p ? fread(h->described, 1, sizeof(h->described) - 1, p) : 0;
	h->described[n] = 0;
	status = p ? pclose(p) : -1;
	if (status) {
		fprintf(stderr, "sbx-escape: %s: %s", h->o->adapter,
			n ? h->described : "it does not describe itself\n");
		return -ENOTSUP;
	}
	describe_world(h);
	at = strstr(h->described, "lacks: ");
	if (at)
		snprintf(h->lacks, sizeof(h->lacks), " %.*s ", (int)strcspn(at + 7, "\n"), at + 7);
	return 0;
}

/* Two descriptors are left open by mistake, as runc did (CVE-2024-21626). */
static _Noreturn void into_adapter(struct host *h)
{
	char path[ESC_PATH], program[ESC_PATH];
	int fd;

	esc_path(&h->w, "project/sbx-escape", program);
	setsid();
	ioctl(h->slave, TIOCSCTTY, 0);
	for (fd = 0; fd < 3; fd++)
		dup2(h->slave, fd);
	esc_path(&h->w, "outside/d/secret", path);
	dup2(open(path, O_RDWR | O_CLOEXEC), ESC_LEAKED_FILE);
	esc_path(&h->w, "outside/d", path);
	dup2(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ESC_LEAKED_DIR);
	esc_path(&h->w, "project", path);
	if (chdir(path))
		_exit(125);
	esc_as_user(&h->w, false);
	execl(h->adapter_path, h->adapter_path, "run", program, "inside", h->world_file, NULL);
	_exit(127);
}

/* --- refereeing --- */

/* Whatever happened outside since the last try. */
static bool outside(struct host *h, char *note)
{
	bool is, renew = false;

	esc_peers_serve(0, -1);
	is = esc_reached(note);
	is |= terminal_touched(h, note) | esc_spooled(&h->w, note);
	if (esc_touched(&h->w, note))
		is = renew = true;
	if (esc_changed(&h->w, note)) {
		is = true;
		renew |= esc_restore(&h->w); /* the victim holds the object that is gone */
	}
	if (renew) {
		esc_victim_renew(&h->w);
		esc_world_write(&h->w, h->world_file);
	}
	return is;
}

static void judge_attack(struct host *h, struct esc_outcome *o, int status, int err, bool proof,
			 const char *note)
{
	char seen[ESC_NOTE] = "";
	const char *verdict = "held";

	snprintf(o->evidence, sizeof(o->evidence), "%s%s%s", note, *note && err < 0 ? ": " : "",
		 err < 0 ? strerror(-err) : "");
	if (outside(h, seen)) {
		verdict = "escaped";
		snprintf(o->evidence, sizeof(o->evidence), "%s", seen);
	} else if (proof) {
		verdict = o->c->needs & ESC_SURFACE ? "open" : "escaped";
		snprintf(o->evidence, sizeof(o->evidence), "%s", note);
	} else if (status == -1) {
		verdict = "timeout";
	} else if (WIFSIGNALED(status)) {
		verdict = WTERMSIG(status) == SIGSYS ? "held" : "crashed";
		snprintf(o->evidence, sizeof(o->evidence), "killed by %s",
			 strsignal(WTERMSIG(status)));
	} else if (err == ESC_NONE) {
		verdict = "n/a";
	} else if (!err) {
		snprintf(o->evidence, sizeof(o->evidence),
			 "the calls succeeded, and nothing outside was reached");
	}
	snprintf(o->verdict, sizeof(o->verdict), "%s", verdict);
}

static void judge_twin(struct host *h, struct esc_outcome *o, int status, int err, bool proof,
		       const char *note)
{
	char seen[ESC_NOTE] = "";
	const char *verdict = proof ? "works" : err == ESC_NONE ? "n/a" : "broken";

	snprintf(o->twin_evidence, sizeof(o->twin_evidence), "%s%s%s", note,
		 *note && err < 0 ? ": " : "", err < 0 ? strerror(-err) : "");
	if (status == -1)
		snprintf(o->twin_evidence, sizeof(o->twin_evidence), "timeout");
	else if (WIFSIGNALED(status))
		snprintf(o->twin_evidence, sizeof(o->twin_evidence), "killed by %s",
			 strsignal(WTERMSIG(status)));
	/* A twin does nothing forbidden: whatever happened outside is a fault of the suite. */
	if (outside(h, seen)) {
		verdict = "broken";
		snprintf(o->twin_evidence, sizeof(o->twin_evidence), "%s", seen);
	}
	snprintf(o->twin, sizeof(o->twin), "%s", verdict);
}

static void judge(struct host *h, char *line)
{
	size_t id;
	int twin, status, err, proof, at = 0;

	if (sscanf(line, "%zu %d %d %d %d %n", &id, &twin, &status, &err, &proof, &at) < 5 || !at ||
	    id >= h->n)
		return;
	if (twin)
		judge_twin(h, &h->out[id], status, err, proof, line + at);
	else
		judge_attack(h, &h->out[id], status, err, proof, line + at);
	if (write(h->to_inside, "k", 1) != 1)
		perror("sbx-escape: answering");
}

static void take_lines(struct host *h)
{
	static char buf[8192];
	static size_t have;
	char *end;
	ssize_t n = read(h->from_inside, buf + have, sizeof(buf) - 1 - have);

	if (n <= 0)
		return;
	have += n;
	buf[have] = 0;
	while ((end = strchr(buf, '\n'))) {
		*end = 0;
		judge(h, buf);
		have -= end + 1 - buf;
		memmove(buf, end + 1, have + 1);
	}
}

static bool waiting(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

/* Until the adapter has ended: its status, or -ETIMEDOUT. */
static int referee(struct host *h)
{
	time_t last = time(NULL);
	int status = 0;

	for (;;) {
		esc_peers_serve(100, h->from_inside);
		if (waiting(h->from_inside)) {
			take_lines(h);
			last = time(NULL);
			continue;
		}
		if (waitpid(h->adapter, &status, WNOHANG) == h->adapter)
			return status;
		if (interrupted || time(NULL) - last > SILENCE_S) {
			kill(-h->adapter, interrupted ? SIGTERM : SIGKILL);
			waitpid(h->adapter, NULL, 0);
			return interrupted ? -EINTR : -ETIMEDOUT;
		}
	}
}

/* Those that cannot be asked of this sandbox or this user. The others start as not run. */
static void prepare(struct host *h)
{
	size_t i;

	for (i = 0; i < h->n; i++) {
		struct esc_outcome *o = &h->out[i];

		o->c = &h->cases[i];
		if (!esc_chosen(o->c, h->o->only, h->o->thin))
			continue;
		strcpy(o->verdict, "not run");
		strcpy(o->twin, h->o->no_twins ? "n/a" : "not run");
		if (o->c->needs & ESC_ROOT && h->w.uid) {
			strcpy(o->verdict, "n/a");
			strcpy(o->twin, "n/a");
			strcpy(o->evidence, "means something for uid 0");
		}
	}
}

/* The first word for which the adapter's sandbox has no setting and that the case needs, or NULL.
 */
static const char *lacking(const struct host *h, const struct esc_case *c)
{
	char word[20];
	unsigned need;

	for (need = 1; need < 1U << ESC_NEEDS; need <<= 1) {
		snprintf(word, sizeof(word), " %s ", esc_need_word(need));
		if (c->needs & need && strstr(h->lacks, word))
			return esc_need_word(need);
	}
	return NULL;
}

/* What cannot be told says nothing about whether the sandbox holds. */
static void excuse(struct host *h)
{
	size_t i;

	for (i = 0; i < h->n; i++) {
		struct esc_outcome *o = &h->out[i];
		const char *word = *o->verdict ? lacking(h, o->c) : NULL;

		if (word && !strcmp(o->verdict, "escaped")) {
			strcpy(o->verdict, "n/a");
			snprintf(o->evidence, sizeof(o->evidence), "there is no setting for it: %s",
				 word);
		}
		if (word && !strcmp(o->twin, "broken"))
			strcpy(o->twin, "n/a");
	}
}

/* What is left inside may end badly when everything was tried. */
static bool complete(const struct host *h)
{
	size_t i;

	for (i = 0; i < h->n; i++)
		if (!strcmp(h->out[i].verdict, "not run") || !strcmp(h->out[i].twin, "not run"))
			return false;
	return true;
}

static int conduct(struct host *h)
{
	int rc;

	prepare(h);
	h->drain = drain_terminal(h);
	h->adapter = fork();
	if (!h->adapter)
		into_adapter(h);
	rc = h->adapter < 0 ? -errno : referee(h);
	if (rc > 0 && complete(h))
		rc = 0;
	kill(h->drain, SIGTERM);
	waitpid(h->drain, NULL, 0);
	excuse(h);
	esc_as_user(&h->w, false);
	if (h->o->json)
		esc_report_json(h->o->json, h->o, h->described, h->out, h->n);
	if (!h->o->quiet)
		esc_report_table(h->out, h->n);
	if (rc)
		fprintf(stderr, "sbx-escape: %s ended with status %d%s%s\n", h->o->adapter,
			rc < 0 ? rc : WEXITSTATUS(rc), h->o->log ? "; its output is in " : "",
			h->o->log ? h->o->log : "");
	return rc;
}

/* 0: everything ran, no escape, nothing broken. 1: something escaped or broke. 2: it did not run.
 */
int esc_host(const struct esc_host_opts *o)
{
	struct host h = {.o = o};
	size_t i;
	int rc;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, interrupt);
	signal(SIGTERM, interrupt);
	signal(SIGHUP, interrupt);
	h.n = esc_all(&h.cases);
	h.out = calloc(h.n, sizeof(*h.out));
	rc = h.out ? make_world(&h) : -ENOMEM;
	if (!rc)
		rc = describe(&h);
	else
		fprintf(stderr, "sbx-escape: cannot make the world: %s\n", strerror(-rc));
	if (!rc)
		rc = conduct(&h);
	if (h.w.victim > 0)
		esc_victim_stop(&h.w);
	esc_as_user(&h.w, true);
	if (*h.w.tag && !o->keep)
		esc_remove(&h.w);
	for (i = 0; i < h.n && !rc; i++)
		if (*h.out[i].verdict && strcmp(h.out[i].verdict, "held") &&
		    strcmp(h.out[i].verdict, "n/a"))
			rc = 1;
		else if (!strcmp(h.out[i].twin, "broken"))
			rc = 1;
	free(h.out);
	return rc < 0 || rc > 1 ? 2 : rc;
}
