// SPDX-License-Identifier: MIT
/* An event as one JSON object. Keys never change their meaning; what is not known is null. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "sbx_maps.h"
#include "user/event/event.h"
#include "user/policy/rulestr.h"

#define NS 1000000000ll

/* CLOCK_BOOTTIME as RFC 3339 in UTC, as far as the clocks agree now. */
static json_t *time_json(uint64_t boot_ns)
{
	struct timespec wall, boot;
	char text[40], day[24];
	struct tm tm;
	int64_t ns;
	time_t s;

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	ns = (wall.tv_sec - boot.tv_sec) * NS + wall.tv_nsec - boot.tv_nsec + (int64_t)boot_ns;
	s = ns / NS;
	if (!gmtime_r(&s, &tm) || !strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm))
		return json_null();
	snprintf(text, sizeof(text), "%s.%03dZ", day, (int)(ns % NS / 1000000));
	return json_string(text);
}

static json_t *text_json(const char *s)
{
	return s ? json_string(s) : json_null();
}

/* As it is where JSON can hold it; else escaped, as on the terminal. */
static json_t *bytes_json(const char *s, size_t len)
{
	struct sbx_text t;
	char *escaped = NULL;
	json_t *j;

	if (sbx_text_valid(s, len))
		return json_stringn(s, len);
	if (sbx_text_begin(&t))
		return json_null();
	sbx_put_escaped(t.out, s, len);
	sbx_text_end(&t, &escaped);
	j = text_json(escaped);
	free(escaped);
	return j;
}

static json_t *process_json(const struct sbx_event *ev)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:o, s:o}", "pid", (json_int_t)ev->pid, "tgid",
			 (json_int_t)ev->tgid, "ppid", (json_int_t)ev->ppid, "uid",
			 (json_int_t)ev->uid, "comm",
			 bytes_json(ev->comm, strnlen(ev->comm, sizeof(ev->comm))), "exe",
			 bytes_json(ev->exe, strnlen(ev->exe, sizeof(ev->exe))));
}

static json_t *file_json(const struct sbx_event *ev)
{
	size_t len = sbx_event_path_len(ev);
	char dev[32];
	json_t *j;

	snprintf(dev, sizeof(dev), "%u:%u", ev->dev >> 20, ev->dev & 0xfffff);
	j = json_pack("{s:o, s:b, s:s, s:I}", "path", bytes_json(ev->path, len), "cut",
		      (ev->flags & SBX_EVF_PATH_CUT) != 0, "device", dev, "inode",
		      (json_int_t)ev->ino);
	if (!sbx_text_valid(ev->path, len)) {
		char hex[2 * SBX_EVENT_PATH_MAX + 1];
		size_t i;

		for (i = 0; i < len; i++)
			snprintf(hex + 2 * i, 3, "%02x", (unsigned char)ev->path[i]);
		json_object_set_new(j, "path_hex", json_string(hex));
	}
	return j;
}

static json_t *net_json(const struct sbx_event *ev)
{
	char addr[INET6_ADDRSTRLEN];
	const char *text = inet_ntop(ev->family, ev->addr, addr, sizeof(addr));

	return json_pack("{s:o, s:s, s:o, s:i}", "family", text_json(sbx_family_name(ev->family)),
			 "protocol", sbx_event_proto(ev) == SBX_PROTO_UDP ? "udp" : "tcp",
			 "address", text_json(text), "port", ev->port);
}

static json_t *machine_json(const struct sbx_event *ev)
{
	if (ev->op == SBX_OP_SOCKET)
		return json_pack("{s:o, s:i, s:o, s:i}", "family",
				 text_json(sbx_family_name(ev->family)), "family_number",
				 ev->family, "type", text_json(sbx_socktype_name(ev->socktype)),
				 "protocol", ev->proto);
	if (ev->op == SBX_OP_CAPABILITY)
		return json_pack("{s:o, s:i}", "capability",
				 text_json(sbx_capability_name(ev->detail)), "number", ev->detail);
	if (ev->detail == -1)
		return json_object();
	return json_pack("{s:o, s:i}", "request", text_json(sbx_request_name(ev->op, ev->detail)),
			 "number", ev->detail);
}

static json_t *task_json(const struct sbx_event *ev)
{
	if (ev->why != SBX_WHY_OUTSIDER)
		return machine_json(ev);
	return json_pack("{s:i}", "pid", ev->detail);
}

static json_t *name_json(const struct sbx_event *ev)
{
	return json_pack("{s:o}", "domain", bytes_json(ev->path, sbx_event_path_len(ev)));
}

static json_t *object_json(const struct sbx_event *ev, enum sbx_op_kind kind)
{
	static json_t *(*const make[])(const struct sbx_event *) = {
		[SBX_KIND_FILE] = file_json,	   [SBX_KIND_NET] = net_json,
		[SBX_KIND_MACHINE] = machine_json, [SBX_KIND_TASK] = task_json,
		[SBX_KIND_NAME] = name_json,
	};

	return make[kind](ev);
}

static json_t *rule_json(const struct sbx_told *t, const struct sbx_policy *p)
{
	struct sbx_pos pos;

	if (!t->explained || t->why.rule < 0)
		return json_null();
	pos = sbx_told_net(t) ? p->net[t->why.rule].pos : p->files[t->why.rule].pos;
	return json_pack("{s:o, s:i, s:o, s:o}", "file",
			 pos.file ? bytes_json(pos.file, strlen(pos.file)) : json_null(), "line",
			 pos.line, "text", text_json(t->why.rule_text), "reason",
			 text_json(t->why.reason));
}

static json_t *right_json(const struct sbx_event *ev, const struct sbx_told *t)
{
	static const char *const rights[] = {[SBX_READ] = "read",
					     [SBX_WRITE] = "write",
					     [SBX_EXEC] = "exec",
					     [SBX_CONNECT] = "connect"};

	if (t->op.kind == SBX_KIND_NET)
		return json_string(sbx_event_dir(ev) == SBX_DIR_BIND ? "bind" : "connect");
	if (ev->op == SBX_OP_UNIX_BIND)
		return json_string("bind");
	return t->op.right ? json_string(rights[t->op.right]) : json_null();
}

json_t *sbx_event_json(const struct sbx_event *ev, const struct sbx_event_context *ctx)
{
	bool audit = ev->mode == SBX_MODE_AUDIT;
	struct sbx_told t;
	json_t *j;

	if (sbx_tell(ev, ctx, &t))
		return NULL;
	j = json_pack("{s:o, s:o, s:o, s:I, s:o, s:I, s:I, s:s, s:s, s:s, s:o, s:s, s:s}", "time",
		      time_json(ev->last_ns), "first", time_json(ev->first_ns), "last",
		      time_json(ev->last_ns), "count", (json_int_t)ev->count, "sandbox",
		      text_json(ctx->sandbox), "sandbox_id", (json_int_t)ev->sandbox, "generation",
		      (json_int_t)ev->generation, "mode", audit ? "audit" : "enforce", "verdict",
		      audit ? "would be denied" : "denied", "operation", t.op.name, "right",
		      right_json(ev, &t), "why", sbx_why_name(ev->why), "message", t.message);
	if (j) {
		json_object_set_new(j, "explanation", json_string(sbx_why_text(ev->why)));
		json_object_set_new(j, "quiet", json_boolean(ev->flags & SBX_EVF_QUIET));
		json_object_set_new(j, "process", process_json(ev));
		json_object_set_new(j, "object", object_json(ev, t.op.kind));
		json_object_set_new(j, "rule", rule_json(&t, ctx->policy));
		json_object_set_new(j, "nearest", text_json(t.explained ? t.why.nearest : NULL));
		json_object_set_new(j, "suggestion",
				    text_json(t.explained ? t.why.suggestion : t.setting));
		json_object_set_new(j, "note",
				    text_json(t.explained ? t.why.suggestion_note : NULL));
	}
	sbx_told_free(&t);
	return j;
}
