/* SPDX-License-Identifier: MIT */
/* What to do about a YAML error. */
#ifndef SBX_YAMLHINT_H
#define SBX_YAMLHINT_H

#include <stdbool.h>
#include <stddef.h>

/* The line (from 0) of the text, without the blanks around it, cut to fit buf; in *at the character
 * at the column (from 0), '\0' behind the line's end. */
void sbx_yaml_excerpt(const char *text, size_t len, size_t line, size_t col, char *buf, size_t size,
		      char *at);
/* From libyaml's words; either may be NULL. */
const char *sbx_yaml_hint(const char *context, const char *problem, char at);
/* Does the fault begin where libyaml's context does, rather than where it gave up? */
bool sbx_yaml_at_context(const char *context, const char *problem);

#endif
