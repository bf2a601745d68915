// SPDX-License-Identifier: MIT
/* sbx-bpf: finds the command, parses its options, runs it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "sbx_version.h"
#include "user/cli/commands.h"

static const struct sbx_command *const commands[] = {
	&sbx_cmd_run,	 &sbx_cmd_attach,  &sbx_cmd_detach, &sbx_cmd_exec,
	&sbx_cmd_update, &sbx_cmd_mode,	   &sbx_cmd_status, &sbx_cmd_events,
	&sbx_cmd_check,	 &sbx_cmd_explain, &sbx_cmd_doctor, &sbx_cmd_selftest,
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

static const struct sbx_opt_spec top = {
	.usage = "sbx-bpf COMMAND [OPTION]... [ARG]...",
	.summary = "Runs programs in a sandbox that the kernel enforces.",
	.more = sbx_global_opts,
	.command = true,
	.min = 1,
	.max = SIZE_MAX,
	.operand = "a command",
};

static void help(void)
{
	size_t i;

	sbx_opt_help(&top, stdout);
	fputs("\nCommands:\n", stdout);
	for (i = 0; i < COMMANDS; i++)
		printf("  %-9s %s\n", commands[i]->name, commands[i]->summary);
	puts("\n`sbx-bpf COMMAND --help` tells more; sbx-bpf(1) tells all.");
}

/* Operands, or -1 after a message. */
static int parse(const struct sbx_opt_spec *spec, int argc, char **argv)
{
	char *why = NULL;
	int n = sbx_opt_parse(spec, argc, argv, &why);

	if (n >= 0 && !sbx_globals.help && !sbx_globals.version &&
	    sbx_opt_count(spec, n, argv, &why))
		n = -1;
	if (n < 0)
		fprintf(stderr, "sbx-bpf: %s\n", why ? why : "out of memory");
	free(why);
	return n;
}

static const struct sbx_command *find(const char *name)
{
	const char *names[COMMANDS + 1] = {0}, *near;
	char hint[80] = "`sbx-bpf --help` lists them";
	size_t i;

	for (i = 0; i < COMMANDS; i++) {
		names[i] = commands[i]->name;
		if (!strcmp(names[i], name))
			return commands[i];
	}
	near = sbx_word_nearest(name, names);
	if (near)
		snprintf(hint, sizeof(hint), "did you mean `sbx-bpf %s`?", near);
	sbx_fail(0, hint, "there is no command %s", name);
	return NULL;
}

/* Data that did not arrive is a failure; a reader that went away is not. */
static int finish(int code)
{
	if (!fflush(stdout) && !ferror(stdout))
		return code;
	if (errno == EPIPE || code)
		return code;
	return sbx_fail(SBX_EXIT_FAILURE, NULL, "cannot write the output: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	const struct sbx_command *c = NULL;
	int n = parse(&top, argc, argv);

	if (n > 0) {
		c = find(argv[1]);
		n = c ? sbx_globals.help || sbx_globals.version ? 0 : parse(&c->spec, n, argv + 1)
		      : -1;
	}
	if (n < 0)
		return SBX_EXIT_USAGE;
	if (sbx_globals.version)
		puts("sbx-bpf " SBX_VERSION);
	else if (sbx_globals.help && c)
		sbx_opt_help(&c->spec, stdout);
	else if (sbx_globals.help)
		help();
	else
		return finish(c->run(n, argv + 2));
	return finish(SBX_EXIT_OK);
}
