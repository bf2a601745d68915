// SPDX-License-Identifier: MIT
/*
 * The programs: into the kernel, pinned, and out of it.
 *
 * Everything is pinned under <bpffs>/sbx-bpf/v<ABI>: maps by their names, links as link_<program>
 * (what is attached to single cgroups: prog_<program>), and, last, `ready`. Without `ready` the
 * directory is what a killed loader left: the next one removes it and begins anew. Nothing is
 * enforced before `ready`, because attach comes after it.
 */
#include <bpf/btf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <linux/magic.h>
#include <unistd.h>
#include "sbx.skel.h"
#include "user/kern/internal.h"

#define READY SBX_PIN_DIR "/ready"

const char *const sbx_map_names[SBX_MAPS] = {
	[SBX_MAP_SLOTS] = "sbx_slots",	       [SBX_MAP_IMAGES] = "sbx_images",
	[SBX_MAP_EVENTS] = "sbx_events",       [SBX_MAP_CGROUPS] = "sbx_cgroups",
	[SBX_MAP_CGBITS] = "sbx_cgbits",       [SBX_MAP_CONFIG] = "sbx_config",
	[SBX_MAP_REGISTRAR] = "sbx_registrar", [SBX_MAP_SBS] = "sbx_sbs",
	[SBX_MAP_ANCHORS] = "sbx_anchors",     [SBX_MAP_NAMES] = "sbx_names",
	[SBX_MAP_RESOLVERS] = "sbx_resolvers", [SBX_MAP_FORWARDERS] = "sbx_forwarders",
	[SBX_MAP_PORTS6] = "sbx_ports6",       [SBX_MAP_ASKERS] = "sbx_askers",
};

static const struct sbx_pos nowhere;

/* Hooks that not every kernel from 6.1 on has. What they guard does not exist there, or comes
 * through another hook: bpf/ says where. */
static const char *const optional_hooks[] = {
	"inode_set_acl", "inode_remove_acl",	 "inode_file_setattr", "file_ioctl_compat",
	"uring_cmd",	 "uring_override_creds", "uring_sqpoll",       "userns_create",
};

/* libbpf's own words, kept until they are needed: the end is what tells. */
static char libbpf_log[16384];

static int keep_log(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	size_t used = strlen(libbpf_log);
	char *line = NULL;
	int n;

	if (level == LIBBPF_DEBUG)
		return 0;
	n = vasprintf(&line, fmt, ap);
	if (n < 0)
		return 0;
	if ((size_t)n > sizeof(libbpf_log) / 2) { /* a verifier log */
		memmove(line, line + n - sizeof(libbpf_log) / 2, sizeof(libbpf_log) / 2 + 1);
		n = sizeof(libbpf_log) / 2;
	}
	if (used + n >= sizeof(libbpf_log)) {
		memmove(libbpf_log, libbpf_log + sizeof(libbpf_log) / 2, used / 2);
		used -= sizeof(libbpf_log) / 2;
	}
	memcpy(libbpf_log + used, line, n + 1);
	free(line);
	return 0;
}

static bool is_optional(const char *sec)
{
	size_t i;

	if (!strncmp(sec, "fexit/", 6)) /* bpf/moves.bpf.c: without it nothing is cached */
		return true;
	for (i = 0; i < sizeof(optional_hooks) / sizeof(*optional_hooks); i++)
		if (!strncmp(sec, "lsm/", 4) && !strcmp(optional_hooks[i], sec + 4))
			return true;
	return false;
}

/* What a section attaches to: its type in the kernel. Negative: it is not there; 0: nothing is
 * needed. */
static int target_of(const char *sec, const struct btf *btf)
{
	static const struct {
		const char *begin, *prefix;
		unsigned kind;
	} kinds[] = {{"lsm/", "bpf_lsm_", BTF_KIND_FUNC},
		     {"tp_btf/", "btf_trace_", BTF_KIND_TYPEDEF},
		     {"fentry/", "", BTF_KIND_FUNC},
		     {"fexit/", "", BTF_KIND_FUNC}};
	char name[80];
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strncmp(sec, kinds[i].begin, strlen(kinds[i].begin)))
			continue;
		snprintf(name, sizeof(name), "%s%s", kinds[i].prefix, sec + strlen(kinds[i].begin));
		return btf__find_by_name_kind(btf, name, kinds[i].kind);
	}
	return 0;
}

static bool is_missing(const struct bpf_program *p, const struct btf *btf)
{
	const char *sec = bpf_program__section_name(p);

	return target_of(sec, btf) < 0 && !is_optional(sec);
}

/* Programs named x__N are for kernels whose hook has N arguments. */
static int choose_program(struct bpf_program *p, const struct btf *btf, struct sbx_diags *d)
{
	const char *sec = bpf_program__section_name(p);
	const char *variant = strstr(bpf_program__name(p), "__");
	const struct btf_type *t;
	int id = target_of(sec, btf);

	if (is_missing(p, btf)) {
		sbx_diag_add(d, SBX_ERROR, nowhere, "`sbx-bpf doctor` lists what is missing",
			     "this kernel has nothing to attach BPF programs to at %s", sec);
		return -EOPNOTSUPP;
	}
	if (id < 0) {
		bpf_program__set_autoload(p, false);
	} else if (variant) {
		t = btf__type_by_id(btf, id);
		t = btf__type_by_id(btf, t->type);
		bpf_program__set_autoload(p, atoi(variant + 2) == btf_vlen(t));
	}
	return 0;
}

int sbx_hooks_missing(const struct btf *btf, char *buf, size_t size, unsigned *n)
{
	struct sbx *skel = sbx__open();
	struct bpf_program *p;
	size_t used = 0;
	int missing = 0;

	*n = 0;
	*buf = 0;
	if (!skel)
		return -errno;
	bpf_object__for_each_program(p, skel->obj)
	{
		(*n)++;
		if (!is_missing(p, btf))
			continue;
		used += snprintf(buf + used, size - used, "%s%s", missing++ ? ", " : "",
				 bpf_program__section_name(p));
		used = used < size ? used : size - 1;
	}
	sbx__destroy(skel);
	return missing;
}

static int choose_programs(struct bpf_object *obj, struct sbx_diags *d)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct bpf_program *p;
	int r = 0;

	if (!btf) {
		sbx_diag_add(
			d, SBX_ERROR, nowhere, "use a kernel with CONFIG_DEBUG_INFO_BTF=y",
			"the kernel's type information (/sys/kernel/btf/vmlinux) cannot be read");
		return -EOPNOTSUPP;
	}
	bpf_object__for_each_program(p, obj)
	{
		r = choose_program(p, btf, d);
		if (r)
			break;
	}
	btf__free(btf);
	return r;
}

static int load_failed(int err, const char *what, struct sbx_diags *d)
{
	struct utsname u;

	uname(&u);
	sbx_diag_add(d, SBX_ERROR, nowhere, "`sbx-bpf doctor` tells what is missing",
		     "kernel %s did not accept %s: %s\n%s", u.release, what, strerror(-err),
		     libbpf_log);
	return err == -EPERM || err == -EACCES ? err : -EOPNOTSUPP;
}

/* Ours are named sbx_…; global data of the section .data.x is sbx_x (bpf/maps.h). */
static bool pin_path(const struct bpf_map *map, char *path, size_t size)
{
	const char *name = bpf_map__name(map);
	bool data = !strncmp(name, ".data.", 6);

	snprintf(path, size, SBX_PIN_DIR "/%s%s", data ? "sbx_" : "", data ? name + 6 : name);
	return data || !strncmp(name, "sbx_", 4);
}

/* Attached to everything from now on, or (dns.bpf.c) kept for those who attach them to a cgroup. */
static int pin_program(struct bpf_program *p)
{
	struct bpf_link *link;
	char path[256];
	int r;

	if (bpf_program__type(p) == BPF_PROG_TYPE_CGROUP_SOCK_ADDR) {
		snprintf(path, sizeof(path), SBX_PIN_DIR "/prog_%s", bpf_program__name(p));
		return bpf_obj_pin(bpf_program__fd(p), path) ? -errno : 0;
	}
	link = bpf_program__attach(p);
	if (!link)
		return -errno;
	snprintf(path, sizeof(path), SBX_PIN_DIR "/link_%s", bpf_program__name(p));
	r = bpf_link__pin(link, path);
	bpf_link__disconnect(link); /* the pin holds it from now on */
	bpf_link__destroy(link);
	return r;
}

static int pin_all(struct sbx *skel)
{
	struct bpf_program *p;
	struct bpf_map *map;
	char path[256];
	int r;

	bpf_object__for_each_map(map, skel->obj)
	{
		if (!pin_path(map, path, sizeof(path)))
			continue;
		r = bpf_obj_pin(bpf_map__fd(map), path) ? -errno : 0;
		if (r)
			return r;
	}
	bpf_object__for_each_program(p, skel->obj)
	{
		r = bpf_program__autoload(p) ? pin_program(p) : 0;
		if (r)
			return r;
	}
	return bpf_obj_pin(bpf_map__fd(skel->maps.data_config), READY) ? -errno : 0;
}

/* A directory-move sequence that stays 0 says: nothing would raise it. */
static int start_cache(struct sbx *skel)
{
	struct sbx_config cfg = {0};
	uint32_t zero = 0;

	cfg.dir_seq = bpf_program__autoload(skel->progs.sbx_moved) &&
		      bpf_program__autoload(skel->progs.sbx_inode_freed);
	return bpf_map_update_elem(bpf_map__fd(skel->maps.data_config), &zero, &cfg, BPF_ANY)
		       ? -errno
		       : 0;
}

static int prepare_bpffs(struct sbx_diags *d)
{
	struct statfs fs;

	if (statfs(SBX_BPFFS, &fs) || fs.f_type != BPF_FS_MAGIC) {
		if (mount("bpf", SBX_BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=700")) {
			sbx_diag_add(d, SBX_ERROR, nowhere, "mount -t bpf bpf " SBX_BPFFS,
				     "no BPF file system at " SBX_BPFFS
				     ", and mounting one failed (%s)",
				     strerror(errno));
			return -EOPNOTSUPP;
		}
	}
	if (mkdir(SBX_PIN_TOP, 0700) && errno != EEXIST)
		return -errno;
	return mkdir(SBX_PIN_DIR, 0700) && errno != EEXIST ? -errno : 0;
}

static int load_anew(struct sbx_diags *d)
{
	struct sbx *skel;
	int r;

	libbpf_log[0] = 0;
	libbpf_set_print(keep_log);
	skel = sbx__open();
	if (!skel)
		return load_failed(-errno, "the object file", d);
	r = choose_programs(skel->obj, d);
	if (!r) {
		r = sbx__load(skel);
		if (r)
			r = load_failed(r, "the programs", d);
	}
	if (!r)
		r = start_cache(skel);
	if (!r) {
		r = pin_all(skel);
		if (r) {
			r = load_failed(r, "the attachments", d);
			sbx_kern_unpin();
		}
	}
	sbx__destroy(skel);
	return r;
}

int sbx_kern_load(struct sbx_diags *d)
{
	int r;

	if (!access(READY, F_OK))
		return 0;
	r = prepare_bpffs(d);
	if (!r)
		r = sbx_kern_unpin(); /* what a killed loader left */
	if (!r)
		r = prepare_bpffs(d);
	if (!r)
		r = load_anew(d);
	return r;
}

/* `ready` first, so that nobody takes half of it for whole; links before maps. */
int sbx_kern_unpin(void)
{
	static const char *const order[] = {"ready", "link_", ""};
	struct dirent *e;
	size_t i;
	DIR *dir;
	int r = 0;

	for (i = 0; i < 3; i++) {
		dir = opendir(SBX_PIN_DIR);
		if (!dir)
			return errno == ENOENT ? 0 : -errno;
		while ((e = readdir(dir)))
			if (e->d_name[0] != '.' &&
			    !strncmp(e->d_name, order[i], strlen(order[i])) &&
			    unlinkat(dirfd(dir), e->d_name, 0))
				r = -errno;
		closedir(dir);
	}
	if (!r && rmdir(SBX_PIN_DIR) && errno != ENOENT)
		r = -errno;
	if (!r)
		rmdir(SBX_PIN_TOP); /* another version may live there */
	return r;
}

const char *sbx_kern_other_version(void)
{
	static char path[sizeof(SBX_PIN_TOP) + NAME_MAX + 1];
	DIR *dir = opendir(SBX_PIN_TOP);
	const struct dirent *e;
	bool found = false;

	while (dir && !found && (e = readdir(dir))) {
		snprintf(path, sizeof(path), SBX_PIN_TOP "/%s", e->d_name);
		found = e->d_name[0] == 'v' && strcmp(path, SBX_PIN_DIR) != 0;
	}
	if (dir)
		closedir(dir);
	return found ? path : NULL;
}
