// SPDX-License-Identifier: MIT
/*
 * The shipped policies: none of them opens a credential, and ai-agent allows what its header says.
 * Run from the top of the sources.
 */
#include <arpa/inet.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/written.h"
#include "user/base/caps.h"
#include "user/policy/compile.h"
#include "user/policy/netset.h"

static const char *const dirs[] = {"policies", NULL};
static const struct sbx_load_opts opts = {
	.home = "/home/u", .pwd = "/home/u/work", .tmp = "/tmp/sbx-1", .env = no_env, .dirs = dirs};

static struct sbx_policy *load(const char *file)
{
	struct sbx_policy *p = NULL;
	struct sbx_diags d = {0};
	struct sbx_compiled c;

	if (sbx_policy_load(file, &opts, &p, &d) || sbx_compile(p, &written_facts, &c, &d) || d.n) {
		sbx_diags_print(&d, stderr);
		fail_msg("%s: not without complaints", file);
	}
	sbx_compiled_free(&c);
	return p;
}

static uint8_t rights_of(const struct sbx_policy *p, const char *path)
{
	uint8_t rights = 0, right;
	bool granted;

	for (right = SBX_READ; right <= SBX_EXEC; right <<= 1) {
		sbx_files_decider(p, &written_facts, path, strlen(path), right, &granted);
		rights |= granted ? right : 0;
	}
	return rights;
}

/* Nobody's business, in whatever policy. */
static const char *const secrets[] = {
	"/etc/shadow",
	"/etc/gshadow-",
	"/etc/sudoers",
	"/etc/sudoers.d/90-cloud",
	"/etc/ssh/ssh_host_ed25519_key",
	"/etc/ssl/private/server.key",
	"/etc/letsencrypt/live/x.org/privkey.pem",
	"/etc/NetworkManager/system-connections/home.nmconnection",
	"/etc/wireguard/wg0.conf",
	"/etc/kubernetes/admin.conf",
	"/etc/apt/auth.conf",
	"/etc/apt/auth.conf.d/private.conf",
	"/etc/postfix/sasl_passwd",
	"/etc/msmtprc",
	"/root/.ssh/id_rsa",
	"/root/.bash_history",
	"/home/v/.ssh/id_ed25519",
	"/home/v/notes",
	"/home/u/.ssh/id_ed25519",
	"/home/u/.ssh/keys/deploy",
	"/home/u/.gnupg/private-keys-v1.d/x.key",
	"/home/u/.password-store/bank.gpg",
	"/home/u/.local/share/keyrings/login.keyring",
	"/home/u/.config/Bitwarden/data.json",
	"/home/u/.netrc",
	"/home/u/.git-credentials",
	"/home/u/.config/git/credentials",
	"/home/u/.config/gh/hosts.yml",
	"/home/u/.aws/credentials",
	"/home/u/.azure/msal_token_cache.json",
	"/home/u/.config/gcloud/credentials.db",
	"/home/u/.kube/config",
	"/home/u/.docker/config.json",
	"/home/u/.vault-token",
	"/home/u/.terraform.d/credentials.tfrc.json",
	"/home/u/.npmrc",
	"/home/u/.pypirc",
	"/home/u/.cargo/credentials.toml",
	"/home/u/.m2/settings.xml",
	"/home/u/.pgpass",
	"/home/u/.my.cnf",
	"/home/u/.mozilla/firefox/x.default/logins.json",
	"/home/u/.config/google-chrome/Default/Cookies",
	"/home/u/.config/Signal/config.json",
	"/home/u/.bash_history",
	"/home/u/.local/share/fish/fish_history",
	"/home/u/.gemini/oauth_creds.json",
	"/home/u/.config/github-copilot/hosts.json",
	"/home/u/.cache/huggingface/token",
	"/home/u/work/.env",
	"/home/u/work/.env.production",
	"/home/u/work/services/api/.env.local",
	"/run/secrets/db_password",
	"/run/user/1000/keyring/control",
	"/var/lib/docker/volumes/x/_data/y",
	"/var/lib/kubelet/pki/kubelet-client-current.pem",
	"/var/backups/shadow.bak",
	"/proc/kcore",
	"/proc/kmsg",
	"/dev/mem",
	"/dev/sda",
	"/dev/kmsg",
	"/sys/firmware/efi/efivars/x",
};

static void test_secrets(void **unused)
{
	size_t i, k;
	glob_t g;

	assert_int_equal(glob("policies/*.yaml", 0, NULL, &g), 0);
	assert_true(g.gl_pathc >= 9);
	for (i = 0; i < g.gl_pathc; i++) {
		struct sbx_policy *p = load(g.gl_pathv[i]);

		for (k = 0; k < sizeof(secrets) / sizeof(secrets[0]); k++)
			if (rights_of(p, secrets[k]) & (SBX_READ | SBX_WRITE))
				fail_msg("%s opens %s", g.gl_pathv[i], secrets[k]);
		sbx_policy_free(p);
	}
	globfree(&g);
}

/* Symlinks that are common on hosts: none of them makes a policy refuse to compile. */
static void test_symlinks(void **unused)
{
	static struct sbx_alias aliases[] = {
		{"/bin", "/usr/bin", true},
		{"/lib", "/usr/lib", true},
		{"/var/run", "/run", true},
		{"/dev/ptmx", "/dev/pts/ptmx", true},
		{"/dev/shm", "/run/shm", true},
		{"/etc/resolv.conf", "/run/systemd/resolve/stub-resolv.conf", true},
		{"/home/u/.claude", "/home/u/dotfiles/claude", true},
		{"/home/u/.bashrc", "/home/u/dotfiles/bashrc", true},
		{"/home/u/.gitconfig", "/home/u/dotfiles/gitconfig", true},
		{"/home/u/work", "/data/work", true},
		{"/home/u/work/.git/hooks", "/home/u/work/tools/hooks", true},
	};
	static const struct sbx_facts facts = {.aliases = aliases,
					       .n_aliases = sizeof(aliases) / sizeof(aliases[0])};
	struct sbx_policy *p;
	struct sbx_diags d = {0};
	struct sbx_compiled c;
	size_t i;
	glob_t g;

	assert_int_equal(glob("policies/*.yaml", 0, NULL, &g), 0);
	for (i = 0; i < g.gl_pathc; i++) {
		p = NULL;
		if (sbx_policy_load(g.gl_pathv[i], &opts, &p, &d) ||
		    sbx_compile(p, &facts, &c, &d)) {
			sbx_diags_print(&d, stderr);
			fail_msg("%s: refused", g.gl_pathv[i]);
		}
		sbx_compiled_free(&c);
		sbx_policy_free(p);
	}
	sbx_diags_free(&d);
	globfree(&g);
}

/* Whoever allows everything after the bundle has not opened a credential either. */
static void test_protected(void **unused)
{
	static const char text[] = "version: 1\ninclude: [base, credentials]\n"
				   "files:\n  - allow: [read, write, exec]\n    path: \"/**\"\n"
				   "    override: true\n";
	struct sbx_policy *p = NULL;
	struct sbx_diags d = {0};
	size_t k;

	assert_int_equal(sbx_policy_parse("p.yaml", text, strlen(text), &opts, &p, &d), 0);
	assert_int_equal(rights_of(p, "/home/u/.ssh/known_hosts"), SBX_READ | SBX_EXEC);
	assert_int_equal(rights_of(p, "/home/u/work/.env.example"),
			 SBX_READ | SBX_WRITE | SBX_EXEC);
	for (k = 0; k < sizeof(secrets) / sizeof(secrets[0]); k++) {
		/* those of others, and what the machine keeps, are matters of single rules */
		if (strncmp(secrets[k], "/home/u/", 8) || strstr(secrets[k], "/.gemini/") ||
		    strstr(secrets[k], "/github-copilot/"))
			continue;
		if (rights_of(p, secrets[k]) & (SBX_READ | SBX_WRITE))
			fail_msg("%s is not protected", secrets[k]);
	}
	sbx_diags_free(&d);
	sbx_policy_free(p);
}

#define R   SBX_READ
#define W   SBX_WRITE
#define X   SBX_EXEC
#define RX  (R | X)
#define RW  (R | W)
#define RWX (R | W | X)

static const struct {
	const char *path;
	uint8_t rights;
} at_work[] = {
	{"", R},
	{"/usr/bin/git", RX},
	{"/usr/lib/x86_64-linux-gnu/libc.so.6", RX},
	{"/usr/include/stdio.h", RX},
	{"/etc/passwd", R},
	{"/etc/ssl/certs/ca-certificates.crt", R},
	{"/run/systemd/resolve/stub-resolv.conf", R},
	{"/dev/null", RW},
	{"@tty", RW},
	{"/dev/pts/7", 0},
	{"/proc/self/maps", R},
	{"/proc/@sandbox/status", R},
	{"/proc/meminfo", R},
	{"/sys/devices/system/cpu/online", R},
	{"/sys/fs/cgroup/cgroup.procs", R},
	{"/home", 0},
	{"/home/u", 0},
	{"/home/u/notes.txt", 0},
	{"/tmp", 0},
	{"/tmp/other", 0},
	{"/tmp/sbx-1/x", RWX},
	/* the project, and what would run outside later */
	{"/home/u/work", RWX},
	{"/home/u/work/src/main.c", RWX},
	{"/home/u/work/.gitignore", RWX},
	{"/home/u/work/.git/HEAD", RWX},
	{"/home/u/work/.git/objects/aa/bb", RWX},
	{"/home/u/work/.git/index.lock", RWX},
	{"/home/u/work/.git", RX},
	{"/home/u/work/.git/config", RX},
	{"/home/u/work/.git/hooks", RX},
	{"/home/u/work/.git/hooks/pre-commit", RX},
	{"/home/u/work/.git/modules/x/config", RX},
	{"/home/u/work/.git/modules/x/y/hooks/pre-push", RX},
	{"/home/u/work/.git/worktrees/x/commondir", RX},
	{"/home/u/work/.git/info/attributes", RX},
	{"/home/u/work/.git/info/exclude", RWX},
	{"/home/u/work/.envrc", RX},
	{"/home/u/work/.env.example", RWX},
	{"/home/u/work/.vscode/tasks.json", RX},
	{"/home/u/work/.vscode/snippets.json", RWX},
	{"/home/u/work/.mcp.json", RX},
	{"/home/u/work/.claude/settings.json", RX},
	{"/home/u/work/.claude/hooks/x", RX},
	{"/home/u/work/.husky/pre-commit", RX},
	/* a clone in a subdirectory is free */
	{"/home/u/work/sub/.git/config", RWX},
	{"/home/u/work/sub/.git/hooks/pre-commit", RWX},
	/* the user's own set-up */
	{"/home/u/.gitconfig", R},
	{"/home/u/.bashrc", R},
	{"/home/u/.vimrc", R},
	{"/home/u/.ssh/config", 0},
	{"/home/u/.ssh/known_hosts", 0},
	{"/home/u/.local/bin/tool", RX},
	{"/home/u/.nvm/versions/node/v20/bin/node", RX},
	{"/home/u/.pyenv/versions/3.11/bin/python", RX},
	{"/home/u/.claude/projects/x.jsonl", RW},
	{"/home/u/.claude/settings.json", R},
	{"/home/u/.claude/CLAUDE.md", R},
	{"/home/u/.claude/hooks/x.sh", RX},
	{"/home/u/.codex/config.toml", R},
	{"/home/u/.codex/sessions/x", RW},
};

static void test_agent_files(void **unused)
{
	struct sbx_policy *p = load("policies/ai-agent.yaml");
	size_t i;

	assert_int_equal(p->mode, 0);
	assert_int_equal(p->n_unsupported, 0);
	assert_true(p->caps == sbx_caps_default && !p->exec_anonymous);
	for (i = 0; i < sizeof(at_work) / sizeof(at_work[0]); i++) {
		uint8_t got = rights_of(p, at_work[i].path);

		if (got != at_work[i].rights)
			fail_msg("%s: rights %d, not %d", at_work[i].path, got, at_work[i].rights);
	}
	sbx_policy_free(p);
}

static const struct {
	int dir;
	const char *addr;
	uint16_t port;
	int proto;
	bool yes;
} peers[] = {
	{SBX_DIR_CONNECT, "93.184.216.34", 443, SBX_PROTO_TCP, true},
	{SBX_DIR_CONNECT, "2606:4700::1111", 443, SBX_PROTO_TCP, true},
	{SBX_DIR_CONNECT, "93.184.216.34", 80, SBX_PROTO_TCP, false},
	{SBX_DIR_CONNECT, "93.184.216.34", 22, SBX_PROTO_TCP, false},
	{SBX_DIR_CONNECT, "169.254.169.254", 443, SBX_PROTO_TCP, false}, /* cloud metadata */
	{SBX_DIR_CONNECT, "169.254.169.254", 80, SBX_PROTO_TCP, false},
	{SBX_DIR_CONNECT, "fd00:ec2::254", 443, SBX_PROTO_TCP, false},
	{SBX_DIR_CONNECT, "10.0.0.1", 443, SBX_PROTO_TCP, false},
	{SBX_DIR_CONNECT, "192.168.1.1", 443, SBX_PROTO_TCP, false},
	{SBX_DIR_CONNECT, "203.0.114.5", 443, SBX_PROTO_TCP, false}, /* the host's own */
	{SBX_DIR_CONNECT, "192.168.1.1", 53, SBX_PROTO_UDP, true},
	{SBX_DIR_CONNECT, "127.0.0.1", 5432, SBX_PROTO_TCP, true},
	{SBX_DIR_CONNECT, "::1", 3000, SBX_PROTO_TCP, true},
	{SBX_DIR_BIND, "127.0.0.1", 3000, SBX_PROTO_TCP, true},
	{SBX_DIR_BIND, "127.0.0.1", 0, SBX_PROTO_TCP, true},
	{SBX_DIR_BIND, "0.0.0.0", 3000, SBX_PROTO_TCP, false},
	{SBX_DIR_BIND, "::", 3000, SBX_PROTO_TCP, false},
	{SBX_DIR_BIND, "0.0.0.0", 0, SBX_PROTO_TCP, false},
	{SBX_DIR_BIND, "0.0.0.0", 0, SBX_PROTO_UDP, true}, /* dig */
	{SBX_DIR_BIND, "::", 0, SBX_PROTO_UDP, true},
	{SBX_DIR_BIND, "0.0.0.0", 5353, SBX_PROTO_UDP, false},
	{SBX_DIR_BIND, "203.0.114.5", 3000, SBX_PROTO_TCP, false},
};

static void test_agent_network(void **unused)
{
	struct sbx_policy *p = load("policies/ai-agent.yaml");
	uint8_t addr[16];
	bool granted, self;
	size_t i;

	for (i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
		int family = strchr(peers[i].addr, ':') ? AF_INET6 : AF_INET;

		inet_pton(family, peers[i].addr, addr);
		sbx_net_decider(p, &written_facts, peers[i].dir, family, addr, peers[i].proto,
				peers[i].port, &granted, &self);
		if (granted != peers[i].yes)
			fail_msg("%s:%u: %d", peers[i].addr, peers[i].port, granted);
	}
	sbx_policy_free(p);
}

/* Nothing of the caller's environment that holds a secret by its usual name goes in. */
static void test_agent_environment(void **unused)
{
	static const char *const never[] = {"AWS_SECRET_ACCESS_KEY",
					    "GITHUB_TOKEN",
					    "GH_TOKEN",
					    "SSH_AUTH_SOCK",
					    "NPM_TOKEN",
					    "DATABASE_URL",
					    "LD_PRELOAD",
					    "BASH_ENV",
					    "PYTHONPATH",
					    "DBUS_SESSION_BUS_ADDRESS",
					    "GPG_AGENT_INFO"};
	struct sbx_policy *p = load("policies/ai-agent.yaml");
	size_t i, k, n;

	for (i = 0; i < p->n_env_keep; i++)
		for (k = 0; k < sizeof(never) / sizeof(never[0]); k++) {
			n = strcspn(p->env_keep[i], "*");
			assert_true(n > 1); /* no glob for everything */
			assert_false(!strncmp(p->env_keep[i], never[k], n) &&
				     (p->env_keep[i][n] || !never[k][n]));
		}
	sbx_policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secrets),	      cmocka_unit_test(test_symlinks),
		cmocka_unit_test(test_protected),     cmocka_unit_test(test_agent_files),
		cmocka_unit_test(test_agent_network), cmocka_unit_test(test_agent_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
