// SPDX-License-Identifier: MIT
/* sbx-escape: the command line. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/escape/escape.h"

static const char usage[] =
	"usage: sbx-escape [OPTION]... ADAPTER      tries to escape from ADAPTER's sandbox\n"
	"       sbx-escape --list [--markdown] [--case NAMES]\n"
	"\n"
	"  --case NAMES    cases, families or FAMILY/CASE, with commas between; `!NAME` leaves it "
	"out\n"
	"  --user U        who runs inside; the caller otherwise\n"
	"  --audit         the adapter is to report, not to deny\n"
	"  --json FILE     everything, for machines\n"
	"  --log FILE      what the sandbox prints\n"
	"  --dir DIR       where the world is planted (/var/tmp)\n"
	"  --race-ms N     how long a race is run (2000)\n"
	"  --no-twins      attacks alone\n"
	"  --thin N        of the matrix of operations and names every Nth cell (1)\n"
	"  --keep          leaves the planted world behind\n"
	"  --quiet         no table\n"
	"\n"
	"Status: 0 everything held and works, 1 something escaped or broke, 2 it did not run.\n";

enum { JSON = 256, LOG, DIR_, RACE, THIN, LIST, MARKDOWN, NO_TWINS };

static const struct option options[] = {
	{"case", required_argument, NULL, 'c'},	 {"family", required_argument, NULL, 'c'},
	{"user", required_argument, NULL, 'u'},	 {"audit", no_argument, NULL, 'a'},
	{"json", required_argument, NULL, JSON}, {"log", required_argument, NULL, LOG},
	{"dir", required_argument, NULL, DIR_},	 {"race-ms", required_argument, NULL, RACE},
	{"thin", required_argument, NULL, THIN}, {"keep", no_argument, NULL, 'k'},
	{"quiet", no_argument, NULL, 'q'},	 {"no-twins", no_argument, NULL, NO_TWINS},
	{"list", no_argument, NULL, LIST},	 {"markdown", no_argument, NULL, MARKDOWN},
	{"help", no_argument, NULL, 'h'},	 {0},
};

static void set(struct esc_host_opts *o, int opt)
{
	switch (opt) {
	case 'c':
		o->only = optarg;
		break;
	case 'u':
		o->user = optarg;
		break;
	case 'a':
		o->audit = true;
		break;
	case 'k':
		o->keep = true;
		break;
	case 'q':
		o->quiet = true;
		break;
	case JSON:
		o->json = optarg;
		break;
	case LOG:
		o->log = optarg;
		break;
	case DIR_:
		o->dir = optarg;
		break;
	case THIN:
		o->thin = atol(optarg);
		break;
	case NO_TWINS:
		o->no_twins = true;
		break;
	case RACE:
		o->race_ms = atol(optarg);
		break;
	}
}

int main(int argc, char **argv)
{
	struct esc_host_opts o = {.race_ms = 2000};
	bool list = false, markdown = false;
	int opt;

	if (argc == 3 && !strcmp(argv[1], "inside"))
		return esc_inside(argv[2]);
	if (argc == 6 && !strcmp(argv[1], "victim"))
		return esc_victim_main(argv + 2);
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'h' || opt == '?') {
			fputs(usage, opt == 'h' ? stdout : stderr);
			return opt == 'h' ? 0 : 2;
		}
		list |= opt == LIST;
		markdown |= opt == MARKDOWN;
		set(&o, opt);
	}
	if (list && markdown)
		esc_list_markdown();
	else if (list)
		esc_list(o.only);
	else if (optind != argc - 1)
		return fputs(usage, stderr), 2;
	else
		return esc_host((o.adapter = argv[optind], &o));
	return 0;
}
