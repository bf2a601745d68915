// SPDX-License-Identifier: MIT
/*
 * One rule of a section: a mapping with a verb (allow, deny, protect) whose value lists rights, an
 * object (path or to), and words about it. Which section knows which keys is a table.
 */
#include <string.h>
#include "user/policy/parse.h"
#include "user/policy/pattern.h"

enum { FILES = 1, NETWORK = 2, UNIX = 4, PROCESS = 8 };
#define ASSERTED(sections) ((sections) << 4) /* the same sections of a file of assertions */

struct right {
	const char *name;
	uint8_t bit; /* 0: reserved */
};

struct section {
	const char *name;
	const char *object;  /* the key that names objects */
	const char *deflt;   /* of the object; NULL: it has to be there */
	const char *example; /* of objects */
	unsigned bit;
	struct right rights[8];
};

static const struct section files = {"files",
				     "path",
				     NULL,
				     "path: [\"/usr/**\"]",
				     FILES,
				     {{"read", SBX_READ},
				      {"write", SBX_WRITE},
				      {"exec", SBX_EXEC},
				      {"create", 0},
				      {"remove", 0},
				      {"append", 0},
				      {"attr", 0},
				      {NULL, 0}}};
static const struct section network = {
	"network", "to",
	NULL,	   "to: [\"localhost:3000\"]",
	NETWORK,   {{"connect", SBX_NET_CONNECT}, {"bind", SBX_NET_BIND}, {NULL, 0}}};
static const struct section unix_sockets = {
	"unix", "path",
	NULL,	"path: [\"/run/x.sock\"]",
	UNIX,	{{"connect", SBX_CONNECT}, {"bind", SBX_WRITE}, {NULL, 0}}};
static const struct section process = {
	"process",  "to",    "self",
	"to: self", PROCESS, {{"signal", SBX_PROC_SIGNAL}, {"trace", SBX_PROC_TRACE}, {NULL, 0}}};

/* What all rules have in common, and the nodes of the rest. */
struct rule {
	const struct section *sec;
	const struct sbx_node *node, *object, *except;
	const char *verb_name; /* NULL: none yet */
	enum sbx_verb verb;
	uint8_t rights;
	bool override, quiet;
	const struct sbx_node *tls;
	char *reason;
};

/* --- keys --- */

static void add_right(struct sbx_parser *p, const struct sbx_node *n, void *arg)
{
	const char *names[8] = {NULL};
	struct rule *r = arg;
	const struct right *right;
	size_t i;

	for (i = 0; r->sec->rights[i].name; i++) {
		right = &r->sec->rights[i];
		if (!strcmp(n->text, right->name)) {
			if (!right->bit)
				sbx_parse_error(p, n, "use write, of which it will be a part",
						"this right is reserved for later (%s)", n->text);
			r->rights |= right->bit;
			return;
		}
	}
	for (i = 0; r->sec->rights[i].name && r->sec->rights[i].bit; i++)
		names[i] = r->sec->rights[i].name;
	sbx_unknown_word(p, n, "there is no such right here", names, NULL);
}

static void set_verb(struct sbx_parser *p, struct rule *r, const struct sbx_node *key,
		     const struct sbx_node *value, enum sbx_verb verb)
{
	if (r->verb_name)
		sbx_parse_error(p, key, "write two rules", "a rule has one verb (%s and %s)",
				r->verb_name, key->text);
	r->verb_name = key->text;
	r->verb = verb;
	sbx_each(p, value, key->text, add_right, r);
	sbx_refuse_empty(p, value, key->text, "list rights, as in [read, write]");
}

static void key_allow(struct sbx_parser *p, struct rule *r, const struct sbx_node *key,
		      const struct sbx_node *value)
{
	set_verb(p, r, key, value, SBX_ALLOW);
}

static void key_deny(struct sbx_parser *p, struct rule *r, const struct sbx_node *key,
		     const struct sbx_node *value)
{
	set_verb(p, r, key, value, SBX_DENY);
}

static void key_protect(struct sbx_parser *p, struct rule *r, const struct sbx_node *key,
			const struct sbx_node *value)
{
	set_verb(p, r, key, value, SBX_PROTECT);
}

static void key_never(struct sbx_parser *p, struct rule *r, const struct sbx_node *key,
		      const struct sbx_node *value)
{
	set_verb(p, r, key, value, SBX_NEVER);
}

static void key_always(struct sbx_parser *p, struct rule *r, const struct sbx_node *key,
		       const struct sbx_node *value)
{
	set_verb(p, r, key, value, SBX_ALWAYS);
}

static void key_never_both(struct sbx_parser *p, struct rule *r, const struct sbx_node *key,
			   const struct sbx_node *value)
{
	set_verb(p, r, key, value, SBX_NEVER_BOTH);
	if (__builtin_popcount(r->rights) != 2)
		sbx_parse_error(p, value,
				"write two, as in [write, exec]; `never` takes any number",
				"`never-both` wants two rights (%s)", r->sec->name);
}

static void key_object(struct sbx_parser *p, struct rule *r, const struct sbx_node *key,
		       const struct sbx_node *value)
{
	r->object = value;
}

static void key_except(struct sbx_parser *p, struct rule *r, const struct sbx_node *key,
		       const struct sbx_node *value)
{
	r->except = value;
}

static bool parse_bool(struct sbx_parser *p, const struct sbx_node *key, const struct sbx_node *n)
{
	if (n->type == SBX_SCALAR && n->plain && !strcmp(n->text, "true"))
		return true;
	if (n->type != SBX_SCALAR || !n->plain || strcmp(n->text, "false"))
		sbx_parse_error(p, n, "write true or false, without quotes",
				"`%s` is true or false (%s)", key->text,
				n->type == SBX_SCALAR ? n->text : "this is a list or a mapping");
	return false;
}

static void key_override(struct sbx_parser *p, struct rule *r, const struct sbx_node *key,
			 const struct sbx_node *value)
{
	r->override = parse_bool(p, key, value);
}

static void key_quiet(struct sbx_parser *p, struct rule *r, const struct sbx_node *key,
		      const struct sbx_node *value)
{
	r->quiet = parse_bool(p, key, value);
}

static void key_reason(struct sbx_parser *p, struct rule *r, const struct sbx_node *key,
		       const struct sbx_node *value)
{
	r->reason = (char *)sbx_want_text(p, value, key->text);
}

static void key_tls(struct sbx_parser *p, struct rule *r, const struct sbx_node *key,
		    const struct sbx_node *value)
{
	static const char *const words[] = {"verify-sni", NULL};
	const char *text = sbx_want_text(p, value, key->text);

	r->tls = value;
	if (text && strcmp(text, words[0]))
		sbx_unknown_word(p, value, "nothing of that kind can be asked of TLS", words, NULL);
}

static const struct {
	const char *name;
	unsigned sections;
	void (*fn)(struct sbx_parser *p, struct rule *r, const struct sbx_node *key,
		   const struct sbx_node *value);
} keys[] = {
	{"allow", FILES | NETWORK | UNIX | PROCESS, key_allow},
	{"deny", FILES | NETWORK | UNIX | PROCESS, key_deny},
	{"protect", FILES | NETWORK, key_protect},
	{"never", ASSERTED(FILES | NETWORK | UNIX), key_never},
	{"always", ASSERTED(FILES | NETWORK | UNIX), key_always},
	{"never-both", ASSERTED(FILES), key_never_both},
	{"path", FILES | UNIX | ASSERTED(FILES | UNIX), key_object},
	{"to", NETWORK | PROCESS | ASSERTED(NETWORK), key_object},
	{"except", FILES | NETWORK | ASSERTED(FILES | NETWORK | UNIX), key_except},
	{"override", FILES | NETWORK | UNIX, key_override},
	{"quiet", FILES | NETWORK | UNIX, key_quiet},
	{"tls", NETWORK, key_tls},
	{"reason", FILES | NETWORK | UNIX | ASSERTED(FILES | NETWORK | UNIX), key_reason},
};

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

static void rule_key(struct sbx_parser *p, struct rule *r, const struct sbx_node *key,
		     const struct sbx_node *value)
{
	unsigned sec = p->opts->assertions ? ASSERTED(r->sec->bit) : r->sec->bit;
	const char *known[N_KEYS + 1] = {NULL};
	size_t i, n = 0;

	for (i = 0; i < N_KEYS; i++) {
		if (!(keys[i].sections & sec))
			continue;
		if (!strcmp(key->text, keys[i].name)) {
			keys[i].fn(p, r, key, value);
			return;
		}
		known[n++] = keys[i].name;
	}
	sbx_unknown_word(p, key, "a rule of this section has no such key", known, NULL);
}

static void check_words(struct sbx_parser *p, const struct rule *r)
{
	const struct sbx_node *n = r->node;

	if (!r->verb_name)
		sbx_parse_error(p, n,
				p->opts->assertions
					? "begin it with `never: [...]` or `always: [...]`"
					: "begin it with `allow: [...]` or `deny: [...]`",
				"the rule does not say what it does (in `%s`)", r->sec->name);
	if (!r->object && !r->sec->deflt)
		sbx_parse_error(p, n, r->sec->example, "the rule has no `%s` (in `%s`)",
				r->sec->object, r->sec->name);
	if (!r->verb_name)
		return;
	if (r->override && r->verb != SBX_ALLOW)
		sbx_parse_error(p, n, "remove `override`", "only an allow overrides a deny (%s)",
				r->verb_name);
	if (r->except && r->verb < SBX_PROTECT)
		sbx_parse_error(
			p, r->except,
			"write a rule of its own behind this one, an allow with `override: true`",
			"only protect has exceptions (%s)", r->verb_name);
}

/* False: the node is no rule at all. */
static bool parse_common(struct sbx_parser *p, const struct section *sec, const struct sbx_node *n,
			 struct rule *r)
{
	const struct sbx_policy *pol = p->policy;
	size_t i;

	*r = (struct rule){.sec = sec, .node = n};
	if (pol->n_files + pol->n_net + pol->n_unix + pol->n_process >= SBX_MAX_RULES) {
		if (!p->full)
			sbx_parse_error(p, n, "join rules: one may list many paths or peers",
					"too many rules (more than %d)", SBX_MAX_RULES);
		p->full = true;
		return false;
	}
	if (!sbx_want_map(p, n, "a rule", "write `- allow: [...]`, and on the next line `path:`"))
		return false;
	for (i = 0; i < n->n; i += 2)
		rule_key(p, r, n->child[i], n->child[i + 1]);
	check_words(p, r);
	return r->verb_name && (r->object || sec->deflt);
}

/* --- patterns --- */

struct patterns {
	const struct sbx_scope *scope;
	struct sbx_pattern *v;
	size_t n;
	bool sockets; /* "@name" is one */
};

/* Its own part of the automaton, so that no file's name is like one. */
static char *abstract_name(struct sbx_parser *p, const char *text)
{
	size_t n = strlen(SBX_ABSTRACT), len = strlen(text) + 1;
	char *name = sbx_arena_alloc(p->arena, n + len);

	if (!name) {
		p->no_memory = true;
		return NULL;
	}
	memcpy(name, SBX_ABSTRACT, n);
	memcpy(name + n, text, len);
	return name;
}

static void add_pattern(struct sbx_parser *p, const struct sbx_node *n, void *arg)
{
	struct patterns *list = arg;
	struct sbx_pattern *one;
	const char *why;
	size_t at;
	char *text;

	if (!*n->text) {
		sbx_parse_error(p, n, "write a path", "the pattern is empty (\"\")");
		return;
	}
	text = sbx_expand_pattern(p, list->scope, n);
	if (!text || !*text) /* empty: it named nothing */
		return;
	if (*text == '@' && text[1] && list->sockets) {
		text = abstract_name(p, text);
		if (!text)
			return;
	} else if (*text == '@' && strcmp(text, "@tty")) {
		sbx_parse_error(p, n,
				list->sockets ? "an abstract socket is written @NAME"
					      : "the built-in names are @tty, /proc/self and "
						"/proc/@sandbox",
				"there is no such built-in name (%s)", text);
		return;
	}
	if (sbx_pattern_check(text, &why, &at)) {
		sbx_parse_error(p, n, why, "bad pattern, at its byte %zu (%s)", at + 1, text);
		return;
	}
	one = SBX_APPEND(p, list->v, list->n);
	if (one)
		*one = (struct sbx_pattern){.pos = n->pos, .text = text, .source = n->text};
}

static struct patterns take_patterns(struct sbx_parser *p, const struct sbx_scope *s,
				     const struct sbx_node *n, const char *key, bool sockets)
{
	struct patterns list = {.scope = s, .sockets = sockets};

	if (n) {
		sbx_each(p, n, key, add_pattern, &list);
		sbx_refuse_empty(p, n, key, "list paths, or remove the rule");
	}
	return list;
}

void sbx_parse_file_rule(struct sbx_parser *p, const struct sbx_scope *s, const struct sbx_node *n)
{
	struct patterns paths, except;
	struct sbx_file_rule *out;
	struct rule r;

	if (!parse_common(p, &files, n, &r))
		return;
	paths = take_patterns(p, s, r.object, "path", false);
	except = take_patterns(p, s, r.except, "except", false);
	if (!paths.n)
		return; /* errors, or nothing but empty variables */
	out = SBX_APPEND(p, p->policy->files, p->policy->n_files);
	if (out)
		*out = (struct sbx_file_rule){.pos = n->pos,
					      .verb = r.verb,
					      .rights = r.rights,
					      .override = r.override,
					      .quiet = r.quiet,
					      .reason = r.reason,
					      .paths = paths.v,
					      .n_paths = paths.n,
					      .except = except.v,
					      .n_except = except.n};
}

void sbx_parse_unix_rule(struct sbx_parser *p, const struct sbx_scope *s, const struct sbx_node *n)
{
	struct patterns paths, except;
	struct sbx_file_rule *out;
	struct rule r;
	size_t i;

	if (!parse_common(p, &unix_sockets, n, &r))
		return;
	paths = take_patterns(p, s, r.object, "path", true);
	except = take_patterns(p, s, r.except, "except", true);
	if (!paths.n)
		return;
	out = SBX_APPEND(p, p->policy->unix_rules, p->policy->n_unix);
	if (out)
		*out = (struct sbx_file_rule){.pos = n->pos,
					      .socket = true,
					      .verb = r.verb,
					      .rights = r.rights,
					      .override = r.override,
					      .quiet = r.quiet,
					      .reason = r.reason,
					      .paths = paths.v,
					      .n_paths = paths.n,
					      .except = except.v,
					      .n_except = except.n};
	for (i = 0; i < paths.n && r.rights & SBX_WRITE; i++)
		p->policy->unix_binds |= paths.v[i].text[0] == '@';
}

/* --- peers --- */

struct peers {
	const struct sbx_scope *scope;
	struct sbx_endpoint *v;
	size_t n;
};

static void add_peer(struct sbx_parser *p, const struct sbx_node *n, void *arg)
{
	struct peers *list = arg;
	struct sbx_endpoint ep, *one;
	char *text = sbx_expand(p, list->scope, n);

	if (!text || (!*text && *n->text)) /* empty variables: nobody is named */
		return;
	if (!sbx_parse_endpoint(p, n, text, &ep))
		return;
	one = SBX_APPEND(p, list->v, list->n);
	if (one)
		*one = ep;
}

static struct peers take_peers(struct sbx_parser *p, const struct sbx_scope *s,
			       const struct sbx_node *n, const char *key)
{
	struct peers list = {.scope = s};

	if (n) {
		sbx_each(p, n, key, add_peer, &list);
		sbx_refuse_empty(p, n, key, "list peers, or remove the rule");
	}
	return list;
}

/* Who listens is asked where something would be allowed: nobody can be denied that way, and
 * nothing is proved of it. */
static void refuse_self(struct sbx_parser *p, const struct peers *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (list->v[i].kind == SBX_HOST_SELF)
			sbx_diag_add(p->d, SBX_ERROR, list->v[i].pos,
				     "write localhost, or remove it",
				     "self stands in an allow alone (%s)", list->v[i].source);
}

/* A socket is bound to addresses of this host, which have no need of names. */
static void refuse_names(struct sbx_parser *p, const struct peers *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (list->v[i].kind == SBX_HOST_DOMAIN)
			sbx_diag_add(
				p->d, SBX_ERROR, list->v[i].pos,
				"write an address of this host, or give connect a rule of its own",
				"nobody binds to a domain (%s)", list->v[i].source);
}

void sbx_parse_net_rule(struct sbx_parser *p, const struct sbx_scope *s, const struct sbx_node *n)
{
	struct sbx_net_rule *out;
	struct peers to, except;
	struct rule r;

	if (!p->opts->assertions && sbx_is_via(n)) {
		sbx_parse_via(p, s, n);
		return;
	}
	if (!parse_common(p, &network, n, &r))
		return;
	if (r.tls)
		sbx_unsupported(p, r.tls->pos, "checks of the name in TLS (tls: verify-sni)");
	to = take_peers(p, s, r.object, "to");
	except = take_peers(p, s, r.except, "except");
	if (r.verb != SBX_ALLOW) {
		refuse_self(p, &to);
		refuse_self(p, &except);
	}
	if (r.rights & SBX_NET_BIND) {
		refuse_names(p, &to);
		refuse_names(p, &except);
	}
	if (!to.n)
		return;
	out = SBX_APPEND(p, p->policy->net, p->policy->n_net);
	if (out)
		*out = (struct sbx_net_rule){.pos = n->pos,
					     .verb = r.verb,
					     .rights = r.rights,
					     .override = r.override,
					     .quiet = r.quiet,
					     .reason = r.reason,
					     .to = to.v,
					     .n_to = to.n,
					     .except = except.v,
					     .n_except = except.n};
}

/* --- processes --- */

static void check_self(struct sbx_parser *p, const struct sbx_node *n, void *arg)
{
	if (strcmp(n->text, "self"))
		sbx_parse_error(p, n, "the only target is self: the tasks of the same sandbox",
				"there is no such target (%s)", n->text);
}

void sbx_parse_process_rule(struct sbx_parser *p, const struct sbx_scope *s,
			    const struct sbx_node *n)
{
	struct sbx_process_rule *out;
	struct rule r;

	if (!parse_common(p, &process, n, &r))
		return;
	if (r.object) {
		sbx_each(p, r.object, "to", check_self, NULL);
		sbx_refuse_empty(p, r.object, "to", "write `to: self`");
	}
	out = SBX_APPEND(p, p->policy->process, p->policy->n_process);
	if (out)
		*out = (struct sbx_process_rule){
			.pos = n->pos, .verb = r.verb, .rights = r.rights, .to_self = true};
	if (r.verb != SBX_ALLOW)
		sbx_unsupported(p, n->pos, "process rules that deny (%s)", r.verb_name);
}
