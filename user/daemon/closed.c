// SPDX-License-Identifier: MIT
/* What is open no longer, and why: the last that were closed, for `status --dns`. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "user/daemon/internal.h"

static const char *const reasons[] = {
	[SBX_EXPIRED] = "its time was over",
	[SBX_EVICTED] = "others needed the room",
	[SBX_CLOSED] = "the policy was replaced",
	[SBX_ENDED] = "the sandbox has ended",
};

static int64_t now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec;
}

void closed_note(struct closed *c, enum sbx_opened_event what, const struct served *v,
		 const struct sbx_name_key *key, const char *name)
{
	struct closed_one *one = &c->v[c->n++ % SBX_CLOSED_MAX];

	*one = (struct closed_one){.key = *key, .why = what, .at_s = now_s()};
	snprintf(one->sandbox, sizeof(one->sandbox), "%s", v ? v->name : "");
	snprintf(one->name, sizeof(one->name), "%s", name);
}

static json_t *one_json(const struct closed_one *one)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t addr[16];

	inet_ntop(sbx_dns_key_address(&one->key, addr), addr, text, sizeof(text));
	return json_pack("{s:s, s:s, s:s, s:s, s:I}", "sandbox", one->sandbox, "name", one->name,
			 "address", text, "closed", reasons[one->why], "ago_s",
			 (json_int_t)(now_s() - one->at_s));
}

/* The newest first, as many as there is room for. */
void closed_write(const struct closed *c, char *buf, size_t size)
{
	size_t i, n, used = 1;
	bool fits = true;

	buf[0] = '[';
	for (i = 0; fits && i < c->n && i < SBX_CLOSED_MAX; i++) {
		json_t *j = one_json(&c->v[(c->n - 1 - i) % SBX_CLOSED_MAX]);
		char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;

		n = text ? strlen(text) : size;
		fits = used + n + 3 < size; /* a comma, the end and the NUL */
		if (fits)
			used += (size_t)sprintf(buf + used, "%s%s", i ? "," : "", text);
		json_decref(j);
		free(text);
	}
	strcpy(buf + used, "]");
}
