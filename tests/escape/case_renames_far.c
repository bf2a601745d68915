// SPDX-License-Identifier: MIT
/*
 * What is denied lies levels below the directory that is moved, and the rule about it is a pattern:
 * nothing that the call names is denied itself. Where ANY stands for every name, nobody inside may
 *
 *	read secret.key in project/deploy/eu/ANY/{a,b}-prod
 *	write what begins with "run" in project/release/eu/ANY/{a,b}-prod
 *	write in whatever ends in -prod below project/later, which is not there yet
 *
 * (adapters/sbx-bpf has the rules). Twins do the same to trees of their own, of the same shape.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/escape/renames.h"

#define LATER "project/later"
#define PROD  "/eu/web/a-prod"
#define NEW   "/eu/web/b-prod"

enum tree { DEPLOY, RELEASE };

static const struct {
	const char *top, *file;
} trees[] = {[DEPLOY] = {"deploy", "/secret.key"}, [RELEASE] = {"release", "/run.sh"}};

/* The try's process does not live long enough to free it. */
static const char *join(const char *dir, const char *below)
{
	char *out;

	if (asprintf(&out, "%s%s", dir, below) < 0)
		abort();
	return out;
}

static int make_prod(const char *dir)
{
	int r = esc_err(mkdir(dir, 0777));

	if (!r)
		r = esc_scratch(join(dir, trees[DEPLOY].file), ESC_OPEN);
	return r ? r : esc_scratch(join(dir, trees[RELEASE].file), ESC_OPEN);
}

static int make_tree(const char *top)
{
	int r = esc_err(mkdir(top, 0777));

	if (!r)
		r = esc_err(mkdir(join(top, "/eu"), 0777));
	if (!r)
		r = esc_err(mkdir(join(top, "/eu/web"), 0777));
	return r ? r : make_prod(join(top, PROD));
}

/* A tree of one's own, `own` in the scratch directory, and what a twin takes for the others. */
static int begin(struct esc_try *t)
{
	int r = make_tree("own");

	if (!r && t->twin)
		r = make_tree(trees[DEPLOY].top);
	return !r && t->twin ? make_tree(trees[RELEASE].top) : r;
}

static const char *in(struct esc_try *t, enum tree n, const char *below)
{
	const char *project = t->twin ? "" : esc_pick(t, "project/", "");

	return join(join(project, trees[n].top), below);
}

/* Of a directory like a-prod, under whatever name: reads the one file, writes the other. */
static int loot(struct esc_try *t, enum tree n, const char *prod)
{
	const char *file = join(prod, trees[n].file);

	return n == DEPLOY ? esc_read_at(t, file) : esc_write_at(t, file);
}

static bool same(const char *a, const struct stat *b)
{
	struct stat st;

	return !stat(a, &st) && st.st_ino == b->st_ino && st.st_dev == b->st_dev;
}

/* --- the directory goes, and what is denied in it with it --- */

/* `prod`: where a-prod is below what is moved. `to`: in the same tree; NULL: into one's own. */
static int move_one(struct esc_try *t, enum tree n, const char *what, const char *prod,
		    const char *to)
{
	const char *there = to ? in(t, n, to) : join("moved-", trees[n].top);
	int r = esc_rename(in(t, n, what), there, 0);

	if (r)
		return r;
	r = loot(t, n, join(there, prod));
	if (!t->twin)
		esc_rename(there, in(t, n, what), 0); /* others need it */
	return r;
}

static int move(struct esc_try *t, const char *what, const char *prod, const char *to)
{
	int r = begin(t), released;

	if (r)
		return r;
	r = move_one(t, DEPLOY, what, prod, to);
	released = move_one(t, RELEASE, what, prod, to);
	return r ? r : released;
}

static int move_between(struct esc_try *t)
{
	return move(t, PROD, "", NULL);
}

static int move_dir(struct esc_try *t)
{
	return move(t, "/eu/web", "/a-prod", NULL);
}

static int move_above(struct esc_try *t)
{
	return move(t, "/eu", "/web/a-prod", NULL);
}

static int move_top(struct esc_try *t)
{
	return move(t, "", PROD, NULL);
}

static int move_between_beside(struct esc_try *t)
{
	return move(t, PROD, "", "/eu/web/a-test");
}

/* To a name below which the same is denied: such a move is allowed, and leads to nothing. */
static int move_dir_beside(struct esc_try *t)
{
	return move(t, "/eu/web", "/a-prod", "/eu/api");
}

static int move_above_beside(struct esc_try *t)
{
	return move(t, "/eu", "/web/a-prod", "/us");
}

static int move_top_beside(struct esc_try *t)
{
	return move(t, "", PROD, "ed");
}

/* What is outside comes in, and one's own stands in its place. */
static int swap_one(struct esc_try *t, enum tree n, const char *what)
{
	const char *own = join("own", what);
	struct stat st = {0};
	int r = esc_err(stat("own" PROD "/run.sh", &st));

	if (!r)
		r = esc_rename(own, in(t, n, what), RENAME_EXCHANGE);
	if (r)
		return r;
	r = loot(t, n, "own" PROD);
	if (t->twin)
		return r;
	if (n == RELEASE && same(in(t, n, PROD "/run.sh"), &st))
		esc_prove(t, "a file of its own stood under a denied name");
	esc_rename(own, in(t, n, what), RENAME_EXCHANGE);
	return r;
}

static int swap(struct esc_try *t, const char *what)
{
	int r = begin(t), released;

	if (r)
		return r;
	r = swap_one(t, DEPLOY, what);
	released = swap_one(t, RELEASE, what);
	return r ? r : released;
}

static int swap_between(struct esc_try *t)
{
	return swap(t, PROD);
}

static int swap_dir(struct esc_try *t)
{
	return swap(t, "/eu/web");
}

static int swap_above(struct esc_try *t)
{
	return swap(t, "/eu");
}

static int swap_top(struct esc_try *t)
{
	return swap(t, "");
}

static int bind_dir(struct esc_try *t)
{
	int r;

	if (t->twin)
		return esc_twin_file(t);
	r = esc_enter_ns(CLONE_NEWNS);
	if (!r)
		r = esc_err(mkdir("m", 0777));
	if (!r)
		r = esc_err(mount(in(t, DEPLOY, "/eu"), "m", NULL, MS_BIND, NULL));
	return r ? r : loot(t, DEPLOY, "m/web/a-prod");
}

/* --- single files --- */

static int link_out(struct esc_try *t)
{
	int r = begin(t);

	if (!r)
		r = esc_err(link(in(t, DEPLOY, PROD "/secret.key"), "linked"));
	return r ? r : esc_read_at(t, "linked");
}

static int link_in(struct esc_try *t)
{
	int r = begin(t);

	if (!r)
		r = esc_err(link("own" PROD "/run.sh", in(t, RELEASE, PROD "/run2.sh")));
	return t->twin && !r ? esc_read_at(t, "release" PROD "/run2.sh") : r;
}

static int replace(struct esc_try *t)
{
	int r = begin(t);

	if (!r)
		r = esc_rename("own" PROD "/run.sh", in(t, RELEASE, PROD "/run.sh"), 0);
	return t->twin && !r ? esc_read_at(t, "release" PROD "/run.sh") : r;
}

static int remove_file(struct esc_try *t)
{
	int r = begin(t);

	if (!r)
		r = esc_err(unlink(in(t, RELEASE, PROD "/run.sh")));
	return t->twin && !r ? esc_read_at(t, "release" PROD "/secret.key") : r;
}

/* --- what was prepared elsewhere comes to stand under a name that is not there yet --- */

/* The host sees the new name. */
static int arrived(struct esc_try *t, int r)
{
	return t->twin && !r ? esc_read_at(t, "release" NEW "/run.sh") : r;
}

static int prepared(struct esc_try *t)
{
	int r = begin(t);

	if (!r)
		r = esc_rename("own" PROD, in(t, RELEASE, NEW), 0);
	return arrived(t, r);
}

/* Prepared beside it, under a name that no rule speaks of. */
static int prepared_beside(struct esc_try *t)
{
	const char *dir = in(t, RELEASE, "/eu/web/c-prod");
	int r = begin(t);

	if (!r)
		r = make_prod(dir);
	if (!r)
		r = esc_rename(dir, in(t, RELEASE, NEW), 0);
	unlink(join(dir, "/run.sh"));
	unlink(join(dir, "/secret.key"));
	rmdir(dir);
	return arrived(t, r);
}

/* Levels above the denied name. */
static int prepared_above(struct esc_try *t)
{
	const char *later = t->twin ? "later" : esc_pick(t, LATER, "");
	int r = begin(t);

	if (!r)
		r = esc_rename("own", later, 0);
	if (r)
		return r;
	if (t->twin)
		return esc_read_at(t, "later" PROD "/run.sh");
	esc_prove(t, "a file of its own stood under a denied name");
	return esc_rename(later, "own", 0);
}

static int symlinked(struct esc_try *t)
{
	int r = begin(t);

	if (!r)
		r = esc_err(symlink(t->twin ? "../../../own" PROD : "own", in(t, RELEASE, NEW)));
	return arrived(t, r);
}

/* Elsewhere at first, as "l". */
static int begin_with_link(struct esc_try *t)
{
	int r = begin(t);

	return r ? r : esc_err(symlink(t->twin ? "../../../own" PROD : "own", "l"));
}

static int symlink_moved(struct esc_try *t)
{
	int r = begin_with_link(t);

	if (!r)
		r = esc_rename("l", in(t, RELEASE, NEW), 0);
	return arrived(t, r);
}

static int symlink_linked(struct esc_try *t)
{
	int r = begin_with_link(t);

	if (!r)
		r = esc_err(linkat(AT_FDCWD, "l", AT_FDCWD, in(t, RELEASE, NEW), 0));
	return arrived(t, r);
}

static int symlink_above(struct esc_try *t)
{
	const char *later = t->twin ? "later" : esc_pick(t, LATER, "");
	int r = begin(t);

	if (!r)
		r = esc_err(symlink("own", later));
	if (r)
		return r;
	if (t->twin)
		return esc_read_at(t, "later" PROD "/run.sh");
	esc_prove(t, "a symlink stood above a denied name");
	return esc_err(unlink(later));
}

/* --- a symlink by any name: below all names beside it the same is denied --- */

/* The whole path, by which somebody outside comes. Others need the place afterwards. */
static int through(struct esc_try *t, const char *any, int r)
{
	const char *file = join(any, "/a-prod/run.sh");
	struct stat own;

	if (r)
		return r;
	if (t->twin)
		return esc_read_at(t, file);
	if (!stat("own" PROD "/run.sh", &own) && same(file, &own))
		esc_prove(t, "a file of its own stood under a denied name");
	return esc_err(unlink(any));
}

/* A symlink to one's own directory in the place of project/release/eu/web, as "l". */
static int begin_with_any(struct esc_try *t, const char **any)
{
	char own[ESC_PATH];
	int r = begin(t);

	*any = in(t, RELEASE, join("/eu/", t->c->name));
	if (!r && !getcwd(own, sizeof(own)))
		r = -errno;
	return r ? r : esc_err(symlink(join(own, "/own/eu/web"), "l"));
}

static int symlink_any(struct esc_try *t)
{
	const char *any;
	char to[ESC_PATH];
	int r = begin_with_any(t, &any), n = r ? 0 : readlink("l", to, sizeof(to) - 1);

	if (!r && n < 0)
		r = -errno;
	to[n > 0 ? n : 0] = 0;
	return through(t, any, r ? r : esc_err(symlink(to, any)));
}

static int symlink_any_moved(struct esc_try *t)
{
	const char *any;
	int r = begin_with_any(t, &any);

	return through(t, any, r ? r : esc_rename("l", any, 0));
}

static int symlink_any_linked(struct esc_try *t)
{
	const char *any;
	int r = begin_with_any(t, &any);

	return through(t, any, r ? r : esc_err(linkat(AT_FDCWD, "l", AT_FDCWD, any, 0)));
}

/* For an empty directory, which may stand there. */
static int symlink_any_swapped(struct esc_try *t)
{
	const char *any;
	int r = begin_with_any(t, &any);

	if (!r)
		r = esc_err(mkdir(any, 0777));
	if (!r)
		r = esc_rename("l", any, RENAME_EXCHANGE);
	if (r)
		rmdir(any);
	return through(t, any, r);
}

#define HERE .needs = ESC_DENY_IN | ESC_FAR
#define YET  .needs = ESC_DENY_IN | ESC_FAR | ESC_GLOB

const struct esc_case esc_renames_far[] = {
	{"far-between", "moves the directory of a protected file", NULL, move_between, HERE},
	{"far-dir", "moves the directory two levels above it", NULL, move_dir, HERE},
	{"far-above", "moves the directory three levels above it", NULL, move_above, HERE},
	{"far-top", "moves the directory four levels above it", NULL, move_top, HERE},
	{"far-between-beside", "gives the directory of the file another name where it is", NULL,
	 move_between_beside, HERE},
	{"far-dir-beside", "gives the one two levels above such a name", NULL, move_dir_beside,
	 HERE},
	{"far-above-beside", "gives the one three levels above such a name", NULL,
	 move_above_beside, HERE},
	{"far-top-beside", "gives the one four levels above such a name", NULL, move_top_beside,
	 HERE},
	{"far-swap-between", "exchanges the directory of the file for one of its own", NULL,
	 swap_between, HERE},
	{"far-swap", "exchanges the one two levels above", NULL, swap_dir, HERE},
	{"far-swap-above", "exchanges the one three levels above", NULL, swap_above, HERE},
	{"far-swap-top", "exchanges the one four levels above", NULL, swap_top, HERE},
	{"far-bind", "binds the one three levels above", NULL, bind_dir, HERE},
	{"far-link-out", "links the protected file to another name and reads it", NULL, link_out,
	 HERE},
	{"far-replace", "moves a file over the protected one", NULL, replace, HERE},
	{"far-remove", "removes the protected file", NULL, remove_file, HERE},
	{"far-link-in", "links a file to a protected name", NULL, link_in, YET},
	{"far-prepared", "moves a directory so that its files stand under denied names", NULL,
	 prepared, YET},
	{"far-prepared-beside", "prepares it where it is to be, under another name", NULL,
	 prepared_beside, YET},
	{"far-prepared-above", "moves it to a name levels above a denied one", NULL, prepared_above,
	 YET},
	{"far-symlink", "makes a symlink where the directory of a denied name would be", NULL,
	 symlinked, YET},
	{"far-symlink-moved", "moves a symlink there", NULL, symlink_moved, YET},
	{"far-symlink-linked", "links a symlink there", NULL, symlink_linked, YET},
	{"far-symlink-above", "makes a symlink levels above a denied name", NULL, symlink_above,
	 YET},
	{"far-symlink-any", "makes a symlink by a name that no rule tells from others", NULL,
	 symlink_any, YET},
	{"far-symlink-any-moved", "moves a symlink to such a name", NULL, symlink_any_moved, YET},
	{"far-symlink-any-linked", "links a symlink to such a name", NULL, symlink_any_linked, YET},
	{"far-symlink-any-swapped", "exchanges a symlink for a directory there", NULL,
	 symlink_any_swapped, YET},
	{0},
};
