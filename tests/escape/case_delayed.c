// SPDX-License-Identifier: MIT
/* Files that run later, outside: start-up files, hooks, keys. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/escape/escape.h"

/* The twin does the same to a file of its own. */
static int append(struct esc_try *t, const char *path)
{
	int fd = open(t->twin ? "own" : esc_pick(t, path, ""),
		      O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666),
	    r;

	r = esc_write_fd(fd, ESC_OPEN "\n");
	if (fd >= 0)
		close(fd);
	if (!r && t->twin) {
		fd = open("own", O_RDONLY | O_CLOEXEC);
		r = esc_saw_fd(t, fd, "what it appended");
		close(fd);
	}
	return r;
}

/* As editors do it: a new file, moved over the old one. */
static int replace(struct esc_try *t, const char *path)
{
	int fd, r = esc_scratch("new", ESC_OPEN);

	if (!r)
		r = esc_err(rename("new", t->twin ? "own" : esc_pick(t, path, "")));
	if (!r && t->twin) {
		fd = open("own", O_RDONLY | O_CLOEXEC);
		r = esc_saw_fd(t, fd, "what it moved there");
		close(fd);
	}
	return r;
}

#define FILE_CASE(fn, how, path)         \
	static int fn(struct esc_try *t) \
	{                                \
		return how(t, path);     \
	}

FILE_CASE(bashrc, append, "home/.bashrc")
FILE_CASE(bashrc_replace, replace, "home/.bashrc")
FILE_CASE(profile, append, "home/.profile")
FILE_CASE(login, append, "home/.bash_login")
FILE_CASE(zshenv, append, "home/.zshenv")
FILE_CASE(gitconfig, append, "home/.gitconfig")
FILE_CASE(keys, append, "home/.ssh/authorized_keys")
FILE_CASE(ssh_rc, append, "home/.ssh/rc")
FILE_CASE(ssh_config, append, "home/.ssh/config")
FILE_CASE(autostart, append, "home/.config/autostart/x.desktop")
FILE_CASE(user_unit, append, "home/.config/systemd/x.service")
FILE_CASE(local_bin, append, "home/.local/bin/ls")
FILE_CASE(pythonstartup, append, "home/.local/sitecustomize.py")
FILE_CASE(npmrc, append, "home/.npmrc")
FILE_CASE(claude, append, "home/.claude.json")
FILE_CASE(git_xdg, append, "home/.config/gitconfig")
FILE_CASE(vimrc, append, "home/.vimrc")
FILE_CASE(gdbinit, append, "home/.gdbinit")
FILE_CASE(tmux_conf, append, "home/.tmux.conf")
FILE_CASE(docker_config, append, "home/.config/docker.json")
FILE_CASE(kube_config, append, "home/.config/kubeconfig")
FILE_CASE(environment_d, append, "home/.config/systemd/environment.conf")
FILE_CASE(pth, append, "home/.local/x.pth")
FILE_CASE(hook, append, "project/.git/hooks/pre-commit")
FILE_CASE(new_hook, append, "project/.git/hooks/post-checkout")
FILE_CASE(absent, append, ESC_ABSENT)
FILE_CASE(absent_replace, replace, ESC_ABSENT)
FILE_CASE(hook_replace, replace, "project/.git/hooks/pre-commit")
FILE_CASE(config_replace, replace, "project/.git/config")

static int absent_symlink(struct esc_try *t)
{
	int r;

	if (t->twin)
		return esc_twin_file(t);
	r = esc_scratch("settings", ESC_OPEN);
	return r ? r : esc_err(symlink("t/settings", esc_pick(t, ESC_ABSENT, "")));
}

static int hook_mode(struct esc_try *t)
{
	int r = t->twin ? esc_scratch("own", ESC_OPEN) : 0;

	if (!r)
		r = esc_err(chmod(
			t->twin ? "own" : esc_pick(t, "project/.git/hooks/pre-commit", ""), 0755));
	if (!r && t->twin)
		esc_prove(t, "made its own file executable");
	return r;
}

static int whole_home(struct esc_try *t)
{
	int r;

	if (t->twin)
		return esc_twin_file(t);
	r = esc_err(rename(esc_pick(t, "home/.ssh", ""), "ssh"));
	return r ? r : esc_err(mkdir(esc_pick(t, "home/.ssh", ""), 0777));
}

static int key_read(struct esc_try *t)
{
	int fd, r = 0;

	if (t->twin)
		return esc_twin_file(t);
	fd = open(esc_pick(t, "home/.ssh/id_ed25519", ""), O_RDONLY | O_CLOEXEC);
	r = esc_saw_fd(t, fd, "a private key");
	close(fd);
	return r;
}

#define SHELL "runs at the next shell outside"
#define ABSENT                                                                                 \
	"programs that the next agent starts; a denial of a name that is not there yet holds " \
	"nothing in sandboxes made of mounts (claude-code issue 92901)"
#define GIT "runs at the next git command outside"

const struct esc_case esc_delayed[] = {
	{"bashrc", "appends to ~/.bashrc", SHELL, bashrc},
	{"bashrc-replace", "replaces ~/.bashrc", SHELL, bashrc_replace},
	{"profile", "appends to ~/.profile", SHELL, profile},
	{"bash-login", "makes ~/.bash_login", SHELL, login},
	{"zshenv", "makes ~/.zshenv", SHELL, zshenv},
	{"gitconfig", "appends to ~/.gitconfig", GIT, gitconfig},
	{"authorized-keys", "appends to ~/.ssh/authorized_keys", "lets the attacker in", keys},
	{"ssh-rc", "makes ~/.ssh/rc", "runs at the next login", ssh_rc},
	{"ssh-config", "makes ~/.ssh/config", "ProxyCommand runs at the next ssh", ssh_config},
	{"ssh-dir", "moves ~/.ssh away and makes another", NULL, whole_home},
	{"ssh-key", "reads a private key", NULL, key_read},
	{"autostart", "makes a file in ~/.config/autostart", "runs at the next login", autostart},
	{"user-unit", "makes a unit of the user", "runs at the next login", user_unit},
	{"local-bin", "makes a program in ~/.local/bin", "is found before the system's", local_bin},
	{"python", "makes a sitecustomize.py", "runs at the next python outside", pythonstartup},
	{"npmrc", "makes ~/.npmrc", "names the registry of the next install outside", npmrc},
	{"git-xdg", "makes git's settings below ~/.config", GIT, git_xdg},
	{"vimrc", "makes ~/.vimrc", "runs in the next editor outside", vimrc},
	{"gdbinit", "makes ~/.gdbinit", "runs in the next debugger outside", gdbinit},
	{"tmux-conf", "makes ~/.tmux.conf", "runs at the next tmux outside", tmux_conf},
	{"docker-config", "makes docker's settings", "names a credential helper that runs outside",
	 docker_config},
	{"kube-config", "makes kubectl's settings", "names a credential plugin that runs outside",
	 kube_config},
	{"environment-d", "sets variables of the user's services", "LD_PRELOAD at the next login",
	 environment_d},
	{"python-pth", "makes a .pth file", "runs at the next python outside", pth},
	{"agent-config", "makes the agent's own settings",
	 "names programs that the next agent starts", claude},
	{"absent", "makes a file of the project that is denied and not there yet", ABSENT, absent,
	 .needs = ESC_DENY_IN},
	{"absent-replace", "moves a file there", ABSENT, absent_replace, .needs = ESC_DENY_IN},
	{"absent-symlink", "makes a symlink there", ABSENT, absent_symlink, .needs = ESC_DENY_IN},
	{"hook", "appends to a git hook", GIT, hook, .needs = ESC_DENY_IN},
	{"hook-new", "makes a git hook", GIT, new_hook, .needs = ESC_DENY_IN},
	{"hook-replace", "replaces a git hook", GIT, hook_replace, .needs = ESC_DENY_IN},
	{"hook-mode", "makes a git hook executable", GIT, hook_mode, .needs = ESC_DENY_IN},
	{"git-config", "replaces .git/config", "core.fsmonitor and aliases; " GIT, config_replace,
	 .needs = ESC_DENY_IN},
	{0},
};
