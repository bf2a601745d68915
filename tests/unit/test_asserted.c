// SPDX-License-Identifier: MIT
/*
 * What is asserted of the shipped policies (policies/assert/): all of it is proved, and none of it
 * would be if a line that matters were missing. Run from the top of the sources.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/unit/written.h"
#include "user/policy/assertion.h"

static char own_dir[] = "/tmp/sbx-asserted-XXXXXX"; /* policies that were changed: come first */
static const char *const dirs[] = {own_dir, "policies", NULL};
static const struct sbx_load_opts opts = {
	.home = "/home/u", .pwd = "/home/u/work", .tmp = "/tmp/sbx-1", .env = no_env, .dirs = dirs};

struct proof {
	struct sbx_policy *policy, *asserted;
	struct sbx_compiled compiled;
	struct sbx_findings found;
};

static void prove(struct proof *x, const char *policy, const char *asserted)
{
	struct sbx_diags d = {0};
	struct sbx_subject s;

	*x = (struct proof){0};
	if (sbx_policy_load(policy, &opts, &x->policy, &d) ||
	    sbx_compile(x->policy, &written_facts, &x->compiled, &d) ||
	    sbx_assertions_load(asserted, &opts, &x->asserted, &d)) {
		sbx_diags_print(&d, stderr);
		fail_msg("%s, %s: not read", policy, asserted);
	}
	sbx_diags_free(&d);
	s = (struct sbx_subject){x->policy, &written_facts, &x->compiled.image};
	assert_int_equal(sbx_assertions_prove(&s, x->asserted, &written_facts, &x->found, &d), 0);
	if (d.n) {
		sbx_diags_print(&d, stderr);
		fail_msg("%s: asserted with complaints", asserted);
	}
}

static void proof_free(struct proof *x)
{
	sbx_findings_free(&x->found);
	sbx_compiled_free(&x->compiled);
	sbx_policy_free(x->asserted);
	sbx_policy_free(x->policy);
}

static void assert_proved(const struct proof *x)
{
	size_t i;

	assert_true(x->found.n > 0);
	for (i = 0; i < x->found.n; i++)
		if (x->found.v[i].outcome != SBX_PROVED)
			fail_msg("%s:%d: %s: %s", x->found.v[i].pos.file, x->found.v[i].pos.line,
				 x->found.v[i].text, x->found.v[i].example);
}

static void test_all_proved(void **unused)
{
	char asserted[256];
	struct proof x;
	size_t i;
	glob_t g;

	assert_int_equal(glob("policies/*.yaml", 0, NULL, &g), 0);
	assert_true(g.gl_pathc >= 26);
	for (i = 0; i < g.gl_pathc; i++) {
		snprintf(asserted, sizeof(asserted), "policies/assert/%s",
			 strrchr(g.gl_pathv[i], '/') + 1);
		prove(&x, g.gl_pathv[i], asserted);
		assert_proved(&x);
		proof_free(&x);
	}
	globfree(&g);
}

static void write_text(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.yaml", own_dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void remove_text(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s.yaml", own_dir, name);
	assert_int_equal(unlink(path), 0);
}

/* Protections hold whatever else is allowed: this is what they are tried with. */
static void write_open(void)
{
	write_text("open", "version: 1\ninclude: [credentials]\nfiles:\n"
			   "  - {allow: [read, write, exec], path: \"/**\", override: true}\n");
}

static void test_protections(void **unused)
{
	struct proof x;

	write_open();
	prove(&x, "open", "credentials");
	assert_proved(&x);
	proof_free(&x);
	remove_text("open");
}

/* One change to one file; then the first thing that does not hold is this. */
static const struct {
	const char *file, *was, *is;
	const char *rights, *example, *rule_at; /* what decides: its file and line */
} mutations[] = {
	{"credentials", "path: [\"~/.ssh/**\"]", "path: [\"~/.ssh/known_hosts\"]", "read, write",
	 "/home/u/.ssh", "open.yaml"},
	{"credentials", "\"/**/.env\", ", "", "read, write", "/.env", "open.yaml"},
	{"credentials", "{example,sample,template,dist,defaults}", "*", "read, write", "/.env.",
	 "open.yaml"},
	{"ai-agent", "\"${project}/.git/hooks/**\", ", "", "write", "/home/u/work/.git/hooks",
	 "ai-agent.yaml"},
	{"ai-agent", "[\"${project}/.git\", ", "[", "write", "/home/u/work/.git", "ai-agent.yaml"},
	{"ai-agent", "\"${project}/.mcp.json\", ", "", "write", "/home/u/work/.mcp.json",
	 "ai-agent.yaml"},
	{"ai-agent", "\"~/.claude/{settings.json,settings.local.json,CLAUDE.md}\"",
	 "\"~/.claude/{settings.json,CLAUDE.md}\"", "write", "/home/u/.claude/settings.local.json",
	 "ai-agent.yaml"},
	{"ai-agent", "path: [\"~/.local/bin/**\"", "path: [\"~/Mail/**\", \"~/.local/bin/**\"",
	 "read", "/home/u/Mail", "ai-agent.yaml"},
	{"ai-agent", "\"~/.claude.json.*\"", "\"~/.claude.json*\"", "write",
	 "/home/u/.claude.jsona", "ai-agent.yaml"},
	{"ai-agent", "\"internet:443\"", "\"any:443\"", "connect", "169.254.169.254:443/tcp",
	 "ai-agent.yaml"},
	{"ai-agent", "\"internet:443\"", "\"internet:443,465\"", "connect", "1.0.0.0:465/tcp",
	 "ai-agent.yaml"},
	{"ai-agent", "to: [\"localhost\"]", "to: [\"any:8000\"]", "bind", "0.0.0.0:8000/tcp",
	 "ai-agent.yaml"},
	{"ai-agent", "DISABLE_TELEMETRY]", "\"GITHUB_*\"]", NULL, "GITHUB_*", NULL},
	{"base", "\"/etc/letsencrypt/**\", ", "", "read", "/etc/letsencrypt", "base.yaml"},
	{"base", "allow: [read]\n    path: [\"/etc/**\"",
	 "allow: [read, write]\n    path: [\"/etc/**\"", "write", "/etc", "base.yaml"},
	{"base", "\"/proc/self/**\", ", "", "read", "/proc/self", NULL},
	{"base", "families: [netlink-route]", "families: [netlink-route, packet]", NULL, "families",
	 NULL},
	{"base", "path: [\"/dev\", \"/dev/pts\"]", "path: [\"/dev/**\"]", "read", "/dev/sd",
	 "base.yaml"},
	{"python", "allow: [read, exec]\n    path: [\"~/.local/lib",
	 "allow: [read, write, exec]\n    path: [\"~/.local/lib", "write", "/home/u/.pyenv",
	 "python.yaml"},
	{"git", "\"~/.config/git/{config,config.*,ignore,attributes,message}\"",
	 "\"~/.config/git/**\"", "read", "/home/u/.config/git/credentials", "git.yaml"},
	{"ai-agent", "\"${project}/.{npmrc,yarnrc,yarnrc.yml}\"", "\"${project}/.{npmrc,yarnrc}\"",
	 "write", "/home/u/work/.yarnrc.yml", "ai-agent.yaml"},
	{"ai-agent", "\"${project}/.envrc\", ", "", "write", "/home/u/work/.envrc",
	 "ai-agent.yaml"},
	{"ai-agent", ".{husky,lefthook,", ".{lefthook,", "write", "/home/u/work/.husky",
	 "ai-agent.yaml"},
	{"ai-agent-review", "[\"${PWD}/**\", \"~/**\"]", "\"~/.codex/**\"", "write", "/home/u/work",
	 "ai-agent.yaml"},
	{"ai-agent-review", "\"~/.claude.json\", ", "", "read", "/home/u/.claude.json",
	 "ai-agent.yaml"},
	{"ai-agent-offline", "deny: [connect, bind]", "deny: [bind]", "connect", "0.0.0.1:53/tcp",
	 "dns.yaml"},
	{"ai-agent-offline", "to: \"any\"", "to: \"internet\"", "connect", "0.0.0.1:53/tcp",
	 "dns.yaml"},
	{"ci-runner", "{hooks,modules,worktrees}", "{hooks,worktrees}", "write",
	 "/home/u/work/.git/modules", "ci-runner.yaml"},
	{"ci-runner", "keep: [CI, ", "keep: [\"CI_*\", ", NULL, "CI_*", NULL},
	{"package-install", "**/.git/**\", ", "**/.github/**\", ", "write",
	 "/home/u/work/.git/venv", "package-install.yaml"},
	{"package-install", "  - deny: [write]\n    path: \"${project}/**\"",
	 "  - allow: [write]\n    path: \"${project}/src/**\"", "write", "/home/u/work/src/x.c",
	 "package-install.yaml"},
	{"browser", "allow: [read, write]\n    path: \"/dev/shm",
	 "allow: [read, write, exec]\n    path: \"/dev/shm", "exec", "/dev/shm/.org.chromium.",
	 "browser.yaml"},
	{"browser", "to: \"internet:80/tcp\"", "to: \"internet:25,80/tcp\"", "connect",
	 "1.0.0.0:25/tcp", "browser.yaml"},
	{"go", "deny: [read, write]\n    path: \"~/.config/go/telemetry/**\"",
	 "allow: [read, write]\n    path: \"~/.config/go/telemetry/**\"", "write",
	 "/home/u/.config/go/telemetry", "go.yaml"},
	{"agent-state", "allow: [read, write]", "allow: [read, write, exec]", "exec",
	 "/home/u/.sbx-bpf", "agent-state.yaml"},
	{"rust", "allow: [read]\n    path: [\"~/.cargo/{config",
	 "allow: [read]\n    path: [\"~/.cargo/{credentials,config", "read",
	 "/home/u/.cargo/credentials", "rust.yaml"},
	{"java", "path: \"~/.mavenrc\"", "path: [\"~/.mavenrc\", \"~/.m2/**\"]", "read",
	 "/home/u/.m2/settings.xml", "java.yaml"},
	{"ruby", "\"~/.gem/ruby/**\"", "\"~/.gem/**\"", "read", "/home/u/.gem/credentials",
	 "ruby.yaml"},
	{"php", "\"~/.config/composer/vendor/**\"", "\"~/.config/composer/**\"", "read",
	 "/home/u/.config/composer/auth.json", "php.yaml"},
	{"version-managers", "allow: [read]\n    path: [\"~/.{tool",
	 "allow: [read, write]\n    path: [\"~/.{tool", "write", "/home/u/.asdfrc",
	 "version-managers.yaml"},
	{"dns", "to: \"any:0/udp\"\n  # getaddrinfo", "to: \"any:0,5353/udp\"\n  # getaddrinfo",
	 "bind", "0.0.0.0:5353/udp", "dns.yaml"},
};

static char *changed(const char *file, const char *was, const char *is)
{
	char path[128], *text = calloc(1, 65536), *out = NULL, *at;
	FILE *f;

	snprintf(path, sizeof(path), "policies/%s.yaml", file);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_true(fread(text, 1, 65535, f) < 65535);
	fclose(f);
	at = strstr(text, was);
	if (!at)
		fail_msg("%s: \"%s\" is not there", path, was);
	assert_true(asprintf(&out, "%.*s%s%s", (int)(at - text), text, is, at + strlen(was)) > 0);
	free(text);
	return out;
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* policies/x.yaml:31 -> x.yaml */
static bool decided_in(const char *rule_at, const char *file)
{
	const char *base = rule_at ? strrchr(rule_at, '/') : NULL;

	if (!file || !base)
		return !file && !rule_at;
	return !strncmp(base + 1, file, strlen(file)) && base[1 + strlen(file)] == ':';
}

static bool told(const struct sbx_findings *all, size_t m)
{
	size_t i;

	for (i = 0; i < all->n; i++)
		if (all->v[i].outcome == SBX_REFUTED &&
		    same(all->v[i].example, mutations[m].example) &&
		    same(all->v[i].rights, mutations[m].rights) &&
		    decided_in(all->v[i].rule_at, mutations[m].rule_at))
			return true;
	return false;
}

static void try_mutation(size_t m)
{
	const char *file = mutations[m].file;
	/* These two are proved in ai-agent; what protects the others there may be another bundle.
	 */
	bool open = !strcmp(file, "credentials"),
	     alone = strcmp(file, "base") && strcmp(file, "python");
	char *text = changed(file, mutations[m].was, mutations[m].is);
	struct proof x;
	size_t i;

	write_text(file, text);
	free(text);
	if (open)
		write_open();
	prove(&x, open ? "open" : alone ? file : "ai-agent", alone ? file : "ai-agent");
	if (!told(&x.found, m)) {
		for (i = 0; i < x.found.n; i++)
			if (x.found.v[i].outcome != SBX_PROVED)
				print_error("%s: %s of %s by %s\n", x.found.v[i].text,
					    x.found.v[i].rights, x.found.v[i].example,
					    x.found.v[i].rule_at);
		fail_msg("%s without %s: not noticed as it should be", file, mutations[m].was);
	}
	proof_free(&x);
	remove_text(file);
	if (open)
		remove_text("open");
}

static void test_mutations(void **unused)
{
	size_t m;

	for (m = 0; m < sizeof(mutations) / sizeof(*mutations); m++)
		try_mutation(m);
}

static int make_dir(void **unused)
{
	return mkdtemp(own_dir) ? 0 : -1;
}

static int drop_dir(void **unused)
{
	return rmdir(own_dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_proved),
		cmocka_unit_test(test_protections),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
