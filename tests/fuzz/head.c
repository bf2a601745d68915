// SPDX-License-Identifier: MIT
/*
 * Any bytes as a request to a proxy, and as its answer. What is written anew must be read again as
 * the same request, by us and by readers that are less strict: it has one request line and one
 * Host, which name the target that was judged, and no byte behind the head.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "user/net/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void want(bool ok)
{
	if (!ok)
		abort();
}

/* Lines as a lenient reader finds them: a line feed alone ends one. */
static unsigned hosts_of(const char *s, size_t n)
{
	const char *end = s + n, *line = s;
	unsigned hosts = 0;

	while (line < end) {
		const char *next = memchr(line, '\n', (size_t)(end - line));

		hosts += end - line >= 5 && !strncasecmp(line, "host:", 5);
		line = next ? next + 1 : end;
	}
	return hosts;
}

static void as_request(const char *s, size_t n)
{
	struct sbx_request r, again;
	char out[SBX_HEAD_OUT_MAX];
	size_t len;

	if (sbx_request_read(s, n, 0, &r) <= 0)
		return;
	want(r.len <= n && r.to.port && (*r.to.name || r.to.family));
	len = sbx_request_write(s, &r, out);
	want(len <= sizeof(out) && hosts_of(out, len) == 1);
	want(!memmem(out, len - 1, "\r\n\r\n", 4) && !memchr(out, 0, len));
	if (sbx_request_read(out, len, 0, &again) == -431)
		return; /* it was as large as it may be, and has two headers more */
	want(sbx_request_read(out, len, 0, &again) > 0 && again.len == len);
	want(again.connect == r.connect && again.body == r.body && again.minor == r.minor);
	want(!memcmp(&again.to, &r.to, sizeof(r.to)));
}

static void as_reply(const char *s, size_t n)
{
	char out[SBX_HEAD_OUT_MAX];
	unsigned status;
	uint64_t body;
	size_t head;

	if (sbx_reply_read(s, n, &status, &head, &body) <= 0)
		return;
	want(head <= n && status >= 100 && status <= 999);
	want(sbx_reply_write(s, head, out) <= sizeof(out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	as_request(copy, size);
	as_reply(copy, size);
	free(copy);
	return 0;
}
