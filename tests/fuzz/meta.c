// SPDX-License-Identifier: MIT
/* Any bytes as the meta blob of a sandbox: refused, or a policy that can be asked and printed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "user/event/format.h"
#include "user/policy/compile.h"
#include "user/policy/netset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A policy that names aliases without end makes the reference slow, not wrong. */
static bool small(const struct sbx_policy *p, const struct sbx_facts *f)
{
	return p->n_files < 64 && p->n_net < 64 && f->n_aliases < 4;
}

static void ask(const struct sbx_policy *p, const struct sbx_facts *f)
{
	struct sbx_explanation e;
	static const uint8_t addr[16] = {10, 0, 0, 1};

	if (!sbx_explain_file(p, f, "/srv/a", 6, SBX_READ, &e))
		sbx_explanation_free(&e);
	if (!sbx_explain_net(p, f, SBX_DIR_CONNECT, AF_INET, addr, SBX_PROTO_TCP, 443, &e))
		sbx_explanation_free(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *again;
	struct sbx_policy *p = NULL;
	struct sbx_facts f = {0};

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	if (!sbx_meta_load(text, &p, &f)) {
		if (small(p, &f))
			ask(p, &f);
		again = sbx_meta_dump(p, &f);
		free(again);
		sbx_policy_free(p);
		sbx_facts_free(&f);
	}
	free(text);
	return 0;
}
