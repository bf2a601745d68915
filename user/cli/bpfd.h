/* SPDX-License-Identifier: MIT */
/* sbx-bpfd as the commands see it: asked to serve, and started where it does not run. */
#ifndef SBX_CLI_BPFD_H
#define SBX_CLI_BPFD_H

#include <stddef.h>
#include "user/base/diag.h"

/*
 * Has the daemon serve all sandboxes whose policies name domains, those that are being attached
 * among them; starts it where it does not run. 0, or -EHOSTUNREACH with words in *d: then no name
 * resolves.
 */
int sbx_bpfd_serve(struct sbx_diags *d);

/* One request (user/base/bpfd.h). 0, -ENOENT: it does not run; -EAGAIN: it does not answer. */
int sbx_bpfd_ask(const char *request, char *reply, size_t size);

#endif
