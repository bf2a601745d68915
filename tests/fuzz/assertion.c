// SPDX-License-Identifier: MIT
/*
 * Any bytes as a file of assertions: assertions or messages, never both, never neither. Small ones
 * are looked into, too: each becomes a finding, and what is refuted has an example.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/assertion.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What becomes entangled is not proved, but finding that out takes seconds. */
#define MAX_BYTES 400
#define MAX_WILD  8

static const char policy_text[] =
	"version: 1\n"
	"files:\n"
	"  - {allow: [read, write], path: [\"/a/**\", \"/home/u/*.c\"]}\n"
	"  - {protect: [write], path: \"/**/k*\", except: \"/**/kk\"}\n"
	"network:\n"
	"  - {allow: [connect], to: [\"internet:443\", \"10.0.0.0/8:80\", \"[fd00::1]:1-9/udp\"]}\n"
	"unix:\n"
	"  - {allow: [connect], path: [\"/run/s\", \"@x*\"]}\n"
	"env: {keep: [PATH, \"LC_*\"]}\n";

static char *const env[] = {"A=/a", "B=b*", "EMPTY=", NULL};
/* No directories: what is included does not depend on the machine. */
static const struct sbx_load_opts opts = {
	.home = "/home/u", .pwd = "/home/u/work", .tmp = "/var/t", .env = env};
static const struct sbx_facts none;

static bool small(const uint8_t *data, size_t size)
{
	size_t i, n = 0;

	for (i = 0; i < size; i++)
		n += data[i] == '?' || data[i] == '*' || data[i] == '[';
	return size <= MAX_BYTES && n <= MAX_WILD;
}

static void look_into(const struct sbx_policy *asserted)
{
	static struct sbx_policy *policy;
	static struct sbx_compiled compiled;
	struct sbx_findings found = {0};
	struct sbx_diags d = {0};
	struct sbx_subject s;
	size_t i;

	if (!policy &&
	    (sbx_policy_parse("p.yaml", policy_text, strlen(policy_text), &opts, &policy, &d) ||
	     sbx_compile(policy, &none, &compiled, &d)))
		abort();
	s = (struct sbx_subject){policy, &none, &compiled.image};
	if (sbx_assertions_prove(&s, asserted, &none, &found, &d))
		abort();
	if (found.n < asserted->n_files + asserted->n_net + asserted->n_bounds)
		abort();
	for (i = 0; i < found.n; i++)
		if ((found.v[i].outcome == SBX_REFUTED) != (found.v[i].example != NULL))
			abort();
	sbx_findings_free(&found);
	sbx_diags_free(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sbx_policy *p = NULL;
	struct sbx_diags d = {0};
	static FILE *nowhere;
	int r;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	r = sbx_assertions_parse("fuzz.yaml", (const char *)data, size, &opts, &p, &d);
	if ((r == 0) != (p != NULL) || (r != 0) != (d.errors != 0))
		abort();
	if (!r && small(data, size))
		look_into(p);
	if (nowhere)
		sbx_diags_print(&d, nowhere);
	sbx_diags_free(&d);
	sbx_policy_free(p);
	return 0;
}
