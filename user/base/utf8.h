/* SPDX-License-Identifier: MIT */
#ifndef SBX_UTF8_H
#define SBX_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length of the character at s (n >= 1 bytes are there), and what it is; 0: no UTF-8. */
size_t sbx_utf8_decode(const char *s, size_t n, uint32_t *cp);
/* Does it act on a terminal, turn the direction of text, or hide? */
bool sbx_utf8_is_active(uint32_t cp);

#endif
