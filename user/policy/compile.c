// SPDX-License-Identifier: MIT
/* The whole compilation: automaton, network tables, header fields, meta blob. */
#include <errno.h>
#include <stdlib.h>
#include "user/policy/compile.h"
#include "user/policy/domains.h"
#include "user/policy/netset.h"
#include "user/policy/widen.h"

_Static_assert(sizeof(struct sbx_image_hdr) <= SBX_LEAF_OFF, "the header has its place");
_Static_assert(SBX_LEAF_OFF + SBX_LEAF_MAX * sizeof(struct sbx_leaf) <= SBX_IMAGE_HDR_BYTES &&
		       SBX_IMAGE_HDR_BYTES % sizeof(struct sbx_state) == 0,
	       "the leaves have their place");
_Static_assert(sizeof(struct sbx_state) == 16 && sizeof(struct sbx_trans) == 8, "as documented");

static void write_header(struct sbx_image *img, const struct sbx_policy *p)
{
	struct sbx_image_hdr *hdr = sbx_image_hdr(img);

	hdr->magic = SBX_IMAGE_MAGIC;
	hdr->abi = SBX_ABI;
	hdr->chunks = img->n_chunks;
	if (p->exec_anonymous)
		hdr->flags |= SBX_IMG_EXEC_ANON;
	if (sbx_policy_names(p))
		hdr->flags |= SBX_IMG_DOMAINS;
	if (p->unix_binds)
		hdr->flags |= SBX_IMG_UNIX_BINDS;
	hdr->families = p->families;
	hdr->netlink = p->netlink;
	hdr->caps = p->caps;
}

/* Both parts are compiled even if the first finds errors: all of them are reported in one run. */
int sbx_compile(const struct sbx_policy *p, const struct sbx_facts *facts, struct sbx_compiled *out,
		struct sbx_diags *d)
{
	struct sbx_compiled c = {0};
	struct sbx_image scratch = {0};
	int rc;

	rc = sbx_automaton_compile(p, facts, &c.image, &c.stats, d);
	if (!rc)
		rc = sbx_links_widen(p, facts, &c.image, d);
	if (!rc)
		rc = sbx_netset_compile(p, facts, &c.image, d);
	else if (rc == -EINVAL && sbx_netset_compile(p, facts, &scratch, d) == -ENOMEM)
		rc = -ENOMEM;
	free(scratch.data);
	if (!rc) {
		write_header(&c.image, p);
		c.meta = sbx_meta_dump(p, facts);
		rc = c.meta ? 0 : -ENOMEM;
	}
	if (rc)
		sbx_compiled_free(&c);
	else
		*out = c;
	return rc;
}

void sbx_compiled_free(struct sbx_compiled *c)
{
	if (!c)
		return;
	free(c->image.data);
	free(c->meta);
	*c = (struct sbx_compiled){0};
}
