// SPDX-License-Identifier: MIT
/* Renames, links and moves: what widens a right, and what hollows out a denial. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tests/escape/renames.h"

int esc_read_at(struct esc_try *t, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = esc_saw_fd(t, fd, path);

	close(fd);
	return r;
}

int esc_write_at(struct esc_try *t, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666), r = esc_write_fd(fd, ESC_OPEN);

	close(fd);
	if (!r && t->twin)
		return esc_read_at(t, path);
	return r;
}

int esc_rename(const char *from, const char *to, unsigned flags)
{
	return esc_err(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags));
}

/* What the twins move instead: tree/, with file and secret in it, in the own directory. */
static int own_tree(void)
{
	int r = esc_err(mkdir("tree", 0777));

	if (!r)
		r = esc_scratch("tree/file", ESC_OPEN);
	return r ? r : esc_scratch("tree/secret", ESC_OPEN);
}

static int move_file_in(struct esc_try *t)
{
	int r = own_tree();

	if (!r)
		r = esc_rename(t->twin ? "tree/secret" : esc_pick(t, "outside/d/secret", ""),
			       "stolen", 0);
	return r ? r : esc_read_at(t, "stolen");
}

static int move_dir_in(struct esc_try *t)
{
	int r = own_tree();

	if (!r)
		r = esc_rename(t->twin ? "tree" : esc_pick(t, "outside/d", ""), "stolen", 0);
	if (r)
		return r;
	r = esc_read_at(t, "stolen/secret");
	if (!t->twin)
		esc_rename("stolen", esc_pick(t, "outside/d", ""), 0); /* others need it */
	return r;
}

static int exchange_file(struct esc_try *t)
{
	int r = own_tree();

	if (!r)
		r = esc_scratch("bait", "bait");
	if (!r)
		r = esc_rename(t->twin ? "tree/secret" : esc_pick(t, "outside/d/secret", ""),
			       "bait", RENAME_EXCHANGE);
	return r ? r : esc_read_at(t, "bait");
}

static int whiteout_file(struct esc_try *t)
{
	int r = own_tree();

	if (!r)
		r = esc_rename(t->twin ? "tree/secret" : esc_pick(t, "outside/d/secret", ""),
			       "stolen", RENAME_WHITEOUT);
	if (t->twin && (r == -EINVAL || r == -EPERM))
		return esc_none(t, "the file system has no whiteouts");
	return r ? r : esc_read_at(t, "stolen");
}

static int replace_file(struct esc_try *t)
{
	int r = own_tree();

	if (!r)
		r = esc_scratch("new", ESC_OPEN);
	if (!r)
		r = esc_rename("new", t->twin ? "tree/file" : esc_pick(t, "outside/d/file", ""), 0);
	return t->twin && !r ? esc_read_at(t, "tree/file") : r;
}

static int replace_program(struct esc_try *t)
{
	int r = esc_scratch("new", ESC_OPEN);

	if (!r)
		r = esc_rename("new", t->twin ? "other" : esc_pick(t, "shared/touch", ""), 0);
	return t->twin && !r ? esc_read_at(t, "other") : r;
}

/* --- denials inside what is allowed --- */

static int hide_hooks(struct esc_try *t)
{
	int r = own_tree();

	if (!r)
		r = esc_rename(t->twin ? "tree" : esc_pick(t, "project/.git/hooks", ""), "moved",
			       0);
	return r ? r : esc_write_at(t, "moved/pre-commit");
}

/* The denial names .git/hooks: with the parent elsewhere, the name is another. */
static int move_git(struct esc_try *t)
{
	const char *git = esc_pick(t, "project/.git", "project/.git");
	int r = own_tree();

	if (!r)
		r = esc_rename(t->twin ? "tree" : git, "moved", 0);
	if (r)
		return r;
	if (t->twin)
		return esc_write_at(t, "moved/file");
	r = esc_write_at(t, "moved/hooks/pre-commit");
	esc_rename("moved", git, 0);
	return r;
}

static int swap_git(struct esc_try *t)
{
	const char *git = esc_pick(t, "project/.git", "project/.git");
	int r = own_tree();

	if (!r)
		r = esc_err(mkdir("g", 0777)) | esc_err(mkdir("g/hooks", 0777));
	if (!r)
		r = esc_rename("g", t->twin ? "tree" : git, RENAME_EXCHANGE);
	if (r)
		return r;
	if (t->twin)
		return esc_read_at(t, "g/secret");
	r = esc_write_at(t, "g/hooks/pre-commit");
	esc_rename("g", git, RENAME_EXCHANGE);
	return r;
}

static int move_env(struct esc_try *t)
{
	const char *env = esc_pick(t, "project/.env", "project/.env");
	int r = own_tree();

	if (!r)
		r = esc_rename(t->twin ? "tree/secret" : env, "moved", 0);
	return r ? r : esc_read_at(t, "moved");
}

static int link_env(struct esc_try *t)
{
	int r = own_tree();

	if (!r)
		r = esc_err(
			link(t->twin ? "tree/secret" : esc_pick(t, "project/.env", ""), "linked"));
	return r ? r : esc_read_at(t, "linked");
}

static int replace_config(struct esc_try *t)
{
	int r = own_tree();

	if (!r)
		r = esc_scratch("new", ESC_OPEN);
	if (!r)
		r = esc_rename("new",
			       t->twin ? "tree/file" : esc_pick(t, "project/.git/config", ""), 0);
	return t->twin && !r ? esc_read_at(t, "tree/file") : r;
}

static int link_into_hooks(struct esc_try *t)
{
	int r = own_tree();

	if (!r)
		r = esc_err(link("tree/file",
				 t->twin ? "tree/linked"
					 : esc_pick(t, "project/.git/hooks/post-merge", "")));
	return t->twin && !r ? esc_read_at(t, "tree/linked") : r;
}

static int unlink_config(struct esc_try *t)
{
	int r = own_tree();

	if (!r)
		r = esc_err(unlink(t->twin ? "tree/file" : esc_pick(t, "project/.git/config", "")));
	return t->twin && !r ? esc_read_at(t, "tree/secret") : r;
}

static int symlink_over_hooks(struct esc_try *t)
{
	const char *hooks = esc_pick(t, "project/.git/hooks", "project/.git/hooks");
	int r = own_tree();

	if (t->twin)
		return r ? r : (r = esc_err(symlink("tree", "l"))) ? r : esc_write_at(t, "l/file");
	if (!r)
		r = esc_rename(hooks, "hooks-before", 0);
	if (!r)
		r = esc_err(symlink("/tmp", hooks));
	return r;
}

/* A file that one may read but not execute, under a name where one may. */
static int move_noexec_in(struct esc_try *t)
{
	int r;

	if (t->twin)
		return esc_twin_run(t);
	r = esc_rename(esc_pick(t, "shared/touch", ""), "moved", 0);
	return r ? r : esc_run_program(t, AT_FDCWD, "moved", 0);
}

static int link_noexec_in(struct esc_try *t)
{
	int r;

	if (t->twin)
		return esc_twin_run(t);
	r = esc_err(link(esc_pick(t, "shared/touch", ""), "linked"));
	return r ? r : esc_run_program(t, AT_FDCWD, "linked", 0);
}

/* Linked where writing is allowed, written there: the protected file changes. */
static int link_readonly_in(struct esc_try *t)
{
	int r = own_tree();

	if (!r)
		r = esc_err(link(t->twin ? "tree/file" : esc_pick(t, "shared/file", ""), "linked"));
	return r ? r : esc_write_at(t, "linked");
}

#define LANDLOCK_REFER "Landlock's kernel selftests, refer_* and reparent_*"
#define GIT_HOOKS      "hooks and core.fsmonitor run outside, at the user's next git command"

const struct esc_case esc_renames[] = {
	{"file-in", "moves a secret into the project and reads it", LANDLOCK_REFER, move_file_in},
	{"dir-in", "moves a directory into the project and reads in it", LANDLOCK_REFER,
	 move_dir_in},
	{"exchange-in", "exchanges a secret for a file of its own", LANDLOCK_REFER, exchange_file},
	{"whiteout-in", "moves a secret in and leaves a whiteout", NULL, whiteout_file},
	{"replace-outside", "moves a file over one outside", LANDLOCK_REFER, replace_file},
	{"replace-program", "moves a file over a program that may only be read", NULL,
	 replace_program},
	{"link-readonly", "links a read-only file into the project and writes it", LANDLOCK_REFER,
	 link_readonly_in},
	{"move-noexec", "moves a program to where programs may run", LANDLOCK_REFER,
	 move_noexec_in},
	{"link-noexec", "links a program to where programs may run", LANDLOCK_REFER, link_noexec_in,
	 .needs = ESC_NOEXEC},
	{"hide-hooks", "moves a protected directory to another name and writes in it", GIT_HOOKS,
	 hide_hooks, .needs = ESC_DENY_IN},
	{"move-git", "moves the parent of a protected directory", GIT_HOOKS, move_git,
	 .needs = ESC_DENY_IN},
	{"swap-git", "exchanges the parent of a protected directory", GIT_HOOKS, swap_git,
	 .needs = ESC_DENY_IN},
	{"move-env", "moves a protected file to another name and reads it", NULL, move_env,
	 .needs = ESC_DENY_IN},
	{"link-env", "links a protected file to another name and reads it", NULL, link_env,
	 .needs = ESC_DENY_IN},
	{"replace-config", "moves a file over a protected one", GIT_HOOKS, replace_config,
	 .needs = ESC_DENY_IN},
	{"link-hook", "links a file into a protected directory", GIT_HOOKS, link_into_hooks,
	 .needs = ESC_DENY_IN},
	{"unlink-config", "removes a protected file", NULL, unlink_config, .needs = ESC_DENY_IN},
	{"symlink-hooks", "puts a symlink in place of a protected directory",
	 "CVE-2024-32002 (git, hooks by a symlink)", symlink_over_hooks, .needs = ESC_DENY_IN},
	{0},
};
