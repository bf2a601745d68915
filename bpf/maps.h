/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * All maps, in one place. main.bpf.c defines them (SBX_DEFINE_MAPS); the other files refer to
 * them. Who writes what is said in include/sbx_maps.h.
 */
#ifndef SBX_BPF_MAPS_H
#define SBX_BPF_MAPS_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "sbx_event.h"
#include "sbx_image.h"
#include "sbx_maps.h"

#ifdef SBX_DEFINE_MAPS
#define SBX_MAP
#else
#define SBX_MAP extern
#endif

struct sbx_chunk {
	union {
		struct sbx_state state[SBX_CHUNK_BYTES / sizeof(struct sbx_state)];
		struct sbx_trans trans[SBX_TRANS_PER_CHUNK];
		__u32 word[SBX_CHUNK_BYTES / 4];
		__u64 dword[SBX_CHUNK_BYTES / 8];
		struct sbx_image_hdr hdr; /* chunk 0, and behind it: */
		struct {
			__u8 room[SBX_LEAF_OFF];
			struct sbx_leaf leaf[SBX_LEAF_MAX + 1];
		};
	};
};

struct sbx_chunks {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_INNER_MAP);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct sbx_chunk));
};

struct sbx_event_table {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SBX_MAX_EVENTS);
	__uint(key_size, sizeof(struct sbx_event_key));
	__uint(value_size, sizeof(struct sbx_event));
};

/* slot -> policy image */
SBX_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, SBX_MAX_SANDBOXES);
	__type(key, __u32);
	__array(values, struct sbx_chunks);
} sbx_images SEC(".maps");

/* slot -> event table */
SBX_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, SBX_MAX_SANDBOXES);
	__type(key, __u32);
	__array(values, struct sbx_event_table);
} sbx_events SEC(".maps");

/* cgroup id -> attachment */
SBX_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SBX_MAX_SANDBOXES);
	__type(key, __u64);
	__type(value, struct sbx_attachment);
} sbx_cgroups SEC(".maps");

/*
 * What every hook looks at is global data, which costs no look-up: ARRAY[1], mapped by user space,
 * pinned by the loader as sbx_slots, sbx_cgbits and sbx_config. Words here, structs elsewhere: the
 * skeleton would define the structs again.
 */
#define SBX_WORDS(type) (sizeof(type) / sizeof(__u64))

#ifdef SBX_DEFINE_MAPS
__u64 sbx_slot_words[SBX_MAX_SANDBOXES * SBX_WORDS(struct sbx_slot)] SEC(".data.slots");
__u64 sbx_cgbits_words[SBX_WORDS(struct sbx_cgbits)] SEC(".data.cgbits");
__u64 sbx_config_words[SBX_WORDS(struct sbx_config)] SEC(".data.config");
#else
extern __u64 sbx_slot_words[SBX_MAX_SANDBOXES * SBX_WORDS(struct sbx_slot)];
extern __u64 sbx_cgbits_words[SBX_WORDS(struct sbx_cgbits)];
extern __u64 sbx_config_words[SBX_WORDS(struct sbx_config)];
#endif

/* 0 -> the loader's request to name an object */
SBX_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sbx_registrar);
} sbx_registrar SEC(".maps");

/* struct super_block pointer -> epoch and what is known of it */
struct sbx_sb {
	__u64 epoch;
	__u64 inner; /* inner_bit() of anchors that are not the file system's root */
	__u32 folds; /* SBX_FOLDS_* */
	__u32 pad;
};

/* Where names that differ are one file, a dentry has the spelling that was asked for, not the one
 * that policies speak of: such names decide nothing. */
#define SBX_FOLDS_SOME 1 /* directories with S_CASEFOLD do */
#define SBX_FOLDS_ALL  2

SBX_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SBX_MAX_ANCHORS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct sbx_sb);
} sbx_sbs SEC(".maps");

/* (epoch, inode pointer) -> name of a mount's root */
SBX_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SBX_MAX_ANCHORS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sbx_anchor_key);
	__type(value, struct sbx_anchor);
} sbx_anchors SEC(".maps");

/* Who is bound by just one sandbox: what the label says, found faster (who.h). `version` is odd
 * and `task` 0 while it is written. Valid for this very task, in this css_set, until labels are
 * redone. */
struct sbx_who {
	__u64 version;
	__u64 task;
	__u64 cset, gen;
	__u64 id;
	__u64 pad[3];
};

/*
 * What a sandbox says of the names in a directory (cache.h). `version` is odd while it is written.
 * Valid for this very inode, while neither the image nor any directory's place has changed.
 */
struct sbx_dir {
	__u64 version;
	__u64 inode, sb, ino;
	__u64 image;
	__u64 dir_seq;
	__u64 epoch, inner; /* of the file system, see struct sbx_sb */
	__u32 igen;
	__u32 state;		/* of the directory and a '/' */
	struct sbx_leaf leaf;	/* of the names that rules do not tell apart */
	__u32 below;		/* rights that everything below the directory has */
	__u32 depth;		/* levels from what is in it to the anchor */
	__u64 missed;		/* see keep_above(); not under `version` */
} __attribute__((aligned(64))); /* what is compared lies in one cache line */

/* The peer of a network operation, canonical: IPv4-mapped IPv6 is IPv4. */
struct sbx_peer {
	__u64 hi, lo; /* the address as a number; IPv4: in lo */
	__u64 what;   /* family << 48 | type of the socket << 40 | SBX_PROTO_* << 16 | port */
};

#define SBX_PEER_FAMILY	   48
#define SBX_PEER_TYPE	   40
#define SBX_PEER_DIRECTION 32 /* left free */
#define SBX_PEER_PROTO	   16

/* What an image granted: see peer.h. `version` is odd while it is written. */
struct sbx_grant {
	__u64 version;
	__u64 image;
	struct sbx_peer peer; /* with the direction */
	__u64 until;	      /* jiffies; 0: as long as the image lasts */
	__u64 pad[2];
};

/*
 * What is kept: global data, as above, which costs no look-up; nobody else looks. Hashes of the
 * task, of directory and image, of peer and image -> one of the three structs.
 */
#define SBX_KEPT(name, type, n) __u64 name[(n)*SBX_WORDS(type)]

#ifdef SBX_DEFINE_MAPS
SBX_KEPT(sbx_who_words, struct sbx_who, SBX_WHO_CACHE);
SBX_KEPT(sbx_dir_words, struct sbx_dir, SBX_DIR_CACHE);
SBX_KEPT(sbx_grant_words, struct sbx_grant, SBX_GRANT_CACHE);
#else
extern SBX_KEPT(sbx_who_words, struct sbx_who, SBX_WHO_CACHE);
extern SBX_KEPT(sbx_dir_words, struct sbx_dir, SBX_DIR_CACHE);
extern SBX_KEPT(sbx_grant_words, struct sbx_grant, SBX_GRANT_CACHE);
#endif

/* task -> label */
SBX_MAP struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sbx_label);
} sbx_labels SEC(".maps");

/* socket -> sandboxes of the task that made it (cgroup, gen and flags unused) */
SBX_MAP struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sbx_label);
} sbx_sockets SEC(".maps");

/* (image, address) -> what a name opens there */
SBX_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SBX_MAX_NAMES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sbx_name_key);
	__type(value, struct sbx_name);
} sbx_names SEC(".maps");

/* slot -> where its queries go */
SBX_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SBX_MAX_SANDBOXES);
	__type(key, __u32);
	__type(value, struct sbx_resolver);
} sbx_resolvers SEC(".maps");

/* listening socket of the forwarder -> sandbox */
SBX_MAP struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} sbx_forwarders SEC(".maps");

/* port of the forwarder at ::1 -> sandbox */
SBX_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * SBX_MAX_SANDBOXES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u16);
	__type(value, __u64);
} sbx_ports6 SEC(".maps");

/* A socket whose queries go to the forwarder, or that was let through to a proxy, and the server
 * that it was sent to last. Addresses in network order, IPv4 as ::ffff:a.b.c.d. */
struct sbx_asked {
	__u64 id; /* sandbox */
	__u32 server[4];
	__u32 port;	/* of it; network order */
	__u32 via_port; /* the proxy's, host order; 0: none was named with this socket */
	__u64 via_hi, via_lo;
};

/* socket -> struct sbx_asked */
SBX_MAP struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sbx_asked);
} sbx_asked SEC(".maps");

/* cookie of a socket -> who asked */
SBX_MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SBX_MAX_ASKERS);
	__type(key, __u64);
	__type(value, struct sbx_asker);
} sbx_askers SEC(".maps");

/* struct kern_ipc_perm pointer -> sandboxes of the task that made the object; as above */
SBX_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SBX_MAX_IPCS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct sbx_label);
} sbx_ipcs SEC(".maps");

/* One level of an object's name, leaf first. */
struct sbx_level {
	__u64 dentry;
	__u64 head; /* of a short name, see name_head(); 0: it is none */
	__u32 len;
	__u32 seq;
};

/* What one sandbox says of one object. */
struct sbx_found {
	__u32 cls;
	__u32 why; /* SBX_WHY_POLICY: the rest is valid; else why everything is denied */
	__u8 rights, any, all, quiet;
	__u32 sibling;	  /* class of an unmentioned name beside it, where it was asked for */
	__u32 parent;	  /* state of the directory that holds it */
	__u32 above;	  /* of the one that holds that, if it is no anchor */
	__u32 bars_links; /* the directory that holds it does, see sbx_image.h; with `sibling` */
	__u64 image;	  /* id of the image that said so */
};

/*
 * Where a walk or a match stands. In map memory on purpose: the verifier follows the values of the
 * stack through every round of a bpf_loop, and would not come to an end with a cursor there.
 */
struct sbx_cursor {
	__u32 why;	/* SBX_WHY_POLICY: the walk met an anchor */
	__u32 state;	/* of the automaton */
	__u32 level;	/* levels still to be read; counts down to the object */
	__u32 parent;	/* state of the directory that holds the object */
	__u32 above;	/* of the one that holds that */
	__u32 pos, len; /* in name */
	__u32 done;
	__u32 proc_name; /* replaces the first component: 1 "self", 2 "@sandbox" */
	__u32 spelled;	 /* bytes of the event's path */
};

/* Where the search for listeners stands (self.h): here for the same reason. */
struct sbx_listeners {
	__u64 node; /* the next one in the chain */
	__u64 net;
	__u64 cgroup; /* of the sandbox */
	__u32 port;
	__u8 own, others; /* there are such */
};

/* A connect or send to port 53. */
struct sbx_query {
	__u64 sk;    /* its socket; 0: of a kind that cannot be redirected */
	__u64 id;    /* the sandbox whose forwarder gets it */
	__u64 depth; /* of its cgroup */
};

/* The file system that a walk is on. */
struct sbx_ground {
	__u64 epoch, inner; /* see struct sbx_sb */
	__u64 memo;	    /* of the anchor */
	__u32 folds;	    /* it ignores case: SBX_FOLDS_* */
	__u32 proc;	    /* it is procfs */
};

#define SBX_NAME_BUF 1024 /* an anchor's path, or "/" and one component; a power of two */
_Static_assert(SBX_NAME_BUF >= SBX_ANCHOR_PATH_MAX, "an anchor's path fits");

/* task -> working memory. Per task, because migrate_disable() does not stop preemption: another
 * task's hook on the same CPU would clobber per-CPU scratch. */
struct sbx_scratch {
	struct sbx_level lv[SBX_MAX_DEPTH];
	struct sbx_found found[SBX_MAX_NEST];
	struct sbx_found other[SBX_MAX_NEST]; /* of the other name of a rename or link */
	struct sbx_anchor_key anchor;
	__u64 proc_pid; /* struct pid of the process whose /proc directory is on the path; 0: none
			 */
	struct sbx_cursor at;
	struct sbx_ground on;
	struct sbx_peer peer;
	struct sbx_query query;
	struct sbx_listeners listeners;
	__u32 n;
	__u32 rdev; /* of a character device, else 0 */
	__u64 ino;
	char name[SBX_NAME_BUF];
};
_Static_assert(sizeof(struct sbx_scratch) <= 8000, "see SBX_MAX_DEPTH");

SBX_MAP struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sbx_scratch);
} sbx_scratch SEC(".maps");

/* The record of a denial while it is being written. */
struct sbx_draft {
	struct sbx_event_key key;
	struct sbx_event ev;
	char pad[SBX_NAME_MAX + 1]; /* a name written at the end of ev.path may run into it */
};

/* task -> draft */
SBX_MAP struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sbx_draft);
} sbx_drafts SEC(".maps");

#endif
