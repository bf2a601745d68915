// SPDX-License-Identifier: MIT
/* sbx-bpf status: the sandboxes there are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/cli/commands.h"

static json_t *one_json(const struct sbx_sandbox_info *s)
{
	const struct sbx_slot *t = &s->slot;

	return json_pack("{s:s, s:I, s:s, s:o, s:i, s:I, s:I, s:I, s:I, s:i, s:I}", "name", t->name,
			 "id", (json_int_t)t->id, "mode", sbx_mode_name(t->mode), "cgroup",
			 s->cgroup ? json_string(s->cgroup) : json_null(), "tasks", s->tasks,
			 "denied", (json_int_t)t->denied, "audited", (json_int_t)t->audited, "lost",
			 (json_int_t)t->lost, "quiet", (json_int_t)t->quiet, "generation",
			 t->generation, "age_s", (json_int_t)sbx_age_seconds(t->created_ns));
}

static void print_json(const struct sbx_sandbox_info *v, size_t n)
{
	json_t *all = json_array();
	size_t i;

	for (i = 0; i < n; i++)
		json_array_append_new(all, one_json(&v[i]));
	sbx_put_json(stdout, all);
}

static void print_table(const struct sbx_sandbox_info *v, size_t n)
{
	int name = 4, cgroup = 6;
	char age[32];
	size_t i;

	for (i = 0; i < n; i++) {
		const char *c = v[i].cgroup ? v[i].cgroup : "(gone)";

		name = (int)strlen(v[i].slot.name) > name ? (int)strlen(v[i].slot.name) : name;
		cgroup = (int)strlen(c) > cgroup ? (int)strlen(c) : cgroup;
	}
	printf("%-*s  MODE     %-*s  %5s  %7s  %7s  %5s  %3s  AGE\n", name, "NAME", cgroup,
	       "CGROUP", "TASKS", "DENIED", "AUDITED", "LOST", "GEN");
	for (i = 0; i < n; i++) {
		const struct sbx_slot *t = &v[i].slot;

		sbx_age(t->created_ns, age, sizeof(age));
		printf("%-*s  %-7s  %-*s  %5u  %7llu  %7llu  %5llu  %3u  %s\n", name, t->name,
		       sbx_mode_name(t->mode), cgroup, v[i].cgroup ? v[i].cgroup : "(gone)",
		       v[i].tasks, (unsigned long long)t->denied, (unsigned long long)t->audited,
		       (unsigned long long)t->lost, t->generation, age);
	}
}

static int run(int argc, char **argv)
{
	struct sbx_sandbox_info *v = NULL;
	struct sbx_kern *k = NULL;
	size_t n = 0;
	int r = sbx_open_any(&k);

	if (!r && k && sbx_kern_list(k, &v, &n))
		r = sbx_fail(SBX_EXIT_FAILURE, NULL, "cannot list the sandboxes");
	if (!r && sbx_globals.json)
		print_json(v, n);
	else if (!r && n)
		print_table(v, n);
	else if (!r)
		sbx_note("there are no sandboxes");
	sbx_kern_list_free(v, n);
	sbx_kern_close(k);
	return r;
}

const struct sbx_command sbx_cmd_status = {
	.name = "status",
	.summary = "list the sandboxes",
	.spec = {.usage = "sbx-bpf status",
		 .summary = "Lists the sandboxes.",
		 .more = sbx_global_opts},
	.run = run,
};
