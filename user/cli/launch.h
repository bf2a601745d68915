/* SPDX-License-Identifier: MIT */
/*
 * Starts a command as a user in a sandbox.
 *
 * The child gives up its privileges first and enters the cgroup second, through a descriptor that
 * was opened before: inside, nothing is ever done with privileges. From then on the policy
 * binds it. It is handed the descriptors that it may have, and executes the command. What fails on
 * the way ends the child: there is no path to the command that does not lead through the cgroup.
 */
#ifndef SBX_CLI_LAUNCH_H
#define SBX_CLI_LAUNCH_H

#include "user/cli/common.h"
#include "user/cli/inherit.h"
#include "user/cli/job.h"
#include "user/cli/load.h"

struct sbx_launch {
	const struct sbx_person *who;
	char *const *argv, *const *env;
	const char *cgroup;
	uint64_t cgroup_id; /* of the sandbox: who owns the parent may have put another in its place
			     */
	bool confine;	    /* no_new_privs, and no capabilities but these, which only root gets: */
	uint64_t caps;
	struct sbx_inherited *inherited;
};

/*
 * The sandbox must not go away before the command is in it: the caller holds the lock of *k, which
 * is closed here as soon as it may be. Returns 0 with the command running as j->pid, or an exit
 * code, said.
 */
int sbx_launch(const struct sbx_launch *l, struct sbx_kern **k, struct sbx_job *j);

#endif
