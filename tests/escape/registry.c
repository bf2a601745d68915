// SPDX-License-Identifier: MIT
/* Every case there is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/escape/escape.h"

#define ROOM 1024

const struct esc_family esc_families[] = {
	/* First, while what was left open are still the objects that the host looks at. */
	{"descriptors", "descriptors: passed, inherited, reopened", esc_descriptors},
	{"aliases", "aliases and links: every operation by every way to name an object", NULL},
	{"renames", "renames and moves that widen a right or hollow out a denial", esc_renames,
	 esc_renames_far},
	{"metadata", "creation and metadata", esc_metadata},
	{"exec", "mappings and execution", esc_exec},
	{"proc", "/proc and /sys", esc_proc},
	{"mounts", "namespaces and mounts", esc_mounts},
	{"cgroups", "cgroups and clone", esc_cgroups},
	{"sockets", "sockets of every family and call", esc_sockets},
	{"dns", "names: servers, resolvers, and answers in their name", esc_dns},
	{"unix", "unix sockets", esc_unix_cases},
	{"processes", "signals, ptrace and other processes", esc_processes},
	{"ipc", "IPC objects and keys", esc_ipc},
	{"uring", "io_uring", esc_uring},
	{"kernel", "kernel interfaces", esc_kernel},
	{"terminals", "terminals", esc_terminals},
	{"asking", "asking someone else to do it", esc_asking},
	{"delayed", "delayed execution: files that run later outside", esc_delayed},
	{"races", "races", esc_races},
	{"self", "attacks on the sandbox itself", esc_self},
	{0},
};

const char *esc_need_word(unsigned need)
{
	switch (need) {
	case ESC_ROOT:
		return "root";
	case ESC_NOEXEC:
		return "noexec";
	case ESC_DENY_IN:
		return "deny-in";
	case ESC_RECEIVED:
		return "received";
	case ESC_PEERS:
		return "peers";
	case ESC_SURFACE:
		return "surface";
	case ESC_UDP:
		return "udp";
	case ESC_UNIX:
		return "unix-path";
	case ESC_FAR:
		return "far";
	case ESC_GLOB:
		return "pattern";
	}
	return "";
}

static size_t add(struct esc_case *all, size_t n, const struct esc_family *f,
		  const struct esc_case *c)
{
	for (; c && c->name; c++) {
		if (n == ROOM)
			abort();
		all[n] = *c;
		all[n++].family = f->name;
	}
	return n;
}

size_t esc_all(const struct esc_case **cases)
{
	static struct esc_case all[ROOM];
	static size_t n;
	const struct esc_family *f;

	*cases = all;
	if (n)
		return n;
	for (f = esc_families; f->name; f++) {
		if (!f->cases)
			n += esc_matrix(all + n, ROOM - n);
		n = add(all, n, f, f->cases);
		n = add(all, n, f, f->more);
	}
	return n;
}

static bool names(const struct esc_case *c, const char *word, size_t len)
{
	char full[120];

	snprintf(full, sizeof(full), "%s/%s", c->family, c->name);
	return (strlen(c->family) == len && !strncmp(word, c->family, len)) ||
	       (strlen(c->name) == len && !strncmp(word, c->name, len)) ||
	       (strlen(full) == len && !strncmp(word, full, len));
}

bool esc_chosen(const struct esc_case *c, const char *only, long thin)
{
	bool chosen = !only || !*only || *only == '!';
	size_t len;

	if (thin > 1 && c->way && c->cell % thin)
		return false;
	for (; only && *only; only += len + (only[len] == ',')) {
		len = strcspn(only, ",");
		if (*only == '!' && names(c, only + 1, len - 1))
			return false;
		chosen |= names(c, only, len);
	}
	return chosen;
}
