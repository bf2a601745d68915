// SPDX-License-Identifier: MIT
/* What every policy ends with: nothing inside touches sbx-bpf's own files, nor the policies that
 * the sandbox, or the next one, is made from. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/domains.h"
#include "user/policy/parse.h"
#include "user/policy/rulestr.h"

static void put_file(FILE *out, const char *path)
{
	char real[PATH_MAX];
	bool inexact;

	if (!realpath(path, real)) /* read from a pipe */
		return;
	fputs("      - ", out);
	sbx_put_yaml_path(out, NULL, real, strlen(real), "", &inexact);
	fputc('\n', out);
}

/* What other sandboxes were denied is none of its business; what it was denied itself is. `file` is
 * a name that the loader made. */
static void put_denials(FILE *out, const char *file)
{
	fputs("  - protect: [read]\n"
	      "    path: " SBX_DENIALS_DIR "/**\n",
	      out);
	if (file)
		fprintf(out, "    except: %s\n", file);
	fputs("    reason: what other sandboxes were denied stays outside\n", out);
	if (file)
		fprintf(out,
			"  - allow: [read]\n"
			"    path: %s\n"
			"    override: true\n",
			file);
}

static void put_rules(FILE *out, const struct sbx_policy *p)
{
	size_t i;

	/* The lock: who may open it can hold it, and no sandbox could be changed or ended. */
	fputs("version: 1\n"
	      "files:\n"
	      "  - protect: [read, write]\n"
	      "    path: /run/sbx-bpf/**\n"
	      "    reason: what manages sandboxes stays outside\n",
	      out);
	put_denials(out, p->denials);
	fputs("  - protect: [write]\n"
	      "    path:\n"
	      "      - " SBX_DENIALS_DIR "/**\n"
	      "      - " SBX_ETCDIR "/**\n"
	      "      - " SBX_SHAREDIR "/**\n",
	      out);
	for (i = 0; i < p->n_sources; i++)
		put_file(out, p->sources[i]);
	fputs("    reason: policies are made outside\n", out);
	fputs("unix:\n"
	      "  - deny: [connect]\n"
	      "    path: /run/sbx-bpf/**\n"
	      "    reason: what manages sandboxes stays outside\n",
	      out);
	/* What resolves names past the forwarder: nss then falls back to port 53. */
	if (sbx_policy_names(p))
		fputs("  - deny: [connect]\n"
		      "    path:\n"
		      "      - /run/systemd/resolve/**\n"
		      "      - /run/nscd/**\n"
		      "      - /run/avahi-daemon/**\n"
		      "    reason: names are resolved by the forwarder\n",
		      out);
}

void sbx_parse_own(struct sbx_parser *p)
{
	size_t before = p->policy->n_files, unix_before = p->policy->n_unix;
	struct sbx_text t;
	char *text = NULL;

	if (sbx_text_begin(&t)) {
		p->no_memory = true;
		return;
	}
	put_rules(t.out, p->policy);
	if (sbx_text_end(&t, &text))
		p->no_memory = true;
	else
		sbx_parse_text(p, SBX_OWN_FILE, text, strlen(text), false);
	free(text);
	sbx_join_unix_rules(p, unix_before);
	p->policy->n_own = p->policy->n_files - before;
}
