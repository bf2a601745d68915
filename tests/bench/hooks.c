// SPDX-License-Identifier: MIT
/*
 * hooks OBJECT COMMAND ARG...: runs the command while an empty program ("return 0") is attached to
 * every hook that OBJECT has a program for. This is the floor: what it costs to have programs there
 * at all. The list comes from the object itself, so that it never differs.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/bpf.h>
#include "bench.h"

#define MAX_HOOKS 256

struct kind {
	const char *section, *prefix;
	enum bpf_prog_type prog;
	enum bpf_attach_type attach;
	int btf; /* BTF_KIND_* */
};

static const struct kind kinds[] = {
	{"lsm/", "bpf_lsm_", BPF_PROG_TYPE_LSM, BPF_LSM_MAC, BTF_KIND_FUNC},
	{"tp_btf/", "btf_trace_", BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, BTF_KIND_TYPEDEF},
	{"fentry/", "", BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, BTF_KIND_FUNC},
	{"fexit/", "", BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, BTF_KIND_FUNC},
};

static char seen[MAX_HOOKS][80];
static unsigned nseen;

/* One program per hook, whatever the number of variants for different kernels. */
static bool seen_before(const char *section)
{
	unsigned i;

	for (i = 0; i < nseen; i++)
		if (!strcmp(seen[i], section))
			return true;
	if (nseen == MAX_HOOKS || strlen(section) >= sizeof(*seen))
		die("%s: more hooks than expected", section);
	strcpy(seen[nseen++], section);
	return false;
}

/* 1: attached; 0: this kernel has no such hook. The link is open until this process ends. */
static int attach(const struct btf *btf, const struct kind *k, const char *hook)
{
	static const struct bpf_insn empty[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = k->attach);
	char name[96];
	int id, prog;

	snprintf(name, sizeof(name), "%s%s", k->prefix, hook);
	id = btf__find_by_name_kind(btf, name, k->btf);
	if (id < 0)
		return 0;
	opts.attach_btf_id = id;
	prog = bpf_prog_load(k->prog, "empty", "GPL", empty, 2, &opts);
	if (prog < 0)
		die("empty program for %s: %s", hook, strerror(errno));
	if (bpf_raw_tracepoint_open(NULL, prog) < 0)
		die("attach to %s: %s", hook, strerror(errno));
	close(prog);
	return 1;
}

static unsigned attach_all(const char *path)
{
	struct bpf_object *obj = bpf_object__open(path);
	struct btf *btf = btf__load_vmlinux_btf();
	const char *section;
	struct bpf_program *p;
	unsigned n = 0;
	size_t i;

	if (!obj || !btf)
		die("%s: %s", !obj ? path : "/sys/kernel/btf/vmlinux", strerror(errno));
	bpf_object__for_each_program(p, obj)
	{
		section = bpf_program__section_name(p);
		if (*section == '?') /* a variant, loaded where the kernel wants it */
			section++;
		if (seen_before(section))
			continue;
		for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
			if (!strncmp(section, kinds[i].section, strlen(kinds[i].section)))
				n += attach(btf, &kinds[i], section + strlen(kinds[i].section));
	}
	btf__free(btf);
	bpf_object__close(obj);
	return n;
}

int main(int argc, char **argv)
{
	int status, pid;
	unsigned n;

	if (argc < 3)
		die("usage: %s OBJECT COMMAND ARG...", argv[0]);
	n = attach_all(argv[1]);
	if (!n)
		die("%s: no hooks found", argv[1]);
	fprintf(stderr, "empty programs on %u hooks\n", n);
	pid = fork();
	if (!pid) {
		execvp(argv[2], argv + 2);
		die("%s: %s", argv[2], strerror(errno));
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		die("fork: %s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
