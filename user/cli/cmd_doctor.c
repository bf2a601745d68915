// SPDX-License-Identifier: MIT
/* sbx-bpf doctor: can this kernel enforce, and if not, what is to be changed? */
#include "user/cli/commands.h"
#include <string.h>
#include "user/policy/rulestr.h"

static const struct {
	const char *name, *word, *color;
} states[] = {
	[SBX_CHECK_OK] = {"ok", "ok  ", "\x1b[32m"},
	[SBX_CHECK_WARN] = {"warn", "warn", "\x1b[33m"},
	[SBX_CHECK_FAIL] = {"fail", "FAIL", "\x1b[1;31m"},
};

static void print_json(const struct sbx_probe *p)
{
	json_t *checks = json_array();
	size_t i;

	for (i = 0; i < p->n; i++)
		json_array_append_new(checks,
				      json_pack("{s:s, s:s, s:s?, s:s?}", "name", p->v[i].name,
						"state", states[p->v[i].state].name, "what",
						p->v[i].what, "remedy", p->v[i].remedy));
	sbx_put_json(stdout, json_pack("{s:b, s:b, s:o}", "can_enforce", p->can_enforce,
				       "permitted", p->permitted, "checks", checks));
}

/* Without rights some things cannot be told, but what is known to be missing is missing. */
static int verdict(const struct sbx_probe *p)
{
	size_t i;

	if (p->can_enforce)
		return SBX_EXIT_OK;
	for (i = 0; i < p->n; i++)
		if (p->v[i].state == SBX_CHECK_FAIL && strcmp(p->v[i].name, "rights"))
			return SBX_EXIT_KERNEL;
	return SBX_EXIT_PERMISSION;
}

static const char *const verdicts[] = {
	[SBX_EXIT_OK] = "\nThis kernel can enforce.",
	[SBX_EXIT_KERNEL] = "\nThis kernel cannot enforce: nothing would be run or attached.",
	[SBX_EXIT_PERMISSION] = "\nWithout root it cannot be told whether this kernel can enforce.",
};

static void print(const struct sbx_probe *p)
{
	bool color = sbx_use_color(stdout);
	size_t i;

	for (i = 0; i < p->n; i++) {
		const struct sbx_check *c = &p->v[i];

		printf("%s%s%s  %-10s  ", color ? states[c->state].color : "",
		       states[c->state].word, color ? "\x1b[0m" : "", c->name);
		sbx_put_escaped(stdout, c->what ? c->what : "?", c->what ? strlen(c->what) : 1);
		putchar('\n');
		if (c->remedy)
			printf("      %-10s  to do: %s\n", "", c->remedy);
	}
	puts(verdicts[verdict(p)]);
}

static int run(int n, char **argv)
{
	struct sbx_probe p;
	int r = sbx_probe_run(&p);

	if (r)
		return sbx_fail(SBX_EXIT_FAILURE, NULL, "out of memory");
	if (sbx_globals.json)
		print_json(&p);
	else
		print(&p);
	r = verdict(&p);
	sbx_probe_free(&p);
	return r;
}

const struct sbx_command sbx_cmd_doctor = {
	.name = "doctor",
	.summary = "tell whether this kernel can enforce, and what to change if not",
	.spec = {.usage = "sbx-bpf doctor",
		 .summary = "Tells whether this kernel can enforce, and what to change if not.",
		 .more = sbx_global_opts},
	.run = run,
};
