// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/rulestr.h"
#include "user/policy/suggest.h"

/* An exception is made for all rights of a protect. Those that were not asked for stay closed. */
static void put_left(FILE *out, const struct sbx_target *t, const struct sbx_obstacle *o)
{
	const struct sbx_blocker *b = o->protects;
	const char *reason = b->file ? b->file->reason : b->net->reason;

	fputs("  - protect: [", out);
	if (b->file)
		sbx_put_rights(out, o->left);
	else
		sbx_put_net_rights(out, o->left);
	fprintf(out, "]\n    %s: %s\n", t->key, t->scalar);
	if (!reason)
		return;
	fputs("    reason: ", out);
	sbx_put_yaml(out, reason, strlen(reason));
	fputc('\n', out);
}

int sbx_suggestion_write(const struct sbx_target *t, const struct sbx_obstacle *o, char **out)
{
	struct sbx_text x;
	size_t i;

	if (o->own)
		return 0;
	if (sbx_text_begin(&x))
		return -ENOMEM;
	for (i = 0; i < o->n_protects; i++) {
		const struct sbx_blocker *b = &o->protects[i];
		char *at = sbx_pos_text(b->pos);

		fprintf(x.out, "# in place of the rule at %s\n", at ? at : "?");
		free(at);
		if (b->file)
			sbx_put_file_rule_with(x.out, b->file, t->scalar);
		else
			sbx_put_net_rule_with(x.out, b->net, t->scalar);
	}
	if (o->left)
		put_left(x.out, t, o);
	if (!o->granted) {
		fprintf(x.out, "%s:\n  - allow: [%s]\n    %s: %s\n", t->list, t->rights, t->key,
			t->scalar);
		if (o->denied)
			fputs("    override: true\n", x.out);
		if (t->wider)
			fprintf(x.out, "    # or %s\n", t->wider);
	}
	return sbx_text_end(&x, out);
}

int sbx_suggestion_note(const struct sbx_target *t, const struct sbx_obstacle *o, char **out)
{
	const char *sep = "";
	struct sbx_text x;
	size_t i;

	if (o->own) {
		*out = strdup("no policy opens this: the rule is sbx-bpf's own");
		return *out ? 0 : -ENOMEM;
	}
	if (sbx_text_begin(&x))
		return -ENOMEM;
	for (i = 0; i < o->n_protects; i++) {
		char *at = sbx_pos_text(o->protects[i].pos);

		if (!i)
			fprintf(x.out, "add %s to the `except:` of that rule", t->scalar);
		else
			fprintf(x.out, ", and of the one at %s", at ? at : "?");
		sep = "; ";
		free(at);
	}
	if (o->left) {
		fprintf(x.out, "%sa protect of its own keeps the other rights closed", sep);
		sep = "; ";
	}
	if (o->n_protects && !o->granted) {
		fprintf(x.out, "%sthen it needs an allow%s", sep,
			o->denied ? " with override" : "");
	} else if (o->denied) {
		fputs("the rule that decides is a deny: the allow must come after it and say "
		      "`override: true`",
		      x.out);
		sep = "; ";
	}
	if (t->inexact)
		fprintf(x.out,
			"%sa byte that is no UTF-8 is written as `[!…]`, which matches any "
			"such byte",
			sep);
	return sbx_text_end(&x, out);
}
