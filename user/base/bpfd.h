/* SPDX-License-Identifier: MIT */
/* How commands and sbx-bpfd find each other: a SOCK_SEQPACKET socket that root alone may use. One
 * message, one answer: "ok", or what is wrong. */
#ifndef SBX_BPFD_H
#define SBX_BPFD_H

#define SBX_BPFD_DIR	"/run/sbx-bpf"
#define SBX_BPFD_SOCKET SBX_BPFD_DIR "/bpfd.sock"
#define SBX_BPFD_LOCK	SBX_BPFD_DIR "/bpfd.lock" /* held while it runs */

#define SBX_BPFD_SYNC "sync" /* serve the sandboxes that there are now, the pending ones too */
#define SBX_BPFD_OK   "ok"
#define SBX_BPFD_MAX  4096 /* bytes of a message */

#endif
