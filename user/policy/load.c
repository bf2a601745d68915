// SPDX-License-Identifier: MIT
/*
 * Policy files: where they are found, what they include, and the policy that comes of them. A file
 * is known by device and inode: other spellings of its name do not make it another one.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "user/base/caps.h"
#include "user/policy/parse.h"

/* The main file was named outside of all files. */
static const struct sbx_pos command_line;

static int read_all(int fd, char *buf, size_t size, size_t *got)
{
	ssize_t n;

	*got = 0;
	while (*got < size) {
		n = read(fd, buf + *got, size - *got);
		if (!n)
			break;
		if (n > 0)
			*got += n;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* One byte more than is allowed is read, so that the parser sees what is too large. */
static void read_and_parse(struct sbx_parser *p, int fd, const char *path, struct sbx_pos at,
			   bool main)
{
	char *text = malloc(SBX_YAML_MAX_BYTES + 1);
	size_t got;
	int r;

	if (!text) {
		p->no_memory = true;
		return;
	}
	r = read_all(fd, text, SBX_YAML_MAX_BYTES + 1, &got);
	if (r)
		sbx_diag_add(p->d, SBX_ERROR, at, "name a file that can be read",
			     "the policy cannot be read: %s (%s)", strerror(-r), path);
	else
		sbx_parse_text(p, path, text, got, main);
	free(text);
}

/* Index among the files that were read; n_sources: not read yet. */
static size_t find_source(const struct sbx_parser *p, const struct stat *st)
{
	size_t i;

	for (i = 0; i < p->policy->n_sources; i++)
		if (p->ids[i].dev == st->st_dev && p->ids[i].ino == st->st_ino)
			break;
	return i;
}

static bool add_source(struct sbx_parser *p, const char *path, const struct stat *st)
{
	char **slot = SBX_APPEND(p, p->policy->sources, p->policy->n_sources);

	if (!slot)
		return false;
	*slot = (char *)path;
	p->ids[p->policy->n_sources - 1] =
		(struct sbx_file_id){.dev = st->st_dev, .ino = st->st_ino};
	return true;
}

/* A file that was read is not read again; one that is being read is an error. */
static void meet_again(struct sbx_parser *p, struct sbx_pos at, size_t source)
{
	char chain[2048] = "";
	size_t i, used = 0;

	for (i = 0; i < p->depth && p->chain[i] != source; i++)
		;
	if (i == p->depth)
		return;
	for (; i < p->depth && used < sizeof(chain); i++)
		used += snprintf(chain + used, sizeof(chain) - used, "%s -> ",
				 p->policy->sources[p->chain[i]]);
	sbx_diag_add(p->d, SBX_ERROR, at, "remove one of the includes",
		     "the includes go in a circle (%s%s)", chain, p->policy->sources[source]);
}

/* Reads and parses one file; `at` is where it was named. */
static void parse_file(struct sbx_parser *p, const char *path, struct sbx_pos at, bool main)
{
	/* O_NONBLOCK: a FIFO of that name must not make us wait. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	size_t source;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		sbx_diag_add(p->d, SBX_ERROR, at, "name a file that can be read",
			     "the policy cannot be opened: %s (%s)",
			     fd < 0 ? strerror(errno) : "not a regular file", path);
		if (fd >= 0)
			close(fd);
		return;
	}
	source = find_source(p, &st);
	if (source < p->policy->n_sources) {
		meet_again(p, at, source);
	} else if (source > SBX_MAX_INCLUDES) {
		sbx_diag_add(p->d, SBX_ERROR, at, "join some of them",
			     "too many files are included (%s, more than %d)", path,
			     SBX_MAX_INCLUDES);
	} else if (add_source(p, path, &st)) {
		p->chain[p->depth++] = source;
		read_and_parse(p, fd, path, at, main);
		p->depth--;
	}
	close(fd);
}

/* --- names of policies --- */

/* "base" -> DIR/base.yaml, the first that exists. NULL: none. */
static char *find_bare(struct sbx_parser *p, const char *name)
{
	const char *const *dir;
	char path[PATH_MAX];

	for (dir = p->opts->dirs; dir && *dir; dir++) {
		if (snprintf(path, sizeof(path), "%s/%s%s.yaml", *dir,
			     p->opts->assertions ? "assert/" : "", name) >= (int)sizeof(path))
			continue;
		if (!access(path, F_OK))
			return sbx_arena_strdup(p->arena, path);
	}
	return NULL;
}

static void not_found(struct sbx_parser *p, struct sbx_pos at, const char *name)
{
	const char *const *dir = p->opts->dirs;
	size_t used, n = strlen(name);
	char hint[1024];

	used = snprintf(hint, sizeof(hint), "a file %s is written ./%.64s%s; looked in",
			at.file ? "beside this one" : "of this directory", name,
			n > 5 && !strcmp(name + n - 5, ".yaml") ? "" : ".yaml");
	if (!dir || !*dir)
		snprintf(hint + used, sizeof(hint) - used, " no directory");
	for (; dir && *dir && used < sizeof(hint); dir++)
		used += snprintf(hint + used, sizeof(hint) - used, "%s %s%s",
				 dir == p->opts->dirs ? "" : ",", *dir,
				 p->opts->assertions ? "/assert" : "");
	sbx_diag_add(p->d, SBX_ERROR, at, hint, "there %s of that name (%s)",
		     p->opts->assertions ? "are no assertions" : "is no policy", name);
}

/* What an include names, or NULL after an error. */
static char *include_path(struct sbx_parser *p, const struct sbx_node *n, const char *from)
{
	const char *name = n->text, *slash = strrchr(from, '/');
	bool beside = !strncmp(name, "./", 2);
	char path[PATH_MAX], *found;

	name += beside ? 2 : 0;
	if (!*name || strchr(name, '/') || (!beside && !sbx_is_policy_name(name))) {
		sbx_parse_error(p, n,
				"write a bare name, as in base, or ./NAME.yaml for a file beside "
				"this one",
				"this cannot be included (%s)", n->text);
		return NULL;
	}
	if (!beside) {
		found = find_bare(p, name);
		if (!found)
			not_found(p, n->pos, name);
		return found;
	}
	if (snprintf(path, sizeof(path), "%.*s%s", slash ? (int)(slash - from + 1) : 0, from,
		     name) >= (int)sizeof(path)) {
		sbx_parse_error(p, n, "use a shorter one", "the path is too long (%s)", n->text);
		return NULL;
	}
	return sbx_arena_strdup(p->arena, path);
}

void sbx_parse_include(struct sbx_parser *p, const struct sbx_node *n, const char *from)
{
	char *path = include_path(p, n, from);

	if (path)
		parse_file(p, path, n->pos, false);
}

/* "/etc/x/AI agent.yaml" -> "ai-agent": always a name that the parser would accept. */
static char *name_of(struct sbx_arena *a, const char *file)
{
	static const char *const suffixes[] = {".yaml", ".yml", ".json"};
	const char *base = strrchr(file, '/');
	char *name, *c;
	size_t i, n, cut;

	base = base ? base + 1 : file;
	base += strcspn(base, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
	n = strlen(base);
	for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		cut = strlen(suffixes[i]);
		if (n > cut && !strcmp(base + n - cut, suffixes[i])) {
			n -= cut;
			break;
		}
	}
	name = n ? sbx_arena_strndup(a, base, n < 48 ? n : 48) : sbx_arena_strdup(a, "policy");
	for (c = name; c && *c; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c += 'a' - 'A';
		else if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789._-", *c))
			*c = '-';
	}
	return name;
}

/* --- the whole --- */

static int begin(struct sbx_parser *p, const struct sbx_load_opts *opts, struct sbx_diags *d)
{
	*p = (struct sbx_parser){.opts = opts, .d = d, .arena = sbx_arena_new()};
	if (!p->arena)
		return -ENOMEM;
	p->policy = sbx_arena_alloc(p->arena, sizeof(*p->policy));
	if (!p->policy) {
		sbx_arena_free(p->arena);
		return -ENOMEM;
	}
	p->policy->arena = p->arena;
	return 0;
}

/*
 * Unix sockets are files: their rules are judged with those of files, by one automaton, so that a
 * socket that is moved keeps its rights and gains none. They come behind those of files. Abstract
 * names may be bound where no rule says otherwise.
 */
void sbx_join_unix_rules(struct sbx_parser *p, size_t from)
{
	static struct sbx_pattern all = {.text = SBX_ABSTRACT "**", .source = "@*"};
	struct sbx_policy *pol = p->policy;
	struct sbx_file_rule *rule;
	size_t i;

	if (pol->unix_binds && !from && !p->opts->assertions) {
		rule = SBX_APPEND(p, pol->files, pol->n_files);
		if (rule)
			*rule = (struct sbx_file_rule){.verb = SBX_ALLOW,
						       .rights = SBX_WRITE,
						       .socket = true,
						       .paths = &all,
						       .n_paths = 1};
	}
	for (i = from; i < pol->n_unix; i++) {
		rule = SBX_APPEND(p, pol->files, pol->n_files);
		if (rule)
			*rule = pol->unix_rules[i];
	}
}

static int finish(struct sbx_parser *p, size_t errors_before, struct sbx_policy **out)
{
	int r = p->no_memory ? -ENOMEM : p->d->errors > errors_before ? -EINVAL : 0;

	if (!p->caps_given)
		p->policy->caps = sbx_caps_default;
	if (!r && !p->policy->name) {
		p->policy->name = name_of(p->arena, p->policy->file);
		r = p->policy->name ? 0 : -ENOMEM;
	}
	if (r)
		sbx_arena_free(p->arena);
	else
		*out = p->policy;
	return r;
}

int sbx_policy_load(const char *file_or_name, const struct sbx_load_opts *opts,
		    struct sbx_policy **out, struct sbx_diags *d)
{
	bool bare = !strchr(file_or_name, '/');
	size_t before = d->errors;
	struct sbx_parser p;
	int r = begin(&p, opts, d);

	if (r)
		return r;
	p.policy->file =
		bare ? find_bare(&p, file_or_name) : sbx_arena_strdup(p.arena, file_or_name);
	if (p.policy->file)
		parse_file(&p, p.policy->file, command_line, true);
	else if (bare)
		not_found(&p, command_line, file_or_name);
	else
		p.no_memory = true;
	sbx_join_unix_rules(&p, 0);
	if (opts->denials) {
		p.policy->denials = sbx_arena_strdup(p.arena, opts->denials);
		p.no_memory |= !p.policy->denials;
	}
	if (opts->own && !p.no_memory && d->errors == before)
		sbx_parse_own(&p);
	return finish(&p, before, out);
}

int sbx_policy_parse(const char *name, const char *text, size_t len,
		     const struct sbx_load_opts *opts, struct sbx_policy **out, struct sbx_diags *d)
{
	static const struct stat no_file;
	size_t before = d->errors;
	struct sbx_parser p;
	int r = begin(&p, opts, d);

	if (r)
		return r;
	p.policy->file = sbx_arena_strdup(p.arena, name);
	if (!p.policy->file || !add_source(&p, p.policy->file, &no_file)) {
		sbx_arena_free(p.arena);
		return -ENOMEM;
	}
	p.chain[p.depth++] = 0;
	sbx_parse_text(&p, p.policy->file, text, len, true);
	sbx_join_unix_rules(&p, 0);
	return finish(&p, before, out);
}

void sbx_policy_free(struct sbx_policy *p)
{
	if (p)
		sbx_arena_free(p->arena);
}
