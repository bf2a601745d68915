/* SPDX-License-Identifier: MIT */
/* Policies written as text, for tests of what comes after the parser. Include after cmocka.h. */
#ifndef SBX_TEST_WRITTEN_H
#define SBX_TEST_WRITTEN_H

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "user/policy/facts.h"
#include "user/policy/policy.h"

static char *const no_env[] = {NULL};
static const char *const no_dirs[] = {NULL};
static const struct sbx_load_opts written_opts = {.home = "/home/u",
						  .pwd = "/home/u/work",
						  .tmp = "/tmp/sbx-1",
						  .env = no_env,
						  .dirs = no_dirs};

/* "version: 1" is put before the text, on the same line numbers: the text's first line is 2. */
static inline int try_written(const char *text, struct sbx_policy **p, struct sbx_diags *d)
{
	char *whole = NULL;
	int len = asprintf(&whole, "version: 1\n%s", text), rc;

	assert_true(len > 0);
	rc = sbx_policy_parse("p.yaml", whole, len, &written_opts, p, d);
	free(whole);
	return rc;
}

static inline struct sbx_policy *written(const char *text)
{
	struct sbx_policy *p = NULL;
	struct sbx_diags d = {0};
	int rc = try_written(text, &p, &d);

	sbx_diags_print(&d, stderr);
	sbx_diags_free(&d);
	assert_int_equal(rc, 0);
	return p;
}

/* A host with one address of its own, one symlink, and the usual ephemeral ports. */
static struct sbx_alias written_aliases[] = {{"/var/run", "/run", true}};
static struct sbx_addr written_own[] = {{AF_INET, {203, 0, 114, 5}}};
static const struct sbx_facts written_facts = {.aliases = written_aliases,
					       .n_aliases = 1,
					       .own = written_own,
					       .n_own = 1,
					       .ephemeral_first = 32768,
					       .ephemeral_last = 60999};

#endif
