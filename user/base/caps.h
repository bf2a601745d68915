/* SPDX-License-Identifier: MIT */
#ifndef SBX_CAPS_H
#define SBX_CAPS_H

#include <stdint.h>

/* The names of capabilities(7), by number, as "cap_chown"; NULL-terminated. */
extern const char *const sbx_capabilities[];

/* What is honoured where a policy does not say: what rules on paths and peers, and the isolation
 * from other processes, govern anyway. */
extern const uint64_t sbx_caps_default;

#endif
