/* SPDX-License-Identifier: MIT */
/* What the cases of the family `renames` share. */
#ifndef SBX_ESCAPE_RENAMES_H
#define SBX_ESCAPE_RENAMES_H

#include "tests/escape/escape.h"

int esc_read_at(struct esc_try *t, const char *path);
int esc_write_at(struct esc_try *t, const char *path); /* a twin reads it, too */
int esc_rename(const char *from, const char *to, unsigned flags);

#endif
