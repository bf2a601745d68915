// SPDX-License-Identifier: MIT
#include "user/base/utf8.h"

size_t sbx_utf8_decode(const char *s, size_t n, uint32_t *cp)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t least; /* a smaller code point has a shorter form */
	} forms[] = {
		{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	size_t len, i;
	uint32_t c;

	for (len = 1; len <= 4; len++)
		if (((uint8_t)s[0] & forms[len - 1].mask) == forms[len - 1].lead)
			break;
	if (len > 4 || len > n)
		return 0;
	c = (uint8_t)s[0] & (uint8_t)~forms[len - 1].mask;
	for (i = 1; i < len; i++) {
		if (((uint8_t)s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | ((uint8_t)s[i] & 0x3f);
	}
	if (c < forms[len - 1].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*cp = c;
	return len;
}

bool sbx_utf8_is_active(uint32_t cp)
{
	static const struct {
		uint32_t first, last;
	} active[] = {
		{0x0, 0x1f},	  {0x7f, 0x9f},	    {0xad, 0xad},     {0x61c, 0x61c},
		{0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff},
	};
	size_t i;

	for (i = 0; i < sizeof(active) / sizeof(active[0]); i++)
		if (cp >= active[i].first && cp <= active[i].last)
			return true;
	return false;
}
