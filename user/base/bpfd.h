/* SPDX-License-Identifier: MIT */
/* How commands and sbx-bpfd find each other: a SOCK_SEQPACKET socket that root alone may use. One
 * message, one answer: "ok" or what was asked for, else what is wrong. */
#ifndef SBX_BPFD_H
#define SBX_BPFD_H

#define SBX_BPFD_DIR	"/run/sbx-bpf"
#define SBX_BPFD_SOCKET SBX_BPFD_DIR "/bpfd.sock"
#define SBX_BPFD_LOCK	SBX_BPFD_DIR "/bpfd.lock" /* held while it runs */

#define SBX_BPFD_SYNC "sync" /* serve the sandboxes that there are now, the pending ones too */
#define SBX_BPFD_OK   "ok"
#define SBX_BPFD_CLOSED                                                                            \
	"closed" /* what was closed lately: a JSON list of {sandbox, name, address, closed, ago_s} \
		  */
#define SBX_BPFD_MAX 32768 /* bytes of a message */

#endif
