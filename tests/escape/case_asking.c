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

static int real_spool(struct esc_try *t, const char *dir)
{
	char path[128];
	int r;

	if (access(dir, F_OK))
		return esc_none(t, "there is no such directory");
	snprintf(path, sizeof(path), "%s/.sbx-escape-%s", dir, t->w->tag);
	r = esc_scratch(path, "");
	if (!r) {
		esc_prove(t, "made a file in %s", dir);
		unlink(path);
	}
	return r;
}

static int cron_d(struct esc_try *t)
{
	return real_spool(t, "/etc/cron.d");
}

static int cron_spool(struct esc_try *t)
{
	return real_spool(t, "/var/spool/cron");
}

static int units(struct esc_try *t)
{
	return real_spool(t, "/etc/systemd/system");
}

static int udev(struct esc_try *t)
{
	return real_spool(t, "/etc/udev/rules.d");
}

static int profile_d(struct esc_try *t)
{
	return real_spool(t, "/etc/profile.d");
}

static int apt_conf(struct esc_try *t)
{
	return real_spool(t, "/etc/apt/apt.conf.d");
}

static int modprobe_d(struct esc_try *t)
{
	return real_spool(t, "/etc/modprobe.d");
}

static int ld_conf(struct esc_try *t)
{
	return real_spool(t, "/etc/ld.so.conf.d");
}

static int local_bin(struct esc_try *t)
{
	return real_spool(t, "/usr/local/bin");
}

static int usr_bin(struct esc_try *t)
{
	return real_spool(t, "/usr/bin");
}

static int run_dir(struct esc_try *t)
{
	return real_spool(t, "/run");
}

static int tmp_dir(struct esc_try *t)
{
	return real_spool(t, "/var/tmp");
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
	{"log", "writes to the system's log", NULL, log_socket, .needs = ESC_UNIX},
	{"spool", "leaves a job in a queue outside", NULL, spool},
	{"cron-d", "leaves a job for cron", "runs as root outside", cron_d, RUN_LATER},
	{"cron-spool", "leaves a crontab", "runs outside", cron_spool, RUN_LATER},
	{"units", "leaves a unit for systemd", "runs outside", units, RUN_LATER},
	{"udev", "leaves a rule for udev", "runs as root outside", udev, RUN_LATER},
	{"profile-d", "leaves a file for login shells", "runs outside", profile_d, RUN_LATER},
	{"apt-conf", "leaves a setting for apt", "runs as root outside", apt_conf, RUN_LATER},
	{"modprobe-d", "leaves a setting for modprobe", "runs as root outside", modprobe_d,
	 RUN_LATER},
	{"ld-conf", "leaves a directory of libraries", "runs outside", ld_conf, RUN_LATER},
	{"local-bin", "leaves a program in everybody's path", "runs outside", local_bin, RUN_LATER},
	{"usr-bin", "leaves a program among the system's", "runs outside", usr_bin, RUN_LATER},
	{"run", "makes a file in /run", NULL, run_dir, RUN_LATER},
	{"var-tmp", "makes a file in /var/tmp", "for others to trip over", tmp_dir, esc_twin_file},
	{0},
};
