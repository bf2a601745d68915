// SPDX-License-Identifier: MIT
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "user/cli/common.h"
#include "user/cli/load.h"
#include "user/cli/shipped.h"
#include "user/policy/advise.h"

extern char **environ;

static const struct sbx_pos nowhere;

/* --- people --- */

static bool is_number(const char *s)
{
	return *s && !s[strspn(s, "0123456789")];
}

static const struct passwd *look_up(const char *user)
{
	const char *sudo = getenv("SUDO_UID");

	errno = 0;
	if (user)
		return is_number(user) ? getpwuid(strtoul(user, NULL, 10)) : getpwnam(user);
	/* Only root's word counts: anybody can set the variable, nobody else gains by it. */
	if (!geteuid() && sudo && is_number(sudo))
		return getpwuid(strtoul(sudo, NULL, 10));
	return getpwuid(getuid());
}

int sbx_person_find(const char *user, struct sbx_person *out)
{
	const struct passwd *pw = look_up(user);
	struct sbx_person p;

	if (!pw && user)
		return sbx_fail(SBX_EXIT_USAGE, "`getent passwd` lists them",
				"there is no such user (%s)", user);
	if (!pw)
		return sbx_fail(SBX_EXIT_FAILURE, "give --user NAME",
				"the user database does not know who calls (uid %u)", getuid());
	p = (struct sbx_person){.uid = pw->pw_uid,
				.gid = pw->pw_gid,
				.name = strdup(pw->pw_name),
				.home = strdup(pw->pw_dir),
				.shell = strdup(pw->pw_shell)};
	if (!p.name || !p.home || !p.shell) {
		sbx_person_free(&p);
		return sbx_fail(SBX_EXIT_FAILURE, NULL, "out of memory");
	}
	*out = p;
	return 0;
}

int sbx_person_for_command(const char *user, struct sbx_person *out)
{
	struct sbx_person p;
	int rc;

	if (geteuid())
		return sbx_fail(SBX_EXIT_PERMISSION,
				"run it with sudo: the command still runs as you",
				"only root can put a command into a sandbox");
	rc = sbx_person_find(user, &p);
	if (rc)
		return rc;
	if (!user && !p.uid) {
		sbx_person_free(&p);
		return sbx_fail(
			SBX_EXIT_USAGE, "--user NAME, or --user root if that is meant",
			"root calls without sudo: it is open as whom the command is to run");
	}
	*out = p;
	return 0;
}

void sbx_person_free(struct sbx_person *p)
{
	free(p->name);
	free(p->home);
	free(p->shell);
	*p = (struct sbx_person){0};
}

/* --- policies --- */

/* A program that was built and not installed uses the policies of its own tree. */
static const char *tree_dir(void)
{
	static char dir[4096];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - sizeof("/policies"));
	char *slash;

	if (n <= 0)
		return NULL;
	dir[n] = 0;
	slash = strrchr(dir, '/');
	if (!slash || slash - dir < 6 || strncmp(slash - 6, "/build", 6))
		return NULL;
	strcpy(slash - 6, "/policies");
	return dir;
}

const char *const *sbx_policy_dirs(void)
{
	static const char *dirs[4];
	const char *tree = tree_dir();
	size_t n = 0;

	dirs[n++] = SBX_ETCDIR "/policies";
	if (tree)
		dirs[n++] = tree;
	dirs[n++] = SBX_SHAREDIR "/policies";
	dirs[n] = NULL;
	return dirs;
}

/* Refused, not ignored: a policy that is enforced in part only is not the policy. */
static void name_unsupported(const struct sbx_policy *p, bool refuse, struct sbx_diags *d)
{
	size_t i;

	for (i = 0; i < p->n_unsupported; i++)
		sbx_diag_add(
			d, refuse ? SBX_ERROR : SBX_WARNING, p->unsupported[i].pos,
			refuse ? "`sbx-bpf check` accepts it; to attach the policy, take it out"
			       : "until it is taken out, attach and run refuse the policy",
			"this version cannot enforce %s yet", p->unsupported[i].what);
}

static int advise(const struct sbx_loaded *l, struct sbx_diags *d)
{
	struct sbx_links links = {0};
	int r = sbx_advise(l->policy, &l->facts, d);

	if (!r)
		r = sbx_links_gather(l->policy, &links);
	if (!r)
		r = sbx_advise_links(l->policy, &l->facts, &links, d);
	sbx_links_free(&links);
	return r;
}

struct sbx_load_opts sbx_load_opts_for(const struct sbx_load_request *req)
{
	return (struct sbx_load_opts){.home = req->home,
				      .pwd = req->pwd,
				      .tmp = req->tmp,
				      .denials = req->denials,
				      .env = environ,
				      .vars = req->vars,
				      .dirs = sbx_policy_dirs(),
				      .own = true};
}

int sbx_load_quietly(const struct sbx_load_request *req, struct sbx_loaded *out,
		     struct sbx_diags *d)
{
	struct sbx_load_opts opts = sbx_load_opts_for(req);
	struct sbx_loaded l = {0};
	int r = sbx_policy_load(req->policy, &opts, &l.policy, d);

	if (!r)
		r = sbx_facts_gather(l.policy, &l.facts);
	if (!r)
		name_unsupported(l.policy, req->to_attach, d);
	if (!r)
		r = sbx_compile(l.policy, &l.facts, &l.compiled, d);
	if (!r && !req->to_attach)
		r = advise(&l, d);
	if (!r && d->errors)
		r = -EINVAL;
	if (r && !d->errors)
		sbx_diag_add(d, SBX_ERROR, nowhere, NULL, "cannot read the policy (%s): %s",
			     req->policy, strerror(-r));
	if (r) {
		sbx_loaded_free(&l);
		return r == -EINVAL ? SBX_EXIT_POLICY : SBX_EXIT_FAILURE;
	}
	*out = l;
	return 0;
}

int sbx_load(const struct sbx_load_request *req, struct sbx_loaded *out)
{
	struct sbx_diags d = {0};
	int r = sbx_load_quietly(req, out, &d);

	sbx_report(&d);
	if (r)
		sbx_offer_policies(req);
	return r;
}

/* In / and at home no project can be: there, one below the home stands for it. */
void sbx_load_trial(struct sbx_load_request *r, const struct sbx_person *who)
{
	static char pwd[PATH_MAX];

	r->home = who->home;
	r->tmp = "/tmp/sbx-bpf.XXXXXX";
	r->pwd = pwd;
	if (!getcwd(pwd, sizeof(pwd)) || !strcmp(pwd, "/") || !strcmp(pwd, who->home))
		snprintf(pwd, sizeof(pwd), "%s/project", strcmp(who->home, "/") ? who->home : "");
}

void sbx_loaded_free(struct sbx_loaded *l)
{
	sbx_compiled_free(&l->compiled);
	sbx_facts_free(&l->facts);
	sbx_policy_free(l->policy);
	*l = (struct sbx_loaded){0};
}
