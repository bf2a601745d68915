/* SPDX-License-Identifier: MIT */
/*
 * The compiled policy ("image"): what user space writes and both the kernel and `explain` read.
 *
 * An image is 1..SBX_MAX_CHUNKS chunks of SBX_CHUNK_BYTES. Chunk 0 begins with struct
 * sbx_image_hdr. All integers are in host byte order; images never travel between machines.
 *
 * FILES. All file rules of a policy are one deterministic automaton over the bytes of canonical
 * absolute paths. "/" itself is the empty string; "/usr/bin" is the nine bytes "/usr/bin". Built-in
 * names that do not start with a slash ("@tty") are matched from the same start state. Abstract
 *unix sockets are among them, as "@unix/@name".
 *
 * A state id is (chunk << SBX_STATE_BITS) | base, with bits of what readers want to know first
 * (SBX_STATE_*). Its transitions are 8-byte struct sbx_trans at index (base + byte) of its chunk.
 *No name has the byte 0; there is the default: where every byte leads that has no transition, or,
 *of a state that *chains*, the state to ask instead; and the index, in the same chunk, of the
 *state's record, a 16-byte struct sbx_state. A step on byte c from s:
 *
 *	repeat at most SBX_MAX_HOPS times:
 *		t = trans[base(s) + c], z = trans[base(s)]
 *		if t.owner == s: return t.next
 *		if !(s & SBX_STATE_CHAINS): return z.next
 *		s = z.next
 *	error (the compiler never produces it; it denies)
 *
 * The compiler places transitions where `base + 255` stays inside the chunk and where no header
 * word can be mistaken for a transition (owner is never 0xffffffff, free slots hold owner
 * 0xffffffff). State 0xffffffff is "no state": an error, which denies.
 *
 * Rights of a state are those granted to the path that leads to it. `any`/`all` speak of the
 * state and everything that can be below it as a directory (component by component): any = union
 * of the rights, all = intersection. If (any ^ all) has a right's bit clear, the verdict for that
 * right is the same for all objects below. `cls` is equal for two states iff every path below
 * them has the same rights (rights-only minimisation): the rename rule of design 1.3. It is made of
 * the state's own rights and a number for what is below; see SBX_CLS_BELOW.
 *
 * A state is *settled* when every name that goes on from it within the component leads to the same
 * class: the rest of an object's own name need not be read. It *loops* when every byte but '/'
 *leads back to it: neither need the rest of any other component.
 *
 * A state *bars links* when, in it as a directory, a symlink by a name that no rule mentions would
 * lead past a denial: below it something may not be written that may be deeper down.
 *
 * LEAVES. state.leaf - 1 is the index of a struct sbx_leaf, which says of the names in that
 * directory: those for which sbx_leaf_differs() is false all have this class and these rights. 0:
 * no such record, every name has to be stepped through.
 *
 * Which rule decided is not in the table: rights-only states are far fewer, and user space finds
 * the rule from the path when a denial is shown (provenance is kept in the sandbox's meta blob).
 *
 * NETWORK. For each direction (connect, bind) all rules are flattened into disjoint intervals of
 * addresses, sorted by start, the first starting at 0; each names a port set. A port set is a
 * sorted list of disjoint intervals over key = (proto << 16 | port), the first starting at 0, with
 * the verdict and the deciding rule. Both are found by binary search. Last match wins, protect,
 * localhost, internet etc. are all resolved by the compiler. IPv4-mapped IPv6 addresses are looked
 * up as IPv4. Addresses are compared as big-endian numbers held in host order.
 */
#ifndef SBX_IMAGE_H
#define SBX_IMAGE_H

#include "sbx_types.h"
#include "sbx_limits.h"

#define SBX_READ       0x1
#define SBX_WRITE      0x2
#define SBX_EXEC       0x4
#define SBX_CONNECT    0x8 /* to a unix socket */
#define SBX_RIGHTS_ALL 0xf
#define SBX_RIGHT_BITS 4

#define SBX_IMAGE_MAGIC 0x49584253u /* "SBXI" */

#define SBX_STATE_BITS	    (SBX_CHUNK_SHIFT - 3)
#define SBX_STATE_BASE_MASK ((1u << SBX_STATE_BITS) - 1)
#define SBX_RECORD_MASK	    (SBX_CHUNK_BYTES / 16 - 1)
#define SBX_TRANS_PER_CHUNK (SBX_CHUNK_BYTES / 8)
#define SBX_NO_STATE	    0xffffffffu
#define SBX_STATE_LOOPS	    0x80000000u
#define SBX_STATE_SETTLED   0x40000000u
#define SBX_STATE_CHAINS    0x20000000u
#define SBX_STATE_CHUNK	    (0x1fffffffu & ~SBX_STATE_BASE_MASK)
#define SBX_TRANS_DEFAULT   0x10000000u /* in the place of an owner; in no id of ours */

/* Equal for two states iff every path strictly below them has the same rights. */
#define SBX_CLS_RIGHTS	   SBX_RIGHT_BITS /* bits of cls */
#define SBX_CLS_BELOW(cls) ((cls) >> SBX_CLS_RIGHTS)

struct sbx_state {
	__u32 cls;
	__u8 rights;
	__u8 any;
	__u8 all;
	__u8 quiet;    /* rights whose denial here is not reported one by one */
	__u32 sibling; /* class of the names in it that no rule mentions */
	__u8 leaf;     /* index + 1 into the leaves; 0: none */
	__u8 bars_links;
	__u8 pad[2];
};

struct sbx_leaf {
	__u64 bits[4];	/* first bytes of names that rules tell apart */
	__u64 heads[4]; /* SBX_LEAF_HASH of those that have three bytes or more */
	__u32 cls;
	__u8 rights, any, all, bars_links;
};

/* A name of three bytes has a fourth, that which ends it. Names that cannot be read are 0, whose
 * bits are always set. */
#define SBX_LEAF_HEAD		 4
#define SBX_LEAF_HASH(head)	 ((__u32)(head)*0x9e3779b1u >> 24)
#define SBX_LEAF_BIT(words, bit) ((words)[(bit) >> 6 & 3] >> ((bit)&63) & 1)

/*
 * May a rule tell that name from others in the directory? `head`: its first bytes, as they lie in
 * memory; behind the end of a shorter one, anything.
 */
static inline __attribute__((always_inline)) int sbx_leaf_differs(const struct sbx_leaf *leaf,
								  __u64 head, __u32 len)
{
	return SBX_LEAF_BIT(leaf->bits, head) &&
	       (len < SBX_LEAF_HEAD - 1 || SBX_LEAF_BIT(leaf->heads, SBX_LEAF_HASH(head)));
}

struct sbx_trans {
	__u32 next;  /* state id */
	__u32 owner; /* state id; of byte 0: SBX_TRANS_DEFAULT | index of the record */
};

/* One section: `count` records that all lie in one chunk, from byte `off` of it. */
struct sbx_sect {
	__u32 chunk;
	__u32 off; /* multiple of 8 */
	__u32 count;
	__u32 pad;
};

struct sbx_net4 {
	__u32 start; /* first address of the interval; it ends before the next record's start */
	__u32 pset;  /* index into the psets section */
};

struct sbx_net6 {
	__u64 hi, lo; /* first address */
	__u32 pset;
	__u32 pad;
};

struct sbx_pset {
	__u32 first; /* index into the ports section */
	__u32 count; /* >= 1 */
};

#define SBX_PROTO_TCP	    0
#define SBX_PROTO_UDP	    1
#define SBX_PORT_ALLOW	    0x1
#define SBX_PORT_QUIET	    0x2
#define SBX_PORT_SELF	    0x4	 /* allowed while one's own listen there, and nobody else */
#define SBX_PORT_TIMED	    0x8	 /* with ALLOW: by a name, for a time; never in a table */
#define SBX_PORT_DNS	    0x10 /* the forwarder is asked; never in a table */
#define SBX_PORT_VIA	    0x20 /* a proxy: sbx-bpfd's relay is reached in its place */
#define SBX_PORT_SERVED	    (SBX_PORT_DNS | SBX_PORT_VIA)
#define SBX_PORT_RULE_SHIFT 8 /* (index of the deciding network rule + 1), 0: no rule */

struct sbx_port {
	__u32 start;   /* first proto << 16 | port of the interval */
	__u32 verdict; /* SBX_PORT_* */
};

#define SBX_DIR_CONNECT 0
#define SBX_DIR_BIND	1
#define SBX_DIRS	2
#define SBX_NET6_SECTS	4 /* chunks that the IPv6 intervals of one direction may take */

struct sbx_net_dir {
	struct sbx_sect v4;		    /* struct sbx_net4 */
	struct sbx_sect v6[SBX_NET6_SECTS]; /* struct sbx_net6, in order; unused: count 0 */
	struct sbx_sect psets;		    /* struct sbx_pset */
	struct sbx_sect ports;		    /* struct sbx_port */
};

#define SBX_IMG_EXEC_ANON  0x1 /* exec-anonymous: allow */
#define SBX_IMG_MPTCP	   0x2 /* every address and port may be connected to by TCP */
#define SBX_IMG_UNIX_BINDS 0x4 /* rules speak of binding abstract unix sockets */
#define SBX_IMG_DOMAINS	   0x8 /* rules speak of names: the forwarder answers DNS */

/*
 * Capabilities that no policy can have honoured: what they open belongs to the machine, and has no
 * hook of its own (linux/capability.h). sys_module (delete_module), sys_rawio (iopl, /dev/mem,
 * commands to disks), sys_boot (reboot), sys_time (adjtimex), mknod (a device under a name that
 * the policy opens is the device all the same), audit_control, mac_override, mac_admin,
 * perfmon (since 6.16 it opens the memory maps of others, past ptrace_access_check, as sys_admin
 * does: machine.bpf.c).
 */
#define SBX_CAPS_NEVER                                                                 \
	(1ull << 16 | 1ull << 17 | 1ull << 22 | 1ull << 25 | 1ull << 27 | 1ull << 30 | \
	 1ull << 32 | 1ull << 33 | 1ull << 38)

struct sbx_image_hdr {
	__u32 magic;
	__u32 abi;
	__u64 image_id; /* set by the loader; never reused while this boot lasts */
	__u32 chunks;
	__u32 start;	/* state of the empty path, "/" */
	__u32 tty;	/* state of the built-in name "@tty" */
	__u32 flags;	/* SBX_IMG_* */
	__u64 families; /* bit AF_x: can be made, beyond inet, inet6 and unix */
	__u64 caps;	/* bit CAP_x: honoured, where SBX_CAPS_NEVER does not say otherwise */
	__u32 netlink;	/* bit NETLINK_x: can be made */
	__u32 pad;
	struct sbx_net_dir net[SBX_DIRS];
};

/* Chunk 0: the header, the leaves, then sections and states. */
#define SBX_LEAF_OFF	    1024
#define SBX_LEAF_MAX	    255
#define SBX_IMAGE_HDR_BYTES 19456

#endif
