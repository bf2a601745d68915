/* SPDX-License-Identifier: MIT */
#ifndef SBX_CAPS_H
#define SBX_CAPS_H

/* The names of capabilities(7), by number, as "cap_chown"; NULL-terminated. */
extern const char *const sbx_capabilities[];

#endif
