// SPDX-License-Identifier: MIT
/* sbx-bpf status: the sandboxes there are. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "user/base/bpfd.h"
#include "user/cli/bpfd.h"
#include "user/cli/commands.h"
#include "user/kern/dns.h"

static struct {
	bool dns;
} opt;

static const struct sbx_opt opts[] = {
	{"dns", 0, SBX_OPT_FLAG, NULL,
	 "the addresses that names have opened and for how long, and the last closed", &opt.dns,
	 NULL},
	{0},
};

static json_t *one_json(const struct sbx_sandbox_info *s)
{
	const struct sbx_slot *t = &s->slot;

	return json_pack("{s:s, s:I, s:s, s:o, s:i, s:I, s:I, s:I, s:I, s:i, s:I}", "name", t->name,
			 "id", (json_int_t)t->id, "mode", sbx_mode_name(t->mode), "cgroup",
			 s->cgroup ? json_string(s->cgroup) : json_null(), "tasks", s->tasks,
			 "denied", (json_int_t)t->denied, "audited", (json_int_t)t->audited, "lost",
			 (json_int_t)t->lost, "quiet", (json_int_t)t->quiet, "generation",
			 t->generation, "age_s", (json_int_t)sbx_age_seconds(t->created_ns));
}

static void print_json(const struct sbx_sandbox_info *v, size_t n)
{
	json_t *all = json_array();
	size_t i;

	for (i = 0; i < n; i++)
		json_array_append_new(all, one_json(&v[i]));
	sbx_put_json(stdout, all);
}

static void print_table(const struct sbx_sandbox_info *v, size_t n)
{
	int name = 4, cgroup = 6;
	char age[32];
	size_t i;

	for (i = 0; i < n; i++) {
		const char *c = v[i].cgroup ? v[i].cgroup : "(gone)";

		name = (int)strlen(v[i].slot.name) > name ? (int)strlen(v[i].slot.name) : name;
		cgroup = (int)strlen(c) > cgroup ? (int)strlen(c) : cgroup;
	}
	printf("%-*s  MODE     %-*s  %5s  %7s  %7s  %5s  %3s  AGE\n", name, "NAME", cgroup,
	       "CGROUP", "TASKS", "DENIED", "AUDITED", "LOST", "GEN");
	for (i = 0; i < n; i++) {
		const struct sbx_slot *t = &v[i].slot;

		sbx_age(t->created_ns, age, sizeof(age));
		printf("%-*s  %-7s  %-*s  %5u  %7llu  %7llu  %5llu  %3u  %s\n", name, t->name,
		       sbx_mode_name(t->mode), cgroup, v[i].cgroup ? v[i].cgroup : "(gone)",
		       v[i].tasks, (unsigned long long)t->denied, (unsigned long long)t->audited,
		       (unsigned long long)t->lost, t->generation, age);
	}
}

/* --- addresses that names have opened --- */

struct listing {
	const struct sbx_sandbox_info *v;
	size_t n;
	json_t *all;
};

static json_t *ports_json(const struct sbx_name *name)
{
	json_t *ports = json_array();
	char text[32];
	uint32_t i;

	for (i = 0; i < name->n && i < SBX_NAME_PORTS; i++) {
		uint16_t first = (uint16_t)name->ports[i].first,
			 last = (uint16_t)name->ports[i].last;
		bool udp = name->ports[i].first >> 16 == SBX_PROTO_UDP;

		/* a range that runs over the end of one protocol into the next is two */
		if (name->ports[i].first >> 16 != name->ports[i].last >> 16)
			snprintf(text, sizeof(text), "%u-65535/tcp,0-%u/udp", first, last);
		else if (first == last)
			snprintf(text, sizeof(text), "%u/%s", first, udp ? "udp" : "tcp");
		else
			snprintf(text, sizeof(text), "%u-%u/%s", first, last, udp ? "udp" : "tcp");
		json_array_append_new(ports, json_string(text));
	}
	return ports;
}

static int64_t seconds_left(uint64_t until_ns)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)(until_ns / 1000000000) - now.tv_sec;
}

/* What is open now: of an image in force, and not past its time. */
static int list_name(const struct sbx_name_key *key, const struct sbx_name *name, void *arg)
{
	struct listing *l = arg;
	char address[INET6_ADDRSTRLEN];
	uint8_t addr[16];
	int64_t left = seconds_left(name->until_ns);
	size_t i = 0;

	while (i < l->n && l->v[i].slot.image != key->image)
		i++;
	if (i == l->n || left <= 0)
		return 0;
	inet_ntop(sbx_dns_key_address(key, addr), addr, address, sizeof(address));
	json_array_append_new(l->all,
			      json_pack("{s:s, s:s, s:s, s:o, s:b, s:I, s:n}", "sandbox",
					l->v[i].slot.name, "name", name->name, "address", address,
					"ports", ports_json(name), "proxy", name->via != 0,
					"left_s", (json_int_t)left, "closed"));
	return 0;
}

/* What is open no longer, of which only the daemon knows. */
static void list_closed(struct listing *l)
{
	char reply[SBX_BPFD_MAX];
	json_t *list, *one;
	size_t i;

	if (sbx_bpfd_ask(SBX_BPFD_CLOSED, reply, sizeof(reply))) {
		sbx_note("sbx-bpfd does not answer: what was closed lately is not known");
		return;
	}
	list = json_loads(reply, 0, NULL);
	json_array_foreach(list, i, one) if (json_is_string(json_object_get(one, "closed")))
		json_array_append(l->all, one);
	json_decref(list);
}

static const char *member(json_t *j, const char *key)
{
	return json_string_value(json_object_get(j, key));
}

static int compare_names(const void *a, const void *b)
{
	json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	static const char *const keys[] = {"sandbox", "name", "address"};
	size_t i;
	int c = 0;

	for (i = 0; i < 3 && !c; i++)
		c = strcmp(member(x, keys[i]), member(y, keys[i]));
	return c;
}

static void print_names(json_t *all)
{
	size_t n = json_array_size(all), i, k;
	json_t **v = calloc(n + 1, sizeof(*v)), *ports;

	for (i = 0; v && i < n; i++)
		v[i] = json_array_get(all, i);
	if (v)
		qsort(v, n, sizeof(*v), compare_names);
	for (i = 0; v && i < n; i++) {
		printf("%s  %s  %s  ", member(v[i], "sandbox"), member(v[i], "name"),
		       member(v[i], "address"));
		if (member(v[i], "closed")) {
			printf("closed %llds ago: %s\n",
			       json_integer_value(json_object_get(v[i], "ago_s")),
			       member(v[i], "closed"));
			continue;
		}
		ports = json_object_get(v[i], "ports");
		for (k = 0; k < json_array_size(ports); k++)
			printf("%s%s", k ? "," : "", json_string_value(json_array_get(ports, k)));
		if (json_is_true(json_object_get(v[i], "proxy")))
			printf("%sproxy", k ? "," : "");
		printf("  %llds\n", json_integer_value(json_object_get(v[i], "left_s")));
	}
	free(v);
	if (!n)
		sbx_note("no name has opened an address");
}

static int show_names(struct sbx_kern *k, const struct sbx_sandbox_info *v, size_t n)
{
	struct listing l = {.v = v, .n = n, .all = json_array()};
	int r = k ? sbx_dns_each(k, list_name, &l) : 0;

	if (k)
		list_closed(&l);
	if (r)
		r = sbx_fail(SBX_EXIT_FAILURE, NULL, "cannot list what names have opened");
	else if (sbx_globals.json)
		sbx_put_json(stdout, json_incref(l.all));
	else
		print_names(l.all);
	json_decref(l.all);
	return r;
}

static int run(int argc, char **argv)
{
	struct sbx_sandbox_info *v = NULL;
	struct sbx_kern *k = NULL;
	const char *other = sbx_kern_other_version();
	size_t n = 0;
	int r = sbx_open_any(&k);

	if (other)
		sbx_note("another version of sbx-bpf has its sandboxes in %s: they are in force, "
			 "and it alone shows and detaches them",
			 other);
	if (!r && k && sbx_kern_list(k, &v, &n))
		r = sbx_fail(SBX_EXIT_FAILURE, NULL, "cannot list the sandboxes");
	if (!r && opt.dns)
		r = show_names(k, v, n);
	else if (!r && sbx_globals.json)
		print_json(v, n);
	else if (!r && n)
		print_table(v, n);
	else if (!r)
		sbx_note("there are no sandboxes");
	sbx_kern_list_free(v, n);
	sbx_kern_close(k);
	return r;
}

const struct sbx_command sbx_cmd_status = {
	.name = "status",
	.summary = "list the sandboxes",
	.spec = {.usage = "sbx-bpf status [OPTION]...",
		 .summary = "Lists the sandboxes.",
		 .opts = opts,
		 .more = sbx_global_opts},
	.run = run,
};
