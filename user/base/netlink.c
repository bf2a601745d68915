// SPDX-License-Identifier: MIT
#include <stddef.h>
#include <sys/socket.h>
#include <linux/netlink.h>
#include "user/base/netlink.h"

const struct sbx_netlink_word sbx_netlink_words[] = {
	{"netlink-audit", NETLINK_AUDIT},	  {"netlink-generic", NETLINK_GENERIC},
	{"netlink-netfilter", NETLINK_NETFILTER}, {"netlink-route", NETLINK_ROUTE},
	{"netlink-sock-diag", NETLINK_SOCK_DIAG}, {"netlink-uevent", NETLINK_KOBJECT_UEVENT},
	{"netlink-xfrm", NETLINK_XFRM},		  {NULL, 0},
};
