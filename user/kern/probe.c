// SPDX-License-Identifier: MIT
/* What the running kernel can do, and the exact remedy where it cannot (sbx-bpf doctor). */
#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "user/base/bootline.h"
#include "user/kern/internal.h"

#define MIN_MAJOR 6
#define MIN_MINOR 1

static void add(struct sbx_probe *p, const char *name, enum sbx_check_state state, char *remedy,
		const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Owns `remedy`. */
static void add(struct sbx_probe *p, const char *name, enum sbx_check_state state, char *remedy,
		const char *fmt, ...)
{
	struct sbx_check *more = realloc(p->v, (p->n + 1) * sizeof(*more)), *c;
	va_list ap;

	if (!more) {
		p->can_enforce = false; /* fail closed */
		free(remedy);
		return;
	}
	p->v = more;
	c = &p->v[p->n++];
	*c = (struct sbx_check){.name = name, .state = state, .remedy = remedy};
	va_start(ap, fmt);
	if (vasprintf(&c->what, fmt, ap) < 0)
		c->what = NULL;
	va_end(ap);
	if (state == SBX_CHECK_FAIL)
		p->can_enforce = false;
}

static bool read_line(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(buf, size, f);

	if (f)
		fclose(f);
	if (ok)
		buf[strcspn(buf, "\n")] = 0;
	return ok;
}

static bool has_word(const char *list, const char *word, char sep)
{
	size_t n = strlen(word);
	const char *at = list;

	while ((at = strstr(at, word))) {
		if ((at == list || at[-1] == sep) && (!at[n] || at[n] == sep))
			return true;
		at += n;
	}
	return false;
}

/* --- the checks --- */

static void check_rights(struct sbx_probe *p)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};
	bool ok = !syscall(SYS_capget, &h, data) && (data[0].effective & (1u << CAP_SYS_ADMIN)) &&
		  (data[1].effective & (1u << (CAP_BPF - 32)));

	p->permitted = ok;
	if (ok)
		add(p, "rights", SBX_CHECK_OK, NULL, "the rights to load BPF programs are there");
	else
		add(p, "rights", SBX_CHECK_FAIL, strdup("run it with sudo"),
		    "loading BPF LSM programs takes root (CAP_BPF and CAP_SYS_ADMIN)");
}

static void check_version(struct sbx_probe *p)
{
	struct utsname u;
	int major = 0, minor = 0;

	uname(&u);
	sscanf(u.release, "%d.%d", &major, &minor);
	if (major > MIN_MAJOR || (major == MIN_MAJOR && minor >= MIN_MINOR))
		add(p, "kernel", SBX_CHECK_OK, NULL, "Linux %s", u.release);
	else
		add(p, "kernel", SBX_CHECK_FAIL, strdup("boot a kernel of at least 6.1"),
		    "Linux %s is older than 6.1", u.release);
}

static char *lsm_remedy(const char *active)
{
	char line[4096] = "";
	struct utsname u;

	uname(&u);
	read_line("/proc/cmdline", line, sizeof(line));
	return sbx_bootline_lsm("", u.release, line, active);
}

/* Programs attach to LSM hooks even where bpf is no active LSM, and are never called: this has to
 * be known for sure. */
static void check_lsm(struct sbx_probe *p)
{
	char active[1024];

	if (!sbx_pseudofs_line("securityfs", "/sys/kernel/security", "lsm", active,
			       sizeof(active))) {
		add(p, "lsm", p->permitted ? SBX_CHECK_FAIL : SBX_CHECK_WARN,
		    strdup("mount -t securityfs securityfs /sys/kernel/security — if that fails, "
			   "use a kernel with CONFIG_SECURITYFS=y and CONFIG_BPF_LSM=y"),
		    "the list of active LSMs cannot be read (/sys/kernel/security/lsm)");
		return;
	}
	if (has_word(active, "bpf", ','))
		add(p, "lsm", SBX_CHECK_OK, NULL, "bpf is an active LSM (%s)", active);
	else
		add(p, "lsm", SBX_CHECK_FAIL, lsm_remedy(active),
		    "bpf is not among the active LSMs (%s)", active);
}

static void check_securityfs(struct sbx_probe *p)
{
	if (!access("/sys/kernel/security/lsm", F_OK))
		add(p, "securityfs", SBX_CHECK_OK, NULL, "securityfs at /sys/kernel/security");
	else
		add(p, "securityfs", SBX_CHECK_WARN,
		    strdup("mount -t securityfs securityfs /sys/kernel/security"),
		    "securityfs is not mounted: others cannot see the active LSMs either");
}

/* Without it a program is skipped where it interrupts itself: an open that is not judged. */
static void check_reentry(struct sbx_probe *p, const struct btf *btf)
{
	if (btf__find_by_name_kind(btf, "__bpf_prog_enter_recur", BTF_KIND_FUNC) >= 0)
		add(p, "reentry", SBX_CHECK_OK, NULL,
		    "LSM programs are never skipped on re-entry (__bpf_prog_enter_recur)");
	else
		add(p, "reentry", SBX_CHECK_FAIL,
		    strdup("boot a kernel of at least 6.2, or a 6.1 with the stable fixes"),
		    "LSM programs can be skipped on re-entry (no __bpf_prog_enter_recur)");
}

static void check_hooks(struct sbx_probe *p)
{
	struct btf *btf = btf__load_vmlinux_btf();
	char missing[2048];
	unsigned n;
	int r;

	if (!btf) {
		add(p, "btf", SBX_CHECK_FAIL,
		    strdup("use a kernel built with CONFIG_DEBUG_INFO_BTF=y"),
		    "no type information of the kernel (/sys/kernel/btf/vmlinux)");
		return;
	}
	add(p, "btf", SBX_CHECK_OK, NULL, "the kernel's type information is there");
	r = sbx_hooks_missing(btf, missing, sizeof(missing), &n);
	if (r < 0)
		add(p, "hooks", SBX_CHECK_FAIL, NULL, "the BPF programs cannot be read (%s)",
		    strerror(-r));
	else if (r)
		add(p, "hooks", SBX_CHECK_FAIL,
		    strdup("use a kernel of at least 6.1 built with CONFIG_BPF_LSM=y, "
			   "CONFIG_SECURITY_NETWORK=y, CONFIG_SECURITY_PATH=y and CONFIG_KEYS=y"),
		    "%d of %u programs find nothing to attach to (%s)", r, n, missing);
	else
		add(p, "hooks", SBX_CHECK_OK, NULL, "all hooks of %u programs are there", n);
	check_reentry(p, btf);
	btf__free(btf);
}

/* On 6.1 a preempted task-storage look-up fails for the task that preempted it. */
static void check_preemption(struct sbx_probe *p)
{
	char mode[4096] = "";
	struct utsname u;
	bool full;

	uname(&u);
	if (strncmp(u.release, "6.1.", 4))
		return;
	full = strstr(u.version, "PREEMPT_RT") ||
	       (strstr(u.version, " PREEMPT ") && !strstr(u.version, "PREEMPT_DYNAMIC"));
	if (sbx_pseudofs_line("debugfs", "/sys/kernel/debug", "sched/preempt", mode, sizeof(mode)))
		full |= strstr(mode, "(full)") != NULL;
	else if (read_line("/proc/cmdline", mode, sizeof(mode)))
		full |= has_word(mode, "preempt=full", ' ');
	if (full)
		add(p, "preemption", SBX_CHECK_FAIL,
		    strdup("boot with preempt=voluntary, or a kernel of at least 6.2"),
		    "a 6.1 kernel with full preemption cannot hold labels reliably");
	else
		add(p, "preemption", SBX_CHECK_OK, NULL, "this 6.1 kernel does not preempt fully");
}

/* Root and yet refused: by what? */
static char *refusal_remedy(int err)
{
	char lockdown[128] = "";

	sbx_pseudofs_line("securityfs", "/sys/kernel/security", "lockdown", lockdown,
			  sizeof(lockdown));
	if (strstr(lockdown, "[confidentiality]"))
		return strdup("boot without lockdown=confidentiality: it keeps BPF from reading "
			      "kernel memory (lockdown=integrity is fine)");
	if (err == -EPERM || err == -EACCES)
		return strdup("in a container or under a seccomp filter, run it on the host; "
			      "else this kernel's own policy forbids it: boot another kernel");
	return strdup("use a kernel of at least 6.1 built with CONFIG_BPF_LSM=y, "
		      "CONFIG_BPF_SYSCALL=y and CONFIG_BPF_JIT=y");
}

/* A program that does nothing, of the type that everything depends on. */
static void check_accepts(struct sbx_probe *p)
{
	struct bpf_insn nothing[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K},
				     {.code = BPF_JMP | BPF_EXIT}};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_LSM_MAC);
	int fd;

	if (!p->permitted)
		return;
	fd = libbpf_find_vmlinux_btf_id("file_open", BPF_LSM_MAC);
	if (fd > 0) {
		opts.attach_btf_id = fd;
		fd = bpf_prog_load(BPF_PROG_TYPE_LSM, "sbx_probe", "Dual MIT/GPL", nothing, 2,
				   &opts);
	}
	if (fd >= 0) {
		close(fd);
		add(p, "load", SBX_CHECK_OK, NULL, "the kernel accepts BPF LSM programs");
		return;
	}
	add(p, "load", SBX_CHECK_FAIL, refusal_remedy(fd),
	    "the kernel refuses BPF LSM programs (%s)", strerror(-fd));
}

static void check_cgroup(struct sbx_probe *p)
{
	char top[256];

	if (sbx_cgroup_mount(top, sizeof(top)))
		add(p, "cgroup", SBX_CHECK_FAIL,
		    strdup("mount -t cgroup2 none /sys/fs/cgroup — beside cgroup v1: mkdir -p "
			   "/sys/fs/cgroup/unified && mount -t cgroup2 none "
			   "/sys/fs/cgroup/unified"),
		    "no cgroup v2 hierarchy is mounted");
	else
		add(p, "cgroup", SBX_CHECK_OK, NULL, "cgroup v2 at %s%s", top,
		    strcmp(top, "/sys/fs/cgroup") ? " (beside cgroup v1, which is left alone)"
						  : "");
}

static void check_bpffs(struct sbx_probe *p)
{
	struct statfs fs;

	if (access(SBX_BPFFS, F_OK))
		add(p, "bpffs", SBX_CHECK_FAIL,
		    strdup("use a kernel built with CONFIG_BPF_SYSCALL=y, and mount sysfs"),
		    "there is no place for the BPF file system (%s)", SBX_BPFFS);
	else if (!statfs(SBX_BPFFS, &fs) && fs.f_type == BPF_FS_MAGIC)
		add(p, "bpffs", SBX_CHECK_OK, NULL, "the BPF file system is at %s", SBX_BPFFS);
	else
		add(p, "bpffs", SBX_CHECK_WARN, strdup("mount -t bpf bpf " SBX_BPFFS),
		    "no BPF file system at %s: it will be mounted when it is needed", SBX_BPFFS);
}

static void check_loaded(struct sbx_probe *p)
{
	if (!p->permitted)
		return;
	if (!access(SBX_PIN_DIR "/ready", F_OK))
		add(p, "loaded", SBX_CHECK_OK, NULL, "the programs are loaded");
	else
		add(p, "loaded", SBX_CHECK_OK, NULL,
		    "the programs are not loaded; the first sandbox loads them");
}

static int no_words(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

int sbx_probe_run(struct sbx_probe *out)
{
	libbpf_print_fn_t old = libbpf_set_print(no_words);
	struct sbx_probe p = {.can_enforce = true};

	check_rights(&p);
	check_version(&p);
	check_lsm(&p);
	check_securityfs(&p);
	check_hooks(&p);
	check_preemption(&p);
	check_accepts(&p);
	check_cgroup(&p);
	check_bpffs(&p);
	check_loaded(&p);
	libbpf_set_print(old);
	*out = p;
	return 0;
}

void sbx_probe_free(struct sbx_probe *p)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		free(p->v[i].what);
		free(p->v[i].remedy);
	}
	free(p->v);
	*p = (struct sbx_probe){0};
}
