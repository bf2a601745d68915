// SPDX-License-Identifier: MIT
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "user/base/bootline.h"

#define LINE_MAX_BYTES 4096 /* the kernel's own limit is 2048 on x86 */

static bool there(const char *root, const char *path)
{
	char full[LINE_MAX_BYTES];

	return snprintf(full, sizeof(full), "%s%s", root, path) < (int)sizeof(full) &&
	       !access(full, F_OK);
}

/* The first line that begins so, without the beginning; "" for a file that has none. */
static bool read_after(const char *root, const char *path, const char *begin, char *out,
		       size_t size)
{
	char line[LINE_MAX_BYTES];
	bool found = false;
	FILE *in;

	*out = 0;
	snprintf(line, sizeof(line), "%s%s", root, path);
	in = fopen(line, "re");
	if (!in)
		return false;
	while (!found && fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, begin, strlen(begin)))
			continue;
		found = snprintf(out, size, "%s", line + strlen(begin)) < (int)size;
	}
	fclose(in);
	return found;
}

/* Takes the quotes off, in place. */
static void unquote(char *s)
{
	size_t n = strlen(s);

	if (n >= 2 && (*s == '"' || *s == '\'') && s[n - 1] == *s) {
		memmove(s, s + 1, n - 2);
		s[n - 2] = 0;
	}
}

/* Choices of LSMs, which are replaced, and what boot loaders add by themselves. */
static bool is_dropped(const char *word)
{
	static const char *const begin[] = {"lsm=", "security=", "BOOT_IMAGE=", "initrd="};
	size_t i;

	for (i = 0; i < sizeof(begin) / sizeof(*begin); i++)
		if (!strncmp(word, begin[i], strlen(begin[i])))
			return true;
	return false;
}

/* The line's own words, then the new list. */
static char *with_lsm(const char *line, const char *active)
{
	char *copy = strdup(line), *save = NULL, *out = NULL, *word;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	if (copy && f) {
		for (word = strtok_r(copy, " \t", &save); word; word = strtok_r(NULL, " \t", &save))
			if (!is_dropped(word))
				fprintf(f, "%s ", word);
		fprintf(f, "lsm=%s%sbpf", active, *active ? "," : "");
	}
	free(copy);
	if (f && fclose(f)) {
		free(out);
		out = NULL;
	}
	return out;
}

static char *say(const char *before, const char *line, const char *active, const char *after)
{
	char *full = with_lsm(line, active), *text = NULL;

	if (full && asprintf(&text, "%s%s%s", before, full, after) < 0)
		text = NULL;
	free(full);
	return text;
}

char *sbx_bootline_lsm(const char *root, const char *release, const char *cmdline,
		       const char *active)
{
	char line[LINE_MAX_BYTES];

	/* WSL has a command line of its own, and adds what is written here. */
	if (strstr(release, "microsoft") || strstr(release, "WSL"))
		return say("in %UserProfile%\\.wslconfig, below [wsl2]: kernelCommandLine = ", "",
			   active,
			   " (after what stands there) — then run `wsl --shutdown` in Windows");
	if (there(root, "/etc/default/grub")) {
		read_after(root, "/etc/default/grub", "GRUB_CMDLINE_LINUX=", line, sizeof(line));
		unquote(line);
		return say("in /etc/default/grub: GRUB_CMDLINE_LINUX=\"", line, active,
			   there(root, "/usr/sbin/update-grub")
				   ? "\" — then run `update-grub` and reboot"
				   : "\" — then run `grub2-mkconfig -o /boot/grub2/grub.cfg` and "
				     "reboot");
	}
	if (there(root, "/etc/kernel/cmdline")) {
		read_after(root, "/etc/kernel/cmdline", "", line, sizeof(line));
		return say("in /etc/kernel/cmdline, on one line: ", line, active,
			   " — then run `kernel-install add-all` (or reinstall the kernel's "
			   "package) and reboot");
	}
	if (there(root, "/boot/loader/entries") || there(root, "/efi/loader/entries"))
		return say("in the loader's entry (loader/entries/*.conf below /boot or /efi): "
			   "options ",
			   cmdline, active, " — then reboot");
	return say("on the kernel's command line: ", cmdline, active,
		   " — in whatever boots this machine; then reboot");
}
