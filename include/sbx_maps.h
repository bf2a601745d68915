/* SPDX-License-Identifier: MIT */
/*
 * The maps that user space and the BPF programs share, and what is in them. All are pinned under
 * <bpffs>/sbx-bpf/v<SBX_ABI>/ by the names in the comments.
 */
#ifndef SBX_MAPS_H
#define SBX_MAPS_H

#include "sbx_types.h"
#include "sbx_limits.h"

/*
 * sbx_slots, sbx_cgbits and sbx_config are written by both sides at once: user space maps them
 * (BPF_F_MMAPABLE) and uses atomic operations, as BPF does. Never update a whole value by system
 * call: it would undo what BPF wrote since it was read.
 */

#define SBX_MODE_ENFORCE 0
#define SBX_MODE_AUDIT	 1

#define SBX_SLOT_NO_NEW_PRIVS 0x1 /* `run` and `exec` start commands with no_new_privs */
#define SBX_SLOT_EPHEMERAL    0x2 /* made by `run`: ends with its last process, cgroup and all */

/*
 * sbx_slots: ARRAY[1] of SBX_MAX_SANDBOXES. id 0: binds nobody. Attach prepares everything under
 * `pending`, labels included, and makes it count by one store to id; detach is a store of 0 to id,
 * which frees every task that carries it. cgroup_id is cleared last: until then something is left
 * to be freed. Ids are taken from sbx_config.next_id and never reused.
 */
struct sbx_slot {
	__u64 id;
	__u64 cgroup_id;
	__u64 created_ns; /* CLOCK_BOOTTIME */
	__u64 denied;	  /* denials, all of them; written by BPF, as the next four */
	__u64 audited;	  /* would-be denials in audit mode */
	__u64 lost;	  /* denials whose record found no room (they are in `denied` too) */
	__u64 quiet;	  /* denials of quiet rules */
	__u64 seq;	  /* raised by every denial */
	__u64 image;	  /* id of the image in force; written after the image was put in place */
	__u32 mode;
	__u32 flags;
	__u32 generation; /* of the policy: 1, raised by update */
	__u32 tty_dev;	  /* kernel dev_t of the terminal given by `run`; 0: none */
	__u64 tty_ino;	  /* its inode number in devpts (0: any, for /dev/tty1 and the like) */
	char name[SBX_NAME_LEN];
	__u64 pending; /* the id that is being attached */
};

/* sbx_cgroups: HASH cgroup id -> struct sbx_attachment */
struct sbx_attachment {
	__u64 id;
	__u32 slot;
	__u32 pad;
};

/* sbx_cgbits: ARRAY[1] of a bitmap. A clear bit (cgroup id modulo size) says: no task of this
 * cgroup is in a sandbox. Set bits may be false alarms. Bits are set by attach for the subtree,
 * by tp cgroup_mkdir for later cgroups and by tp cgroup_attach_task where labelled tasks go. */
struct sbx_cgbits {
	__u64 word[SBX_CGROUP_BITS / 64];
};

/*
 * A sandbox id carries its slot, so that a label entry is one word and can be set atomically:
 * id = (sequence number << SBX_SLOT_BITS) | slot. Sequence numbers start at 1 and never repeat.
 */
#define SBX_SLOT_BITS	9
#define SBX_SLOT_OF(id) ((__u32)((id) & (SBX_MAX_SANDBOXES - 1)))

/* sbx_labels: TASK_STORAGE; the sticky label (design 1.1). An id that differs from its slot's is
 * void: that sandbox was detached. cgroup and gen say for which cgroup and attach generation the
 * cgroup's own sandboxes were added last. */
#define SBX_LABEL_OVERFLOW 0x1 /* a ninth sandbox: everything is denied */
#define SBX_LABEL_THREADS  0x2 /* of a leader: a thread of the process has a label of its own */

struct sbx_label {
	__u64 id[SBX_MAX_NEST]; /* 0: free */
	__u64 cgroup;
	__u64 gen;
	__u64 flags;
};

/* What the iterator sbx_label_tasks writes for every labelled task. */
struct sbx_labelled_task {
	__u32 tgid;
	__u32 pid;
	__u64 cgroup;
	__u64 flags; /* SBX_LABEL_* */
	__u64 id[SBX_MAX_NEST];
};

/* sbx_sbs: HASH struct super_block pointer -> epoch (never reused; removed by lsm/sb_delete).
 * sbx_anchors: HASH struct sbx_anchor_key -> struct sbx_anchor: the roots of mounts of the
 * reference view, by in-kernel object, with their name. Written by BPF for the registrar. */
struct sbx_anchor_key {
	__u64 epoch; /* of the super block */
	__u64 inode; /* kernel pointer */
};

struct sbx_anchor {
	__u64 ino;
	__u32 igen;
	__u32 len;  /* of path, without a trailing slash: 0 for "/" */
	__u64 mark; /* registrar's sequence: anchors not seen again by a rescan are removed */
	__u64 memo; /* by BPF: state of `path` in the image that asked last, and the low half of
		       that image's id above it. 0: nobody asked yet */
	char path[SBX_ANCHOR_PATH_MAX];
};

/* sbx_registrar: ARRAY[1]. While tgid is set, that process's next open of anything registers the
 * opened object as an anchor named `anchor` and fails with ECANCELED (so that opening a device
 * has no effect); done is raised. It has to be the root of the mount that is meant: somebody may
 * have put another object at its place since. The process is told by its start, too: a killed
 * registrar's number may be a sandboxed program's one day. */
struct sbx_registrar {
	__u32 tgid;
	__u32 done;
	__u64 start; /* field 22 of /proc/PID/stat */
	__u32 mount; /* as in /proc/PID/mountinfo */
	__u32 pad;
	struct sbx_anchor anchor;
};

#define SBX_START_TICK_NS 10000000 /* its unit: USER_HZ is 100 */

/*
 * Domains (design 1.5). sbx_names: HASH struct sbx_name_key -> struct sbx_name: what an address is
 * opened for, because a name that the image's policy allows resolved to it. Written by sbx-bpfd
 * before it answers; what is past its time counts for nothing.
 */
struct sbx_name_key {
	__u64 image;
	__u64 hi, lo; /* as a number; IPv4 as ::ffff:a.b.c.d */
};

#define SBX_NAME_MAPPED (0xffffull << 32) /* of an IPv4 address: in lo */

struct sbx_name_ports {
	__u32 first, last; /* SBX_PROTO_* << 16 | port, inclusive */
};

struct sbx_name {
	__u64 until_ns; /* CLOCK_BOOTTIME */
	__u32 n;
	__u32 via; /* the key of the port at which it is the policy's proxy; 0: none */
	struct sbx_name_ports ports[SBX_NAME_PORTS];
	char name[SBX_DOMAIN_LEN]; /* that was asked for, NUL-terminated */
	char pad2[2];
};

/*
 * sbx_resolvers: ARRAY[SBX_MAX_SANDBOXES] of where sbx-bpfd listens for the sandbox's queries: port
 * 53 of any server is redirected there, and what is for the policy's proxy to the relay. All its
 * listening sockets carry the sandbox's id in sbx_forwarders (SK_STORAGE), so that nobody else's
 * socket at the same port is taken for one.
 */
enum {
	SBX_DNS_UDP4,
	SBX_DNS_TCP4,
	SBX_DNS_UDP6,
	SBX_DNS_TCP6,
	SBX_VIA4, /* the relay, in place of the policy's proxy: TCP */
	SBX_VIA6,
	SBX_DNS_SOCKETS
};

#define SBX_FORWARDER4 0x7f534258u /* 127.83.66.88; of IPv6 there is ::1 alone */
#define SBX_DNS_PORT   53

struct sbx_resolver {
	__u64 id;		     /* the sandbox; another one's is void */
	__u64 netns;		     /* cookie of the network namespace that it listens in */
	__u16 port[SBX_DNS_SOCKETS]; /* 0: none */
};

/* sbx_ports6: HASH TCP or UDP port of ::1 -> sandbox whose forwarder listens there: nobody in a
 * sandbox names it directly. */

/* sbx_askers: LRU_HASH cookie of a socket -> who asked for a name with it first, or named a proxy.
 */
struct sbx_asker {
	__u64 id; /* sandbox whose forwarder it was sent to */
	__u32 pid, tgid, ppid, uid;
	__u64 cgroup;
	char comm[16];
	char exe[64];
};

/* sbx_config: ARRAY[1] */
struct sbx_config {
	__u64 next_id;	  /* sequence number of the next sandbox; under the loader's lock */
	__u64 next_image; /* image ids; under the loader's lock */
	__u64 next_epoch; /* super-block epochs; by BPF, atomically */
	__u64 dir_seq;	  /* raised by whatever gives directories other names: see bpf/cache.h;
			     0: such moves cannot be seen, nothing is cached */
	__u64 attach_gen; /* raised by the loader when sbx_cgroups changed: labels are redone */
};

/*
 * sbx_images: ARRAY_OF_MAPS[SBX_MAX_SANDBOXES] -> ARRAY of chunks: the policy image of the slot,
 *             as many as its header says, and behind them a JSON text for user space alone: where
 *             rules came from, reasons, names: what turns an event into a sentence. One map, so
 *             that an update replaces both at once.
 * sbx_events: ARRAY_OF_MAPS[SBX_MAX_SANDBOXES] -> HASH struct sbx_event_key -> struct sbx_event.
 */
_Static_assert(SBX_MAX_SANDBOXES == 1 << SBX_SLOT_BITS, "ids carry their slot");

#endif
