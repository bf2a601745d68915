/* SPDX-License-Identifier: MIT */
/*
 * The keys of the meta blob, for its writer and its reader. Numbers are as in the structs; a
 * position is [index in "names", line, column]; a text that is no UTF-8 is {"hex": "…"}.
 */
#ifndef SBX_META_H
#define SBX_META_H

#define SBX_META_VERSION 2

/* Simple members of the rules, read and written alike: X(key, member, type, largest value). */
#define SBX_META_RULE(X)                            \
	X("verb", verb, enum sbx_verb, SBX_PROTECT) \
	X("rights", rights, uint8_t, 255)           \
	X("override", override, bool, 1)            \
	X("quiet", quiet, bool, 1)

#define SBX_META_ENDPOINT(X)                               \
	X("kind", kind, enum sbx_host_kind, SBX_HOST_HERE) \
	X("family", family, int, 255)                      \
	X("len", prefix_len, unsigned, 128)                \
	X("wildcard", wildcard, bool, 1)                   \
	X("ephemeral", ephemeral, bool, 1)                 \
	X("protos", protos, uint8_t, 3)

#endif
