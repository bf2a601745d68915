// SPDX-License-Identifier: MIT
/*
 * The actor of the kernel tests: does one thing after another from inside (or outside) a sandbox
 * and compares what the kernel answers with what is expected.
 *
 *	act < SCRIPT
 *
 * A line is "EXPECT OPERATION ARGUMENT...": EXPECT is "ok", an errno's name, or several joined by
 * '|'; after '!' it is none of them. Prints "ok LINE" or "not ok LINE: got X". '#' starts a
 *comment.
 */
#include "act_ops.h"

/* Returns 0 when the line went as expected. */
static int run_line(char *line)
{
	char *words[MAX_ARGS + 2] = {NULL}, *save = NULL, shown[4096];
	int n = 0, r;

	snprintf(shown, sizeof(shown), "%s", line);
	for (words[n] = strtok_r(line, " \t", &save); words[n] && n < MAX_ARGS;
	     words[n] = strtok_r(NULL, " \t", &save))
		n++;
	if (!n || words[0][0] == '#')
		return 0;
	if (n < 2 || !act_do(words + 1, n - 1, &r)) {
		printf("not ok %s: no such operation, or wrong arguments\n", shown);
		return 1;
	}
	if (expected(words[0], r)) {
		printf("ok %s\n", shown);
		return 0;
	}
	printf("not ok %s: got %s\n", shown, r ? strerrorname_np(-r) : "ok");
	return 1;
}

int main(void)
{
	char line[4096];
	int bad = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		bad |= run_line(line);
	}
	return bad;
}
