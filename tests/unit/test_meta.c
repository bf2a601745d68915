// SPDX-License-Identifier: MIT
/* The meta blob gives back what decides and what is shown, and refuses what is not one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "sbx_maps.h"
#include "tests/unit/written.h"
#include "user/policy/compile.h"
#include "user/policy/netset.h"

static const char policy[] =
	"name: meta\n"
	"description: \"what is kept\"\n"
	"mode: audit\n"
	"exec-anonymous: allow\n"
	"files:\n"
	"  - allow: [read, exec]\n"
	"    path: [\"/usr/**\", \"~/{a,b}/*.c\", \"@tty\", \"/caf\\u00e9/**\"]\n"
	"  - deny: [read]\n"
	"    path: \"/usr/x\"\n"
	"    quiet: true\n"
	"    reason: \"not \\\"that\\\"\"\n"
	"  - allow: [read]\n"
	"    path: \"/usr/x\"\n"
	"    override: true\n"
	"  - protect: [read, write]\n"
	"    path: \"/**/.env\"\n"
	"    except: [\"/usr/.env\"]\n"
	"network:\n"
	"  - allow: [connect, bind]\n"
	"    to: [\"[2001:db8::/32]:443,8000-8010/tcp\", \"localhost\", "
	"\"internet:ephemeral/udp\"]\n"
	"  - protect: [connect]\n"
	"    to: \"any:25\"\n"
	"    except: \"10.0.0.25:25\"\n"
	"families: [netlink-route]\n"
	"capabilities: [cap_net_raw]\n";

static void same(const char *a, const char *b)
{
	if (!a || !b)
		assert_true(a == b);
	else
		assert_string_equal(a, b);
}

static void same_pos(struct sbx_pos a, struct sbx_pos b)
{
	same(a.file, b.file);
	assert_int_equal(a.line, b.line);
	assert_int_equal(a.col, b.col);
}

static void same_patterns(const struct sbx_pattern *a, size_t n, const struct sbx_pattern *b,
			  size_t m)
{
	size_t i;

	assert_int_equal(n, m);
	for (i = 0; i < n; i++) {
		same(a[i].text, b[i].text);
		same(a[i].source, b[i].source);
		same_pos(a[i].pos, b[i].pos);
	}
}

static void same_endpoints(const struct sbx_endpoint *a, size_t n, const struct sbx_endpoint *b,
			   size_t m)
{
	size_t i;

	assert_int_equal(n, m);
	for (i = 0; i < n; i++) {
		same(a[i].source, b[i].source);
		same_pos(a[i].pos, b[i].pos);
		assert_int_equal(a[i].kind, b[i].kind);
		assert_int_equal(a[i].family, b[i].family);
		assert_int_equal(a[i].prefix_len, b[i].prefix_len);
		assert_int_equal(a[i].protos, b[i].protos);
		assert_int_equal(a[i].ephemeral, b[i].ephemeral);
		assert_memory_equal(a[i].addr, b[i].addr, sizeof(a[i].addr));
		assert_int_equal(a[i].n_ports, b[i].n_ports);
		if (a[i].n_ports)
			assert_memory_equal(a[i].ports, b[i].ports,
					    a[i].n_ports * sizeof(*a[i].ports));
	}
}

static void same_policy(const struct sbx_policy *a, const struct sbx_policy *b)
{
	size_t i;

	same(a->name, b->name);
	same(a->file, b->file);
	same(a->description, b->description);
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->exec_anonymous, b->exec_anonymous);
	assert_int_equal(a->families, b->families);
	assert_int_equal(a->caps, b->caps);
	assert_int_equal(a->n_env_keep, b->n_env_keep);
	for (i = 0; i < a->n_env_keep; i++)
		same(a->env_keep[i], b->env_keep[i]);
	assert_int_equal(a->n_env_set, b->n_env_set);
	for (i = 0; i < a->n_env_set; i++) {
		same(a->env_set[i].name, b->env_set[i].name);
		same(a->env_set[i].value, b->env_set[i].value);
	}
	assert_int_equal(a->n_sources, b->n_sources);
	assert_int_equal(a->n_files, b->n_files);
	for (i = 0; i < a->n_files; i++) {
		const struct sbx_file_rule *x = &a->files[i], *y = &b->files[i];

		assert_int_equal(x->verb, y->verb);
		assert_int_equal(x->rights, y->rights);
		assert_int_equal(x->override, y->override);
		assert_int_equal(x->quiet, y->quiet);
		same(x->reason, y->reason);
		same_pos(x->pos, y->pos);
		same_patterns(x->paths, x->n_paths, y->paths, y->n_paths);
		same_patterns(x->except, x->n_except, y->except, y->n_except);
	}
	assert_int_equal(a->n_net, b->n_net);
	for (i = 0; i < a->n_net; i++) {
		assert_int_equal(a->net[i].verb, b->net[i].verb);
		assert_int_equal(a->net[i].rights, b->net[i].rights);
		same_pos(a->net[i].pos, b->net[i].pos);
		same_endpoints(a->net[i].to, a->net[i].n_to, b->net[i].to, b->net[i].n_to);
		same_endpoints(a->net[i].except, a->net[i].n_except, b->net[i].except,
			       b->net[i].n_except);
	}
}

static void same_facts(const struct sbx_facts *a, const struct sbx_facts *b)
{
	size_t i;

	assert_int_equal(a->ephemeral_first, b->ephemeral_first);
	assert_int_equal(a->ephemeral_last, b->ephemeral_last);
	assert_int_equal(a->n_aliases, b->n_aliases);
	for (i = 0; i < a->n_aliases; i++) {
		same(a->aliases[i].from, b->aliases[i].from);
		same(a->aliases[i].to, b->aliases[i].to);
		assert_int_equal(a->aliases[i].symlink, b->aliases[i].symlink);
	}
	assert_int_equal(a->n_own, b->n_own);
	for (i = 0; i < a->n_own; i++) {
		assert_int_equal(a->own[i].family, b->own[i].family);
		assert_memory_equal(a->own[i].addr, b->own[i].addr, 16);
	}
}

static void round_trip(struct sbx_policy *p)
{
	char *json = sbx_meta_dump(p, &written_facts);
	struct sbx_policy *back = NULL;
	struct sbx_facts facts = {0};

	assert_non_null(json);
	assert_int_equal(sbx_meta_load(json, &back, &facts), 0);
	same_policy(p, back);
	same_facts(&written_facts, &facts);
	sbx_policy_free(back);
	sbx_facts_free(&facts);
	free(json);
}

static void test_round_trip(void **unused)
{
	struct sbx_policy *p = written(policy);

	round_trip(p);
	sbx_policy_free(p);
	p = written("name: empty\n");
	round_trip(p);
	sbx_policy_free(p);
}

/* Variables may bring bytes that are no UTF-8, and JSON strings cannot hold them. */
static void test_bytes(void **unused)
{
	struct sbx_policy *p = written(policy);

	p->files[0].paths[0].text = "/\xff\xc3/*";
	p->files[0].paths[0].source = "\"${x}\"\n\x1b";
	p->files[0].reason = "\x80";
	round_trip(p);
	sbx_policy_free(p);
}

/* Every blob cut short, and every blob with one byte changed, is refused or loads; never worse. */
static void test_broken(void **unused)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"{\"meta\":2}",
		"{\"meta\":1}",
		"{\"meta\":1,\"names\":[],\"name\":\"x\"}",
	};
	struct sbx_policy *p = written(policy), *back;
	char *json = sbx_meta_dump(p, &written_facts);
	struct sbx_facts facts;
	size_t i, n = strlen(json);

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sbx_meta_load(bad[i], &back, &facts), -EINVAL);
	for (i = 0; i < n; i += 7) {
		char *cut = strndup(json, i);

		assert_int_equal(sbx_meta_load(cut, &back, &facts), -EINVAL);
		free(cut);
	}
	for (i = 0; i < n; i++) {
		char was = json[i];

		json[i] = was == '1' ? '9' : was == '[' ? '{' : was ^ 1;
		if (!sbx_meta_load(json, &back, &facts)) {
			sbx_policy_free(back);
			sbx_facts_free(&facts);
		}
		json[i] = was;
	}
	free(json);
	sbx_policy_free(p);
}

static void test_compile(void **unused)
{
	struct sbx_policy *p = written(policy);
	struct sbx_compiled c;
	struct sbx_diags d = {0};
	const uint8_t home[4] = {127, 0, 0, 1};
	const struct sbx_image_hdr *hdr;
	uint32_t state;

	assert_int_equal(sbx_compile(p, &written_facts, &c, &d), 0);
	hdr = sbx_image_hdr(&c.image);
	assert_int_equal(hdr->magic, SBX_IMAGE_MAGIC);
	assert_int_equal(hdr->abi, SBX_ABI);
	assert_int_equal(hdr->chunks, c.image.n_chunks);
	assert_int_equal(hdr->flags, SBX_IMG_EXEC_ANON);
	assert_true(hdr->families == p->families && p->families == 1ull << AF_NETLINK);
	assert_true(hdr->caps == p->caps && p->caps == 1ull << 13);
	/* both parts are there, in one image */
	state = sbx_image_walk(&c.image, hdr->start, "/usr/lib/x", 10);
	assert_int_equal(sbx_image_state(&c.image, state)->rights, SBX_READ | SBX_EXEC);
	assert_true(sbx_image_net(&c.image, SBX_DIR_CONNECT, AF_INET, home, 0, 80) &
		    SBX_PORT_ALLOW);
	assert_non_null(c.meta);
	sbx_compiled_free(&c);
	sbx_diags_free(&d);
	sbx_policy_free(p);
}

/* The network's errors are reported although the files have errors, too. */
static void test_all_errors(void **unused)
{
	struct sbx_policy *p = written("files:\n  - deny: [read]\n    path: \"/a/**\"\n"
				       "  - allow: [read]\n    path: \"/a/b\"\n"
				       "network:\n  - deny: [bind]\n    to: \"any\"\n"
				       "  - allow: [bind]\n    to: \"localhost:1\"\n");
	struct sbx_compiled c;
	struct sbx_diags d = {0};

	assert_int_equal(sbx_compile(p, &written_facts, &c, &d), -EINVAL);
	assert_int_equal(d.errors, 2);
	sbx_diags_free(&d);
	sbx_policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_broken),	   cmocka_unit_test(test_compile),
		cmocka_unit_test(test_all_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
