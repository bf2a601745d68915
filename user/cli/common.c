// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "user/cli/common.h"
#include "user/kern/dns.h"
#include "user/policy/rulestr.h"

struct sbx_globals sbx_globals;

static const char *const colors[] = {[SBX_COLOR_AUTO] = "auto",
				     [SBX_COLOR_ALWAYS] = "always",
				     [SBX_COLOR_NEVER] = "never",
				     NULL};

const struct sbx_opt sbx_global_opts[] = {
	{"json", 0, SBX_OPT_FLAG, NULL, "for machines: JSON, one object per line",
	 &sbx_globals.json, NULL},
	{"color", 0, SBX_OPT_CHOICE, NULL, "colours; auto heeds NO_COLOR", &sbx_globals.color,
	 colors},
	{"help", 'h', SBX_OPT_FLAG, NULL, "print this", &sbx_globals.help, NULL},
	{"version", 0, SBX_OPT_FLAG, NULL, "print the version", &sbx_globals.version, NULL},
	{0},
};

bool sbx_use_color(FILE *f)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (sbx_globals.color != SBX_COLOR_AUTO)
		return sbx_globals.color == SBX_COLOR_ALWAYS;
	return !(no && *no) && !(term && !strcmp(term, "dumb")) && isatty(fileno(f));
}

/* --- words --- */

/* What a message quotes may be anybody's: nothing of it may act on the terminal. */
static void say(const char *prefix, const char *hint, const char *fmt, va_list ap)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	fputs(prefix, stderr);
	sbx_put_escaped(stderr, text ? text : "out of memory", text ? strlen(text) : 13);
	if (hint) {
		fputs(". Hint: ", stderr);
		sbx_put_escaped(stderr, hint, strlen(hint));
	}
	fputc('\n', stderr);
	free(text);
}

int sbx_fail(int code, const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("sbx-bpf: ", hint, fmt, ap);
	va_end(ap);
	return code;
}

void sbx_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("sbx-bpf: note: ", NULL, fmt, ap);
	va_end(ap);
}

void sbx_report(struct sbx_diags *d)
{
	static char ourselves[] = "sbx-bpf";
	size_t i;

	if (sbx_globals.json) {
		sbx_diags_print_json(d, stderr);
	} else {
		/* What has no position is said by the program. */
		for (i = 0; i < d->n; i++)
			if (!d->v[i].file)
				d->v[i].file = ourselves;
		sbx_diags_print(d, stderr);
		for (i = 0; i < d->n; i++)
			if (d->v[i].file == ourselves)
				d->v[i].file = NULL;
	}
	sbx_diags_free(d);
}

/* --- errors of the kernel side --- */

static const struct {
	int err, code;
	const char *what, *hint;
} errors[] = {
	{EPERM, SBX_EXIT_PERMISSION, "permission is missing", "run it with sudo"},
	{EACCES, SBX_EXIT_PERMISSION, "permission is missing", "run it with sudo"},
	{EOPNOTSUPP, SBX_EXIT_KERNEL, "this kernel cannot enforce",
	 "`sbx-bpf doctor` tells what is missing"},
	{EHOSTUNREACH, SBX_EXIT_DAEMON, "sbx-bpfd cannot be reached",
	 "start it: `systemctl start sbx-bpfd`, or sbx-bpfd as root"},
	{ENOENT, SBX_EXIT_FAILURE, "there is no such sandbox", "`sbx-bpf status` lists them"},
};

int sbx_fail_with(int err, struct sbx_diags *d, const char *what)
{
	int code = SBX_EXIT_FAILURE;
	const char *hint = NULL, *why = strerror(-err);
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		if (errors[i].err != -err)
			continue;
		code = errors[i].code;
		why = errors[i].what;
		hint = errors[i].hint;
	}
	if (!d->errors)
		sbx_fail(code, hint, "%s: %s", what, why);
	sbx_report(d);
	return code;
}

int sbx_open(int how, struct sbx_kern **k)
{
	struct sbx_diags d = {0};
	int r = sbx_kern_open(how, k, &d);

	if (!r) {
		sbx_report(&d);
		return 0;
	}
	if (r == -ENOENT && !d.errors)
		return sbx_fail(SBX_EXIT_FAILURE, "`sbx-bpf attach` and `sbx-bpf run` make them",
				"there are no sandboxes");
	return sbx_fail_with(r, &d, "cannot reach the sandboxes");
}

int sbx_open_any(struct sbx_kern **k)
{
	struct sbx_diags d = {0};
	int r = sbx_kern_open(SBX_KERN_READ, k, &d);

	if (r && r != -ENOENT)
		return sbx_fail_with(r, &d, "cannot reach the sandboxes");
	if (r)
		*k = NULL;
	sbx_report(&d);
	return 0;
}

/* --- sandboxes --- */

int sbx_which_check(const struct sbx_which *w)
{
	if (!w->cgroup == !w->name)
		return sbx_fail(SBX_EXIT_USAGE, "`sbx-bpf status` lists names and cgroups",
				"give either --cgroup PATH or --name N");
	return 0;
}

int sbx_which_find(struct sbx_kern *k, const struct sbx_which *w, uint64_t *id)
{
	struct sbx_diags d = {0};
	int r = sbx_kern_find(k, w->cgroup, w->name, id, &d);

	if (!r)
		return 0;
	if (d.errors) {
		sbx_report(&d);
		return SBX_EXIT_FAILURE;
	}
	return sbx_fail(SBX_EXIT_FAILURE, "`sbx-bpf status` lists them",
			w->name ? "there is no sandbox of that name (%s)"
				: "there is no sandbox at that cgroup (%s)",
			w->name ? w->name : w->cgroup);
}

const struct sbx_sandbox_info *sbx_info_of(const struct sbx_sandbox_info *v, size_t n, uint64_t id)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (v[i].slot.id == id)
			return &v[i];
	return NULL;
}

static int unload_idle(struct sbx_kern *k, struct sbx_diags *d)
{
	struct sbx_sandbox_info *v = NULL;
	size_t n = 0;
	int r = sbx_kern_list(k, &v, &n);

	if (!r && !n)
		r = sbx_kern_unload(k, d);
	sbx_kern_list_free(v, n);
	return r;
}

void sbx_tidy(struct sbx_kern *k)
{
	struct sbx_diags d = {0};

	unload_idle(k, &d);
	sbx_report(&d);
}

int sbx_detach(struct sbx_kern *k, uint64_t id)
{
	struct sbx_diags d = {0};
	int r = sbx_kern_detach(k, id, &d);

	if (!r)
		r = unload_idle(k, &d);
	if (r)
		return sbx_fail_with(r, &d, "cannot detach");
	sbx_report(&d);
	return 0;
}

static const char name_chars[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

/* A policy is named by its file where it does not say, and that may be anything. */
void sbx_free_name(struct sbx_kern *k, const char *base, char *buf, size_t size)
{
	char name[SBX_NAME_LEN];
	uint64_t id;
	unsigned i;

	snprintf(name, sizeof(name), "%.*s", SBX_NAME_LEN - 12, base);
	for (i = 0; name[i]; i++)
		if (!strchr(name_chars, name[i]) || (!i && strchr(".-", name[i])))
			name[i] = '_';
	snprintf(buf, size, "%s", *name ? name : "sandbox");
	for (i = 2; !sbx_kern_find(k, NULL, buf, &id, NULL); i++)
		snprintf(buf, size, "%s-%u", *name ? name : "sandbox", i);
}

int sbx_name_check(const char *name)
{
	if (name[strspn(name, name_chars)] || name[0] == '-' || name[0] == '.')
		return sbx_fail(SBX_EXIT_USAGE, "use letters, digits and . _ -, not in front . -",
				"this cannot be a sandbox's name (%s)", name);
	if (strlen(name) >= SBX_NAME_LEN)
		return sbx_fail(SBX_EXIT_USAGE, "choose a shorter one",
				"a sandbox's name has %d characters at most (%s)", SBX_NAME_LEN - 1,
				name);
	return 0;
}

int sbx_policy_of(struct sbx_kern *k, uint64_t id, struct sbx_policy **p, struct sbx_facts *facts)
{
	uint16_t *ports = NULL;
	size_t n = 0;
	char *json = NULL;
	int r = sbx_kern_meta(k, id, &json);

	if (!r)
		r = sbx_dns_ports6(k, &ports, &n);
	if (!r)
		r = sbx_meta_load(json, p, facts);
	if (!r) {
		facts->forwarder6 = ports;
		facts->n_forwarder6 = n;
		ports = NULL;
	}
	free(ports);
	free(json);
	return r;
}

/* --- output --- */

void sbx_put_json(FILE *out, json_t *j)
{
	json_dumpf(j, out, JSON_COMPACT);
	fputc('\n', out);
	json_decref(j);
}

json_t *sbx_json_text(const char *s)
{
	struct sbx_text t;
	char *escaped = NULL;
	json_t *j;

	if (!s || sbx_text_valid(s, strlen(s)))
		return s ? json_string(s) : json_null();
	if (sbx_text_begin(&t))
		return json_null();
	sbx_put_escaped(t.out, s, strlen(s));
	sbx_text_end(&t, &escaped);
	j = escaped ? json_string(escaped) : json_null();
	free(escaped);
	return j;
}

const char *sbx_mode_name(int mode)
{
	return mode == SBX_MODE_AUDIT ? "audit" : "enforce";
}

uint64_t sbx_age_seconds(uint64_t created_ns)
{
	uint64_t created = created_ns / 1000000000;
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec > created ? now.tv_sec - created : 0;
}

void sbx_age(uint64_t created_ns, char *buf, size_t size)
{
	static const struct {
		uint64_t seconds;
		const char *unit;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	uint64_t age = sbx_age_seconds(created_ns);
	size_t i;

	for (i = 0; i < 3 && age < 2 * units[i].seconds; i++)
		;
	snprintf(buf, size, "%llu %s", (unsigned long long)(age / units[i].seconds), units[i].unit);
}
