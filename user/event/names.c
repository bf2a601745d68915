// SPDX-License-Identifier: MIT
/* The numbers in an event, in the words that people use for them. */
#include <fcntl.h>
#include <linux/fs.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include "user/base/caps.h"
#include "user/base/netlink.h"
#include "user/event/event.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const op_names[] = {
	[SBX_OP_READ] = "read",
	[SBX_OP_WRITE] = "write",
	[SBX_OP_EXEC] = "exec",
	[SBX_OP_MMAP_EXEC] = "mmap-exec",
	[SBX_OP_CREATE] = "create",
	[SBX_OP_REMOVE] = "remove",
	[SBX_OP_RENAME_FROM] = "rename-from",
	[SBX_OP_RENAME_TO] = "rename-to",
	[SBX_OP_LINK_FROM] = "link-from",
	[SBX_OP_LINK_TO] = "link-to",
	[SBX_OP_TRUNCATE] = "truncate",
	[SBX_OP_CHMOD] = "chmod",
	[SBX_OP_CHOWN] = "chown",
	[SBX_OP_UTIMES] = "utimes",
	[SBX_OP_SETXATTR] = "setxattr",
	[SBX_OP_GETXATTR] = "getxattr",
	[SBX_OP_IOCTL] = "ioctl",
	[SBX_OP_RECEIVE] = "receive",
	[SBX_OP_CHROOT] = "chroot",
	[SBX_OP_CONNECT] = "connect",
	[SBX_OP_SEND] = "send",
	[SBX_OP_BIND] = "bind",
	[SBX_OP_LISTEN] = "listen",
	[SBX_OP_UNIX_CONNECT] = "unix-connect",
	[SBX_OP_SOCKET] = "socket",
	[SBX_OP_MOUNT] = "mount",
	[SBX_OP_BPF] = "bpf",
	[SBX_OP_MODULE] = "module",
	[SBX_OP_PERF] = "perf",
	[SBX_OP_USERNS] = "userns",
	[SBX_OP_SYSLOG] = "syslog",
	[SBX_OP_SETTIME] = "settime",
	[SBX_OP_QUOTA] = "quota",
	[SBX_OP_CAPABILITY] = "capability",
	[SBX_OP_PTRACE] = "ptrace",
	[SBX_OP_SIGNAL] = "signal",
	[SBX_OP_TASK_CHANGE] = "task-change",
	[SBX_OP_TTY_INJECT] = "tty-inject",
	[SBX_OP_KEYRING] = "keyring",
	[SBX_OP_IPC] = "ipc",
	[SBX_OP_IO_URING] = "io-uring",
	[SBX_OP_PRIVILEGED_EXEC] = "privileged-exec",
	[SBX_OP_SOCKOPT] = "sockopt",
	[SBX_OP_SHMAT] = "shmat",
	[SBX_OP_LABEL] = "label",
	[SBX_OP_WATCH] = "watch",
	[SBX_OP_SETNS] = "setns",
	[SBX_OP_SWAP] = "swap",
	[SBX_OP_SOCKET_USE] = "socket-use",
	[SBX_OP_UNIX_BIND] = "unix-bind",
	[SBX_OP_RESOLVE] = "resolve",
	[SBX_OP_PROXY] = "proxy",
	[SBX_OP_TTY_TAKE] = "tty-take",
};

_Static_assert(COUNT(op_names) == SBX_OPS, "every operation has its name");

#define FILE_KIND    SBX_KIND_FILE
#define NET_KIND     SBX_KIND_NET
#define MACHINE_KIND SBX_KIND_MACHINE
#define TASK_KIND    SBX_KIND_TASK
#define NAME_KIND    SBX_KIND_NAME

static const struct sbx_op_info ops[] = {
#define SBX_OP(name, kind, right, verb) {NULL, verb, kind##_KIND, right},
#include "sbx_ops.def"
#undef SBX_OP
};

static const char *const why_texts[] = {
#define SBX_WHY(name, text) text,
#include "sbx_why.def"
#undef SBX_WHY
};

static const char *const why_names[] = {
	[SBX_WHY_POLICY] = "policy",
	[SBX_WHY_UNNAMED] = "unnamed",
	[SBX_WHY_DEEP] = "deep",
	[SBX_WHY_RACED] = "raced",
	[SBX_WHY_NOT_IN_SANDBOX] = "not-in-sandbox",
	[SBX_WHY_ANONYMOUS_EXEC] = "anonymous-exec",
	[SBX_WHY_WIDENS] = "widens",
	[SBX_WHY_HOLLOWS] = "hollows",
	[SBX_WHY_OTHERS_PROC] = "others-proc",
	[SBX_WHY_FAMILY] = "family",
	[SBX_WHY_OUTSIDER] = "outsider",
	[SBX_WHY_PRIVILEGE] = "privilege",
	[SBX_WHY_NESTING] = "nesting",
	[SBX_WHY_INTERNAL] = "internal",
	[SBX_WHY_FOLDS] = "folds",
	[SBX_WHY_NO_FORWARDER] = "no-forwarder",
	[SBX_WHY_NAME] = "name",
	[SBX_WHY_NAME_RATE] = "name-rate",
	[SBX_WHY_NAME_ADDRESS] = "name-address",
	[SBX_WHY_PROXY_UNSURE] = "proxy-unsure",
	[SBX_WHY_MALFORMED] = "malformed",
};

_Static_assert(COUNT(why_names) == SBX_WHYS, "every reason has its name");

struct sbx_op_info sbx_op_info(unsigned op)
{
	struct sbx_op_info info = {"unknown", "do something that this version has no name for",
				   SBX_KIND_MACHINE, 0};

	if (op < SBX_OPS) {
		info = ops[op];
		info.name = op_names[op];
	}
	return info;
}

const char *sbx_op_name(unsigned op)
{
	return sbx_op_info(op).name;
}

const char *sbx_why_name(unsigned why)
{
	return why < SBX_WHYS ? why_names[why] : "unknown";
}

const char *sbx_why_text(unsigned why)
{
	return why < SBX_WHYS ? why_texts[why] : "for a reason that this version has no name for";
}

const char *sbx_capability_name(int cap)
{
	int i;

	for (i = 0; sbx_capabilities[i]; i++)
		if (i == cap)
			return sbx_capabilities[i];
	return NULL;
}

struct name {
	unsigned number;
	const char *name;
};

static const char *name_in(const struct name *v, size_t n, unsigned number)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (v[i].number == number)
			return v[i].name;
	return NULL;
}

const char *sbx_family_name(int family)
{
	static const struct name names[] = {
		{AF_UNIX, "unix"},
		{AF_INET, "inet"},
		{AF_AX25, "ax25"},
		{AF_IPX, "ipx"},
		{AF_APPLETALK, "appletalk"},
		{AF_NETROM, "netrom"},
		{AF_ATMPVC, "atmpvc"},
		{AF_X25, "x25"},
		{AF_INET6, "inet6"},
		{AF_ROSE, "rose"},
		{AF_KEY, "key"},
		{AF_NETLINK, "netlink"},
		{AF_PACKET, "packet"},
		{AF_ATMSVC, "atmsvc"},
		{AF_RDS, "rds"},
		{AF_PPPOX, "pppox"},
		{AF_LLC, "llc"},
		{AF_IB, "ib"},
		{AF_MPLS, "mpls"},
		{AF_CAN, "can"},
		{AF_TIPC, "tipc"},
		{AF_BLUETOOTH, "bluetooth"},
		{AF_IUCV, "iucv"},
		{AF_RXRPC, "rxrpc"},
		{AF_ISDN, "isdn"},
		{AF_PHONET, "phonet"},
		{AF_IEEE802154, "ieee802154"},
		{AF_CAIF, "caif"},
		{AF_ALG, "alg"},
		{AF_NFC, "nfc"},
		{AF_VSOCK, "vsock"},
		{AF_KCM, "kcm"},
		{AF_QIPCRTR, "qipcrtr"},
		{AF_SMC, "smc"},
		{AF_XDP, "xdp"},
	};

	return name_in(names, COUNT(names), family);
}

/* The word of `families:` that opens sockets of this kind. NULL: there is none. */
const char *sbx_family_setting(int family, int protocol)
{
	static const int never[] = {AF_UNIX,  AF_INET, AF_INET6,  AF_RDS,
				    AF_RXRPC, AF_SMC,  AF_NETROM, AF_ROSE};
	const struct sbx_netlink_word *w;
	size_t i;

	if (family == AF_NETLINK) {
		for (w = sbx_netlink_words; w->name; w++)
			if (w->protocol == protocol)
				return w->name;
		return "netlink";
	}
	for (i = 0; i < COUNT(never); i++)
		if (family == never[i])
			return NULL;
	return sbx_family_name(family);
}

/* Of the inet families. */
const char *sbx_protocol_name(int protocol)
{
	static const struct name names[] = {
		{IPPROTO_ICMP, "icmp"}, {IPPROTO_DCCP, "dccp"},	      {IPPROTO_ICMPV6, "icmpv6"},
		{IPPROTO_SCTP, "sctp"}, {IPPROTO_UDPLITE, "udplite"}, {IPPROTO_MPTCP, "mptcp"},
	};

	return name_in(names, COUNT(names), protocol);
}

const char *sbx_socktype_name(int type)
{
	static const struct name names[] = {
		{SOCK_STREAM, "stream"}, {SOCK_DGRAM, "datagram"},	{SOCK_RAW, "raw"},
		{SOCK_RDM, "rdm"},	 {SOCK_SEQPACKET, "seqpacket"}, {SOCK_DCCP, "dccp"},
		{SOCK_PACKET, "packet"},
	};

	return name_in(names, COUNT(names), type);
}

const char *sbx_request_name(unsigned op, int detail)
{
	static const struct name ioctls[] = {
		{TIOCSTI, "TIOCSTI"},
		{0x541c, "TIOCLINUX"},
		{TIOCSETD, "TIOCSETD"},
		{TIOCCONS, "TIOCCONS"},
		{TIOCSCTTY, "TIOCSCTTY"},
		{TIOCVHANGUP, "TIOCVHANGUP"},
		{FIOSETOWN, "FIOSETOWN"},
		{SIOCSPGRP, "SIOCSPGRP"},
		{FS_IOC_SETFLAGS, "FS_IOC_SETFLAGS"},
		{FS_IOC_FSSETXATTR, "FS_IOC_FSSETXATTR"},
		{FS_IOC_SETVERSION, "FS_IOC_SETVERSION"},
		{FS_IOC_SETFSLABEL, "FS_IOC_SETFSLABEL"},
		{FICLONE, "FICLONE"},
		{FICLONERANGE, "FICLONERANGE"},
		{FIDEDUPERANGE, "FIDEDUPERANGE"},
		{FITRIM, "FITRIM"},
		{FIFREEZE, "FIFREEZE"},
		{FITHAW, "FITHAW"},
		{0xc028660f, "EXT4_IOC_MOVE_EXT"},
	};
	static const struct name fcntls[] = {
		{F_SETOWN, "F_SETOWN"},
		{F_SETOWN_EX, "F_SETOWN_EX"},
		{FIOSETOWN, "FIOSETOWN"},
		{SIOCSPGRP, "SIOCSPGRP"},
	};
	static const struct name options[] = {
		{IP_RETOPTS, "a source route or routing header on a message"},
		{SOL_IP << 16 | IP_OPTIONS, "IP_OPTIONS"},
		{SOL_IPV6 << 16 | IPV6_RTHDR, "IPV6_RTHDR"},
		{SOL_IPV6 << 16 | IPV6_2292RTHDR, "IPV6_2292RTHDR"},
		{SOL_IPV6 << 16 | 32, "IPV6_FLOWLABEL_MGR"},
		{SOL_IPV6 << 16 | IPV6_2292PKTOPTIONS, "IPV6_2292PKTOPTIONS"},
		{SOL_SOCKET << 16 | SO_BINDTODEVICE, "SO_BINDTODEVICE"},
		{SOL_SOCKET << 16 | 62, "SO_BINDTOIFINDEX"},
		{SOL_IP << 16 | IP_UNICAST_IF, "IP_UNICAST_IF"},
		{SOL_IPV6 << 16 | IPV6_UNICAST_IF, "IPV6_UNICAST_IF"},
		{SOL_IPV6 << 16 | IPV6_PKTINFO, "an interface in IP_PKTINFO or IPV6_PKTINFO"},
		{SYS_sendmmsg, "several addresses in one sendmmsg"},
		{IP_PKTINFO, "IP_PKTINFO with the address 0.0.0.0"},
	};

	switch (op) {
	case SBX_OP_IOCTL:
	case SBX_OP_TTY_INJECT:
		return name_in(ioctls, COUNT(ioctls), detail);
	case SBX_OP_TTY_TAKE: /* -1: no ioctl */
		return detail == -1 ? "vhangup" : name_in(ioctls, COUNT(ioctls), detail);
	case SBX_OP_SIGNAL:
		return name_in(fcntls, COUNT(fcntls), detail);
	case SBX_OP_SOCKOPT:
		return name_in(options, COUNT(options), detail);
	}
	return NULL;
}
