// SPDX-License-Identifier: MIT
/* sbx-bpf explain: what does a policy say of one access, and which rule says it? */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include "user/cli/commands.h"
#include "user/cli/load.h"
#include "user/policy/canonical.h"
#include "user/policy/explain.h"
#include "user/policy/rulestr.h"

static struct {
	const char *policy, *name, *user;
	struct sbx_opt_list vars;
} opt;

static const struct sbx_opt opts[] = {
	{"policy", 'p', SBX_OPT_TEXT, "P", "the policy to ask: a file, or a bare name", &opt.policy,
	 NULL},
	{"name", 0, SBX_OPT_TEXT, "N", "the sandbox to ask, as it is in force", &opt.name, NULL},
	{"user", 0, SBX_OPT_TEXT, "U", "whose home ~ is; else the caller's", &opt.user, NULL},
	{"var", 0, SBX_OPT_LIST, "K=V", "sets a variable of the policy", &opt.vars, NULL},
	{0},
};

enum kind { FILES, NET };

static const struct verb {
	const char *name;
	enum kind kind;
	int what; /* SBX_READ …, or SBX_DIR_* */
} verbs[] = {
	{"read", FILES, SBX_READ},	   {"write", FILES, SBX_WRITE}, {"exec", FILES, SBX_EXEC},
	{"connect", NET, SBX_DIR_CONNECT}, {"bind", NET, SBX_DIR_BIND},
};

/* Unix sockets are asked about as files are. */
static const struct verb sockets[] = {
	{"connect", FILES, SBX_CONNECT},
	{"bind", FILES, SBX_WRITE},
};

/* What is asked, and of which policy. */
struct question {
	const struct verb *verb;
	const char *given;
	char *path; /* canonical; owned */
	int family, proto;
	uint16_t port;
	uint8_t addr[16];
	struct sbx_loaded loaded;
	struct sbx_policy *live; /* of a sandbox; owned */
	struct sbx_facts live_facts;
	const struct sbx_policy *policy;
	const struct sbx_facts *facts;
	int mode;
};

static void question_free(struct question *q)
{
	free(q->path);
	sbx_loaded_free(&q->loaded);
	sbx_policy_free(q->live);
	sbx_facts_free(&q->live_facts);
}

/* --- the object --- */

/* Rules name the directories of a sandbox's processes as one (design 1.3): /proc/123 is asked
 * about as that of a member. The others' are no matter of rules. */
static int name_member(struct question *q)
{
	size_t n = strncmp(q->path, "/proc/", 6) ? 0 : strspn(q->path + 6, "0123456789");
	char *name;

	if (!n || (q->path[6 + n] && q->path[6 + n] != '/'))
		return 0;
	if (asprintf(&name, "/proc/@sandbox%s", q->path + 6 + n) < 0)
		return sbx_fail(SBX_EXIT_FAILURE, NULL, "out of memory");
	free(q->path);
	q->path = name;
	sbx_note("the answer is for a process of the sandbox; the directories of others are "
		 "denied whatever rules say");
	return 0;
}

static int read_path(struct question *q)
{
	struct sbx_mounts m;
	int r;

	if (!strcmp(q->given, "@tty")) {
		q->path = strdup(q->given);
		return q->path ? 0 : sbx_fail(SBX_EXIT_FAILURE, NULL, "out of memory");
	}
	if (*q->given == '@' && q->verb->what & (SBX_CONNECT | SBX_WRITE)) {
		if (asprintf(&q->path, SBX_ABSTRACT "%s", q->given) < 0)
			return sbx_fail(SBX_EXIT_FAILURE, NULL, "out of memory");
		return 0;
	}
	r = sbx_mounts_read(&m);
	if (!r) {
		r = sbx_canonical_path(&m, q->given, &q->path);
		sbx_mounts_free(&m);
	}
	if (r)
		return sbx_fail(SBX_EXIT_FAILURE, NULL, "cannot tell what this path names (%s): %s",
				q->given, strerror(-r));
	return name_member(q);
}

static int bad_peer(const struct question *q)
{
	return sbx_fail(
		SBX_EXIT_USAGE,
		"write 192.0.2.1:443, [2001:db8::1]:443, localhost:3000 or 192.0.2.1:53/udp",
		"this is not an address with a port (%s)", q->given);
}

static int read_port(struct question *q, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || *text == '-' || *text == '+' || n > 65535)
		return bad_peer(q);
	q->port = n;
	q->proto = SBX_PROTO_TCP;
	if (!strcmp(end, "/udp"))
		q->proto = SBX_PROTO_UDP;
	else if (*end && strcmp(end, "/tcp"))
		return bad_peer(q);
	return 0;
}

static int read_peer(struct question *q)
{
	char host[INET6_ADDRSTRLEN + 16];
	const char *s = q->given, *end, *port;

	end = *s == '[' ? strchr(s, ']') : strrchr(s, ':');
	port = end && *s == '[' ? end + 1 : end;
	s += *s == '[';
	if (!end || *port != ':' || end - s >= (int)sizeof(host))
		return bad_peer(q);
	memcpy(host, s, end - s);
	host[end - s] = 0;
	q->family = q->given[0] == '[' ? AF_INET6 : AF_INET;
	if (!strcmp(host, "localhost"))
		strcpy(host, "127.0.0.1");
	if (inet_pton(q->family, host, q->addr) != 1)
		return bad_peer(q);
	return read_port(q, port + 1);
}

/* --- the policy --- */

static int ask_sandbox(struct question *q)
{
	struct sbx_which w = {.name = opt.name};
	struct sbx_kern *k = NULL;
	char *json = NULL;
	uint64_t id = 0;
	int r = sbx_open(SBX_KERN_READ, &k);

	if (!r)
		r = sbx_which_find(k, &w, &id);
	if (!r && (sbx_kern_meta(k, id, &json) || sbx_meta_load(json, &q->live, &q->live_facts)))
		r = sbx_fail(SBX_EXIT_FAILURE, NULL, "cannot read the policy of sandbox %s",
			     opt.name);
	if (!r) {
		q->mode = sbx_kern_slots(k)[SBX_SLOT_OF(id)].mode;
		q->policy = q->live;
		q->facts = &q->live_facts;
	}
	free(json);
	sbx_kern_close(k);
	return r;
}

static int ask_policy(struct question *q)
{
	struct sbx_load_request req = {.policy = opt.policy, .vars = opt.vars.v};
	struct sbx_person who = {0};
	struct sbx_diags d = {0};
	int r = sbx_person_find(opt.user, &who);

	if (!r) {
		sbx_load_trial(&req, &who);
		r = sbx_load_quietly(&req, &q->loaded, &d);
	}
	/* Advice is for `check`. */
	if (r)
		sbx_report(&d);
	sbx_diags_free(&d);
	if (!r) {
		q->policy = q->loaded.policy;
		q->facts = &q->loaded.facts;
		q->mode = q->policy->mode;
	}
	sbx_person_free(&who);
	return r;
}

/* --- the answer --- */

static bool is_abstract(const struct question *q)
{
	return q->path && !strncmp(q->path, SBX_ABSTRACT, strlen(SBX_ABSTRACT));
}

static char *object_text(const struct question *q)
{
	struct sbx_text t;
	char *text = NULL;

	if (sbx_text_begin(&t))
		return NULL;
	if (is_abstract(q))
		sbx_put_escaped(t.out, q->given, strlen(q->given));
	else if (q->verb->kind == FILES)
		sbx_put_escaped(t.out, *q->path ? q->path : "/", *q->path ? strlen(q->path) : 1);
	else
		sbx_put_peer(t.out, q->family, q->addr, q->proto, q->port);
	sbx_text_end(&t, &text);
	return text;
}

static void put_field(const char *name, const char *text)
{
	if (text)
		printf("    %-8s%s\n", name, text);
}

/* Lines to paste, set off from the words. */
static void put_lines(const char *lines)
{
	size_t n;

	for (; *lines; lines += n + (lines[n] == '\n')) {
		n = strcspn(lines, "\n");
		printf("        %.*s\n", (int)n, lines);
	}
}

static void put_other_name(const char *given)
{
	fputs("    name:   ", stdout);
	sbx_put_escaped(stdout, given, strlen(given));
	fputs(" is another name of it\n", stdout);
}

static void print(const struct question *q, const struct sbx_explanation *e, const char *object)
{
	bool color = sbx_use_color(stdout);

	printf("%s%s%s: %s %s\n", color ? (e->granted ? "\x1b[32m" : "\x1b[1;31m") : "",
	       e->granted ? "allowed"
	       : e->self  ? "depends on who listens"
			  : "denied",
	       color ? "\x1b[0m" : "", q->verb->name, object);
	if (q->verb->kind == FILES && !is_abstract(q) && strcmp(q->given, *q->path ? q->path : "/"))
		put_other_name(q->given);
	if (e->rule < 0)
		printf("    rule:   no rule matches, and what no rule allows is denied\n");
	else
		printf("    rule:   %s  %s\n", e->rule_at ? e->rule_at : "(no file)", e->rule_text);
	put_field("reason:", e->reason);
	if (e->nearest)
		printf("    %s\n", e->nearest);
	if (!e->granted && q->mode == SBX_MODE_AUDIT)
		puts("    mode:   audit: it would be reported, not denied");
	if (!e->granted && e->suggestion) {
		puts("    to allow:");
		put_lines(e->suggestion);
	}
	put_field("note:", e->suggestion_note);
}

static void print_json(const struct question *q, const struct sbx_explanation *e,
		       const char *object)
{
	json_t *j = json_pack("{s:s, s:s, s:b, s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?}", "access",
			      q->verb->name, "object", object, "allowed", e->granted, "mode",
			      sbx_mode_name(q->mode), "rule_at", e->rule_at, "rule", e->rule_text,
			      "reason", e->reason, "nearest", e->nearest, "suggestion",
			      e->suggestion, "note", e->suggestion_note);

	json_object_set_new(j, "given", sbx_json_text(q->given));
	sbx_put_json(stdout, j);
}

static int answer(const struct question *q)
{
	struct sbx_explanation e = {0};
	char *object = object_text(q);
	int r;

	if (q->verb->kind == FILES)
		r = sbx_explain_file(q->policy, q->facts, q->path, strlen(q->path), q->verb->what,
				     &e);
	else
		r = sbx_explain_net(q->policy, q->facts, q->verb->what, q->family, q->addr,
				    q->proto, q->port, &e);
	if (r || !object)
		r = sbx_fail(SBX_EXIT_FAILURE, NULL, "out of memory");
	else if (sbx_globals.json)
		print_json(q, &e, object);
	else
		print(q, &e, object);
	if (!r)
		r = e.granted ? SBX_EXIT_OK : SBX_EXIT_FAILURE;
	free(object);
	sbx_explanation_free(&e);
	return r;
}

static const struct verb *find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	sbx_fail(0, "it is read, write, exec, connect or bind", "there is no such access (%s)",
		 name);
	return NULL;
}

static int run(int n, char **argv)
{
	struct question q = {.verb = find_verb(argv[0]), .given = argv[1]};
	int r;

	if (!q.verb)
		return SBX_EXIT_USAGE;
	if (q.verb->kind == NET && strchr("/.@~", *q.given) && *q.given)
		q.verb = &sockets[q.verb->what == SBX_DIR_BIND];
	if (!opt.policy == !opt.name)
		return sbx_fail(SBX_EXIT_USAGE,
				"`sbx-bpf explain --policy ai-agent read ~/.ssh/config`",
				"give either --policy P or --name N");
	r = q.verb->kind == FILES ? read_path(&q) : read_peer(&q);
	if (!r)
		r = opt.name ? ask_sandbox(&q) : ask_policy(&q);
	if (!r)
		r = answer(&q);
	question_free(&q);
	return r;
}

const struct sbx_command sbx_cmd_explain = {
	.name = "explain",
	.summary = "say what a policy decides, and which rule it is",
	.spec = {.usage = "sbx-bpf explain --policy P | --name N read|write|exec PATH\n"
			  "sbx-bpf explain --policy P | --name N connect|bind HOST:PORT[/udp]\n"
			  "sbx-bpf explain --policy P | --name N connect|bind /SOCKET|@NAME",
		 .summary =
			 "Says what a policy decides, which rule it is, and what would be to add.",
		 .opts = opts,
		 .more = sbx_global_opts,
		 .min = 2,
		 .max = 2,
		 .operand = "an access and a PATH or HOST:PORT"},
	.run = run,
};
