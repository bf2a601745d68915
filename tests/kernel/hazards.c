// SPDX-License-Identifier: MIT
/*
 * Hazards in several roles: what a hostile task in the sandbox tries, and what the administrator
 * does around it. Everybody stands in TOP.
 *
 *	hazards TOP CGROUP USER FEATURE... < SCRIPT
 *
 * A line is as act's, its words with \n, \xHH and \*NNNC (NNN times the character C). Before it may
 * stand [FEATURE|...] or [!FEATURE|...]: lines for which none of them was (or any of them was)
 *given on the command line are left out; and who acts:
 *
 *	(nobody named)	a task that entered CGROUP as USER
 *	@ns		one that had entered a mount namespace of its own before
 *	@jail		one that had changed its root to TOP/jail before
 *	@admin		this process, outside
 *
 * "pass HOW PATH" opens PATH here and sends the descriptor over a socket; it fails where it does
 * not arrive. HOW: r, w, rw, 3, path, tree (a detached copy of the tree), new (a new file system
 * with a file `a`, which is nowhere mounted). Where an act is to be denied, its arguments exist
 *afterwards if they did before: what is denied leaves nothing behind. With the feature `audit`
 *nothing is denied.
 */
#include "act_ops.h"
#include <pwd.h>

#define MAX_LINE 8192
#define NO_SUCH	 (-9999) /* operation */

enum who { INSIDE, NS, JAIL, ROLES, ADMIN = ROLES };

static int line_to[ROLES];
static char **features;

static void die(const char *what)
{
	fprintf(stderr, "hazards: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* --- lines --- */

static char decode(const char **p)
{
	char hex[3] = "";

	if (**p != 'x')
		return *(*p)++ == 'n' ? '\n' : '\\';
	memcpy(hex, *p + 1, 2);
	*p += 3;
	return strtol(hex, NULL, 16);
}

/* In place but for repetitions: `out` has room for the longest. */
static void unescape(const char *in, char *out)
{
	while (*in) {
		if (*in != '\\') {
			*out++ = *in++;
		} else if (in[1] == '*') {
			char *c;
			int n = strtol(in + 2, &c, 10);

			memset(out, *c, n);
			out += n;
			in = c + 1;
		} else {
			in++;
			*out++ = decode(&in);
		}
	}
	*out = 0;
}

static int split(char *line, char **words)
{
	static char room[MAX_ARGS + 2][4096];
	char *save = NULL, *w;
	int n = 0;

	for (w = strtok_r(line, " \t", &save); w && n < MAX_ARGS + 1;
	     w = strtok_r(NULL, " \t", &save)) {
		unescape(w, room[n]);
		words[n] = room[n];
		n++;
	}
	words[n] = NULL;
	return n;
}

static bool given(const char *name)
{
	char **f;

	for (f = features; *f; f++)
		if (!strcmp(*f, name))
			return true;
	return false;
}

/* Behind the conditions of a line; NULL: it is left out. */
static char *conditions(char *line)
{
	char *tok, *save, *end;
	bool any, not ;

	while (*line == '[') {
		end = strchr(line, ']');
		if (!end)
			die(line);
		*end = 0;
		line++;
		not = *line == '!';
		line += not ;
		any = false;
		for (tok = strtok_r(line, "|", &save); tok; tok = strtok_r(NULL, "|", &save))
			any |= given(tok);
		if (any == not )
			return NULL;
		line = end + 1 + strspn(end + 1, " ");
	}
	return line;
}

static enum who actor(char **line)
{
	static const char *const name[] = {[NS] = "@ns ", [JAIL] = "@jail ", [ADMIN] = "@admin "};
	int i;

	for (i = NS; i <= ADMIN; i++)
		if (name[i] && !strncmp(*line, name[i], strlen(name[i]))) {
			*line += strlen(name[i]);
			return i;
		}
	return INSIDE;
}

/* --- descriptors that are passed --- */

static int new_fs(void)
{
	int fs = syscall(SYS_fsopen, "tmpfs", 0), mnt;

	if (fs < 0 || syscall(SYS_fsconfig, fs, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0))
		die("fsopen");
	mnt = syscall(SYS_fsmount, fs, 0, 0);
	close(fs);
	close(openat(mnt, "a", O_WRONLY | O_CREAT, 0666));
	return mnt;
}

static int open_how(const char *how, const char *path)
{
	int flags = !strcmp(how, "r")	   ? O_RDONLY
		    : !strcmp(how, "w")	   ? O_WRONLY
		    : !strcmp(how, "rw")   ? O_RDWR
		    : !strcmp(how, "path") ? O_PATH
					   : O_ACCMODE;

	if (!strcmp(how, "new"))
		return new_fs();
	if (!strcmp(how, "tree"))
		return syscall(SYS_open_tree, AT_FDCWD, path, 1 /* OPEN_TREE_CLONE */);
	return open(path, flags);
}

union control {
	struct cmsghdr h;
	char space[CMSG_SPACE(sizeof(int))];
};

static void send_line(int to, const char *line, int fd)
{
	union control c = {.h = {.cmsg_len = CMSG_LEN(sizeof(int)),
				 .cmsg_level = SOL_SOCKET,
				 .cmsg_type = SCM_RIGHTS}};
	struct iovec iov = {(void *)line, strlen(line) + 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	memcpy(CMSG_DATA(&c.h), &fd, sizeof(fd));
	if (fd >= 0) {
		m.msg_control = &c;
		m.msg_controllen = sizeof(c);
	}
	if (sendmsg(to, &m, 0) < 0)
		die("sendmsg");
}

static bool receive_line(int from, char *line, int *fd)
{
	union control c;
	struct iovec iov = {line, MAX_LINE};
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)};

	*fd = -1;
	if (recvmsg(from, &m, MSG_CMSG_CLOEXEC) <= 0)
		return false;
	if (m.msg_controllen >= CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(&c.h), sizeof(int));
	return true;
}

/* --- roles --- */

/* `words` begin with the operation. */
static int act(char **words, int n, int arrived)
{
	int r;

	if (n == 3 && !strcmp(words[0], "pass"))
		return arrived < 0 ? -EACCES : hold(arrived);
	return act_do(words, n, &r) ? r : NO_SUCH;
}

static void serve(int from)
{
	char line[MAX_LINE], *words[MAX_ARGS + 2];
	int fd, r;

	while (receive_line(from, line, &fd)) {
		int n = split(line, words);

		r = act(words, n, fd);
		if (write(from, &r, sizeof(r)) < 0)
			die("write");
	}
	exit(0);
}

/* What a task may have done before somebody put it into the sandbox. */
static void prepare(enum who who, const char *top)
{
	char jail[600];

	if (who == NS &&
	    (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	     chdir(top) || mount("own", "ok/own-new", "tmpfs", 0, NULL) ||
	     mount("out", "ok/own-bind", NULL, MS_BIND, NULL) ||
	     do_touch((char *[]){"ok/own-new/a"})))
		die("a namespace of one's own");
	snprintf(jail, sizeof(jail), "%s/jail", top);
	if (who == JAIL && chroot(jail))
		die(jail);
}

static void start(enum who who, const char *top, const char *cgroup, const char *user)
{
	struct passwd *pw = getpwnam(user);
	char path[600];
	int s[2], fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY);
	if (!pw || fd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s))
		die(user);
	if (fork()) {
		close(fd);
		close(s[0]);
		line_to[who] = s[1];
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prepare(who, top);
	if (pw->pw_uid && (setgid(pw->pw_gid) || setuid(pw->pw_uid)))
		die(user);
	if (dprintf(fd, "%d\n", getpid()) < 0)
		die(path);
	close(fd);
	close(s[1]);
	serve(s[0]);
}

static int act_as(enum who who, char *line)
{
	char copy[MAX_LINE], *words[MAX_ARGS + 2];
	int fd = -1, n, r;

	snprintf(copy, sizeof(copy), "%s", line);
	n = split(copy, words);
	if (who == ADMIN)
		return act(words, n, -1);
	if (n == 3 && !strcmp(words[0], "pass")) {
		fd = open_how(words[1], words[2]);
		if (fd < 0)
			return -errno;
	}
	send_line(line_to[who], line, fd);
	if (fd >= 0)
		close(fd);
	return read(line_to[who], &r, sizeof(r)) == sizeof(r) ? r : -EPIPE;
}

/* Bits: which of the words name something. */
static unsigned present(const char *line)
{
	char copy[MAX_LINE], *words[MAX_ARGS + 2];
	unsigned bits = 0;
	struct stat st;
	int n, i;

	snprintf(copy, sizeof(copy), "%s", line);
	n = split(copy, words);
	for (i = 1; i < n; i++)
		bits |= !lstat(words[i], &st) << i;
	return bits;
}

static bool run(char *line)
{
	char want[64], shown[MAX_LINE];
	unsigned before;
	enum who who;
	bool denies;
	int r, n = 0;

	snprintf(shown, sizeof(shown), "%s", line);
	line = conditions(line);
	if (!line || !*line || *line == '#')
		return true;
	who = actor(&line);
	if (sscanf(line, "%63s %n", want, &n) != 1 || !n)
		die(line);
	denies = who != ADMIN && *want != '!' && !expected(want, 0);
	if (given("audit") && who != ADMIN) {
		strcpy(want, "!EACCES|EPERM|EXDEV");
		denies = false;
	}
	before = denies ? present(line + n) : 0;
	r = act_as(who, line + n);
	if (r == NO_SUCH) {
		printf("not ok %s: no such operation, or wrong arguments\n", shown);
	} else if (!expected(want, r)) {
		printf("not ok %s: got %s\n", shown, r ? strerrorname_np(-r) : "ok");
	} else if (denies && present(line + n) != before) {
		printf("not ok %s: it was denied, and something was made or removed\n", shown);
	} else {
		printf("ok %s\n", shown);
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	char line[MAX_LINE];
	bool good = true;
	int i;

	if (argc < 4) {
		fprintf(stderr, "usage: see the head of hazards.c\n");
		return 2;
	}
	umask(0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	features = argv + 4;
	if (chdir(argv[1]))
		die(argv[1]);
	for (i = 0; i < ROLES; i++)
		start(i, argv[1], argv[2], argv[3]);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		good &= run(line);
	}
	return !good;
}
