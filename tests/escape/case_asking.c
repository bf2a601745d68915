// SPDX-License-Identifier: MIT
/*
 * Asking somebody else to do it: services outside that do what they are told. Here they are sockets
 * in the places and of the kinds of the real ones; that the request arrives is the escape.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include "tests/escape/net.h"

#define ASK(fn, name)                                                                    \
	static int fn(struct esc_try *t)                                                 \
	{                                                                                \
		return esc_unix_connect(t, t->twin ? "project/.ok" : name, SOCK_STREAM); \
	}

ASK(docker, "outside/run/docker.sock")
ASK(podman, "outside/run/podman.sock")
ASK(containerd, "outside/run/containerd.sock")
ASK(session_bus, "outside/run/bus")
ASK(abstract_bus, "@dbus")
ASK(systemd, "outside/run/systemd")
ASK(ssh_mux, "outside/run/ssh-mux")
ASK(ssh_agent, "outside/run/agent")
ASK(gpg_agent, "outside/run/gpg-agent")
ASK(tmux, "outside/run/tmux")
ASK(x11, "outside/run/X7")
ASK(x11_abstract, "@x11")
ASK(wayland, "outside/run/wayland-0")
ASK(editor, "outside/run/editor-ipc")

static int log_socket(struct esc_try *t)
{
	struct sockaddr_un un;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = esc_unix(t, t->twin ? "project/.ok-dgram" : "outside/run/log", &un);
	long r = sendto(fd, ESC_BYTES, sizeof(ESC_BYTES), 0, (void *)&un, len);

	if (t->twin && r >= 0)
		esc_prove(t, "sent to the allowed socket");
	return esc_err(r);
}

/* A queue directory outside, which somebody works through: at, cron, a print spool. */
static int spool(struct esc_try *t)
{
	int r;

	if (t->twin)
		return esc_twin_file(t);
	r = esc_scratch("job", "#!/bin/sh\n");
	return r ? r : esc_err(rename("job", esc_pick(t, "outside/d/job", "")));
}

/*
 * Directories of the system that others work through. A sandbox may show one of its own under that
 * name: the host looks for the file, and takes it away.
 */
#define SPOOLS(X)                                     \
	X(cron_d, "/etc/cron.d")                      \
	X(cron_spool, "/var/spool/cron")              \
	X(at_jobs, "/var/spool/cron/atjobs")          \
	X(units, "/etc/systemd/system")               \
	X(udev, "/etc/udev/rules.d")                  \
	X(profile_d, "/etc/profile.d")                \
	X(apt_conf, "/etc/apt/apt.conf.d")            \
	X(modprobe_d, "/etc/modprobe.d")              \
	X(ld_conf, "/etc/ld.so.conf.d")               \
	X(local_bin, "/usr/local/bin")                \
	X(usr_bin, "/usr/bin")                        \
	X(run_dir, "/run")                            \
	X(bus_services, "/usr/share/dbus-1/services") \
	X(tmp_dir, "/var/tmp")

static void spool_path(const struct esc_world *w, const char *dir, char *path, size_t size)
{
	snprintf(path, size, "%s/.sbx-escape-%s", dir, w->tag);
}

static int real_spool(struct esc_try *t, const char *dir)
{
	char path[128];

	if (access(dir, F_OK))
		return esc_none(t, "there is no such directory");
	spool_path(t->w, dir, path, sizeof(path));
	return esc_scratch(path, "");
}

#define SPOOL_CASE(fn, dir)                \
	static int fn(struct esc_try *t)   \
	{                                  \
		return real_spool(t, dir); \
	}
SPOOLS(SPOOL_CASE)

#define SPOOL_DIR(fn, dir) dir,
static const char *const spools[] = {SPOOLS(SPOOL_DIR)};

bool esc_spooled(const struct esc_world *w, char *note)
{
	char path[128];
	bool found = false;
	size_t i;

	for (i = 0; i < sizeof(spools) / sizeof(*spools); i++) {
		spool_path(w, spools[i], path, sizeof(path));
		if (unlink(path))
			continue;
		snprintf(note, ESC_NOTE, "changed outside: a file in %s", spools[i]);
		found = true;
	}
	return found;
}

/* The real ones, where there are any. Who is let in may ask for a program to be started. */
static int real_bus(struct esc_try *t, const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char hello[64], uid[16], answer[64] = "";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), n, i;

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (void *)&un, sizeof(un)))
		return errno == ENOENT ? esc_none(t, "there is none") : -errno;
	snprintf(uid, sizeof(uid), "%u", getuid());
	n = snprintf(hello, sizeof(hello), "%cAUTH EXTERNAL ", 0);
	for (i = 0; uid[i]; i++)
		n += snprintf(hello + n, sizeof(hello) - n, "%02x", uid[i]);
	n += snprintf(hello + n, sizeof(hello) - n, "\r\n");
	if (send(fd, hello, n, MSG_NOSIGNAL) != n || recv(fd, answer, sizeof(answer) - 1, 0) <= 0)
		return -errno;
	if (!strncmp(answer, "OK ", 3))
		esc_prove(t, "%s let it in", path);
	close(fd);
	return 0;
}

static int system_bus(struct esc_try *t)
{
	return t->twin ? docker(t) : real_bus(t, "/run/dbus/system_bus_socket");
}

static int systemd_private(struct esc_try *t)
{
	return t->twin ? docker(t) : real_bus(t, "/run/systemd/private");
}

#define ROOT_SHELL "whoever may speak to it is root outside"
#define DBUS	   "systemd-run --user starts a program outside"
#define RUN_LATER  esc_twin_file, ESC_ROOT

const struct esc_case esc_asking[] = {
	{"docker", "asks docker", ROOT_SHELL, docker, .needs = ESC_UNIX},
	{"podman", "asks podman", ROOT_SHELL, podman, .needs = ESC_UNIX},
	{"containerd", "asks containerd", "CVE-2020-15257 (containerd-shim)", containerd,
	 .needs = ESC_UNIX},
	{"session-bus", "asks the session bus", DBUS, session_bus, .needs = ESC_UNIX},
	{"abstract-bus", "asks a bus at an abstract socket", DBUS, abstract_bus},
	{"systemd", "asks the user's systemd", DBUS, systemd, .needs = ESC_UNIX},
	{"ssh-mux", "asks an ssh connection that is shared (ControlMaster)",
	 "a command at the other end without a password", ssh_mux, .needs = ESC_UNIX},
	{"ssh-agent", "asks the ssh agent", "signs with keys that it never sees", ssh_agent,
	 .needs = ESC_UNIX},
	{"gpg-agent", "asks gpg's agent", NULL, gpg_agent, .needs = ESC_UNIX},
	{"tmux", "asks the tmux that it runs in", "tmux run-shell starts a program outside", tmux,
	 .needs = ESC_UNIX},
	{"x11", "asks the X server", "XTEST types into every window", x11, .needs = ESC_UNIX},
	{"x11-abstract", "asks the X server at its abstract socket",
	 "reachable through every mount namespace", x11_abstract},
	{"wayland", "asks the Wayland compositor", NULL, wayland, .needs = ESC_UNIX},
	{"editor", "asks the editor that it runs in", "VS Code's socket opens files and runs tasks",
	 editor, .needs = ESC_UNIX},
	{"system-bus", "asks the machine's own bus", "systemd-run starts a program outside",
	 system_bus, .needs = ESC_UNIX},
	{"systemd-private", "asks process 1 itself", "systemd-run starts a program outside",
	 systemd_private, .needs = ESC_UNIX | ESC_ROOT},
	{"log", "writes to the system's log", NULL, log_socket, .needs = ESC_UNIX},
	{"spool", "leaves a job in a queue outside", NULL, spool},
	{"cron-d", "leaves a job for cron", "runs as root outside", cron_d, RUN_LATER},
	{"at", "leaves a job for at", "runs outside", at_jobs, RUN_LATER},
	{"cron-spool", "leaves a crontab", "runs outside", cron_spool, RUN_LATER},
	{"units", "leaves a unit for systemd", "runs outside", units, RUN_LATER},
	{"udev", "leaves a rule for udev", "runs as root outside", udev, RUN_LATER},
	{"profile-d", "leaves a file for login shells", "runs outside", profile_d, RUN_LATER},
	{"apt-conf", "leaves a setting for apt", "runs as root outside", apt_conf, RUN_LATER},
	{"modprobe-d", "leaves a setting for modprobe", "runs as root outside", modprobe_d,
	 RUN_LATER},
	{"ld-conf", "leaves a directory of libraries", "runs outside", ld_conf, RUN_LATER},
	{"bus-service", "leaves a service for the session bus", "runs outside when it is asked for",
	 bus_services, RUN_LATER},
	{"local-bin", "leaves a program in everybody's path", "runs outside", local_bin, RUN_LATER},
	{"usr-bin", "leaves a program among the system's", "runs outside", usr_bin, RUN_LATER},
	{"run", "makes a file in /run", NULL, run_dir, RUN_LATER},
	{"var-tmp", "makes a file in /var/tmp", "for others to trip over", tmp_dir, esc_twin_file},
	{0},
};
