/* SPDX-License-Identifier: MIT */
/*
 * Every maximum of sbx-bpf, with its reason. The compiler refuses what would not fit: nothing is
 * ever cut silently (a truncated rule is a hole).
 */
#ifndef SBX_LIMITS_H
#define SBX_LIMITS_H

/* Bumped when a pinned map's layout or meaning changes; part of the pin directory's name. */
#define SBX_ABI 6

/* Sandboxes on one machine: one slot each in three arrays of a few hundred bytes. */
#define SBX_MAX_SANDBOXES 512

/* Sandboxes on one task (design 1.1). Bounds the loop of every hook. */
#define SBX_MAX_NEST 8

/* A compiled policy lives in chunks: the largest value an ARRAY map can hold on every kernel is
 * 4 MiB; 256 KiB keeps a small policy small and most policies in one chunk. */
#define SBX_CHUNK_SHIFT 18
#define SBX_CHUNK_BYTES (1u << SBX_CHUNK_SHIFT)
#define SBX_MAX_CHUNKS	64 /* 16 MiB of kernel memory per policy */

/* Levels between an object and its anchor. PATH_MAX does not bound depth (a path can be walked to
 * in steps); deeper objects are denied with that reason. The working memory of a task must stay
 * below 8 KiB: the newest kernels refuse more in task storage. */
#define SBX_MAX_DEPTH 256

/* Longest component (NAME_MAX). */
#define SBX_NAME_MAX 255

/* Longest path of an anchor (a mount point); longer ones stay unnamed, that is: denied. */
#define SBX_ANCHOR_PATH_MAX 1024
#define SBX_MAX_ANCHORS	    4096

/* Path text kept in an event; longer paths are marked as cut. Verdicts never use this text. */
#define SBX_EVENT_PATH_MAX 1024

/* Distinct (operation, object) pairs remembered per sandbox; what does not fit is counted. */
#define SBX_MAX_EVENTS 512

/* cgroup ids hashed into a bitmap that lets unsandboxed tasks return at once. */
#define SBX_CGROUP_BITS 65536

/* System V objects made inside sandboxes, all together; the kernel's own limits are 4096 segments
 * and 32000 queues and semaphore sets each. Beyond it, making one fails. */
#define SBX_MAX_IPCS 16384

/* default hops of the automaton before a byte must be consumed */
#define SBX_MAX_HOPS 4

/* Directories whose verdicts are kept, for all sandboxes together: 768 KiB. A power of two. */
#define SBX_WHO_CACHE_SHIFT 10
#define SBX_WHO_CACHE	    (1 << SBX_WHO_CACHE_SHIFT) /* tasks whose sandbox is kept: 64 KiB */
#define SBX_DIR_CACHE_SHIFT 12
#define SBX_DIR_CACHE	    (1 << SBX_DIR_CACHE_SHIFT)

/* Peers whose grants are kept, for all sandboxes together: 64 KiB. */
#define SBX_GRANT_CACHE_SHIFT 10
#define SBX_GRANT_CACHE	      (1 << SBX_GRANT_CACHE_SHIFT)

/* Addresses that names resolved to, for all sandboxes together, and for one: beyond it the oldest
 * makes room. */
#define SBX_MAX_NAMES	  65536
#define SBX_SANDBOX_NAMES 4096

/* Port ranges that one name can open at one address. */
#define SBX_NAME_PORTS 16

/* Longest domain name in presentation form (RFC 1035: 253), and its NUL. */
#define SBX_DOMAIN_LEN 254

/* Sockets that asked for names, with who made them: the oldest are forgotten. */
#define SBX_MAX_ASKERS 4096

#define SBX_MAX_RULES 65535
#define SBX_NAME_LEN  64 /* of a sandbox, with its NUL */

#endif
