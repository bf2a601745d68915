// SPDX-License-Identifier: MIT
/*
 * Any bytes as records of the kernel: names come from inside the sandbox. What is printed acts on
 * no terminal, the JSON is UTF-8, and what is suggested is a policy.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "user/event/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_EVENTS 8

static const char policy_text[] = "version: 1\n"
				  "files:\n"
				  "  - allow: [read]\n"
				  "    path: [\"/srv/**\", \"~/x\"]\n"
				  "  - deny: [read, write]\n"
				  "    path: \"/srv/secret/**\"\n"
				  "  - protect: [read]\n"
				  "    path: \"/**/.env\"\n"
				  "network:\n"
				  "  - deny: [connect]\n"
				  "    to: \"10.0.0.0/8\"\n";

static const struct sbx_load_opts opts = {.home = "/home/u"};

static struct sbx_policy *policy(void)
{
	static struct sbx_policy *p;
	struct sbx_diags d = {0};

	if (!p && sbx_policy_parse("p.yaml", policy_text, strlen(policy_text), &opts, &p, &d))
		abort();
	return p;
}

static void check_text(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = s[i];

		if ((c < 0x20 && c != '\n') || c == 0x7f)
			abort();
	}
}

static void check_suggestion(const char *s, size_t len)
{
	struct sbx_policy *p = NULL;
	struct sbx_diags d = {0};
	char *text;

	if (asprintf(&text, "version: 1\n%.*s", (int)len, s) < 0)
		return;
	if (sbx_policy_parse("s.yaml", text, strlen(text), &opts, &p, &d)) {
		sbx_diags_print(&d, stderr);
		fputs(text, stderr);
		abort();
	}
	sbx_diags_free(&d);
	sbx_policy_free(p);
	free(text);
}

static void print(const struct sbx_event *v, size_t n)
{
	struct sbx_event_context ctx = {.sandbox = "box", .policy = policy()};
	char *s = NULL, *dump;
	size_t len = 0, i;
	json_t *j;
	FILE *out = open_memstream(&s, &len);

	for (i = 0; i < n; i++) {
		sbx_event_print(out, &v[i], &ctx);
		j = sbx_event_json(&v[i], &ctx);
		dump = j ? json_dumps(j, 0) : NULL;
		if (!dump)
			abort();
		free(dump);
		json_decref(j);
	}
	fclose(out);
	check_text(s, len);
	free(s);
	s = NULL;
	out = open_memstream(&s, &len);
	if (sbx_events_suggest(out, v, n, &ctx))
		abort();
	fclose(out);
	check_text(s, len);
	check_suggestion(s, len);
	free(s);
}

/* A path as the kernel spells it: components that are neither empty, "." nor "..", without NUL. */
static void spell(struct sbx_event *ev, const uint8_t *data, size_t size)
{
	size_t i, n = 0, room = sizeof(ev->path) - 1;

	for (i = 0; i < size && n < room; i++) {
		bool begins = !n || ev->path[n - 1] == '/';

		if (!data[i] || (begins && (data[i] == '/' || data[i] == '.')))
			continue;
		if (!n)
			ev->path[n++] = '/';
		ev->path[n++] = data[i];
	}
	while (n && ev->path[n - 1] == '/')
		ev->path[--n] = 0;
	if (!ev->path_len)
		ev->path_len = n;
}

/*
 * An event is ten bytes of numbers, then what is left of its share as its names: random bytes in
 * the whole struct would be thousands of zeros.
 */
static void make(struct sbx_event *ev, const uint8_t *data, size_t size)
{
	static const int families[] = {2, 10, 1, 16, 17, 0};
	size_t n;

	*ev = (struct sbx_event){.count = 1, .tgid = 1, .mode = data[0] & 1};
	ev->op = data[1];
	ev->why = data[2];
	ev->family = families[data[3] % 6];
	ev->proto = data[4];
	ev->flags = data[0] >> 1;
	ev->port = data[5] << 8 | data[6];
	ev->detail = (int8_t)data[7];
	ev->path_len = data[8] > 250 ? 0xffffffffu - data[8] : 0;
	n = data[9] % 80;
	data += 10;
	size -= 10;
	n = n < size ? n : size;
	memcpy(ev->addr, data, n < 16 ? n : 16);
	memcpy(ev->comm, data, n < 16 ? n : 16);
	memcpy(ev->exe, data, n < 64 ? n : 64);
	spell(ev, data + n, size - n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sbx_event v[MAX_EVENTS];
	size_t n = size ? 1 + data[0] % MAX_EVENTS : 1, each = size / n, i;

	if (each < 10)
		return 0;
	for (i = 0; i < n; i++)
		make(&v[i], data + i * each, each);
	print(v, n);
	return 0;
}
