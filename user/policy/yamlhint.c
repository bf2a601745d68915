// SPDX-License-Identifier: MIT
/*
 * Most YAML errors in policies are a special character that wants to be quoted; libyaml says so in
 * terms of its grammar. The table turns its words into what to write.
 */
#include <string.h>
#include "user/base/utf8.h"
#include "user/policy/yamlhint.h"

static const struct {
	const char *context, *problem; /* parts of libyaml's words; NULL: any */
	char at;		       /* the character at fault; 0: any */
	const char *hint;
} hints[] = {
	{NULL, "control characters are", 0, "remove control characters; the file is plain text"},
	{NULL, "cannot start any token", '\t', "indent with spaces, not with tabs"},
	{NULL, "tab character", 0, "indent with spaces, not with tabs"},
	{NULL, "cannot start any token", 0,
	 "quote it: a value that begins with @, ` or % needs quotes, as in \"@tty\""},
	{"an alias", NULL, 0, "quote it: a value that begins with * needs quotes, as in \"*.js\""},
	{"an anchor", NULL, 0, "quote it: a value that begins with & needs quotes"},
	{"a tag", NULL, 0, "quote it: a value that begins with ! needs quotes"},
	{"directive", NULL, 0, "quote it: a value that begins with % needs quotes"},
	{"parsing a quoted scalar", "escape", 0,
	 "inside \"...\" a backslash is written twice: \"\\\\\""},
	{"quoted scalar", "stream", 0, "close the quotes"},
	{"quoted scalar", "document indicator", 0, "close the quotes"},
	{NULL, "mapping values are not allowed", 0,
	 "quote a value that contains `: `, and check the indentation"},
	{"a simple key", NULL, 0, "write `key: value`, with a blank behind the colon"},
	{"flow mapping", NULL, 0,
	 "quote it: values with { } [ ] or , need quotes, as in \"/a/{b,c}\" or \"[::1]:443\""},
	{"flow sequence", NULL, 0,
	 "quote it: values with { } [ ] or , need quotes, as in \"/a/{b,c}\" or \"[::1]:443\""},
	{"flow node", NULL, 0,
	 "quote it: values with { } [ ] or , need quotes, as in \"/a/{b,c}\" or \"[::1]:443\""},
	{"block scalar", NULL, 0, "quote it: a value that begins with | or > needs quotes"},
	{NULL, "document start", 0,
	 "quote values with { } [ ] as in \"[::1]:443\"; one file holds one policy"},
	{"block", NULL, 0,
	 "check the indentation; quote values with { } [ ] as in \"{a,b}\" or \"[::1]:443\""},
	{NULL, "block sequence entries", 0, "quote a value that begins with a dash and a blank"},
};

const char *sbx_yaml_hint(const char *context, const char *problem, char at)
{
	size_t i;

	for (i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		if (hints[i].context && (!context || !strstr(context, hints[i].context)))
			continue;
		if (hints[i].problem && (!problem || !strstr(problem, hints[i].problem)))
			continue;
		if (!hints[i].at || hints[i].at == at)
			return hints[i].hint;
	}
	return "quote values that contain special characters, as in \"{a,b}\" or \"[::1]:443\"";
}

bool sbx_yaml_at_context(const char *context, const char *problem)
{
	return (problem && strstr(problem, "end of stream")) ||
	       (context && (strstr(context, "an alias") || strstr(context, "an anchor") ||
			    strstr(context, "a tag") || strstr(context, "directive")));
}

static bool is_break(char c)
{
	return c == '\n' || c == '\r';
}

void sbx_yaml_excerpt(const char *text, size_t len, size_t line, size_t col, char *buf, size_t size,
		      char *at)
{
	const char *s = text, *end = text + len, *stop, *c;
	size_t n;
	uint32_t cp;

	*at = buf[0] = 0;
	for (; line && s < end; line--) {
		while (s < end && !is_break(*s))
			s++;
		if (s < end)
			s += s + 1 < end && s[0] == '\r' && s[1] == '\n' ? 2 : 1;
	}
	for (stop = s; stop < end && !is_break(*stop);)
		stop++;
	for (c = s; col && c < stop; col--) {
		n = sbx_utf8_decode(c, stop - c, &cp);
		c += n ? n : 1;
	}
	if (c < stop)
		*at = *c;
	while (s < stop && (*s == ' ' || *s == '\t'))
		s++;
	while (stop > s && (stop[-1] == ' ' || stop[-1] == '\t'))
		stop--;
	for (c = s; c < stop; c += n) { /* whole characters only */
		n = sbx_utf8_decode(c, stop - c, &cp);
		n = n ? n : 1;
		if ((size_t)(c + n - s) >= size)
			break;
	}
	memcpy(buf, s, c - s);
	buf[c - s] = 0;
}
