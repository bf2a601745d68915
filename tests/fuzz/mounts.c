// SPDX-License-Identifier: MIT
/* Any bytes as /proc/PID/mountinfo: users choose the names of mount points. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "user/policy/mounts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sbx_mounts m = {0};
	FILE *in;
	size_t i;

	if (!size)
		return 0;
	in = fmemopen((void *)data, size, "r");
	if (!in)
		return 0;
	if (!sbx_mounts_parse(in, &m)) {
		for (i = 0; i < m.n; i++)
			if (!m.v[i].dev || !m.v[i].root || !m.v[i].point || !m.v[i].type)
				abort();
		sbx_mounts_free(&m);
	}
	fclose(in);
	return 0;
}
