/* SPDX-License-Identifier: MIT */
#ifndef SBX_NETLINK_H
#define SBX_NETLINK_H

/* The words of `families:` for single protocols of netlink; the last one's name is NULL. */
extern const struct sbx_netlink_word {
	const char *name;
	int protocol; /* NETLINK_x */
} sbx_netlink_words[];

#endif
