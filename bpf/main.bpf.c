// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/* Defines the maps and the licence of the linked object. How the pieces fit: see resolve.h
 * (names), subject.h (labels), decide.h (verdicts), and one file per family of hooks. */
#define SBX_DEFINE_MAPS
#include "maps.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";
