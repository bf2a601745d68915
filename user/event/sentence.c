// SPDX-License-Identifier: MIT
/*
 * An event as one sentence, and what the policy has to say of it. All text from inside the sandbox
 * (paths, names of programs) is escaped here: what leaves this file is safe to print.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "sbx_maps.h"
#include "user/event/event.h"
#include "user/policy/rulestr.h"

size_t sbx_event_path_len(const struct sbx_event *ev)
{
	/* paths hold no NUL: one that does was not written to its end */
	return strnlen(ev->path, ev->path_len < sizeof(ev->path) ? ev->path_len : sizeof(ev->path));
}

int sbx_event_dir(const struct sbx_event *ev)
{
	return ev->op == SBX_OP_BIND || ev->op == SBX_OP_LISTEN ? SBX_DIR_BIND : SBX_DIR_CONNECT;
}

int sbx_event_proto(const struct sbx_event *ev)
{
	return ev->proto == IPPROTO_UDP ? SBX_PROTO_UDP : SBX_PROTO_TCP;
}

void sbx_put_program(FILE *out, const struct sbx_event *ev)
{
	size_t exe = strnlen(ev->exe, sizeof(ev->exe)), comm = strnlen(ev->comm, sizeof(ev->comm));

	if (exe)
		sbx_put_escaped(out, ev->exe, exe);
	else if (comm)
		sbx_put_escaped(out, ev->comm, comm);
	else
		fputs("a task of the kernel", out);
}

/* --- objects -------------------------------------------------------------------------------------
 */

static bool is_ip(const struct sbx_event *ev)
{
	return ev->family == AF_INET || ev->family == AF_INET6;
}

static void put_request(FILE *out, const struct sbx_event *ev)
{
	const char *name = sbx_request_name(ev->op, ev->detail);

	if (name)
		fputs(name, out);
	else
		fprintf(out, "0x%x", (unsigned)ev->detail);
}

static void put_file(FILE *out, const struct sbx_event *ev)
{
	size_t len = sbx_event_path_len(ev);

	if (len)
		sbx_put_escaped(out, ev->path, len);
	else if (ev->why == SBX_WHY_PRIVILEGE)
		fputs("a program with more privileges", out);
	else if (ev->why == SBX_WHY_OUTSIDER)
		fputs("of somebody outside", out);
	else if (ev->why != SBX_WHY_NOT_IN_SANDBOX)
		fputs("/", out); /* the root is the empty path */
	else if (ev->op == SBX_OP_READ)
		fputs("a namespace of a process", out);
	else
		fputs("anything", out);
	if (ev->flags & SBX_EVF_PATH_CUT)
		fputs("… (cut here: the path is too long to be recorded)", out);
	if (ev->op == SBX_OP_IOCTL && ev->detail != -1) {
		fputs(" with ", out);
		put_request(out, ev);
	}
}

static void put_peer(FILE *out, const struct sbx_event *ev)
{
	if (!is_ip(ev)) {
		fputs("an address of another family than the socket's", out);
		return;
	}
	sbx_put_peer(out, ev->family, ev->addr, sbx_event_proto(ev), ev->port);
	if (sbx_event_dir(ev) == SBX_DIR_BIND && !ev->port)
		fputs(" (port 0: the kernel picks)", out);
}

static void put_named(FILE *out, const char *name, const char *kind, int number)
{
	if (name)
		fputs(name, out);
	else
		fprintf(out, "%s %d", kind, number);
}

static void put_machine(FILE *out, const struct sbx_event *ev)
{
	switch (ev->op) {
	case SBX_OP_SOCKET:
	case SBX_OP_SOCKET_USE:
		fputs("family ", out);
		put_named(out, sbx_family_name(ev->family), "number", ev->family);
		fputs(", type ", out);
		put_named(out, sbx_socktype_name(ev->socktype), "number", ev->socktype);
		fprintf(out, ", protocol %u", ev->proto);
		if (is_ip(ev) && sbx_protocol_name(ev->proto))
			fprintf(out, " (%s)", sbx_protocol_name(ev->proto));
		break;
	case SBX_OP_CAPABILITY:
		put_named(out, sbx_capability_name(ev->detail), "number", ev->detail);
		break;
	case SBX_OP_TTY_INJECT:
	case SBX_OP_TTY_TAKE:
	case SBX_OP_SOCKOPT:
		put_request(out, ev);
		break;
	}
}

static void put_task(FILE *out, const struct sbx_event *ev)
{
	if (ev->op == SBX_OP_SIGNAL && ev->why == SBX_WHY_NOT_IN_SANDBOX) {
		fputs("others by owning a descriptor (", out);
		put_request(out, ev);
		fputc(')', out);
	} else if (ev->detail > 0) {
		fprintf(out, ev->op == SBX_OP_PTRACE ? "%d" : "process %d", ev->detail);
	} else {
		fputs(ev->op == SBX_OP_PTRACE ? "of somebody else" : "a process", out);
	}
}

static void put_domain(FILE *out, const struct sbx_event *ev)
{
	sbx_put_escaped(out, ev->path, sbx_event_path_len(ev));
}

static int tell_object(const struct sbx_event *ev, enum sbx_op_kind kind, char **object)
{
	static void (*const put[])(FILE *, const struct sbx_event *) = {
		[SBX_KIND_FILE] = put_file,	  [SBX_KIND_NET] = put_peer,
		[SBX_KIND_MACHINE] = put_machine, [SBX_KIND_TASK] = put_task,
		[SBX_KIND_NAME] = put_domain,
	};
	struct sbx_text t;

	if (sbx_text_begin(&t))
		return -ENOMEM;
	put[kind](t.out, ev);
	return sbx_text_end(&t, object);
}

static int tell_message(const struct sbx_event *ev, const struct sbx_told *told, char **message)
{
	struct sbx_text t;

	if (sbx_text_begin(&t))
		return -ENOMEM;
	sbx_put_program(t.out, ev);
	fprintf(t.out, " (pid %u) may not %s", ev->tgid, told->op.verb);
	/* "use a capability: cap_net_raw", but "read /etc/shadow" */
	if (told->object)
		fprintf(t.out, "%s%s", told->op.kind == SBX_KIND_MACHINE ? ": " : " ",
			told->object);
	return sbx_text_end(&t, message);
}

/* --- the policy's say ----------------------------------------------------------------------------
 */

/*
 * Members of the sandbox have their directories of /proc under their numbers in events; rules name
 * them all as /proc/@sandbox. Everybody else's are not a matter of rules.
 */
size_t sbx_event_rule_path(const struct sbx_event *ev, char *buf)
{
	static const char proc[] = "/proc/", members[] = "/proc/@sandbox";
	size_t len = sbx_event_path_len(ev), i = strlen(proc), digits;

	if ((ev->op == SBX_OP_UNIX_CONNECT || ev->op == SBX_OP_UNIX_BIND) && len &&
	    *ev->path == '@') {
		memcpy(buf, SBX_ABSTRACT, strlen(SBX_ABSTRACT));
		memcpy(buf + strlen(SBX_ABSTRACT), ev->path, len);
		return strlen(SBX_ABSTRACT) + len;
	}

	if (len > i && !memcmp(ev->path, proc, i)) {
		for (digits = i; i < len && ev->path[i] >= '0' && ev->path[i] <= '9';)
			i++;
		if (i > digits && (i == len || ev->path[i] == '/')) {
			memcpy(buf, members, strlen(members));
			memcpy(buf + strlen(members), ev->path + i, len - i);
			return strlen(members) + len - i;
		}
	}
	memcpy(buf, ev->path, len);
	return len;
}

static int explain(const struct sbx_event *ev, const struct sbx_event_context *ctx,
		   struct sbx_told *t)
{
	static const struct sbx_facts no_facts;
	const struct sbx_facts *facts = ctx->facts ? ctx->facts : &no_facts;
	char path[SBX_RULE_PATH_MAX];
	size_t len;
	int rc;

	if (!ctx->policy || ev->flags & SBX_EVF_PATH_CUT ||
	    (ev->why != SBX_WHY_POLICY && ev->why != SBX_WHY_NAME &&
	     ev->why != SBX_WHY_PROXY_UNSURE))
		return 0;
	if (t->op.kind == SBX_KIND_NAME) {
		len = sbx_event_path_len(ev);
		memcpy(path, ev->path, len);
		path[len] = 0;
		if (ev->op == SBX_OP_PROXY)
			rc = sbx_explain_proxied(ctx->policy, facts, path, &t->why);
		else
			rc = sbx_explain_name(ctx->policy, path, &t->why);
	} else if (t->op.kind == SBX_KIND_FILE && t->op.right) {
		len = sbx_event_rule_path(ev, path);
		rc = sbx_explain_file(ctx->policy, facts, path, len, t->op.right, &t->why);
	} else if (t->op.kind == SBX_KIND_NET && is_ip(ev)) {
		rc = sbx_explain_net(ctx->policy, facts, sbx_event_dir(ev), ev->family, ev->addr,
				     sbx_event_proto(ev), ev->port, &t->why);
		if (!rc)
			rc = sbx_note_asked(ctx->all, ctx->n_all, ev->family, ev->addr, ev->last_ns,
					    &t->why);
	} else {
		return 0;
	}
	t->explained = !rc;
	return rc;
}

/* Some things are opened by a setting, not by a rule. */
static int tell_setting(const struct sbx_event *ev, char **setting)
{
	bool kind = ev->op == SBX_OP_SOCKET || ev->op == SBX_OP_SOCKET_USE;
	const char *cap = sbx_capability_name(ev->detail);
	const char *family = kind ? sbx_family_setting(ev->family, ev->proto) : NULL;
	struct sbx_text t;

	if (sbx_text_begin(&t))
		return -ENOMEM;
	if (ev->op == SBX_OP_CAPABILITY && cap && ev->why != SBX_WHY_NOT_IN_SANDBOX)
		fprintf(t.out, "capabilities: [%s]\n", cap);
	else if (family)
		fprintf(t.out, "families: [%s]\n", family);
	else if (ev->why == SBX_WHY_ANONYMOUS_EXEC)
		fputs("exec-anonymous: allow\n", t.out);
	return sbx_text_end(&t, setting);
}

int sbx_tell(const struct sbx_event *ev, const struct sbx_event_context *ctx, struct sbx_told *t)
{
	int rc;

	*t = (struct sbx_told){.op = sbx_op_info(ev->op)};
	rc = tell_object(ev, t->op.kind, &t->object);
	if (!rc)
		rc = tell_message(ev, t, &t->message);
	if (!rc)
		rc = explain(ev, ctx, t);
	if (!rc)
		rc = tell_setting(ev, &t->setting);
	if (rc)
		sbx_told_free(t);
	return rc;
}

void sbx_told_free(struct sbx_told *t)
{
	free(t->object);
	free(t->message);
	free(t->setting);
	if (t->explained)
		sbx_explanation_free(&t->why);
	*t = (struct sbx_told){0};
}
