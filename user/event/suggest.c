// SPDX-License-Identifier: MIT
/*
 * Events of an audit run as rules. Three lists are made: paths (merged by directory), peers (merged
 * by address), and remarks: what a protect or the sandbox itself forbids. What would reopen a deny
 * is named path by path and never becomes a glob.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "user/event/event.h"
#include "user/event/merge.h"
#include "user/policy/pattern.h"
#include "user/policy/rulestr.h"

struct peer {
	int dir, family, proto;
	bool override;
	uint8_t addr[16];
	uint16_t port;
	uint64_t count;
};

struct remark {
	char *text;
	uint64_t count;
};

struct suggest {
	FILE *out;
	const struct sbx_event_context *ctx;
	char *home;
	struct sbx_paths paths, sockets;
	struct peer *peers;
	size_t n_peers;
	const struct sbx_event **names; /* that were asked for */
	size_t n_names;
	struct remark *remarks;
	size_t n_remarks;
	uint64_t caps;		  /* that were missing */
	const char *families[64]; /* so were these, and the next */
	size_t n_families;
	bool anonymous;
	uint64_t used; /* events that became rules or settings */
	/* of the rule that is being written */
	uint8_t rights;
	bool override, begun, socket;
};

/* --- sorting events into lists -------------------------------------------------------------------
 */

static int remark(struct suggest *s, const char *text, uint64_t count)
{
	size_t i;

	for (i = 0; i < s->n_remarks; i++) {
		if (strcmp(s->remarks[i].text, text))
			continue;
		s->remarks[i].count += count;
		return 0;
	}
	s->remarks[i] = (struct remark){strdup(text), count};
	if (!s->remarks[i].text)
		return -ENOMEM;
	s->n_remarks++;
	return 0;
}

/* "read /x: REASON", without who it was: the same from many processes is one remark. */
static int forbidden(struct suggest *s, const struct sbx_event *ev, const struct sbx_told *t)
{
	const char *why = sbx_why_text(ev->why), *sep;
	struct sbx_text x;
	char *text;
	int rc;

	if (sbx_text_begin(&x))
		return -ENOMEM;
	sep = t->op.kind == SBX_KIND_MACHINE ? ": " : " ";
	fprintf(x.out, "%s%s%s", t->op.verb, t->object ? sep : "", t->object ? t->object : "");
	if (t->explained)
		fprintf(x.out, ": %s  %s: %s", t->why.rule_at ? t->why.rule_at : "",
			t->why.rule_text ? t->why.rule_text : "",
			t->why.suggestion_note ? t->why.suggestion_note : why);
	else
		fprintf(x.out, ": %s", why);
	rc = sbx_text_end(&x, &text);
	if (!rc)
		rc = remark(s, text, ev->count);
	free(text);
	return rc;
}

static void add_peer(struct suggest *s, const struct sbx_event *ev, bool override)
{
	struct peer p = {.dir = sbx_event_dir(ev),
			 .family = ev->family,
			 .proto = sbx_event_proto(ev),
			 .override = override,
			 .port = ev->port,
			 .count = ev->count};

	memcpy(p.addr, ev->addr, ev->family == AF_INET ? 4 : 16);
	s->peers[s->n_peers++] = p;
}

static enum sbx_verb verb_of(const struct suggest *s, const struct sbx_told *t)
{
	const struct sbx_policy *p = s->ctx->policy;

	return sbx_told_net(t) ? p->net[t->why.rule].verb : p->files[t->why.rule].verb;
}

static bool is_socket(const struct sbx_event *ev)
{
	return ev->op == SBX_OP_UNIX_CONNECT || ev->op == SBX_OP_UNIX_BIND;
}

/* NULL: nothing opens such sockets. */
static void add_family(struct suggest *s, const char *name)
{
	size_t i;

	if (!name)
		return;
	for (i = 0; i < s->n_families; i++)
		if (!strcmp(s->families[i], name))
			return;
	if (i < sizeof(s->families) / sizeof(s->families[0]))
		s->families[s->n_families++] = name;
}

static int sort_event(struct suggest *s, const struct sbx_event *ev, const struct sbx_told *t)
{
	bool ruled = t->explained && t->why.rule >= 0;
	char path[SBX_RULE_PATH_MAX];
	size_t len;

	if (t->explained && t->why.granted)
		return 0;
	if (!t->setting && (!t->explained || (ruled && verb_of(s, t) == SBX_PROTECT) ||
			    (t->op.kind == SBX_KIND_NAME && !t->why.suggestion)))
		return forbidden(s, ev, t);
	s->used += ev->count;
	if (t->setting) {
		s->anonymous |= ev->why == SBX_WHY_ANONYMOUS_EXEC;
		if (ev->op == SBX_OP_SOCKET || ev->op == SBX_OP_SOCKET_USE)
			add_family(s, sbx_family_setting(ev->family, ev->proto));
		if (ev->op == SBX_OP_CAPABILITY && sbx_capability_name(ev->detail))
			s->caps |= 1ull << ev->detail;
		return 0;
	}
	if (t->op.kind == SBX_KIND_NET) {
		add_peer(s, ev, ruled);
		return 0;
	}
	if (t->op.kind == SBX_KIND_NAME) {
		s->names[s->n_names++] = ev;
		return 0;
	}
	if (is_socket(ev)) /* as rules spell it */
		return sbx_paths_add(&s->sockets, ev->path, sbx_event_path_len(ev), t->op.right,
				     ruled, ev->count);
	len = sbx_event_rule_path(ev, path);
	return sbx_paths_add(&s->paths, path, len, t->op.right, ruled, ev->count);
}

/* --- files ---------------------------------------------------------------------------------------
 */

static bool is_below(const char *path, size_t len, const char *dir, size_t dir_len)
{
	return len >= dir_len && !memcmp(path, dir, dir_len) &&
	       (len == dir_len || path[dir_len] == '/');
}

/* Do the trees at a and b have anything in common? */
static bool trees_meet(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return is_below(a, a_len, b, b_len) || is_below(b, b_len, a, a_len);
}

/* The pattern's literal beginning against the directory, in each spelling of the former. */
static bool pattern_meets(const struct suggest *s, const char *text, const char *dir, size_t len)
{
	char *literal = sbx_pattern_unescape(text, sbx_pattern_literal_prefix(text));
	const struct sbx_facts *f = s->ctx->facts;
	size_t n = literal ? strlen(literal) : 0, i;
	bool meets = !literal || trees_meet(literal, n, dir, len);

	for (i = 0; literal && f && i < f->n_aliases && !meets; i++)
		if (trees_meet(literal, n, f->aliases[i].from, strlen(f->aliases[i].from)))
			meets = trees_meet(f->aliases[i].to, strlen(f->aliases[i].to), dir, len);
	free(literal);
	return meets;
}

/* Could a glob below `dir` reopen a deny? In case of doubt, yes. */
static bool may_meet_deny(const struct suggest *s, const char *dir, size_t len)
{
	const struct sbx_policy *p = s->ctx->policy;
	size_t i, k;

	for (i = 0; i < p->n_files; i++) {
		const struct sbx_file_rule *r = &p->files[i];

		for (k = 0; k < r->n_paths && r->verb == SBX_DENY && r->rights & s->rights; k++)
			if (pattern_meets(s, r->paths[k].text, dir, len))
				return true;
	}
	return false;
}

/*
 * A directory is opened as a whole where that says no more than the single names did: never what is
 * above all homes, a home itself, or what the kernel makes up; one level down only where systems
 * keep their programs.
 */
static bool may_widen(void *arg, const char *dir, size_t len)
{
	static const char *const kernel[] = {"/proc", "/sys", "/dev"};
	static const char *const programs[] = {"/usr", "/opt", "/bin", "/sbin", "/lib", "/lib64"};
	const struct suggest *s = arg;
	size_t depth = 0, i;

	for (i = 0; i < len; i++)
		depth += dir[i] == '/';
	for (i = 0; i < sizeof(kernel) / sizeof(kernel[0]); i++)
		if (is_below(dir, len, kernel[i], strlen(kernel[i])))
			return false;
	if (!depth || is_below("/root", 5, dir, len) ||
	    (s->home && is_below(s->home, strlen(s->home), dir, len)))
		return false;
	if (depth == 2 && is_below(dir, len, "/home", 5))
		return false;
	if (depth == 1) {
		for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
			if (is_below(dir, len, programs[i], strlen(programs[i])))
				break;
		if (i == sizeof(programs) / sizeof(programs[0]) || s->rights & SBX_WRITE)
			return false;
	}
	return !s->override && !may_meet_deny(s, dir, len);
}

static void put_times(FILE *out, uint64_t count)
{
	if (count == 1)
		fputs("once", out);
	else
		fprintf(out, "%llu times", (unsigned long long)count);
}

static void put_path(void *arg, const char *path, size_t len, const char *glob, uint64_t count,
		     size_t names)
{
	struct suggest *s = arg;
	bool inexact;

	if (!s->begun) {
		fputs("  - allow: [", s->out);
		if (s->socket)
			sbx_put_socket_rights(s->out, s->rights);
		else
			sbx_put_rights(s->out, s->rights);
		fputs("]\n", s->out);
		if (s->override)
			fputs("    override: true # these were denied by rules: look twice\n",
			      s->out);
		fputs("    path:\n", s->out);
	}
	s->begun = true;
	fputs("      - ", s->out);
	sbx_put_yaml_path(s->out, s->home, path, len, glob, &inexact);
	fputs(" # ", s->out);
	put_times(s->out, count);
	if (*glob)
		fprintf(s->out, ", %zu names", names);
	if (inexact)
		fputs("; [!…] is any byte that is no UTF-8", s->out);
	fputc('\n', s->out);
}

static int put_files(struct suggest *s)
{
	int override, rc = 0;
	uint8_t rights;

	sbx_paths_unite(&s->paths);
	if (s->paths.n)
		fputs("files:\n", s->out);
	for (override = 0; override <= 1; override++)
		for (rights = 1; rights <= SBX_RIGHTS_ALL && !rc; rights++) {
			s->rights = rights;
			s->override = override;
			s->begun = false;
			rc = sbx_paths_merge(&s->paths, rights, override, may_widen, put_path, s);
		}
	return rc;
}

static bool never_widen(void *arg, const char *dir, size_t len)
{
	return false;
}

/* Sockets one by one: who listens beside one is somebody else. */
static int put_sockets(struct suggest *s)
{
	int override, rc = 0;
	uint8_t rights;

	sbx_paths_unite(&s->sockets);
	if (s->sockets.n)
		fputs("unix:\n", s->out);
	s->socket = true;
	for (override = 0; override <= 1; override++)
		for (rights = 1; rights <= SBX_RIGHTS_ALL && !rc; rights++) {
			s->rights = rights;
			s->override = override;
			s->begun = false;
			rc = sbx_paths_merge(&s->sockets, rights, override, never_widen, put_path,
					     s);
		}
	return rc;
}

/* --- network -------------------------------------------------------------------------------------
 */

static int compare_hosts(const struct peer *x, const struct peer *y)
{
	int c = memcmp(x->addr, y->addr, sizeof(x->addr));

	if (x->dir != y->dir)
		return x->dir - y->dir;
	if (x->override != y->override)
		return (int)x->override - (int)y->override;
	if (x->family != y->family)
		return x->family - y->family;
	return c ? c : x->proto - y->proto;
}

static int compare_peers(const void *a, const void *b)
{
	const struct peer *x = a, *y = b;
	int c = compare_hosts(x, y);

	return c ? c : (int)x->port - (int)y->port;
}

/* The peers v[0…n) differ in nothing but their ports: "203.0.113.5:80,443,8000-8003/tcp". */
static void put_host(struct suggest *s, const struct peer *v, size_t n)
{
	uint64_t count = 0;
	size_t i, k;

	fputs("      - \"", s->out);
	sbx_put_host(s->out, v->family, v->addr);
	for (i = 0; i < n; i = k) {
		for (k = i; k < n && v[k].port - v[i].port <= (int)(k - i); k++)
			count += v[k].count;
		fprintf(s->out, "%c%u", i ? ',' : ':', v[i].port);
		if (v[k - 1].port > v[i].port)
			fprintf(s->out, "-%u", v[k - 1].port);
	}
	fprintf(s->out, "/%s\" # ", v->proto == SBX_PROTO_UDP ? "udp" : "tcp");
	put_times(s->out, count);
	fputc('\n', s->out);
}

static void put_names(struct suggest *s)
{
	size_t i;

	if (!s->n_names)
		return;
	fputs("  - allow: [connect]\n    to: # with the ports that they need\n", s->out);
	for (i = 0; i < s->n_names; i++) {
		fputs("      - \"", s->out);
		sbx_put_escaped(s->out, s->names[i]->path, sbx_event_path_len(s->names[i]));
		/* a proxy is asked for the port, too */
		fputs(s->names[i]->op == SBX_OP_PROXY ? "\" # " : ":443\" # ", s->out);
		put_times(s->out, s->names[i]->count);
		fputc('\n', s->out);
	}
}

static void put_network(struct suggest *s)
{
	struct peer *v = s->peers;
	size_t i, k, n = 0;

	if (s->n_peers || s->n_names)
		fputs("network:\n", s->out);
	put_names(s);
	if (!s->n_peers)
		return;
	qsort(v, s->n_peers, sizeof(*v), compare_peers);
	for (i = 0; i < s->n_peers; i++) {
		if (n && !compare_peers(&v[n - 1], &v[i]))
			v[n - 1].count += v[i].count;
		else
			v[n++] = v[i];
	}
	for (i = 0; i < n; i = k) {
		if (!i || v[i].dir != v[i - 1].dir || v[i].override != v[i - 1].override)
			fprintf(s->out, "  - allow: [%s]\n%s    to:\n",
				v[i].dir == SBX_DIR_BIND ? "bind" : "connect",
				v[i].override ? "    override: true # these were denied by rules: "
						"look twice\n"
					      : "");
		for (k = i + 1; k < n && !compare_hosts(&v[i], &v[k]);)
			k++;
		put_host(s, v + i, k - i);
	}
}

/* --- the rest --- */

static int compare_remarks(const void *a, const void *b)
{
	const struct remark *x = a, *y = b;

	return strcmp(x->text, y->text);
}

static void put_settings(struct suggest *s)
{
	const char *sep = "";
	size_t i;
	int cap;

	for (i = 0; i < s->n_families; i++)
		fprintf(s->out, "%s%s", i ? ", " : "families: [", s->families[i]);
	if (i)
		fputs("]\n", s->out);
	if (s->anonymous)
		fputs("exec-anonymous: allow\n", s->out);
	if (!s->caps)
		return;
	fputs("capabilities: [", s->out);
	for (cap = 0; cap < 64; cap++) {
		if (!(s->caps >> cap & 1))
			continue;
		fprintf(s->out, "%s%s", sep, sbx_capability_name(cap));
		sep = ", ";
	}
	fputs("]\n", s->out);
}

static void put_remarks(struct suggest *s)
{
	size_t i;

	if (!s->n_remarks)
		return;
	qsort(s->remarks, s->n_remarks, sizeof(*s->remarks), compare_remarks);
	fputs("# No rule at the end of the policy can allow these:\n", s->out);
	for (i = 0; i < s->n_remarks; i++) {
		fprintf(s->out, "#   %s (", s->remarks[i].text);
		put_times(s->out, s->remarks[i].count);
		fputs(")\n", s->out);
	}
}

static void put_header(struct suggest *s)
{
	fputs("# ", s->out);
	if (s->used) {
		put_times(s->out, s->used);
		fputs(" something was missing", s->out);
	} else {
		fputs("Nothing is missing that a rule could allow", s->out);
	}
	if (s->ctx->sandbox) {
		fputs(" in ", s->out);
		sbx_put_escaped(s->out, s->ctx->sandbox, strlen(s->ctx->sandbox));
	}
	fputs(s->used ? ". Every line below widens the policy: keep those you mean.\n" : ".\n",
	      s->out);
}

static void end(struct suggest *s)
{
	size_t i;

	for (i = 0; i < s->n_remarks; i++)
		free(s->remarks[i].text);
	free(s->remarks);
	free(s->peers);
	free(s->names);
	free(s->home);
	sbx_paths_free(&s->paths);
	sbx_paths_free(&s->sockets);
}

int sbx_events_suggest(FILE *out, const struct sbx_event *evs, size_t n,
		       const struct sbx_event_context *ctx)
{
	struct suggest s = {.out = out, .ctx = ctx};
	struct sbx_told t;
	int rc = 0;
	size_t i;

	s.peers = calloc(n + 1, sizeof(*s.peers));
	s.names = calloc(n + 1, sizeof(*s.names));
	s.remarks = calloc(n + 1, sizeof(*s.remarks));
	s.home = ctx->policy ? sbx_policy_home(ctx->policy) : NULL;
	if (!s.peers || !s.names || !s.remarks)
		rc = -ENOMEM;
	for (i = 0; i < n && !rc; i++) {
		rc = sbx_tell(&evs[i], ctx, &t);
		if (rc)
			break;
		rc = sort_event(&s, &evs[i], &t);
		sbx_told_free(&t);
	}
	if (!rc) {
		put_header(&s);
		rc = put_files(&s);
	}
	if (!rc)
		rc = put_sockets(&s);
	if (!rc) {
		put_network(&s);
		put_settings(&s);
		put_remarks(&s);
	}
	end(&s);
	return rc;
}
