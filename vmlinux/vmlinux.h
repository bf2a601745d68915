/* SPDX-License-Identifier: MIT */
/*
 * The kernel types that bpf/ uses: just the fields that are read, found by name at load time
 * (CO-RE). Written by hand, never generated from the build host, so that a build does not depend
 * on the machine it runs on.
 */
#ifndef SBX_VMLINUX_H
#define SBX_VMLINUX_H

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u16 __le16;
typedef __u32 __le32;
typedef __u64 __le64;
typedef __u32 __wsum;
typedef __u16 __sum16;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

/* linux/bpf.h */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};

enum { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_EXIST = 2 };
enum { BPF_F_NO_PREALLOC = 1, BPF_F_MMAPABLE = 0x400, BPF_F_INNER_MAP = 0x1000 };
enum { BPF_LOCAL_STORAGE_GET_F_CREATE = 1, BPF_SK_STORAGE_GET_F_CREATE = 1 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct list_head {
	struct list_head *next, *prev;
};

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

typedef struct {
	unsigned int val;
} kuid_t;

struct super_block;
struct inode;
struct mount;

struct qstr {
	__u32 len;
	const unsigned char *name;
};

struct seqcount {
	unsigned int sequence;
};

struct seqcount_spinlock {
	struct seqcount seqcount;
};

union shortname_store {
	unsigned char string[40];
};

/* Since 6.14 the short names are in a union, and the flags are an enum with values of its own. */
struct dentry_operations {
	void *d_compare;
};

struct dentry {
	const struct dentry_operations *d_op;
	unsigned int d_flags;
	struct seqcount_spinlock d_seq;
	struct dentry *d_parent;
	struct qstr d_name;
	union shortname_store d_shortname;
	struct inode *d_inode;
	struct super_block *d_sb;
};

struct dentry___array {
	unsigned char d_iname[32];
};

enum dentry_flags { DCACHE_OP_REVALIDATE = 4 };

struct file_system_type {
	const char *name;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_flags;
	unsigned long s_magic;
	struct dentry *s_root;
	void *s_fs_info;
	void *s_encoding; /* with CONFIG_UNICODE */
};

struct inode {
	unsigned short i_mode;
	kuid_t i_uid;
	struct super_block *i_sb;
	unsigned long i_ino;
	unsigned int i_nlink;
	unsigned int i_flags;
	__u32 i_rdev;
	__u32 i_generation;
};

struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
	int mnt_flags;
};

struct mnt_namespace;
struct mnt_idmap;

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
	int mnt_id;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct cred;

struct file {
	unsigned int f_mode;
	unsigned int f_flags;
	struct path f_path;
	struct inode *f_inode;
	const struct cred *f_cred;
	void *private_data;
};

struct tty_struct {
	struct {
		struct pid *session;
	} ctrl;
};

struct tty_file_private {
	struct tty_struct *tty;
};

struct backing_file {
	struct file file;
	struct path user_path;
};

struct vm_area_struct {
	unsigned long vm_flags;
	struct file *vm_file;
};

struct task_struct;

struct mm_struct {
	struct file *exe_file;
	struct task_struct *owner;
};

struct userfaultfd_ctx {
	struct mm_struct *mm;
};

struct kernfs_node {
	__u64 id;
};

struct cgroup_root;

struct cgroup {
	struct cgroup_root *root;
	struct kernfs_node *kn;
	int level;
	struct cgroup *ancestors[];
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct xa_node {
	unsigned char shift;
	void *slots[64];
};

struct xarray {
	void *xa_head;
};

struct idr {
	struct xarray idr_rt;
};

struct pid_namespace {
	struct idr idr;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct hlist_head tasks[4];
	struct upid numbers[];
};

struct pt_regs {
	unsigned long bx;
	unsigned long dx;
	unsigned long orig_ax;
};

struct signal_struct {
	struct pid *pids[4];
};

/* In struct file itself until 6.11, apart since. */
enum pid_type {
	PIDTYPE_PID,
	PIDTYPE_TGID,
	PIDTYPE_PGID,
	PIDTYPE_SID,
};

struct fown_struct {
	struct pid *pid;
	enum pid_type pid_type;
};

struct file___owner_inside {
	struct fown_struct f_owner;
};

struct file___owner_apart {
	struct fown_struct *f_owner;
};

typedef struct {
	unsigned int val;
} kgid_t;

/* One 64-bit word since 6.3, two 32-bit words before: read as 8 bytes, never by member. */
typedef struct {
	__u64 val;
} kernel_cap_t;

struct cred {
	kuid_t uid;
	kuid_t euid;
	kgid_t egid;
	kernel_cap_t cap_permitted;
	kernel_cap_t cap_effective;
};

struct task_struct {
	unsigned int flags;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	void *stack;
	unsigned long atomic_flags;
	__u64 start_boottime;
	struct css_set *cgroups;
	const struct cred *real_cred;
	const struct cred *cred;
	struct mm_struct *mm;
	struct signal_struct *signal;
	struct hlist_node pid_links[4];
	char comm[16];
};

struct proc_inode {
	struct pid *pid;
	struct inode vfs_inode;
};

struct linux_binprm {
	struct file *file;
	struct cred *cred;
	unsigned int secureexec : 1;
};

struct iattr {
	unsigned int ia_valid;
};

struct user_namespace;

struct sockaddr {
	unsigned short sa_family;
	char sa_data[14];
};

struct in6_addr {
	union {
		__u32 u6_addr32[4];
	} in6_u;
};

struct hlist_nulls_node {
	struct hlist_nulls_node *next;
};

struct hlist_nulls_head {
	struct hlist_nulls_node *first;
};

struct inet_listen_hashbucket {
	struct hlist_nulls_head nulls_head;
};

struct inet_hashinfo {
	unsigned int lhash2_mask;
	struct inet_listen_hashbucket *lhash2;
};

struct inet_timewait_death_row {
	struct inet_hashinfo *hashinfo;
};

struct netns_ipv4 {
	struct inet_timewait_death_row tcp_death_row;
};

struct net {
	__u32 hash_mix;
	__u64 net_cookie;
	struct netns_ipv4 ipv4;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	possible_net_t skc_net;
	struct hlist_nulls_node skc_nulls_node;
	__be32 skc_rcv_saddr;
	unsigned short skc_family;
	unsigned char skc_ipv6only : 1;
	unsigned short skc_num;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock_cgroup_data {
	struct cgroup *cgroup;
};

struct sock {
	struct sock_common __sk_common;
	__u8 sk_kern_sock : 1;
	__u8 sk_userlocks : 4;
	__u16 sk_protocol;
	__u16 sk_type;
	struct sock_cgroup_data sk_cgrp_data;
};

struct socket {
	short type;
	struct sock *sk;
};

struct msghdr {
	void *msg_name;
	int msg_namelen;
	void *msg_control;
	unsigned long msg_controllen;
	unsigned int msg_flags;
};

struct sockaddr_un {
	unsigned short sun_family;
	char sun_path[108];
};

struct unix_address {
	int len;
	struct sockaddr_un name[];
};

struct unix_sock {
	struct sock sk;
	struct unix_address *addr;
	struct path path;
	struct sock *peer;
};

struct kernel_siginfo;
struct rlimit;

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

/* linux/bpf.h: part of the ABI, not found by name */
enum { BPF_F_CURRENT_NETNS = -1L };

struct bpf_sock {
	__u32 bound_dev_if; /* and more, that is not read */
};

struct bpf_sock_tuple {
	union {
		struct {
			__be32 saddr, daddr;
			__be16 sport, dport;
		} ipv4;
		struct {
			__be32 saddr[4], daddr[4];
			__be16 sport, dport;
		} ipv6;
	};
};

struct bpf_sock_addr {
	__u32 user_family;
	__u32 user_ip4; /* addresses and ports in network order */
	__u32 user_ip6[4];
	__u32 user_port;
	__u32 family;
	__u32 type;
	__u32 protocol;
	__u32 msg_src_ip4;
	__u32 msg_src_ip6[4];
	struct bpf_sock *sk __attribute__((aligned(8)));
};

/* The ABI of sockaddr_in and sockaddr_in6 (linux/in.h, linux/in6.h): user data, not relocated. */
struct sockaddr_in {
	__u16 sin_family;
	__be16 sin_port;
	__u8 sin_addr[4];
};

struct sockaddr_in6 {
	__u16 sin6_family;
	__be16 sin6_port;
	__be32 sin6_flowinfo;
	__u8 sin6_addr[16];
	__u32 sin6_scope_id;
};

#endif
